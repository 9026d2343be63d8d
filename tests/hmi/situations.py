"""Situations of orders, reports and exports that every screen size, theme and language must be able to show."""

from __future__ import annotations

from tests.hmi.screen import Screen


def export(screen: Screen) -> None:
    screen.choose("WO-1185")
    screen.window.take_away()
    assert screen.sheets() == ["sheet.export"]


SHEETS = (export,)
