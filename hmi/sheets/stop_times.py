"""The times of a stop: when it was detected, noticed, attended to, mended, and when the machine ran again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from core.equipment.stop_views import StopView
from core.equipment.stops import mark_stop
from core.errors import GenbaError, Lines
from core.words import UNDEFINED, duration, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.sheets.stop_words import span_text, typed_moment
from hmi.widgets.button import TouchButton
from hmi.widgets.entry import NumberEntry
from hmi.widgets.fields import FieldBox
from hmi.widgets.label import Label
from hmi.widgets.sheet import BottomSheet

STEPS: Final = ("noticed", "responded", "repaired")
"""What people mark, in the order in which it happens."""


class StopTimesSheet(BottomSheet):
    """One row for each time; a touch marks a step as done now, or at the time that was typed.

    Args:
        parent: The content area.
        bridge: Decides through it.
        stop: As it was seen.

    Signals:
        done(str): A step was marked, in words for a toast.
    """

    done = Signal(str)

    def __init__(self, parent: QWidget, bridge: Bridge, stop: StopView) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._stop = stop
        self.setObjectName("sheet.stop_times")
        self._rows: dict[str, tuple[Label, Label]] = {}
        self.buttons: dict[str, TouchButton] = {}
        self.time = FieldBox("", kind="number", entry=NumberEntry("", low=Decimal(0), high=Decimal(235_959)))
        self.time.setObjectName("stop_times.time")
        self._lay_out()
        self.confirm_button.hide()
        self.finished.connect(self.deleteLater)
        self.say()

    def _lay_out(self) -> None:
        look = theme.current()
        grid = QGridLayout()
        grid.setSpacing(look.gap)
        for place, step in enumerate(("detected", *STEPS, "restarted")):
            title, value = Label("", "body"), Label("", "strong")
            self._rows[step] = (title, value)
            grid.addWidget(title, place, 0)
            grid.addWidget(value, place, 1)
            if step in STEPS:
                button = TouchButton("", role="body")
                button.setObjectName(f"stop_times.{step}")
                button.clicked.connect(lambda _=False, step=step: self._mark(step))
                self.buttons[step] = button
                grid.addWidget(button, place, 2)
        grid.setColumnStretch(1, 1)
        self.content.addLayout(grid)
        self.content.addWidget(self.time)

    # -- words ---------------------------------------------------------------------------------------------------

    def times(self) -> Mapping[str, datetime | None]:
        """Every time of the stop by its name, in the order in which it happens."""
        stop = self._stop
        return {
            "detected": stop.began_at,
            "noticed": stop.noticed_at,
            "responded": stop.responded_at,
            "repaired": stop.repaired_at,
            "restarted": stop.restarted_at,
        }

    def say(self) -> None:
        """Set every text in the current language."""
        stop, language, zone = self._stop, theme.language(), self._bridge.zone()
        self.set_title(f"{stop.work_unit_code}   {span_text(stop.began_at, stop.ended_at, zone, datetime.now(UTC))}")
        for step, at in self.times().items():
            title, value = self._rows[step]
            title.set_text(word(f"stoptime.{step}", language))
            after = "" if at is None or step == "detected" else f"   +{duration((at - stop.began_at).total_seconds())}"
            who = stop.by.get(step, "")
            value.set_text(UNDEFINED if at is None else f"{at.astimezone(zone):%H:%M:%S}{after}   {who}".rstrip())
        for step, button in self.buttons.items():
            button.setText(self.tr("Now") if self.times()[step] is None else word("button.edit", language))
        self.time.set_label(self.tr("Or at this time (hhmm)"))
        self.cancel_button.setText(word("button.close", language))
        self.refit()

    def retranslate(self) -> None:
        """Follow a change of language while open."""
        super().retranslate()
        if hasattr(self, "time"):
            self.say()

    # -- marking -------------------------------------------------------------------------------------------------

    def _mark(self, step: str) -> None:
        at = None
        if self.time.text() or self.times()[step] is not None:
            typed = self.time.text().zfill(4 if len(self.time.text()) <= 4 else 6)
            at = typed_moment(typed, self._bridge.zone(), self._stop.began_at, datetime.now(UTC)) if self.time.text() else None
            if at is None:
                self._say_time()
                return
        self._set_busy(True)
        self._bridge.start(self._run(step, at), on_error=self._failed)

    def _say_time(self) -> None:
        span = span_text(self._stop.began_at, None, self._bridge.zone(), datetime.now(UTC))
        what = self.tr("No time is typed.") if not self.time.text() else self.tr("{value} lies not after the stop began.")
        self.message.show_lines(
            Lines(
                what.format(value=self.time.text()),
                self.tr("Type a time inside {span}.").format(span=span),
                self.tr("What you entered is kept."),
            ),
            "warning",
        )
        self.refit()

    def _set_busy(self, busy: bool) -> None:
        for button in self.buttons.values():
            button.setEnabled(not busy)
        self.cancel_button.setEnabled(not busy)

    async def _run(self, step: str, at: datetime | None) -> None:
        stop, language = self._stop, theme.language()
        zone = self._bridge.zone()
        old = self.times()[step]
        given: dict[str, Any] = {"work_unit_code": stop.work_unit_code, "began_at": stop.began_at, "step": step, "at": at}
        shown = [
            Shown(word("argument.work_unit_code", language), "", stop.work_unit_code),
            Shown(
                word(f"stoptime.{step}", language),
                "" if old is None else f"{old.astimezone(zone):%H:%M:%S}",
                f"{(at or datetime.now(UTC)).astimezone(zone):%H:%M:%S}",
            ),
        ]
        result = await self._bridge.do(mark_stop, shown=shown, version=stop.version, **given)
        self._stop = result.view
        self._set_busy(False)
        self.message.clear()
        self.time.set_text("")
        self.say()
        words = f"{stop.work_unit_code}: {word(f'stoptime.{step}', theme.language())}"
        if result.state == "waiting":
            words = self.tr("{words}, kept here until the database is back").format(words=words)
        self.done.emit(words)

    def _failed(self, error: Exception) -> None:
        self._set_busy(False)
        self.show_error(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))
