"""The mark beside the clock that moves while everything behind the screen is alive, and stands crossed out when something is not."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from hmi import theme
from hmi.widgets.painted import Painted

STEPS = 4
"""Places of the mark: seen for four seconds, it has gone once through."""


class PulseMark(Painted):
    """Feed it with ``show_beat``. It has no timer of its own: what moves it is the sign of life itself.

    Attributes:
        count: The beat shown last.
        began: True once there was a first one; before, the station is still being loaded.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pulse")
        self.count = 0
        self.alive = True
        self.began = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_beat(self, count: int, *, alive: bool) -> None:
        """Another beat, or that there is none."""
        self.began = True
        if (count, alive) != (self.count, self.alive):
            self.count, self.alive = count, alive
            self.retranslate()

    def retranslate(self) -> None:
        """What it says to who cannot see it."""
        self.setAccessibleName(self.tr("alive") if self.alive else self.tr("stands still"))
        super().retranslate()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As narrow as it can be seen."""
        return QSize(theme.current().px(14), theme.current().px(60))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The same: it is never squeezed away."""
        return self.sizeHint()

    def paint(self, painter: QPainter) -> None:
        """A column of places with a bar on one of them; a cross when it stands still."""
        look = theme.current()
        wide, high = float(self.width()), self.height() / STEPS
        if not self.began:
            return
        if not self.alive:
            painter.setPen(look.pen("danger", 3))
            middle, arm = QRectF(self.rect()).center(), wide / 2 - look.px(2)
            for way in (1, -1):
                painter.drawLine(middle + QPointF(-arm, -arm * way), middle + QPointF(arm, arm * way))
            return
        painter.setPen(Qt.PenStyle.NoPen)
        for place in range(STEPS):
            painter.setBrush(look.color("text2" if place == self.count % STEPS else "line"))
            bar = QRectF(look.px(2), place * high + high / 4, wide - look.px(4), high / 2)
            painter.drawRoundedRect(bar, look.px(2), look.px(2))
