"""From a badge, a bar or a row to the sheet in which a stop is explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from core.equipment.states import MachineState
from core.equipment.stop_views import PartView, StopView
from core.equipment.stops import list_stops
from core.errors import Refused
from hmi.panels import Panel
from hmi.sheets.gap import gap_form
from hmi.sheets.stop_reason import StopReasonSheet
from hmi.sheets.stop_times import StopTimesSheet

_AROUND: Final = timedelta(seconds=1)


class StopAsking:
    """Opens the sheets for one panel: over its ground, with its toasts.

    Args:
        panel: Whose stops they are.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def oldest(self, line_codes: tuple[str, ...]) -> None:
        """The stop of these lines that waits longest for its reason."""
        if self._panel.somebody_decides():
            self._start(self._oldest(line_codes))

    def at(self, line_code: str, work_unit_code: str, moment: datetime) -> None:
        """The stop, or the gap in the data, of a machine at ``moment`` (aware)."""
        if self._panel.somebody_decides():
            self._start(self._at(line_code, work_unit_code, moment))

    def explain(self, stop: StopView, part: PartView | None = None) -> None:
        """Say why ``stop`` was; for a gap in the data, what it was."""
        if not self._panel.somebody_decides():
            return
        if stop.state is MachineState.OFFLINE:
            form = gap_form(self._panel.ground, self._panel.bridge, stop)
            form.done.connect(self._panel.refresh)
            form.open()
            return
        sheet = StopReasonSheet(self._panel.ground, self._panel.bridge, stop, part)
        sheet.undoable.connect(self._saved)
        sheet.times_pressed.connect(self.times)
        sheet.open()

    def times(self, stop: StopView) -> None:
        """When what was done about ``stop``."""
        if self._panel.somebody_decides():
            sheet = StopTimesSheet(self._panel.ground, self._panel.bridge, stop)
            sheet.done.connect(self._told)
            sheet.open()

    def _start(self, work: object) -> None:
        self._panel.bridge.start(work, reader=self._panel)  # type: ignore[arg-type] # always one of the coroutines below

    async def _oldest(self, line_codes: tuple[str, ...]) -> None:
        waiting: list[StopView] = []
        for code in line_codes:
            answer = await self._panel.bridge.ask(list_stops, line_code=code, open_only=True)
            waiting += answer.value.items
        if waiting:
            self.explain(min(waiting, key=lambda stop: stop.began_at))
        else:
            self._panel.refresh()  # somebody else was faster

    async def _at(self, line_code: str, work_unit_code: str, moment: datetime) -> None:
        answer = await self._panel.bridge.ask(
            list_stops, line_code=line_code, from_at=moment, to_at=min(moment + _AROUND, datetime.now(UTC) + _AROUND), gaps=True
        )
        for stop in answer.value.items:
            if stop.work_unit_code == work_unit_code and stop.began_at <= moment:
                parts = [part for part in stop.parts if part.from_at <= moment]
                self.explain(stop, parts[-1] if parts else None)
                return
        raise Refused("stop.not_found", unit=work_unit_code, at=f"{moment.astimezone(self._panel.bridge.zone()):%H:%M:%S}")

    def _saved(self, words: str, undo: object) -> None:
        self._panel.undoable.emit(words, undo)
        self._panel.refresh()

    def _told(self, words: str) -> None:
        self._panel.toast.emit(words)
        self._panel.refresh()
