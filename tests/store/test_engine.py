"""Lanes: deadlines that hold, outcomes that are told apart, outages seen and ended, threads that always end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.errors import GenbaError, Unavailable
from core.store import logins
from core.store.base import Db
from core.store.engine import Database, DatabaseState
from core.store.programs import binaries
from core.store.schema import upgrade
from tests.postgres import OwnServer, plain

LEASE = "SELECT genba.lease_acquire(:name, 'A', 60)"


def until(true: Callable[[], object], within_s: float = 60.0) -> float:
    """Seconds until ``true`` is; fails when it never is."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < within_s, "did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - start


def refused(future: Future[object]) -> GenbaError:
    with pytest.raises(GenbaError) as caught:
        future.result(60)
    return caught.value


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """A shared server that may be frozen and killed, with a station log-in ``panel``."""
    server = OwnServer(tmp_path_factory.mktemp("plant"), binaries())
    server.start()
    server.run("CREATE DATABASE genba")
    upgrade(server.url("genba"))
    logins.add_local(server.url("genba"), "panel", "p a%s's")
    yield server
    server.remove()


@pytest.fixture
def station(plant: OwnServer) -> Iterator[Database]:
    database = Database(plant.url("genba", "panel", "p a%s's"), "L1-PANEL")
    database.start()
    until(lambda: database.up)
    yield database
    database.close()


def test_a_job_gets_a_session_and_gives_its_value(station: Database) -> None:
    def whoami(db: Db) -> tuple[str, str, str]:
        row = db.execute(text("SELECT current_user, current_setting('application_name'), current_setting('timezone')")).one()
        return tuple(row)  # type: ignore[return-value]

    assert station.submit("operations", whoami, deadline_s=5).result() == ("panel", "genba/L1-PANEL/operations", "UTC")


def test_what_is_not_committed_is_rolled_back(station: Database) -> None:
    station.submit("operations", lambda db: db.execute(text(LEASE), {"name": "lost"}), deadline_s=5).result()
    count = text("SELECT count(*) FROM genba.lease WHERE name = 'lost'")
    assert station.submit("queries", lambda db: db.execute(count).scalar(), deadline_s=5).result() == 0


def test_errors_of_the_database_reach_the_caller(station: Database) -> None:
    def twice(db: Db) -> None:
        for _ in range(2):
            db.execute(text("INSERT INTO genba.unit (code, quantity, name, base) VALUES ('pcs', 'count', '{}', 'pcs')"))

    with pytest.raises(IntegrityError):
        station.submit("operations", twice, deadline_s=5).result()
    assert station.submit("operations", lambda db: db.now, deadline_s=5).result().tzinfo is not None


def test_at_most_three_connections(station: Database, plant: OwnServer) -> None:
    def count(db: Db) -> int:
        return int(db.execute(text("SELECT count(*) FROM pg_stat_activity WHERE usename = 'panel'")).scalar_one())

    jobs = [station.submit(lane, count, deadline_s=5) for lane in ("listen", "operations", "queries") for _ in range(5)]
    assert max(job.result() for job in jobs) == 3


def test_deadline_cuts_a_slow_statement_and_the_lane_goes_on(station: Database) -> None:
    start = time.monotonic()
    error = refused(station.submit("queries", lambda db: db.execute(text("SELECT pg_sleep(20)")), deadline_s=0.3))
    assert (error.code, error.params["unknown"]) == ("store.deadline", False)
    assert time.monotonic() - start < 0.6
    assert station.submit("queries", lambda db: db.execute(text("SELECT 1")).scalar(), deadline_s=5).result() == 1
    assert station.up


def test_deadline_counts_the_time_in_the_queue(station: Database) -> None:
    slow = station.submit("queries", lambda db: db.execute(text("SELECT pg_sleep(0.6)")), deadline_s=5)
    ran = []
    error = refused(station.submit("queries", ran.append, deadline_s=0.2))
    assert (error.code, error.params["unknown"]) == ("store.deadline", False)
    slow.result()
    assert station.submit("queries", lambda db: list(ran), deadline_s=5).result() == []


def test_who_leaves_while_his_question_waits_stops_nobody_elses_deadline(station: Database) -> None:
    slow = station.submit("queries", lambda db: db.execute(text("SELECT pg_sleep(1)")), deadline_s=5)
    left = station.submit("queries", lambda db: None, deadline_s=0.2)
    waits = station.submit("queries", lambda db: None, deadline_s=0.4)
    assert left.cancel()
    assert refused(waits).code == "store.deadline"  # said by the watchdog, which has met the cancelled one before
    slow.result()
    assert left.cancelled()


def test_a_job_that_only_computes_past_its_deadline_does_not_commit(station: Database) -> None:
    name = uuid4().hex

    def late(db: Db) -> None:
        db.execute(text(LEASE), {"name": name})
        time.sleep(0.5)
        db.commit()

    assert refused(station.submit("operations", late, deadline_s=0.2)).params["unknown"] is False
    count = text("SELECT count(*) FROM genba.lease WHERE name = :name")
    assert station.submit("operations", lambda db: db.execute(count, {"name": name}).scalar(), deadline_s=5).result() == 0


def test_a_commit_cut_by_the_deadline_is_unknown_and_may_well_have_happened(station: Database, plant: OwnServer) -> None:
    # A deferred trigger makes the commit itself slow, like a dead synchronous standby does.
    plant.run(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(1); RETURN NULL; END$$;"
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON genba.lease DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.slow()",
        "genba",
    )
    try:

        def write(db: Db) -> None:
            db.execute(text(LEASE), {"name": "committed"})
            db.commit()

        error = refused(station.submit("operations", write, deadline_s=0.3))
        assert (error.code, error.params["unknown"]) == ("store.deadline", True)
        with psycopg.connect(plain(plant.url("genba"))) as look:
            found = until(lambda: look.execute("SELECT 1 FROM genba.lease WHERE name = 'committed'").fetchone() or look.rollback(), 5)
        assert found < 5
    finally:
        plant.run("DROP FUNCTION public.slow() CASCADE", "genba")


def test_a_broken_connection_is_replaced_even_when_the_job_kept_it_to_itself(station: Database, plant: OwnServer) -> None:
    def careless(db: Db) -> str:
        plant.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'genba/L1-PANEL/operations'")
        with contextlib.suppress(DBAPIError):
            db.execute(text("SELECT 1"))
        return "all is well"

    assert station.submit("operations", careless, deadline_s=5).result() == "all is well"
    assert station.submit("operations", lambda db: db.execute(text("SELECT 1")).scalar(), deadline_s=5).result() == 1

    def stubborn(db: Db) -> int:
        careless(db)
        db.rollback()
        return int(db.execute(text("SELECT 2")).scalar_one())  # on a connection SQLAlchemy made anew by itself

    assert station.submit("operations", stubborn, deadline_s=5).result() == 2
    assert station.submit("operations", lambda db: db.execute(text("SELECT 3")).scalar(), deadline_s=5).result() == 3


def test_trouble_that_the_server_has_no_word_for_is_trouble_with_the_line(station: Database) -> None:
    def backend(db: Db) -> int:
        return int(db.execute(text("SELECT pg_backend_pid()")).scalar_one())

    def garbled(db: Db) -> int:
        db.execute(text("SELECT 1"))
        raise psycopg.OperationalError("lost synchronization with server: got message type 7")

    before = station.submit("operations", backend, deadline_s=30).result()
    error = refused(station.submit("operations", garbled, deadline_s=30))
    assert error.code == "store.away"
    assert error.params["unknown"] is False, "nothing was being committed: what waits may be tried again"
    until(lambda: station.up)
    assert station.submit("operations", backend, deadline_s=30).result() != before


def test_lock_and_statement_limits_have_words(station: Database, plant: OwnServer) -> None:
    with psycopg.connect(plain(plant.url("genba"))) as other:
        other.execute("SELECT * FROM genba.unit WHERE code = 'pcs' FOR UPDATE")

        def take(db: Db) -> None:
            db.execute(text("SET LOCAL lock_timeout = '100ms'"))
            db.execute(text("SELECT * FROM genba.unit WHERE code = 'pcs' FOR UPDATE"))

        assert refused(station.submit("operations", take, deadline_s=5)).code == "store.busy"

    def crawl(db: Db) -> None:
        db.execute(text("SET LOCAL statement_timeout = '50ms'"))
        db.execute(text("SELECT pg_sleep(5)"))

    assert refused(station.submit("queries", crawl, deadline_s=5)).code == "store.slow"


def test_frozen_server_is_noticed_and_close_ends_every_thread_within_3_s(
    plant: OwnServer, expect_log, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_log("database is down")
    monkeypatch.setattr("core.store.engine._BEAT_DEADLINE_S", 1.0)
    database = Database(plant.url("genba", "panel", "p a%s's"), "FROZEN")
    database.start()
    until(lambda: database.up)
    for lane in ("listen", "operations", "queries"):  # a server's child that comes later would not be frozen
        database.submit(lane, lambda db: db.now, deadline_s=5).result()
    plant.freeze()
    try:
        error = refused(database.submit("operations", lambda db: db.now, deadline_s=0.5))
        assert error.code == "store.deadline"
        assert until(lambda: not database.up) < 4
        assert database.state.reason is not None
        start = time.monotonic()
        assert refused(database.submit("operations", lambda db: db.now, deadline_s=5)).code == "store.away"
        assert time.monotonic() - start < 0.05, "a database known to be away is not waited for"
        start = time.monotonic()
        database.close()
        assert time.monotonic() - start < 3
        assert not [thread for thread in threading.enumerate() if "FROZEN" in thread.name]
    finally:
        plant.thaw()


def test_close_in_the_middle_of_a_statement(plant: OwnServer) -> None:
    database = Database(plant.url("genba", "panel", "p a%s's"), "BUSY")
    database.start()
    running = database.submit("operations", lambda db: db.execute(text("SELECT pg_sleep(30)")), deadline_s=60)
    queued = database.submit("operations", lambda db: db.now, deadline_s=60)
    until(lambda: running.running())
    start = time.monotonic()
    database.close()
    assert time.monotonic() - start < 3
    assert {refused(running).code, refused(queued).code} == {"store.closed"}
    assert refused(database.submit("operations", lambda db: db.now, deadline_s=5)).code == "store.closed"


def test_killed_server_is_down_once_and_up_once_and_every_lane_returns(plant: OwnServer, expect_log, caplog) -> None:
    expect_log("database is down")
    caplog.set_level("INFO", "core.store.engine")
    database = Database(plant.url("genba", "panel", "p a%s's"), "RETURN")
    states: list[DatabaseState] = []
    stop = database.on_change(states.append)
    database.start()
    until(lambda: database.up)
    running = database.submit("operations", lambda db: db.execute(text("SELECT pg_sleep(30)")), deadline_s=60)
    until(running.running)
    time.sleep(0.05)
    plant.kill()
    error = refused(running)
    assert isinstance(error, Unavailable)
    assert error.params["unknown"] is False
    assert until(lambda: not database.up) < 1.0
    time.sleep(0.7)
    plant.start()
    assert until(lambda: database.up) < 3.0
    for lane in ("listen", "operations", "queries"):
        assert database.submit(lane, lambda db: db.execute(text("SELECT 1")).scalar(), deadline_s=5).result() == 1
    stop()
    database.close()
    assert [state.up for state in states] == [True, False, True]
    lines = [record.getMessage() for record in caplog.records if record.name == "core.store.engine"]
    assert [line.split(":")[0].split(" after")[0] for line in lines] == ["database is down", "database is up again"]


def test_first_attempt_against_nothing(expect_log) -> None:
    expect_log("database is down")
    database = Database("postgresql+psycopg://u:p@127.0.0.1:1/genba", "ALONE")
    database.start()
    assert refused(database.submit("queries", lambda db: db.now, deadline_s=5)).code == "store.away"
    until(lambda: database.state.reason is not None)
    database.close()


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [("panel", "wrong", "store.login_refused"), ("nobody_here", "x", "store.login_refused"), ("stranger", "pw", "store.login_not_station")],
)
def test_wrong_logins_are_told_apart(plant: OwnServer, expect_log, login: str, password: str, code: str) -> None:
    expect_log("database is down")
    plant.run("DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN PASSWORD 'pw'", "genba")
    database = Database(plant.url("genba", login, password), "WRONG")
    database.start()
    until(lambda: database.state.reason is not None)
    assert database.state.reason is not None
    assert database.state.reason.code == code
    assert password not in str(database.state.reason).replace("password", "") or password == "x"
    database.close()


def test_attempts_come_slower_and_slower(plant: OwnServer, expect_log) -> None:
    expect_log("database is down")
    database = Database(plant.url("genba", "panel", "wrong"), "PATIENT")
    before = (plant.home / "log").read_text(errors="replace").count("password authentication failed")
    database.start()
    time.sleep(2.5)
    for _ in range(20):
        assert refused(database.submit("operations", lambda db: db.now, deadline_s=1)).code == "store.login_refused"
    database.close()
    assert 2 <= (plant.home / "log").read_text(errors="replace").count("password authentication failed") - before <= 6


def test_outside_the_window_the_station_reads_and_says_why(plant: OwnServer, expect_log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.engine._BEAT_S", 0.2)
    expect_log("database is read-only for this station: .*older than the database allows")
    database = Database(plant.url("genba", "panel", "p a%s's"), "OLD")
    states: list[DatabaseState] = []
    database.on_change(states.append)
    database.start()
    until(lambda: database.up)
    assert database.submit("operations", lambda db: db.now, deadline_s=5).result()
    plant.run("INSERT INTO genba.schema_compat VALUES ('0009', '9.0', '9.1', now() + interval '1 s')", "genba")
    try:
        until(lambda: database.state.read_only is not None)  # noticed while connected
        assert refused(database.submit("operations", lambda db: db.now, deadline_s=5)).code == "store.program_too_old"
        assert database.submit("queries", lambda db: db.execute(text("SELECT 1")).scalar(), deadline_s=5).result() == 1
    finally:
        plant.run("DELETE FROM genba.schema_compat WHERE schema_revision = '0009'", "genba")
    until(lambda: database.state.read_only is None)
    database.close()
    assert [(state.up, state.read_only is None) for state in states] == [(True, True), (True, False), (True, True)]


def test_empty_database_is_not_used(postgres, expect_log) -> None:
    expect_log("database is down: .*has not been set up")
    with postgres.empty_database() as name:
        database = Database(postgres.admin_url(name), "EMPTY")
        database.start()
        until(lambda: database.state.reason is not None)
        database.close()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Gets a moment for each time a station asks its server how it stands."""
    asked: list[float] = []
    look = Database._look

    def counting(database: Database, db: Db) -> object:
        asked.append(time.monotonic())
        return look(database, db)

    monkeypatch.setattr(Database, "_look", counting)
    return asked


def test_a_database_that_answers_and_is_of_no_use_is_asked_now_and_then(postgres, expect_log, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_log("database is down: .*has not been set up")
    asked = counted(monkeypatch)
    with postgres.empty_database() as name:
        database = Database(postgres.admin_url(name), "EMPTY")
        database.start()
        until(lambda: len(asked) > 2)
        time.sleep(3)
        database.close()
    assert len(asked) < 10, "the longer it is of no use, the longer the pause"


def test_a_log_in_that_loses_its_rights_while_it_is_connected_is_told_so(plant: OwnServer, expect_log, monkeypatch) -> None:
    expect_log("database is down: ")
    monkeypatch.setattr("core.store.engine._BEAT_S", 0.2)
    plant.run("DROP ROLE IF EXISTS lodger; CREATE ROLE lodger LOGIN PASSWORD 'pw'; GRANT genba_station TO lodger", "genba")
    plant.run("INSERT INTO genba_guard.local_login VALUES ('lodger') ON CONFLICT DO NOTHING", "genba")
    database = Database(plant.url("genba", "lodger", "pw"), "LODGER")
    database.start()
    until(lambda: database.up)
    plant.run("REVOKE genba_station FROM lodger", "genba")
    until(lambda: not database.up)
    assert database.state.reason is not None
    assert database.state.reason.code == "store.login_not_station"
    plant.run("GRANT genba_station TO lodger", "genba")
    until(lambda: database.up)
    database.close()


def test_whatever_keeps_the_embedded_server_from_coming_back_it_is_tried_again(expect_log) -> None:
    expect_log("database is down: ")
    tried: list[int] = []

    def revive(give_up: Callable[[], bool]) -> None:
        tried.append(1)
        raise RuntimeError("no process can be started")

    database = Database("postgresql+psycopg://u:p@127.0.0.1:1/genba", "BROKEN", revive=revive)
    database.start()
    until(lambda: len(tried) > 1)
    assert "no process can be started" in str(database.state.reason)
    database.close()


def test_a_server_that_hangs_while_it_is_brought_back_is_said_to_be_away_meanwhile(expect_log) -> None:
    expect_log(r"database is down")
    over = threading.Event()
    began = threading.Event()

    def revive(give_up: Callable[[], bool]) -> None:
        began.set()
        over.wait(60)
        raise Unavailable("store.embedded_not_ready", path="x")

    database = Database("postgresql+psycopg://u:p@127.0.0.1:1/genba", "HANGS", revive=revive)
    states: list[DatabaseState] = []
    database.on_change(states.append)
    database.start()
    try:
        assert began.wait(60)
        until(lambda: states)
        assert not over.is_set()
        assert [(state.up, state.reason is not None and state.reason.code) for state in states] == [(False, "store.away")]
        error = refused(database.submit("operations", lambda db: None, deadline_s=30))
        assert error.code == "store.away", "and nobody waits for his deadline"
    finally:
        over.set()
        database.close()


def test_never_started_leaves_nothing() -> None:
    Database("postgresql+psycopg://u:p@127.0.0.1:1/genba", "UNUSED").close()
