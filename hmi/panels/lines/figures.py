"""The figures of a line that change between two answers of the database: the target at this moment, and what is made of it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.equipment.shifts import busy_seconds
from core.production import pace
from core.production.time_views import Ratio
from core.production.views import LineDetail, LineView, OrderStatus, OrderView
from core.words import UNDEFINED, number, percent, word
from hmi import theme
from hmi.widgets.ratio_bars import RatioFace

FRESH_S = 5.0
"""An answer older than this is no longer being renewed."""
_WHOLE = 0.995
"""From this share of the data on nothing is said of what is missing."""


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


def ratio_faces(line: LineView, target_percent: float | None) -> tuple[RatioFace, ...]:
    """OEE of the running shift and its three factors; ``target_percent`` is what OEE should be, None without a target.

    Where data are missing it says so: figures of half a shift must not look like those of a whole one.
    """
    target = None if target_percent is None else float(target_percent) / 100
    over = line.performance.value is not None and line.performance.value > 1
    seen = line.coverage.value
    partly = f"{word('oee.coverage', theme.language())} {percent(int(seen * 1000) / 1000)}" if seen is not None and seen < _WHOLE else ""
    return (
        RatioFace("oee.oee", line.oee.value, _why(line.oee), below=partly, target=target),
        RatioFace("oee.availability", line.availability.value, _why(line.availability)),
        RatioFace("oee.performance", line.performance.value, _why(line.performance), "oee.performance_over" if over else ""),
        RatioFace("oee.quality_ratio", line.quality.value, _why(line.quality)),
    )


def _why(ratio: Ratio) -> str:
    return f"oee.{ratio.why}" if ratio.why else ""


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
