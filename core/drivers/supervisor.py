"""Keeps one source connected: connect, serve, lose, wait, again; and says how it goes.

Everything that must not depend on a protocol stands here: deadlines, back-off, marking stale and offline, counters,
one log line when a link breaks and one when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from core.clock import Clock
from core.drivers.base import NO_ANSWER, Driver, Sink
from core.drivers.counters import Counters
from core.drivers.patience import Patience, Pauses
from core.errors import Conflict, GenbaError, Invalid, NotConfirmed, NotConnected, Refused
from core.live.ageing import Ageing
from core.live.conditioning import Conditioning
from core.live.link import BrowseItem, LinkState, LinkStatus
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec
from core.log import Outage

log = logging.getLogger(__name__)
T = TypeVar("T")

Report = Callable[[LinkStatus], None]

_TICK_S = 0.5
_REPORT_EVERY_S = 1.0
_ASK_AGAIN_S = 0.25
_FLAPPING = 3
"""After so many short connections in a row the log is spared their lines until one holds."""


class Supervisor:
    """One source, its driver of the moment and its link status. Belongs to the loop that runs it.

    Args:
        source: What to connect to.
        tags: Its tags.
        make: Gives a fresh driver for every attempt.
        sink: Takes every batch.
        report: Takes the status on every change, and once a second while connected.
        clock: Time of the samples, and durations.
        patience: Deadlines and pauses.
        identity: What the machine called itself before; "" when nobody knows. The site file's option goes before it.
    """

    def __init__(
        self,
        source: SourceSpec,
        tags: Sequence[TagSpec],
        make: Callable[[], Driver],
        sink: Sink,
        report: Report,
        clock: Clock,
        patience: Patience | None = None,
        identity: str = "",
    ) -> None:
        self._source = source
        self._tags = tuple(tags)
        self._make = make
        self._sink = sink
        self._report = report
        self._clock = clock
        self._patience = patience or Patience()
        self._pauses = Pauses(self._patience)
        self._ageing = Ageing(source.code, tags)
        self._conditioning = Conditioning(source.code, tags)
        self._outage = Outage(log, f"source {source.code}", clock)
        self._counters = Counters()
        self._driver: Driver | None = None
        self._faulty: set[str] = set()
        self._again = asyncio.Event()
        self._state = LinkState.STOPPED
        self._since = clock.now().timestamp()
        self._reason: tuple[str, str] = ("", "")
        self._online_since: float | None = None
        self._was_online = False
        self._first_word: asyncio.Timeout | None = None
        self._fault, self._short = "", 0
        self._connected_in_s = 0.0
        self.known_identity = source.options.get("identity", "") or identity
        """What the machine must call itself; "" before it has said so for the first time."""
        self._identity: str | None = None
        self._marked_offline = False
        self._letting_go = False
        self._task: asyncio.Task[None] | None = None

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin connecting."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"source {self._source.code}")

    async def close(self) -> None:
        """Disconnect and end within a little more than ``close_s``; idempotent."""
        task, self._task = self._task, None
        # asyncio.wait_for of Python 3.11, which the libraries use, swallows a cancellation that meets its result:
        # the task would go on for ever, so it is asked until it listens. Not while it says goodbye to the machine.
        while task is not None and not task.done():
            if not self._letting_go:
                task.cancel()
            await asyncio.wait([task], timeout=_ASK_AGAIN_S)
        self._enter(LinkState.STOPPED)

    def retry(self) -> None:
        """Skip the pause before the next attempt: somebody stands there and has just plugged the cable in."""
        self._again.set()

    async def _run(self) -> None:
        ticker = asyncio.get_running_loop().create_task(self._tick(), name=f"source {self._source.code} tick")
        try:
            self._enter(LinkState.CONNECTING)
            while True:
                began = self._clock.monotonic()
                ended = await self._one_connection()
                await self._pause(self._clock.monotonic() - (ended or began))
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker

    async def _one_connection(self) -> float | None:
        """Connect and serve until it breaks; returns when that was, monotonic, or None when there was never a connection."""
        try:
            driver = self._make()
        except GenbaError as unmade:  # no such protocol, or an address that is none
            self._lost(unmade)
            return None
        try:
            error = await self._serve(driver)
            ended = None if self._online_since is None else self._clock.monotonic()
            # Before the link is closed: a goodbye to a frozen machine takes seconds, and the screen must not wait for it.
            self._lost(error)
            return ended
        finally:
            self._driver = None
            self._letting_go = True
            await self._close_quietly(driver)
            self._letting_go = False

    async def _serve(self, driver: Driver) -> GenbaError:
        """Connect and serve until it breaks; returns why."""
        within_s = self._pauses.attempt_s(self._was_online, self._connected_in_s)
        try:
            began = self._clock.monotonic()
            async with asyncio.timeout(within_s):
                await driver.connect()
            self._connected_in_s = self._clock.monotonic() - began
            await self._identify(driver)
            self._driver, within_s = driver, self._patience.first_word_s
            async with asyncio.timeout(within_s) as self._first_word:
                await driver.serve(self._tags, self._take)
            return NotConnected("driver.link_broken", source=self._shown, detail="the driver ended")
        except GenbaError as error:
            return error
        except TimeoutError:
            return NotConnected("driver.no_answer", source=self._shown, detail=f"nothing within {within_s:g} s")
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # A library cancelled one of its own futures under us; nobody asked this task to end.
            return NotConnected("driver.link_broken", source=self._shown, detail="request cancelled")
        except Exception as error:  # a fault in a driver or its library is one lost link, not the end of acquisition
            if repr(error) != self._fault:  # a fault that comes with every connection is told once
                self._fault = repr(error)
                log.exception("source %s: the driver failed", self._source.code)
            return NotConnected("driver.link_broken", source=self._shown, detail=repr(error))

    async def _identify(self, driver: Driver) -> None:
        """Ask the machine who it is, before anything can be written to it."""
        self._identity = await self._within(self._patience.request_s, driver.identity(), self._no_answer)
        self.known_identity = self.known_identity or self._identity
        if self.identity_changed:
            told = (self._source.code, self._identity or "nothing", self.known_identity)
            log.warning("source %s: the machine calls itself %s, not %s; it is not written", *told)

    @property
    def identity_changed(self) -> bool:
        """The machine that is connected, or was last, is not the known one, or does not say any more who it is."""
        return self._identity is not None and self._identity != self.known_identity

    def accept(self, identity: str) -> None:
        """Take the machine that calls itself ``identity`` for the right one from now on.

        Raises:
            Conflict: By now it calls itself something else.
        """
        if identity != self._identity:
            raise Conflict("driver.identity_other", source=self._shown, found=self._identity or "—", identity=identity or "—")
        self.known_identity = identity
        self._report(self.status())

    async def _close_quietly(self, driver: Driver) -> None:
        try:
            async with asyncio.timeout(self._patience.close_s):
                await driver.close()
        except TimeoutError:
            log.warning("source %s: closing took longer than %g s", self._source.code, self._patience.close_s)
        except Exception:  # closing must never keep the next connection from being made
            log.exception("source %s: closing failed", self._source.code)

    async def _pause(self, spent_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pauses.next_s(self._was_online, spent_s)):
                await self._again.wait()
        self._again.clear()

    # -- what arrives --------------------------------------------------------------------------------------------

    def _take(self, batch: Batch) -> None:
        now = self._clock.monotonic()
        word, self._first_word = self._first_word, None
        if word is not None and not word.expired():
            word.reschedule(None)
        self._ageing.saw(batch, now)
        self._marked_offline = False
        if batch.tags:
            self._counters.count(batch, now)
            if self._faulty or any(batch.qualities):
                self._sort_faulty(batch)
            news = self._conditioning.take(batch, now)
            if news.tags:
                self._sink(news)
        else:
            self._sink(batch)
        wanted = LinkState.DEGRADED if self._faulty else LinkState.ONLINE
        if self._state is not wanted:
            self._came_up(wanted, now)

    def _sort_faulty(self, batch: Batch) -> None:
        for index, (tag, quality) in enumerate(zip(batch.tags, batch.qualities, strict=True)):
            silent = quality in (Quality.CONFIG, Quality.STALE) or (quality is Quality.BAD and batch.statuses.get(index) == NO_ANSWER)
            (self._faulty.add if silent else self._faulty.discard)(tag)

    def _came_up(self, state: LinkState, now: float) -> None:
        if self._online_since is None:
            self._online_since = now
            self._counters.connections += 1
            self._reason = ("", "")
            if self._short < _FLAPPING and self._outage.up() is None:
                log.info("source %s is connected", self._source.code)
        self._was_online = True
        self._enter(state)

    def _lost(self, error: GenbaError) -> None:
        self._driver = None
        self._counters.errors += 1
        self._counters.forget()
        was_up, held = self._online_since is not None, self._holds
        self._short = 0 if held else self._short + was_up
        self._pauses.failed(held=held, refused=isinstance(error, Refused | Invalid))
        self._online_since = self._first_word = None
        self._faulty.clear()
        self._reason = (error.code, str(error.params.get("detail", "")))
        if self._short < _FLAPPING:
            self._outage.down(f"{error.code} {self._reason[1]}".rstrip())
        elif self._short == _FLAPPING and was_up:
            log.warning("source %s is down again and again: %s; the next line comes when it holds", self._source.code, error.code)
        if not self._marked_offline:
            self._marked_offline = True
            offline = self._ageing.offline(self._clock.now().timestamp(), error.code)
            self._conditioning.lose(offline)
            self._sink(offline)
        self._enter(LinkState.OFFLINE)

    @property
    def _holds(self) -> bool:
        """The connection has stood long enough to count as steady."""
        return self._online_since is not None and self._clock.monotonic() - self._online_since >= self._patience.steady_s

    async def _tick(self) -> None:
        reported, failures = self._clock.monotonic(), 0
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._clock.monotonic()
            if self._driver is not None:
                self._look_at_ages(now)
            if self._short >= _FLAPPING and self._holds:
                self._short = 0
                log.info("source %s holds again", self._source.code)
            # Offline, too, when an attempt failed: the reason may be another one by now, and what to do with it.
            if now - reported >= _REPORT_EVERY_S and (self._online_since is not None or self._counters.errors != failures):
                reported, failures = now, self._counters.errors
                self._report(self.status())

    def _look_at_ages(self, now: float) -> None:
        """Say what has grown old, and what has stood still for too long although its source is there."""
        received_at = self._clock.now().timestamp()
        stale = self._ageing.stale(received_at, now)
        if stale is not None:
            self._sort_faulty(stale)
            self._conditioning.lose(stale)
            self._sink(stale)
            if self._state is LinkState.ONLINE:
                self._enter(LinkState.DEGRADED)
        doubtful = self._conditioning.doubts(received_at, now)
        if doubtful is not None:
            self._sink(doubtful)

    # -- status --------------------------------------------------------------------------------------------------

    @property
    def _shown(self) -> dict[str, str] | str:
        return dict(self._source.label) if self._source.label else self._source.code

    def status(self) -> LinkStatus:
        """The link now."""
        rates = self._counters.rates(self._clock.monotonic())
        median, slow, slowest = rates.latency_ms or (None, None, None)
        return LinkStatus(
            self._source.code,
            self._state,
            self._since,
            *self._reason,
            reconnects=max(0, self._counters.connections - 1),
            errors=self._counters.errors,
            updates_per_s=rates.updates_per_s,
            latency_ms=median,
            latency_p95_ms=slow,
            latency_p99_ms=slowest,
            clock_ahead_s=rates.clock_ahead_s,
            identity=self._identity or "",
            identity_changed=self.identity_changed,
        )

    def _enter(self, state: LinkState) -> None:
        if state is not self._state:
            self._state = state
            self._since = self._clock.now().timestamp()
            self._report(self.status())

    # -- requests ------------------------------------------------------------------------------------------------

    def _connected(self) -> Driver:
        if self._driver is None or self._online_since is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail=self._reason[1])
        return self._driver

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Send one value now. Never queued, never repeated.

        Raises:
            NotConnected: There is no link now; nothing was sent.
            NotConfirmed: It was sent and no answer came: nobody knows whether the machine took it.
            Refused, Invalid: The source said no, or it is another machine than before.
        """
        driver = self._connected()
        if self.identity_changed:
            raise Refused("driver.identity_changed", source=self._shown, found=self._identity or "—", known=self.known_identity)
        unknown = NotConfirmed("driver.write_unanswered", tag=tag.name, value=value)
        await self._within(self._patience.write_s, driver.write(tag, value), unknown)

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read now, past every cache. Raises NotConnected."""
        return await self._within(self._patience.request_s, self._connected().read(tags), self._no_answer)

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """Children of ``address``. Raises NotConnected, Invalid."""
        return await self._within(self._patience.request_s, self._connected().browse(address), self._no_answer)

    def group(self, tag: str) -> str:
        """How the tag named ``tag`` is read now, in the protocol's words; "" while nothing is read."""
        return "" if self._driver is None else self._driver.group(tag)

    @property
    def _no_answer(self) -> NotConnected:
        return NotConnected("driver.no_answer", source=self._shown, detail=f"no answer within {self._patience.request_s:g} s")

    async def _within(self, seconds: float, request: Coroutine[Any, Any, T], late: GenbaError) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await request
        except TimeoutError:
            raise late from None
