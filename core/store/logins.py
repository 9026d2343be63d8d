"""Log-ins of stations: one role of the database for each, bound to its station, limited, and revoked when its computer is lost.

Only whoever administers the database comes here (``genba db roles``); a station cannot make, bind or revoke any.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import psycopg
from sqlalchemy import Connection, text

from core.errors import Invalid
from core.store.administration import connected

CONNECTIONS: Final = 8
"""Connections one log-in may have at once: three of the station, and a command line beside it."""
_RESERVED: Final = frozenset({"genba_owner", "genba_station", "genba_admin", "genba_local"})
_QUOTED: Final = text("SELECT format('%I', CAST(:login AS text)), EXISTS (SELECT FROM pg_roles WHERE rolname = :login)")
_MIGHTIER: Final = text(
    "SELECT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = :login AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls"
    " OR r.rolreplication OR r.rolname = 'genba_station' OR pg_has_role(r.oid, 'genba_owner', 'MEMBER')))"
)
_END: Final = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :login")
_BIND: Final = text(
    "INSERT INTO genba.station (code, login) VALUES (:station, :login)"
    " ON CONFLICT (code) DO UPDATE SET login = excluded.login, revoked_at = NULL"
)
_KNOWS_PRESENCE: Final = text("SELECT to_regclass('genba.presence') IS NOT NULL")
_PRESENCE: Final = "p.claimed_until > clock_timestamp() AS here, p.clock_ahead_s, p.notice_lag_s, p.waiting, p.parked"
_NO_PRESENCE: Final = "false AS here, NULL::float8 AS clock_ahead_s, NULL::float8 AS notice_lag_s, 0 AS waiting, 0 AS parked"
_LIST: Final = (
    "SELECT s.code, s.login, r.rolcanlogin, s.revoked_at, s.seen_at, s.program_version, s.host, {presence},"
    " (SELECT string_agg(u.code, ', ' ORDER BY u.code) FROM genba.session e JOIN genba.app_user u ON u.id = e.user_id"
    "  WHERE e.station = s.code AND e.ended_at IS NULL AND e.expires_at > clock_timestamp()) AS people"
    " FROM genba.station s LEFT JOIN pg_roles r ON r.rolname = s.login {join} ORDER BY s.code"
)


_KEPT: Final = text(
    "SELECT s.code, s.login FROM genba.station s JOIN pg_roles r ON r.rolname = s.login"
    " WHERE r.rolcanlogin AND s.revoked_at IS NULL AND pg_has_role(r.oid, 'genba_station', 'MEMBER') ORDER BY s.code"
)
_IS_SUPERUSER: Final = text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
_VERIFIERS: Final = text("SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$%'")
_VERIFIER: Final = re.compile(r"SCRAM-SHA-256\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class KeptLogin:
    """The log-in of a station as a backup keeps it.

    Attributes:
        verifier: What the server compares a password with; it lets nobody in by itself. "" when it could not be read.
    """

    station: str
    login: str
    verifier: str


@dataclass(frozen=True, slots=True)
class StationLogin:
    """One station and the log-in that is bound to it.

    Attributes:
        login: None for a station that has none (it reports from an embedded database, or was only named in the site file).
        may_log_in: The role exists and may log in.
        revoked_at: Since when it is of no use; None while it works.
        seen_at: When the station said last that it is there; None for never.
        people: Codes of who is signed in there, ", " between; "" for nobody.
        here: A program holds the station's name now.
        clock_ahead_s, notice_lag_s: Of its clock against the server's, and of notices, seconds; None: not measured.
        waiting, parked: Decisions in its journal that are not in the database, and those that need a person.
    """

    station: str
    login: str | None
    may_log_in: bool
    revoked_at: datetime | None
    seen_at: datetime | None
    program_version: str
    host: str = ""
    people: str = ""
    here: bool = False
    clock_ahead_s: float | None = None
    notice_lag_s: float | None = None
    waiting: int = 0
    parked: int = 0


def login_of(station: str) -> str:
    """Name of the role of a station; at most 63 bytes, as PostgreSQL's names are."""
    return f"genba_{station}"


def add(url: str, station: str, password: str | None = None, *, allow_unsafe: bool = False) -> str:
    """Make the log-in of ``station``, or give an existing one a new password and let it in again; gives the password.

    Args:
        url: Of a log-in that owns the database and may create roles, or of a superuser.
        password: None for 32 random bytes.
        allow_unsafe: See ``core.store.address.connect_parameters``.

    Raises:
        Invalid: ``store.station_reserved``: a role of that name may more than a station (station ``owner`` would be the schema's owner).
        Refused: ``store.upgrade_refused``.
        Unavailable: Not reachable.
    """
    chosen = password or secrets.token_urlsafe(32)
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        if connection.execute(_MIGHTIER, {"login": login_of(station)}).scalar_one():
            raise Invalid("store.station_reserved", station=station)
        _make(connection, login_of(station), chosen)
        connection.execute(text("SET LOCAL ROLE genba_owner"))
        connection.execute(text("DELETE FROM genba_guard.local_login WHERE login = :login"), {"login": login_of(station)})
        connection.execute(_BIND, {"station": station, "login": login_of(station)})
        connection.commit()
    return chosen


def add_local(url: str, login: str, password: str) -> None:
    """Make the log-in of an embedded server, which any station of its computer may use. Raises as ``add``."""
    with connected(url) as connection:
        _make(connection, login, password)
        connection.execute(text("SET LOCAL ROLE genba_owner"))
        connection.execute(text("INSERT INTO genba_guard.local_login VALUES (:login) ON CONFLICT DO NOTHING"), {"login": login})
        connection.commit()


def revoke(url: str, station: str, *, allow_unsafe: bool = False) -> None:
    """Shut a station out: its log-in is closed, its connections end, its people are signed off there, its leases expire.

    Raises:
        Invalid: ``store.station_unknown``.
        Refused, Unavailable: As ``add``.
    """
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        login = connection.execute(text("SELECT login FROM genba.station WHERE code = :code"), {"code": station}).scalar_one_or_none()
        if login is None:
            raise Invalid("store.station_unknown", station=station)
        name, exists = connection.execute(_QUOTED, {"login": login}).one()
        if exists:
            _plain(connection, f"ALTER ROLE {name} NOLOGIN PASSWORD NULL")
            _plain(connection, f"REVOKE genba_station FROM {name}")
        connection.execute(_END, {"login": login})
        connection.execute(text("SET LOCAL ROLE genba_owner"))
        told = {"code": station}
        connection.execute(text("UPDATE genba.station SET revoked_at = clock_timestamp(), offline_h = 0 WHERE code = :code"), told)
        connection.execute(
            text("UPDATE genba.session SET ended_at = greatest(clock_timestamp(), started_at) WHERE station = :code AND ended_at IS NULL"),
            told,
        )
        connection.execute(
            text("UPDATE genba_guard.offline_key SET ended_at = clock_timestamp() WHERE station = :code AND ended_at IS NULL"), told
        )
        connection.execute(text("UPDATE genba.lease SET expires_at = clock_timestamp() WHERE holder = :code"), told)
        connection.commit()
        # Until the commit it could connect again, and a program does so at once.
        connection.execute(_END, {"login": login})
        connection.commit()


def listed(url: str, *, allow_unsafe: bool = False) -> list[StationLogin]:
    """Every station with its log-in, by code. Raises as ``add``."""
    with connected(url, allow_unsafe=allow_unsafe) as connection:
        known = connection.execute(_KNOWS_PRESENCE).scalar_one()  # not before revision 0005
        presence, join = (_PRESENCE, "LEFT JOIN genba.presence p ON p.station = s.code") if known else (_NO_PRESENCE, "")
        rows = connection.execute(text(_LIST.format(presence=presence, join=join))).all()
        connection.commit()
    return [
        StationLogin(
            row.code, row.login, bool(row.rolcanlogin), row.revoked_at, row.seen_at, row.program_version, row.host, row.people or "",
            bool(row.here), row.clock_ahead_s, row.notice_lag_s, row.waiting or 0, row.parked or 0,
        )
        for row in rows
    ]  # fmt: skip


def kept(connection: Connection) -> list[KeptLogin]:
    """The log-ins that work now, in the present transaction; a superuser also gets what the server needs to know them again."""
    may_read = connection.execute(_IS_SUPERUSER).scalar_one()
    verifiers = {row.rolname: str(row.rolpassword) for row in connection.execute(_VERIFIERS)} if may_read else {}
    return [KeptLogin(row.code, row.login, verifiers.get(row.login, "")) for row in connection.execute(_KEPT)]


def bring_back(connection: Connection, known: Iterable[KeptLogin]) -> list[str]:
    """Make the log-ins that this server has not; gives the stations that still need one (``genba db roles add``). Commits.

    One that exists is left as it is: its present password and whether it may log in were decided later.
    """
    missing = []
    for one in known:
        name, exists = connection.execute(_QUOTED, {"login": one.login}).one()
        if exists:
            continue
        if one.login != login_of(one.station) or one.login in _RESERVED or not _VERIFIER.fullmatch(one.verifier):
            missing.append(one.station)
            continue
        _plain(connection, f"CREATE ROLE {name} LOGIN CONNECTION LIMIT {CONNECTIONS} PASSWORD '{one.verifier}'")
        _plain(connection, f"GRANT genba_station TO {name}")
    connection.commit()
    return missing


def _make(connection: Connection, login: str, password: str) -> None:
    name, exists = connection.execute(_QUOTED, {"login": login}).one()
    # The server gets what it keeps, not the password: statements stand in its log, those that fail by default.
    libpq: Any = cast(psycopg.Connection, connection.connection.dbapi_connection).pgconn
    secret = libpq.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode("ascii")
    verb = "ALTER" if exists else "CREATE"
    _plain(connection, f"{verb} ROLE {name} LOGIN CONNECTION LIMIT {CONNECTIONS} PASSWORD '{secret}'")
    _plain(connection, f"GRANT genba_station TO {name}")


def _plain(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
