"""Watches the person at the panel: signs off after inactivity, with a count-down, and leaves the screen readable."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from hmi.bridge import Bridge

if TYPE_CHECKING:
    from core.store.operation import Actor

COUNT_DOWN_S = 30
_ACTIVITY = (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress, QEvent.Type.TouchBegin, QEvent.Type.Wheel)


class SessionWatch(QObject):
    """Counts the seconds since the last touch or key while somebody is signed in.

    Args:
        bridge: Signs off through it.
        limit_s: Seconds without activity until sign-off; 0 never.

    Signals:
        seconds_left(object): int in the last 30 s before sign-off, else None.
    """

    seconds_left = Signal(object)

    def __init__(self, bridge: Bridge, limit_s: float, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._limit_s = limit_s
        self._last = time.monotonic()
        self._signed_in = False
        self._timer = QTimer(self)
        self._timer.setInterval(500)
        self._timer.timeout.connect(self._check)

    def actor_changed(self, actor: Actor) -> None:
        """Start counting for a person, stop for a guest."""
        self._signed_in = actor.session_id is not None
        app = QApplication.instance()
        assert app is not None
        # Every event of the program passes here and waits for the interpreter: only while it serves somebody.
        app.removeEventFilter(self)
        if self._signed_in:
            app.installEventFilter(self)
        self.touched()
        if self._signed_in and self._limit_s:
            self._timer.start()
        else:
            self._timer.stop()

    def touched(self) -> None:
        """Begin the time anew."""
        self._last = time.monotonic()
        self.seconds_left.emit(None)

    def sign_off(self) -> None:
        """Sign off now; the screen stays, read-only for a guest."""
        if self._signed_in and self._bridge.is_ready:
            self._bridge.start(self._bridge.sign_out())

    def _check(self) -> None:
        left = self._limit_s - (time.monotonic() - self._last)
        if left <= 0:
            self._timer.stop()
            self.sign_off()
        else:
            self.seconds_left.emit(int(left) + 1 if left <= COUNT_DOWN_S else None)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Any touch or key is a sign of life."""
        if self._signed_in and event.type() in _ACTIVITY:
            self._last = time.monotonic()
        return False
