"""``stations``: do fifty stations at one PostgreSQL work as one?

Ten processes of five real stations each, without screens, on this computer, with their database beside them. A change at one station
must soon stand in the list of all others; the reading of a machine must pass to another station when its reader dies or freezes;
and a year's question at one station must not delay the press at another. Bare connections doing the least of the same say
how much of the figures is the database and the computer.
"""

from __future__ import annotations

import asyncio
import random
import signal
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.machine import load
from tests.benchmarks.stations_plant import LINES, SOURCE, BenchPlant
from tests.benchmarks.stations_seats import Bare, Process
from tests.servers.process import ServerProcess

PROCESSES: Final = 10
EACH: Final = 5
QUICK: Final = {"changes": 40, "work_s": 15.0, "year_s": 20.0, "takeovers": 1}
FULL: Final = {"changes": 200, "work_s": 60.0, "year_s": 60.0, "takeovers": 5}
PAUSE_S: Final = 0.5
"""Between two changes, while the refresh is measured."""
OPERATOR_S: Final = 2.0
"""Between two presses of one person, while a year is asked for: faster than any."""
PATIENCE_S: Final = 60.0


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures."""
    return measure(PROCESSES, EACH, QUICK if quick else FULL)


def measure(processes: int, each: int, sizes: dict[str, Any], **plant: Any) -> dict[str, Any]:
    """The figures of ``processes`` × ``each`` stations; ``plant`` are further words of ``BenchPlant``."""
    names = tuple(f"ST{number:02}" for number in range(1, processes * each + 1))
    press = ServerProcess("modbus").start()
    try:
        with tempfile.TemporaryDirectory(prefix="genba-stations-") as folder:
            bench = BenchPlant(Path(folder), names, **plant)
            try:
                bench.start(press.port)
                return asyncio.run(_measured(bench, names, each, sizes, Path(folder)))
            finally:
                bench.remove()
    finally:
        press.kill()


async def _measured(bench: BenchPlant, names: tuple[str, ...], each: int, sizes: dict[str, Any], folder: Path) -> dict[str, Any]:
    seats = [(name, bench.url(name), folder / name, f"op{n // each % 10}") for n, name in enumerate(names)]
    processes = [Process(seats[first : first + each]) for first in range(0, len(seats), each)]
    fleet = Fleet(bench, processes)
    try:
        for process in processes:  # one after the other: fifty at once would only wait for each other's sign-in
            await process.start()
        await fleet.make_orders()
        with Counting(bench) as counting:
            figures = await _figures(fleet, sizes)
            figures |= {"connections_per_station": counting.most, "connections_total": counting.together}
            figures |= await _takeovers(fleet, sizes["takeovers"])
        # What a frozen station left behind is still there while it connects anew.
        figures["connections_with_left_behind"] = counting.most
    finally:
        await asyncio.gather(*(process.close() for process in processes))
    return figures | {"stations": len(names), "settings": bench.shown(), "load": load()}


async def _figures(fleet: Fleet, sizes: dict[str, Any]) -> dict[str, Any]:
    bare = await asyncio.to_thread(Bare, fleet.bench.server.url("genba"), len(fleet.stations) - 1)
    bare_refresh = await asyncio.to_thread(bare.refresh_s, min(sizes["changes"], 40), 0.1)
    bare_press_s = await asyncio.to_thread(bare.press_s, 200)
    await asyncio.to_thread(bare.close)
    refresh = await fleet.changes(sizes["changes"])
    work = await fleet.work(sizes["work_s"], 0.0)
    year, presses = await fleet.work_beside_a_year(sizes["year_s"])
    calm = _all(await fleet.work(sizes["year_s"] / 2, OPERATOR_S))
    took = _all(presses)
    return {
        "refresh_p95_ms": _ms(_share(refresh, 0.95)),
        "refresh_p50_ms": _ms(statistics.median(refresh)),
        "refresh_max_ms": _ms(max(refresh)),
        "bare_refresh_p95_ms": _ms(_share(bare_refresh, 0.95)),
        "refresh_ratio": round(_share(refresh, 0.95) / _share(bare_refresh, 0.95), 2),
        "operations_s": round(len(_all(work)) / sizes["work_s"], 1),
        "operation_p50_ms": _ms(statistics.median(_all(work))),
        "press_p99_ms": _ms(_share(took, 0.99)),
        "press_p50_ms": _ms(statistics.median(took)),
        "press_p99_without_year_ms": _ms(_share(calm, 0.99)),
        "press_ratio": round(statistics.median(took) / bare_press_s, 2),
        "year_s": round(statistics.median(year["took_s"]), 2),
        "years_asked": len(year["took_s"]),
        "waited": sum(each["waited"] for each in (*work, *presses)),
        "refused": dict(Counter(code for each in (*work, *presses) for code in each["refused"])),
    }


async def _takeovers(fleet: Fleet, times: int) -> dict[str, float]:
    frozen = [await fleet.takeover(signal.SIGSTOP) for _ in range(times)]
    killed = [await fleet.takeover(signal.SIGKILL) for _ in range(times)]
    return {"takeover_killed_s": round(max(killed), 2), "takeover_frozen_s": round(max(frozen), 2)}


class Fleet:
    """All stations, and what is tried with them."""

    def __init__(self, bench: BenchPlant, processes: Sequence[Process]) -> None:
        self.bench, self._processes = bench, list(processes)
        self.stations = {name: process for process in processes for name in process.names}
        self._orders: list[str] = []

    async def make_orders(self) -> None:
        """One that runs on each line."""
        for line, (name, process) in zip(LINES, self.stations.items(), strict=False):
            self._orders.append((await process.order(name, make=line))["order"])

    async def changes(self, times: int) -> list[float]:
        """From the press at one station to the new version in the list of each other, seconds."""
        took: list[float] = []
        for turn in range(times):
            await asyncio.sleep(PAUSE_S)
            name, order = random.choice(list(self.stations)), self._orders[turn % len(self._orders)]
            told = await self.stations[name].order(name, press=order)
            moments = await asyncio.gather(*(self._shown(other, order, told["version"]) for other in self.stations if other != name))
            took += [at - told["pressed"] for at in moments]
        return took

    async def _shown(self, name: str, order: str, version: int) -> float:
        end = time.monotonic() + PATIENCE_S
        while (at := self.stations[name].first(name, order, version)) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{name} never showed version {version}")
            await asyncio.sleep(0.02)
        return at

    async def work(self, seconds: float, pause_s: float, besides: str = "") -> list[dict[str, Any]]:
        """Everybody reports parts, five stations on one order, but for the station ``besides``."""
        at_work = [(name, process) for name, process in self.stations.items() if name != besides]
        return await asyncio.gather(
            *(
                process.order(name, work=self._orders[n % len(self._orders)], seconds=seconds, pause_s=pause_s)
                for n, (name, process) in enumerate(at_work)
            )
        )

    async def work_beside_a_year(self, seconds: float) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """One station asks for a year of history while the others work."""
        asking, process = next(iter(self.stations.items()))
        year, presses = await asyncio.gather(process.order(asking, year=True, seconds=seconds), self.work(seconds, OPERATOR_S, asking))
        return year, presses

    async def takeover(self, number: int) -> float:
        """Kill or freeze the process of whoever reads the press; seconds until another station may."""
        holder, epoch = await self._holder()
        process = self.stations[holder]
        if number == signal.SIGKILL:
            await process.kill()
        else:
            process.signal(number)
        began = time.monotonic()
        try:
            while (await self._holder())[1] == epoch:
                if time.monotonic() > began + PATIENCE_S:
                    raise TimeoutError("nobody took the press over")
                await asyncio.sleep(0.02)
            return time.monotonic() - began
        finally:
            if number == signal.SIGKILL:
                await process.start()
            else:
                process.signal(signal.SIGCONT)

    async def _holder(self) -> tuple[str, int]:
        """Once somebody holds it."""
        end = time.monotonic() + PATIENCE_S
        asked = "SELECT holder, epoch FROM genba.lease WHERE name = %s AND expires_at > clock_timestamp()"
        while not (found := await asyncio.to_thread(self.bench.ask, asked, f"source:{SOURCE}")):
            if time.monotonic() > end:
                raise TimeoutError("nobody reads the press")
            await asyncio.sleep(0.02)
        return found[0][0], found[0][1]


class Counting(threading.Thread):
    """Counts the connections of each station ten times a second.

    Attributes:
        most: The most that one station ever had.
        together: The most of all.
    """

    def __init__(self, bench: BenchPlant) -> None:
        super().__init__(daemon=True)
        self._bench, self._over = bench, threading.Event()
        self.most = self.together = 0

    def run(self) -> None:
        asked = (
            "SELECT split_part(application_name, '/', 2), count(*) FROM pg_stat_activity"
            " WHERE application_name LIKE 'genba/%/%' AND backend_type = 'client backend' GROUP BY 1"  # helpers of a query are the server's
        )
        while not self._over.wait(0.1):
            counts = [count for _, count in self._bench.ask(asked)]
            self.most, self.together = max(self.most, *counts, 0), max(self.together, sum(counts))

    def __enter__(self) -> Counting:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(10)


def _all(told: list[dict[str, Any]]) -> list[float]:
    return [took for each in told for took in each["took_s"]]


def _share(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _ms(seconds: float) -> float:
    return round(seconds * 1_000, 1)
