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
    """A stop-watch on the values of many tags: ``begin`` when they flow, ``end`` some seconds later."""

    def __init__(self) -> None:
        self.latest: dict[Any, float] = {}
        self.updates = 0
        self._before = 0

    def begin(self) -> None:
        """Count from here."""
        self._first = dict(self.latest)
        self._before += self.updates
        self.updates = 0
        self._at, self._cpu = time.perf_counter(), time.process_time()

    def end(self) -> Count:
        """What came since."""
        seconds, cpu_s, updates = time.perf_counter() - self._at, time.process_time() - self._cpu, self.updates
        turns = sum(round(value - self._first.get(tag, value)) for tag, value in self.latest.items())
        return Count(updates, turns, seconds, cpu_s, self.ever)

    @property
    def ever(self) -> int:
        """Values since the beginning."""
        return self._before + self.updates


WARM_S = 1.0


async def watched(watch: Watched, seconds: float) -> Count:
    """Let it warm up, then watch."""
    await asyncio.sleep(WARM_S)
    watch.begin()
    await asyncio.sleep(seconds)
    return watch.end()
