"""A server that dies and comes back, has no room on its disk, or no connection to give; and a station without the guard for it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from core.errors import GenbaError, Refused, Unavailable
from core.store import logins
from core.store.engine import Database
from core.store.lane import Job, Lane
from core.store.programs import binaries
from core.store.schema import upgrade
from tests.faults.servers import Servers
from tests.postgres import plain
from tests.store.rig import ALICE, TABLES, Station, ask, declared

PATIENCE_S = 60.0
pytestmark = pytest.mark.timeout(300)
LOGIN, PASSWORD = "panel", "p a%s's"
_ROOM = 40
"""Connections of the server; some of them are its administrator's."""
_NEEDS_ROOM = """
CREATE TABLE genba.test_ballast (id bigint GENERATED ALWAYS AS IDENTITY, filling text);
ALTER TABLE genba.test_ballast ALTER filling SET STORAGE EXTERNAL;
CREATE FUNCTION genba.test_fill() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
    'BEGIN INSERT INTO genba.test_ballast (filling) VALUES (repeat(''x'', 200000)); RETURN NEW; END';
CREATE TRIGGER test_fill BEFORE INSERT ON genba.test_entry FOR EACH ROW EXECUTE FUNCTION genba.test_fill()
"""
"""Every count takes 200 kB of the server's disk."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    one = Servers(tmp_path_factory.mktemp("plant"), binaries(), pair=False)
    try:
        one.start()
        one.primary.run(f"ALTER SYSTEM SET max_connections = {_ROOM}")
        one.primary.stop()
        one.primary.start()
        one.primary.run("CREATE DATABASE genba")
        upgrade(one.primary.url("genba"))
        logins.add_local(one.primary.url("genba"), LOGIN, PASSWORD)
        one.primary.run("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        for statement in (TABLES, _NEEDS_ROOM):
            one.primary.run(statement, "genba")
        yield one
    finally:
        one.remove()


@pytest.fixture
def owner(servers: Servers) -> str:
    return servers.primary.url("genba")


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def station(servers: Servers, owner: str, ops: SimpleNamespace, tmp_path: Path) -> Iterator[Station]:
    address = f"postgresql+psycopg://{LOGIN}:{quote(PASSWORD, safe='')}@/genba?host=127.0.0.1&port={servers.primary.port}"
    one = Station(address, tmp_path, owner)
    try:
        one.wait(True)
        yield one
    finally:
        one.close()


@pytest.fixture
def thing(station: Station, ops: SimpleNamespace, tmp_path: Path) -> UUID:
    made = station.door.do(ops.create, ALICE, {"name": tmp_path.name}).view.id
    station.door.ask(ops.list, ALICE, {})
    return UUID(str(made))


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def home_coming(station: Station) -> None:
    """Everything that waits is in, or needs a person."""
    end = time.monotonic() + PATIENCE_S
    while not (station.database.up and station.door._failover.settled and not station.door.waiting):
        assert time.monotonic() < end, "did not come home"
        station.database._lanes["listen"].poke(idle=True)
        station.door.apply_waiting()
        time.sleep(0.05)


def booked(owner: str, thing: UUID) -> list[UUID]:
    return [request for (request,) in ask(owner, "SELECT request_id FROM genba.test_entry WHERE thing_id = %s ORDER BY id", thing)]


# ---- killed, and back in place ---------------------------------------------------------------------------------------


def test_a_killed_server_that_comes_back_gets_what_was_decided_meanwhile(
    servers: Servers, station: Station, ops: SimpleNamespace, thing: UUID, owner: str, expect_log: Any
) -> None:
    expect_log("database is down")
    done = [station.door.do(ops.count, ALICE, {"thing_id": thing})]
    servers.primary.kill()
    done += [station.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(3)]
    station.wait(False)
    servers.primary.start()
    home_coming(station)
    assert [one.state for one in done] == ["applied", "waiting", "waiting", "waiting"]
    assert booked(owner, thing) == [one.request_id for one in done]
    assert station.door.attending.entries() == []


def test_without_trying_again_a_server_that_is_back_is_never_found(
    servers: Servers, station: Station, ops: SimpleNamespace, thing: UUID, owner: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    expect_log("database is down")
    beat = Database._beat
    was_up: list[bool] = []

    def once(self: Database) -> float:
        was_up.extend([True] * self.state.up)
        return 3_600.0 if was_up and not self.state.up else beat(self)

    monkeypatch.setattr(Database, "_beat", once)
    station.restart()
    station.wait(True)
    servers.primary.kill()
    station.wait(False)
    done = station.door.do(ops.count, ALICE, {"thing_id": thing})
    servers.primary.start()
    for _ in range(20):  # far longer than a station takes that tries again
        station.database._lanes["listen"].poke(idle=True)
        station.door.apply_waiting()
        time.sleep(0.2)
    assert not station.database.up
    assert (done.state, booked(owner, thing)) == ("waiting", [])


# ---- no room on its disk ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(servers: Servers) -> Iterator[Servers]:
    """The server's disk, which has room again afterwards."""
    if not servers.disks:
        pytest.skip("only root mounts a small disk")
    yield servers
    servers.free()


def counted_until_it_waits(station: Station, ops: SimpleNamespace, thing: UUID) -> list[UUID]:
    """What was told as kept, until the server had no room any more and three more decisions had to wait."""
    told, waiting = [], 0
    end = time.monotonic() + PATIENCE_S
    while waiting < 3:
        assert time.monotonic() < end, "the disk was never full"
        done = station.door.do(ops.count, ALICE, {"thing_id": thing})
        told.append(done.request_id)
        waiting += done.state == "waiting"
    return told


def test_while_the_servers_disk_is_full_decisions_wait(
    small_disk: Servers, station: Station, ops: SimpleNamespace, thing: UUID, owner: str, expect_log: Any
) -> None:
    expect_log("database is down", surely=False)  # without room for its log it ends itself
    small_disk.fill()
    told = counted_until_it_waits(station, ops, thing)

    def go_on() -> None:
        for number in range(10_000):  # a checkpoint may make a little room in between
            station.door.do(ops.create, ALICE, {"name": f"not now {number}"})

    with pytest.raises(Unavailable) as caught:
        go_on()
    assert all(caught.value.lines("ja")), caught.value.code
    assert all(caught.value.lines("en"))
    small_disk.free()
    home_coming(station)
    assert booked(owner, thing) == told
    assert ask(owner, "SELECT count FROM genba.test_thing WHERE id = %s", thing) == [(len(told),)]
    assert station.door.attending.entries() == []


def test_a_full_disk_taken_for_a_no_costs_the_decision(
    small_disk: Servers, station: Station, ops: SimpleNamespace, thing: UUID, owner: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """The mutant: what the server cannot keep now is refused for good, although it has happened."""
    expect_log("database is down", surely=False)
    translated = Lane._translated

    def final(self: Lane, error: DBAPIError | psycopg.Error, job: Job) -> Exception:
        found = translated(self, error, job)
        return Refused("store.fact_kept") if getattr(found, "code", "") == "store.server_disk_full" else found

    monkeypatch.setattr(Lane, "_translated", final)
    small_disk.fill()
    kept: list[UUID] = []
    refused: list[GenbaError] = []
    end = time.monotonic() + PATIENCE_S
    while not refused:
        assert time.monotonic() < end
        try:
            kept.append(station.door.do(ops.count, ALICE, {"thing_id": thing}).request_id)
        except Refused as error:
            refused.append(error)
    small_disk.free()
    home_coming(station)
    assert booked(owner, thing) == kept, "one part that was made is in no book"
    assert station.door.attending.entries() == []


# ---- no connection left ----------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(owner: str, servers: Servers) -> Iterator[Callable[[], None]]:
    """Take every connection that ordinary people can have; called again, also those that were given back meanwhile."""
    guests: list[psycopg.Connection] = []

    def come() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            while len(guests) < 2 * _ROOM:
                guests.append(psycopg.connect(plain(servers.primary.url("postgres", "guest", "guest")), connect_timeout=5))
        assert len(guests) < 2 * _ROOM, "nobody was turned away"

    yield come
    for guest in guests:
        guest.close()


def test_a_crowded_server_is_nothing_to_who_keeps_his_connections(
    station: Station, ops: SimpleNamespace, thing: UUID, owner: str, crowd: Callable[[], None]
) -> None:
    crowd()
    done = [station.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(5)]
    assert [one.state for one in done] == ["applied"] * 5
    assert station.door.ask(ops.list, ALICE, {}).origin == "database"
    assert booked(owner, thing) == [one.request_id for one in done]


def test_who_gives_his_connection_back_after_each_decision_stands_before_a_crowd(
    station: Station, ops: SimpleNamespace, thing: UUID, crowd: Callable[[], None], monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """The mutant: a connection for each piece of work, as most programs do it."""
    expect_log("database is down", surely=False)
    work = Lane._work

    def each_time(self: Lane, job: Job) -> None:
        work(self, job)
        self.hang_up()

    monkeypatch.setattr(Lane, "_work", each_time)
    station.door.do(ops.count, ALICE, {"thing_id": thing})
    told: list[str] = []

    def crowded() -> bool:
        crowd()
        told.append(station.door.do(ops.count, ALICE, {"thing_id": thing}).state)
        return told[-1] == "waiting"

    until(crowded)


def test_who_finds_no_connection_left_waits_and_comes_home(
    station: Station, ops: SimpleNamespace, thing: UUID, owner: str, crowd: Callable[[], None], expect_log: Any
) -> None:
    expect_log("database is down")
    station.lose()
    until(lambda: not ask(owner, "SELECT 1 FROM pg_stat_activity WHERE usename = %s", LOGIN))
    crowd()
    station.proxy.back()
    until(lambda: "slots" in said(station) or "too many" in said(station))
    done = [station.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(3)]
    assert [one.state for one in done] == ["waiting"] * 3
    ask(owner, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guest'")
    home_coming(station)
    assert booked(owner, thing) == [one.request_id for one in done]


def said(station: Station) -> str:
    """Why the database is down, as the header says it."""
    station.database._lanes["listen"].poke(idle=True)
    reason = station.database.state.reason
    return "" if reason is None else reason.lines("en").what
