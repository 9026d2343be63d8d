"""What URLs, options and addresses of Modbus sources look like on paper. Pure; knows no driver, a test compares the two."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from core.live.tags import TagType
from core.sitefile.problems import Finding

_EXAMPLES: Final = {
    "modbus+rtu": "modbus+rtu://192.168.0.10:4001",
    "modbus+serial": "modbus+serial:///dev/ttyS0?baud=19200&parity=E&stop=1, modbus+serial://COM3?baud=9600&parity=N&stop=2",
}
_SERIAL: Final = {
    "baud": ["1200", "2400", "4800", "9600", "14400", "19200", "38400", "57600", "76800", "115200", "230400", "460800"],
    "parity": ["N", "E", "O", "n", "e", "o"],
    "stop": ["1", "2"],
}
_COM: Final = re.compile(r"COM[1-9]\d{0,2}", re.IGNORECASE | re.ASCII)
_LIMITS: Final = {"max_registers": (1, 125), "max_bits": (1, 2000), "gap": (0, 125)}
_SOURCE_OPTIONS: Final = ("timeout", "base", "forbidden", *_LIMITS)
_OF_ONE_UNIT: Final = re.compile(r"(?P<unit>\d{1,3})/(?P<key>max_registers|max_bits|gap)", re.ASCII)
_TIMEOUT_S: Final = (0.05, 30.0)
_SPAN: Final = re.compile(
    r"(?P<unit>\d{1,3}|\*)/(?P<table>coil|discrete|holding|input)/(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?", re.ASCII
)
_REGISTER: Final = re.compile(
    r"(?P<unit>\d{1,3})/(?P<table>holding|input|coil|discrete)/(?P<number>\d{1,5})(?:\.(?P<bit>\d{1,2}))?", re.ASCII
)
_WORDS: Final = {
    TagType.INT16: 1,
    TagType.UINT16: 1,
    TagType.INT32: 2,
    TagType.UINT32: 2,
    TagType.INT64: 4,
    TagType.UINT64: 4,
    TagType.FLOAT32: 2,
    TagType.FLOAT64: 4,
}
_CHOICES: Final = {"order": ("ABCD", "CDAB", "BADC", "DCBA"), "coding": ("BINARY", "BCD"), "write": ("SINGLE", "MULTIPLE")}
_TAG_OPTIONS: Final = ("order", "length", "encoding", "coding", "write")
_CHARACTERS_MAX: Final = 250  # one read carries at most 125 registers: Modbus Application Protocol V1.1b3, section 6.3


def source_findings(url: str, options: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a source's URL and options."""
    yield from _url(url)
    for name, text in sorted(options.items()):
        yield from _source_option(name, text, 1 if options.get("base") == "1" else 0)


def _url(url: str) -> Iterator[Finding]:
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.password is not None:
            yield "url", "sitefile.secret_in_url", {}
            return
        if parts.scheme == "modbus+serial":
            wanted = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            com = _COM.fullmatch(parts.netloc or parts.path.removeprefix("/")) and (not parts.netloc or parts.path in ("", "/"))
            good = bool(com) or (not parts.netloc and len(parts.path) > 1 and parts.path.startswith("/"))
            good = good and all(text in _SERIAL.get(name, ()) for name, text in wanted.items())
        else:
            port = 502 if parts.port is None and parts.scheme == "modbus" else parts.port
            good = parts.scheme in ("modbus", "modbus+rtu") and bool(parts.hostname) and bool(port)
            good = good and not parts.query and parts.path in ("", "/")
        good = good and not parts.fragment
    except ValueError:  # a port that is no number, a broken IPv6 bracket
        good = False
    if not good:
        yield "url", "sitefile.bad_url", {"value": url, "example": _EXAMPLES.get(url.partition(":")[0], "modbus://192.168.0.10:502")}


def _source_option(name: str, text: str, base: int) -> Iterator[Finding]:
    one = _OF_ONE_UNIT.fullmatch(name)
    key = one["key"] if one is not None else name
    if one is not None and int(one["unit"]) > 255:
        yield "options", "sitefile.bad_option", {"value": name, "example": "2/max_registers=16"}
    elif key in _LIMITS:
        low, high = _LIMITS[key]
        if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high):
            yield "options", "sitefile.bad_option", {"value": f"{name}={text}", "example": f"{name}={low} … {high}"}
    elif name == "base":
        if text not in ("0", "1"):
            yield "options", "sitefile.not_one_of", {"key": name, "value": text, "limit": "0, 1"}
    elif name == "forbidden":
        if _spans(text, base) is None:
            yield "options", "sitefile.bad_option", {"value": f"{name}={text}", "example": "forbidden=1/holding/100-199 */input/5"}
    elif name == "timeout":
        if not _is_timeout(text):
            yield "options", "sitefile.bad_option", {"value": f"{name}={text}", "example": "timeout=1.5"}
    else:
        yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join((*_SOURCE_OPTIONS, "2/max_registers"))}


def _is_timeout(text: str) -> bool:
    try:
        return _TIMEOUT_S[0] <= float(text) <= _TIMEOUT_S[1]
    except ValueError:
        return False


def _spans(text: str, base: int) -> list[tuple[str, str, int, int]] | None:
    """Unit (or *), table, first and last address of each range, as on the wire; None when one cannot be."""
    spans = []
    for word in text.replace(",", " ").split():
        match = _SPAN.fullmatch(word)
        if match is None:
            return None
        first, last = int(match["first"]) - base, int(match["last"] or match["first"]) - base
        if not 0 <= first <= last <= 0xFFFF or (match["unit"] != "*" and int(match["unit"]) > 255):
            return None
        spans.append((match["unit"], match["table"], first, last))
    return spans


def tag_findings(address: str, kind: TagType, options: Mapping[str, str], *, written: bool, source: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a tag's address and options; ``source``: the options of its source."""
    yield from _option_findings(kind, options)
    base = 1 if source.get("base") == "1" else 0
    match = _REGISTER.fullmatch(address)
    number = int(match["number"]) - base if match is not None else 0
    if match is None or int(match["unit"]) > 255 or not 0 <= number <= 0xFFFF or int(match["bit"] or 0) > 15:
        yield "address", "sitefile.bad_address", {"value": address, "example": "1/holding/100"}
        return
    bits = match["table"] in ("coil", "discrete")
    if bits and match["bit"] is not None:
        yield "address", "sitefile.bad_address", {"value": address, "example": "1/coil/100"}
    elif (bits or match["bit"] is not None) != (kind is TagType.BOOL):
        yield "type", "sitefile.type_not_in_table", {"value": str(kind), "table": match["table"]}
    if written and match["table"] in ("input", "discrete"):
        yield "address", "sitefile.table_read_only", {"table": match["table"]}
    words = _WORDS.get(kind, 1)
    if kind is TagType.STRING:
        length = options.get("length", "")
        if not (length.isascii() and length.isdigit() and 1 <= int(length[:9]) <= _CHARACTERS_MAX):
            yield "options", "sitefile.string_length", {"value": length, "limit": _CHARACTERS_MAX}
            return
        words = math.ceil(int(length) / 2)
    if number + words > 0x10000:
        yield "address", "sitefile.bad_address", {"value": address, "example": "1/holding/100"}
    elif _is_forbidden(source, int(match["unit"]), match["table"], number, words):
        yield "address", "sitefile.address_forbidden", {"value": address}


def _option_findings(kind: TagType, options: Mapping[str, str]) -> Iterator[Finding]:
    for name in sorted(set(options) - set(_TAG_OPTIONS)):
        yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join(_TAG_OPTIONS)}
    for name, allowed in _CHOICES.items():
        if options.get(name, allowed[0]).upper() not in allowed:
            yield "options", "sitefile.not_one_of", {"key": name, "value": options[name], "limit": ", ".join(allowed)}
    if options.get("coding", "").upper() == "BCD" and kind not in (TagType.UINT16, TagType.UINT32):
        yield "options", "sitefile.bad_option", {"value": f"coding=bcd ({kind})", "example": "uint16, uint32"}
    try:
        "".encode(options.get("encoding", "utf-8"))
    except (LookupError, ValueError):
        yield "options", "sitefile.bad_option", {"value": f"encoding={options['encoding']}", "example": "encoding=cp932"}


def _is_forbidden(source: Mapping[str, str], unit: int, table: str, start: int, words: int) -> bool:
    spans = _spans(source.get("forbidden", ""), 1 if source.get("base") == "1" else 0) or []
    return any(
        (whose == "*" or int(whose) == unit) and where == table and start <= last and first < start + words
        for whose, where, first, last in spans
    )
