"""TouchButton: acts on release inside, once, never while pending, never too small, never cut."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from core.words import glossary
from hmi.theme import Theme
from hmi.widgets import button as module
from hmi.widgets.button import TouchButton
from hmi.widgets.painted import has_keyboard
from hmi.widgets.text import broken, text_width


@pytest.fixture
def pressed(qtbot: QtBot, dress: Callable[..., Theme]) -> tuple[TouchButton, list[bool]]:
    dress(language="en")
    button = TouchButton("Start")
    qtbot.addWidget(button)
    button.resize(200, 100)
    button.show()
    hits: list[bool] = []
    button.clicked.connect(lambda: hits.append(True))
    return button, hits


def test_acts_on_release_inside_only(pressed: tuple[TouchButton, list[bool]]) -> None:
    button, hits = pressed
    QTest.mousePress(button, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    assert button.isDown()
    assert hits == []
    QTest.mouseMove(button, QPoint(50, 300))
    QTest.mouseRelease(button, Qt.MouseButton.LeftButton, pos=QPoint(50, 300))
    assert hits == []
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert len(hits) == 1


def test_a_second_tap_within_400_ms_is_ignored(pressed: tuple[TouchButton, list[bool]]) -> None:
    button, hits = pressed
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QTest.keyClick(button, Qt.Key.Key_Return)
    assert len(hits) == 1
    QTest.qWait(module.GUARD_MS + 50)
    QTest.keyClick(button, Qt.Key.Key_Return)
    assert len(hits) == 2


def test_pending_cannot_be_pressed(pressed: tuple[TouchButton, list[bool]]) -> None:
    button, hits = pressed
    button.set_pending(True)
    assert button.pending
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    QTest.keyClick(button, Qt.Key.Key_Space)
    assert hits == []
    button.set_pending(False)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert len(hits) == 1


def test_spinner_turns_only_while_pending(pressed: tuple[TouchButton, list[bool]]) -> None:
    button, _ = pressed
    button.set_pending(True)
    assert button._turning.isActive()
    button.set_pending(False)
    assert not button._turning.isActive()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_word_fits_its_button_on_two_lines(qtbot: QtBot, dress: Callable[..., Theme], language: str) -> None:
    dress(language=language)
    for id, entry in glossary().items():
        button = TouchButton(entry[language])
        qtbot.addWidget(button)
        hint = button.sizeHint()
        assert min(hint.width(), hint.height()) >= Theme().touch, id
        room = hint.width() - 2 * Theme().px(14)
        lines = broken(button.text(), "button", room)
        assert len(lines) <= 2, id
        assert all(text_width(line, "button") <= room + 1 for line in lines), (id, lines)


def test_short_japanese_words_are_not_torn(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    for text in ("やめる", "1字消す", "作業者交替"):
        button = TouchButton(text)
        qtbot.addWidget(button)
        assert broken(text, "button", button.sizeHint().width() - 2 * Theme().px(14)) == (text,)


def test_count_is_part_of_the_text(pressed: tuple[TouchButton, list[bool]]) -> None:
    button, _ = pressed
    button.set_count(2)
    assert button.shown_text() == "Start (2)"
    button.set_count(0)
    assert button.shown_text() == "Start"


def test_primary_is_20_mm(dress: Callable[..., Theme], qtbot: QtBot) -> None:
    look = dress(diagonal_inch=10.4, screen_px=(1024, 768))
    button = TouchButton("OK", large=True)
    qtbot.addWidget(button)
    assert button.sizeHint().height() >= look.mm(20) == 97


def test_the_focus_frame_appears_with_the_keyboard_only(qtbot: QtBot, dress: Callable[..., Theme]) -> None:
    dress()
    window = QWidget()
    qtbot.addWidget(window)
    row = QHBoxLayout(window)
    buttons = [TouchButton("A"), TouchButton("B")]
    for button in buttons:
        row.addWidget(button)
    window.show()
    buttons[0].setFocus()
    QApplication.processEvents()
    quiet = buttons[0].grab().toImage()
    assert not has_keyboard(buttons[0])
    QTest.keyClick(buttons[0], Qt.Key.Key_Tab)
    QTest.keyClick(buttons[1], Qt.Key.Key_Backtab)
    assert has_keyboard(buttons[0])
    assert buttons[0].grab().toImage() != quiet
    QTest.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert not has_keyboard(buttons[1])
