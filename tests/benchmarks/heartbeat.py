"""A timer that should fire every few milliseconds, and how late it was: what a person at the screen feels as jerks."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Qt, QTimer

EXPLAIN_MS = 50.0


@dataclass(slots=True)
class Beats:
    """Lateness of every beat, milliseconds, with the moment (CLOCK_MONOTONIC, s) it was noticed."""

    at: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)

    def longest(self) -> float:
        """The longest time the loop did not turn, ms."""
        return max(self.late_ms, default=0.0)

    def stalls(self, since: float, over_ms: float = 40.0) -> list[tuple[float, int]]:
        """(seconds since ``since``, ms) of every stall longer than ``over_ms``."""
        found = zip(self.at, self.late_ms, strict=True)
        return [(round(at - since, 2), round(late)) for at, late in found if late > over_ms]


def share(values: list[float], part: float) -> float:
    """The value that ``part`` (0 … 1) of ``values`` do not exceed; NaN for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


class Heartbeat(QObject):
    """Beats on the GUI loop every ``interval_ms`` from ``start`` to ``stop``.

    Args:
        interval_ms: Wanted distance of two beats.
        explain: Print what every thread does whenever a beat is overdue by ``EXPLAIN_MS``. Costs time of its own: only
            for finding causes, never for figures.
    """

    def __init__(self, interval_ms: int, parent: QObject | None = None, *, explain: bool = False) -> None:
        super().__init__(parent)
        self.beats = Beats()
        self._interval_s = interval_ms / 1000
        self._last = 0.0
        self._explain = explain
        self._gui = threading.get_ident()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        """Begin."""
        self._last = time.monotonic()
        self._timer.start()
        if self._explain:
            threading.Thread(target=self._watch, name="bench explain", daemon=True).start()

    def stop(self) -> Beats:
        """End; returns what was seen, including a beat that is overdue now."""
        self._beat()
        self._timer.stop()
        self._explain = False
        return self.beats

    def _beat(self) -> None:
        now = time.monotonic()
        self.beats.at.append(now)
        self.beats.late_ms.append(max(0.0, (now - self._last - self._interval_s) * 1000))
        self._last = now

    def _watch(self) -> None:
        told = 0.0
        while self._explain:
            time.sleep(0.01)
            overdue_ms = (time.monotonic() - self._last) * 1000
            if overdue_ms > EXPLAIN_MS and told != self._last:
                told = self._last
                self._tell(overdue_ms)

    def _tell(self, overdue_ms: float) -> None:
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        print(f"--- overdue by {overdue_ms:.0f} ms", file=sys.stderr)
        for ident, frame in sys._current_frames().items():
            if ident == threading.get_ident():
                continue
            inside = traceback.extract_stack(frame)
            if ident != self._gui and inside[-1].name in ("wait", "_worker", "receive", "_exactly", "select"):
                continue
            lines = [f"{each.filename.split('site-packages/')[-1].split('/main/')[-1]}:{each.lineno} {each.name}" for each in inside[-9:]]
            print(f"  {names.get(ident, ident)}: " + " < ".join(reversed(lines)), file=sys.stderr)
