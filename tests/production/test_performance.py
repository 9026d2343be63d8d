"""Performance over a range: what the database sums up is what the rules say, second by second and part by part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.equipment.models import Line
from core.equipment.shifts import shifts_between
from core.equipment.states import MachineState, Segment
from core.equipment.stop_lists import reasons_of
from core.errors import Invalid
from core.production import machine_rows, performance
from core.production.elements import pieces
from core.production.oee import seconds_of
from core.production.time_views import Element, Figures
from tests.production.conftest import Plant, planned
from tests.production.strategies import segments

E = Element
DAY = datetime(2026, 7, 13, 21, 30, tzinfo=UTC)
"""06:30 of Tuesday 14 July in Tokyo: the first shift begins."""
END = DAY + timedelta(hours=17)


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


@pytest.fixture
def shifts(plant: Plant) -> Iterator[Plant]:
    planned(plant, "L1")
    plant.owner("DELETE FROM genba.lease WHERE name = 'source:PLC'")
    return plant


def did(plant: Plant, state: str, begin: float, end: float | None, reason: str = "", unit: str = "L1-M2") -> UUID:
    from core.equipment.models import StateSegment

    plant.seq += 1
    row = StateSegment(id=uuid4(), work_unit_id=plant.units[unit], state=state, reason_code=reason, started_at=at(begin))
    row.ended_at = None if end is None else at(end)
    row.source, row.epoch, row.seq = "PLC", 1, plant.seq
    plant.db.add(row)
    plant.db.flush()
    return row.id


def counted(plant: Plant, quantity: int, minute: float, kind: str = "good", gap_from: float | None = None, unit: str = "L1-M2") -> None:
    from core.production.models import CountEvent

    plant.seq += 1
    event = CountEvent(id=uuid4(), line_id=plant.lines[unit[:2]], work_unit_id=plant.units[unit], kind=kind, quantity=Decimal(quantity))
    event.counter_value, event.occurred_at = plant.seq, at(minute)
    event.gap, event.gap_from_at = gap_from is not None, None if gap_from is None else at(gap_from)
    event.source, event.epoch, event.seq = "PLC", 1, plant.seq
    plant.db.add(event)
    plant.db.flush()


def said(plant: Plant, anchor: float, *parts: tuple[float, str, str | None], segment: UUID | None = None, **more: Any) -> UUID:
    from core.equipment.stop_models import StopPart, StopRecord

    unit, line = plant.units["L1-M2"], plant.lines["L1"]
    record = StopRecord(
        id=uuid4(), line_id=line, work_unit_id=unit, anchor_at=at(anchor), segment_id=segment, changed_at=plant.db.now, **more
    )
    plant.db.add(record)
    plant.db.flush()
    for minute, reason, state in parts:
        part = StopPart(id=uuid4(), stop_id=record.id, line_id=line, work_unit_id=unit, from_at=at(minute), reason_code=reason, state=state)
        part.user_code, part.station, part.request_id, part.decided_at = "sato", "ST1", uuid4(), plant.db.now
        plant.db.add(part)
    plant.db.flush()
    return record.id


def total(plant: Plant, begin: datetime = DAY, end: datetime = END, **more: Any) -> Figures:
    return asked(plant, begin, end, **more).total


def asked(plant: Plant, begin: datetime = DAY, end: datetime = END, **more: Any) -> Any:
    plant.db.flush()
    return performance.get_performance(plant.db, from_at=begin, to_at=end, **{"scope": "line", "codes": ("L1",), **more})


def minutes(figures: Figures) -> dict[Element, float]:
    return {element: seconds / 60 for element, seconds in figures.seconds.items() if seconds}


def expected(plant: Plant, begin: datetime, end: datetime) -> dict[Element, float]:
    """The same by the rules alone."""
    (machine,) = machine_rows.machines(plant.db, [Line.code == "L1", Line.constraint_unit_id == machine_rows.WorkUnit.id], begin, end)
    told = machine_rows.stretches(plant.db, [machine], begin, end).get(machine.id, ())
    runs = machine_rows.runs(plant.db, [machine.line_id], begin, end).get(machine.line_id, ())
    worked = shifts_between(machine.calendar, "L1", begin, end)
    return seconds_of(pieces(told, worked, runs, machine.policy, begin, end, reasons_of(plant.db)))


def test_a_shift_of_running_stops_and_a_break(shifts: Plant) -> None:
    did(shifts, "RUNNING", -60, 100)
    did(shifts, "DOWN", 100, 130, "D01")
    did(shifts, "RUNNING", 130, 200)
    did(shifts, "DOWN", 200, 203)
    did(shifts, "RUNNING", 203, 320)
    did(shifts, "WAITING", 320, 380, "D15")  # 12:00 is minute 330
    did(shifts, "RUNNING", 380, 510)
    for minute in range(510):
        counted(shifts, 1, minute + 0.5)
    counted(shifts, 10, 300.5, kind="reject")
    figures = total(shifts, DAY, at(510))
    assert minutes(figures) == {E.RUN: 417, E.DOWN: 30, E.MINOR: 3, E.WAITING: 15, E.PLANNED: 45}
    assert (figures.good, figures.scrap, figures.failures, figures.repairs, figures.repair_s) == (510, 10, 1, 1, 1800)
    assert figures.no_cycle  # no order ran: the line's capacity stands for the cycle
    assert figures.ideal_s == 520 * 30
    assert figures.oee.value == pytest.approx(510 * 30 / (465 * 60))
    assert minutes(total(shifts, at(-60), at(510)))[E.UNSCHEDULED] == 60
    found = performance.get_losses(shifts.db, from_at=DAY, to_at=at(510), scope="line", codes=("L1",))
    assert [(bar.key, bar.seconds, bar.stops) for bar in found.pareto] == [("D01", 1800, 1), ("D15", 900, 1), ("D99", 180, 1)]
    assert (found.mtbf.value, found.mttr.value) == (420 * 60, 1800)


def test_what_people_said_counts_and_merged_stops_are_one_failure(shifts: Plant) -> None:
    did(shifts, "RUNNING", 0, 100)
    first = did(shifts, "DOWN", 100, 120)
    did(shifts, "RUNNING", 120, 121)
    second = did(shifts, "DOWN", 121, 141)
    did(shifts, "RUNNING", 141, 200)
    third = did(shifts, "DOWN", 200, 240)
    did(shifts, "RUNNING", 240, 330)
    blind = did(shifts, "OFFLINE", 400, 440, "no_link")
    head = said(shifts, 100, (100, "D02", None), segment=first, repaired_at=at(110), repaired_by="ma")
    said(shifts, 121, (121, "D02", None), segment=second, merged_into=head)
    said(shifts, 200, (200, "D01", None), (220, "D10", None), segment=third)
    said(shifts, 400, (400, "", "RUNNING"), segment=blind)
    figures = total(shifts, DAY, at(510))
    assert minutes(figures) == {E.RUN: 100 + 1 + 59 + 90 + 40, E.DOWN: 60, E.SETUP: 20, E.PLANNED: 45, E.GAP: 25 + 70}
    assert (figures.failures, figures.repairs) == (2, 2)
    assert figures.repair_s == (10 + 40) * 60
    found = performance.get_losses(shifts.db, from_at=DAY, to_at=at(510), scope="line", codes=("L1",))
    assert [(bar.key, bar.seconds / 60, bar.stops) for bar in found.pareto] == [("D02", 40, 1), ("D01", 20, 1), ("D10", 20, 0)]
    assert {E(k): v * 60 for k, v in minutes(figures).items()} == pytest.approx(expected(shifts, DAY, at(510)))


def test_a_stop_that_was_explained_before_its_evidence_came_home(shifts: Plant) -> None:
    did(shifts, "RUNNING", 0, 100)
    said(shifts, 99.95, (99.95, "D23", None))
    did(shifts, "DOWN", 100, 120)
    did(shifts, "RUNNING", 120, 330)
    assert minutes(total(shifts, DAY, at(330))) == {E.RUN: 310, E.PLANNED: 20}


def test_a_blind_hour_stands_aside_with_its_parts_until_a_leader_says_what_it_was(shifts: Plant) -> None:
    """480 minutes with 60 of them blind and the machine running must not give 114 %."""
    line = shifts.db.get(Line, shifts.lines["L1"])
    assert line is not None
    line.capacity_per_hour = Decimal(60)
    did(shifts, "RUNNING", 0, 100)
    blind = did(shifts, "OFFLINE", 100, 160, "no_link")
    did(shifts, "RUNNING", 160, 330)
    for minute in range(100):
        counted(shifts, 1, minute + 0.5)
    counted(shifts, 60, 160.1, gap_from=99.9)
    for minute in range(160, 330):
        counted(shifts, 1, minute + 0.5)
    figures = total(shifts, DAY, at(330))
    assert (figures.good, figures.gap_good) == (270, 60)
    assert figures.oee.value == pytest.approx(1.0)
    assert figures.coverage.value == pytest.approx(270 / 330)
    said(shifts, 100, (100, "", "RUNNING"), segment=blind)
    figures = total(shifts, DAY, at(330))
    assert (figures.good, figures.gap_good) == (330, 0)
    assert figures.oee.value == pytest.approx(1.0)
    assert figures.coverage.value == 1.0


@pytest.mark.parametrize(
    ("rule", "parts", "ruled"), [("counted", 60, True), ("counted", 10, False), ("bridge", 10, True), ("leader", 60, False)]
)
def test_a_line_may_have_a_rule_for_its_gaps(shifts: Plant, rule: str, parts: int, ruled: bool) -> None:
    line = shifts.db.get(Line, shifts.lines["L1"])
    assert line is not None
    line.capacity_per_hour, line.gap_rule, line.gap_bridge_s = Decimal(60), rule, 3600
    did(shifts, "RUNNING", 0, 100)
    did(shifts, "OFFLINE", 100, 160, "no_link")
    did(shifts, "RUNNING", 160, 330)
    counted(shifts, parts, 160.1, gap_from=100)
    figures = total(shifts, DAY, at(330))
    assert (figures.gap_good, figures.good) == ((0, parts) if ruled else (parts, 0))
    assert minutes(figures) == ({E.RUN: 330} if ruled else {E.RUN: 270, E.GAP: 60})


def test_a_standard_time_that_came_later_says_nothing_about_the_day(shifts: Plant) -> None:
    from core.production.models import StandardTime

    for day, cycle in ((DAY.date() - timedelta(days=30), "0.5"), (DAY.date() + timedelta(days=2), "5")):
        shifts.db.add(
            StandardTime(product_id=shifts.products["A-1010"], work_unit_id=shifts.units["L1-M2"], valid_from=day, cycle_min=Decimal(cycle))
        )
    ran(shifts, "A-1010", -30, 330)
    did(shifts, "RUNNING", 0, 330)
    counted(shifts, 100, 50)
    figures = total(shifts, DAY, at(330))
    assert figures.ideal_s == 100 * 30
    assert not figures.undated_cycle
    assert not figures.no_cycle


def ran(plant: Plant, product: str, begin: float, end: float | None, line: str = "L1", number: str = "") -> UUID:
    """An order that was on the line; the database makes the run of its row."""
    from core.production.models import WorkOrder

    order = plant.order(number or f"WO-{uuid4().hex[:8]}", line, product_code=product)
    row = plant.db.get(WorkOrder, order.id)
    assert row is not None
    row.status, row.actual_start_at, row.run_since_at = "IN_PROGRESS", at(begin), at(begin)
    plant.db.flush()
    if end is not None:
        row.status, row.actual_end_at, row.run_since_at, row.run_seconds = "COMPLETED", at(end), None, Decimal(60 * (end - begin))
        plant.db.flush()
    return order.id


def test_figures_of_products_orders_and_shifts_add_up(shifts: Plant) -> None:
    first = ran(shifts, "A-1010", 0, 200, number="WO-1")
    ran(shifts, "B-2200", 200, 400, number="WO-2")
    did(shifts, "RUNNING", 0, 150)
    did(shifts, "DOWN", 150, 250, "D01")
    did(shifts, "RUNNING", 250, 700)
    for minute in range(0, 700, 10):
        counted(shifts, 10, minute + 0.5)
    end = at(700)
    whole = asked(shifts, DAY, end)
    for by in ("product", "order", "shift", "day", "unit"):
        answer = asked(shifts, DAY, end, by=by)
        assert answer.total.good == whole.total.good, by
        assert minutes(answer.total) == pytest.approx(minutes(whole.total)), by
        assert sum(group.figures.good for group in answer.groups) == whole.total.good
    by_product = {group.key: group.figures for group in asked(shifts, DAY, end, by="product").groups}
    assert minutes(by_product["A-1010"]) == {E.RUN: 150, E.DOWN: 50}
    assert by_product["A-1010"].good == 200
    assert by_product["A-1010"].ideal_s == 200 * 45
    assert {group.key for group in asked(shifts, DAY, end, by="order").groups} == {"WO-1", "WO-2", ""}
    assert [group.key for group in asked(shifts, DAY, end, by="shift").groups] == ["1", "2"]
    assert [group.key for group in asked(shifts, DAY, end, by="day").groups] == ["2026-07-14"]
    alone = total(shifts, DAY, end, scope="order", codes=("WO-1",))
    assert alone.good == 200
    assert minutes(alone) == minutes(by_product["A-1010"])
    assert first
    bars = performance.get_losses(shifts.db, from_at=DAY, to_at=end, scope="line", codes=("L1",), by="order").pareto
    assert {(bar.key, bar.seconds / 60) for bar in bars} == {("WO-1", 50), ("WO-2", 50)}
    with pytest.raises(Invalid):
        asked(shifts, DAY, end, scope="order", codes=())
    for begin, until in (
        (end, DAY),
        (DAY - timedelta(days=401), end),
        (shifts.db.now + timedelta(days=1), shifts.db.now + timedelta(days=2)),
    ):
        with pytest.raises(Invalid):
            asked(shifts, begin, until)


def test_scrap_and_rework_that_people_report_lower_what_was_counted_good(shifts: Plant) -> None:
    order = ran(shifts, "A-1010", 0, 400, number="WO-1")
    did(shifts, "RUNNING", 0, 330)
    counted(shifts, 100, 50)
    from core.production.models import ProductionReport

    report = ProductionReport(id=uuid4(), order_id=order, line_id=shifts.lines["L1"], good=Decimal(90), scrap=Decimal(4), rework=Decimal(6))
    report.unit, report.defect_code, report.user_code, report.station = "pcs", "Q01", "sato", "ST1"
    report.reported_at, report.request_id = at(300), uuid4()
    shifts.db.add(report)
    figures = total(shifts, DAY, at(330))
    assert (figures.good, figures.scrap, figures.rework, figures.produced) == (90, 4, 6, 100)
    line = shifts.db.get(Line, shifts.lines["L1"])
    assert line is not None
    line.count_mode = "hand"
    figures = total(shifts, DAY, at(330))
    assert (figures.good, figures.scrap, figures.rework) == (90, 4, 6)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_what_the_database_sums_is_what_the_rules_say(shifts: Plant, data: st.DataObject) -> None:
    nested = shifts.db.begin_nested()
    try:
        line = shifts.db.get(Line, shifts.lines["L1"])
        assert line is not None
        line.worked_breaks = data.draw(st.booleans())
        told = data.draw(segments(DAY + timedelta(hours=data.draw(st.integers(-9, 16))), 40_000))
        write(shifts, told, data)
        if data.draw(st.booleans()):
            ran(shifts, "A-1010", data.draw(st.integers(-60, 600)), data.draw(st.integers(601, 900)))
        begin = DAY + timedelta(minutes=data.draw(st.integers(-300, 300)))
        end = begin + timedelta(minutes=data.draw(st.integers(1, 1500)))
        figures = total(shifts, begin, end)
        rules = {element: seconds for element, seconds in expected(shifts, begin, end).items() if seconds}
        found = {element: seconds for element, seconds in figures.seconds.items() if seconds > 1e-4}
        assert found == pytest.approx(rules, abs=1e-3)
        assert figures.calendar_s == pytest.approx((end - begin).total_seconds())
    finally:
        nested.rollback()
        shifts.db.expire_all()


def write(plant: Plant, told: tuple[Segment, ...], data: st.DataObject) -> None:
    for one in told:
        begin = (one.started_at - DAY).total_seconds() / 60
        end = None if one.ended_at is None else (one.ended_at - DAY).total_seconds() / 60
        segment = did(plant, one.state, begin, end, one.reason_code)
        if one.state is MachineState.RUNNING or end is None or not data.draw(st.booleans()):
            continue
        parts = [(begin, data.draw(st.sampled_from(["", "D01", "D07", "D10", "D24"])), None)]
        if data.draw(st.booleans()):
            parts.append(((begin + end) / 2, data.draw(st.sampled_from(["D15", "D22"])), None))
        if one.state is MachineState.OFFLINE:
            parts = [(begin, "", data.draw(st.sampled_from(["RUNNING", "DOWN"])))]
        said(plant, begin, *parts, segment=segment)
