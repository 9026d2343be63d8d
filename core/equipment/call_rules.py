"""How far a call for help has risen. Pure: a function of time, so that every station says the same and nobody can escalate twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from core.equipment.call_views import CallView


def level(opened_at: datetime, responded_at: datetime | None, respond_min: Sequence[float], now: datetime) -> int:
    """Levels by which a call has risen until ``now``; a response keeps it where it was.

    Args:
        opened_at: Aware UTC.
        responded_at: None while nobody has come.
        respond_min: Minutes without response after which it rises by one each, in any order; () never rises.
        now: Aware UTC; a call from a clock that is ahead has not risen.
    """
    waited = (responded_at or now) - opened_at
    return sum(waited >= timedelta(minutes=minutes) for minutes in respond_min)


def order(calls: Iterable[CallView]) -> tuple[CallView, ...]:
    """The most urgent first: those nobody has responded to, by level, then the oldest."""
    return tuple(sorted(calls, key=lambda call: (call.responded_at is not None, -call.level, call.opened_at, str(call.id))))
