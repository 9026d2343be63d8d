"""One station at a time writes a source: a short lease in the database, or the station that owns it while that is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import select

from core.clock import Clock
from core.errors import GenbaError, Refused, Unavailable
from core.live.tags import SourceSpec
from core.live.write_rules import Shown
from core.live.writes import Alone, Hold
from core.store import lease
from core.store.base import Db
from core.store.engine import Database
from core.store.lease import Lease
from core.store.tables import LeaseRow

T = TypeVar("T")

_RECORDING_S: Final = 12.0
"""Longer than recording an intent may take; the hold outlives it by the time the machine has to confirm."""
_MARGIN_S: Final = 2.0
_WAIT_S: Final = 2.0
_DEADLINE_S: Final = 3.0
_NOBODY: Final = {"ja": "指定なし", "en": "none named"}


@dataclass(frozen=True, slots=True)
class Turn:
    """A hold under a lease of the database.

    Attributes:
        epoch: Of the lease.
        monotonic: The station's clock.
        until: When it counts as over here: before it is over in the database.
    """

    epoch: int
    monotonic: Callable[[], float]
    until: float

    def still(self) -> bool:
        """Measured from before the lease was asked for, so never longer than the database counts."""
        return self.monotonic() < self.until


class WriteTurns:
    """Gives holds of sources. Belongs to the station's loop.

    Args:
        station: Code of this station.
        database: Its listen lane carries the leases.
        clock: Of the station.
        alone: The database is this station's own: there is nobody else.
    """

    def __init__(self, station: str, database: Database, clock: Clock, *, alone: bool) -> None:
        self._station, self._database, self._clock, self._alone = station, database, clock, alone
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def may_without_database(self, source: SourceSpec) -> bool:
        """Whether this station writes ``source`` while the database is away: others then cannot know of it."""
        return self._alone or (source.owner == self._station and not self._database.name_taken)

    @contextlib.asynccontextmanager
    async def turn(self, source: SourceSpec, tag: Shown, seconds: float) -> AsyncIterator[Hold]:
        """Hold ``source`` until the end of the block.

        Args:
            tag: For the words of a refusal.
            seconds: That the machine has to confirm, beside the time that recording takes.

        Raises:
            Refused: ``write.under_way``: another tag of it is being written here. ``write.other_station``,
                ``write.owner_only``.
            Unavailable: The database is there but does not answer in time.
        """
        lock = self._locks[source.code]
        try:
            async with asyncio.timeout(_WAIT_S):
                await lock.acquire()
        except TimeoutError:
            raise Refused("write.under_way", tag=tag) from None
        try:
            if self._alone or not self._database.up:
                yield self._own(source)
                return
            began = self._clock.monotonic()
            mine = await self._take(source, _RECORDING_S + seconds)
            if mine is None:
                yield self._own(source)
                return
            try:
                yield Turn(mine.epoch, self._clock.monotonic, began + _RECORDING_S - _MARGIN_S)
            finally:
                with contextlib.suppress(GenbaError):  # it ends by itself
                    await self._on_lane(lambda db: lease.release(db, mine))
        finally:
            lock.release()

    def _own(self, source: SourceSpec) -> Hold:
        if not self.may_without_database(source):
            shown = dict(source.label) if source.label else source.code
            raise Refused("write.owner_only", source=shown, owner=source.owner or _NOBODY)
        return Alone()

    async def _take(self, source: SourceSpec, ttl_s: float) -> Lease | None:
        """The lease; None when the database went away at this very moment."""
        name = f"write:{source.code}"

        def take(db: Db) -> tuple[Lease | None, str]:
            mine = lease.acquire(db, name, self._station, ttl_s)
            return mine, "" if mine is not None else db.scalar(select(LeaseRow.holder).where(LeaseRow.name == name)) or ""

        try:
            mine, holder = await self._on_lane(take)
        except Unavailable:
            if self._database.up:
                raise  # somebody else may have it, and cannot be asked
            return None
        if mine is None:
            shown = dict(source.label) if source.label else source.code
            raise Refused("write.other_station", source=shown, station=holder or "—")
        return mine

    async def _on_lane(self, work: Callable[[Db], T]) -> T:
        def committed(db: Db) -> T:
            result = work(db)
            db.commit()
            return result

        return await asyncio.wrap_future(self._database.submit("listen", committed, deadline_s=_DEADLINE_S))
