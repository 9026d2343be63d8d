"""One station behind a bad line: whatever it was told is booked once; and what would happen without the guards."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import make_url, text

from core.errors import GenbaError, NotConfirmed, Unavailable
from core.store import application, engine
from core.store.application import Work
from core.store.door import Door
from core.store.lane import Watchdog
from core.store.schema import Window
from tests.faults.link import Link, Mode, Notices
from tests.postgres import plain
from tests.store.rig import ALICE, TABLES, Station, ask, declared

T = TypeVar("T")
pytestmark = [pytest.mark.early, pytest.mark.timeout(300)]
FEW = 4
_BOOKED = "SELECT request_id FROM genba.test_entry WHERE thing_id = %s"


class FarStation(Station):
    """A station whose line can be as bad as a ``Link``."""

    def __init__(self, url: str, home: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.link: Link | None = None
        super().__init__(url, home)

    def start(self) -> None:
        if self.link is None:
            self.link = self._run(Link("127.0.0.1", self.proxy.port).open())
            self._url = make_url(self._url).update_query_dict({"port": str(self.link.ports[0])}).render_as_string(hide_password=False)
        super().start()

    def make(self, mode: Mode) -> None:
        async def change() -> None:
            assert self.link is not None
            self.link.mode = mode

        self._run(change())

    def reset(self) -> None:
        async def change() -> None:
            assert self.link is not None
            self.link.reset()

        self._run(change())

    def close(self) -> None:
        self.stop()
        assert self.link is not None
        self._run(self.link.close())
        self._run(asyncio.sleep(0.1))  # what was aborted closes in a later turn of the loop
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.proxy.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def home_coming(self) -> None:
        end = time.monotonic() + 90
        while not (self.database.up and self.door._failover.settled and not self.door.waiting):
            assert time.monotonic() < end, "did not come home"
            self.database._lanes["listen"].poke(idle=True)
            self.door.apply_waiting()
            time.sleep(0.05)


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def station(database_url: str, admin_url: str, ops: SimpleNamespace, tmp_path: Path) -> Iterator[FarStation]:
    ask(admin_url, TABLES)
    one = FarStation(database_url, tmp_path)
    try:
        one.wait(True)
        yield one
    finally:
        one.close()


@pytest.fixture
def thing(station: FarStation, ops: SimpleNamespace) -> UUID:
    made = station.door.do(ops.create, ALICE, {"name": "far away"}).view.id
    station.door.ask(ops.list, ALICE, {})
    return UUID(str(made))


def count_for(station: Station, ops: SimpleNamespace, thing: UUID, seconds: float) -> list[UUID]:
    """What was told as done or waiting, by somebody who counts as fast as he can, and longer while he was hardly told anything."""
    told: list[UUID] = []
    began = time.monotonic()
    while (took := time.monotonic() - began) < seconds or (len(told) < FEW and took < 60):
        with contextlib.suppress(NotConfirmed, Unavailable):  # told as not kept, or as not known yet
            told.append(station.door.do(ops.count, ALICE, {"thing_id": thing}).request_id)
        time.sleep(0.02)
    return told


@pytest.mark.parametrize("mode", ["lossy", "far", "narrow", "slow", "deaf_up", "deaf_down", "resets"])
def test_over_a_bad_line_every_decision_is_booked_once(
    station: FarStation, ops: SimpleNamespace, thing: UUID, admin_url: str, mode: Any, expect_log: Any
) -> None:
    expect_log("database is down", surely=False)
    if mode == "resets":
        ended = threading.Event()

        def storm() -> None:
            while not ended.wait(0.07):
                station.reset()

        weather = threading.Thread(target=storm)
        weather.start()
        told = count_for(station, ops, thing, 5)
        ended.set()
        weather.join()
    else:
        station.make(mode)
        told = count_for(station, ops, thing, 7)
        station.make("ok")
    told += count_for(station, ops, thing, 0.5)
    station.home_coming()
    booked = [request for (request,) in ask(admin_url, _BOOKED, thing)]
    assert set(told) <= set(booked)
    assert len(booked) == len(set(booked))
    assert ask(admin_url, "SELECT count FROM genba.test_thing WHERE id = %s", thing) == [(len(booked),)]
    assert station.door.attending.entries() == []
    assert len(told) >= FEW


def test_a_lost_answer_taken_for_a_no_is_booked_twice(
    station: FarStation, ops: SimpleNamespace, thing: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """The mutant of every line that loses answers: "unknown" guessed to be "not done", so the person does it again."""
    expect_log("database is down", surely=False)

    def guess(self: Door, work: Work, error: GenbaError) -> Any:
        self._forget(work.request.id)
        raise error

    monkeypatch.setattr(Door, "_interrupted", guess)
    station.proxy.lose("after")
    with pytest.raises(Unavailable):
        station.door.do(ops.count, ALICE, {"thing_id": thing})
    station.proxy.back()
    station.home_coming()
    for _ in range(10):  # the person presses until he is told that it is done
        with contextlib.suppress(Unavailable):
            station.door.do(ops.count, ALICE, {"thing_id": thing})
            break
    assert len(ask(admin_url, _BOOKED, thing)) >= 2


def test_without_the_watchdog_a_line_that_keeps_silent_holds_who_asks(station: FarStation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watchdog, "watch", lambda self, job, cut: None)
    began = time.monotonic()
    station.database.submit("queries", lambda db: db.execute(text("SELECT pg_sleep(1)")), deadline_s=0.2).result(20)
    assert time.monotonic() - began > 0.9


def test_without_the_gap_told_a_lost_notice_is_never_missed(
    station: FarStation, admin_url: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    """The mutant of a listening connection that was ended while something changed: nobody asks again."""
    expect_log("database is down", surely=False)
    gaps: list[bool] = []
    monkeypatch.setattr(engine.Database, "_announce_gaps", lambda self, heard: None)
    station.database.listen("genba", lambda _: None, lambda: gaps.append(True))
    lane = station.database._lanes["listen"]
    before = lane.generation
    station.reset()
    end = time.monotonic() + 60
    while lane.generation == before or not station.database.up:
        assert time.monotonic() < end
        lane.poke(idle=True)
        time.sleep(0.02)
    assert gaps == []


# ---- locks -------------------------------------------------------------------------------------------------------------

_SERIALIZED = """
CREATE FUNCTION genba.test_enter() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END';
CREATE TRIGGER test_enter BEFORE INSERT ON genba.{table} FOR EACH ROW EXECUTE FUNCTION genba.test_enter()
"""


def through_a_deadlock(station: FarStation, ops: SimpleNamespace, thing: UUID, admin_url: str, table: str = "test_entry") -> list[Any]:
    """What came of one count that met another transaction head on; the other one is patient, so that this one is the victim."""
    ask(admin_url, _SERIALIZED.format(table=table))
    came: list[Any] = []

    def count() -> None:
        try:
            came.append(station.door.do(ops.count, ALICE, {"thing_id": thing}))
        except GenbaError as error:
            came.append(error)

    operator = threading.Thread(target=count)
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with psycopg.connect(plain(admin_url)) as other:
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SELECT pg_advisory_xact_lock(4711)")
        operator.start()
        end = time.monotonic() + 60
        while ask(admin_url, waits) == [(0,)]:
            assert time.monotonic() < end
        other.execute("SELECT 1 FROM genba.test_thing WHERE id = %s FOR UPDATE", (thing,))
    operator.join()
    return came


def test_who_is_the_victim_of_a_deadlock_tries_again_with_the_same_key(
    station: FarStation, ops: SimpleNamespace, thing: UUID, admin_url: str
) -> None:
    (done,) = through_a_deadlock(station, ops, thing, admin_url)
    assert done.state == "applied"
    assert ask(admin_url, _BOOKED, thing) == [(done.request_id,)]


def test_what_is_tried_again_is_told_to_other_systems_once(station: FarStation, ops: SimpleNamespace, thing: UUID, admin_url: str) -> None:
    """The deadlock comes when the message is written: what was queued for the first try must not stand there twice."""
    ask(admin_url, """INSERT INTO genba.external_system (code, name, kind, topics) VALUES ('MES', '{}', 'mes', '["thing.counted"]')""")
    (done,) = through_a_deadlock(station, ops, thing, admin_url, "outbox")
    assert done.state == "applied"
    assert ask(admin_url, "SELECT count(*) FROM genba.outbox WHERE request_id = %s", done.request_id) == [(1,)]


def test_without_trying_again_the_victim_of_a_deadlock_has_to_wait(
    station: FarStation, ops: SimpleNamespace, thing: UUID, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "_TRIES", 1)
    (told,) = through_a_deadlock(station, ops, thing, admin_url)
    assert told.state == "waiting"
    assert ask(admin_url, _BOOKED, thing) == []


def test_without_a_limit_a_lock_is_waited_for_until_the_deadline(
    station: FarStation, admin_url: str, thing: UUID, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    expect_log("database is down", surely=False)
    monkeypatch.setitem(engine._LIMITS, "lock_timeout", "0")
    station.restart()
    station.wait(True)
    told = []
    with psycopg.connect(plain(admin_url)) as other:
        other.execute("SELECT 1 FROM genba.test_thing WHERE id = %s FOR UPDATE", (thing,))
        lock = text("SELECT 1 FROM genba.test_thing WHERE id = :id FOR UPDATE")
        try:
            station.database.submit("operations", lambda db: db.execute(lock, {"id": thing}), deadline_s=5.0).result(30)
        except GenbaError as error:
            told.append(error.code)
    assert told == ["store.deadline"], "with the limit it is store.busy, after three seconds"


def test_without_the_window_a_program_writes_into_a_schema_it_does_not_know(
    station: FarStation, admin_url: str, monkeypatch: pytest.MonkeyPatch, expect_log: Any
) -> None:
    expect_log("database is read-only for this station", surely=False)  # when the test is over and the guard is back
    monkeypatch.setattr(Window, "verdict", lambda self, program="": None)
    ask(admin_url, "UPDATE genba.schema_compat SET oldest_program = '98', newest_program = '99'")
    station.restart()
    station.wait(True)
    assert station.database.state.read_only is None


def test_notices_are_taken_out_whole_wherever_a_packet_ends() -> None:
    def message(kind: bytes, body: bytes) -> bytes:
        return kind + (len(body) + 4).to_bytes(4) + body

    said = [message(b"D", b"row"), message(b"A", b"a notice"), message(b"Z", b"I"), message(b"A", b""), message(b"C", b"x" * 300)]
    stream = b"".join(said)
    for step in (1, 2, 3, 7, 1_000):
        parts = [stream[at : at + step] for at in range(0, len(stream), step)]
        for drop, expected in ((False, stream), (True, b"".join(one for one in said if one[:1] != b"A"))):
            notices = Notices()
            assert b"".join(notices.without(part, drop=drop) for part in parts) == expected
