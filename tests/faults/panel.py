"""One station of the fault run: the real headless station in a process of its own, told over standard input what is pressed on it.

Orders and answers are one JSON object a line. ``{"n", "do", "args"}`` presses a button; before anything else happens with the press
``{"n", "made"}`` names its request, so that whoever listens knows it even if this process dies a moment later. The other orders:
``sign_in``, ``orders``, ``state``, ``attention``, ``ahead`` (turn the station's clock), ``die`` (at the named point of the next press),
``close``.

``python -m tests.faults.panel HOME NAME URL AHEAD [forgetful] [next]``; with ``forgetful`` decisions are acknowledged without being kept:
the mutant by which the checker shows that it would notice. With ``next`` it is a station of the next version.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from core.clock import SystemClock, Uuid7Factory
from core.config import StationSettings
from core.errors import GenbaError
from core.log import start_logging
from core.production.orders import list_orders
from core.production.rules import OPEN
from core.station.station import Station
from core.store import application
from core.store.operation import OPERATIONS
from core.store.schema import Window
from tests.faults.plant import NEXT


def say(told: dict[str, Any]) -> None:
    """One line, in one piece, from whichever thread."""
    os.write(1, json.dumps(told, default=str).encode() + b"\n")


class TurnedClock(SystemClock):
    """The computer's clock, turned by whoever sits at it; identifiers follow it, as on a computer whose clock jumps.

    It also tells the request id of each press: the first identifier that the thread of decisions makes for it.
    """

    def __init__(self, ahead_s: float) -> None:
        super().__init__()
        self._made = Uuid7Factory()
        self.ahead = timedelta(seconds=ahead_s)
        self.pressed: int | None = None
        self.request: UUID | None = None

    def now(self) -> datetime:
        return super().now() + self.ahead

    def uuid7(self) -> UUID:
        made = self._made.make(int(self.now().timestamp() * 1000))
        if self.pressed is not None and threading.current_thread().name.startswith("genba-decide"):
            self.request = made
            say({"n": self.pressed, "made": made})
            self.pressed = None
        return made


def die(*_: Any) -> None:
    """As if its power was cut this very moment."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_in_journal(station: Station) -> None:
    """When the next decision is in the file's transaction, and before that is on the disk."""
    journal = station._floor.journal
    write = journal._write

    def last(work: Any) -> None:
        def job(file: sqlite3.Connection) -> None:
            work(file)
            die()

        write(job)

    journal._write = last  # type: ignore[method-assign]


def die_in_apply(station: Station, *, committed: bool) -> None:
    """When the next decision is in the database's transaction: right before it is committed, or right after, before the journal knows."""
    if not committed:
        application.outbox.write = die
        return
    apply = application.apply

    def last(*args: Any) -> Any:
        apply(*args)
        die()

    application.apply = last


class Panel:
    """Takes the orders one after the other, as one person at one screen presses."""

    def __init__(self, settings: StationSettings, clock: TurnedClock) -> None:
        self.clock = clock
        self.station = Station(settings, clock=clock)
        self.dies = ""

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        if "do" in order:
            return await self._do(order["n"], order["do"], order["args"])
        if "sign_in" in order:
            actor = await self.station.people.sign_in(order["sign_in"], order["pin"])
            return {"outcome": "signed_in", "user": actor.user_code, "offline": self.station.people.signed_in_offline}
        if "orders" in order:
            answer = await self.station.ask(list_orders, status=tuple(sorted(OPEN)), line_code=order["orders"], limit=30)
            return {"orders": [plain(one) for one in answer.value.items]}
        if "attention" in order:
            entries = await self.station.overtaken.entries()
            return {"attention": {str(one.request.id): one.refusal.get("code", "") for one in entries}}
        if "ahead" in order:
            self.clock.ahead = timedelta(seconds=order["ahead"])
        if "die" in order:
            self._die(order["die"])
        return self._state()

    def _die(self, where: str) -> None:
        self.dies = where
        if where == "journal":
            die_in_journal(self.station)
        elif where in ("commit", "apply"):
            die_in_apply(self.station, committed=where == "apply")

    async def _do(self, n: int, name: str, args: dict[str, Any]) -> dict[str, Any]:
        self.clock.pressed, self.clock.request = n, None
        try:
            done = await self.station.do(OPERATIONS[name], **args)
        except GenbaError as error:
            return {"outcome": error.kind, "code": error.code, "request": self.clock.request}
        finally:
            self.clock.pressed = None
        view = done.view
        return {"outcome": done.state, "request": done.request_id, "order": plain(view) if hasattr(view, "next_operations") else None}

    def _state(self) -> dict[str, Any]:
        station = self.station
        return {
            "up": station.database_up,
            "waiting": station.waiting,
            "parked": station.overtaken.count,
            "user": station.actor.user_code,
            "rows_lost": station._floor.journal.rows_lost,
        }


def plain(order: Any) -> dict[str, Any]:
    """What an operator needs of an order to press the next button."""
    booked = order.booked
    return {
        "id": order.id,
        "line": order.line_code,
        "status": order.status,
        "version": order.version,
        "remaining": order.planned - order.completed,
        "next": order.next_operations,
        "report": None if booked is None else {"id": booked.id, "assigned": booked.order_id is not None},
    }


async def main(home: Path, name: str, url: str, ahead_s: float, *, forgetful: bool, newer: bool) -> None:
    if newer:
        Window.verdict.__defaults__ = (f"{NEXT}.0.0",)
    start_logging(home, "station", console=False)
    panel = Panel(StationSettings(home=home, name=name, database_url=url, acquisition="gui"), TurnedClock(ahead_s))
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    await panel.station.start()
    if forgetful:
        panel.station._floor.journal.append = lambda *_, **__: None  # type: ignore[method-assign]
    say({"ready": os.getpid()})
    running: set[asyncio.Task[None]] = set()
    while (line := await orders.readline()) and "close" not in (order := json.loads(line)):
        running.add(task := asyncio.ensure_future(answer(panel, order)))
        task.add_done_callback(running.discard)
    await panel.station.close()
    say({"closed": True})


async def answer(panel: Panel, order: dict[str, Any]) -> None:
    try:
        told = await panel.obey(order)
    except GenbaError as error:
        told = {"outcome": error.kind, "code": error.code}
    except Exception as error:  # noqa: BLE001 - a defect of the station or of this harness: the run must fail by it
        told = {"defect": repr(error)}
    if panel.dies == "answer" and "do" in order:
        die()
    say({"n": order["n"], **told})


if __name__ == "__main__":
    _home, _name, _url, _ahead, *_mutants = sys.argv[1:]
    asyncio.run(main(Path(_home), _name, _url, float(_ahead), forgetful="forgetful" in _mutants, newer="next" in _mutants))
