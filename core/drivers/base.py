"""The one contract of every driver. The supervisor owns everything else: reconnecting, back-off, stale marking, counters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from core.live.link import BrowseItem
from core.live.sample import Batch, Value
from core.live.tags import TagSpec

Sink = Callable[[Batch], None]
"""Takes a batch on the loop thread of the driver; never blocks, never raises."""

NO_ANSWER = "timeout"
"""Status word of a BAD sample whose device does not answer although the link to its source is up."""


class Driver(Protocol):
    """One connection to one source. Made fresh for every connection attempt and thrown away after it.

    All coroutines run on one asyncio (or qasync) loop. Library exceptions never leave the driver: failures are
    ``NotConnected`` (link broken: the supervisor reconnects), ``Refused`` / ``Invalid`` (this request only).
    A value that cannot be decoded (garbage, NaN, wrong type) becomes a sample of quality BAD, never an exception.
    """

    async def connect(self) -> None:
        """Open the link and learn what reading needs. Raises NotConnected or Refused (login, certificate)."""
        ...

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Deliver ``tags`` to ``sink`` by subscription or polling until cancelled; raises NotConnected when the link breaks.

        Values are engineering values (scaled). A tag the source does not know is delivered once with quality CONFIG.
        A protocol that reports only changes sends an empty batch at least every 2 s while everything it reported is
        known to be still so; a value that is neither sent nor confirmed is marked stale.
        """
        ...

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read now, past every cache: used for read-back. Raises NotConnected."""
        ...

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Send one engineering value; returns when the source accepted it. Raises NotConnected, Refused, NotConfirmed, Invalid."""
        ...

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """Children of ``address``, or the roots for None; [] when the protocol has no browsing. Raises NotConnected."""
        ...

    async def identity(self) -> str:
        """What tells this machine from another at the same address: server URI, serial number, program signature.

        Asked once after every connect, before the first write; "" when the protocol or the machine has none.
        Raises NotConnected.
        """
        ...

    def group(self, tag: str) -> str:
        """How the tag named ``tag`` is read now, in the protocol's words ("unit 2, holding 0 to 44, every 0.5 s"); "" before serving."""
        ...

    async def close(self) -> None:
        """Let go of everything within 3 s; idempotent; never raises."""
        ...
