"""One machine: its state, what keeps it from being written, its last stops, and a live tile for each value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.equipment.machines import Stop
from core.equipment.states import MachineState
from core.errors import Refused
from core.live.sample import Quality
from core.live.tags import MANUAL, TagRole, TagSpec, TagType
from core.words import duration, has_word, name, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.sheets.setpoint import SetpointSheet
from hmi.widgets.button import TouchButton
from hmi.widgets.chip import StateChip
from hmi.widgets.label import Label
from hmi.widgets.text import CENTER
from hmi.widgets.value_tile import ValueTile

if TYPE_CHECKING:
    from hmi.panels.equipment.view import View

_TILE_U: Final = (190, 150)
_ORDER: Final = (TagRole.PROCESS, TagRole.GOOD, TagRole.REJECT, TagRole.TOTAL, TagRole.CYCLE, TagRole.REASON, TagRole.STATE)


LOOSE: Final = "*"
"""Stands for a code where values belong to no machine."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A work unit with its tags; ``code`` is LOOSE for the values that belong to none."""

    code: str
    name: Mapping[str, str]
    tags: tuple[TagSpec, ...]

    @property
    def is_unit(self) -> bool:
        """False for the values that belong to no machine."""
        return self.code != LOOSE

    @property
    def state_tag(self) -> TagSpec | None:
        """The tag that tells its state."""
        return next((spec for spec in self.tags if spec.role is TagRole.STATE), None)

    @property
    def setpoints(self) -> tuple[TagSpec, ...]:
        """What can be written."""
        return tuple(spec for spec in self.tags if spec.write is not None)

    def shown(self) -> list[TagSpec]:
        """Tags with a tile: setpoints first, then numbers, switches, counters; the state stands in the head."""
        state = self.state_tag
        weights = {role: place for place, role in enumerate(_ORDER)}
        return sorted(
            (spec for spec in self.tags if spec is not state),
            key=lambda spec: (spec.write is None, weights[spec.role], spec.type is TagType.BOOL),
        )


class MachineCard(QFrame):
    """Feed it with ``show_machine`` (tiles, at once), ``show_state``, ``show_stops``; ``show_guards`` looks at the interlocks.

    Signals:
        touched(TagSpec): A tile was touched.
    """

    touched = Signal(object)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self.machine: Machine | None = None
        self._tiles: list[ValueTile] = []
        self._stops: Sequence[Stop] = ()
        self._page = 0
        self._shape = (0, 0)
        self.title = Label("", "heading", may_cut=True)
        self.chip = StateChip()
        self.guards = Label("", "strong", wrap=True)
        self.stops = Label("", "label", "text2", wrap=True)
        self.empty = Label("", "body", "text2", align=CENTER, wrap=True)
        self._back = TouchButton("", icon="arrow_left", kind="quiet")
        self._on = TouchButton("", icon="arrow_right", kind="quiet")
        self._where = Label("", "label", "text2", align=CENTER)
        self._grid = QGridLayout()
        self._lay_out()
        self._back.clicked.connect(lambda: self._turn(-1))
        self._on.clicked.connect(lambda: self._turn(1))

    def _lay_out(self) -> None:
        look = theme.current()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(look.px(6))
        head = QHBoxLayout()
        head.setSpacing(look.px(10))
        head.addWidget(self.title, 1)
        head.addWidget(self.chip)
        foot = QHBoxLayout()
        foot.setSpacing(look.px(8))
        foot.addWidget(self.stops, 1)
        for part in (self._back, self._where, self._on):
            foot.addWidget(part)
        self._grid.setSpacing(look.px(8))
        self._grid.setContentsMargins(0, 0, 0, 0)
        column.addLayout(head)
        column.addWidget(self.guards)
        column.addWidget(self.empty, 1)
        column.addLayout(self._grid, 1)
        column.addLayout(foot)
        self.guards.hide()

    @property
    def tiles(self) -> list[ValueTile]:
        """The live tiles of the page shown."""
        return self._tiles

    # -- what to show --------------------------------------------------------------------------------------------

    def show_machine(self, machine: Machine | None) -> None:
        """Show the tiles of ``machine``; None shows nothing."""
        if machine != self.machine:
            self.machine, self._page = machine, 0
            self._show_page()
        self.retranslate()

    def show_state(self, state: MachineState | None, since_s: float | None, said: str) -> None:
        """Its state since how many seconds; ``said`` is the glossary id of a nearer word; None for what has no state."""
        self.chip.setVisible(state is not None)
        if state is not None:
            self.chip.show_state(state.value, None if state is MachineState.OFFLINE else since_s, said)

    def show_stops(self, stops: Sequence[Stop]) -> None:
        """The last stops, newest first."""
        self._stops = stops
        self.stops.set_text(self._stop_words())

    def show_guards(self) -> None:
        """Say in words what keeps setpoints from being written, and mark the tiles accordingly."""
        machine = self.machine
        closed: dict[str, str] = {}
        for spec in machine.setpoints if machine is not None else ():
            guard = spec.write.interlock if spec.write is not None else None
            if guard is not None and guard not in closed and (reason := self._reason(guard)):
                closed[guard] = reason
        shut = [spec for spec in (machine.setpoints if machine is not None else ()) if spec.write and spec.write.interlock in closed]
        self.guards.setVisible(bool(shut))
        if shut:
            names = "、" if theme.language() == "ja" else ", "
            tags = names.join(name(spec.label, theme.language()) or spec.name for spec in shut)
            words = self.tr("Cannot be written now: {tags}. Reason: {reasons}")
            self.guards.set_text(words.format(tags=tags, reasons=names.join(closed.values())))
        for tile in self._tiles:
            if tile.spec.write is not None:
                may = self._bridge.machines.may_write(tile.spec)
                tile.set_mark("pencil" if may and tile.spec not in shut else "lock")
            elif tile.manual:
                tile.set_mark("pencil" if self._bridge.machines.may_enter(tile.spec) else "")

    def _reason(self, guard: str) -> str:
        """Why the interlock ``guard`` does not permit; "" when it does."""
        sample = self._bridge.sample(guard)
        if sample.quality is Quality.GOOD and sample.value is True:
            return ""
        spec = next((spec for spec in self._bridge.station.site.tags if spec.name == guard), None)
        shown = name(spec.label, theme.language()) if spec is not None and spec.label else guard
        if sample.quality is Quality.GOOD:
            return self.tr("“{interlock}” is OFF").format(interlock=shown)
        return self.tr("the state of “{interlock}” is not known").format(interlock=shown)

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, spec: TagSpec, view: View) -> None:
        """Let whoever stands there write ``spec``; without the right he is told whom to ask."""
        if not self._bridge.machines.may_write(spec):
            shown = dict(spec.label) if spec.label else spec.name
            view.tell(Refused("write.no_permission", tag=shown, permission=spec.write.permission if spec.write else ""))
            return
        sheet = SetpointSheet(view.ground, self._bridge, spec)
        sheet.done.connect(view.toast)
        sheet.open()

    # -- tiles ---------------------------------------------------------------------------------------------------

    def _show_page(self) -> None:
        for tile in self._tiles:
            self._bridge.forget(tile)
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self._tiles = []
        specs = self.machine.shown() if self.machine is not None else []
        columns, rows = max(1, self._shape[0]), max(1, self._shape[1])
        pages = max(1, -(-len(specs) // (columns * rows)))
        self._page = max(0, min(self._page, pages - 1))
        sources = {source.code: source for source in self._bridge.station.site.sources} if self._bridge.is_ready else {}
        for place, spec in enumerate(specs[self._page * columns * rows : (self._page + 1) * columns * rows]):
            source = sources.get(spec.source)
            by_hand = source is not None and source.protocol == MANUAL
            tile = ValueTile(spec, simulated=source is not None and source.simulated, manual=by_hand)
            tile.setObjectName(f"equipment.tile.{spec.name}")
            tile.touched.connect(lambda _, touched=spec: self.touched.emit(touched))
            self._tiles.append(tile)
            self._grid.addWidget(tile, place // columns, place % columns)
            self._bridge.show(tile, spec.name)
        self._stretch(columns, rows)
        for widget in (self._back, self._on, self._where):
            widget.setVisible(pages > 1)
        self._back.setEnabled(self._page > 0)
        self._on.setEnabled(self._page < pages - 1)
        self._where.set_text(f"{self._page + 1} / {pages}")
        self.empty.setVisible(not specs)
        self.show_guards()

    def _stretch(self, columns: int, rows: int) -> None:
        """Tiles keep their place and size whether the page is full or not."""
        for column in range(max(self._grid.columnCount(), columns)):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for row in range(max(self._grid.rowCount(), rows)):
            self._grid.setRowStretch(row, 1 if row < rows else 0)

    def _turn(self, pages: int) -> None:
        self._page += pages
        self._show_page()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A larger screen shows more tiles at once."""
        super().resizeEvent(event)
        look = theme.current()
        shape = (max(2, self.width() // look.px(_TILE_U[0])), max(1, (self.height() - look.px(190)) // look.px(_TILE_U[1])))
        if shape != self._shape:
            self._shape = shape
            self._show_page()

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text in the current language."""
        machine = self.machine
        self.title.set_text(
            "" if machine is None else f"{name(machine.name, theme.language())}  {machine.code if machine.is_unit else ''}".strip()
        )
        self.empty.set_text("" if machine is None else self.tr("No values yet. Give this machine rows in tags.csv."))
        self.stops.set_text(self._stop_words())
        self.show_guards()

    def _stop_words(self) -> str:
        if self.machine is None or not self.machine.is_unit:
            return ""
        if not self._stops:
            return self.tr("No stop is recorded.")
        return self.tr("Last stops:  {stops}").format(stops="   ".join(map(self._stop, self._stops)))

    def _stop(self, stop: Stop) -> str:
        language = theme.language()
        reason = f"stop.{stop.reason_code}"
        why = word(reason if stop.reason_code and has_word(reason) else f"state.{stop.state.value}", language)
        at = f"{stop.started_at.astimezone(self._bridge.zone()):%H:%M}"
        if stop.ended_at is None:
            return self.tr("{time} {why} (now)").format(time=at, why=why)
        return f"{at} {why} ({duration((stop.ended_at - stop.started_at).total_seconds())})"
