"""StateTimeline: what a machine did over the last hours, by colour and by pattern. Touch a bar to ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core import tabular
from core.words import word
from hmi import theme
from hmi.widgets.glyphs import draw_glyph, pattern_brush
from hmi.widgets.painted import Painted
from hmi.widgets.text import CENTER, text_width

_AXIS_U = 26
_BAR_U = 56
_STEPS_MIN = (5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)


@dataclass(frozen=True, slots=True)
class Span:
    """One stretch of one state.

    Attributes:
        state: One of the nine machine states.
        begin_at, end_at: Aware, in the time zone to be shown; ``end_at`` of the running one is now.
        needs_reason: True draws a mark: the stop has no reason yet.
        key: What ``touched`` reports.
        text: Written into it where there is room: the state, or why.
    """

    state: str
    begin_at: datetime
    end_at: datetime
    needs_reason: bool = False
    key: object = None
    text: str = ""


class StateTimeline(Painted):
    """A strip of states over time with a clock axis. Feed it with ``show_spans``.

    Signals:
        touched(object): Key of the span that was touched and released.
    """

    touched = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spans: tuple[Span, ...] = ()
        self._from: datetime | None = None
        self._to: datetime | None = None
        self._pressed: Span | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_spans(self, spans: Sequence[Span], from_at: datetime, to_at: datetime) -> None:
        """Show ``spans`` between two aware times; what no span covers stays empty: nothing is known there."""
        face = (tuple(spans), from_at, to_at)
        if face != (self._spans, self._from, self._to):
            self._spans, self._from, self._to = face
            self.update()

    def exported(self) -> tabular.Table:
        """The spans as a file takes them: state, from, to, and what is written into them."""
        language = theme.language()
        columns = (
            tabular.Column(word("argument.state", language)),
            tabular.Column(word("argument.starts_at", language), "time"),
            tabular.Column(word("argument.ends_at", language), "time"),
            tabular.Column(word("argument.reason", language)),
        )
        rows = [(word(f"state.{span.state}", language), span.begin_at, span.end_at, span.text) for span in self._spans]
        return tabular.Table("", columns, rows, (self._spans[0].begin_at.tzinfo if self._spans else None) or UTC)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Bar and axis; the bar is touchable."""
        now = theme.current()
        return QSize(now.px(400), max(now.px(_BAR_U), now.touch) + now.px(_AXIS_U))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The same height, half the width."""
        return QSize(theme.current().px(200), self.sizeHint().height())

    def _bar(self) -> QRectF:
        return QRectF(0, 0, self.width(), self.height() - theme.current().px(_AXIS_U))

    def _x(self, at: datetime) -> float:
        assert self._from is not None
        assert self._to is not None  # only called while there is something to show
        return self.width() * (at - self._from).total_seconds() / max(1.0, (self._to - self._from).total_seconds())

    def _rect(self, span: Span) -> QRectF:
        bar = self._bar()
        left, right = max(0.0, self._x(span.begin_at)), min(float(self.width()), self._x(span.end_at))
        return QRectF(left, bar.top(), max(1.0, right - left), bar.height())

    # -- painting ------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Empty ground, spans, axis."""
        now, bar = theme.current(), self._bar()
        painter.fillRect(bar, now.color("sunken"))
        if self._from is not None and self._to is not None:
            for span in self._spans:
                if span.end_at > self._from and span.begin_at < self._to:
                    self._paint_span(painter, span)
            self._paint_axis(painter, self._from, self._to)
        painter.setPen(now.pen("edge", 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5))

    def _paint_span(self, painter: QPainter, span: Span) -> None:
        now, rect = theme.current(), self._rect(span)
        look = now.state(span.state)
        # Heights differ too: what runs is low and quiet, what stands is high. A black-and-white print stays readable.
        if span.state == "RUNNING":
            rect = rect.adjusted(0, rect.height() * 0.45, 0, 0)
        painter.fillRect(rect, now.color(look.fill))
        brush = pattern_brush(look.pattern, now.color("hatch" if look.pattern == "hatch" else look.ink))
        if brush is not None:
            painter.fillRect(rect, brush)
        painter.setPen(now.pen("edge", 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))
        if span is self._pressed:
            painter.setPen(now.pen("accent", 3))
            painter.drawRect(rect.adjusted(2, 2, -2, -2))
        self._paint_sign(painter, span, rect)

    def _paint_sign(self, painter: QPainter, span: Span, rect: QRectF) -> None:
        """Mark, sign and words, as far as they have room; the words stand on the fill, not on the pattern."""
        now = theme.current()
        look = now.state(span.state)
        side, pad = now.px(18), now.px(4)
        top = rect.top() + now.px(5)
        if span.needs_reason and rect.width() >= now.px(14):
            box = QRectF(rect.center().x() - side / 2, top, side, side)
            painter.fillRect(box.adjusted(-2, -2, 2, 2), now.color("sunken"))
            draw_glyph(painter, "exclamation", box, now.color("text"))
        if rect.width() < side + 6 or span.state == "RUNNING":
            return
        wide = text_width(span.text, "label") if span.text else 0.0
        spelled = wide and wide + side + 3 * pad <= rect.width()
        width = side + pad + wide if spelled else side
        box = QRectF(rect.center().x() - width / 2, rect.bottom() - side - now.px(6), side, side)
        if look.pattern not in ("solid", "hollow"):
            painter.fillRect(QRectF(box.left() - 3, box.top() - 3, width + 6, side + 6), now.color(look.fill))
        draw_glyph(painter, look.glyph, box, now.color(look.ink))
        if spelled:
            self.write(painter, QRectF(box.right() + pad, box.top() - 2, wide + 1, side + 4), span.text, "label", look.ink)

    def _paint_axis(self, painter: QPainter, begin: datetime, end: datetime) -> None:
        now = theme.current()
        wanted = text_width("00:00", "label") * 1.6
        minutes = (end - begin).total_seconds() / 60
        step = next((s for s in _STEPS_MIN if self.width() * s / max(1.0, minutes) >= wanted), _STEPS_MIN[-1])
        tick = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        top, height = self._bar().bottom(), now.px(_AXIS_U)
        half = text_width("00:00", "label") / 2
        while tick <= end:
            x = self._x(tick)
            if half <= x <= self.width() - half:
                painter.fillRect(QRectF(x, top, now.px(1), now.px(5)), now.color("edge"))
                box = QRectF(x - half, top + now.px(4), 2 * half + 1, height - now.px(4))
                self.write(painter, box, f"{tick:%H:%M}", "label", "text2", CENTER)
            tick += timedelta(minutes=step)

    # -- touch ---------------------------------------------------------------------------------------------------

    def _at(self, event: QMouseEvent) -> Span | None:
        """The span under the finger, or the nearest one within half a touch size: short stops must be reachable."""
        x, reach = event.position().x(), theme.current().touch / 2
        best: tuple[float, Span] | None = None
        for span in self._spans:
            if self._from is None or self._to is None or span.end_at <= self._from or span.begin_at >= self._to:
                continue
            rect = self._rect(span)
            distance = max(rect.left() - x, x - rect.right(), 0.0)
            # A stop, however short, wins against the stretch around it in which it ran or nothing is known.
            rank = distance + (reach / 2 if span.state in ("RUNNING", "OFFLINE") else 0)
            if distance <= reach and (best is None or rank < best[0]):
                best = (rank, span)
        return None if best is None else best[1]

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Frame the span under the finger."""
        self._pressed = self._at(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Released on the same span: report it."""
        pressed, self._pressed = self._pressed, None
        self.update()
        if pressed is not None and self.rect().contains(event.position().toPoint()) and pressed is self._at(event):
            self.touched.emit(pressed.key)
