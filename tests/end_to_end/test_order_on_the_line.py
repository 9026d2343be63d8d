"""The main job, from the sign-in to the completed order, with everything real: plant, protocols, station, database, window.

The line stands still when the order is started and again when it is reported, so that "how many" has one answer; plant,
database and screen must all give it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from core.cli.demo import DemoPlant
from core.production.views import OrderStatus, OrderView
from hmi.sheets.decide import DecideSheet
from hmi.sheets.order_form import OrderFormSheet
from hmi.sheets.report import ReportSheet
from tests.hmi.screen import Loop, Plant, Screen, ask

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from tests.postgres import TestServer

SPEED = 30.0
PERIOD_S = 1.0
"""Slowest period of a state tag; a state that is shorter than two of them may not be seen at all."""
LATE_S = PERIOD_S + 0.8
"""How much later than the plant the database may know a state; the rest is for a computer that does other things too."""


class BareDemo(DemoPlant):
    """The demo's site without its orders: the orders are made on the screen."""

    def _make_orders(self, setup: Any) -> None:
        pass


@pytest.fixture(scope="module")
def screen(qapp: QApplication, postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    plant = Plant(BareDemo(speed=SPEED, seed=11))
    loop = Loop(qapp)
    with postgres.migrated_database() as name:
        running = Screen(loop, postgres.station_url(name), tmp_path_factory.mktemp("panel"), plant, language="ja")
        yield running.live()
        running.close()
    loop.close()
    plant.close()


@pytest.fixture
def panel(screen: Screen) -> Iterator[Screen]:
    yield screen
    screen.reset()


@dataclass
class Case:
    """A line, how it is reached, what is made on it."""

    line: str
    unit: str
    product: str
    source: str
    number: str


CASES = [
    Case("L1", "L1-M2", "A-1010", "demo-opcua", "WO-E2E-1"),
    Case("L2", "L2-M2", "P-2010", "demo-modbus", "WO-E2E-2"),
]


@pytest.mark.parametrize("case", CASES, ids=["opcua", "modbus"])
def test_an_order_from_sign_in_to_completion(panel: Screen, case: Case) -> None:
    assert panel.plant is not None
    rest(panel, case)
    panel.plant.do(f"mark {case.number}")

    panel.sign_in("ito")
    create(panel, case)
    decide(panel, case, "orders.release", OrderStatus.RELEASED)
    decide(panel, case, "orders.start", OrderStatus.IN_PROGRESS)
    panel.plant.do(f"start {case.line}")

    panel.until("parts counted by the PLC on the screen", lambda: made(panel, case) >= 3, 60)
    rest(panel, case)
    truth = account(panel, case, since=case.number)
    assert truth["good"] >= 3

    panel.sign_in("tanaka")
    report(panel, case, truth)
    decide(panel, case, "orders.complete", OrderStatus.COMPLETED)

    url = panel.settings.database_url or ""
    good, scrap = Decimal(truth["good"] - 1), Decimal(truth["reject"] + 1)
    order = ask(url, "SELECT id, completed, scrap, status FROM genba.work_order WHERE number = %s", case.number)[0]
    assert order[1:] == (good, scrap, "COMPLETED")
    assert good + scrap == truth["good"] + truth["reject"]
    assert counted(url, case, order[0]) == {"good": truth["good"], "reject": truth["reject"]}
    booked = """
        SELECT good, scrap, defect_code, machine_good, machine_reject, user_code, station
        FROM genba.production_report WHERE order_id = %s"""
    assert ask(url, booked, order[0]) == [(good, scrap, "Q01", truth["good"], truth["reject"], "tanaka", "PANEL-1")]
    assert_same_states(url, case, truth)
    assert_audited(panel, url, case)


# -- steps on the screen -----------------------------------------------------------------------------------------------


def create(panel: Screen, case: Case) -> None:
    panel.window.open_panel("orders")
    panel.press("orders.create")
    form = panel.sheet(OrderFormSheet)
    panel.until("the choices", lambda: form._choices is not None)
    panel.pick(form.product, case.product)
    panel.pick(form.line, case.line)
    panel.type(form.number, case.number)
    panel.key_in(form.planned, "500")
    panel.tap(form.confirm_button)
    panel.until("the order in the list", lambda: case.number in panel.listed())
    panel.until("the form is closed", lambda: panel.sheets() == [])


def decide(panel: Screen, case: Case, action: str, after: OrderStatus) -> None:
    """One button of the action bar, the sheet that comes up, and 確定."""
    panel.settle()
    wanted = panel.listed()[case.number].id
    if panel.orders.table.table.selected_key != wanted:
        panel.tap_row(panel.orders.table.table, wanted)
    panel.press(action)
    sheet = panel.sheet(DecideSheet)
    panel.tap(sheet.confirm_button)
    if action == "orders.start":  # the line was put at rest: whoever has looked starts although it is down
        panel.until("it says that the line is down", lambda: case.number in sheet.message.lines.what)
        panel.tap(sheet.confirm_button)
    panel.until(f"{action} done", lambda: panel.sheets() == [])
    if after is OrderStatus.COMPLETED:
        panel.until("gone from the open orders", lambda: case.number not in panel.listed())
        panel.orders.show_tab("done")
    panel.until(f"{case.number} is {after}", lambda: case.number in panel.listed() and panel.listed()[case.number].status is after)


def made(panel: Screen, case: Case) -> int:
    """Good parts the screen shows as counted by the machine."""
    panel.window._refresh()
    order: OrderView = panel.listed()[case.number]
    return order.machine_good or 0


def report(panel: Screen, case: Case, truth: dict[str, Any]) -> None:
    """The proposal is what the machine counted; the operator found one of the good ones to be bad."""
    panel.window._refresh()
    panel.settle()
    panel.press("orders.report")
    sheet = panel.sheet(ReportSheet)
    panel.until("the defect codes", lambda: sheet.defects.known)
    assert (sheet.good.number(), sheet.scrap.number()) == (truth["good"], truth["reject"])
    panel.key_in(sheet.good, str(truth["good"] - 1))
    panel.key_in(sheet.scrap, str(truth["reject"] + 1))
    panel.tap(sheet.defects.buttons["Q01"])
    panel.tap(sheet.confirm_button)
    panel.until("the booking", lambda: panel.sheets() == [])
    panel.until("the list knows it", lambda: panel.listed()[case.number].completed == truth["good"] - 1)


# -- what plant and database say ---------------------------------------------------------------------------------------


def account(panel: Screen, case: Case, since: str = "start") -> dict[str, Any]:
    """What the plant knows to be true of the constraint unit since a marker."""
    assert panel.plant is not None
    unit: dict[str, Any] = panel.plant.do(f"truth --since {since}")["lines"][case.line]["units"][case.unit]
    return unit


def rest(panel: Screen, case: Case) -> None:
    """Stop the line and wait until the database has everything of it: every part and the stop itself."""
    assert panel.plant is not None
    panel.plant.do(f"stop {case.line} --reason D01")
    url = panel.settings.database_url or ""
    latest = """
        SELECT DISTINCT ON (kind) kind, counter_value FROM genba.count_event e JOIN genba.work_unit u ON u.id = e.work_unit_id
        WHERE u.code = %s ORDER BY kind, epoch DESC, seq DESC"""

    def stored() -> bool:
        known = account(panel, case)
        counters = {"good": known["counter_good"], "reject": known["counter_reject"]}
        signals = {"good": "GoodCount", "reject": "RejectCount"}
        shown = {kind: panel.station.table.get(f"{case.unit.replace('-', '.')}.{signal}").value for kind, signal in signals.items()}
        # A counter that did not move since the station started has no event yet.
        return shown == counters and counters.items() >= dict(ask(url, latest, case.unit)).items()

    panel.until("the line stands", lambda: account(panel, case)["state"] == "DOWN")
    panel.until("every part is in the database", stored)
    panel.until("the stop is in the database", lambda: any(row.ended is None and row.state == "DOWN" for row in segments(url, case)))


def counted(url: str, case: Case, order_id: object) -> dict[str, int]:
    statement = """
        SELECT kind, sum(quantity)::int FROM genba.count_event e JOIN genba.work_unit u ON u.id = e.work_unit_id
        WHERE e.order_id = %s AND u.code = %s GROUP BY kind"""
    return {"good": 0, "reject": 0} | dict(ask(url, statement, order_id, case.unit))


class Segment(NamedTuple):
    """A row of state_segment."""

    state: str
    reason: str
    began: datetime
    ended: datetime | None


def segments(url: str, case: Case) -> list[Segment]:
    statement = """
        SELECT state, reason_code, started_at, ended_at FROM genba.state_segment s JOIN genba.work_unit u ON u.id = s.work_unit_id
        WHERE u.code = %s ORDER BY started_at"""
    return [Segment(*row) for row in ask(url, statement, case.unit)]


def assert_same_states(url: str, case: Case, truth: dict[str, Any]) -> None:
    """Segments follow each other without gap or overlap, and tell what the plant tells as exactly as a tag is read."""
    rows = segments(url, case)
    for before, after in itertools.pairwise(rows):
        assert before.ended == after.began, "neither gap nor overlap"
        assert before[:2] != after[:2], "one state is one segment"
    assert (rows[-1].state, rows[-1].reason, rows[-1].ended) == (truth["state"], truth["reason"], None)
    for stop in truth["stops"]:
        began = datetime.fromisoformat(stop["began_at"])
        ended = datetime.fromisoformat(stop["ended_at"]) if stop["ended_at"] else None
        if ended is not None and (ended - began).total_seconds() < 2 * PERIOD_S:
            continue  # between two readings
        reason = stop["reason"] if stop["reported"] else ""
        same = [row for row in rows if row[:2] == (stop["state"], reason)]
        row = min(same, key=lambda row: abs(row.began - began))
        assert abs((row.began - began).total_seconds()) < LATE_S, (stop, rows)
        assert (row.ended is None) == (ended is None)
        if ended is not None and row.ended is not None:
            assert abs((row.ended - ended).total_seconds()) < LATE_S


def assert_audited(panel: Screen, url: str, case: Case) -> None:
    from core.store import audit

    statement = """
        SELECT operation, user_code, c->'values'->'status'->>0, c->'values'->'status'->>1
        FROM genba.audit, jsonb_array_elements(changes) c
        WHERE c->>'table' = 'work_order' AND c->>'key' = (SELECT id::text FROM genba.work_order WHERE number = %s) ORDER BY seq"""
    assert ask(url, statement, case.number) == [
        ("production:order:create", "ito", None, "PLANNED"),
        ("production:order:release", "ito", "PLANNED", "RELEASED"),
        ("production:order:start", "ito", "RELEASED", "IN_PROGRESS"),
        ("production:report:book", "tanaka", None, None),
        ("production:order:complete", "tanaka", "IN_PROGRESS", "COMPLETED"),
    ]
    verification = panel.station._floor.run(audit.verify)
    assert verification.findings == ()
    assert verification.rows > 5
