"""The drivers in a process of their own: starts it, reads it, notices when it dies or hangs, starts it again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.clock import Clock
from core.drivers import wire
from core.drivers.base import Sink
from core.drivers.fleet import by_source
from core.drivers.host import Start
from core.drivers.patience import Patience
from core.drivers.supervisor import Report
from core.errors import GenbaError, NotConfirmed, NotConnected
from core.live.ageing import Ageing
from core.live.link import LinkState, LinkStatus
from core.live.sample import Batch
from core.live.tags import SourceSpec, TagSpec
from core.log import Outage
from core.station.acquisition_child import Child, host_command

log = logging.getLogger(__name__)

_ANSWER_S = 8.0
"""The other process has deadlines of its own; this one covers that it does not come to answering."""
_WRITE_WITHIN_S = 2.0
"""A write that the other process did not begin within this time is not begun at all."""
_LOOK_EVERY_S = 0.5
_SILENT_LOOKS = 10
_FIRST_LOOKS = 60
"""Looks without a sign of life after which the process is taken for hung: 5 s, and 30 s while it still loads."""
_STEADY_S = 10.0
_PAUSE_S = (0.1, 5.0)
_CLOSE_S = 3.5
_TURN_S = 0.004
"""How long batches are handed over in one turn of the loop: a quarter of a frame at 60 Hz."""


class ProcessHosting:
    """See ``acquisition.Hosting``. Callbacks come on the loop that called ``start``."""

    def __init__(
        self,
        sink: Sink,
        on_link: Report,
        clock: Clock,
        patience: Patience | None,
        command: Sequence[str] | None,
        memory_bytes: int | None,
        home: Path | None,
    ) -> None:
        self._sink = sink
        self._on_link = on_link
        self._clock = clock
        self._patience = patience
        self._command = command
        self._memory_bytes = memory_bytes
        self._home = home
        self._outlet = wire.Outlet(wake=self._wake)
        self._taken: deque[Batch] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sources: dict[str, tuple[SourceSpec, list[TagSpec], str | None]] = {}
        self._child: Child | None = None
        self._gone = asyncio.Event()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[asyncio.Future[Any], GenbaError]] = {}
        self._links: dict[str, LinkStatus] = {}
        self._identities: dict[str, str] = {}
        self._outage = Outage(log, "the acquisition process", clock)
        self._pause_s = _PAUSE_S[0]
        self._started = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def pid(self) -> int | None:
        """Process id of the running acquisition process; None when there is none."""
        return self._child.pid if self._child is not None else None

    @property
    def signs(self) -> int | None:
        """Messages of the process that runs now, itself alive among them; None while there is none."""
        child = self._child
        return None if child is None else hash((child.pid, child.heard))

    async def start(self, sources: Sequence[SourceSpec], tags: Sequence[TagSpec], secrets: Mapping[str, str]) -> None:
        """Start the process; returns before it runs."""
        self._loop = asyncio.get_running_loop()
        groups = by_source(tags)
        self._sources = {source.code: (source, groups.get(source.code, []), secrets.get(source.code)) for source in sources}
        self._spawn()
        self._keep(self._watch())

    def _keep(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _spawn(self) -> None:
        own, environment = host_command()
        first = Start(
            tuple(source for source, _, _ in self._sources.values()),
            tuple(tag for _, tags, _ in self._sources.values() for tag in tags),
            {code: secret for code, (_, _, secret) in self._sources.items() if secret is not None},
            self._patience,
            self._memory_bytes,
            logging.getLogger().getEffectiveLevel(),
            dict(self._identities),
            self._home,
        )
        self._started = self._clock.monotonic()
        self._gone = asyncio.Event()
        self._child = Child(self._command or own, environment, first, self._outlet, self._post_message, self._post_end)
        self._child.start()

    # -- from the reading thread ---------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._post(self._drain)

    def _post_message(self, child: Child, kind: str, content: Any) -> None:
        self._post(self._hear, child, kind, content)

    def _post_end(self, child: Child, code: int) -> None:
        self._post(self._ended, child, code)

    def _post(self, callback: Callable[..., None], *arguments: Any) -> None:
        assert self._loop is not None  # set before the first thread runs
        with contextlib.suppress(RuntimeError):  # the loop was closed without close(): nobody listens any more
            self._loop.call_soon_threadsafe(callback, *arguments)

    # -- on the loop ---------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Hand over what waits, for a part of a frame at most; the rest has its turn after what the screen has to do."""
        self._hand_over(until=time.perf_counter() + _TURN_S)
        if self._taken and not self._closing:
            self._post(self._drain)

    def _hand_over(self, until: float) -> None:
        self._taken.extend(self._outlet.take())
        while self._taken and not self._closing:
            self._sink(self._taken.popleft())
            if time.perf_counter() > until:
                break

    def _hear(self, child: Child, kind: str, content: Any) -> None:
        if child is not self._child:
            return
        if kind == "link":
            self._tell(content)
        elif kind == "answer":
            number, good, value = content
            future, _ = self._waiting.pop(number, (None, None))
            if future is not None and not future.done():
                if good:
                    future.set_result(value)
                else:
                    future.set_exception(value)

    def _tell(self, status: LinkStatus) -> None:
        if self._closing:
            return
        self._links[status.source] = status
        if status.identity:
            self._identities.setdefault(status.source, status.identity)  # the first one counts, also for the next process
        if status.state is LinkState.ONLINE:
            self._outage.up()
        self._on_link(status)

    def _ended(self, child: Child, code: int) -> None:
        if child is not self._child:
            return
        self._hand_over(until=float("inf"))
        self._child = None
        self._gone.set()
        for future, error in self._waiting.values():
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
        if self._closing:
            return
        self._outage.down(f"exit code {code}; starting it again")
        self._mark_offline()
        if self._clock.monotonic() - self._started > _STEADY_S:
            self._pause_s = _PAUSE_S[0]
        pause_s, self._pause_s = self._pause_s, min(4 * self._pause_s, _PAUSE_S[1])
        self._keep(self._spawn_after(pause_s))

    def _mark_offline(self) -> None:
        now = self._clock.now().timestamp()
        for code, (_, tags, _) in self._sources.items():
            self._sink(Ageing(code, tags).offline(now, "driver.host_lost"))
            known = self._links.get(code)
            self._tell(
                LinkStatus(
                    code,
                    LinkState.OFFLINE,
                    now,
                    "driver.host_lost",
                    reconnects=known.reconnects if known else 0,
                    errors=known.errors + 1 if known else 1,
                )
            )

    async def _spawn_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._spawn()

    async def _watch(self) -> None:
        """Kill a process that says nothing: counted in looks of this loop, so that a pause of ours is not held against it."""
        looked: tuple[Child | None, int] = (None, 0)
        silent = 0
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            child = self._child
            now = (child, child.heard if child is not None else 0)
            silent = silent + 1 if now == looked else 0
            looked = now
            if child is not None and child.heard and self._clock.monotonic() - self._started > _STEADY_S:
                self._outage.up()
            if child is not None and silent >= (_SILENT_LOOKS if child.heard else _FIRST_LOOKS):
                log.warning("the acquisition process says nothing; ending it")
                child.kill()
                silent = 0

    async def ask(self, verb: str, *arguments: Any) -> Any:
        """See ``acquisition.Hosting``."""
        child = self._child
        self._note(verb, arguments)
        if child is None:
            if verb in ("add", "remove"):
                return None  # the next process starts with it
            raise NotConnected("driver.host_lost")
        lost: GenbaError = NotConnected("driver.host_lost")
        if verb == "write":
            lost = NotConfirmed("driver.write_unanswered", tag=arguments[0].name, value=arguments[1])
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (future, lost)
        # A process that hung and goes on must not send a setpoint nobody waits for any more. Both share one clock.
        latest = time.monotonic() + (_WRITE_WITHIN_S if verb == "write" else _ANSWER_S)
        child.ask((number, latest, verb, arguments))
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await future
        except TimeoutError:
            raise lost from None
        finally:
            self._waiting.pop(number, None)

    def _note(self, verb: str, arguments: tuple[Any, ...]) -> None:
        """A process started later must know what was added and removed meanwhile."""
        if verb == "add":
            source, tags, secret = arguments
            self._sources[source.code] = (source, list(tags), secret)
        elif verb == "remove":
            self._sources.pop(arguments[0], None)
        elif verb == "accept":
            self._identities[arguments[0]] = arguments[1]

    async def close(self) -> None:
        """Let the process say goodbye to its machines; end it when that takes too long."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        child = self._child
        if child is None:
            return
        child.end()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._gone.wait()
        except TimeoutError:
            child.kill()
            await self._gone.wait()
        child.join()
