"""Reports in a real database: booked, unassigned, taken back, assigned; the sums always agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Invalid, Refused
from core.production import orders, reports
from core.production.views import OrderStatus, OrderView
from core.store.operation import Actor, Request
from tests.production.conftest import Plant, plant_rows, with_time

if TYPE_CHECKING:
    from core.store.base import Db


def book(plant: Plant, order: OrderView, good: int | str = 0, scrap: int | str = 0, **more: Any) -> OrderView:
    defect = "Q01" if Decimal(scrap) else ""
    given = {"defect_code": defect, **more}
    return reports.book_report(plant.db, plant.db.actor, order_id=order.id, good=Decimal(good), scrap=Decimal(scrap), **given)


def test_good_and_scrap_are_added_to_the_order(plant: Plant) -> None:
    order = plant.running("WO-1")
    order = book(plant, order, 20, 1, machine_good=22, machine_reject=1)
    order = book(plant, order, "2.5")
    assert (order.completed, order.scrap, order.remaining) == (Decimal("22.5"), 1, Decimal("77.5"))
    assert order.booked is not None
    assert (order.booked.order_number, order.booked.good, order.booked.defect_code) == ("WO-1", Decimal("2.5"), "")
    newest, first = reports.list_reports(plant.db, order_id=order.id).items
    assert {newest.good, first.good} == {Decimal("2.5"), Decimal(20)}
    assert {(each.machine_good, each.defect_code) for each in (newest, first)} == {(None, ""), (22, "Q01")}
    told = [message for message in plant.db.messages if message.topic == "order.reported"]
    assert [message.payload["good"] for message in told] == ["20", "2.5"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "report.empty"),
        ({"good": Decimal(-1)}, "report.negative"),
        ({"scrap": Decimal(-1)}, "report.negative"),
        ({"scrap": Decimal(2)}, "report.defect_missing"),
        ({"scrap": Decimal(2), "defect_code": "Q77"}, "report.defect_unknown"),
    ],
)
def test_what_cannot_be_a_report_is_refused(plant: Plant, given: dict[str, Any], code: str) -> None:
    order = plant.running()
    with pytest.raises(Invalid) as refusal:
        reports.book_report(plant.db, plant.db.actor, order_id=order.id, **given)
    assert refusal.value.code == code
    assert orders.get_order(plant.db, order_id=order.id) == order


def test_the_future_is_not_reported(plant: Plant) -> None:
    with pytest.raises(Invalid, match="future"):
        book(plant, plant.running(), 1, made_at=plant.db.now + timedelta(hours=1))


def test_far_more_than_remains_needs_a_leader(plant: Plant) -> None:
    order = plant.running(planned=100)
    order = book(plant, order, 80)
    assert book(plant, order, 22).completed == 102  # a tenth above the remaining 20 is still all right
    with pytest.raises(Refused) as question:
        book(plant, order, 3)
    assert question.value.code == "report.over"
    assert question.value.severity == "confirm"
    operator = replace(plant.db.actor, permissions=frozenset({"production:report:book"}))
    with pytest.raises(Refused) as refusal:
        reports.book_report(plant.db, operator, order_id=order.id, good=Decimal(200), over_confirmed=True)
    assert refusal.value.code == "report.over_right"
    leader = replace(operator, permissions=frozenset({"production:report:*"}))
    assert reports.book_report(plant.db, leader, order_id=order.id, good=Decimal(200), over_confirmed=True).completed == 302


def test_a_report_that_waited_is_never_refused(plant: Plant, ago: Callable[[float], None]) -> None:
    order = plant.running(minutes=60, planned=10)
    ago(30)
    booked = book(plant, order, 500, 2, defect_code="Q-old")
    assert booked.completed == 500
    assert booked.booked is not None
    assert booked.booked.defect_code == ""  # a code nobody knows any more does not hold up what was made
    assert booked.booked.reported_at == plant.db.now - timedelta(minutes=30)


def test_a_report_that_waited_for_a_moment_is_not_refused_either(plant: Plant) -> None:
    """It was shown as waiting; meanwhile others reported so much that the rest is less than what its screen had asked about."""
    order = plant.running(planned=10)
    try:
        plant.db.late = True
        booked = book(plant, order, 500, 2, defect_code="Q-old", made_at=plant.db.now + timedelta(hours=1))
    finally:
        plant.db.late = False
    assert booked.booked is not None
    assert (booked.completed, booked.booked.reported_at) == (500, min(plant.db.decided_at, plant.db.now))


@pytest.mark.parametrize("end", ["complete", "cancel"])
@pytest.mark.parametrize(("minutes", "belongs"), [(70, False), (45, True), (20, False)])
def test_facts_about_a_finished_order_go_where_they_belong(
    plant: Plant, ago: Callable[[float], None], end: str, minutes: float, belongs: bool
) -> None:
    order = plant.running("WO-1", minutes=60)
    ago(30)
    if end == "complete":
        order = orders.complete_order(plant.db, plant.db.actor, order_id=order.id)
    else:
        order = orders.cancel_order(plant.db, plant.db.actor, order_id=order.id, reason="x")
    ago(minutes)
    view = book(plant, order, 5)
    assert view.booked is not None
    assert (view.booked.order_id == order.id) is belongs
    assert view.completed == (5 if belongs else 0)
    unassigned = reports.list_reports(plant.db, unassigned=True).items
    assert len(unassigned) == (0 if belongs else 1)
    if not belongs:
        assert unassigned[0].line_code == "L1"
        assert [message.topic for message in plant.db.messages].count("order.reported") == 0


def test_an_order_that_never_ran_gets_nothing(plant: Plant) -> None:
    view = book(plant, plant.released(), 3)
    assert (view.completed, view.status) == (0, OrderStatus.RELEASED)
    assert view.booked is not None
    assert view.booked.order_id is None


def test_an_unassigned_report_is_assigned_to_an_order_of_its_line(plant: Plant, ago: Callable[[float], None]) -> None:
    order, other = plant.running("WO-1"), plant.running("WO-2", line="L2")
    stray = book(plant, plant.released("WO-3"), 7, 1).booked
    assert stray is not None

    def assign(report: UUID, to: OrderView) -> OrderView:
        return reports.assign_report(plant.db, plant.db.actor, report_id=report, order_id=to.id, reason="確認済み")

    with pytest.raises(Refused) as refusal:
        assign(stray.id, other)
    assert refusal.value.code == "report.other_line"
    view = assign(stray.id, order)
    assert (view.completed, view.scrap) == (7, 1)
    with pytest.raises(Refused) as refusal:
        assign(stray.id, order)
    assert refusal.value.code == "report.already_corrected"
    assert view.booked is not None
    with pytest.raises(Refused) as refusal:
        assign(view.booked.id, order)
    assert refusal.value.code == "report.assigned"
    left = reports.list_reports(plant.db, unassigned=True)
    assert (left.items, left.total) == ((), 0), "neither the report nor what took it back is anybody's business any more"


def test_a_correction_takes_back_once_and_says_why(plant: Plant) -> None:
    order = plant.running()
    wrong = book(plant, order, 30, 2).booked
    assert wrong is not None
    correct = reports.correct_report
    with pytest.raises(Invalid, match="reason"):
        correct(plant.db, plant.db.actor, report_id=wrong.id, reason=" ")
    view = correct(plant.db, plant.db.actor, report_id=wrong.id, reason="桁違い")
    assert (view.good, view.scrap, view.corrects, view.reason) == (-30, -2, wrong.id, "桁違い")
    assert orders.get_order(plant.db, order_id=order.id).completed == 0
    for id, code in ((wrong.id, "report.already_corrected"), (view.id, "report.not_found"), (UUID(int=3), "report.not_found")):
        with pytest.raises(Refused) as refusal:
            correct(plant.db, plant.db.actor, report_id=id, reason="again")
        assert refusal.value.code == code


@pytest.mark.parametrize("state", ["planned", "released", "running", "paused", "held", "completed"])
def test_the_preview_shows_what_the_database_will_say(plant: Plant, state: str) -> None:
    actor = plant.db.actor
    make = {"planned": plant.order, "released": plant.released}.get(state, plant.running)
    order = make()
    if state == "paused":
        order = orders.pause_order(plant.db, actor, order_id=order.id)
    elif state == "held":
        order = orders.hold_order(plant.db, actor, order_id=order.id, reason="x")
    elif state == "completed":
        with_time(plant.db, -1)
        order = orders.complete_order(plant.db, actor, order_id=order.id)
        with_time(plant.db, 0)
    asked = {"order_id": order.id, "good": Decimal(4), "scrap": Decimal(1), "defect_code": "Q01"}
    args = reports.book_report.validate(asked).model_dump(mode="json")
    request = Request(
        id=UUID(int=1), operation=reports.book_report.name, station="TEST", user_code="tester", decided_at=plant.db.now, args=args
    )
    assert reports.book_report.preview is not None
    shown = reports.book_report.preview(order, request)
    booked = reports.book_report(plant.db, actor, **asked)  # type: ignore[arg-type]
    for field in ("completed", "scrap", "version", "status", "next_operations"):
        assert getattr(shown, field) == getattr(booked, field)
    assert replace(shown.booked, id=booked.booked.id) == booked.booked  # type: ignore[union-attr]


def test_a_preview_asks_before_far_too_much(plant: Plant) -> None:
    order = plant.running(planned=10)
    preview: Any = reports.book_report.preview
    args = reports.book_report.validate({"order_id": order.id, "good": Decimal(50)}).model_dump(mode="json")
    request = Request(id=UUID(int=1), operation="production:report:book", station="T", user_code="t", decided_at=plant.db.now, args=args)
    with pytest.raises(Refused, match="50 with only 10"):
        preview(order, request)
    confirmed = request.model_copy(update={"args": {**args, "over_confirmed": True}})
    assert preview(order, confirmed).completed == 50
    with pytest.raises(Refused):
        preview(None, request)


step = st.one_of(
    st.tuples(st.just("book"), st.integers(0, 30), st.integers(0, 3)),
    st.tuples(st.just("correct"), st.integers(0, 20), st.just(0)),
    st.tuples(st.sampled_from(["pause_order", "resume_order", "hold_order", "unhold_order", "complete_order"]), st.just(0), st.just(0)),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(step, max_size=12))
def test_the_sums_on_the_order_are_the_sums_of_its_reports(db: Db, steps: list[tuple[str, int, int]]) -> None:
    with db.begin_nested() as savepoint:
        plant = plant_rows(db)
        with_time(db, 0)
        order = plant.running(planned=10_000)
        db.actor = Actor("t", "T", frozenset(), frozenset({"*"}), "TEST", None)
        made: list[UUID] = []
        for name, first, second in steps:
            try:
                if name == "book":
                    booked = book(plant, order, first, second).booked
                    assert booked is not None
                    made.append(booked.id)
                elif name == "correct" and first < len(made):
                    reports.correct_report(db, db.actor, report_id=made[first], reason="x")
                elif name == "hold_order":
                    orders.hold_order(db, db.actor, order_id=order.id, reason="x")
                elif name != "correct":
                    getattr(orders, name)(db, db.actor, order_id=order.id)
            except (Refused, Invalid):
                continue
        view = orders.get_order(db, order_id=order.id)
        booked_ones = reports.list_reports(db, order_id=order.id).items
        assert view.completed == sum(each.good for each in booked_ones)
        assert view.scrap == sum(each.scrap for each in booked_ones)
        assert view.completed >= 0
        savepoint.rollback()
