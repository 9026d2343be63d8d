"""Situations of orders, reports and exports that every screen size, theme and language must be able to show."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from core.production.views import OrderView
from hmi.bridge import Shown
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.conflict import ConflictSheet
from hmi.sheets.count_pad import CountPad
from hmi.sheets.importing import ImportSheet
from hmi.sheets.queue import QueueSheet
from hmi.sheets.report import ReportSheet
from hmi.sheets.revise import PrioritySheet, ReviseSheet, reading_form
from tests.hmi.screen import Screen

BAD_TABLE = (
    "指示番号,品目,ライン,計画数,開始予定,納期\nWO-X1,A-1010,L1,500,2026-07-14 06:30,2026-07-14 15:00\n"
    "WO-X2,ない品目,L9,千,2026-07-14 06:30,x\n"
)


def _order(screen: Screen) -> OrderView:
    screen.choose("WO-1185")
    order = screen.orders.table.order
    assert order is not None
    return order


def export(screen: Screen) -> None:
    _order(screen)
    screen.window.take_away()
    assert screen.sheets() == ["sheet.export"]


def report_with_difference(screen: Screen) -> None:
    sheet = ReportSheet(screen.window.content, screen.bridge, _order(screen))
    sheet.open()
    screen.settle()
    sheet.good.set_text("999")
    sheet.scrap.set_text("12")
    sheet.rework.set_text("3")


def count_pad(screen: Screen) -> None:
    CountPad(screen.window.content, screen.bridge, _order(screen)).open()


def revise(screen: Screen) -> None:
    ReviseSheet(screen.window.content, screen.bridge, _order(screen)).open()


def priority(screen: Screen) -> None:
    PrioritySheet(screen.window.content, screen.bridge, _order(screen)).open()


def reading(screen: Screen) -> None:
    reading_form(screen.window.content, screen.bridge, _order(screen)).open()


def queue(screen: Screen) -> None:
    QueueSheet(screen.window.content, screen.bridge, _order(screen).line_code).open()


def conflict(screen: Screen) -> None:
    mine = [Shown("計画数 Planned", "500", "600"), Shown("理由 Reason", "", "顧客の追加注文 the customer ordered more")]
    theirs = [Shown("計画数 Planned", "500", "450"), Shown("状態 State", "作業中", "一時停止")]
    ConflictSheet(screen.window.content, _order(screen).number, mine, theirs, lambda: None).open()


def importing(screen: Screen) -> None:
    _order(screen)
    sheet = ImportSheet(screen.window.content, screen.bridge)
    sheet.open()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.csv"
        path.write_text(BAD_TABLE, encoding="cp932")
        sheet.read(path)
        screen.settle()


SHEETS: tuple[Callable[[Screen], None], ...] = (
    export,
    report_with_difference,
    count_pad,
    revise,
    priority,
    reading,
    queue,
    conflict,
    importing,
)


def _shift(tab: str) -> Callable[[Screen], None]:
    def show(screen: Screen) -> None:
        screen.window.open_panel("shift")
        panel = screen.window.panel
        assert panel is not None
        panel.show_tab(tab)

    show.__name__ = f"shift_{tab}"
    return show


def shift_note(screen: Screen) -> None:
    _shift("handover")(screen)
    screen.settle()
    screen.press("handover.note")


def shift_except(screen: Screen) -> None:
    _shift("calendar")(screen)
    screen.settle()
    if screen.window.content.button("calendar.except") is not None:
        screen.press("calendar.except")
        screen.sheet(ChoiceSheet).picked.emit("planned_down")


PANELS = (_shift("board"), _shift("handover"), _shift("performance"), _shift("calendar"))
SHEETS += (shift_note, shift_except)
