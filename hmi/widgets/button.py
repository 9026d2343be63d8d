"""TouchButton: the only push button; large enough for gloves, cannot be pressed twice, never cuts its text."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QElapsedTimer, QEvent, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from hmi import theme
from hmi.theme import FontRole
from hmi.widgets.glyphs import draw_glyph
from hmi.widgets.painted import PaintedButton, draw_box, draw_focus, has_keyboard
from hmi.widgets.spinner import draw_spinner, spinner_phase
from hmi.widgets.text import CENTER, block_height, broken, text_width

Kind = Literal["primary", "secondary", "danger", "quiet"]

GUARD_MS = 400
SPINNER_AFTER_MS = 500
_ONE_LINE_U = 210  # shorter texts stay on one line: a Japanese word must not be torn apart

# Kind → (fill, fill while pressed, ink, edge): tokens.
_LOOKS: dict[Kind, tuple[str, str, str, str]] = {
    "primary": ("accent", "accent_pressed", "accent_ink", "accent"),
    "secondary": ("sunken", "pressed", "text", "edge"),
    "danger": ("danger", "danger_pressed", "danger_ink", "danger"),
    "quiet": ("surface", "pressed", "text", "edge"),
}


class TouchButton(PaintedButton):
    """A push button. Connect ``clicked``; call ``set_pending(True)`` while the action runs.

    Args:
        text: One or two lines; never elided.
        kind: primary (one per bar), secondary, danger, quiet.
        icon: Glyph name drawn before (or, without text, instead of) the text.
        large: True: at least 20 mm (primary and keypad keys); False: at least 15 mm.
        role: Font role of the text.

    Signals:
        clicked(bool): Released inside, enabled, not pending, more than 400 ms after the last one.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        kind: Kind = "secondary",
        icon: str = "",
        large: bool = False,
        role: FontRole = "button",
    ) -> None:
        super().__init__(parent)
        self.setText(text)
        self.kind: Kind = kind
        self.icon_name = icon
        self.large = large
        self.role: FontRole = role
        self.count = 0
        self.guard_ms = GUARD_MS
        self._pending = False
        self._last = QElapsedTimer()
        self._since = QElapsedTimer()
        self._turning = QTimer(self)
        self._turning.setInterval(100)
        self._turning.timeout.connect(self.update)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._last.start)

    # -- what it says --------------------------------------------------------------------------------------------

    def set_count(self, count: int) -> None:
        """Show ``(count)`` after the text; 0 shows nothing."""
        if count != self.count:
            self.count = count
            self.updateGeometry()
            self.update()

    def set_pending(self, pending: bool) -> None:
        """True while the action runs: it cannot be pressed, and a spinner appears after 500 ms."""
        if pending == self._pending:
            return
        self._pending = pending
        if pending:
            self._since.start()
            self._turning.start()
        else:
            self._turning.stop()
        self.update()

    @property
    def pending(self) -> bool:
        """True while the action runs."""
        return self._pending

    def shown_text(self) -> str:
        """Text with its count."""
        return f"{self.text()} ({self.count})" if self.count else self.text()

    # -- size ----------------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough for two balanced lines, never smaller than its touch size."""
        now = theme.current()
        side = now.touch_primary if self.large else now.touch
        text = self.shown_text()
        if not text:
            return QSize(side, side)
        room = self._two_line_width(text)
        icon = self._icon_side() + now.px(8) if self.icon_name else 0
        height = block_height(text, self.role, room) + 2 * now.px(8)
        return QSize(max(side, round(room) + icon + 2 * now.px(14)), max(side, round(height)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """The same: a button is never squeezed."""
        return self.sizeHint()

    def _two_line_width(self, text: str) -> float:
        """The narrowest width in which the text takes at most two lines."""
        full = max(text_width(line, self.role) for line in text.split("\n"))
        if full <= theme.current().px(_ONE_LINE_U):
            return full + 1
        low, high = full / 2, full
        if len(broken(text, self.role, high)) > 2:
            return max(text_width(line, self.role) for line in text.split("\n"))
        for _ in range(6):
            middle = (low + high) / 2
            lines = broken(text, self.role, middle)
            if len(lines) <= 2 and all(text_width(line, self.role) <= middle for line in lines):
                high = middle
            else:
                low = middle
        return high + 1

    def _icon_side(self) -> int:
        return theme.current().px(26)

    # -- painting ------------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter) -> None:
        """Box, icon, text; spinner while pending."""
        now = theme.current()
        rect = QRectF(self.rect())
        fill, pressed, ink, edge = _LOOKS[self.kind]
        live = self.isEnabled() and not self._pending
        if self._pending:
            fill = pressed
        elif not self.isEnabled():
            fill, ink, edge = "surface", "disabled", "line"
        elif self.isDown() or self.isChecked():
            fill = pressed
        draw_box(painter, rect, now.color(fill), edge, 2)
        self._paint_content(painter, rect.adjusted(now.px(13), now.px(4), -now.px(13), -now.px(4)), ink)
        if has_keyboard(self) and live and self.focusPolicy() & Qt.FocusPolicy.TabFocus:
            draw_focus(painter, rect)

    def _paint_content(self, painter: QPainter, rect: QRectF, ink: str) -> None:
        now = theme.current()
        side, gap = self._icon_side(), now.px(8)
        if self._pending and self._since.elapsed() >= SPINNER_AFTER_MS:
            draw_spinner(painter, QRectF(rect.right() - side, rect.top(), side, side), now.color(ink), spinner_phase())
        text = self.shown_text()
        if not self.icon_name:
            self.write(painter, rect, text, self.role, ink, CENTER, lines=2)
            return
        room = rect.width() - side - gap
        width = min(room, max(text_width(line, self.role) for line in broken(text, self.role, room))) if text else -gap
        left = rect.center().x() - (side + gap + width) / 2
        draw_glyph(painter, self.icon_name, QRectF(left, rect.center().y() - side / 2, side, side), now.color(ink))
        if text:
            self.write(painter, QRectF(left + side + gap, rect.top(), width + 1, rect.height()), text, self.role, ink, lines=2)

    # -- touch ---------------------------------------------------------------------------------------------------

    def _refuses(self) -> bool:
        return self._pending or (self._last.isValid() and self._last.elapsed() < self.guard_ms)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Ignore a second tap within 400 ms, and everything while pending."""
        if self._refuses():
            event.accept()
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter presses like Space; the guard holds for keys too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if not self._refuses() and not event.isAutoRepeat():
                self.click()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """A button that is taken away loses its pressed look."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self.update()
