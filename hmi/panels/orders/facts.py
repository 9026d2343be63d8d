"""The facts of the chosen order: what is made, how far it is, when it will be done, what stands in its way."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.production.views import OrderView
from core.words import UNDEFINED, name, number, word
from hmi import theme
from hmi.widgets.bars import CountBar
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label

_NO_LIMIT = 16_777_215  # Qt's own
_FIGURES = ("made", "machine", "scrap", "start", "finish")


class OrderFacts(QFrame):
    """A card under the list. Feed it with ``show_order``; hidden without an order.

    Attributes:
        zone: Time zone of the site.

    Signals:
        line_pressed(str): Open the line of the order.
    """

    line_pressed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zone: tzinfo = UTC
        self._order: OrderView | None = None
        self._is_waiting = False
        self.setProperty("frame", "card")
        self.title = Label("", "heading", wrap=True)
        self.note = Label("", "body", "text2", wrap=True)
        self.line = TouchButton("", kind="quiet")
        self.bar = CountBar()
        self._labels = {key: Label("", "label", "text2", may_cut=True) for key in _FIGURES}
        self._values = {key: Label(UNDEFINED, "strong") for key in _FIGURES}
        self._lay_out()
        self.line.clicked.connect(self._open_line)
        self.hide()

    def _lay_out(self) -> None:
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(12), look.px(8), look.px(12), look.px(8))
        column.setSpacing(look.px(6))
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.line)
        self._grid = QGridLayout()
        self._grid.setVerticalSpacing(0)
        column.addLayout(head)
        column.addLayout(self._grid)
        column.addWidget(self.bar)
        column.addWidget(self.note)
        column.addStretch(1)
        self._columns = 0
        self._place(len(_FIGURES))

    def stand_beside(self, width: int | None) -> None:
        """Be a pane of ``width`` pixels beside the list, or (None) a card below it."""
        self.setMinimumWidth(width or 0)
        self.setMaximumWidth(width or _NO_LIMIT)
        self._place(2 if width else len(_FIGURES))

    def _place(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for place, key in enumerate(_FIGURES):
            row, column = 2 * (place // columns), place % columns
            self._grid.addWidget(self._labels[key], row, column)
            self._grid.addWidget(self._values[key], row + 1, column)
        for column in range(len(_FIGURES)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def show_order(self, order: OrderView | None, is_waiting: bool) -> None:
        """Show ``order``; ``is_waiting`` says that a decision about it is not yet in the database."""
        self._order, self._is_waiting = order, is_waiting
        self.setVisible(order is not None)
        self.retranslate()

    def retranslate(self) -> None:
        """Set every text from the order held."""
        order, language = self._order, theme.language()
        if order is None:
            return
        self.title.set_text(f"{order.number}  {order.product_code} {name(order.product_name, language)}")
        self.line.setText(f"{order.line_code} {name(order.line_name, language)}")
        for key, label, value in (
            ("made", self.tr("Good / planned"), f"{number(order.completed)} / {number(order.planned)} {order.unit}"),
            ("machine", self.tr("Machine count"), UNDEFINED if order.machine_good is None else number(order.machine_good)),
            ("scrap", self.tr("Scrap"), number(order.scrap)),
            ("start", self.tr("Started"), self._time(order.actual_start_at)),
            (
                "finish",
                self.tr("Ended") if order.actual_end_at else self.tr("Expected finish"),
                self._time(order.actual_end_at or order.expected_end_at),
            ),
        ):
            self._labels[key].set_text(label)
            self._values[key].set_text(value)
        self.bar.show_count(float(order.completed), float(order.planned))
        self.note.set_text(self._notes(order))
        self.note.setVisible(bool(self.note.text()))

    def _notes(self, order: OrderView) -> str:
        parts = [name(blocker.reason_words or blocker.reason, theme.language()) for blocker in order.blockers]
        if order.reason:
            parts.append(f"{word('button.reason', theme.language())}: {order.reason}")
        if self._is_waiting:
            parts.append(self.tr("Decided here, waiting for the database"))
        if order.note:
            parts.append(order.note)
        return "   ·   ".join(parts)

    def _time(self, at: datetime | None) -> str:
        if at is None:
            return UNDEFINED
        local = at.astimezone(self.zone)
        return local.strftime("%H:%M") if local.date() == datetime.now(self.zone).date() else local.strftime("%m-%d %H:%M")

    def _open_line(self) -> None:
        if self._order is not None:
            self.line_pressed.emit(self._order.line_code)
