"""How a database address becomes a connection: safe defaults for the wire, and what a failure says to the operator."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import ArgumentError

from core.errors import GenbaError, Invalid, Refused, Unavailable
from core.log import conceal

OLDEST_SERVER = 150000
"""Server version number from which on this program works (PostgreSQL 15)."""


def connect_parameters(url: str, application: str, *, allow_unsafe: bool = False, **settings: str) -> dict[str, str]:
    """libpq's parameters for ``url``, completed with what an industrial network needs.

    A server elsewhere must prove its name by certificate, must not ask for a readable password, and must prove that the
    encrypted talk ends at itself. A half-open connection is noticed within about ten seconds in both directions.

    Args:
        url: ``postgresql+psycopg://…``; whatever it says itself counts.
        application: Name shown in ``pg_stat_activity``.
        allow_unsafe: Obey an address that takes some of that proof away; the station's setting ``allow_unsafe_database``.
        **settings: Server settings of the session, ``statement_timeout="10s"``.

    Raises:
        Invalid: The address cannot be read (``store.address``).
        Refused: It weakens the connection and must not (``store.address_unsafe``).
    """
    given = _given(url)
    weak = weaknesses(url)
    if weak and not allow_unsafe:
        raise Refused("store.address_unsafe", what=", ".join(weak))
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
    if not is_local(url):
        defaults |= _PROOF
        if given.get("sslmode") in {"disable", "allow", "prefer"} or given.get("require_auth", "") not in {"", _PROOF["require_auth"]}:
            defaults["channel_binding"] = "prefer"  # there may be no channel, or nothing to bind to it
    if len(str(given.get("host") or "").split(",")) > 1:
        defaults["target_session_attrs"] = "read-write"
    options = " ".join(f"-c {key}={value}" for key, value in {"timezone": "UTC", **settings}.items())
    merged = defaults | given
    merged["options"] = f"{options} {given.get('options', '')}".strip()
    return merged


_PROOF = {"sslmode": "verify-full", "require_auth": "scram-sha-256", "channel_binding": "require"}
"""What a server elsewhere must do; said outright, so that no PG… variable of the environment says otherwise."""
_WEAKER = {
    "gssencmode": ("prefer", "require"),  # it takes the place of TLS, and of its checks
    "ssl_min_protocol_version": ("TLSv1", "TLSv1.1"),
}


def weaknesses(url: str) -> tuple[str, ...]:
    """The parts of ``url`` that take proof or secrecy away from a connection to another computer; empty: none.

    Raises:
        Invalid: The address cannot be read (``store.address``).
    """
    given = _given(url)
    if is_local(url):
        return ()
    found = [f"{key}={given[key]}" for key, wanted in _PROOF.items() if key in given and given[key] != wanted]
    found += [f"{key}={given[key]}" for key, weak in _WEAKER.items() if given.get(key) in weak]
    # A service file may say anything, and the key log lets whoever reads it listen.
    return (*found, *(key for key in ("service", "servicefile", "sslkeylogfile") if key in given))


def is_local(url: str) -> bool:
    """Whether the server is on this computer, so that nobody stands between. Raises Invalid ``store.address``.

    Where the packets go counts (``hostaddr``), and the name too: a tunnel through the loopback leads to another computer.
    """
    given = _given(url)
    goes_to = given.get("hostaddr") or os.environ.get("PGHOSTADDR") or ""
    named = given.get("host") or os.environ.get("PGHOST") or ""
    if not named and ("service" in given or os.environ.get("PGSERVICE")):
        return False
    return all(_local(host) for host in (*goes_to.split(","), *named.split(",")))


def without_credentials(url: str) -> str:
    """``host:port/database`` for people; never a user or a password. Raises Invalid ``store.address``."""
    given = _given(url)
    host = given.get("host") or given.get("hostaddr") or ""
    port = f":{given['port']}" if given.get("port") and not host.startswith(("/", "@")) else ""
    return f"{host}{port}/{given.get('dbname', '')}"


def with_password(url: str, password: Callable[[], str | None]) -> str:
    """``url``, completed with a password that stands elsewhere when it names a user and none itself; neither is logged from now on.

    Raises:
        Invalid: The address cannot be read (``store.address``).
        Unavailable, Refused: What ``password`` raises.
    """
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise Invalid("store.address") from None
    known = parts.password or _given(url).get("password")
    if known is not None or parts.username is None or "passfile" in parts.query:
        conceal(str(known or ""))
        return url
    secret = password()
    if secret is None:
        return url
    conceal(secret)
    return parts.set(password=secret).render_as_string(hide_password=False)


def has_password(url: str) -> bool:
    """Whether a password stands readable in ``url``. Raises Invalid ``store.address``."""
    return "password" in _given(url)


def _given(url: str) -> dict[str, str]:
    """What ``url`` says itself, as libpq's parameters."""
    try:
        dialect: Any = PGDialect_psycopg  # untyped by its makers
        given: dict[str, Any] = dialect().create_connect_args(make_url(url))[1]
    except (ArgumentError, ValueError):
        raise Invalid("store.address") from None
    return {key: str(value) for key, value in given.items() if value not in (None, "")}


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
    if any(word in text for word in ("certificate", "SSL", "authentication method", "channel binding")):
        return Refused("store.not_trusted", problem=line)
    return Unavailable("store.away", problem=_problem(text, line))


_PROBLEMS: Final = (
    ("closed the connection unexpectedly", "接続が切れました", "the connection broke off"),
    ("onnection refused", "接続を拒否されました", "connection refused"),
    ("onnection reset", "接続が切れました", "the connection broke off"),
    ("timeout expired", "応答なし", "no answer"),
    ("timed out", "応答なし", "no answer"),
    ("No route to host", "ネットワークに届きません", "no way through the network"),
    ("Network is unreachable", "ネットワークに届きません", "no way through the network"),
    ("could not translate host name", "サーバー名が見つかりません", "the server's name is not known"),
    ("name resolution", "サーバー名が見つかりません", "the server's name is not known"),
    ("starting up", "サーバー起動中", "the server is starting up"),
    ("shutting down", "サーバー停止中", "the server is shutting down"),
    ("recovery mode", "サーバー復旧中", "the server is recovering"),
    ("too many clients", "接続数の上限", "too many connections"),
    ("connection slots", "接続数の上限", "too many connections"),
)
"""What libpq and the server say of a lost or refused connection → the same in the operator's two languages; the first that fits."""
_UNKNOWN: Final = re.compile(r'host(?: name)? "([^"]+)"')
_SERVER: Final = re.compile(r'connection to server at "([^"]+)"[^,]*, port (\d+) failed')


def _problem(text: str, line: str) -> dict[str, str] | str:
    """The trouble in words of both languages, with the server where it is told; ``line`` as it stands when nobody foresaw it."""
    found = next((words for words in _PROBLEMS if words[0] in line), None) or next((words for words in _PROBLEMS if words[0] in text), None)
    if found is None:
        return line
    servers = [":".join(server) for server in _SERVER.findall(text)] or _UNKNOWN.findall(text)
    where = f": {servers[-1]}" if servers else ""
    return {"ja": f"{found[1]}{where}", "en": f"{found[2]}{where}"}


def failure_of(error: BaseException) -> BaseException:
    """The driver's own exception inside one of SQLAlchemy's; the exception itself otherwise."""
    inner = getattr(error, "orig", None)
    return inner if isinstance(inner, BaseException) else error
