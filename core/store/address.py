"""How a database address becomes a connection: safe defaults for the wire, and what a failure says to the operator."""

from __future__ import annotations

import ipaddress
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import ArgumentError

from core.errors import GenbaError, Invalid, Refused, Unavailable

OLDEST_SERVER = 150000
"""Server version number from which on this program works (PostgreSQL 15)."""


def connect_parameters(url: str, application: str, **settings: str) -> dict[str, str]:
    """libpq's parameters for ``url``, completed with what an industrial network needs.

    A server elsewhere must prove its name by certificate and must not ask for a readable password, unless the address
    says otherwise. A half-open connection is noticed within about ten seconds in both directions.

    Args:
        url: ``postgresql+psycopg://…``; whatever it says itself counts.
        application: Name shown in ``pg_stat_activity``.
        **settings: Server settings of the session, ``statement_timeout="10s"``.

    Raises:
        Invalid: The address cannot be read (``store.address``).
    """
    try:
        dialect: Any = PGDialect_psycopg  # untyped by its makers
        given: dict[str, Any] = dialect().create_connect_args(make_url(url))[1]
    except (ArgumentError, ValueError):
        raise Invalid("store.address") from None
    hosts = str(given.get("host") or "").split(",")
    defaults = {
        "application_name": application,
        "connect_timeout": "5",
        "gssencmode": "disable",
        "keepalives": "1",
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
        "tcp_user_timeout": "6000",
        "client_encoding": "utf8",
    }
    if not all(_local(host) for host in hosts):
        defaults |= {"sslmode": "verify-full", "require_auth": "scram-sha-256"}
    if len(hosts) > 1:
        defaults["target_session_attrs"] = "read-write"
    options = " ".join(f"-c {key}={value}" for key, value in {"timezone": "UTC", **settings}.items())
    merged = defaults | {key: str(value) for key, value in given.items() if value not in (None, "")}
    merged["options"] = f"{options} {given.get('options', '')}".strip()
    return merged


def _local(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def connection_failure(error: BaseException) -> GenbaError:
    """Why no connection came about, in operator's words; never holds a password."""
    text = str(error)
    # The last line that tells something: of several hosts the last one's reason, without libpq's question whether it is running.
    lines = [part.strip() for part in text.splitlines() if part.strip() and not part.strip().startswith("Is the server running")]
    line = lines[-1] if lines else type(error).__name__
    state = getattr(error, "sqlstate", None) or ""
    if state.startswith("28") or "password authentication failed" in text or "no pg_hba.conf entry" in text:
        return Refused("store.login_refused", problem=line)
    if state == "3D000" or ("database" in text and "does not exist" in text):
        return Unavailable("store.database_missing", problem=line)
    if "certificate" in text or "SSL" in text or "authentication method" in text:
        return Refused("store.not_trusted", problem=line)
    return Unavailable("store.away", problem=line)


def failure_of(error: BaseException) -> BaseException:
    """The driver's own exception inside one of SQLAlchemy's; the exception itself otherwise."""
    inner = getattr(error, "orig", None)
    return inner if isinstance(inner, BaseException) else error
