"""A report against the machine: rework, differences that are explained, lines that report by themselves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Invalid, Refused
from core.production import orders, reports
from core.production.views import OrderView
from tests.production.conftest import Plant, with_time


@pytest.fixture
def counting(plant: Plant) -> Plant:
    """The plant with counters on the constraint unit of L1."""
    from sqlalchemy import select

    from core.equipment.models import Source, Tag

    source = plant.db.scalars(select(Source)).one()
    for role in ("good", "reject"):
        plant.db.add(
            Tag(
                name=f"L1.M2.{role}", source_id=source.id, address=role, type="int32", label={"ja": role, "en": role},
                work_unit_id=plant.units["L1-M2"], role=role,
            )
        )  # fmt: skip
    plant.db.flush()
    return plant


def book(plant: Plant, order: OrderView, **parts: Any) -> OrderView:
    quantities = {name: Decimal(parts.pop(name)) for name in ("good", "scrap", "rework") if name in parts}
    view: OrderView = reports.book_report(plant.db, plant.db.actor, order_id=order.id, **quantities, **parts)
    return view


def counted(plant: Plant, minutes: float = 30, good: int = 0, reject: int = 0, **more: Any) -> OrderView:
    order = plant.running("WO-1", planned=500, minutes=minutes, **more)
    plant.counted("L1-M2", good, -1, order.id)
    plant.counted("L1-M2", reject, -1, order.id, "reject")
    return orders.get_order(plant.db, order_id=order.id)


def test_good_scrap_and_rework_in_one_report(counting: Plant) -> None:
    order = counted(counting, good=100, reject=10)
    assert (order.counting, order.counted, order.unreported_good, order.unreported_reject) == ("machine", 110, 100, 10)
    view = book(counting, order, good=100, rework=10)
    assert (view.completed, view.scrap, view.rework, view.counted) == (100, 0, 10, 0)
    assert view.booked is not None
    assert (view.booked.rework, view.booked.origin, view.booked.difference_reason) == (10, "person", "")
    taken = reports.correct_report(counting.db, counting.db.actor, report_id=view.booked.id, reason="typo")
    assert (taken.good, taken.rework) == (-100, -10)
    view = orders.get_order(counting.db, order_id=order.id)
    assert (view.completed, view.rework) == (0, 0)


def test_a_difference_above_the_limit_is_explained(counting: Plant) -> None:
    order = counted(counting, good=100)
    with pytest.raises(Refused) as refusal:
        book(counting, order, good=90)
    assert refusal.value.code == "report.difference"
    for language in ("ja", "en"):
        told = refusal.value.lines(language)  # type: ignore[arg-type]
        assert "100" in told.what
        assert "90" in told.what
    view = book(counting, order, good=90, difference_reason="10個は検査室")
    assert view.booked is not None
    assert view.booked.difference_reason == "10個は検査室"
    assert (view.counted, view.unreported_good) == (0, 0), "what was explained is not proposed again"
    assert book(counting, view, good=1).completed == 91, "one part is on its way from the counter to the box"


def test_what_was_shown_counts_and_not_what_ran_on_meanwhile(counting: Plant) -> None:
    order = counted(counting, good=100)
    counting.counted("L1-M2", 50, 0, order.id)
    view = book(counting, order, good=100, machine_good=order.machine_good, machine_reject=order.machine_reject)
    assert (view.completed, view.unreported_good) == (100, 50)


def test_what_is_counted_by_hand_has_no_difference(plant: Plant) -> None:
    order = plant.running("WO-1", planned=500)
    assert book(plant, order, good=400, over_confirmed=True).completed == 400


@pytest.mark.parametrize(
    ("parts", "code"), [({}, "report.empty"), ({"rework": -1}, "report.negative"), ({"scrap": 1}, "report.defect_missing")]
)
def test_what_cannot_be_reported(counting: Plant, parts: dict[str, int], code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        book(counting, counted(counting), **parts)
    assert refusal.value.code == code


def test_a_report_for_a_completed_order_is_kept_as_unassigned_and_said(plant: Plant) -> None:
    order = plant.running("WO-1", minutes=60)
    with_time(plant.db, -10)
    orders.complete_order(plant.db, plant.db.actor, order_id=order.id)
    with_time(plant.db, 0)
    view = book(plant, order, good=5)
    assert view.booked is not None
    assert (view.booked.order_id, view.booked.good, view.completed) == (None, 5, 0)


def test_a_line_that_reports_by_itself_books_the_rest_at_its_end(counting: Plant) -> None:
    from core.equipment.models import Line

    line = counting.db.get(Line, counting.lines["L1"])
    assert line is not None
    line.report_mode = "automatic"
    order = counted(counting, good=100, reject=4)
    order = book(counting, order, good=60, machine_good=60, machine_reject=0)
    done = orders.complete_order(counting.db, counting.db.actor, order_id=order.id)
    assert (done.completed, done.scrap) == (100, 4)


def test_what_was_sorted_otherwise_is_not_proposed_again(counting: Plant) -> None:
    order = counted(counting, good=100)
    view = book(counting, order, good=90, scrap=6, rework=4, defect_code="Q01")
    assert (view.counted, view.unreported_good, view.unreported_reject) == (0, 0, 0)
    counting.counted("L1-M2", 20, -1, order.id)
    counting.counted("L1-M2", 2, -1, order.id, "reject")
    view = orders.get_order(counting.db, order_id=order.id)
    assert (view.counted, view.unreported_good, view.unreported_reject) == (22, 20, 2)
    assert view.booked is None
    view = book(counting, view, good=70, scrap=2, defect_code="Q01", difference_reason="the counter was covered")
    assert view.counted == 0
    counting.counted("L1-M2", 5, -1, order.id)
    view = orders.get_order(counting.db, order_id=order.id)
    assert (view.counted, view.unreported_good) == (5, 5), "and what was found beyond the count hides nothing that comes later"


def test_a_report_that_is_taken_back_settles_nothing(counting: Plant) -> None:
    order = counted(counting, good=100)
    view = book(counting, order, good=80, scrap=5, defect_code="Q01", difference_reason="15 at the inspection")
    assert view.counted == 0
    assert view.booked is not None
    reports.correct_report(counting.db, counting.db.actor, report_id=view.booked.id, reason="wrong order")
    view = orders.get_order(counting.db, order_id=order.id)
    assert (view.counted, view.unreported_good, view.unreported_reject) == (100, 100, 0)


def test_small_differences_stay_open_until_they_are_explained(counting: Plant) -> None:
    order = counted(counting, good=400)
    view = book(counting, order, good=393)
    assert (view.counted, view.unreported_good) == (7, 7)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.integers(0, 30), st.integers(0, 20)), min_size=1, max_size=4))
def test_what_is_reported_is_what_was_counted_or_is_explained(counting: Plant, steps: list[tuple[int, int, int, int]]) -> None:
    with counting.db.begin_nested() as nested:
        order = counting.running(f"WO-{counting.seq}", planned=1_000_000, minutes=30)
        machine = booked = explained = 0
        for good, reject, reported, rework in steps:
            counting.counted("L1-M2", good, -1, order.id)
            counting.counted("L1-M2", reject, -1, order.id, "reject")
            machine += good + reject
            view = orders.get_order(counting.db, order_id=order.id)
            assert view.counted == max(0, machine - booked - explained)
            assert view.unreported_good + view.unreported_reject >= view.counted, "what is proposed is no less than what was counted"
            if not reported and not rework:
                continue
            far = abs(reported + rework - view.counted) > max(1, Decimal("0.02") * view.counted)
            if far:
                with pytest.raises(Refused):
                    book(counting, view, good=reported, rework=rework)
            view = book(counting, view, good=reported, rework=rework, difference_reason="said" if far else "")
            booked += reported + rework
            explained = machine - booked if far else explained
            assert view.completed + view.scrap + view.rework == booked
        nested.rollback()
