"""One value of a publish response in one step, where it is a number with its times: nearly all that a machine ever reports.

asyncua walks through every field of every structure; for a Double with a time that is twenty calls, and it is most of what
reading a machine costs. What is anything else than one number is left to the library, from the first byte on.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from core.drivers.opcua_values import ua

_NUMBERS: Final = {2: "b", 3: "B", 4: "h", 5: "H", 6: "i", 7: "I", 8: "q", 9: "Q", 10: "f", 11: "d"}
"""Variant encodings of single numbers. Source: OPC UA Part 6, 5.1.2 and 5.2.2.16."""
_VALUE, _STATUS, _SOURCE, _SERVER = 1, 2, 4, 8
"""What a DataValue's first byte says to be there, in this order. Source: OPC UA Part 6, 5.2.2.17."""


class Number(NamedTuple):
    """Stands for a Variant of one number."""

    Value: int | float


class Stamped(NamedTuple):
    """Stands for a DataValue: the parts that are looked at, by the names that the library gives them."""

    Value: Number
    StatusCode: Any
    SourceTimestamp: datetime | None
    ServerTimestamp: datetime | None


class Item(NamedTuple):
    """Stands for a MonitoredItemNotification."""

    ClientHandle: int
    Value: Stamped


class _Form(NamedTuple):
    """What a mask and a variant encoding make of the bytes that follow, and where its parts stand; 0 for a part that is not there."""

    layout: struct.Struct
    status: int
    source: int
    server: int


def _forms() -> dict[int, _Form]:
    found = {}
    for encoding, number in _NUMBERS.items():
        for mask in range(_VALUE, _VALUE + _STATUS + _SOURCE + _SERVER + 1, 2):
            layout, places, at = f"<IBB{number}", {_STATUS: 0, _SOURCE: 0, _SERVER: 0}, 4
            for part, format in ((_STATUS, "I"), (_SOURCE, "q"), (_SERVER, "q")):
                if mask & part:
                    layout, places[part], at = layout + format, at, at + 1
            found[mask << 8 | encoding] = _Form(struct.Struct(layout), *places.values())
    return found


_FORMS: Final = _forms()
_time: Final = functools.lru_cache(maxsize=256)(ua.win_epoch_to_datetime)
"""Most values of one response have the same time."""


def notification(library: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Decoder of one MonitoredItemNotification; ``library`` decodes what is not one number, or not all there."""

    def decode(data: Any) -> Any:
        at, size = data._cur_pos, data._size
        if size < 6:
            return library(data)
        held = data._data
        form = _FORMS.get(held[at + 4] << 8 | held[at + 5])
        if form is None or form.layout.size > size:
            return library(data)
        parts = form.layout.unpack_from(held, at)
        data._cur_pos, data._size = at + form.layout.size, size - form.layout.size
        # A place of 0 holds the handle, which says nothing here: the part is not there.
        status = ua.StatusCode(parts[form.status]) if form.status and parts[form.status] else None
        source_at = _time(parts[form.source]) if form.source else None
        server_at = _time(parts[form.server]) if form.server else None
        return Item(parts[0], Stamped(Number(parts[3]), status, source_at, server_at))

    return decode
