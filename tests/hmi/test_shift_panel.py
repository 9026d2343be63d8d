"""The shift at the panel: handed over by one, taken by another, taken away as pages; what is not as the calendar says."""

from __future__ import annotations

from pathlib import Path

from hmi.panels.shift import ShiftPanel
from hmi.panels.shift.board import BoardPage
from hmi.panels.shift.calendar import CalendarPage
from hmi.panels.shift.handover import HandoverPage
from hmi.panels.shift.performance import PerformancePage
from hmi.sheets.ask_form import AskForm
from hmi.sheets.choice import ChoiceSheet
from hmi.sheets.decision import SignatureSheet
from hmi.sheets.importing import ImportSheet
from tests.hmi.screen import PINS, Screen, ask


def panel(screen: Screen, tab: str) -> ShiftPanel:
    screen.window.open_panel("shift")
    shown = screen.window.panel
    assert isinstance(shown, ShiftPanel)
    shown.show_tab(tab)
    screen.settle()
    return shown


def sign(screen: Screen, user: str) -> None:
    screen.until("the signature", lambda: "sheet.signature" in screen.sheets())
    sheet = screen.sheet(SignatureSheet)
    screen.type(sheet.code, user)
    screen.type(sheet.secret, PINS[user])
    screen.tap(sheet.confirm_button)


def test_a_shift_is_given_by_one_taken_by_another_and_printed(screen: Screen) -> None:
    screen.sign_in("tanaka")
    page = panel(screen, "handover").page
    assert isinstance(page, HandoverPage)
    screen.until("the shift that ended last", lambda: page.view is not None)
    screen.press("handover.note")
    form = screen.sheet(AskForm)
    screen.type(form.fields["text"], "die A was changed")
    screen.tap(form.confirm_button)
    screen.until("the note is kept", lambda: screen.sheets() == [])
    screen.settle()
    screen.press("handover.give")
    screen.tap(screen.sheet(AskForm).confirm_button)
    sign(screen, "tanaka")
    screen.until("it is given", lambda: page.view is not None and page.view.given_by == "tanaka")
    assert page.view is not None
    assert page.view.sha256
    screen.sign_in("ito")
    screen.settle()
    screen.press("handover.take")
    screen.tap(screen.sheet(AskForm).confirm_button)
    sign(screen, "ito")
    screen.until("it is taken", lambda: page.view is not None and page.view.taken_by == "ito")
    rows = ask(screen.settings.database_url or "", "SELECT given_by, taken_by, sha256 FROM genba.handover")
    assert rows == [("tanaka", "ito", page.view.sha256)]
    screen.press("handover.pdf")
    folder = screen.settings.home / "export"
    screen.until("the pages", lambda: list(folder.glob("handover-*.pdf")))
    (path,) = folder.glob("handover-*.pdf")
    assert path.read_bytes().startswith(b"%PDF-")


def test_the_arrows_go_to_real_shifts_and_back(screen: Screen) -> None:
    screen.sign_in("ito")
    page = panel(screen, "handover").page
    assert isinstance(page, HandoverPage)
    screen.until("a shift", lambda: page.view is not None)
    assert page.view is not None
    first = page.view.snapshot.shift
    screen.tap(page.before)
    screen.until("the one before", lambda: page.view is not None and page.view.snapshot.shift.to_at <= first.from_at)
    screen.tap(page.after)
    screen.until("back again", lambda: page.view is not None and page.view.snapshot.shift == first)


def test_performance_of_a_range_and_of_one_line(screen: Screen) -> None:
    screen.sign_in("ito")
    page = panel(screen, "performance").page
    assert isinstance(page, PerformancePage)
    screen.until("figures", lambda: page._losses is not None)
    whole = page.waterfall.exported().rows[0][1]
    screen.press("performance.line")
    screen.sheet(ChoiceSheet).picked.emit("L2")
    screen.settle()
    screen.until("one line", lambda: page.waterfall.exported().rows[0][1] < whole)


def test_days_of_a_calendar_are_brought_in_as_a_table(screen: Screen, tmp_path: Path) -> None:
    screen.sign_in("ito")
    page = panel(screen, "calendar").page
    assert isinstance(page, CalendarPage)
    screen.until("the calendar", lambda: page._known)
    code = page._view.calendars[0].code
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text(f"生産日,種類,カレンダー\n2027-05-03,休日,{code}\n2027-05-04,宴会,{code}\n", encoding="cp932")
    good.write_text(f"生産日,種類,カレンダー,備考\n2027-05-03,休日,{code},憲法記念日\n", encoding="utf-8-sig")
    screen.press("calendar.import")
    sheet = screen.sheet(ImportSheet)
    sheet.read(bad)
    screen.until("the problem", lambda: any("B3" in str(row[0]) for row in sheet.table._rows))
    assert not sheet.confirm_button.isEnabled()
    sheet.read(good)
    screen.until("the preview", lambda: sheet.preview is not None and sheet.preview.count("new") == 1)
    screen.tap(sheet.confirm_button)
    screen.until("it was taken", lambda: screen.sheets() == [])
    screen.until("it is listed", lambda: any(one.note == "憲法記念日" for _, one in page.exceptions.values()))
    page.table.select(next(iter(page.exceptions)))
    screen.press("calendar.withdraw")
    screen.tap(next(each for each in screen.window.findChildren(AskForm) if each.isVisible()).confirm_button)
    screen.until("it is withdrawn", lambda: not page.exceptions)


def test_a_holiday_is_entered_and_withdrawn(screen: Screen) -> None:
    screen.sign_in("ito")
    page = panel(screen, "calendar").page
    assert isinstance(page, CalendarPage)
    screen.until("the calendar", lambda: page._known)
    screen.press("calendar.except")
    screen.sheet(ChoiceSheet).picked.emit("holiday")
    form = next(sheet for sheet in screen.window.findChildren(AskForm) if sheet.isVisible())
    for name, text in (("day", "not a day"), ("note", "founding day")):
        screen.type(form.fields[name], text)
    screen.tap(form.confirm_button)
    screen.until("three lines", lambda: not form.message.isHidden())
    assert form.fields["note"].text() == "founding day"
    form.fields["day"].set_text("2026-12-24")
    screen.tap(form.confirm_button)
    screen.until("it is entered", lambda: len(page.exceptions) == 1)
    screen.settle()
    page.table.select(next(iter(page.exceptions)))
    screen.press("calendar.withdraw")
    screen.tap(next(sheet for sheet in screen.window.findChildren(AskForm) if sheet.isVisible()).confirm_button)
    screen.until("it is withdrawn", lambda: not page.exceptions)


def test_the_board_shows_every_line_and_goes_there(screen: Screen) -> None:
    screen.sign_in("ito")
    page = panel(screen, "board").page
    assert isinstance(page, BoardPage)
    screen.until("the lines", lambda: page.view is not None and len(page.view.rows) >= 6)
    assert page.view is not None
    assert len(page.table.exported().rows) == len(page.view.rows) + 1, "and the sum of them"
    page.table.select("L2")
    screen.settle()
    screen.press("board.line")
    assert screen.window.panel_id == "lines"
