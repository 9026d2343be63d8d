"""What the database cannot do at this moment it can do later: nothing of it needs a person, and nothing of it is given up."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.errors import Unavailable
from core.store.presence import Claim
from tests.postgres import TestServer, plain
from tests.store.rig import ALICE, TABLES, Station, ask, declared

TROUBLE = """
CREATE FUNCTION public.trouble() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '{state}'; END$$;
CREATE TRIGGER trouble BEFORE UPDATE ON genba.test_thing FOR EACH ROW EXECUTE FUNCTION public.trouble()
"""


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def admin(postgres: TestServer) -> Iterator[str]:
    with postgres.migrated_database() as name:
        postgres.run(TABLES, name)
        yield postgres.admin_url(name)


@pytest.fixture
def station(postgres: TestServer, admin: str, ops: SimpleNamespace, tmp_path: Path) -> Iterator[Station]:
    opened = Station(postgres.station_url(admin.partition("?")[0].rpartition("/")[2]), tmp_path)
    opened.wait(True)
    yield opened
    opened.close()


@pytest.fixture
def thing(station: Station, ops: SimpleNamespace) -> UUID:
    made = station.door.do(ops.create, ALICE, {"name": "thing"}).view.id
    station.door.ask(ops.list, ALICE, {})
    return made


@contextlib.contextmanager
def trouble(admin: str, state: str) -> Iterator[None]:
    with psycopg.connect(plain(admin), autocommit=True) as owner:
        owner.execute(TROUBLE.format(state=state))
        try:
            yield
        finally:
            owner.execute("DROP FUNCTION public.trouble() CASCADE")


def counted(admin: str, thing: UUID) -> int:
    return int(ask(admin, "SELECT count FROM genba.test_thing WHERE id = %s", thing)[0][0])


@pytest.mark.parametrize("state", ["40P01", "40001", "53200"])
def test_a_deadlock_or_a_server_short_of_memory_is_waited_out(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, state: str, expect_log: Any
) -> None:
    expect_log("database is down")
    station.lose()
    station.door.do(ops.count, ALICE, {"thing_id": thing})
    station.back()
    with trouble(admin, state):
        result = station.door.apply_waiting()
        assert (result.waiting, result.parked) == (1, 0), "ten stations that come home at once meet deadlocks"
        with pytest.raises(Unavailable) as caught:
            station.door.do(ops.rename, ALICE, {"thing_id": thing, "name": "later"})
        assert caught.value.code == "store.catching_up"
    assert station.door.apply_waiting().waiting == 0
    assert counted(admin, thing) == 1


def test_what_is_held_up_is_not_overtaken_by_what_was_decided_after_it(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, expect_log: Any
) -> None:
    expect_log("database is down")
    other = station.door.do(ops.create, ALICE, {"name": "other"}).view.id
    station.door.ask(ops.list, ALICE, {})
    station.lose()
    for target, by in ((thing, 5), (thing, 1), (other, 1)):
        station.door.do(ops.count, ALICE, {"thing_id": target, "by": by})
    station.back()
    with trouble(admin, "40P01"):
        only_the_first = "ALTER TABLE genba.test_thing DISABLE TRIGGER trouble; CREATE TRIGGER first BEFORE UPDATE ON genba.test_thing"
        ask(admin, f"{only_the_first} FOR EACH ROW WHEN (NEW.count - OLD.count = 5) EXECUTE FUNCTION public.trouble()")
        assert station.door.apply_waiting().waiting == 2
        assert (counted(admin, thing), counted(admin, other)) == (0, 1), "the same thing waits, another does not"
    assert station.door.apply_waiting().waiting == 0
    assert counted(admin, thing) == 6


@pytest.mark.parametrize(("state", "code"), [("40P01", "store.busy"), ("53200", "store.server_short")])
def test_what_was_decided_right_then_waits_or_is_said_not_to_be_done(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, state: str, code: str
) -> None:
    with trouble(admin, state):
        with pytest.raises(Unavailable) as caught:
            station.door.do(ops.rename, ALICE, {"thing_id": thing, "name": "never"})
        assert caught.value.code == code
        assert station.door.waiting == 0
        assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "waiting"
    assert station.door.apply_waiting().waiting == 0
    assert ask(admin, "SELECT name, count FROM genba.test_thing WHERE id = %s", thing) == [("thing", 1)]


def test_a_database_that_does_not_let_us_look_for_what_was_applied_keeps_everything_waiting(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, expect_log: Any
) -> None:
    expect_log("what was applied before could not be looked for yet: InsufficientPrivilege 42501")
    counts = [station.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(2)]
    station.stop()
    station.start()
    # Applied, says the journal, in a life of the database that nobody knows here.
    station.journal.mark(counts[0].request_id, "applied", lineage="1/1")
    ask(admin, "REVOKE SELECT ON genba.request FROM genba_station")
    station.wait(True)
    assert station.door.apply_waiting().waiting == 0
    assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "waiting"
    ask(admin, "GRANT SELECT ON genba.request TO genba_station")
    assert station.door.apply_waiting().waiting == 0
    assert counted(admin, thing) == 3


def test_while_nobody_knows_whether_the_database_is_there_the_last_picture_is_shown(
    station: Station, ops: SimpleNamespace, thing: UUID, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """An address that keeps silent, as that of a computer which is off: an attempt takes seconds to end, and nobody waits for it."""
    expect_log("database is down", surely=False)
    station.stop()
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections are queued, and nobody takes them
        there, station._url = station._url, station.at(silent.getsockname()[1])
        station.start()
        monkeypatch.setattr(station.database, "read", lambda *told, **more: pytest.fail("that would have taken until the deadline"))
        answer = station.door.ask(ops.list, ALICE, {})
        assert station.database.state.reason is None, "nobody knows yet"
        assert (answer.origin, [one.id for one in answer.value.items]) == ("snapshot", [thing])
        station.stop()
    station._url = there
    station.start()


def test_a_fact_is_not_kept_for_a_station_whose_name_another_has(
    station: Station, ops: SimpleNamespace, thing: UUID, admin: str, tmp_path: Path, expect_log: Any
) -> None:
    """It would come home in the name of the other, whose people know nothing of it."""
    expect_log("read-only for this station")
    own = tmp_path / "claimed"
    own.mkdir()
    station.database._claim = Claim("ST1", own)
    ask(
        admin,
        "INSERT INTO genba.presence (station, run_id, home_id, host, claimed_at, claimed_until)"
        " VALUES ('ST1', gen_random_uuid(), gen_random_uuid(), 'pc-2', clock_timestamp(), clock_timestamp() + interval '1 h')",
    )
    end = time.monotonic() + 60
    while station.database.state.read_only is None:
        assert time.monotonic() < end
        station.database._lanes["listen"].poke(idle=True)
        time.sleep(0.02)
    with pytest.raises(Unavailable) as caught:
        station.door.do(ops.count, ALICE, {"thing_id": thing})
    assert caught.value.code == "store.name_taken"
    assert station.door.waiting == 0
    ask(admin, "UPDATE genba.presence SET claimed_until = clock_timestamp()")
    while station.database.state.read_only is not None:
        assert time.monotonic() < end
        station.database._lanes["listen"].poke(idle=True)
        time.sleep(0.02)
    assert station.door.do(ops.count, ALICE, {"thing_id": thing}).state == "applied"
