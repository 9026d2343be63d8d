"""Work orders in a real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from core.errors import Conflict, GenbaError, Invalid, Refused
from core.production import orders, rules
from core.production.views import OrderStatus, OrderView
from core.store.operation import Request
from tests.production.conftest import Plant

if TYPE_CHECKING:
    from core.store.base import Db

S = OrderStatus


def act(plant: Plant, operation: Any, order: OrderView, **args: Any) -> OrderView:
    view: OrderView = operation(plant.db, plant.db.actor, order_id=order.id, **args)
    return view


def test_an_order_goes_its_way_from_planned_to_closed(plant: Plant) -> None:
    order = plant.order("WO-1182", planned=500, priority=2, note="至急")
    assert (order.number, order.status, order.version, order.priority, order.note) == ("WO-1182", S.PLANNED, 1, 2, "至急")
    assert order.next_operations == (rules.RELEASE, rules.CANCEL)
    assert (order.planned, order.completed, order.scrap, order.unit, order.standard_cycle_min) == (500, 0, 0, "pcs", 0.75)
    order = act(plant, orders.release_order, order, version=1)
    assert order.status is S.RELEASED
    assert order.version == 2
    order = act(plant, orders.start_order, order, version=2)
    assert (order.status, order.actual_start_at) == (S.IN_PROGRESS, plant.db.now)
    assert order.next_operations[0] == rules.REPORT
    assert order.expected_end_at is not None
    order = act(plant, orders.pause_order, order)
    assert order.status is S.PAUSED
    assert order.expected_end_at is None
    order = act(plant, orders.resume_order, order)
    order = act(plant, orders.complete_order, order)
    assert (order.status, order.actual_end_at) == (S.COMPLETED, plant.db.now)
    order = act(plant, orders.close_order, order)
    assert order.next_operations == ()
    assert [message.topic for message in plant.db.messages] == ["order.started", "order.completed"]
    assert plant.db.messages[1].payload["number"] == "WO-1182"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"product_code": "nothing"}, "order.product_unknown"),
        ({"line_code": "L9"}, "order.line_unknown"),
        ({"number": "1182"}, "order.number_prefix"),
        ({"planned": Decimal(0)}, "order.planned_not_positive"),
        ({"priority": 11}, "order.priority_range"),
        ({"scheduled_end_at": datetime(2020, 1, 1, tzinfo=UTC)}, "order.end_before_start"),
    ],
)
def test_a_wrong_order_is_refused_in_the_customers_words(plant: Plant, given: dict[str, Any], code: str) -> None:
    args = {
        "product_code": "A-1010",
        "line_code": "L1",
        "planned": Decimal(5),
        "scheduled_start_at": plant.db.now,
        "scheduled_end_at": plant.db.now + timedelta(hours=1),
    }
    with pytest.raises(Invalid) as refusal:
        orders.create_order(plant.db, plant.db.actor, **{**args, **given})
    assert refusal.value.code == code


def test_numbers_are_unique_and_made_when_none_is_given(plant: Plant) -> None:
    first, second = plant.order(), plant.order()
    assert first.number.endswith("-001")
    assert second.number.endswith("-002")
    with pytest.raises(Invalid) as refusal:
        plant.order(first.number)
    assert refusal.value.lines("ja").what == "ワークオーダー番号が既に存在します"


def test_an_inactive_product_is_not_ordered(plant: Plant) -> None:
    from core.inventory.models import Product

    product = plant.db.get(Product, plant.products["A-1010"])
    assert product is not None
    product.active = False
    with pytest.raises(Invalid, match="product"):
        plant.order()


def test_an_unknown_order_and_a_changed_one(plant: Plant) -> None:
    with pytest.raises(Refused) as refusal:
        orders.start_order(plant.db, plant.db.actor, order_id=UUID(int=7))
    assert refusal.value.lines("ja").what == "ワークオーダーが見つかりません"
    order = plant.released("WO-5")
    with pytest.raises(Conflict) as conflict:
        act(plant, orders.start_order, order, version=order.version - 1)
    assert "WO-5" in conflict.value.lines("en").what


def test_a_line_takes_one_order_at_a_time(plant: Plant) -> None:
    first, second = plant.running("WO-1"), plant.released("WO-2")
    other_line = plant.running("WO-3", line="L2")
    assert other_line.status is S.IN_PROGRESS
    for _ in range(2):  # running, then paused
        with pytest.raises(Refused) as refusal:
            act(plant, orders.start_order, second)
        assert refusal.value.code == "order.line_busy"
        assert "WO-1" in refusal.value.lines("ja").what
        if first.status is S.IN_PROGRESS:
            first = act(plant, orders.pause_order, first)
    first = act(plant, orders.resume_order, first)
    first = act(plant, orders.hold_order, first, reason="品質確認")
    assert first.reason == "品質確認"
    second = act(plant, orders.start_order, second)
    with pytest.raises(Refused, match="occupies"):
        act(plant, orders.unhold_order, first)
    act(plant, orders.complete_order, second)
    first = act(plant, orders.unhold_order, first, reason="問題なし")
    assert (first.status, first.reason) == (S.IN_PROGRESS, "")


def test_blockers_of_order_line_product_and_unit_forbid_the_start(plant: Plant) -> None:
    from core.production.models import Blocker

    order = plant.released("WO-1")
    targets = [("order", order.id), ("line", plant.lines["L1"]), ("product", plant.products["A-1010"]), ("work_unit", plant.units["L1-M2"])]
    opened = [plant.blocker(kind, target, f"reason {kind}", minutes=-place) for place, (kind, target) in enumerate(targets)]
    plant.blocker("line", plant.lines["L2"], "another line")
    view = orders.get_order(plant.db, order_id=order.id)
    assert [blocker.reason for blocker in view.blockers] == [f"reason {kind}" for kind, _ in reversed(targets)]
    assert rules.START not in view.next_operations
    with pytest.raises(Refused) as refusal:
        act(plant, orders.start_order, order)
    assert refusal.value.code == "order.blocked"
    assert "reason work_unit" in refusal.value.lines("ja").what
    for id in opened:
        row = plant.db.get(Blocker, id)
        assert row is not None
        row.released_at, row.released_by = plant.db.now, "sato"
    plant.db.flush()
    assert act(plant, orders.start_order, order).status is S.IN_PROGRESS


def test_only_the_running_time_counts_for_the_target(plant: Plant, ago: Callable[[float], None]) -> None:
    order = plant.running(minutes=60)
    assert order.actual_start_at == plant.db.now - timedelta(minutes=60)
    ago(40)
    order = act(plant, orders.pause_order, order)
    assert order.running_s == 20 * 60
    ago(10)
    order = act(plant, orders.resume_order, order)
    assert order.running_s == 30 * 60
    ago(-30)  # a station whose clock is half an hour ahead
    order = act(plant, orders.complete_order, order)
    assert order.actual_end_at == plant.db.now
    assert order.running_s == 30 * 60


def test_hold_and_cancel_want_a_reason(plant: Plant) -> None:
    order = plant.running()
    for operation in (orders.hold_order, orders.cancel_order):
        with pytest.raises(Invalid, match="reason"):
            act(plant, operation, order, reason="  ")
    cancelled = act(plant, orders.cancel_order, order, reason="受注取消")
    assert (cancelled.status, cancelled.reason, cancelled.actual_end_at) == (S.CANCELLED, "受注取消", plant.db.now)
    assert plant.db.reason == "受注取消"
    with pytest.raises(Refused):
        act(plant, orders.note_order, cancelled, note="later")


def test_a_note_is_kept_and_taken_away(plant: Plant) -> None:
    order = act(plant, orders.note_order, plant.order(), note="型番確認\n2行目")
    assert order.note == "型番確認\n2行目"
    assert act(plant, orders.note_order, order, note="").note == ""


@pytest.mark.parametrize("name", ["release", "start", "pause", "resume", "complete", "close", "unhold"])
def test_an_illegal_step_changes_nothing(plant: Plant, name: str) -> None:
    order = act(plant, orders.cancel_order, plant.order(), reason="x")
    with pytest.raises(Refused) as refusal:
        act(plant, getattr(orders, f"{name}_order"), order)
    assert refusal.value.code == "order.not_legal"
    assert orders.get_order(plant.db, order_id=order.id) == order


# --- without a database: previews -----------------------------------------------------------------------------------


def request_for(operation: Any, order: OrderView, at: datetime, **args: Any) -> Request:
    model = operation.validate({"order_id": order.id, **args})
    given = model.model_dump(mode="json")
    return Request(id=UUID(int=1), operation=operation.name, station="T", user_code="tanaka", decided_at=at, args=given)


@pytest.mark.parametrize("name", ["start", "pause", "resume", "complete"])
@pytest.mark.parametrize("begin", ["released", "running", "paused", "planned"])
def test_the_preview_shows_what_the_database_will_say(plant: Plant, name: str, begin: str) -> None:
    if begin == "paused":
        order = act(plant, orders.pause_order, plant.running(minutes=5))
    else:
        order = {"released": plant.released, "running": plant.running, "planned": plant.order}[begin]()
    operation = getattr(orders, f"{name}_order")
    assert operation.preview is not None
    assert operation.subject({"order_id": order.id}) == ("order", str(order.id))
    request = request_for(operation, order, plant.db.now, version=order.version)
    try:
        shown: OrderView | str = operation.preview(order, request)
    except GenbaError as error:
        shown = error.code
    try:
        booked: OrderView | str = act(plant, operation, order, version=order.version)
    except GenbaError as error:
        booked = error.code
    if isinstance(shown, str) or isinstance(booked, str):
        assert shown == booked
        return
    same = ("status", "version", "actual_start_at", "actual_end_at", "running_s", "next_operations", "reason", "completed", "scrap")
    assert {field: getattr(shown, field) for field in same} == {field: getattr(booked, field) for field in same}


def test_a_preview_refuses_without_a_copy_or_on_an_old_one(plant: Plant) -> None:
    order = plant.released()
    with pytest.raises(Refused) as refusal:
        orders.start_order.preview(None, request_for(orders.start_order, order, plant.db.now))  # type: ignore[misc]
    assert refusal.value.code == "order.no_copy"
    with pytest.raises(Conflict):
        orders.start_order.preview(order, request_for(orders.start_order, order, plant.db.now, version=99))  # type: ignore[misc]


# --- lists ----------------------------------------------------------------------------------------------------------


def test_lists_filter_by_state_line_product_dates_and_text(plant: Plant) -> None:
    now = plant.db.now
    running = plant.running("WO-1")
    urgent = plant.released("WO-2", priority=1)
    later = plant.released("WO-3", scheduled_start_at=now + timedelta(days=2), scheduled_end_at=now + timedelta(days=3))
    other = plant.order("WO-4", line="L2", product_code="B-2200", note="50%_off")

    def numbers(**filters: Any) -> list[str]:
        return [order.number for order in orders.list_orders(plant.db, **filters).items]

    assert numbers() == ["WO-1", "WO-2", "WO-3", "WO-4"]
    assert numbers(status=(S.RELEASED,)) == ["WO-2", "WO-3"]
    assert numbers(line_code="L2") == ["WO-4"]
    assert numbers(product_code="B-2200") == ["WO-4"]
    assert numbers(from_at=now + timedelta(days=1)) == ["WO-3"]
    assert numbers(to_at=now) == []
    assert numbers(search="%_") == ["WO-4"]
    assert numbers(search="b-22") == ["WO-4"]
    page = orders.list_orders(plant.db, limit=2, offset=1)
    assert [order.id for order in page.items] == [urgent.id, later.id]
    assert page.total == 4
    assert [order.id for order in orders.line_queue(plant.db, line_code="L1").items] == [running.id, urgent.id, later.id]
    assert other.standard_cycle_min is None
    with pytest.raises(Invalid):
        orders.list_orders(plant.db, from_at=now, to_at=now)


def test_machine_counts_come_from_the_constraint_unit(plant: Plant) -> None:
    order = plant.running(minutes=30)
    plant.counted("L1-M2", 12, -10, order.id)
    plant.counted("L1-M2", 3, -5, order.id)
    plant.counted("L1-M2", 2, -5, order.id, kind="reject")
    plant.counted("L1-M1", 99, -5, order.id)
    plant.counted("L1-M2", 50, -40)
    view = orders.get_order(plant.db, order_id=order.id)
    assert (view.machine_good, view.machine_reject, view.unreported_good) == (15, 2, 15)
    assert orders.list_orders(plant.db).items[0].machine_good == 15
    released = plant.released(line="L2")
    assert orders.list_orders(plant.db, line_code="L2").items[0].machine_good is None
    assert orders.get_order(plant.db, order_id=released.id).machine_good == 0


def test_parts_counted_before_a_late_start_find_their_order(plant: Plant, ago: Callable[[float], None]) -> None:
    from sqlalchemy import select

    from core.production.models import CountEvent

    first = plant.running("WO-1", minutes=120)
    second = plant.released("WO-2")
    plant.counted("L1-M2", 5, -50, first.id)
    plant.counted("L1-M2", 7, -20, first.id)  # booked to the first, because nobody knew of its end yet
    ago(30)
    act(plant, orders.complete_order, first)
    ago(25)
    act(plant, orders.start_order, second)
    plant.db.expire_all()
    booked = dict(plant.db.execute(select(CountEvent.quantity, CountEvent.order_id)).all())
    assert booked == {Decimal(5): first.id, Decimal(7): second.id}


def test_of_two_started_orders_the_one_at_work_gets_the_parts(plant: Plant, ago: Callable[[float], None]) -> None:
    from core.production.attribution import orders_at

    def owner(minutes: float) -> UUID | None:
        (order,) = orders_at(plant.db, [(plant.lines["L1"], plant.db.now - timedelta(minutes=minutes))])
        return order

    first = plant.running("WO-1", minutes=100)
    ago(80)
    act(plant, orders.hold_order, first, reason="x")
    assert owner(79) == first.id  # held alone: what still falls out of the machine is its own
    second = plant.released("WO-2")
    ago(70)
    act(plant, orders.start_order, second)
    ago(50)
    act(plant, orders.pause_order, second)
    assert owner(49) == second.id  # a paused order keeps the line
    ago(45)
    act(plant, orders.resume_order, second)
    ago(40)
    act(plant, orders.hold_order, second, reason="x")
    ago(30)
    act(plant, orders.unhold_order, first)
    assert (owner(101), owner(90), owner(29)) == (None, first.id, first.id)
    ago(25)
    act(plant, orders.pause_order, first)
    assert owner(24) == first.id  # paused goes before held, although the held one was started later
    ago(20)
    act(plant, orders.complete_order, first)
    third = plant.released("WO-3")
    ago(15)
    act(plant, orders.start_order, third)
    ago(12)
    act(plant, orders.pause_order, third)
    ago(10)
    assert (owner(5), owner(0)) == (third.id, third.id)
    act(plant, orders.complete_order, act(plant, orders.resume_order, third))
    assert owner(5) == second.id


@pytest.mark.usefixtures("plant")
def test_the_standard_time_of_the_unit_goes_before_the_product_s(db: Db, plant: Plant) -> None:
    from core.production.models import StandardTime

    today = (db.now + timedelta(hours=9)).date()
    for days, cycle in ((-10, "0.5"), (-1, "0.6"), (5, "0.1")):
        row = StandardTime(product_id=plant.products["A-1010"], work_unit_id=plant.units["L1-M2"], cycle_min=Decimal(cycle))
        row.valid_from = today + timedelta(days=days)
        db.add(row)
    assert plant.order().standard_cycle_min == 0.6
    assert plant.order(line="L2").standard_cycle_min == 0.75
