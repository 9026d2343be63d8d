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
    """Opens what is to be seen, waits until all of it is live, measures, ends the program.

    Attributes:
        line: Code of the line whose detail is on the screen.
        sources: How many there are.
        patience_s: How long they may take to be live.
    """

    line = load.LINE
    sources = 2
    patience_s = GIVE_UP_S

    @staticmethod
    def pens() -> list[str]:
        """The tags that trends show."""
        return load.noisy_tags()

    def __init__(self, window: Window) -> None:
        from PySide6.QtCore import QTimer

        from tests.benchmarks.heartbeat import Heartbeat

        self.window = window
        self.delays = Delays()
        self.delays.watch_tiles()
        self.heart = Heartbeat(20, window, explain=bool(os.environ.get("BENCH_EXPLAIN")))
        self.trends: list[TrendsPanel] = []
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
        if now - self.began > self.patience_s and not self.live_since:
            self.timer.stop()
            self.window.close()
        elif not self.trends:
            if self.window.panel is not None and self.window.bridge.is_ready and self.window.bridge.station.site.lines:
                self.show_everything()
        elif not self.live_since:
            if self.is_live():
                self.live_since = now
        elif now - self.live_since > SETTLE_S:
            self.timer.stop()
            self.measure()

    def show_everything(self) -> None:
        """The line's detail in the station's window; beside it, as on a second screen, as many trends as hold all pens."""
        from hmi.panels import OpenLine
        from hmi.panels.trends import TrendsPanel
        from hmi.widgets.trend_plot import PENS_MAX

        self.window.go(OpenLine(self.line))
        pens = self.pens()
        for first in range(0, len(pens), PENS_MAX):
            trend = TrendsPanel(self.window.bridge)
            trend.resize(960, 540)
            trend.show()
            trend.show_tags(pens[first : first + PENS_MAX])
            self._count_redraws(trend)
            self.trends.append(trend)

    def _count_redraws(self, trend: TrendsPanel) -> None:
        draw = trend.plot.show_data

        def counted(*arguments: Any) -> None:
            self.redraws += 1
            draw(*arguments)

        trend.plot.show_data = counted  # type: ignore[method-assign]

    def is_live(self) -> bool:
        """Database there, every source online, every visible tile with a value."""
        bridge = self.window.bridge
        links = bridge.station.links.values()
        shown = bridge.shown_tags()
        return (
            bool(bridge.station.database_up)
            and len(links) == self.sources
            and all(link.state.value == "ONLINE" for link in links)
            and len(shown) > len(self.pens())
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
        Path(os.environ["BENCH_RESULT"]).write_text(json.dumps(self.findings()), encoding="utf-8")
        for trend in self.trends:
            trend.close()
            trend.deleteLater()
        self.window.close()

    def findings(self) -> dict[str, Any]:
        """What was seen since ``measure``."""
        from tests.benchmarks.machine import memory_mb

        beats = self.heart.stop()
        station = self.window.bridge.station
        tiles = [tag for tag, _ in self.window.bridge.shown_tags() if ".T" in tag]
        return {
            "opc": self.delays.of["opc"],
            "mod": self.delays.of["mod"],
            "late_ms": beats.late_ms,
            "tiles": len(tiles),
            "trend_redraws": self.redraws,
            "cpu_s": time.process_time() - self.cpu_before,
            "updates_per_s": sum(link.updates_per_s for link in station.links.values()),
            "memory": memory_mb(os.getpid()),
            "acquisition": station._acquisition.mode,
            "pens": sum(len(trend.plot._pens) for trend in self.trends),
        }


def _fill_past(station: Station, pens: list[str]) -> None:
    """Five minutes of the noisy signals in memory, so that the trend draws as much ink as it ever will."""
    from core.live.sample import Batch

    now = time.time()
    step = load.PERIOD_S
    for index in range(int(PAST_S / step)):
        at = now - PAST_S + index * step
        batch = Batch("past", at)
        for number, tag in enumerate(pens):
            batch.add(tag, load.noise(number, at), source_at=at)
        station.recent.put(batch)


def main(probe: type[Probe]) -> None:
    """``hmi.__main__`` with ``probe`` put in when the window comes on the screen, and a past in the station's memory."""
    show_program = program._show

    def show_watched(*arguments: Any, **named: Any) -> int:
        from hmi import app
        from hmi.shell import opening

        show, build = opening.show, app._build

        def watched(window: Window, pixels: tuple[int, int] | None) -> None:
            window.bridge.setProperty("probe", probe(window))  # lives as long as the window
            show(window, pixels)

        def with_past(*given: Any) -> Station:
            station = build(*given)
            _fill_past(station, probe.pens())
            return station

        opening.show, app._build = watched, with_past
        return show_program(*arguments, **named)

    program._show = show_watched
    program.main()


if __name__ == "__main__":
    main(Probe)
