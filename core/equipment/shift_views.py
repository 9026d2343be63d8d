"""Calendars and the shifts computed from them, as everybody above sees them: frozen, serialisable, without a database behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, ClassVar, Final, Literal, get_args
from uuid import UUID

ExceptionKind = Literal["holiday", "off", "extra", "overtime", "planned_down", "crew"]
EXCEPTION_KINDS: Final = get_args(ExceptionKind)
"""What can be otherwise on a day; see ``core.equipment.shift_models.CalendarException``."""


@dataclass(frozen=True, slots=True)
class BreakSpec:
    """A break by the wall clock of the site; ``reason_code`` is what its time counts as."""

    starts: time
    ends: time
    reason_code: str = "D24"


@dataclass(frozen=True, slots=True)
class ShiftSpec:
    """A time slot of a calendar.

    Attributes:
        code, name: ``1``; name by language.
        weekdays: Bit 0 for Monday … bit 6 for Sunday, by the date on which it starts.
        starts, ends: Wall clock of the site; ``ends`` not after ``starts`` is on the next day, equal ones are 24 hours.
        crew: Code of its own crew; "" when the calendar's turns or an exception say.
        breaks: By their start from the beginning of the shift on.
    """

    code: str
    name: Mapping[str, str]
    weekdays: int
    starts: time
    ends: time
    crew: str = ""
    breaks: tuple[BreakSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class ExceptionSpec:
    """What is otherwise on a day; see ``core.equipment.shift_models.CalendarException``. ``line_code`` "" is every line of the calendar."""

    id: UUID
    kind: str
    production_date: date
    shift_code: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    reason_code: str = ""
    crew: str = ""
    line_code: str = ""
    note: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class CalendarSpec:
    """A calendar with all that shifts are computed from.

    Attributes:
        code, name: ``TWO-SHIFT``; name by language.
        zone: IANA name of the site's time zone.
        shifts: In their order.
        crews: How crews take turns, see ``core.equipment.shift_models.Calendar``.
        exceptions: Those that stand, by day.
    """

    code: str
    name: Mapping[str, str]
    zone: str
    shifts: tuple[ShiftSpec, ...] = ()
    crews: Mapping[str, Any] = field(default_factory=dict)
    exceptions: tuple[ExceptionSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class CalendarView:
    """Every calendar of the site. Read-store key ``calendar:calendar``.

    Attributes:
        calendars: By code.
        line_calendars: Code of a line → code of the calendar it works by; lines planned around the clock are absent.
        crew_names: Code of a crew → its name by language.
    """

    entity: ClassVar[str] = "calendar"

    id: str = "calendar"
    calendars: tuple[CalendarSpec, ...] = ()
    line_calendars: Mapping[str, str] = field(default_factory=dict)
    crew_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedSpan:
    """Time inside a shift in which nothing is planned to run: from … to (aware UTC, half open), and as what it counts."""

    from_at: datetime
    to_at: datetime
    reason_code: str
    kind: Literal["break", "planned_down"]


@dataclass(frozen=True, slots=True)
class Worked:
    """One shift of one line as it is really worked.

    Attributes:
        shift_code: "" for the endless shift of a line without a calendar.
        crew: Code of the crew; "" when nobody knows.
        production_date: Day to which it belongs, also after midnight.
        from_at, to_at: Aware UTC, half open.
        planned: Breaks and planned standstill inside it, sorted and merged.
        overtime: True for time beyond the calendar's own shifts.
    """

    shift_code: str
    crew: str
    production_date: date
    from_at: datetime
    to_at: datetime
    planned: tuple[PlannedSpan, ...] = ()
    overtime: bool = False


@dataclass(frozen=True, slots=True)
class ShiftKey:
    """Which shift of a line: its production date and its code."""

    production_date: date
    shift_code: str


@dataclass(frozen=True, slots=True)
class ShiftNow:
    """The running shift of a line.

    Attributes:
        code, name: Of the shift; name by language.
        crew, crew_name: Of the crew; "" and {} when nobody knows.
        production_date: Day to which it belongs.
        from_at, to_at: Aware UTC, half open.
        busy: Its planned busy time, so that a target goes on between two answers.
    """

    code: str
    name: Mapping[str, str]
    crew: str
    crew_name: Mapping[str, str]
    production_date: date
    from_at: datetime
    to_at: datetime
    busy: tuple[tuple[datetime, datetime], ...] = ()
