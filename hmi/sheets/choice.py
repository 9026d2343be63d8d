"""ChoiceField: choose one of many by touch; a form field that opens a searchable list."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from core.errors import Lines
from hmi import theme
from hmi.widgets.button import TouchButton
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Column, PagedTable
from hmi.widgets.three_lines import ThreeLines


class ChoiceField(QWidget):
    """Label, a wide button with what is chosen, and a message when nothing is.

    Args:
        ground: The content area the list lies over.

    Signals:
        changed(str): Key of the new choice.
    """

    changed = Signal(str)

    def __init__(self, ground: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ground = ground
        self._choices: tuple[tuple[str, str], ...] = ()
        self.chosen = ""
        self._label = Label("", "label", "text2")
        self.button = TouchButton("—", role="body")
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.message = ThreeLines(closable=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.current().px(4))
        for part in (self._label, self.button, self.message):
            column.addWidget(part)
        column.addStretch(1)
        self.button.clicked.connect(self.open_list)

    def set_label(self, label: str) -> None:
        """Another label, after a change of language."""
        self._label.set_text(label)

    def show_choices(self, choices: Sequence[tuple[str, str]]) -> None:
        """(key, text) pairs; a choice made before stays when it is still among them. A single one is taken at once."""
        self._choices = tuple(choices)
        if self.chosen not in dict(self._choices):
            self.chosen = self._choices[0][0] if len(self._choices) == 1 else ""
        self._say()

    def choose(self, key: str) -> None:
        """Take ``key``; one that is not offered is ignored."""
        if key in dict(self._choices):
            self.chosen = key
            self.message.clear()
            self._say()
            self.changed.emit(key)

    def check(self) -> bool:
        """True when something is chosen; says under the field when not."""
        if self.chosen:
            return True
        self.message.show_lines(
            Lines(self.tr("Nothing is chosen yet."), self.tr("Touch the field and choose."), self.tr("What you entered is kept.")),
            "warning",
        )
        return False

    def open_list(self) -> None:
        """Show the list over the content area."""
        sheet = ChoiceSheet(self._ground, self._label.text(), self._choices)
        sheet.picked.connect(self.choose)
        sheet.open()

    def _say(self) -> None:
        self.button.setText(dict(self._choices).get(self.chosen, "—"))


class ChoiceSheet(BottomSheet):
    """A searchable list; the second touch on a row, or the button, takes it.

    Signals:
        picked(str): Key.
    """

    picked = Signal(str)

    def __init__(self, parent: QWidget, title: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__(parent, title)
        self._choices = tuple(choices)
        self.setObjectName("sheet.choice")
        self.search = FieldBox(self.tr("Search"), kind="text")
        self.table = PagedTable(row_u=56)
        self.table.set_columns([Column(title, 1)])
        self.table.set_empty_text(self.tr("Nothing matches."), self.tr("Shorten the search."))
        self.table.setMinimumHeight(theme.current().px(330))
        self.content.addWidget(self.search)
        self.content.addWidget(self.table, 1)
        self.search.changed.connect(lambda _: self._show())
        self.table.selected.connect(lambda key: self.confirm_button.setEnabled(key is not None))
        self.table.opened.connect(self._take)
        self.keep_open = True
        self.confirmed.connect(lambda: self._take(self.table.selected_key))
        self.finished.connect(self.deleteLater)
        self.confirm_button.setEnabled(False)
        self._show()

    def first_focus(self) -> QWidget:
        """The search, for a hardware keyboard."""
        return self.search.edit

    def _show(self) -> None:
        words = self.search.text().casefold().split()
        shown = [(key, text) for key, text in self._choices if all(part in text.casefold() for part in words)]
        self.table.show_rows([(text,) for _, text in shown], [key for key, _ in shown])

    def _take(self, key: object) -> None:
        if isinstance(key, str):
            self.picked.emit(key)
            self.close_with("confirmed")
