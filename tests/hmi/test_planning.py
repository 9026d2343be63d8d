"""Planning at the panel: the queue, another quantity, a table brought in, parts counted by hand, differences explained."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import Language
from core.production.views import OrderStatus
from hmi.sheets.count_pad import CountPad
from hmi.sheets.importing import ImportSheet
from hmi.sheets.queue import QueueSheet
from hmi.sheets.report import ReportSheet
from hmi.widgets.table import Cell
from tests.hmi.screen import Screen, ask
from tests.postgres import owner_url

HEAD = "指示番号,品目,ライン,計画数,開始予定,納期\n"


@pytest.fixture
def queue(screen: Screen) -> Iterator[tuple[str, ...]]:
    """Three released orders on L3, which are taken out of its queue again."""
    url, numbers = owner_url(screen.settings.database_url or ""), tuple(f"WO-Q-{next(_NUMBERS)}" for _ in range(3))
    for number in numbers:
        ask(
            url,
            "INSERT INTO genba.work_order (id, number, product_id, line_id, planned, unit, status, scheduled_start_at, scheduled_end_at)"
            " SELECT gen_random_uuid(), %s, p.id, l.id, 50, p.unit, 'RELEASED', now(), now() + interval '1 day'"
            " FROM genba.product p, genba.line l WHERE p.code = 'C-3010' AND l.code = 'L3'",
            number,
        )
    yield numbers
    ask(url, "UPDATE genba.work_order SET status = 'CANCELLED', queue_position = NULL WHERE number = ANY(%s)", list(numbers))


_NUMBERS = itertools.count(1)


def test_the_queue_is_moved_by_touch_and_confirmed_as_a_whole(screen: Screen, queue: tuple[str, ...]) -> None:
    screen.sign_in("ito")
    screen.window.open_panel("orders")
    screen.settle()
    sheet = QueueSheet(screen.window.content, screen.bridge, "L3")
    sheet.open()
    screen.until("the queue", lambda: len(sheet.order) == 3)
    assert not sheet.confirm_button.isEnabled(), "nothing was moved yet"
    screen.tap_row(sheet.table, sheet.order[2])
    screen.tap(sheet.up)
    screen.tap(sheet.up)
    assert not sheet.up.isEnabled()
    screen.tap(sheet.confirm_button)
    screen.until("the booking", lambda: screen.sheets() == [])
    found = "SELECT number FROM genba.work_order WHERE number = ANY(%s) ORDER BY queue_position"
    rows = ask(screen.settings.database_url or "", found, list(queue))
    assert [number for (number,) in rows] == [queue[2], queue[0], queue[1]]


def test_somebody_else_moved_first_and_both_are_seen(screen: Screen, queue: tuple[str, ...]) -> None:
    screen.sign_in("ito")
    sheet = QueueSheet(screen.window.content, screen.bridge, "L3")
    sheet.open()
    screen.until("the queue", lambda: len(sheet.order) == 3)
    url = owner_url(screen.settings.database_url or "")
    ask(url, "UPDATE genba.work_order SET queue_position = 1, version = version + 1 WHERE number = %s", queue[1])
    screen.tap_row(sheet.table, sheet.order[2])
    screen.tap(sheet.up)
    screen.tap(sheet.confirm_button)
    screen.until("three lines", lambda: not sheet.message.isHidden())
    screen.until("their order", lambda: sheet._orders[sheet.order[0]].number == queue[1])


def test_a_table_is_looked_at_and_taken(screen: Screen, tmp_path: Path) -> None:
    screen.sign_in("ito")
    screen.window.open_panel("orders")
    screen.settle()
    screen.press("orders.import")
    sheet = screen.sheet(ImportSheet)
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text(HEAD + "WO-T-1,ない,L3,x,2026-07-14 06:30,2026-07-14 15:00\n", encoding="cp932")
    good.write_text(HEAD + "WO-T-1,C-3010,L3,40,2026-07-14 06:30,2026-07-14 15:00\n", encoding="utf-8-sig")
    sheet.read(bad)
    screen.until("the problem", lambda: any("D2" in str(row[0]) for row in sheet.table._rows))
    assert not sheet.confirm_button.isEnabled()
    sheet.read(good)
    screen.until("the preview", lambda: sheet.preview is not None and sheet.preview.count("new") == 1)
    screen.tap(sheet.confirm_button)
    screen.until("it was taken", lambda: screen.sheets() == [])
    screen.until("it is listed", lambda: "WO-T-1" in screen.listed())
    assert (screen.listed()["WO-T-1"].planned, screen.listed()["WO-T-1"].status) == (40, OrderStatus.PLANNED)


def test_parts_are_counted_by_touch_and_taken_back(screen: Screen) -> None:
    screen.sign_in("tanaka")
    screen.choose("WO-1186")
    order = screen.orders.table.order
    assert order is not None
    url = screen.settings.database_url or ""
    pad = CountPad(screen.window.content, screen.bridge, order)
    pad.open()
    screen.settle()
    before = ask(url, "SELECT completed, scrap FROM genba.work_order WHERE number = 'WO-1186'")[0]
    ask(owner_url(url), "UPDATE genba.line SET count_mode = 'hand' WHERE code = 'L6'")
    try:
        for _ in range(7):
            pad.plus.click()
        screen.until("seven parts", lambda: pad.order.completed == before[0] + 7)
        pad.defects.buttons["Q01"].click()
        screen.until("one rejected", lambda: pad.order.scrap == before[1] + 1)
        screen.tap(pad.undo)
        screen.until("it was taken back", lambda: pad.order.scrap == before[1])
        assert ask(url, "SELECT completed, scrap FROM genba.work_order WHERE number = 'WO-1186'") == [(before[0] + 7, before[1])]
    finally:
        ask(owner_url(url), "UPDATE genba.line SET count_mode = 'machine' WHERE code = 'L6'")
    screen.tap(pad.confirm_button)


def test_a_difference_is_explained_in_the_same_sheet(screen: Screen) -> None:
    screen.sign_in("ito")
    screen.choose("WO-1182")
    order = screen.orders.table.order
    assert order is not None
    assert order.counting == "machine"
    sheet = ReportSheet(screen.window.content, screen.bridge, order)
    sheet.open()
    screen.settle()
    screen.type(sheet.good, str(int(order.unreported_good) + 50))
    assert sheet.why.isVisible()
    screen.tap(sheet.confirm_button)
    screen.until("the question", lambda: not sheet.message.isHidden())
    assert "50" in sheet.message.lines.what or str(int(order.unreported_good) + 50) in sheet.message.lines.what
    screen.type(sheet.why, "counter was covered")
    screen.tap(sheet.confirm_button)
    screen.until("the booking", lambda: screen.sheets() == [])
    found = (
        "SELECT difference_reason FROM genba.production_report r JOIN genba.work_order o ON o.id = r.order_id WHERE o.number = 'WO-1182'"
    )
    assert ("counter was covered",) in ask(screen.settings.database_url or "", found)
    assert Decimal(order.planned) > 0


@pytest.mark.parametrize(("language", "told"), [("ja", "WO-1182 が作業中"), ("en", "WO-1182 is on the line")])
def test_what_keeps_an_order_from_starting_is_said_in_the_language_of_the_panel(screen: Screen, language: Language, told: str) -> None:
    screen.sign_in("ito")
    screen.choose("WO-1187")
    screen.dress(language=language)
    try:
        (row,) = [row for row in screen.orders.table.table._rows if isinstance(row[0], Cell) and row[0].text == "WO-1187"]
        assert isinstance(row[1], Cell)
        assert row[1].below == told
        assert told in screen.orders.facts.note.text()
    finally:
        screen.dress(language="en")
