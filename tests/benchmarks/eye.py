"""Sees when a tile is drawn with a value that came from a machine."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from hmi.widgets.line_tile import LineTile
from hmi.widgets.value_tile import ValueTile


def is_live(tile: QWidget) -> bool:
    """True while ``tile`` shows something a machine said."""
    if isinstance(tile, ValueTile):
        return tile.sample.quality.usable
    return isinstance(tile, LineTile) and tile.face.state != "OFFLINE"


class Eye(QObject):
    """Event filter of one tile; calls ``live`` with CLOCK_MONOTONIC seconds at the first paint with a live value."""

    def __init__(self, tile: QWidget, live: Callable[[float], None]) -> None:
        super().__init__(tile)
        self._tile = tile
        self._live = live

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and is_live(self._tile):
            self._tile.removeEventFilter(self)
            self._live(time.monotonic())
        return False
