"""Tables of the calendar: which shifts a line works, with which crew, and what is otherwise on a day.

Shifts themselves are computed from these rows and stand nowhere; see ``core.equipment.shifts``.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, SmallInteger, String, Time, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.equipment.models import IN_BOTH_LANGUAGES, Kept, Line, Site, words
from core.equipment.shift_views import EXCEPTION_KINDS
from core.store.base import Base, Code, Key, Names, UuidKey, Versioned


class Calendar(Kept, Base):
    """Which shifts a line works. A line without one is planned around the clock.

    Attributes:
        crews: How crews take turns, ``{"first": "2026-01-05", "days": 7, "turns": {"1": ["A", "B"], "2": ["B", "A"]}}``: from the
            day ``first`` on, shift ``1`` is worked for ``days`` days by A, then by B, and again; {} where each shift has its own crew.
    """

    __tablename__ = "calendar"
    __entity__ = "calendar"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]
    site_id: Mapped[int] = mapped_column(ForeignKey(Site.id), index=True)
    crews: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    site: Mapped[Site] = relationship()


class Shift(Kept, Base):
    """A time slot of a calendar; who works in it is another question.

    Attributes:
        weekdays: Bit 0 for Monday … bit 6 for Sunday, by the date on which the shift starts.
        starts, ends: Wall clock of the site; ``ends`` not after ``starts`` is on the next day, so that equal ones are 24 hours.
        crew: Code of its own crew; "" when the calendar's turns or an exception say.
    """

    __tablename__ = "shift"
    __entity__ = "shift"
    __table_args__ = (
        CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),
        CheckConstraint("weekdays BETWEEN 0 AND 127", name="weekdays_range"),
        UniqueConstraint("calendar_id", "code"),
    )

    id: Mapped[Key]
    calendar_id: Mapped[int] = mapped_column(ForeignKey(Calendar.id), index=True)
    code: Mapped[str] = mapped_column(String(20))
    name: Mapped[Names]
    position: Mapped[int] = mapped_column(Integer, server_default="0")
    weekdays: Mapped[int] = mapped_column(SmallInteger)
    starts: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    crew: Mapped[str] = mapped_column(String(20), server_default="")

    calendar: Mapped[Calendar] = relationship()


class ShiftBreak(Kept, Base):
    """A break inside a shift, by the wall clock of the site; ``reason_code`` is what its time counts as."""

    __tablename__ = "shift_break"
    __entity__ = "shift_break"
    __table_args__ = (UniqueConstraint("shift_id", "starts"),)

    id: Mapped[Key]
    shift_id: Mapped[int] = mapped_column(ForeignKey(Shift.id))
    starts: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    reason_code: Mapped[str] = mapped_column(String(50), server_default="D24")

    shift: Mapped[Shift] = relationship()


class Crew(Kept, Base):
    """The people who work a shift together."""

    __tablename__ = "crew"
    __entity__ = "crew"
    __table_args__ = (CheckConstraint(IN_BOTH_LANGUAGES, name="name_in_both_languages"),)

    id: Mapped[Key]
    code: Mapped[Code]
    name: Mapped[Names]


class CalendarException(Versioned, Base):
    """What is otherwise than the calendar says: decided by people or imported, never deleted.

    Attributes:
        line_id: None for every line of the calendar.
        kind: ``holiday`` (no shift that day), ``off`` (this shift is not worked), ``extra`` and ``overtime`` (a shift or a part of one
            from ``starts_at`` to ``ends_at``), ``planned_down`` (planned standstill in that time), ``crew`` (another crew works it).
        production_date: Day to which it belongs.
        shift_code: "" for the whole day, or for planned standstill in whichever shift.
        starts_at, ends_at: Both or none.
        reason_code: Of planned standstill.
        origin: ``screen`` or the name of a file.
        withdrawn_at: Since when it is not so any more; None while it stands.
    """

    __tablename__ = "calendar_exception"
    __entity__ = "calendar_exception"
    __table_args__ = (
        CheckConstraint(words("kind", EXCEPTION_KINDS), name="kind_known"),
        CheckConstraint("(starts_at IS NULL) = (ends_at IS NULL)", name="span_complete"),
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("ix_calendar_exception_calendar_id_production_date", "calendar_id", "production_date"),
    )

    id: Mapped[UuidKey]
    calendar_id: Mapped[int] = mapped_column(ForeignKey(Calendar.id))
    line_id: Mapped[int | None] = mapped_column(ForeignKey(Line.id), index=True)
    kind: Mapped[str] = mapped_column(String(15))
    production_date: Mapped[date] = mapped_column(Date)
    shift_code: Mapped[str] = mapped_column(String(20), server_default="")
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    reason_code: Mapped[str] = mapped_column(String(50), server_default="")
    crew: Mapped[str] = mapped_column(String(20), server_default="")
    note: Mapped[str] = mapped_column(server_default="")
    origin: Mapped[str] = mapped_column(String(10), server_default="screen")
    user_code: Mapped[str] = mapped_column(String(50))
    station: Mapped[str] = mapped_column(String(50))
    request_id: Mapped[UUID]
    withdrawn_at: Mapped[datetime | None]

    calendar: Mapped[Calendar] = relationship()
    line: Mapped[Line | None] = relationship()
