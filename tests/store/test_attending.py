"""What needs a person is dealt with in several steps; wherever the station ends in between, nothing of it is done twice or forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from core.errors import GenbaError
from tests.store.rig import ALICE, TABLES, Station, ask, declared


class Ended(BaseException):
    """The program ends here, as by kill -9: nobody catches it and nothing more is written."""


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def station(database_url: str, admin_url: str, ops: SimpleNamespace, tmp_path: Path, expect_log: Any) -> Iterator[Station]:
    expect_log("database is down")
    ask(admin_url, TABLES)
    opened = Station(database_url, tmp_path)
    opened.wait(True)
    yield opened
    opened.close()


@pytest.fixture
def thing(station: Station, ops: SimpleNamespace) -> UUID:
    made = station.door.do(ops.create, ALICE, {"name": "thing"}).view.id
    station.door.ask(ops.list, ALICE, {})
    return made


@pytest.fixture
def overtaken(station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str) -> UUID:
    """The thing was to be closed in the dark and somebody else closed it meanwhile; then it was opened again."""
    station.lose()
    decided = station.door.do(ops.close, ALICE, {"thing_id": thing}).request_id
    ask(admin_url, "UPDATE genba.test_thing SET open = false WHERE id = %s", thing)
    station.back()
    assert station.door.apply_waiting().parked == 1
    reopen(admin_url)
    return decided


def reopen(admin: str) -> None:
    ask(admin, "UPDATE genba.test_thing SET open = true")


def closed(admin: str) -> int:
    """How often it was closed by a request."""
    return int(ask(admin, "SELECT count(*) FROM genba.test_entry")[0][0])


ENDS = {
    "kept, not applied": ("door", "_run"),
    "applied, not settled": ("attending", "settle"),
    "settled, still on the list": ("journal", "forget"),
}


@pytest.mark.parametrize("where", ENDS)
def test_a_station_that_ends_while_it_applies_anew_books_nothing_twice(
    station: Station, thing: UUID, overtaken: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    owner, verb = ENDS[where]
    place = {"door": station.door, "attending": station.door.attending, "journal": station.journal}[owner]

    def end(*_: object, **__: object) -> None:
        raise Ended

    with monkeypatch.context() as patched:
        patched.setattr(place, verb, end)
        with pytest.raises(Ended):
            station.door.attending.apply_anew(overtaken, ALICE, "it is to be closed")
    station.restart()
    station.wait(True)
    assert station.door.apply_waiting().waiting == 0
    assert closed(admin_url) == 1
    assert [entry.request.id for entry in station.door.attending.entries()] == [overtaken], "whoever looks finds it still there"
    reopen(admin_url)  # so that the rules would let it be closed once more
    done = station.door.attending.apply_anew(overtaken, ALICE, "it is to be closed")
    assert (done.state, done.view.open) == ("applied", False)
    assert closed(admin_url) == 1
    assert station.door.attending.entries() == []
    told = "SELECT DISTINCT r.args ->> 'outcome' FROM genba.request r WHERE r.args ->> 'request_id' = %s"
    assert ask(admin_url, told, str(overtaken)) == [("applied",)]


def test_what_was_applied_anew_and_came_too_late_again_stands_on_the_list_for_itself(
    station: Station, thing: UUID, overtaken: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object, **__: object) -> None:
        raise Ended

    with monkeypatch.context() as patched:
        patched.setattr(station.door, "_run", end)
        with pytest.raises(Ended):
            station.door.attending.apply_anew(overtaken, ALICE, "it is to be closed")
    ask(admin_url, "UPDATE genba.test_thing SET open = false")
    station.restart()
    station.wait(True)
    assert station.door.apply_waiting().parked == 1
    reopen(admin_url)
    first, second = (entry.request.id for entry in station.door.attending.entries())
    assert first == overtaken
    with pytest.raises(GenbaError) as told:
        station.door.attending.apply_anew(first, ALICE, "once more")
    assert told.value.code == "store.no_right"  # as the test's operation says that it is closed already
    assert [entry.request.id for entry in station.door.attending.entries()] == [first, second]
    station.door.attending.apply_anew(second, ALICE, "once more")
    station.door.attending.settle(first, ALICE, "changed", "closed by the other one")
    assert (station.door.attending.entries(), closed(admin_url)) == ([], 1)
