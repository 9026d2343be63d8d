"""The SQL of the running shift: of each line its shift, what its pace-setting machine did and made in it, hour by hour too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain

from sqlalchemy import select

from core.equipment import calendar_rows, shifts, stop_lists
from core.equipment.models import Line, WorkUnit
from core.equipment.shift_views import CalendarSpec, ShiftKey, ShiftNow, Worked
from core.equipment.shifts import Span, busy_seconds, busy_spans, hours_of, shifts_between
from core.errors import Refused
from core.production import losses, machine_rows, oee, pace, parts_rows
from core.production.elements import Piece, Run, pieces, told_apart
from core.production.hours import hour_rows
from core.production.machine_rows import Machine
from core.production.pace import Pace
from core.production.parts_rows import Range
from core.production.time_views import Element, Figures, HourRow, ShiftHours
from core.production.views import OrderStatus
from core.production.windows import Labelled
from core.store.base import Db

_FAR = timedelta(days=366)
_STEP = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Running:
    """A line in its shift.

    Attributes:
        machine: The one that sets the pace.
        worked: The shift; None: none is worked now.
        figures: Since the beginning of the shift.
        pieces: The machine's time since then.
        runs: Orders on the line since then.
    """

    machine: Machine
    worked: Worked | None
    figures: Figures
    pieces: tuple[Piece, ...] = ()
    runs: tuple[Run, ...] = ()


def running(db: Db, line_code: str = "") -> dict[str, Running]:
    """Every line that has a machine which sets its pace, by its code; or one line alone."""
    now = db.now
    wanted = [Line.retired_at.is_(None), WorkUnit.id == Line.constraint_unit_id, *([Line.code == line_code] if line_code else [])]
    machines = machine_rows.machines(db, wanted, now - timedelta(days=1), now + _STEP)
    worked = {machine.id: shifts.shift_at(machine.calendar, machine.line_code, now) for machine in machines}
    return figures_in(db, machines, worked, now)


def figures_in(db: Db, machines: Sequence[Machine], worked: Mapping[int, Worked | None], until: datetime) -> dict[str, Running]:
    """The figures of each machine in its shift, until its end or ``until``."""
    at_work = {machine.id: shift for machine in machines if (shift := worked[machine.id]) is not None and shift.from_at < until}
    found = {machine.line_code: Running(machine, worked[machine.id], Figures()) for machine in machines}
    if not at_work:
        return found
    asked_machines = [machine for machine in machines if machine.id in at_work]
    begin = min(shift.from_at for shift in at_work.values())
    lines = [machine.line_id for machine in asked_machines]
    runs = machine_rows.runs(db, lines, begin, until)
    spans = {unit: (Labelled(shift.from_at, min(until, shift.to_at)),) for unit, shift in at_work.items()}
    asked = Range(begin, until, spans, "", runs, stop_lists.reasons_of(db))
    told = machine_rows.stretches(db, asked_machines, begin, until)
    made = parts_rows.parts_of(db, asked_machines, asked)
    for machine in asked_machines:
        shift, end = at_work[machine.id], spans[machine.id][0].to_at
        own = told.get(machine.id, ())
        if machine.policy.gap_rule != "leader":
            own = parts_rows.ruled(db, machine, shift.from_at, end)
        line_runs = runs.get(machine.line_id, ())
        cut = pieces(own, [shift], line_runs, machine.policy, shift.from_at, end, asked.reasons)
        times = oee.times(oee.seconds_of(cut), machine.policy.minor_loss)
        figures = _with_failures(times, cut) + made.get((machine.id, ""), Figures())
        found[machine.line_code] = Running(machine, shift, figures, cut, line_runs)
    return found


def _with_failures(times: Figures, cut: Sequence[Piece]) -> Figures:
    """Breakdowns that began in the shift; those that are over took as long as they lasted."""
    began = {piece.began_at: piece for piece in cut if piece.element is Element.DOWN and piece.from_at == piece.began_at}
    over = [losses.Failure(at, _ended(cut, at)) for at in began]
    count, repaired, repair_s = losses.failures(over)
    return replace(times, failures=count, repairs=repaired, repair_s=repair_s)


def _ended(cut: Sequence[Piece], began_at: datetime) -> datetime | None:
    own = [piece.to_at for piece in cut if piece.began_at == began_at]
    return None if max(own) == cut[-1].to_at else max(own)


def shift_now(running: Running, names: Mapping[str, Mapping[str, str]]) -> ShiftNow | None:
    """The shift as screens show it; None when none is worked."""
    worked = running.worked
    if worked is None:
        return None
    slots = {shift.code: shift.name for shift in running.machine.calendar.shifts}
    name = slots.get(worked.shift_code.rstrip(shifts.OVERTIME_MARK), {})
    busy = busy_spans([worked])
    return ShiftNow(
        worked.shift_code, name, worked.crew, names.get(worked.crew, {}), worked.production_date, worked.from_at, worked.to_at, busy
    )


# --- targets ---------------------------------------------------------------------------------------------------------


def spans_from(calendar: CalendarSpec, line_code: str) -> Callable[[datetime], Iterable[Span]]:
    """Planned busy spans of a line from a moment on, as many as are asked for, for a year."""

    def ahead(at: datetime) -> Iterable[Span]:
        steps = (at + n * _STEP for n in range(_FAR // _STEP + 1))
        ranges = (busy_spans(shifts_between(calendar, line_code, begin, begin + _STEP)) for begin in steps)
        last = at
        for begin, end in chain.from_iterable(ranges):  # a shift that reaches over two steps comes twice
            if end > last:
                yield max(begin, last), end
                last = end

    return ahead


def due_seconds(calendar: CalendarSpec, line_code: str, runs: Iterable[tuple[datetime, datetime | None]], now: datetime) -> float:
    """Planned seconds of an order so far: while it was in progress, breaks and time outside of the shifts left out."""
    seconds = 0.0
    for begin, end in runs:
        until = min(end or now, now)
        seconds += busy_seconds(busy_spans(shifts_between(calendar, line_code, begin, until)), begin, until)
    return seconds


def paces(running: Running, current: float | None, per_hour: Mapping[str, float]) -> tuple[Pace, ...]:
    """Expected paces over the shift: of each order that ran, and of the present one to the end of the shift.

    Args:
        current: Pace of the order on the line; None without one.
        per_hour: Product → good parts an hour.
    """
    if running.worked is None:
        return ()
    end = running.worked.to_at
    found = [
        Pace(max(run.from_at, running.worked.from_at), min(run.to_at or end, end), per_hour.get(run.product, 0.0))
        for run in told_apart(running.runs, end)
        if run.status is not OrderStatus.HELD
    ]
    if found and current is not None:
        found[-1] = replace(found[-1], to_at=end, per_hour=current)
    return tuple(one for one in found if one.from_at < one.to_at)


def product_paces(db: Db, machine: Machine, runs: Iterable[Run], efficiency: float, day: date) -> dict[str, float]:
    """Good parts an hour that the line is expected to make of each product that ran."""
    known = machine_rows.cycles(db, [machine])[machine.id]
    return {run.product: pace.pace_per_hour(known.of(run.product, day).seconds / 60, machine.capacity_per_hour, efficiency) for run in runs}


# --- hours -----------------------------------------------------------------------------------------------------------


def hours(db: Db, line_code: str, day: date | None, shift_code: str) -> ShiftHours:
    """See ``lines.line_hours``."""
    line = db.scalar(select(Line).where(Line.code == line_code, Line.retired_at.is_(None)))
    if line is None:
        raise Refused("line.not_found", line=line_code)
    now = db.now
    near = now if day is None else datetime.combine(day, datetime.min.time(), now.tzinfo)
    calendar = calendar_rows.plans(db, near - timedelta(days=62), near + timedelta(days=62))[line_code]
    worked = _asked_shift(calendar, line_code, now, day, shift_code)
    key = f"{line_code}@{'' if worked is None else f'{worked.production_date.isoformat()}/{worked.shift_code}'}"
    if worked is None:
        return ShiftHours(key, line_code, None, ())
    before, after = (shifts.neighbour(calendar, line_code, worked, step) for step in (-1, 1))
    wanted = [Line.code == line_code, WorkUnit.id == Line.constraint_unit_id]
    machines = machine_rows.machines(db, wanted, worked.from_at, worked.to_at)
    rows: tuple[HourRow, ...] = ()
    if machines:
        rows = _rows(db, machines[0], worked, float(line.efficiency), min(now, worked.to_at))
    return ShiftHours(key, line_code, worked, rows, _key(before), _key(after))


def _rows(db: Db, machine: Machine, worked: Worked, efficiency: float, until: datetime) -> tuple[HourRow, ...]:
    found = figures_in(db, [machine], {machine.id: worked}, until)[machine.line_code]
    per_hour = product_paces(db, machine, found.runs, efficiency, worked.production_date)
    running_now = [run for run in found.runs if run.to_at is None and run.status is not OrderStatus.HELD]
    expected = paces(found, per_hour[running_now[-1].product] if running_now else None, per_hour)
    edges = [at for begin, end in hours_of(worked) for at in (begin, min(end, until)) if begin < until]
    totals = machine_rows.counted(db, [(machine.id, at) for at in edges])
    counts = [
        (good - good_before, reject - reject_before)
        for (good_before, reject_before), (good, reject) in zip(totals[::2], totals[1::2], strict=True)
    ]
    return hour_rows(worked, found.pieces, counts, expected, db.now)


def _key(worked: Worked | None) -> ShiftKey | None:
    return None if worked is None else ShiftKey(worked.production_date, worked.shift_code)


def _asked_shift(calendar: CalendarSpec, line_code: str, now: datetime, day: date | None, shift_code: str) -> Worked | None:
    """The shift that is meant: without a day the running one, or else the last one; None where that day has none."""
    if day is None:
        at = shifts.shift_at(calendar, line_code, now)
        return at or next(reversed(shifts_between(calendar, line_code, now - timedelta(days=60), now)), None)
    found = shifts.shifts_of(calendar, line_code, day)
    return next((one for one in found if one.shift_code == shift_code), found[0] if found and not shift_code else None)
