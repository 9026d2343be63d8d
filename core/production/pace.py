"""How fast a line should be, how many parts it should have by now, and when an order will be done. Pure.

Targets go by planned time: a break is no reason to be behind, a stop is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from core.equipment.shifts import Span, after_busy, busy_seconds

_TRUSTED_PARTS: Final = 20
_TRUSTED_S: Final = 600.0
FAR: Final = timedelta(days=366)
"""Nobody says of an order that it will be done later than this from now."""
K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Pace:
    """Good parts an hour that are expected from one moment to another."""

    from_at: datetime
    to_at: datetime
    per_hour: float


def pace_per_hour(standard_cycle_min: float | None, capacity_per_hour: float, efficiency: float) -> float:
    """Good parts per hour the line is expected to make.

    Args:
        standard_cycle_min: Minutes per part of the product; None or 0 takes the line's capacity.
        capacity_per_hour: Of the line at full speed.
        efficiency: Expected share of it, per cent.
    """
    full = 60.0 / standard_cycle_min if standard_cycle_min else capacity_per_hour
    return max(0.0, full * efficiency / 100.0)


def measured(pace: float, made: Decimal, run_s: float) -> float:
    """The pace so far where it can be trusted (20 parts and 10 minutes of running), else the expected one; parts an hour."""
    return float(made) * 3600.0 / run_s if made >= _TRUSTED_PARTS and run_s >= _TRUSTED_S else pace


def due(pace: float, planned_s: float) -> int:
    """Whole parts that ``planned_s`` seconds should have given at ``pace`` per hour."""
    return math.floor(max(0.0, planned_s) * pace / 3600.0 + 1e-9)


def target_now(pace: float, busy: Sequence[Span], since: datetime, now: datetime, planned: Decimal) -> int:
    """Good parts an order should have by ``now``: planned time since its start at ``pace`` per hour, at most what is planned."""
    return min(due(pace, busy_seconds(busy, since, now)), math.floor(planned))


def shift_target(paces: Iterable[Pace], busy: Sequence[Span], now: datetime) -> int:
    """Good parts a shift should have by ``now``."""
    return math.floor(sum(_parts(pace, busy, pace.from_at, min(pace.to_at, now)) for pace in paces) + 1e-9)


def _parts(pace: Pace, busy: Sequence[Span], from_at: datetime, to_at: datetime) -> float:
    return busy_seconds(busy, from_at, to_at) * pace.per_hour / 3600.0


def finish(now: datetime, remaining: Decimal, pace: float, spans_from: Callable[[datetime], Iterable[Span]]) -> datetime | None:
    """When ``remaining`` parts will be made; None when nothing moves: no pace, no shift, or further than a year away.

    Args:
        now: Aware UTC.
        remaining: ``now`` where it is 0 or less.
        pace: Parts an hour of planned time.
        spans_from: Planned spans from a moment on, sorted.
    """
    if remaining <= 0:
        return now
    if pace <= 0 or (seconds := float(remaining) * 3600.0 / pace) > FAR.total_seconds():
        return None
    at = after_busy(spans_from, now, seconds)
    return at if at is not None and at - now <= FAR else None


def queue_finish(
    now: datetime, queue: Iterable[tuple[K, Decimal, float]], spans_from: Callable[[datetime], Iterable[Span]]
) -> Mapping[K, datetime | None]:
    """When each order of a line's queue will be done if they run one after the other; None from the first on that never is.

    Args:
        queue: Key, remaining parts and pace an hour, in the order of the queue.
    """
    done: dict[K, datetime | None] = {}
    at: datetime | None = now
    for key, remaining, pace in queue:
        at = None if at is None else finish(at, remaining, pace, spans_from)
        done[key] = at
    return done
