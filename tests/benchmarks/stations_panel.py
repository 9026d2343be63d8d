"""One process of the benchmark ``stations``: several real stations without a screen, each with a person at it and a list on it.

Orders and answers are one JSON object a line; moments are seconds of the computer's monotonic clock, the same in all processes.
``{"n", "at", "make"}`` makes an order on a line and starts it; ``{"n", "at", "press"}`` reports one part of an order;
``{"n", "at", "work", "seconds", "pause_s"}`` does so again and again; ``{"n", "at", "year", "seconds"}`` asks for a year of counts
again and again; the end of input closes the stations. Unasked: ``{"seen", "moment", "versions"}`` whenever a station has asked
anew for its list of orders because somebody changed something.

``python -m tests.benchmarks.stations_panel '[[NAME, URL, HOME, USER], …]'``
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from core.config import StationSettings
from core.errors import GenbaError
from core.log import start_logging
from core.production.orders import create_order, list_orders, release_order, start_order
from core.production.reports import book_report
from core.station.station import Station
from core.store.base import Db
from tests.benchmarks.stations_plant import PIN, PRODUCT

SHOWN: Final = 30
"""Orders that a list shows."""
_YEAR: Final = text(
    "SELECT line_id, date_trunc('day', occurred_at) AS day, kind, sum(quantity), count(*) FROM genba.count_event"
    " WHERE occurred_at > now() - interval '1 year' GROUP BY 1, 2, 3"
)


def say(told: dict[str, Any]) -> None:
    """One line, in one piece."""
    os.write(1, json.dumps(told, default=str).encode() + b"\n")


class Panel:
    """A station and what its screen would do: the list is asked anew after every notice, once for all that came meanwhile."""

    def __init__(self, name: str, url: str, home: Path, user: str) -> None:
        self.name, self._user = name, user
        self.station = Station(StationSettings(home=home, name=name, database_url=url, acquisition="gui"))
        self._stale = asyncio.Event()
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.station.start()
        end = time.monotonic() + 120
        while True:
            try:
                await self.station.people.sign_in(self._user, PIN)
                break
            except GenbaError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.2)
        self.station.watch(self._noticed)
        self._refreshing = asyncio.ensure_future(self._refresh())

    async def close(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await self.station.close()

    def _noticed(self, kind: str, value: Any) -> None:
        if kind == "changed" and any(key == "*" or key.startswith("order:") for key in value):
            self._stale.set()

    async def _refresh(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            try:
                answer = await self.station.ask(list_orders, limit=SHOWN)
            except GenbaError:
                continue
            versions = {str(one.id): one.version for one in answer.value.items}
            say({"seen": self.name, "moment": time.monotonic(), "versions": versions})

    async def make(self, line: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        end = now + timedelta(hours=8)
        done = await self.station.do(
            create_order,
            product_code=PRODUCT,
            line_code=line,
            planned=9_999_999,
            scheduled_start_at=now,
            scheduled_end_at=end,
        )
        await self.station.do(release_order, order_id=done.view.id)
        return {"order": (await self.station.do(start_order, order_id=done.view.id)).view.id}

    async def press(self, order: str) -> dict[str, Any]:
        began = time.monotonic()
        done = await self.station.do(book_report, order_id=UUID(order), good=1)
        return {"pressed": began, "took_s": time.monotonic() - began, "state": done.state, "version": done.view.version}

    async def work(self, order: str, seconds: float, pause_s: float) -> dict[str, Any]:
        """Presses until the time is over, ``pause_s`` between two on the average, never in step with the others."""
        took, states, refused = [], [], []
        await asyncio.sleep(random.uniform(0, pause_s))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                told = await self.press(order)
            except GenbaError as error:
                refused.append(error.code)
                continue
            took.append(round(told["took_s"], 5))
            states.append(told["state"])
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause_s)
        return {"took_s": took, "waited": states.count("waiting"), "refused": refused}

    async def year(self, seconds: float) -> dict[str, Any]:
        """Asks on the lane for questions, as a report would."""

        def read(db: Db) -> int:
            return len(db.execute(_YEAR).all())

        took, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            await asyncio.wrap_future(self.station._floor.database.submit("queries", read, deadline_s=30.0))
            took.append(round(time.monotonic() - began, 3))
        return {"took_s": took}

    async def obey(self, order: dict[str, Any]) -> None:
        try:
            if "make" in order:
                told = await self.make(order["make"])
            elif "press" in order:
                told = await self.press(order["press"])
            elif "work" in order:
                told = await self.work(order["work"], order["seconds"], order["pause_s"])
            else:
                told = await self.year(order["seconds"])
        except GenbaError as error:
            told = {"failed": error.code}
        say({"n": order["n"], **told})


async def main(seats: list[list[str]]) -> None:
    start_logging(Path(seats[0][2]), "station", console=False)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    panels = {name: Panel(name, url, Path(home), user) for name, url, home, user in seats}
    await asyncio.gather(*(panel.start() for panel in panels.values()))
    say({"ready": os.getpid()})
    running: set[asyncio.Task[None]] = set()
    while line := await orders.readline():
        order = json.loads(line)
        running.add(task := asyncio.ensure_future(panels[order["at"]].obey(order)))
        task.add_done_callback(running.discard)
    await asyncio.gather(*(panel.close() for panel in panels.values()))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
