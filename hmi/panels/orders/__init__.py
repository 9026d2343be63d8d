"""Work orders: what runs, what comes next, what blocks it; every legal step one touch and one confirmation away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QVBoxLayout, QWidget

from core.errors import GenbaError
from core.production import orders as steps
from core.production import rules
from core.production.lines import order_choices
from core.production.queue import prioritise_order, reorder_queue, revise_order
from core.production.readings import read_counter
from core.production.reports import book_report
from core.production.views import OrderStatus, OrderView
from core.sitefile.importing import import_orders
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action, Intent, OpenLine, OpenOrder, OpenOrders, Panel
from hmi.panels.orders.facts import OrderFacts
from hmi.panels.orders.table import OrderTable
from hmi.sheets.count_pad import CountPad
from hmi.sheets.decide import DecideSheet, step_word
from hmi.sheets.importing import ImportSheet
from hmi.sheets.order_form import OrderFormSheet
from hmi.sheets.queue import QueueSheet
from hmi.sheets.report import ReportSheet
from hmi.sheets.revise import PrioritySheet, ReviseSheet, reading_form
from hmi.widgets.sheet import BottomSheet
from hmi.widgets.three_lines import ThreeLines

if TYPE_CHECKING:
    from core.store.operation import Operation

_OPEN = (OrderStatus.IN_PROGRESS, OrderStatus.PAUSED, OrderStatus.HELD, OrderStatus.RELEASED, OrderStatus.PLANNED)
_DONE = (OrderStatus.COMPLETED, OrderStatus.CLOSED, OrderStatus.CANCELLED)
_WIDE_U, _PANE_U = 1250, 480
_CONCERNS = ("order:", "report:", "blocker:", "*")

STEPS: dict[str, Operation[..., OrderView]] = {
    step.name: step
    for step in (
        steps.release_order, steps.start_order, steps.pause_order, steps.resume_order, steps.complete_order,
        steps.hold_order, steps.unhold_order, steps.cancel_order, steps.close_order,
    )
}  # fmt: skip
"""What the action bar can offer, by operation name."""


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
        self._asking = False
        self._again = False
        self._more, self._rare_page = False, 0
        self.problem = ThreeLines(self, closable=False, floating=True)
        self.table = OrderTable()
        self.facts = OrderFacts()
        self._lay_out()
        self.table.chosen.connect(self._chosen)
        self.facts.line_pressed.connect(lambda code: self.navigate.emit(OpenLine(code)))
        bridge.noticed.connect(self._noticed)
        bridge.site_changed.connect(self._site_changed)
        bridge.ready.connect(self._site_changed)
        bridge.database_changed.connect(self._keep_choices)
        bridge.actor_changed.connect(lambda _: self.actions_changed.emit())
        self.retranslate()

    def _lay_out(self) -> None:
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        column.setSpacing(look.px(8))
        self._pair = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._pair.setSpacing(look.px(8))
        self._pair.addWidget(self.table, 1)
        self._pair.addWidget(self.facts)
        column.addLayout(self._pair, 1)

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
        self.tabs_changed.emit()
        self.refresh()

    def tabs(self) -> list[tuple[str, str]]:
        """Open and finished orders; of one line when it was asked for."""
        of_line = f"{self._line_code} " if self._line_code else ""
        tabs = [("open", of_line + self.tr("Open orders")), ("done", of_line + self.tr("Finished"))]
        if self._line_code:
            tabs.append(("all", self.tr("All lines")))
        return tabs

    def tab(self) -> str:
        """The list shown."""
        return self._tab

    def show_tab(self, tab: str) -> None:
        """Another list."""
        if tab == "all":
            self._line_code, tab = "", "open"
        self._tab = tab
        self.table.forget_choice()
        self.tabs_changed.emit()
        self.refresh()

    def bar_actions(self) -> list[Action]:
        """What is legal for the chosen order, at most five; the most likely one is second from the left."""
        create = Action("orders.create", word("button.create", theme.language()), self._create)
        order = self.table.order
        if order is None:
            return [create, *self._plain("import", import_orders, lambda: ImportSheet(self.ground, self.bridge))]
        if self._more:
            return self._rare_actions(order)
        offered = [known for known in order.next_operations if known in (rules.RELEASE, rules.START, rules.RESUME, rules.REPORT)]
        first = [self._action(known, order, primary=place == 0) for place, known in enumerate(offered)]
        if rules.REPORT in offered and order.counting == "hand":
            first[:0] = self._plain("count", book_report, lambda: CountPad(self.ground, self.bridge, order), primary=True)
        if rules.REPORT in offered and order.counting == "readings":
            first += self._plain("read", read_counter, lambda: reading_form(self.ground, self.bridge, order))
        second = [self._action(known, order) for known in (rules.COMPLETE, rules.PAUSE) if known in order.next_operations]
        rest = [self._more_action()] if self._rare(order) else []
        return [*[create, *first, *second][: 5 - len(rest)], *rest]

    def _rare(self, order: OrderView) -> list[Action]:
        """What stands behind "more": what is not to be hit by accident, and what a supervisor plans."""
        actions = [self._action(known, order) for known in _RARE if known in order.next_operations]
        if order.status in rules.OPEN:
            actions += self._plain("revise", revise_order, lambda: ReviseSheet(self.ground, self.bridge, order))
            actions += self._plain("prioritise", prioritise_order, lambda: PrioritySheet(self.ground, self.bridge, order))
            actions += self._plain("queue", reorder_queue, lambda: QueueSheet(self.ground, self.bridge, order.line_code))
        return actions

    def _rare_actions(self, order: OrderView) -> list[Action]:
        actions = self._rare(order)
        back = Action("orders.back", word("button.back", theme.language()), lambda: self._show_more(False))
        if len(actions) <= 4:
            return [back, *actions]
        first = self._rare_page * 3 % (3 * -(-len(actions) // 3))
        return [back, *actions[first : first + 3], Action("orders.next", word("button.more", theme.language()), self._next_page)]

    def _plain(self, name: str, operation: Operation[..., Any], sheet: Callable[[], BottomSheet], *, primary: bool = False) -> list[Action]:
        """A button that opens a sheet of its own; none for somebody who must not do what it ends in."""
        if not self.bridge.may(operation):
            return []
        return [Action(f"orders.{name}", word(f"button.{name}", theme.language()), lambda: self._open_for(sheet), primary=primary)]

    def _open_for(self, sheet: Callable[[], BottomSheet]) -> None:
        if self.somebody_decides():
            self._open(sheet())

    def _next_page(self) -> None:
        self._rare_page += 1
        self.actions_changed.emit()

    def _more_action(self) -> Action:
        return Action("orders.more", word("button.more", theme.language()), lambda: self._show_more(True))

    def _action(self, known: str, order: OrderView, *, primary: bool = False) -> Action:
        if known == rules.REPORT:
            return Action("orders.report", word("button.report", theme.language()), lambda: self._report(order), primary=primary)
        return Action(f"orders.{known.rpartition(':')[2]}", step_word(known), lambda: self._decide(STEPS[known], order), primary=primary)

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

    # -- asking --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask for the list; a second wish while one is under way is kept."""
        if not self.bridge.is_ready or not self.isVisible():
            return
        if self._asking:
            self._again = True
            return
        self._asking = True
        self.bridge.start(self._ask(), on_error=self._not_answered, reader=self)

    async def _ask(self) -> None:
        try:
            answer = await self.bridge.ask(
                steps.list_orders, status=_OPEN if self._tab == "open" else _DONE, line_code=self._line_code, limit=200
            )
        finally:
            self._asking = False
        self.problem.clear()
        self._orders, self._waiting = answer.value.items, answer.waiting
        self._updated_at = answer.as_of.timestamp()
        self.table.show_orders(self._orders, self._waiting)
        if self._wanted is not None:
            self.table.choose(self._wanted)
            self._wanted = None
        self._chosen()
        if self._again:
            self._again = False
            self.refresh()

    def _not_answered(self, error: Exception) -> None:
        if self._updated_at is None:
            self.table.show_unknown(unreachable=True)
        if isinstance(error, GenbaError):
            self.problem.show_error(error)
        else:
            self.failed.emit(error)
        if self._again:
            self._again = False
            self.refresh()

    def _site_changed(self) -> None:
        self.table.zone = self.facts.zone = self.bridge.zone()
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
        if self.somebody_decides():
            self._open(OrderFormSheet(self.ground, self.bridge, self._line_code))

    def _report(self, order: OrderView) -> None:
        if self.somebody_decides():
            self._open(ReportSheet(self.ground, self.bridge, order))

    def _decide(self, operation: Operation[..., OrderView], order: OrderView) -> None:
        if self.somebody_decides():
            self._open(DecideSheet(self.ground, self.bridge, operation, order))

    def _open(self, sheet: BottomSheet) -> None:
        sheet.done.connect(self._done)  # type: ignore[attr-defined]  # every sheet of this panel has it
        sheet.open()

    def _done(self, words: str = "") -> None:
        self._more = False
        if words:
            self.toast.emit(words)
        self.refresh()


_RARE = (rules.HOLD, rules.UNHOLD, rules.CANCEL, rules.CLOSE)
"""Steps behind "more": seldom, and not to be hit by accident."""
