"""A station was updated, decided something, and was put back to the older program: what it cannot read waits for the newer one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.store import journalrows
from core.store.journal import Journal
from core.store.operation import OPERATIONS, Request
from tests.store.rig import ALICE, TABLES, Station, ask, declared
from tests.store.test_full_disk import _count as counted
from tests.store.test_journal import ACTOR, _request

CLOCK = SystemClock()


class NewerRequest(Request):
    """As a later version of the program might keep it."""

    priority: int = 0


def as_newer(journal: Journal, *requests: UUID) -> None:
    """Let these entries be what a newer program would have written."""

    def rewrite(file: Any) -> None:
        for row in file.execute(journalrows.SELECT).fetchall():
            if UUID(row[1]) in requests:
                told = json.dumps(json.loads(row[3]) | {"priority": 3})
                whole = (*row[1:3], told, *row[4:9])
                file.execute("UPDATE entry SET request = ?, checksum = ? WHERE n = ?", (told, journalrows.checksum(whole), row[0]))

    journal._file.call(rewrite)


@pytest.fixture
def newer_is_back(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda: monkeypatch.setattr(journalrows, "Request", NewerRequest)


def test_what_only_a_newer_program_can_read_stands_apart_until_it_is_back(tmp_path: Path, newer_is_back: Any) -> None:
    journal = Journal(tmp_path / "journal.db", CLOCK)
    states = ["new", "inflight", "unknown", "parked", "applied", "new"]
    ids = []
    for state in states:
        request = _request()
        journal.append(request, ACTOR, "new")
        refusal = {"kind": "refused", "code": "order.not_legal", "params": {}} if state == "parked" else None
        journal.mark(request.id, state, refusal=refusal)  # type: ignore[arg-type]
        ids.append(request.id)
    as_newer(journal, *ids[:5])
    journal.close()
    for _ in range(2):  # also a second start does not make it more
        journal = Journal(tmp_path / "journal.db", CLOCK)
        assert (journal.waiting_count, journal.apart_count) == (1, 4)
        assert [entry.request.id for entry in journal.waiting()] == ids[5:]
        assert journal.parked() == []
        journal.close()
    newer_is_back()
    journal = Journal(tmp_path / "journal.db", CLOCK)
    assert [(entry.request.id, entry.state) for entry in journal.waiting()] == list(
        zip([*ids[:3], ids[5]], ["new", "unknown", "unknown", "new"], strict=True)
    ), "in their old places"
    (parked,) = journal.parked()
    assert (parked.request.id, parked.refusal["code"]) == (ids[3], "order.not_legal")
    assert (journal.waiting_count, journal.apart_count) == (4, 0)
    journal.close()


def test_what_was_applied_by_a_newer_program_and_lost_by_the_server_stands_apart_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", CLOCK)
    request = _request()
    journal.append(request, ACTOR, "new")
    journal.mark(request.id, "applied", lineage="1/1")
    as_newer(journal, request.id)
    journal.looked_for("1/2", [], [request.id])
    assert journal.waiting() == []
    assert (journal.waiting_count, journal.apart_count) == (0, 1)
    journal.close()


def test_a_damaged_file_is_rescued_with_what_a_newer_program_left(tmp_path: Path, newer_is_back: Any, expect_log: Any) -> None:
    journal = Journal(tmp_path / "journal.db", CLOCK)
    requests = [_request(str(n)) for n in range(3)]
    for request in requests:
        journal.append(request, ACTOR, "new")
    as_newer(journal, requests[0].id)
    journal._file.call(lambda file: file.execute("UPDATE entry SET actor = 'x' WHERE id = ?", (str(requests[2].id),)))
    expect_log("2 rows saved, 1 lost")
    assert [entry.request.id for entry in journal.waiting()] == [requests[1].id]
    assert (journal.rows_lost, journal.apart_count) == (1, 1)
    journal.close()
    newer_is_back()
    journal = Journal(tmp_path / "journal.db", CLOCK)
    assert [entry.request.id for entry in journal.waiting()] == [requests[0].id, requests[1].id]
    journal.close()


# With the database ---------------------------------------------------------------------------------------------------


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


def test_other_work_goes_on_and_it_is_sent_when_the_newer_program_is_back(
    station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str, newer_is_back: Any
) -> None:
    station.lose()
    first = station.door.do(ops.count, ALICE, {"thing_id": thing, "by": 5}).request_id
    as_newer(station.journal, first)
    station.stop()
    station.start()
    station.back()
    assert station.door.apply_waiting().waiting == 0
    assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "applied"
    assert station.door.do(ops.rename, ALICE, {"thing_id": thing, "name": "goes on"}).view.name == "goes on"
    assert (counted(admin_url, thing), station.journal.apart_count) == (1, 1)
    station.stop()
    newer_is_back()
    station.start()
    station.wait(True)
    assert station.door.apply_waiting().waiting == 0
    assert (counted(admin_url, thing), station.journal.apart_count, station.door.attending.entries()) == (6, 0, [])


def test_an_operation_that_an_older_program_does_not_know_is_sent_by_the_newer_one(
    station: Station, ops: SimpleNamespace, thing: UUID, admin_url: str
) -> None:
    station.lose()
    station.door.do(ops.count, ALICE, {"thing_id": thing})
    known = OPERATIONS.pop("test:thing:count")
    station.stop()
    station.start()
    station.back()
    assert station.door.apply_waiting().parked == 1
    (entry,) = station.door.attending.entries()
    assert entry.refusal["code"] == "store.version_unknown"
    station.stop()
    OPERATIONS["test:thing:count"] = known
    station.start()
    station.wait(True)
    assert station.door.apply_waiting().waiting == 0
    assert (counted(admin_url, thing), station.door.attending.entries()) == (1, [])
