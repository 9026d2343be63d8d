"""Calendars of the lines, and the days that are not as they say."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from pydantic import Field

from core.equipment.shift_views import CalendarView, ExceptionKind, ExceptionSpec
from core.store.operation import Actor, Note, operation
from core.store.query import query

if TYPE_CHECKING:
    from core.store.base import Db

EXCEPT: Final = "equipment:calendar:except"
WITHDRAW: Final = "equipment:calendar:withdraw"
_WRITES: Final = ("calendar_exception",)
Named = Annotated[str, Field(max_length=50)]
"""A code, or "" for none."""


@query("equipment:calendar:get", snapshot=True)
def get_calendars(db: Db) -> CalendarView:
    """All calendars, with the exceptions from 60 days ago to 400 days ahead."""
    from core.equipment import calendar_rows

    return calendar_rows.view(db)


@operation(EXCEPT, kind="intent", writes=_WRITES)
def except_day(
    db: Db,
    actor: Actor,
    *,
    kind: ExceptionKind,
    production_date: date,
    calendar: Named = "",
    line_code: Named = "",
    shift_code: Named = "",
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    reason_code: Named = "",
    crew: Named = "",
    note: Note = "",
) -> ExceptionSpec:
    """A day, a shift or a span of time is not as the calendar says.

    Args:
        calendar: Code; may be "" where a line is named.
        line_code: Only this line; "" for every line of the calendar.
        starts_at, ends_at: Aware; needed for extra shifts, overtime and planned standstill, else None.

    Raises:
        Invalid: ``shift.calendar_unknown``, ``shift.unknown``, ``shift.crew_unknown``, ``shift.reason_unknown``;
            ``shift.empty`` where the span is missing, empty or longer than it can be; ``shift.far`` where it lies more than
            a day from its production date.
        Refused: ``shift.overlap``.
    """
    from core.equipment import calendar_rows

    asked = ExceptionSpec(
        db.clock.uuid7(), kind, production_date, shift_code, starts_at, ends_at, reason_code, crew, line_code, note.strip()
    )
    return calendar_rows.add(db, actor, calendar, asked)


@operation(WITHDRAW, kind="intent", writes=_WRITES)
def withdraw_exception(db: Db, actor: Actor, *, exception_id: UUID, version: int | None = None) -> ExceptionSpec:
    """The day is as the calendar says, after all.

    Raises:
        Refused: ``shift.exception_gone``.
        Conflict: ``shift.exception_changed``.
    """
    from core.equipment import calendar_rows

    return calendar_rows.withdraw(db, exception_id, version)
