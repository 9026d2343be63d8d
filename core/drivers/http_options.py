"""What the options of an HTTP source say: login, headers, time-out, limits. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from core.drivers.engineering import Undecodable
from core.drivers.http_client import Manners

LOGINS = ("none", "basic", "bearer", "header")
OPTIONS = ("auth", "user", "key_header", "ca_file", "timeout", "max_bytes", "identity", "speed")
"""``speed`` (how much faster than life a simulated plant runs) is for recorders; every source may have it."""
HEADER = "header/"
"""Begins the name of an option that is a header: ``header/X-Site: 7``."""
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,60}")
_TEXT = re.compile(r"[\x20-\x7e]*")
_TIMEOUT_S = (0.1, 30.0)
_MAX_BYTES = (100, 16 * 2**20)
_OURS = ("authorization", "host", "content-length", "transfer-encoding", "connection", "accept-encoding", "cookie")
"""Headers that options may not set: a secret belongs into the secret store, the rest the client sees to."""


class NoSecret(Exception):
    """The login needs a secret and the station keeps none for this source."""


def manners(url: str, options: Mapping[str, str], secret: str | None) -> Manners:
    """How to talk to the server at ``url``.

    Raises:
        Undecodable: The URL or an option cannot be; the text says which.
        NoSecret: See there.
    """
    headers = _headers(options)
    login = options.get("auth", "basic" if "user" in options else "none").lower()
    if login not in LOGINS:
        raise Undecodable(f"auth={login}")
    if (login == "basic" and not options.get("user")) or ":" in options.get("user", ""):
        raise Undecodable(f"user={options.get('user', '')}")
    key = options.get("key_header", "")
    if (login == "header") != bool(key) or (key and not _may_set(key)):
        raise Undecodable(f"key_header={key}")
    if login != "none":
        if not secret or not _TEXT.fullmatch(secret if login != "basic" else ""):
            raise NoSecret
        headers |= _login(login, options.get("user", ""), secret, key)
    timeout_s = _number(options, "timeout", 2.0, _TIMEOUT_S)
    return Manners(_base(url), headers, timeout_s, int(_number(options, "max_bytes", 2**20, _MAX_BYTES)), options.get("ca_file", ""))


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Undecodable(url) from None
    if not good or parts.query or parts.fragment or parts.username is not None or _TEXT.fullmatch(url) is None or " " in url:
        raise Undecodable(url)
    return url.rstrip("/")


def _headers(options: Mapping[str, str]) -> dict[str, str]:
    headers = {}
    for name, text in options.items():
        if name.startswith(HEADER):
            header = name.removeprefix(HEADER)
            if not _may_set(header) or _TEXT.fullmatch(text) is None:
                raise Undecodable(name)
            headers[header] = text
        elif name not in OPTIONS:
            raise Undecodable(name)
    return headers


def _may_set(header: str) -> bool:
    return _TOKEN.fullmatch(header) is not None and header.lower() not in _OURS


def _login(login: str, user: str, secret: str, key: str) -> dict[str, str]:
    if login == "bearer":
        return {"Authorization": f"Bearer {secret}"}
    if login == "header":
        return {key: secret}
    # Source: RFC 7617; its charset parameter asks for UTF-8, and what is ASCII is the same in every charset.
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")}


def _number(options: Mapping[str, str], name: str, usual: float, bounds: tuple[float, float]) -> float:
    try:
        number = float(options.get(name, usual))
    except ValueError:
        number = -1.0
    if not bounds[0] <= number <= bounds[1]:
        raise Undecodable(f"{name}={options[name]}")
    return number
