"""A backup brought back as the database that stations use: made aside, checked, and only then given the name.

The database that has the name now is never emptied and never removed. The new one is made beside it; in one transaction the old one
gets the name ``…_before_…`` and the new one takes its place. Whatever ends this before that moment, a power cut as well, leaves
everything as it was; what was half made is removed by the next restore.

Two things are changed in what comes back. Leases rise far above every number given out since the backup, so that nothing recorded
under an epoch of the lost time is taken for something of the time after. And log-ins that stand for any station of one computer
are forgotten, unless it is the embedded database of this one. As a database of its own it has another number in its server
(``pg_database.oid``), by which stations can tell it from the one before (:mod:`core.store.lineage`): what they had booked since the
backup was made they book again.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from core.clock import Clock
from core.errors import GenbaError, Refused, Unavailable
from core.store import backup, loading, schema
from core.store.address import failure_of
from core.store.administration import connected
from core.store.audit import Verification
from core.store.loading import elsewhere
from core.store.manifest import Manifest

_MAINTENANCE: Final = ("postgres", "template1")
_SWAP_S: Final = 30.0
_TURN_S: Final = 5.0
"""A restore that was killed lets go within this."""
_TURN: Final = text("SELECT pg_try_advisory_lock(hashtext('genba.restore'))")
_MARK: Final = "genba: being restored"
_SERVER: Final = text("SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version')")
_EXISTS: Final = text("SELECT EXISTS (SELECT FROM pg_database WHERE datname = :name)")
_FILLED: Final = text(
    "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname NOT LIKE 'pg\\_%')"
)
# As the database that has the name now, so that texts sort as before; else as the server makes new ones.
_CREATE: Final = text(
    "SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8''', CAST(:scratch AS text)) || coalesce((SELECT"
    " format(' LC_COLLATE %L LC_CTYPE %L LOCALE_PROVIDER %s', d.datcollate, d.datctype,"
    " CASE d.datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END)"
    " || CASE d.datlocprovider WHEN 'i'"
    " THEN format(' ICU_LOCALE %L', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))"
    " WHEN 'b' THEN format(' BUILTIN_LOCALE %L', to_jsonb(d) ->> 'datlocale') ELSE '' END"
    " FROM pg_database d WHERE d.datname = :name AND d.encoding = pg_char_to_encoding('UTF8')), '')"
)
_NOTE: Final = text("SELECT format('COMMENT ON DATABASE %I IS %L', CAST(:scratch AS text), CAST(:mark AS text))")
_DROP: Final = text("SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', CAST(:scratch AS text))")
_LEFT: Final = text(
    # Killed right after it was made, it has no mark yet.
    "SELECT d.datname FROM pg_database d WHERE d.datname ~ '^genba_restoring_[0-9a-f]{8}$'"
    " AND coalesce(shobj_description(d.oid, 'pg_database'), :mark) = :mark"
    " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid)"
)
_RENAME: Final = text("SELECT format('ALTER DATABASE %I RENAME TO %I', CAST(:old AS text), CAST(:new AS text))")
_UNMARK: Final = text("SELECT format('COMMENT ON DATABASE %I IS NULL', CAST(:name AS text))")
_END: Final = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()")
_FENCE: Final = (
    "SET LOCAL ROLE genba_owner",
    "UPDATE genba.lease SET epoch = epoch + 1000000, expires_at = least(expires_at, clock_timestamp())",
    # A job that was first held after the backup had numbers as well. Nobody knows when its last holder was alive.
    "INSERT INTO genba.lease (name, holder, epoch, acquired_at, renewed_at, expires_at)"
    " SELECT 'source:' || s.code, '', 1000000, 'epoch', 'epoch', 'epoch' FROM genba.source s ON CONFLICT (name) DO NOTHING",
)
_FORGET_LOCAL: Final = "DELETE FROM genba_guard.local_login"


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a backup.

    Attributes:
        manifest: Of the backup.
        database: Name under which it is now.
        kept: Name under which the database before is kept; "" when there was none.
        audit: The recomputed audit chains.
        upgraded: The schema was older and was brought up to date.
        without_login: Stations that need ``genba db roles add`` on this server.
    """

    manifest: Manifest
    database: str
    kept: str
    audit: Verification
    upgraded: bool
    without_login: tuple[str, ...]


def restore(
    url: str,
    folder: Path,
    clock: Clock,
    *,
    replace: str = "",
    broken_audit: bool = False,
    embedded: bool = False,
    allow_unsafe: bool = False,
    give_up: Callable[[], bool] = lambda: False,
) -> Restored:
    """Make the backup in ``folder`` the database that ``url`` names. Stations may run: they are cut off for a moment at the end.

    Args:
        url: Of a superuser, or of a log-in that may create databases and roles.
        replace: Name of a database with content that may be put aside for it.
        broken_audit: Accept a backup whose audit chains were broken when it was made.
        embedded: It is the database of this station's own server.
        allow_unsafe: See ``core.store.address.connect_parameters``.
        give_up: Asked again and again while the data is read.

    Raises:
        Refused: There is content and ``replace`` is not its name; the schema is newer than this program; the audit is broken.
        Invalid: The backup is damaged.
        Conflict: What came back is not what the manifest says.
        Unavailable: Server away, too old or full, tools missing, database still in use, another restore is running.
    """
    told = backup.look_through(folder, give_up)
    if told.schema_revision > schema.REVISION:
        raise Refused("backup.schema_newer", have=told.schema_revision, want=schema.REVISION, program=told.program)
    name = make_url(url).database or ""
    with _maintenance(url, allow_unsafe=allow_unsafe) as server, _turn(server):
        major, version = server.execute(_SERVER).one()
        if major < told.server_major:
            raise Refused("backup.server_older", have=version, want=told.server)
        _check_target(server, url, name, replace, allow_unsafe=allow_unsafe)
        with _scratch(server, name) as scratch:
            place = elsewhere(url, scratch)
            missing = loading.load(place, folder, told, allow_unsafe=allow_unsafe, give_up=give_up)
            found = loading.compare(place, told, allow_unsafe=allow_unsafe)
            if found.findings and not broken_audit:
                first = found.findings[0]
                raise Refused("backup.audit_broken", found=len(found.findings), first=f"{first.station} {first.seq}")
            schema.upgrade(place, allow_unsafe=allow_unsafe)
            _fence(place, embedded=embedded, allow_unsafe=allow_unsafe)
            _check_target(server, url, name, replace, allow_unsafe=allow_unsafe)  # hours may have passed
            kept = _swap(server, scratch, name, f"{clock.now():%Y%m%dT%H%M%SZ}")
    upgraded = told.schema_revision != schema.REVISION
    return Restored(told, name, kept, found, upgraded, tuple(missing))


def _check_target(server: Connection, url: str, name: str, replace: str, *, allow_unsafe: bool) -> None:
    """Nothing takes the place of content unless its name was typed out."""
    if not server.execute(_EXISTS, {"name": name}).scalar_one():
        return
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        filled = connection.execute(_FILLED).scalar_one()
        connection.commit()
    if filled and replace != name:
        raise Refused("backup.not_empty", database=name)


@contextlib.contextmanager
def _turn(server: Connection) -> Iterator[None]:
    """One restore of a server at a time: another one would take what this has half made for what a killed one left."""
    end = time.monotonic() + _TURN_S
    while not server.execute(_TURN).scalar_one():
        if time.monotonic() > end:
            raise Unavailable("backup.restore_running")
        time.sleep(0.1)
    yield  # the lock goes with the connection


@contextlib.contextmanager
def _maintenance(url: str, *, allow_unsafe: bool) -> Iterator[Connection]:
    """A connection beside the databases in question, outside of any transaction."""
    for number, database in enumerate(_MAINTENANCE, start=1):
        with contextlib.ExitStack() as stack:
            try:
                connection = stack.enter_context(connected(elsewhere(url, database), autocommit=True, allow_unsafe=allow_unsafe))
            except GenbaError:
                if number == len(_MAINTENANCE):
                    raise
                continue
            yield connection
            return


@contextlib.contextmanager
def _scratch(server: Connection, name: str) -> Iterator[str]:
    """A new empty database; gone afterwards, unless it got another name. What a killed restore left goes first."""
    for left in server.execute(_LEFT, {"mark": _MARK}).scalars().all():
        _say(server, _DROP, scratch=left)
    scratch = f"genba_restoring_{secrets.token_hex(4)}"
    try:
        _say(server, _CREATE, scratch=scratch, name=name)
    except ProgrammingError as error:
        raise Refused("backup.restore_refused", problem=str(failure_of(error)).splitlines()[0]) from None
    try:
        _say(server, _NOTE, scratch=scratch, mark=_MARK)
        yield scratch
    finally:
        with contextlib.suppress(DBAPIError):  # what went wrong before is what matters; the next restore removes what is left
            _say(server, _DROP, scratch=scratch)


def _fence(url: str, *, embedded: bool, allow_unsafe: bool) -> None:
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        for statement in (*_FENCE, *([] if embedded else [_FORGET_LOCAL])):
            _plain(connection, statement)
        connection.commit()


def _swap(server: Connection, scratch: str, name: str, moment: str) -> str:
    """Give ``scratch`` the name; gives what the database before is called now. Both names change in one transaction, or none does."""
    before = f"{_short(name)}_before_{moment}" if server.execute(_EXISTS, {"name": name}).scalar_one() else ""
    end = time.monotonic() + _SWAP_S
    while True:
        # Whoever connects while a name is being changed waits for it; only who came in before is in the way.
        for busy in (name, scratch):
            with contextlib.suppress(ProgrammingError):  # not everybody may end others' connections; then they must be stopped by hand
                server.execute(_END, {"name": busy}).close()
        try:
            _rename(server, [(name, before)] * bool(before) + [(scratch, name)])
        except GenbaError:
            raise
        except Exception as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) not in {"55006", "55P03", "40P01"}:
                raise
            if time.monotonic() > end:
                raise Unavailable("backup.in_use", database=name) from None
        else:
            return before


def _short(name: str) -> str:
    """The beginning of a name that leaves room for a moment: PostgreSQL cuts names at 63 bytes without a word."""
    return name.encode()[:38].decode(errors="ignore")


def _rename(server: Connection, names: list[tuple[str, str]]) -> None:
    server.exec_driver_sql("BEGIN")
    try:
        for old, new in names:
            _say(server, _RENAME, old=old, new=new)
        _say(server, _UNMARK, name=names[-1][1])
        server.exec_driver_sql("COMMIT")
    except BaseException:
        with contextlib.suppress(Exception):
            server.exec_driver_sql("ROLLBACK")
        raise


def _say(server: Connection, question: object, **told: str) -> None:
    """Have the server write a statement with its names quoted, then run that."""
    _plain(server, str(server.execute(question, told).scalar_one()))  # type: ignore[call-overload]


def _plain(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
