"""A lane by itself: a deadline counts at whatever moment it comes, and nothing ends the thread but its owner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import text

from core.clock import SystemClock
from core.errors import GenbaError
from core.store.address import connect_parameters
from core.store.dialling import Opened, open_newest
from core.store.lane import Job, Lane, Watchdog
from core.store.lineage import Seen
from core.store.sealing import KeyRing
from tests.postgres import TestServer

PATIENCE_S = 60.0


class Bench:
    """A lane to a real database; ``after_dialling`` is called between the connection's coming about and its first use."""

    def __init__(self, url: str) -> None:
        self.clock = SystemClock()
        self.after_dialling: Callable[[], None] = lambda: None
        self._parameters = connect_parameters(url, "genba/bench")
        self.watchdog = Watchdog("bench-watchdog", self.clock)
        self.lane = Lane(
            "bench-lane",
            dial=self._dial,
            watchdog=self.watchdog,
            clock=self.clock,
            heard=lambda channel, payload: None,
            lost=lambda reason: None,
            outdated=lambda lineage: False,
            ring=KeyRing(),
        )
        self.watchdog.start()
        self.lane.start()

    def _dial(self, give_up: Callable[[], bool]) -> Opened:
        opened = open_newest(self._parameters, Seen(), give_up)
        self.after_dialling()
        return opened

    def job(self, run: Callable[[Any], Any], future: Future[Any] | None = None) -> Job:
        return Job(run, self.clock.monotonic() + PATIENCE_S, future or Future())

    def expire(self, job: Job) -> None:
        """What the watchdog does at the deadline."""
        job.expire(lambda: self.lane.cut(job), "store.deadline")

    def works(self) -> bool:
        job = self.job(lambda db: db.execute(text("SELECT 1")).scalar_one())
        self.lane.submit(job)
        return bool(job.future.result(PATIENCE_S) == 1)

    def close(self) -> None:
        self.lane.close(1.0)
        self.lane.join(PATIENCE_S)
        self.watchdog.close()
        self.watchdog.join(PATIENCE_S)


@pytest.fixture
def bench(postgres: TestServer, database_url: str) -> Iterator[Bench]:
    bench = Bench(database_url)
    yield bench
    bench.close()


def told(job: Job) -> str:
    error = job.future.exception(PATIENCE_S)
    assert isinstance(error, GenbaError)
    return error.code


def test_a_deadline_that_comes_when_the_connection_has_just_come_about_is_kept(bench: Bench) -> None:
    ran: list[bool] = []
    job = bench.job(lambda db: ran.append(True))
    bench.after_dialling = lambda: bench.expire(job)  # there is nothing to cut yet
    bench.lane.submit(job)
    assert told(job) == "store.deadline"
    bench.after_dialling = lambda: None
    assert bench.works()
    assert ran == [], "nobody would have cut it, however long the server had kept silent"


class Late(Future[Any]):
    """Its deadline comes at the very moment when the lane begins with it."""

    expire: Callable[[], None]

    def set_running_or_notify_cancel(self) -> bool:
        watchdog = threading.Thread(target=self.expire)
        watchdog.start()
        watchdog.join(0.5)
        return super().set_running_or_notify_cancel()


def test_a_deadline_that_comes_when_the_work_begins_is_kept_and_ends_no_lane(bench: Bench) -> None:
    assert bench.works()
    future = Late()
    job = bench.job(lambda db: db.execute(text("SELECT pg_sleep(30)")), future)
    future.expire = lambda: bench.expire(job)
    before = bench.clock.monotonic()
    bench.lane.submit(job)
    assert told(job) == "store.deadline"
    assert bench.works()
    assert bench.clock.monotonic() - before < 30, "the statement went on to its end"
