"""A shift hour by hour: what was to be made, what was made, what was lost and why. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from core.equipment.shift_views import Worked
from core.equipment.shifts import busy_seconds, busy_spans, hours_of
from core.equipment.stop_rules import UNCLASSIFIED
from core.production.elements import Piece
from core.production.losses import stops
from core.production.pace import Pace, shift_target
from core.production.time_views import BUSY, Element, HourRow


def hour_rows(
    worked: Worked, pieces: Sequence[Piece], counts: Sequence[tuple[int, int]], paces: Sequence[Pace], now: datetime
) -> tuple[HourRow, ...]:
    """The rows of one shift.

    Args:
        pieces: Of the line's time from the beginning of the shift to ``now``.
        counts: Good and rejected parts of each hour (``shifts.hours_of``); none for hours that have not begun.
        paces: Expected paces over the shift, disjoint.
        now: Aware UTC.
    """
    spans = busy_spans([worked])
    rows: list[HourRow] = []
    before = 0
    for index, (begin, end) in enumerate(hours_of(worked)):
        by_then = shift_target(paces, spans, end)
        within = tuple(cut for piece in pieces if (cut := _within(piece, begin, min(end, now))) is not None)
        good, reject = counts[index] if index < len(counts) else (0, 0)
        stop_s, reasons = _stops(within)
        rows.append(
            HourRow(
                from_at=begin,
                to_at=end,
                planned_s=busy_seconds(spans, begin, end),
                target=by_then - before,
                good=good,
                reject=reject,
                lost=_lost(within, paces),
                stop_s=stop_s,
                reasons=reasons,
                state=_state(begin, end, now),
                coverage=_coverage(within),
            )
        )
        before = by_then
    return tuple(rows)


def _state(begin: datetime, end: datetime, now: datetime) -> Literal["past", "now", "future"]:
    return "future" if now < begin else "past" if now >= end else "now"


def _within(piece: Piece, begin: datetime, end: datetime) -> Piece | None:
    from_at, to_at = max(piece.from_at, begin), min(piece.to_at, end)
    if from_at >= to_at:
        return None
    if from_at == piece.from_at and to_at == piece.to_at:
        return piece
    return Piece(piece.element, from_at, to_at, piece.state, piece.reason_code, piece.order_id, piece.product, piece.began_at)


def _stops(within: Sequence[Piece]) -> tuple[float, tuple[str, ...]]:
    seconds: dict[str, float] = {}
    for piece in stops(within):
        reason = piece.reason_code or UNCLASSIFIED
        seconds[reason] = seconds.get(reason, 0.0) + piece.seconds
    return sum(seconds.values()), tuple(sorted(seconds, key=lambda reason: (-seconds[reason], reason)))


def _lost(within: Sequence[Piece], paces: Sequence[Pace]) -> int:
    """Whole parts that stood-still time would have given; no stop, no loss."""
    lost = sum(
        busy_seconds([(piece.from_at, piece.to_at)], pace.from_at, pace.to_at) * pace.per_hour / 3600.0
        for piece in stops(within)
        for pace in paces
    )
    return math.floor(lost + 1e-9)


def _coverage(within: Sequence[Piece]) -> float:
    known_s = sum(piece.seconds for piece in within if piece.element in BUSY)
    gap_s = sum(piece.seconds for piece in within if piece.element is Element.GAP)
    return known_s / (known_s + gap_s) if known_s + gap_s > 0 else 1.0
