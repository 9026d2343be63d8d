"""How a value is read, as its driver says it, in the language of the screen: drivers speak English, and so does their log."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QCoreApplication

translate = QCoreApplication.translate

_PIECE: Final = re.compile(
    r"every (?P<every>[\d.]+) s|unit (?P<unit>\d+)|packet of (?P<packet>\d+) tags|with (?P<more>\d+) more in the same node"
    r"|(?P<subscription>subscription)|edge node (?P<node>[^,]+)|device (?P<device>[^,]+)|topic (?P<topic>[^,]+)"
    r"|(?P<first>\d+) to (?P<last>\d+)"
)


def read_words(group: str) -> str:
    """``group`` of ``core.drivers.base.Driver`` in the current language; what is not known here stays as it was said."""
    return _PIECE.sub(_said, group)


def _said(piece: re.Match[str]) -> str:
    known = {name: text for name, text in piece.groupdict().items() if text is not None}
    return _words(next(iter(known))).format(**known)


def _words(name: str) -> str:
    match name:
        case "every":
            return translate("ReadWords", "every {every} s")
        case "unit":
            return translate("ReadWords", "unit {unit}")
        case "packet":
            return translate("ReadWords", "packet of {packet} tags")
        case "more":
            return translate("ReadWords", "with {more} more in the same node")
        case "subscription":
            return translate("ReadWords", "subscription")
        case "node":
            return translate("ReadWords", "edge node {node}")
        case "device":
            return translate("ReadWords", "device {device}")
        case "topic":
            return translate("ReadWords", "topic {topic}")
        case _:
            return translate("ReadWords", "{first} to {last}")
