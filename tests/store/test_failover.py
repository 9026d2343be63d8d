"""A primary dies and its standby takes over: nothing confirmed is lost or doubled, and nobody writes to the fallen one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.errors import GenbaError, Unavailable
from core.store import dialling
from core.store.door import Door
from core.store.engine import Database
from core.store.failover import Failover
from core.store.journal import Journal
from core.store.lineage import SEEN_FILE, Lineage, Seen
from core.store.programs import binaries
from core.store.readstore import ReadStore
from core.store.schema import upgrade
from tests.postgres import OwnServer, installed_servers
from tests.replication import Pair, prepared
from tests.store.rig import ALICE, TABLES, Prover, ask, declared

pytestmark = pytest.mark.early

WRITE = "SELECT genba.lease_acquire(%s, 'A', 60)"


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
        yield found


class Panel:
    """A station that knows both servers."""

    def __init__(self, pair: Pair, home: Path) -> None:
        self.pair, self.home, self.clock = pair, home, SystemClock()
        home.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        self.database = Database(self.pair.url, "ST1", clock=self.clock, seen=Seen(self.home / SEEN_FILE))
        self.journal = Journal(self.home / "journal.db", self.clock)
        self.readstore = ReadStore(self.home / "readstore.db", self.clock)
        self.door = Door(self.database, self.journal, self.readstore, self.clock, "ST1", Prover(self.pair.old.url("genba")), deadline_s=5.0)
        self.database.start()

    def close(self) -> None:
        self.database.close(0.2)
        self.journal.close()
        self.readstore.close()

    def restart(self) -> None:
        self.close()
        self.start()

    def wait(self, up: bool = True, within_s: float = 60.0) -> None:
        until(lambda: self.database.up is up, within_s)

    def home_coming(self) -> None:
        """Everything that waits is in, or needs a person."""
        self.wait()
        end = time.monotonic() + 60
        while self.door.apply_waiting().waiting or not self.door._failover.settled:
            assert time.monotonic() < end, "did not come home"


@pytest.fixture
def panel(pair: Pair, tmp_path: Path, expect_log: Any, ops: SimpleNamespace) -> Iterator[Panel]:
    one = Panel(pair, tmp_path / "station")
    one.wait()
    yield one
    one.close()


def until(true: Callable[[], object], within_s: float = 60.0) -> float:
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < within_s, "did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - start


def booked(owner: str) -> dict[UUID, int]:
    """Request → how often it was applied, by what it changed."""
    found = ask(owner, "SELECT request_id, count(*) FROM genba.test_entry GROUP BY request_id")
    return {request_id: int(times) for request_id, times in found}


# ---- nothing is lost ---------------------------------------------------------------------------------------------------


def work_through_a_failover(pair: Pair, panel: Panel, ops: SimpleNamespace) -> tuple[set[UUID], dict[UUID, int], int]:
    """(confirmed, booked, the thing's count) after a failover of a standby that lagged, with somebody counting all the time."""
    thing = panel.door.do(ops.create, ALICE, {"name": "lagging"}).view.id
    panel.door.ask(ops.list, ALICE, {})
    confirmed: set[UUID] = set()
    told: set[str] = set()
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            try:
                confirmed.add(panel.door.do(ops.count, ALICE, {"thing_id": thing}).request_id)
            except GenbaError as error:
                told.add(error.code)

    operator = threading.Thread(target=count)
    operator.start()
    try:
        until(lambda: len(confirmed) >= 20)
        pair.lag()
        until(lambda: len(confirmed) >= 60)
        # Done with the database there, and wanted by what comes after: it must come back before anything newer.
        panel.door.do(ops.rename, ALICE, {"thing_id": thing, "name": "renamed"})
        pair.fail_over()
        waited = len(confirmed)
        panel.wait()
        until(lambda: len(confirmed) >= waited + 20)
    finally:
        stop.set()
        operator.join()
    panel.home_coming()
    (name, total), *_ = ask(pair.owner, "SELECT name, count FROM genba.test_thing WHERE id = %s", thing)
    assert not panel.door.attending.entries()
    assert told <= {"store.catching_up", "store.database_away"}
    return confirmed, booked(pair.owner), total if name == "renamed" else -1


def test_what_a_lagging_standby_never_got_is_booked_again_exactly_once(pair: Pair, panel: Panel, ops: SimpleNamespace, expect_log) -> None:
    expect_log("database is down")
    expect_log("applied entries are not in this database")
    confirmed, found, total = work_through_a_failover(pair, panel, ops)
    assert confirmed - found.keys() == set()
    assert [one for one, times in found.items() if times > 1] == []
    assert total == len(confirmed)


def test_without_that_look_it_is_lost(pair: Pair, panel: Panel, ops: SimpleNamespace, expect_log, monkeypatch) -> None:
    expect_log("database is down")

    def blind(self: Failover) -> None:
        self._whole_on = self._database.lineage

    monkeypatch.setattr(Failover, "settle", blind)
    monkeypatch.setattr(Failover, "here", lambda self: self._database.lineage)
    confirmed, found, _ = work_through_a_failover(pair, panel, ops)
    assert len(confirmed - found.keys()) >= 30


def test_a_station_that_was_off_meanwhile_brings_its_last_hours_back_after_a_day(
    pair: Pair, panel: Panel, ops: SimpleNamespace, expect_log
) -> None:
    expect_log("applied entries are not in this database")
    thing = panel.door.do(ops.create, ALICE, {"name": "before the weekend"}).view.id
    pair.catch_up()
    pair.lag()
    last = panel.door.do(ops.count, ALICE, {"thing_id": thing})
    panel.close()
    pair.fail_over()
    panel.clock = LaterClock()
    panel.start()
    panel.home_coming()
    assert booked(pair.owner) == {last.request_id: 1}
    panel.home_coming()
    assert booked(pair.owner) == {last.request_id: 1}


class LaterClock(SystemClock):
    """Two days on, as far as the journal's retention is concerned; deadlines are counted as ever."""

    def now(self) -> Any:
        from datetime import timedelta

        return super().now() + timedelta(days=2)


def test_what_was_signed_is_lost_visibly(pair: Pair, panel: Panel, ops: SimpleNamespace, expect_log) -> None:
    """A signature proves one moment: it is not repeated by a program, it is shown to a person."""
    from core.store.operation import Secret, Signature
    from tests.store.rig import GOOD_PIN

    expect_log("applied entries are not in this database")
    expect_log("database is down")
    thing = panel.door.do(ops.create, ALICE, {"name": "signed"}).view.id
    pair.catch_up()
    pair.lag()
    signature = Signature("approval", "alice", Secret(GOOD_PIN))
    signed = panel.door.do(ops.set_pin, ALICE, {"thing_id": thing, "pin": Secret("1")}, signature)
    pair.fail_over()
    panel.wait(False)
    panel.home_coming()
    (entry,) = panel.door.attending.entries()
    assert (entry.request.id, entry.refusal["code"]) == (signed.request_id, "store.lost_with_server")
    kept = ask(pair.new.url("genba"), "SELECT state, refusal ->> 'code' FROM genba.request WHERE id = %s", signed.request_id)
    assert kept == [("refused", "store.lost_with_server")], "its place is taken: nothing that was still on its way can be applied later"


def test_a_commit_that_waits_for_a_dead_standby_is_unknown_and_found_by_its_key(pair: Pair, panel: Panel, ops: SimpleNamespace) -> None:
    thing = panel.door.do(ops.create, ALICE, {"name": "synchronous"}).view.id
    panel.door.ask(ops.list, ALICE, {})
    pair.synchronous()
    until(lambda: ask(pair.old.url("genba"), "SELECT sync_state FROM pg_stat_replication") == [("sync",)])
    pair.new.kill()
    began = time.monotonic()
    done = panel.door.do(ops.count, ALICE, {"thing_id": thing})
    assert time.monotonic() - began < 7, "the deadline of the station, not the server's patience"
    entry = panel.journal.entry(done.request_id)
    assert entry is not None
    assert (done.state, entry.state) == ("waiting", "unknown")
    pair.old.run("ALTER SYSTEM SET synchronous_standby_names = ''")  # what a failover manager does
    pair.old.run("SELECT pg_reload_conf()")
    panel.home_coming()
    assert booked(pair.old.url("genba")) == {done.request_id: 1}


def test_a_schema_that_a_standby_got_through_the_stream_serves_after_a_promotion(tmp_path: Path) -> None:
    """PostgreSQL 15 leaves a sequence that is not logged unusable on a standby that saw it being made and is promoted soon after."""
    empty = OwnServer(tmp_path / "empty", _oldest())
    empty.start()
    empty.stop()
    two = Pair(tmp_path, empty)
    try:
        two.start()
        two.old.run("CREATE DATABASE genba")
        upgrade(two.old.url("genba"))
        two.catch_up()
        two.fail_over()
        sequences = ask(
            two.owner, "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S' AND relnamespace::regnamespace::text LIKE 'genba%'"
        )
        assert len(sequences) > 5
        for (name,) in sequences:
            assert ask(two.owner, f"SELECT nextval('{name}')")
    finally:
        two.remove()


def _oldest() -> Path:
    servers = installed_servers()
    return servers.get("15", servers["embedded"])


# ---- nobody writes to the fallen one -----------------------------------------------------------------------------------


def written(server: OwnServer) -> int:
    return int(ask(server.url("genba"), "SELECT count(*) FROM genba.lease WHERE name LIKE 'client%%'")[0][0])


def twenty_clients_write(pair: Pair, homes: Path) -> list[GenbaError]:
    """Twenty stations, started now, of which each has seen the new primary before; gives what they were told."""
    from sqlalchemy import text

    told = []
    for number in range(20):
        database = Database(pair.url, f"S{number}", seen=Seen(homes / f"{number}.json"))
        database.start()
        try:
            until(lambda here=database: here.up or here.state.reason is not None)  # type: ignore[misc]

            def write(db: Any, name: str = f"client-{number}") -> None:
                db.execute(text("SELECT genba.lease_acquire(:name, 'A', 60)"), {"name": name})
                db.commit()

            database.submit("operations", write, deadline_s=5).result()
        except GenbaError as error:
            told.append(error)
        finally:
            database.close(0.1)
    return told


@pytest.fixture
def stale(pair: Pair, tmp_path: Path) -> Path:
    """The old primary was started again by somebody beside the new one, which twenty stations know; folder of what they know."""
    with dialling.open_connection({"host": "127.0.0.1", "port": str(pair.old.port), **_login()}) as connection:
        connection.execute("SELECT 1")
    connection.close()
    pair.fail_over()
    for number in range(20):
        seen = Seen(tmp_path / f"{number}.json")
        opened = dialling.open_newest({"host": "127.0.0.1", "port": str(pair.new.port), **_login()}, seen)
        opened.connection.close()
        seen.note(opened.lineage)
    pair.old.start()
    return tmp_path


def _login() -> dict[str, str]:
    from tests.replication import LOGIN, PASSWORD

    return {"user": LOGIN, "password": PASSWORD, "dbname": "genba"}


def test_twenty_of_twenty_write_to_the_new_primary(pair: Pair, stale: Path) -> None:
    assert twenty_clients_write(pair, stale) == []
    assert (written(pair.old), written(pair.new)) == (0, 20)


def test_with_only_the_stale_one_up_nobody_writes_and_everybody_is_told(pair: Pair, stale: Path, expect_log) -> None:
    expect_log("database is down: Only an outdated database server answers")
    pair.new.stop()
    told = twenty_clients_write(pair, stale)
    assert {error.code for error in told} == {"store.outdated_server"}
    assert (len(told), written(pair.old)) == (20, 0)
    assert "古い" in told[0].lines("ja").what


def test_the_stale_one_that_answers_first_is_not_taken_while_the_new_one_may_answer(
    pair: Pair, stale: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A station that was off during the failover knows of no newer one."""
    monkeypatch.setattr(dialling, "_GRACE_S", 60.0)
    hosts = {"host": "127.0.0.1,127.0.0.1", "port": f"{pair.old.port},{pair.new.port}", "connect_timeout": "60", **_login()}
    known = dialling.open_newest({"host": "127.0.0.1", "port": str(pair.old.port), **_login()}, Seen())
    known.connection.close()
    asleep = Seen()
    asleep.note(known.lineage)
    pair.new.freeze()
    later = threading.Timer(0.5, pair.new.thaw)
    later.start()
    try:
        opened = dialling.open_newest(hosts, asleep)
    finally:
        later.join()
    opened.connection.close()
    assert opened.lineage.timeline > known.lineage.timeline


def test_without_the_guard_they_write_to_the_stale_one(pair: Pair, stale: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "_newest", lambda tries, seen: next((one for one in tries if one.lineage and one.writable), None))
    monkeypatch.setattr(Seen, "judge", lambda self, found: None)
    monkeypatch.setattr(Seen, "outdated", lambda self, found: False)
    pair.new.stop()
    assert twenty_clients_write(pair, stale) == []
    assert written(pair.old) == 20


def test_a_connection_to_a_primary_that_was_cut_off_ends_when_the_station_sees_the_new_one(
    pair: Pair, panel: Panel, ops: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody killed the old one; it only does not know that it fell."""
    monkeypatch.setattr("core.store.engine._LOOK_AROUND_S", 0.0)
    before = panel.database.lineage
    pair.new.promote()
    panel.database._lanes["listen"].poke(idle=True)
    until(lambda: panel.database.lineage != before)
    done = panel.door.do(ops.create, ALICE, {"name": "on the new one"})
    assert ask(pair.new.url("genba"), "SELECT id FROM genba.test_thing") == [(done.view.id,)]
    assert ask(pair.old.url("genba"), "SELECT id FROM genba.test_thing") == []


def test_only_a_standby_answers(pair: Pair, panel: Panel, expect_log) -> None:
    expect_log("database is down")
    pair.old.kill()
    until(lambda: panel.database.state.reason is not None and panel.database.state.reason.code == "store.standby_only")
    pair.new.promote()
    assert until(lambda: panel.database.up) < 2.0, "a promoted standby is found soon"


# ---- which database is it ----------------------------------------------------------------------------------------------


def test_another_database_is_refused_until_an_administrator_accepts_it(pair: Pair, panel: Panel, tmp_path: Path, expect_log) -> None:
    expect_log("database is down: The server holds another database")
    other = prepared(tmp_path / "other", binaries())
    panel.close()
    for server in (pair.old, pair.new):
        server.stop()
    other.port = pair.old.port
    other.start()
    try:
        panel.start()
        until(lambda: panel.database.state.reason is not None)
        reason = panel.database.state.reason
        assert isinstance(reason, Unavailable)
        assert reason.code == "store.other_database"
        Seen(panel.home / SEEN_FILE).accept(Lineage(*_parts(reason.params["found"])))  # as ``genba db accept`` does
        panel.wait()
    finally:
        panel.close()
        other.remove()


def _parts(text: str) -> tuple[str, int]:
    system, _, timeline = text.partition("/")
    return system, int(timeline)


def test_two_databases_behind_one_address_are_refused_at_first_sight(pair: Pair, tmp_path: Path) -> None:
    other = prepared(tmp_path / "other", binaries())
    other.start()
    try:
        parameters = {"host": "127.0.0.1,127.0.0.1", "port": f"{pair.old.port},{other.port}", **_login()}
        with pytest.raises(Unavailable) as refused:
            dialling.open_newest(parameters, Seen())
        # Who knows his own finds it, wherever it stands in the list.
        ours = dialling.open_newest({"host": "127.0.0.1", "port": str(pair.old.port), **_login()}, Seen())
        ours.connection.close()
        knowing = Seen()
        knowing.note(ours.lineage)
        found = dialling.open_newest(parameters | {"port": f"{other.port},{pair.old.port}"}, knowing)
        found.connection.close()
    finally:
        other.remove()
    assert refused.value.code == "store.databases_differ"
    assert found.lineage == ours.lineage


def test_what_was_seen_survives_and_is_never_lowered(tmp_path: Path) -> None:
    path = tmp_path / SEEN_FILE
    one, other = Seen(path), Seen(path)
    one.note(Lineage("7", 2))
    other.note(Lineage("7", 5))
    one.note(Lineage("7", 3))
    assert Seen(path).newest == one.newest == Lineage("7", 5)
    assert one.judge(Lineage("7", 6)) is None
    outdated = one.judge(Lineage("7", 4))
    assert outdated is not None
    assert (outdated.code, outdated.params["unknown"]) == ("store.outdated_server", False)
    command = Seen(path, binding=False)
    assert command.judge(Lineage("8", 1)) is None
    command.note(Lineage("8", 1))
    assert Seen(path).newest == Lineage("7", 5)


def test_an_unreadable_file_is_put_aside_and_said(tmp_path: Path, expect_log) -> None:
    expect_log("cannot be read")
    path = tmp_path / SEEN_FILE
    path.write_text("{", encoding="utf-8")
    seen = Seen(path)
    assert seen.newest is None
    seen.note(Lineage("7", 2))
    assert json.loads(path.read_text(encoding="utf-8")) == {"lineage": "7/2"}
    assert path.with_suffix(".damaged").exists()


def test_a_home_that_cannot_be_written_does_not_stop_the_station(tmp_path: Path, expect_log) -> None:
    expect_log("is known until the program ends only")
    seen = Seen(tmp_path / "missing" / SEEN_FILE)
    seen.note(Lineage("7", 2))
    seen.note(Lineage("7", 3))
    assert seen.judge(Lineage("7", 2)) is not None
