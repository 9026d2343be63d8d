"""Lines at a glance and in detail, in a real database."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from core.equipment.states import NO_LINK, LineStatus, MachineState, Segment
from core.errors import Refused
from core.production import lines, orders, reports
from core.production.glance import PAST, without_gaps
from core.production.views import OrderStatus, OrderView
from core.store.query import Answer
from core.store.readstore import overlay
from tests.production.conftest import Plant, planned

NOW = datetime(2026, 7, 14, 1, 0, tzinfo=UTC)


def test_an_empty_plant_is_two_quiet_lines(plant: Plant) -> None:
    page = lines.lines_overview(plant.db)
    assert [line.code for line in page.items] == ["L1", "L2"]
    first = page.items[0]
    assert (first.state, first.state_since, first.order, first.target_now, first.ahead) == (MachineState.OFFLINE, None, None, None, None)
    assert (first.constraint_unit, first.pace_per_hour, first.good_today, first.queue) == ("L1-M2", 102.0, 0, 0)
    assert first.tags == ("L1.M2.State", "L1.M1.State")
    assert first.status is LineStatus.IDLE


def test_the_overview_shows_state_order_counts_and_target(plant: Plant) -> None:
    plant.lease("PLC", expires=1)
    plant.segment("L1-M2", "RUNNING", -90, -12)
    plant.segment("L1-M2", "DOWN", -12, None, "D07")
    order = plant.running("WO-1", minutes=60, planned=500)
    plant.released("WO-2")
    plant.counted("L1-M2", 40, -10, order.id)
    plant.counted("L1-M2", 3, -10, order.id, kind="reject")
    plant.counted("L1-M1", 70, -10, order.id)
    first, second = lines.lines_overview(plant.db).items
    assert (first.state, first.reason_code, first.status) == (MachineState.DOWN, "D07", LineStatus.DOWN)
    assert first.state_since == plant.db.now - timedelta(minutes=12)
    assert first.order is not None
    assert (first.order.number, first.order.machine_good, first.queue) == ("WO-1", 40, 1)
    assert first.pace_per_hour == pytest.approx(68.0)  # 60 / 0.75 min × 85 %
    assert (first.target_now, first.ahead) == (68, 40 - 68)
    midnight = (plant.db.now + timedelta(hours=9)).replace(hour=0, minute=0, second=0, microsecond=0)
    expected = 40 if plant.db.now + timedelta(hours=9) - midnight > timedelta(minutes=10) else 0
    assert first.good_today == expected
    assert second.order is None


def test_yesterday_does_not_count_for_today(plant: Plant) -> None:
    plant.counted("L1-M2", 40, -24 * 60 - 1)
    assert lines.lines_overview(plant.db).items[0].good_today == 0


def test_a_state_nobody_records_any_more_is_unknown(plant: Plant) -> None:
    plant.segment("L1-M2", "RUNNING", -90, None)
    plant.lease("PLC", expires=-5, renewed=-6)
    first = lines.lines_overview(plant.db).items[0]
    assert (first.state, first.reason_code) == (MachineState.OFFLINE, NO_LINK)
    assert abs(first.state_since - (plant.db.now - timedelta(minutes=6))) < timedelta(seconds=5)
    detail = lines.line_detail(plant.db, line_code="L1")
    assert [segment.state for segment in detail.segments] == [MachineState.OFFLINE, MachineState.RUNNING, MachineState.OFFLINE]
    assert detail.segments[1].ended_at == first.state_since
    plant.segment("L2-M2", "RUNNING", -90, -30)
    plant.lease("PLC", expires=5)
    second = lines.lines_overview(plant.db).items[1]
    assert (second.state, second.state_since) == (MachineState.OFFLINE, plant.db.now - timedelta(minutes=30))


@pytest.mark.parametrize("state", ["paused", "held"])
def test_a_started_order_that_waits_is_still_the_order_of_the_line(plant: Plant, state: str) -> None:
    order = plant.running("WO-1")
    if state == "paused":
        orders.pause_order(plant.db, plant.db.actor, order_id=order.id)
    else:
        orders.hold_order(plant.db, plant.db.actor, order_id=order.id, reason="x")
    shown = lines.lines_overview(plant.db).items[0].order
    assert shown is not None
    assert shown.id == order.id
    orders.cancel_order(plant.db, plant.db.actor, order_id=order.id, reason="x")
    assert lines.lines_overview(plant.db).items[0].order is None


def statements_of(plant: Plant, ask: Callable[[], Any]) -> int:
    statements: list[str] = []
    _ = plant.db.now

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    bind = plant.db.get_bind()
    event.listen(bind, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(bind, "before_cursor_execute", note)
    return len(statements)


def test_the_overview_asks_as_much_for_many_lines_as_for_one(plant: Plant) -> None:
    """What stands beside the lines is asked for all of them at once: a dozen short statements, whatever the number of lines."""
    planned(plant, "L1", "L2")
    plant.segment("L1-M2", "RUNNING", -30, None)
    plant.running("WO-1", minutes=20)
    plant.counted("L1-M2", 5, -10)
    before = statements_of(plant, lambda: lines.lines_overview(plant.db))
    plant.segment("L2-M2", "RUNNING", -30, None)
    plant.running("WO-2", "L2", minutes=20)
    plant.counted("L2-M2", 5, -10)
    assert statements_of(plant, lambda: lines.lines_overview(plant.db)) == before
    assert before <= 30


def test_a_line_says_how_its_shift_goes(plant: Plant) -> None:
    plant.lease("PLC", expires=5)
    around = ((plant.db.now + timedelta(hours=9 + step)).strftime("%H:%M") for step in (-2, 2, 4))
    begin, middle, end = around
    planned(plant, "L1", shifts=(("1", begin, middle), ("2", middle, end)), pause=False)
    order = plant.running("WO-1", minutes=60, planned=500)
    plant.segment("L1-M2", "RUNNING", -300, -30)
    plant.segment("L1-M2", "DOWN", -30, -20)
    plant.segment("L1-M2", "RUNNING", -20, None)
    plant.counted("L1-M2", 40, -40, order.id)
    plant.counted("L1-M2", 2, -40, order.id, kind="reject")
    first, second = lines.lines_overview(plant.db).items
    assert first.shift is not None
    assert (first.shift.code, first.shift.crew, first.shift.name["en"]) == ("1", "A", "Shift 1")
    assert (first.good_shift, first.reject_shift, first.open_stops) == (40, 2, 1)
    assert first.coverage.value == pytest.approx(1.0)
    passed_s = sum((min(until, plant.db.now) - since).total_seconds() for since, until in first.shift.busy if since < plant.db.now)
    assert first.availability.value == pytest.approx((passed_s - 600) / passed_s)
    assert first.oee.value == pytest.approx(40 * 45 / passed_s)
    assert first.target_shift is not None
    assert second.shift is not None  # around the clock
    assert second.shift.code == ""
    assert (second.oee.value, second.oee.why) == (None, "no_planned_time")  # nobody knows anything of it
    assert second.coverage.value == 0
    board = lines.view_board(plant.db, area_code="A1")
    assert [row.line.code for row in board.rows] == ["L1", "L2"]
    assert board.total.good == 40
    assert board.total == board.rows[0].figures + board.rows[1].figures
    assert lines.view_board(plant.db, area_code="B9").rows == ()
    detail = lines.line_detail(plant.db, line_code="L1")
    assert detail.line.shift == first.shift


def test_time_outside_of_the_shift_makes_no_order_late(plant: Plant) -> None:
    """It runs for an hour, and the shift for half of that: half of the parts are due."""
    now = plant.db.now + timedelta(hours=9)
    begin = now.replace(second=0, microsecond=0) - timedelta(minutes=30)
    planned(plant, "L1", shifts=(("1", begin.strftime("%H:%M"), (now + timedelta(hours=2)).strftime("%H:%M")),), pause=False)
    plant.running("WO-1", minutes=60, planned=500)
    first = lines.lines_overview(plant.db).items[0]
    assert first.due_s == pytest.approx((now - begin).total_seconds(), abs=1)
    assert first.target_now == int((now - begin).total_seconds() * 68 / 3600)


def test_an_order_is_expected_by_the_calendar_of_its_line(plant: Plant) -> None:
    """Half an hour of shift is left: the rest is made tomorrow."""
    now = plant.db.now + timedelta(hours=9)
    planned(
        plant,
        "L1",
        shifts=(("1", (now - timedelta(hours=2)).strftime("%H:%M"), (now + timedelta(minutes=30)).strftime("%H:%M")),),
        pause=False,
    )
    plant.running("WO-1", minutes=60, planned=68)
    plant.running("WO-2", "L2", minutes=60, planned=68)
    first, second = lines.lines_overview(plant.db).items
    for view in (first, second):
        assert view.order is not None
        assert view.order.expected_end_at is not None
    assert first.order.expected_end_at - plant.db.now > timedelta(hours=21)  # type: ignore[union-attr]
    assert second.order.expected_end_at - plant.db.now < timedelta(hours=2)  # type: ignore[union-attr]


def test_a_line_may_be_as_its_machines_are_together(plant: Plant) -> None:
    from core.equipment.models import Line

    plant.lease("PLC", expires=5)
    plant.segment("L1-M1", "DOWN", -90, None, "D01")
    plant.segment("L1-M2", "RUNNING", -120, None)
    assert lines.lines_overview(plant.db).items[0].state is MachineState.RUNNING
    line = plant.db.get(Line, plant.lines["L1"])
    assert line is not None
    for rule, state in (("all_running", MachineState.DOWN), ("worst", MachineState.DOWN), ("any_running", MachineState.RUNNING)):
        line.state_rule = rule
        plant.db.flush()
        first = lines.lines_overview(plant.db).items[0]
        assert (first.state, first.state_by_tag) == (state, False)
        detail = lines.line_detail(plant.db, line_code="L1")
        assert detail.segments[-1].state is state
        assert detail.segments[-1].ended_at is None
        assert detail.segments[0].started_at == detail.since


def test_the_hours_of_a_shift(plant: Plant) -> None:
    plant.lease("PLC", expires=5)
    now = plant.db.now + timedelta(hours=9)
    planned(
        plant,
        "L1",
        shifts=(("1", (now - timedelta(minutes=150)).strftime("%H:%M"), (now + timedelta(hours=2)).strftime("%H:%M")),),
        pause=False,
    )
    plant.running("WO-1", minutes=200, planned=5000)
    plant.segment("L1-M2", "RUNNING", -300, -30)
    plant.segment("L1-M2", "DOWN", -30, None, "D01")
    plant.counted("L1-M2", 40, -100)
    plant.counted("L1-M2", 4, -99, kind="reject")
    hours = lines.line_hours(plant.db, line_code="L1")
    assert hours.worked is not None
    assert [row.state for row in hours.rows] == ["past", "past", "now", "future", "future"]
    assert sum(row.good for row in hours.rows) == 40
    assert sum(row.reject for row in hours.rows) == 4
    assert hours.rows[2].reasons == ("D01",)
    assert hours.rows[0].lost == hours.rows[3].lost == 0
    assert hours.rows[2].lost > 20
    assert hours.rows[0].target == 68
    assert hours.previous is not None
    assert hours.previous.production_date == hours.worked.production_date - timedelta(days=1)
    before = lines.line_hours(plant.db, line_code="L1", production_date=hours.previous.production_date, shift_code="1")
    assert before.worked is not None
    assert before.worked.to_at <= hours.worked.from_at
    assert {row.state for row in before.rows} == {"past"}
    none = lines.line_hours(plant.db, line_code="L1", production_date=hours.worked.production_date, shift_code="9")
    assert (none.worked, none.rows) == (None, ())
    with pytest.raises(Refused):
        lines.line_hours(plant.db, line_code="L9")


def test_the_detail_of_a_line(plant: Plant) -> None:
    plant.lease("PLC", expires=1)
    plant.segment("L1-M2", "IDLE", -600, -500)
    plant.segment("L1-M2", "RUNNING", -500, -30)
    plant.segment("L1-M2", "SETUP", -20, None)
    plant.segment("L1-M1", "WAITING", -20, None, "D15")
    order = plant.running("WO-1")
    for place in range(5):
        plant.released(f"WO-9{place}", priority=5 - place)
    reports.book_report(plant.db, plant.db.actor, order_id=order.id, good=Decimal(4))
    detail = lines.line_detail(plant.db, line_code="L1")
    assert detail.line == lines.lines_overview(plant.db).items[0]
    assert [unit.code for unit in detail.units] == ["L1-M1", "L1-M2"]
    assert (detail.units[0].state, detail.units[0].reason_code) == (MachineState.WAITING, "D15")
    assert detail.units[0].tags == ("L1.M1.State",)
    states = [(segment.state, segment.reason_code) for segment in detail.segments]
    assert states == [(MachineState.RUNNING, ""), (MachineState.OFFLINE, NO_LINK), (MachineState.SETUP, "")]
    assert detail.segments[0].started_at == detail.since == plant.db.now - PAST
    assert detail.segments[-1].ended_at is None
    assert [each.number for each in detail.next_orders] == ["WO-94", "WO-93", "WO-92"]
    assert [report.good for report in detail.reports] == [4]
    with pytest.raises(Refused, match="L9"):
        lines.line_detail(plant.db, line_code="L9")


def test_what_forms_offer(plant: Plant) -> None:
    plant.order()
    choices = lines.order_choices(plant.db)
    assert [product.code for product in choices.products] == ["A-1010", "B-2200"]
    assert (choices.products[0].standard_cycle_min, choices.products[1].standard_cycle_min) == (0.75, None)
    assert [line.code for line in choices.lines] == ["L1", "L2"]
    assert "Q01" in [defect.code for defect in choices.defects]
    assert choices.next_number.endswith("-002")


@st.composite
def pasts(draw: st.DrawFn) -> list[Segment]:
    at, segments = NOW - timedelta(hours=10), []
    for _ in range(draw(st.integers(0, 12))):
        at += timedelta(minutes=draw(st.sampled_from([0, 0, 5, 60])))
        end = at + timedelta(minutes=draw(st.sampled_from([0, 1, 30, 120])))
        segments.append(Segment(draw(st.sampled_from(MachineState)), at, end))
        at = end
    if segments and draw(st.booleans()):
        segments[-1] = Segment(segments[-1].state, segments[-1].started_at, None)
    return segments


@given(segments=pasts(), unseen_min=st.integers(0, 200))
def test_the_bar_has_no_gap_and_no_overlap(segments: list[Segment], unseen_min: int) -> None:
    since = NOW - PAST
    bar = without_gaps(segments, since, NOW - timedelta(minutes=unseen_min), NOW)
    assert bar[0].started_at == since
    for left, right in itertools.pairwise(bar):
        assert left.ended_at == right.started_at
        assert left.started_at < right.started_at
    assert bar[-1].ended_at is None or bar[-1].ended_at == NOW


def test_a_line_shows_the_order_that_was_started_here_while_the_database_is_away(plant: Plant) -> None:
    """What waits in the journal is painted on the line too: a free line takes the order, one that was ended gives the line free."""
    running, next_one = plant.running("WO-1"), plant.released("WO-2")
    page = lines.lines_overview(plant.db)
    answer = Answer(page, plant.db.now, "snapshot")
    on_line = [None if line.order is None else line.order.number for line in page.items]
    assert on_line == ["WO-1", None]

    def shown(*decided: OrderView) -> tuple[str, frozenset[str]]:
        painted = overlay(answer, {f"order:{order.id}": order for order in decided})
        first = painted.value.items[0].order
        return "" if first is None else f"{first.number} {first.status}", painted.waiting

    paused = replace(running, status=OrderStatus.PAUSED)
    assert shown(paused) == ("WO-1 PAUSED", {f"order:{running.id}"})
    ended, started = replace(running, status=OrderStatus.COMPLETED), replace(next_one, status=OrderStatus.IN_PROGRESS)
    assert shown(ended) == ("", frozenset())
    assert shown(ended, started) == ("WO-2 IN_PROGRESS", {f"order:{next_one.id}"})
    held = replace(running, status=OrderStatus.HELD)
    assert shown(held) == ("WO-1 HELD", {f"order:{running.id}"})
    assert shown(held, started) == ("WO-2 IN_PROGRESS", {f"order:{next_one.id}"}), "a held order gives the line free"
    elsewhere = replace(started, line_code="L9")
    assert shown(elsewhere) == ("WO-1 IN_PROGRESS", frozenset())
    assert shown() == ("WO-1 IN_PROGRESS", frozenset())
