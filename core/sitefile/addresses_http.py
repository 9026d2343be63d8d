"""What URLs, options and addresses of HTTP sources look like on paper. Pure; knows no driver, a test compares the two."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError

from core.live.tags import TagType
from core.sitefile.problems import Finding

_SOURCE_OPTIONS: Final = ("auth", "user", "key_header", "ca_file", "timeout", "max_bytes", "identity")
_TAG_OPTIONS: Final = ("time", "write", "write_path", "body")
_LOGINS: Final = ("none", "basic", "bearer", "header")
_METHODS: Final = ("PUT", "POST", "PATCH")
_HEADER: Final = "header/"
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,60}")
_NOT_YOURS: Final = ("authorization", "host", "content-length", "transfer-encoding", "connection", "accept-encoding", "cookie")
_TEXT: Final = re.compile(r"[\x20-\x7e]*")
_PATH: Final = re.compile(r"/[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*")
_NUMBERS: Final = {"timeout": (0.1, 30.0), "max_bytes": (100.0, 16.0 * 2**20)}
_EXAMPLE: Final = "/api/status#temperature.celsius"


def source_findings(url: str, options: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a source's URL and options."""
    yield from _url(url)
    for name, text in sorted(options.items()):
        yield from _option(name, text, options)


def _url(url: str) -> Iterator[Finding]:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and not parts.query and not parts.fragment and _TEXT.fullmatch(url) is not None and " " not in url
        login = parts.username is not None
    except ValueError:  # a port that is no number, a broken IPv6 bracket
        good, login = False, False
    if login:
        yield "url", "sitefile.secret_in_url", {}
    elif not good:
        yield "url", "sitefile.bad_url", {"value": url, "example": "https://192.168.0.10, http://sensor:8080"}


def _option(name: str, text: str, options: Mapping[str, str]) -> Iterator[Finding]:
    if name in ("auth", "user", "key_header"):
        yield from _login(name, text, options)
    elif name.startswith(_HEADER):
        if not _is_header(name.removeprefix(_HEADER)) or _TEXT.fullmatch(text) is None:
            yield "options", "sitefile.bad_option", {"value": name, "example": "header/X-Site: 7"}
    elif name not in _SOURCE_OPTIONS:
        yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join((*_SOURCE_OPTIONS, "header/X-Name"))}
    elif name == "identity" and not _is_address(text):
        yield "options", "sitefile.bad_option", {"value": f"{name}={text}", "example": "identity=/api/info#serial"}
    elif name in _NUMBERS and not _is_number(text, *_NUMBERS[name]):
        low, high = _NUMBERS[name]
        yield "options", "sitefile.bad_option", {"value": f"{name}={text}", "example": f"{name}={low:g} … {high:g}"}


def _login(name: str, text: str, options: Mapping[str, str]) -> Iterator[Finding]:
    login = options.get("auth", "basic" if "user" in options else "none").lower()
    by_header = "auth=header, key_header=X-Api-Key"
    wrong = ""
    if name == "auth" and login not in _LOGINS:
        yield "options", "sitefile.not_one_of", {"key": name, "value": text, "limit": ", ".join(_LOGINS)}
    elif name == "auth" and login == "basic" and not options.get("user"):
        wrong = "auth=basic, user=genba"
    elif (name == "auth" and login == "header" and not options.get("key_header")) or (
        name == "key_header" and not (login == "header" and _is_header(text))
    ):
        wrong = by_header
    elif name == "user" and (":" in text or (login == "basic" and not text)):
        wrong = "user=genba"
    if wrong:
        yield "options", "sitefile.bad_option", {"value": f"{name}={text}", "example": wrong}


def _is_header(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None and name.lower() not in _NOT_YOURS


def _is_number(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def tag_findings(address: str, kind: TagType, options: Mapping[str, str], *, written: bool) -> Iterator[Finding]:
    """What is wrong with a tag's address and options."""
    if not _is_address(address):
        yield "address", "sitefile.bad_address", {"value": address, "example": _EXAMPLE}
    for name in sorted(set(options) - set(_TAG_OPTIONS)):
        yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join(_TAG_OPTIONS)}
    if options.get("time") and not _is_expression(options["time"]):
        yield "options", "sitefile.bad_option", {"value": f"time={options['time']}", "example": "time=measured_at"}
    method = options.get("write", "").upper()
    if method and method not in _METHODS:
        yield "options", "sitefile.not_one_of", {"key": "write", "value": options["write"], "limit": ", ".join(_METHODS)}
    if written and not method:
        yield (
            "options",
            "sitefile.bad_option",
            {"value": "write=", "example": 'write=PUT, write_path=/api/setpoint, body={"value": "$value"}'},
        )
    path = options.get("write_path", "")
    if path and (not _is_address(path) or "#" in path):
        yield "options", "sitefile.bad_option", {"value": f"write_path={path}", "example": "write_path=/api/setpoint"}
    if "body" in options and not _is_body(options["body"]):
        yield "options", "sitefile.bad_option", {"value": f"body={options['body']}", "example": 'body={"value": "$value"}'}


def _is_address(address: str) -> bool:
    path, _, expression = address.strip().partition("#")
    return _PATH.fullmatch(path) is not None and not path.startswith("//") and _is_expression(expression.strip() or "@")


def _is_expression(expression: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what the library only warns of today it refuses tomorrow
            jmespath.compile(expression)
    except (JMESPathError, RecursionError, ValueError, Warning):
        return False
    return True


def _is_body(text: str) -> bool:
    try:
        return _holds_value(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _holds_value(template: object) -> bool:
    if isinstance(template, dict):
        return any(map(_holds_value, template.values()))
    if isinstance(template, list):
        return any(map(_holds_value, template))
    return template == "$value"
