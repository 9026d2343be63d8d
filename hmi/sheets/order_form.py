"""Make a new work order: product, line, quantity, priority, when. One column, one decision, nothing typed is lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from core.errors import GenbaError, Invalid
from core.production.lines import order_choices
from core.production.orders import create_order
from core.production.rules import CREATE
from core.production.views import Choices
from core.words import name, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.choice import ChoiceField
from hmi.sheets.draft import Drafting
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.sheet import BottomSheet

_TIME = "%Y-%m-%d %H:%M"
_FIRST_GUESS = timedelta(hours=8)


class OrderFormSheet(BottomSheet):
    """The form. Times are the site's; the number is proposed and may be another.

    Args:
        parent: The content area.
        bridge: Creates through it.
        line_code: Line to begin with; "" for none.

    Signals:
        done(str): What became of it, in words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, line_code: str = "") -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._choices: Choices | None = None
        self._line_code = line_code
        self._zone = bridge.zone()
        self.setObjectName("sheet.order_form")
        self.number = FieldBox("", kind="code", max_length=50)
        self.product = ChoiceField(parent)
        self.line = ChoiceField(parent)
        self.planned = FieldBox(
            "", kind="number", required=True, entry=NumberEntry("", unit="pcs", low=Decimal(1), high=Decimal(999_999), steppers=True)
        )
        self.priority = FieldBox("", kind="number", required=True, entry=NumberEntry("", low=Decimal(1), high=Decimal(10), old=Decimal(5)))
        self.start = FieldBox("", kind="code", required=True)
        self.end = FieldBox("", kind="code", required=True)
        for part, known in (
            (self.number, "number"), (self.product, "product"), (self.line, "line"), (self.planned, "planned"),
            (self.priority, "priority"), (self.start, "start"), (self.end, "end"),
        ):  # fmt: skip
            part.setObjectName(f"order_form.{known}")
        self._lay_out()
        self._first_values()
        self.on_confirm(self._create)
        self.finished.connect(self.deleteLater)
        kept: dict[str, FieldBox | ChoiceField] = {"number": self.number, "product": self.product, "line": self.line}
        kept |= {"planned": self.planned, "priority": self.priority, "start": self.start, "end": self.end}
        self._draft = Drafting(self, bridge, CREATE, "", kept)
        self.say()
        bridge.start(self._load(), on_error=self._failed, reader=self)

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(theme.current().px(12))
        for part, row, column, wide in (
            (self.product, 0, 0, 3), (self.line, 0, 3, 3), (self.number, 1, 0, 2), (self.planned, 1, 2, 2),
            (self.priority, 1, 4, 2), (self.start, 2, 0, 3), (self.end, 2, 3, 3),
        ):  # fmt: skip
            grid.addWidget(part, row, column, 1, wide)
        for column in range(6):
            grid.setColumnStretch(column, 1)
        self.content.addLayout(grid)

    def _first_values(self) -> None:
        begin = datetime.now(self._zone).replace(second=0, microsecond=0) + timedelta(minutes=5)
        self.start.set_text(begin.strftime(_TIME))
        self.end.set_text((begin + _FIRST_GUESS).strftime(_TIME))
        self.priority.set_text("5")

    async def _load(self) -> None:
        choices = (await self._bridge.ask(order_choices)).value
        self._choices = choices
        if not self.number.text():
            self.number.set_text(choices.next_number)
        self.say()
        if self._line_code:
            self.line.choose(self._line_code)
        self._draft.restore()

    # -- words ---------------------------------------------------------------------------------------------------

    def say(self) -> None:
        """Set every text in the current language; everything typed and chosen stays."""
        language = theme.language()
        self.set_title(word("button.create", language))
        self.set_confirm_text(self.tr("Create order"))
        self.number.set_label(self.tr("Order number (starts with WO)"))
        self.product.set_label(self.tr("Product"))
        self.line.set_label(self.tr("Line"))
        self.planned.set_label(self.tr("Planned quantity"))
        self.priority.set_label(self.tr("Priority (1 high … 10)"))
        self.start.set_label(self.tr("Start (YYYY-MM-DD hh:mm)"))
        self.end.set_label(self.tr("End (YYYY-MM-DD hh:mm)"))
        self._draft.say()
        if self._choices is not None:
            self.product.show_choices(
                [(product.code, f"{product.code}  {name(product.name, language)}") for product in self._choices.products]
            )
            self.line.show_choices([(line.code, f"{line.code}  {name(line.name, language)}") for line in self._choices.lines])

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "end"):
            self.say()

    # -- creating ------------------------------------------------------------------------------------------------

    def _create(self) -> None:
        # One message at a time: the first field that needs a hand, so that the form stays on a small screen.
        fields = (self.product, self.line, self.planned, self.priority)
        if not all(field.check() for field in fields):
            self.refit()
            return
        start, end = self._time(self.start), self._time(self.end)
        if start is None or end is None:
            self.refit()
            return
        self.set_pending(True)
        self._bridge.start(self._run(start, end), on_error=self._failed)

    def _time(self, field: FieldBox) -> datetime | None:
        """The moment typed in the site's time; None with a message under the field."""
        try:
            return datetime.strptime(field.text(), _TIME).replace(tzinfo=self._zone)
        except ValueError:
            field.show_error(Invalid("shell.time_unreadable", text=field.text() or "—"))
            return None

    async def _run(self, start: datetime, end: datetime) -> None:
        result = await self._bridge.do(
            create_order,
            number=self.number.text(),
            product_code=self.product.chosen,
            line_code=self.line.chosen,
            planned=self.planned.number(),
            priority=int(self.priority.number() or 5),
            scheduled_start_at=start,
            scheduled_end_at=end,
        )
        self.set_pending(False)
        self.close_with("confirmed")
        self.done.emit(self.tr("{number} created").format(number=result.view.number))

    def _failed(self, error: Exception) -> None:
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
