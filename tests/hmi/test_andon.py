"""The andon board: every line, large, in both languages by turns; alone on the screen until somebody touches it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from hmi import theme
from hmi.panels.andon import AndonPanel, board
from hmi.panels.andon.board import AndonBoard
from hmi.theme import Theme
from hmi.widgets import andon_row
from tests.hmi.screen import Screen, said
from tests.screens import shopfloor


def panel(screen: Screen) -> AndonPanel:
    found = screen.window._panels["andon"]
    assert isinstance(found, AndonPanel)
    return found


def test_the_board_shows_every_line_and_fills_the_screen_until_it_is_touched(screen: Screen) -> None:
    screen.window.open_panel("andon")
    shown = panel(screen).board
    screen.until("the lines", lambda: shown._lines)
    assert len(shown._lines) == len(screen.station.site.lines)
    screen.press("andon.alone")
    assert not screen.window.header.isVisible()
    assert not screen.window.rail.isVisible()
    assert not screen.window.content.tabs.isVisible()
    assert screen.window.content.simulated_band.isVisible(), "a simulated plant says so on every screen"
    screen.until("larger", lambda: shown.height() > screen.window.height() * 0.8)
    row = shown.rows[0]
    assert said(row).startswith(row.face.code)
    QTest.mouseClick(screen.window.rail.lock if screen.window.rail.isVisible() else shown, Qt.MouseButton.LeftButton)
    assert screen.window.header.isVisible()
    assert screen.window.rail.isVisible()
    assert screen.window.panel_id == "andon"


def test_the_touch_that_brings_everything_back_presses_nothing(screen: Screen) -> None:
    screen.window.open_panel("andon")
    screen.settle()
    screen.press("andon.alone")
    chosen = []
    screen.window.rail.chosen.connect(chosen.append)
    key = Qt.Key.Key_Escape
    QTest.keyClick(screen.window, key)
    assert screen.window.header.isVisible()
    assert chosen == []
    screen.tap(screen.window.rail._buttons["orders"])
    assert chosen == ["orders"], "the next touch is one again"


def test_words_change_their_language_by_turns_and_numbers_do_not(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    theme.apply(qapp, Theme("light", diagonal_inch=43.0, screen_px=(1920, 1080), language="ja"))
    shown = AndonBoard()
    shown.resize(1920, 1080)
    try:
        lines = [shopfloor.line_view(place) for place in range(6)]
        shown.show_alone(True)
        shown.show_lines(lines)
        pages = shown.pager.pages
        assert pages > 1
        first = [row.words() for row in shown.rows]
        monkeypatch.setattr(board, "PAGE_S", 0.0)
        shown.tick()
        second = [row.words() for row in shown.rows]
        assert [one[3:] for one in first] == [one[3:] for one in second]
        assert all(one[1] != other[1] for one, other in zip(first, second, strict=True))
        shown.tick()
        assert shown.pager.page == 1, "after both languages the next page"
        called = [replace(line, calls=(shopfloor.call("leader", line.code),)) if place == 0 else line for place, line in enumerate(lines)]
        shown.show_lines(called)
        for _ in range(5):
            shown.tick()
        assert shown.pager.page == 0, "a call holds the page that shows it"
    finally:
        shown.deleteLater()


def test_words_can_be_read_from_five_metres(qapp: QApplication) -> None:
    """Kanji of 79 and digits of 64 pixels on a 43-inch screen of 1920 × 1080."""
    theme.apply(qapp, Theme("light", diagonal_inch=43.0, screen_px=(1920, 1080), language="ja"))
    assert andon_row.kanji_px(1080) >= 79
    assert andon_row.kanji_px(1080) * andon_row.DIGIT_MM / andon_row.KANJI_MM >= 64
