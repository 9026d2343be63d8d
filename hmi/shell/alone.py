"""One panel alone on the screen, without anything around it, until somebody touches the screen or a key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget

_TOUCHES: Final = frozenset({QEvent.Type.MouseButtonPress, QEvent.Type.TouchBegin, QEvent.Type.KeyPress})
_FOLLOWING: Final = frozenset({QEvent.Type.MouseButtonRelease, QEvent.Type.TouchEnd, QEvent.Type.KeyRelease})


class Alone(QObject):
    """Hides what stands around the panel in front.

    Args:
        window: Whose touches bring everything back.
        around: What is hidden.
        changed: Told True and False.
    """

    def __init__(self, window: QWidget, around: Sequence[QWidget], changed: Callable[[bool], None]) -> None:
        super().__init__(window)
        self._window = window
        self._around = around
        self._changed = changed
        self.is_so = False
        self._swallowing = False

    def begin(self) -> None:
        """Show the panel alone."""
        if not self.is_so:
            self.is_so = True
            self._show()
            QApplication.instance().installEventFilter(self)  # type: ignore[union-attr] # there is one where there are windows

    def end(self) -> None:
        """Bring back what stood around it."""
        if self.is_so:
            self.is_so = False
            self._show()

    def _show(self) -> None:
        for widget in self._around:
            widget.setVisible(not self.is_so)
        self._changed(self.is_so)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The first touch only brings everything back: nobody presses what he could not see."""
        mine = isinstance(watched, QWidget) and watched.window() is self._window
        if mine and self.is_so and event.type() in _TOUCHES:
            self._swallowing = True
            self.end()
            return True
        if mine and self._swallowing and event.type() in _FOLLOWING:
            self._swallowing = False
            QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
            return True
        return False
