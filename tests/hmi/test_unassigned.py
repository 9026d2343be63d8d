"""What was made for an order that had ended meanwhile: booked to none, in sight, and given to an order by a supervisor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from core.production import orders
from hmi.sheets.assign import AssignSheet
from hmi.sheets.report import ReportSheet
from tests.conftest import ExpectedLog
from tests.hmi.screen import Loop, Plant, Screen, ask
from tests.hmi.test_database_away import Away, back, lose
from tests.screens import lint

PATIENCE_S = 60.0


@pytest.fixture
def away(database_url: str) -> Iterator[Away]:
    behind = Away(database_url)
    yield behind
    behind.proxy.close()


@pytest.fixture(params=[(1024, 768), (1920, 1080)], ids=["1024x768", "1920x1080"])
def screen(request: pytest.FixtureRequest, away: Away, loop: Loop, plant: Plant, tmp_path: Path) -> Iterator[Screen]:
    running = Screen(loop, away.url, tmp_path / "one", plant, size=request.param)
    yield running.live()
    running.close()


def test_parts_that_came_home_too_late_are_given_to_an_order(screen: Screen, away: Away, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"database is down")
    screen.sign_in("ito")
    screen.choose("WO-1185")
    ended, made = screen.listed()["WO-1185"], ask(away.direct, "SELECT completed FROM genba.work_order WHERE number = 'WO-1185'")[0][0]
    lose(screen, away)
    # another station ends the order while this one is cut off; the parts are made after that
    other = Screen(screen.loop, away.direct, tmp_path / "two", name="PANEL-2").started()
    try:
        other.until("a site", lambda: bool(other.station.site.lines))
        other.sign_in("yamamoto")
        other.run(other.station.do(orders.complete_order, order_id=ended.id))
    finally:
        other.close()
    screen.press("orders.report")
    report = screen.sheet(ReportSheet)
    screen.type(report.good, "7")
    screen.tap(report.confirm_button)
    screen.until("accepted", lambda: screen.sheets() == [])
    back(screen, away)
    screen.until("home", lambda: screen.station.waiting == 0, PATIENCE_S)
    assert screen.station.overtaken.count == 0, "a fact is booked"
    assert ask(away.direct, "SELECT completed FROM genba.work_order WHERE number = 'WO-1185'") == [(made,)]

    screen.window.open_panel("lines")
    screen.window.open_panel("orders")
    screen.until("how many there are", lambda: ("unassigned", "Unassigned (1)") in screen.orders.tabs(), PATIENCE_S)
    screen.orders.show_tab("unassigned")
    view = screen.orders.unassigned
    screen.until("the report", lambda: len(view.table._keys) == 1, PATIENCE_S)
    screen.tap_row(view.table, view.table._keys[0])
    assert "L5" in view.told.text()
    screen.press("orders.assign")
    sheet = screen.sheet(AssignSheet)
    screen.until("orders to choose", lambda: bool(sheet.order._choices), PATIENCE_S)
    screen.tap(sheet.confirm_button)
    assert any(sheet.reason.message.lines), "not without a reason"
    sheet.order.choose(str(ended.id))
    languages: tuple[Literal["ja", "en"], ...] = ("ja", "en")
    for language in languages:
        screen.dress(language=language)
        assert lint.overflowing(screen.window) + lint.too_small(screen.window) + lint.squeezed(screen.window) == []
    screen.type(sheet.reason, "counted before the change of shift")
    screen.tap(sheet.confirm_button)
    screen.until("assigned", lambda: screen.sheets() == [], PATIENCE_S)
    screen.until("nothing is left", lambda: not view.table._keys, PATIENCE_S)
    assert ("unassigned", "Unassigned") in screen.orders.tabs()
    assert ask(away.direct, "SELECT completed FROM genba.work_order WHERE number = 'WO-1185'") == [(made + 7,)]
    told = "SELECT user_code, reason FROM genba.audit WHERE operation = 'production:report:assign' AND outcome = 'done'"
    assert ask(away.direct, told) == [("ito", "counted before the change of shift")]
