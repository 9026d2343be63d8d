"""Who is at the panel: badges, handing over, delays, unfinished entries, PINs. The station is a stand-in, the window is real."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.errors import Refused
from core.users.accounts import set_pin
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.sheet import BottomSheet
from tests.hmi.front import Front
from tests.hmi.screen import Loop, said


@pytest.fixture
def front(loop: Loop) -> Iterator[Front]:
    shown = Front(loop)
    yield shown
    shown.close()


class Form(BottomSheet):
    """An entry as any panel opens it."""

    def __init__(self, front: Front, *, timeout_s: float = 0) -> None:
        super().__init__(front.window.content, "Form", timeout_s=timeout_s)
        self.setObjectName("sheet.form")
        self.note = FieldBox("Note", kind="code")
        self.count = FieldBox("Count", kind="number", entry=NumberEntry("Count", low=Decimal(0), high=Decimal(999)))
        self.password = FieldBox("Password", kind="secret")
        for part in (self.note, self.count, self.password):
            self.content.addWidget(part)
        self.open()


# -- badges ------------------------------------------------------------------------------------------------------------


def test_a_badge_opens_the_sign_in_and_asks_for_the_pin_only(front: Front) -> None:
    front.scan("EMP-0001")
    sheet = front.top("sheet.sign_in")
    assert front.window.focusWidget() is sheet.secret.edit
    assert not sheet.code.isVisible()
    front.give(sheet, "", "204615")
    assert (front.sheets(), front.station.actor.user_code) == ([], "tanaka")


def test_a_badge_alone_signs_nobody_in(front: Front) -> None:
    front.scan("EMP-0001")
    sheet = front.top("sheet.sign_in")
    front.tap(sheet.confirm_button)
    front.turn()
    assert front.station.actor.session_id is None
    assert sheet.secret.message.lines.what


def test_a_badge_hands_over_while_somebody_is_signed_in(front: Front) -> None:
    front.sign_in("ito")
    front.scan("EMP-0001")
    front.give(front.top("sheet.sign_in"), "", "204615")
    assert front.station.actor.user_code == "tanaka"
    assert "田中" in said(front.window.header.user)


def test_a_badge_takes_the_place_of_what_was_typed_for_somebody_else(front: Front) -> None:
    front.window.sign_in()
    sheet = front.top("sheet.sign_in")
    front.type(sheet.code, "ito")
    front.type(sheet.secret, "52")
    front.scan("EMP-0001")
    assert front.sheets() == ["sheet.sign_in"]
    assert sheet.secret.text() == ""
    front.give(sheet, "", "204615")
    assert front.station.actor.user_code == "tanaka"


def test_a_badge_over_a_half_typed_pin_begins_anew(front: Front) -> None:
    front.window.sign_in()
    sheet = front.top("sheet.sign_in")
    sheet.secret.open_sheet()
    keypad = front.top("NumericKeypad")
    for digit in "527":
        front.tap(keypad.keys[digit])
    front.scan("EMP-0001")
    assert front.sheets() == ["sheet.sign_in"]
    assert (sheet.identity.badge, sheet.secret.text()) == ("EMP-0001", "")


def test_a_badge_over_an_open_keypad_comes_up_above_it(front: Front) -> None:
    front.sign_in("ito")
    form = Form(front)
    form.count.open_sheet()
    front.tap(front.top("NumericKeypad").keys["7"])
    front.scan("EMP-0001")
    sheet = front.top("sheet.sign_in")
    assert front.window.childAt(front.window.width() // 2, front.window.height() - 5).window() is front.window
    assert sheet.isAncestorOf(front.window.childAt(sheet.confirm_button.mapTo(front.window, sheet.confirm_button.rect().center())))
    front.key(Qt.Key.Key_Escape)
    assert front.top("NumericKeypad").text() == "7"


def test_the_code_can_be_typed_instead(front: Front) -> None:
    front.scan("EMP-0009")
    sheet = front.top("sheet.sign_in")
    front.give(sheet, "", "204615")
    assert "card" in sheet.message.lines.what
    front.tap(sheet.identity.type_code)
    board = front.top("Keyboard")
    board.type("tanaka")
    board.press("enter")
    front.give(sheet, "", "204615")
    assert front.station.actor.user_code == "tanaka"


def test_half_a_scan_is_told_in_three_lines(front: Front) -> None:
    handle = front.window.windowHandle()
    assert handle is not None
    for sign in "EMP-0001-2":
        QTest.keyClick(handle, sign)  # type: ignore[call-overload]
    front.until("the message", lambda: front.window.content.message.lines.what)
    assert front.sheets() == []


# -- signing in --------------------------------------------------------------------------------------------------------


def test_the_delay_is_counted_down_in_words_on_the_button(front: Front) -> None:
    front.window.sign_in()
    sheet = front.top("sheet.sign_in")
    front.station.refusals = [Refused("users.wait", seconds=2)]
    front.give(sheet, "tanaka", "000000")
    assert (sheet.confirm_button.text(), sheet.confirm_button.isEnabled()) == ("Again in 2 s", False)
    sheet.secret.set_text("204615")
    front.key(Qt.Key.Key_Return)
    assert front.station.actor.session_id is None, "Enter does not go round the button"
    front.until("the next second", lambda: sheet.confirm_button.text() == "Again in 1 s")
    front.until("the end of the delay", lambda: sheet.confirm_button.isEnabled())
    assert sheet.confirm_button.text() == "Log in"
    front.give(sheet, "", "204615")
    assert front.station.actor.user_code == "tanaka"


def test_the_delay_of_one_is_not_the_delay_of_another(front: Front) -> None:
    front.window.sign_in()
    sheet = front.top("sheet.sign_in")
    front.station.refusals = [Refused("users.wait", seconds=60)]
    front.give(sheet, "tanaka", "000000")
    front.give(sheet, "ito", "527193")
    assert front.station.actor.user_code == "ito"


def test_a_lock_says_for_how_long_in_both_languages(front: Front) -> None:
    front.window.sign_in()
    sheet = front.top("sheet.sign_in")
    for code in ("users.locked", "users.station_locked"):
        front.station.refusals = [Refused(code, minutes=14)]
        front.give(sheet, "tanaka", "000000")
        assert "14" in sheet.message.lines.do
        front.speak("ja")
        assert "14 分" in sheet.message.lines.do
        front.speak("en")


def test_enter_in_the_code_asks_for_the_pin_and_complains_of_nothing(front: Front) -> None:
    front.window.sign_in()
    sheet = front.top("sheet.sign_in")
    front.type(sheet.code, "tanaka")
    front.key(Qt.Key.Key_Return)
    assert front.window.focusWidget() is sheet.secret.edit
    assert not sheet.secret.message.isVisible()


def test_who_is_signed_in_elsewhere_reads_where(front: Front) -> None:
    front.station.also_at = ("P2", "P3")
    front.sign_in("tanaka")
    assert "P2, P3" in front.toast


def test_the_sheet_is_there_once(front: Front) -> None:
    front.tap(front.window.header.user)
    front.tap(front.window.header.user)
    assert front.sheets() == ["sheet.sign_in"]


# -- unfinished entries ------------------------------------------------------------------------------------------------


def test_an_unfinished_entry_waits_for_its_person_and_is_shown_to_nobody_else(front: Front) -> None:
    front.sign_in("tanaka")
    form = Form(front)
    front.type(form.note, "WO-77")
    front.window.session.sign_off()
    front.until("the sign-off", lambda: front.station.actor.session_id is None)
    assert front.sheets() == []
    assert "kept" in front.toast
    front.sign_in("ito")
    assert front.sheets() == []
    front.sign_in("tanaka")
    assert front.sheets() == ["sheet.form"]
    assert form.note.text() == "WO-77"
    assert form.isAncestorOf(front.window.focusWidget())
    assert "back" in front.toast


def test_handing_over_keeps_what_each_of_two_has_begun(front: Front) -> None:
    front.sign_in("tanaka")
    first = Form(front)
    front.scan("EMP-0002")
    front.give(front.top("sheet.sign_in"), "", "527193")
    assert front.sheets() == []
    second = Form(front)
    front.sign_in("tanaka")
    assert (first.isVisible(), second.isVisible()) == (True, False)
    front.sign_in("ito")
    assert (first.isVisible(), second.isVisible()) == (False, True)


def test_half_a_number_waits_and_half_a_secret_does_not(front: Front) -> None:
    front.sign_in("tanaka")
    form = Form(front)
    form.count.open_sheet()
    front.tap(front.top("NumericKeypad").keys["4"])
    front.loop.run(front.bridge.sign_out())
    assert front.sheets() == []
    front.sign_in("tanaka")
    assert front.sheets() == ["sheet.form", "NumericKeypad"]
    assert front.top("NumericKeypad").text() == "4"
    front.key(Qt.Key.Key_Escape)
    form.password.open_sheet()
    front.top("Keyboard").type("half")
    front.loop.run(front.bridge.sign_out())
    front.sign_in("tanaka")
    assert front.sheets() == ["sheet.form"]


def test_what_ended_while_its_person_was_away_stays_ended(front: Front) -> None:
    front.sign_in("tanaka")
    form = Form(front)
    form.set_pending(True)
    front.loop.run(front.bridge.sign_out())
    outcomes: list[str] = []
    form.finished.connect(outcomes.append)
    form.set_pending(False)
    form.close_with("confirmed")
    assert outcomes == ["confirmed"]
    front.sign_in("tanaka")
    assert front.sheets() == []
    assert "back" not in front.toast


def test_the_time_of_a_confirmation_stands_still_while_its_person_is_away(front: Front) -> None:
    front.sign_in("tanaka")
    form = Form(front, timeout_s=1)
    front.loop.run(front.bridge.sign_out())
    front.turn(1.3)
    front.sign_in("tanaka")
    assert form.isVisible()
    front.until("its time", lambda: not form.isVisible())


def test_what_a_guest_opened_stays_open_when_he_signs_in(front: Front) -> None:
    form = Form(front)
    front.sign_in("tanaka")
    assert form.isVisible()


# -- PINs --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def due(front: Front) -> Any:
    """Somebody whose first PIN has to go."""
    front.station.must_change_pin, front.station.why_change = True, "first"
    front.sign_in("tanaka")
    return front.top("sheet.change_pin")


def fill(front: Front, sheet: Any, current: str, new: str, again: str) -> None:
    for field, text in ((sheet.current, current), (sheet.new, new), (sheet.again, again)):
        front.type(field, text)
    front.tap(sheet.confirm_button)
    front.until("an answer", lambda: not sheet.confirm_button.pending)
    front.turn()


def test_a_pin_that_is_due_cannot_be_left_but_by_signing_off(front: Front, due: Any) -> None:
    assert "Somebody else" in due._because.text()
    assert "change your PIN" in said(front.window.header.user)
    assert front.window.focusWidget() is due.current.edit
    front.key(Qt.Key.Key_Escape)
    front.until("the sign-off", lambda: front.station.actor.session_id is None)
    assert front.sheets() == []


def test_a_pin_that_is_due_lies_over_what_came_back(front: Front) -> None:
    front.sign_in("tanaka")
    Form(front)
    front.loop.run(front.bridge.sign_out())
    front.station.must_change_pin, front.station.why_change = True, "aged"
    front.sign_in("tanaka")
    assert front.sheets() == ["sheet.form", "sheet.change_pin"]
    assert "too old" in front.top("sheet.change_pin")._because.text()


@pytest.mark.parametrize(
    ("new", "again", "code"),
    [
        ("12345", "12345", "users.secret_too_short"),
        ("123456", "123456", "users.secret_too_easy"),
        ("111111", "111111", "users.secret_too_easy"),
        ("204615", "204615", "users.secret_same"),
        ("830517", "830571", "users.repeat_differs"),
    ],
)
def test_rules_are_told_before_anything_is_sent(front: Front, due: Any, new: str, again: str, code: str) -> None:
    fill(front, due, "204615", new, again)
    assert due.message._error.code == code
    assert front.station.pins["tanaka"] == "204615"
    assert due.isVisible()


def test_a_new_pin_ends_it(front: Front, due: Any) -> None:
    fill(front, due, "999999", "830517", "830517")
    assert due.message._error.code == "users.current_wrong"
    assert (due.current.text(), due.new.text()) == ("", "830517"), "only the wrong one is typed again"
    fill(front, due, "204615", "830517", "830517")
    assert (front.sheets(), front.station.pins["tanaka"]) == ([], "830517")
    assert "PIN was changed" in front.toast
    assert "Operator" in said(front.window.header.user)
    assert front.station.actor.user_code == "tanaka"


def test_whoever_wants_to_can_change_it_and_may_leave(front: Front) -> None:
    front.sign_in("tanaka")
    front.tap(front.window.header.user)
    front.tap(front.top("sheet.sign_in").pin_button)
    sheet = front.top("sheet.change_pin")
    assert not sheet._because.isVisible()
    front.key(Qt.Key.Key_Escape)
    front.turn()
    assert (front.sheets(), front.station.actor.user_code) == ([], "tanaka")


def test_a_pin_that_became_due_meanwhile_is_asked_for_when_something_is_decided(front: Front) -> None:
    front.sign_in("tanaka")
    front.station.why_change, front.station.answers = "first", [Refused("users.must_change")]
    refusals: list[Exception] = []
    front.bridge.start(front.bridge.do(set_pin), on_error=refusals.append)
    front.until("the refusal", lambda: refusals)
    assert "Somebody else" in front.top("sheet.change_pin")._because.text()


def test_no_secret_outlives_its_sheet(front: Front, due: Any) -> None:
    for field in due.secrets():
        front.type(field, "830517")
    due.close_with("cancelled")
    assert [field.text() for field in due.secrets()] == ["", "", ""]
    front.window.sign_in()
    sheet = front.top("sheet.sign_in")
    front.type(sheet.secret, "830517")
    sheet.close_with("cancelled")
    assert sheet.secret.text() == ""
