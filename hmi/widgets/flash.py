"""The one flash of the screen: 2 Hz, half on, all in phase. Only the outline of an unacknowledged alarm icon may use it."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

HALF_PERIOD_MS = 250  # 2 Hz, 50 % duty


class Flash(QObject):
    """The global beat; runs only while somebody needs it.

    Signals:
        changed(bool): True in the bright half.
    """

    changed = Signal(bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.bright = True
        self._users = 0
        self._timer = QTimer(self)
        self._timer.setInterval(HALF_PERIOD_MS)
        self._timer.timeout.connect(self._beat)

    def need(self, needed: bool) -> None:
        """One more (True) or one less (False) widget flashes."""
        self._users = max(0, self._users + (1 if needed else -1))
        if self._users and not self._timer.isActive():
            self._timer.start()
        elif not self._users:
            self._timer.stop()
            self.bright = True

    @property
    def running(self) -> bool:
        """True while something flashes."""
        return self._timer.isActive()

    def _beat(self) -> None:
        self.bright = not self.bright
        self.changed.emit(self.bright)


class _One:
    flash: Flash | None = None


def flash() -> Flash:
    """The flash of this process; belongs to the application object, which must exist."""
    if _One.flash is None:
        app = QCoreApplication.instance()
        if app is None:
            raise RuntimeError("the flash needs an application")
        _One.flash = Flash(app)
        _One.flash.destroyed.connect(_forget)
    return _One.flash


def _forget() -> None:
    _One.flash = None
