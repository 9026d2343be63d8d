"""The plant of the benchmark ``stations``: one PostgreSQL that keeps what it confirms, ten lines, a year of counts, fifty log-ins."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from pathlib import Path
from typing import Any, Final

import platformdirs
import psycopg

from core.clock import SystemClock
from core.config import StationSettings
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.station.floor import Floor
from core.store import logins
from core.store.programs import hand_over, unprivileged
from core.store.schema import upgrade
from core.users.roles import system_actor
from tests.benchmarks.start import ROOT
from tests.postgres import OwnServer, installed_servers, plain

DATABASE: Final = "genba"
LINES: Final = tuple(f"L{number}" for number in range(1, 11))
PRODUCT: Final = "A-1010"
PIN: Final = "618245"
SOURCE: Final = "press"
YEAR_ROWS: Final = 1_051_200
"""Of ten machines that count once in five minutes, for a year."""
SETTINGS: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "250",
    "shared_buffers": "256MB",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "client_connection_check_interval": "5s",
}
SHOWN: Final = (*SETTINGS, "server_version", "wal_level", "max_wal_size", "work_mem", "jit", "autovacuum")
_SITE: Final = """\
enterprise: {{code: G, name: G}}
sites:
  - code: S
    name: S
    time_zone: Asia/Tokyo
    areas:
      - {{code: A, name: A, lines: [{lines}]}}
products:
  - {{code: A-1010, name: Part}}
sources:
  - {{code: press, protocol: modbus, url: "modbus://127.0.0.1:1", readers: lease}}
tags: {{file: tags.csv}}
users:
{users}
"""
_LINE: Final = "{{code: {0}, name: {0}, capacity_per_hour: 3600, constraint: {0}-M1, work_units: [{{code: {0}-M1, name: Press}}]}}"
_USER: Final = "  - {{code: op{0}, name: Op {0}, roles: [operator, supervisor], initial_pin: {1}, pin_must_change: false}}"
_TAGS: Final = "name,source,address,type,period_s,work_unit\nSetpoint,press,1/holding/40,float32,0.5,L1-M1\n"
_YEAR: Final = """
INSERT INTO genba.count_event (id, line_id, work_unit_id, kind, quantity, occurred_at, source, epoch, seq)
SELECT gen_random_uuid(), w.line_id, w.id, 'good', 1 + n %% 7, now() - make_interval(mins => 5 * n), 'year-' || w.code, 1, n
FROM genba.work_unit w, generate_series(1, %s) n
"""


class BenchPlant:
    """Started with ``start``, gone with ``remove``; preparing happens once and is kept in the user's cache.

    Args:
        folder: Of this run.
        stations: Codes.
        year_rows: Counts that are there before it starts.
    """

    def __init__(self, folder: Path, stations: tuple[str, ...], year_rows: int = YEAR_ROWS) -> None:
        self._folder, self._stations, self._year_rows = folder, stations, year_rows
        self._passwords: dict[str, str] = {}
        self.server = OwnServer(folder / "server", installed_servers()["embedded"], **SETTINGS)

    def start(self, press_port: int) -> BenchPlant:
        """Run it; the press listens on ``press_port``."""
        kept = self._prepared()
        self._passwords = json.loads((kept / "passwords.json").read_text(encoding="utf-8"))
        shutil.copytree(kept / "server", self.server.home)
        owner = unprivileged().owner
        if owner is not None:
            hand_over(self.server.home / "data", owner)
        self.server.start()
        self.ask("UPDATE genba.source SET url = %s", f"modbus://127.0.0.1:{press_port}")
        return self

    def remove(self) -> None:
        self.server.remove()

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """Rows, as whoever owns the server."""
        with psycopg.connect(plain(self.server.url(DATABASE)), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def url(self, station: str) -> str:
        login = logins.login_of(station)
        return f"postgresql+psycopg://{login}:{self._passwords[station]}@127.0.0.1:{self.server.port}/{DATABASE}?sslmode=disable"

    def shown(self) -> dict[str, str]:
        """The settings that the figures depend on, as the server says them."""
        return {name: self.ask(f"SHOW {name}")[0][0] for name in SHOWN}

    def _prepared(self) -> Path:
        mark = hashlib.sha256(Path(__file__).read_bytes() + repr((self._stations, self._year_rows)).encode())
        for path in sorted((ROOT / "migrations").rglob("*.*")):
            if path.suffix in {".py", ".sql"}:
                mark.update(path.read_bytes())
        for path in sorted((ROOT / "core").rglob("*.py")):  # they declare what the database lets stations do
            mark.update(path.read_bytes())
        caches = platformdirs.user_cache_path("genba-benchmarks", appauthor=False)
        kept = caches / f"stations-{self._year_rows}-{mark.hexdigest()[:12]}"
        if not (kept / "passwords.json").exists():
            for old in caches.glob(f"stations-{self._year_rows}-*"):
                shutil.rmtree(old, ignore_errors=True)
            self._prepare(kept)
        return kept

    def _prepare(self, kept: Path) -> None:
        server = OwnServer(kept / "server", installed_servers()["embedded"], max_connections="250")
        server.start()
        try:
            server.run(f"CREATE DATABASE {DATABASE}")
            owner = server.url(DATABASE)
            upgrade(owner)
            self._apply(owner)
            passwords = {name: logins.add(owner, name) for name in self._stations}
            with psycopg.connect(plain(owner), autocommit=True) as connection:
                connection.execute(_YEAR, (self._year_rows // len(LINES),))
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")
        finally:
            server.stop()
        (kept / "passwords.json").write_text(json.dumps(passwords), encoding="utf-8")

    def _apply(self, url: str) -> None:
        site, up = self._folder / "site.yaml", threading.Event()
        users = "\n".join(_USER.format(number, PIN) for number in range(10))
        site.write_text(_SITE.format(lines=", ".join(_LINE.format(line) for line in LINES), users=users), encoding="utf-8")
        (self._folder / "tags.csv").write_text(_TAGS, encoding="utf-8")
        settings = StationSettings(home=self._folder / "boss", name="BOSS", database_url=url)
        floor = Floor(settings, SystemClock(), lambda: None, as_owner=True)
        floor.open_files()
        try:
            floor.open_database(lambda state: up.set() if state.up else None, lambda _: None, lambda: None)
            if not up.wait(30):
                raise RuntimeError("the new server is not usable")
            floor.door.do(apply_site, system_actor("tester", "BOSS"), arguments(read(site)))
        finally:
            floor.close()
