"""How a connection does, in numbers: updates per second, latency, and how far the machine's clock is from ours. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from core.live.sample import Batch

_COUNTED_S: Final = 10.0
_INITIAL_S: Final = 2.0
_CLOCK_READINGS: Final = 20
_TRANSPORT_S: Final = 1.0
"""A delay up to this is taken for transport and polling, not for a clock that is behind: one direction alone cannot tell them apart."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What ``LinkStatus`` shows of the last ten seconds.

    Attributes:
        updates_per_s: Samples received.
        latency_ms: Median, 95th and 99th percentile, the clock difference taken out; None without source times.
        clock_ahead_s: How far the machine's clock is ahead; None while unknown.
    """

    updates_per_s: float
    latency_ms: tuple[float, float, float] | None
    clock_ahead_s: float | None


class Counters:
    """Counts what one source delivers."""

    def __init__(self) -> None:
        self.errors = 0
        self.connections = 0
        self._recent: deque[tuple[float, int, float | None]] = deque()
        self._first: float | None = None
        self._newest: float | None = None
        self._delays: deque[float] = deque(maxlen=_CLOCK_READINGS)

    def count(self, batch: Batch, monotonic: float) -> None:
        """Note ``batch``; its freshest sample stands for its latency.

        What comes first after connecting are values that arose before and say nothing about latency; neither does a
        machine that says again what it has said.
        """
        if self._first is None:
            self._first = monotonic
        newest = _newest(batch.source_at)
        said_before, self._newest = newest == self._newest, newest if newest is not None else self._newest
        delay = None
        if newest is not None and not said_before and monotonic - self._first >= _INITIAL_S:
            delay = batch.received_at - newest
            self._delays.append(delay)
        self._recent.append((monotonic, len(batch.tags), delay))

    def rates(self, monotonic: float) -> Rates:
        """The numbers now."""
        while self._recent and monotonic - self._recent[0][0] > _COUNTED_S:
            self._recent.popleft()
        ahead_s = self._clock_ahead_s()
        latencies = sorted(max(0.0, delay + (ahead_s or 0.0)) for _, _, delay in self._recent if delay is not None)
        updates = sum(count for _, count, _ in self._recent)
        counted_s = _COUNTED_S if self._first is None else min(_COUNTED_S, max(1.0, monotonic - self._first))
        shown = (_share(latencies, 0.5) * 1000, _share(latencies, 0.95) * 1000, _share(latencies, 0.99) * 1000) if latencies else None
        return Rates(updates / counted_s, shown, ahead_s)

    def forget(self) -> None:
        """Start the rates anew: after a loss the old ones say nothing. What is known of the machine's clock stays."""
        self._recent.clear()
        self._first = None

    def _clock_ahead_s(self) -> float | None:
        """From the quicker deliveries: a late one says that the network was busy, an early one nothing but the clock."""
        if not self._delays:
            return None
        floor = sorted(self._delays)[len(self._delays) // 4]
        return 0.0 if 0.0 <= floor <= _TRANSPORT_S else -floor


def _newest(times: Sequence[float | None]) -> float | None:
    missing = times.count(None)
    if missing == len(times):
        return None
    # Nearly always all of them or none, and then nobody need look at each.
    return max(cast("Sequence[float]", times)) if not missing else max(at for at in times if at is not None)


def _share(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` of ``ordered`` does not exceed (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
