"""Taking away what is in sight: every table of every panel as CSV, workbook, picture and pages."""

import io
from pathlib import Path

import openpyxl
import pytest
from PySide6.QtGui import QImage

from core.errors import Unavailable
from core.tabular.read import read_table
from hmi.sheets.ask_form import AskForm
from hmi.widgets import printing
from tests.hmi.screen import Screen


def take_away(screen: Screen, kind: str, what: str = "0") -> Path:
    """Press the sign beside the age, choose, confirm; gives the file."""
    folder = screen.settings.home / "export"
    before = set(folder.glob("*"))
    screen.tap(screen.window.content.export)
    sheet = screen.sheet(AskForm)
    screen.tap(sheet.options["kind"].buttons[kind])
    screen.tap(sheet.options["what"].buttons[what])
    screen.tap(sheet.confirm_button)
    screen.until("the file", lambda: not screen.sheets() and set(folder.glob("*")) - before)
    (path,) = set(folder.glob("*")) - before
    return path


def test_a_guest_is_asked_who_he_is(screen: Screen) -> None:
    screen.window.open_panel("orders")
    screen.tap(screen.window.content.export)
    assert screen.sheets() == ["sheet.sign_in"]


def test_the_orders_in_every_form(screen: Screen) -> None:
    screen.sign_in("tanaka")
    screen.choose("WO-1185")
    shown = screen.orders.table.table.exported()
    numbers = [str(row[0]) for row in shown.rows]
    csv = take_away(screen, "csv")
    assert csv.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read_table(csv.name, csv.read_bytes())
    assert [cell.text for cell in rows[0]] == [column.title for column in shown.columns]
    assert [row[0].text for row in rows[1:]] == numbers
    xlsx = take_away(screen, "xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx.read_bytes())).worksheets[0]
    assert [sheet.cell(row + 2, 1).value for row in range(len(numbers))] == numbers
    png = take_away(screen, "png")
    picture = QImage.fromData(png.read_bytes())
    assert picture.width() >= screen.orders.table.table.width()
    pdf = take_away(screen, "pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert b"BIZUDPGothic" in pdf, "the font is inside, so that it reads the same everywhere"


def test_a_file_holds_every_order_and_not_those_that_are_loaded(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hmi.panels.orders._EVERY", 2)
    screen.sign_in("tanaka")
    screen.choose("WO-1185")
    everyone = [str(row[0]) for row in screen.orders.table.table.exported().rows]
    assert len(everyone) > 4
    screen.orders.table.show_orders(screen.orders._orders[:3], frozenset())  # as if there were more than are loaded at once
    csv = take_away(screen, "csv")
    assert [row[0].text for row in read_table(csv.name, csv.read_bytes())[1:]] == everyone


def test_the_values_of_a_trend(screen: Screen) -> None:
    screen.sign_in("tanaka")
    screen.window.open_panel("trends")
    screen.until("something is drawn", lambda: screen.window.panel.plot.exported().rows)  # type: ignore[attr-defined]
    csv = take_away(screen, "csv")
    rows = read_table(csv.name, csv.read_bytes())
    pens = screen.window.panel.plot.pens  # type: ignore[attr-defined]
    assert len(rows[0]) == 1 + 2 * len(pens)
    assert all(pen.label in " ".join(cell.text for cell in rows[0]) for pen in pens)
    low, high = (float(cell.text) for cell in rows[-2][1:3])
    assert low <= high


def test_a_name_that_is_taken_gets_a_number(screen: Screen) -> None:
    first, second = (screen.run(screen.window.bridge.export_file("a.csv", content)) for content in (b"1", b"2"))
    assert (first.name, second.name) == ("a.csv", "a-2.csv")
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")


def test_a_folder_that_cannot_be_written_is_said_in_three_lines(screen: Screen) -> None:
    (screen.settings.home / "blocked").write_text("a file, no folder")
    with pytest.raises(Unavailable) as refusal:
        screen.run(screen.station.exports.file(screen.settings.home / "blocked" / "a.csv", b"1"))
    assert refusal.value.code == "tabular.not_written"
    assert all(len(line) > 3 for language in ("ja", "en") for line in refusal.value.lines(language))  # type: ignore[arg-type]


def test_every_panel_has_something_to_take_away_or_says_so(screen: Screen) -> None:
    screen.sign_in("ito")
    for panel in screen.window.rail.panel_ids:
        screen.window.open_panel(panel)
        screen.settle()
        screen.tap(screen.window.content.export)
        if screen.sheets():
            assert screen.sheets() == ["sheet.export"]
            screen.tap(screen.sheet(AskForm).cancel_button)
        else:
            assert screen.window.content.message.isVisible()
            screen.window.content.message.clear()


def test_a_long_table_goes_over_pages_and_every_page_has_its_heading(qapp: object) -> None:
    from core.tabular import Column, Table

    table = Table("x", (Column("番号"), Column("数", "number")), [[f"WO-{row}", row] for row in range(120)])
    pdf = printing.pdf("一覧", [printing.Section("表", ("注記",), table)], "P1")
    assert pdf.count(b"/Type /Page\n") == 3
