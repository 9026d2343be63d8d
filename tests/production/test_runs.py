"""What ran on a line when: made from the order's own row by the database, so that no program can forget it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from core.errors import GenbaError
from core.production import orders
from core.production.attribution import attribute_again, orders_at
from core.production.views import OrderStatus
from tests.production.conftest import Plant, with_time

if TYPE_CHECKING:
    from core.store.base import Db

STEPS = (orders.start_order, orders.pause_order, orders.resume_order, orders.hold_order, orders.unhold_order, orders.complete_order,
         orders.cancel_order, orders.close_order)  # fmt: skip
REASONED = (orders.hold_order, orders.cancel_order)


def runs(db: Db, order_id: UUID) -> list[tuple[str, datetime, datetime | None]]:
    from core.production.run_models import OrderRun

    found = select(OrderRun.status, OrderRun.from_at, OrderRun.to_at).where(OrderRun.order_id == order_id)
    return [tuple(row) for row in db.execute(found.order_by(OrderRun.from_at, OrderRun.to_at.nulls_last()))]


def step(plant: Plant, operation: Any, order_id: UUID, minutes: float) -> None:
    with_time(plant.db, minutes)
    more = {"reason": "x"} if operation in REASONED else {}
    try:
        operation(plant.db, plant.db.actor, order_id=order_id, **more)
    finally:
        with_time(plant.db, 0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 30)), max_size=12))
def test_whatever_happens_to_an_order_its_runs_cover_its_life_and_add_up(plant: Plant, taken: list[tuple[Any, int]]) -> None:
    from core.production.models import WorkOrder

    whole = plant.db.begin_nested()
    try:
        order_id, minutes = plant.released().id, -600.0
        for operation, later in taken:
            minutes += later
            inner = plant.db.begin_nested()
            try:
                step(plant, operation, order_id, minutes)
            except GenbaError:
                inner.rollback()
            else:
                inner.commit()
        plant.db.expire_all()
        order = plant.db.get_one(WorkOrder, order_id)
        found = runs(plant.db, order_id)
        for (_, _, ended), (_, began, _) in pairwise(found):
            assert ended == began, "no gap and no overlap"
        if order.actual_start_at is None:
            assert found == []
            return
        assert found[0][1] == order.actual_start_at
        assert found[-1][2] == order.actual_end_at
        over = order.status in (OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.CLOSED)
        assert (found[-1][2] is None) is not over
        closed = [(began, ended) for status, began, ended in found if status == "IN_PROGRESS" and ended is not None]
        ran = sum(((ended - began).total_seconds() for began, ended in closed), 0.0)
        assert ran == pytest.approx(float(order.run_seconds), abs=1e-3)
        if order.status == OrderStatus.IN_PROGRESS:
            assert found[-1][:2] == ("IN_PROGRESS", order.run_since_at)
        elif not over:
            assert found[-1][0] == order.status
    finally:
        whole.rollback()
        plant.db.expire_all()


@pytest.mark.parametrize("end", [orders.complete_order, orders.cancel_order])
def test_the_end_of_an_order_ends_its_run(plant: Plant, end: Any) -> None:
    order = plant.running(minutes=60)
    step(plant, orders.pause_order, order.id, -40)
    step(plant, end, order.id, -10)
    now = plant.db.now
    assert [(status, (now - began).total_seconds() / 60, ended and (now - ended).total_seconds() / 60)
            for status, began, ended in runs(plant.db, order.id)] == [("IN_PROGRESS", 60, 40), ("PAUSED", 40, 10)]  # fmt: skip


def test_two_orders_never_run_on_one_line_whatever_a_program_writes(plant: Plant) -> None:
    plant.running("WO-1")
    other = plant.released("WO-2")
    blunt = text("UPDATE genba.work_order SET status = 'IN_PROGRESS', actual_start_at = now(), run_since_at = now() WHERE id = :id")
    with pytest.raises(IntegrityError, match="uq_order_run_on_line"), plant.db.begin_nested():
        plant.db.execute(blunt, {"id": other.id})


def test_parts_of_two_orders_are_not_mixed_when_evidence_comes_home_late(plant: Plant, ago: Callable[[float], None]) -> None:
    """A held, B run to its end, A gone on with: each part belongs to what ran at its moment, not to what runs now."""
    from core.production.models import CountEvent

    first = plant.running("WO-1", minutes=100)
    step(plant, orders.hold_order, first.id, -80)
    second = plant.released("WO-2")
    step(plant, orders.start_order, second.id, -70)
    step(plant, orders.pause_order, second.id, -60)
    step(plant, orders.resume_order, second.id, -50)
    step(plant, orders.complete_order, second.id, -40)
    step(plant, orders.unhold_order, first.id, -30)
    wanted = {110: None, 90: first.id, 75: first.id, 65: second.id, 55: second.id, 45: second.id, 35: first.id, 20: first.id}
    moments = [(plant.lines["L1"], plant.db.now - timedelta(minutes=minutes)) for minutes in wanted]
    assert dict(zip(wanted, orders_at(plant.db, moments), strict=True)) == wanted
    for minutes in wanted:
        plant.counted("L1-M2", minutes, -minutes)
    attribute_again(plant.db, plant.lines["L1"], plant.db.now - timedelta(minutes=200))
    booked = dict(plant.db.execute(select(CountEvent.quantity, CountEvent.order_id)).all())
    assert booked == {Decimal(minutes): order for minutes, order in wanted.items()}


def test_of_overlapping_runs_the_one_at_work_counts(plant: Plant) -> None:
    """The second order was started in the dark, before the first was held, as the hold came in first."""
    first, second = plant.running("WO-1", minutes=70), plant.released("WO-2")
    step(plant, orders.hold_order, first.id, -40)
    step(plant, orders.start_order, second.id, -50)
    assert orders_at(plant.db, [(plant.lines["L1"], plant.db.now - timedelta(minutes=30))]) == [second.id]


# Running totals of the counters ----------------------------------------------------------------------------------------


def test_a_counter_knows_what_it_has_counted_since_ever(plant: Plant) -> None:
    from core.production.models import CountEvent

    for quantity, minutes, kind in ((5, -50, "good"), (2, -45, "reject"), (7, -40, "good"), (0, -30, "good"), (4, -30, "good")):
        plant.counted("L1-M2", quantity, minutes, kind=kind)
    plant.counted("L1-M1", 100, -20)
    totals = select(CountEvent.running_total).where(CountEvent.work_unit_id == plant.units["L1-M2"])
    of = {kind: plant.db.scalars(totals.where(CountEvent.kind == kind).order_by(CountEvent.seq)).all() for kind in ("good", "reject")}
    assert of == {"good": [5, 12, 12, 16], "reject": [2]}


def test_a_station_does_not_say_what_the_total_is(plant: Plant) -> None:
    """A total of its own would shift every figure after it."""
    from core.production.models import CountEvent

    plant.counted("L1-M2", 5, -50)
    statement = text(
        "INSERT INTO genba.count_event (id, line_id, work_unit_id, kind, quantity, occurred_at, source, epoch, seq, running_total)"
        " VALUES (gen_random_uuid(), :line, :unit, 'good', 3, now(), 'PLC', 1, 99, 1000000)"
    )
    plant.db.execute(statement, {"line": plant.lines["L1"], "unit": plant.units["L1-M2"]})
    assert plant.db.scalars(select(CountEvent.running_total).where(CountEvent.seq == 99)).one() == 8
