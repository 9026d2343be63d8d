"""``genba`` with a stop-watch in it: runs the command line it is given and writes what was seen to ``BENCH_RESULT``.

Everything before the window is shown runs as in the product; the watch is put in when the window is shown. With
``BENCH_WATCH_S`` = 0 the program is ended after the first answered touch, otherwise that many seconds after the first paint.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hmi.__main__ as program

if TYPE_CHECKING:
    from hmi.shell.window import Window


class Probe:
    """Watches one window from its first paint on."""

    def __init__(self, window: Window) -> None:
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QAbstractButton

        from tests.benchmarks.click import FirstClick
        from tests.benchmarks.heartbeat import Heartbeat

        self.began = float(os.environ["BENCH_BEGAN"])
        self.watch_s = float(os.environ["BENCH_WATCH_S"])
        self.window = window
        self.first_live_at: float | None = None
        self.seen: set[int] = set()
        buttons = [window.findChild(QAbstractButton, f"rail.{panel}") for panel in ("orders", "lines")]
        self.click = FirstClick(window, [button for button in buttons if button is not None], self.painted, self.answered)
        self.heart = Heartbeat(5, window, explain=bool(os.environ.get("BENCH_EXPLAIN")))
        self.looking = QTimer(window)
        self.looking.setInterval(20)
        self.looking.timeout.connect(self.look)

    def painted(self) -> None:
        """Begin to watch the loop."""
        from PySide6.QtCore import QTimer

        if self.watch_s:
            self.heart.start()
            self.looking.start()
            QTimer.singleShot(round(self.watch_s * 1000), self.finish)

    def answered(self) -> None:
        """Back to the lines, where live values appear; or end, when only the touch was wanted."""
        if self.watch_s:
            self.window.open_panel("lines")
        else:
            self.finish()

    def look(self) -> None:
        """Put a live eye on every tile shown so far."""
        from tests.benchmarks.eye import Eye

        bridge = self.window.bridge
        if not bridge.is_ready:
            return
        for _, tile in bridge.shown_tags():
            if id(tile) not in self.seen:
                self.seen.add(id(tile))
                tile.installEventFilter(Eye(tile, self.live))

    def live(self, at: float) -> None:
        """A tile was drawn with a live value for the first time."""
        if self.first_live_at is None:
            self.first_live_at = at
            self.looking.stop()

    def finish(self) -> None:
        """Write the findings and ask the program to end."""
        beats = self.heart.stop() if self.watch_s else None
        result: dict[str, Any] = self.click.figures(self.began)
        if beats is not None:
            from tests.benchmarks.heartbeat import share
            from tests.benchmarks.machine import memory_mb

            result |= {
                "longest_stall_ms": beats.longest(),
                "late_p99_ms": share(beats.late_ms, 0.99),
                "stalls": beats.stalls(self.began),
                "first_live_s": None if self.first_live_at is None else self.first_live_at - self.began,
                "memory": memory_mb(os.getpid()),
                "modules": len(sys.modules),
            }
        Path(os.environ["BENCH_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
        self.window.close()


_show = program._show


def _show_watched(*arguments: Any, **named: Any) -> int:
    """``hmi.__main__._show`` with the watch put in when the window comes on the screen."""
    gc.disable()  # as the first line of it does
    from hmi.shell import opening

    show = opening.show

    def watched(window: Window, pixels: tuple[int, int] | None) -> None:
        window.bridge.setProperty("probe", Probe(window))  # lives as long as the window
        show(window, pixels)

    opening.show = watched
    return _show(*arguments, **named)


if __name__ == "__main__":
    program._show = _show_watched
    program.main()
