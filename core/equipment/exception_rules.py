"""What speaks against an exception of a calendar. Pure: what is known of the plant is an argument.

A screen enters one at a time, a table brings many; both are judged here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from core.equipment import shifts
from core.equipment.shift_views import CalendarSpec, ExceptionSpec
from core.errors import Invalid, Refused

WITH_SPAN: Final = frozenset({"extra", "overtime", "planned_down"})
"""Kinds that need a beginning and an end; the others have none."""
_OF_A_SHIFT: Final = frozenset({"off", "crew", "overtime"})
_LONGEST: Final = {"extra": timedelta(days=1), "overtime": timedelta(days=1), "planned_down": timedelta(days=366)}


@dataclass(frozen=True, slots=True)
class Named:
    """What an exception may name.

    Attributes:
        crews: Codes of crews.
        reasons: Codes of active stop reasons.
    """

    crews: Collection[str]
    reasons: Collection[str]


def check(asked: ExceptionSpec, calendar: CalendarSpec, named: Named, lines: Sequence[str]) -> None:
    """Whether an exception can come in.

    Args:
        asked: It.
        calendar: To which it belongs, with the exceptions that stand around it.
        named: Crews and reasons.
        lines: Codes of the lines it would be for.

    Raises:
        Invalid: ``shift.empty``, ``shift.far``, ``shift.unknown``, ``shift.crew_unknown``, ``shift.reason_unknown``.
        Refused: ``shift.overlap``.
    """
    check_span(asked, calendar.zone)
    known = {shift.code for shift in calendar.shifts}
    if (asked.kind in _OF_A_SHIFT or (asked.shift_code and asked.kind != "extra")) and asked.shift_code not in known:
        raise Invalid("shift.unknown", shift=asked.shift_code or "—", calendar=calendar.code)
    if (asked.crew or asked.kind == "crew") and asked.crew not in named.crews:
        raise Invalid("shift.crew_unknown", crew=asked.crew or "—")
    if asked.reason_code and asked.reason_code not in named.reasons:
        raise Invalid("shift.reason_unknown", reason=asked.reason_code)
    clash = shifts.clashes(calendar, asked, lines)
    if clash is not None:
        raise Refused("shift.overlap", first=clash[0], second=clash[1])


def check_span(asked: ExceptionSpec, zone: str) -> None:
    """Whether an exception has the span that its kind needs. Raises Invalid (``shift.empty``, ``shift.far``)."""
    begin, end = asked.starts_at, asked.ends_at
    if asked.kind not in WITH_SPAN:
        if begin is not None or end is not None:
            raise Invalid("shift.empty", kind=asked.kind)
        return
    if begin is None or end is None or not begin < end <= begin + _LONGEST[asked.kind]:
        raise Invalid("shift.empty", kind=asked.kind)
    first: date = begin.astimezone(ZoneInfo(zone)).date()
    if abs((first - asked.production_date).days) > 1:
        raise Invalid("shift.far", day=asked.production_date.isoformat(), starts=first.isoformat())
