"""Parts of the report sheet: why scrap is scrap, by touch, and what the machine says of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from core.production import report_rules
from core.production.views import Named, OrderView
from core.words import name, number
from hmi import theme
from hmi.widgets.button import TouchButton
from hmi.widgets.label import Label

_COLUMNS = 4
_SHOWN = 8

translate = QCoreApplication.translate


class DefectCodes(QWidget):
    """Eight codes at a time, in the order of the catalogue; the last button turns to the next ones when there are more.

    Signals:
        chosen(): Another code is chosen.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._defects: tuple[Named, ...] = ()
        self._page = 0
        self.code = ""
        self.buttons: dict[str, TouchButton] = {}
        self.more = TouchButton("", kind="quiet")
        self.more.setObjectName("defect.more")
        self.more.guard_ms = 0
        self.more.clicked.connect(self._turn)
        self._why = Label("", "label", "text2")
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.current().gap)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.current().px(4))
        column.addWidget(self._why)
        column.addLayout(self._grid)

    @property
    def known(self) -> bool:
        """True when there is something to choose from."""
        return bool(self._defects)

    def offer(self, defects: Sequence[Named]) -> None:
        """The codes of the catalogue."""
        self._defects = tuple(defects)
        for defect in self._defects:
            button = self.buttons[defect.code] = TouchButton("", kind="quiet")
            button.setCheckable(True)
            button.setObjectName(f"defect.{defect.code}")
            button.clicked.connect(lambda _=False, code=defect.code: self.choose(code))
        self._lay_out()

    def choose(self, code: str) -> None:
        """Choose a code; "" for none. Its page is shown."""
        self.code = code
        codes = list(self.buttons)
        if code in codes:
            self._page = codes.index(code) // self._each
        for known, button in self.buttons.items():
            button.setChecked(known == code)
            button.kind, button.icon_name = ("primary", "check") if known == code else ("quiet", "")
            button.updateGeometry()
            button.update()
        self._lay_out()
        self.chosen.emit()

    @property
    def _each(self) -> int:
        return _SHOWN if len(self._defects) <= _SHOWN else _SHOWN - 1

    def _turn(self) -> None:
        self._page = (self._page + 1) % -(-len(self._defects) // self._each)
        self._lay_out()

    def _lay_out(self) -> None:
        first = self._page * self._each
        shown = list(self.buttons.values())[first : first + self._each]
        for button in (*self.buttons.values(), self.more):
            self._grid.removeWidget(button)
            button.hide()
        if len(self._defects) > self._each:
            shown.append(self.more)
        for place, button in enumerate(shown):
            self._grid.addWidget(button, place // _COLUMNS, place % _COLUMNS)
            button.show()

    def say(self) -> None:
        """Set every text in the current language; the choice stays."""
        self._why.set_text(translate("ReportSheet", "Why is it scrap?"))
        self.more.setText(translate("ReportSheet", "More codes"))
        for defect in self._defects:
            self.buttons[defect.code].setText(f"{defect.code} {name(defect.name, theme.language())}")
        self._grid.activate()  # the sheet asks for the height now, not at the next turn
        self.updateGeometry()


class Difference:
    """How far a report lies from what the machine counted.

    Attributes:
        counted: Parts counted beyond what was reported; None where nothing counts them.
        apart: Reported minus counted.
        needs_reason: True above the limit of the line.
    """

    def __init__(self, order: OrderView, good: Decimal, scrap: Decimal, rework: Decimal) -> None:
        self.counted = order.counted
        counted = Decimal(0) if self.counted is None else self.counted
        self.apart = report_rules.difference(good, scrap, rework, counted)
        limit = order.difference_limit
        self.needs_reason = self.counted is not None and report_rules.must_explain(self.apart, counted, limit)

    def words(self) -> str:
        """One line in the current language; "" where nothing counts."""
        if self.counted is None:
            return ""
        if not self.apart:
            return translate("ReportSheet", "As counted: {counted}").format(counted=number(self.counted))
        sign = "+" if self.apart > 0 else ""
        told = translate("ReportSheet", "Counted {counted}, difference {apart}")
        return told.format(counted=number(self.counted), apart=f"{sign}{number(self.apart)}")
