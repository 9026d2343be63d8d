"""A backup read back into an empty database, and compared with what it says of itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, make_url, text

from core.errors import Conflict, Invalid
from core.store import audit, dumping, logins
from core.store.address import connect_parameters
from core.store.administration import connected
from core.store.audit import Verification
from core.store.base import Db
from core.store.contents import contents
from core.store.embedded import ADMIN, EmbeddedServer
from core.store.manifest import DUMP, LOGINS, Manifest

_PARALLEL: Final = 2
_TIMEOUT_SINCE: Final = 17
_UNKNOWN_TIMEOUT: Final = 'unrecognized configuration parameter "transaction_timeout"'
_DIFFERENCES_SHOWN: Final = 3
_MISSING_ROLES: Final = text(
    "SELECT format('CREATE ROLE %I NOLOGIN', wanted) FROM unnest(ARRAY['genba_owner', 'genba_station']) wanted"
    " WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)"
)
_NOT_A_MEMBER: Final = text(
    "SELECT format('GRANT genba_owner TO %I', current_user) WHERE NOT pg_has_role(current_user, 'genba_owner', 'MEMBER')"
)


def load(url: str, folder: Path, told: Manifest, *, allow_unsafe: bool = False, give_up: Callable[[], bool] = lambda: False) -> list[str]:
    """Bring everything into the empty database at ``url``; gives the stations whose log-in this server could not be told.

    Args:
        url: Of a superuser, or of a log-in that owns the database and may create roles.
        told: Of ``folder``, its sums compared.

    Raises:
        Refused, Unavailable, Invalid: The server refuses it, or the content cannot be read.
    """
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        for question in (_MISSING_ROLES, _NOT_A_MEMBER):
            for statement in connection.execute(question).scalars().all():
                _plain(connection, statement)
        connection.commit()
        missing = logins.bring_back(connection, _logins(folder))
        major = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10000
        connection.commit()
    tools = dumping.fitting(max(major, told.tool_major))
    strict = [] if major < _TIMEOUT_SINCE <= tools.major else ["--exit-on-error"]
    words: list[str | Path] = [f"--jobs={_PARALLEL}", *strict, folder / DUMP]
    ended = dumping.run(tools, "pg_restore", words, connect_parameters(url, "genba/restore", allow_unsafe=allow_unsafe), give_up)
    if ended.code and not _only_a_newer_word(ended.err):
        raise dumping.failure("pg_restore", ended, folder)
    return missing


def _only_a_newer_word(said: str) -> bool:
    """Newer tools set a limit of time that older servers do not know, and each of their connections is told so: no rows are concerned."""
    errors = [line for line in said.splitlines() if line.startswith("pg_restore: error:")]
    return bool(errors) and all(_UNKNOWN_TIMEOUT in line for line in errors)


def _logins(folder: Path) -> list[logins.KeptLogin]:
    try:
        rows = json.loads((folder / LOGINS).read_text(encoding="utf-8"))
        return [logins.KeptLogin(str(row["station"]), str(row["login"]), str(row["verifier"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        raise Invalid("backup.damaged", path=str(folder / LOGINS), problem="JSON") from None


def compare(url: str, told: Manifest, *, allow_unsafe: bool = False) -> Verification:
    """Count the rows of the database at ``url``, compare them with what was counted in the original, recompute the audit chains.

    Raises:
        Conflict: ``backup.differs``: other rows or other ends of chains than the manifest says.
        Unavailable: The database went away.
    """
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        found = contents(connection)
        connection.commit()
        _same({**told.rows, **_numbers(told.heads)}, {**found.rows, **_numbers(found.heads)})
        with Db(connection) as db:
            result = audit.verify(db)
            db.rollback()
    return result


def _numbers(heads: Mapping[str, tuple[int, str]]) -> dict[str, str]:
    return {f"audit {station}": f"{number} {end}" for station, (number, end) in heads.items()}


def _same(wanted: Mapping[str, object], found: Mapping[str, object]) -> None:
    names = [name for name in sorted(wanted.keys() | found.keys()) if wanted.get(name) != found.get(name)]
    if names:
        shown = ", ".join(f"{name}: {found.get(name, '—')} / {wanted.get(name, '—')}" for name in names[:_DIFFERENCES_SHOWN])
        raise Conflict("backup.differs", differences=shown)


def prove(folder: Path, told: Manifest, give_up: Callable[[], bool] = lambda: False) -> Verification:
    """Read the backup back into a server of its own that is gone afterwards, and compare. Needs room for the whole database.

    Raises:
        Conflict, Invalid: It is not what it says.
        Unavailable: No room, or the server does not start.
    """
    with tempfile.TemporaryDirectory(prefix="genba-verify-") as place:
        server = EmbeddedServer(Path(place) / "database", durable=False)
        server.start(give_up=give_up)
        try:
            with connected(server.url(ADMIN, "postgres"), autocommit=True) as connection:
                _plain(connection, "CREATE DATABASE genba TEMPLATE template0")
            load(server.url(ADMIN), folder, told, give_up=give_up)
            return compare(server.url(ADMIN), told)
        finally:
            server.stop()


def elsewhere(url: str, database: str) -> str:
    """The address of another database of the same server."""
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _plain(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
