"""Pages of the gallery about machines: their values, their connections, why one is old, how one is written, what a machine offers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.config import StationSettings
from core.equipment.machines import MachinesView as Known
from core.equipment.machines import MachineView, Stop
from core.equipment.states import MachineState
from core.equipment.views import LineSpec, SiteView, WorkUnitSpec
from core.errors import NotConfirmed, NotConnected, Unavailable
from core.live.explained import READ_ELSEWHERE, Explained, explain
from core.live.link import BrowseItem, ConnectionSafety, LinkState, LinkStatus
from core.live.sample import ENTERED, RELAYED, Batch, Quality, Sample, Value
from core.live.tags import SourceSpec, TagRole, TagSpec, TagType, WritePolicy
from core.live.writes import WriteIntent, WriteResult
from hmi.bridge import Bridge
from hmi.panels.equipment.browser import TagBrowserView
from hmi.panels.equipment.browser_sheets import ExportRowsSheet, scan_form
from hmi.panels.equipment.chosen import Level
from hmi.panels.equipment.connection_sheet import ConnectionSheet, accept_form
from hmi.panels.equipment.connections import ConnectionsView
from hmi.panels.equipment.machines import MachinesView
from hmi.panels.equipment.view import View
from hmi.sheets.manual_entry import manual_form
from hmi.sheets.setpoint import SetpointSheet
from hmi.sheets.why_value import WhyValueSheet
from hmi.widgets.keypad import NumericKeypad
from hmi.widgets.sheet import BottomSheet
from tests.hmi.front import CREW, StandIn

OPERATOR, ADMINISTRATOR = 0, 2
NOW = time.time()

SOURCES = (
    SourceSpec("press-plc", "opcua", "opc.tcp://192.168.10.21:4840", {"ja": "プレスPLC", "en": "Press PLC"}),
    SourceSpec("oven-gw", "modbus", "modbus://192.168.10.31:502", {"ja": "乾燥炉ゲートウェイ", "en": "Curing oven gateway"}),
    SourceSpec("robot", "opcua", "opc.tcp://192.168.10.41:4840", {"ja": "溶接ロボット", "en": "Welding robot"}, readers="all"),
    SourceSpec("washer", "manual", "manual:", {"ja": "洗浄機(手入力)", "en": "Washer (by hand)"}),
    SourceSpec("meters", "modbus", "modbus://192.168.10.51:502", {"ja": "電力計", "en": "Energy meters"}),
)


def _tag(name: str, ja: str, en: str, **more: Any) -> TagSpec:
    given: dict[str, Any] = {
        "name": name, "source": "press-plc", "address": f"nsu=urn:maker:press;s={name}", "type": TagType.FLOAT64,
        "label": {"ja": ja, "en": en}, "work_unit": "L2-M2",
    }  # fmt: skip
    return TagSpec(**(given | more))


STATES = {"0": "IDLE", "1": "RUNNING", "4": "DOWN"}
TAGS = (
    _tag("L2.M2.State", "状態", "State", type=TagType.INT32, role=TagRole.STATE, states=STATES),
    _tag("L2.M2.Pressure", "油圧", "Hydraulic pressure", unit="MPa", low=0.0, high=25.0, warn_low=16.0, warn_high=21.0),
    _tag(
        "L2.M2.PressureSetpoint", "油圧設定", "Pressure setpoint", unit="MPa", low=0.0, high=25.0,
        write=WritePolicy("equipment:setpoint:write", 12, 20, "L2.M2.Guard"),
    ),
    _tag("L2.M2.Guard", "安全扉 閉", "Guard door closed", type=TagType.BOOL),
    _tag("L2.M2.Oil", "作動油の温度 タンク出口側", "Oil temperature at the tank's outlet", unit="°C", low=0.0, high=90.0, warn_high=65.0),
    _tag("L2.M2.Good", "良品数", "Good parts", type=TagType.UINT32, unit="pcs", decimals=0, role=TagRole.GOOD),
    _tag("L2.M2.Lot", "材料ロット", "Material lot", type=TagType.STRING),
    _tag("L2.M2.Torque", "トルク", "Torque", unit="Nm", low=0.0, high=10.0),
    _tag("L2.M2.Cycle", "サイクルタイム", "Cycle time", unit="s", decimals=2, role=TagRole.CYCLE),
    _tag(
        "L2.M2.Bath", "洗浄液の濃度", "Concentration of the bath", unit="%", low=0.0, high=10.0, source="washer", address="Bath",
        valid_low=0.0, valid_high=10.0,
    ),
    _tag("L2.M2.Washer", "洗浄機の状態", "State of the washer", type=TagType.INT32, role=TagRole.STATE, states=STATES, source="washer"),
    _tag("L2.M1.State", "状態", "State", type=TagType.INT32, role=TagRole.STATE, states=STATES, work_unit="L2-M1"),
    _tag(
        "L2.M3.State", "状態", "State", type=TagType.INT32, role=TagRole.STATE, states=STATES, work_unit="L2-M3", source="oven-gw",
        address="1/holding/0",
    ),
    _tag("Hall.Temperature", "建屋の温度", "Temperature of the hall", unit="°C", work_unit="", source="meters", address="1/input/0"),
)  # fmt: skip


def _site() -> SiteView:
    names = (("L2-M1", "アンコイラ", "Uncoiler"), ("L2-M2", "200tプレス", "200 t press"), ("L2-M3", "洗浄乾燥炉", "Washer and curing oven"))
    units = tuple(WorkUnitSpec(place, code, {"ja": ja, "en": en}, "L2") for place, (code, ja, en) in enumerate(names))
    line = LineSpec(1, "L2", {"ja": "プレス", "en": "Press"}, "B1", "DEMO", "Asia/Tokyo", 720, 85, "L2-M2", units)
    return SiteView({"ja": "現場", "en": "Genba"}, (line,), SOURCES, TAGS, {}, {})


def _values(*, guard: bool, online: bool) -> list[tuple[str, Value, Quality, str]]:
    good = Quality.GOOD if online else Quality.OFFLINE
    return [
        ("L2.M2.State", 4, good, ""),
        ("L2.M1.State", 1, good, ""),
        ("L2.M2.Pressure", 21.6, good, ""),
        ("L2.M2.PressureSetpoint", 17.0, good, ""),
        ("L2.M2.Guard", guard, good, ""),
        ("L2.M2.Oil", 48.2, Quality.STALE, ""),
        ("L2.M2.Good", 12_430, good, ""),
        ("L2.M2.Lot", "240711-03", good, ""),
        ("L2.M2.Torque", None, Quality.BAD, "BadSensorFailure"),
        ("L2.M2.Bath", 4.2, Quality.UNCERTAIN, ENTERED),
        ("L2.M2.Cycle", 0.83, Quality.UNCERTAIN, RELAYED),
    ]


LINKS = (
    LinkStatus("press-plc", LinkState.ONLINE, NOW - 12_345, updates_per_s=241.3, latency_ms=42, latency_p95_ms=88, latency_p99_ms=151,
               reconnects=2, errors=3, clock_ahead_s=-0.4, identity="urn:maker:press:4711"),
    LinkStatus("oven-gw", LinkState.OFFLINE, NOW - 751, "driver.no_answer", "no connection within 5 s", reconnects=14, errors=212),
    LinkStatus("robot", LinkState.ONLINE, NOW - 90_000, updates_per_s=1204.0, latency_ms=7, latency_p99_ms=12, clock_ahead_s=3612.4,
               identity="KR-210 R2700 / 0815-4711 / 9f31c2", identity_changed=True),
    LinkStatus("meters", LinkState.STOPPED, NOW - 99, READ_ELSEWHERE, "PANEL-12"),
)  # fmt: skip

SAFETY = (
    ConnectionSafety("database", "database", "db.plant.example:5432", "unsafe", "safety.database_unproved", "sslmode"),
    ConnectionSafety("press-plc", "source", "192.168.10.21:4840", "unsafe", "safety.opcua_plain"),
    ConnectionSafety("oven-gw", "source", "192.168.10.31:502", "unsafe", "safety.modbus_plain"),
    ConnectionSafety("robot", "source", "192.168.10.41:4840", "unsafe", "safety.opcua_password_readable"),
    ConnectionSafety("meters", "source", "127.0.0.1:502", "local", "safety.same_computer"),
    ConnectionSafety("secrets", "secrets", "Windows Credential Manager", "safe", "safety.secrets_in_system"),
)


class Machines:
    """What the stand-in station says of machines: at once, and always the same."""

    def __init__(self, station: StandIn) -> None:
        self._station = station

    async def explain(self, tag: str) -> Explained:
        """As the station does it."""
        return _explained(self._station, tag)

    async def connections(self) -> tuple[ConnectionSafety, ...]:
        """All of them."""
        return SAFETY


def _explained(station: StandIn, tag: str) -> Explained:
    spec = next(spec for spec in TAGS if spec.name == tag)
    source = next(source for source in SOURCES if source.code == spec.source)
    return explain(spec, source, TAGS, station.table.get, station.links.get(spec.source))


def bridge(window: QWidget, who: int | None = OPERATOR, *, site: SiteView | None = None, guard: bool = True, online: bool = True) -> Bridge:
    """A bridge to a station with a press, an oven that does not answer, and a robot that was exchanged."""
    made = Bridge(window)
    station = StandIn(site=_site() if site is None else site)
    if who is not None:
        station.actor = CREW[who].actor(uuid4())
    station.machines = Machines(station)  # type: ignore[attr-defined]
    station.problem = None  # type: ignore[attr-defined]
    station.writing = SimpleNamespace(to_put_back=lambda tag: tag)  # type: ignore[attr-defined]
    station.settings = StationSettings(name="PANEL-1")  # type: ignore[attr-defined]
    batch, old = Batch("press-plc", NOW), Batch("press-plc", NOW - 725)
    for name, value, quality, status in _values(guard=guard, online=online):
        old.add(name, value)
        batch.add(name, value, quality, None, status)
    station.table.put(old)
    station.table.put(batch)
    station.links = {} if site is not None else {link.source: link for link in LINKS}
    made._station = station  # type: ignore[assignment]
    return made


def view_of(window: QWidget, kind: type[View], at: Bridge) -> Any:
    view = kind(at)
    view.ground = window
    QVBoxLayout(window).addWidget(view)
    return view


# -- machines ----------------------------------------------------------------------------------------------------------


def _known() -> Known:
    began = datetime.fromtimestamp(NOW, UTC)

    def stop(code: str, minutes: float, lasted: float | None) -> Stop:
        at = began - timedelta(minutes=minutes)
        return Stop(MachineState.DOWN, code, at, None if lasted is None else at + timedelta(minutes=lasted))

    stops = (stop("D07", 12.5, None), stop("D01", 95, 7), stop("", 260, 0.8))
    return Known(
        "L2",
        (
            MachineView("L2-M1", {}, MachineState.RUNNING, began - timedelta(hours=3), "", ()),
            MachineView("L2-M2", {}, MachineState.DOWN, began - timedelta(minutes=12.5), "D07", stops),
            MachineView("L2-M3", {}, MachineState.OFFLINE, None, "", ()),
        ),
    )


def _machines(window: QWidget, **more: Any) -> MachinesView:
    view: MachinesView = view_of(window, MachinesView, bridge(window, **more))
    view.show_line("L2", "L2-M2")
    view.show_known(_known())
    return view


def machines(window: QWidget) -> None:
    """A press that stands still, one value in each situation."""
    _machines(window)


def machines_shut(window: QWidget) -> None:
    """The guard door is open: what cannot be written, and why."""
    _machines(window, guard=False)


def machines_offline(window: QWidget) -> None:
    """Its controller does not answer."""
    _machines(window, online=False)


def machines_away(window: QWidget) -> None:
    """The database is away: the values go on."""
    _machines(window).problem.setProperty("error", Unavailable("store.database_away"))


def machines_empty(window: QWidget) -> None:
    """No site was applied yet."""
    view_of(window, MachinesView, bridge(window, site=SiteView({}, (), (), (), {}, {}))).retranslate()


def machines_bare(window: QWidget) -> None:
    """A machine nobody gave a tag."""
    site = _site()
    bare = SiteView({}, site.lines, (), (), {}, {})
    view_of(window, MachinesView, bridge(window, site=bare))._show()


# -- connections -------------------------------------------------------------------------------------------------------


def _connections(window: QWidget, chosen: str) -> ConnectionsView:
    view: ConnectionsView = view_of(window, ConnectionsView, bridge(window, ADMINISTRATOR))
    view.show_safety(SAFETY)
    view.show_source(chosen)
    return view


def connections_loading(window: QWidget) -> None:
    """Nothing was judged yet."""
    view_of(window, ConnectionsView, bridge(window)).retranslate()


def connections_calm(window: QWidget) -> None:
    """Only what is in trouble was asked for, and nothing is."""
    view = _connections(window, "")
    view.bridge.station.links.clear()
    view.filter._choose("trouble")


def connection(window: QWidget) -> None:
    """All about the robot that was exchanged."""
    view = _connections(window, "robot")
    found = {one.safety.name: one for one in view._connections()}
    sheet = ConnectionSheet(window, view.bridge, view.words, found["robot"], lambda: found["robot"])
    sheet.setProperty("open", True)


def connection_accept(window: QWidget) -> None:
    """Somebody has looked at the robot."""
    view = _connections(window, "robot")
    accept_form(view, "robot", "KR-210 R2700 / 0815-4711 / 9f31c2").setProperty("open", True)


# -- why is it old -----------------------------------------------------------------------------------------------------


def why(tag: str, *, online: bool = True) -> Callable[[QWidget], None]:
    """Why the value of ``tag`` is as it is."""

    def page(window: QWidget) -> None:
        view = _machines(window, online=online)
        sheet = WhyValueSheet.__new__(WhyValueSheet)
        start, view.bridge.start = view.bridge.start, lambda action, **_: action.close()  # type: ignore[method-assign]
        try:
            sheet.__init__(window, view.bridge, tag)  # type: ignore[misc]
        finally:
            view.bridge.start = start  # type: ignore[method-assign]
        sheet.show_explained(_explained(view.bridge.station, tag))  # type: ignore[arg-type]
        sheet.setProperty("open", True)

    return page


# -- setpoints ---------------------------------------------------------------------------------------------------------


def _setpoint(window: QWidget, **more: Any) -> SetpointSheet:
    view = _machines(window, **more)
    spec = next(spec for spec in TAGS if spec.write is not None)
    sheet = SetpointSheet(window, view.bridge, spec)
    sheet.setProperty("open", True)
    return sheet


def setpoint(window: QWidget) -> None:
    """Old → new before it is confirmed."""
    _setpoint(window)._choose(value=18.5)


def setpoint_reason(window: QWidget) -> None:
    """The tag asks why, and nothing was said."""
    view = _machines(window)
    spec = next(spec for spec in TAGS if spec.write is not None)
    policy = replace(spec.write, needs_reason=True)  # type: ignore[type-var]
    sheet = SetpointSheet(window, view.bridge, replace(spec, write=policy))
    sheet.setProperty("open", True)
    sheet._choose(value=18.5)
    assert sheet.reason is not None
    sheet.reason.check()


def manual_entry(window: QWidget, tag: str = "L2.M2.Bath") -> None:
    """A value that nobody measures."""
    view = _machines(window)
    manual_form(window, view.bridge, next(spec for spec in TAGS if spec.name == tag)).setProperty("open", True)


def manual_state(window: QWidget) -> None:
    """A state that nobody measures."""
    manual_entry(window, "L2.M2.Washer")


def setpoint_shut(window: QWidget) -> None:
    """The interlock does not permit it."""
    _setpoint(window, guard=False)._choose(value=18.5)


def setpoint_done(window: QWidget) -> None:
    """The machine confirmed it; the old value is one touch away."""
    sheet = _setpoint(window)
    intent = WriteIntent(uuid4(), sheet.spec.name, "press-plc", 18.5, 17.0, datetime.fromtimestamp(NOW, UTC))
    sheet.setProperty("result", True)
    sheet._bridge.station.writing.to_put_back = lambda _: intent  # type: ignore[method-assign]
    sheet.gallery_result = WriteResult(intent, 18.5, 0.4)  # type: ignore[attr-defined]


def setpoint_unsure(window: QWidget) -> None:
    """Nobody knows whether the machine took it."""
    sheet = _setpoint(window)
    sheet._choose(value=18.5)
    sheet.setProperty("error", NotConfirmed("write.not_confirmed", tag="x", value=18.5, read=17.0, unit="MPa"))


# -- tag browser -------------------------------------------------------------------------------------------------------

ITEMS = (
    BrowseItem("nsu=urn:maker:press;s=Axis", "Axis", True),
    BrowseItem("nsu=urn:maker:press;s=Hydraulics.PumpsAndValvesOfTheMainCylinder", "Hydraulics.PumpsAndValvesOfTheMainCylinder", True),
    BrowseItem("nsu=urn:maker:press;s=Pressure", "Pressure", False, "Double"),
    BrowseItem("nsu=urn:maker:press;s=PressureSetpoint", "PressureSetpoint", False, "Float", writable=True),
    BrowseItem("nsu=urn:maker:press;s=L2.M2.Torque", "L2.M2.Torque", False, "Double"),
    BrowseItem("nsu=urn:maker:press;s=Lot", "材料ロット", False, "String"),
)


def _browser(window: QWidget, who: int | None = ADMINISTRATOR) -> TagBrowserView:
    view: TagBrowserView = view_of(window, TagBrowserView, bridge(window, who))
    view.trial.read_again = lambda _: None  # type: ignore[method-assign]
    view.walk.begin(SOURCES[0])
    return view


def browser(window: QWidget) -> None:
    """A level with folders and values; two chosen, one in use, one tried."""
    view = _browser(window)
    view.walk.levels = [Level(None, "Press PLC"), Level("x", "Objects"), Level("y", "200 t press").holding(ITEMS)]
    view._show()
    view._choose_all()
    view.table.select(ITEMS[2].address)
    view.trial._sample = Sample("x", 21.634, Quality.GOOD, received_at=NOW)
    view.trial.say()


def browser_no_right(window: QWidget) -> None:
    """An operator looks."""
    _browser(window, OPERATOR)._show()


def browser_loading(window: QWidget) -> None:
    """A scan is half way."""
    view = _browser(window)
    view.walk.loading, view.walk.looked_at = "1/holding/0-999", (400, 1000)
    view._show()


def browser_offline(window: QWidget) -> None:
    """The machine does not answer."""
    view = _browser(window)
    view.walk.failure = NotConnected("driver.no_answer", source=dict(SOURCES[0].label), detail="")
    view._show()


def browser_modbus(window: QWidget) -> None:
    """A protocol without a list."""
    view = _browser(window)
    view.walk.begin(SOURCES[1])


def browser_scan(window: QWidget) -> None:
    """Which registers to look at."""
    view = _browser(window)
    scan_form(window, view.bridge, lambda _: None).setProperty("open", True)


def browser_export(window: QWidget) -> None:
    """The rows before they leave."""
    view = _browser(window)
    view.walk.levels = [Level(None, "Press PLC").holding(ITEMS)]
    view._choose_all()
    ExportRowsSheet(window, view.bridge, view.chosen).setProperty("open", True)


PAGES: dict[str, Callable[[QWidget], None]] = {
    "machines": machines,
    "machines_shut": machines_shut,
    "machines_offline": machines_offline,
    "machines_away": machines_away,
    "machines_empty": machines_empty,
    "machines_bare": machines_bare,
    "connections": lambda window: _connections(window, "oven-gw") and None,
    "connections_loading": connections_loading,
    "connections_calm": connections_calm,
    "connection": connection,
    "connection_accept": connection_accept,
    "why_stale": why("L2.M2.Oil"),
    "why_bad": why("L2.M2.Torque"),
    "why_offline": why("L2.M2.Pressure", online=False),
    "why_relayed": why("L2.M2.Cycle"),
    "why_never": why("L2.M3.State"),
    "why_good": why("L2.M2.Pressure"),
    "setpoint": setpoint,
    "setpoint_reason": setpoint_reason,
    "setpoint_shut": setpoint_shut,
    "setpoint_done": setpoint_done,
    "setpoint_unsure": setpoint_unsure,
    "manual_entry": manual_entry,
    "manual_state": manual_state,
    "browser": browser,
    "browser_no_right": browser_no_right,
    "browser_loading": browser_loading,
    "browser_offline": browser_offline,
    "browser_modbus": browser_modbus,
    "browser_scan": browser_scan,
    "browser_export": browser_export,
}


def pages(ground: Callable[[], QWidget], more: dict[str, Callable[[QWidget], None]]) -> dict[str, Callable[[], QWidget]]:
    """The pages and ``more`` of their kind, each on an empty window."""
    every = PAGES | more

    def page(name: str) -> QWidget:
        window = ground()
        every[name](window)
        return window

    return {name: partial(page, name) for name in every}


def opened(window: QWidget) -> None:
    """Open the sheets and messages of a page, once the window has its size."""
    for view in window.findChildren(MachinesView):
        if (error := view.problem.property("error")) is not None:
            view.problem.show_error(error)
    for sheet in window.findChildren(BottomSheet):
        if not sheet.property("open"):
            continue
        sheet.open()
        for pad in window.findChildren(NumericKeypad):
            pad.hide()
        if isinstance(sheet, SetpointSheet):
            if sheet.property("result"):
                sheet._show_result(sheet.gallery_result)  # type: ignore[attr-defined]
            if (error := sheet.property("error")) is not None:
                sheet._failed(error)
