"""Downtime log of a line: every stop with its parts, who said why; explain, split, merge and times for the chosen one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.equipment.stop_views import PartView, StopView
from core.equipment.stops import list_stops, merge_stops
from core.errors import GenbaError
from core.words import duration, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.bridge.asking import Asking
from hmi.panels import Action
from hmi.sheets.ask_form import AskForm, Form
from hmi.sheets.stop_words import part_end, part_text, reason_word, span_text
from hmi.widgets.label import Label
from hmi.widgets.table import Cell, Column, PagedTable, Row
from hmi.widgets.tabs import SegmentedTabs
from hmi.widgets.three_lines import ThreeLines

_LIMIT: Final = 500
Key = tuple[str, datetime]
"""A stop and the beginning of one of its parts."""


class DowntimePage(QWidget):
    """One row for each part of a stop, newest first. Feed it with ``show_line``; it asks by itself.

    Signals:
        changed(): The action bar is to be asked again.
        explain(StopView, PartView): Somebody wants to say why.
        times(StopView): Somebody wants to see when what was done.
        toast(str): A result.
        failed(object): An error that is none of ours.
    """

    changed = Signal()
    explain = Signal(object, object)
    times = Signal(object)
    toast = Signal(str)
    failed = Signal(object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.ground: QWidget = self
        self.decides: Callable[[], bool] = lambda: True
        self._line_code = ""
        self._known = False
        self._rows: dict[Key, tuple[StopView, PartView]] = {}
        self.updated_at: float | None = None
        self._asking = Asking(bridge, self, self._ask, self._not_answered)
        self.filter = SegmentedTabs()
        self.count = Label("", "label", "text2")
        self.table = PagedTable()
        self.problem = ThreeLines(self, closable=False, floating=True)
        look = theme.current()
        head = QHBoxLayout()
        head.setSpacing(look.px(12))
        head.addWidget(self.filter)
        head.addStretch(1)
        head.addWidget(self.count)
        column = QVBoxLayout(self)
        column.setContentsMargins(look.px(10), look.px(6), look.px(10), look.px(6))
        column.setSpacing(look.px(6))
        column.addLayout(head)
        column.addWidget(self.table, 1)
        self.filter.chosen.connect(lambda _: self.refresh())
        self.table.selected.connect(lambda _: self.changed.emit())
        self.table.opened.connect(lambda _: self._explain())
        self.retranslate()

    def show_line(self, line_code: str) -> None:
        """The stops of ``line_code``."""
        if line_code != self._line_code:
            self._line_code, self._known = line_code, False
            self.table.select(None)
            self._show({})

    def refresh(self) -> None:
        """Ask for the stops of the last 24 hours."""
        if self._line_code:
            self._asking.wish()

    async def _ask(self) -> None:
        line, only = self._line_code, self.filter.current
        answer = await self._bridge.ask(list_stops, line_code=line, open_only=only == "open", gaps=only == "gaps", limit=_LIMIT)
        self.problem.clear()
        if (line, only) != (self._line_code, self.filter.current):
            self._asking.wish()  # something else is looked for meanwhile
            return
        self._known, self.updated_at = True, answer.as_of.timestamp()
        stops = [stop for stop in answer.value.items if only != "gaps" or stop.state == "OFFLINE"]
        self._show({(stop.id, part.from_at): (stop, part) for stop in stops for part in reversed(stop.parts)})

    def _not_answered(self, error: Exception) -> None:
        if isinstance(error, GenbaError):
            self.problem.show_error(error)
        else:
            self.failed.emit(error)

    # -- showing -------------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[StopView, PartView] | None:
        """Stop and part of the selected row; None without one."""
        return next((row for key, row in self._rows.items() if key == self.table.selected_key), None)

    def _show(self, rows: dict[Key, tuple[StopView, PartView]]) -> None:
        self._rows = rows
        now = datetime.now(UTC)
        stops = {stop.id: stop for stop, _ in rows.values()}
        seconds = sum(stop.seconds(now) for stop in stops.values())
        open_s = sum(stop.seconds(now) for stop in stops.values() if stop.needs_reason)
        words = self.tr("{n} stops   {length}   without reason {open}")
        self.count.set_text(words.format(n=len(stops), length=duration(seconds), open=duration(open_s)) if self._known else "")
        self._say_empty()
        self.table.show_rows([self._row(stop, part, now) for stop, part in rows.values()], list(rows))
        self.changed.emit()

    def _say_empty(self) -> None:
        if not self._known:
            self.table.set_empty_text(self.tr("Is being loaded …"))
        elif self.filter.current == "open":
            self.table.set_empty_text(self.tr("Every stop of the last 24 hours has its reason."))
        else:
            self.table.set_empty_text(self.tr("Nothing of this kind in the last 24 hours."))

    def _row(self, stop: StopView, part: PartView, now: datetime) -> Row:
        zone, language = self._bridge.zone(), theme.language()
        waits = stop.needs_reason and part.reason_code in ("", "D99")
        state = part.state or stop.state
        merged = self.tr("belongs to the stop before") if stop.merged_into else ""
        first = part is stop.parts[0]
        responded = [f"{word(f'stoptime.{step}', language)} {at.astimezone(zone):%H:%M}" for step, at in _marks(stop) if at is not None]
        return (
            Cell(span_text(part.from_at, part_end(stop, part), zone, now), strong=first, below=stop.work_unit_code),
            Cell(word(f"state.{state}", language), state=state.value),
            Cell(
                reason_word(part.reason_code) if stop.state != "OFFLINE" or part.reason_code else part.comment or reason_word(""),
                strong=waits,
                glyph="exclamation" if waits else "",
                below=merged or "  ".join(filter(None, (part.comment, part.by))),
            ),
            Cell("  ".join(responded) if first else ""),
        )

    # -- actions -------------------------------------------------------------------------------------------------

    def bar_actions(self) -> list[Action]:
        """What can be said of the chosen row."""
        if self.chosen is None:
            return []
        language = theme.language()
        stop, part = self.chosen
        before = self._before(stop, part)
        actions = [Action("downtime.reason", word("argument.reason_code", language), self._explain, primary=True)]
        if stop.state == "OFFLINE":
            actions = [Action("downtime.reclassify", self.tr("What was it?"), self._explain, primary=True)]
        else:
            actions.append(Action("downtime.times", self.tr("Times"), lambda: self.times.emit(stop)))
        if before is not None and self._bridge.may(merge_stops):
            actions.append(Action("downtime.merge", self.tr("Merge with the one before"), lambda: self._merge(stop, part, before)))
        return actions

    def _explain(self) -> None:
        if self.chosen is not None:
            self.explain.emit(*self.chosen)

    def _before(self, stop: StopView, part: PartView) -> datetime | None:
        """Beginning of what a row can be merged with: the part before it, else the stop before it on the same machine."""
        parts = [each.from_at for each in stop.parts if each.from_at < part.from_at]
        if parts:
            return max(parts)
        others = [
            other.began_at
            for other, _ in self._rows.values()
            if other.work_unit_code == stop.work_unit_code and other.began_at < stop.began_at and other.state != "OFFLINE"
        ]
        return max(others, default=None) if stop.state != "OFFLINE" and not stop.merged_into else None

    def _merge(self, stop: StopView, part: PartView, before: datetime) -> None:
        """Two steps, because it changes what counts as one failure."""
        if not self.decides():
            return
        zone = self._bridge.zone()
        now = datetime.now(UTC)

        def form() -> Form:
            title = self.tr("Merge with the one before")
            span = span_text(part.from_at, part_end(stop, part), zone, now)
            lines = (f"{before.astimezone(zone):%H:%M:%S}", f"{span}   {part_text(part)}")
            return Form(title, note="\n".join(lines), confirm=word("button.confirm", theme.language()))

        async def decide(_: Any) -> None:
            shown = [Shown(word("argument.second_began_at", theme.language()), "", f"{part.from_at.astimezone(zone):%H:%M:%S}")]
            await self._bridge.do(
                merge_stops,
                shown=shown,
                work_unit_code=stop.work_unit_code,
                first_began_at=before,
                second_began_at=part.from_at,
                version=stop.version,
            )

        sheet = AskForm(self.ground, self._bridge, form, decide)
        sheet.done.connect(self._merged)
        sheet.open()

    def _merged(self) -> None:
        self.toast.emit(self.tr("Merged"))
        self.refresh()

    def retranslate(self) -> None:
        """Set every text anew from what is held."""
        tabs = [("all", self.tr("All stops")), ("open", self.tr("Without reason")), ("gaps", word("element.GAP", theme.language()))]
        self.filter.show_tabs(tabs, self.filter.current or "all")
        language = theme.language()
        self.table.set_columns(
            [
                Column(self.tr("When"), 2.6),
                Column(word("argument.state", language), 1.7),
                Column(word("argument.reason_code", language), 3.0),
                Column(self.tr("Times"), 2.0),
            ]
        )
        self._show(self._rows)


def _marks(stop: StopView) -> tuple[tuple[str, datetime | None], ...]:
    return (("responded", stop.responded_at), ("repaired", stop.repaired_at))
