"""Shifts by wall clock, weekday and exception, on the days too on which the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.equipment.shift_views import BreakSpec, CalendarSpec, ExceptionSpec, ShiftSpec, Worked
from core.equipment.shifts import (
    after_busy,
    around_the_clock,
    busy_seconds,
    busy_spans,
    clashes,
    crew_of,
    hours_of,
    inside,
    instant,
    neighbour,
    overlaps,
    shift_at,
    shifts_between,
    shifts_of,
)
from tests.production.strategies import calendars, moments

HOUR = timedelta(hours=1)
EARLY = ShiftSpec("1", {}, 0b001_1111, time(6, 30), time(15), "", (BreakSpec(time(10), time(10, 10)), BreakSpec(time(12), time(12, 45))))
LATE = ShiftSpec("2", {}, 0b001_1111, time(15), time(23, 30))
NIGHT = ShiftSpec("3", {}, 0b001_1111, time(22), time(6), "N", (BreakSpec(time(2, 30), time(3)),))


def calendar(*shifts: ShiftSpec, zone: str = "Asia/Tokyo", exceptions: tuple[ExceptionSpec, ...] = ()) -> CalendarSpec:
    return CalendarSpec("C", {}, zone, shifts or (EARLY, LATE), {}, exceptions)


def otherwise(kind: str, day: date, begin: str = "", end: str = "", zone: str = "Asia/Tokyo", **more: str) -> ExceptionSpec:
    at = [datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) if text else None for text in (begin, end)]
    return ExceptionSpec(UUID(int=1), kind, day, starts_at=at[0], ends_at=at[1], **more)


def local(worked: Worked, zone: str = "Asia/Tokyo") -> tuple[str, str]:
    begin, end = (at.astimezone(ZoneInfo(zone)).strftime("%d %H:%M") for at in (worked.from_at, worked.to_at))
    return begin, end


MONDAY, FRIDAY, SATURDAY = date(2026, 7, 13), date(2026, 7, 17), date(2026, 7, 18)


# --- wall clocks -----------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(zone=st.sampled_from(sorted(available_timezones())), at=moments(date(1990, 1, 1)), other=st.integers(0, 2000))
def test_of_two_wall_clock_times_the_earlier_is_never_the_later_moment(zone: str, at: datetime, other: int) -> None:
    where = ZoneInfo(zone)
    one = at.replace(tzinfo=None)
    two = one + timedelta(minutes=other)
    first, second = (instant(wall.date(), wall.time(), where) for wall in (one, two))
    assert first <= second
    shown = first.astimezone(where).replace(tzinfo=None)
    assert shown >= one  # it is shown then, or was left out
    before = (first - timedelta(seconds=1)).astimezone(where).replace(tzinfo=None)
    assert before < one  # and never before


@pytest.mark.parametrize(
    ("zone", "day", "wall", "expected"),
    [
        ("Europe/Berlin", date(2026, 3, 29), time(2, 30), datetime(2026, 3, 29, 1, tzinfo=UTC)),  # left out
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # the first of two
        ("Europe/Berlin", date(2026, 10, 25), time(3), datetime(2026, 10, 25, 2, tzinfo=UTC)),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        ("Asia/Tokyo", date(2026, 7, 14), time(0), datetime(2026, 7, 13, 15, tzinfo=UTC)),
    ],
)
def test_a_time_that_is_left_out_or_comes_twice_is_one_moment(zone: str, day: date, wall: time, expected: datetime) -> None:
    assert instant(day, wall, ZoneInfo(zone)) == expected


# --- shifts ----------------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(calendar=calendars(), at=moments(), days=st.integers(0, 20), inner=st.integers(0, 20 * 1440))
def test_shifts_are_disjoint_and_each_moment_has_at_most_one(calendar: CalendarSpec, at: datetime, days: int, inner: int) -> None:
    assert overlaps(calendar) == ()
    found = shifts_between(calendar, "L1", at, at + timedelta(days=days))
    for before, after in pairwise(found):
        assert before.to_at <= after.from_at
    assert all(worked.from_at < worked.to_at for worked in found)
    moment = at + timedelta(minutes=inner % (days * 1440 + 1))
    if moment < at + timedelta(days=days):
        there = [worked for worked in found if worked.from_at <= moment < worked.to_at]
        assert [shift_at(calendar, "L1", moment)] == (there or [None])
    for worked in found:
        assert worked in shifts_of(calendar, "L1", worked.production_date)
        assert worked.from_at.astimezone(ZoneInfo(calendar.zone)).date() >= worked.production_date
        check_within(worked)


def check_within(worked: Worked) -> None:
    at = worked.from_at
    for span in worked.planned:
        assert at <= span.from_at < span.to_at
        at = span.to_at
    assert at <= worked.to_at
    rows = hours_of(worked)
    assert rows[0][0] == worked.from_at
    assert rows[-1][1] == worked.to_at
    assert all(before[1] == after[0] and before[1] - before[0] == HOUR for before, after in pairwise(rows))
    assert timedelta(0) < rows[-1][1] - rows[-1][0] <= HOUR
    spans = busy_spans([worked])
    planned = sum((span.to_at - span.from_at).total_seconds() for span in worked.planned)
    assert busy_seconds(spans, worked.from_at, worked.to_at) == (worked.to_at - worked.from_at).total_seconds() - planned


@settings(max_examples=30, deadline=None)
@given(calendar=calendars(), at=moments(), step=st.sampled_from((-1, 1)))
def test_stepping_goes_from_shift_to_shift_and_back(calendar: CalendarSpec, at: datetime, step: int) -> None:
    found = shifts_between(calendar, "L1", at, at + timedelta(days=9))
    for before, after in pairwise(found):
        assert neighbour(calendar, "L1", before, 1) == after
        assert neighbour(calendar, "L1", after, -1) == before


@pytest.mark.parametrize(
    ("zone", "day", "hours", "break_minutes"),
    [
        ("Europe/Berlin", date(2026, 3, 27), 8, 30),
        ("Europe/Berlin", date(2026, 3, 28), 7, 30),
        ("Europe/Berlin", date(2026, 10, 24), 9, 30),
        ("Australia/Sydney", date(2026, 10, 3), 7, 30),
        ("Australia/Sydney", date(2026, 4, 4), 9, 30),
        ("Asia/Tokyo", date(2026, 3, 28), 8, 30),
    ],
)
def test_a_night_shift_is_an_hour_shorter_or_longer_when_the_clocks_change(zone: str, day: date, hours: int, break_minutes: int) -> None:
    every_day = ShiftSpec("3", {}, 127, time(22), time(6), "N", NIGHT.breaks)
    (worked,) = shifts_of(calendar(every_day, zone=zone), "L1", day)
    assert worked.to_at - worked.from_at == hours * HOUR
    assert len(hours_of(worked)) == hours
    (pause,) = worked.planned
    assert pause.to_at - pause.from_at == timedelta(minutes=break_minutes)


def test_the_breaks_of_a_shift_are_no_busy_time() -> None:
    first, second = shifts_of(calendar(), "L1", MONDAY)
    assert local(first) == ("13 06:30", "13 15:00")
    assert [(span.to_at - span.from_at).total_seconds() / 60 for span in first.planned] == [10, 45]
    assert busy_seconds(busy_spans([first, second]), first.from_at, second.to_at) == (17 * 60 - 55) * 60
    assert len(busy_spans([first, second])) == 3  # the second shift goes on where the first one ends


def test_a_line_without_a_calendar_is_planned_around_the_clock() -> None:
    at = datetime(2026, 7, 13, 15, tzinfo=UTC)
    found = shifts_between(around_the_clock("Asia/Tokyo"), "L9", at, at + timedelta(days=3))
    assert [worked.production_date for worked in found] == [date(2026, 7, day) for day in (14, 15, 16)]
    assert len(busy_spans(found)) == 1


# --- exceptions ------------------------------------------------------------------------------------------------------


def test_a_holiday_and_a_shift_that_is_off() -> None:
    both = (otherwise("holiday", MONDAY), otherwise("off", FRIDAY, shift_code="2"), otherwise("holiday", FRIDAY, line_code="L7"))
    plan = calendar(exceptions=both)
    assert shifts_of(plan, "L1", MONDAY) == ()
    assert [worked.shift_code for worked in shifts_of(plan, "L1", FRIDAY)] == ["1"]
    assert shifts_of(plan, "L7", FRIDAY) == ()


def test_an_extra_shift_on_a_saturday_has_the_breaks_of_the_shift_it_is_like() -> None:
    extra = otherwise("extra", SATURDAY, "2026-07-18T06:30", "2026-07-18T12:00", shift_code="1", crew="B")
    (worked,) = shifts_of(calendar(exceptions=(extra,)), "L1", SATURDAY)
    assert (worked.shift_code, worked.crew, local(worked)) == ("1", "B", ("18 06:30", "18 12:00"))
    assert len(worked.planned) == 1


def test_overtime_lengthens_its_shift_and_stands_alone_when_it_does_not_adjoin_it() -> None:
    longer = otherwise("overtime", FRIDAY, "2026-07-17T23:30", "2026-07-18T01:30", shift_code="2")
    (_, late) = shifts_of(calendar(exceptions=(longer,)), "L1", FRIDAY)
    assert local(late) == ("17 15:00", "18 01:30")
    assert late.overtime
    apart = otherwise("overtime", FRIDAY, "2026-07-18T08:00", "2026-07-18T10:00", shift_code="2")
    found = shifts_of(calendar(exceptions=(apart,)), "L1", FRIDAY)
    assert [worked.shift_code for worked in found] == ["1", "2", "2+"]
    assert found[2].production_date == FRIDAY


def test_planned_downtime_is_planned_once_even_where_a_break_lies_in_it() -> None:
    down = otherwise("planned_down", MONDAY, "2026-07-13T11:50", "2026-07-13T12:30", reason_code="D23", line_code="L1")
    (first, _) = shifts_of(calendar(exceptions=(down,)), "L1", MONDAY)
    seconds = sum((span.to_at - span.from_at).total_seconds() for span in first.planned)
    assert seconds == (10 + 55) * 60
    assert {span.reason_code for span in first.planned} == {"D23", "D24"}
    (other, _) = shifts_of(calendar(exceptions=(down,)), "L2", MONDAY)
    assert sum((span.to_at - span.from_at).total_seconds() for span in other.planned) == 55 * 60


def test_an_exception_that_overlaps_a_shift_is_found() -> None:
    plan = calendar()
    assert clashes(plan, otherwise("extra", SATURDAY, "2026-07-18T06:30", "2026-07-18T12:00"), ["L1"]) is None
    assert clashes(plan, otherwise("overtime", FRIDAY, "2026-07-17T23:30", "2026-07-18T01:30", shift_code="2"), ["L1"]) is None
    assert clashes(plan, otherwise("extra", MONDAY, "2026-07-13T14:59", "2026-07-13T16:00"), ["L1"]) == ("1", "EXTRA")
    slipped_in = otherwise("extra", MONDAY, "2026-07-13T14:00", "2026-07-13T16:00")  # two stations at once
    found = shifts_of(calendar(exceptions=(slipped_in,)), "L1", MONDAY)
    assert all(before.to_at <= after.from_at for before, after in pairwise(found))


def test_shifts_that_overlap_on_paper_are_named_with_their_day() -> None:
    assert overlaps(calendar(EARLY, ShiftSpec("2", {}, 0b000_0001, time(14, 59), time(16)))) == (("1", "2", 0),)
    assert overlaps(calendar(EARLY, ShiftSpec("2", {}, 0b110_0000, time(14), time(16)))) == ()
    sunday = ShiftSpec("S", {}, 0b100_0000, time(22), time(7))
    assert overlaps(calendar(EARLY, sunday)) == (("S", "1", 0),)  # Sunday night meets Monday morning
    assert overlaps(calendar(ShiftSpec("A", {}, 127, time(6), time(6)), LATE))[0][:2] == ("A", "2")


def test_a_break_lies_inside_its_shift() -> None:
    assert inside(NIGHT, time(2, 30), time(3))
    assert inside(NIGHT, time(23, 45), time(0, 15))
    assert not inside(NIGHT, time(5, 45), time(6, 15))
    assert not inside(EARLY, time(2), time(3))


def test_crews_take_turns() -> None:
    plan = CalendarSpec(
        "C", {}, "Asia/Tokyo", (EARLY, LATE), {"first": "2026-07-13", "days": 7, "turns": {"1": ["A", "B"], "2": ["B", "A"]}}
    )
    assert [crew_of(plan, EARLY, MONDAY + timedelta(days=days)) for days in (-1, 0, 6, 7, 14)] == ["B", "A", "A", "B", "A"]
    assert crew_of(plan, LATE, MONDAY) == "B"
    assert crew_of(plan, NIGHT, MONDAY) == "N"
    other = CalendarSpec("C", {}, "Asia/Tokyo", (EARLY,), plan.crews, (otherwise("crew", MONDAY, shift_code="1", crew="C"),))
    assert [worked.crew for worked in shifts_of(other, "L1", MONDAY)] == ["C"]


# --- planned time ahead ----------------------------------------------------------------------------------------------


@given(lengths=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=8), seconds=st.integers(0, 400))
def test_after_so_much_planned_time_so_much_has_passed(lengths: list[tuple[int, int]], seconds: int) -> None:
    at = end = datetime(2026, 7, 13, tzinfo=UTC)
    spans = []
    for pause, length in lengths:
        begin = end + timedelta(seconds=pause)
        end = begin + timedelta(seconds=length)
        spans.append((begin, end))
    done = after_busy(lambda moment: spans, at, seconds)
    if sum(length for _, length in lengths) < seconds:
        assert done is None
    else:
        assert done is not None
        assert busy_seconds(spans, at, done) == seconds
