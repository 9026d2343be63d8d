"""The order on a line in figures: what is made, what should be by now, what remains and when it is done."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from zoneinfo import ZoneInfo

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.production.views import LineDetail
from core.words import UNDEFINED, name, number, word
from hmi import theme
from hmi.panels.lines.figures import finish_text, lead_text, target_now
from hmi.widgets.bars import CountBar
from hmi.widgets.label import Label

_SHARES: Final = (("order", 9), ("good", 3), ("reject", 3), ("target", 5), ("remaining", 4), ("finish", 4))


class CountCard(QFrame):
    """Feed it with ``show_detail``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("frame", "card")
        self._figures: dict[str, tuple[Label, Label]] = {}
        self.bar = CountBar()
        look = theme.current()
        inside = QVBoxLayout(self)
        inside.setContentsMargins(look.px(12), look.px(6), look.px(12), look.px(8))
        inside.setSpacing(look.px(4))
        row = QHBoxLayout()
        for key, share in _SHARES:
            value = Label(UNDEFINED, "strong" if key == "order" else "value", may_cut=key == "order")
            label = Label("", "label", "text2", may_cut=True)
            self._figures[key] = (value, label)
            cell = QVBoxLayout()
            cell.setSpacing(0)
            cell.addWidget(label)
            cell.addWidget(value)
            row.addLayout(cell, share)
        inside.addLayout(row)
        inside.addWidget(self.bar)

    def show_detail(self, detail: LineDetail, waiting: Collection[str], zone: ZoneInfo) -> None:
        """What the database knows of the line's order; ``waiting`` names the orders with decisions that are not in it yet."""
        line, order = detail.line, detail.line.order
        language = theme.language()
        if order is None:
            self._set("order", self.tr("No order"))
            self._figures["order"][1].set_text(word("panel.work_orders", language))
        else:
            waits = self.tr("waiting")
            status = word(f"order.{order.status}", language)
            self._set("order", f"{order.product_code} {name(order.product_name, language)}")
            self._figures["order"][1].set_text(f"{order.number} · {f'{status} · {waits}' if f'order:{order.id}' in waiting else status}")
        made = None if order is None else order.machine_good
        self._set("good", number(made if order is not None else line.good_today))
        self._set("reject", number(order.machine_reject if order is not None else line.reject_today))
        target = target_now(detail)
        self._set("target", f"{number(target)}{lead_text(made, target)}")
        self._set("remaining", number(None if order is None else order.remaining))
        self._set("finish", finish_text(order, zone))
        self.bar.setVisible(order is not None)
        if order is not None:
            self.bar.show_count(float(made or 0), float(order.planned), target)

    def say(self) -> None:
        """Set every label in the current language; what depends on the order comes with ``show_detail``."""
        language = theme.language()
        for key, text in (
            ("good", word("count.good", language)),
            ("reject", word("count.reject", language)),
            ("target", word("count.pace_target", language)),
            ("remaining", word("count.remaining", language)),
            ("finish", self.tr("Finish")),
        ):
            self._figures[key][1].set_text(text)

    def _set(self, key: str, text: str) -> None:
        self._figures[key][0].set_text(text)
