"""Facts: lines of label and value, one below the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from PySide6.QtWidgets import QGridLayout, QWidget

from hmi import theme
from hmi.bridge import Shown
from hmi.widgets.label import Label
from hmi.widgets.text import RIGHT

ONE_COLUMN: Final = 6
_MAY_BREAK: Final = "\u200b"
_LONG_WORD: Final = re.compile(r"\S{16,}")
_JOINT: Final = re.compile(r"(?<=[/;:=._\-@])(?=[^/;:=._\-@\s])")


class Facts(QWidget):
    """Lines of label and value; a changed value stands as old → new. Many lines stand in two columns: none is left out.

    Args:
        most: Lines that stand in one column.
    """

    def __init__(self, most: int = ONE_COLUMN) -> None:
        super().__init__()
        self._most = most
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.current().px(14))
        self._grid.setVerticalSpacing(theme.current().px(4))
        self._labels: list[tuple[Label, Label]] = []

    def show_lines(self, lines: Sequence[Shown]) -> None:
        """Show these."""
        if len(lines) != len(self._labels):
            self._make(len(lines))
        for (label, value), line in zip(self._labels, lines, strict=True):
            label.set_text(line.label)
            value.set_text(_breakable(f"{line.old} → {line.new}" if line.old else line.new))

    def _make(self, count: int) -> None:
        for pair in self._labels:
            for part in pair:
                self._grid.removeWidget(part)
                part.deleteLater()
        self._labels = []
        rows = count if count <= self._most else -(-count // 2)
        for index in range(count):
            label, value = Label("", "label", "text2", align=RIGHT), Label("", "strong", wrap=True)
            self._grid.addWidget(label, index % rows, index // rows * 2)
            self._grid.addWidget(value, index % rows, index // rows * 2 + 1)
            self._grid.setColumnStretch(index // rows * 2 + 1, 1)
            # A widget put into a layout that is seen comes with the next turn; whoever asks for the height asks now.
            label.show()
            value.show()
            self._labels.append((label, value))
        self._grid.activate()

    def text(self) -> str:
        """Everything it says, for tests."""
        return "\n".join(f"{label.text()}: {value.text().replace(_MAY_BREAK, '')}" for label, value in self._labels)


def _breakable(text: str) -> str:
    """An address is one word, however long: it may break behind each of its signs."""
    return _LONG_WORD.sub(lambda word: _JOINT.sub(_MAY_BREAK, word.group()), text)
