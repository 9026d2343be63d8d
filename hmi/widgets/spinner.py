"""Spinner: something is on its way. Appears after half a second, so that quick answers do not flicker."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from hmi import theme
from hmi.widgets.painted import Painted
from hmi.widgets.text import LEFT

APPEARS_AFTER_MS = 500
_DOTS = 8
_TURN_S = 0.8


def spinner_phase() -> int:
    """Which of the eight dots leads now; the same for all spinners."""
    return int(time.monotonic() / _TURN_S * _DOTS) % _DOTS


def draw_spinner(painter: QPainter, rect: QRectF, color: QColor, phase: int) -> None:
    """Eight dots, the leading one full, fading behind it."""
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    radius = min(rect.width(), rect.height()) / 2
    for dot in range(_DOTS):
        shade = QColor(color)
        shade.setAlphaF(1.0 - ((phase - dot) % _DOTS) * 0.11)
        painter.setBrush(shade)
        angle = 2 * math.pi * dot / _DOTS
        place = rect.center() + QPointF(math.sin(angle), -math.cos(angle)) * radius * 0.75
        painter.drawEllipse(place, radius * 0.2, radius * 0.2)
    painter.restore()


class Spinner(Painted):
    """Turning dots with a word beside them.

    Args:
        text: What is being waited for; "" for dots alone.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self._shown = False
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(APPEARS_AFTER_MS)
        self._delay.timeout.connect(self._appear)
        self._turn = QTimer(self)
        self._turn.setInterval(100)
        self._turn.timeout.connect(self.update)

    def start(self, text: str | None = None) -> None:
        """Begin to wait; ``text`` replaces what is being waited for."""
        if text is not None:
            self._text = text
        if not self._delay.isActive() and not self._shown:
            self._delay.start()
        self.update()

    def stop(self) -> None:
        """The answer came."""
        self._delay.stop()
        self._turn.stop()
        self._shown = False
        self.update()

    def _appear(self) -> None:
        self._shown = True
        self._turn.start()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One line of body text."""
        return QSize(theme.current().px(240), theme.current().px(48))

    def paint(self, painter: QPainter) -> None:
        """Nothing before half a second has passed."""
        if not self._shown:
            return
        now = theme.current()
        side = now.px(32)
        rect = QRectF(self.rect())
        box = QRectF(rect.left() + now.px(4), rect.center().y() - side / 2, side, side)
        draw_spinner(painter, box, now.color("text2"), spinner_phase())
        left = box.right() + now.px(10)
        self.write(painter, QRectF(left, rect.top(), rect.right() - left, rect.height()), self._text, "body", "text2", LEFT, lines=2)
