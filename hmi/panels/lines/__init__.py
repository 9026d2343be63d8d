"""Lines: the overview of all lines and the detail of one; the operator's home."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStackedLayout, QWidget

from core.errors import GenbaError
from core.production import rules
from core.production.lines import line_detail, lines_overview
from core.production.orders import pause_order, resume_order
from core.production.views import LineView, OrderView
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action, Intent, OpenLine, OpenMachines, OpenOrder, OpenOrders, OpenTrend, Panel
from hmi.panels.lines.detail import LineDetailView
from hmi.panels.lines.overview import OverviewView
from hmi.sheets.decide import DecideSheet
from hmi.sheets.report import ReportSheet
from hmi.sheets.why_value import WhyValueSheet

if TYPE_CHECKING:
    from core.store.operation import Operation

_CONCERNS = ("order:", "line:", "state_segment:", "count_event:", "report:", "blocker:", "*")
_REFRESH_S = 1.0


class LinesPanel(Panel):
    """Two views: ``overview`` and the detail of the line opened last."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self.overview = OverviewView(bridge)
        self.detail = LineDetailView(bridge)
        self._line_code = ""
        self._lines: tuple[LineView, ...] = ()
        self._updated_at: float | None = None
        self._asked_at = 0.0
        self._asking = False
        self._again = False
        self._views = QStackedLayout(self)
        self._views.addWidget(self.overview)
        self._views.addWidget(self.detail)
        self.overview.opened.connect(lambda code: self.open(OpenLine(code)))
        self.detail.touched.connect(lambda tag: WhyValueSheet(self.ground, self.bridge, tag).open())
        bridge.noticed.connect(self._noticed)
        bridge.frame.connect(self._frame)

    # -- panel ---------------------------------------------------------------------------------------------------

    def open(self, intent: Intent | None) -> None:
        """Show one line for OpenLine, else the view shown last."""
        if isinstance(intent, OpenLine):
            self._line_code = intent.line_code
            self._views.setCurrentWidget(self.detail)
            self.detail.show_line(intent.line_code)
            self.tabs_changed.emit()
            self.actions_changed.emit()
        self.refresh()

    def tabs(self) -> list[tuple[str, str]]:
        """Overview, and the line opened last."""
        language = theme.language()
        tabs = [("overview", word("panel.overview", language))]
        if self._line_code:
            tabs.append(("detail", self.tr("{line} detail").format(line=self._line_code)))
        return tabs

    def tab(self) -> str:
        """The view in front."""
        return "detail" if self._views.currentWidget() is self.detail else "overview"

    def show_tab(self, tab: str) -> None:
        """Switch the view."""
        self._views.setCurrentWidget(self.detail if tab == "detail" else self.overview)
        self.tabs_changed.emit()
        self.actions_changed.emit()
        self.refresh()

    def bar_actions(self) -> list[Action]:
        """On the overview: orders and trends. On a line: what its order allows now."""
        orders = word("panel.work_orders", theme.language())
        if self.tab() == "overview":
            return [Action("lines.orders", orders, lambda: self.navigate.emit(OpenOrders("")), primary=True)]
        order = self._order()
        if order is None:
            queue = Action("lines.orders", orders, lambda: self.navigate.emit(OpenOrders(self._line_code)), primary=True)
            return [queue, *self._elsewhere()]
        actions = [
            Action("lines.order", order.number, lambda: self.navigate.emit(OpenOrder(order.id))),
            Action("lines.report", self.tr("Report quantity"), self._report, primary=True, enabled=rules.REPORT in order.next_operations),
        ]
        if rules.PAUSE in order.next_operations:
            actions.append(Action("lines.pause", self.tr("Pause order"), lambda: self._decide(pause_order)))
        elif rules.RESUME in order.next_operations:
            actions.append(Action("lines.resume", self.tr("Resume order"), lambda: self._decide(resume_order)))
        return [*actions, *self._elsewhere()]

    def _elsewhere(self) -> list[Action]:
        """What else there is to see of the line."""
        language = theme.language()
        return [
            Action("lines.trend", word("panel.trends", language), self._trend),
            Action("lines.equipment", word("panel.equipment", language), lambda: self.navigate.emit(OpenMachines(self._line_code))),
        ]

    def refresh(self) -> None:
        """Ask for what is shown; a second wish while one is under way is kept."""
        if not self.bridge.is_ready or not self.isVisible():
            return
        if self._asking:
            self._again = True
            return
        self._asking = True
        self.bridge.start(self._ask(), on_error=self._not_answered, reader=self)

    def updated_at(self) -> float | None:
        """When the database answered last."""
        return self._updated_at

    def retranslate(self) -> None:
        """The views re-text themselves from what they hold."""
        self.overview.retranslate()
        self.detail.retranslate()

    # -- asking --------------------------------------------------------------------------------------------------

    async def _ask(self) -> None:
        self._asked_at = time.monotonic()
        try:
            answer = await self.bridge.ask(lines_overview)
            self._lines = answer.value.items
            self.overview.show_lines(self._lines, answer.waiting)
            self._updated_at = answer.as_of.timestamp()
            if self.tab() == "detail":
                detail = await self.bridge.ask(line_detail, line_code=self._line_code)
                self.detail.show_detail(detail.value, detail.waiting)
        finally:
            self._asking = False
        self.actions_changed.emit()
        if self._again:
            self._again = False
            self.refresh()

    def _not_answered(self, error: Exception) -> None:
        if not isinstance(error, GenbaError):
            self.failed.emit(error)
            return
        self.overview.show_error(error)
        if self.tab() == "detail":
            self.detail.show_error(error)

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(_CONCERNS) for key in keys):
            self._again = True

    def _frame(self, _: float) -> None:
        """News is gathered for a second, so that a fast line does not make the screen ask ten times."""
        if self._again and not self._asking and time.monotonic() - self._asked_at >= _REFRESH_S:
            self._again = False
            self.refresh()

    # -- actions -------------------------------------------------------------------------------------------------

    def _line(self) -> LineView | None:
        """The line opened last, as the overview knows it."""
        return next((line for line in self._lines if line.code == self._line_code), None)

    def _order(self) -> OrderView | None:
        line = self._line()
        return line.order if line is not None else None

    def _report(self) -> None:
        order = self._order()
        if order is not None and self.somebody_decides():
            sheet = ReportSheet(self.ground, self.bridge, order)
            sheet.done.connect(self._done)
            sheet.open()

    def _decide(self, operation: Operation[..., OrderView]) -> None:
        order = self._order()
        if order is not None and self.somebody_decides():
            sheet = DecideSheet(self.ground, self.bridge, operation, order)
            sheet.done.connect(self._done)
            sheet.open()

    def _done(self, words: str) -> None:
        self.toast.emit(words)
        self.refresh()

    def _trend(self) -> None:
        self.navigate.emit(OpenTrend(self.detail.trend_tags()))
