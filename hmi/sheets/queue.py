"""What runs next on a line: up and down by touch, nothing to drag, confirmed as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.errors import Conflict, GenbaError
from core.production.orders import line_queue
from core.production.queue import reorder_queue
from core.production.views import OrderStatus, OrderView
from core.words import name, number, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.widgets.button import TouchButton
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.table import Cell, Column, PagedTable


class QueueSheet(BottomSheet):
    """The released orders of one line; the chosen one is moved by the two buttons beside the list.

    Signals:
        done(str): The new order of the queue is booked.
    """

    done = Signal(str)

    def __init__(self, ground: QWidget, bridge: Bridge, line_code: str) -> None:
        super().__init__(ground)
        self._bridge, self._line = bridge, line_code
        self._seen: tuple[UUID, ...] = ()
        self._orders: dict[UUID, OrderView] = {}
        self.order: list[UUID] = []
        self.setObjectName("sheet.queue")
        self.table = PagedTable()
        self.table.setMinimumHeight(theme.current().px(36) + 4 * self.table.row_height())
        self.up = TouchButton("", icon="arrow_up", large=True)
        self.down = TouchButton("", icon="arrow_down", large=True)
        beside = QVBoxLayout()
        for button, step in ((self.up, -1), (self.down, 1)):
            button.guard_ms = 0
            button.setObjectName(f"queue.{'up' if step < 0 else 'down'}")
            button.clicked.connect(lambda _=False, by=step: self._move(by))
            beside.addWidget(button)
        beside.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(theme.current().gap)
        row.addWidget(self.table, 1)
        row.addLayout(beside)
        self.content.addLayout(row, 1)
        self.table.selected.connect(lambda _: self._show_buttons())
        self.on_confirm(self._book)
        self.finished.connect(self.deleteLater)
        self.say()
        self._load()

    def _load(self) -> None:
        self._bridge.start(self._ask(), on_error=self._failed, reader=self)

    async def _ask(self) -> None:
        page = (await self._bridge.ask(line_queue, line_code=self._line, limit=200)).value
        self._show([order for order in page.items if order.status is OrderStatus.RELEASED])

    def _show(self, orders: Sequence[OrderView]) -> None:
        self._orders = {order.id: order for order in orders}
        self._seen = tuple(self._orders)
        self.order = list(self._seen)
        self.say()

    def _move(self, by: int) -> None:
        key = self.table.selected_key
        if not isinstance(key, UUID) or key not in self.order:
            return
        place = self.order.index(key)
        to = place + by
        if 0 <= to < len(self.order):
            self.order[place], self.order[to] = self.order[to], self.order[place]
            self.say()
            self.table.select(key)

    def _show_buttons(self) -> None:
        key = self.table.selected_key
        place = self.order.index(key) if isinstance(key, UUID) and key in self.order else -1
        self.up.setEnabled(place > 0)
        self.down.setEnabled(0 <= place < len(self.order) - 1)
        self.confirm_button.setEnabled(tuple(self.order) != self._seen)

    def say(self) -> None:
        """Set every text in the current language; what was moved stays."""
        language = theme.language()
        self.set_title(self.tr("Queue of line {line}").format(line=self._line))
        titles = (self.tr("Place"), self.tr("Order"), self.tr("Product"), self.tr("Planned"), self.tr("Due"))
        shares, zone = (0.7, 2.0, 2.4, 1.2, 1.4), self._bridge.zone()
        aligns = ("right", "left", "left", "right", "right")
        self.table.set_columns([Column(*column) for column in zip(titles, shares, aligns, strict=True)])  # type: ignore[arg-type]
        self.table.set_empty_text(self.tr("Nothing waits on this line."), self.tr("Release an order first."))
        rows = []
        for place, key in enumerate(self.order, 1):
            order = self._orders[key]
            moved = self._seen[place - 1] != key
            product = Cell(order.product_code, below=name(order.product_name, language))
            urgent = self.tr("priority {n}").format(n=order.priority)
            due = f"{order.scheduled_end_at.astimezone(zone):%m-%d %H:%M}"
            rows.append((str(place), Cell(order.number, strong=moved, below=urgent), product, number(order.planned), due))
        self.table.show_rows(rows, self.order)
        self._show_buttons()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "up"):
            self.say()

    def _book(self) -> None:
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._failed)

    async def _run(self) -> None:
        await self._bridge.do(reorder_queue, line_code=self._line, order_ids=tuple(self.order), seen=self._seen)
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit(word("operation.production:order:reorder", theme.language()))

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
        if isinstance(error, Conflict):
            self._load()  # what others made of it is shown; the three lines stay until they are read
