"""All sources of a station on one loop: what every way of hosting acquisition (GUI loop, thread, process) runs."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from core.clock import Clock
from core.drivers import create
from core.drivers.base import Driver, Sink
from core.drivers.patience import Patience
from core.drivers.supervisor import Report, Supervisor
from core.errors import Invalid
from core.live.link import BrowseItem
from core.live.sample import Batch, Value
from core.live.tags import SourceSpec, TagSpec
from core.log import conceal


def by_source(tags: Iterable[TagSpec]) -> dict[str, list[TagSpec]]:
    """Tags grouped by the code of their source, in their order."""
    groups: defaultdict[str, list[TagSpec]] = defaultdict(list)
    for tag in tags:
        groups[tag.source].append(tag)
    return groups


class Fleet:
    """The supervisors of many sources. All methods belong to the loop it was made for.

    Args:
        sink: Takes every batch of every source.
        report: Takes every link status.
        clock: Time of the samples.
        patience: Deadlines and pauses of every supervisor; None for the usual ones.
        identities: What each machine called itself before, by source code.
        home: Of the station, for its certificates; None for the usual one.
    """

    def __init__(
        self,
        sink: Sink,
        report: Report,
        clock: Clock,
        patience: Patience | None = None,
        identities: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        self._sink = sink
        self._report = report
        self._clock = clock
        self._patience = patience
        self._home = home
        self._supervisors: dict[str, Supervisor] = {}
        self._identities = dict(identities or {})

    def start(self, sources: Iterable[SourceSpec], tags: Iterable[TagSpec], secrets: Mapping[str, str]) -> None:
        """Begin connecting to ``sources``; ``secrets`` holds passwords by source code."""
        groups = by_source(tags)
        for source in sources:
            self.add(source, groups.get(source.code, []), secrets.get(source.code))

    def add(self, source: SourceSpec, tags: Sequence[TagSpec], secret: str | None = None) -> None:
        """Begin connecting to one more source. Raises Invalid when it is there already."""
        if source.code in self._supervisors:
            raise Invalid("driver.source_twice", source=source.code)
        conceal(secret or "")  # also where the drivers are a process of their own, whose libraries log

        def make() -> Driver:
            return create(source, self._clock, secret, self._home)

        known = self._identities.get(source.code, "")
        supervisor = Supervisor(source, tags, make, self._sink, self._report, self._clock, self._patience, known)
        self._supervisors[source.code] = supervisor
        supervisor.start()

    async def remove(self, code: str) -> None:
        """Disconnect one source and forget all but who its machine was; nothing happens when it is not there."""
        supervisor = self._supervisors.pop(code, None)
        if supervisor is not None:
            self._identities[code] = supervisor.known_identity
            await supervisor.close()

    def supervisor(self, code: str) -> Supervisor:
        """The supervisor of a source. Raises Invalid when this station does not read it."""
        try:
            return self._supervisors[code]
        except KeyError:
            raise Invalid("driver.unknown_source", source=code) from None

    async def write(self, tag: TagSpec, value: Value) -> None:
        """See ``Supervisor.write``."""
        await self.supervisor(tag.source).write(tag, value)

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """See ``Supervisor.read``; all ``tags`` of one source."""
        return await self.supervisor(tags[0].source).read(tags)

    async def browse(self, code: str, address: str | None) -> list[BrowseItem]:
        """See ``Supervisor.browse``."""
        return await self.supervisor(code).browse(address)

    def retry(self, code: str) -> None:
        """See ``Supervisor.retry``."""
        self.supervisor(code).retry()

    def accept(self, code: str, identity: str) -> None:
        """See ``Supervisor.accept``."""
        self.supervisor(code).accept(identity)

    def group(self, code: str, tag: str) -> str:
        """See ``Supervisor.group``."""
        return self.supervisor(code).group(tag)

    async def close(self) -> None:
        """Disconnect all sources at the same time."""
        supervisors, self._supervisors = list(self._supervisors.values()), {}
        await asyncio.gather(*(supervisor.close() for supervisor in supervisors))
