"""Report what was made: good and scrap with its defect code, the machine's own count as the proposal."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from core.errors import GenbaError, Refused
from core.production import rules
from core.production.lines import order_choices
from core.production.reports import book_report
from core.production.views import Named, OrderView
from core.words import name, number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.decide import signed
from hmi.sheets.draft import Chosen, Drafting
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet

_LARGEST = Decimal(999_999)
_DEFECT_COLUMNS = 4
_DEFECTS_SHOWN = 8


class ReportSheet(BottomSheet):
    """Two numbers, a defect code only when there is scrap, and the sum it leads to before it is confirmed.

    Args:
        parent: The content area.
        bridge: Books through it.
        order: What the parts belong to.

    Signals:
        done(str): What became of it, in words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, order: OrderView) -> None:
        super().__init__(parent, enter_confirms=False)
        self._bridge = bridge
        self._order = order
        self._defects: tuple[Named, ...] = ()
        self._defect = ""
        self._over_confirmed = False
        self.setObjectName("sheet.report")
        whole = rules.plain(order.planned).find(".") < 0
        digits = 0 if whole else 3
        entry = NumberEntry("", unit=order.unit, low=Decimal(0), high=_LARGEST, decimals=digits, steppers=True)
        self.good = FieldBox("", kind="number", entry=entry)
        self.good.setObjectName("report.good")
        self.scrap = FieldBox("", kind="number", entry=entry)
        self.scrap.setObjectName("report.scrap")
        self._about = Label("", "strong", wrap=True)
        self._machine = Label("", "body", "text2", wrap=True)
        self._why = Label("", "label", "text2")
        self._sum = Label("", "strong", wrap=True)
        self._who = Label("", "label", "text2", wrap=True)
        self._grid = QGridLayout()
        self._buttons: dict[str, TouchButton] = {}
        self._lay_out()
        self.good.set_text(_plain(order.unreported_good))
        self.scrap.set_text(_plain(order.unreported_reject))
        self.good.changed.connect(lambda _: self._typed())
        self.scrap.changed.connect(lambda _: self._typed())
        defect = Chosen(lambda: self._defect, lambda code: self._choose(code))
        self._draft = Drafting(self, bridge, rules.REPORT, str(order.id), {"good": self.good, "scrap": self.scrap, "defect": defect})
        self.on_confirm(self._book)
        self.finished.connect(self.deleteLater)
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    def _lay_out(self) -> None:
        look = theme.current()
        fields = QHBoxLayout()
        fields.setSpacing(look.px(16))
        fields.addWidget(self.good, 1)
        fields.addWidget(self.scrap, 1)
        self._grid.setSpacing(look.gap)
        for part in (self._about, self._machine):
            self.content.addWidget(part)
        self.content.addLayout(fields)
        self.content.addWidget(self._why)
        self.content.addLayout(self._grid)
        self.content.addWidget(self._sum)
        self.content.addWidget(self._who)

    async def _load(self) -> None:
        choices = (await self._bridge.ask(order_choices)).value
        self._defects = choices.defects[:_DEFECTS_SHOWN]
        for place, defect in enumerate(self._defects):
            button = TouchButton("", kind="quiet")
            button.setCheckable(True)
            button.setObjectName(f"defect.{defect.code}")
            button.clicked.connect(lambda _=False, code=defect.code: self._choose(code))
            self._buttons[defect.code] = button
            self._grid.addWidget(button, place // _DEFECT_COLUMNS, place % _DEFECT_COLUMNS)
        self._draft.restore()
        self.say()

    # -- words ---------------------------------------------------------------------------------------------------

    def say(self) -> None:
        """Set every text in the current language; numbers and the chosen code stay."""
        order, language = self._order, theme.language()
        self.set_title(self.tr("Report quantity  {number}").format(number=order.number))
        self._about.set_text(
            f"{order.line_code} {name(order.line_name, language)}   {order.product_code} {name(order.product_name, language)}"
        )
        counted = self.tr("Machine counted: good {good}, reject {reject}. Reported so far: good {done}, scrap {scrap}.")
        self._machine.set_text(
            counted.format(
                good=number(order.machine_good),
                reject=number(order.machine_reject),
                done=number(order.completed),
                scrap=number(order.scrap),
            )
        )
        self.good.set_label(self.tr("Good"))
        self.scrap.set_label(self.tr("Scrap"))
        self._why.set_text(self.tr("Why is it scrap?"))
        self._who.set_text(signed(self._bridge, waits=True))
        for defect in self._defects:
            self._buttons[defect.code].setText(f"{defect.code} {name(defect.name, language)}")
        self._draft.say()
        self._show()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_buttons"):
            self.say()

    def _typed(self) -> None:
        self._over_confirmed = False
        self.message.clear()
        self._show()

    def _show(self) -> None:
        """The sum it leads to; defect codes only while there is scrap."""
        good, scrap = self.good.number() or Decimal(0), self.scrap.number() or Decimal(0)
        order = self._order
        total = self.tr("Good {before} → {after} of {planned}").format(
            before=number(order.completed), after=number(order.completed + good), planned=number(order.planned)
        )
        self._sum.set_text(total)
        shown = scrap > 0 and bool(self._defects)
        # Asked of every one: buttons that have just come are visible, and the sheet was fitted without them.
        parts = (self._why, *self._buttons.values())
        if any(part.isHidden() == shown for part in parts):
            for part in parts:
                part.setVisible(shown)
            self.refit()

    def _choose(self, code: str) -> None:
        self._defect = code
        self._draft.changed()
        for known, button in self._buttons.items():
            button.setChecked(known == code)
            button.kind, button.icon_name = ("primary", "check") if known == code else ("quiet", "")
            button.updateGeometry()
            button.update()

    # -- booking -------------------------------------------------------------------------------------------------

    def _book(self) -> None:
        if not (self.good.check() and self.scrap.check()):
            self.refit()
            return
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._failed)

    async def _run(self) -> None:
        order = self._order
        result = await self._bridge.do(
            book_report,
            shown=self._shown(),
            order_id=order.id,
            good=self.good.number() or Decimal(0),
            scrap=self.scrap.number() or Decimal(0),
            defect_code=self._defect if (self.scrap.number() or 0) > 0 else "",
            machine_good=order.machine_good,
            machine_reject=order.machine_reject,
            over_confirmed=self._over_confirmed,
        )
        self.set_pending(False)
        self.close_with("confirmed")
        words = self._became(result.view)
        self.done.emit(words if result.state == "applied" else self.tr("{words}, kept here until the database is back").format(words=words))

    def _became(self, view: OrderView) -> str:
        """Where the parts went: to the order, or to none because it did not run when they were made."""
        booked = view.booked
        if booked is not None and booked.order_id is None:
            made = {"good": number(booked.good), "scrap": number(booked.scrap), "line": booked.line_code}
            return self.tr("{line}: good {good}, scrap {scrap} booked without an order; a supervisor assigns them").format(**made)
        return self.tr("{number}: good {good} of {planned}").format(
            number=view.number, good=number(view.completed), planned=number(view.planned)
        )

    def _shown(self) -> list[Shown]:
        """The report in words, for somebody who authorises it."""
        order, good, scrap = self._order, self.good.number() or Decimal(0), self.scrap.number() or Decimal(0)
        return [
            Shown(word("argument.order_id", theme.language()), "", f"{order.number}  {order.line_code}  {order.product_code}"),
            Shown(self.tr("Good"), number(order.completed), number(order.completed + good)),
            Shown(self.tr("Scrap"), number(order.scrap), number(order.scrap + scrap)),
        ]

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Refused) and error.code == "report.over":
            # The same button again says: I have looked at the digits, it is right.
            self._over_confirmed = True
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))


def _plain(quantity: Decimal) -> str:
    return rules.plain(quantity) if quantity else "0"
