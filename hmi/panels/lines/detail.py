"""One line: state and order, counts against target, the last eight hours, live values of its machines."""

from __future__ import annotations

import time
from collections.abc import Collection
from zoneinfo import ZoneInfo

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from core.equipment.states import MachineState, map_state
from core.errors import GenbaError
from core.live.sample import Quality, Sample
from core.live.tags import TagRole, TagSpec, TagType
from core.production.views import LineDetail
from core.words import UNDEFINED, name, number, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels.lines.figures import finish_text, lead_text, target_now
from hmi.widgets.bars import CountBar
from hmi.widgets.button import TouchButton
from hmi.widgets.chip import StateChip
from hmi.widgets.label import Label
from hmi.widgets.text import CENTER
from hmi.widgets.three_lines import ThreeLines
from hmi.widgets.timeline import Span, StateTimeline
from hmi.widgets.value_tile import ValueTile

COLUMNS, ROWS = 4, 2
"""Live tiles on the smallest panel; larger screens show more of them, not larger gaps."""
_TILE_U = (300, 190)
_TREND_PENS = 3


class LiveChip(StateChip):
    """A state chip that follows the constraint unit's state tag."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.spec: TagSpec | None = None
        self._detail: LineDetail | None = None
        self._shown = ""
        self._since = 0.0

    def show_detail(self, detail: LineDetail) -> None:
        """Take the recorded state, for its start and when there is no state tag."""
        self._detail = detail
        if self.spec is None:
            since = detail.line.state_since
            self.show_state(detail.line.state.value, None if since is None else max(0.0, time.time() - since.timestamp()))

    def show_sample(self, sample: Sample, now: float) -> None:
        """Take the state tag; ``now`` is UNIX seconds UTC."""
        if self.spec is None:
            return
        state, _ = map_state(sample.value, sample.quality, self.spec.states)
        if state.value != self._shown:
            self._shown, self._since = state.value, now
        line = self._detail.line if self._detail is not None else None
        recorded = line.state_since if line is not None and line.state is state else None
        elapsed_s = max(0.0, now - (recorded.timestamp() if recorded is not None else self._since))
        linked = state is MachineState.OFFLINE and sample.quality in (Quality.BAD, Quality.CONFIG, Quality.STALE)
        self.show_state(state.value, elapsed_s, f"data.{sample.quality.name}" if linked else "")


class LineDetailView(QWidget):
    """Feed it with ``show_line`` (tags, at once) and ``show_detail`` (what the database knows).

    Signals:
        touched(str): Name of the tag whose tile was touched.
    """

    touched = Signal(str)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._code = ""
        self._detail: LineDetail | None = None
        self._tiles: list[ValueTile] = []
        self._specs: tuple[TagSpec, ...] = ()
        self._page = 0
        self._columns, self._rows = COLUMNS, ROWS
        self.problem = ThreeLines(self, closable=False, floating=True)
        self.title = Label("", "heading", may_cut=True)
        self.chip = LiveChip()
        self.bar = CountBar()
        self.timeline = StateTimeline()
        self._figures: dict[str, tuple[Label, Label]] = {}
        self._grid = QGridLayout()
        self._lay_out()
        bridge.site_changed.connect(lambda: self.show_line(self._code, anew=True))

    def _lay_out(self) -> None:
        look = theme.current()
        column = QVBoxLayout(self)
        margin = look.px(10)
        column.setContentsMargins(margin, look.px(6), margin, look.px(6))
        column.setSpacing(look.px(8))
        head = QHBoxLayout()
        head.setSpacing(look.px(12))
        head.addWidget(self.title, 1)
        head.addWidget(self.chip)
        head.addStretch(1)
        head.addLayout(self._pager())
        column.addLayout(head)
        column.addWidget(self._count_card())
        column.addWidget(self.timeline)
        self._grid.setSpacing(look.px(8))
        column.addLayout(self._grid, 1)

    def _count_card(self) -> QFrame:
        look = theme.current()
        card = QFrame()
        card.setProperty("frame", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(look.px(12), look.px(6), look.px(12), look.px(8))
        inside.setSpacing(look.px(4))
        row = QHBoxLayout()
        for key, share in (("order", 9), ("good", 3), ("reject", 3), ("target", 5), ("remaining", 4), ("finish", 4)):
            value = Label(UNDEFINED, "strong" if key == "order" else "value", may_cut=key == "order")
            label = Label("", "label", "text2", may_cut=True)
            self._figures[key] = (value, label)
            cell = QVBoxLayout()
            cell.setSpacing(0)
            cell.addWidget(label)
            cell.addWidget(value)
            row.addLayout(cell, share)
        inside.addLayout(row)
        inside.addWidget(self.bar)
        return card

    def _pager(self) -> QHBoxLayout:
        self._back = TouchButton("", icon="arrow_left", kind="quiet")
        self._on = TouchButton("", icon="arrow_right", kind="quiet")
        self._where = Label("", "label", "text2", align=CENTER)
        self._back.clicked.connect(lambda: self._turn(-1))
        self._on.clicked.connect(lambda: self._turn(1))
        row = QHBoxLayout()
        row.setSpacing(theme.current().px(8))
        for part in (self._back, self._where, self._on):
            row.addWidget(part)
        return row

    # -- what to show --------------------------------------------------------------------------------------------

    def show_line(self, code: str, *, anew: bool = False) -> None:
        """Show line ``code``: its live tags at once, everything else with the next ``show_detail``."""
        if (code == self._code and not anew) or not code or not self._bridge.is_ready:
            return
        self._code, self._detail, self._page = code, None, 0
        site = self._bridge.station.site
        line = site.line(code)
        if line is None:
            return
        units = sorted(line.work_units, key=lambda unit: unit.code != line.constraint_unit)
        specs = [spec for unit in units for spec in site.tags_of(unit.code)]
        state = next((spec for spec in specs if spec.role is TagRole.STATE and spec.work_unit == line.constraint_unit), None)
        self.chip.spec = state
        if state is not None:
            self._bridge.show(self.chip, state.name)
        self._specs = tuple(sorted((spec for spec in specs if spec is not state), key=_weight))
        self._show_page()
        self.retranslate()

    def show_detail(self, detail: LineDetail, waiting: Collection[str]) -> None:
        """Take what the database (or the snapshot) knows about the line."""
        if detail.line.code != self._code:
            return
        self.problem.clear()
        self._detail = detail
        self.chip.show_detail(detail)
        self._show_figures(waiting)
        zone, until = self._zone(), detail.line.as_of
        spans = [
            Span(part.state.value, part.started_at.astimezone(zone), (part.ended_at or until).astimezone(zone)) for part in detail.segments
        ]
        self.timeline.show_spans(spans, detail.since.astimezone(zone), until.astimezone(zone))

    def show_error(self, error: Exception) -> None:
        """Say why nothing newer is shown; live values go on."""
        if isinstance(error, GenbaError):
            self.problem.show_error(error)

    def trend_tags(self) -> tuple[str, ...]:
        """The process values worth a trend, of the constraint unit first."""
        process = [spec.name for spec in self._specs if spec.role is TagRole.PROCESS and spec.type not in (TagType.BOOL, TagType.STRING)]
        return tuple(process[:_TREND_PENS])

    @property
    def tiles(self) -> list[ValueTile]:
        """The live tiles of the page shown."""
        return self._tiles

    # -- figures -------------------------------------------------------------------------------------------------

    def _show_figures(self, waiting: Collection[str]) -> None:
        detail = self._detail
        if detail is None:
            return
        line, order = detail.line, detail.line.order
        language = theme.language()
        if order is None:
            self._set("order", self.tr("No order"))
            self._figures["order"][1].set_text(word("panel.work_orders", language))
        else:
            waits = self.tr("waiting")
            status = word(f"order.{order.status}", language)
            self._set("order", f"{order.product_code} {name(order.product_name, language)}")
            self._figures["order"][1].set_text(f"{order.number} · {f'{status} · {waits}' if f'order:{order.id}' in waiting else status}")
        made = None if order is None else order.machine_good
        self._set("good", number(made if order is not None else line.good_today))
        self._set("reject", number(order.machine_reject if order is not None else line.reject_today))
        target = target_now(detail)
        self._set("target", f"{number(target)}{lead_text(made, target)}")
        self._set("remaining", number(None if order is None else order.remaining))
        self._set("finish", finish_text(order, self._zone()))
        self.bar.setVisible(order is not None)
        if order is not None:
            self.bar.show_count(float(made or 0), float(order.planned), target)

    def _set(self, key: str, text: str) -> None:
        self._figures[key][0].set_text(text)

    def _zone(self) -> ZoneInfo:
        line = self._bridge.station.site.line(self._code)
        return ZoneInfo(line.time_zone if line is not None else "UTC")

    # -- live tiles ----------------------------------------------------------------------------------------------

    def _show_page(self) -> None:
        for tile in self._tiles:
            self._bridge.forget(tile)
            self._grid.removeWidget(tile)
            tile.deleteLater()
        self._tiles = []
        per_page = self._columns * self._rows
        pages = max(1, -(-len(self._specs) // per_page))
        self._page = max(0, min(self._page, pages - 1))
        simulated = {source.code for source in self._bridge.station.site.sources if source.simulated}
        for place, spec in enumerate(self._specs[self._page * per_page : (self._page + 1) * per_page]):
            tile = ValueTile(spec, simulated=spec.source in simulated)
            tile.setObjectName(f"tile.{spec.name}")
            tile.touched.connect(self.touched)
            self._tiles.append(tile)
            self._grid.addWidget(tile, place // self._columns, place % self._columns)
            self._bridge.show(tile, spec.name)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < self._columns else 0)
        for widget in (self._back, self._on, self._where):
            widget.setVisible(pages > 1)
        self._back.setEnabled(self._page > 0)
        self._on.setEnabled(self._page < pages - 1)
        self._where.set_text(f"{self._page + 1} / {pages}")

    def _turn(self, pages: int) -> None:
        self._page += pages
        self._show_page()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A larger screen shows more tiles at once."""
        super().resizeEvent(event)
        look = theme.current()
        columns = max(COLUMNS, self.width() // look.px(_TILE_U[0]))
        rows = max(ROWS, (self.height() - look.px(250)) // look.px(_TILE_U[1]))
        if (columns, rows) != (self._columns, self._rows):
            self._columns, self._rows = columns, rows
            if self._bridge.is_ready:
                self._show_page()

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text anew from what is held."""
        if not self._code or not self._bridge.is_ready:
            return
        language = theme.language()
        line = self._bridge.station.site.line(self._code)
        self.title.set_text(f"{self._code} {name(line.name, language)}" if line is not None else self._code)
        for key, text in (
            ("good", word("count.good", language)),
            ("reject", word("count.reject", language)),
            ("target", word("count.pace_target", language)),
            ("remaining", word("count.remaining", language)),
            ("finish", self.tr("Finish")),
        ):
            self._figures[key][1].set_text(text)
        self._show_figures(())


def _weight(spec: TagSpec) -> int:
    """Counts and cycle first, then process values, then states and reasons of the other machines."""
    order = (TagRole.GOOD, TagRole.REJECT, TagRole.CYCLE, TagRole.PROCESS, TagRole.REASON, TagRole.STATE)
    return order.index(spec.role)
