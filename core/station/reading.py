"""Which machines this station reads, and who records them: one lease per source, recorders fed from the live table.

Belongs to the station's loop. However many stations read a source, the one that holds its lease records it. With
``readers: lease`` it is also the only one that connects, because many controllers accept only a few connections; the
others are told who reads it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sqlalchemy import func, select

from core.clock import Clock
from core.config import StationSettings
from core.equipment.recorder import StateRecorder
from core.equipment.views import SiteView
from core.errors import GenbaError
from core.live.link import LinkState, LinkStatus
from core.live.table import Table
from core.live.tags import MANUAL, SourceSpec, TagSpec
from core.production.recorder import CountRecorder
from core.station.acquisition import Acquisition
from core.station.floor import Floor
from core.station.last_read import FILE, LastRead
from core.station.passwords import Passwords
from core.station.relaying import Relaying
from core.store import evidence, lease
from core.store.base import Db
from core.store.lease import Lease
from core.store.tables import LeaseRow

log = logging.getLogger(__name__)

TTL_S: Final = 10.0
RENEW_S: Final = 2.0
_DARK_S: Final = 1.0
"""So long after the start the database may take to say who reads what; then this station goes on where it was."""
_LOCKED_TURNS: Final = 3
_DEADLINE_S: Final = 3.0


@dataclass(slots=True)
class _Source:
    """What is known of one source here.

    Attributes:
        read: This station is connected to it, or tries to be.
        held: The lease to record it, while this station has it.
        told: The other station that was last shown as its reader.
        locked_out: The password to log in is not known here, or cannot be opened.
    """

    spec: SourceSpec
    read: bool = False
    held: Lease | None = None
    told: str = ""
    locked_out: bool = False


class Reading:
    """Keeps acquisition, leases and recorders in step with the site and the database.

    Args:
        settings: Of the station.
        clock: Of the station.
        floor: For leases and evidence.
        acquisition: Hosts the drivers.
        table: Takes every batch.
        on_link: Gets every LinkStatus, on the loop.
    """

    def __init__(
        self,
        settings: StationSettings,
        clock: Clock,
        floor: Floor,
        acquisition: Acquisition,
        table: Table,
        *,
        on_link: Callable[[LinkStatus], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._floor = floor
        self._acquisition = acquisition
        self._table = table
        self._on_link = on_link
        self._site: SiteView | None = None
        self._sources: dict[str, _Source] = {}
        self._turn = asyncio.Lock()
        self._passwords = Passwords(floor)
        self._last = LastRead(settings.home / FILE)
        self._relaying = Relaying(floor.database, settings.name, table, clock, self._recorded_here, self._read_elsewhere)
        self._recorders = [
            make(floor.database, settings.name, table.get, floor.clock, self._superseded) for make in (StateRecorder, CountRecorder)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start acquisition without sources; ``use`` gives it some."""
        await self._acquisition.start([], [], sink=self._table.put, on_link=self._on_link)
        for recorder in self._recorders:
            self._table.subscribe(recorder.put)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep()), *(loop.create_task(recorder.run()) for recorder in self._recorders)]
        if not self._floor.embedded:
            self._tasks.append(loop.create_task(self._relaying.run()))

    async def use(self, site: SiteView) -> None:
        """Read this site: sources that changed are connected anew, others go on undisturbed."""
        async with self._turn:
            before, self._site = self._site, site
            rules = {unit.code: unit.state_rules for line in site.lines for unit in line.work_units if unit.state_rules}
            for recorder in self._recorders:
                recorder.set_tags(site.tags, rules)
            specs = {spec.code: spec for spec in site.sources}
            await self._log_in_anew(await self._passwords.look(site.sources))
            for code in list(self._sources):
                if code not in specs or self._changed(before, site, code):
                    await self._stop(self._sources.pop(code))
            for code, spec in specs.items():
                if code not in self._sources:
                    self._sources[code] = _Source(spec)
                    if not self._locked_out(self._sources[code]) and self._reads_without_lease(spec):
                        await self._begin(self._sources[code])
        await self._look_at_leases()

    async def database_arrived(self) -> None:
        """Ask for passwords and leases now instead of with the next turn."""
        await self.secrets_changed()

    async def secrets_changed(self) -> None:
        """Somebody set a password, or the site has another key: log in anew where the password is another one."""
        async with self._turn:
            if self._site is not None:
                await self._log_in_anew(await self._passwords.look(self._site.sources))
        await self._look_at_leases()

    async def close(self) -> None:
        """Store what was seen, give the leases back and let go of every machine."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with self._turn:
            if self._floor.database.up:
                for recorder in self._recorders:
                    await recorder.close()
            held = [source.held for source in self._sources.values() if source.held is not None]
            if held and self._floor.database.up:
                await self._on_lane(partial(_release, held))
        await self._acquisition.close()

    # -- leases --------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        asked_at = self._clock.monotonic()
        await asyncio.sleep(_DARK_S)
        for turn in itertools.count(1):
            await self._go_on()
            await asyncio.sleep(RENEW_S)
            before, asked_at = asked_at, self._clock.monotonic()
            await self._woke(asked_at - before)
            if turn % _LOCKED_TURNS == 0 and any(source.locked_out for source in self._sources.values()):
                await self.secrets_changed()  # the site's key may have been brought here beside this program
            await self._look_at_leases()

    async def _go_on(self) -> None:
        """Started without the database: read again what was recorded here last, until it says who does."""
        if self._floor.database.up:
            return
        last = await asyncio.get_running_loop().run_in_executor(None, self._last.codes)
        async with self._turn:
            mine = [source for code, source in self._sources.items() if code in last and not source.read]
            for source in mine:
                if self._may_record(source.spec) and not source.locked_out:
                    log.info("source %s: read as before, the database does not answer", source.spec.code)
                    await self._begin(source)

    async def _look_at_leases(self) -> None:
        """One turn: renew what is held, try to take what is free; start and stop reading accordingly."""
        if not self._floor.database.up:
            return
        if self._floor.database.name_taken:
            return await self._resign("another program has this station's name")
        async with self._turn:
            # Who cannot log in leaves the source to those who can.
            asked = [source for source in self._sources.values() if self._may_record(source.spec) and not source.locked_out]
            wanted = {source.spec.code: source.held for source in asked}
            answered = await self._on_lane(lambda db: self._ask(db, wanted))
            if answered is None:
                return
            for source in asked:
                await self._settle(source, *answered[source.spec.code])
            held = [source.spec.code for source in asked if source.held is not None]
            await asyncio.get_running_loop().run_in_executor(None, self._last.keep, held)

    async def _woke(self, seconds: float) -> None:
        """After a turn that took ``seconds``: who slept or was frozen for longer than a lease lasts has lost all he had."""
        if seconds > TTL_S + RENEW_S:
            log.info("this station stood still for %.0f s", seconds)
            await self._resign("the leases are over")

    async def _resign(self, why: str) -> None:
        """Record nothing any more, and let go of machines that only the holder of a lease may read."""
        async with self._turn:
            for code, source in self._sources.items():
                if source.held is not None:
                    log.info("source %s: not recorded here any more: %s", code, why)
                    source.held = None
                    for recorder in self._recorders:
                        recorder.resign(code)
                if source.read and _by_lease(source.spec) and not self._reads_without_lease(source.spec):
                    await self._stop(source)
                    self._on_link(self._elsewhere(code, self._settings.name))  # the other one with this name

    def _ask(self, db: Db, wanted: dict[str, Lease | None]) -> dict[str, tuple[Lease | None, str]]:
        """On the listen lane: the lease of each source, or who holds it."""
        if self._floor.database.knows_presence:
            names = {evidence.lease_name(code): code for code in wanted}
            turn = lease.turn(db, {name: wanted[code] for name, code in names.items()}, self._settings.name, TTL_S)
            return {names[name]: answer for name, answer in turn.items()}
        answer: dict[str, tuple[Lease | None, str]] = {}
        for code, held in wanted.items():
            job = evidence.lease_name(code)
            mine = lease.acquire(db, job, self._settings.name, TTL_S) if held is None else lease.renew(db, held, TTL_S)
            holder = select(LeaseRow.holder).where(LeaseRow.name == job, LeaseRow.expires_at > func.clock_timestamp())
            answer[code] = (mine, "" if mine is not None else db.scalar(holder) or "")
        return answer

    async def _settle(self, source: _Source, mine: Lease | None, holder: str) -> None:
        before, source.held = source.held, mine
        code = source.spec.code
        if mine is not None:
            if before is None:
                log.info("source %s: recorded by this station, epoch %d", code, mine.epoch)
                for recorder in self._recorders:
                    recorder.lead(code, mine.epoch, mine.seen_until)
            await self._begin(source)
        elif before is not None or (source.read and _by_lease(source.spec) and holder not in ("", self._settings.name)):
            log.info("source %s: now read by %s", code, holder or "nobody")
            for recorder in self._recorders:
                recorder.resign(code)
            if _by_lease(source.spec):
                await self._stop(source)
        if not source.read and holder not in (source.told, self._settings.name):
            source.told = holder
            self._on_link(self._elsewhere(code, holder))

    def _elsewhere(self, code: str, holder: str) -> LinkStatus:
        """The source is not read here but at station ``holder``; "" for nobody."""
        return LinkStatus(code, LinkState.STOPPED, self._clock.now().timestamp(), "driver.read_elsewhere", holder)

    def _superseded(self, code: str) -> None:
        """A recorder was refused: another station has the lease already; the next turn finds out who."""
        source = self._sources.get(code)
        if source is not None:
            source.held = None
            for recorder in self._recorders:
                recorder.resign(code)

    # -- other stations ------------------------------------------------------------------------------------------

    def _recorded_here(self) -> dict[str, tuple[int, tuple[TagSpec, ...]]]:
        """What others may want from this station; what people entered they have from the database."""
        held = ((code, source) for code, source in self._sources.items() if source.spec.protocol != MANUAL)
        return {code: (source.held.epoch, self._tags_of(code)) for code, source in held if source.held is not None}

    def _read_elsewhere(self) -> dict[str, tuple[TagSpec, ...]]:
        """What this station may want from others."""
        return {code: self._tags_of(code) for code, source in self._sources.items() if not source.read}

    def _tags_of(self, code: str) -> tuple[TagSpec, ...]:
        return tuple(tag for tag in self._site.tags if tag.source == code) if self._site is not None else ()

    # -- machines ------------------------------------------------------------------------------------------------

    def _may_record(self, spec: SourceSpec) -> bool:
        """True where this station reads, or may come to read: several may read a source, one records it."""
        return spec.readers != "stations" or self._settings.name in spec.stations

    def _reads_without_lease(self, spec: SourceSpec) -> bool:
        """True where no lease decides, and where nobody else can be reading: the database is this station's own."""
        if spec.protocol == MANUAL or spec.readers == "all" or (spec.readers == "stations" and self._settings.name in spec.stations):
            return True
        if spec.readers == "stations":
            return False
        if self._floor.database.name_taken:
            return False  # the owner is the other one
        return self._floor.embedded or (bool(spec.owner) and spec.owner == self._settings.name)

    async def _begin(self, source: _Source) -> None:
        if source.read or self._site is None:
            return
        source.read, source.told = True, ""
        if source.spec.protocol == MANUAL:
            self._on_link(LinkStatus(source.spec.code, LinkState.ONLINE, self._clock.now().timestamp()))
            return
        await self._acquisition.add(source.spec, self._tags_of(source.spec.code), self._passwords.of(source.spec))

    async def _log_in_anew(self, codes: Collection[str]) -> None:
        """The passwords of these sources changed: connect again, or let go of what cannot be logged in to any more."""
        for source in [self._sources[code] for code in codes if code in self._sources]:
            code, reads = source.spec.code, source.read or self._reads_without_lease(source.spec)
            await self._stop(source)
            if self._locked_out(source):
                if source.held is not None:
                    held, source.held = source.held, None
                    for recorder in self._recorders:
                        recorder.resign(code)
                    await self._on_lane(partial(_release, [held]))
            elif reads or source.held is not None:
                await self._begin(source)

    def _locked_out(self, source: _Source) -> bool:
        """Whether this station has no password for a source it could read; says so where the link is shown."""
        lack = self._passwords.lack(source.spec) if self._may_record(source.spec) else None
        source.locked_out = lack is not None
        if lack is not None:
            self._on_link(LinkStatus(source.spec.code, LinkState.OFFLINE, self._clock.now().timestamp(), *lack))
        return source.locked_out

    async def _stop(self, source: _Source) -> None:
        if source.read:
            source.read = False
            if source.spec.protocol != MANUAL:
                await self._acquisition.remove(source.spec.code)

    @staticmethod
    def _changed(before: SiteView | None, after: SiteView, code: str) -> bool:
        if before is None:
            return True

        def of(site: SiteView) -> tuple[object, ...]:
            return (next((spec for spec in site.sources if spec.code == code), None), tuple(tag for tag in site.tags if tag.source == code))

        return of(before) != of(after)

    async def _on_lane(self, work: Callable[[Db], object]) -> dict[str, tuple[Lease | None, str]] | None:
        """Run lease work on the listen lane and commit it; None when the database went away meanwhile."""

        def committed(db: Db) -> object:
            result = work(db)
            db.commit()
            return result

        try:
            result = await asyncio.wrap_future(self._floor.database.submit("listen", committed, deadline_s=_DEADLINE_S))
        except GenbaError as error:
            log.debug("leases: %s", error.code)
            return None
        return result if isinstance(result, dict) else None


def _by_lease(spec: SourceSpec) -> bool:
    """Only the holder of the lease connects."""
    return spec.readers == "lease" and spec.protocol != MANUAL


def _release(held: Sequence[Lease], db: Db) -> None:
    for one in held:
        lease.release(db, one)
