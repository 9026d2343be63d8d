"""``python -m tests.faults --homecoming``: many stations work a long time without the database, and then all come home at once."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.production import rules
from tests.faults.breaking import entries
from tests.faults.check import Verdict, check
from tests.faults.history import History
from tests.faults.link import Link
from tests.faults.plant import LINES, PRODUCT, Plant, operator
from tests.faults.seat import Gone, Seat

_PATIENCE_S = 600.0
_PRESS_EVERY_S = 0.5


@dataclass
class Homecoming:
    """A run and its figures.

    Attributes:
        each: Operations that wait at each station when the database comes back.
        filled_s: Until all of them had been decided.
        home_s: By station: from the cable being plugged in again until nothing waited there any more.
        offline_ms, meanwhile_ms: From press to answer without the database, and while everything came home.
        meanwhile: What presses meanwhile became: answer → how many.
    """

    stations: tuple[str, ...]
    each: int
    folder: Path
    filled_s: float = 0.0
    home_s: dict[str, float] = field(default_factory=dict)
    offline_ms: list[float] = field(default_factory=list)
    meanwhile_ms: list[float] = field(default_factory=list)
    meanwhile: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.history = History(self.folder / "history.jsonl")
        self.plant = Plant(self.folder, self.stations, pair=False)

    async def go(self) -> Verdict:
        """Everything; ``close`` afterwards."""
        await asyncio.to_thread(self.plant.start)
        links = {name: await Link("127.0.0.1", self.plant.server.port).open() for name in self.stations}
        seats = {name: Seat(self.plant, name, self.folder / name, links[name].ports, self.history) for name in self.stations}
        try:
            await asyncio.gather(*(seat.start(within_s=_PATIENCE_S) for seat in seats.values()))
            orders = await self._begin(list(seats.values()))
            await self._away(seats, links, orders)
            await self._back(seats, links, orders)
            await asyncio.gather(*(seat.close() for seat in seats.values()))
        finally:
            for seat in seats.values():
                await seat.kill()
            for link in links.values():
                await link.close()
        verdict = await asyncio.to_thread(
            check, self.plant.admin, self.history.presses.values(), {seat.home.name: entries(seat.home) for seat in seats.values()}
        )
        verdict.violations += [defect for seat in seats.values() for defect in seat.defects]
        return verdict

    def close(self) -> None:
        self.plant.remove()
        self.history.close()

    def figures(self, verdict: Verdict) -> dict[str, object]:
        """What it took; milliseconds and seconds."""
        waited = self.each * len(self.stations)
        return {
            "stations": len(self.stations),
            "each": self.each,
            "acknowledged": verdict.acknowledged,
            "applied": verdict.applied,
            "parked": verdict.parked,
            "lost": len(verdict.lost),
            "doubled": len(verdict.doubled),
            "violations": len(verdict.violations),
            "filled_s": round(self.filled_s, 1),
            "offline_press_p50_ms": _share(self.offline_ms, 0.5),
            "offline_press_p99_ms": _share(self.offline_ms, 0.99),
            "first_home_s": round(min(self.home_s.values()), 1),
            "home_s": round(max(self.home_s.values()), 1),
            "operations_s": round(waited / max(self.home_s.values()), 1),
            "press_meanwhile_p50_ms": _share(self.meanwhile_ms, 0.5),
            "press_meanwhile_p99_ms": _share(self.meanwhile_ms, 0.99),
            "presses_meanwhile": self.meanwhile,
        }

    async def _begin(self, seats: Sequence[Seat]) -> dict[str, str]:
        """Everybody is signed in; one order runs on each line, and every station has seen its own. Station → order."""
        for seat in seats:
            await self._signed_in(seat)
        running: dict[str, str] = {}
        for seat, line in zip(seats, LINES, strict=False):
            now = datetime.now(UTC)
            made = await seat.press(
                rules.CREATE, product_code=PRODUCT, line_code=line, planned=1_000_000, scheduled_start_at=now,
                scheduled_end_at=now + timedelta(hours=8),
            )  # fmt: skip
            running[line] = made["order"]["id"]
            for step in (rules.RELEASE, rules.START):
                assert (await seat.press(step, order_id=running[line]))["outcome"] == "applied"
        orders = {}
        for n, seat in enumerate(seats):
            line = LINES[n % len(LINES)]
            orders[seat.station] = running[line]
            await seat.ask(orders=line)
        return orders

    async def _signed_in(self, seat: Seat) -> None:
        who = operator(seat.station)
        end = time.monotonic() + _PATIENCE_S
        while (await seat.ask(sign_in=who, pin=seat.plant.pins[who])).get("outcome") != "signed_in":
            if time.monotonic() > end:
                raise Gone(f"nobody can sign in at {seat.name}")
            await asyncio.sleep(0.5)

    async def _away(self, seats: dict[str, Seat], links: dict[str, Link], orders: dict[str, str]) -> None:
        """Every cable is pulled, and at each station somebody books his reports."""
        for link in links.values():
            link.mode = "down"
        for seat in seats.values():
            while (await seat.state())["up"]:  # noqa: ASYNC110 - another process knows it
                await asyncio.sleep(0.2)
        began = time.monotonic()

        async def book(seat: Seat) -> None:
            for n in range(self.each):
                at = time.monotonic()
                told = await seat.press(rules.REPORT, order_id=orders[seat.station], good=1 + n % 3, scrap=0, defect_code="")
                self.offline_ms.append((time.monotonic() - at) * 1000)
                assert told["outcome"] == "waiting", told

        await asyncio.gather(*(book(seat) for seat in seats.values()))
        self.filled_s = time.monotonic() - began

    async def _back(self, seats: dict[str, Seat], links: dict[str, Link], orders: dict[str, str]) -> None:
        """All cables are plugged in at the same moment; at the first station somebody goes on working meanwhile."""
        first = next(iter(seats.values()))
        working = asyncio.ensure_future(self._go_on(first, orders[first.station]))
        began = time.monotonic()
        for link in links.values():
            link.mode = "ok"

        async def home(seat: Seat) -> None:
            while time.monotonic() < began + _PATIENCE_S:
                state = await seat.state()
                if state["up"] and not state["waiting"]:
                    break
                await asyncio.sleep(0.2)
            self.home_s[seat.station] = time.monotonic() - began

        await asyncio.gather(*(home(seat) for seat in seats.values()))
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        await asyncio.sleep(1.0)
        await home(first)

    async def _go_on(self, seat: Seat, order: str) -> None:
        while True:
            at = time.monotonic()
            told = await seat.press(rules.REPORT, order_id=order, good=1, scrap=0, defect_code="")
            self.meanwhile_ms.append((time.monotonic() - at) * 1000)
            word = told.get("code") or told["outcome"]
            self.meanwhile[word] = self.meanwhile.get(word, 0) + 1
            await asyncio.sleep(_PRESS_EVERY_S)


def _share(values: Sequence[float], share: float) -> float | None:
    if len(values) < 2:
        return None
    return round(statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1], 1)
