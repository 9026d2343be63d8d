"""Bars: a count against its target, a value between its limits. Analog before digits."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from core.words import number
from hmi import theme
from hmi.widgets.painted import Painted, panel_rect

HEIGHT_U = 22


def draw_count_bar(painter: QPainter, rect: QRectF, good: float, full: float, target_now: float | None) -> None:
    """A bar of ``good`` out of ``full`` parts with a tick where the count should be now (None: no tick).

    ``rect`` is as high as the tick; the track is two thirds of it.
    """
    now = theme.current()
    inset = rect.height() / 6
    track = panel_rect(rect.adjusted(0, inset, 0, -inset), now.px(1))
    painter.setPen(now.pen("edge", 1))
    painter.setBrush(now.color("sunken"))
    painter.drawRoundedRect(track, now.px(3), now.px(3))
    if full <= 0:
        return
    share = min(max(good / full, 0.0), 1.0)
    painter.fillRect(QRectF(track.left() + 1, track.top() + 1, (track.width() - 2) * share, track.height() - 2), now.color("bar"))
    if target_now is not None:
        draw_tick(painter, rect, track.left() + track.width() * min(max(target_now / full, 0.0), 1.0))


def draw_tick(painter: QPainter, rect: QRectF, x: float) -> None:
    """A tick over the full height at ``x``, seen on filled and on empty track alike."""
    now = theme.current()
    width = now.px(3)
    x = min(max(x, rect.left() + width / 2), rect.right() - width / 2)
    painter.fillRect(QRectF(x - width, rect.top(), width * 2, rect.height()), now.color("surface"))
    painter.fillRect(QRectF(x - width / 2, rect.top(), width, rect.height()), now.color("text"))


class CountBar(Painted):
    """Good parts against plan with the target for now. Feed it with ``show_count``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._face: tuple[float, float, float | None] = (0, 0, None)

    def show_count(self, good: float, full: float, target_now: float | None = None) -> None:
        """Show ``good`` of ``full`` parts; ``target_now`` is what should be there by now, None when there is no target."""
        face = (good, full, target_now)
        if face != self._face:
            self._face = face
            self.setAccessibleName(f"{number(good)} / {number(full)}")
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its tick."""
        return QSize(theme.current().px(200), theme.current().px(HEIGHT_U))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Narrower, never lower: a layout short of room would make a line of it that says nothing."""
        return QSize(theme.current().px(80), self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """Track, fill, tick."""
        rect = QRectF(self.rect())
        height = theme.current().px(HEIGHT_U)
        good, full, target = self._face
        draw_count_bar(painter, QRectF(rect.left(), rect.center().y() - height / 2, rect.width(), height), good, full, target)
