"""The server's queue of notices is full: no operation can be committed until a listener that hangs lets go, and then all of them are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.errors import Unavailable
from tests.postgres import TestServer, plain
from tests.store.rig import ALICE, TABLES, Station, ask, declared
from tests.store.test_passing_trouble import counted, trouble

FILL = """
CREATE OR REPLACE PROCEDURE public.fill() LANGUAGE plpgsql AS $$BEGIN
    FOR n IN 1..1000 LOOP
        PERFORM pg_notify('anything', n || repeat('x', 7000));
        COMMIT;
    END LOOP;
END$$
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A server with the smallest queue there is, 512 kB; by itself it has 8 GB, which a listener that hangs for a day can fill."""
    of_the_run = TestServer.running
    own = TestServer(tmp_path_factory.mktemp("server"))
    own.start()
    own.run("ALTER SYSTEM SET max_notify_queue_pages = 64")
    own.stop()
    own.start()
    yield own
    own.stop()
    TestServer.running = of_the_run


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def admin(server: TestServer) -> Iterator[str]:
    with server.migrated_database() as name:
        server.run(TABLES + "SELECT pg_notification_queue_usage()", name)  # an earlier test's full queue is looked after
        yield server.admin_url(name)


@pytest.fixture
def station(server: TestServer, admin: str, ops: SimpleNamespace, tmp_path: Path) -> Iterator[Station]:
    opened = Station(server.station_url(admin.partition("?")[0].rpartition("/")[2]), tmp_path)
    opened.wait(True)
    yield opened
    opened.close()


@pytest.fixture
def thing(station: Station, ops: SimpleNamespace) -> UUID:
    made = station.door.do(ops.create, ALICE, {"name": "thing"}).view.id
    station.door.ask(ops.list, ALICE, {})
    return made


@contextlib.contextmanager
def full_queue(admin: str) -> Iterator[None]:
    """Somebody listens and hangs in a transaction; everybody else's notices pile up behind him until there is no room."""
    with psycopg.connect(plain(admin)) as hanging, psycopg.connect(plain(admin), autocommit=True) as talker:
        hanging.execute("LISTEN anything")
        hanging.commit()
        hanging.execute("SELECT 1")
        talker.execute(FILL)
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            talker.execute("CALL public.fill()")
        yield


def test_what_waits_is_waited_out_and_what_is_decided_is_kept(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, expect_log: Any
) -> None:
    expect_log("database is down")
    station.lose()
    station.door.do(ops.count, ALICE, {"thing_id": thing})
    station.back()
    with full_queue(admin):
        result = station.door.apply_waiting()
        assert (result.waiting, result.parked) == (1, 0)
        assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "waiting"
        assert (station.door.waiting, counted(admin, thing)) == (2, 0)
    # The server does not see by itself that the listener has gone: the next one who fails looks, and what waits is tried again anyway.
    station.door.apply_waiting()
    assert station.door.apply_waiting().waiting == 0
    assert counted(admin, thing) == 2
    assert station.door.attending.entries() == []


def test_who_decides_right_then_is_told_that_nothing_was_changed(station: Station, ops: SimpleNamespace, thing: UUID, admin: str) -> None:
    with full_queue(admin):
        with pytest.raises(Unavailable) as caught:
            station.door.do(ops.rename, ALICE, {"thing_id": thing, "name": "never"})
        assert caught.value.code == "store.server_short"
        assert station.door.waiting == 0
    assert ask(admin, "SELECT name FROM genba.test_thing WHERE id = %s", thing) == [("thing",)]


def test_what_is_too_much_for_the_server_at_any_time_needs_a_person(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, expect_log: Any
) -> None:
    """The same SQLSTATE, and of the decision itself: sent again and again it would hold up all others for ever."""
    expect_log("database is down")
    expect_log("the database refused a statement")
    station.lose()
    station.door.do(ops.count, ALICE, {"thing_id": thing})
    station.back()
    with trouble(admin, "54000"):
        result = station.door.apply_waiting()
    assert (result.waiting, result.parked) == (0, 1)
