"""Situations of lines, stops and calls that every screen size, theme and language must be able to show."""

from __future__ import annotations

from collections.abc import Callable

from core.equipment.states import MachineState
from hmi.panels import OpenLine
from tests.hmi.screen import Screen
from tests.screens import shopfloor


def _tab(tab: str) -> Callable[[Screen], None]:
    """A view of a line."""

    def show(screen: Screen) -> None:
        screen.window.go(OpenLine("L2", tab))

    show.__name__ = tab
    return show


def andon(screen: Screen) -> None:
    screen.window.open_panel("andon")


def stop_reason(screen: Screen) -> None:
    screen.window.go(OpenLine("L2"))
    screen.lines.stops.explain(shopfloor.stop())
    assert screen.sheets() == ["sheet.stop_reason"]


def stop_times(screen: Screen) -> None:
    screen.lines.stops.times(shopfloor.stop())
    assert screen.sheets() == ["sheet.stop_times"]


def gap(screen: Screen) -> None:
    screen.lines.stops.explain(shopfloor.stop(90, ended=30, state=MachineState.OFFLINE))
    assert screen.sheets() == ["sheet.ask_form"]


def call(screen: Screen) -> None:
    screen.lines._call()
    assert screen.sheets() == ["sheet.call"]


def called(screen: Screen) -> None:
    """Calls of other lines stand in the header, the longest words of all."""
    screen.window.header.show_calls((shopfloor.call("maintenance", level=2), shopfloor.call("material")))
    screen.window.open_panel("lines")


PANELS: tuple[Callable[[Screen], None], ...] = (_tab("hours"), _tab("downtime"), andon, called)
SHEETS: tuple[Callable[[Screen], None], ...] = (stop_reason, stop_times, gap, call)
