"""Defects that other systems have shipped and put right since; one function each, so that none of them comes back here.

Those of shifts, OEE and timers stand above the line of dashes. Below it each piece of work adds its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from core.equipment.shift_views import BreakSpec, CalendarSpec, ExceptionSpec, ShiftSpec
from core.equipment.shifts import busy_spans, hours_of, neighbour, shift_at, shifts_between, shifts_of
from core.equipment.states import MachineState, Segment
from core.production import rules
from core.production.elements import Policy, pieces, stretches_of
from core.production.hours import hour_rows
from core.production.oee import from_times, seconds_of
from core.production.pace import Pace, target_now
from core.production.rules import Progress
from core.production.time_views import Element
from core.production.views import OrderStatus
from tests.production.strategies import REASONS

NIGHTS = ShiftSpec("3", {}, 0b001_1111, time(22), time(6), "", (BreakSpec(time(2, 30), time(3)),))
DAYS = ShiftSpec("1", {}, 0b001_1111, time(6, 30), time(15), "", (BreakSpec(time(12), time(12, 45)),))


def plan(*shifts: ShiftSpec, zone: str = "Asia/Tokyo", exceptions: tuple[ExceptionSpec, ...] = ()) -> CalendarSpec:
    return CalendarSpec("C", {}, zone, shifts, {}, exceptions)


def clock(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "asked", "day"),
    [
        ("Asia/Tokyo", "2026-07-14T03:00", date(2026, 7, 13)),
        ("Europe/Berlin", "2026-03-28T05:00", date(2026, 3, 27)),
        ("Europe/Berlin", "2026-10-24T02:30", date(2026, 10, 23)),
        ("Australia/Sydney", "2026-10-03T03:00", date(2026, 10, 2)),
        ("Asia/Tokyo", "2026-07-18T03:00", date(2026, 7, 17)),  # Saturday morning belongs to Friday's shift
    ],
)
def test_a_night_shift_asked_at_three_in_the_morning_is_the_one_of_the_evening_before(zone: str, asked: str, day: date) -> None:
    worked = shift_at(plan(NIGHTS, zone=zone), "L1", clock(zone, asked))
    assert worked is not None
    assert worked.production_date == day


def test_a_shift_is_not_cut_at_midnight() -> None:
    (worked,) = shifts_of(plan(NIGHTS), "L1", date(2026, 7, 13))
    midnight = clock("Asia/Tokyo", "2026-07-14T00:00")
    assert worked.from_at < midnight < worked.to_at
    assert shifts_between(plan(NIGHTS), "L1", worked.from_at, midnight) == shifts_between(plan(NIGHTS), "L1", midnight, worked.to_at)


def test_a_day_without_a_shift_stays_that_day_and_steps_over() -> None:
    sunday, holiday = date(2026, 7, 19), date(2026, 7, 20)
    calendar = plan(DAYS, exceptions=(ExceptionSpec(UUID(int=1), "holiday", holiday),))
    assert shifts_of(calendar, "L1", sunday) == shifts_of(calendar, "L1", holiday) == ()
    (friday,) = shifts_of(calendar, "L1", date(2026, 7, 17))
    after = neighbour(calendar, "L1", friday, 1)
    assert after is not None
    assert after.production_date == date(2026, 7, 21)
    assert neighbour(calendar, "L1", after, -1) == friday
    assert neighbour(plan(ShiftSpec("0", {}, 0, time(6), time(14))), "L1", friday, 1) is None


@pytest.mark.parametrize(("starts", "minute"), [(time(6, 30), 30), (time(5, 45), 45), (time(7), 0)])
def test_the_hours_of_a_shift_begin_where_it_begins(starts: time, minute: int) -> None:
    (worked,) = shifts_of(plan(ShiftSpec("1", {}, 127, starts, time(15))), "L1", date(2026, 7, 14))
    rows = hours_of(worked)
    assert {row[0].minute for row in rows} == {minute}
    assert rows[0][0] == worked.from_at
    assert rows[-1][1] == worked.to_at
    assert {row[1] - row[0] for row in rows[:-1]} == {timedelta(hours=1)}


def test_the_hours_of_a_shift_are_elapsed_ones_when_the_clocks_change() -> None:
    calendar = plan(ShiftSpec("3", {}, 127, time(22, 30), time(6, 30)), zone="Europe/Berlin")
    lengths = [len(hours_of(shifts_of(calendar, "L1", day)[0])) for day in (date(2026, 3, 28), date(2026, 10, 24), date(2026, 7, 14))]
    assert lengths == [7, 9, 8]


def test_no_parts_are_lost_in_healthy_time() -> None:
    (worked,) = shifts_of(plan(DAYS), "L1", date(2026, 7, 14))
    spans = busy_spans([worked])
    ran = [Segment(MachineState.RUNNING, begin, end) for begin, end in spans]
    stopped_in_the_break = Segment(MachineState.IDLE, spans[0][1], spans[1][0])
    found = pieces(
        stretches_of([ran[0], stopped_in_the_break, ran[1]], worked.to_at), [worked], [], Policy(), worked.from_at, worked.to_at, REASONS
    )
    rows = hour_rows(worked, found, [(1, 0)] * 9, [Pace(worked.from_at, worked.to_at, 720.0)], worked.to_at)
    assert [(row.lost, row.stop_s) for row in rows] == [(0, 0.0)] * 9  # slow, but no stop


def test_no_data_is_no_idle_time() -> None:
    (worked,) = shifts_of(plan(DAYS), "L1", date(2026, 7, 14))
    for state, element in ((MachineState.OFFLINE, Element.GAP), (MachineState.IDLE, Element.NO_ORDER)):
        whole = stretches_of([Segment(state, worked.from_at, worked.to_at)], worked.to_at)
        found = pieces(whole, [worked], [], Policy(), worked.from_at, worked.to_at, REASONS)
        assert set(seconds_of(found)) == {element, Element.PLANNED}


# --- timers ----------------------------------------------------------------------------------------------------------

BEGAN = datetime(2026, 7, 14, 0, tzinfo=UTC)


def steps(*names: tuple[str, int]) -> Iterator[Progress]:
    """The progress of an order after each step, decided so many minutes after its beginning."""
    progress = Progress(OrderStatus.RELEASED)
    for name, minute in names:
        progress = rules.step(name, "WO-1", progress, BEGAN + timedelta(minutes=minute), "reason")
        yield progress


def test_a_pause_does_not_begin_the_running_time_again() -> None:
    *_, last = steps((rules.START, 0), (rules.PAUSE, 10), (rules.RESUME, 30), (rules.PAUSE, 45), (rules.RESUME, 60))
    assert last.running_s(BEGAN + timedelta(minutes=65)) == 30 * 60
    assert last.actual_start_at == BEGAN


@pytest.mark.parametrize("ending", [rules.CANCEL, rules.COMPLETE, rules.HOLD, rules.PAUSE])
def test_an_order_that_ends_or_waits_leaves_no_timer_running(ending: str) -> None:
    *_, last = steps((rules.START, 0), (ending, 10))
    assert last.run_since_at is None
    assert last.running_s(BEGAN + timedelta(days=7)) == 600


def test_the_time_it_takes_to_choose_the_operator_is_not_booked() -> None:
    """The sheet lay open for half a minute: the order runs since the press on its button."""
    (started,) = steps((rules.START, 5))
    assert started.actual_start_at == started.run_since_at == BEGAN + timedelta(minutes=5)
    assert started.running_s(BEGAN + timedelta(minutes=5)) == 0


def test_a_break_does_not_make_an_order_late() -> None:
    (worked,) = shifts_of(plan(DAYS), "L1", date(2026, 7, 14))
    (pause,) = worked.planned
    targets = {target_now(60.0, busy_spans([worked]), worked.from_at, at, Decimal(999)) for at in (pause.from_at, pause.to_at)}
    assert len(targets) == 1


# --- figures ---------------------------------------------------------------------------------------------------------


def test_percentages_are_not_averaged() -> None:
    large, small = from_times(run_s=27_000, delay_s=1_800, cycle_s=30, good=900), from_times(run_s=600, delay_s=3_000, cycle_s=30, good=5)
    assert (large + small).oee.value == pytest.approx(905 * 30 / 32_400)


def test_a_blind_hour_does_not_give_more_than_there_is() -> None:
    f = from_times(run_s=420 * 60, gap_s=60 * 60, cycle_s=60, good=420)
    assert f.oee.value == pytest.approx(1.0)


def test_a_break_that_the_operator_enters_too_is_taken_once() -> None:
    (worked,) = shifts_of(plan(DAYS), "L1", date(2026, 7, 14))
    (pause,) = worked.planned
    early = pause.from_at - timedelta(minutes=2)
    segments = [
        Segment(MachineState.RUNNING, worked.from_at, early),
        Segment(MachineState.IDLE, early, pause.to_at, "D24"),
        Segment(MachineState.RUNNING, pause.to_at, worked.to_at),
    ]
    found = pieces(stretches_of(segments, worked.to_at), [worked], [], Policy(), worked.from_at, worked.to_at, REASONS)
    assert seconds_of(found) == {Element.RUN: (510 - 47) * 60, Element.PLANNED: 47 * 60}


# ---------------------------------------------------------------------------------------------------------------------
# From here on: stops, calls, orders, screens.
