"""One run: stations, operators, faults; then everything is mended, everybody comes home, and the checker looks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.breaking import Breaker, entries
from tests.faults.check import Verdict, check
from tests.faults.history import History
from tests.faults.link import Link
from tests.faults.plan import Fault, plan
from tests.faults.plant import LINES, Plant
from tests.faults.seat import Gone, Seat, Worker

MENDED_S = 180.0
HOME_S = 180.0
"""Until when everything must have come home after the last fault; ten seconds of it are the usual."""


@dataclass
class Run:
    """A run and what came of it.

    Attributes:
        plan: None draws it from the seed.
        forgetful: Stations that acknowledge without keeping: the mutant.
        without: Kinds of faults that the plan leaves out.
        pair: False: one server without a standby; then no plan may fail over.
    """

    seed: int
    seconds: float
    stations: tuple[str, ...]
    folder: Path
    pause_s: float = 0.15
    forgetful: tuple[str, ...] = ()
    faults: tuple[Fault, ...] | None = None
    without: tuple[str, ...] = ()
    pair: bool = True

    def __post_init__(self) -> None:
        self.faults = plan(self.seed, self.seconds, self.stations, self.without) if self.faults is None else self.faults
        self.folder.mkdir(parents=True, exist_ok=True)
        self.history = History(self.folder / "history.jsonl")
        self.plant = Plant(self.folder, self.stations, self.pair)
        self.home_s = self.disk_mb = 0.0

    async def go(self) -> Verdict:
        """Everything; the plant stays up for whoever wants to look again, until ``close``."""
        await asyncio.to_thread(self.plant.start)
        links = {name: await Link("127.0.0.1", *(node.port for node in self.plant.servers.nodes)).open() for name in self.stations}
        self.seats = {
            name: Seat(self.plant, name, self.folder / name, links[name].ports, self.history, forgetful=name in self.forgetful)
            for name in self.stations
        }
        self.breaker = Breaker(self.plant, self.seats, links, self.history, self.pause_s)
        try:
            await asyncio.gather(*(seat.start() for seat in self.seats.values()))
            await self._day()
            await self._home(links)
        finally:
            for seat in (*self.seats.values(), *self.breaker.twins):
                await seat.kill()
            for link in links.values():
                await link.close()
        self.disk_mb = self.plant.servers.used_mb()
        return await asyncio.to_thread(self.look)

    def look(self) -> Verdict:
        """What the checker says now."""
        homes = [seat.home for seat in (*self.seats.values(), *self.breaker.twins)]
        journals = {home.name: entries(home) for home in homes}
        verdict = check(self.plant.admin, self.history.presses.values(), journals, self.breaker.destroyed)
        verdict.violations += [defect for seat in (*self.seats.values(), *self.breaker.twins) for defect in seat.defects]
        return verdict

    def close(self) -> None:
        self.plant.remove()
        self.history.close()

    async def _day(self) -> None:
        """Operators work while things break."""
        people = [
            Worker(seat, f"{self.seed} {name}", LINES[n % len(LINES)], self.pause_s) for n, (name, seat) in enumerate(self.seats.items())
        ]
        workers = [asyncio.ensure_future(one.work()) for one in people]
        async with asyncio.timeout(MENDED_S):  # nothing breaks before everybody is at work, however slow this computer is
            await asyncio.gather(*(one.here.wait() for one in people))
        began = time.monotonic()
        until = asyncio.get_running_loop().time() + self.seconds
        breaking: list[asyncio.Task[None]] = []
        for fault in self.faults or ():
            await asyncio.sleep(max(0.0, began + fault.at_s - time.monotonic()))
            breaking.append(asyncio.ensure_future(self.breaker.do(fault, until)))
        await asyncio.sleep(max(0.0, began + self.seconds - time.monotonic()))
        tasks = (*breaking, *workers)
        if breaking:
            await asyncio.wait(breaking, timeout=MENDED_S)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=MENDED_S)
        failures = [TimeoutError("a fault was not mended") if one.cancelled() else one.exception() for one in breaking]
        failures += [task.exception() for task in workers if not task.cancelled()]
        if broken := [one for one in failures if isinstance(one, Exception)]:
            raise ExceptionGroup("the harness itself failed", broken)

    async def _home(self, links: dict[str, Link]) -> None:
        """Everything is mended; every station, twins one after the other, brings home what it has."""
        self.history.note("healed")
        began = time.monotonic()
        for link in links.values():
            link.mend()
        for seat in self.seats.values():
            seat.resume()
            seat.free_disk()
            await seat.turn_clock(0.0)
        await asyncio.gather(*(self._settle(seat) for seat in self.seats.values()))
        await asyncio.gather(*(seat.close() for seat in self.seats.values()))  # their names are free then
        for twin in self.breaker.twins:
            await self.seats[twin.station].close()  # what a twin has waits for the name: it belongs to one program at a time
            await self._settle(twin)
            await twin.close()
        self.home_s = round(time.monotonic() - began, 1)

    async def _settle(self, seat: Seat) -> None:
        """Until nothing waits at this station any more; restarted if it has died."""
        end = time.monotonic() + HOME_S
        state: dict[str, Any] = {}
        while time.monotonic() < end:
            with contextlib.suppress(Gone):
                if not seat.alive:
                    await seat.start()
                state = await seat.state()
                if state["up"] and not state["waiting"]:
                    attention = (await seat.ask(attention=True))["attention"]
                    self.history.note("home", home=seat.name, attention=attention)
                    return
            await asyncio.sleep(0.25)
        self.history.note("not home", home=seat.name, **state)
