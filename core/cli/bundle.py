"""What ``genba doctor --bundle`` hands to whoever helps from afar: an explicit list of things, each without a credential.

Never in it: the journal, the read store, the secret store, the files of the database, the server's own log (its statements
may hold anything). Whatever is not named here is not in it.
"""

from __future__ import annotations

import io
import json
import os
import platform
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final

from core.cli.checkup import Finding
from core.clock import SystemClock
from core.config import VERSION, StationSettings
from core.errors import GenbaError, Unavailable
from core.log import conceal, redacted

_LOG_BYTES: Final = 2_000_000
"""The end of each log file, which is what matters."""


def write_bundle(path: Path, settings: StationSettings | None, findings: Sequence[Finding]) -> list[str]:
    """Write the bundle to a new file that only this account can read; gives the names of what is in it.

    Args:
        settings: None when they cannot be read; then there are findings and versions only.

    Raises:
        Unavailable: The file cannot be written, or is there already (``cli.cannot_write``).
    """
    names = []
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in _parts(settings, findings):
            bundle.writestr(name, text)
            names.append(name)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb") as file:
            file.write(packed.getvalue())
    except OSError as error:
        raise Unavailable("cli.cannot_write", path=str(path), problem=error.strerror or str(error)) from None
    return names


def _parts(settings: StationSettings | None, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    if settings is not None:
        _conceal_all(settings)
    yield "versions.json", _json(_versions())
    yield "doctor.json", _json([finding.shown() for finding in findings])
    if settings is not None:
        yield "settings.json", _json(_settings(settings))
        yield "database.json", _json(_database(settings))
        for path in sorted((settings.home / "log").glob("*.log*")):
            if path.is_file() and not path.is_symlink():
                yield f"log/{path.name}", _end_of(path)


def _conceal_all(settings: StationSettings) -> None:
    """Everything this station keeps secret is taken out of every text, whoever wrote it there and how."""
    from core.store.keystore import database_address, station_secrets

    store = station_secrets(settings.home)
    try:
        for name in store.names():
            secret = store.get(name) or ""
            conceal(secret)
            if name.startswith("site-key:"):
                conceal(bytes.fromhex(secret))
        database_address(settings.database_url or "postgresql+psycopg:///", store)  # which conceals the password in it
    except (GenbaError, ValueError):
        return


def _versions() -> dict[str, Any]:
    return {
        "at": SystemClock().now().isoformat(),
        "genba": VERSION,
        "python": sys.version,
        "platform": platform.platform(),
        "packages": {one.name: one.version for one in sorted(distributions(), key=lambda one: one.name.lower())},
    }


def _settings(settings: StationSettings) -> dict[str, Any]:
    from core.station.connections import database_safety

    told = settings.model_dump(mode="json", exclude={"database_url"})
    return told | {"database": database_safety(settings).address}


def _database(settings: StationSettings) -> dict[str, Any]:
    """How the schema stands, who does which job, how safe each connection is; of a database that answers now."""
    from dataclasses import asdict

    from core.store.schema import status

    try:
        address = _address(settings)
        if address is None:
            return {"state": "not running"}
        found = status(address, allow_unsafe=settings.allow_unsafe_database)
        told = asdict(found) | {"reason": found.reason.code if found.reason else None}
        return told | (_jobs(settings, address) if found.window is not None else {})
    except GenbaError as error:
        return {"state": "away", "reason": error.code, "problem": str(error)}


def _address(settings: StationSettings) -> str | None:
    """Where the database is now; None for an embedded one that nobody has started, and nobody starts for this."""
    from core.store.embedded import EmbeddedServer
    from core.store.keystore import database_address, station_secrets

    if settings.database_url is not None:
        return database_address(settings.database_url, station_secrets(settings.home))
    try:
        return EmbeddedServer(settings.home / "database").url()
    except (OSError, ValueError, KeyError):
        return None


def _jobs(settings: StationSettings, address: str) -> dict[str, Any]:
    from dataclasses import asdict

    from sqlalchemy import text

    from core.live.tags import SourceSpec
    from core.station.connections import source_safety
    from core.store.administration import connected

    with connected(address, allow_unsafe=settings.allow_unsafe_database) as connection:
        leases = connection.execute(text("SELECT name, holder, epoch, acquired_at, renewed_at, expires_at FROM genba.lease ORDER BY name"))
        jobs = [dict(row._mapping) for row in leases]
        sources = connection.execute(
            text("SELECT code, protocol, url, options ? 'user' AS named FROM genba.source WHERE retired_at IS NULL ORDER BY code")
        )
        specs = [SourceSpec(row.code, row.protocol, row.url, options={"user": "named"} if row.named else {}) for row in sources]
        connection.commit()
    return {"leases": jobs, "sources": [{"protocol": spec.protocol, **asdict(source_safety(spec))} for spec in specs]}


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            return redacted(file.read().decode("utf-8", "replace"))
    except OSError as error:
        return f"cannot be read: {error.strerror}\n"


def _json(told: Any) -> str:
    return json.dumps(_clean(told), ensure_ascii=False, indent=1, default=str)


def _clean(told: Any) -> Any:
    """``told`` with every text redacted by itself: done on the finished JSON, it would no longer be JSON."""
    if isinstance(told, dict):
        return {key: _clean(value) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_clean(value) for value in told]
    return redacted(told) if isinstance(told, str) else told
