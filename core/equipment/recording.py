"""What every recorder of machine facts does: follow the live table, keep what is not stored yet, store it in batches.

A station records a source while it holds the source's lease. Whatever goes wrong, a recorder begins again from what the
database holds: counters are cumulative and states are read afresh, so nothing has to be remembered on this computer's
disk. What a failover took back is stored once more from memory, while this station still holds the lease. While the database
is away, a recorder keeps its facts in bounded memory and makes them coarser before it is full.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from core.clock import Clock, CorrectedClock
from core.equipment.confirmed import Confirmed
from core.equipment.state_rules import StateRule
from core.errors import GenbaError, Refused, Unavailable
from core.history.moment import moment
from core.live.sample import Batch, Quality, Sample, Value
from core.live.tags import TagRole, TagSpec
from core.log import Outage
from core.store.base import Db
from core.store.engine import Database

log = logging.getLogger(__name__)

FLUSH_S: Final = 0.5
"""Pause between two batches, seconds."""
FLUSH_MAX: Final = 2_000
"""Facts in one batch at most."""
_DEADLINE_S: Final = 8.0
_PAUSE_S: Final = 10.0
_IN_STEP_S: Final = 0.1
"""Clocks that differ by less are in step: no network tells more."""
_NO_RULES: Final[Mapping[str, Sequence[StateRule]]] = MappingProxyType({})


R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
V = TypeVar("V")


class Keeper(Protocol[R]):
    """The facts of one source under one lease: made of samples, kept until they are stored. Used on the recorder's loop."""

    def take(self, spec: TagSpec, value: Value, quality: Quality, at: float) -> None:
        """Take one sample; ``at`` is UNIX seconds UTC."""
        ...

    def settle(self, now: float) -> None:
        """Time has passed without news until ``now``, UNIX seconds UTC."""
        ...

    def leave(self, now: float) -> None:
        """The recorder ends in good order at ``now``, UNIX seconds UTC."""
        ...

    def pending(self) -> Sequence[R]:
        """Facts to store next, oldest first, at most FLUSH_MAX; immutable, they travel to a lane's thread."""
        ...

    def stored(self, facts: Sequence[R]) -> None:
        """The database holds ``facts``, as ``pending`` gave them."""
        ...


@dataclass(slots=True)
class _Source(Generic[R]):
    """One source this station records.

    Attributes:
        epoch: Fencing number of the lease.
        seen_until: Until when its last recorder was alive; None when nobody knows.
        keeper: None until the database has told where to go on.
        again_at: Not tried again before, monotonic seconds.
        outage: Says once that storing fails, and once that it works again.
        confirmed: What was stored lately, and where.
    """

    epoch: int
    seen_until: datetime | None
    outage: Outage
    keeper: Keeper[R] | None = None
    again_at: float = 0.0
    confirmed: Confirmed[R] = field(default_factory=Confirmed)


class Recorder(ABC, Generic[R]):
    """Records the tags of certain roles. Everything but ``_load`` and ``_store`` belongs to one loop.

    Args:
        database: Its operations lane takes the batches.
        station: Code of this station, the holder of the leases.
        latest: The latest sample of a tag (the live table's ``get``): where a new lease begins.
        clock: The station's clock.
        superseded: Called with the source when another station has taken its lease, on the loop.
    """

    roles: ClassVar[frozenset[TagRole]]
    what: ClassVar[str]

    def __init__(
        self,
        database: Database,
        station: str,
        latest: Callable[[str], Sample],
        clock: Clock,
        superseded: Callable[[str], None] = lambda source: None,
    ) -> None:
        self._database, self._station, self._latest, self._clock, self._superseded = database, station, latest, clock, superseded
        self._tags: dict[str, TagSpec] = {}
        self._rules: dict[str, tuple[StateRule, ...]] = {}
        self._sources: dict[str, _Source[R]] = {}

    # --- what the station calls ---------------------------------------------------------------------------------

    def set_tags(self, tags: Iterable[TagSpec], rules: Mapping[str, Sequence[StateRule]] = _NO_RULES) -> None:
        """Take the site's tags, at start and whenever the site has changed; a changed source begins again from the database.

        Args:
            rules: Work unit → rules that give its state, where no single tag does.
        """
        before = {code: self._asked(code) for code in self._sources}
        self._rules = {unit: tuple(each) for unit, each in rules.items() if each}
        self._tags = {spec.name: spec for spec in tags if self.wants(spec)}
        for code, source in self._sources.items():
            if self._asked(code) != before[code]:
                source.keeper, source.seen_until = None, self._clock.now()

    def wants(self, spec: TagSpec) -> bool:
        """Whether this recorder follows a tag: by its role in a machine."""
        return spec.role in self.roles and bool(spec.work_unit)

    def lead(self, source: str, epoch: int, seen_until: datetime | None = None) -> None:
        """Record ``source`` from now on, because this station got its lease.

        Args:
            epoch: Of the lease.
            seen_until: When the lease was renewed last before; what happened since then is not known. None when there
                was no lease.
        """
        self._sources[source] = _Source(epoch, seen_until, Outage(log, f"recorder of {self.what} of {source}", self._clock))

    def resign(self, source: str) -> None:
        """Stop recording ``source`` at once: the lease is gone. Its facts that are not stored belong to the successor."""
        self._sources.pop(source, None)

    def put(self, batch: Batch) -> None:
        """Take a batch of the live table; subscribe this to it."""
        source = self._sources.get(batch.source)
        if source is None or source.keeper is None:
            return
        tags, keeper, received_at = self._tags, source.keeper, batch.received_at - self._ahead_s
        for index, name in enumerate(batch.tags):
            spec = tags.get(name)
            if spec is not None:
                keeper.take(spec, batch.values[index], batch.qualities[index], moment(batch.source_at[index], received_at))

    @property
    def _ahead_s(self) -> float:
        """How far the clock by which samples were received is ahead of that of the facts, seconds."""
        ahead_s = self._clock.ahead_s if isinstance(self._clock, CorrectedClock) else None
        return ahead_s if ahead_s is not None and abs(ahead_s) > _IN_STEP_S else 0.0

    async def run(self) -> None:
        """Store what was seen, twice a second, until cancelled. Never raises anything else."""
        while True:
            await self.flush()
            await asyncio.sleep(FLUSH_S)

    async def close(self) -> None:
        """End in good order: after ``run`` was cancelled, store what is there and end what goes on."""
        now = self._clock.now().timestamp()
        for source in self._sources.values():
            if source.keeper is not None:
                source.keeper.leave(now)
        await self.flush()
        self._sources.clear()

    async def flush(self) -> None:
        """One round: learn where to begin, store what is pending. Failures are logged once and tried again."""
        for code in list(self._sources):
            source = self._sources.get(code)
            if source is None or self._clock.monotonic() < source.again_at:
                continue
            try:
                await self._after_failover(code, source)
                if source.keeper is None:
                    await self._begin(code, source)
                else:
                    await self._advance(code, source, source.keeper)
            except Refused:
                log.info("%s of %s are recorded by another station now", self.what, code)
                self._drop(code, source)
                self._superseded(code)
            except GenbaError:
                return  # the database is away or busy, and says so itself; what was seen is kept
            except Exception as error:  # noqa: BLE001 - one source's fault must not end the recording of the others
                # What cannot be stored is not tried for ever: begin again from what the database holds.
                source.outage.down(error)
                source.keeper, source.again_at = None, self._clock.monotonic() + _PAUSE_S
            else:
                source.outage.up()

    # --- inside -------------------------------------------------------------------------------------------------

    def _drop(self, code: str, source: _Source[R]) -> None:
        if self._sources.get(code) is source:
            del self._sources[code]

    def _asked(self, source: str) -> object:
        """What is recorded of a source; another value means to begin again."""
        return self._specs(source)

    def _specs(self, source: str) -> list[TagSpec]:
        return [spec for spec in self._tags.values() if spec.source == source]

    async def _begin(self, code: str, source: _Source[R]) -> None:
        specs, epoch, seen_until = self._specs(code), source.epoch, source.seen_until
        load = partial(self._load, source=code, epoch=epoch, seen_until=seen_until, specs=specs)
        keeper, _ = await self._on_lane(partial(self._whole, source=source, work=load))
        if self._sources.get(code) is not source or source.keeper is not None:
            return  # the lease or the tags changed meanwhile
        source.keeper = keeper
        now = self._clock.now().timestamp()
        # A value that does not change is not sent again: what the table already knows is the first reading.
        for spec in specs:
            sample = self._latest(spec.name)
            if sample.quality is not Quality.NEVER:
                keeper.take(spec, sample.value, sample.quality, now)

    async def _advance(self, code: str, source: _Source[R], keeper: Keeper[R]) -> None:
        keeper.settle(self._clock.now().timestamp())
        while facts := keeper.pending():
            store = partial(self._store, source=code, epoch=source.epoch, facts=facts)
            _, lineage = await self._on_lane(partial(self._whole, source=source, work=store))
            source.confirmed.add(lineage, facts, self._clock.monotonic())
            keeper.stored(facts)
            if len(facts) < FLUSH_MAX or self._sources.get(code) is not source:
                return

    async def _after_failover(self, code: str, source: _Source[R]) -> None:
        """Store again what only a life of the database before this one has confirmed; what is there already stays as it is."""
        if not source.confirmed.elsewhere(self._database.lineage):
            return
        facts = self._once_more(source.confirmed.facts())
        lineages = set()
        for first in range(0, len(facts), FLUSH_MAX):
            store = partial(self._store, source=code, epoch=source.epoch, facts=facts[first : first + FLUSH_MAX])
            lineages.add((await self._on_lane(partial(self._here, work=store)))[1])
        if len(lineages) == 1:  # otherwise it failed over again in between: all of them the next time
            log.info("%d %s of %s were stored once more after a failover", len(facts), self.what, code)
            source.confirmed.moved(lineages.pop())

    def _here(self, db: Db, work: Callable[[Db], V]) -> tuple[V, str]:
        """On the lane: ``work``, and the life of the database in which it was done."""
        lineage = self._database.lineage_on("operations")
        return work(db), lineage

    def _whole(self, db: Db, source: _Source[R], work: Callable[[Db], V]) -> tuple[V, str]:
        """As ``_here``, but not where earlier facts of ``source`` may be missing."""
        if source.confirmed.elsewhere(self._database.lineage_on("operations")):
            raise Unavailable("store.catching_up", waiting=0, unknown=False)
        return self._here(db, work)

    def _once_more(self, facts: Sequence[R]) -> Sequence[R]:
        """``facts`` as they are to be stored again, oldest first."""
        return facts

    async def _on_lane(self, work: Callable[[Db], R_co]) -> R_co:
        return await asyncio.wrap_future(self._database.submit("operations", work, deadline_s=_DEADLINE_S))

    @abstractmethod
    def _load(self, db: Db, source: str, epoch: int, seen_until: datetime | None, specs: Sequence[TagSpec]) -> Keeper[R]:
        """Where to go on, from the database; runs on the lane's thread."""

    @abstractmethod
    def _store(self, db: Db, source: str, epoch: int, facts: Sequence[R]) -> None:
        """Store ``facts`` and commit; runs on the lane's thread. Raises Refused when another station holds the lease."""
