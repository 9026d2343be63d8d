"""A backup: one moment of a whole database in a folder that says what is in it, made beside the stations' work.

``pg_dump`` copies the moment whose rows are counted here: both look through one exported snapshot. The folder gets its name when
everything in it is on the disk and was read back once; a name that is taken is never written over.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.config import VERSION
from core.errors import GenbaError, Refused, Unavailable
from core.store import dumping, logins, manifest
from core.store.address import connect_parameters, failure_of
from core.store.administration import connected
from core.store.contents import Contents, contents
from core.store.dumping import Tools
from core.store.filelock import try_lock
from core.store.logins import KeptLogin
from core.store.manifest import DUMP, LOGINS, MANIFEST, Manifest, Piece

_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]")
"""What a code may have and the name of a folder may not everywhere: ``TOKYO/1``."""
_SITE_MAX: Final = 80
_PARTIAL: Final = ".partial-"
_LOCK: Final = ".lock"
_MOMENT: Final = (
    text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    text("SET LOCAL idle_in_transaction_session_timeout = 0"),
)
_SNAPSHOT: Final = text("SELECT pg_export_snapshot()")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def make(
    url: str,
    to: Path,
    station: str,
    *,
    scheduled: bool = False,
    allow_unsafe: bool = False,
    give_up: Callable[[], bool] = lambda: False,
) -> tuple[Path, Manifest]:
    """Back the database at ``url`` up; gives the folder and what is in it.

    Args:
        url: Of a log-in that owns the database, or of a superuser (then the log-ins of stations are kept with their passwords' proofs).
        to: A folder that exists: the backup becomes a new one inside; else the name of the new folder itself.
        station: Who makes it.
        scheduled: By itself, and not because somebody wanted it.
        allow_unsafe: See ``core.store.address.connect_parameters``.
        give_up: Asked again and again; True ends it.

    Raises:
        Refused: The log-in may not see everything, the name is taken.
        Unavailable: The database or the folder cannot be used, or it became full: nothing is left behind then.
    """
    with connected(url, allow_unsafe=allow_unsafe) as connection, _in_words(to, connection):
        for statement in _MOMENT:
            connection.execute(statement)
        snapshot = connection.execute(_SNAPSHOT).scalar_one()
        inside = contents(connection)
        tools = dumping.fitting(inside.server_major)
        folder = _named(to, inside, station)
        with _aside(folder) as partial:
            words = ["--format=custom", "--no-unlogged-table-data", "--lock-wait-timeout=10s", f"--snapshot={snapshot}"]
            server = _this_server(connection, url, allow_unsafe=allow_unsafe)
            ended = dumping.run(tools, "pg_dump", [*words, f"--file={partial / DUMP}"], server, give_up)
            if ended.code:
                raise dumping.failure("pg_dump", ended, folder)
            (partial / DUMP).chmod(0o600)
            told = _told(inside, partial, logins.kept(connection), give_up)
            who = {"name": folder.name, "station": station, "tool": tools.version, "scheduled": scheduled}
            told = told.model_copy(update=who)
            _finish(partial, folder, told, tools, give_up)
    return folder, told


def _told(inside: Contents, partial: Path, known: Sequence[KeptLogin], give_up: Callable[[], bool]) -> Manifest:
    """What is in the pieces; the log-ins are written here."""
    manifest.write_durably(partial / LOGINS, json.dumps([asdict(one) for one in known], ensure_ascii=False, indent=1).encode())
    pieces = {name: Piece(size=(partial / name).stat().st_size, sha256=manifest.sum_of(partial / name, give_up)) for name in (DUMP, LOGINS)}
    return Manifest(
        format=1,
        name="",
        made_at=inside.at,
        station="",
        site=inside.site,
        program=VERSION,
        schema_revision=inside.revision,
        server=inside.server,
        server_major=inside.server_major,
        tool="0",
        database=inside.database,
        system=inside.system,
        scheduled=False,
        rows=inside.rows,
        heads=inside.heads,
        logins=len(known),
        login_secrets=any(one.verifier for one in known),
        pieces=pieces,
    )


def _finish(partial: Path, folder: Path, told: Manifest, tools: Tools, give_up: Callable[[], bool]) -> None:
    """Everything onto the disk, read once by who will have to read it, and only then under its name."""
    manifest.sync(partial / DUMP)
    manifest.write_durably(partial / MANIFEST, manifest.sealed(told))
    manifest.sync(partial)
    _listable(tools, partial, give_up)
    if folder.exists():
        raise Refused("backup.name_taken", path=str(folder))
    partial.rename(folder)
    manifest.sync(folder.parent)


def look_through(folder: Path, give_up: Callable[[], bool] = lambda: False) -> Manifest:
    """Check a backup without a database: manifest, sums, and that ``pg_restore`` can read its contents.

    Raises:
        Invalid: It is none, damaged, or of a newer program.
        Unavailable: It cannot be read, or no tools are here.
    """
    told = manifest.read(folder)
    manifest.check_pieces(folder, told, give_up)
    _listable(dumping.fitting(told.tool_major), folder, give_up)
    return told


def _listable(tools: Tools, folder: Path, give_up: Callable[[], bool]) -> None:
    ended = dumping.run(tools, "pg_restore", ["--list", folder / DUMP], give_up=give_up)
    if ended.code or " TABLE DATA genba audit " not in ended.out:
        raise dumping.failure("pg_restore", ended, folder / DUMP)


def _named(to: Path, inside: Contents, station: str) -> Path:
    if not to.is_dir():
        if to.exists() or to.is_symlink():
            raise Refused("backup.name_taken", path=str(to))
        return to.absolute()
    site = _UNFIT.sub("_", "-".join(inside.site))[:_SITE_MAX] or "empty"
    folder = to.absolute() / f"genba-{site}-{station}-{inside.at:%Y%m%dT%H%M%S}{inside.at.microsecond // 1000:03}Z"
    if folder.exists():
        raise Refused("backup.name_taken", path=str(folder))
    return folder


@contextlib.contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """A folder beside ``folder`` that is gone afterwards, unless it got its name; what killed ones left is removed."""
    _sweep(folder.parent)
    partial = folder.with_name(f"{_PARTIAL}{secrets.token_hex(4)}")
    lock = partial.with_suffix(_LOCK)  # beside it: a folder with an open file in it cannot get its name everywhere
    try:
        with lock.open("wb") as held:
            try_lock(held, exclusive=True)
            partial.mkdir(mode=0o700)
            yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        lock.unlink(missing_ok=True)


def _sweep(parent: Path) -> None:
    """Remove what a killed backup left here: nobody holds its lock any more."""
    for lock in parent.glob(f"{_PARTIAL}*{_LOCK}"):
        with contextlib.suppress(OSError):
            with lock.open("r+b") as held:
                alive = not try_lock(held, exclusive=True)
            if not alive:
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink(missing_ok=True)


def _this_server(connection: Connection, url: str, *, allow_unsafe: bool) -> dict[str, str]:
    """libpq's parameters for the very server that ``connection`` is at: of several hosts only that one knows the snapshot."""
    info = cast(Any, connection.connection.dbapi_connection).info
    parameters = connect_parameters(url, "genba/backup", allow_unsafe=allow_unsafe)
    parameters |= {"host": info.host, "port": str(info.port)}
    if "," in parameters.get("hostaddr", ""):
        parameters["hostaddr"] = info.hostaddr
    return parameters


@contextlib.contextmanager
def _in_words(path: Path, connection: Connection) -> Iterator[None]:
    try:
        yield
    except GenbaError:
        connection.invalidate()  # else its server, which may be gone, is asked to end the transaction, and that is what would be told
        raise
    except DBAPIError as error:
        line = str(failure_of(error)).splitlines()[0]
        raise Unavailable("backup.server_went" if error.connection_invalidated else "backup.failed", problem=line) from None
    except OSError as error:
        if error.errno in _FULL:
            raise Unavailable("backup.disk_full", path=str(path)) from None
        raise Unavailable("cli.cannot_write", path=str(path), problem=error.strerror or type(error).__name__) from None
