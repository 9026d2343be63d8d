"""The database floor of one station: its local files, the embedded or shared database, the door.

Everything here blocks and is called from the station's own threads, never from the loop.
"""

from __future__ import annotations

import contextlib
import json
import logging
import platform
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.clock import Clock, CorrectedClock
from core.config import VERSION, StationSettings
from core.declared import fingerprint
from core.errors import Refused, Unavailable
from core.log import Outage
from core.store import audit, faults, secretrows
from core.store.anchors import AnchorFile
from core.store.base import Db
from core.store.changes import Changes
from core.store.door import Door
from core.store.embedded import ADMIN, EmbeddedServer
from core.store.engine import Database, DatabaseState
from core.store.journal import Journal
from core.store.keystore import database_address, station_secrets
from core.store.lineage import SEEN_FILE, Seen
from core.store.operation import Actor, Operation, Secret
from core.store.presence import Claim, lock_home
from core.store.query import Answer, Query
from core.store.readstore import ReadStore
from core.store.rounds import Echo
from core.store.schema import prepare_embedded
from core.store.sealing import KeyRing
from core.store.sitekeys import SiteKeys
from core.store.sitesecrets import SealingProver, rotate_site_key, secret_names, set_secret
from core.users.offline import OfflinePeople
from core.users.prover import PanelProver
from core.users.roles import system_actor
from core.users.views import SignedIn

log = logging.getLogger(__name__)

T = TypeVar("T")
V = TypeVar("V")

RUN_DEADLINE_S = 10.0
_PRESENT = text("SELECT genba.present(:station, :host, :version, :started_at)")
_PRESENT_SO = text("SELECT genba.present(:station, :host, :version, :started_at, CAST(:told AS jsonb))")


class Floor:
    """Opens and closes in the right order; everything between is the door's.

    Args:
        settings: Of the station.
        clock: Of the computer.
        signed_in: The session of the person at the panel now, for proofs of secrets.
        files: Folder of journal and read store; None for the station's home. A command line beside a running station has
            its own, because each of these files has one owner.
        as_owner: Work as whoever administers the database: with the embedded server's own administrator, or with a
            ``database_url`` that says so. For set-up only: the guard lets systems decide under such a log-in alone.
        claims: This program is the station: it claims the name and the home for itself. False for a command line beside it.

    Attributes:
        clock: By which people decide and facts are recorded: the computer's, corrected by the server's once that is known.
        secrets: The station's own secret store.
        keys: The site's keys as far as this station has them.
    """

    def __init__(
        self,
        settings: StationSettings,
        clock: Clock,
        signed_in: Callable[[], SignedIn | None],
        *,
        files: Path | None = None,
        as_owner: bool = False,
        claims: bool = False,
    ) -> None:
        self._settings = settings
        self._files = files or settings.home
        self.clock = self._clock = CorrectedClock(clock)
        self._claims, self._lock, self._as_owner = claims, contextlib.ExitStack(), as_owner
        self.secrets = station_secrets(settings.home)
        self.keys = SiteKeys(self.secrets, KeyRing())
        self._server = EmbeddedServer(settings.home / "database") if settings.database_url is None else None
        self._closing = threading.Event()
        self._keys_outage = Outage(log, "the station's secret store", clock)
        self._anchors = AnchorFile(self._files / "audit-anchors.jsonl")
        self._started, self._started_at = False, clock.now()
        self.database = Database(
            self._url,
            settings.name,
            clock=clock,
            revive=self._start_server if self._server is not None else None,
            ring=self.keys.ring,
            allow_unsafe=settings.allow_unsafe_database,
            # An embedded server is this station's alone and has no standby. A command line may work on any database in turn.
            seen=None if self._server else Seen(settings.home / SEEN_FILE, binding=files is None),
            replicas="" if self._server else settings.report_hosts,
            claim=Claim(settings.name, self._files) if claims else None,
            correct=self.clock,
        )
        self._echo = Echo(self.database, settings.name, clock) if claims else None
        self.prover = PanelProver(self.run, settings.name, signed_in)
        self._sealing = SealingProver(self.prover, lambda name, secret: secretrows.sealed_text(self.keys.ring, name, secret))
        self.door: Door

    @property
    def embedded(self) -> bool:
        """True when the database is this station's own."""
        return self._server is not None

    def _url(self) -> str:
        """Where to connect to now, password included; asked before every connection."""
        if self._server is None:
            return database_address(self._settings.database_url or "", self.secrets)
        return self._server.url(ADMIN) if self._as_owner else self._server.url()

    @property
    def administered(self) -> str | None:
        """Address of the embedded database for its administrator; None until it is open, and of a shared one."""
        return self._server.url(ADMIN) if self._server is not None and self._started else None

    def _start_server(self, give_up: Callable[[], bool]) -> None:
        assert self._server is not None
        self._server.start(give_up=lambda: give_up() or self._closing.is_set())

    # -- opening -------------------------------------------------------------------------------------------------

    def open_files(self) -> None:
        """Open journal and read store: from here on decisions are durable and screens have their last pictures.

        Raises:
            Unavailable: The folder cannot be used, or another program is at work in it (``station.home_in_use``).
        """
        _map_tables()
        try:
            self._files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable("station.home_unusable", path=str(self._files), problem=str(error)) from error
        if self._claims:
            self._lock.enter_context(lock_home(self._files))
        self.journal = Journal(self._files / "journal.sqlite", self._clock)
        self.offline = OfflinePeople(
            self._files / "offline-people.json",
            self._clock,
            self._settings.name,
            lambda session_id, key: self.prover.hold(session_id, key=key),
        )
        self.readstore = ReadStore(self._files / "readstore.sqlite", self._clock)
        self.door = Door(self.database, self.journal, self.readstore, clock=self._clock, station=self._settings.name, prover=self._sealing)

    def open_database(
        self,
        on_state: Callable[[DatabaseState], None],
        on_changed: Callable[[frozenset[str]], None],
        on_gap: Callable[[], None],
    ) -> None:
        """Start the embedded server where there is one, bring its schema up to date, start the lanes.

        The callbacks come on the listen lane's thread. A shared database is never migrated from here.

        Raises:
            Unavailable: The embedded server does not start, or its schema cannot be brought up to date.
        """
        if self._server is not None:
            self._server.start(give_up=self._closing.is_set)
            prepare_embedded(self._server, fingerprint())
        self.database.on_change(self._look_when_up)
        self.database.on_change(on_state)
        Changes(self.database, on_changed, on_gap)
        self.database.start()
        self._started = True

    def close(self) -> None:
        """Let go of everything: lanes first, then the embedded server, then the files."""
        self._closing.set()
        self.database.close()
        if self._server is not None:
            self._server.stop()
        for name in ("readstore", "journal"):
            opened = getattr(self, name, None)
            if opened is not None:
                opened.close()
        self._lock.close()

    def ask(self, query: Query[..., V], actor: Actor, args: Mapping[str, Any]) -> Answer[V]:
        """The door's answer; while the database is still being opened the snapshot of the last time, with what waits painted over it.

        Raises:
            Refused, Invalid, Unavailable: As the door.
        """
        if self._started:
            return self.door.ask(query, actor, args)
        kept = self.door.kept(query, args)
        if kept is None:
            raise Unavailable("store.no_snapshot")
        return kept

    # -- the site's keys -----------------------------------------------------------------------------------------

    def _look_when_up(self, state: DatabaseState) -> None:
        if state.up:
            self.look_at_keys()

    def look_at_keys(self) -> None:
        """Take over what the site has as keys now, soon, on a lane; confidential fields are readable from then on."""
        self.database.submit("queries", self.keys.look, deadline_s=RUN_DEADLINE_S).add_done_callback(self._looked)

    def _looked(self, looking: Future[None]) -> None:
        error = looking.exception()
        if isinstance(error, Unavailable) and "unknown" in error.params:
            return  # the database went again; it is asked when it is back
        if error is None:
            self._keys_outage.up()
        else:
            self._keys_outage.down(error)

    # -- work in the name of the station -------------------------------------------------------------------------

    def run(self, work: Callable[[Db], T]) -> T:
        """Run ``work`` in a transaction of its own on the operations lane and commit it.

        Raises:
            Unavailable: The database is away.
            Refused: It does not let this station do so.
        """

        def committed(db: Db) -> T:
            result = work(db)
            db.commit()
            return result

        try:
            return self.database.submit("operations", committed, deadline_s=RUN_DEADLINE_S).result()
        except DBAPIError as error:
            raise faults.operator_error(error, "station") from error

    def say_present(self, parked: int = 0) -> None:
        """Tell the database that this station is there, where and in which version, and how it stands; and hear one's own echo.

        Args:
            parked: Decisions here that need a person.

        Raises:
            Unavailable, Refused: The database is away, or this log-in was revoked.
        """
        told = {"station": self._settings.name, "host": platform.node(), "version": VERSION, "started_at": self._started_at}

        def say(db: Db) -> None:
            if self._echo is None or not self.database.knows_presence:
                db.execute(_PRESENT, told).close()
                return
            standing = {"clock_ahead_s": self.clock.ahead_s, "notice_lag_s": self._echo.lag_s, "waiting": self.journal.waiting_count}
            db.execute(_PRESENT_SO, told | {"told": json.dumps(standing | {"parked": parked})}).close()
            self._echo.send(db)

        self.run(say)

    def greet(self, parked: int = 0) -> None:
        """What is to be said first when the database is (back) there. Raises Unavailable, Refused."""
        self.say_present(parked)
        self.keep_anchors()
        self.offline.tell(self.run)

    def keep_anchors(self) -> None:
        """Note how far every audit chain has come, in this station's chain and in its own file.

        Raises:
            Unavailable, Refused: The database is away, or this log-in was revoked.
        """
        ends = self.run(lambda db: list(audit.anchor(db, self._settings.name)))
        try:
            self._anchors.add(ends)
        except OSError as error:
            log.warning("ends of audit chains cannot be kept in %s: %s", self._anchors.path, error)

    def prepare(self, prepare: Prepare) -> None:
        """Run a preparation step (the demo's site and orders) on the embedded server, as its administrator. Blocks.

        Raises:
            Refused: The database is a shared one: its administrator prepares it with the command line.
        """
        if self._server is None:
            raise Refused("station.prepare_shared")
        owner = Database(self._server.url(ADMIN), self._settings.name, clock=self._clock, ring=self.keys.ring)
        door = Door(owner, self.journal, self.readstore, clock=self._clock, station=self._settings.name, prover=self._sealing)
        owner.start()
        try:
            prepare(Setup(door, owner, system_actor("setup", self._settings.name), self._clock, self.keys))
        finally:
            owner.close()


def _map_tables() -> None:
    """Load every mapped class before the first lane does: two lanes that load halves of them at once leave neither usable."""
    from sqlalchemy.orm import configure_mappers

    import core.equipment.models
    import core.equipment.shift_models
    import core.equipment.stop_models
    import core.inventory.models
    import core.production.models
    import core.production.run_models
    import core.quality.models
    import core.users.models  # noqa: F401

    configure_mappers()


class Setup:
    """Handed to a preparation step: operations and queries as the system actor; blocks.

    Args:
        door: Over ``database``.
        database: Open with the log-in of whoever administers it.
        actor: In whose name it is done.
        clock: Of the station.
        keys: With which the site's secrets are sealed.
    """

    def __init__(self, door: Door, database: Database, actor: Actor, clock: Clock, keys: SiteKeys) -> None:
        self._door, self._database, self._actor, self._keys = door, database, actor, keys
        self.clock = clock
        self._wait()

    def _wait(self) -> None:
        settled = threading.Event()
        end = self._database.on_change(lambda _: settled.set())
        if not self._database.up:
            settled.wait(RUN_DEADLINE_S)
        end()

    def do(self, operation: Operation[..., V], /, **args: Any) -> V:
        """The operation's view once it is in the database. Raises one of the six errors."""
        return self._door.do(operation, self._actor, args).view

    def keep(self, name: str, secret: Secret) -> None:
        """Keep a secret of the site, once; the site's first one makes its first key. Raises one of the six errors."""
        self.run(self._keys.look)
        if any(known.name == name for known in self.ask(secret_names)):
            return
        if not self._keys.ring.current:
            self.do(rotate_site_key, key=self._keys.make().id)
            self.run(self._keys.look)
        self.do(set_secret, name=name, sealed=secret)

    def ask(self, query: Query[..., V], /, **args: Any) -> V:
        """The query's view. Raises Unavailable."""
        return self._door.ask(query, self._actor, args).value

    def run(self, work: Callable[[Db], T]) -> T:
        """``work`` that only reads, in a transaction of its own."""
        return self._database.submit("queries", work, deadline_s=RUN_DEADLINE_S).result()


Prepare = Callable[[Setup], None]
