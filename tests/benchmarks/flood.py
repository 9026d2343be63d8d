"""How a flood is described and watched: what saturates one driver, and the count of what a client received of it.

Every value tells the turn in which its server wrote it, so that both sides can count. A protocol that reports by itself must
deliver every turn of every tag; of one that is asked, every value the server has handed out must have arrived.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.live.tags import SourceSpec, TagSpec


@dataclass
class Count:
    """What one form of client received in the time it was watched.

    Attributes:
        updates: Values.
        turns: Sum of the turns that its tags advanced: what it should have received of a protocol that reports by itself.
        seconds, cpu_s: How long, and what the process (all threads) worked in that time.
        ever: Values received since the client was started, also outside that time.
    """

    updates: int
    turns: int
    seconds: float
    cpu_s: float
    ever: int = 0


@dataclass(frozen=True)
class Flood:
    """One protocol.

    Attributes:
        server: Module of ``tests.servers``.
        order: What makes the server write by itself: verb and arguments.
        source: The source behind a port.
        tags: Its tags.
        bare: The library alone against that port for some seconds.
        reports: The machine sends by itself; else it is asked.
        answered: Order that tells how many values the server has handed out; None where only turns are counted.
        per_value: What that order counts for one value (four registers make a double).
        learning: Values that our driver is handed while it learns types, and that are no samples.
        in_flight: Values that may be on their way when a client leaves.
    """

    server: str
    order: tuple[Any, ...]
    source: Callable[[int], SourceSpec]
    tags: Callable[[], Sequence[TagSpec]]
    bare: Callable[[int, float], Awaitable[Count]]
    reports: bool
    answered: str | None = None
    per_value: int = 1
    learning: int = 0
    in_flight: int = 0


class Watched:
    """A stop-watch on the values of many tags: ``begin`` when they flow, ``end`` some seconds later.

    It runs from one arrival to another: what comes in a round every second would else count once too often or too seldom.
    """

    def __init__(self) -> None:
        self.latest: dict[Any, float] = {}
        self.ever = 0
        self._arrived = (0, 0.0, 0.0)

    def add(self, count: int) -> None:
        """So many values have arrived, and are in ``latest`` or will be when somebody looks."""
        self.ever += count
        self._arrived = (self.ever, time.perf_counter(), time.process_time())

    def begin(self) -> None:
        """Count from the latest arrival."""
        self._first = dict(self.latest)
        self._began = self._arrived

    def end(self) -> Count:
        """What came since, up to the latest arrival."""
        (before, at, cpu_s), (ever, now, cpu_now_s) = self._began, self._arrived
        if ever == before:
            raise RuntimeError("nothing arrived")
        turns = sum(round(value - self._first.get(tag, value)) for tag, value in self.latest.items())
        return Count(ever - before, turns, now - at, cpu_now_s - cpu_s, self.ever)


WARM_S = 1.0


async def watched(watch: Watched, seconds: float) -> Count:
    """Let it warm up, then watch."""
    await asyncio.sleep(WARM_S)
    watch.begin()
    await asyncio.sleep(seconds)
    return watch.end()
