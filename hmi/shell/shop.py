"""What every screen says of the floor, whatever panel is in front: who is called where, and which shift runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from PySide6.QtCore import QObject

from core.equipment import shifts
from core.equipment.calendar import get_calendars
from core.equipment.calls import list_calls
from core.equipment.shift_views import CalendarView
from hmi.bridge import Bridge
from hmi.bridge.asking import Asking
from hmi.shell.header import Header

_LEVELS_EVERY_S: Final = 20.0
"""A call rises by itself: it is looked at again although nothing was written."""


class Shop(QObject):
    """Keeps the header's calls and its shift.

    Args:
        bridge: Asks through it.
        header: Shows them.
        parent: Whose life it shares.
    """

    def __init__(self, bridge: Bridge, header: Header, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._header = header
        self._calendars: CalendarView | None = None
        self._looked_at = self._counted_at = 0.0
        self._calls = Asking(bridge, header, self._ask_calls, self._not_answered)
        self._shifts = Asking(bridge, header, self._ask_shifts, self._not_answered)
        bridge.site_changed.connect(self._ask)
        bridge.database_changed.connect(lambda _: self._ask())
        bridge.noticed.connect(self._noticed)
        bridge.frame.connect(self._frame)
        self._ask()

    def _ask(self) -> None:
        self._looked_at = time.monotonic()
        self._calls.wish()
        self._shifts.wish()

    def _noticed(self, keys: frozenset[str]) -> None:
        if any(key.startswith(("call:", "*")) for key in keys):
            self._calls.wish()
        if any(key.startswith(("calendar", "shift", "line:", "*")) for key in keys):
            self._shifts.wish()

    async def _ask_calls(self) -> None:
        self._header.show_calls((await self._bridge.ask(list_calls)).value)

    async def _ask_shifts(self) -> None:
        self._calendars = (await self._bridge.ask(get_calendars)).value
        self._show_shift()

    def _not_answered(self, _: Exception) -> None:
        """What was known stays: the panel in front says what is wrong with the database."""

    def _frame(self, _: float) -> None:
        now = time.monotonic()
        if now - self._counted_at >= 1.0:
            self._counted_at = now
            self._show_shift()
        if now - self._looked_at >= _LEVELS_EVERY_S:
            self._looked_at = now
            self._calls.wish()

    def _show_shift(self) -> None:
        if self._calendars is not None and self._bridge.is_ready:
            lines = [line.code for line in self._bridge.station.site.lines]
            self._header.show_shift(shift_name(self._calendars, lines, datetime.now(UTC)))


def shift_name(calendars: CalendarView, lines: list[str], now: datetime) -> Mapping[str, str]:
    """Name by language of the shift that all lines with a shift work at ``now`` (aware); {} when there is none or they differ."""
    known = {calendar.code: calendar for calendar in calendars.calendars}
    names: list[Mapping[str, str]] = []
    for line in lines:
        calendar = known.get(calendars.line_calendars.get(line, ""))
        worked = shifts.shift_at(calendar, line, now) if calendar is not None else None
        if calendar is not None and worked is not None:
            shift = next((each for each in calendar.shifts if each.code == worked.shift_code), None)
            names.append(shift.name if shift is not None else {"ja": worked.shift_code, "en": worked.shift_code})
    return names[0] if names and all(each == names[0] for each in names) else {}
