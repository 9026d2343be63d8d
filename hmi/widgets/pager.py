"""Pager: back, on, and which page of how many; hidden while there is only one."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from hmi import theme
from hmi.widgets.button import Kind, TouchButton
from hmi.widgets.label import Label
from hmi.widgets.text import CENTER


class Pager(QWidget):
    """Two buttons with "2 / 3" between them. ``show_pages`` says what stands on the page in front.

    Args:
        kind: Kind of both buttons.

    Attributes:
        page: Page in front, from 0 on.
        pages: How many there are, at least 1.

    Signals:
        turned(int): Another page was asked for; it is already in ``page``.
    """

    turned = Signal(int)

    def __init__(self, parent: QWidget | None = None, *, kind: Kind = "secondary") -> None:
        super().__init__(parent)
        self.page, self.pages = 0, 1
        self.back = TouchButton("", icon="arrow_left", kind=kind)
        self.on = TouchButton("", icon="arrow_right", kind=kind)
        self.where = Label("", "label", "text2", align=CENTER)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.current().px(8))
        for part in (self.back, self.where, self.on):
            row.addWidget(part)
        self.back.clicked.connect(lambda: self.turn(-1))
        self.on.clicked.connect(lambda: self.turn(1))
        self.hide()

    def show_pages(self, items: int, per_page: int) -> range:
        """Which of ``items`` stand on the page in front, which moves back when there are fewer pages than before."""
        per_page = max(1, per_page)
        self.pages = max(1, -(-items // per_page))
        self.page = max(0, min(self.page, self.pages - 1))
        self.back.setEnabled(self.page > 0)
        self.on.setEnabled(self.page < self.pages - 1)
        self.where.set_text(f"{self.page + 1} / {self.pages}")
        self.setVisible(self.pages > 1)
        return range(self.page * per_page, min(items, (self.page + 1) * per_page))

    def turn(self, pages: int) -> None:
        """Go on by ``pages``, back when negative."""
        self.page = max(0, min(self.page + pages, self.pages - 1))
        self.turned.emit(self.page)
