"""Choose one tag from a long list: by line, by words, by page."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.live.tags import TagSpec
from core.words import name
from hmi import theme
from hmi.widgets.fields import FieldBox
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable


class TagPickSheet(BottomSheet):
    """A searchable list of tags; the second touch on a row, or the button, takes it.

    Args:
        parent: The content area.
        specs: What can be chosen, in their order.

    Signals:
        picked(str): Tag name.
    """

    picked = Signal(str)

    def __init__(self, parent: QWidget, specs: Sequence[TagSpec]) -> None:
        super().__init__(parent)
        self._specs = tuple(specs)
        self.setObjectName("sheet.tag_pick")
        self.search = FieldBox("", kind="code")
        self.table = PagedTable(row_u=56)
        self.table.setMinimumHeight(theme.current().px(330))
        self.content.addWidget(self.search)
        self.content.addWidget(self.table, 1)
        self.search.changed.connect(lambda _: self._show())
        self.table.opened.connect(self._take)
        self.table.selected.connect(lambda key: self.confirm_button.setEnabled(key is not None))
        self.keep_open = True
        self.confirmed.connect(lambda: self._take(self.table.selected_key))
        self.finished.connect(self.deleteLater)
        self.confirm_button.setEnabled(False)
        self.say()

    def first_focus(self) -> QWidget:
        """The search, for a hardware keyboard; a finger goes straight to the list."""
        return self.search.edit

    def say(self) -> None:
        """Set every text in the current language; the search stays."""
        self.set_title(self.tr("Add a pen"))
        self.set_confirm_text(self.tr("Add"))
        self.search.set_label(self.tr("Search by line, name or unit"))
        self.table.set_columns(
            [Column(self.tr("Place"), 1), Column(self.tr("Name"), 3), Column(self.tr("Unit"), 1), Column(self.tr("Tag"), 3)]
        )
        self.table.set_empty_text(self.tr("No tag matches."), self.tr("Shorten the search."))
        self._show()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "table"):
            self.say()

    def _show(self) -> None:
        language = theme.language()
        words = self.search.text().casefold().split()
        shown = [spec for spec in self._specs if all(wanted in _haystack(spec) for wanted in words)]
        rows = [(spec.work_unit, name(spec.label, language) or spec.name, spec.unit, Cell(spec.name, tone="text2")) for spec in shown]
        self.table.show_rows(rows, [spec.name for spec in shown])

    def _take(self, tag: object) -> None:
        if isinstance(tag, str):
            self.picked.emit(tag)
            self.close_with("confirmed")


def _haystack(spec: TagSpec) -> str:
    return " ".join((spec.name, spec.work_unit, spec.unit, *spec.label.values())).casefold()
