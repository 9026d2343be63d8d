"""The users panel in a real window: what a guest is told, what an administrator sees in each view and can do there."""

from __future__ import annotations

import pytest

from hmi.panels.users import UsersPanel
from tests.hmi.screen import Screen


def panel_of(screen: Screen) -> UsersPanel:
    screen.window.open_panel("users")
    screen.settle()
    panel = screen.window._panels["users"]
    assert isinstance(panel, UsersPanel)
    return panel


def test_a_guest_reads_who_may_look(screen: Screen) -> None:
    panel = panel_of(screen)
    for tab in ("people", "rights", "trail"):
        panel.show_tab(tab)
        screen.settle()
        assert not panel.page.table._keys
        assert panel.bar_actions() == []


@pytest.mark.parametrize("tab", ["people", "rights", "trail", "stations", "connections"])
def test_an_administrator_sees_rows_in_every_view(screen: Screen, tab: str) -> None:
    screen.sign_in("admin")
    panel = panel_of(screen)
    panel.show_tab(tab)
    screen.until(f"rows of {tab}", lambda: panel.page.table._keys)
    screen.settle()
