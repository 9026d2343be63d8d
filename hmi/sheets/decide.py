"""Confirm one step of a work order: what it is now, what it will be, who decides, and why where a reason is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from core.errors import Conflict, GenbaError, Refused
from core.production import rules
from core.production.views import OrderView
from core.words import has_word, name, number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.draft import Drafting
from hmi.sheets.order_lines import compare
from hmi.widgets.button import Kind
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import CONFIRM_S, BottomSheet

if TYPE_CHECKING:
    from core.store.operation import Operation

translate = QCoreApplication.translate
_NEEDS_REASON = frozenset({rules.CANCEL, rules.HOLD})
_DANGEROUS = frozenset({rules.CANCEL})


class DecideSheet(BottomSheet):
    """One touch opens it, one touch at the other side decides; after 60 s nothing was written.

    Args:
        parent: The content area.
        bridge: Decides through it.
        operation: Takes ``order_id`` and ``version``, and ``reason`` where the step needs one.
        order: The order as the person saw it; its version guards against what others changed meanwhile.

    Signals:
        done(str): What became of it, in words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, operation: Operation[..., OrderView], order: OrderView) -> None:
        kind: Kind = "danger" if operation.name in _DANGEROUS else "primary"
        super().__init__(parent, kind=kind, timeout_s=CONFIRM_S)
        self._bridge = bridge
        self._operation = operation
        self._order = order
        self._although_down = False
        self.setObjectName("sheet.decide")
        self._what = Label("", "strong", wrap=True)
        self._figures = Label("", "body", "text2", wrap=True)
        self._who = Label("", "label", "text2", wrap=True)
        self.reason: FieldBox | None = None
        self.content.addWidget(self._what)
        self.content.addWidget(self._figures)
        if operation.name in _NEEDS_REASON:
            self.reason = FieldBox("", required=True)
            self.reason.setObjectName("decide.reason")
            self.content.addWidget(self.reason)
        self.content.addWidget(self._who)
        self.on_confirm(self._decide)
        self.finished.connect(self.deleteLater)
        self._draft: Drafting | None = None
        if self.reason is not None:
            self._draft = Drafting(self, bridge, operation.name, str(order.id), {"reason": self.reason})
            self._draft.restore()
        self.say()

    def say(self) -> None:
        """Set every text in the current language; a typed reason stays."""
        order, language = self._order, theme.language()
        step = word(_WORDS[self._operation.name], language)
        self.set_title(f"{step}  {order.number}")
        self.set_confirm_text(step)
        self._what.set_text(
            f"{order.line_code} {name(order.line_name, language)}   {order.product_code} {name(order.product_name, language)}"
        )
        status = word(f"order.{order.status}", language)
        after = word(f"order.{self._after()}", language)
        planned, made = number(order.planned), number(order.completed)
        figures = self.tr("{status} → {after}   planned {planned}, good {good}, scrap {scrap}")
        self._figures.set_text(figures.format(status=status, after=after, planned=planned, good=made, scrap=number(order.scrap)))
        self._who.set_text(signed(self._bridge, waits=self._operation.offline))
        if self.reason is not None:
            self.reason.set_label(self.tr("Reason"))
        if self._draft is not None:
            self._draft.say()

    def _after(self) -> str:
        order = self._order
        return rules.state_after(self._operation.name, order.number, order.status, started=order.actual_start_at is not None)

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_draft"):
            self.say()

    def _decide(self) -> None:
        if self.reason is not None and not self.reason.check():
            self.refit()
            return
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._failed)

    async def _run(self) -> None:
        args: dict[str, Any] = {"order_id": self._order.id, "version": self._order.version}
        if self.reason is not None:
            args["reason"] = self.reason.text()
        if self._although_down:
            args["although_down"] = True
        result = await self._bridge.do(self._operation, shown=self._shown(), **args)
        self.set_pending(False)
        self.close_with("confirmed")
        status = word(f"order.{result.view.status}", theme.language())
        if result.state == "waiting":
            self.done.emit(
                self.tr("{number}: {status}, kept here until the database is back").format(number=result.view.number, status=status)
            )
        else:
            self.done.emit(f"{result.view.number}: {status}")

    def _shown(self) -> list[Shown]:
        """The step in words, for somebody who signs or authorises it."""
        order, language = self._order, theme.language()
        lines = [
            Shown(word("argument.order_id", language), "", f"{order.number}  {order.line_code}  {order.product_code}"),
            Shown(self.tr("State"), word(f"order.{order.status}", language), word(f"order.{self._after()}", language)),
        ]
        return lines if self.reason is None else [*lines, Shown(self.tr("Reason"), "", self.reason.text())]

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Conflict) and error.code == "order.changed":
            self._bridge.start(self._compare(error), on_error=self._told)
            return
        if isinstance(error, Refused) and error.code == "order.line_down":
            # The same button again says: I have looked, it starts all the same.
            self._although_down = True
        self._told(error)

    async def _compare(self, error: Conflict) -> None:
        """Both versions side by side; what is legal by now is said by the order as it is now."""
        possible = self._operation.name
        shown = await compare(self, self._bridge, self._order, self._shown()[1:], lambda now: possible in now.next_operations, self._again)
        if not shown:
            self._told(error)

    def _again(self, now: OrderView) -> None:
        """The same step on the order as it is now."""
        self._order = now
        self.say()
        self.press_confirm()

    def _told(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))


_WORDS = {
    rules.RELEASE: "button.release",
    rules.START: "button.start",
    rules.PAUSE: "button.pause",
    rules.RESUME: "button.resume",
    rules.COMPLETE: "button.complete",
    rules.HOLD: "button.hold",
    rules.UNHOLD: "button.unhold",
    rules.CANCEL: "button.cancel_order",
    rules.CLOSE: "button.close_order",
}
"""Step of an order → glossary id of the verb on its button."""


def step_word(operation: str) -> str:
    """The verb of an order's step in the current language, the same on the button and on the sheet it opens."""
    return word(_WORDS[operation], theme.language())


def signed(bridge: Bridge, *, waits: bool) -> str:
    """Who decides; and, before it is confirmed, that it will wait here when the database is away and the step ``waits``."""
    by = translate("DecideSheet", "by {name}").format(name=bridge.station.actor.name)
    if not waits or bridge.station.database_up is not False:
        return by
    kept = translate("DecideSheet", "The database is away: this is kept here and sent by itself when it is back.")
    return f"{by}   ·   {kept}"


def decision_word(operation: str) -> str:
    """The verb of anything that may wait for the database, as its button says it; an operation without a button by its own name."""
    known = _WORDS.get(operation) or ("button.report" if operation == rules.REPORT else f"operation.{operation}")
    return word(known, theme.language()) if has_word(known) else operation
