"""Brings the last two hours back when the station starts, and puts them aside once a minute while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from core.clock import Clock
from core.history.recent import Recent
from core.history.remembered import Remembered, Stretch

EVERY_S: Final = 60.0
_AT_ONCE: Final = 100
"""Tags that are looked at in one turn of the loop: a millisecond or two."""


class Remembering:
    """Belongs to the station's loop; what touches the disk runs where ``on`` says.

    Args:
        recent: Of the station.
        folder: Of the pieces.
        clock: Of the station.
        on: Runs blocking work on a thread.
    """

    def __init__(self, recent: Recent, folder: Path, clock: Clock, on: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        self._recent, self._clock, self._on = recent, clock, on
        self._remembered = Remembered(folder)
        self._marks: dict[str, int] = {}

    async def bring_back(self) -> None:
        """Fill the station's memory with what the last run kept; before the first value of this one."""
        found: dict[str, Stretch] = await self._on(partial(self._remembered.read, self._clock.now().timestamp()))
        for number, (tag, stretch) in enumerate(found.items()):
            self._recent.refill(tag, stretch.at, stretch.value, stretch.quality)
            self._marks[tag] = self._recent.since(tag, 0)[0]
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def run(self) -> None:
        """Put aside what was added, once a minute, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.put_aside()

    async def put_aside(self) -> None:
        """Keep what was added since the last time."""
        added: dict[str, Stretch] = {}
        for number, tag in enumerate(list(self._recent.tags)):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            if tag not in self._recent.tags:
                continue  # it left the site between two turns
            mark, at, value, quality = self._recent.since(tag, self._marks.get(tag, 0))
            self._marks[tag] = mark
            if len(at):
                added[tag] = Stretch(at, value, quality)
        if added:
            await self._on(partial(self._remembered.write, added, self._clock.now().timestamp()))
