"""``genba`` with a line's live tiles and a live trend on screen, and a stop-watch in every tile's paintEvent.

Runs the command line it is given; writes the delays seen to ``BENCH_RESULT``. ``BENCH_WATCH_S`` says how long to measure
once both sources are online and every tile and the trend are live.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hmi.__main__ as program
from tests.benchmarks import load

if TYPE_CHECKING:
    from core.station.station import Station
    from hmi.panels.trends import TrendsPanel
    from hmi.shell.window import Window
    from hmi.widgets.value_tile import ValueTile

SETTLE_S = 3.0
GIVE_UP_S = 45.0
PAST_S = 300.0


class Delays:
    """Time from the server's write to the end of the paint that first showed it, seconds, by source."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {"opc": [], "mod": []}
        self._shown: dict[str, object] = {}

    def painted(self, tile: ValueTile) -> None:
        """``tile`` was just painted."""
        sample = tile.sample
        if not sample.quality.usable or not isinstance(sample.value, float) or self._shown.get(sample.tag) == sample.value:
            return
        self._shown[sample.tag] = sample.value
        if ".T" in sample.tag:
            self.of[tile.spec.source].append((time.monotonic() - sample.value) % load.WRAP_S)

    def watch_tiles(self) -> None:
        """Put the watch into the tiles' paintEvent; before the first tile is made."""
        from hmi.widgets.value_tile import ValueTile

        paint = ValueTile.paintEvent

        def watched(tile: ValueTile, event: Any) -> None:
            paint(tile, event)
            self.painted(tile)

        ValueTile.paintEvent = watched  # type: ignore[method-assign]


class Probe:
    """Opens what is to be seen, waits until all of it is live, measures, ends the program."""

    def __init__(self, window: Window) -> None:
        from PySide6.QtCore import QTimer

        from tests.benchmarks.heartbeat import Heartbeat

        self.window = window
        self.delays = Delays()
        self.delays.watch_tiles()
        self.heart = Heartbeat(20, window, explain=bool(os.environ.get("BENCH_EXPLAIN")))
        self.trend: TrendsPanel | None = None
        self.redraws = 0
        self.live_since = 0.0
        self.began = time.monotonic()
        self.timer = QTimer(window)
        self.timer.setInterval(100)
        self.timer.timeout.connect(self.look)
        self.timer.start()

    def look(self) -> None:
        """One step further, when it is time."""
        now = time.monotonic()
        if now - self.began > GIVE_UP_S and not self.live_since:
            self.timer.stop()
            self.window.close()
        elif self.trend is None:
            if self.window.panel is not None and self.window.bridge.is_ready and self.window.bridge.station.site.lines:
                self.show_everything()
        elif not self.live_since:
            if self.is_live():
                self.live_since = now
        elif now - self.live_since > SETTLE_S:
            self.timer.stop()
            self.measure()

    def show_everything(self) -> None:
        """The line's detail in the station's window; beside it the trends panel, as on a second screen."""
        from hmi.panels import OpenLine
        from hmi.panels.trends import TrendsPanel

        self.window.go(OpenLine(load.LINE))
        self.trend = TrendsPanel(self.window.bridge)
        self.trend.resize(960, 540)
        self.trend.show()
        self.trend.show_tags(load.noisy_tags())
        draw = self.trend.plot.show_data

        def counted(*arguments: Any) -> None:
            self.redraws += 1
            draw(*arguments)

        self.trend.plot.show_data = counted  # type: ignore[method-assign]

    def is_live(self) -> bool:
        """Database there, both sources online, every visible tile with a value."""
        bridge = self.window.bridge
        links = bridge.station.links.values()
        shown = bridge.shown_tags()
        return (
            bool(bridge.station.database_up)
            and len(links) == 2
            and all(link.state.value == "ONLINE" for link in links)
            and len(shown) > len(load.noisy_tags())
            and all(bridge.sample(tag).quality.usable for tag, _ in shown)
        )

    def measure(self) -> None:
        """Begin counting."""
        from PySide6.QtCore import QTimer

        for delays in self.delays.of.values():
            delays.clear()
        self.redraws = 0
        self.cpu_before = time.process_time()
        self.heart.start()
        QTimer.singleShot(round(float(os.environ["BENCH_WATCH_S"]) * 1000), self.finish)

    def finish(self) -> None:
        """Write the findings and ask the program to end."""
        from tests.benchmarks.machine import memory_mb

        beats = self.heart.stop()
        station = self.window.bridge.station
        tiles = [tag for tag, _ in self.window.bridge.shown_tags() if ".T" in tag]
        result = {
            "opc": self.delays.of["opc"],
            "mod": self.delays.of["mod"],
            "late_ms": beats.late_ms,
            "tiles": len(tiles),
            "trend_redraws": self.redraws,
            "cpu_s": time.process_time() - self.cpu_before,
            "updates_per_s": sum(link.updates_per_s for link in station.links.values()),
            "memory": memory_mb(os.getpid()),
            "acquisition": station._acquisition.mode,
        }
        Path(os.environ["BENCH_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
        if self.trend is not None:
            self.trend.close()
            self.trend.deleteLater()
        self.window.close()


def _fill_past(station: Station) -> None:
    """Five minutes of the noisy signals in memory, so that the trend draws as much ink as it ever will."""
    from core.live.sample import Batch

    now = time.time()
    step = load.PERIOD_S
    for index in range(int(PAST_S / step)):
        at = now - PAST_S + index * step
        batch = Batch("past", at)
        for number, tag in enumerate(load.noisy_tags()):
            batch.add(tag, load.noise(number, at), source_at=at)
        station.recent.put(batch)


_show = program._show


def _show_watched(*arguments: Any, **named: Any) -> int:
    """``hmi.__main__._show`` with the watch put in when the window comes on the screen, and a past in the station's memory."""
    from hmi import app
    from hmi.shell import opening

    show, build = opening.show, app._build

    def watched(window: Window, pixels: tuple[int, int] | None) -> None:
        window.bridge.setProperty("probe", Probe(window))  # lives as long as the window
        show(window, pixels)

    def with_past(*given: Any) -> Station:
        station = build(*given)
        _fill_past(station)
        return station

    opening.show, app._build = watched, with_past
    return _show(*arguments, **named)


if __name__ == "__main__":
    program._show = _show_watched
    program.main()
