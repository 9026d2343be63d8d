"""A connection for whoever sets a database up: migrations and log-ins, never a station's daily work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.errors import GenbaError, Refused, Unavailable
from core.store.address import OLDEST_SERVER, connect_parameters, connection_failure, failure_of

if TYPE_CHECKING:
    from core.store.lineage import Lineage

_LOCK_TIMEOUT = "3s"


@contextlib.contextmanager
def connected(url: str, *, autocommit: bool = False, allow_unsafe: bool = False) -> Iterator[Connection]:
    """A connection as ``url`` says, in a transaction unless ``autocommit``; what goes wrong is told in operator's words.

    Args:
        allow_unsafe: See ``core.store.address.connect_parameters``.

    Raises:
        Refused: The log-in may not do it (``store.upgrade_refused``).
        Unavailable: Not reachable, older than PostgreSQL 15, or out of disk.
    """
    from core.store.dialling import open_connection

    parameters = connect_parameters(url, "genba/upgrade", allow_unsafe=allow_unsafe, lock_timeout=_LOCK_TIMEOUT)
    engine = create_engine("postgresql+psycopg://", creator=lambda: open_connection(parameters), poolclass=NullPool)
    if autocommit:
        engine = engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        try:
            connection = engine.connect()
        except DBAPIError as error:
            raise connection_failure(failure_of(error)) from None
        with connection:
            _check_server(connection)
            yield connection
    except DBAPIError as error:
        raise _refusal(error) from None
    finally:
        engine.dispose()


def lineage_at(url: str, *, allow_unsafe: bool = False) -> Lineage:
    """Which life of which database answers at ``url`` now, the newest of several hosts. Raises Unavailable, Refused."""
    import psycopg

    from core.store.dialling import open_newest
    from core.store.lineage import Seen

    try:
        opened = open_newest(connect_parameters(url, "genba/accept", allow_unsafe=allow_unsafe), Seen())
    except psycopg.OperationalError as error:
        raise connection_failure(error) from None
    opened.connection.close()
    return opened.lineage


def _check_server(connection: Connection) -> None:
    number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if number < OLDEST_SERVER:
        raise Unavailable("store.server_too_old", have=f"{number // 10000}", want=f"{OLDEST_SERVER // 10000}")
    connection.commit()


def _refusal(error: DBAPIError) -> GenbaError:
    inner = failure_of(error)
    line = str(inner).splitlines()[0] if str(inner) else type(inner).__name__
    state = getattr(inner, "sqlstate", None) or ""
    if state in {"42501", "0LP01"}:  # insufficient privilege, invalid grant
        return Refused("store.upgrade_refused", problem=line)
    if state == "53100":
        return Unavailable("store.server_disk_full", problem=line)
    if error.connection_invalidated or state.startswith(("08", "57")):
        return connection_failure(inner)
    return Unavailable("store.upgrade_failed", problem=line)
