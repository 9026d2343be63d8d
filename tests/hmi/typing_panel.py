"""A panel in a process of its own on which somebody types, until the process is killed: ``python -m tests.hmi.typing_panel URL HOME``.

Says ``typed`` when the last key was pressed half a second ago; nothing is closed, saved or ended in order.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtWidgets import QApplication

from hmi.sheets.decide import DecideSheet
from hmi.sheets.order_form import OrderFormSheet
from hmi.sheets.report import ReportSheet
from tests.hmi.screen import Loop, Screen

PATIENCE_S = 60.0


def main(url: str, home: Path) -> None:
    """Type into three forms, one after another left behind by switching it off, the last one open."""
    screen = Screen(Loop(QApplication(sys.argv[:1])), url, home).started()
    screen.until("a site", lambda: bool(screen.station.site.lines), PATIENCE_S)
    screen.sign_in("ito")
    screen.choose("WO-1185")
    screen.press("orders.report")
    report = screen.sheet(ReportSheet)
    screen.until("defect codes", lambda: report.defects.known, PATIENCE_S)
    screen.type(report.good, "17")
    screen.type(report.scrap, "3")
    screen.tap(report.defects.buttons["Q02"])
    screen.turn(0.6)
    report.hide()
    screen.press("orders.more")
    screen.press("orders.hold")
    hold = screen.sheet(DecideSheet)
    assert hold.reason is not None
    hold.reason.set_text("刃が欠けた")  # as an input method commits it
    screen.turn(0.6)
    hold.hide()
    screen.window.content.button("orders.back").click()  # type: ignore[union-attr]
    screen.press("orders.create")
    form = screen.sheet(OrderFormSheet)
    screen.until("what can be chosen", lambda: form._choices is not None, PATIENCE_S)
    form.product.choose("A-1010")
    form.line.choose("L1")
    screen.type(form.number, "WO-HALF")
    screen.type(form.planned, "12")
    screen.turn(0.6)
    print("typed", flush=True)
    screen.turn(PATIENCE_S)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
