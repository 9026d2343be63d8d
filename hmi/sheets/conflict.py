"""Somebody else was faster: what he made of it and what I wanted, side by side, and my choice between the two."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.words import word
from hmi import theme
from hmi.bridge import Shown
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable

_ROWS_MAX = 6


class ConflictSheet(BottomSheet):
    """Never a silent overwrite: both versions, line by line; the right button leaves theirs, the other puts mine on top of it.

    Args:
        ground: The content area.
        about: What it is about, as its title says it.
        mine: Each line as I saw it (``old``) and as I wanted it (``new``).
        theirs: The same lines as they are now (``new``).
        again: Decides mine again, on what is so now; None when that makes no sense any more.

    Signals:
        left(): Theirs stays.
    """

    left = Signal()

    def __init__(
        self, ground: QWidget, about: str, mine: Sequence[Shown], theirs: Sequence[Shown], again: Callable[[], None] | None
    ) -> None:
        super().__init__(ground)
        self.setObjectName("sheet.conflict")
        self._about, self._mine, self._theirs = about, tuple(mine), tuple(theirs)
        self._what = Label("", "body", "text2", wrap=True)
        self.table = PagedTable(row_u=56)
        self.table.setMinimumHeight(theme.current().px(36) + self.table.row_height() * min(len(self._lines()), _ROWS_MAX))
        self.mine_button = TouchButton("", kind="danger", large=True)
        self.mine_button.setObjectName("conflict.mine")
        self.content.addWidget(self._what)
        self.content.addWidget(self.table, 1)
        self.cancel_button.hide()
        self.foot.insertWidget(0, self.mine_button)
        self.mine_button.setVisible(again is not None)
        if again is not None:
            self.mine_button.clicked.connect(lambda: self._again(again))
        self.confirmed.connect(self.left)
        self.finished.connect(self.deleteLater)
        self.say()

    def _again(self, again: Callable[[], None]) -> None:
        self.close_with("confirmed")
        again()

    def _lines(self) -> list[str]:
        """Labels of the lines, mine first, then what only they have changed."""
        return list(dict.fromkeys([line.label for line in (*self._mine, *self._theirs)]))

    def say(self) -> None:
        """Set every text in the current language; the lines stay as they were given."""
        self.set_title(self.tr("Changed by somebody else  {about}").format(about=self._about))
        self._what.set_text(self.tr("Nothing of yours was saved. Leave theirs, or put yours on top of it."))
        self.set_confirm_text(self.tr("Leave theirs"))
        self.mine_button.setText(self.tr("Apply mine on it"))
        titles = (self.tr("What"), self.tr("As I saw it"), self.tr("Theirs, now"), self.tr("Mine"))
        self.table.set_columns([Column(title, share) for title, share in zip(titles, (1.4, 1.6, 1.8, 1.8), strict=True)])
        mine, theirs = ({line.label: line for line in lines} for lines in (self._mine, self._theirs))
        rows = []
        for label in self._lines():
            wanted, now = mine.get(label), theirs.get(label)
            seen = wanted.old if wanted is not None else now.old if now is not None else ""
            is_now = now.new if now is not None else seen
            asked = wanted.new if wanted is not None else ""
            changed = is_now != seen
            rows.append(
                (label, seen, Cell(is_now, strong=changed, glyph="exclamation" if changed else ""), Cell(asked, strong=bool(asked)))
            )
        self.table.show_rows(rows)
        self.cancel_button.setText(word("button.cancel", theme.language()))

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "table"):
            self.say()
