"""One shift through the real screens against the demo plant at speed: what is handed over is what the plant knows to be true.

The line stands when the shift begins and when the marks are set, so that "how many" has one answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from core.production.time_views import BUSY, Element
from core.production.views import OrderStatus
from hmi.panels.shift import ShiftPanel
from hmi.panels.shift.handover import HandoverPage
from hmi.sheets.ask_form import AskForm
from hmi.sheets.decision import SignatureSheet
from hmi.sheets.report import ReportSheet
from tests.end_to_end.test_order_on_the_line import PERIOD_S, SPEED, BareDemo, Case, account, create, decide, made, rest
from tests.hmi.screen import PINS, Loop, Plant, Screen, ask
from tests.postgres import owner_url

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from tests.postgres import TestServer

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

CASE = Case("L1", "L1-M2", "A-1010", "demo-opcua", "WO-SHIFT-1")
LENGTH = timedelta(seconds=150)
"""Of the shift: long enough for every step on the screen on a computer that does other things too."""


@pytest.fixture
def panel(screen: Screen) -> Iterator[Screen]:
    yield screen
    screen.reset()


@pytest.fixture(scope="module")
def screen(qapp: QApplication, postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    plant = Plant(BareDemo(speed=SPEED, seed=12))
    loop = Loop(qapp)
    with postgres.migrated_database() as name:
        running = Screen(loop, postgres.station_url(name), tmp_path_factory.mktemp("panel"), plant, language="ja")
        yield running.live()
        running.close()
    loop.close()
    plant.close()


def shift_from_now(panel: Screen) -> tuple[datetime, datetime]:
    """L1 works one shift from this second on; the calendar is the administrator's, so it is written as the owner."""
    url = owner_url(panel.settings.database_url or "")
    ((begin, zone),) = ask(
        url, "SELECT date_trunc('second', now()) + interval '1 s', time_zone FROM genba.site WHERE retired_at IS NULL LIMIT 1"
    )
    end = begin + LENGTH
    ask(
        url,
        """WITH made AS (
            INSERT INTO genba.calendar (code, name, site_id)
            SELECT 'TEST', '{"ja": "試験", "en": "Test"}', id FROM genba.site LIMIT 1 RETURNING id
        ), slot AS (
            INSERT INTO genba.shift (calendar_id, code, name, weekdays, starts, ends)
            SELECT id, 'T', '{"ja": "試験直", "en": "Test shift"}', 127, (%s AT TIME ZONE %s)::time, (%s AT TIME ZONE %s)::time FROM made
        )
        UPDATE genba.line SET calendar_id = (SELECT id FROM made) WHERE code = 'L1'""",
        begin, zone, end, zone,
    )  # fmt: skip
    return begin, end


def sign(panel: Screen, user: str) -> None:
    panel.until("the signature", lambda: "sheet.signature" in panel.sheets())
    sheet = panel.sheet(SignatureSheet)
    panel.type(sheet.code, user)
    panel.type(sheet.secret, PINS[user])
    panel.tap(sheet.confirm_button)


def report_as_proposed(panel: Screen, truth: dict[str, Any]) -> None:
    panel.window._refresh()
    panel.settle()
    panel.press("orders.report")
    sheet = panel.sheet(ReportSheet)
    panel.until("the defect codes", lambda: sheet.defects.known)
    assert (sheet.good.number(), sheet.scrap.number()) == (truth["good"], truth["reject"])
    assert sheet.why.isHidden(), "the proposal needs no reason"
    if truth["reject"]:
        panel.tap(sheet.defects.buttons["Q01"])
    panel.tap(sheet.confirm_button)
    panel.until("the booking", lambda: panel.sheets() == [])


def hand_over(panel: Screen) -> HandoverPage:
    """Given by tanaka, taken by ito, printed."""
    panel.sign_in("tanaka")
    panel.window.open_panel("shift")
    shown = panel.window.panel
    assert isinstance(shown, ShiftPanel)
    shown.show_tab("handover")
    page = shown.page
    assert isinstance(page, HandoverPage)
    panel.settle()
    panel.until("the shift that is over", lambda: page.view is not None and page.view.shift_code == "T")
    panel.press("handover.give")
    panel.tap(panel.sheet(AskForm).confirm_button)
    sign(panel, "tanaka")
    panel.until("it is given", lambda: page.view is not None and page.view.given_by == "tanaka")
    panel.sign_in("ito")
    panel.settle()
    panel.press("handover.take")
    panel.tap(panel.sheet(AskForm).confirm_button)
    sign(panel, "ito")
    panel.until("it is taken", lambda: page.view is not None and page.view.taken_by == "ito")
    panel.press("handover.pdf")
    panel.until("the pages", lambda: list((panel.settings.home / "export").glob("handover-L1-*.pdf")))
    return page


def test_a_shift_is_handed_over_as_the_plant_knows_it(panel: Screen) -> None:
    assert panel.plant is not None
    rest(panel, CASE)
    panel.plant.do("mark shift")
    begin, end = shift_from_now(panel)
    panel.sign_in("ito")
    create(panel, CASE)
    decide(panel, CASE, "orders.release", OrderStatus.RELEASED)
    panel.settle()
    panel.tap_row(panel.orders.table.table, panel.listed()[CASE.number].id)
    panel.plant.do(f"start {CASE.line}")
    url = panel.settings.database_url or ""
    running = (
        "SELECT state FROM genba.state_segment s JOIN genba.work_unit u ON u.id = s.work_unit_id WHERE u.code = %s AND ended_at IS NULL"
    )
    panel.until("the line runs", lambda: ("RUNNING",) in ask(url, running, CASE.unit))
    panel.window._refresh()
    decide(panel, CASE, "orders.start", OrderStatus.IN_PROGRESS)
    panel.until("parts counted by the PLC on the screen", lambda: made(panel, CASE) >= 5, 60)
    rest(panel, CASE)
    truth = account(panel, CASE, since="shift")
    panel.sign_in("tanaka")
    panel.window.open_panel("orders")
    order = panel.listed()[CASE.number]
    before = {"good": truth["good"] - (order.machine_good or 0), "reject": truth["reject"] - (order.machine_reject or 0)}
    report_as_proposed(panel, {kind: truth[kind] - before[kind] for kind in before})
    decide(panel, CASE, "orders.complete", OrderStatus.COMPLETED)
    assert ask(url, "SELECT now() < %s", end)[0][0], "every step was done before the shift was over"
    panel.until("the end of the shift", lambda: ask(url, "SELECT now() > %s", end)[0][0], LENGTH.total_seconds() + 60)

    page = hand_over(panel)
    assert page.view is not None
    snapshot = page.view.snapshot
    figures = snapshot.figures
    assert (snapshot.shift.from_at, snapshot.shift.to_at) == (begin, end)
    assert figures.produced == truth["good"] + truth["reject"]
    assert figures.good == truth["good"]
    assert [(line.number, line.completed, line.scrap) for line in snapshot.orders] == [
        (CASE.number, Decimal(truth["good"] - before["good"]), Decimal(truth["reject"] - before["reject"]))
    ]
    assert snapshot.unexplained == (), "the forced stop told its reason"
    assert sum(figures.seconds.values()) == pytest.approx(LENGTH.total_seconds(), abs=0.01)
    assert figures.pbt_s == pytest.approx(sum(figures.of(element) for element in BUSY))
    ran = truth["state_s"]["RUNNING"] / SPEED
    assert figures.of(Element.RUN) == pytest.approx(ran, abs=2 * PERIOD_S), "one period at each end of a run"
    assert panel.station.waiting == 0
