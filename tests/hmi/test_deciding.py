"""Deciding at the panel: who may, what happens when somebody must not, was late, or pressed twice."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.errors import Lines
from core.production.views import OrderStatus
from core.users.accounts import give_roles
from hmi import theme
from hmi.sheets.change_pin import ChangePinSheet
from hmi.sheets.conflict import ConflictSheet
from hmi.sheets.decide import DecideSheet
from hmi.sheets.decision import SignatureSheet
from hmi.sheets.order_form import OrderFormSheet
from hmi.sheets.report import ReportSheet
from hmi.sheets.revise import ReviseSheet
from hmi.sheets.sign_in import SignInSheet
from tests.conftest import ExpectedLog
from tests.hmi.screen import PINS, Screen, ask, said
from tests.postgres import owner_url

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
JAPANESE = re.compile(r"[぀-ヿ一-鿿]")


def whole(lines: Lines) -> bool:
    """All three lines say something."""
    return all(len(line) > 3 for line in lines)


# -- who ---------------------------------------------------------------------------------------------------------------


def test_a_guest_who_decides_is_asked_who_he_is(screen: Screen) -> None:
    screen.choose("WO-1185")
    screen.press("orders.report")
    assert screen.sheets() == ["sheet.sign_in"]
    assert screen.focus() is screen.sheet(SignInSheet).code.edit, "a badge reader types at once"
    screen.key(Qt.Key.Key_Escape)
    assert screen.sheets() == []
    screen.press("orders.create")
    assert screen.sheets() == ["sheet.sign_in"]
    screen.sign_in("tanaka")
    assert screen.sheets() == []
    assert "田中" in said(screen.window.header.user)


@pytest.mark.parametrize("action", ["lines.report", "lines.pause"])
def test_a_guest_on_a_line_is_asked_too(screen: Screen, action: str) -> None:
    screen.lines.overview.opened.emit("L5")
    screen.settle()
    screen.press(action)
    assert screen.sheets() == ["sheet.sign_in"]


def test_five_wrong_pins_lock_in_three_lines(screen: Screen) -> None:
    for _ in range(4):
        ask(owner_url(screen.settings.database_url or ""), "UPDATE genba_guard.attempt SET next_at = NULL")  # the pauses between tries pass
        sheet = screen.sign_in("suzuki", "000000")
        assert screen.sheets() == ["sheet.sign_in"]
        assert whole(sheet.message.lines)
        assert sheet.code.text() == "suzuki", "the code stays, so that only the PIN is typed again"
        assert sheet.secret.text() == ""
    wrong = sheet.message.lines
    ask(owner_url(screen.settings.database_url or ""), "UPDATE genba_guard.attempt SET next_at = NULL")
    sheet = screen.sign_in("suzuki", "000000")
    assert whole(sheet.message.lines)
    assert sheet.message.lines != wrong, "the fifth one says that it is locked and for how long"
    sheet = screen.sign_in("suzuki")
    assert re.search(r"\d", " ".join(sheet.message.lines))
    assert screen.station.actor.session_id is None
    screen.dress(language="ja")
    assert whole(sheet.message.lines)
    assert JAPANESE.search(sheet.message.lines.what)


def test_who_has_no_right_reads_it_in_three_lines(screen: Screen) -> None:
    screen.sign_in("tanaka")
    screen.choose("WO-1184")
    version = screen.listed()["WO-1184"].version
    screen.press("orders.more")
    screen.press("orders.cancel")
    sheet = screen.sheet(DecideSheet)
    assert sheet.reason is not None
    screen.tap(sheet.confirm_button)
    assert whole(sheet.reason.message.lines), "without a reason nothing is sent"
    screen.type(sheet.reason, "wrong material")
    screen.tap(sheet.confirm_button)
    screen.until("the question for leave", lambda: "sheet.authorise" in screen.sheets())
    screen.key(Qt.Key.Key_Escape)
    screen.until("the refusal", lambda: whole(sheet.message.lines))
    assert sheet.reason.text() == "wrong material"
    assert not sheet.confirm_button.pending
    assert ask(screen.settings.database_url or "", "SELECT status FROM genba.work_order WHERE number = 'WO-1184'") == [("RELEASED",)]
    screen.key(Qt.Key.Key_Escape)
    screen.settle()
    assert screen.listed()["WO-1184"].version == version


def test_the_sign_off_counts_down_and_leaves_the_screen_readable(screen: Screen) -> None:
    screen.window.session._limit_s = 1.6
    try:
        screen.sign_in("tanaka")
        screen.until("a count-down", lambda: "sign-off in" in said(screen.window.header.user))
        screen.key(Qt.Key.Key_Shift)
        begin = time.monotonic()
        screen.until("the sign-off", lambda: screen.station.actor.session_id is None)
        assert time.monotonic() - begin > 1.2, "a touch begins the time anew"
        assert "Guest" in said(screen.window.header.user)
        assert screen.lines.overview.tiles["L1"].isVisible()
    finally:
        screen.window.session._limit_s = screen.settings.auto_sign_off_s


def test_a_signature_given_at_the_screen_is_in_the_database(screen: Screen) -> None:
    url = screen.settings.database_url or ""
    user_id, version = ask(url, "SELECT id, version FROM genba.app_user WHERE code = 'yamamoto'")[0]
    screen.sign_in("admin")
    deciding = screen.bridge.start(screen.bridge.do(give_roles, user_id=user_id, version=version, roles=("operator", "supervisor")))
    screen.until("the question for a signature", lambda: "sheet.signature" in screen.sheets())
    sheet = screen.sheet(SignatureSheet)
    screen.type(sheet.code, "admin")
    screen.type(sheet.secret, "000000")
    screen.tap(sheet.confirm_button)
    screen.until("the refusal", lambda: whole(sheet.message.lines))
    screen.type(sheet.secret, PINS["admin"])
    screen.tap(sheet.confirm_button)
    screen.until("the decision", deciding.done)
    assert deciding.result().view.roles == ("operator", "supervisor")
    assert ask(url, "SELECT meaning, user_code FROM genba.signature") == [("approval", "admin")]


def test_whoever_changes_his_pin_signs_in_with_the_new_one(screen: Screen) -> None:
    screen.sign_in("sato")
    screen.window.people.change_pin()
    sheet = screen.sheet(ChangePinSheet)
    for field, text in ((sheet.current, PINS["sato"]), (sheet.new, "830517"), (sheet.again, "830517")):
        screen.type(field, text)
    screen.tap(sheet.confirm_button)
    screen.until("the change", lambda: screen.sheets() == [])
    screen.run(screen.bridge.sign_out())
    screen.sign_in("sato", "830517")
    assert screen.station.actor.user_code == "sato"


# -- twice, at once, meanwhile -----------------------------------------------------------------------------------------


def test_pressing_twice_books_once(screen: Screen) -> None:
    url = screen.settings.database_url or ""
    screen.sign_in("tanaka")
    screen.choose("WO-1185")
    made = ask(url, "SELECT completed FROM genba.work_order WHERE number = 'WO-1185'")[0][0]
    screen.press("orders.report")
    sheet = screen.sheet(ReportSheet)
    screen.type(sheet.good, "3")
    screen.type(sheet.scrap, "0")
    assert sheet.why.isVisible(), "the machine counts on"
    screen.type(sheet.why, "sorted by hand")
    sheet.confirm_button.guard_ms = 0  # the guard against a second tap is not what this test is about
    for _ in range(3):
        QTest.mouseClick(sheet.confirm_button, Qt.MouseButton.LeftButton)
    QTest.mouseDClick(sheet.confirm_button, Qt.MouseButton.LeftButton)
    QTest.keyClick(sheet.confirm_button, Qt.Key.Key_Return)
    screen.key(Qt.Key.Key_Escape)
    screen.until("the booking", lambda: screen.sheets() == [])
    screen.settle()
    assert ask(url, "SELECT completed FROM genba.work_order WHERE number = 'WO-1185'")[0][0] == made + 3
    assert screen.listed()["WO-1185"].completed == made + 3


@pytest.fixture
def neighbour(screen: Screen, tmp_path: Path) -> Iterator[Screen]:
    """A second station in the same plant."""
    other = Screen(screen.loop, screen.settings.database_url or "", tmp_path, name="PANEL-2", panel="orders").started()
    try:
        other.until("a site", lambda: bool(other.station.site.lines))
        other.until("machines read by the first station", lambda: other.station.links.keys() == screen.station.links.keys())
        yield other
    finally:
        other.close()


def test_the_second_of_two_stations_sees_both_versions_side_by_side(screen: Screen, neighbour: Screen) -> None:
    for panel, user in ((screen, "ito"), (neighbour, "tanaka")):
        panel.sign_in(user)
        panel.choose("WO-1184")
    assert screen.listed()["WO-1184"].status is OrderStatus.RELEASED
    neighbour.press("orders.start")
    late = neighbour.sheet(DecideSheet)
    screen.press("orders.more")
    screen.press("orders.hold")
    first = screen.sheet(DecideSheet)
    assert first.reason is not None
    screen.type(first.reason, "material is looked at")
    screen.tap(first.confirm_button)
    screen.until("held", lambda: screen.sheets() == [])
    neighbour.until("the news reaches the other screen by itself", lambda: neighbour.listed()["WO-1184"].status is OrderStatus.HELD, 4)
    neighbour.tap(late.confirm_button)
    neighbour.until("both versions", lambda: "sheet.conflict" in neighbour.sheets())
    conflict = neighbour.sheet(ConflictSheet)
    theirs = {str(row[0]): (row[1], row[2], row[3]) for row in conflict.table._rows}
    state = next(versions for label, versions in theirs.items() if label in ("State", "状態"))
    assert len({getattr(cell, "text", cell) for cell in state}) == 3, "as it was seen, as it is now, as it was wanted"
    assert any(getattr(versions[1], "text", "") == "material is looked at" for versions in theirs.values())
    assert conflict.mine_button.isHidden(), "a held order cannot be started: mine makes no sense on it any more"
    neighbour.tap(conflict.confirm_button)
    neighbour.until("theirs was left", lambda: neighbour.sheets() == [])
    rows = ask(screen.settings.database_url or "", "SELECT status, reason FROM genba.work_order WHERE number = 'WO-1184'")
    assert rows == [("HELD", "material is looked at")]
    links = (link for source, link in neighbour.station.links.items() if source != "demo-byhand")  # which everybody enters and reads
    assert all(link.state.value == "STOPPED" for link in links), "one station reads the machines"


# -- words, looks, keys ------------------------------------------------------------------------------------------------


def filled_form(screen: Screen) -> OrderFormSheet:
    screen.sign_in("ito")
    screen.window.open_panel("orders")
    screen.press("orders.create")
    form = screen.sheet(OrderFormSheet)
    screen.until("the choices", lambda: form._choices is not None)
    screen.type(form.number, "WO-LANG-1")
    form.product.choose("P-2010")
    form.line.choose("L2")
    screen.type(form.planned, "1234")
    screen.type(form.priority, "7")
    return form


def test_a_form_survives_another_language_and_another_theme(screen: Screen) -> None:
    form = filled_form(screen)
    typed = [field.text() for field in (form.number, form.planned, form.priority, form.start, form.end)]
    english = form.planned._label.text()
    took = []
    for language in ("ja", "en") * 3:
        begin = time.monotonic()
        screen.key(Qt.Key.Key_L, CTRL)
        screen.turn(0)
        took.append(time.monotonic() - begin)
        assert theme.language() == language
        spoken = [form.planned._label.text(), form.confirm_button.text(), *(button.text() for button in screen.window.content._buttons)]
        assert all(bool(JAPANESE.search(text)) == (language == "ja") for text in spoken), spoken
    print(f"\nre-texting the window with an open form took at most {max(took) * 1000:.0f} ms")
    assert form.planned._label.text() == english
    screen.dress("dark")
    screen.turn(0.2)
    screen.dress("light")
    assert form.isVisible()
    assert [field.text() for field in (form.number, form.planned, form.priority, form.start, form.end)] == typed
    assert (form.product.chosen, form.line.chosen) == ("P-2010", "L2")
    screen.tap(form.confirm_button)
    screen.until("the order is made", lambda: "WO-LANG-1" in screen.listed())
    assert screen.listed()["WO-LANG-1"].planned == Decimal(1234)


def test_a_form_says_what_is_missing_one_at_a_time_and_loses_nothing(screen: Screen) -> None:
    form = filled_form(screen)
    screen.type(form.planned, "")
    screen.key(Qt.Key.Key_Delete)
    screen.tap(form.confirm_button)
    assert whole(form.planned.message.lines)
    screen.type(form.planned, "5")
    screen.type(form.end, "2026-13-41 25:00")
    screen.tap(form.confirm_button)
    assert whole(form.end.message.lines)
    screen.type(form.end, "2020-01-01 00:00")
    screen.tap(form.confirm_button)
    screen.until("the rule on the schedule", lambda: whole(form.message.lines))
    assert form.number.text() == "WO-LANG-1"
    screen.dress(language="ja")
    assert form.message.lines.what == "終了予定は開始予定より後である必要があります"


def test_keys(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, panel in enumerate(screen.window.rail.panel_ids, start=1):
        screen.key(Qt.Key(Qt.Key.Key_0 + number), ALT)
        assert screen.window.panel_id == panel
        assert screen.window.content.stack.currentWidget().objectName() == f"panel.{panel}"
    screen.key(Qt.Key(Qt.Key.Key_1 + screen.window.rail.panel_ids.index("orders")), ALT)
    screen.settle()
    asked: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(screen.orders, "refresh", lambda: asked.append("orders"))
        screen.key(Qt.Key.Key_F5)
    assert asked == ["orders"]
    screen.key(Qt.Key.Key_L, CTRL)
    assert theme.language() == "ja"


def test_tab_goes_round_in_a_sheet_in_reading_order_and_esc_leaves(screen: Screen) -> None:
    form = filled_form(screen)
    form.product.button.setFocus()
    order = []
    for _ in range(12):
        focus = screen.focus()
        if focus in order:
            break
        assert form.isAncestorOf(focus), "the panel below is out of reach"
        order.append(focus)
        screen.key(Qt.Key.Key_Tab)
    fields = [
        form.product.button,
        form.line.button,
        form.number.edit,
        form.planned.edit,
        form.priority.edit,
        form.start.edit,
        form.end.edit,
    ]
    places = [order.index(field) for field in fields]
    assert places == sorted(places)
    assert order.index(form.cancel_button) < order.index(form.confirm_button)
    screen.key(Qt.Key.Key_Backtab)
    screen.key(Qt.Key.Key_Escape)
    assert screen.sheets() == []


@pytest.mark.parametrize("panel", ["lines", "orders"])
def test_a_failure_nobody_foresaw_is_three_lines_and_the_rest_lives(
    screen: Screen, panel: str, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectedLog
) -> None:
    expect_log(r"failure in an action of the screen")

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(screen.bridge, "ask", broken)
        screen.window.open_panel(panel)
        screen.until("the message", lambda: whole(screen.message))
    assert "ZeroDivisionError" in " ".join(screen.message), "what an engineer needs to find it in the log"
    screen.window.open_panel("orders")
    screen.until("the next answer", lambda: len(screen.listed()) > 0)
    assert screen.lines.overview.tiles["L1"].isEnabled()


def test_a_quantity_that_somebody_else_revised_first_is_laid_beside_mine(screen: Screen) -> None:
    url = screen.settings.database_url or ""
    screen.sign_in("ito")
    screen.choose("WO-1185")
    order = screen.orders.table.order
    assert order is not None
    sheet = ReviseSheet(screen.window.content, screen.bridge, order)
    sheet.done.connect(lambda: None)
    sheet.open()
    screen.type(sheet.fields["planned"], "1600")
    screen.type(sheet.fields["reason"], "customer wants more")
    ask(owner_url(url), "UPDATE genba.work_order SET planned = 1700, version = version + 1 WHERE number = 'WO-1185'")
    try:
        screen.tap(sheet.confirm_button)
        screen.until("both versions", lambda: "sheet.conflict" in screen.sheets())
        conflict = screen.sheet(ConflictSheet)
        planned = next(row for row in conflict.table._rows if row[0] in ("Planned", "計画数"))
        assert [getattr(cell, "text", cell) for cell in planned[1:]] == ["1,500", "1,700", "1,600"]
        assert sheet.fields["reason"].text() == "customer wants more", "nothing typed is lost"
        screen.tap(conflict.mine_button)
        screen.until("mine on top of theirs", lambda: screen.sheets() == [])
        assert ask(url, "SELECT planned FROM genba.work_order WHERE number = 'WO-1185'") == [(1600,)]
    finally:
        ask(owner_url(url), "UPDATE genba.work_order SET planned = 1500, version = version + 1 WHERE number = 'WO-1185'")
