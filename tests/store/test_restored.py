"""A backup is brought back under stations that went on after it was made: what they had booked since comes back by itself, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from core.clock import SystemClock
from core.store import audit, backup, dialling, schema
from core.store.base import Db
from core.store.lineage import Lineage, read_lineage
from core.store.operation import Secret, Signature
from core.store.restore import restore
from tests.postgres import TestServer
from tests.store.rig import ALICE, DECLARED, GOOD_PIN, TABLES, THINGS, Station, ask, declared

AGAIN = "applied entries are not in this database"
MAYBE_DOWN = "|database is down"
"""Whoever asks for the name the moment it changes hands is told that there is none."""


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def place(postgres: TestServer) -> Iterator[str]:
    """Name of a database that backups of it may replace; all of them are gone afterwards."""
    with postgres.migrated_database() as name:
        admin = postgres.admin_url(name)
        ask(admin, TABLES)
        for table in THINGS:
            ask(admin, f"ALTER TABLE genba.{table} OWNER TO genba_owner")
        yield name
        kept = ask(postgres.admin_url("postgres"), "SELECT datname FROM pg_database WHERE datname LIKE %s", f"{name}\\_before\\_%")
        for (one,) in kept:
            postgres.run(f'DROP DATABASE "{one}" WITH (FORCE)')


@pytest.fixture
def station(postgres: TestServer, place: str, tmp_path: Path, ops: SimpleNamespace) -> Iterator[Station]:
    (tmp_path / "station").mkdir()
    one = Station(postgres.station_url(place), tmp_path / "station")
    one.wait(True)
    yield one
    one.close()


@pytest.fixture(autouse=True)
def _declared_by_the_upgrade(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The upgrade that a restore ends with tells the database the operations of the program; those of the tests are not in it."""
    upgrade = schema.upgrade

    def with_ours(url: str, **more: bool) -> object:
        done = upgrade(url, **more)
        ask(url, DECLARED)
        return done

    monkeypatch.setattr(schema, "upgrade", with_ours)


def booked(admin: str) -> dict[UUID, int]:
    """Request → how often it was applied, by what it changed."""
    found = ask(admin, "SELECT request_id, count(*) FROM genba.test_entry GROUP BY request_id")
    return {request_id: int(times) for request_id, times in found}


def home_coming(station: Station) -> None:
    """Everything that waits, or must be looked for, is in, or needs a person."""
    end = time.monotonic() + 60
    while not (station.database.up and station.door._failover.settled and not station.door.waiting):
        assert time.monotonic() < end, "did not come home"
        station.database._lanes["listen"].poke(idle=True)
        station.door.apply_waiting()
        time.sleep(0.02)


def bring_back(admin: str, folder: Path, name: str, station: Station | None = None) -> None:
    """Restore, and wait until ``station``, which was cut off for it, has asked the new database."""
    before = station.database._lanes["listen"].generation if station else 0
    assert restore(admin, folder, SystemClock(), replace=name, embedded=True).kept
    end = time.monotonic() + 60
    while station and (station.database._lanes["listen"].generation == before or not station.database.up):
        assert time.monotonic() < end, "it was not cut off"
        station.database._lanes["listen"].poke(idle=True)
        time.sleep(0.02)


def work_and_restore(
    station: Station, ops: SimpleNamespace, admin: str, place: str, folder: Path, *, off: bool = False
) -> tuple[UUID, set[UUID]]:
    """(thing, everything that was confirmed about it): three before the backup, five after it and a new name; then it is brought back."""
    thing = station.door.do(ops.create, ALICE, {"name": "before"}).view.id
    told = [station.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(3)]
    made, _ = backup.make(admin, folder, "ST1")
    told += [station.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(5)]
    told.append(station.door.do(ops.rename, ALICE, {"thing_id": thing, "name": "after"}))
    assert {done.state for done in told} == {"applied"}
    if off:
        station.stop()
    bring_back(admin, made, place, None if off else station)
    if off:
        station.start()
    home_coming(station)
    return thing, {done.request_id for done in told}


def test_what_was_booked_since_the_backup_is_booked_again_exactly_once(
    postgres: TestServer, place: str, station: Station, ops: SimpleNamespace, tmp_path: Path, expect_log: Any
) -> None:
    expect_log(f"6 of 10 {AGAIN}{MAYBE_DOWN}")
    admin = postgres.admin_url(place)
    thing, confirmed = work_and_restore(station, ops, admin, place, tmp_path)
    assert booked(admin) == dict.fromkeys(confirmed, 1)
    assert ask(admin, "SELECT name, count FROM genba.test_thing WHERE id = %s", thing) == [("after", 8)]
    assert station.door.attending.entries() == []
    engine = create_engine(admin, poolclass=NullPool)
    try:
        with Db(engine) as db:
            assert audit.verify(db).findings == ()
    finally:
        engine.dispose()
    # The newer copy knows them all: nothing is booked a third time.
    made, _ = backup.make(admin, tmp_path / "again", "ST1")
    bring_back(admin, made, place, station)
    home_coming(station)
    assert booked(admin) == dict.fromkeys(confirmed, 1)


def test_a_station_that_was_off_meanwhile_does_it_when_it_is_started(
    postgres: TestServer, place: str, station: Station, ops: SimpleNamespace, tmp_path: Path, expect_log: Any
) -> None:
    expect_log(f"1 of 2 {AGAIN}")
    admin = postgres.admin_url(place)
    thing = station.door.do(ops.create, ALICE, {"name": "before"}).view.id
    made, _ = backup.make(admin, tmp_path, "ST1")
    last = station.door.do(ops.count, ALICE, {"thing_id": thing})
    station.stop()
    bring_back(admin, made, place)
    station.start()
    home_coming(station)
    assert booked(admin) == {last.request_id: 1}


def test_what_was_signed_since_is_shown_to_a_person(
    postgres: TestServer, place: str, station: Station, ops: SimpleNamespace, tmp_path: Path, expect_log: Any
) -> None:
    """A signature proves one moment: no program repeats it."""
    expect_log(AGAIN + MAYBE_DOWN)
    admin = postgres.admin_url(place)
    thing = station.door.do(ops.create, ALICE, {"name": "signed"}).view.id
    made, _ = backup.make(admin, tmp_path, "ST1")
    signature = Signature("approval", "alice", Secret(GOOD_PIN))
    signed = station.door.do(ops.set_pin, ALICE, {"thing_id": thing, "pin": Secret("1")}, signature)
    bring_back(admin, made, place, station)
    home_coming(station)
    (entry,) = station.door.attending.entries()
    assert (entry.request.id, entry.refusal["code"]) == (signed.request_id, "store.lost_with_server")


def test_without_the_number_of_the_database_it_is_lost(
    postgres: TestServer, place: str, station: Station, ops: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: the server alone looks the same before and after a restore."""
    monkeypatch.setattr(dialling, "Lineage", lambda system, timeline, database: Lineage(system, timeline))
    station.restart()
    station.wait(True)
    admin = postgres.admin_url(place)
    _, confirmed = work_and_restore(station, ops, admin, place, tmp_path, off=True)
    assert len(confirmed - booked(admin).keys()) == 6


def test_a_lineage_reads_as_it_was_written_with_the_database_or_without() -> None:
    for text in ("7512345678901234567/3", "7512345678901234567/3/16401"):
        assert str(read_lineage(text)) == text
    assert read_lineage("7/3/16401").server == read_lineage("7/3")
