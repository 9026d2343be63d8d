"""Collects garbage on the GUI thread only.

Python runs a collection in whichever thread happens to allocate. A sheet that was closed hangs in a cycle with its own
buttons; collected by a database thread, its widgets are destroyed outside the GUI thread and Qt crashes, now or later.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000
_FULL_EVERY = 60


class Collector(QObject):
    """Switches automatic collection off and does it itself: young objects each second, everything each minute.

    Belongs to the GUI thread. ``gc.freeze`` before it starts keeps a full collection to what came after the start.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._turns = 0
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._collect)

    def start(self) -> None:
        """Take over from Python's own collection."""
        gc.disable()
        self._timer.start()

    def _collect(self) -> None:
        self._turns += 1
        gc.collect(2 if self._turns % _FULL_EVERY == 0 else 1)
