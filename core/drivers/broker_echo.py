"""What was sent to a machine behind a broker, until its own message shows it: the read-back of protocols nobody can ask."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterable

from core.live.sample import Batch, Value

_AWAITED_S = 1.5


class Echo:
    """Values that a machine should soon report by itself. Belongs to one loop."""

    def __init__(self) -> None:
        self._expected: dict[str, Value] = {}
        self._news = asyncio.Event()

    @property
    def waits(self) -> bool:
        """Whether anything is expected."""
        return bool(self._expected)

    def sent(self, tag: str, value: Value) -> None:
        """``value`` is on its way to ``tag``."""
        self._expected[tag] = value

    def heard(self, tag: str, value: Value) -> None:
        """The machine itself reported ``value``; cheap while nothing is expected."""
        if self._expected and tag in self._expected and _same(self._expected[tag], value):
            del self._expected[tag]
            self._news.set()

    async def settle(self, tags: Iterable[str], seconds: float = _AWAITED_S) -> None:
        """Wait until what was sent to ``tags`` was reported; after ``seconds`` it is no longer expected, and what is known must do."""
        names = set(tags)
        try:
            async with asyncio.timeout(seconds):
                while not names.isdisjoint(self._expected):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            for name in names:
                self._expected.pop(name, None)


def _same(wanted: Value, found: Value) -> bool:
    """Equal, or the nearest number of four bytes: a machine may keep less digits than it was sent."""
    if isinstance(wanted, int | float) and isinstance(found, int | float) and not isinstance(wanted, bool) and not isinstance(found, bool):
        return math.isclose(wanted, found, rel_tol=1e-6, abs_tol=1e-12)
    return type(wanted) is type(found) and wanted == found


def without(batch: Batch, names: Collection[str]) -> Batch:
    """``batch`` without the samples of tags that somebody only tries: they are not the site's."""
    rest = Batch(batch.source, batch.received_at)
    for index, name in enumerate(batch.tags):
        if name not in names:
            rest.add(name, batch.values[index], batch.qualities[index], batch.source_at[index], batch.statuses.get(index, ""))
    return rest
