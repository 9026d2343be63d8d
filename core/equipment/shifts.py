"""Which shift is worked when: from wall clocks, weekdays and exceptions to moments in UTC. Pure: no database, no clock.

Nothing here is stored: a shift is worked out whenever somebody asks, so that a change of the calendar, or of the law about
summer time, needs no clearing up. A day is always the day of the site, and it belongs to the shift that began on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from core.equipment.shift_views import CalendarSpec, ExceptionSpec, PlannedSpan, ShiftSpec, Worked

Span = tuple[datetime, datetime]
"""From, to: aware UTC, half open."""

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_AROUND_S: Final = 86_400
OVERTIME_MARK: Final = "+"
"""Ends the code of overtime that stands apart from the shift it belongs to, so that both can be asked for."""
EXTRA: Final = "EXTRA"
"""Code of an extra shift that names none."""


def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The first moment at which the clocks of ``zone`` show this time of this day, or later; aware UTC.

    A time that comes twice is the first of the two; one that is left out is the moment of the change. So of two wall
    clock times the earlier is never the later moment, and what is disjoint on paper is disjoint in truth.
    """
    return _instant(day, wall, zone)


@lru_cache(maxsize=8192)
def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    asked = datetime.combine(day, wall)
    at = asked.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == asked:
        return at
    before, after = asked.replace(tzinfo=zone, fold=1).astimezone(UTC), at
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after


def around_the_clock(zone: str) -> CalendarSpec:
    """The calendar of a line that has none: every day from midnight to midnight."""
    return CalendarSpec("", {}, zone, (ShiftSpec("", {}, 0b111_1111, time(0), time(0)),))


def shifts_between(calendar: CalendarSpec, line: str, from_at: datetime, to_at: datetime) -> tuple[Worked, ...]:
    """The shifts of ``line`` that overlap a range, whole, sorted, disjoint.

    Args:
        line: Line code: exceptions may be for one line alone.
        from_at, to_at: Aware UTC, half open; none for an empty range.
    """
    if to_at <= from_at:
        return ()
    zone = ZoneInfo(calendar.zone)
    first, last = from_at.astimezone(zone).date(), to_at.astimezone(zone).date()
    return tuple(worked for worked in _worked(calendar, line, first, last) if worked.from_at < to_at and worked.to_at > from_at)


def shift_at(calendar: CalendarSpec, line: str, at: datetime) -> Worked | None:
    """The shift that ``line`` works at a moment; None when it works none."""
    return next(iter(shifts_between(calendar, line, at, at + timedelta(microseconds=1))), None)


def shifts_of(calendar: CalendarSpec, line: str, day: date) -> tuple[Worked, ...]:
    """The shifts of a production date, in the order of their beginnings; () on a day without work."""
    return tuple(worked for worked in _worked(calendar, line, day, day) if worked.production_date == day)


def neighbour(calendar: CalendarSpec, line: str, worked: Worked, step: int, within_days: int = 60) -> Worked | None:
    """The shift before (``step`` -1) or after (1) ``worked``, over days without work; None when there is none within ``within_days``."""
    reach = timedelta(days=within_days)
    if step < 0:
        before = [w for w in shifts_between(calendar, line, worked.from_at - reach, worked.from_at) if w.to_at <= worked.from_at]
        return before[-1] if before else None
    after = (w for w in shifts_between(calendar, line, worked.to_at, worked.to_at + reach) if w.from_at >= worked.to_at)
    return next(after, None)


def hours_of(worked: Worked) -> tuple[Span, ...]:
    """The hours of a shift, counted from its beginning: 06:30 gives rows at :30; the last may be shorter."""
    rows = []
    at = worked.from_at
    while at < worked.to_at:
        rows.append((at, min(at + _HOUR, worked.to_at)))
        at += _HOUR
    return tuple(rows)


def busy_spans(worked_shifts: Iterable[Worked]) -> tuple[Span, ...]:
    """When something is planned to be made: the shifts without their breaks and planned downtime; sorted, touching ones joined."""
    spans: list[Span] = []
    for worked in worked_shifts:
        at = worked.from_at
        for planned in worked.planned:
            _join(spans, at, planned.from_at)
            at = max(at, planned.to_at)
        _join(spans, at, worked.to_at)
    return tuple(spans)


def _join(spans: list[Span], from_at: datetime, to_at: datetime) -> None:
    if to_at <= from_at:
        return
    if spans and spans[-1][1] == from_at:
        spans[-1] = (spans[-1][0], to_at)
    else:
        spans.append((from_at, to_at))


def busy_seconds(spans: Iterable[Span], from_at: datetime, to_at: datetime) -> float:
    """Seconds of ``spans`` (disjoint) between two moments; 0 for an empty range."""
    return sum(max(0.0, (min(to_at, end) - max(from_at, begin)).total_seconds()) for begin, end in spans)


def after_busy(spans_from: Callable[[datetime], Iterable[Span]], at: datetime, seconds: float) -> datetime | None:
    """The moment at which ``seconds`` of planned time will have passed since ``at``; None where the plan ends before.

    Args:
        spans_from: Gives the planned spans from a moment on, sorted; it may be endless, only as many as needed are taken.
    """
    left = max(0.0, seconds)
    if left == 0:
        return at
    for begin, end in spans_from(at):
        begin = max(begin, at)
        length = (end - begin).total_seconds()
        if length >= left > 0:
            return begin + timedelta(seconds=left)
        left -= max(0.0, length)
    return None


def overlaps(calendar: CalendarSpec) -> tuple[tuple[str, str, int], ...]:
    """Pairs of shifts that are worked at the same time, with the weekday (0 Monday … 6) on which the later of them starts."""
    week = sorted(
        (day * _AROUND_S + _seconds(shift.starts), length_s(shift), shift.code, day)
        for shift in calendar.shifts
        for day in range(7)
        if shift.weekdays >> day & 1
    )
    found = []
    once_more = [(begin + 7 * _AROUND_S, length, code, day) for begin, length, code, day in week]  # Sunday night meets Monday
    last: tuple[float, str] | None = None
    for begin, length, code, day in [*week, *once_more]:
        if last is not None and begin < last[0]:
            pair = (last[1], code, day)
            if pair not in found:
                found.append(pair)
        if last is None or begin + length > last[0]:
            last = (begin + length, code)
    return tuple(found)


def length_s(shift: ShiftSpec) -> int:
    """Seconds from its beginning to its end by the wall clock, 1 … 86400."""
    return (_seconds(shift.ends) - _seconds(shift.starts) - 1) % _AROUND_S + 1


def inside(shift: ShiftSpec, starts: time, ends: time) -> bool:
    """True when a break from ``starts`` to ``ends`` by the wall clock lies within ``shift``."""
    begin = (_seconds(starts) - _seconds(shift.starts)) % _AROUND_S
    length = (_seconds(ends) - _seconds(starts) - 1) % _AROUND_S + 1
    return begin + length <= length_s(shift)


def crew_of(calendar: CalendarSpec, shift: ShiftSpec, day: date) -> str:
    """Code of the crew that works in ``shift`` on a day: its own, else whoever's turn it is; "" when nobody said."""
    crews = calendar.crews
    if shift.crew or not crews:
        return shift.crew
    turns = crews.get("turns", {}).get(shift.code, ())
    if not turns:
        return ""
    passed = (day - date.fromisoformat(str(crews["first"]))).days // int(crews["days"])
    return str(turns[passed % len(turns)])


def _seconds(wall: time) -> int:
    return wall.hour * 3600 + wall.minute * 60 + wall.second


_KNOWN: Final[dict[tuple[int, str, date, date], tuple[CalendarSpec, list[Worked]]]] = {}
"""What was worked out lately; each entry holds its calendar, so that the number it is known by stays its own."""
_KNOWN_MAX: Final = 512


def _worked(calendar: CalendarSpec, line: str, first: date, last: date) -> list[Worked]:
    """As ``_work_out``, once for all lines that have nothing of their own."""
    own = line if any(one.line_code == line for one in calendar.exceptions) else ""
    key = (id(calendar), own, first, last)
    known = _KNOWN.get(key)
    if known is None:
        if len(_KNOWN) >= _KNOWN_MAX:
            _KNOWN.clear()
        known = _KNOWN[key] = (calendar, _work_out(calendar, line, first, last))
    return known[1]


def _work_out(calendar: CalendarSpec, line: str, first: date, last: date) -> list[Worked]:
    """All shifts that may have to do with the days from ``first`` to ``last``; sorted and disjoint."""
    zone = ZoneInfo(calendar.zone)
    own = [one for one in calendar.exceptions if one.line_code in ("", line)]
    days = {first + index * _DAY for index in range(-2, (last - first).days + 3)}
    days |= {one.production_date for one in own if _touches(one, zone, first, last)}
    found = [worked for day in sorted(days) for worked in _on(calendar, zone, day, [e for e in own if e.production_date == day])]
    found.sort(key=lambda worked: (worked.from_at, worked.to_at))
    down = [one for one in own if one.kind == "planned_down"]
    return [_with_downtime(worked, down) for worked in _disjoint(found)]


def _touches(one: ExceptionSpec, zone: ZoneInfo, first: date, last: date) -> bool:
    if one.starts_at is None or one.ends_at is None:
        return False
    return one.starts_at.astimezone(zone).date() <= last + _DAY and one.ends_at.astimezone(zone).date() >= first - _DAY


def _on(calendar: CalendarSpec, zone: ZoneInfo, day: date, exceptions: Sequence[ExceptionSpec]) -> Iterator[Worked]:
    """The shifts of one production date."""
    kinds = {one.kind for one in exceptions}
    off = {one.shift_code for one in exceptions if one.kind == "off"}
    crews = {one.shift_code: one.crew for one in exceptions if one.kind == "crew"}
    planned: list[Worked] = []
    if "holiday" not in kinds:
        for shift in calendar.shifts:
            if shift.weekdays >> day.weekday() & 1 and shift.code not in off:
                worked = _ordinary(calendar, shift, day, zone)
                planned.append(replace(worked, crew=crews[shift.code]) if shift.code in crews else worked)
    shifts = {shift.code: shift for shift in calendar.shifts}
    for one in sorted(exceptions, key=lambda one: (one.starts_at is None, one.starts_at)):
        if one.kind == "extra" and one.starts_at and one.ends_at:
            planned.append(_extra(one, one.starts_at, one.ends_at, shifts.get(one.shift_code), zone))
        elif one.kind == "overtime" and one.starts_at and one.ends_at:
            _overtime(planned, one, one.starts_at, one.ends_at)
    yield from (worked for worked in planned if worked.from_at < worked.to_at)


def _ordinary(calendar: CalendarSpec, shift: ShiftSpec, day: date, zone: ZoneInfo) -> Worked:
    begin = instant(day, shift.starts, zone)
    end = instant(day + _DAY if shift.ends <= shift.starts else day, shift.ends, zone)
    return Worked(shift.code, crew_of(calendar, shift, day), day, begin, end, _breaks(shift, begin, end, zone))


def _breaks(shift: ShiftSpec, begin: datetime, end: datetime, zone: ZoneInfo) -> tuple[PlannedSpan, ...]:
    """The breaks of ``shift`` in a span, each as long as it is on paper from its beginning: in an hour that comes twice too."""
    spans = []
    days = {begin.astimezone(zone).date(), end.astimezone(zone).date()}
    for one in shift.breaks:
        length = timedelta(seconds=(_seconds(one.ends) - _seconds(one.starts) - 1) % _AROUND_S + 1)
        for day in days:
            at = instant(day, one.starts, zone)
            if begin <= at < end:
                spans.append(PlannedSpan(at, min(at + length, end), one.reason_code, "break"))
    return _merged(spans)


def _merged(spans: Iterable[PlannedSpan]) -> tuple[PlannedSpan, ...]:
    """Sorted and disjoint: of two that overlap the earlier keeps the time, so that no second is planned twice."""
    merged: list[PlannedSpan] = []
    for span in sorted(spans, key=lambda span: (span.from_at, span.to_at)):
        begin = max(span.from_at, merged[-1].to_at) if merged else span.from_at
        if begin < span.to_at:
            merged.append(span if begin == span.from_at else replace(span, from_at=begin))
    return tuple(merged)


def _extra(one: ExceptionSpec, begin: datetime, end: datetime, like: ShiftSpec | None, zone: ZoneInfo) -> Worked:
    breaks = () if like is None else _breaks(like, begin, end, zone)
    return Worked(one.shift_code or EXTRA, one.crew or (like.crew if like else ""), one.production_date, begin, end, breaks)


def _overtime(planned: list[Worked], one: ExceptionSpec, begin: datetime, end: datetime) -> None:
    """Lengthen the shift that it adjoins; what stands apart is a shift of its own."""
    for index, worked in enumerate(planned):
        if worked.shift_code == one.shift_code and begin <= worked.to_at and end >= worked.from_at:
            planned[index] = replace(worked, from_at=min(begin, worked.from_at), to_at=max(end, worked.to_at), overtime=True)
            return
    planned.append(Worked(f"{one.shift_code}{OVERTIME_MARK}", one.crew, one.production_date, begin, end, overtime=True))


def _disjoint(found: Sequence[Worked]) -> list[Worked]:
    """Of two that overlap (an exception that came in beside another) the earlier keeps the time."""
    kept: list[Worked] = []
    for worked in found:
        begin = max(worked.from_at, kept[-1].to_at) if kept else worked.from_at
        if begin < worked.to_at:
            spans = (replace(span, from_at=max(begin, span.from_at)) for span in worked.planned if span.to_at > begin)
            kept.append(worked if begin == worked.from_at else replace(worked, from_at=begin, planned=tuple(spans)))
    return kept


def _with_downtime(worked: Worked, down: Sequence[ExceptionSpec]) -> Worked:
    spans = [
        PlannedSpan(max(one.starts_at, worked.from_at), min(one.ends_at, worked.to_at), one.reason_code or "D23", "planned_down")
        for one in down
        if one.starts_at and one.ends_at and one.starts_at < worked.to_at and one.ends_at > worked.from_at
    ]
    return replace(worked, planned=_merged([*worked.planned, *spans])) if spans else worked


def clashes(calendar: CalendarSpec, one: ExceptionSpec, lines: Iterable[str]) -> tuple[str, str] | None:
    """The two shifts that would be worked at the same time if ``one`` came in, for any of ``lines``; None when there are none.

    Overtime may adjoin its shift, an extra shift may adjoin any.
    """
    if one.kind not in ("extra", "overtime") or one.starts_at is None or one.ends_at is None:
        return None
    for line in lines:
        beside = shifts_between(calendar, line, one.starts_at, one.ends_at)
        if beside:
            return beside[0].shift_code, one.shift_code or EXTRA
    return None
