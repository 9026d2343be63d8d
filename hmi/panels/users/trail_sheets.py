"""Sheets of the trail: everything one decision changed, and a signed copy of what is in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from core.users.audit_views import AuditEntry
from core.words import word
from hmi import theme
from hmi.panels.users import trail_words as words
from hmi.sheets.ask_form import AskForm, Form
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable

if TYPE_CHECKING:
    from hmi.panels.users.trail import TrailPage

translate = QCoreApplication.translate


class ChangesSheet(BottomSheet):
    """Every column before and after, with signature and place in the chain; to be read only.

    Args:
        parent: The content area.
        entry: The row.
        told: Its words; those about columns are shown as a table instead.
    """

    def __init__(self, parent: QWidget, entry: AuditEntry, told: Sequence[str]) -> None:
        super().__init__(parent, f"{words.what(entry)}  {entry.object}".strip(), confirm=word("button.close", theme.language()))
        self.setObjectName("sheet.changes")
        columns = set(words.change_lines(entry))
        head = [line for line in (entry.reason, *told) if line and line not in columns]
        self.content.addWidget(Label("\n".join(head), "body", "text2", wrap=True))
        self.table = PagedTable(row_u=56)
        titles = (self.tr("Thing"), self.tr("What"), self.tr("Before"), self.tr("Afterwards"))
        self.table.set_columns([Column(title, share) for title, share in zip(titles, (1.6, 1.6, 2.4, 2.4), strict=True)])
        self.table.set_empty_text(self.tr("No row was changed."), words.outcome(entry))
        self.table.setMinimumHeight(theme.current().px(290))
        self.table.show_rows(
            [
                (
                    Cell(words.table(row.table), below=row.key),
                    words.column(each),
                    words.value(row.table, each, each.before),
                    words.value(row.table, each, each.after),
                )
                for row in entry.changes
                for each in row.columns
            ]
        )
        self.content.addWidget(self.table, 1)
        self.cancel_button.hide()
        self.finished.connect(self.deleteLater)


def export_form(page: TrailPage) -> AskForm:
    """Confirm what is copied and where it goes; the toast tells under which key it is signed."""
    folder = page.bridge.station.settings.home / "export"
    name = f"audit-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv"
    asked, told = page.filter(), list[str]()

    def form() -> Form:
        note = translate(
            "TrailSheets",
            "What is in sight now, {count}, is written to {folder}, with a manifest, this station's signature and its public key. "
            "The trail notes that a copy was taken.",
        )
        return Form(translate("TrailSheets", "Export a signed copy"), note=note.format(count=page.count.text(), folder=folder))

    async def decide(_: Mapping[str, Any]) -> None:
        done = await page.bridge.export_trail(folder / name, **asked)
        told[:] = [translate("TrailSheets", "{n} entries in {file}, key {key}").format(n=done.rows, file=name, key=done.fingerprint)]

    sheet = AskForm(page.ground, page.bridge, form, decide)
    sheet.done.connect(lambda: page.said(" ".join(told)))
    return sheet
