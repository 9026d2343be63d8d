"""Machine facts that the database has confirmed, kept for a while: a failover may take the last of them back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

R = TypeVar("R")

CONFIRMED_MAX: Final = 5_000
"""Facts of one source and kind kept at most, about 1 MB."""
KEEP_S: Final = 3_600.0
"""So long they are kept: far longer than a standby may lag behind and still be promoted."""


class Confirmed(Generic[R]):
    """The facts of one source under one lease, each with the life of the database that confirmed it. Facts are immutable.

    Used by the recorder's loop; ``elsewhere`` also by a lane while that loop waits for it.
    """

    def __init__(self) -> None:
        self._facts: deque[tuple[str, float, R]] = deque(maxlen=CONFIRMED_MAX)

    def add(self, lineage: str, facts: Sequence[R], now_s: float) -> None:
        """``lineage`` has confirmed ``facts``; ``now_s`` on the monotonic clock."""
        self._facts.extend((lineage, now_s, fact) for fact in facts)
        while self._facts and self._facts[0][1] < now_s - KEEP_S:
            self._facts.popleft()

    def elsewhere(self, lineage: str) -> bool:
        """Whether any was confirmed by another life of the database only."""
        return any(one != lineage for one, *_ in self._facts)

    def facts(self) -> list[R]:
        """All, in the order in which they were confirmed."""
        return [fact for *_, fact in self._facts]

    def moved(self, lineage: str) -> None:
        """All of them are in this life of the database as well."""
        self._facts = deque(((lineage, at, fact) for _, at, fact in self._facts), maxlen=CONFIRMED_MAX)
