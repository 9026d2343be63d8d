"""Sheets of the tag browser: which registers to look at, and what becomes of the chosen rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError
from core.sitefile.proposing import rows
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels.equipment.chosen import Chosen
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable

translate = QCoreApplication.translate
_TABLES: Final = ("holding", "input", "coil", "discrete")
_STEP: Final = 100
_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Range:
    """Registers or bits of one Modbus unit.

    Attributes:
        unit: Unit id.
        table: holding, input, coil or discrete.
        first: Address, from 0.
        count: How many.
    """

    unit: int
    table: str
    first: int
    count: int

    @property
    def end(self) -> int:
        """First address after it."""
        return min(self.first + self.count, 0x10000)

    @property
    def address(self) -> str:
        """What is browsed."""
        return f"{self.unit}/{self.table}/{self.first}-{self.end - 1}"

    @property
    def title(self) -> str:
        """As it stands in the path."""
        return self.address

    def steps(self) -> Iterator[Range]:
        """The same in pieces that are read with one question each."""
        for first in range(self.first, self.end, _STEP):
            yield replace(self, first=first, count=min(_STEP, self.end - first))


def scan_form(ground: QWidget, bridge: Bridge, scan: Callable[[Range], None]) -> AskForm:
    """Which registers to look at; ``scan`` gets them."""

    def number(known: str, label: str, value: int, low: int, high: int) -> Asked:
        return Asked(known, label, "number", value=str(value), entry=NumberEntry("", low=Decimal(low), high=Decimal(high)))

    def form() -> Form:
        asked = (
            number("unit", translate("BrowserSheets", "Unit"), 1, 0, 255),
            number("first", translate("BrowserSheets", "From address"), 0, 0, 0xFFFF),
            number("count", translate("BrowserSheets", "How many"), 100, 1, _MOST),
            Asked("table", translate("BrowserSheets", "Table"), "one", tuple((table, table) for table in _TABLES), "holding"),
        )
        note = translate("BrowserSheets", "Every address is read once. Some old machines stumble over addresses they do not have.")
        return Form(translate("BrowserSheets", "Scan a range"), asked, note)

    async def take(given: Mapping[str, Any]) -> None:
        wanted.append(Range(int(given["unit"]), given["table"], int(given["first"]), int(given["count"])))

    wanted: list[Range] = []
    sheet = AskForm(ground, bridge, form, take, columns=3)
    sheet.done.connect(lambda: scan(wanted[-1]))
    return sheet


def search_form(ground: QWidget, bridge: Bridge, sought: str, look_for: Callable[[str], None]) -> AskForm:
    """Words that the name or address of an entry must have; ``look_for`` gets them, "" for none."""

    def form() -> Form:
        label = translate("BrowserSheets", "Parts of the name or address; nothing: show all")
        return Form(word("button.search", theme.language()), (Asked("words", label, "code", value=sought, required=False),))

    async def take(given: Mapping[str, Any]) -> None:
        wanted.append(str(given["words"]))

    wanted: list[str] = []
    sheet = AskForm(ground, bridge, form, take)
    sheet.done.connect(lambda: look_for(wanted[-1]))
    return sheet


class ExportRowsSheet(BottomSheet):
    """The chosen rows before they leave: into the clipboard, or into a file of this station.

    Args:
        parent: The content area.
        bridge: Writes the file.
        chosen: What was chosen; emptied when the file is written.

    Signals:
        done(str): Where the rows are, in words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, chosen: Chosen) -> None:
        super().__init__(parent)
        self._bridge, self._chosen = bridge, chosen
        self.setObjectName("sheet.export_rows")
        self._note = Label("", "body", "text2", wrap=True)
        self.table = PagedTable(row_u=56)
        self.table.setMinimumHeight(theme.current().px(290))
        self.leave_out = TouchButton("", kind="quiet")
        self.copy = TouchButton("")
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.leave_out)
        row.addWidget(self.copy)
        self.content.addWidget(self._note)
        self.content.addWidget(self.table, 1)
        self.content.addLayout(row)
        self.table.selected.connect(lambda key: self.leave_out.setEnabled(key is not None))
        self.leave_out.clicked.connect(self._leave_out)
        self.copy.clicked.connect(self._copy)
        self.on_confirm(self._write)
        self.finished.connect(self.deleteLater)
        self.say()

    def say(self) -> None:
        """Set every text in the current language."""
        self.set_title(self.tr("Rows for tags.csv"))
        self.set_confirm_text(self.tr("Write a file"))
        self.leave_out.setText(self.tr("Leave out"))
        self.copy.setText(self.tr("Copy"))
        note = self.tr("Check names, units and limits in a spreadsheet, then apply them with: genba site apply. Folder: {folder}")
        self._note.set_text(note.format(folder=self._bridge.station.settings.home / "export"))
        self.table.set_columns([Column(self.tr("Tag"), 2.2), Column(self.tr("Address"), 3), Column(self.tr("Type"), 1)])
        self.table.set_empty_text(self.tr("Nothing is chosen."), self.tr("Close this, and choose values in the list."))
        self._show()

    def _show(self) -> None:
        specs = list(self._chosen)
        shown = [(Cell(spec.name, strong=True, below=spec.source), spec.address, spec.type.value) for spec in specs]
        self.table.show_rows(shown, [spec.name for spec in specs])
        self.leave_out.setEnabled(self.table.selected_key is not None)
        self.copy.setEnabled(bool(specs))
        self.confirm_button.setEnabled(bool(specs))

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "copy"):
            self.say()

    def _leave_out(self) -> None:
        key = self.table.selected_key
        if isinstance(key, str):
            self._chosen.leave_out(key)
            self._show()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(rows(self._chosen))
        self.done.emit(self.tr("{n} rows are in the clipboard.").format(n=len(self._chosen)))

    def _write(self) -> None:
        self.set_pending(True)
        name = f"tags-{datetime.now(self._bridge.zone()):%Y%m%d-%H%M%S}.csv"
        self._bridge.start(self._run(name), on_error=self._failed)

    async def _run(self, name: str) -> None:
        count = len(self._chosen)
        path = await self._bridge.machines.keep_rows(name, rows(self._chosen))
        self._chosen.clear()
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit(self.tr("{n} rows are in {path}").format(n=count, path=path))

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
