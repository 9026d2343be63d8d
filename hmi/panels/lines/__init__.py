"""Lines: the overview of all lines, the detail of one, its hours and its stops; the operator's home."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStackedLayout, QWidget

from core.equipment.stops import list_stops
from core.errors import GenbaError
from core.production import rules
from core.production.lines import line_detail, lines_overview
from core.production.orders import pause_order, resume_order
from core.production.views import LineView, OrderView
from core.words import word
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.panels import Action, Intent, OpenLine, OpenMachines, OpenOrder, OpenOrders, OpenTrend, Panel
from hmi.panels.lines.detail import LineDetailView
from hmi.panels.lines.downtime import DowntimePage
from hmi.panels.lines.hours import HoursPage
from hmi.panels.lines.overview import OverviewView
from hmi.panels.lines.stop_asking import StopAsking
from hmi.sheets.call import CallSheet
from hmi.sheets.decide import DecideSheet
from hmi.sheets.formulas import FormulaSheet
from hmi.sheets.report import ReportSheet
from hmi.sheets.why_value import WhyValueSheet

if TYPE_CHECKING:
    from core.store.operation import Operation

_CONCERNS = ("order:", "line:", "state_segment:", "count_event:", "report:", "blocker:", "stop:", "call:", "*")
_REFRESH_S = 1.0


class LinesPanel(Panel):
    """``overview``, and of the line opened last: ``detail``, ``hours`` and ``downtime``."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self.overview = OverviewView(bridge)
        self.detail = LineDetailView(bridge)
        self.hours = HoursPage(bridge)
        self.downtime = DowntimePage(bridge)
        self.stops = StopAsking(self)
        self._line_code = ""
        self._lines: tuple[LineView, ...] = ()
        self._updated_at: float | None = None
        self._asking = Asking(bridge, self, self._ask, self._not_answered, _REFRESH_S)
        self._pages: dict[str, QWidget] = {"overview": self.overview, "detail": self.detail, "hours": self.hours, "downtime": self.downtime}
        self._views = QStackedLayout(self)
        for page in self._pages.values():
            self._views.addWidget(page)
        self._connect()
        bridge.noticed.connect(self._noticed)

    def _connect(self) -> None:
        detail, downtime = self.detail, self.downtime
        self.overview.opened.connect(lambda code: self.open(OpenLine(code)))
        detail.touched.connect(lambda tag: WhyValueSheet(self.ground, self.bridge, tag).open())
        detail.stop_touched.connect(self._bar_touched)
        detail.stop_chosen.connect(self.stops.explain)
        detail.unit_touched.connect(lambda unit: self.navigate.emit(OpenMachines(self._line_code, unit)))
        detail.formula_pressed.connect(self._formulas)
        self.hours.changed.connect(self.tabs_changed)
        self.hours.failed.connect(self.failed)
        downtime.changed.connect(self.actions_changed)
        downtime.explain.connect(self.stops.explain)
        downtime.times.connect(self.stops.times)
        downtime.toast.connect(self.toast)
        downtime.failed.connect(self.failed)
        downtime.decides = self.somebody_decides

    # -- panel ---------------------------------------------------------------------------------------------------

    def open(self, intent: Intent | None) -> None:
        """Show one line for OpenLine, else the view shown last."""
        self.downtime.ground = self.ground
        if isinstance(intent, OpenLine):
            self._line_code = intent.line_code
            self.detail.show_line(intent.line_code)
            self.hours.show_line(intent.line_code)
            self.downtime.show_line(intent.line_code)
            self.show_tab(intent.tab)
            return
        self.refresh()

    def tabs(self) -> list[tuple[str, str]]:
        """Overview, and the views of the line opened last."""
        language, line = theme.language(), self._line_code
        tabs = [("overview", word("panel.overview", language))]
        if line:
            tabs += [
                ("detail", self.tr("{line} detail").format(line=line)),
                ("hours", word("panel.hours", language)),
                ("downtime", self.tr("Stops")),
            ]
        return tabs

    def tab(self) -> str:
        """The view in front."""
        return next(tab for tab, page in self._pages.items() if page is self._views.currentWidget())

    def show_tab(self, tab: str) -> None:
        """Switch the view."""
        self._views.setCurrentWidget(self._pages[tab])
        self.tabs_changed.emit()
        self.actions_changed.emit()
        self.refresh()

    def bar_actions(self) -> list[Action]:
        """Call for help, stops that wait for their reason, and what the order of a line allows now."""
        tab, language = self.tab(), theme.language()
        if tab == "downtime":
            return self.downtime.bar_actions()
        if tab == "hours":
            return []
        call = Action("lines.call", word("button.call", language), self._call)
        orders = word("panel.work_orders", language)
        if tab == "overview":
            return [call, *self._stop_action(), Action("lines.orders", orders, lambda: self.navigate.emit(OpenOrders("")), primary=True)]
        order = self._order()
        if order is None:
            queue = Action("lines.orders", orders, lambda: self.navigate.emit(OpenOrders(self._line_code)), primary=True)
            return [call, queue, *self._stop_action(), *self._elsewhere()][:5]
        actions = [
            call,
            Action("lines.report", self.tr("Report quantity"), self._report, primary=True, enabled=rules.REPORT in order.next_operations),
            *self._stop_action(),
        ]
        if rules.PAUSE in order.next_operations:
            actions.append(Action("lines.pause", self.tr("Pause order"), lambda: self._decide(pause_order)))
        elif rules.RESUME in order.next_operations:
            actions.append(Action("lines.resume", self.tr("Resume order"), lambda: self._decide(resume_order)))
        actions.append(Action("lines.order", order.number, lambda: self.navigate.emit(OpenOrder(order.id))))
        return [*actions, *self._elsewhere()][:5]

    def _stop_action(self) -> list[Action]:
        """The badge: how many stops wait for a reason, on the line in front or on all of them; none, no button."""
        shown = self._lines if self.tab() == "overview" else [line for line in self._lines if line.code == self._line_code]
        waiting = {line.code: line.open_stops for line in shown if line.open_stops}
        if not waiting:
            return []
        text = word("argument.reason_code", theme.language())
        return [Action("lines.stop_reason", text, lambda: self.stops.oldest(tuple(waiting)), count=sum(waiting.values()))]

    def _elsewhere(self) -> list[Action]:
        """What else there is to see of the line."""
        language = theme.language()
        return [
            Action("lines.trend", word("panel.trends", language), self._trend),
            Action("lines.equipment", word("panel.equipment", language), lambda: self.navigate.emit(OpenMachines(self._line_code))),
        ]

    def refresh(self) -> None:
        """Ask for what is shown."""
        self._asking.wish()
        page = self._views.currentWidget()
        if isinstance(page, HoursPage | DowntimePage):
            page.refresh()

    def updated_at(self) -> float | None:
        """When the database answered last."""
        page = self._views.currentWidget()
        return page.updated_at if isinstance(page, HoursPage | DowntimePage) else self._updated_at

    def retranslate(self) -> None:
        """The views re-text themselves from what they hold."""
        self.overview.retranslate()
        self.detail.retranslate()
        self.hours.retranslate()
        self.downtime.retranslate()

    # -- asking --------------------------------------------------------------------------------------------------

    async def _ask(self) -> None:
        answer = await self.bridge.ask(lines_overview)
        self._lines = answer.value.items
        self.overview.show_lines(self._lines, answer.waiting)
        self._updated_at = answer.as_of.timestamp()
        if self.tab() == "detail":
            line = self._line_code
            detail = await self.bridge.ask(line_detail, line_code=line)
            self.detail.show_detail(detail.value, detail.waiting)
            stops = await self.bridge.ask(list_stops, line_code=line)
            if line == self._line_code:
                self.detail.show_stops(stops.value.items)
        self.actions_changed.emit()

    def _not_answered(self, error: Exception) -> None:
        if not isinstance(error, GenbaError):
            self.failed.emit(error)
            return
        self.overview.show_error(error)
        if self.tab() == "detail":
            self.detail.show_error(error)

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(_CONCERNS) for key in keys):
            self._asking.later()
            if self.tab() == "downtime" and any(key.startswith(("stop:", "*")) for key in keys):
                self.downtime.refresh()
            elif self.tab() == "hours":
                self.hours.later()

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

    def _call(self) -> None:
        if self.somebody_decides():
            sheet = CallSheet(self.ground, self.bridge, self._line_code)
            sheet.undoable.connect(self.undoable)
            sheet.done.connect(self._done)
            sheet.open()

    def _bar_touched(self, at: datetime) -> None:
        line = self._line()
        if line is not None:
            self.stops.at(line.code, line.constraint_unit, at)

    def _formulas(self) -> None:
        line = self._line()
        if line is not None:
            FormulaSheet(self.ground, line, self.bridge.zone()).open()

    def _done(self, words: str) -> None:
        self.toast.emit(words)
        self.refresh()

    def _trend(self) -> None:
        self.navigate.emit(OpenTrend(self.detail.trend_tags()))
