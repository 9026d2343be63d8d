"""Notices of what changed, told at once when it is quiet and in portions when it is not.

Every notice lets the screens of every station ask again. Fifty stations that ask again for each of twenty changes a second leave the
database no time for the changes themselves; asked twice a second a list is as good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from core.clock import Clock

PAUSE_S: Final = 0.5
"""Between two portions; the first notice after a quiet time waits for nothing."""


class Noticing:
    """Belongs to the station's loop.

    Args:
        clock: Of the station.
        tell: Gets everything that changed since it was told last.
    """

    def __init__(self, clock: Clock, tell: Callable[[frozenset[str]], None]) -> None:
        self._clock, self._tell = clock, tell
        self._keys: set[str] = set()
        self._not_before = clock.monotonic()
        self._due: asyncio.TimerHandle | None = None

    def heard(self, keys: frozenset[str]) -> None:
        """Take what one notice says."""
        self._keys |= keys
        if self._due is None:
            rest_s = self._not_before - self._clock.monotonic()
            if rest_s <= 0:
                self._pass_on()
            else:
                self._due = asyncio.get_running_loop().call_later(min(rest_s, PAUSE_S), self._pass_on)

    def close(self) -> None:
        """Tell nothing any more."""
        if self._due is not None:
            self._due.cancel()

    def _pass_on(self) -> None:
        keys, self._keys, self._due = frozenset(self._keys), set(), None
        self._not_before = self._clock.monotonic() + PAUSE_S
        self._tell(keys)
