"""Where the drivers run: on the caller's loop, on a loop in a thread of their own, or in a process of their own.

The station sees one interface. Nothing here loads a protocol library in the station's process unless the drivers run
in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from core.clock import Clock, SystemClock
from core.drivers.base import Sink
from core.drivers.fleet import Fleet
from core.drivers.patience import Patience
from core.drivers.supervisor import Report
from core.drivers.wire import Outlet
from core.errors import NotConnected
from core.live.link import BrowseItem, LinkStatus
from core.live.sample import Batch, Value
from core.live.tags import SourceSpec, TagSpec
from core.station.acquisition_process import ProcessHosting

T = TypeVar("T")
Mode = Literal["auto", "gui", "thread", "process"]


class Hosting(Protocol):
    """One way to run the drivers."""

    async def start(self, sources: Sequence[SourceSpec], tags: Sequence[TagSpec], secrets: Mapping[str, str]) -> None:
        """Begin connecting."""
        ...

    @property
    def signs(self) -> int | None:
        """How many signs of life the drivers have given; None while they do not run."""
        ...

    async def ask(self, verb: str, *arguments: Any) -> Any:
        """One of the verbs of ``Fleet``. Raises one of the six errors."""
        ...

    async def close(self) -> None:
        """Disconnect everything and end."""
        ...


class Acquisition:
    """All sources this station reads. Every method belongs to the loop that called ``start``; so do the callbacks.

    Args:
        mode: ``gui`` the caller's loop, ``thread``, ``process``; ``auto`` is ``process`` with a screen, else ``gui``.
        has_screen: Whether this process paints.
        clock: Time of samples and statuses where the drivers run in this process.
        patience: Deadlines and pauses; None for the usual ones.
        command: How to start the acquisition process; None for this interpreter. A frozen program gives its own
            executable with the argument that makes it call ``core.drivers.host.main``.
        memory_bytes: Address space of the acquisition process; None for no limit.
        home: Of the station, for its certificates; None for the usual one.
    """

    def __init__(
        self,
        mode: Mode = "auto",
        *,
        has_screen: bool = False,
        clock: Clock | None = None,
        patience: Patience | None = None,
        command: Sequence[str] | None = None,
        memory_bytes: int | None = 3 * 2**29,
        home: Path | None = None,
    ) -> None:
        self.mode: Mode = mode if mode != "auto" else ("process" if has_screen else "gui")
        self._clock = clock or SystemClock()
        self._patience = patience
        self._command = command
        self._memory_bytes = memory_bytes
        self._home = home
        self._hosting: Hosting | None = None

    async def start(
        self,
        sources: Iterable[SourceSpec],
        tags: Iterable[TagSpec],
        sink: Sink,
        on_link: Callable[[LinkStatus], None],
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        """Begin connecting to ``sources``; returns before the first connection stands.

        Args:
            sources: The sources this station reads now; may be empty.
            tags: Their tags; tags of other sources are left out.
            sink: Takes every batch; ``Table.put``.
            on_link: Takes every LinkStatus: on each change, and once a second while connected.
            secrets: Passwords by source code.
        """
        if self._hosting is not None:
            raise RuntimeError("acquisition runs already")
        chosen = tuple(sources)
        codes = {source.code for source in chosen}
        self._hosting = self._make(sink, on_link)
        await self._hosting.start(chosen, [tag for tag in tags if tag.source in codes], dict(secrets or {}))

    def _make(self, sink: Sink, on_link: Report) -> Hosting:
        if self.mode == "process":
            return ProcessHosting(sink, on_link, self._clock, self._patience, self._command, self._memory_bytes, self._home)
        if self.mode == "thread":
            return _ThreadHosting(sink, on_link, self._clock, self._patience, self._home)
        return _LoopHosting(sink, on_link, self._clock, self._patience, self._home)

    async def _ask(self, verb: str, *arguments: Any) -> Any:
        if self._hosting is None:
            raise NotConnected("driver.not_connected", source="", detail="acquisition does not run")
        return await self._hosting.ask(verb, *arguments)

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Send one engineering value; returns when the source accepted it. Only ``live/writes`` calls this.

        Raises:
            NotConnected: No link; nothing was sent.
            NotConfirmed: Sent, but nobody knows whether it was taken.
            Refused, Invalid: The source or the tag's type says no.
        """
        await self._ask("write", tag, value)

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read ``tags`` of one source now, past every cache. Raises NotConnected."""
        batch: Batch = await self._ask("read", tuple(tags))
        return batch

    async def browse(self, source: str, address: str | None) -> list[BrowseItem]:
        """Children of ``address``, the roots for None. Raises NotConnected, Invalid."""
        items: list[BrowseItem] = await self._ask("browse", source, address)
        return items

    async def retry(self, source: str) -> None:
        """Try to connect now instead of after the pause. Raises Invalid for a source this station does not read."""
        await self._ask("retry", source)

    async def accept(self, source: str, identity: str) -> None:
        """Take the machine that calls itself ``identity`` for the right one from now on. Raises Invalid, Conflict."""
        await self._ask("accept", source, identity)

    async def group(self, source: str, tag: str) -> str:
        """How a tag is read now, in the protocol's words; "" while nothing is read. Raises Invalid, NotConnected."""
        words: str = await self._ask("group", source, tag)
        return words

    async def add(self, source: SourceSpec, tags: Sequence[TagSpec], secret: str | None = None) -> None:
        """Begin to read one more source, for example because this station got its lease. Raises Invalid."""
        await self._ask("add", source, tuple(tags), secret)

    async def remove(self, source: str) -> None:
        """Stop reading a source; its tags keep their last samples, its link becomes STOPPED."""
        await self._ask("remove", source)

    @property
    def signs(self) -> int | None:
        """How many signs of life the drivers have given, growing while they work; None while they do not run."""
        return None if self._hosting is None else self._hosting.signs

    async def close(self) -> None:
        """Disconnect everything within about 4 s; idempotent. No callback comes after it."""
        hosting, self._hosting = self._hosting, None
        if hosting is not None:
            await hosting.close()


async def _do(fleet: Fleet, verb: str, arguments: tuple[Any, ...]) -> Any:
    result = getattr(fleet, verb)(*arguments)
    return await result if isinstance(result, Coroutine) else result


class _LoopHosting:
    """The drivers on the caller's loop."""

    def __init__(self, sink: Sink, on_link: Report, clock: Clock, patience: Patience | None, home: Path | None) -> None:
        self._fleet = Fleet(sink, on_link, clock, patience, home=home)
        self._signs = 0

    @property
    def signs(self) -> int | None:
        """The drivers share the loop of whoever asks: who can ask is the sign."""
        self._signs += 1
        return self._signs

    async def start(self, sources: Sequence[SourceSpec], tags: Sequence[TagSpec], secrets: Mapping[str, str]) -> None:
        self._fleet.start(sources, tags, secrets)

    async def ask(self, verb: str, *arguments: Any) -> Any:
        return await _do(self._fleet, verb, arguments)

    async def close(self) -> None:
        await self._fleet.close()


class _ThreadHosting:
    """The drivers on an asyncio loop in a thread; one post to the caller's loop per burst of batches."""

    def __init__(self, sink: Sink, on_link: Report, clock: Clock, patience: Patience | None, home: Path | None) -> None:
        self._sink = sink
        self._folder = home
        self._on_link = on_link
        self._clock = clock
        self._patience = patience
        self._outlet = Outlet(wake=self._wake)
        self._home: asyncio.AbstractEventLoop | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fleet: Fleet | None = None
        self._ending: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._finished = asyncio.Event()
        self._closed = False
        self._signs = 0

    @property
    def signs(self) -> int | None:
        """Counted on the drivers' own loop, which is asked for the next one each time."""
        if self._loop is None or self._closed or self._thread is None or not self._thread.is_alive():
            return None
        with contextlib.suppress(RuntimeError):  # it has just been closed
            self._loop.call_soon_threadsafe(self._sign)
        return self._signs

    def _sign(self) -> None:
        self._signs += 1

    async def start(self, sources: Sequence[SourceSpec], tags: Sequence[TagSpec], secrets: Mapping[str, str]) -> None:
        home = self._home = asyncio.get_running_loop()
        running: asyncio.Future[None] = home.create_future()

        def go() -> None:
            asyncio.run(self._run(sources, tags, secrets, running))
            home.call_soon_threadsafe(self._finished.set)

        self._thread = threading.Thread(target=go, name="acquisition", daemon=True)
        self._thread.start()
        await running

    async def _run(
        self, sources: Sequence[SourceSpec], tags: Sequence[TagSpec], secrets: Mapping[str, str], running: asyncio.Future[None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        self._fleet = Fleet(self._outlet.put, lambda status: self._post(self._tell, status), self._clock, self._patience, home=self._folder)
        self._fleet.start(sources, tags, secrets)
        self._post(running.set_result, None)
        await self._ending.wait()
        await self._fleet.close()

    def _post(self, callback: Callable[..., object], *arguments: Any) -> None:
        # After close() the caller's loop may be gone; what is said then has no reader.
        if not self._closed and self._home is not None:
            self._home.call_soon_threadsafe(callback, *arguments)

    def _wake(self) -> None:
        self._post(self._drain)

    def _drain(self) -> None:
        for batch in self._outlet.take():
            if not self._closed:
                self._sink(batch)

    def _tell(self, status: LinkStatus) -> None:
        if not self._closed:
            self._on_link(status)

    async def ask(self, verb: str, *arguments: Any) -> Any:
        if self._loop is None or self._fleet is None:
            raise NotConnected("driver.not_connected", source="", detail="acquisition does not run")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_do(self._fleet, verb, arguments), self._loop))

    async def close(self) -> None:
        self._closed = True
        if self._loop is None or self._ending is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._ending.set)
        await self._finished.wait()
        self._thread.join()
        self._loop = None
