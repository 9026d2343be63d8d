"""A wedge scanner at a real window: keys go through the window system's door, their times are told by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton, QVBoxLayout, QWidget

from hmi.shell.scanner import BROKEN_FROM, HOLD_MS, Scanner

GS = "\x1d"


class Bench:
    """A window with a text field, a secret field and a button; a reader and a hand that both type."""

    def __init__(self, prefix: str = "") -> None:
        self.now = 1000.0
        self.window = QWidget()
        column = QVBoxLayout(self.window)
        self.text, self.secret, self.button = QLineEdit(), QLineEdit(), QPushButton("go")
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        for part in (self.text, self.secret, self.button):
            column.addWidget(part)
        self.pressed: list[bool] = []
        self.button.clicked.connect(self.pressed.append)
        self.codes: list[str] = []
        self.news: list[str] = []
        self.scanner = Scanner(self.window, prefix=prefix, clock_ms=lambda: self.now, stamp_ms=lambda _: round(self.now))
        self.scanner.scanned.connect(self.codes.append)
        self.scanner.broken.connect(lambda: self.news.append("broken"))
        self.scanner.unreadable.connect(lambda: self.news.append("unreadable"))
        self.window.show()
        self.window.activateWindow()
        QTest.qWaitForWindowActive(self.window)
        handle = self.window.windowHandle()
        assert handle is not None
        self.handle = handle
        self.scanner.watch(handle)
        self.focus(self.text)

    def focus(self, widget: QWidget) -> None:
        widget.setFocus()
        QCoreApplication.processEvents()

    def key(self, key: Qt.Key | str, after_ms: float = 5, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        self.now += after_ms
        QTest.keyClick(self.handle, key, modifier)  # type: ignore[call-overload]

    def type(self, text: str, after_ms: float = 5) -> None:
        for sign in text:
            if sign == GS:
                self.key(Qt.Key.Key_BracketRight, after_ms, Qt.KeyboardModifier.ControlModifier)
            else:
                self.key(sign, after_ms)

    def scan(self, text: str, end: Qt.Key = Qt.Key.Key_Return) -> None:
        self.type(text)
        self.key(end)

    def compose(self, preedit: str, after_ms: float = 5) -> None:
        self.now += after_ms
        QCoreApplication.sendEvent(QGuiApplication.focusObject(), QInputMethodEvent(preedit, []))

    def commit(self, text: str, after_ms: float = 5) -> None:
        self.now += after_ms
        event = QInputMethodEvent()
        event.setCommitString(text)
        QCoreApplication.sendEvent(QGuiApplication.focusObject(), event)

    def rest(self) -> None:
        """Time in which a person does nothing."""
        QTest.qWait(HOLD_MS * 2)
        self.now += 1000

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def make(qapp: QApplication) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def build(prefix: str = "") -> Bench:
        made.append(Bench(prefix))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    return make()


@pytest.mark.parametrize("end", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab])
@pytest.mark.parametrize("where", ["text", "secret", "button"])
def test_a_scan_is_read_wherever_the_focus_is_and_leaves_nothing_there(bench: Bench, where: str, end: Qt.Key) -> None:
    target: QWidget = getattr(bench, where)
    bench.focus(target)
    entered: list[str] = []
    bench.text.returnPressed.connect(lambda: entered.append("text"))
    bench.secret.returnPressed.connect(lambda: entered.append("secret"))
    bench.scan("EMP 0042-7", end)
    bench.rest()
    assert bench.codes == ["EMP 0042-7"]
    assert (bench.text.text(), bench.secret.text(), bench.pressed, entered) == ("", "", [], [])
    assert bench.window.focusWidget() is target, "Tab was part of the scan"


def test_what_stands_in_the_field_stays_and_typing_goes_on(bench: Bench) -> None:
    bench.text.setText("lot ")
    bench.type("24", 180)
    bench.rest()
    bench.scan("BADGE-1")
    bench.type("07", 180)
    bench.rest()
    assert (bench.text.text(), bench.codes) == ("lot 2407", ["BADGE-1"])


def test_slow_typing_goes_through_in_its_order_with_its_end(bench: Bench) -> None:
    entered: list[str] = []
    bench.text.returnPressed.connect(lambda: entered.append(bench.text.text()))
    for sign in "WO-1182":
        bench.key(sign, 80)
    bench.key(Qt.Key.Key_Return, 80)
    assert entered == ["WO-1182"]
    bench.rest()
    assert (bench.text.text(), bench.codes, bench.news) == ("WO-1182", [], [])


def test_a_hand_sees_its_letter_without_typing_a_second_one(bench: Bench) -> None:
    bench.key("a")
    bench.rest()
    assert bench.text.text() == "a"


def test_two_fingers_at_once_lose_nothing(bench: Bench) -> None:
    bench.type("the", 20)
    bench.key(Qt.Key.Key_Backspace, 20)
    bench.key("n", 20)
    bench.rest()
    assert (bench.text.text(), bench.codes, bench.news) == ("thn", [], [])


def test_a_key_kept_pressed_is_typing(bench: Bench) -> None:
    bench.type("0")
    for _ in range(12):
        bench.now += 30
        again = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_0, Qt.KeyboardModifier.NoModifier, "0", True)
        QCoreApplication.sendEvent(bench.handle, again)
    bench.key(Qt.Key.Key_Return)
    assert (bench.text.text(), bench.codes) == ("0" * 13, [])


@pytest.mark.parametrize("typed", ["1", "12", "123"])
def test_too_short_for_a_code_is_typing(bench: Bench, typed: str) -> None:
    entered: list[str] = []
    bench.text.returnPressed.connect(lambda: entered.append(bench.text.text()))
    bench.scan(typed)
    assert (bench.codes, entered) == ([], [typed])


def test_an_end_that_comes_late_is_not_the_end_of_a_scan(bench: Bench) -> None:
    entered: list[str] = []
    bench.text.returnPressed.connect(lambda: entered.append(bench.text.text()))
    bench.type("4711")
    bench.key(Qt.Key.Key_Return, 200)
    assert (bench.codes, entered) == ([], ["4711"])


def test_half_a_scan_goes_nowhere_and_is_told(bench: Bench) -> None:
    bench.type("EMP0042719"[:BROKEN_FROM])
    bench.rest()
    assert (bench.text.text(), bench.codes, bench.news) == ("", [], ["broken"])


def test_a_few_fast_letters_without_an_end_are_typing(bench: Bench) -> None:
    bench.type("1234567"[: BROKEN_FROM - 1])
    bench.rest()
    assert (bench.text.text(), bench.news) == ("1234567", [])


def test_a_slow_frame_makes_no_scan_of_slow_typing(make: Callable[..., Bench]) -> None:
    """Keys that waited behind a slow frame arrive at once; the window system knows when they were pressed."""
    bench = make()
    stamps = iter(range(5000, 9000, 200))
    bench.scanner._stamp_ms = lambda _: next(stamps)
    bench.scan("204615")
    bench.rest()
    assert (bench.text.text(), bench.codes) == ("204615", [])


def test_the_separator_of_gs1_is_kept_and_other_control_characters_are_no_code(bench: Bench) -> None:
    bench.type(f"0104912345678904{GS}10L24")
    bench.key(Qt.Key.Key_Return)
    assert bench.codes == [f"0104912345678904{GS}10L24"]
    bench.type("AB")
    bench.key(Qt.Key.Key_G, 5, Qt.KeyboardModifier.ControlModifier)
    bench.scan("CD")
    assert len(bench.codes) == 1


def test_full_width_digits_of_the_input_method_become_ascii(bench: Bench) -> None:
    for sign in "４７１１－ＡＢ":
        bench.commit(sign)
    bench.key(Qt.Key.Key_Return)
    bench.rest()
    assert (bench.codes, bench.text.text()) == (["4711-AB"], "")


def test_a_composed_scan_is_taken_out_of_the_field(bench: Bench) -> None:
    entered: list[str] = []
    bench.text.returnPressed.connect(lambda: entered.append(bench.text.text()))
    empty = bench.text.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
    for end in range(1, 9):
        bench.compose("ＷＯ－１１８２７"[:end])
    assert bench.text.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle) != empty
    bench.commit("ＷＯ－１１８２７")
    bench.key(Qt.Key.Key_Return)
    bench.rest()
    assert (bench.codes, bench.text.text(), bench.news, entered) == (["WO-11827"], "", [], [])
    assert bench.text.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle) == empty, "nothing is left half composed"


def test_a_scan_that_became_kana_is_told_and_does_not_go_on(bench: Bench) -> None:
    for end in range(1, 6):
        bench.compose("ちゃん11"[:end])
    bench.commit("ちゃん11")
    bench.rest()
    assert (bench.codes, bench.text.text(), bench.news) == ([], "", ["unreadable"])


def test_japanese_by_hand_goes_through(bench: Bench) -> None:
    for end in range(1, 6):
        bench.compose("ありがとう"[:end], 120)
    bench.commit("有難う", 300)
    bench.commit("。", 300)
    bench.rest()
    assert (bench.text.text(), bench.codes, bench.news) == ("有難う。", [], [])


def test_with_a_prefix_everything_else_is_typing(make: Callable[..., Bench]) -> None:
    bench = make(prefix="~")
    bench.scan("4711-AB")
    assert (bench.text.text(), bench.codes) == ("4711-AB", [])
    bench.text.clear()
    bench.scan("~4711-AB")
    assert (bench.text.text(), bench.codes) == ("", ["4711-AB"])


def test_a_touch_in_between_finds_what_was_typed_where_it_was_typed(bench: Bench) -> None:
    bench.type("ab")
    QTest.mouseClick(bench.handle, Qt.MouseButton.LeftButton, pos=bench.secret.geometry().center())
    bench.rest()
    assert (bench.text.text(), bench.secret.text()) == ("ab", "")
    assert bench.window.focusWidget() is bench.secret


def test_one_scan_after_the_other(bench: Bench) -> None:
    for number in range(50):
        bench.scan(f"LOT-{number:05d}")
        bench.now += 40
    bench.rest()
    assert bench.codes == [f"LOT-{number:05d}" for number in range(50)]
    assert bench.text.text() == ""
