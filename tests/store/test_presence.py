"""One running program for each name: claimed, kept, lost, given back; fenced everywhere; and its clock and its ears looked after."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

import pytest

from core.clock import CorrectedClock, SystemClock
from core.errors import Unavailable
from core.store import lease
from core.store.base import Db
from core.store.engine import Database
from core.store.presence import CLAIM_S, Claim, installation_id, lock_home
from core.store.rounds import LOST_S, Echo, measure_clock, other_hosts
from tests.conftest import ExpectedLog
from tests.faults.commit_proxy import CommitProxy
from tests.store.rig import ask

PATIENCE_S = 60.0


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


class Program:
    """What of a station's program talks to the database."""

    def __init__(self, url: str, home: Path, name: str = "P1", host: str = "pc-1") -> None:
        home.mkdir(exist_ok=True)
        self.claim, self.host = Claim(name, home, host), host
        self.clock = CorrectedClock(SystemClock())
        self.name = name
        self.database = Database(url, name, claim=self.claim, correct=self.clock)

    def start(self) -> Program:
        self.database.start()
        until(lambda: self.database.up)
        return self

    def beat(self) -> None:
        self.database._lanes["listen"].poke(idle=True)

    @property
    def denied(self) -> str:
        reason = self.database.state.read_only
        return "" if reason is None else reason.code

    def present(self, waiting: int = 0) -> None:
        """As a station tells it."""
        statement = "SELECT genba.present(%s, %s, '0.2.0', now(), %s)"
        told = f'{{"waiting": {waiting}, "clock_ahead_s": 0.5}}'

        def say(db: Db) -> None:
            db.connection().exec_driver_sql(statement, (self.name, self.host, told))
            db.commit()

        self.database.submit("operations", say, deadline_s=PATIENCE_S).result()


@pytest.fixture
def program(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Makes programs, and ends them."""
    made: list[Program] = []

    def make(home: str = "one", **words: str) -> Program:
        made.append(Program(database_url, tmp_path / home, **words))
        return made[-1].start()

    yield make
    for one in made:
        one.database.close(0.2)


def test_the_second_with_a_name_only_shows_until_the_first_has_gone(
    program: Callable[..., Program], admin_url: str, expect_log: ExpectedLog
) -> None:
    expect_log(r"read-only for this station")
    first, second = program("one"), program("two", host="pc-2")
    assert (first.denied, second.denied) == ("", "store.name_taken")
    told = second.database.state.read_only
    assert told is not None
    assert told.params["host"] == "pc-1"
    for language in ("ja", "en"):
        assert all(told.lines(language)), "three lines on the screen"
        assert "pc-1" in told.lines(language).what
    with pytest.raises(Unavailable, match="pc-1"):
        second.present()
    first.present()
    first.database.close(0.2)
    held = "SELECT 1 FROM genba.presence WHERE station = 'P1' AND run_id = %s AND claimed_until > clock_timestamp()"
    assert ask(admin_url, held, first.claim.run) == [], "given back, not only over in a while"

    def free() -> bool:
        second.beat()
        return not second.denied

    until(free)
    second.present()


def test_without_numbers_of_their_own_two_with_one_name_both_write(
    program: Callable[..., Program], admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant of two stations with one name: neither claims it, and what one says of itself the other overwrites."""
    monkeypatch.setattr(Claim, "settings", property(lambda self: {}))
    monkeypatch.setattr(Claim, "take", lambda self, db: None)
    first, second = program("one"), program("two", host="pc-2")
    for one in (first, second, first):
        one.present()
        assert ask(admin_url, "SELECT host FROM genba.station WHERE code = 'P1'") == [(one.host,)]
    assert (first.denied, second.denied) == ("", "")


def test_a_frozen_holder_loses_the_name_in_time_and_does_nothing_when_it_wakes(
    program: Callable[..., Program], admin_url: str, expect_log: ExpectedLog
) -> None:
    expect_log(r"read-only for this station")
    first = program("one")
    # Frozen: its claim is not renewed. Nothing of it runs until it wakes.
    ask(admin_url, "UPDATE genba.presence SET claimed_until = clock_timestamp() - interval '1 s' WHERE station = 'P1'")
    second = program("two", host="pc-2")
    assert second.denied == ""
    with pytest.raises(Unavailable) as caught:  # woken, before its next heartbeat has told it anything
        first.present()
    assert caught.value.code == "store.name_taken"
    until(lambda: first.denied == "store.name_taken")
    second.present()
    assert first.database.name_taken


def test_the_claim_of_a_frozen_program_ends_within_its_time(program: Callable[..., Program], admin_url: str) -> None:
    program("one")
    ((left_s,),) = ask(admin_url, "SELECT extract(epoch FROM claimed_until - clock_timestamp())::float8 FROM genba.presence")
    assert 0 < left_s <= CLAIM_S


def test_started_anew_in_its_home_it_has_its_name_back_at_once(program: Callable[..., Program], expect_log: ExpectedLog) -> None:
    expect_log(r"read-only for this station")
    dead = program("one")  # killed: it gives nothing back
    again = program("one")
    assert again.denied == ""
    until(lambda: dead.beat() or dead.denied)  # type: ignore[func-returns-value]
    again.present()
    copied = program("one", host="pc-9")
    assert copied.denied == "store.name_taken", "the copy of a disk in another computer proves nothing"


def test_two_copies_of_one_home_do_not_take_the_name_from_each_other(program: Callable[..., Program], expect_log: ExpectedLog) -> None:
    expect_log(r"read-only for this station")
    one = program("one")
    two = program("one")
    until(lambda: one.beat() or one.denied)  # type: ignore[func-returns-value]
    for _ in range(5):
        one.beat()
        two.beat()
        time.sleep(0.05)
        assert two.denied == ""


def test_a_program_that_does_not_know_claims_works_beside_and_a_new_one_beside_it(
    program: Callable[..., Program], database_url: str
) -> None:
    program("one")
    old = Database(database_url, "P1")
    old.start()
    try:
        until(lambda: old.up)

        def say(db: Db) -> None:
            db.connection().exec_driver_sql("SELECT genba.present('P1', 'pc', '0.1.9', now())")
            db.commit()

        old.submit("operations", say, deadline_s=PATIENCE_S).result()
    finally:
        old.close(0.2)


def test_a_program_works_with_a_database_of_the_revision_before(
    program: Callable[..., Program], admin_url: str, database_url: str, tmp_path: Path
) -> None:
    ask(admin_url, "DROP FUNCTION genba.station_claim(text, uuid, uuid, text, boolean, double precision)")
    one = program("one")
    assert one.denied == ""
    assert not one.database.knows_presence


def test_killed_the_reading_of_a_machine_is_free_soon_and_frozen_it_is_not(
    program: Callable[..., Program], admin_url: str, expect_log: ExpectedLog
) -> None:
    one, two = program("one"), program("two", name="P2")

    def turn(by: Program, held: lease.Lease | None = None) -> tuple[lease.Lease | None, str]:
        def take(db: Db) -> tuple[lease.Lease | None, str]:
            answer = lease.turn(db, {"source:A": held}, by.name, 10.0)["source:A"]
            db.commit()
            return answer

        return by.database.submit("listen", take, deadline_s=PATIENCE_S).result()

    held, _ = turn(one)
    assert held is not None
    assert turn(two) == (None, "P1")
    ask(admin_url, "UPDATE genba.lease SET renewed_at = renewed_at - interval '4 s'")
    assert turn(two) == (None, "P1"), "late, but connected: nobody knows that it is dead"
    kept, _ = turn(one, held)
    assert kept is not None
    assert kept.epoch == held.epoch
    began = time.monotonic()
    one.claim.known = False  # killed: it gives nothing back
    one.database.close(0.2)
    until(lambda: turn(two)[0] is not None)
    assert time.monotonic() - began < 9.0, "before the lease is over by itself"


def test_notices_that_do_not_come_are_missed_and_listened_for_anew(
    program: Callable[..., Program], expect_log: ExpectedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_log(r"notices do not come through")
    monkeypatch.setattr("core.store.rounds.LOST_S", 0.2)
    one = program("one")
    gaps = threading.Event()
    one.database.listen("genba", lambda _: None, gaps.set)
    echo = Echo(one.database, "P1", SystemClock())

    def send() -> None:
        def say(db: Db) -> None:
            echo.send(db)
            db.commit()

        one.database.submit("operations", say, deadline_s=PATIENCE_S).result()

    until(lambda: one.beat() or send() or echo.lag_s is not None)  # type: ignore[func-returns-value]
    assert echo.lag_s is not None
    assert echo.lag_s < 5.0

    def deaf(db: Db) -> None:
        db.connection().exec_driver_sql("UNLISTEN *")
        db.commit()

    one.database.submit("listen", deaf, deadline_s=PATIENCE_S).result()
    gaps.clear()

    def heard_of_it() -> bool:
        send()
        time.sleep(0.3)
        return gaps.is_set()

    until(heard_of_it)
    echo.lag_s = None
    until(lambda: send() or echo.lag_s is not None)  # type: ignore[func-returns-value]


class SleepyClock(SystemClock):
    """Goes on by itself and by what it is told."""

    slept_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.slept_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.slept_s


def test_notices_that_went_with_a_connection_are_not_missed_a_second_time(program: Callable[..., Program]) -> None:
    """The loss was told as a gap; what was on its way then is no reason to throw the new connection away as well."""
    one, clock, gaps = program("one"), SleepyClock(), threading.Event()
    one.database.listen("genba", lambda _: None, gaps.set)
    echo = Echo(one.database, "P1", clock)

    def on(lane: Literal["listen", "operations"], *statements: str) -> None:
        def say(db: Db) -> None:
            for statement in statements:
                db.connection().exec_driver_sql(statement)
            if lane == "operations":
                echo.send(db)
            db.commit()

        one.database.submit(lane, say, deadline_s=PATIENCE_S).result()

    until(lambda: one.beat() or on("operations") or echo.lag_s is not None)  # type: ignore[func-returns-value]
    on("listen", "UNLISTEN *")
    on("operations")
    gaps.clear()
    one.database.listen_anew()
    until(lambda: one.beat() or gaps.is_set())  # type: ignore[func-returns-value]
    on("listen")  # its turn comes when everybody has been told
    clock.slept_s += 10 * LOST_S
    on("operations")  # a warning here fails the test


def test_the_home_belongs_to_one_program_until_that_dies(tmp_path: Path) -> None:
    held = lock_home(tmp_path)
    with pytest.raises(Unavailable) as caught:
        lock_home(tmp_path)
    assert caught.value.code == "station.home_in_use"
    assert all(caught.value.lines("ja"))
    held.close()
    words = "import sys, pathlib, core.store.presence as p; f = p.lock_home(pathlib.Path(sys.argv[1])); print('held', flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", words, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Unavailable):
            lock_home(tmp_path)
    finally:
        other.kill()
        other.communicate()
    lock_home(tmp_path).close()


def test_a_home_keeps_its_number(tmp_path: Path) -> None:
    number = installation_id(tmp_path)
    assert installation_id(tmp_path) == number
    (tmp_path / "installation-id").write_text("nonsense", encoding="ascii")
    assert installation_id(tmp_path) != number


class TurnedClock(SystemClock):
    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


def test_the_clock_goes_by_the_server_whoever_turns_the_computers(database_url: str, tmp_path: Path) -> None:
    own = TurnedClock()
    own.ahead = timedelta(days=1)
    clock = CorrectedClock(own)
    assert abs(clock.now() - datetime.now(UTC) - own.ahead) < timedelta(seconds=1), "nobody was asked yet"
    early = clock.now(), clock.reading()
    database = Database(database_url, "P1", correct=clock)
    database.start()
    try:
        until(lambda: database.up)
    finally:
        database.close(0.2)
    assert clock.ahead_s == pytest.approx(86_400, abs=0.5)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=0.5)
    own.ahead = timedelta(days=-1)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=0.5), "it does not follow"
    assert clock.ahead_s == pytest.approx(-86_400, abs=0.5)
    assert clock.ahead_at(*early) == pytest.approx(86_400, abs=0.5), "what the clock said then is known by how long ago it was"
    assert clock.ahead_at(early[0], None) == pytest.approx(-86_400, abs=0.5)


def test_the_time_on_the_way_is_not_taken_for_a_wrong_clock() -> None:
    own = SleepyClock()
    clock = CorrectedClock(own)

    def answer(_: object) -> SimpleNamespace:
        own.slept_s += 1.0
        at = own.now()
        own.slept_s += 1.0
        return SimpleNamespace(scalar_one=lambda: at)

    measure_clock(cast("Db", SimpleNamespace(execute=answer)), clock, often=False)
    assert clock.ahead_s == pytest.approx(0.0, abs=0.1)


def test_the_round_trip_that_took_least_says_it_best() -> None:
    clock = CorrectedClock(SystemClock())
    at, now = clock.monotonic(), datetime.now(UTC)
    clock.learn(now, at, at + 0.002)
    before = clock.ahead_s
    clock.learn(now + timedelta(seconds=9), at, at + 3.0)
    assert before is not None
    assert clock.ahead_s == pytest.approx(before, abs=0.01)
    clock.learn(now + timedelta(seconds=9), at, at + 0.001)
    assert clock.ahead_s == pytest.approx(before - 9, abs=0.01)


def test_the_look_around_leaves_out_where_the_station_is() -> None:
    two = {"host": "a,b", "port": "5432,5433", "dbname": "genba"}
    assert other_hosts(two, ("a", "5432")) == {"host": "b", "port": "5433", "dbname": "genba"}
    assert other_hosts(two, ("c", "5432")) == two
    assert other_hosts({"host": "a,b", "dbname": "genba"}, ("b", "5432")) == {"host": "a", "dbname": "genba"}
    assert other_hosts({"host": "a", "port": "1"}, ("a", "1")) == {"host": "a", "port": "1"}


def test_at_no_moment_more_than_three_connections_to_a_server(database_url: str, admin_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import make_url

    given = make_url(database_url)
    proxies = [CommitProxy(str(given.query["host"]), int(str(given.query["port"]))) for _ in range(2)]
    hosts = {"host": "127.0.0.1,127.0.0.1", "port": ",".join(str(proxy.port) for proxy in proxies)}
    url = given.update_query_dict(hosts).render_as_string(hide_password=False)
    monkeypatch.setattr("core.store.engine._LOOK_AROUND_S", 0.0)
    asked: list[str] = []
    import core.store.engine as engine

    real = engine.open_newest
    monkeypatch.setattr(engine, "open_newest", lambda p, *words: (asked.append(p["port"]), real(p, *words))[1])
    database = Database(url, "P1")
    database.start()
    try:
        until(lambda: database.up)
        for lane in ("operations", "queries"):
            database.submit(lane, lambda db: None, deadline_s=PATIENCE_S).result()  # type: ignore[arg-type]
        asked.clear()
        until(lambda: database._lanes["listen"].poke(idle=True) or asked)  # type: ignore[func-returns-value]
        here = database._lanes["listen"].server[1]
        assert asked
        assert all(here not in ports.split(",") for ports in asked)
    finally:
        database.close(0.2)
        for proxy in proxies:
            proxy.close()
