"""What an address of an OPC UA tag and the options of an OPC UA source look like on paper. Pure; knows no driver."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from core.live.tags import TagType
from core.sitefile.problems import Finding

_NODE: Final = re.compile(
    r"(?:nsu=(?P<uri>[^;]+);)?(?:i=\d{1,10}|s=.+|g=[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|b=[A-Za-z0-9+/]+=*)"
)
_PLACE: Final = re.compile(r"(?P<node>(?:[^#]|##)+)(?:#(?P<member>[^#]+))?", re.DOTALL)
_MEMBER: Final = re.compile(r"\d{1,7}|(?:\.?[^.\[\]#]+|\[\d{1,7}(?:,\d{1,7}){0,7}\])(?:\.[^.\[\]#]+|\[\d{1,7}(?:,\d{1,7}){0,7}\])*")
_EXAMPLE: Final = "nsu=urn:maker:plc;s=Line.Speed"
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "security": ("none", "Sign", "SignAndEncrypt"),
    "policy": ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"),
    "login": ("certificate",),
    "readable_login": ("allowed",),
}
"""What options of a source may say; ``user`` may say anything."""


def tag_findings(address: str, kind: TagType, options: Mapping[str, str], *, written: bool) -> Iterator[Finding]:
    """What is wrong with a tag's address and options."""
    for name in sorted(set(options) - {"call"}):
        yield "options", "sitefile.unknown_option", {"option": name, "known": "call"}
    yield from _node(address, "address")
    place = _PLACE.fullmatch(address)
    member = place["member"] if place is not None else None
    if member is not None and member != "call" and written:
        yield "address", "sitefile.member_read_only", {"value": address}
    if "call" in options:
        if member not in (None, "call"):
            yield "options", "sitefile.bad_address", {"value": address, "example": _EXAMPLE}
        yield from _node(options["call"], "options")


def source_findings(options: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with the options of a source."""
    for key, known in _VALUES.items():
        value = options.get(key)
        if value is not None and value.lower() not in {each.lower() for each in known}:
            yield "options", "sitefile.not_one_of", {"key": key, "value": value, "limit": ", ".join(known)}


def _node(address: str, key: str) -> Iterator[Finding]:
    place = _PLACE.fullmatch(address)
    if address.startswith("ns="):
        yield key, "sitefile.address_index", {"value": address}
    elif place is None or _NODE.fullmatch(place["node"]) is None or (place["member"] and _MEMBER.fullmatch(place["member"]) is None):
        yield key, "sitefile.bad_address", {"value": address, "example": _EXAMPLE}
