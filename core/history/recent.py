"""The last hours of every tag in memory, for trends that draw at once and go on while the database is away.

Fixed memory: per tag one ring of time, value and quality that grows to its capacity and then forgets the oldest.
"""

from __future__ import annotations

from collections.abc import KeysView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.history.moment import moment
from core.live.sample import Batch, Quality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CAPACITY: Final = 7_200
"""Samples kept per tag: two hours at one a second, 17 bytes each."""
_FIRST: Final = 64
_TOGETHER: Final = 64
"""Samples of a tag that wait for their place in its arrays; not more than the smallest capacity."""


@dataclass(frozen=True, slots=True)
class Columns:
    """A stretch of one tag's past, reduced to what can be seen.

    Attributes:
        at: Left edge of each column, UNIX seconds UTC, shape (columns,), float64, evenly spaced.
        low, high: Smallest and largest usable value in force during each column, engineering units, shape (columns,),
            float64; NaN where none was: a gap to draw as a gap.
    """

    at: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class _Ring:
    """Times never fall; a value holds until the next one, NaN holds for "not usable".

    New samples wait in plain lists until somebody looks or ``_TOGETHER`` of them are there: setting elements of an array one by
    one costs ten times as much, and ten thousand samples come in one turn of the loop.
    """

    __slots__ = ("_ats", "_qualities", "_values", "added", "at", "capacity", "count", "last_at", "quality", "start", "value")

    def __init__(self, capacity: int) -> None:
        import numpy as np  # the first batch arrives long after the first paint

        self.capacity = capacity
        self.at = np.empty(_FIRST)
        self.value = np.empty(_FIRST)
        self.quality = np.empty(_FIRST, np.uint8)
        self.start = 0
        self.count = 0
        self.added = 0
        self.last_at = float("-inf")
        self._ats: list[float] = []
        self._values: list[float] = []
        self._qualities: list[int] = []

    def add(self, at: float, value: float, quality: int) -> None:
        # Two times of one source may arrive crossed; the order of arrival is kept, so that a search stays possible.
        if at < self.last_at:
            at = self.last_at
        if value != value and self._is_gap(quality):
            return  # still not usable for the same reason: nothing new to keep
        self.last_at = at
        self._ats.append(at)
        self._values.append(value)
        self._qualities.append(quality)
        if len(self._ats) >= _TOGETHER:
            self.settle()

    def _is_gap(self, quality: int) -> bool:
        """Whether the latest sample was not usable, by this quality."""
        if self._ats:
            last, why = self._values[-1], self._qualities[-1]
        elif self.count:
            at = (self.start + self.count - 1) % len(self.at)
            last, why = float(self.value[at]), int(self.quality[at])
        else:
            return False
        return last != last and why == quality

    def settle(self) -> None:
        """Put what waits into the arrays."""
        import numpy as np

        new = len(self._ats)
        if not new:
            return
        while self.count + new > len(self.at) < self.capacity:
            self._grow(min(2 * len(self.at), self.capacity))
        size = len(self.at)
        slots = (self.start + self.count + np.arange(new)) % size
        self.at[slots], self.value[slots], self.quality[slots] = self._ats, self._values, self._qualities
        over = max(0, self.count + new - size)
        self.added += new
        self.start = (self.start + over) % size
        self.count += new - over
        self._ats, self._values, self._qualities = [], [], []

    def _grow(self, size: int) -> None:
        import numpy as np

        at, value, quality = self._unrolled()
        for name, old in (("at", at), ("value", value), ("quality", quality)):
            new = np.empty(size, old.dtype)
            new[: self.count] = old
            setattr(self, name, new)
        self.start = 0

    def _unrolled(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
        import numpy as np

        index = (self.start + np.arange(self.count)) % len(self.at)
        return self.at[index], self.value[index], self.quality[index]

    def fill(self, at: NDArray[np.float64], value: NDArray[np.float64], quality: NDArray[np.uint8]) -> None:
        """Take over a whole past at once, into a ring that is empty: the newest of it, in order of time."""
        import numpy as np

        number = min(len(at), self.capacity - 1)
        size = min(self.capacity, max(_FIRST, number + 1))
        self.at, self.value, self.quality = np.empty(size), np.empty(size), np.empty(size, np.uint8)
        self.at[:number] = np.maximum.accumulate(at)[-number:]
        self.value[:number], self.quality[:number] = value[-number:], quality[-number:]
        self.count = self.added = number
        self.last_at = float(self.at[number - 1])

    def newest(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
        """Copies of the last ``number`` samples that are kept, in order of time; call ``settle`` before."""
        import numpy as np

        number = min(number, self.count)
        index = (self.start + self.count - number + np.arange(number)) % len(self.at)
        return self.at[index], self.value[index], self.quality[index]

    def ordered(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
        """Copies in order of time, shape (count,)."""
        self.settle()
        return self._unrolled()


class Recent:
    """Recent samples of all numeric tags. Belongs to the loop of the live table; subscribe ``put`` to it.

    Args:
        capacity: Samples kept per tag, ≥ 64.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._rings: dict[str, _Ring] = {}
        self._known_until = float("-inf")

    def put(self, batch: Batch) -> None:
        """Keep the numeric samples of ``batch``; texts are skipped, values that are not usable are kept as a gap."""
        self._known_until = max(self._known_until, batch.received_at)
        rings, received_at = self._rings, batch.received_at
        for tag, value, quality, source_at in zip(batch.tags, batch.values, batch.qualities, batch.source_at, strict=True):
            if quality.usable:
                if not isinstance(value, int | float):
                    continue
                number = float(value)
            else:
                number = float("nan")
            ring = rings.get(tag)
            if ring is None:
                if number != number:
                    continue  # a gap before the first value is no news
                ring = rings[tag] = _Ring(self._capacity)
            ring.add(moment(source_at, received_at), number, quality)

    def forget(self, tags: set[str]) -> None:
        """Drop tags that left the site."""
        for tag in tags:
            self._rings.pop(tag, None)

    @property
    def tags(self) -> KeysView[str]:
        """Names of all tags of which something is kept; changes with them."""
        return self._rings.keys()

    def since(self, tag: str, mark: int) -> tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
        """(next mark, times, values, qualities) of what was added after ``mark`` (0: everything) and is not forgotten."""
        ring = self._rings[tag]
        ring.settle()
        return (ring.added, *ring.newest(ring.added - mark))

    def refill(self, tag: str, at: NDArray[np.float64], value: NDArray[np.float64], quality: NDArray[np.uint8]) -> None:
        """Take over what an earlier run kept of a tag, in order of time, before anything of this run; afterwards there is a gap."""
        if tag in self._rings or not len(at):
            return
        ring = self._rings[tag] = _Ring(self._capacity)
        ring.fill(at, value, quality)
        ring.add(ring.last_at, float("nan"), int(Quality.NEVER))  # nobody knows how long it went on
        ring.settle()

    def span(self, tag: str) -> tuple[float, float] | None:
        """Time of the oldest kept sample and until when values are known, UNIX seconds UTC; None for nothing kept."""
        ring = self._rings.get(tag)
        if ring is None:
            return None
        ring.settle()
        return float(ring.at[ring.start]), max(self._known_until, ring.last_at)

    def value_at(self, tag: str, at: float) -> tuple[float | None, Quality]:
        """What was in force at ``at`` (UNIX seconds UTC), for a cursor: (value, quality).

        The value is None when it was not usable, or nothing was known yet (quality NEVER).
        """
        import numpy as np

        ring = self._rings.get(tag)
        span = self.span(tag)
        if ring is None or span is None or not span[0] <= at <= span[1]:
            return None, Quality.NEVER
        times, values, qualities = ring.ordered()
        index = int(np.searchsorted(times, at, side="right")) - 1
        value = float(values[index])
        return (None if value != value else value), Quality(int(qualities[index]))

    def window(self, tag: str, from_s: float, to_s: float, columns: int) -> Columns:
        """Smallest and largest value per pixel column between two times.

        A value is in force from its time until the next sample, so a slow tag makes a line and not dots. What lies
        before the first kept sample or after the last news is a gap.

        Args:
            tag: Tag name; an unknown one is all gap.
            from_s, to_s: UNIX seconds UTC, from < to; column i covers [from + i·w, from + (i + 1)·w).
            columns: Number of columns, ≥ 1.
        """
        import numpy as np

        edges = np.linspace(from_s, to_s, columns + 1)
        low, high = np.full(columns, np.nan), np.full(columns, np.nan)
        ring, span = self._rings.get(tag), self.span(tag)
        if ring is not None and span is not None:
            times, values, _ = ring.ordered()
            first = np.searchsorted(times, edges, side="left")
            # The value in force when a column begins is the last one before its left edge.
            held = np.where(first[:-1] > 0, values[np.maximum(first[:-1] - 1, 0)], np.nan)
            held[edges[:-1] > span[1]] = np.nan
            low[:], high[:] = held, held
            filled = np.flatnonzero(first[1:] > first[:-1])
            if len(filled):
                inside = values[: first[-1]]
                starts = first[filled]
                low[filled] = np.fmin(held[filled], np.fmin.reduceat(inside, starts))
                high[filled] = np.fmax(held[filled], np.fmax.reduceat(inside, starts))
        return Columns(edges[:-1], low, high)
