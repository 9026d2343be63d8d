"""The list of work orders: the running one first, then by priority and schedule."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, tzinfo
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.production.views import OrderStatus, OrderView
from core.tabular import Table
from core.words import day, name, number, word
from hmi import theme
from hmi.widgets.table import Cell, Column, PagedTable

_STRONG = frozenset({OrderStatus.IN_PROGRESS, OrderStatus.PAUSED, OrderStatus.HELD})


class OrderTable(QWidget):
    """Feed it with ``show_orders``.

    Attributes:
        zone: Time zone of the site, for due times.

    Signals:
        chosen(): Another order, or none, is chosen.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._orders: dict[UUID, OrderView] = {}
        self._waiting: Collection[str] = ()
        self._known = False
        self._unreachable = False
        self.zone: tzinfo = UTC
        self.table = PagedTable()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.table)
        self.table.selected.connect(lambda _: self.chosen.emit())

    @property
    def order(self) -> OrderView | None:
        """The chosen order; None for none."""
        key = self.table.selected_key
        return self._orders.get(key) if isinstance(key, UUID) else None

    def choose(self, order_id: UUID) -> None:
        """Select an order when it is in the list."""
        if order_id in self._orders:
            self.table.select(order_id)

    def forget_choice(self) -> None:
        """Select nothing."""
        self.table.select(None)

    def show_orders(self, orders: Sequence[OrderView], waiting: Collection[str]) -> None:
        """Show these orders in this order; ``waiting`` names those with decisions not yet in the database."""
        self._known = True
        self._orders = {order.id: order for order in orders}
        self._waiting = waiting
        self._show()

    def retranslate(self) -> None:
        """Set heads and cells in the current language; the choice stays."""
        self.table.set_columns(
            [
                Column(self.tr("Order"), 1.9),
                Column(self.tr("Status"), 2.3),  # "In progress" beside the sign of what waits, on the smallest panel
                Column(self.tr("Line"), 0.8),
                Column(self.tr("Product"), 2.3),
                Column(self.tr("Good / planned"), 2.0, "right"),
                Column(self.tr("Due"), 1.7, "right"),
            ]
        )
        self._show()

    def show_unknown(self, unreachable: bool) -> None:
        """Nothing is known yet: an empty list must not be read as "no orders"."""
        self._known, self._unreachable = False, unreachable
        self._show()

    def _show(self) -> None:
        if self._known:
            self.table.set_empty_text(self.tr("No orders here."), self.tr("Create one with the button below, or look at the other list."))
        elif self._unreachable:
            self.table.set_empty_text(self.tr("The orders are not known."), self.tr("They are shown as soon as the database answers."))
        else:
            self.table.set_empty_text(self.tr("Orders are being loaded …"), "")
        self.table.show_rows([self._row(order) for order in self._orders.values()], list(self._orders))

    def as_table(self, orders: Sequence[OrderView]) -> Table:
        """Orders as a file takes them, in the words of the list."""
        return self.table.as_table([self._row(order) for order in orders])

    def _row(self, order: OrderView) -> tuple[str | Cell, ...]:
        language = theme.language()
        strong = order.status in _STRONG
        below, waits = "", f"order:{order.id}" in self._waiting
        if waits:
            below = self.tr("waiting")
        elif order.blockers:
            below = name(order.blockers[0].reason_words or order.blockers[0].reason, language)
        due = order.scheduled_end_at.astimezone(self.zone)
        return (
            Cell(order.number, strong=strong, below=self.tr("priority {n}").format(n=order.priority)),
            Cell(word(f"order.{order.status}", language), strong=strong, below=below, glyph="hourglass" if waits else ""),
            order.line_code,
            Cell(order.product_code, below=name(order.product_name, language)),
            f"{number(order.completed)} / {number(order.planned)}",
            Cell(f"{due:%H:%M}", below=day(due, language)),
        )
