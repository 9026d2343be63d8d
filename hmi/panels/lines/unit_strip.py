"""The machines of a line side by side: what each does, and whether help was called to it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.equipment.call_views import CallView
from core.production.views import UnitView
from core.words import name, word
from hmi import theme
from hmi.widgets.glyphs import draw_glyph, pattern_brush
from hmi.widgets.painted import Painted, draw_box
from hmi.widgets.text import LEFT, line_height


class UnitStrip(Painted):
    """One cell for each work unit. Feed it with ``show_units``.

    Signals:
        touched(str): Code of the work unit.
    """

    touched = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._units: tuple[UnitView, ...] = ()
        self._calls: dict[str, str] = {}
        self._pressed = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_units(self, units: Sequence[UnitView], calls: Sequence[CallView]) -> None:
        """Show the machines in their order, with the open calls of the line."""
        self._units = tuple(units)
        self._calls = {call.work_unit_code: call.kind for call in reversed(calls) if call.work_unit_code}
        self.setAccessibleName("  ".join(f"{unit.code} {self._said(unit)}" for unit in self._units))
        self.update()

    def _said(self, unit: UnitView) -> str:
        language = theme.language()
        kind = self._calls.get(unit.code)
        return f"{word('call.call', language)}: {word(f'call.{kind}', language)}" if kind else word(f"state.{unit.state}", language)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as a finger."""
        return QSize(theme.current().px(400), max(theme.current().px(52), theme.current().touch))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The same height."""
        return QSize(theme.current().px(200), self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """Sign of the state, name, state or call."""
        now = theme.current()
        for place, unit in enumerate(self._units):
            rect = self._rect(place)
            look = now.state(unit.state)
            draw_box(painter, rect, now.color("pressed" if place == self._pressed else "surface"), "line", 1)
            sign = QRectF(rect.left() + now.px(6), rect.top() + now.px(6), rect.height() - now.px(12), rect.height() - now.px(12))
            draw_box(painter, sign, now.color(look.fill), "edge", 1, dashed=unit.state == "OFFLINE")
            brush = pattern_brush(look.pattern, now.color("hatch")) if look.pattern == "hatch" else None
            if brush is not None:
                painter.fillRect(sign.adjusted(2, 2, -2, -2), brush)
            side = sign.height() * 0.6
            draw_glyph(
                painter, look.glyph, QRectF(sign.center().x() - side / 2, sign.center().y() - side / 2, side, side), now.color(look.ink)
            )
            left = sign.right() + now.px(8)
            room = QRectF(left, rect.top(), rect.right() - left - now.px(4), rect.height())
            title = f"{unit.code} {name(unit.name, theme.language())}"
            middle = room.center().y()
            upper = QRectF(room.left(), middle - line_height("label"), room.width(), line_height("label"))
            self.write(painter, upper, title, "label", "text2", LEFT, may_cut=True)
            tone = "text" if unit.code in self._calls or unit.state != "RUNNING" else "text2"
            self.write(
                painter,
                QRectF(room.left(), middle, room.width(), line_height("label")),
                self._said(unit),
                "label",
                tone,
                LEFT,
                may_cut=True,
            )

    def _rect(self, place: int) -> QRectF:
        gap = theme.current().gap
        wide = (self.width() - gap * (len(self._units) - 1)) / max(1, len(self._units))
        return QRectF(place * (wide + gap), 0, wide, self.height())

    def _at(self, event: QMouseEvent) -> int:
        return next((place for place in range(len(self._units)) if self._rect(place).contains(event.position())), -1)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show which machine is under the finger."""
        self._pressed = self._at(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Released on the same machine."""
        pressed, self._pressed = self._pressed, -1
        self.update()
        if pressed >= 0 and pressed == self._at(event):
            self.touched.emit(self._units[pressed].code)
