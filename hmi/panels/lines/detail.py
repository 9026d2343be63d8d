"""One line: state and order, counts against target, OEE, the last eight hours and their stops, live values of its machines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.equipment.states import MachineState, Segment, nearer_word
from core.equipment.stop_views import StopView
from core.errors import GenbaError
from core.live.tags import TagRole, TagSpec, TagType
from core.production.views import LineDetail
from core.words import name, word
from hmi import theme
from hmi.bridge import Bridge
from hmi.panels.lines.chip import LiveChip
from hmi.panels.lines.count_card import CountCard
from hmi.panels.lines.figures import ratio_faces
from hmi.panels.lines.live_tiles import LiveTiles
from hmi.panels.lines.stops_strip import StopsStrip
from hmi.panels.lines.unit_strip import UnitStrip
from hmi.sheets.stop_words import part_end, reason_word
from hmi.widgets.label import Label
from hmi.widgets.pager import Pager
from hmi.widgets.ratio_bars import RatioBars
from hmi.widgets.three_lines import ThreeLines
from hmi.widgets.timeline import Span, StateTimeline
from hmi.widgets.value_tile import ValueTile

_TREND_PENS = 3
_STOPS_U = 246


class LineDetailView(QWidget):
    """Feed it with ``show_line`` (tags, at once), ``show_detail`` and ``show_stops`` (what the database knows).

    Signals:
        touched(str): Name of the tag whose tile was touched.
        stop_touched(datetime): A moment of the stop of the constraint unit whose bar was touched, aware UTC.
        stop_chosen(StopView): A stop of the list was touched.
        unit_touched(str): Code of the machine that was touched.
        formula_pressed(): Somebody wants to know what the ratios are.
    """

    touched = Signal(str)
    stop_touched = Signal(object)
    stop_chosen = Signal(object)
    unit_touched = Signal(str)
    formula_pressed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._code = ""
        self._detail: LineDetail | None = None
        self._waiting: Collection[str] = ()
        self._stops: tuple[StopView, ...] = ()
        self._specs: tuple[TagSpec, ...] = ()
        self.problem = ThreeLines(self, closable=False, floating=True)
        self.title = Label("", "heading", may_cut=True)
        self.chip = LiveChip()
        self.counts = CountCard()
        self.ratios = RatioBars()
        self.timeline = StateTimeline()
        self.units = UnitStrip()
        self.stops = StopsStrip()
        self.live = LiveTiles(bridge)
        self._lay_out()
        self.live.touched.connect(self.touched)
        self.ratios.clicked.connect(self.formula_pressed)
        self.units.touched.connect(self.unit_touched)
        self.stops.touched.connect(self.stop_chosen)
        self.timeline.touched.connect(self._bar_touched)
        bridge.site_changed.connect(lambda: self.show_line(self._code, anew=True))

    def _lay_out(self) -> None:
        look = theme.current()
        column = QVBoxLayout(self)
        margin = look.px(10)
        column.setContentsMargins(margin, look.px(6), margin, look.px(6))
        column.setSpacing(look.px(4))  # two more and it would not fit a panel of 12.1 inches, where a unit is a pixel
        head = QHBoxLayout()
        head.setSpacing(look.px(12))
        head.addWidget(self.title, 1)
        head.addWidget(self.chip)
        head.addStretch(1)
        head.addWidget(self.pager)
        below = QHBoxLayout()
        below.setSpacing(look.px(8))
        self.stops.setFixedWidth(look.px(_STOPS_U))
        below.addWidget(self.stops)
        below.addWidget(self.live, 1)
        column.addLayout(head)
        for part in (self.counts, self.ratios, self.timeline, self.units):
            column.addWidget(part)
        column.addLayout(below, 1)

    @property
    def pager(self) -> Pager:
        """Pages of the live tiles."""
        return self.live.pager

    @property
    def tiles(self) -> list[ValueTile]:
        """The live tiles of the page shown."""
        return self.live.tiles

    # -- what to show --------------------------------------------------------------------------------------------

    def show_line(self, code: str, *, anew: bool = False) -> None:
        """Show line ``code``: its live tags at once, everything else with the next ``show_detail``."""
        if (code == self._code and not anew) or not code or not self._bridge.is_ready:
            return
        self._code, self._detail, self._stops = code, None, ()
        site = self._bridge.station.site
        line = site.line(code)
        if line is None:
            return
        units = sorted(line.work_units, key=lambda unit: unit.code != line.constraint_unit)
        specs = [spec for unit in units for spec in site.tags_of(unit.code)]
        state = next((spec for spec in specs if spec.role is TagRole.STATE and spec.work_unit == line.constraint_unit), None)
        self.chip.spec = state
        self.chip.forget()
        if state is not None:
            self._bridge.show(self.chip, state.name)
        self._specs = tuple(sorted((spec for spec in specs if spec is not state), key=_weight))
        self.live.show_specs(self._specs)
        self.stops.zone = self._zone()
        self.show_stops(())
        self.retranslate()

    def show_detail(self, detail: LineDetail, waiting: Collection[str]) -> None:
        """Take what the database (or the snapshot) knows about the line."""
        if detail.line.code != self._code:
            return
        self.problem.clear()
        self._detail, self._waiting = detail, waiting
        self.chip.show_detail(detail)
        self._show()

    def show_stops(self, stops: Sequence[StopView]) -> None:
        """Take the line's stops of the last 24 hours, newest first."""
        self._stops = tuple(stops)
        self.stops.show_stops(self._stops)
        self._show_timeline()

    def show_error(self, error: Exception) -> None:
        """Say why nothing newer is shown; live values go on."""
        if isinstance(error, GenbaError):
            self.problem.show_error(error)

    def trend_tags(self) -> tuple[str, ...]:
        """The process values worth a trend, of the constraint unit first."""
        process = [spec.name for spec in self._specs if spec.role is TagRole.PROCESS and spec.type not in (TagType.BOOL, TagType.STRING)]
        return tuple(process[:_TREND_PENS])

    def _show(self) -> None:
        detail = self._detail
        if detail is None:
            return
        line = self._bridge.station.site.line(self._code)
        self.counts.show_detail(detail, self._waiting, self._zone())
        self.ratios.show_ratios(ratio_faces(detail.line, line.settings.oee_target if line is not None else None))
        self.units.show_units(detail.units, detail.line.calls)
        self._show_timeline()

    def _zone(self) -> ZoneInfo:
        line = self._bridge.station.site.line(self._code)
        return ZoneInfo(line.time_zone if line is not None else "UTC")

    # -- the last eight hours ------------------------------------------------------------------------------------

    def _show_timeline(self) -> None:
        detail = self._detail
        if detail is None:
            return
        zone, until = self._zone(), detail.line.as_of
        told = {stop.began_at: stop for stop in self._stops if stop.work_unit_code == detail.line.constraint_unit}
        spans = [span for part in detail.segments for span in self._spans(part, told.get(part.started_at), until, zone)]
        self.timeline.show_spans(spans, detail.since.astimezone(zone), until.astimezone(zone))

    def _spans(self, segment: Segment, stop: StopView | None, until: datetime, zone: ZoneInfo) -> list[Span]:
        """A segment as its parts: where people say that it had another reason from some moment on, there a new bar begins."""
        running = segment.state is MachineState.RUNNING
        language, end = theme.language(), segment.ended_at or until
        if stop is None:
            why = segment.reason_code if segment.state is not MachineState.OFFLINE else ""
            nearer = nearer_word(segment.state, segment.reason_code) or f"state.{segment.state}"
            text = "" if running else reason_word(why) if why else word(nearer, language)
            key = None if running else segment.started_at
            return [Span(segment.state.value, segment.started_at.astimezone(zone), end.astimezone(zone), key=key, text=text)]
        return [
            Span(
                (part.state or segment.state).value,
                part.from_at.astimezone(zone),
                min(part_end(stop, part) or until, end).astimezone(zone),
                needs_reason=stop.needs_reason and part.reason_code in ("", "D99"),
                key=part.from_at,
                text=reason_word(part.reason_code) if part.reason_code else word(f"state.{part.state or segment.state}", language),
            )
            for part in stop.parts
        ]

    def _bar_touched(self, key: object) -> None:
        if isinstance(key, datetime):
            self.stop_touched.emit(key)

    # -- words ---------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Set every text anew from what is held."""
        if not self._code or not self._bridge.is_ready:
            return
        line = self._bridge.station.site.line(self._code)
        self.title.set_text(f"{self._code} {name(line.name, theme.language())}" if line is not None else self._code)
        self.counts.say()
        self._show()
        self.stops.show_stops(self._stops)


def _weight(spec: TagSpec) -> int:
    """Counts and cycle first, then process values, then states and reasons of the other machines."""
    order = (TagRole.GOOD, TagRole.REJECT, TagRole.TOTAL, TagRole.CYCLE, TagRole.PROCESS, TagRole.REASON, TagRole.STATE)
    return order.index(spec.role)
