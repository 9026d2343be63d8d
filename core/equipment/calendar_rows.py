"""The SQL of calendars. Imported when the first query runs on a lane, never by a screen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select

from core.equipment import shifts
from core.equipment.exception_rules import Named, check
from core.equipment.models import Area, Line, Site
from core.equipment.shift_models import Calendar, CalendarException, Crew, Shift, ShiftBreak
from core.equipment.shift_views import BreakSpec, CalendarSpec, CalendarView, ExceptionSpec, ShiftSpec
from core.equipment.stop_models import StopReason
from core.errors import Conflict, Invalid, Refused
from core.store.base import Db
from core.store.operation import Actor

_PAST: Final = timedelta(days=60)
_AHEAD: Final = timedelta(days=400)


def view(db: Db) -> CalendarView:
    """See ``calendar.get_calendars``."""
    found = calendars(db, db.now - _PAST, db.now + _AHEAD)
    lines = db.execute(select(Line.code, Calendar.code).join(Calendar, Calendar.id == Line.calendar_id).where(Line.retired_at.is_(None)))
    crews = db.execute(select(Crew.code, Crew.name).where(Crew.retired_at.is_(None)).order_by(Crew.code))
    return CalendarView(
        calendars=tuple(found[code] for code in sorted(found)),
        line_calendars={line: calendar for line, calendar in lines if calendar in found},
        crew_names={row.code: row.name for row in crews},
    )


def plans(db: Db, from_at: datetime, to_at: datetime) -> dict[str, CalendarSpec]:
    """The calendar of each line by its code, with the exceptions that matter between two moments; every line has one."""
    known = calendars(db, from_at, to_at)
    lines = db.execute(
        select(Line.code, Calendar.code, Site.time_zone)
        .join(Area, Area.id == Line.area_id)
        .join(Site, Site.id == Area.site_id)
        .outerjoin(Calendar, Calendar.id == Line.calendar_id)
    )
    return {line: known.get(code or "") or shifts.around_the_clock(zone) for line, code, zone in lines}


def crew_names(db: Db) -> Mapping[str, Mapping[str, str]]:
    """Names of the crews by code, by language."""
    return {row.code: row.name for row in db.execute(select(Crew.code, Crew.name))}


def calendars(db: Db, from_at: datetime, to_at: datetime) -> dict[str, CalendarSpec]:
    """Calendars by code; a few rows of a few tables, read in as many statements."""
    breaks: dict[int, list[BreakSpec]] = {}
    for one in db.scalars(select(ShiftBreak).where(ShiftBreak.retired_at.is_(None)).order_by(ShiftBreak.starts)):
        breaks.setdefault(one.shift_id, []).append(BreakSpec(one.starts, one.ends, one.reason_code))
    slots: dict[int, list[ShiftSpec]] = {}
    for shift in db.scalars(select(Shift).where(Shift.retired_at.is_(None)).order_by(Shift.position, Shift.code)):
        spec = ShiftSpec(shift.code, shift.name, shift.weekdays, shift.starts, shift.ends, shift.crew, tuple(breaks.get(shift.id, ())))
        slots.setdefault(shift.calendar_id, []).append(spec)
    exceptions = _exceptions(db, from_at, to_at)
    found = db.execute(select(Calendar, Site.time_zone).join(Calendar.site).where(Calendar.retired_at.is_(None)))
    specs = (
        CalendarSpec(row.code, row.name, zone, tuple(slots.get(row.id, ())), row.crews, tuple(exceptions.get(row.id, ())))
        for row, zone in found
    )
    return {spec.code: _same(spec) for spec in specs}


_LAST: Final[dict[str, CalendarSpec]] = {}


def _same(spec: CalendarSpec) -> CalendarSpec:
    """The object that was given the last time, where it says the same: its shifts are worked out already."""
    last = _LAST.get(spec.code)
    if last == spec:
        return last
    _LAST[spec.code] = spec
    return spec


def _exceptions(db: Db, from_at: datetime, to_at: datetime) -> dict[int, list[ExceptionSpec]]:
    """What stands, by calendar: of the days of a range, and what reaches into it."""
    days = (from_at - timedelta(days=3)).date(), (to_at + timedelta(days=3)).date()
    row = CalendarException
    reaches = (row.starts_at < to_at) & (row.ends_at > from_at)
    asked = (
        select(row, Line.code)
        .outerjoin(row.line)
        .where(row.withdrawn_at.is_(None), or_(row.production_date.between(*days), reaches))
        .order_by(row.production_date, row.starts_at.nulls_first(), row.id)
    )
    found: dict[int, list[ExceptionSpec]] = {}
    for one, line in db.execute(asked):
        found.setdefault(one.calendar_id, []).append(_spec(one, line or ""))
    return found


def _spec(row: CalendarException, line: str) -> ExceptionSpec:
    return ExceptionSpec(
        id=row.id,
        kind=row.kind,
        production_date=row.production_date,
        shift_code=row.shift_code,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reason_code=row.reason_code,
        crew=row.crew,
        line_code=line,
        note=row.note,
        version=row.version,
    )


def lock(db: Db) -> None:
    """Until the transaction ends nobody else enters an exception: two stations must not find the same hours free."""
    db.execute(select(func.pg_advisory_xact_lock(func.hashtext("genba.calendar"))))


def named(db: Db) -> Named:
    """What exceptions may name."""
    crews = db.scalars(select(Crew.code).where(Crew.retired_at.is_(None)))
    return Named(frozenset(crews), frozenset(db.scalars(select(StopReason.code).where(StopReason.active))))


def _around(asked: ExceptionSpec) -> tuple[datetime, datetime]:
    """The time in which other exceptions matter to one."""
    day = datetime.combine(asked.production_date, time(), UTC)
    return asked.starts_at or day, asked.ends_at or day + timedelta(days=1)


def add(db: Db, actor: Actor, calendar: str, asked: ExceptionSpec) -> ExceptionSpec:
    """See ``calendar.except_day``."""
    lock(db)
    row, line_id = _calendar_of(db, calendar, asked.line_code)
    begin, end = _around(asked)
    spec = calendars(db, begin, end)[row.code]
    lines = [asked.line_code] if asked.line_code else list(db.scalars(select(Line.code).where(Line.calendar_id == row.id)))
    check(asked, spec, named(db), lines)
    return store(db, actor, row.id, line_id, asked, origin="screen")


def store(db: Db, actor: Actor, calendar_id: int, line_id: int | None, asked: ExceptionSpec, *, origin: str) -> ExceptionSpec:
    """Write an exception that was judged in this transaction.

    Args:
        calendar_id, line_id: Keys of its calendar and of its line, None for every line.
        origin: See ``shift_models.CalendarException``.
    """
    request_id = asked.id if db.request is None else db.request.id
    stored = CalendarException(
        id=asked.id,
        calendar_id=calendar_id,
        line_id=line_id,
        kind=asked.kind,
        production_date=asked.production_date,
        shift_code=asked.shift_code,
        starts_at=asked.starts_at,
        ends_at=asked.ends_at,
        reason_code=asked.reason_code,
        crew=asked.crew,
        note=asked.note,
        origin=origin,
        user_code=actor.user_code,
        station=actor.station,
        request_id=request_id,
    )
    db.add(stored)
    db.flush()
    return _spec(stored, asked.line_code)


def _calendar_of(db: Db, calendar: str, line_code: str) -> tuple[Calendar, int | None]:
    """The calendar that is meant, and the key of its line; Invalid where the two do not belong together."""
    asked = select(Calendar, Line.id).outerjoin(Line, (Line.calendar_id == Calendar.id) & (Line.code == line_code))
    if line_code:
        asked = asked.where(Line.id.is_not(None))
    if calendar or not line_code:
        asked = asked.where(Calendar.code == calendar)
    found = db.execute(asked.where(Calendar.retired_at.is_(None))).first()
    if found is None:
        raise Invalid("shift.calendar_unknown", calendar=calendar or "—", line=line_code or "—")
    return found[0], found[1]


def withdraw(db: Db, exception_id: UUID, version: int | None) -> ExceptionSpec:
    """See ``calendar.withdraw_exception``."""
    row = db.scalar(select(CalendarException).where(CalendarException.id == exception_id).with_for_update())
    if row is None or row.withdrawn_at is not None:
        raise Refused("shift.exception_gone")
    if version is not None and version != row.version:
        raise Conflict("shift.exception_changed")
    row.withdrawn_at = db.now
    db.flush()
    return _spec(row, "" if row.line is None else row.line.code)
