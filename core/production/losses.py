"""Where the time went: from the calendar down to the time of good parts, and by reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from core.equipment.stop_rules import UNCLASSIFIED
from core.production.elements import Piece
from core.production.time_views import BUSY, Bar, Element, Figures, Step


@dataclass(frozen=True, slots=True)
class Failure:
    """A stop that counts as a failure; ``back_at`` is its repair or the restart, None while it is down."""

    began_at: datetime
    back_at: datetime | None


_LOST_TO_APT: Final = (
    ("oee.loss_breakdown", Element.DOWN),
    ("oee.loss_waiting", Element.WAITING),
    ("oee.loss_maintenance", Element.MAINTENANCE),
    ("oee.loss_setup", Element.SETUP),
    ("oee.loss_no_order", Element.NO_ORDER),
)


def waterfall(f: Figures) -> tuple[Step, ...]:
    """From the calendar time to the time of good parts; each level is the one above less the losses between."""
    above = f.of(Element.MINOR) - f.minor_in_apt_s
    apt = [Step(word_id, f.of(element)) for word_id, element in _LOST_TO_APT]
    apt += [Step("oee.loss_minor", above)] if above > 0 else []
    within = [Step("oee.loss_minor", f.minor_in_apt_s)] if f.minor_in_apt_s > 0 or above <= 0 else []
    return (
        Step("oee.calendar_time", f.calendar_s, level=True),
        *(Step(f"element.{element}", f.of(element)) for element in (Element.UNSCHEDULED, Element.PLANNED, Element.GAP)),
        Step("oee.pbt", f.pbt_s, level=True),
        *apt,
        Step("oee.apt", f.apt_s, level=True),
        *within,
        Step("oee.loss_speed", f.apt_s - f.minor_in_apt_s - f.ideal_s),
        Step("oee.apt_ideal", f.ideal_s, level=True),
        Step("oee.loss_defect", f.ideal_s - f.ideal_good_s),
        Step("oee.value_op_time", f.ideal_good_s, level=True),
    )


def stops(pieces: Iterable[Piece]) -> Iterable[Piece]:
    """The pieces in which a machine stood still in planned busy time."""
    return (piece for piece in pieces if piece.element in BUSY and piece.element is not Element.RUN)


def pareto(stopped: Iterable[tuple[str, float, int]]) -> tuple[Bar, ...]:
    """Bars, the longest first, ties by key.

    Args:
        stopped: Key, seconds and number of stops; a key may come several times.
    """
    sums: dict[str, tuple[float, int]] = {}
    for key, seconds, count in stopped:
        before_s, before = sums.get(key, (0.0, 0))
        sums[key] = (before_s + seconds, before + count)
    ordered = sorted(((key, s, n) for key, (s, n) in sums.items() if s > 0), key=lambda bar: (-bar[1], bar[0]))
    all_s = sum(seconds for _, seconds, _ in ordered)
    bars: list[Bar] = []
    run_s = 0.0
    for key, seconds, count in ordered:
        run_s += seconds
        bars.append(Bar(key, seconds, count, seconds / all_s, min(1.0, run_s / all_s)))
    return tuple(bars)


def by_reason(
    pieces: Iterable[Piece], heads: Mapping[datetime, datetime] | None = None, by: Literal["reason", "order"] = "reason"
) -> tuple[tuple[str, float, int], ...]:
    """What ``pareto`` takes, of one machine's pieces.

    Args:
        heads: Beginning of a stop → beginning of the stop it was merged into.
        by: "order" gives order ids, "" for none.
    """
    seconds: dict[str, float] = {}
    began: dict[str, set[datetime]] = {}
    for piece in stops(pieces):
        key = piece.reason_code or UNCLASSIFIED if by == "reason" else str(piece.order_id or "")
        seconds[key] = seconds.get(key, 0.0) + piece.seconds
        began.setdefault(key, set()).add((heads or {}).get(piece.began_at, piece.began_at))
    return tuple((key, seconds[key], len(began[key])) for key in seconds)


def failures(found: Iterable[Failure]) -> tuple[int, int, float]:
    """How many failures, how many of them are repaired, and the seconds that their repairs took.

    Args:
        found: Failures that began in the span: minor stops and what was merged into another are none.
    """
    count = repaired = 0
    repair_s = 0.0
    for failure in found:
        count += 1
        if failure.back_at is not None:
            repaired += 1
            repair_s += max(0.0, (failure.back_at - failure.began_at).total_seconds())
    return count, repaired, repair_s
