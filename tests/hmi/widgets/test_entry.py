"""Keypad, keyboard, fields and sheets: by touch and by hardware keys, nothing typed is lost, nothing wrong gets through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest
import qasync
from hypothesis import example, given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from core.errors import Refused
from hmi import theme
from hmi.theme import Theme
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry, clean
from hmi.widgets.fields import FieldBox
from hmi.widgets.keyboard import Keyboard
from hmi.widgets.keypad import DOT, NumericKeypad
from hmi.widgets.sheet import BottomSheet
from tests.screens import lint

DIMENSION = NumberEntry("Dimension", "mm", Decimal("9.80"), Decimal("10.20"), 2, Decimal("10.15"))


@pytest.fixture
def window(qtbot: QtBot, dress: Callable[..., Theme]) -> QWidget:
    dress(language="en")
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1024, 768)
    QVBoxLayout(window).addWidget(QLineEdit("below"))
    window.show()
    return window


def touch(pad: NumericKeypad | Keyboard, *names: str) -> None:
    for name in names:
        QTest.mouseClick(pad.keys[name], Qt.MouseButton.LeftButton)


# -- rules -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("ＬＯＴ－２４", "LOT-24"),
        ("１２．５", "12.5"),
        ("ｶﾞ", "ガ"),
        ("a\x00\x07b\t", "ab"),
        ("01\x1d10", "01\x1d10"),
        ("\u202eabc\u200b", "abc"),
    ],
)
def test_clean(typed: str, cleaned: str) -> None:
    assert clean(typed) == cleaned


@given(st.text())
def test_clean_is_stable_and_has_no_control_characters(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert all(c.isprintable() or c in "\x1d\u3000\xa0 " or c.isspace() for c in once)


@example(["±", "."], 1)
@given(st.lists(st.sampled_from("0123456789.±"), max_size=40), st.integers(0, 4))
def test_whatever_is_pressed_stays_a_number(keys: list[str], decimals: int) -> None:
    entry = NumberEntry("x", decimals=decimals)
    text = ""
    for key in keys:
        text = entry.typed(text, key)
    if text.strip("-"):
        value = entry.value(text)
        assert value is not None
        assert len(text.partition(".")[2]) <= decimals
        assert len(text) <= 17
        assert "." not in text or decimals


@given(st.lists(st.sampled_from([-10, -1, 1, 10]), max_size=30))
def test_steppers_stay_inside_the_range(steps: list[int]) -> None:
    entry = NumberEntry("x", low=Decimal(0), high=Decimal(25), old=Decimal(7))
    text = ""
    for step in steps:
        text = entry.stepped(text, step)
        assert entry.problem(text) == ""
        assert "E" not in text


# -- keypad ------------------------------------------------------------------------------------------------------


@pytest.fixture
def keypad(window: QWidget) -> tuple[NumericKeypad, list[str]]:
    pad = NumericKeypad(window)
    heard: list[str] = []
    pad.accepted.connect(lambda text: heard.append(text))
    pad.cancelled.connect(lambda: heard.append("cancelled"))
    return pad, heard


def test_a_number_by_touch(keypad: tuple[NumericKeypad, list[str]]) -> None:
    pad, heard = keypad
    pad.ask_number(DIMENSION)
    touch(pad, "1", "0", ".", "1", "8")
    assert pad.display.text() == "10.18"
    touch(pad, "enter")
    assert heard == ["10.18"]
    assert pad.isHidden()


def test_digits_may_come_fast(keypad: tuple[NumericKeypad, list[str]]) -> None:
    pad, _ = keypad
    pad.ask_number(NumberEntry("n"))
    touch(pad, "5", "5", "5", "5")
    assert pad.text() == "5555"


def test_out_of_range_is_explained_and_kept(keypad: tuple[NumericKeypad, list[str]]) -> None:
    pad, heard = keypad
    pad.ask_number(DIMENSION)
    touch(pad, "1", "1")
    assert pad.keys["enter"].isEnabled()
    touch(pad, "enter")
    assert heard == []
    assert not pad.message.isHidden()
    assert "9.80 to 10.20" in pad.message.lines.do
    assert pad.text() == "11"
    assert lint.overflowing(pad) == []
    touch(pad, "backspace")
    assert pad.message.isHidden()


def test_keys_that_make_no_sense_are_off(keypad: tuple[NumericKeypad, list[str]]) -> None:
    pad, _ = keypad
    pad.ask_number(NumberEntry("count", low=Decimal(0), high=Decimal(99), steppers=True, old=Decimal(5)))
    assert not pad.keys["."].isEnabled()
    assert not pad.keys["±"].isEnabled()
    touch(pad, "+10", "-1")
    assert pad.text() == "14"
    pad.ask_number(NumberEntry("t", decimals=1))
    assert pad.keys["."].isEnabled()
    assert pad.keys["±"].isEnabled()
    assert not pad.keys["+1"].isVisible()


def test_hardware_keys(keypad: tuple[NumericKeypad, list[str]]) -> None:
    pad, heard = keypad
    pad.ask_number(NumberEntry("t", decimals=1))
    QTest.keyClicks(pad, "12x,55")
    QTest.keyClick(pad, Qt.Key.Key_Backspace)
    QTest.keyClicks(pad, "-")
    assert pad.text() == "-12."
    QTest.keyClicks(pad, "7")
    QTest.keyClick(pad, Qt.Key.Key_Return)
    assert heard == ["-12.7"]
    pad.ask_number(NumberEntry("t"))
    QTest.keyClicks(pad, "9")
    QTest.keyClick(pad, Qt.Key.Key_Delete)
    assert pad.text() == ""
    QTest.keyClick(pad, Qt.Key.Key_Escape)
    assert heard == ["-12.7", "cancelled"]


def test_a_pin_shows_dots_keeps_zeros_and_leaves_no_trace(keypad: tuple[NumericKeypad, list[str]]) -> None:
    pad, heard = keypad
    pad.keys["enter"].guard_ms = 0
    pad.ask_number(NumberEntry("PIN", secret=True, min_length=4))
    touch(pad, "0", "0", "1")
    assert pad.display.text() == DOT * 3
    touch(pad, "enter")
    assert heard == []
    assert "001" not in " ".join(pad.message.lines)
    touch(pad, "9", "enter")
    assert heard == ["0019"]
    assert pad.text() == ""
    assert "0019" not in pad.display.accessibleName()


@pytest.mark.parametrize(("layout", "top"), [("789", "7"), ("123", "1")])
def test_layout_is_a_setting_of_the_site(window: QWidget, dress: Callable[..., Theme], layout: str, top: str) -> None:
    dress(keypad=layout)
    pad = NumericKeypad(window)
    pad.ask_number(NumberEntry("n"))
    QApplication.processEvents()
    assert pad.keys[top].y() == min(pad.keys[digit].y() for digit in "123456789")


@pytest.mark.parametrize(("diagonal", "screen"), [(10.4, (1024, 768)), (12.1, (1024, 768)), (10.1, (1280, 800)), (15.6, (1920, 1080))])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_sheets_fit_real_panels_with_20_mm_keys(
    qtbot: QtBot, dress: Callable[..., Theme], diagonal: float, screen: tuple[int, int], language: str
) -> None:
    look = dress(diagonal_inch=diagonal, screen_px=screen, language=language)
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(*screen)
    window.show()
    pad, board = NumericKeypad(window), Keyboard(window)
    pad.ask_number(NumberEntry("Dimension A", "mm", Decimal("-9.8"), Decimal("10.2"), 2, Decimal(10), steppers=True))
    touch(pad, "9", "9", "enter")
    QApplication.processEvents()
    for digit in "0123456789":
        assert min(pad.keys[digit].width(), pad.keys[digit].height()) >= look.mm(20)
    assert lint.overflowing(pad) + lint.too_small(pad) + lint.squeezed(pad) == []
    assert pad.frame.minimumSizeHint().height() <= screen[1]
    assert pad.frame.minimumSizeHint().width() <= screen[0]
    pad.cancel()
    board.ask_text("Lot")
    QApplication.processEvents()
    assert lint.overflowing(board) + lint.too_small(board) + lint.squeezed(board) == []
    assert board.frame.minimumSizeHint().height() <= screen[1]
    assert board.frame.minimumSizeHint().width() <= screen[0]


def test_language_changes_under_the_hand(keypad: tuple[NumericKeypad, list[str]], qapp: QApplication) -> None:
    pad, heard = keypad
    pad.ask_number(DIMENSION)
    touch(pad, "1", "0")
    theme.set_language(qapp, "ja")
    qapp.processEvents()
    assert pad.keys["enter"].text() == "入力"
    assert pad.text() == "10"
    touch(pad, "enter")
    assert heard == ["10"]


# -- keyboard ----------------------------------------------------------------------------------------------------


def test_text_by_touch_and_by_hand(window: QWidget) -> None:
    board = Keyboard(window)
    heard: list[str] = []
    board.accepted.connect(lambda text: heard.append(text))
    board.ask_text("Lot")
    touch(board, "key1.0", "shift", "key1.0", " ", "key2.9", "signs", "key1.0", "backspace", "signs")
    assert board.text() == "Qq -"
    QTest.keyClicks(board, "Ab1")
    board.type("\uff11\x07")  # full-width, and a control character
    QTest.keyClick(board, Qt.Key.Key_Return)
    assert heard == ["Qq -Ab11"]


def test_an_empty_text_is_explained(window: QWidget) -> None:
    board = Keyboard(window)
    heard: list[str] = []
    board.accepted.connect(lambda text: heard.append(text))
    board.keys["enter"].guard_ms = 0
    board.ask_text("Lot")
    touch(board, " ", "enter")
    assert heard == []
    assert not board.message.isHidden()
    board.ask_text("Note", required=False)
    touch(board, "enter")
    assert heard == [""]


def test_a_password_shows_dots_and_can_hold_signs(window: QWidget) -> None:
    board = Keyboard(window)
    heard: list[str] = []
    board.accepted.connect(lambda text: heard.append(text))
    board.ask_text("Password", secret=True)
    QTest.keyClicks(board, "a&\\ ")
    assert board.display.text() == DOT * 4
    assert "a&" not in board.display.accessibleName()
    touch(board, "enter")
    assert heard == ["a&\\ "]
    assert board.text() == ""


def test_longest_text(window: QWidget) -> None:
    board = Keyboard(window)
    board.ask_text("x", max_length=3)
    board.type("abcdef")
    assert board.text() == "abc"


# -- sheets ------------------------------------------------------------------------------------------------------


def test_tab_stays_inside_and_focus_comes_back(window: QWidget) -> None:
    below = window.findChild(QLineEdit)
    assert below is not None
    below.setFocus()
    sheet = BottomSheet(window, "Report")
    inside = [QLineEdit(), QLineEdit()]
    for edit in inside:
        sheet.content.addWidget(edit)
    sheet.open()
    for _ in range(9):
        QTest.keyClick(window.focusWidget() or sheet, Qt.Key.Key_Tab)
        assert sheet.isAncestorOf(window.focusWidget())
    sheet.cancel()
    assert window.focusWidget() is below


def test_nothing_below_the_sheet_can_be_touched(window: QWidget) -> None:
    hits: list[int] = []
    button = TouchButton("below", window)
    button.setGeometry(0, 0, 200, 100)
    button.show()
    button.clicked.connect(lambda: hits.append(1))
    sheet = BottomSheet(window, "Sheet")
    sheet.open()
    top = window.childAt(QPoint(50, 50))
    assert top is sheet
    QTest.mouseClick(top, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    assert hits == []
    assert not sheet.isHidden()


def test_buttons_stand_far_apart_and_enter_decides_nothing(window: QWidget) -> None:
    sheet = BottomSheet(window, "Complete WO-1")
    outcomes: list[str] = []
    sheet.finished.connect(lambda outcome: outcomes.append(outcome))
    sheet.open()
    QApplication.processEvents()
    left, right = sheet.cancel_button.geometry(), sheet.confirm_button.geometry()
    assert right.left() - left.right() >= 60
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    assert outcomes == []
    QTest.mouseClick(sheet.confirm_button, Qt.MouseButton.LeftButton)
    assert outcomes == ["confirmed"]


def test_it_closes_by_itself_without_writing(window: QWidget, qtbot: QtBot) -> None:
    sheet = BottomSheet(window, "Complete", timeout_s=2)
    outcomes: list[str] = []
    confirmed: list[int] = []
    sheet.finished.connect(lambda outcome: outcomes.append(outcome))
    sheet.confirmed.connect(lambda: confirmed.append(1))
    sheet._tick.setInterval(20)
    sheet.open()
    qtbot.waitUntil(lambda: outcomes == ["timed_out"], timeout=60_000)
    assert confirmed == []


def test_a_refused_action_leaves_everything_typed(window: QWidget) -> None:
    sheet = BottomSheet(window, "Report", enter_confirms=True)
    edit = QLineEdit()
    sheet.content.addWidget(edit)
    tried: list[str] = []

    def act() -> None:
        tried.append(edit.text())
        sheet.set_pending(True)

    sheet.on_confirm(act)
    sheet.open()
    edit.setText("20")
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    assert tried == ["20"]
    assert not sheet.isHidden()
    sheet.show_error(Refused("core.unknown"))
    assert edit.text() == "20"
    assert not sheet.message.isHidden()
    assert sheet.message.lines.what
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    assert tried == ["20", "20"]
    sheet.close_with("confirmed")
    assert sheet.isHidden()


def test_the_answer_can_be_awaited(window: QWidget, qapp: QApplication) -> None:
    sheet = BottomSheet(window, "Sure?")
    loop = qasync.QEventLoop(qapp)

    async def person() -> None:
        await asyncio.sleep(0.02)
        QTest.mouseClick(sheet.confirm_button, Qt.MouseButton.LeftButton)

    async def ask() -> list[str]:
        answers = []
        other = asyncio.ensure_future(person())
        answers.append(await sheet.answer())
        await other
        waiting = asyncio.ensure_future(sheet.answer())
        await asyncio.sleep(0.02)
        waiting.cancel()
        answers.append(str((await asyncio.gather(waiting, return_exceptions=True))[0].__class__.__name__))
        answers.append(str(sheet.isHidden()))
        return answers

    with loop:
        assert loop.run_until_complete(ask()) == ["confirmed", "CancelledError", "True"]


# -- fields ------------------------------------------------------------------------------------------------------


def placed(window: QWidget, field: FieldBox) -> FieldBox:
    layout = window.layout()
    assert layout is not None
    layout.addWidget(field)
    QApplication.processEvents()
    return field


def test_a_touch_opens_the_keypad_and_its_answer_lands_in_the_field(window: QWidget) -> None:
    field = placed(window, FieldBox("Dimension", kind="number", required=True, entry=DIMENSION))
    entered: list[int] = []
    field.entered.connect(lambda: entered.append(1))
    QTest.mouseClick(field.edit, Qt.MouseButton.LeftButton)
    pad = window.findChild(NumericKeypad)
    assert pad is not None
    touch(pad, "1", "0", "enter")
    assert field.text() == "10"
    assert field.number() == Decimal(10)
    assert entered == [1]
    assert lint.too_small(field) + lint.overflowing(field) == []


def test_a_wrong_number_is_explained_below_and_kept(window: QWidget) -> None:
    field = placed(window, FieldBox("Dimension", kind="number", required=True, entry=DIMENSION))
    assert not field.is_valid()
    field.set_text("１１")
    assert not field.check()
    assert field.edit.text() == "１１"
    assert field.message.lines.do == "Type a number from 9.80 to 10.20."
    field.set_text("１０．１")
    assert field.message.isHidden()
    assert field.check()
    assert field.number() == Decimal("10.1")
    assert FieldBox("Note").is_valid()


def test_a_password_field_opens_the_keyboard_empty(window: QWidget) -> None:
    field = placed(window, FieldBox("Password", kind="secret", required=True))
    assert field.edit.echoMode() is QLineEdit.EchoMode.Password
    assert not field.edit.testAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
    field.set_text("old secret")
    QTest.mouseClick(field.key_button, Qt.MouseButton.LeftButton)
    board = window.findChild(Keyboard)
    assert board is not None
    assert board.text() == ""
    board.cancel()
    assert field.text() == "old secret"


def test_names_are_left_to_the_input_method(window: QWidget) -> None:
    field = placed(window, FieldBox("Note"))
    assert field.edit.testAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
    QTest.mouseClick(field.edit, Qt.MouseButton.LeftButton)
    assert window.findChild(Keyboard) is None
    QTest.mouseClick(field.key_button, Qt.MouseButton.LeftButton)
    board = window.findChild(Keyboard)
    assert board is not None
    touch(board, "key1.0", "enter")
    assert field.text() == "Q"


def test_required_is_a_word_in_both_languages(window: QWidget, qapp: QApplication) -> None:
    field = placed(window, FieldBox("PIN", kind="pin", required=True))
    field.set_text("12")
    assert "Required" in [drawn.text for _, drawn in lint.record(field)]
    theme.set_language(qapp, "ja")
    qapp.processEvents()
    assert "必須" in [drawn.text for _, drawn in lint.record(field)]
    assert field.text() == "12"
