"""SegmentedTabs: the views of one panel side by side, always in the same place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from hmi import theme
from hmi.theme import FontRole
from hmi.widgets.painted import Painted, draw_box, draw_focus, has_keyboard
from hmi.widgets.text import CENTER, broken, text_width

HEIGHT_U = 56
_MIN_U = 100


class SegmentedTabs(Painted):
    """Tabs drawn 56 u high; with gloves the band below them belongs to the touch area until 15 mm are reached.

    Signals:
        chosen(str): Id of the tab that was touched.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tabs: tuple[tuple[str, str], ...] = ()
        self._current = ""
        self._pressed = ""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_tabs(self, tabs: Sequence[tuple[str, str]], current: str) -> None:
        """Show (id, text) pairs, the one with id ``current`` chosen; ids stay the same over languages."""
        face = (tuple(tabs), current)
        if face != (self._tabs, self._current):
            self._tabs, self._current = face
            self.setAccessibleName(" / ".join(text for _, text in self._tabs))
            self.updateGeometry()
            self.update()

    @property
    def current(self) -> str:
        """Id of the chosen tab."""
        return self._current

    def _widths(self) -> list[float]:
        now = theme.current()
        wanted = [max(now.px(_MIN_U), now.touch, text_width(text, "strong") + now.px(36)) for _, text in self._tabs]
        total = sum(wanted)
        if total <= self.width() or not wanted:
            return wanted
        # Too many for the width: all share what there is, texts break into two lines.
        return [max(now.touch, width * self.width() / total) for width in wanted]

    def rects(self) -> list[QRectF]:
        """Touch area of each tab, px."""
        left, rects = 0.0, []
        for width in self._widths():
            rects.append(QRectF(left, 0, width, self.height()))
            left += width
        return rects

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as a finger needs."""
        now = theme.current()
        return QSize(
            round(sum(max(now.px(_MIN_U), text_width(t, "strong") + now.px(36)) for _, t in self._tabs)), max(now.px(HEIGHT_U), now.touch)
        )

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One touch size per tab."""
        return QSize(theme.current().touch * max(1, len(self._tabs)), self.sizeHint().height())

    def paint(self, painter: QPainter) -> None:
        """The chosen tab is bold with an accent bar, the others lie back."""
        now = theme.current()
        height = min(now.px(HEIGHT_U), self.height())
        for (id, text), touch in zip(self._tabs, self.rects(), strict=True):
            rect = QRectF(touch.left(), 0, touch.width(), height)
            chosen = id == self._current
            ground = "pressed" if id == self._pressed else "surface" if chosen else "canvas"
            draw_box(painter, rect, now.color(ground), "edge" if chosen else "line", 1)
            room = rect.adjusted(now.px(8), now.px(4), -now.px(8), -now.px(4))
            role: FontRole = "strong" if chosen else "body"
            if len(broken(text, "body", room.width())) > 1:
                role = "label"
            self.write(painter, room, text, role, "text" if chosen else "text2", CENTER, lines=2)
            if chosen:
                painter.fillRect(QRectF(rect.left() + 1, rect.bottom() - now.px(5), rect.width() - 2, now.px(5)), now.color("accent"))
        if has_keyboard(self) and self._tabs:
            draw_focus(painter, QRectF(0, 0, self.rects()[-1].right(), height))

    def _at(self, event: QMouseEvent) -> str:
        for (id, _), rect in zip(self._tabs, self.rects(), strict=True):
            if rect.contains(event.position()):
                return id
        return ""

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Show which tab is under the finger."""
        self._pressed = self._at(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Released inside: choose."""
        pressed, self._pressed = self._pressed, ""
        self.update()
        if pressed and pressed == self._at(event):
            self._choose(pressed)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Left and right."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        ids = [id for id, _ in self._tabs]
        if step is None or self._current not in ids:
            super().keyPressEvent(event)
            return
        self._choose(ids[min(max(ids.index(self._current) + step, 0), len(ids) - 1)])

    def _choose(self, id: str) -> None:
        if id != self._current:
            self._current = id
            self.update()
            self.chosen.emit(id)
