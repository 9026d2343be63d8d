"""The station's disk is full at the worst moment: what the operator was told is what is so, then and later."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from core.errors import Refused, Unavailable
from core.store.voided import Voided
from tests.store.rig import ALICE, TABLES, Station, ask, declared


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def station(database_url: str, admin_url: str, ops: SimpleNamespace, tmp_path: Path) -> Iterator[Station]:
    ask(admin_url, TABLES)
    opened = Station(database_url, tmp_path)
    opened.wait(True)
    yield opened
    opened.close()


@pytest.fixture
def thing(station: Station, ops: SimpleNamespace) -> UUID:
    created = station.door.do(ops.create, ALICE, {"name": "a thing"})
    station.door.ask(ops.list, ALICE, {})
    return created.view.id


def _count(admin: str, thing: UUID) -> int:
    return int(ask(admin, "SELECT count FROM genba.test_thing WHERE id = %s", thing)[0][0])


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """No file of this process may grow: what a full disk does to the journal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_done_is_told_as_done_although_the_disk_filled_up_meanwhile(
    station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """Kept, committed, and then there was no room to say so: told "nothing was kept" the person would enter it a second time."""
    with full_after_append(station, monkeypatch):
        done = station.door.do(ops.count, ALICE, {"thing_id": thing})
        with contextlib.suppress(Unavailable):
            station.readstore._file.call(lambda _: None)  # it writes behind the screen: that is over as well
    assert (done.state, _count(admin_url, thing)) == ("applied", 1)
    assert len(station.journal.waiting()) == station.door.waiting == 1
    expect_log(r"is applied, and the journal could not take that down")
    expect_log(r"the read store cannot be written")
    assert station.door.apply_waiting().waiting == 0
    assert _count(admin_url, thing) == 1


def test_what_was_refused_stays_refused_although_the_disk_filled_up_meanwhile(
    station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """The entry could not be removed: it must not be applied later behind the back of the person who was told no."""
    station.door.do(ops.close, ALICE, {"thing_id": thing})
    with full_after_append(station, monkeypatch), pytest.raises(Refused) as told:
        station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 13})
    assert told.value.code == "store.fact_kept"
    expect_log(r"was refused, and the journal could not take that down")
    ask(admin_url, "UPDATE genba.test_thing SET open = true WHERE id = %s", thing)
    assert station.door.apply_waiting().waiting == 0
    assert (_count(admin_url, thing), station.door.attending.entries()) == (0, [])


def test_what_was_refused_stays_refused_after_the_program_has_ended(
    station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """Killed before there was room again: the next run finds the entry in flight, and must not send it."""
    station.door.do(ops.close, ALICE, {"thing_id": thing})
    with full_after_append(station, monkeypatch):
        with pytest.raises(Refused):
            station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 13})
        expect_log(r"was refused, and the journal could not take that down: ")
        station.stop()
    ask(admin_url, "UPDATE genba.test_thing SET open = true WHERE id = %s", thing)
    station.start()
    station.wait(True)
    assert station.door.apply_waiting().waiting == 0
    assert (_count(admin_url, thing), station.door.attending.entries()) == (0, [])
    assert station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 13}).state == "applied"
    assert _count(admin_url, thing) == 13


def test_what_was_not_done_when_the_database_went_as_well_is_not_done_later(
    station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """The disk is full, the database is gone: nobody can be told but the person, and he was told that nothing was done."""
    station.readstore.close()
    monkeypatch.setattr(station.readstore, "entity", lambda *_: None)  # nothing is known of it here, so nothing can be kept
    monkeypatch.setattr(station.door._previews, "now", dict)

    def gone(*_: Any) -> None:
        raise Unavailable("store.away", unknown=False)

    with full_after_append(station, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(station.door, "_run", gone)
            with pytest.raises(Refused):
                station.door.do(ops.count, ALICE, {"thing_id": thing})
        station.database.close(0.2)
        station.journal.close()
    expect_log(r"was refused, and the journal could not take that down: ")
    monkeypatch.undo()
    station.start()
    station.wait(True)
    assert station.door.apply_waiting().waiting == 0
    assert (_count(admin_url, thing), station.door.attending.entries()) == (0, [])


def test_places_of_what_is_gone_are_used_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.voided"
    keys = [UUID(int=n + 1) for n in range(300)]
    voided = Voided(path)
    assert [voided.add(key) for key in keys] == [True] * 256 + [False] * 44
    assert all(key in voided for key in keys), "what has no place is remembered until the program ends"
    assert [key in Voided(path) for key in keys] == [True] * 256 + [False] * 44
    voided.discard(keys[7])
    assert keys[7] not in Voided(path)
    assert voided.add(UUID(int=1000))
    assert UUID(int=1000) in Voided(path)
    path.write_bytes(b"rubbish")
    assert keys[0] not in Voided(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_marked_waits_for_room(station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str, expect_log: Any) -> None:
    expect_log(r"database is down")
    station.lose()
    assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "waiting"
    station.back()
    with no_room():
        assert station.door.apply_waiting().waiting == 1
        with pytest.raises(Unavailable) as told:
            station.door.do(ops.count, ALICE, {"thing_id": thing})
    assert told.value.code == "store.journal_full"
    assert station.door.apply_waiting().waiting == 0
    assert _count(admin_url, thing) == 1


@contextlib.contextmanager
def full_after_append(station: Station, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The disk fills up between keeping a decision and noting what became of it."""
    with contextlib.ExitStack() as stack, monkeypatch.context() as patched:
        append = station.journal.append

        def last(*args: Any, **more: Any) -> None:
            append(*args, **more)
            stack.enter_context(no_room())

        patched.setattr(station.journal, "append", last)
        yield
