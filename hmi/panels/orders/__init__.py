"""Work orders: what runs, what comes next, what blocks it; every legal step one touch and one confirmation away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from core.errors import GenbaError
from core.production import orders as steps
from core.production.lines import order_choices
from core.production.reports import list_reports
from core.production.views import OrderStatus, OrderView, ReportView
from core.tabular import WRITTEN_MAX, Table
from core.words import number
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.panels import Action, Intent, OpenLine, OpenOrder, OpenOrders, Panel
from hmi.panels.orders import actions
from hmi.panels.orders.facts import OrderFacts
from hmi.panels.orders.table import OrderTable
from hmi.panels.orders.unassigned import UnassignedView
from hmi.sheets.assign import AssignSheet
from hmi.sheets.decide import DecideSheet
from hmi.sheets.order_form import OrderFormSheet
from hmi.sheets.report import ReportSheet
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.three_lines import ThreeLines

if TYPE_CHECKING:
    from core.store.operation import Operation
    from hmi.sheets.export import Wanted

_OPEN = (OrderStatus.IN_PROGRESS, OrderStatus.PAUSED, OrderStatus.HELD, OrderStatus.RELEASED, OrderStatus.PLANNED)
_DONE = (OrderStatus.COMPLETED, OrderStatus.CLOSED, OrderStatus.CANCELLED)
_WIDE_U, _PANE_U = 1250, 480
_EVERY = 1_000
"""Rows of a page while all of them are gathered for a file."""
_CONCERNS = ("order:", "report:", "blocker:", "*")


class OrdersPanel(Panel):
    """A list with the facts of the chosen order below it; the action bar offers what is legal for it now."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self._tab = "open"
        self._line_code = ""
        self._wanted: UUID | None = None
        self._orders: tuple[OrderView, ...] = ()
        self._waiting: frozenset[str] = frozenset()
        self._updated_at: float | None = None
        self._asking = Asking(bridge, self, self._ask, self._not_answered)
        self._more, self._rare_page = False, 0
        self.problem = ThreeLines(self, closable=False, floating=True)
        self.table = OrderTable()
        self.facts = OrderFacts()
        self.unassigned = UnassignedView()
        self._strays: int | None = None
        self._lay_out()
        self.unassigned.chosen.connect(self.actions_changed)
        self.table.chosen.connect(self._chosen)
        self.facts.line_pressed.connect(lambda code: self.navigate.emit(OpenLine(code)))
        bridge.noticed.connect(self._noticed)
        bridge.site_changed.connect(self._site_changed)
        bridge.ready.connect(self._site_changed)
        bridge.database_changed.connect(self._keep_choices)
        bridge.actor_changed.connect(lambda _: self.actions_changed.emit())
        if bridge.is_ready:  # without a database the site is known before this panel is loaded: nobody tells it a second time
            self._site_changed()
        self.retranslate()

    def _lay_out(self) -> None:
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        orders = QWidget()
        self._pair = QBoxLayout(QBoxLayout.Direction.TopToBottom, orders)
        self._pair.setContentsMargins(0, 0, 0, 0)
        self._pair.setSpacing(look.px(8))
        self._pair.addWidget(self.table, 1)
        self._pair.addWidget(self.facts)
        self._views = QStackedLayout()
        self._views.addWidget(orders)
        self._views.addWidget(self.unassigned)
        column.addLayout(self._views, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """On a wide screen the facts stand beside the list instead of below it."""
        super().resizeEvent(event)
        look = theme.current()
        wide = self.width() >= look.px(_WIDE_U)
        self._pair.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self.facts.stand_beside(look.px(_PANE_U) if wide else None)

    # -- panel ---------------------------------------------------------------------------------------------------

    def open(self, intent: Intent | None) -> None:
        """Show one order, or the orders of one line ("" for all)."""
        if isinstance(intent, OpenOrder):
            self._wanted, self._line_code, self._tab = intent.order_id, "", "open"
        elif isinstance(intent, OpenOrders):
            self._line_code, self._tab = intent.line_code, "open"
        self._views.setCurrentIndex(int(self._tab == "unassigned"))
        self.tabs_changed.emit()
        self.refresh()
        self._count_strays()

    def tabs(self) -> list[tuple[str, str]]:
        """Open and finished orders, of one line when it was asked for; and what was made for none, which is asked of all lines."""
        count = f" ({number(self._strays)})" if self._strays else ""
        first = f"{self._line_code} " if self._line_code else ""
        last = ("all", self.tr("All lines")) if first else ("unassigned", self.tr("Unassigned") + count)
        return [("open", first + self.tr("Open orders")), ("done", first + self.tr("Finished")), last]

    def tab(self) -> str:
        """The list shown."""
        return self._tab

    def show_tab(self, tab: str) -> None:
        """Another list."""
        if tab == "all":
            self._line_code, tab = "", "open"
        self._tab = tab
        self._views.setCurrentIndex(int(tab == "unassigned"))
        self.table.forget_choice()
        self.tabs_changed.emit()
        self.refresh()

    def bar_actions(self) -> list[Action]:
        """What is legal for the chosen order, at most five; the most likely one is second from the left."""
        if self._tab == "unassigned":
            chosen = self.unassigned.report
            return (
                []
                if chosen is None
                else [Action("orders.assign", self.tr("Assign to an order"), lambda: self._assign(chosen), primary=True)]
            )
        order = self.table.order
        return actions.more(self, order, self._rare_page) if order is not None and self._more else actions.bar(self, order)

    def _next_page(self) -> None:
        self._rare_page += 1
        self.actions_changed.emit()

    def _show_more(self, more: bool) -> None:
        self._more, self._rare_page = more, 0
        self.actions_changed.emit()

    def updated_at(self) -> float | None:
        """When the database answered last."""
        return self._updated_at

    def retranslate(self) -> None:
        """Re-text table and facts from what they hold."""
        self.table.retranslate()
        self.facts.retranslate()
        self.unassigned.retranslate()

    # -- asking --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask for the list."""
        self._asking.wish()

    async def _ask(self) -> None:
        await (self._ask_strays() if self._tab == "unassigned" else self._ask_orders())
        self.problem.clear()

    async def _ask_orders(self) -> None:
        tab = self._tab
        answer = await self.bridge.ask(steps.list_orders, status=_OPEN if tab == "open" else _DONE, line_code=self._line_code, limit=200)
        self._orders, self._waiting = answer.value.items, answer.waiting
        self._updated_at = answer.as_of.timestamp()
        self.table.show_orders(self._orders, self._waiting)
        if self._wanted is not None:
            self.table.choose(self._wanted)
            self._wanted = None
        self._chosen()

    def whole(self) -> Mapping[QWidget, Wanted]:
        """See Panel."""
        return {self.table.table: self._every_order}

    async def _every_order(self) -> Table:
        """All orders of the tab, page by page."""
        status, line = _OPEN if self._tab == "open" else _DONE, self._line_code
        orders: dict[UUID, OrderView] = {}
        while True:
            page = (await self.bridge.ask(steps.list_orders, status=status, line_code=line, limit=_EVERY, offset=len(orders))).value
            new = {order.id: order for order in page.items if order.id not in orders}
            orders |= new
            if not new or len(orders) >= min(page.total, WRITTEN_MAX):
                return self.table.as_table(list(orders.values()))

    async def _ask_strays(self) -> None:
        answer = await self.bridge.ask(list_reports, unassigned=True, limit=200)
        self._updated_at = answer.as_of.timestamp()
        self.unassigned.show_reports(answer.value.items)
        self._show_strays(answer.value.total)

    def _count_strays(self) -> None:
        """How many there are, for the tab; asked when somebody comes to this panel, not with every piece of news."""
        if not self.bridge.is_ready or self._tab == "unassigned":
            return

        async def count() -> None:
            self._show_strays((await self.bridge.ask(list_reports, unassigned=True, limit=1)).value.total)

        self.bridge.start(count(), on_error=lambda _: None, reader=self)

    def _show_strays(self, total: int) -> None:
        if total != self._strays:
            self._strays = total
            self.tabs_changed.emit()

    def _not_answered(self, error: Exception) -> None:
        if self._updated_at is None:
            self.table.show_unknown(unreachable=True)
        self.unassigned.show_unknown(unreachable=True)
        if isinstance(error, GenbaError):
            self.problem.show_error(error)
        else:
            self.failed.emit(error)

    def _site_changed(self) -> None:
        self.table.zone = self.facts.zone = self.unassigned.zone = self.bridge.zone()
        self._keep_choices(True)

    def _keep_choices(self, up: bool) -> None:
        """Ask for what the forms offer before anybody opens one: a report with its defect code is also written without a database."""
        if up and self.bridge.is_ready:
            self.bridge.start(self.bridge.ask(order_choices), on_error=lambda _: None)

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(_CONCERNS) for key in keys):
            self.refresh()

    def _chosen(self) -> None:
        order = self.table.order
        self.facts.show_order(order, order is not None and f"order:{order.id}" in self._waiting)
        if order is None:
            self._more = False
        self.actions_changed.emit()

    # -- deciding ------------------------------------------------------------------------------------------------

    def _create(self) -> None:
        self.open_sheet(lambda: OrderFormSheet(self.ground, self.bridge, self._line_code))

    def _report(self, order: OrderView) -> None:
        self.open_sheet(lambda: ReportSheet(self.ground, self.bridge, order))

    def _decide(self, operation: Operation[..., OrderView], order: OrderView) -> None:
        self.open_sheet(lambda: DecideSheet(self.ground, self.bridge, operation, order))

    def _assign(self, report: ReportView) -> None:
        self.open_sheet(lambda: AssignSheet(self.ground, self.bridge, report))

    def open_sheet(self, made: Callable[[], BottomSheet]) -> None:
        """Open a sheet that ends in a decision; a guest is asked who he is instead."""
        if self.somebody_decides():
            sheet = made()
            sheet.done.connect(self._done)  # type: ignore[attr-defined]  # every sheet of this panel has it
            sheet.open()

    def _done(self, words: str = "") -> None:
        self._more = False
        if words:
            self.toast.emit(words)
        self.refresh()
