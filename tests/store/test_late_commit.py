"""A commit that arrives after its station has asked whether it did: the answer waits for it, or takes its place for good."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.errors import NotConfirmed
from tests.postgres import plain
from tests.store.rig import ALICE, TABLES, Station, ask, declared

_ON_ITS_WAY = """
INSERT INTO genba.request (id, operation, kind, station, user_code, decided_at, args, result)
VALUES (%s, 'test:thing:rename', 'intent', 'ST1', 'alice', now(), '{}', 'null')
"""


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
def unknown(station: Station, ops: SimpleNamespace, expect_log: Any) -> UUID:
    """A decision whose commit was lost on the way, as far as the station can tell."""
    expect_log(r"database is down", surely=False)  # it may be back before anybody has looked
    created = station.door.do(ops.create, ALICE, {"name": "a thing"})
    station.proxy.lose("before")
    with pytest.raises(NotConfirmed):
        station.door.do(ops.rename, ALICE, {"thing_id": created.view.id, "name": "another"})
    station.back()
    return station.journal.waiting()[0].request.id


def comes_home(station: Station) -> None:
    """Nothing waits any more; the connection may have to be made first."""
    end = time.monotonic() + 60
    while station.door.apply_waiting().waiting:
        assert time.monotonic() < end, "it still waits"
        time.sleep(0.05)


def test_an_answer_waits_for_the_commit_that_is_on_its_way(station: Station, unknown: UUID, admin_url: str) -> None:
    with psycopg.connect(plain(admin_url)) as late:
        late.execute(_ON_ITS_WAY, (unknown,))
        assert station.door.apply_waiting().waiting == 1, "nobody can know yet"
        late.commit()
    comes_home(station)
    assert station.door.attending.entries() == []


def test_a_commit_that_comes_after_the_answer_finds_its_place_taken(station: Station, unknown: UUID, admin_url: str) -> None:
    comes_home(station)
    (entry,) = station.door.attending.entries()
    assert (entry.request.id, entry.refusal["code"]) == (unknown, "store.not_applied")
    with psycopg.connect(plain(admin_url)) as late:
        taken = late.execute(f"{_ON_ITS_WAY} ON CONFLICT (id) DO NOTHING", (unknown,))
        assert taken.rowcount == 0
    assert station.door.attending.retry(unknown).waiting == 0
    assert len(station.door.attending.entries()) == 1
    told = ask(admin_url, "SELECT outcome FROM genba.audit WHERE request_id = %s", unknown)
    assert told == [("refused",)], "who looks for it in the audit finds what became of it"
