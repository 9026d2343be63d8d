"""The acquisition process: all drivers on an asyncio loop of their own, one pair of pipes to the station's process.

Started as ``python -m core.drivers.host`` (a frozen program calls ``main`` from its own command line). A decoder that
blocks or eats memory takes this process down, never the screen. It ends by itself when the station's process is gone:
the pipe it reads requests from reports the end whatever way the other process died.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from core.drivers import wire
from core.drivers.fleet import Fleet
from core.drivers.patience import Patience
from core.errors import GenbaError, NotConnected
from core.live.link import LinkStatus
from core.live.tags import SourceSpec, TagSpec
from core.log import redacted

log = logging.getLogger(__name__)

ALIVE_EVERY_S = 0.5
_LAST_WORDS_S = 2.5
_LOG_LINES_KEPT = 500


@dataclass(frozen=True, slots=True)
class Start:
    """The first message of the station: what to acquire.

    Attributes:
        sources, tags: What to read.
        secrets: Passwords by source code.
        patience: Deadlines and pauses; None for the usual ones.
        memory_bytes: Address space this process may use; None for no limit. Where the system knows no such limit
            (Windows) it is not applied.
        log_level: Lowest level of log records that are passed on.
        identities: What each machine called itself before, by source code.
        home: Of the station, for its certificates; None for the usual one. Keys are read there, never sent.
    """

    sources: tuple[SourceSpec, ...]
    tags: tuple[TagSpec, ...]
    secrets: dict[str, str]
    patience: Patience | None
    memory_bytes: int | None
    log_level: int
    identities: dict[str, str]
    home: Path | None = None


class _Mouth:
    """Everything on its way to the station, written by a thread of its own so that the drivers' loop never waits."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._ready = threading.Event()
        self._links: dict[str, LinkStatus] = {}
        self._lines: deque[tuple[int, str, str]] = deque(maxlen=_LOG_LINES_KEPT)
        self._answers: deque[tuple[int, bool, Any]] = deque()
        self._alive = False
        self._closing = False
        self.batches = wire.Outlet(wake=self._ready.set)
        self._thread = threading.Thread(target=self._run, name="to station", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def link(self, status: LinkStatus) -> None:
        self._links[status.source] = status
        self._ready.set()

    def line(self, level: int, name: str, text: str) -> None:
        self._lines.append((level, name, text))
        self._ready.set()

    def answer(self, number: int, good: bool, value: Any) -> None:
        self._answers.append((number, good, value))
        self._ready.set()

    def alive(self) -> None:
        self._alive = True
        self._ready.set()

    def close(self) -> None:
        self._closing = True
        self._ready.set()
        self._thread.join(_LAST_WORDS_S)

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # the station is gone: the reading side notices too and ends the process
            while True:
                self._ready.wait()
                self._ready.clear()
                closing = self._closing
                self._send_all()
                if closing:
                    return

    def _send_all(self) -> None:
        for together in wire.portions(self.batches.take()):
            wire.send(self._fd, ("batches", [wire.pack(batch) for batch in together]))
        for source in list(self._links):
            wire.send(self._fd, ("link", self._links.pop(source)))
        while self._answers:
            wire.send(self._fd, ("answer", self._answers.popleft()))
        while self._lines:
            wire.send(self._fd, ("log", self._lines.popleft()))
        if self._alive:
            self._alive = False
            wire.send(self._fd, ("alive", None))


class _ToStation(logging.Handler):
    """Passes log records on to the station's log: two processes cannot share one rotating file."""

    def __init__(self, mouth: _Mouth) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(message)s"))  # the station's log adds time, level and name
        self._mouth = mouth

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record as finished text, with its traceback, without secrets."""
        self._mouth.line(record.levelno, record.name, redacted(self.format(record)))


def main() -> int:
    """Run until the station closes the pipe; returns the exit code."""
    requests, out = _own_pipes()
    # Ctrl-C in a terminal reaches every process of the group; the station says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        start = wire.receive(requests)
    except EOFError:
        return 0
    _limit_memory(start.memory_bytes)
    mouth = _Mouth(out)
    logging.basicConfig(level=start.log_level, handlers=[_ToStation(mouth)], force=True)
    _load_protocols(start.sources)
    mouth.start()
    asyncio.run(_serve(start, requests, mouth))
    mouth.close()
    return 0


def _own_pipes() -> tuple[int, int]:
    """Requests in, messages out, moved away from the standard streams: a stray print must not become a message."""
    requests, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    if sys.platform == "win32":
        import msvcrt

        for fd in (requests, out):
            msvcrt.setmode(fd, os.O_BINARY)
    return requests, out


def _limit_memory(limit: int | None) -> None:
    if limit is None or sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _load_protocols(sources: Sequence[SourceSpec]) -> None:
    """Load the libraries before the loop runs: an import of a second on the loop would look like a frozen process."""
    from core.drivers import create

    for source in sources:
        with contextlib.suppress(GenbaError):  # an unknown protocol is told by the source's own supervisor
            create(source, SystemClock())


async def _serve(start: Start, requests: int, mouth: _Mouth) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    fleet = Fleet(mouth.batches.put, mouth.link, SystemClock(), start.patience, start.identities, start.home)
    fleet.start(start.sources, start.tags, start.secrets)
    tasks: set[asyncio.Task[None]] = set()

    def accept(number: int, latest: float, verb: str, arguments: tuple[Any, ...]) -> None:
        if time.monotonic() > latest:
            mouth.answer(number, False, NotConnected("driver.host_lost"))
            return
        task = loop.create_task(_answer(fleet, mouth, number, verb, arguments))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def listen() -> None:
        with contextlib.suppress(EOFError):
            while True:
                loop.call_soon_threadsafe(accept, *wire.receive(requests))
        # Nobody reads us any more. Give the drivers a moment to say goodbye to their machines, then end in any case.
        last_words = threading.Timer(_LAST_WORDS_S, os._exit, (1,))
        last_words.daemon = True
        last_words.start()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=listen, name="from station", daemon=True).start()
    pulse = loop.create_task(_pulse(mouth))
    await ended.wait()
    pulse.cancel()
    await fleet.close()


async def _pulse(mouth: _Mouth) -> None:
    """Proof that the loop turns: a decoder that blocks it is noticed by the missing message."""
    while True:
        mouth.alive()
        await asyncio.sleep(ALIVE_EVERY_S)


async def _answer(fleet: Fleet, mouth: _Mouth, number: int, verb: str, arguments: tuple[Any, ...]) -> None:
    try:
        value = await _do(fleet, verb, arguments)
    except GenbaError as error:
        mouth.answer(number, False, error)
    except Exception as error:  # a fault of ours must answer too: somebody is waiting
        log.exception("request %s failed", verb)
        mouth.answer(number, False, NotConnected("driver.link_broken", source="", detail=repr(error)))
    else:
        mouth.answer(number, True, value)


async def _do(fleet: Fleet, verb: str, arguments: tuple[Any, ...]) -> Any:
    match verb:
        case "write":
            return await fleet.write(*arguments)
        case "read":
            return await fleet.read(*arguments)
        case "browse":
            return await fleet.browse(*arguments)
        case "retry":
            return fleet.retry(*arguments)
        case "accept":
            return fleet.accept(*arguments)
        case "group":
            return fleet.group(*arguments)
        case "add":
            return fleet.add(*arguments)
        case "remove":
            return await fleet.remove(*arguments)
        case unknown:
            raise ValueError(unknown)


if __name__ == "__main__":
    sys.exit(main())
