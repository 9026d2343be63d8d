"""What a database holds, in numbers that can be compared: rows of every table, ends of every audit chain, whose site it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from sqlalchemy import Connection, text

from core.errors import Refused, Unavailable
from core.store.schema import read_window

# The server writes the question, with every name quoted. What is not logged is emptied by a crash anyway, and not kept.
_COUNTING: Final = text(
    "SELECT string_agg(format('SELECT %L, count(*) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname), ' UNION ALL ')"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname IN ('genba', 'genba_guard') AND c.relkind = 'r' AND c.relpersistence = 'p'"
)
_AS_IT_STANDS: Final = {"no_parameters": True}
_PATIENTLY: Final = text("SET LOCAL statement_timeout = 0")
_HEADS: Final = text("SELECT station, seq, encode(hash, 'hex') AS hash FROM genba.audit_head ORDER BY station")
_SITES: Final = text("SELECT code FROM genba.site ORDER BY code")
_MAY: Final = text("SELECT pg_has_role(session_user, 'genba_owner', 'MEMBER')")
_SERVER: Final = text(
    "SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000,"
    " clock_timestamp(), current_database(),"
    " (SELECT system_identifier FROM pg_control_system())::text"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What one database holds at one moment.

    Attributes:
        at: Server time when it was looked at, aware UTC.
        database: Its name.
        rows: Table with its schema → rows.
        heads: Station → (number, hash as hex) of the last row of its audit chain.
        site: Codes of its sites.
        revision: Of its schema.
        server, server_major: Version of the server it is in.
        system: Number of the server's data.
    """

    at: datetime
    database: str
    rows: dict[str, int]
    heads: dict[str, tuple[int, str]]
    site: tuple[str, ...]
    revision: str
    server: str
    server_major: int
    system: str


def contents(connection: Connection) -> Contents:
    """Count everything, in the present transaction.

    Raises:
        Unavailable: ``store.schema_missing``.
        Refused: ``cli.needs_owner``: this log-in does not see everything.
    """
    connection.execute(_PATIENTLY)
    window = read_window(connection)
    if window is None:
        raise Unavailable("store.schema_missing")
    if not connection.execute(_MAY).scalar_one():
        raise Refused("cli.needs_owner")
    counting = str(connection.execute(_COUNTING).scalar_one())
    server, major, at, database, system = connection.execute(_SERVER).one()
    return Contents(
        at=cast(datetime, at).astimezone(UTC),
        database=str(database),
        rows={name: int(count) for name, count in connection.exec_driver_sql(counting, execution_options=_AS_IT_STANDS)},
        heads={row.station: (int(row.seq), str(row.hash)) for row in connection.execute(_HEADS)},
        site=tuple(connection.execute(_SITES).scalars()),
        revision=window.revision,
        server=str(server).split()[0],
        server_major=int(major),
        system=system,
    )
