"""The andon board of an area: a page of lines after the other, in both languages by turns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.equipment.states import MachineState
from core.production.views import LineView
from hmi import theme
from hmi.theme import Language
from hmi.widgets.andon_row import AndonCall, AndonFace, AndonRow, kanji_px, row_height
from hmi.widgets.label import Label
from hmi.widgets.pager import Pager
from hmi.widgets.text import CENTER

PAGE_S: Final = 10.0
"""A page stays at least this long, and so does a language."""


def face_of(line: LineView, now: float) -> AndonFace:
    """What the board says of ``line`` at ``now`` (UNIX seconds UTC)."""
    # Without communication nobody knows how long anything lasts, nor what is made.
    known = line.state is not MachineState.OFFLINE
    order = line.order
    since = line.state_since.timestamp() if line.state_since is not None else None
    return AndonFace(
        line.code,
        line.name,
        line.state.value,
        max(0.0, now - since) if since is not None and known and line.state is not MachineState.RUNNING else None,
        order.machine_good if order is not None and known else None,
        line.target_now if order is not None and known else None,
        tuple(
            AndonCall(call.kind, max(0.0, now - call.opened_at.timestamp()), call.level, call.responded_at is not None)
            for call in line.calls
        ),
    )


class AndonBoard(QWidget):
    """Feed it with ``show_lines``; ``tick`` turns pages and languages."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: tuple[LineView, ...] = ()
        self._rows: list[AndonRow] = []
        self._turned_at = time.monotonic()
        self._other = False
        self.empty = Label("", "heading", "text2", align=CENTER, wrap=True)
        self.pager = Pager(kind="quiet")
        self.pager.turned.connect(lambda _: self._by_hand())
        self._column = QVBoxLayout()
        column = QVBoxLayout(self)
        margin = theme.current().px(6)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(margin)
        self._column.setSpacing(margin)
        column.addWidget(self.empty, 1)
        column.addLayout(self._column, 1)
        column.addWidget(self.pager)
        self._alone = False

    @property
    def rows(self) -> list[AndonRow]:
        """The rows of the page in front."""
        return self._rows

    @property
    def language(self) -> Language:
        """What the words speak now."""
        mine = theme.language()
        return mine if not self._other else "en" if mine == "ja" else "ja"

    def show_alone(self, alone: bool) -> None:
        """True: nothing else is on the screen, pages turn by themselves and have no buttons."""
        self._alone, self._other, self._turned_at = alone, False, time.monotonic()
        self._show()

    def show_lines(self, lines: Sequence[LineView], why_empty: str = "") -> None:
        """Show these lines in this order."""
        self._lines = tuple(lines)
        self.empty.set_text(why_empty)
        self._show()

    def tick(self) -> None:
        """A second has passed: another page or language when it is time. Words change above the hall, not on a panel in use."""
        if self._alone and time.monotonic() - self._turned_at >= PAGE_S:
            self._turned_at = time.monotonic()
            self._other = not self._other
            if not self._other and self.pager.pages > 1:
                self._turn()
        self._show()

    def _turn(self) -> None:
        """On to the next page; a call holds the page that shows it."""
        per_page = self._per_page()
        calling = next((place for place, line in enumerate(self._lines) if line.calls), None)
        self.pager.page = (self.pager.page + 1) % self.pager.pages if calling is None else calling // per_page

    def _by_hand(self) -> None:
        self._turned_at = time.monotonic()
        self._show()

    def _per_page(self) -> int:
        return max(1, self.height() // row_height(self.height()))

    def _show(self) -> None:
        shown = self.pager.show_pages(len(self._lines), self._per_page())
        if self._alone:
            self.pager.hide()
        self.empty.setVisible(not self._lines)
        while len(self._rows) > len(shown):
            row = self._rows.pop()
            self._column.removeWidget(row)
            row.deleteLater()
        while len(self._rows) < len(shown):
            row = AndonRow()
            self._rows.append(row)
            self._column.addWidget(row)
        now, size = time.time(), kanji_px(self.height())
        for row, place in zip(self._rows, shown, strict=True):
            row.setObjectName(f"andon.{self._lines[place].code}")
            row.show_line(face_of(self._lines[place], now), self.language, size)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A larger board shows more lines, not larger gaps."""
        super().resizeEvent(event)
        self._show()
