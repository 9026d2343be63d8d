"""Reports are read from a standby where there is one that will do; nothing else ever is, and the station needs none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.clock import SystemClock
from core.config import read_settings
from core.errors import GenbaError, Invalid
from core.store import replica
from core.store.base import Db
from core.store.door import Door
from core.store.engine import Database
from core.store.journal import Journal
from core.store.lineage import Seen
from core.store.programs import binaries
from core.store.query import query
from core.store.readstore import ReadStore
from tests.conftest import ExpectedLog
from tests.postgres import OwnServer
from tests.replication import Pair, prepared
from tests.store.rig import ALICE, TABLES, Prover, ask, declared

WHERE = "SELECT inet_server_port()"
PATIENT_S = 60.0


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> OwnServer:
    return prepared(tmp_path_factory.mktemp("template"), binaries(), TABLES)


@pytest.fixture
def pair(template: OwnServer, tmp_path: Path) -> Iterator[Pair]:
    two = Pair(tmp_path, template)
    try:
        two.start()
        yield two
    finally:
        two.remove()


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:

        @query("test:report:where", report=True)
        def report(db: Db) -> int:
            """On which server a report is read."""
            return int(db.connection().exec_driver_sql(WHERE).scalar_one())

        @query("test:list:where")
        def listed(db: Db) -> int:
            """On which server a list is read."""
            return int(db.connection().exec_driver_sql(WHERE).scalar_one())

        found.report, found.listed = report, listed
        yield found


class Station:
    """A station at the primary alone; its reports may be read from ``hosts``."""

    def __init__(self, pair: Pair, home: Path, hosts: str) -> None:
        clock = SystemClock()
        url = pair.url.replace(f"&host=127.0.0.1:{pair.new.port}", "")
        self.database = Database(url, "ST1", clock=clock, seen=Seen(), replicas=hosts)
        self.journal, self.readstore = Journal(home / "journal.db", clock), ReadStore(home / "readstore.db", clock)
        self.door = Door(self.database, self.journal, self.readstore, clock, "ST1", Prover(pair.old.url("genba")), deadline_s=8.0)
        self.database.start()
        until(lambda: self.database.up)

    def close(self) -> None:
        self.database.close(0.2)
        self.journal.close()
        self.readstore.close()


@pytest.fixture
def station(pair: Pair, tmp_path: Path, ops: SimpleNamespace) -> Iterator[Station]:
    one = Station(pair, tmp_path, f"127.0.0.1:{pair.new.port}")
    one.door.do(ops.create, ALICE, {"name": "made"})  # a standby knows its own age from the first commit on
    pair.catch_up()
    yield one
    one.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENT_S
    while not true():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.01)


def opened(server: OwnServer) -> set[str]:
    """The station's connections at ``server``."""
    found = ask(server.url("genba"), "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'genba/ST1/%%'")
    return {name.rpartition("/")[2] for (name,) in found}


def test_a_report_is_read_from_the_standby_and_nothing_else_is(pair: Pair, station: Station, ops: SimpleNamespace) -> None:
    answer = station.door.ask(ops.report, ALICE, {})
    assert answer.value == pair.new.port
    assert answer.origin == "database"
    assert timedelta(0) <= datetime.now(UTC) - answer.as_of < timedelta(seconds=PATIENT_S)
    assert station.door.ask(ops.listed, ALICE, {}).value == pair.old.port
    assert opened(pair.new) == {"reports"}
    assert opened(pair.old) == {"listen", "operations", "queries"}


def test_its_time_says_up_to_when_the_standby_knows(pair: Pair, station: Station, ops: SimpleNamespace) -> None:
    pair.lag()
    known = datetime.now(UTC)
    time.sleep(0.3)
    station.door.do(ops.create, ALICE, {"name": "after"})
    answer = station.door.ask(ops.report, ALICE, {})
    assert answer.value == pair.new.port
    assert answer.as_of < known


def test_a_standby_far_behind_is_not_asked_while_the_primary_answers(
    pair: Pair, station: Station, ops: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectedLog
) -> None:
    expect_log("database is down")
    pair.lag()
    monkeypatch.setattr(replica, "BEHIND_S", 0.2)
    time.sleep(0.3)
    assert station.door.ask(ops.report, ALICE, {}).value == pair.old.port
    pair.old.kill()
    until(lambda: not station.database.up)
    assert station.door.ask(ops.report, ALICE, {}).value == pair.new.port, "an old report is better than none"
    with pytest.raises(GenbaError):
        station.door.ask(ops.listed, ALICE, {})


def test_without_a_standby_the_primary_answers_and_the_dead_one_is_left_alone(
    pair: Pair, station: Station, ops: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert station.door.ask(ops.report, ALICE, {}).value == pair.new.port
    tries: list[str] = []
    dial = replica.open_standby
    monkeypatch.setattr(replica, "open_standby", lambda *told: (tries.append(told[1]), dial(*told))[1])
    monkeypatch.setattr(replica, "_AGAIN_S", 3_600.0)
    pair.new.kill()
    for _ in range(5):
        assert station.door.ask(ops.report, ALICE, {}).value == pair.old.port
    assert station.database.up
    assert len(tries) <= 1, "nobody waits for it at every report"


def test_a_standby_of_another_database_is_never_read(pair: Pair, tmp_path: Path, ops: SimpleNamespace) -> None:
    other = Pair(tmp_path / "other", prepared(tmp_path / "template", binaries()))
    try:
        other.start()
        one = Station(pair, tmp_path, f"127.0.0.1:{other.new.port},127.0.0.1:{other.old.port}")
        try:
            other.old.run("CREATE TABLE anything ()")
            other.catch_up()
            assert one.door.ask(ops.report, ALICE, {}).value == pair.old.port
        finally:
            one.close()
    finally:
        other.remove()


def test_nobody_asks_any_more_and_the_connection_is_given_back(
    pair: Pair, station: Station, ops: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert station.door.ask(ops.report, ALICE, {}).value == pair.new.port
    monkeypatch.setattr(replica, "_IDLE_S", 0.05)
    station.database._lanes["reports"].poke(idle=True)
    until(lambda: opened(pair.new) == set())
    assert station.door.ask(ops.report, ALICE, {}).value == pair.new.port


@pytest.mark.parametrize("hosts", ["standby", "standby:5433", "10.0.0.2:5432,standby-2"])
def test_hosts_of_the_setting(hosts: str) -> None:
    assert read_settings(report_hosts=hosts).report_hosts == hosts


@pytest.mark.parametrize("hosts", ["postgresql://standby/genba", "a b", "standby:port", ",standby", "standby dbname=other"])
def test_what_is_no_list_of_hosts_is_refused(hosts: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_settings(report_hosts=hosts)
    assert refusal.value.code == "config.bad_value"


def test_the_trail_is_a_report() -> None:
    from core.users import trail

    declared_reports: list[Any] = [trail.search_trail, trail.people_in_trail]
    assert all(each.report for each in declared_reports)
