"""The database floor of one station: its local files, the embedded or shared database, the door.

Everything here blocks and is called from the station's own threads, never from the loop.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from core.clock import Clock
from core.config import StationSettings
from core.errors import Unavailable
from core.log import Outage
from core.store import secretrows
from core.store.address import with_password
from core.store.base import Db
from core.store.changes import Changes
from core.store.door import Door
from core.store.embedded import ADMIN, LOGIN, EmbeddedServer
from core.store.engine import Database, DatabaseState
from core.store.journal import Journal
from core.store.keystore import station_secrets
from core.store.operation import Actor, Operation
from core.store.query import Answer, Query
from core.store.readstore import ReadStore
from core.store.schema import prepare_embedded
from core.store.sealing import KeyRing
from core.store.secrets import SecretStore
from core.store.sitekeys import SiteKeys
from core.store.sitesecrets import SealingProver
from core.users.prover import PanelProver
from core.users.roles import system_actor

log = logging.getLogger(__name__)

T = TypeVar("T")
V = TypeVar("V")

RUN_DEADLINE_S = 10.0
DATABASE_PASSWORD = "database:password"  # noqa: S105 - the name it stands under in the station's secret store


def database_address(settings: StationSettings, secrets: SecretStore) -> str:
    """``settings.database_url`` with its password, from the station's secret store where the address leaves it out.

    Raises:
        Invalid: The address cannot be read.
        Unavailable, Refused: The secret store cannot be read.
    """
    assert settings.database_url is not None  # asked for a shared database only
    return with_password(settings.database_url, lambda: secrets.get(DATABASE_PASSWORD))


class Floor:
    """Opens and closes in the right order; everything between is the door's.

    Args:
        settings: Of the station.
        clock: Of the station.
        signed_in: Code of the person at the panel now, for proofs of secrets.
        files: Folder of journal and read store; None for the station's home. A command line beside a running station has
            its own, because each of these files has one owner.
        administrator: Log in to the embedded server as its administrator, for what a station may not do.

    Attributes:
        secrets: The station's own secret store.
        keys: The site's keys as far as this station has them.
    """

    def __init__(
        self,
        settings: StationSettings,
        clock: Clock,
        signed_in: Callable[[], str],
        *,
        files: Path | None = None,
        administrator: bool = False,
    ) -> None:
        self._settings = settings
        self._files = files or settings.home
        self._clock = clock
        self._administrator = administrator
        self.secrets = station_secrets(settings.home)
        self.keys = SiteKeys(self.secrets, KeyRing())
        self._server = EmbeddedServer(settings.home / "database") if settings.database_url is None else None
        self._closing = threading.Event()
        self._keys_outage = Outage(log, "the station's secret store", clock)
        self._started = False
        self.journal: Journal
        self.readstore: ReadStore
        self.database = Database(
            self._url,
            settings.name,
            clock=clock,
            revive=(lambda give_up: self._start_server(give_up)) if self._server is not None else None,
            ring=self.keys.ring,
            allow_unsafe=settings.allow_unsafe_database,
        )
        self.prover = SealingProver(
            PanelProver(self.run, settings.name, signed_in), lambda name, secret: secretrows.sealed_text(self.keys.ring, name, secret)
        )
        self.door: Door

    @property
    def embedded(self) -> bool:
        """True when the database is this station's own."""
        return self._server is not None

    def _url(self) -> str:
        """Where to connect to now, password included; asked before every connection."""
        if self._server is None:
            return database_address(self._settings, self.secrets)
        return self._server.url(ADMIN if self._administrator else LOGIN)

    def _start_server(self, give_up: Callable[[], bool]) -> None:
        assert self._server is not None
        self._server.start(give_up=lambda: give_up() or self._closing.is_set())

    # -- opening -------------------------------------------------------------------------------------------------

    def open_files(self) -> None:
        """Open journal and read store: from here on decisions are durable and screens have their last pictures.

        Raises:
            Unavailable: The folder cannot be used.
        """
        _map_tables()
        try:
            self._files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable("station.home_unusable", path=str(self._files), problem=str(error)) from error
        self.journal = Journal(self._files / "journal.sqlite", self._clock)
        self.readstore = ReadStore(self._files / "readstore.sqlite", self._clock)
        self.door = Door(self.database, self.journal, self.readstore, clock=self._clock, station=self._settings.name, prover=self.prover)

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
            prepare_embedded(self._server)
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

    def ask(self, query: Query[..., V], actor: Actor, args: Mapping[str, Any]) -> Answer[V]:
        """The door's answer; while the database is still being opened the snapshot of the last time.

        Raises:
            Refused, Invalid, Unavailable: As the door.
        """
        if self._started:
            return self.door.ask(query, actor, args)
        known = self.readstore.answer(query, query.validate(args)) if query.snapshot else None
        if known is None:
            raise Unavailable("store.no_snapshot")
        return Answer(known[0], known[1], "snapshot")

    # -- the site's secrets --------------------------------------------------------------------------------------

    def _look_when_up(self, state: DatabaseState) -> None:
        if state.up:
            self.look_at_keys()

    def look_at_keys(self) -> None:
        """Take over what the site has as keys now, soon, on a lane; confidential fields are readable from then on."""
        looking = self.database.submit("queries", self.keys.look, deadline_s=RUN_DEADLINE_S)
        looking.add_done_callback(self._looked)

    def _looked(self, looking: Future[None]) -> None:
        error = looking.exception()
        if isinstance(error, Unavailable) and "unknown" in error.params:
            return  # the database went again; it will be asked again when it is back
        if error is None:
            self._keys_outage.up()
        else:
            self._keys_outage.down(error)

    # -- work in the name of the station -------------------------------------------------------------------------

    def run(self, work: Callable[[Db], T]) -> T:
        """Run ``work`` in a transaction of its own on the operations lane and commit it.

        Raises:
            Unavailable: The database is away.
        """

        def committed(db: Db) -> T:
            result = work(db)
            db.commit()
            return result

        return self.database.submit("operations", committed, deadline_s=RUN_DEADLINE_S).result()

    def setup(self) -> Setup:
        """What a preparation step may do in the name of the system."""
        return Setup(self)


def _map_tables() -> None:
    """Load every mapped class before the first lane does: two lanes that load halves of them at once leave neither usable."""
    from sqlalchemy.orm import configure_mappers

    import core.equipment.models
    import core.inventory.models
    import core.production.models
    import core.quality.models
    import core.users.models  # noqa: F401

    configure_mappers()


class Setup:
    """Handed to a preparation step (the demo's site and orders): operations and queries as the system actor; blocks."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._actor = system_actor("setup", floor._settings.name)
        self.clock = floor._clock

    def do(self, operation: Operation[..., V], /, **args: Any) -> V:
        """The operation's view once it is in the database. Raises one of the six errors."""
        return self._floor.door.do(operation, self._actor, args).view

    def ask(self, query: Query[..., V], /, **args: Any) -> V:
        """The query's view. Raises Unavailable."""
        return self._floor.door.ask(query, self._actor, args).value

    def run(self, work: Callable[[Db], T]) -> T:
        """``work`` in a committed transaction of the system actor."""

        def as_system(db: Db) -> T:
            db.actor = self._actor
            return work(db)

        return self._floor.run(as_system)


Prepare = Callable[[Setup], None]
