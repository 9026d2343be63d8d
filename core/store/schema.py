"""The schema's version: what it is, whether this program may work with it, and how it is brought up to date.

The embedded database migrates itself at start. A shared one is migrated by ``genba db upgrade`` only, so that one updated
panel never stops the others: every schema says from which to which program version it serves (table ``schema_compat``),
releases only add to it, and what an older program still uses is taken away one release later.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from core.config import VERSION
from core.errors import GenbaError, Unavailable
from core.store import logins
from core.store.address import failure_of
from core.store.administration import connected
from core.store.embedded import ADMIN, DATABASE, LOGIN, EmbeddedServer

if TYPE_CHECKING:
    from alembic.config import Config

REVISION = "0006"
"""The newest revision this program knows; equal to alembic's head (tested)."""

_MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
_UPGRADE_LOCK = 0x67656E6261  # "genba": one upgrade of a database at a time
# By number, not by time: a server whose clock was set back before an upgrade would show the window from before it.
_WINDOW = text("SELECT schema_revision, oldest_program, newest_program FROM genba.schema_compat ORDER BY schema_revision DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class Window:
    """Which programs a schema serves.

    Attributes:
        revision: Revision of the schema.
        oldest_program, newest_program: First and last version it serves; ``0.1`` means every 0.1.x.
    """

    revision: str
    oldest_program: str
    newest_program: str

    def verdict(self, program: str = VERSION) -> Unavailable | None:
        """None when ``program`` may work with the schema, else why it may only read."""
        mine, oldest, newest = _parts(program), _parts(self.oldest_program), _parts(self.newest_program)
        told = {"program": program, "oldest": self.oldest_program, "newest": self.newest_program, "revision": self.revision}
        if mine[: len(oldest)] < oldest:
            return Unavailable("store.program_too_old", **told)
        if mine[: len(newest)] > newest:
            return Unavailable("store.schema_too_old", **told)
        return None


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """How a database stands to this program.

    Attributes:
        state: ``ready``; ``empty`` (never set up); ``behind`` (serves this program, but a newer revision is at hand);
            ``read_only`` (outside the window); ``ahead`` (newer than this program knows, and serving it).
        window: What the schema says of itself; None when empty.
        head: Newest revision this program knows.
        program: Version of this program.
        server: Version of the server, ``18.6``.
        reason: Why it is not usable or read-only; None when it is fine.
        declared: Fingerprint of what the last upgrade declared; "" for none.
    """

    state: Literal["ready", "empty", "behind", "read_only", "ahead"]
    window: Window | None
    head: str
    program: str
    server: str
    reason: Unavailable | None
    declared: str = ""


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def read_window(connection: Connection) -> Window | None:
    """What the schema says of itself; None when there is no schema. Leaves the transaction usable."""
    # An ordinary SELECT on a missing table would end the transaction, so the catalogue is asked first.
    if connection.execute(text("SELECT to_regclass('genba.schema_compat')")).scalar_one() is None:
        return None
    row = connection.execute(_WINDOW).one_or_none()
    return None if row is None else Window(*row)


def status(url: str, *, allow_unsafe: bool = False) -> SchemaStatus:
    """How the database at ``url`` stands to this program. Changes nothing.

    Args:
        allow_unsafe: See ``core.store.address.connect_parameters``.

    Raises:
        Unavailable, Refused: It cannot be reached or entered (``store.away``, ``store.login_refused`` …).
    """
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        return _status(connection)


def upgrade(url: str, *, wait_s: float = 60.0, allow_unsafe: bool = False) -> SchemaStatus:
    """Bring the database at ``url`` to this program's revision; nothing happens when it is there already.

    The log-in must be a superuser, or own the database and may create roles, or be a member of ``genba_owner``.
    Everything happens in one transaction. Two upgrades at once: the second waits for the first. Stations may go on working: what
    they decide meanwhile waits until the upgrade is through (``migrations/sql/gate.sql``). What is under way is waited for at most
    three seconds at a time, so that nobody queues up behind the upgrade for longer; who only reads does not hinder it.

    Args:
        wait_s: How long to wait for another upgrade and for work under way, seconds.
        allow_unsafe: See ``core.store.address.connect_parameters``.

    Raises:
        Refused: The log-in may not do it (``store.upgrade_refused``).
        Unavailable: Not reachable, server older than PostgreSQL 15, or still in use after ``wait_s`` (``store.upgrade_busy``).
    """
    end = time.monotonic() + wait_s
    with connected(url, allow_unsafe=allow_unsafe) as connection, _alone(connection, end):
        before = _status(connection)
        if before.reason is not None and before.reason.code == "store.program_too_old":
            raise before.reason
        if before.state == "ahead":
            return before
        _migrate(connection, end)
        return _status(connection)


def schema_sql() -> str:
    """The whole schema as one SQL script, for a database administrator who runs nothing he has not read."""
    from alembic import command

    script = io.StringIO()
    command.upgrade(_config(script), "head", sql=True)
    return script.getvalue()


def prepare_embedded(server: EmbeddedServer, declared: str) -> str:
    """Make, or bring up to date, the database of a started embedded server; returns the station's address.

    A database that is up to date costs one query.

    Args:
        declared: ``core.declared.fingerprint()``: the database must know what this program declares.

    Raises:
        Unavailable: It cannot be migrated (``store.program_too_old`` after going back to an older program).
    """
    with contextlib.suppress(GenbaError):
        now = status(server.url())
        if now.window is not None and now.window.revision == REVISION and now.declared == declared:
            return server.url()
    with server.alone():
        with connected(server.url(ADMIN, "postgres"), autocommit=True) as connection:
            if not connection.execute(text("SELECT count(*) FROM pg_database WHERE datname = :name"), {"name": DATABASE}).scalar_one():
                connection.execute(text(f"CREATE DATABASE {DATABASE}"))
        upgrade(server.url(ADMIN))
        logins.add_local(server.url(ADMIN), LOGIN, server.password())
    return server.url()


# Inside --------------------------------------------------------------------------------------------------------------


def _status(connection: Connection) -> SchemaStatus:
    window = read_window(connection)
    knows = (
        window is not None and connection.execute(text("SELECT to_regprocedure('genba.declared_fingerprint()')")).scalar_one() is not None
    )
    declared = str(connection.execute(text("SELECT genba.declared_fingerprint()")).scalar_one() or "") if knows else ""
    server = str(connection.execute(text("SHOW server_version")).scalar_one()).split()[0]
    connection.commit()
    reason = Unavailable("store.schema_missing") if window is None else window.verdict()
    state: Literal["ready", "empty", "behind", "read_only", "ahead"] = "ready"
    if window is None:
        state = "empty"
    elif reason is not None:
        state = "read_only"
    elif window.revision != REVISION:
        state = "behind" if window.revision < REVISION else "ahead"
    return SchemaStatus(state, window, REVISION, VERSION, server, reason, declared)


@contextlib.contextmanager
def _alone(connection: Connection, end: float) -> Iterator[None]:
    """Hold the lock that only one upgrade of this database may hold; it goes with the connection at the latest."""
    while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _UPGRADE_LOCK}).scalar_one():
        connection.commit()
        if time.monotonic() > end:
            raise Unavailable("store.upgrade_busy")
        time.sleep(0.1)
    connection.commit()
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _UPGRADE_LOCK})
            connection.commit()


def _migrate(connection: Connection, end: float) -> None:
    from alembic import command

    config = _config(io.StringIO())
    config.attributes["connection"] = connection
    pause_s = 0.2
    while True:
        try:
            command.upgrade(config, "head")
            connection.commit()
            return
        except OperationalError as error:
            connection.rollback()
            if getattr(failure_of(error), "sqlstate", None) not in {"55P03", "40P01"}:  # lock not available, deadlock
                raise
            if time.monotonic() + pause_s > end:
                raise Unavailable("store.upgrade_busy") from None
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 3.0)


def _config(output: io.StringIO) -> Config:
    from alembic.config import Config

    config = Config(stdout=output, output_buffer=output)
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
