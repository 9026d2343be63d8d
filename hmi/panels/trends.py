"""Trends: up to four live pens of any tag, from the station's memory of the last two hours."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.live.sample import Quality
from core.live.tags import TagRole, TagSpec, TagType
from core.words import name
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action, Intent, OpenTrend, Panel
from hmi.widgets.pen_cell import PenCell
from hmi.widgets.trend_plot import PENS_MAX, Pen, TrendPlot

RANGES_S = (300.0, 1800.0, 7200.0)
_SLOWEST_REDRAW_S = 1.0
_NUMERIC = frozenset(TagType) - {TagType.STRING}


class TrendsPanel(Panel):
    """Pens above, plot below; the time range, pause and pens stand in the action bar."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(bridge, parent)
        self._tags: tuple[str, ...] = ()
        self._range_s = RANGES_S[0]
        self._paused_at: float | None = None
        self._column = -1
        self._cursor: float | None = None
        self._cells: list[PenCell] = []
        self.plot = TrendPlot()
        self._readout = QLabel()
        self._readout.setProperty("fontrole", "label")
        self._readout.setProperty("tone", "text2")
        self._pens = QHBoxLayout()
        self._pens.setSpacing(theme.current().px(8))
        column = QVBoxLayout(self)
        margin = theme.current().px(10)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(theme.current().px(6))
        column.addLayout(self._pens)
        column.addWidget(self._readout)
        column.addWidget(self.plot, 1)
        self.plot.cursor_moved.connect(self._show_cursor)
        bridge.frame.connect(self._frame)
        bridge.site_changed.connect(self._site_changed)
        self.retranslate()

    # -- panel ---------------------------------------------------------------------------------------------------

    def open(self, intent: Intent | None) -> None:
        """Show the pens asked for; the first time a choice of process values."""
        if isinstance(intent, OpenTrend):
            self.show_tags(intent.tags)
        elif not self._tags:
            self._site_changed()

    def bar_actions(self) -> list[Action]:
        """Time ranges, pause, pens."""
        return [
            Action("trends.range", self._range_text(), self._next_range),
            Action("trends.add", self.tr("Add pen"), self._pick, primary=True, enabled=len(self._tags) < PENS_MAX),
            Action("trends.remove", self.tr("Remove pen"), self._remove, enabled=self._selected() is not None),
            Action("trends.pause", self.tr("Continue") if self._paused_at else self.tr("Pause"), self._pause),
        ]

    def refresh(self) -> None:
        """Draw again with the next frame."""
        self._column = -1

    def updated_at(self) -> float | None:
        """Live: now; paused: when it was stopped."""
        return self._paused_at or time.time()

    def retranslate(self) -> None:
        """Names of the pens and the read-out."""
        if self.bridge.is_ready:
            self.show_tags(self._tags)
        self._show_readout()

    # -- pens ----------------------------------------------------------------------------------------------------

    def show_tags(self, tags: Sequence[str]) -> None:
        """Show these tags as pens, at most four; unknown ones are left out."""
        specs = {spec.name: spec for spec in self.bridge.station.site.tags}
        chosen = [specs[tag] for tag in dict.fromkeys(tags) if tag in specs][:PENS_MAX]
        self._tags = tuple(spec.name for spec in chosen)
        for cell in self._cells:
            self.bridge.forget(cell)
            self._pens.removeWidget(cell)
            cell.deleteLater()
        pens = [_pen(spec) for spec in chosen]
        self._cells = [PenCell(index, pen) for index, pen in enumerate(pens)]
        for cell in self._cells:
            self._pens.addWidget(cell)
            cell.clicked.connect(lambda _=False, chosen=cell: self._select(chosen))
            self.bridge.show(cell, cell.pen.tag)
        self.plot.set_pens(pens)
        self._column = -1
        self._show_cursor(self._cursor)
        self.actions_changed.emit()

    def _site_changed(self) -> None:
        if not self.bridge.is_ready:
            return
        site = self.bridge.station.site
        self.plot.set_zone(self.bridge.zone())
        self.show_tags(self._tags or [spec.name for spec in _first_choice(site.tags)])

    def _select(self, chosen: PenCell) -> None:
        for cell in self._cells:
            cell.setChecked(cell is chosen and cell.isChecked())
        self.actions_changed.emit()
        if chosen.isChecked() and self.bridge.sample(chosen.pen.tag).quality is not Quality.GOOD:
            from hmi.sheets.why_value import WhyValueSheet

            WhyValueSheet(self.ground, self.bridge, chosen.pen.tag).open()

    def _selected(self) -> PenCell | None:
        return next((cell for cell in self._cells if cell.isChecked()), None)

    def _remove(self) -> None:
        cell = self._selected()
        if cell is not None:
            self.show_tags([tag for tag in self._tags if tag != cell.pen.tag])

    def _pick(self) -> None:
        from hmi.sheets.tag_pick import TagPickSheet

        site = self.bridge.station.site
        sheet = TagPickSheet(self.ground, [spec for spec in site.tags if spec.type in _NUMERIC and spec.name not in self._tags])
        sheet.picked.connect(lambda tag: self.show_tags([*self._tags, tag]))
        sheet.open()

    # -- time ----------------------------------------------------------------------------------------------------

    def _range_text(self) -> str:
        minutes = round(self._range_s / 60)
        return self.tr("Range: {n} min").format(n=minutes)

    def _next_range(self) -> None:
        self._range_s = RANGES_S[(RANGES_S.index(self._range_s) + 1) % len(RANGES_S)]
        self._column = -1
        self.actions_changed.emit()

    def _pause(self) -> None:
        self._paused_at = None if self._paused_at else time.time()
        self._column = -1
        self.actions_changed.emit()

    def _frame(self, now: float) -> None:
        """Redraw when a new pixel column begins: more often nothing visible would change."""
        if not self.isVisible() or not self._tags:
            return
        columns = self.plot.columns
        # Columns stand on a fixed grid of time, so that a peak does not flicker as it moves from one into the next.
        width_s = self._range_s / columns
        end = self._paused_at or now
        column = math.floor(end / min(max(width_s, 0.1), _SLOWEST_REDRAW_S))
        if column == self._column:
            return
        self._column = column
        to_s = (math.floor(end / width_s) + 1) * width_s
        from_s = to_s - columns * width_s
        recent = self.bridge.station.recent
        self.plot.show_data({tag: recent.window(tag, from_s, to_s, columns) for tag in self._tags}, from_s, to_s)

    def _show_cursor(self, at: float | None) -> None:
        self._cursor = at
        if self.bridge.is_ready:
            recent = self.bridge.station.recent
            for cell in self._cells:
                cell.show_cursor(recent.value_at(cell.pen.tag, at)[0] if at is not None else None, shown=at is not None)
        self._show_readout()

    def _show_readout(self) -> None:
        if self._cursor is None:
            self._readout.setText(self.tr("Touch the plot to read values at a time."))
            return
        zone = self.bridge.zone()
        self._readout.setText(self.tr("Cursor {time}").format(time=datetime.fromtimestamp(self._cursor, zone).strftime("%H:%M:%S")))


def _pen(spec: TagSpec) -> Pen:
    limits = tuple(limit for limit in (spec.warn_low, spec.warn_high) if limit is not None)
    step = spec.role in (TagRole.STATE, TagRole.REASON) or spec.type is TagType.BOOL
    label = f"{spec.work_unit.split('-')[0]} {name(spec.label, theme.language()) or spec.name}".strip()
    return Pen(spec.name, label, spec.unit, spec.decimals, spec.low, spec.high, limits, step)


def _first_choice(tags: Sequence[TagSpec]) -> list[TagSpec]:
    """Process values with a display range, of different units where possible, so that the first look says something."""
    process = [spec for spec in tags if spec.role is TagRole.PROCESS and spec.type in _NUMERIC and spec.type is not TagType.BOOL]
    ranged = [spec for spec in process if spec.low is not None and spec.high is not None] or process
    chosen: dict[str, TagSpec] = {}
    for spec in ranged:
        chosen.setdefault(spec.unit, spec)
    return list(chosen.values())[:2] or ranged[:1]
