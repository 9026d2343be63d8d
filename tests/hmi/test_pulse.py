"""The mark beside the clock: it moves while the station lives, and a frozen acquisition process is said in words, not painted over."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.station.acquisition_process import ProcessHosting
from tests.conftest import ExpectedLog
from tests.hmi.screen import Loop, Plant, Screen, said
from tests.screens import lint

PATIENCE_S = 60.0


@pytest.fixture
def screen(loop: Loop, database_url: str, plant: Plant, tmp_path: Path) -> Iterator[Screen]:
    """A screen of its own: its acquisition process is killed, and another one takes its place."""
    running = Screen(loop, database_url, tmp_path, plant)
    yield running.live()
    running.close()


def test_it_moves_and_stops_with_the_drivers(screen: Screen, expect_log: ExpectedLog) -> None:
    expect_log(r"acquisition process|says nothing|is down|host_lost|driver\.")
    header = screen.window.header
    before = header.pulse.count
    screen.until("it moves", lambda: header.pulse.count >= before + 3, PATIENCE_S)
    assert header.pulse.alive
    hosting = screen.station._acquisition._hosting
    assert isinstance(hosting, ProcessHosting)
    pid = hosting.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        screen.until("it is seen to stand still", lambda: not header.pulse.alive, PATIENCE_S)
        count = header.pulse.count
        assert "Machines are not being read" in said(header.banner)
        for language in ("ja", "en"):
            screen.dress(language=language)  # type: ignore[arg-type]
            assert lint.overflowing(screen.window) + lint.too_small(screen.window) + lint.squeezed(screen.window) == []
        assert header.pulse.count == count, "nothing moves meanwhile"
    finally:
        # It is ended by its station because it says nothing, and another one is started.
        screen.until("another one", lambda: hosting.pid not in (None, pid), PATIENCE_S)
    screen.until("it goes on", lambda: header.pulse.alive and header.pulse.count > count, PATIENCE_S)
    screen.until("and the machines are back", lambda: "not being read" not in said(header.banner), PATIENCE_S)


def test_a_station_that_gives_no_beat_stands_still(screen: Screen) -> None:
    """The loop paints on, and nothing tells it that anything else is alive."""
    header = screen.window.header
    screen.until("it moves", lambda: header.pulse.began and header.pulse.alive, PATIENCE_S)
    screen.bridge.pulsed.disconnect()
    try:
        screen.until("it stands still", lambda: not header.pulse.alive, PATIENCE_S)
        assert "stands still" in said(header.banner)
        assert said(header.pulse) == "stands still"
    finally:
        screen.bridge.pulsed.connect(lambda beat: header.show_beat(beat.count, beat.silent))
    screen.until("it goes on", lambda: header.pulse.alive, PATIENCE_S)
