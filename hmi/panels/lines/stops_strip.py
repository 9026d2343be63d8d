"""The last stops of a line, one touchable row each: since when, for how long, why; what waits for a reason stands out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.equipment.stop_views import StopView
from core.words import duration, word
from hmi import theme
from hmi.sheets.stop_words import part_text, reason_word
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.painted import Painted, draw_box
from hmi.widgets.text import LEFT, line_height


class StopsStrip(Painted):
    """As many rows as have room. Feed it with ``show_stops``.

    Signals:
        touched(StopView): A row was touched and released.
    """

    touched = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.zone: tzinfo = UTC
        self._stops: tuple[StopView, ...] = ()
        self._pressed = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def stops(self) -> tuple[StopView, ...]:
        """What is shown, newest first."""
        return self._stops

    def show_stops(self, stops: Sequence[StopView]) -> None:
        """Show these, newest first; those that wait for a reason go first."""
        self._stops = tuple(sorted(stops, key=lambda stop: not stop.needs_reason))
        self.setAccessibleName("\n".join(self._title(stop) + " " + self._why(stop) for stop in self._stops[: self._rows()]))
        self.update()

    def _title(self, stop: StopView) -> str:
        began = stop.began_at.astimezone(self.zone).strftime("%H:%M")
        lasts = duration(stop.seconds(datetime.now(UTC)))
        return f"{began}  {lasts}{' …' if stop.ended_at is None else ''}  {stop.work_unit_code}"

    def _why(self, stop: StopView) -> str:
        if stop.needs_reason:
            return reason_word("")
        said = [part_text(part) for part in stop.parts if part.reason_code]
        return " / ".join(said) or word(f"state.{stop.state}", theme.language())

    def _rows(self) -> int:
        return max(1, self.height() // self._row_height())

    def _row_height(self) -> int:
        return max(theme.current().px(52), theme.current().touch)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Two rows."""
        return QSize(theme.current().px(280), 2 * self._row_height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One row."""
        return QSize(theme.current().px(200), self._row_height())

    def paint(self, painter: QPainter) -> None:
        """Two lines for each stop, or that there was none."""
        now, height = theme.current(), self._row_height()
        if not self._stops:
            self.write(painter, QRectF(self.rect()), self.tr("No stops in the last 24 hours"), "label", "text2", LEFT, lines=2)
            return
        for place, stop in enumerate(self._stops[: self._rows()]):
            rect = QRectF(0, place * height, self.width(), height - now.px(3))
            draw_box(
                painter, rect, now.color("pressed" if place == self._pressed else "surface"), "edge" if stop.needs_reason else "line", 1
            )
            left = rect.left() + now.px(8)
            if stop.needs_reason:
                side = now.px(24)
                draw_glyph(painter, "exclamation", QRectF(left, rect.center().y() - side / 2, side, side), now.color("text"))
                left += side + now.px(6)
            room = QRectF(left, rect.top(), rect.right() - left - now.px(6), rect.height())
            middle = room.center().y()
            upper = QRectF(room.left(), middle - line_height("label"), room.width(), line_height("label"))
            self.write(painter, upper, self._title(stop), "label", "text2", LEFT, may_cut=True)
            lower = QRectF(room.left(), middle, room.width(), line_height("label"))
            self.write(painter, lower, self._why(stop), "label", "text", LEFT, may_cut=True)

    def _at(self, event: QMouseEvent) -> int:
        place = int(event.position().y() // self._row_height())
        return place if 0 <= place < min(self._rows(), len(self._stops)) and self.rect().contains(event.position().toPoint()) else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show which row is under the finger."""
        self._pressed = self._at(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Released on the same row."""
        pressed, self._pressed = self._pressed, -1
        self.update()
        if pressed >= 0 and pressed == self._at(event):
            self.touched.emit(self._stops[pressed])
