"""One panel PC or headless process: everything below wired together behind a handful of verbs.

All coroutine verbs and callbacks belong to the loop that called ``start``. Work that blocks runs on the station's own
threads: one for decisions, so that they keep their order, one for questions, one for starting and preparing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal, TypeVar

import core.catalogue  # noqa: F401 - decisions that waited in the journal are applied by name
from core.clock import Clock, SystemClock
from core.config import StationSettings
from core.equipment.site import site_view
from core.equipment.views import SiteView
from core.errors import GenbaError, Refused, Unavailable
from core.history.recent import Recent
from core.live.link import LinkStatus
from core.live.sample import Value
from core.live.table import Table
from core.live.writes import WriteResult
from core.station.acquisition import Acquisition
from core.station.exporting import Exports
from core.station.floor import Floor, Prepare
from core.station.keeping import Keeping
from core.station.machines import Machines
from core.station.manual import Manual
from core.station.noticing import Noticing
from core.station.overtaken import Overtaken
from core.station.people import People
from core.station.pulse import Pulse
from core.station.reading import Reading
from core.station.remembering import Remembering
from core.station.trusting import Trusting
from core.station.writing import Writing
from core.store.drafts import Drafts
from core.store.engine import DatabaseState
from core.store.operation import GUEST, Actor, Authorisation, Done, Operation, Secret, Signature
from core.store.query import Answer, Query
from core.users.accounts import set_pin

log = logging.getLogger(__name__)

T = TypeVar("T")
V = TypeVar("V")

NoticeKind = Literal["changed", "link", "database", "actor", "waiting", "site", "storage", "pulse"]
Watcher = Callable[[str, Any], None]
"""Gets (kind, value): changed frozenset[str], link LinkStatus, database bool, actor Actor, waiting int, site SiteView,
storage tuple[GenbaError, …], pulse Beat."""

EVERYTHING = frozenset({"*"})
NO_SITE = SiteView({}, (), (), (), {}, {})
_OPEN_AGAIN_S = _BRING_HOME_S = 5.0
_LOOK_EVERY, _ANCHOR_EVERY = 2, 120


class Station:
    """Verbs: do, ask, write, watch; ``people`` has sign_in and sign_out, ``machines`` looks closer, ``exports`` writes files,
    ``certificates`` trusts.

    Args:
        settings: Of this station.
        clock: Replaced in tests.
        prepare: Run once when the database is usable for the first time, on a thread: the demo's site and orders.
        has_screen: True in the HMI: drivers then run in a process of their own, so that decoding never delays a frame.

    Attributes:
        table: Latest sample of every tag; belongs to the loop.
        recent: The last two hours of every numeric tag; belongs to the loop.
        links: Latest LinkStatus by source code.
        site: What the database, or the last snapshot of it, says about the plant.
        actor: Who is signed in; GUEST for nobody.
        people: Signing in and out, and what is known of whoever is signed in.
        machines: Why a value is old, what a machine offers, how its connection is.
        writing: Putting back what was written, accepting an exchanged machine.
        database_up: Whether the database answers; None before the first attempt ended.
        read_only: Why this program must not write the schema, or None.
        problem: Why the database is not there, or None.
        keeping: Room on the disks, and copies of the station's own database.
        overtaken: Decisions that need somebody's attention.
        drafts: Half-typed forms, once it is started.
        pulse: Whether everything behind the screen is alive.
    """

    drafts: Drafts
    _loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        settings: StationSettings,
        *,
        clock: Clock | None = None,
        prepare: Prepare | None = None,
        has_screen: bool = False,
    ) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.table = Table()
        self.recent = Recent()
        self.links: dict[str, LinkStatus] = {}
        self.site: SiteView = NO_SITE
        self.actor: Actor = GUEST
        self.database_up: bool | None = None
        self.read_only: GenbaError | None = None
        self.problem: GenbaError | None = None
        self._prepare = prepare
        self._watchers: list[Watcher] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._floor = Floor(settings, self.clock, lambda: self.people.session, claims=True)
        self._deciding = ThreadPoolExecutor(1, thread_name_prefix="genba-decide")
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="genba-ask")
        self._working = ThreadPoolExecutor(1, thread_name_prefix="genba-work")
        self._arrivals, self._noticing = asyncio.Lock(), Noticing(self.clock, self._heard)
        deciding, asking, working = (partial(self._on, pool) for pool in (self._deciding, self._asking, self._working))
        self.people = People(settings.name, self._floor, deciding, working, self._became)
        self.exports = Exports(self, self._floor, working)
        self._acquisition = acquisition = Acquisition(settings.acquisition, has_screen=has_screen, clock=self.clock, home=settings.home)
        self.certificates = Trusting(self, working, acquisition.retry)
        self._reading = Reading(settings, self.clock, self._floor, acquisition, self.table, on_link=self._link_changed)
        self.machines = Machines(self, acquisition, self._floor, working)
        self.writing = Writing(settings.name, self, acquisition, self._decide, self._floor)
        self.manual = Manual(self.table, self.clock, self.ask)
        self.overtaken = Overtaken(self._floor, deciding, asking, lambda: self.actor, lambda: self._tell("waiting", self.waiting))
        self._remembering = Remembering(self.recent, settings.home / "recent", self.clock, working)
        self.pulse = Pulse(self.clock, lambda: acquisition.signs, (self._deciding, self._asking), partial(self._tell, "pulse"))
        self.keeping = Keeping(settings, self.clock, self._floor, self)

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the local files, begin to read the machines of the last known site, and go for the database.

        Returns when local work is possible, with or without a database; ``watch`` tells of everything that follows.

        Raises:
            Unavailable: The station's own folder cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        await self._remembering.bring_back()
        self.table.subscribe(self.recent.put)
        await self._on(self._working, self._floor.open_files)
        self.drafts = await self._on(self._working, lambda: Drafts(self.settings.home / "drafts.sqlite", self.clock))
        await self._reading.start()
        await self._look_at_site()
        self._begin(self._open_database())
        self._begin(self._bring_home())
        self._begin(self.keeping.run())
        self._begin(self.pulse.run())
        self._begin(self._remembering.run())

    async def close(self) -> None:
        """Sign off, stop reading, let go of the database and the files; idempotent, within about 10 s."""
        if self._closed:
            return
        self._closed = True
        self._noticing.close()
        await self.people.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._remembering.put_aside()
        await self.keeping.close()
        await self._reading.close()
        closing = ThreadPoolExecutor(1, thread_name_prefix="genba-close")
        await self._on(closing, self._floor.close)
        if hasattr(self, "drafts"):
            await self._on(closing, self.drafts.close)
        for pool in (self._deciding, self._asking, self._working, closing):
            pool.shutdown(wait=True, cancel_futures=True)

    # -- verbs ---------------------------------------------------------------------------------------------------

    async def do(
        self,
        operation: Operation[..., V],
        /,
        *,
        signature: Signature | None = None,
        authorisation: Authorisation | None = None,
        **args: Any,
    ) -> Done[V]:
        """Decide ``operation`` in the name of whoever is signed in. Raises one of the six errors.

        Args:
            operation: What is decided.
            signature: For an operation that declares a meaning: who signs, with his secret.
            authorisation: Of somebody who may, for this one time, when the person signed in may not.
            **args: Its arguments by name; a ``Secret`` for each proof.
        """
        self.manual.before(operation, args)
        try:
            actor = self.people.living(self.actor)
            done = await self._on(self._deciding, lambda: self._floor.door.do(operation, actor, args, signature, authorisation))
        except Refused as refusal:
            if refusal.code == "store.session_over":
                self._begin(self.people.look_again())
            raise
        finally:
            self._tell("waiting", self.waiting)
        self.manual.after(done.view)
        if operation.name == set_pin.name:
            await self.people.look_again()
        return done

    async def _decide(self, actor: Actor, operation: Operation[..., V], args: Mapping[str, Any]) -> Done[V]:
        """In the name of somebody who may have left the panel meanwhile: what became of his write to a machine."""
        try:
            return await self._on(self._deciding, lambda: self._floor.door.do(operation, actor, args))
        finally:
            self._tell("waiting", self.waiting)

    async def change_pin(self, current: str, new: str) -> None:
        """Change the PIN or password of whoever is signed in. Raises Refused, Invalid (``users.secret_…``), Unavailable."""
        await self.do(set_pin, current=Secret(current), new=Secret(new))

    async def ask(self, query: Query[..., V], /, **args: Any) -> Answer[V]:
        """Answer from the database, or the last snapshot of the same question. Raises Unavailable, Refused, Invalid."""
        return await self._on(self._asking, partial(self._floor.ask, query, self.actor, args))

    async def write(self, tag: str, value: Value, *, seen: Value = None, reason: str = "") -> WriteResult:
        """Write a machine and wait for its confirmation; see ``TagWriter.write`` for the arguments and the errors."""
        return await self.writing.write(tag, value, seen=seen, reason=reason)

    @property
    def waiting(self) -> int:
        """Decisions in this station's journal that are not yet in the database."""
        journal = getattr(self._floor, "journal", None)
        return journal.waiting_count if journal is not None else 0

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` on the loop with everything that changes; returns a function that ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher) if watcher in self._watchers else None

    # -- the database comes and goes -----------------------------------------------------------------------------

    async def _open_database(self) -> None:
        """Keep trying until the floor is open: an embedded server that does not start may do so after the disk was freed."""
        told = ""
        takers = [self._from_thread(take) for take in (self._database_changed, self._noticing.heard, self._missed)]
        while True:
            try:
                await self._on(self._working, lambda: self._floor.open_database(*takers))
            except GenbaError as error:
                if error.code != told:
                    told = error.code
                    log.warning("the database cannot be opened: %s", error)
                self._database_changed(DatabaseState(up=False, reason=error))
                await asyncio.sleep(_OPEN_AGAIN_S)
            else:
                return

    def _database_changed(self, state: DatabaseState) -> None:
        self.database_up, self.read_only, self.problem = state.up, state.read_only, state.reason
        self._tell("database", state.up)
        if state.up:
            self._begin(self._arrived())

    async def _arrived(self) -> None:
        """The database is (back) there: bring home what waits, look at the site, let the screens ask again."""
        async with self._arrivals:
            try:
                if self._prepare is not None:
                    await self._on(self._working, partial(self._floor.prepare, self._prepare))
                    self._prepare = None
                if self.read_only is None:
                    await self._on(self._working, partial(self._floor.greet, self.overtaken.count))
                    await self.people.look_again()
                    # Not on the thread of decisions: a long backlog must not stand between a finger and its answer.
                    await self._on(self._working, self._floor.door.apply_waiting)
                    await self.overtaken.entries()
                await self._look_at_site()
                await self._reading.database_arrived()
            except Unavailable as error:
                log.info("the database went again while coming back: %s", error.code)
                return
        self._tell("waiting", self.waiting)
        self._tell("changed", EVERYTHING)

    async def _look_at_site(self) -> None:
        """Take the site from the database or the snapshot; the machines are read anew only where something changed."""
        try:
            site = (await self._on(self._asking, lambda: self._floor.ask(site_view, GUEST, {}))).value
        except Unavailable:
            return  # neither database nor snapshot: a new station, still empty
        if site == self.site:
            return await self.manual.look()
        gone = {spec.name for spec in self.site.tags} - {spec.name for spec in site.tags}
        self.table.forget(gone)
        self.recent.forget(gone)
        self.site = site
        self.writing.use(site)
        self.links = {code: link for code, link in self.links.items() if any(source.code == code for source in site.sources)}
        await self._reading.use(site)
        await self.manual.use(site)
        self._tell("site", site)

    async def _bring_home(self) -> None:
        """What was held up by a lock or a slow statement is tried again, however long nobody decides anything."""
        turn = 0
        while True:
            await asyncio.sleep(_BRING_HOME_S)
            turn += 1
            if self.database_up and self.read_only is None and turn % _LOOK_EVERY == 0:
                await self._look_around(anchors=turn % _ANCHOR_EVERY == 0)
            if self.waiting and self.database_up and not self._arrivals.locked():
                try:
                    await self._on(self._working, self._floor.door.apply_waiting)
                    self._tell("waiting", self.waiting)
                    await self.overtaken.entries()
                except Exception as error:  # noqa: BLE001 - the disk, or a defect: it is tried again for as long as anything waits
                    log.log(logging.INFO if isinstance(error, GenbaError) else logging.ERROR, "what waits stays where it is: %r", error)

    async def _look_around(self, *, anchors: bool) -> None:
        """Say that this station is there, and see whether its person still may; now and then note how far the audit has come."""
        try:
            await self._on(self._working, partial(self._floor.say_present, self.overtaken.count))
            if anchors:
                await self._on(self._working, self._floor.keep_anchors)
        except GenbaError as error:
            log.debug("presence: %s", error.code)
        await self.people.look_again()

    def _heard(self, keys: frozenset[str]) -> None:
        self._tell("changed", keys)
        if self.people.session is not None and any(key.partition(":")[0] in _PEOPLE for key in keys):
            self._begin(self.people.look_again())
        entities = {key.partition(":")[0] for key in keys}
        if entities & _SITE_ENTITIES:
            self._begin(self._look_again())
        if "manual_value" in entities:
            self._begin(self.manual.look())
        if entities & _SECRET_ENTITIES:
            self._floor.look_at_keys()
            self._begin(self._reading.secrets_changed())

    async def _look_again(self) -> None:
        async with self._arrivals:
            await self._look_at_site()

    def _missed(self) -> None:
        self._tell("changed", EVERYTHING)
        self._begin(self.people.look_again())
        self._begin(self._look_again())
        self._floor.look_at_keys()
        self._begin(self._reading.secrets_changed())

    # -- inside --------------------------------------------------------------------------------------------------

    def _link_changed(self, link: LinkStatus) -> None:
        self.links[link.source] = link
        self._tell("link", link)

    def _became(self, actor: Actor) -> None:
        self.actor = actor
        self._tell("actor", actor)

    def storage_changed(self) -> None:
        """For ``keeping``: disks or copies are in another state."""
        self._tell("storage", self.keeping.troubles)

    def _tell(self, kind: NoticeKind, value: Any) -> None:
        for watcher in list(self._watchers):
            watcher(kind, value)

    def _begin(self, work: Any) -> None:
        if self._closed:
            work.close()
            return
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a station task failed: %s", error, exc_info=error)

    async def _on(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(pool.submit(work), loop=self._loop)

    def _from_thread(self, take: Callable[..., None]) -> Callable[..., None]:
        def post(*args: Any) -> None:
            if not self._closed and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(take, *args)

        return post


_PEOPLE = frozenset({"user", "role", "security_policy", "station"})
_SITE_ENTITIES = frozenset({"enterprise", "site", "area", "line", "work_unit", "source", "tag", "unit"})
_SECRET_ENTITIES = frozenset({"secret", "site_key"})
