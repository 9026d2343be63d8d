"""The SQL of calendar days that are brought in: what the database says about them, and writing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import select

from core.equipment import calendar_rows
from core.equipment.models import Line
from core.equipment.shift_models import Calendar
from core.sitefile.import_days import KnownDays, Placed, placed
from core.sitefile.import_entries import DayEntry, Numbered
from core.store.base import Db
from core.store.operation import Actor

_AROUND = timedelta(days=370)
"""A planned standstill may last a year."""


def known(db: Db, entries: Sequence[Numbered], *, lock: bool = False) -> KnownDays:
    """What the database says about what ``entries`` name; with ``lock`` nobody enters an exception until the transaction ends."""
    if lock:
        calendar_rows.lock(db)
    days = [each.entry.day for each in entries if isinstance(each.entry, DayEntry)]
    first, last = (datetime.combine(day, time(), UTC) for day in (min(days), max(days))) if days else (db.now, db.now)
    calendars = calendar_rows.calendars(db, first - _AROUND, last + _AROUND)
    lines = db.execute(select(Line.code, Calendar.code).join(Calendar, Calendar.id == Line.calendar_id).where(Line.retired_at.is_(None)))
    return KnownDays(calendars, {line: calendar for line, calendar in lines if calendar in calendars}, calendar_rows.named(db))


def write(db: Db, actor: Actor, file: str, entries: Sequence[Numbered], judged: KnownDays) -> None:
    """Make the calendar say what the rows say that are new or changed; each of them was judged in this transaction."""
    calendars = {row.code: row.id for row in db.execute(select(Calendar.code, Calendar.id))}
    lines = {row.code: row.id for row in db.execute(select(Line.code, Line.id))}
    for _, made in placed(file, entries, judged):
        assert isinstance(made, Placed)  # a table with a problem is not taken
        if made.stands is not None and not made.fields:
            continue
        if made.stands is not None:
            calendar_rows.withdraw(db, made.stands.id, None)
        spec = replace(made.spec, id=db.clock.uuid7())
        calendar_rows.store(db, actor, calendars[made.calendar], lines.get(made.spec.line_code), spec, origin="import")
