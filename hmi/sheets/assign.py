"""Book an unassigned report to an order of its line: which order, and why it belongs there."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from core.errors import GenbaError
from core.production import rules
from core.production.orders import list_orders
from core.production.reports import assign_report
from core.production.views import OrderStatus, OrderView, ReportView
from core.words import name, number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.choice import ChoiceField
from hmi.sheets.draft import Drafting
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet

_MAY_TAKE: Final = (
    OrderStatus.IN_PROGRESS, OrderStatus.PAUSED, OrderStatus.HELD, OrderStatus.RELEASED, OrderStatus.COMPLETED, OrderStatus.CANCELLED,
)  # fmt: skip


class AssignSheet(BottomSheet):
    """The report as it was made, a list of its line's orders, and a reason.

    Args:
        parent: The content area.
        bridge: Books through it.
        report: Unassigned.

    Signals:
        done(str): What became of it, in words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, report: ReportView) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._report = report
        self._orders: dict[str, OrderView] = {}
        self.setObjectName("sheet.assign")
        self._what = Label("", "strong", wrap=True)
        self._who = Label("", "label", "text2", wrap=True)
        self.order = ChoiceField(parent)
        self.order.setObjectName("assign.order")
        self.reason = FieldBox("", required=True)
        self.reason.setObjectName("assign.reason")
        for part in (self._what, self._who, self.order, self.reason):
            self.content.addWidget(part)
        self.on_confirm(self._assign)
        self.finished.connect(self.deleteLater)
        self._draft = Drafting(self, bridge, rules.ASSIGN, str(report.id), {"order": self.order, "reason": self.reason})
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    async def _load(self) -> None:
        found = await self._bridge.ask(list_orders, status=_MAY_TAKE, line_code=self._report.line_code, limit=200)
        self._orders = {str(order.id): order for order in found.value.items if order.unit == self._report.unit}
        self.say()
        self._draft.restore()

    def say(self) -> None:
        """Set every text in the current language; what was chosen and typed stays."""
        report, language = self._report, theme.language()
        self.set_title(self.tr("Assign to an order"))
        self.set_confirm_text(self.tr("Assign"))
        made = self.tr("{line}   good {good}, scrap {scrap} {unit}").format(
            line=report.line_code, good=number(report.good), scrap=number(report.scrap), unit=report.unit
        )
        self._what.set_text(f"{made}   {report.defect_code}".strip())
        at = report.reported_at.astimezone(self._bridge.zone()).strftime("%m-%d %H:%M")
        self._who.set_text(
            self.tr("made {time}, reported by {user} at {station}").format(time=at, user=report.user_code, station=report.station)
        )
        self.order.set_label(word("argument.order_id", language))
        self.order.show_choices([(key, self._said(order)) for key, order in self._orders.items()])
        self.reason.set_label(word("button.reason", language))
        self._draft.say()
        self.refit()

    def _said(self, order: OrderView) -> str:
        language = theme.language()
        product = f"{order.product_code} {name(order.product_name, language)}"
        return f"{order.number}  {word(f'order.{order.status}', language)}  {product}"

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_draft"):
            self.say()

    def _assign(self) -> None:
        if not all([self.order.check(), self.reason.check()]):
            self.refit()
            return
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._failed)

    async def _run(self) -> None:
        order = self._orders[self.order.chosen]
        args = {"report_id": self._report.id, "order_id": order.id, "reason": self.reason.text()}
        result = await self._bridge.do(assign_report, shown=self._shown(order), **args)
        self.set_pending(False)
        self.close_with("confirmed")
        made = {"number": result.view.number, "good": number(result.view.completed), "planned": number(result.view.planned)}
        self.done.emit(self.tr("{number}: good {good} of {planned}").format(**made))

    def _shown(self, order: OrderView) -> list[Shown]:
        """The step in words, for somebody who authorises it."""
        language, report = theme.language(), self._report
        return [
            Shown(word("argument.order_id", language), "", f"{order.number}  {order.line_code}  {order.product_code}"),
            Shown(self.tr("Good"), number(order.completed), number(order.completed + report.good)),
            Shown(self.tr("Scrap"), number(order.scrap), number(order.scrap + report.scrap)),
            Shown(word("button.reason", language), "", self.reason.text()),
        ]

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
