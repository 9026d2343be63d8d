"""The live values of a line's machines, as many tiles as the screen has room for and pages for the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from core.live.tags import TagSpec
from hmi import theme
from hmi.bridge import Bridge
from hmi.widgets.pager import Pager
from hmi.widgets.value_tile import ValueTile

COLUMNS: Final = 3
"""Tiles beside each other on the smallest panel; larger screens show more of them, not larger gaps."""
_TILE_U: Final = (240, 160)


class LiveTiles(QWidget):
    """Feed it with ``show_specs``; the tiles follow their tags by themselves.

    Attributes:
        pager: Stands where the page wants it.

    Signals:
        touched(str): Name of the tag whose tile was touched.
    """

    touched = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._specs: tuple[TagSpec, ...] = ()
        self._columns, self._rows = COLUMNS, 1
        self.tiles: list[ValueTile] = []
        self.pager = Pager(kind="quiet")
        self.pager.turned.connect(lambda _: self._show_page())
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(theme.current().px(8))

    def show_specs(self, specs: Sequence[TagSpec]) -> None:
        """Show these tags, from the first page on."""
        self._specs, self.pager.page = tuple(specs), 0
        self._show_page()

    def _show_page(self) -> None:
        for tile in self.tiles:
            self._bridge.forget(tile)
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self.tiles = []
        shown = self.pager.show_pages(len(self._specs), self._columns * self._rows)
        simulated = {source.code for source in self._bridge.station.site.sources if source.simulated}
        for place, spec in enumerate(self._specs[shown.start : shown.stop]):
            tile = ValueTile(spec, simulated=spec.source in simulated)
            tile.setObjectName(f"tile.{spec.name}")
            tile.touched.connect(self.touched)
            self.tiles.append(tile)
            self._grid.addWidget(tile, place // self._columns, place % self._columns)
            self._bridge.show(tile, spec.name)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < self._columns else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A larger screen shows more tiles at once."""
        super().resizeEvent(event)
        look = theme.current()
        columns = max(COLUMNS, self.width() // look.px(_TILE_U[0]))
        rows = max(1, self.height() // look.px(_TILE_U[1]))
        if (columns, rows) != (self._columns, self._rows):
            self._columns, self._rows = columns, rows
            if self._bridge.is_ready:
                self._show_page()
