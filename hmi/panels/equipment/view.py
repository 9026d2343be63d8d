"""What the three views of the equipment panel have in common."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from core.errors import GenbaError
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels import Action, OpenSignIn
from hmi.sheets.why_value import WhyValueSheet

WIDE_U: Final = 1250
"""From this width on a view shows a detail beside its list instead of below it."""
_PANE_U: Final = 480
_NO_LIMIT: Final = 16_777_215  # Qt's own
_EVERY_S: Final = 1.0


class View(QWidget):
    """One view. It is told to ``refresh`` when it comes to the front and when there is news, and ticks once a second while seen.

    Args:
        bridge: Everything is asked through it.

    Attributes:
        ground: The content area, which sheets lie over; the panel sets it.

    Signals:
        changed(): The action bar is to be asked again.
        navigate(Intent): Go elsewhere.
        toast(str): A result.
        failed(object): An error to show in three lines.
    """

    changed = Signal()
    navigate = Signal(object)
    toast = Signal(str)
    failed = Signal(object)

    entities: tuple[str, ...] = ()
    """News of these is news for this view."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bridge = bridge
        self.ground: QWidget = self
        self.updated_at: float | None = None
        self._ticked_at = 0.0
        bridge.frame.connect(self._frame)
        bridge.site_changed.connect(self.site_changed)

    # -- what a view says of itself ------------------------------------------------------------------------------

    def bar_actions(self) -> list[Action]:
        """What can be done now."""
        return []

    def refresh(self) -> None:
        """Ask again for what is shown."""

    def tick(self, now: float) -> None:
        """A second has passed while the view was seen; ``now`` is UNIX seconds UTC."""

    def site_changed(self) -> None:
        """Lines, tags or sources were replaced."""

    def actor_changed(self) -> None:
        """Somebody signed in or out."""

    def retranslate(self) -> None:
        """Set every text in the current language."""

    # -- what all of them do -------------------------------------------------------------------------------------

    @property
    def wide(self) -> bool:
        """True where a detail stands beside the list."""
        return self.width() >= theme.current().px(WIDE_U)

    def why(self, tag: str) -> None:
        """Tell why a value is as it is."""
        WhyValueSheet(self.ground, self.bridge, tag).open()

    def somebody_decides(self) -> bool:
        """True when a person is signed in; for a guest the sign-in sheet comes up instead of what he pressed."""
        if self.bridge.is_ready and self.bridge.station.actor.session_id is not None:
            return True
        self.navigate.emit(OpenSignIn())
        return False

    def tell(self, error: Exception) -> None:
        """Show ``error`` in three lines."""
        self.failed.emit(error if isinstance(error, GenbaError) else GenbaError("core.unknown", code=type(error).__name__))

    def _frame(self, now: float) -> None:
        if self.isVisible() and time.monotonic() - self._ticked_at >= _EVERY_S:
            self._ticked_at = time.monotonic()
            self.tick(now)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A wide screen is laid out another way."""
        super().resizeEvent(event)
        self.lay_out()

    def lay_out(self) -> None:
        """Put list and detail beside or below each other."""

    def pair(self, table: QWidget, pane: QWidget) -> QBoxLayout:
        """A list with the detail of its chosen row; ``arrange`` puts it where there is room."""
        pair = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        pair.setSpacing(theme.current().px(8))
        pair.addWidget(table, 1)
        pair.addWidget(pane)
        pane.hide()
        return pair

    def arrange(self, pair: QBoxLayout, pane: QWidget) -> None:
        """The detail beside the list on a wide screen, else below it."""
        look = theme.current()
        pair.setDirection(QBoxLayout.Direction.LeftToRight if self.wide else QBoxLayout.Direction.TopToBottom)
        pane.setMinimumWidth(look.px(_PANE_U) if self.wide else 0)
        pane.setMaximumWidth(look.px(_PANE_U) if self.wide else _NO_LIMIT)
