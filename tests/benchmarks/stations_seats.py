"""The processes of the benchmark ``stations`` as they are seen from outside, and bare clients of the same database beside them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import selectors
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from tests.benchmarks.start import ROOT
from tests.benchmarks.stations_panel import SHOWN
from tests.postgres import plain

_BARE_LIST = (
    f"SELECT o.id, o.version, o.number, p.code, l.code FROM genba.work_order o JOIN genba.product p ON p.id = o.product_id"
    f" JOIN genba.line l ON l.id = o.line_id ORDER BY o.priority, o.scheduled_start_at LIMIT {SHOWN}"
)


class Process:
    """Several stations in one process. Belongs to the loop.

    Attributes:
        names: Of its stations.
        seen: Station → (order, version) → first moment at which its list showed it.
    """

    def __init__(self, seats: Sequence[tuple[str, str, Path, str]]) -> None:
        self.names = tuple(name for name, *_ in seats)
        self._seats = [[name, url, str(home), user] for name, url, home, user in seats]
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._ready = asyncio.Event()
        self._news = asyncio.Event()
        self.seen: dict[str, dict[tuple[str, int], float]] = {name: {} for name in self.names}

    async def start(self) -> None:
        self._ready.clear()
        words = [sys.executable, "-m", "tests.benchmarks.stations_panel", json.dumps(self._seats)]
        told = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, env=told, cwd=ROOT, limit=2**22)
        assert self._process.stdout is not None
        self._reading = asyncio.ensure_future(self._read(self._process.stdout))
        await asyncio.wait_for(self._ready.wait(), 240)

    async def _read(self, lines: asyncio.StreamReader) -> None:
        while line := await lines.readline():
            with contextlib.suppress(json.JSONDecodeError):  # cut in half by a kill
                self._take(json.loads(line))
        for waiting in self._answers.values():
            waiting.cancel()

    def _take(self, told: dict[str, Any]) -> None:
        if "ready" in told:
            self._ready.set()
        elif "seen" in told:
            seen = self.seen[told["seen"]]
            for order, version in told["versions"].items():
                seen.setdefault((order, version), told["moment"])
            self._news.set()
        elif (waiting := self._answers.pop(told["n"], None)) is not None and not waiting.done():
            waiting.set_result(told)

    def first(self, name: str, order: str, version: int) -> float | None:
        """When station ``name`` showed ``order`` in that version or a later one; None: not yet."""
        moments = [at for (one, its), at in self.seen[name].items() if one == order and its >= version]
        return min(moments, default=None)

    async def order(self, name: str, **what: Any) -> dict[str, Any]:
        """Tell a station; its answer."""
        assert self._process is not None
        assert self._process.stdin is not None
        n = next(self._numbers)
        self._answers[n] = answer = asyncio.get_running_loop().create_future()
        self._process.stdin.write(json.dumps({"n": n, "at": name, **what}).encode() + b"\n")
        told = await answer
        if "failed" in told:
            raise RuntimeError(f"{name}: {told['failed']}")
        return told

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def close(self, within_s: float = 60.0) -> None:
        """As when their windows are closed."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), within_s)
        await self.kill()


_BARE_CHANGE = "UPDATE genba.work_order SET version = version + 1 WHERE id = (SELECT min(id::text)::uuid FROM genba.work_order)"


class Bare:
    """What the database and the computer can do without us: bare connections that listen, and one that changes a row. Blocks."""

    def __init__(self, url: str, listeners: int) -> None:
        self._listeners = [psycopg.connect(plain(url), autocommit=True) for _ in range(listeners)]
        self._writer = psycopg.connect(plain(url))
        for one in self._listeners:
            one.execute("LISTEN genba_bare")

    def refresh_s(self, times: int, pause_s: float) -> list[float]:
        """From the start of a change to the list read anew, of every listener."""
        took = []
        for _ in range(times):
            time.sleep(pause_s)
            began = time.monotonic()
            self._change(notify=True)
            took += [at - began for at in self._heard()]
        return took

    def press_s(self, times: int) -> float:
        """Median of one committed change."""
        took = []
        for _ in range(times):
            began = time.monotonic()
            self._change(notify=False)
            took.append(time.monotonic() - began)
        return statistics.median(took)

    def _change(self, *, notify: bool) -> None:
        self._writer.execute(_BARE_CHANGE)
        if notify:
            self._writer.execute("SELECT pg_notify('genba_bare', 'order:1')")
        self._writer.commit()

    def _heard(self) -> list[float]:
        moments: list[float] = []
        waiting = selectors.DefaultSelector()
        for one in self._listeners:
            waiting.register(one.fileno(), selectors.EVENT_READ, one)
        while waiting.get_map():
            for key, _ in waiting.select(5.0):
                key.data.pgconn.consume_input()
                if key.data.pgconn.notifies() is not None:
                    key.data.execute(_BARE_LIST).fetchall()
                    moments.append(time.monotonic())
                    waiting.unregister(key.fileobj)
        waiting.close()
        return moments

    def close(self) -> None:
        for one in (*self._listeners, self._writer):
            one.close()
