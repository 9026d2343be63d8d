"""The beat goes on only while everything behind the screen is alive, and what is silent is named."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from core.clock import SystemClock
from core.station.pulse import DRIVERS, DRIVERS_SILENT_S, THREAD_SILENT_S, Beat, Pulse


class Watch(SystemClock):
    """A clock whose monotonic time is set by hand."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


class Rig:
    def __init__(self) -> None:
        self.clock, self.signs, self.told = Watch(), 0, list[Beat]()
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="pulse-test")
        self.other = ThreadPoolExecutor(1, thread_name_prefix="pulse-test")
        self.pulse = Pulse(self.clock, lambda: self.signs, (self.pool, self.other), self.told.append)

    def after(self, seconds: float, *, signs: int | None = 0) -> Beat:
        """A look, ``seconds`` later, with so many more signs of the drivers (None: they do not run)."""
        self.clock.now_s += seconds
        self.signs = None if signs is None else (self.signs or 0) + signs  # type: ignore[assignment]
        return self.pulse.look()


def test_it_goes_on_while_everything_is_alive_and_no_longer() -> None:
    rig = Rig()
    try:
        assert [rig.after(1, signs=1).count for _ in range(3)] == [1, 2, 3]
        # one look without a sign is none too many
        assert rig.after(1) == Beat(4)
        stopped = rig.after(DRIVERS_SILENT_S)
        assert stopped == Beat(4, (DRIVERS,))
        assert rig.after(1) == stopped, "it does not move"
        assert rig.after(1, signs=1) == Beat(5)
        assert rig.after(DRIVERS_SILENT_S + 1, signs=None) == Beat(5, (DRIVERS,)), "a dead process is silent too"
        assert rig.told[-1].silent == (DRIVERS,)
    finally:
        rig.pool.shutdown()
        rig.other.shutdown()


def test_a_thread_that_hangs_is_named() -> None:
    rig, go = Rig(), threading.Event()
    try:
        rig.pool.submit(go.wait)
        assert rig.after(1, signs=1) == Beat(1)
        assert rig.after(THREAD_SILENT_S / 2, signs=1) == Beat(2), "it may be busy"
        assert rig.after(THREAD_SILENT_S, signs=1) == Beat(2, ("decide",))
        go.set()
        rig.pool.submit(int).result(60)
        assert rig.after(1, signs=1) == Beat(3)
    finally:
        go.set()
        rig.pool.shutdown()
        rig.other.shutdown()
