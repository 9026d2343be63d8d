"""Axes of a trend: few ticks at round numbers, drawn straight onto the screen.

pyqtgraph places three levels of ticks anew for every redraw and records them into a QPicture of translucent lines, which Qt
blends pixel by pixel; that was two thirds of a redraw. Here an axis has one level, and its lines are filled rectangles.
"""

from __future__ import annotations

import math
from datetime import datetime, tzinfo
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from hmi import theme

_GRID_ALPHA = 64
_GAP_U = 6
"""Between labels and axis."""
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800)


def round_steps(low: float, high: float, most: int) -> tuple[float, list[float]]:
    """Ticks at multiples of 1, 2 or 5 times a power of ten.

    Args:
        low, high: Ends of the axis, finite.
        most: Most ticks wanted, at least 1.

    Returns:
        The step, and the ticks from low to high; no tick for an axis without length.
    """
    span = high - low
    if not span > 0:
        return 0.0, []
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if span / (factor * power) <= most)
    first = math.ceil(low / step - 1e-9)
    return step, [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


class _Axis(pg.AxisItem):  # type: ignore[misc]
    """Draws line, grid and labels of what ``ticks`` says."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)  # an operator reads 12500, not 12.5 (x1000); and the label is laid out once

    def ticks(self, low: float, high: float, size: float) -> list[tuple[float, str]]:
        """Place and label of each tick of an axis ``size`` pixels long."""
        raise NotImplementedError

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Draw it."""
        low, high = self.range
        box, view = self.mapRectFromParent(self.geometry()), self.linkedView()
        upright = self.orientation == "left"
        size = box.height() if upright else box.width()
        if view is None or size <= 0 or not high > low:
            return
        grid = view.mapRectToItem(self, view.boundingRect())
        painter.setFont(theme.current().font("small"))
        painter.setPen(self.textPen())
        line = self.pen().color()
        faint = QColor(line)
        faint.setAlpha(_GRID_ALPHA)
        labels = bool(self.style["showValues"])
        for value, label in self.ticks(low, high, size):
            part = (value - low) / (high - low)
            if upright:
                self._row(painter, round(box.bottom() - part * size), box, grid, faint, label)
            else:
                self._column(painter, round(box.left() + part * size), box, grid, faint, label if labels else "")
        if upright:
            painter.fillRect(QRectF(round(box.right()), grid.top(), 1, grid.height()), line)
        else:
            painter.fillRect(QRectF(grid.left(), round(box.top()), grid.width(), 1), line)

    def _row(self, painter: QPainter, y: float, box: QRectF, grid: QRectF, color: QColor, label: str) -> None:
        painter.fillRect(QRectF(grid.left(), y, grid.width(), 1), color)
        high = painter.fontMetrics().height()
        top = min(max(y - high / 2, box.top()), box.bottom() - high)  # the outermost labels stay inside the plot
        place = QRectF(box.left(), top, box.width() - theme.current().px(_GAP_U), high)
        painter.drawText(place, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), label)

    def _column(self, painter: QPainter, x: float, box: QRectF, grid: QRectF, color: QColor, label: str) -> None:
        painter.fillRect(QRectF(x, grid.top(), 1, grid.height()), color)
        if label:
            half = painter.fontMetrics().horizontalAdvance(label) / 2 + 1
            left = min(max(x - half, box.left()), box.right() - 2 * half)
            place = QRectF(left, box.top() + theme.current().px(_GAP_U) / 2, 2 * half, painter.fontMetrics().height())
            painter.drawText(place, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop), label)


class ValueAxis(_Axis):
    """Values at the left."""

    def __init__(self) -> None:
        super().__init__("left")

    def ticks(self, low: float, high: float, size: float) -> list[tuple[float, str]]:
        """See above; as many digits after the point as the step has."""
        step, values = round_steps(low, high, max(1, int(size / theme.current().px(34))))
        digits = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
        return [(value, f"{value:.{digits}f}") for value in values]


class TimeAxis(_Axis):
    """Clock times of the site at the bottom, at round seconds, minutes or hours.

    Args:
        zone: Of the site.
    """

    def __init__(self, zone: tzinfo) -> None:
        super().__init__("bottom")
        self.zone = zone

    def ticks(self, low: float, high: float, size: float) -> list[tuple[float, str]]:
        """See above: so few that labels never touch; with seconds where ticks are closer than a minute."""
        most = max(2, int(size / theme.current().px(110)))
        step = next((step for step in _STEPS_S if (high - low) / step <= most), _STEPS_S[-1])
        first = math.ceil(low / step)
        form = "%H:%M:%S" if step < 60 else "%H:%M"
        values = [number * step for number in range(first, math.floor(high / step) + 1)]
        return [(value, datetime.fromtimestamp(value, self.zone).strftime(form)) for value in values]
