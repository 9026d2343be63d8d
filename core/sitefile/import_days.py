"""What a table of calendar days would change, row by row, and what speaks against it. Pure: what the database says is an argument."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from typing import Final
from uuid import UUID

from core.equipment.exception_rules import Named, check
from core.equipment.shift_views import CalendarSpec, ExceptionSpec
from core.errors import GenbaError, Invalid
from core.sitefile.import_entries import CellProblem, DayEntry, Numbered, at_cell, cell_name
from core.sitefile.import_judge import Action, Preview, RowChange, preview_of
from core.sitefile.problems import problem

_SAID: Final = {"ends_at": "ends_at", "reason_code": "reason", "crew": "crew", "note": "note"}
"""Attribute of an exception → field of a row, of what may differ between two that are the same."""
_CELLS: Final = {
    "shift.calendar_unknown": "calendar",
    "shift.empty": "ends_at",
    "shift.far": "starts_at",
    "shift.unknown": "shift",
    "shift.crew_unknown": "crew",
    "shift.reason_unknown": "reason",
    "shift.overlap": "starts_at",
}
_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class KnownDays:
    """What the database says about calendars.

    Attributes:
        calendars: By code, with the exceptions that stand around the days of the table.
        line_calendars: Code of a line → code of its calendar.
        named: What exceptions may name.
    """

    calendars: Mapping[str, CalendarSpec] = field(default_factory=dict)
    line_calendars: Mapping[str, str] = field(default_factory=dict)
    named: Named = field(default_factory=lambda: Named(frozenset(), frozenset()))


@dataclass(frozen=True, slots=True)
class Placed:
    """A row as an exception of its calendar.

    Attributes:
        calendar: Code.
        spec: What it says; its id means nothing.
        stands: The exception that stands for the same; None for a new one.
        fields: Fields of the row in which that one says something else.
    """

    calendar: str
    spec: ExceptionSpec
    stands: ExceptionSpec | None
    fields: tuple[str, ...]


def judge_days(file: str, entries: Sequence[Numbered], known: KnownDays, before: Sequence[CellProblem] = ()) -> Preview:
    """What ``entries`` would do; each row is judged as if those above it were taken. See ``import_judge.judge``."""
    problems, rows = list(before), list[RowChange]()
    for each, made in placed(file, entries, known):
        if isinstance(made, CellProblem):
            problems.append(made)
        else:
            action: Action = "new" if made.stands is None else "changed" if made.fields else "same"
            rows.append(RowChange(each.row, _key(made), action, made.fields))
    return preview_of("day", rows, problems)


def placed(file: str, entries: Sequence[Numbered], known: KnownDays) -> Iterator[tuple[Numbered, Placed | CellProblem]]:
    """Each row as an exception, or what speaks against it."""
    calendars, first = dict(known.calendars), dict[str, Numbered]()
    for each in entries:
        entry = each.entry
        assert isinstance(entry, DayEntry)  # a table has rows of one kind
        try:
            made = _placed(entry, calendars, known)
        except GenbaError as error:
            yield each, _at(each, error)
            continue
        key = _key(made)
        if key in first:
            yield each, _twice(each, file, key, first[key])
            continue
        first[key] = each
        yield each, made
        spec = calendars[made.calendar]
        others = tuple(one for one in spec.exceptions if one is not made.stands)
        calendars[made.calendar] = replace(spec, exceptions=(*others, made.spec))


def _placed(entry: DayEntry, calendars: Mapping[str, CalendarSpec], known: KnownDays) -> Placed:
    code = entry.calendar or known.line_calendars.get(entry.line, "")
    if code not in calendars or (entry.line and known.line_calendars.get(entry.line) != code):
        raise Invalid("shift.calendar_unknown", calendar=entry.calendar or "—", line=entry.line or "—")
    starts, ends = (None if isinstance(at, time) else at for at in (entry.starts_at, entry.ends_at))  # the parser has placed them
    spec = ExceptionSpec(_NOBODY, entry.kind, entry.day, entry.shift, starts, ends, entry.reason, entry.crew, entry.line, entry.note)
    stands = next((one for one in calendars[code].exceptions if _same(one, spec)), None)
    lines = [entry.line] if entry.line else [line for line, calendar in known.line_calendars.items() if calendar == code]
    rest = replace(calendars[code], exceptions=tuple(one for one in calendars[code].exceptions if one is not stands))
    check(spec, rest, known.named, lines)
    fields = () if stands is None else tuple(name for told, name in _SAID.items() if getattr(stands, told) != getattr(spec, told))
    return Placed(code, spec, stands, fields)


def _same(one: ExceptionSpec, other: ExceptionSpec) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("production_date", "kind", "line_code", "shift_code", "starts_at"))


def _key(made: Placed) -> str:
    one = made.spec
    begins = "" if one.starts_at is None else f"{one.starts_at:%H:%M}"
    return "  ".join(part for part in (f"{one.production_date}", one.kind, one.line_code or made.calendar, one.shift_code, begins) if part)


def _at(each: Numbered, error: GenbaError) -> CellProblem:
    """A problem at the cell it is about; where that has no column, at the row."""
    name = _CELLS.get(error.code, "")
    column = each.columns.get(name, 0)
    if not column and name == "calendar":
        column = each.columns.get("line", 0)
    return CellProblem(each.row, column, error if isinstance(error, Invalid) else Invalid(error.code, **error.params))


def _twice(each: Numbered, file: str, key: str, first: Numbered) -> CellProblem:
    other = cell_name(first.row, first.columns.get("day", 0))
    column = each.columns.get("day", 0)
    return CellProblem(each.row, column, problem("sitefile.twice", at_cell(file, each.row, column), value=key, other=other))
