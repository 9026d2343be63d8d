"""The plant of the fault run: a real PostgreSQL on two machines with its site, a log-in and an operator for each station."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from core.clock import SystemClock
from core.config import StationSettings
from core.errors import Unavailable
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.station.floor import Floor
from core.store import logins
from core.store.schema import REVISION, upgrade
from core.users.roles import system_actor
from tests.faults.servers import Servers
from tests.postgres import OwnServer, installed_servers, plain

DATABASE = "genba"
LINES = ("L1", "L2", "L3", "L4")
PRODUCT = "A-1010"
NEXT = "99"
"""Version of a program newer than this one, in which only its number is new."""
_SITE = """\
enterprise: {{code: G, name: G}}
sites:
  - code: S
    name: S
    time_zone: Asia/Tokyo
    areas:
      - {{code: A, name: A, lines: [{lines}]}}
products:
  - {{code: A-1010, name: Part}}
users:
{users}
"""
_LINE = "{{code: {0}, name: {0}, capacity_per_hour: 3600, constraint: {0}-M1, work_units: [{{code: {0}-M1, name: Press}}]}}"
_USER = "  - {{code: {0}, name: {0}, roles: [operator, supervisor], initial_pin: {1}, pin_must_change: false}}"


@dataclass
class Plant:
    """Started with ``start``, gone with ``remove``.

    Attributes:
        stations: Codes of the stations; each has a log-in of its own.
        pair: False: one server without a standby.
        servers: The plant's PostgreSQL.
        pins: PIN by the code of a station's operator.
    """

    folder: Path
    stations: tuple[str, ...]
    pair: bool = True
    servers: Servers = field(init=False)
    pins: dict[str, str] = field(default_factory=dict)
    _passwords: dict[str, str] = field(default_factory=dict)
    _guests: list[psycopg.Connection[Any]] = field(default_factory=list)

    def start(self) -> Plant:
        self.servers = Servers(self.folder, installed_servers()["embedded"], pair=self.pair)
        self.servers.start()
        self.server.run(f"CREATE DATABASE {DATABASE}")
        upgrade(self.admin)
        self.pins = {operator(name): str(618_245 + 3_907 * n) for n, name in enumerate(self.stations)}
        self._apply()
        for name in self.stations:
            self._passwords[name] = logins.add(self.admin, name)
        with psycopg.connect(plain(self.admin), autocommit=True) as owner:
            owner.execute("UPDATE genba.station SET offline_h = 12")
            owner.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        self.widen()
        self.servers.pair_up()
        return self

    @property
    def server(self) -> OwnServer:
        """The one that serves now."""
        return self.servers.primary

    @property
    def admin(self) -> str:
        """Whoever owns the server."""
        return self.server.url(DATABASE)

    def url(self, station: str, ports: Sequence[int]) -> str:
        """What a station is told; ``ports`` are those of its proxy, one for each server."""
        login = logins.login_of(station)
        hosts = "&".join(f"host=127.0.0.1:{port}" for port in ports)
        return f"postgresql+psycopg://{login}:{self._passwords[station]}@/{DATABASE}?{hosts}&sslmode=disable"

    def remove(self) -> None:
        self.leave()
        self.servers.remove()

    def _apply(self) -> None:
        """The site, by whoever administers the database."""
        site = self.folder / "site.yaml"
        users = "\n".join(_USER.format(code, pin) for code, pin in self.pins.items())
        site.write_text(_SITE.format(lines=", ".join(_LINE.format(line) for line in LINES), users=users), encoding="utf-8")
        settings = StationSettings(home=self.folder / "boss", name="BOSS", database_url=self.admin)
        floor, up = Floor(settings, SystemClock(), lambda: None, as_owner=True), threading.Event()
        floor.open_files()
        try:
            floor.open_database(lambda state: up.set() if state.up else None, lambda _: None, lambda: None)
            if not up.wait(20):
                raise RuntimeError("the new server is not usable")
            floor.door.do(apply_site, system_actor("tester", "BOSS"), arguments(read(site)))
        finally:
            floor.close()

    # -- faults of the server; each blocks --------------------------------------------------------------------------

    def crowd(self) -> None:
        """Take every connection that ordinary people can have."""
        words = plain(self.server.url(DATABASE, "guest", "guest"))
        with contextlib.suppress(psycopg.OperationalError):
            while len(self._guests) < 300:
                self._guests.append(psycopg.connect(words, connect_timeout=3))

    def leave(self) -> None:
        """Give the connections back."""
        guests, self._guests = self._guests, []
        for guest in guests:
            guest.close()

    def migrate(self, lasts_s: float) -> None:
        """A migration that takes its time: nobody else gets at the orders meanwhile; then the upgrade declares everything anew."""
        with psycopg.connect(plain(self.admin)) as owner:
            owner.execute("SET lock_timeout = '20s'")
            owner.execute("ALTER TABLE genba.work_order ADD CONSTRAINT ck_fault CHECK (version >= 0)")
            time.sleep(lasts_s)
            owner.commit()
            owner.execute("ALTER TABLE genba.work_order DROP CONSTRAINT ck_fault")
        with contextlib.suppress(Unavailable):  # it does not push its way in where everybody works: "try again during a break"
            upgrade(self.admin)

    def widen(self) -> None:
        """The schema serves programs newer than this one as well, as a release's does right before the first station gets it."""
        with psycopg.connect(plain(self.admin), autocommit=True) as owner:
            owner.execute("UPDATE genba.schema_compat SET newest_program = %s", (NEXT,))

    def move_on(self, oldest: str) -> None:
        """The schema serves programs from ``oldest`` on; whoever is older may only read."""
        with psycopg.connect(plain(self.admin), autocommit=True) as owner:
            owner.execute("UPDATE genba.schema_compat SET oldest_program = %s WHERE schema_revision = %s", (oldest, REVISION))
            owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'genba/%/listen'")

    def end_listening(self, station: str) -> None:
        """The server ends the connection over which a station hears of changes, as an administrator or a memory limit does."""
        with psycopg.connect(plain(self.admin), autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (f"genba/{station}/listen",)
            )


def operator(station: str) -> str:
    """Code of the person who works at ``station``."""
    return f"op-{station.lower()}"
