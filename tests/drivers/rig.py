"""A station in small: acquisition, table and link history on the test's loop, and tags for the test servers' points."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from core.drivers.patience import Patience
from core.live.link import LinkState, LinkStatus
from core.live.sample import Batch, Quality, Sample
from core.live.table import Table
from core.live.tags import SourceSpec, TagSpec
from core.station.acquisition import Acquisition
from tests.drivers.dialects import DIALECTS
from tests.servers.points import POINTS
from tests.servers.process import ServerProcess

PERIOD_S = 0.2
HASTY = Patience(first_s=0.05, last_s=0.2, known_good_s=0.2)
"""For tests about what happens after a reconnect, not about how long it takes."""


def source(protocol: str, port: int, **options: str) -> SourceSpec:
    """The source ``PLC`` behind ``port``."""
    dialect = DIALECTS[protocol]
    return SourceSpec(
        "PLC", dialect.protocol or protocol, dialect.url(port), {"ja": "設備", "en": "Machine"}, options={**dialect.source, **options}
    )


def tag(protocol: str, name: str, **changes: Any) -> TagSpec:
    """A tag for one of the servers' points, named like it."""
    point, dialect = POINTS[name], DIALECTS[protocol]
    return replace(TagSpec(name, "PLC", dialect.address(point), point.type, PERIOD_S, options=dialect.options(point)), **changes)


def tags(protocol: str, names: Iterable[str] | None = None) -> list[TagSpec]:
    """Tags for several points, for all that the protocol can hold when ``names`` is None."""
    return [tag(protocol, name) for name in (DIALECTS[protocol].points if names is None else names)]


class Rig:
    """Use as ``async with Rig(source, tags) as rig``; everything is closed at the end."""

    def __init__(self, spec: SourceSpec, tags: list[TagSpec], mode: Any = "gui", patience: Patience | None = None, **more: Any) -> None:
        self.spec = spec
        self.tags = {each.name: each for each in tags}
        self.table = Table()
        self.links: list[LinkStatus] = []
        self.batches: list[Batch] = []
        self.acquisition = Acquisition(mode, patience=patience, **more)
        self.secrets: dict[str, str] = {}
        self.table.subscribe(self.batches.append)

    async def __aenter__(self) -> Rig:
        await self.acquisition.start([self.spec], self.tags.values(), self.table.put, self.links.append, self.secrets)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.acquisition.close()

    @property
    def state(self) -> LinkState:
        """The link now."""
        return self.links[-1].state if self.links else LinkState.STOPPED

    def get(self, name: str) -> Sample:
        """The latest sample."""
        return self.table.get(name)

    async def until(self, what: Callable[[], bool], seconds: float = 60.0) -> float:
        """Wait for ``what``; returns the seconds it took; fails after ``seconds``."""
        start = time.monotonic()
        while not what():
            assert time.monotonic() - start < seconds, f"not within {seconds} s; link {self.links[-1:]}; {self.describe()}"
            await asyncio.sleep(0.01)
        return time.monotonic() - start

    async def goes_on(self, name: str, readings: int = 6) -> None:
        """Wait for so many more readings of a tag; it must be good all the time."""
        for _ in range(readings):
            before = self.get(name).received_at

            def newer(than: float = before) -> bool:
                assert self.get(name).quality is Quality.GOOD
                return self.get(name).received_at > than

            await self.until(newer)

    def describe(self) -> str:
        """Every tag in short, for a failing test."""
        return ", ".join(f"{name}={self.get(name).value!r}/{self.get(name).quality.name}" for name in list(self.tags)[:16])

    async def online(self, seconds: float = 60.0) -> float:
        """Wait until every tag has a usable value."""
        return await self.until(lambda: all(self.get(name).quality is Quality.GOOD for name in self.tags), seconds)

    async def offline(self, seconds: float) -> float:
        """Wait until every tag says that the link is lost."""
        return await self.until(lambda: all(self.get(name).quality is Quality.OFFLINE for name in self.tags), seconds)


def reset(protocol: str, server: ServerProcess) -> None:
    """Every point back to its start value."""
    for name in DIALECTS[protocol].points:
        server.tell("set", name, POINTS[name].value)
