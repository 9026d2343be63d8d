"""``production``: do the screens of the line answer at once with a year of history behind them?

One real station at one PostgreSQL that keeps what it confirms, with a year of twenty machines in it: three million states, a million
reports, a hundred thousand orders. Asked as a screen asks, from the press to the view in the hand of the screen. Presses are confirmed
by the database while another connection writes what a recorder writes. Beside each stands what bare psycopg needs for the least it
could do: one read of the lines, sums of the states without shifts, stops and orders, and one row of a recorder.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from core.config import StationSettings
from core.equipment.stops import explain_stop, list_stops
from core.errors import GenbaError
from core.production.lines import lines_overview, view_board
from core.production.orders import list_orders, pause_order, resume_order
from core.production.performance import get_performance
from core.production.reports import book_report
from core.production.views import OrderStatus
from core.station.station import Station
from tests.benchmarks.machine import load
from tests.benchmarks.production_plant import LINES, PIN, STATION, ProductionPlant, units_of
from tests.benchmarks.stations_plant import DATABASE
from tests.postgres import plain

QUICK: Final = {"asked": 30, "presses": 100}
FULL: Final = {"asked": 100, "presses": 300}
QUARTER: Final = timedelta(days=91)
FIRST_PAGE: Final = 50
FACTS_S: Final = 20.0
"""Facts a second that are recorded beside the presses."""
_FACT: Final = (
    "INSERT INTO genba.count_event (id, line_id, work_unit_id, kind, quantity, occurred_at, source, epoch, seq)"
    " SELECT uuidv7(), line_id, id, 'good', 1, clock_timestamp(), 'bench', 1, %s FROM genba.work_unit ORDER BY id OFFSET %s LIMIT 1"
)


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures."""
    return measure(QUICK if quick else FULL)


def measure(sizes: dict[str, int], share: float = 1.0) -> dict[str, Any]:
    """The figures with so much of the year's rows."""
    with tempfile.TemporaryDirectory(prefix="genba-production-") as folder:
        plant = ProductionPlant(Path(folder), share)
        try:
            plant.start()
            return asyncio.run(_measured(plant, sizes, Path(folder)))
        finally:
            plant.remove()


async def _measured(plant: ProductionPlant, sizes: dict[str, int], folder: Path) -> dict[str, Any]:
    settings = StationSettings(home=folder / STATION, name=STATION, database_url=plant.url(), acquisition="gui")
    station = Station(settings)
    await station.start()
    try:
        await _signed_in(station)
        began = time.monotonic()
        figures = await _asked(station, sizes)
        figures |= await _presses(station, plant, sizes["presses"])
        figures |= _against(figures, await asyncio.to_thread(_bare, plant, sizes))
        return figures | {
            "measured_s": round(time.monotonic() - began, 1),
            "rows": plant.rows(),
            "settings": plant.shown(),
            "load": load(),
        }
    finally:
        await station.close()


async def _signed_in(station: Station) -> None:
    end = time.monotonic() + 120
    while True:
        try:
            await station.people.sign_in("op0", PIN)
            return
        except GenbaError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.2)


async def _asked(station: Station, sizes: dict[str, int]) -> dict[str, Any]:
    """Questions; the first of each is the one that finds nothing warm."""
    now = datetime.now(UTC)
    units = tuple(unit for line in LINES for unit in units_of(line))

    async def quarter() -> Any:
        return await station.ask(get_performance, from_at=now - QUARTER, to_at=now, scope="unit", codes=units, by="unit")

    cold_quarter, answer = await _timed(quarter)
    warm = [(await _timed(quarter))[0] for _ in range(3)]
    overview = await _times(lambda: station.ask(lines_overview), sizes["asked"])
    board = await _times(lambda: station.ask(view_board), sizes["asked"])
    orders = await _times(lambda: station.ask(list_orders, limit=FIRST_PAGE), sizes["asked"])
    total = answer.value.total
    return {
        "overview_p95_ms": _ms(_share(overview[1:], 0.95)),
        "overview_p50_ms": _ms(statistics.median(overview[1:])),
        "overview_first_ms": _ms(overview[0]),
        "board_p95_ms": _ms(_share(board[1:], 0.95)),
        "board_p50_ms": _ms(statistics.median(board[1:])),
        "orders_first_page_ms": _ms(statistics.median(orders[1:])),
        "orders_first_page_cold_ms": _ms(orders[0]),
        "oee_quarter_s": round(cold_quarter, 2),
        "oee_quarter_warm_s": round(min(warm), 2),
        "oee_of_the_quarter": None if total.oee.value is None else round(total.oee.value, 4),
        "units": len(answer.value.groups),
    }


async def _presses(station: Station, plant: ProductionPlant, times: int) -> dict[str, Any]:
    """Parts reported, stops explained, orders paused and resumed, while a recorder writes."""
    listed = await station.ask(list_orders, status=(OrderStatus.IN_PROGRESS,), limit=len(LINES))
    orders = [order.id for order in listed.value.items]
    stops: list[tuple[str, datetime]] = []
    for line in LINES:
        page = await station.ask(list_stops, line_code=line, limit=100)
        stops += [(stop.work_unit_code, stop.began_at) for stop in page.value.items]
    random.Random(6).shuffle(stops)
    took: list[float] = []
    with Recording(plant):
        for turn in range(times):
            order = orders[turn % len(orders)]
            unit, began_at = stops[turn % len(stops)]
            presses: tuple[Callable[[], Awaitable[Any]], ...] = (
                lambda order=order: station.do(book_report, order_id=order, good=1),
                lambda unit=unit, at=began_at: station.do(explain_stop, work_unit_code=unit, began_at=at, reason_code="D05"),
                lambda order=order: station.do(pause_order, order_id=order),
                lambda order=order: station.do(resume_order, order_id=order),
            )
            kind = turn % 3
            for press in presses[kind : kind + 1] if kind < 2 else presses[2:]:
                seconds, done = await _timed(press)
                if done.state != "applied":
                    raise RuntimeError(f"a press was not confirmed: {done.state}")
                took.append(seconds)
    return {"commit_p99_ms": _ms(_share(took, 0.99)), "commit_p50_ms": _ms(statistics.median(took)), "presses": len(took)}


_BARE_LINES: Final = (
    "SELECT l.code, o.number, o.completed FROM genba.line l LEFT JOIN genba.work_order o ON o.line_id = l.id AND o.status = 'IN_PROGRESS'"
)
_BARE_PAGE: Final = (
    "SELECT * FROM genba.work_order ORDER BY list_rank, list_at DESC NULLS LAST, queue_position, priority, scheduled_start_at LIMIT 50"
)
_BARE_QUARTER: Final = (
    "SELECT work_unit_id, state, sum(coalesce(ended_at, now()) - started_at) FROM genba.state_segment"
    " WHERE started_at >= now() - interval '91 days' GROUP BY 1, 2"
)


def _bare(plant: ProductionPlant, sizes: dict[str, int]) -> dict[str, float]:
    """Seconds of bare psycopg, without Genba: 95 of 100, the median or the best, as the figure it stands beside."""
    with psycopg.connect(plain(plant.server.url(DATABASE)), autocommit=True) as connection:

        def took(statement: str, values: tuple[Any, ...] = ()) -> float:
            began = time.monotonic()
            asked = connection.execute(statement, values)
            if asked.description is not None:
                asked.fetchall()
            return time.monotonic() - began

        lines = [took(_BARE_LINES) for _ in range(sizes["asked"])]
        page = [took(_BARE_PAGE) for _ in range(sizes["asked"])]
        quarter = [took(_BARE_QUARTER) for _ in range(3)]
        rows = [took(_FACT, (1_000_000 + turn, turn % plant.units)) for turn in range(sizes["presses"])]
    return {"lines": _share(lines, 0.95), "page": statistics.median(page), "quarter": min(quarter), "row": _share(rows, 0.99)}


def _against(figures: dict[str, Any], bare: dict[str, float]) -> dict[str, Any]:
    """Ratios to bare psycopg, and its own figures."""
    return {
        "bare_lines_p95_ms": _ms(bare["lines"]),
        "overview_ratio": round(figures["overview_p95_ms"] / 1_000 / bare["lines"], 1),
        "board_ratio": round(figures["board_p95_ms"] / 1_000 / bare["lines"], 1),
        "bare_page_ms": _ms(bare["page"]),
        "orders_ratio": round(figures["orders_first_page_ms"] / 1_000 / bare["page"], 1),
        "bare_quarter_s": round(bare["quarter"], 2),
        "quarter_ratio": round(figures["oee_quarter_warm_s"] / bare["quarter"], 1),
        "bare_row_p99_ms": _ms(bare["row"]),
        "commit_ratio": round(figures["commit_p99_ms"] / 1_000 / bare["row"], 1),
    }


class Recording(threading.Thread):
    """Writes counts as a recorder does, one after the other, as evenly as it can."""

    def __init__(self, plant: ProductionPlant) -> None:
        super().__init__(daemon=True)
        self._plant, self._over = plant, threading.Event()

    def run(self) -> None:
        with psycopg.connect(plain(self._plant.server.url(DATABASE)), autocommit=True) as connection:
            seq = 0
            while not self._over.wait(1 / FACTS_S):
                seq += 1
                connection.execute(_FACT, (seq, seq % self._plant.units))

    def __enter__(self) -> Recording:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(10)


async def _timed(ask: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    began = time.monotonic()
    answer = await ask()
    return time.monotonic() - began, answer


async def _times(ask: Callable[[], Awaitable[Any]], times: int) -> list[float]:
    return [(await _timed(ask))[0] for _ in range(times)]


def _share(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _ms(seconds: float) -> float:
    return round(seconds * 1_000, 1)
