"""Hour by hour: what should have been made in each hour of a shift and what was; any shift, by its own date."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.equipment.shift_views import ShiftKey, Worked
from core.errors import GenbaError
from core.production.lines import line_hours
from core.production.time_views import HourRow, ShiftHours
from core.words import day, has_word, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.sheets.stop_words import reason_word
from hmi.widgets.button import TouchButton
from hmi.widgets.hour_table import HourFace, HourTable, total
from hmi.widgets.label import Label
from hmi.widgets.text import CENTER
from hmi.widgets.three_lines import ThreeLines

_REFRESH_S: Final = 5.0


class HoursPage(QWidget):
    """Feed it with ``show_line``; it asks by itself.

    Signals:
        changed(): It has another age; the shell asks again.
        failed(object): An error that is none of ours.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._line_code = ""
        self._key: ShiftKey | None = None
        self._hours: ShiftHours | None = None
        self.updated_at: float | None = None
        self._asking = Asking(bridge, self, self._ask, self._not_answered, _REFRESH_S)
        self.back = TouchButton("", icon="arrow_left")
        self.on = TouchButton("", icon="arrow_right")
        self.now = TouchButton("", kind="quiet", role="body")
        self.title = Label("", "heading", align=CENTER, may_cut=True)
        self.table = HourTable()
        self.problem = ThreeLines(self, closable=False, floating=True)
        look = theme.current()
        head = QHBoxLayout()
        head.setSpacing(look.gap)
        head.addWidget(self.back)
        head.addWidget(self.title, 1)
        head.addWidget(self.now)
        head.addWidget(self.on)
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        column.setSpacing(look.px(6))
        column.addLayout(head)
        column.addWidget(self.table, 1)
        self.back.clicked.connect(lambda: self._go(self._hours.previous if self._hours is not None else None))
        self.on.clicked.connect(lambda: self._go(self._hours.next if self._hours is not None else None))
        self.now.clicked.connect(lambda: self._show_key(None))
        self.retranslate()

    def show_line(self, line_code: str) -> None:
        """The running shift of ``line_code``; nothing changes when it is that line already."""
        if line_code != self._line_code:
            self._line_code, self._key, self._hours = line_code, None, None
            self.retranslate()

    def refresh(self) -> None:
        """Ask for the hours of the shift in front."""
        if self._line_code:
            self._asking.wish()

    def later(self) -> None:
        """Parts were counted, or a stop began: ask again soon."""
        self._asking.later()

    def _go(self, key: ShiftKey | None) -> None:
        if key is not None:
            self._show_key(key)

    def _show_key(self, key: ShiftKey | None) -> None:
        self._key = key
        self.refresh()

    async def _ask(self) -> None:
        line, key = self._line_code, self._key
        answer = await self._bridge.ask(
            line_hours,
            line_code=line,
            production_date=key.production_date if key is not None else None,
            shift_code=key.shift_code if key is not None else "",
        )
        self.problem.clear()
        if (line, key) == (self._line_code, self._key):  # somebody may have turned to another shift meanwhile
            self._hours, self.updated_at = answer.value, answer.as_of.timestamp()
            self.retranslate()
            self.changed.emit()

    def _not_answered(self, error: Exception) -> None:
        if isinstance(error, GenbaError):
            self.problem.show_error(error)
        else:
            self.failed.emit(error)

    # -- showing -------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text anew from what is held."""
        hours, language = self._hours, theme.language()
        self.now.setText(self.tr("Now"))
        self.now.setVisible(self._key is not None)
        self.back.setEnabled(hours is not None and hours.previous is not None)
        self.on.setEnabled(hours is not None and hours.next is not None)
        worked = hours.worked if hours is not None else None
        if hours is None:
            self.title.set_text(self._line_code)
            self.table.show_hours([], self.tr("Is being loaded …"))
        elif worked is None:
            self.title.set_text(word("shift.none", language))
            self.table.show_hours([], self.tr("The line has no shift now. Go back to the last one."))
        else:
            self.title.set_text(self._shift_text(worked))
            faces = [self._face(row) for row in hours.rows]
            self.table.show_hours([*faces, total(faces)])

    def _shift_text(self, worked: Worked) -> str:
        language, zone = theme.language(), self._bridge.zone()
        at = datetime.combine(worked.production_date, datetime.min.time())
        named = f"shift.shift_{worked.shift_code}"
        shift = word(named, language) if has_word(named) else worked.shift_code
        span = f"{worked.from_at.astimezone(zone):%H:%M} – {worked.to_at.astimezone(zone):%H:%M}"
        return "  ".join(filter(None, (self._line_code, day(at, language), shift, worked.crew, span)))

    def _face(self, row: HourRow) -> HourFace:
        zone = self._bridge.zone()
        future = row.state == "future"
        why = "  ".join(reason_word(code) for code in row.reasons)
        if not row.planned_s and row.to_at - row.from_at > timedelta(0):
            why = why or word("shift.break", theme.language())
        return HourFace(
            f"{row.from_at.astimezone(zone):%H:%M} – {row.to_at.astimezone(zone):%H:%M}",
            row.target,
            None if future else row.good,
            None if future else row.reject,
            row.lost,
            row.stop_s,
            why,
            row.state,
            row.coverage,
        )
