"""Where the time went, painted: a waterfall of losses and a Pareto of reasons; patterns and numbers, never colours alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core import tabular
from core.tabular import Table
from core.words import UNDEFINED, duration, percent
from hmi import theme
from hmi.widgets.glyphs import pattern_brush
from hmi.widgets.painted import Painted
from hmi.widgets.text import LEFT, RIGHT, font_fitting, line_height, text_width

_ROWS_MAX = 12


@dataclass(frozen=True, slots=True)
class FallStep:
    """One step of a waterfall.

    Attributes:
        label: In the current language.
        seconds: Its length; below 0 for a gain.
        level: True for what remains, False for what is lost.
    """

    label: str
    seconds: float
    level: bool = False


@dataclass(frozen=True, slots=True)
class ParetoBar:
    """One bar: its words, how long and how often, share of all and with those before it (0 … 1)."""

    label: str
    seconds: float
    stops: int
    share: float
    cumulated: float


class _Rows(Painted):
    """Lines of words, bar and number, as many as there are, each as high as the room gives."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._empty = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_empty_text(self, why: str) -> None:
        """What to read when there is nothing to show."""
        self._empty = why
        self.update()

    def _count(self) -> int:
        return 0

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for its lines."""
        return QSize(theme.current().px(380), round(_ROWS_MAX * line_height("label") * 1.25))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Every line can still be read."""
        return QSize(theme.current().px(260), round(_ROWS_MAX * line_height("small") * 1.1))

    def _row_height(self) -> float:
        return min(self.height() / max(1, self._count()), theme.current().px(44))

    def _words_width(self, labels: Sequence[str]) -> float:
        widest = max((text_width(label, "label") for label in labels), default=0.0)
        return min(widest + theme.current().px(8), self.width() * 0.4)

    def _word(self, painter: QPainter, rect: QRectF, text: str, *, right: bool = False, tone: str = "text") -> None:
        role = font_fitting(text, ("label", "small"), rect.width())
        self.write(painter, rect, text, role, tone, RIGHT if right else LEFT, may_cut=True)

    def _bar(self, painter: QPainter, rect: QRectF, fill: str, pattern: str) -> None:
        now = theme.current()
        painter.fillRect(rect, now.color(fill))
        brush = pattern_brush(pattern, now.color("text"))
        if brush is not None:
            painter.fillRect(rect, brush)
        painter.setPen(now.pen("edge", 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))


class Waterfall(_Rows):
    """From the calendar time down to the time of good parts. Feed it with ``show_steps``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: tuple[FallStep, ...] = ()

    def show_steps(self, steps: Sequence[FallStep]) -> None:
        """Show these from top to bottom; the first is a level."""
        self._steps = tuple(steps)
        self.update()

    def _count(self) -> int:
        return len(self._steps)

    def exported(self) -> Table:
        """The steps as a table."""
        columns = (tabular.Column(self.accessibleName()), tabular.Column("s", "seconds"))
        return Table("", columns, [[step.label, step.seconds] for step in self._steps])

    def paint(self, painter: QPainter) -> None:
        """One line a step: words, bar from where the level above ended, length."""
        if not self._steps or self._steps[0].seconds <= 0:
            self.write(painter, QRectF(self.rect()), self._empty, "body", "text2", Qt.AlignmentFlag.AlignCenter, lines=3)
            return
        now, height = theme.current(), self._row_height()
        words = self._words_width([step.label for step in self._steps])
        number = text_width("00000:00 h", "label")
        left, room = words, max(1.0, self.width() - words - number - now.px(10))
        scale, level = room / self._steps[0].seconds, self._steps[0].seconds
        for place, step in enumerate(self._steps):
            top = place * height
            self._word(painter, QRectF(0, top, words, height), step.label, tone="text" if step.level else "text2")
            bar = QRectF(left, top + height * 0.15, max(1.0, abs(step.seconds) * scale), height * 0.7)
            if step.level:
                level = step.seconds
                self._bar(painter, bar, "accent", "solid")
            else:
                bar.moveLeft(left + max(0.0, min(level, level - step.seconds)) * scale)
                level -= step.seconds
                self._bar(painter, bar, "sunken", "diagonal" if step.seconds >= 0 else "dots")
            sign = "−" if step.seconds < 0 else ""
            box = QRectF(self.width() - number, top, number, height)
            self._word(painter, box, sign + duration(abs(step.seconds)), right=True)


class Pareto(_Rows):
    """The longest reasons first, with the share they make together. Feed it with ``show_bars``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[ParetoBar, ...] = ()

    def show_bars(self, bars: Sequence[ParetoBar]) -> None:
        """Show these, the longest first; what finds no line stands in the export."""
        self._bars = tuple(bars)
        self.update()

    def _count(self) -> int:
        return min(len(self._bars), _ROWS_MAX)

    def exported(self) -> Table:
        """All bars as a table."""
        titles = ((self.accessibleName(), "text"), ("s", "seconds"), ("n", "number"), ("share", "share"), ("cumulated", "share"))
        columns = tuple(tabular.Column(title, kind) for title, kind in titles)  # type: ignore[arg-type]
        return Table("", columns, [[bar.label, bar.seconds, bar.stops, bar.share, bar.cumulated] for bar in self._bars])

    def paint(self, painter: QPainter) -> None:
        """One line a bar: words, bar, length and count; a line through the shares they make together."""
        shown = self._bars[: self._count()]
        if not shown:
            self.write(painter, QRectF(self.rect()), self._empty, "body", "text2", Qt.AlignmentFlag.AlignCenter, lines=3)
            return
        now, height = theme.current(), self._row_height()
        words = self._words_width([bar.label for bar in shown])
        number = text_width("000:00 h  0000×  100.0 %", "label")
        room = max(1.0, self.width() - words - number - now.px(10))
        longest, points = shown[0].seconds or 1.0, list[QPointF]()
        for place, bar in enumerate(shown):
            top = place * height
            self._word(painter, QRectF(0, top, words, height), bar.label)
            length = max(1.0, room * bar.seconds / longest)
            self._bar(painter, QRectF(words, top + height * 0.2, length, height * 0.6), "sunken", "diagonal")
            told = f"{duration(bar.seconds)}  {bar.stops}×  {percent(bar.cumulated) if bar.cumulated else UNDEFINED}"
            self._word(painter, QRectF(self.width() - number, top, number, height), told, right=True)
            points.append(QPointF(words + room * bar.cumulated, top + height / 2))
        painter.setPen(now.pen("accent", 2))
        painter.drawPolyline(points)
