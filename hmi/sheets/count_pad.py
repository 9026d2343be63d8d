"""Counting by hand, where no machine does: one touch is one part, and it can be taken back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError
from core.production.lines import order_choices
from core.production.reports import book_report, correct_report
from core.production.views import OrderView
from core.words import name, number, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.report_fields import DefectCodes
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet

_GOOD = ""


class CountPad(BottomSheet):
    """+1 is good, a defect code is one rejected part. What is touched while a booking is under way is booked with the next one.

    Args:
        ground: The content area.
        bridge: Books through it.
        order: Started, counted by hand.

    Signals:
        done(str): It was closed; words for a toast, "" when nothing was counted.
    """

    done = Signal(str)

    def __init__(self, ground: QWidget, bridge: Bridge, order: OrderView) -> None:
        super().__init__(ground)
        self._bridge, self.order = bridge, order
        self._touched: Counter[str] = Counter()
        self._booking = False
        self._last: UUID | None = None
        self._made = 0
        self.setObjectName("sheet.count_pad")
        self._about = Label("", "strong", wrap=True)
        self._count = Label("", "heading")
        self.plus = TouchButton("+1", kind="primary", large=True)
        self.plus.setObjectName("count.plus")
        self.plus.guard_ms = 0  # parts come faster than double taps
        self.plus.setMinimumHeight(theme.current().touch_primary * 2)
        self.undo = TouchButton("", icon="undo", large=True)
        self.undo.setObjectName("count.undo")
        self.undo.setEnabled(False)
        self.defects = DefectCodes()
        row = QHBoxLayout()
        row.setSpacing(theme.current().gap)
        row.addWidget(self.plus, 2)
        row.addWidget(self.undo, 1)
        for part in (self._about, self._count):
            self.content.addWidget(part)
        self.content.addLayout(row)
        self.content.addWidget(self.defects)
        self.plus.clicked.connect(lambda: self._touch(_GOOD))
        self.undo.clicked.connect(self._take_back)
        self.defects.chosen.connect(self._rejected)
        self.cancel_button.hide()
        self.confirmed.connect(lambda: self.done.emit(self._words() if self._made else ""))
        self.finished.connect(self.deleteLater)
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    async def _load(self) -> None:
        self.defects.offer((await self._bridge.ask(order_choices)).value.defects)
        for button in self.defects.buttons.values():
            button.setCheckable(False)  # a touch is a part, not a choice
        self.say()
        self.refit()

    # -- counting ------------------------------------------------------------------------------------------------

    def _rejected(self) -> None:
        code = self.defects.code
        if code:
            self.defects.choose("")
            self._touch(code)

    def _touch(self, code: str) -> None:
        self._touched[code] += 1
        self.say()
        self._go_on()

    def _go_on(self) -> None:
        if not self._booking and self._touched:
            self._booking = True
            self._bridge.start(self._book(), on_error=self._failed)

    async def _book(self) -> None:
        code = next(iter(self._touched))
        parts = self._touched[code]
        made = {"good": Decimal(parts)} if code == _GOOD else {"scrap": Decimal(parts), "defect_code": code}
        result = await self._bridge.do(book_report, order_id=self.order.id, over_confirmed=False, **made)
        self._touched[code] -= parts
        self._touched += Counter()  # drops what is 0
        self.order = result.view
        self._made += parts
        booked = result.view.booked
        self._last = booked.id if booked is not None and result.state == "applied" else None
        self._booking = False
        self.message.clear()
        self.say()
        self._go_on()

    def _take_back(self) -> None:
        if self._last is not None and not self._booking:
            self._booking = True
            self._bridge.start(self._undone(self._last), on_error=self._failed)

    async def _undone(self, report_id: UUID) -> None:
        taken = (await self._bridge.do(correct_report, report_id=report_id, reason=self.tr("touched by mistake"))).view
        self.order = replace(self.order, completed=self.order.completed + taken.good, scrap=self.order.scrap + taken.scrap)
        self._made += int(taken.good + taken.scrap)
        self._last, self._booking = None, False
        self.say()
        self._go_on()

    def _failed(self, error: Exception) -> None:
        self._booking = False
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
        self.say()  # what was touched and is not booked stays on the pad

    # -- words ---------------------------------------------------------------------------------------------------

    def _words(self) -> str:
        order = self.order
        return self.tr("{number}: good {good} of {planned}").format(
            number=order.number, good=number(order.completed), planned=number(order.planned)
        )

    def say(self) -> None:
        """Set every text in the current language; the counts stay."""
        order, language = self.order, theme.language()
        self.set_title(self.tr("Count by hand  {number}").format(number=order.number))
        self.set_confirm_text(word("button.close", language))
        self._about.set_text(f"{order.line_code} {name(order.line_name, language)}   {order.product_code}")
        waiting = sum(self._touched.values())
        counts = self.tr("Good {good} of {planned}, scrap {scrap}").format(
            good=number(order.completed), planned=number(order.planned), scrap=number(order.scrap)
        )
        self._count.set_text(counts + (self.tr("   being booked: {n}").format(n=waiting) if waiting else ""))
        self.undo.setText(self.tr("Take the last one back"))
        self.undo.setEnabled(self._last is not None and not self._booking)
        self.confirm_button.setEnabled(not waiting or not self.message.isHidden())
        self.defects.say()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "undo"):
            self.say()
