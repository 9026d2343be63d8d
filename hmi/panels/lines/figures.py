"""The figures of a line that change between two answers of the database: the target at this moment, and what is made of it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.equipment.shifts import busy_seconds
from core.production import pace
from core.production.views import LineDetail, LineView, OrderStatus, OrderView
from core.words import UNDEFINED, number

FRESH_S = 5.0
"""An answer older than this is no longer being renewed."""


def target_now(detail: LineDetail) -> int | None:
    """Parts that should be made by now at the line's pace; None without an order."""
    return target_of(detail.line, time.time())


def target_of(line: LineView, now: float) -> int | None:
    """Parts that the order of ``line`` should have by ``now`` (UNIX seconds UTC); None without an order.

    While the order runs its planned time goes on after the answer was given, but only as long as answers keep coming: the
    count stands still without them, and a target that runs on alone would call a good line late.
    """
    order = line.order
    if order is None or line.due_s is None:
        return None
    due_s = line.due_s
    if order.status is OrderStatus.IN_PROGRESS and line.shift is not None:
        passed_s = min(max(0.0, now - line.as_of.timestamp()), FRESH_S)
        due_s += busy_seconds(line.shift.busy, line.as_of, line.as_of + timedelta(seconds=passed_s))
    return min(pace.due(line.pace_per_hour, due_s), int(order.planned))


def lead_text(made: int | None, target: int | None) -> str:
    """The lead over the target in brackets, signed: the sign is the word; "" when either is not known."""
    if made is None or target is None:
        return ""
    lead = made - target
    return f" ({'+' if lead >= 0 else '−'}{number(abs(lead))})"


def finish_text(order: OrderView | None, zone: ZoneInfo) -> str:
    """When the order will be done in the site's time: the hour today, with the date on another day; a dash when not known."""
    if order is None or order.expected_end_at is None:
        return UNDEFINED
    at: datetime = order.expected_end_at.astimezone(zone)
    return at.strftime("%H:%M") if at.date() == datetime.now(zone).date() else at.strftime("%m-%d %H:%M")
