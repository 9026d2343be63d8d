"""How well machines did over a range: OEE and its parts, where the time went, what stopped them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from PySide6.QtWidgets import QBoxLayout

from core.production.performance import get_losses, get_performance
from core.production.time_views import Figures, Losses, Ratio
from core.words import UNDEFINED, duration, has_word, number, percent, word
from hmi import theme
from hmi.bridge import Bridge, Shown
from hmi.panels import Action
from hmi.panels.shift.page import ShiftPage
from hmi.widgets.facts import Facts
from hmi.widgets.loss_charts import FallStep, Pareto, ParetoBar, Waterfall
from hmi.widgets.tabs import SegmentedTabs

_DAYS: Final = {"today": 0, "24h": 1, "7d": 7, "30d": 30, "90d": 90}
"""Range → days until now; 0 for the day of the site."""
_ALL: Final = "*"


class PerformancePage(ShiftPage):
    """Never averaged: every figure is worked out from the times and counts of the whole range."""

    entities = ("stop:", "stop_part:", "state_segment:", "report:", "standard_time:")

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._range, self._line = "today", _ALL
        self._figures: Figures | None = None
        self._losses: Losses | None = None
        self.ranges = SegmentedTabs()
        self.ranges.chosen.connect(self._in_range)
        self.facts = Facts(most=3)
        self.waterfall, self.pareto = Waterfall(), Pareto()
        pair = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        pair.setSpacing(theme.current().px(16))
        pair.addWidget(self.waterfall, 1)
        pair.addWidget(self.pareto, 1)
        self.column.addWidget(self.ranges)
        self.column.addWidget(self.facts)
        self.column.addLayout(pair, 1)
        self.retranslate()

    def _in_range(self, chosen: str) -> None:
        self._range = chosen
        self.refresh()

    def _span(self) -> tuple[datetime, datetime]:
        now = datetime.now(self.bridge.zone())
        days = _DAYS[self._range]
        return (now - timedelta(days=days) if days else now.replace(hour=0, minute=0, second=0, microsecond=0)), now

    async def ask(self) -> None:
        """See ShiftPage."""
        from_at, to_at = self._span()
        scope, codes = ("site", ()) if self._line == _ALL else ("line", (self._line,))
        answer = await self.bridge.ask(get_performance, scope=scope, codes=codes, from_at=from_at, to_at=to_at)
        losses = await self.bridge.ask(get_losses, scope=scope, codes=codes, from_at=from_at, to_at=to_at)
        self._figures, self._losses = answer.value.total, losses.value
        self.updated_at = answer.as_of.timestamp()

    def offered(self) -> list[Action]:
        """See ShiftPage."""
        shown = self.tr("all lines") if self._line == _ALL else self._line
        return [Action("performance.line", self.tr("Line: {name}").format(name=shown), self._choose_line)]

    def _choose_line(self) -> None:
        choices = [(_ALL, self.tr("all lines")), *((code, code) for code in self.lines())]
        self.choose(self.tr("Line"), choices, self._of_line)

    def _of_line(self, line: str) -> None:
        self._line = line
        self.changed.emit()
        self.refresh()

    def retranslate(self) -> None:
        """See ShiftPage."""
        words = (self.tr("Today"), self.tr("24 h"), self.tr("7 days"), self.tr("30 days"), self.tr("90 days"))
        self.ranges.show_tabs(list(zip(_DAYS, words, strict=True)), self._range)
        language = theme.language()
        self.waterfall.setAccessibleName(word("panel.losses", language))
        self.pareto.setAccessibleName(self.tr("Stops by reason"))
        self.waterfall.set_empty_text(self.tr("Nothing was recorded in this range."))
        self.pareto.set_empty_text(self.tr("No stop in this range."))
        self.facts.show_lines(self._lines_of(self._figures))
        if self._losses is not None:
            steps = [FallStep(word(step.word_id, language), step.seconds, step.level) for step in self._losses.waterfall]
            self.waterfall.show_steps(steps)
            self.pareto.show_bars(
                [ParetoBar(_reason(bar.key), bar.seconds, bar.stops, bar.share, bar.cumulated) for bar in self._losses.pareto]
            )

    def _lines_of(self, figures: Figures | None) -> list[Shown]:
        language = theme.language()
        figures = figures or Figures()
        losses = self._losses
        ratios = {"oee.oee": figures.oee, "oee.availability": figures.availability, "oee.performance": figures.performance}
        more = {"oee.quality_ratio": figures.quality, "oee.coverage": figures.coverage}
        lines = [Shown(word(name, language), "", told(ratio)) for name, ratio in (ratios | more).items()]
        if figures.performance_over:
            lines[2] = Shown(lines[2].label, "", f"{lines[2].new}  {word('oee.performance_over', language)}")
        parts = f"{number(figures.good)} / {number(figures.scrap)} / {number(figures.rework)}"
        lines.append(Shown(self.tr("Good / scrap / rework"), "", parts))
        for name, ratio in (("oee.mtbf", losses.mtbf), ("oee.mttr", losses.mttr)) if losses is not None else ():
            lines.append(Shown(word(name, language), "", duration(ratio.value) if ratio.value is not None else _why(ratio)))
        if figures.gap_good or figures.gap_reject:
            lines.append(Shown(word("oee.gap_count", language), "", f"{number(figures.gap_good)} / {number(figures.gap_reject)}"))
        return lines


def told(ratio: Ratio) -> str:
    """A ratio as per cent, or why there is none."""
    return percent(ratio.value) if ratio.value is not None else _why(ratio)


def _why(ratio: Ratio) -> str:
    reason = f"oee.{ratio.why}"
    return f"{UNDEFINED} {word(reason, theme.language())}" if has_word(reason) else UNDEFINED


def _reason(code: str) -> str:
    known = f"stop.{code}"
    return f"{code} {word(known, theme.language())}" if has_word(known) else code or UNDEFINED
