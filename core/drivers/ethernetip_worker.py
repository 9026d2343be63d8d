"""A thread of its own for one connection: the library blocks, the loop must not.

A daemon thread and not a pool: whatever hangs inside the library or the operating system's name service keeps neither the
other machines waiting nor the program from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from core.drivers.ethernetip_link import LinkLost

T = TypeVar("T")

_OPERATOR, _POLL = 0, 1
_LET_FINISH_S = 1.6
_AFTER_CUT_S = 1.0


class Link(Protocol):
    """What the thread does with a link at its end."""

    def goodbye(self) -> None:
        """Say goodbye."""
        ...

    def cut(self) -> None:
        """Close from whatever thread."""
        ...


class Unsent(LinkLost):
    """The link was lost while this work still waited for its turn: nothing of it was sent."""


@dataclass(order=True, slots=True)
class _Job:
    rank: int
    number: int
    work: Callable[[], Any] | None = field(compare=False)
    future: Future[Any] = field(compare=False, default_factory=Future)


class LinkThread:
    """Runs work on one link, one piece at a time, operators' before polling. Belongs to the loop that made it.

    Args:
        link: Closed when the thread ends, or from outside when it does not.
        name: Of the thread.
    """

    def __init__(self, link: Link, name: str) -> None:
        self._link = link
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._lost: LinkLost | None = None
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether work is still taken."""
        return self._lost is None

    async def call(self, work: Callable[[], T], *, first: bool = False) -> T:
        """The result of ``work`` on the thread; when the caller is cancelled before it began it never runs.

        Args:
            work: Whatever it raises, this raises; LinkLost ends the thread.
            first: Before all polling that waits.

        Raises:
            Unsent: The link is lost and ``work`` did not begin.
            LinkLost: The link was lost in it.
        """
        job = _Job(_OPERATOR if first else _POLL, next(self._numbers), work)
        with self._lock:
            if self._lost is not None:
                raise Unsent(str(self._lost))
            self._jobs.put(job)
        result: T = await asyncio.wrap_future(job.future)
        return result

    def _run(self) -> None:
        try:
            while True:
                job = self._jobs.get()
                if job.work is None:
                    self._refuse(LinkLost("closed"))
                    self._link.goodbye()
                    return
                if job.future.set_running_or_notify_cancel():
                    self._do(job)
                if self._lost is not None:
                    return
        finally:
            self._refuse(LinkLost("closed"))
            self._link.cut()
            with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                self._loop.call_soon_threadsafe(self._ended.set)

    def _do(self, job: _Job) -> None:
        assert job.work is not None  # _run ends at the one without work
        try:
            result = job.work()
        except LinkLost as error:
            self._refuse(error)
            job.future.set_exception(error)
        except Exception as error:  # noqa: BLE001 - the caller's own error, raised where it waits
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _refuse(self, error: LinkLost) -> None:
        """Take no more work, and fail what waits: it was never sent."""
        with self._lock:
            self._lost = self._lost or error
            waiting = []
            with contextlib.suppress(queue.Empty):
                while True:
                    waiting.append(self._jobs.get_nowait())
        for job in waiting:
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(Unsent(str(self._lost)))

    async def close(self) -> None:
        """End the thread: with a goodbye when it listens, by closing its socket when it does not; at worst leave it behind."""
        with self._lock:
            if self._lost is None:
                self._jobs.put(_Job(-1, next(self._numbers), None))
        if await self._ends_within(_LET_FINISH_S):
            return
        self._link.cut()
        await self._ends_within(_AFTER_CUT_S)

    async def _ends_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        if self._ended.is_set():
            self._thread.join(0.2)  # it has nothing left to do but to return
            return True
        return False
