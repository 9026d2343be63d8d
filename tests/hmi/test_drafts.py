"""What was half typed when the program was killed is back in the same form, for the same person, and goes when it is sent or left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hmi.sheets.change_pin import ChangePinSheet
from hmi.sheets.decide import DecideSheet
from hmi.sheets.order_form import OrderFormSheet
from hmi.sheets.report import ReportSheet
from tests.hmi.screen import Loop, Plant, Screen, said
from tests.screens import lint

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


def killed_while_typing(url: str, home: Path) -> None:
    words = [sys.executable, "-m", "tests.hmi.typing_panel", url, str(home)]
    panel = subprocess.Popen(words, cwd=ROOT, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, stdout=subprocess.PIPE, text=True)
    assert panel.stdout is not None
    try:
        for line in panel.stdout:
            if line.strip() == "typed":
                break
        else:
            pytest.fail("the panel ended before anything was typed")
    finally:
        panel.send_signal(signal.SIGKILL)
        panel.wait(PATIENCE_S)
        panel.stdout.close()


def test_a_panel_killed_while_somebody_types(loop: Loop, database_url: str, plant: Plant, tmp_path: Path) -> None:
    first = Screen(loop, database_url, tmp_path, plant).live()
    first.close()
    killed_while_typing(database_url, tmp_path)
    screen = Screen(loop, database_url, tmp_path).live()
    try:
        # somebody else sees nothing of it
        screen.sign_in("yamamoto")
        screen.choose("WO-1185")
        screen.press("orders.report")
        assert screen.sheet(ReportSheet).good.text() != "17"
        screen.sheet(ReportSheet).cancel()
        screen.run(screen.bridge.sign_out())
        screen.settle()

        screen.sign_in("ito")
        screen.until("told", lambda: "Unfinished" in said(screen.window.content.toasts), PATIENCE_S)
        screen.choose("WO-1185")
        screen.press("orders.report")
        report = screen.sheet(ReportSheet)
        screen.until("the codes", lambda: report.defects.known, PATIENCE_S)
        assert (report.good.text(), report.scrap.text(), report.defects.code) == ("17", "3", "Q02")
        assert "Restored" in report._draft.line.text()
        for language in ("ja", "en"):
            screen.dress(language=language)  # type: ignore[arg-type]
            assert lint.overflowing(screen.window) + lint.too_small(screen.window) + lint.squeezed(screen.window) == []
        confirmed: list[bool] = []
        report.confirmed.connect(lambda: confirmed.extend(one.sent for one in screen.station.drafts.of("ito") if "good" in one.fields))
        if report.why.isVisible():
            screen.type(report.why, "counted by hand")
        screen.tap(report.confirm_button)
        assert confirmed == [True], "killed from now on, it says that it had been confirmed"
        screen.until("booked", lambda: screen.sheets() == [], PATIENCE_S)
        screen.settle()

        screen.press("orders.more")
        screen.press("orders.hold")
        hold = screen.sheet(DecideSheet)
        assert hold.reason is not None
        assert hold.reason.text() == "刃が欠けた"
        hold.close_with("timed_out")  # nobody confirmed it: what was typed is not lost by that either
        screen.press("orders.hold")
        hold = screen.sheet(DecideSheet)
        assert hold.reason is not None
        assert hold.reason.text() == "刃が欠けた"
        hold.cancel()
        screen.press("orders.back")

        screen.press("orders.create")
        form = screen.sheet(OrderFormSheet)
        screen.until("what can be chosen", lambda: form._choices is not None, PATIENCE_S)
        screen.settle()
        shown = (form.number.text(), form.product.chosen, form.line.chosen, form.planned.text())
        assert shown == ("WO-HALF", "A-1010", "L1", "12")
        form.cancel()
        screen.settle()

        # sent or left: nothing comes back
        assert screen.station.drafts.of("ito") == ()
        screen.press("orders.create")
        form = screen.sheet(OrderFormSheet)
        screen.until("what can be chosen", lambda: form._choices is not None, PATIENCE_S)
        assert form.number.text() != "WO-HALF"
        assert form._draft.line.isHidden()
        form.cancel()
    finally:
        screen.close()


def test_no_secret_is_kept(screen: Screen) -> None:
    screen.sign_in("tanaka")
    screen.window.people.change_pin()
    sheet = screen.sheet(ChangePinSheet)
    for field in (sheet.current, sheet.new, sheet.again):
        screen.type(field, "918273645")
    screen.turn(1.0)
    sheet.cancel()
    screen.settle()
    assert screen.station.drafts.of("tanaka") == ()
    home = screen.station.settings.home
    assert [path for path in home.rglob("drafts*") if b"918273645" in path.read_bytes()] == []
