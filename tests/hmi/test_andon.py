"""The andon board: every line, large, in both languages by turns; alone on the screen until somebody touches it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from hmi.panels.andon import AndonPanel
from tests.hmi.screen import Screen, said


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
