"""What an address, a URL and an option of each protocol look like on paper. Pure; knows no driver."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from core.live.tags import TagType
from core.sitefile import logix_address

Finding = tuple[str, str, Mapping[str, object]]
"""Key of the entry it is about, problem code, parameters."""

_SCHEME: Final = {"opcua": "opc.tcp", "modbus": "modbus", "ethernetip": "ethernetip"}
_NODE: Final = re.compile(
    r"(?:nsu=(?P<uri>[^;]+);)?(?:i=\d{1,10}|s=.+|g=[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|b=[A-Za-z0-9+/]+=*)"
)
_REGISTER: Final = re.compile(r"(?P<unit>\d{1,3})/(?P<table>holding|input|coil|discrete)/(?P<number>\d{1,5})(?:\.(?P<bit>\d{1,2}))?")
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
_ORDERS: Final = ("ABCD", "CDAB", "BADC", "DCBA")
_MODBUS_OPTIONS: Final = ("order", "length", "encoding")
_CHARACTERS_MAX: Final = 250  # one read carries at most 125 registers: Modbus Application Protocol V1.1b3, section 6.3


def url_findings(protocol: str, url: str) -> Iterator[Finding]:
    """What is wrong with a source's URL."""
    port = {"opcua": 4840, "modbus": 502, "ethernetip": 44818}[protocol]
    example = f"{_SCHEME[protocol]}://192.168.0.10:{port}"
    try:
        parts = urlsplit(url)
        good = parts.scheme == _SCHEME[protocol] and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        good = good and (protocol != "ethernetip" or logix_address.good_route(parts))
    except ValueError:  # a port that is no number, a broken IPv6 bracket
        good, parts = False, urlsplit("")
    if not good:
        yield "url", "sitefile.bad_url", {"value": url, "example": example}
    elif parts.password is not None or parts.username is not None:
        yield "url", "sitefile.secret_in_url", {}


def address_findings(protocol: str, address: str, kind: TagType, options: Mapping[str, str], *, written: bool) -> Iterator[Finding]:
    """What is wrong with a tag's address and options at a source of ``protocol``; ``written``: the tag has a write policy."""
    if protocol == "modbus":
        yield from _modbus(address, kind, options, written=written)
    elif protocol == "ethernetip":
        yield from logix_address.findings(address, kind, options)
    elif address.startswith("ns="):
        yield "address", "sitefile.address_index", {"value": address}
    elif _NODE.fullmatch(address) is None:
        yield "address", "sitefile.bad_address", {"value": address, "example": "nsu=urn:maker:plc;s=Line.Speed"}


def _modbus(address: str, kind: TagType, options: Mapping[str, str], *, written: bool) -> Iterator[Finding]:
    for name in sorted(set(options) - set(_MODBUS_OPTIONS)):
        yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join(_MODBUS_OPTIONS)}
    match = _REGISTER.fullmatch(address)
    if match is None or int(match["unit"]) > 255 or int(match["number"]) > 0xFFFF or int(match["bit"] or 0) > 15:
        yield "address", "sitefile.bad_address", {"value": address, "example": "1/holding/100"}
        return
    bits = match["table"] in ("coil", "discrete")
    if bits and match["bit"] is not None:
        yield "address", "sitefile.bad_address", {"value": address, "example": "1/coil/100"}
    elif (bits or match["bit"] is not None) != (kind is TagType.BOOL):
        yield "type", "sitefile.type_not_in_table", {"value": str(kind), "table": match["table"]}
    if written and match["table"] in ("input", "discrete"):
        yield "address", "sitefile.table_read_only", {"table": match["table"]}
    if options.get("order", "ABCD").upper() not in _ORDERS:
        yield "options", "sitefile.not_one_of", {"key": "order", "value": options["order"], "limit": ", ".join(_ORDERS)}
    words = _WORDS.get(kind, 1)
    if kind is TagType.STRING:
        length = options.get("length", "")
        if not (length.isascii() and length.isdigit() and 1 <= int(length[:9]) <= _CHARACTERS_MAX):
            yield "options", "sitefile.string_length", {"value": length, "limit": _CHARACTERS_MAX}
            return
        words = math.ceil(int(length) / 2)
    if int(match["number"]) + words > 0x10000:
        yield "address", "sitefile.bad_address", {"value": address, "example": "1/holding/100"}
