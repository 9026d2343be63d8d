"""Bring in a table of orders, products or days of a calendar: choose the file, look at what it would do, take it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from core.errors import Conflict, GenbaError, Unavailable
from core.sitefile.import_entries import CellProblem, Kind, Numbered, field_words, parse
from core.sitefile.import_judge import Preview, shown_problem
from core.sitefile.importing import import_days, import_orders, import_products, packed, preview_import, template
from core.tabular import Cell as Read
from core.tabular.read import BYTES_MAX, read_table
from core.tabular.written import xlsx_bytes
from hmi import theme
from hmi.bridge import Bridge
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable
from hmi.widgets.tabs import SegmentedTabs

_KINDS: Final[tuple[Kind, ...]] = ("order", "product", "day")
_TAKE: Final = {"order": import_orders, "product": import_products, "day": import_days}


class ImportSheet(BottomSheet):
    """Nothing is written before the confirmation, and nothing at all while one cell is wrong.

    Signals:
        done(str): It was taken; words for a toast.
    """

    done = Signal(str)

    def __init__(self, ground: QWidget, bridge: Bridge, kind: Kind = "order") -> None:
        super().__init__(ground, max_width_u=1200)
        self._bridge = bridge
        self._kind = kind
        self._path: Path | None = None
        self._entries: tuple[Numbered, ...] = ()
        self._unread: tuple[CellProblem, ...] = ()
        self.preview: Preview | None = None
        self.setObjectName("sheet.import")
        self.kinds = SegmentedTabs()
        self.kinds.chosen.connect(self._choose_kind)
        self.choose = TouchButton("", icon="folder")
        self.choose.setObjectName("import.choose")
        self.template = TouchButton("", kind="quiet", icon="export")
        self.template.setObjectName("import.template")
        self.choose.clicked.connect(self._ask_file)
        self.template.clicked.connect(lambda: bridge.start(self._write_template(), on_error=self._failed))
        self._state = Label("", "strong", wrap=True)
        self.table = PagedTable(row_u=56)
        self.table.setMinimumHeight(theme.current().px(36) + 4 * self.table.row_height())
        row = QHBoxLayout()
        row.setSpacing(theme.current().gap)
        row.addWidget(self.kinds, 1)
        row.addWidget(self.template)
        row.addWidget(self.choose)
        self.content.addLayout(row)
        self.content.addWidget(self._state)
        self.content.addWidget(self.table, 1)
        self.on_confirm(self._take)
        self.finished.connect(self.deleteLater)
        self.say()

    def _choose_kind(self, kind: str) -> None:
        self._kind = next(known for known in _KINDS if known == kind)
        self._path, self.preview, self._unread = None, None, ()
        self.message.clear()
        self.say()

    # -- the file ------------------------------------------------------------------------------------------------

    def _ask_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose a table"), str(Path.home()), "CSV, XLSX (*.csv *.txt *.xlsx)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.read(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def read(self, path: Path) -> None:
        """Take ``path`` apart and ask what it would do."""
        self.message.clear()
        self._bridge.start(self._look(path), on_error=self._failed, reader=self)

    async def _look(self, path: Path) -> None:
        rows = await self._bridge.beside(lambda: _rows_of(path))
        self._path = path
        self._entries, self._unread = parse(self._kind, path.name, rows, self._bridge.zone())
        await self._ask()

    async def _ask(self) -> None:
        assert self._path is not None  # only asked about a file
        self.preview = None
        if not self._unread:
            document = packed(self._path.name, self._entries)
            self.preview = (await self._bridge.ask(preview_import, kind=self._kind, document=document)).value
        self.say()

    async def _write_template(self) -> None:
        title = self._kind_word(self._kind)
        empty = template(self._kind, title)
        content = await self._bridge.beside(lambda: xlsx_bytes(empty))
        path = await self._bridge.export_file(f"{self._kind}-template.xlsx", content)
        self._state.set_text(self.tr("An empty table is in {path}").format(path=path))
        self.refit()

    # -- words ---------------------------------------------------------------------------------------------------

    def _kinds(self) -> tuple[Kind, ...]:
        """What the person at the panel may bring in, and what the sheet was opened for."""
        return tuple(kind for kind in _KINDS if kind == self._kind or self._bridge.may(_TAKE[kind]))

    def _kind_word(self, kind: Kind) -> str:
        return {"order": self.tr("Work orders"), "product": self.tr("Products"), "day": self.tr("Calendar days")}[kind]

    def say(self) -> None:
        """Set every text in the current language; the file and what it would do stay."""
        self.set_title(self.tr("Import a table"))
        self.set_confirm_text(self.tr("Take it"))
        self.kinds.show_tabs([(kind, self._kind_word(kind)) for kind in self._kinds()], self._kind)
        self.choose.setText(self.tr("Choose a file …"))
        self.template.setText(self.tr("Empty table"))
        self._state.set_text(self._state_words())
        if self._broken:
            self._show_problems()
        else:
            self._show_rows()
        preview = self.preview
        self.confirm_button.setEnabled(preview is not None and not self._broken and bool(preview.count("new") + preview.count("changed")))
        self.refit()

    @property
    def _broken(self) -> bool:
        return bool(self._unread) or (self.preview is not None and bool(self.preview.problems))

    def _state_words(self) -> str:
        if self._path is None and self._kind == "day":
            return self.tr("Holidays and other days that are not as the calendar says; shifts and breaks stand in the site file.")
        if self._path is None:
            return self.tr("CSV or XLSX, the heading in the first row. Nothing is written before you confirm.")
        if self._broken:
            count = len(self._unread) or (0 if self.preview is None else len(self.preview.problems))
            return self.tr("{file}: {n} cells must be corrected first; nothing was written").format(file=self._path.name, n=count)
        if self.preview is None:
            return self._path.name
        told = self.tr("{file}: {new} new, {changed} changed, {same} as they are")
        new, changed, same = (self.preview.count("new"), self.preview.count("changed"), self.preview.count("same"))
        return told.format(file=self._path.name, new=new, changed=changed, same=same)

    def _show_problems(self) -> None:
        language = theme.language()
        problems = [shown_problem(one) for one in self._unread] or ([] if self.preview is None else list(self.preview.problems))
        titles = (self.tr("Cell"), self.tr("What is wrong"), self.tr("What to do"))
        self.table.set_columns([Column(title, share) for title, share in zip(titles, (0.7, 3.4, 3.2), strict=True)])
        self.table.show_rows([(Cell(one.cell, strong=True, glyph="exclamation"), one.what[language], one.do[language]) for one in problems])

    def _show_rows(self) -> None:
        language = theme.language()
        titles = (self.tr("Row"), self.tr("Number, code or day"), self.tr("What happens"), self.tr("What changes"))
        self.table.set_columns([Column(title, share) for title, share in zip(titles, (0.6, 2.0, 1.4, 3.2), strict=True)])
        self.table.set_empty_text(self.tr("No file is chosen."), self.tr("What it would do is shown here first."))
        words = {"new": self.tr("new"), "changed": self.tr("changed"), "same": self.tr("as it is")}
        rows = () if self.preview is None else self.preview.rows
        self.table.show_rows(
            [
                (
                    str(row.row),
                    Cell(row.key, strong=row.action != "same"),
                    words[row.action],
                    ", ".join(field_words(self._kind, field)[language] for field in row.fields),
                )
                for row in rows
            ]
        )

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "table"):
            self.say()

    # -- taking --------------------------------------------------------------------------------------------------

    def _take(self) -> None:
        if self.preview is not None and self._path is not None:
            self.set_pending(True)
            self._bridge.start(self._run(self._path, self.preview), on_error=self._failed)

    async def _run(self, path: Path, preview: Preview) -> None:
        document = packed(path.name, self._entries)
        done = (await self._bridge.do(_TAKE[self._kind], document=document, seen=preview.sha256)).view
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit(self.tr("{new} new, {changed} changed").format(new=done.new, changed=done.changed))

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
        if isinstance(error, Conflict):
            self._bridge.start(self._ask(), on_error=self._failed, reader=self)


def _rows_of(path: Path) -> tuple[tuple[Read, ...], ...]:
    """The cells of a file; no more of it is read than may be. Raises Unavailable ``tabular.not_readable`` or Invalid."""
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Unavailable("tabular.not_readable", file=path.name, problem=error.strerror or type(error).__name__) from error
    return read_table(path.name, data)
