"""Pages of the gallery about lines: the andon board, stops and why, calls, hours, OEE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.equipment.call_views import CallView
from core.equipment.states import MachineState
from core.production.views import LineView
from hmi import theme
from hmi.panels.andon.board import AndonBoard
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


def andon_empty(window: QWidget) -> None:
    """A board without lines, on a panel."""
    board = AndonBoard()
    QVBoxLayout(window).addWidget(board)
    board.show_lines([], {"ja": "ラインがまだありません。", "en": "No lines yet."}[theme.language()])


_PAGES: dict[str, Callable[[QWidget], None]] = {"andon": andon, "andon_empty": andon_empty}


def pages(ground: Callable[[], QWidget]) -> dict[str, Callable[[], QWidget]]:
    """Every page by name, on ``ground``."""

    def page(fill: Callable[[QWidget], None]) -> QWidget:
        window = ground()
        fill(window)
        return window

    return {name: partial(page, fill) for name, fill in _PAGES.items()}
