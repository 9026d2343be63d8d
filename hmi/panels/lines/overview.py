"""The overview: one tile per line in its physical place, six to a page; state straight from the machine."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from core.equipment.states import MachineState, map_state, nearer_word
from core.errors import GenbaError
from core.live.sample import Quality, Sample
from core.live.tags import TagRole, TagSpec
from core.production.views import LineView
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels.lines.figures import target_of
from hmi.widgets.label import Label
from hmi.widgets.line_tile import LineFace, LineTile
from hmi.widgets.pager import Pager
from hmi.widgets.text import CENTER
from hmi.widgets.three_lines import ThreeLines

COLUMNS = 3
PER_PAGE = 6


class LiveLineTile(LineTile):
    """A line tile whose state follows the machine's own state tag, while counts come from the database once a second."""

    def __init__(self, spec: TagSpec | None, zone: ZoneInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec = spec
        self._zone = zone
        self._view: LineView | None = None
        self._waiting: Collection[str] = ()
        self._state: MachineState | None = None
        self._since: float | None = None
        self._sample = Sample(spec.name if spec else "", None, Quality.NEVER)

    def show_view(self, view: LineView, waiting: Collection[str] = ()) -> None:
        """Take counts, order and recorded state; ``waiting`` names the orders with decisions not yet in the database."""
        self._view, self._waiting = view, waiting
        self.show_sample(self._sample, time.time())

    def show_sample(self, sample: Sample, now: float) -> None:
        """Take the state tag's latest sample and the time, UNIX seconds UTC."""
        self._sample = sample
        view = self._view
        if view is None:
            return
        state, reason = self._live_state(view)
        if state is not self._state:
            # The recorded start is exact; until the record arrives the moment this screen saw the change stands in.
            self._state, self._since = state, now
        recorded = view.state_since.timestamp() if view.state_since is not None and view.state is state else None
        since = recorded if recorded is not None else self._since
        offline = state is MachineState.OFFLINE
        order = view.order
        self.show_line(
            LineFace(
                code=view.code,
                name=view.name,
                state=state.value,
                word_id=nearer_word(state, reason, sample.quality),
                elapsed_s=None if since is None or state is MachineState.RUNNING else max(0.0, now - since),
                good=None if order is None or offline else order.machine_good,
                target_now=None if order is None else target_of(view, now),
                planned=int(order.planned) if order is not None else 0,
                order=f"{order.number}  {order.product_code}" if order is not None else "",
                open_stops=view.open_stops,
                call_id=f"call.{view.calls[0].kind}" if view.calls else "",
                call_s=max(0.0, now - view.calls[0].opened_at.timestamp()) if view.calls else 0.0,
                oee=view.oee.value,
                reason_id=f"stop.{reason}" if reason and state in _STOPPED else "",
                last_at=datetime.fromtimestamp(sample.received_at, self._zone).strftime("%H:%M") if sample.received_at else "",
                age_s=now - sample.received_at if sample.received_at else None,
                waiting=order is not None and f"order:{order.id}" in self._waiting,
            )
        )

    def _live_state(self, view: LineView) -> tuple[MachineState, str]:
        if self.spec is None or not view.state_by_tag:
            return view.state, view.reason_code
        state, reason = map_state(self._sample.value, self._sample.quality, self.spec.states)
        return state, view.reason_code if state is view.state else reason


_STOPPED = frozenset({MachineState.DOWN, MachineState.MINOR_STOP, MachineState.WAITING, MachineState.SETUP, MachineState.PLANNED_STOP})


class OverviewView(QWidget):
    """Grid of tiles; more than six lines go on pages, so that positions stay in memory.

    Signals:
        opened(str): Line code.
    """

    opened = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._tiles: dict[str, LiveLineTile] = {}
        self._codes: tuple[str, ...] = ()
        self.pager = Pager()
        self.pager.turned.connect(lambda _: self._show_page())
        self._known = False
        self._unreachable = False
        self._empty = Label("", "body", "text2", align=CENTER, wrap=True)
        self._problem = ThreeLines(self, closable=False, floating=True)
        self._grid = QGridLayout()
        self._grid.setSpacing(theme.current().px(8))
        column = QVBoxLayout(self)
        side, top = theme.current().px(10), theme.current().px(6)
        column.setContentsMargins(side, top, side, top)
        column.addWidget(self._empty, 1)
        column.addLayout(self._grid, 1)
        column.addWidget(self.pager)
        bridge.site_changed.connect(self._forget)
        self.retranslate()

    def show_lines(self, lines: Sequence[LineView], waiting: Collection[str] = ()) -> None:
        """Show these lines, in this order; ``waiting`` as for a tile."""
        self._problem.clear()
        self._known = True
        if not lines:
            self.retranslate()
        codes = tuple(line.code for line in lines)
        if codes != self._codes:
            self._build(codes)
        for line in lines:
            self._tiles[line.code].show_view(line, waiting)
        self._empty.setVisible(not lines)

    def show_error(self, error: Exception) -> None:
        """Say why nothing newer is shown; the tiles keep what they have and go on following the machines."""
        if not self._tiles:
            self._unreachable = True
            self.retranslate()
        if isinstance(error, GenbaError):
            self._problem.show_error(error)

    @property
    def tiles(self) -> dict[str, LiveLineTile]:
        """Tiles by line code."""
        return self._tiles

    def _build(self, codes: tuple[str, ...]) -> None:
        self._clear()
        site = self._bridge.station.site
        for code in codes:
            line = site.line(code)
            zone = ZoneInfo(line.time_zone) if line is not None else ZoneInfo("UTC")
            specs = site.tags_of(line.constraint_unit) if line is not None else ()
            spec = next((spec for spec in specs if spec.role is TagRole.STATE), None)
            tile = LiveLineTile(spec, zone)
            tile.setObjectName(f"line.{code}")
            tile.opened.connect(self.opened)
            if spec is not None:
                self._bridge.show(tile, spec.name)
            self._tiles[code] = tile
        self._codes = codes
        self._show_page()

    def _show_page(self) -> None:
        places = self.pager.show_pages(len(self._codes), PER_PAGE)
        shown = self._codes[places.start : places.stop]
        for code, tile in self._tiles.items():
            self._grid.removeWidget(tile)
            tile.setVisible(code in shown)
        for place, code in enumerate(shown):
            self._grid.addWidget(self._tiles[code], place // COLUMNS, place % COLUMNS)
        for column in range(COLUMNS):
            self._grid.setColumnStretch(column, 1)

    def _clear(self) -> None:
        for tile in self._tiles.values():
            self._bridge.forget(tile)
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self._tiles = {}

    def _forget(self) -> None:
        """The site changed: lines, tags and their state maps are read anew with the next answer."""
        self._clear()
        self._codes = ()

    def retranslate(self) -> None:
        """Say why the overview is empty."""
        if self._known:
            self._empty.set_text(self.tr("No lines yet. Apply a site file with: genba site apply FILE"))
        elif self._unreachable:
            self._empty.set_text(self.tr("The lines are not known. They are shown as soon as the database answers."))
        else:
            self._empty.set_text(self.tr("Lines are being loaded …"))
