"""The queue of a line: revised, prioritised, reordered; what keeps an order from starting; two people at once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.errors import Conflict, GenbaError, Invalid, Refused
from core.production import orders, queue, reports, rules
from core.production.count_rules import from_readings, machine_counts
from core.production.views import OrderStatus, OrderView
from tests.production.conftest import Plant, with_time


def act(plant: Plant, operation: Any, **args: Any) -> Any:
    return operation(plant.db, plant.db.actor, **args)


def numbers(plant: Plant) -> list[str]:
    return [order.number for order in orders.line_queue(plant.db, line_code="L1").items]


def refused(plant: Plant, kind: type[GenbaError], code: str, operation: Any, **args: Any) -> GenbaError:
    with pytest.raises(kind) as refusal:
        act(plant, operation, **args)
    assert refusal.value.code == code
    for language in ("ja", "en"):
        assert all(len(line) > 3 for line in refusal.value.lines(language))  # type: ignore[arg-type]
    return refusal.value


def test_a_quantity_is_revised_with_a_reason_and_never_below_what_is_reported(plant: Plant) -> None:
    order = plant.running("WO-1", planned=100, minutes=10)
    order = act(plant, reports.book_report, order_id=order.id, good=Decimal(40), difference_reason="hand")
    revised = act(plant, queue.revise_order, order_id=order.id, planned=Decimal(40), reason="顧客の減数", version=order.version)
    assert (revised.planned, revised.remaining, revised.version) == (40, 0, order.version + 1)
    assert plant.db.reason == "顧客の減数"
    told = refused(plant, Invalid, "order.below_reported", queue.revise_order, order_id=order.id, planned=Decimal(39), reason="x")
    assert "40" in told.lines("ja").what
    refused(plant, Invalid, "order.reason_missing", queue.revise_order, order_id=order.id, planned=Decimal(50), reason=" ")
    refused(plant, Conflict, "order.changed", queue.revise_order, order_id=order.id, planned=Decimal(50), reason="x", version=order.version)
    act(plant, orders.complete_order, order_id=order.id)
    refused(plant, Refused, "order.not_legal", queue.revise_order, order_id=order.id, planned=Decimal(50), reason="x")


def test_priority_moves_an_order_and_a_place_that_was_given_beats_it(plant: Plant) -> None:
    made = [plant.released(f"WO-{name}") for name in "ABC"]
    assert numbers(plant) == ["WO-A", "WO-B", "WO-C"]
    act(plant, queue.prioritise_order, order_id=made[2].id, priority=1)
    assert numbers(plant) == ["WO-C", "WO-A", "WO-B"]
    refused(plant, Invalid, "order.priority_range", queue.prioritise_order, order_id=made[2].id, priority=11)
    seen = tuple(order.id for order in orders.line_queue(plant.db, line_code="L1").items)
    moved = (made[1].id, made[2].id, made[0].id)
    page = act(plant, queue.reorder_queue, line_code="L1", order_ids=moved, seen=seen)
    assert [order.number for order in page.items] == ["WO-B", "WO-C", "WO-A"] == numbers(plant)
    assert [order.queue_position for order in page.items] == [1, 2, 3]


def test_two_supervisors_reorder_at_once_and_the_second_sees_it(plant: Plant) -> None:
    made = [plant.released(f"WO-{name}") for name in "ABC"]
    seen = tuple(order.id for order in made)
    act(plant, queue.reorder_queue, line_code="L1", order_ids=(seen[1], seen[0]), seen=seen)
    assert numbers(plant) == ["WO-B", "WO-A", "WO-C"]
    refused(plant, Conflict, "order.queue_changed", queue.reorder_queue, line_code="L1", order_ids=(seen[2],), seen=seen)
    assert numbers(plant) == ["WO-B", "WO-A", "WO-C"]


def test_only_orders_that_wait_on_the_line_are_reordered(plant: Plant) -> None:
    here, there = plant.released("WO-A"), plant.released("WO-B", "L2")
    for wrong in ((here.id, there.id), (here.id, here.id)):
        refused(plant, Invalid, "order.queue_foreign", queue.reorder_queue, line_code="L1", order_ids=wrong, seen=(here.id,))


def test_an_order_on_the_line_is_seen_before_anybody_presses_start(plant: Plant) -> None:
    running, waiting = plant.running("WO-A", minutes=5), plant.released("WO-B")
    view = orders.get_order(plant.db, order_id=waiting.id)
    assert [(blocker.kind, blocker.reason_words["en"]) for blocker in view.blockers] == [("line_busy", "WO-A is on the line")]
    assert rules.START not in view.next_operations
    told = refused(plant, Refused, "order.line_busy", orders.start_order, order_id=waiting.id)
    assert "WO-A" in told.lines("en").what
    act(plant, orders.complete_order, order_id=running.id)
    view = orders.get_order(plant.db, order_id=waiting.id)
    assert (view.blockers, rules.START in view.next_operations) == ((), True)


def test_a_line_that_is_down_is_said_and_a_leader_starts_all_the_same(plant: Plant) -> None:
    order = plant.released("WO-A")
    plant.lease("PLC", 5)
    plant.segment("L1-M2", "DOWN", -10, None, "D01")
    view = orders.get_order(plant.db, order_id=order.id)
    assert [blocker.kind for blocker in view.blockers] == ["line_down"]
    assert rules.START in view.next_operations, "the button stays: whoever may starts all the same"
    told = refused(plant, Refused, "order.line_down", orders.start_order, order_id=order.id)
    assert "DOWN" not in told.lines("ja").what
    operator = replace(plant.db.actor, permissions=frozenset({rules.START}))
    with pytest.raises(Refused) as refusal:
        orders.start_order(plant.db, operator, order_id=order.id, although_down=True)
    assert refusal.value.code == "order.force_right"
    assert act(plant, orders.start_order, order_id=order.id, although_down=True).status is OrderStatus.IN_PROGRESS


def test_nobody_recording_is_neither_up_nor_down(plant: Plant) -> None:
    order = plant.released("WO-A")
    plant.segment("L1-M2", "DOWN", -10, None, "D01")
    assert orders.get_order(plant.db, order_id=order.id).blockers == ()


def test_a_resume_by_a_clock_that_is_behind_does_not_count_seconds_twice(plant: Plant) -> None:
    order = plant.running("WO-A", minutes=60)
    for operation, minutes in ((orders.pause_order, -20.0), (orders.resume_order, -30.0), (orders.pause_order, -10.0)):
        with_time(plant.db, minutes)
        order = act(plant, operation, order_id=order.id)
    assert order.running_s == pytest.approx(50 * 60)


def test_counting_by_hand_where_the_machine_has_no_counter(plant: Plant) -> None:
    order: OrderView = plant.running("WO-A")
    assert (order.counting, order.counted) == ("hand", None)


def test_counters_in_all_their_combinations() -> None:
    assert machine_counts({}) == (0, 0)
    assert machine_counts({"good": 5, "reject": 2, "total": 9}) == (5, 2)
    assert machine_counts({"total": 9, "reject": 2}) == (7, 2)
    assert machine_counts({"total": 9, "good": 7}) == (7, 2)
    assert machine_counts({"total": 9}) == (9, 0)
    assert machine_counts({"total": 1, "reject": 2}) == (0, 2)
    assert (from_readings(10, 25), from_readings(9_990, 15), from_readings(9_990, 15, 10_000), from_readings(5, 3, 4)) == (
        15,
        None,
        25,
        None,
    )
