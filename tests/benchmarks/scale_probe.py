"""The screen of ``scale``: as ``latency_probe``, and a count of the values that every tag missed."""

from __future__ import annotations

import math
import os
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from core.live.sample import Batch, Quality
from tests.benchmarks.latency_probe import Probe, main
from tests.benchmarks.scale_load import CHANGE_S, DEVICES, TAGS, Device, protocol_of

if TYPE_CHECKING:
    from hmi.shell.window import Window

LATE_TURNS = 2
"""How many seconds the latest value may be old at the end without one of them being missed: written late, asked for, on its way."""
PENS = 8


class Missing:
    """What arrived of every tag, by the numbers its server gave the values. Subscribe ``take`` to the live table."""

    def __init__(self) -> None:
        self.latest: dict[str, int] = {}
        self.first: dict[str, int] = {}
        self.passed_over: defaultdict[str, int] = defaultdict(int)
        self.samples = 0
        self.not_good = 0

    def take(self, batch: Batch) -> None:
        """One batch."""
        latest = self.latest
        self.samples += len(batch.tags)
        for tag, value, quality in zip(batch.tags, batch.values, batch.qualities, strict=True):
            if quality is not Quality.GOOD:
                self.not_good += 1
                continue
            turn = int(value)  # type: ignore[arg-type]  # every value of this plant is a number
            known = latest.get(tag, turn)
            if turn > known + 1:
                self.passed_over[batch.source] += turn - known - 1
            latest[tag] = turn

    def begin(self) -> None:
        """Count from here."""
        self.first = dict(self.latest)
        self.passed_over.clear()
        self.samples = self.not_good = 0

    def end(self, devices: list[Device]) -> dict[str, dict[str, int]]:
        """Missed and due values by protocol; a tag that fell silent has missed everything since, one that was never heard all of it."""
        oldest = math.floor(time.monotonic() / CHANGE_S) - LATE_TURNS
        found: defaultdict[str, dict[str, int]] = defaultdict(lambda: {"missed": 0, "due": 0})
        begun = min(self.first.values(), default=oldest)
        for device in devices:
            count = found[device.protocol]
            count["missed"] += self.passed_over[device.code]
            for index in range(TAGS):
                tag = device.tag(index)
                count["missed"] += max(0, oldest - self.latest.get(tag, begun))
                count["due"] += max(oldest, self.latest.get(tag, begun)) - self.first.get(tag, begun)
        return dict(found)


class ScaleProbe(Probe):
    """See ``latency_probe.Probe``."""

    line = "L1"
    sources = DEVICES
    patience_s = 150.0
    devices = tuple(Device(number, protocol_of(number), 0) for number in range(DEVICES))

    @staticmethod
    def pens() -> list[str]:
        """The first tag of the first machines, of every protocol one."""
        return [device.tag(0) for device in ScaleProbe.devices[:PENS]]

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self.missing = Missing()
        self.live_after_s = 0.0

    def is_live(self) -> bool:
        """Every tag of every machine has been heard as well."""
        if not self.missing.latest and self.window.bridge.is_ready:
            self.window.bridge.station.table.subscribe(self.missing.take)
            self.missing.latest["-"] = 0
        if len(self.missing.latest) <= DEVICES * TAGS or not super().is_live():
            return False
        self.live_after_s = time.monotonic() - self.began
        del self.missing.latest["-"]
        return True

    def measure(self) -> None:
        """Begin counting."""
        self.missing.begin()
        self.children_s = _children_cpu_s()
        super().measure()

    def findings(self) -> dict[str, Any]:
        """Those of the screen, and the count."""
        from tests.benchmarks.machine import memory_mb

        by_protocol = self.missing.end(list(self.devices))
        found = super().findings()
        acquisition = _acquisition()
        return found | {
            "by_protocol": by_protocol,
            "samples": self.missing.samples,
            "not_good": self.missing.not_good,
            "live_after_s": self.live_after_s,
            "children_cpu_s": _children_cpu_s() - self.children_s,
            "acquisition_memory": memory_mb(acquisition.pid) if acquisition is not None else None,
            "recent_tags": len(self.window.bridge.station.recent._rings),
        }


def _acquisition() -> Any:
    import psutil

    children = psutil.Process(os.getpid()).children()
    return next((child for child in children if any("core.drivers.host" in word for word in child.cmdline())), None)


def _children_cpu_s() -> float:
    """Of the acquisition process."""
    child = _acquisition()
    times = child.cpu_times() if child is not None else None
    return times.user + times.system if times is not None else 0.0


if __name__ == "__main__":
    main(ScaleProbe)
