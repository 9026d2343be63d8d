"""The first click: from the first paint of a window until a touched button has acted and is drawn again.

The same few lines measure the bare window and the product, so that their ratio is a fair one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

ANSWER_MS = 100.0


class FirstClick(QObject):
    """Touches ``buttons`` in turn from the first paint on until one touch was answered within 100 ms.

    A touch travels through the event queue like one of the window system. It is answered when everything connected to
    ``clicked`` has run and the button was drawn after that.

    Args:
        window: Shown, not painted yet.
        buttons: At least one.
        painted: Called after the first paint, before the first touch.
        answered: Called once, after the first quick answer.
    """

    def __init__(
        self, window: QWidget, buttons: Sequence[QAbstractButton], painted: Callable[[], object], answered: Callable[[], object]
    ) -> None:
        super().__init__(window)
        self.painted_at = 0.0
        """CLOCK_MONOTONIC seconds when the first paint was on the screen; 0.0 before."""
        self.painted_cpu_s = 0.0
        """Processor time this process had used by then: what the ratio would be on an idle computer."""
        self.answered_at = 0.0
        """CLOCK_MONOTONIC seconds when the first quick answer was on the screen; 0.0 before."""
        self.answers_ms: list[float] = []
        """How long each touch took; the last one is at most 100 ms."""
        self._window = window
        self._buttons = list(buttons)
        self._tell_painted = painted
        self._tell_answered = answered
        self._touched_at = 0.0
        self._waiting: QAbstractButton | None = None
        self._acted = False
        window.installEventFilter(self)
        for button in self._buttons:
            button.clicked.connect(self._act)
            button.installEventFilter(self)

    def figures(self, began: float) -> dict[str, Any]:
        """What was measured, as seconds since ``began`` (CLOCK_MONOTONIC)."""
        return {
            "painted_s": self.painted_at - began,
            "painted_cpu_s": self.painted_cpu_s,
            "answered_s": self.answered_at - began,
            "answers_ms": self.answers_ms,
        }

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            # The rest of this paint is still to be done; the next turn of the loop comes after it.
            if watched is self._window and not self.painted_at:
                self.painted_at = -1.0
                QTimer.singleShot(0, self._painted)
            elif self._acted and watched is self._waiting:
                self._acted = False
                QTimer.singleShot(0, self._drawn)
        return False

    def _painted(self) -> None:
        self.painted_at = time.monotonic()
        self.painted_cpu_s = time.process_time()
        self._tell_painted()
        self._touch()

    def _touch(self) -> None:
        self._waiting = button = self._buttons[len(self.answers_ms) % len(self._buttons)]
        self._touched_at = time.monotonic()
        middle = QPointF(button.rect().center())
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        for kind, held in ((QEvent.Type.MouseButtonPress, left), (QEvent.Type.MouseButtonRelease, none)):
            event = QMouseEvent(kind, middle, QPointF(button.mapToGlobal(middle)), left, held, Qt.KeyboardModifier.NoModifier)
            QApplication.postEvent(button, event)

    def _act(self) -> None:
        self._acted = True
        if self._waiting is not None:
            self._waiting.update()

    def _drawn(self) -> None:
        now = time.monotonic()
        self.answers_ms.append((now - self._touched_at) * 1000)
        if self.answers_ms[-1] > ANSWER_MS:
            self._touch()
            return
        self.answered_at = now
        self._window.removeEventFilter(self)
        for button in self._buttons:
            button.removeEventFilter(self)
            button.clicked.disconnect(self._act)
        self._tell_answered()
