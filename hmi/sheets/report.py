"""Report what was made: good, scrap with its defect code and rework in one gesture, the machine's own count as the proposal."""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from core.errors import GenbaError, Refused
from core.production import rules
from core.production.lines import order_choices
from core.production.reports import book_report
from core.production.views import OrderView
from core.words import name, number, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.choice import ChoiceField
from hmi.sheets.decide import signed
from hmi.sheets.draft import Chosen, Drafting
from hmi.sheets.report_fields import DefectCodes, Difference
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet

_LARGEST = Decimal(999_999)


class ReportSheet(BottomSheet):
    """Three numbers, the sum they lead to, a defect code only when there is scrap, a reason only when it is far from the machine's count.

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
        self._over_confirmed = False
        self.setObjectName("sheet.report")
        whole = rules.plain(order.planned).find(".") < 0
        digits = 0 if whole else 3
        entry = NumberEntry("", unit=order.unit, low=Decimal(0), high=_LARGEST, decimals=digits, steppers=True)
        self.good = FieldBox("", kind="number", entry=entry)
        self.good.setObjectName("report.good")
        self.scrap = FieldBox("", kind="number", entry=entry)
        self.scrap.setObjectName("report.scrap")
        self.rework = FieldBox("", kind="number", entry=entry)
        self.rework.setObjectName("report.rework")
        self.why = FieldBox("")
        self.why.setObjectName("report.why")
        self.why.hide()
        self.defects = DefectCodes()
        self._about = Label("", "strong", wrap=True)
        self._machine = Label("", "body", "text2", wrap=True)
        self._sum = Label("", "strong", wrap=True)
        self._who = Label("", "label", "text2", wrap=True)
        self._lay_out()
        self.good.set_text(_plain(order.unreported_good))
        self.scrap.set_text(_plain(order.unreported_reject))
        self.rework.set_text("0")
        for field in (self.good, self.scrap, self.rework):
            field.changed.connect(lambda _: self._typed())
        self._draft = self._kept()
        self.on_confirm(self._book)
        self.finished.connect(self.deleteLater)
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    def _kept(self) -> Drafting:
        """What is typed outlives the program."""
        defect = Chosen(lambda: self.defects.code, self.defects.choose)
        typed = {"good": self.good, "scrap": self.scrap, "rework": self.rework, "why": self.why}
        fields: dict[str, FieldBox | ChoiceField | Chosen] = {**typed, "defect": defect}
        draft = Drafting(self, self._bridge, rules.REPORT, str(self._order.id), fields)
        self.defects.chosen.connect(draft.changed)
        return draft

    def _lay_out(self) -> None:
        look = theme.current()
        fields = QHBoxLayout()
        fields.setSpacing(look.px(16))
        fields.addWidget(self.good, 1)
        fields.addWidget(self.scrap, 1)
        fields.addWidget(self.rework, 1)
        for part in (self._about, self._machine):
            self.content.addWidget(part)
        self.content.addLayout(fields)
        for more in (self.defects, self.why, self._sum):
            self.content.addWidget(more)
        self.content.addWidget(self._who)

    async def _load(self) -> None:
        choices = (await self._bridge.ask(order_choices)).value
        self.defects.offer(choices.defects)
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
        self.rework.set_label(self.tr("Rework"))
        self.why.set_label(self.tr("Why is it not what the machine counted?"))
        self._who.set_text(signed(self._bridge, waits=True))
        self.defects.say()
        self._draft.say()
        self._show()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "_draft"):
            self.say()

    def _typed(self) -> None:
        self._over_confirmed = False
        self.message.clear()
        self._show()

    def _parts(self) -> tuple[Decimal, Decimal, Decimal]:
        good, scrap, rework = (field.number() or Decimal(0) for field in (self.good, self.scrap, self.rework))
        return good, scrap, rework

    def _show(self) -> None:
        """The sum it leads to; defect codes only while there is scrap, a reason only while one is needed."""
        good, scrap, rework = self._parts()
        order = self._order
        total = self.tr("Good {before} → {after} of {planned}").format(
            before=number(order.completed), after=number(order.completed + good), planned=number(order.planned)
        )
        apart = Difference(order, good, scrap, rework)
        self._sum.set_text(f"{total}   {apart.words()}".rstrip())  # one line: the sheet is high enough with a draft's note on it
        wanted = {self.defects: scrap + rework > 0 and self.defects.known, self.why: apart.needs_reason}
        if any(part.isHidden() == shown for part, shown in wanted.items()):
            for part, shown in wanted.items():
                part.setVisible(shown)
            self.refit()

    # -- booking -------------------------------------------------------------------------------------------------

    def _book(self) -> None:
        # Not all() of a generator: every one says what it lacks.
        checked = [field.check() for field in (self.good, self.scrap, self.rework)]
        if not all(checked):
            self.refit()
            return
        self.set_pending(True)
        self._bridge.start(self._run(), on_error=self._failed)

    async def _run(self) -> None:
        order = self._order
        good, scrap, rework = self._parts()
        result = await self._bridge.do(
            book_report,
            shown=self._shown(),
            order_id=order.id,
            good=good,
            scrap=scrap,
            rework=rework,
            defect_code=self.defects.code if scrap + rework > 0 else "",
            difference_reason="" if self.why.isHidden() else self.why.text(),
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
        order, (good, scrap, rework) = self._order, self._parts()
        return [
            Shown(word("argument.order_id", theme.language()), "", f"{order.number}  {order.line_code}  {order.product_code}"),
            Shown(self.tr("Good"), number(order.completed), number(order.completed + good)),
            Shown(self.tr("Scrap"), number(order.scrap), number(order.scrap + scrap)),
            Shown(self.tr("Rework"), number(order.rework), number(order.rework + rework)),
        ]

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Refused) and error.code == "report.over":
            # The same button again says: I have looked at the digits, it is right.
            self._over_confirmed = True
        if isinstance(error, Refused) and error.code == "report.difference":
            self.why.show()
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))


def _plain(quantity: Decimal) -> str:
    return rules.plain(quantity) if quantity else "0"
