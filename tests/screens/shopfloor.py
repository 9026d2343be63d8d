"""Pages of the gallery about lines: the andon board, stops and why, calls, hours, OEE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID, uuid5

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.equipment.call_views import CallView
from core.equipment.states import MachineState
from core.equipment.stop_views import PartView, StopChoices, StopView
from core.equipment.views import StopReasonView
from core.production.time_views import Ratio
from core.production.views import LineView, UnitView
from core.words import glossary
from hmi import theme
from hmi.panels.andon.board import AndonBoard
from hmi.panels.lines.figures import ratio_faces
from hmi.panels.lines.stops_strip import StopsStrip
from hmi.panels.lines.unit_strip import UnitStrip
from hmi.sheets.ask_form import AskForm
from hmi.sheets.call import CallSheet
from hmi.sheets.formulas import FormulaSheet
from hmi.sheets.gap import gap_form
from hmi.sheets.stop_reason import StopReasonSheet
from hmi.sheets.stop_times import StopTimesSheet
from hmi.widgets.hour_table import HourFace, HourTable, total
from hmi.widgets.ratio_bars import RatioBars
from hmi.widgets.sheet import BottomSheet
from tests.screens import trouble

NAMES = (
    ("L1", "組立", "Assembly"), ("L2", "プレス", "Press"), ("L3", "塗装", "Paint"), ("L4", "検査", "Test"), ("L5", "梱包", "Packing"),
    ("L6", "加工", "Machining"),
)  # fmt: skip
STATES = (MachineState.RUNNING, MachineState.DOWN, MachineState.SETUP, MachineState.MINOR_STOP, MachineState.WAITING, MachineState.OFFLINE)


def _id(name: str) -> UUID:
    return uuid5(UUID(int=1), name)


def now() -> datetime:
    """This moment: what counts up on a screen counts from it."""
    return datetime.now(UTC)


def call(kind: str, line: str = "L2", minutes: float = 3.2, **more: Any) -> CallView:
    """An open call."""
    made = CallView(_id(f"{line} {kind}"), line, "B1", "", kind, "", now() - timedelta(minutes=minutes), "tanaka", "PANEL-2")
    return replace(made, **more)


def line_view(place: int, **more: Any) -> LineView:
    """A line of the test plant; every one in another state."""
    code, ja, en = NAMES[place]
    order = trouble.order(f"WO-118{place}", line_code=code, machine_good=(412, 180, 96, 12_388, 210, 7)[place])
    made = LineView(
        place, code, {"ja": ja, "en": en}, "B1", 720.0, 85.0, f"{code}-M2", STATES[place], now() - timedelta(seconds=751), "", order,
        412, 6, 480.0, (400, 240, 110, 13_395, 230, 9)[place], 12, 2, (), now(),
    )  # fmt: skip
    return replace(made, **more)


def _lines() -> list[LineView]:
    calls = {1: (call("maintenance", level=2), call("material", minutes=1)), 4: (call("quality", "L5", 75, responded_at=now()),)}
    return [line_view(place, calls=calls.get(place, ())) for place in range(len(NAMES))]


def andon(window: QWidget) -> None:
    """The board as it hangs above the hall."""
    board = AndonBoard()
    QVBoxLayout(window).addWidget(board)
    board.show_alone(True)
    board.show_lines(_lines())


def stop(minutes: float = 12.5, *, unit: str = "L2-M2", ended: float | None = None, code: str = "", **more: Any) -> StopView:
    """A stop that began so many minutes ago."""
    began = now() - timedelta(minutes=minutes)
    part = PartView(began, code, "person" if code else "", "油圧ホース" if code == "D01" else "", "tanaka" if code else "")
    made = StopView(
        f"{unit}@{began.isoformat()}", "L2", unit, MachineState.DOWN, began, None if ended is None else now() - timedelta(minutes=ended),
        minor=False, needs_reason=not code, parts=(part,),
    )  # fmt: skip
    return replace(made, **more)


def choices() -> StopChoices:
    """The whole catalogue, as the site file brings it."""
    entries = {known.removeprefix("stop."): entry for known, entry in glossary().items() if known.startswith("stop.")}
    reasons = tuple(
        StopReasonView(code, entry, entry["group"], entry["oee_bucket"], entry["iso_time_element"]) for code, entry in entries.items()
    )
    return StopChoices(("D07", "D01", "D15", "D12", "D09", "D05", "D10", "D18"), reasons)


def _sheet(window: QWidget, made: BottomSheet) -> None:
    made.setProperty("open", True)


def stop_reason(window: QWidget) -> None:
    """Frequent reasons of a machine that stands."""
    sheet = StopReasonSheet(window, trouble.away(window), stop())
    sheet.show_choices(choices())
    _sheet(window, sheet)


def stop_reason_more(window: QWidget) -> None:
    """The largest group, a comment and a time that does not fit."""
    sheet = StopReasonSheet(window, trouble.away(window), stop(600, ended=580, code="D01"))
    sheet.show_choices(choices())
    sheet.groups._choose("machine")
    for button in (sheet.comment_button, sheet.split_button):
        button.click()
    sheet.time.set_text("9999")
    sheet.setProperty("confirm", True)
    _sheet(window, sheet)


def stop_times(window: QWidget) -> None:
    """Somebody has come; nothing is mended yet."""
    noticed = now() - timedelta(minutes=10)
    _sheet(window, StopTimesSheet(window, trouble.away(window), stop(noticed_at=noticed, responded_at=noticed, by={"noticed": "tanaka"})))


def gap(window: QWidget) -> None:
    """What was a gap in the data?"""
    _sheet(window, gap_form(window, trouble.away(window), stop(90, ended=30, state=MachineState.OFFLINE)))


def call_help(window: QWidget) -> None:
    """Two calls of this line are open."""
    sheet = CallSheet(window, trouble.away(window), "L2")
    sheet.show_calls((call("maintenance", level=2, note="油圧漏れ"), call("quality", "L5", 75, responded_at=now(), responded_by="sato")))
    _sheet(window, sheet)


def formulas(window: QWidget) -> None:
    """How OEE is worked out."""
    _sheet(window, FormulaSheet(window, line_view(1, oee=Ratio(0.541), availability=Ratio(0.712), performance=Ratio(None, "not_run")), UTC))


def figures(window: QWidget) -> None:
    """Ratios in three situations; a timeline with words; stops and machines of a line; the hours of a shift."""
    column = QVBoxLayout(window)
    full = line_view(0, oee=Ratio(0.824), availability=Ratio(0.712), performance=Ratio(1.035), quality=Ratio(0.968))
    for line in (full, replace(full, coverage=Ratio(0.871)), line_view(1)):
        bars = RatioBars()
        bars.show_ratios(ratio_faces(line, 85.0))
        column.addWidget(bars)
    units = UnitStrip()
    units.show_units([unit(place) for place in range(3)], [call("material", work_unit_code="L2-M1")])
    column.addWidget(units)
    row = QHBoxLayout()
    strip = StopsStrip()
    strip.show_stops([stop(), stop(60, ended=40, code="D07"), stop(200, ended=190, code="D01")])
    row.addWidget(strip)
    column.addLayout(row, 1)


def unit(place: int) -> UnitView:
    """A machine of the line."""
    state = (MachineState.RUNNING, MachineState.DOWN, MachineState.OFFLINE)[place]
    return UnitView(f"L2-M{place + 1}", {"ja": "200tプレス", "en": "200 t press"}, state, now(), "", ())


def hours(window: QWidget) -> None:
    """A shift from 06:30 on in its fifth hour."""
    faces = []
    for hour in range(8):
        state: Literal["past", "now", "future"] = "past" if hour < 4 else "now" if hour == 4 else "future"
        made = None if state == "future" else (96, 41, 102, 0, 30)[hour]
        why = {1: "ワーク詰まり  設備故障", 3: ""}.get(hour, "") if hour < 5 else ""
        lost, stopped = (55, 1860.0) if hour == 1 else (0, 0.0)
        span, coverage = f"{6 + hour:02d}:30 – {7 + hour:02d}:30", 0.0 if hour == 3 else 1.0
        faces.append(HourFace(span, 100, made, 2 if made else made, lost, stopped, why, state, coverage))
    table = HourTable()
    QVBoxLayout(window).addWidget(table)
    table.show_hours([*faces, total(faces)])


def andon_empty(window: QWidget) -> None:
    """A board without lines, on a panel."""
    board = AndonBoard()
    QVBoxLayout(window).addWidget(board)
    board.show_lines([], {"ja": "ラインがまだありません。", "en": "No lines yet."}[theme.language()])


_PAGES: dict[str, Callable[[QWidget], None]] = {
    "andon": andon,
    "andon_empty": andon_empty,
    "stop_reason": stop_reason,
    "stop_reason_more": stop_reason_more,
    "stop_times": stop_times,
    "gap": gap,
    "call_help": call_help,
    "formulas": formulas,
    "figures": figures,
    "hours": hours,
}


def pages(ground: Callable[[], QWidget]) -> dict[str, Callable[[], QWidget]]:
    """Every page by name, on ``ground``."""

    def page(fill: Callable[[QWidget], None]) -> QWidget:
        window = ground()
        fill(window)
        return window

    return {name: partial(page, fill) for name, fill in _PAGES.items()}


def opened(window: QWidget) -> None:
    """Open the sheet of a page, once the window has its size."""
    for sheet in window.findChildren(BottomSheet, options=Qt.FindChildOption.FindDirectChildrenOnly):
        if isinstance(sheet, StopReasonSheet | StopTimesSheet | CallSheet | FormulaSheet | AskForm) and sheet.property("open"):
            sheet.open()
            if sheet.property("confirm"):
                sheet.press_confirm()
