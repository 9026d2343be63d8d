"""Every operation and every snapshot query with the database stopped: what may wait, waits; what must not, says why.

A new operation takes part by itself. A new offline operation, or a query with arguments, needs a line below, and the test says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import core.catalogue
from core.errors import Unavailable
from core.production import orders, rules
from core.production.views import OrderStatus, OrderView
from core.store.operation import Actor
from tests.store.rig import SESSION, TABLES, Station, ask

if TYPE_CHECKING:
    from tests.postgres import TestServer

ANYBODY = Actor("alice", "アリス", frozenset({"operator"}), frozenset({"*"}), "ST1", SESSION)
OPERATIONS, QUERIES = core.catalogue.OPERATIONS, core.catalogue.QUERIES

OFFLINE: Mapping[str, Mapping[str, Any]] = {
    rules.START: {},
    rules.REPORT: {"good": Decimal(7), "scrap": Decimal(1), "defect_code": "Q01"},
    rules.PAUSE: {},
    rules.RESUME: {},
    rules.NOTE: {"note": "刃を替えた"},
    rules.COMPLETE: {},
}
"""Offline operation → arguments beside ``order_id``, in the order in which they are possible on one order."""

ASKED: Mapping[str, Callable[[OrderView], Mapping[str, Any]]] = {
    "production:order:changes": lambda order: {"order_id": order.id},
    "production:order:get": lambda order: {"order_id": order.id},
    "production:order:queue": lambda order: {"line_code": order.line_code},
    "equipment:stop:choices": lambda order: {"work_unit_code": f"{order.line_code}-M1"},
    "equipment:stop:list": lambda order: {"line_code": order.line_code},
    "equipment:machine:list": lambda order: {"line_code": order.line_code},
    "production:line:hours": lambda order: {"line_code": order.line_code},
    "production:line:detail": lambda order: {"line_code": order.line_code},
    "production:performance:get": lambda order: {"from_at": order.scheduled_start_at, "to_at": order.scheduled_end_at},
    "production:performance:losses": lambda order: {"from_at": order.scheduled_start_at, "to_at": order.scheduled_end_at},
    "production:report:list": lambda order: {"order_id": order.id},
    "production:handover:get": lambda order: {"line_code": order.line_code},
    "production:import:preview": lambda _: {"kind": "order", "document": ("x",)},
    "inventory:bom:get": lambda order: {"product_code": order.product_code, "on": order.scheduled_start_at.date()},
}
"""Query → arguments, where it needs some."""


@pytest.fixture(scope="module")
def place(postgres: TestServer) -> Iterator[str]:
    """A database with a small plant in it."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from core.store.base import Db
    from tests.production.conftest import plant_rows

    with postgres.migrated_database() as name:
        engine = create_engine(postgres.admin_url(name), poolclass=NullPool)
        with Db(engine) as db:
            plant_rows(db)
            db.commit()
        engine.dispose()
        ask(postgres.admin_url(name), TABLES)
        ask(postgres.admin_url(name), "INSERT INTO genba_guard.role_permission VALUES ('operator', '*')")
        yield postgres.station_url(name)


@pytest.fixture
def station(place: str, tmp_path: Path, expect_log: Any) -> Iterator[Station]:
    expect_log(r"database is down")
    opened = Station(place, tmp_path)
    opened.wait(True)
    yield opened
    opened.close()


@pytest.fixture
def order(station: Station) -> OrderView:
    """A released order, as this station last saw it."""
    now = station.clock.now()
    made = {"product_code": "A-1010", "line_code": "L1", "planned": Decimal(100), "scheduled_start_at": now}
    view = station.door.do(orders.create_order, ANYBODY, {**made, "scheduled_end_at": now.replace(year=now.year + 1)}).view
    released: OrderView = station.door.do(orders.release_order, ANYBODY, {"order_id": view.id}).view
    return released


def asked_for(name: str, order: OrderView) -> Mapping[str, Any]:
    return ASKED[name](order) if name in ASKED else {}


def test_everything_with_the_database_stopped(station: Station, order: OrderView) -> None:
    shown = [name for name, query in QUERIES.items() if query.snapshot]
    for name in shown:
        assert station.door.ask(QUERIES[name], ANYBODY, asked_for(name, order)).origin == "database"
    station.lose()
    for name, operation in OPERATIONS.items():
        if not operation.offline:
            with pytest.raises(Unavailable) as refusal:
                station.door.do(operation, ANYBODY, {})
            for language in ("ja", "en"):
                assert all(refusal.value.lines(language)), (name, language)
    for name in shown:
        answer = station.door.ask(QUERIES[name], ANYBODY, asked_for(name, order))
        assert answer.origin == "snapshot", name
        assert answer.waiting == frozenset()
    for name, query in QUERIES.items():
        if not query.snapshot:
            with pytest.raises(Unavailable):
                station.door.ask(query, ANYBODY, asked_for(name, order))


def test_what_may_wait_waits_and_comes_in_later(station: Station, order: OrderView) -> None:
    # Writes to a machine and what became of them, entries by hand and what is said of stops, are tried where they are.
    elsewhere = {"equipment:tag:write", "equipment:tag:confirm", "equipment:manual:enter", "equipment:stop:explain", "equipment:stop:mark"}
    elsewhere |= {f"equipment:call:{verb}" for verb in ("open", "respond", "resolve", "withdraw")}
    assert {*OFFLINE, *elsewhere} == {name for name, operation in OPERATIONS.items() if operation.offline}
    listed = QUERIES["production:order:list"]
    station.door.ask(listed, ANYBODY, {})
    station.lose()
    view, states = order, []
    for name, args in OFFLINE.items():
        versioned = {} if name == rules.REPORT else {"version": view.version}
        done = station.door.do(OPERATIONS[name], ANYBODY, {"order_id": order.id, **versioned, **args})
        assert done.state == "waiting", name
        view = done.view
        states.append(view.status)
        answer = station.door.ask(listed, ANYBODY, {})
        assert answer.waiting == {f"order:{order.id}"}
        assert next(each for each in answer.value.items if each.id == order.id).status is view.status
    assert states[0] is states[1] is OrderStatus.IN_PROGRESS
    assert states[2:] == [OrderStatus.PAUSED, OrderStatus.IN_PROGRESS, OrderStatus.IN_PROGRESS, OrderStatus.COMPLETED]
    station.restart()  # what was decided outlives the program
    station.back()
    applied = station.door.apply_waiting()
    assert (applied.applied, applied.parked, applied.waiting) == (len(OFFLINE), 0, 0)
    booked = station.door.ask(orders.get_order, ANYBODY, {"order_id": order.id})
    assert booked.origin == "database"
    same = ("status", "version", "completed", "scrap", "actual_start_at", "actual_end_at", "next_operations")
    assert {field: getattr(booked.value, field) for field in same} == {field: getattr(view, field) for field in same}


def test_a_late_start_on_a_line_that_is_taken_needs_a_person(station: Station, order: OrderView, place: str, tmp_path: Path) -> None:
    """The intent is refused when it comes in, and shown; the fact that was decided after it is booked all the same."""
    other = station.door.do(
        orders.create_order,
        ANYBODY,
        {
            "product_code": "A-1010",
            "line_code": "L1",
            "planned": Decimal(5),
            "scheduled_start_at": order.scheduled_start_at,
            "scheduled_end_at": order.scheduled_end_at,
        },
    ).view
    station.door.do(orders.release_order, ANYBODY, {"order_id": other.id})
    station.door.ask(QUERIES["production:order:list"], ANYBODY, {})
    station.lose()
    station.door.do(orders.start_order, ANYBODY, {"order_id": order.id})
    station.door.do(OPERATIONS[rules.REPORT], ANYBODY, {"order_id": order.id, "good": Decimal(3)})
    (tmp_path / "other").mkdir()
    neighbour = Station(place, tmp_path / "other")
    try:
        neighbour.wait(True)
        neighbour.door.do(orders.start_order, ANYBODY, {"order_id": other.id})
    finally:
        neighbour.close()
    station.back()
    applied = station.door.apply_waiting()
    assert (applied.applied, applied.parked, applied.waiting) == (1, 1, 0)
    unassigned = station.door.ask(QUERIES["production:report:list"], ANYBODY, {"unassigned": True}).value
    assert [report.good for report in unassigned.items] == [3]
