"""What an EtherNet/IP URL and the address of a Logix tag look like on paper. Pure; knows no driver."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult

from core.live.tags import TagType
from core.sitefile.problems import Finding

_EXAMPLE: Final = "Program:Main.Motor[2].Speed"
_PART: Final = r"[A-Za-z_][A-Za-z0-9_:]{0,127}(?:\[\d{1,9}(?:,\d{1,9}){0,2}\])?"
_ADDRESS: Final = re.compile(rf"(?!Program:[^.]*$){_PART}(?:\.{_PART})*(?P<bit>\.\d{{1,2}})?", re.IGNORECASE)
_ROUTE: Final = re.compile(r"/?|/\d{1,3}/?|(?:/[A-Za-z0-9]+/[A-Za-z0-9.]+)+/?")
_OPTIONS: Final = ("encoding",)


def good_route(parts: SplitResult) -> bool:
    """Whether the path of a URL leads through a rack: nothing, a slot, or pairs of port and link."""
    return _ROUTE.fullmatch(parts.path) is not None and ":" not in (parts.hostname or ":")


def findings(address: str, kind: TagType, options: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a tag's address and options."""
    for name in sorted(set(options) - set(_OPTIONS)):
        yield "options", "sitefile.unknown_option", {"option": name, "known": ", ".join(_OPTIONS)}
    match = _ADDRESS.fullmatch(address)
    if match is None or int((match["bit"] or ".0")[1:]) > 63:
        yield "address", "sitefile.bad_address", {"value": address, "example": _EXAMPLE}
    elif match["bit"] is not None and kind is not TagType.BOOL:
        yield "type", "sitefile.type_not_in_bit", {"value": str(kind)}
