"""Running screens for the tests of the window, the panels and the sheets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from tests.hmi.screen import Loop, Plant, Screen
    from tests.postgres import TestServer


@pytest.fixture(scope="session")
def plant() -> Iterator[Plant]:
    """The demo plant, for all screens of this run."""
    from tests.hmi.screen import Plant

    running = Plant()
    yield running
    running.close()


@pytest.fixture(scope="module")
def loop(qapp: QApplication) -> Iterator[Loop]:
    """The loop of a module's screens."""
    from tests.hmi.screen import Loop

    turning = Loop(qapp)
    yield turning
    turning.close()


@pytest.fixture(scope="module")
def place(postgres: TestServer) -> Iterator[str]:
    """Address of a migrated, empty database for the screens of a module."""
    with postgres.migrated_database() as name:
        yield postgres.station_url(name)


@pytest.fixture(scope="module")
def running(loop: Loop, place: str, plant: Plant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """One screen against the demo plant for the tests of a module."""
    from tests.hmi.screen import Screen

    home: Path = tmp_path_factory.mktemp("panel")
    screen = Screen(loop, place, home, plant)
    yield screen.live()
    screen.close()


@pytest.fixture
def screen(running: Screen) -> Iterator[Screen]:
    """The module's screen as a guest finds it: lines in front, nothing open."""
    yield running
    running.reset()
