"""TrendPlot: up to four pens over time, drawn as the smallest and largest value per pixel column.

The only widget that knows pyqtgraph; imported after the first paint. Cost follows drawn ink, so lines are one pixel
wide without antialiasing, the data come reduced, and a redraw happens only when a new column begins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.tabular import Column, Table
from hmi import theme
from hmi.widgets.trend_axes import TimeAxis, ValueAxis

if TYPE_CHECKING:
    from numpy.typing import NDArray

PENS_MAX = 4


class Reduced(Protocol):
    """A stretch of one pen: left edge of each column (UNIX s), lowest and highest value; NaN is a gap."""

    @property
    def at(self) -> NDArray[np.float64]:
        """Shape (columns,)."""
        ...

    @property
    def low(self) -> NDArray[np.float64]:
        """Shape (columns,)."""
        ...

    @property
    def high(self) -> NDArray[np.float64]:
        """Shape (columns,)."""
        ...


@dataclass(frozen=True, slots=True)
class Pen:
    """One line of a trend.

    Attributes:
        tag: Tag name.
        label: In the current language.
        unit: Unit code; pens of one unit share an axis.
        decimals: Digits after the point.
        low, high: Display range, engineering units; None lets the data decide.
        limits: Values drawn as limit lines.
        step: True for states and switches: the value jumps instead of sloping.
    """

    tag: str
    label: str = ""
    unit: str = ""
    decimals: int = 1
    low: float | None = None
    high: float | None = None
    limits: tuple[float, ...] = ()
    step: bool = False


@dataclass(slots=True)
class _Drawn:
    """What belongs to one pen on its plot."""

    pen: Pen
    curve: Any
    limits: list[Any] = field(default_factory=list)


class _Gaps(pg.GraphicsObject):  # type: ignore[misc]
    """Shaded bands where a plot has no usable data."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[tuple[float, float]] = []

    def show_spans(self, spans: list[tuple[float, float]]) -> None:
        """Take the bands as (from, to), UNIX seconds."""
        if spans != self.spans:
            self.prepareGeometryChange()
            self.spans = spans
            self.update()

    def boundingRect(self) -> QRectF:  # noqa: N802 - Qt's name
        """The whole view, so that bands reach from floor to ceiling."""
        return QRectF(self.viewRect())

    def viewTransformChanged(self) -> None:  # noqa: N802 - pyqtgraph's name
        """The view moved: the bands cover another height."""
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, *_: Any) -> None:
        """Draw the bands."""
        view = self.viewRect()
        for left, right in self.spans:
            painter.fillRect(QRectF(left, view.top(), right - left, view.height()), theme.current().color("sunken"))


class TrendPlot(QWidget):
    """Stacked plots, one per unit, with one time axis. Feed pens with ``set_pens`` and data with ``show_data``.

    Signals:
        cursor_moved(float): Touched at this time, UNIX seconds UTC.
    """

    cursor_moved = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._zone: tzinfo = UTC
        self._pens: tuple[Pen, ...] = ()
        self._drawn: list[_Drawn] = []
        self._plots: list[Any] = []
        self._gaps: list[_Gaps] = []
        self._cursors: list[Any] = []
        self._cursor: float | None = None
        self._shown: dict[str, Reduced] = {}
        pg.setConfigOptions(antialias=False, useOpenGL=False)
        self._area = pg.GraphicsLayoutWidget()
        self._area.setAccessibleName(self.tr("Trend"))
        self._area.scene().sigMouseClicked.connect(self._clicked)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self._area)

    # -- what to draw --------------------------------------------------------------------------------------------

    def set_zone(self, zone: tzinfo) -> None:
        """Time zone of the axis: the site's."""
        self._zone = zone
        self._build()

    def set_pens(self, pens: Sequence[Pen]) -> None:
        """Show these pens, at most four; replaces the former ones."""
        self._pens = tuple(pens[:PENS_MAX])
        self._build()

    @property
    def pens(self) -> tuple[Pen, ...]:
        """The pens shown."""
        return self._pens

    @property
    def columns(self) -> int:
        """Pixel columns of the drawing area: how far data are worth reducing."""
        if not self._plots:
            return max(100, self.width())
        return max(100, int(self._plots[0].vb.width()))

    def show_data(self, data: Mapping[str, Reduced], from_s: float, to_s: float) -> None:
        """Draw ``data`` (by tag) between two times, UNIX seconds UTC; a pen without data stays empty."""
        self._shown = dict(data)
        for drawn in self._drawn:
            reduced = data.get(drawn.pen.tag)
            if reduced is None or not len(reduced.at):
                drawn.curve.setData([], [])
                continue
            x, y = _line(reduced, step=drawn.pen.step)
            drawn.curve.setData(x, y, connect="finite")
        for index, plot in enumerate(self._plots):
            plot.setXRange(from_s, to_s, padding=0)
            self._show_gaps(index, data)

    def exported(self) -> Table:
        """What is drawn, a row for each pixel column: its time, lowest and highest value of each pen; a gap is an empty cell."""
        shown = [(pen, self._shown[pen.tag]) for pen in self._pens if pen.tag in self._shown]
        columns = [Column(self.tr("Time"), "time")]
        for pen, _ in shown:
            unit = f" [{pen.unit}]" if pen.unit else ""
            columns += [Column(f"{pen.label}{unit} {side}", "number") for side in (self.tr("lowest"), self.tr("highest"))]
        at = shown[0][1].at if shown else ()
        rows = [
            [
                datetime.fromtimestamp(float(moment), UTC),
                *(_number(side[place]) for _, reduced in shown for side in (reduced.low, reduced.high)),
            ]
            for place, moment in enumerate(at)
        ]
        return Table(self.accessibleName(), tuple(columns), rows)

    def show_cursor(self, at: float | None) -> None:
        """Put the read-out line at ``at``, UNIX seconds UTC; None takes it away."""
        self._cursor = at
        for line in self._cursors:
            line.setVisible(at is not None)
            if at is not None:
                line.setValue(at)

    def restyle(self) -> None:
        """Follow another theme."""
        self._build()

    # -- building ------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._area.clear()
        self._drawn, self._plots, self._gaps, self._cursors = [], [], [], []
        look = theme.current()
        self._area.setBackground(look.color("field"))
        units = list(dict.fromkeys(pen.unit for pen in self._pens))
        for row, unit in enumerate(units):
            last = row == len(units) - 1
            self._add_plot(row, unit, last)
        self.show_cursor(self._cursor)

    def _add_plot(self, row: int, unit: str, last: bool) -> None:
        look = theme.current()
        plot = self._area.addPlot(row=row, col=0, axisItems={"left": ValueAxis(), "bottom": TimeAxis(self._zone)})
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.showGrid(x=True, y=True, alpha=0.25)
        for side in ("left", "bottom"):
            axis = plot.getAxis(side)
            axis.setPen(look.pen("edge"))
            axis.setTextPen(look.color("text2"))
            axis.setStyle(tickFont=look.font("small"), autoExpandTextSpace=False)
        plot.getAxis("left").setWidth(look.px(76))
        plot.getAxis("bottom").setStyle(showValues=last)
        if last:
            plot.getAxis("bottom").setHeight(look.px(28))
        plot.setLabel("left", unit, **{"color": look.color("text2").name(), "font-size": f"{look.font_px('small')}px"})
        gaps = _Gaps()
        gaps.setZValue(-10)
        plot.addItem(gaps, ignoreBounds=True)
        if self._plots:
            plot.setXLink(self._plots[0])
        self._plots.append(plot)
        self._gaps.append(gaps)
        for index, pen in enumerate(self._pens):
            if pen.unit == unit:
                self._drawn.append(self._add_pen(plot, pen, pen_look(index)))
        self._set_range(plot, [pen for pen in self._pens if pen.unit == unit])
        cursor = pg.InfiniteLine(angle=90, pen=_hairline("text"))
        cursor.setVisible(False)
        plot.addItem(cursor, ignoreBounds=True)
        self._cursors.append(cursor)

    def _add_pen(self, plot: Any, pen: Pen, line: QPen) -> _Drawn:
        curve = pg.PlotCurveItem(pen=line)
        plot.addItem(curve)
        drawn = _Drawn(pen, curve)
        for value in pen.limits:
            limit = pg.InfiniteLine(value, angle=0, pen=_hairline("edge", dashed=True))
            plot.addItem(limit, ignoreBounds=True)
            drawn.limits.append(limit)
        return drawn

    def _set_range(self, plot: Any, pens: Sequence[Pen]) -> None:
        lows = [pen.low for pen in pens]
        highs = [pen.high for pen in pens]
        if all(low is not None for low in lows) and all(high is not None for high in highs):
            plot.setYRange(min(low for low in lows if low is not None), max(high for high in highs if high is not None), padding=0.03)
        else:
            plot.enableAutoRange(axis="y")

    def _show_gaps(self, index: int, data: Mapping[str, Reduced]) -> None:
        plot = self._plots[index]
        spans: list[tuple[float, float]] = []
        for drawn in self._drawn:
            reduced = data.get(drawn.pen.tag)
            if drawn.curve.getViewBox() is plot.vb and reduced is not None:
                spans += _gaps_of(reduced)
        self._gaps[index].show_spans(spans)

    def _clicked(self, event: Any) -> None:
        for plot in self._plots:
            if plot.sceneBoundingRect().contains(event.scenePos()):
                point = plot.vb.mapSceneToView(event.scenePos())
                self.show_cursor(point.x())
                self.cursor_moved.emit(point.x())
                return


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def pen_look(index: int) -> QPen:
    """Colour and dash of pen number ``index`` (0 … 3), one cosmetic pixel wide."""
    look = theme.current().pens[index % PENS_MAX]
    pen = QPen(QColor(look.color), 1)
    pen.setCosmetic(True)
    styles = {"solid": Qt.PenStyle.SolidLine, "dash": Qt.PenStyle.DashLine, "dash-dot": Qt.PenStyle.DashDotLine, "dot": Qt.PenStyle.DotLine}
    pen.setStyle(styles.get(look.dash, Qt.PenStyle.SolidLine))
    return pen


def _hairline(token: str, *, dashed: bool = False) -> QPen:
    """A line one pixel wide whatever the scale of the plot."""
    pen = QPen(theme.current().color(token), 1, Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine)
    pen.setCosmetic(True)
    return pen


def _line(reduced: Reduced, *, step: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each column as a vertical stroke from low to high, joined to the next: shape (2 × columns,)."""
    x = np.repeat(reduced.at, 2)
    y = np.empty(2 * len(reduced.low))
    # The stroke begins at the end nearer to the column before, so that a flank is one line and not a zigzag.
    middle = (reduced.low + reduced.high) / 2
    rising = np.empty(len(middle), bool)
    rising[:1] = True
    rising[1:] = ~(middle[1:] < middle[:-1])
    y[0::2] = np.where(rising, reduced.low, reduced.high)
    y[1::2] = np.where(rising, reduced.high, reduced.low)
    return x, y


def _gaps_of(reduced: Reduced) -> list[tuple[float, float]]:
    """Stretches of columns without a value, as (from, to) in UNIX seconds; before the first value there is no gap to show."""
    missing = np.isnan(reduced.low)
    known = np.flatnonzero(~missing)
    if not len(known):
        return []
    missing[: known[0]] = False
    edges = np.diff(np.concatenate(([0], missing.astype(np.int8), [0])))
    width = float(reduced.at[1] - reduced.at[0]) if len(reduced.at) > 1 else 0.0
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(float(reduced.at[start]), float(reduced.at[end - 1]) + width) for start, end in zip(starts, ends, strict=True)]
