"""A station of the fault run as its process is seen from outside: started, told, killed, suspended, brought back; and who works at it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from core.production import rules
from tests.faults.history import History
from tests.faults.plant import LINES, PRODUCT, Plant, operator

ROOT = Path(__file__).resolve().parents[2]
_WEIGHTS = {
    rules.REPORT: 12, rules.START: 6, rules.RELEASE: 5, rules.PAUSE: 2, rules.RESUME: 6, rules.COMPLETE: 2, rules.HOLD: 1, rules.UNHOLD: 4,
    rules.CANCEL: 0.3, rules.CLOSE: 2,
}  # fmt: skip
_SIGN_IN_AGAIN = ("store.session_over", "store.nobody", "store.no_right", "users.sign_in_again")
_ANSWER_S = 45.0


class Gone(Exception):
    """The process died, or does not answer."""


class Seat:
    """One station process and what it answered. Belongs to the run's loop.

    Args:
        plant: Where the database is.
        station: Its code; two seats may say the same one.
        home: Folder of this seat alone.
        ports: Of its proxy.
        forgetful: The mutant; see ``tests.faults.panel``.
    """

    def __init__(self, plant: Plant, station: str, home: Path, ports: Sequence[int], history: History, *, forgetful: bool = False) -> None:
        self.plant, self.station, self.home, self.history = plant, station, home, history
        self.ports, self._url = ports, plant.url(station, ports)
        self._forgetful = forgetful
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._asked = 0
        self._last: asyncio.Future[dict[str, Any]] | None = None
        self.ahead_s = 0.0
        self.newer = False
        self.rows_lost = 0
        self.defects: list[str] = []

    @property
    def name(self) -> str:
        return self.home.name

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    # -- the process -----------------------------------------------------------------------------------------------

    async def start(self, *, within_s: float = 60.0) -> None:
        await self.kill()  # never two of one home
        self.home.mkdir(parents=True, exist_ok=True)
        words = [sys.executable, "-m", "tests.faults.panel", str(self.home), self.station, self._url, str(self.ahead_s)]
        words += [*["forgetful"] * self._forgetful, *["next"] * self.newer]
        told = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (self.home / "crash.txt").open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=errors, env=told, cwd=ROOT, limit=2**22,
            )  # fmt: skip
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), within_s)
        except TimeoutError:
            line = b""
        if b"ready" not in line:
            await self.kill()
            raise Gone(f"{self.name} did not start; see {self.home / 'crash.txt'}")
        self._reading = asyncio.ensure_future(self._read(self._process.stdout))

    async def _read(self, lines: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError, json.JSONDecodeError):  # a line may be cut in half by a kill
            while line := await lines.readline():
                told = json.loads(line)
                if "made" in told:
                    self.history.made(told["n"], told["made"])
                    continue
                if "outcome" in told and told["n"] in self.history.presses:
                    self.history.answered(told["n"], told)
                if "defect" in told:
                    self.defects.append(f"{self.name}: {told['defect']}")
                    self.history.note("defect", home=self.name, problem=told["defect"])
                waiting = self._waiting.pop(told.get("n", 0), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Gone(self.name))
                waiting.exception()
        self._waiting.clear()

    async def kill(self) -> None:
        """As if its power was cut, with everything the kernel holds kept."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def close(self, within_s: float = 40.0) -> None:
        """End it as its power button does."""
        if not self.alive:
            return
        assert self._process is not None
        self._tell({"close": True})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), within_s)
        await self.kill()

    async def died(self, within_s: float) -> bool:
        """Whether it has ended by itself until then."""
        process = self._process
        if process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), within_s)
        return not self.alive

    def suspend(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """Every file of it that would grow is refused, as by a disk that is full."""
        self._limit(4096)

    def free_disk(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        if self.alive:
            assert self._process is not None
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def _signal(self, number: int) -> None:
        if self.alive:
            assert self._process is not None
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    # -- orders ----------------------------------------------------------------------------------------------------

    def _tell(self, order: dict[str, Any]) -> None:
        if not self.alive:
            raise Gone(self.name)
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order, default=str).encode() + b"\n")

    async def ask(self, n: int = 0, /, within_s: float = _ANSWER_S, **order: Any) -> dict[str, Any]:
        """The answer to an order; a press keeps its number of the history. Raises Gone."""
        if not n:
            self._asked -= 1
            n = self._asked
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[n] = future
        try:
            self._tell({"n": n, **order})
            async with asyncio.timeout(within_s):  # not wait_for: before 3.12 it may swallow that a worker was sent home
                return await future
        except (TimeoutError, ConnectionError) as error:
            raise Gone(self.name) from error
        finally:
            self._waiting.pop(n, None)

    async def press(self, operation: str, **args: Any) -> dict[str, Any]:
        """Press a button, on record. Raises Gone."""
        press = self.history.tried(self.station, self.name, operation, args)
        return await self.ask(press.n, do=operation, args=args)

    async def state(self) -> dict[str, Any]:
        told = await self.ask(state=True, within_s=20.0)
        self.rows_lost = max(self.rows_lost, told["rows_lost"])
        return told

    async def turn_clock(self, seconds: float) -> None:
        self.ahead_s = seconds
        with contextlib.suppress(Gone):
            await self.ask(ahead=seconds, within_s=5.0)


class Worker:
    """The simulated operator of one seat: looks at the orders of a line, presses a button that is offered, thinks, presses the next."""

    def __init__(self, seat: Seat, seed: str, line: str, pause_s: float) -> None:
        self.seat, self._line, self._pause_s = seat, line, pause_s
        self._dice = random.Random(seed)
        self.here = asyncio.Event()
        """Set when he has signed in for the first time and something he pressed was answered."""

    async def work(self) -> None:
        """Until cancelled; whatever happens to the station, he comes back."""
        while True:
            try:
                await self._shift()
            except (Gone, asyncio.IncompleteReadError):
                await asyncio.sleep(0.2)

    async def _shift(self) -> None:
        """From signing in until the station says that the session is over."""
        who = operator(self.seat.station)
        told = await self.seat.ask(sign_in=who, pin=self.seat.plant.pins[who])
        if told.get("outcome") != "signed_in":
            return await asyncio.sleep(1.0)
        while True:
            line = self._line if self._dice.random() < 0.85 else self._dice.choice(LINES)
            orders = (await self.seat.ask(orders=line)).get("orders", [])
            for _ in range(self._dice.randint(1, 4)):
                told = await self._press(line, orders)
                self.here.set()
                if told.get("code") in _SIGN_IN_AGAIN:
                    return
                await asyncio.sleep(self._dice.uniform(0, 2 * self._pause_s))

    async def _press(self, line: str, orders: list[dict[str, Any]]) -> dict[str, Any]:
        choices = [(order, name) for order in orders for name in order["next"]]
        released = sum(order["status"] != "PLANNED" for order in orders)
        if len(orders) < 3 or (released < 6 and self._dice.random() < 0.05):
            return await self._create(line)
        if not choices:
            return {}
        order, name = self._dice.choices(choices, [_WEIGHTS.get(name, 0.5) for _, name in choices])[0]
        if self._dice.random() < 0.05:
            return await self.seat.press(rules.NOTE, order_id=order["id"], note=f"looked at by {self.seat.name}")
        told = await self.seat.press(name, order_id=order["id"], **self._more(order, name))
        after = told.get("order")
        if after is not None and after["id"] == order["id"]:
            order.update(after)
            if (report := after["report"]) and told["outcome"] == "applied" and self._dice.random() < 0.05:
                return await self.seat.press(rules.CORRECT, report_id=report["id"], reason="miscounted")
        return told

    def _more(self, order: dict[str, Any], name: str) -> dict[str, Any]:
        if name == rules.REPORT:
            remaining = max(Decimal(order["remaining"]), Decimal(0))
            good = self._dice.randint(1, 5) if remaining >= 5 else 0
            scrap = 0 if good and self._dice.random() < 0.8 else self._dice.randint(1, 2)
            return {"good": good, "scrap": scrap, "defect_code": "Q01" if scrap else ""}
        if name in (rules.HOLD, rules.CANCEL):
            return {"reason": "looked wrong"}
        return {"version": order["version"]} if self._dice.random() < 0.5 else {}

    async def _create(self, line: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        wanted = {"product_code": PRODUCT, "line_code": line, "planned": self._dice.randint(50, 500)}
        return await self.seat.press(rules.CREATE, **wanted, scheduled_start_at=now, scheduled_end_at=now + timedelta(hours=8))
