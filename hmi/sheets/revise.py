"""Forms of a supervisor about one order: another quantity, another priority; a counter read for it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from core.errors import Conflict
from core.production import rules
from core.production.queue import prioritise_order, revise_order
from core.production.readings import read_counter
from core.production.views import OrderView
from core.words import number, word
from hmi import theme
from hmi.bridge import Bridge, Left, Shown
from hmi.sheets.ask_form import Asked, AskForm, Form
from hmi.sheets.order_lines import compare
from hmi.widgets.entry import NumberEntry

if TYPE_CHECKING:
    from core.store.operation import Operation

translate = QCoreApplication.translate
_LARGEST = Decimal(999_999)


class _OrderForm(AskForm):
    """A form that decides on an order as it was seen; when somebody was faster, both versions stand side by side."""

    def __init__(self, ground: QWidget, bridge: Bridge, order: OrderView, operation: Operation[..., OrderView]) -> None:
        self.order = order
        self._deciding = operation
        super().__init__(ground, bridge, self.said, self._do, draft=(operation.name, str(order.id)))
        self.setObjectName(f"sheet.{operation.name.rpartition(':')[2]}")

    def said(self) -> Form:
        """The words of the form."""
        raise NotImplementedError

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is decided, beside the order."""
        raise NotImplementedError

    def wanted(self, given: Mapping[str, Any]) -> list[Shown]:
        """The same in words."""
        raise NotImplementedError

    async def _do(self, given: Mapping[str, Any]) -> None:
        shown = self.wanted(given)
        try:
            await self._bridge.do(self._deciding, shown=shown, order_id=self.order.id, version=self.order.version, **self.arguments(given))
        except Conflict:
            if await compare(self, self._bridge, self.order, shown, lambda now: now.status in rules.OPEN, self._again):
                raise Left("shell.left") from None  # the sheet on top of this one says it
            raise

    def _again(self, now: OrderView) -> None:
        self.order = now
        self.say()
        self.press_confirm()


class ReviseSheet(_OrderForm):
    """Another quantity, for a reason."""

    def __init__(self, ground: QWidget, bridge: Bridge, order: OrderView) -> None:
        super().__init__(ground, bridge, order, revise_order)

    def said(self) -> Form:
        """See _OrderForm."""
        order = self.order
        note = translate("ReviseSheet", "{number}: planned {planned}, good reported {completed}. It cannot be less than that.")
        entry = NumberEntry("", order.unit, Decimal(0), _LARGEST, decimals=0 if order.planned == int(order.planned) else 3)
        return Form(
            word("operation.production:order:revise", theme.language()),
            (
                Asked("planned", translate("ReviseSheet", "Planned"), "number", value=rules.plain(order.planned), entry=entry),
                Asked("reason", translate("ReviseSheet", "Reason")),
            ),
            note.format(number=order.number, planned=number(order.planned), completed=number(order.completed)),
        )

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See _OrderForm."""
        return {"planned": Decimal(given["planned"]), "reason": given["reason"]}

    def wanted(self, given: Mapping[str, Any]) -> list[Shown]:
        """See _OrderForm."""
        planned = translate("OrderLines", "Planned")
        reason = Shown(translate("ReviseSheet", "Reason"), "", given["reason"])
        return [Shown(planned, number(self.order.planned), number(Decimal(given["planned"]))), reason]


class PrioritySheet(_OrderForm):
    """More or less urgent, by one touch and the confirmation."""

    def __init__(self, ground: QWidget, bridge: Bridge, order: OrderView) -> None:
        super().__init__(ground, bridge, order, prioritise_order)

    def said(self) -> Form:
        """See _OrderForm."""
        choices = tuple((str(level), str(level)) for level in range(1, 11))
        label = translate("ReviseSheet", "1 is the most urgent")
        title = word("operation.production:order:prioritise", theme.language())
        return Form(f"{title}  {self.order.number}", (Asked("priority", label, "one", choices, str(self.order.priority)),), confirm=title)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """See _OrderForm."""
        return {"priority": int(given["priority"])}

    def wanted(self, given: Mapping[str, Any]) -> list[Shown]:
        """See _OrderForm."""
        return [Shown(translate("OrderLines", "Priority"), str(self.order.priority), given["priority"])]


def reading_form(ground: QWidget, bridge: Bridge, order: OrderView) -> AskForm:
    """What a counter shows at the start or the end of an order."""

    def form() -> Form:
        kinds = tuple((kind, word(f"count.{kind}", theme.language())) for kind in ("good", "reject", "total"))
        phases = (("start", translate("ReadingForm", "Start")), ("end", translate("ReadingForm", "End")))
        title = word("operation.production:order:read", theme.language())
        return Form(
            f"{title}  {order.number}",
            (
                Asked("kind", translate("ReadingForm", "Counter"), "one", kinds, "good"),
                Asked("phase", translate("ReadingForm", "Read at"), "one", phases, "start" if order.machine_good is None else "end"),
                Asked("value", translate("ReadingForm", "It shows"), "number", entry=NumberEntry("", low=Decimal(0), high=Decimal(10**12))),
            ),
            confirm=title,
        )

    async def decide(given: Mapping[str, Any]) -> None:
        await bridge.do(read_counter, order_id=order.id, kind=given["kind"], phase=given["phase"], value=int(Decimal(given["value"])))

    sheet = AskForm(ground, bridge, form, decide, draft=(rules.READ, str(order.id)))
    sheet.setObjectName("sheet.read")
    return sheet
