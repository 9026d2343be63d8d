"""Tables, tabs, messages, bands, the timeline and the one flash."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from core.errors import Refused
from hmi import theme
from hmi.theme import Theme
from hmi.widgets import glyphs
from hmi.widgets.bands import AlarmBanner, AlarmIcon, Badge, Band
from hmi.widgets.bars import CountBar
from hmi.widgets.flash import HALF_PERIOD_MS, flash
from hmi.widgets.spinner import Spinner
from hmi.widgets.table import Cell, Column, PagedTable
from hmi.widgets.tabs import SegmentedTabs
from hmi.widgets.three_lines import ThreeLines, Toast
from hmi.widgets.timeline import Span, StateTimeline
from tests.screens import lint

BEGIN = datetime(2025, 7, 14, 6, 0, tzinfo=UTC)


def shown(qtbot: QtBot, widget: QWidget, width: int, height: int) -> None:
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    QApplication.processEvents()


def texts(widget: QWidget) -> list[str]:
    return [drawn.text for _, drawn in lint.record(widget)]


def click(widget: QWidget, x: int, y: int) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(x, y))


# -- table -------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(qtbot: QtBot, dress: Callable[..., Theme]) -> tuple[PagedTable, list[object]]:
    dress(language="en")
    table = PagedTable()
    table.set_columns([Column("Number"), Column("Planned", align="right")])
    heard: list[object] = []
    table.selected.connect(lambda key: heard.append(key))
    shown(qtbot, table, 600, 36 + 4 * 64 + 10)
    table.show_rows([(f"WO-{n}", Cell(f"{n}", below="pcs")) for n in range(10)], [f"WO-{n}" for n in range(10)])
    QApplication.processEvents()
    return table, heard


def test_rows_and_pages(table: tuple[PagedTable, list[object]]) -> None:
    orders, _ = table
    assert (orders.rows_per_page, orders.pages) == (4, 3)
    assert {"WO-0", "WO-3", "1 / 3"} <= set(texts(orders))
    assert "WO-4" not in texts(orders)
    QTest.mouseClick(orders.down, Qt.MouseButton.LeftButton)
    QTest.mouseClick(orders.down, Qt.MouseButton.LeftButton)
    assert {"WO-8", "WO-9", "3 / 3"} <= set(texts(orders))
    assert not orders.down.isEnabled()
    assert lint.too_small(orders) + lint.overflowing(orders) == []


def test_selection_by_touch_follows_its_key(table: tuple[PagedTable, list[object]]) -> None:
    orders, heard = table
    opened: list[object] = []
    orders.opened.connect(lambda key: opened.append(key))
    click(orders, 50, 36 + 64 + 10)
    assert heard == ["WO-1"]
    orders.show_rows([(f"WO-{n}", "") for n in (9, 8, 7, 6, 5, 1)], [f"WO-{n}" for n in (9, 8, 7, 6, 5, 1)])
    assert orders.selected_key == "WO-1"
    orders.select("WO-1")
    assert orders.page == 1
    click(orders, 50, 36 + 64 + 10)
    assert opened == ["WO-1"]
    orders.show_rows([("WO-9", "")], ["WO-9"])
    assert orders.selected_key is None
    assert heard[-1] is None


def test_sliding_off_a_row_selects_nothing(table: tuple[PagedTable, list[object]]) -> None:
    orders, heard = table
    QTest.mousePress(orders, Qt.MouseButton.LeftButton, pos=QPoint(50, 60))
    QTest.mouseMove(orders, QPoint(50, 200))
    QTest.mouseRelease(orders, Qt.MouseButton.LeftButton, pos=QPoint(50, 200))
    QTest.mousePress(orders, Qt.MouseButton.LeftButton, pos=QPoint(50, 60))
    QTest.mouseRelease(orders, Qt.MouseButton.LeftButton, pos=QPoint(50, 200))  # a fast finger: no move event in between
    assert heard == []


def test_arrow_keys(table: tuple[PagedTable, list[object]]) -> None:
    orders, heard = table
    for _ in range(5):
        QTest.keyClick(orders, Qt.Key.Key_Down)
    assert heard == ["WO-0", "WO-1", "WO-2", "WO-3", "WO-4"]
    assert orders.page == 1
    QTest.keyClick(orders, Qt.Key.Key_Up)
    assert heard[-1] == "WO-3"
    assert orders.page == 0
    QTest.keyClick(orders, Qt.Key.Key_PageDown)
    assert orders.page == 1


def test_an_empty_table_says_why(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress(language="en")
    empty = PagedTable()
    empty.set_columns([Column("Number")])
    empty.set_empty_text("No order.", "Create one.")
    shown(qtbot, empty, 400, 300)
    assert {"No order.", "Create one."} <= set(texts(empty))
    assert not empty.up.isVisible()


def test_a_table_of_one_page_has_no_page_buttons(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    small = PagedTable()
    small.set_columns([Column("n")])
    shown(qtbot, small, 400, 300)
    small.show_rows([("1",)])
    assert not small.up.isVisible()
    assert small.table_width() == 400


# -- tabs --------------------------------------------------------------------------------------------------------


def test_tabs(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    look = dress(language="en")
    tabs = SegmentedTabs()
    tabs.show_tabs([("a", "Overview"), ("b", "Detail")], "a")
    shown(qtbot, tabs, 600, tabs.sizeHint().height())
    chosen: list[str] = []
    tabs.chosen.connect(lambda id: chosen.append(id))
    rect = tabs.rects()[1]
    click(tabs, round(rect.center().x()), tabs.height() - 2)  # the band below the drawn tab is touchable too
    assert chosen == ["b"]
    click(tabs, round(rect.center().x()), 10)
    assert chosen == ["b"]
    QTest.keyClick(tabs, Qt.Key.Key_Left)
    assert chosen == ["b", "a"]
    assert tabs.height() >= look.mm(15)


def test_many_tabs_share_the_width(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress(language="en")
    tabs = SegmentedTabs()
    tabs.show_tabs([(str(n), "Downtime log") for n in range(6)], "2")
    shown(qtbot, tabs, 700, tabs.sizeHint().height())
    assert tabs.rects()[-1].right() <= 701
    assert lint.overflowing(tabs) + lint.too_small(tabs) == []


# -- messages ----------------------------------------------------------------------------------------------------


def test_a_message_stays_until_read_and_follows_the_language(qtbot: QtBot, qapp: QApplication, dress: Callable[..., Theme]) -> None:
    dress(language="en")
    message = ThreeLines()
    shown(qtbot, message, 600, 200)
    message.show_error(Refused("core.unknown"))
    english = message.lines
    theme.set_language(qapp, "ja")
    qapp.processEvents()
    assert message.lines == Refused("core.unknown").lines("ja") != english
    assert message.lines.what in texts(message)
    read: list[int] = []
    message.read.connect(lambda: read.append(1))
    button = message._ok
    assert button is not None
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert read == [1]
    assert message.isHidden()


@pytest.mark.parametrize("width", [320, 480, 1000])
def test_long_messages_get_the_height_they_need(qtbot: QtBot, dress: Callable[..., Theme], width: int) -> None:
    dress(language="en")
    message = ThreeLines()
    qtbot.addWidget(message)
    message.show_lines(Refused("core.unknown", code="a.very.long.code").lines("en"))
    message.resize(width, message.heightForWidth(width))
    message.show()
    assert lint.overflowing(message) == []


def test_a_toast_goes_and_undo_is_offered_once(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    toast = Toast()
    shown(qtbot, toast, 600, 62)
    undone: list[int] = []
    toast.undo.connect(lambda: undone.append(1))
    toast.show_text("保存しました", undo_s=10)
    QTest.mouseClick(toast._undo, Qt.MouseButton.LeftButton)
    assert undone == [1]
    assert toast.isHidden()
    toast.show_text("保存しました", undo_s=0.05)
    qtbot.waitUntil(toast.isHidden)
    assert undone == [1]


def test_spinner_appears_late(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    spinner = Spinner()
    shown(qtbot, spinner, 200, 48)
    spinner.start("読込中")
    assert texts(spinner) == []
    qtbot.waitUntil(lambda: texts(spinner) == ["読込中"], timeout=60_000)
    spinner.stop()
    assert texts(spinner) == []


# -- bands, badges, bars -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ja", "en"])
def test_bands_say_what_is_special(qtbot: QtBot, dress: Callable[..., Theme], language: str) -> None:
    dress(language=language)
    for kind in ("simulated", "snapshot", "read_only", "training"):
        band = Band(kind)  # type: ignore[arg-type]
        band.show_band(age_s=95, detail="L1 L2")
        qtbot.addWidget(band)
        band.resize(700, band.heightForWidth(700))
        band.show()
        assert lint.overflowing(band) == []
        assert "L1 L2" in band.accessibleName()


def test_badge(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    badge = Badge()
    qtbot.addWidget(badge)
    assert badge.isHidden()
    badge.show_count(100)
    assert badge.text() == "99+"
    badge.resize(badge.sizeHint())
    assert lint.overflowing(badge) == []
    badge.show_count(0)
    assert badge.isHidden()


def test_count_bar_without_a_plan_is_empty(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    bar = CountBar()
    shown(qtbot, bar, 200, 22)
    empty = bar.grab().toImage()
    bar.show_count(5, 0)
    assert bar.grab().toImage() == empty
    bar.show_count(5, 10, 7)
    assert bar.grab().toImage() != empty
    full = bar.grab().toImage()
    bar.show_count(10, 10)
    over = bar.grab().toImage()
    bar.show_count(99, 10)
    assert bar.grab().toImage() == over != full


# -- the flash ---------------------------------------------------------------------------------------------------


def test_one_flash_for_all_and_none_when_nobody_looks(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    assert HALF_PERIOD_MS == 250
    assert not flash().running
    icons = [AlarmIcon(), AlarmIcon(), AlarmIcon()]
    for icon, unacknowledged in zip(icons, (True, True, False), strict=True):
        icon.show_alarm("P1", unacknowledged=unacknowledged)
        shown(qtbot, icon, 40, 40)
    assert flash().running
    bright = icons[0].grab().toImage()
    steady = icons[2].grab().toImage()
    with qtbot.waitSignal(flash().changed, timeout=60_000) as beat:
        pass
    assert beat.args == [False]
    assert icons[0].grab().toImage() != bright
    assert icons[1].grab().toImage() == icons[0].grab().toImage()
    assert icons[2].grab().toImage() == steady
    icons[0].show_alarm("P1", unacknowledged=False)
    assert flash().running
    icons[1].hide()
    assert not flash().running
    assert flash().bright


def test_suppressed_alarms_never_flash(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    icon = AlarmIcon()
    icon.show_alarm("P1", unacknowledged=True, letter="S")
    shown(qtbot, icon, 40, 40)
    assert not flash().running


def test_nobody_else_flashes() -> None:
    """Only flash.py and its user, the alarm icon, know the beat."""
    root = Path(__file__).resolve().parents[3] / "hmi"
    users = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and node.id in ("Flash", "HALF_PERIOD_MS", "flash"):
                users.add(path.name)
    assert users <= {"flash.py", "bands.py"}


def test_alarm_banner(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress(language="en")
    banner = AlarmBanner()
    shown(qtbot, banner, 500, 62)
    assert texts(banner) == ["No alarms"]
    banner.show_alarm("P2", "L2 Hydraulic low", "10:42:07 unacknowledged", 4)
    assert {"L2 Hydraulic low", "10:42:07 unacknowledged", "+4 more"} <= set(texts(banner))
    assert flash().running
    banner.show_alarm()
    assert not flash().running


# -- timeline ----------------------------------------------------------------------------------------------------


def test_a_short_stop_can_be_touched(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    at = [BEGIN + timedelta(minutes=m) for m in (0, 200, 203, 480)]
    strip = StateTimeline()
    spans = [Span("RUNNING", at[0], at[1], key="run"), Span("DOWN", at[1], at[2], True, "stop"), Span("RUNNING", at[2], at[3], key="run2")]
    strip.show_spans(spans, at[0], at[3])
    shown(qtbot, strip, 800, strip.sizeHint().height())
    touched: list[object] = []
    strip.touched.connect(lambda key: touched.append(key))
    x = round(800 * 201 / 480)
    click(strip, x + 12, 20)
    click(strip, 100, 20)
    click(strip, 700, 20)
    assert touched == ["stop", "run", "run2"]
    assert "07:00" in texts(strip)
    assert lint.overflowing(strip) == []


def test_what_nobody_knows_stays_empty(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    strip = StateTimeline()
    shown(qtbot, strip, 400, strip.sizeHint().height())
    touched: list[object] = []
    strip.touched.connect(lambda key: touched.append(key))
    click(strip, 100, 20)
    strip.show_spans([], BEGIN, BEGIN)
    strip.grab()
    click(strip, 100, 20)
    assert touched == []


# -- glyphs ------------------------------------------------------------------------------------------------------


def test_every_glyph_has_an_outline_inside_its_grid(qapp: QApplication) -> None:
    for name in glyphs.names():
        box = glyphs.glyph(name).boundingRect()
        assert not box.isEmpty(), name
        assert box.left() >= -1.5, name
        assert box.top() >= -1.5, name
        assert box.right() <= 25.5, name
        assert box.bottom() <= 25.5, name


def test_every_look_has_a_glyph(qapp: QApplication) -> None:
    for name in theme.THEMES:
        tokens = theme.load_tokens(name)
        for group in (tokens.states, tokens.messages, tokens.bands):
            assert {look.glyph for look in group.values()} <= set(glyphs.names())
