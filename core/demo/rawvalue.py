"""Engineering values ↔ what stands in a controller: words become numbers, scaling is undone, types are kept."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from functools import cache

from core.equipment.states import ELSE
from core.live.sample import Value
from core.live.tags import TagSpec, TagType

Raw = bool | int | float | str

FLOATS = frozenset({TagType.FLOAT32, TagType.FLOAT64})
_BITS: Mapping[TagType, tuple[bool, int]] = {
    TagType.INT16: (True, 16),
    TagType.UINT16: (False, 16),
    TagType.INT32: (True, 32),
    TagType.UINT32: (False, 32),
    TagType.INT64: (True, 64),
    TagType.UINT64: (False, 64),
}


def limits(kind: TagType) -> tuple[int, int]:
    """Smallest and largest number of an integer type."""
    signed, bits = _BITS[kind]
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


@cache
def _numbers(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, int]:
    return {word: _number(key) for key, word in pairs}


def _number(key: str) -> int:
    """The number of a raw value, or of a word in which one bit alone is set (``bit3``), or none (``else``)."""
    if key == ELSE:
        return 0
    return 1 << int(key.removeprefix("bit")) if key.startswith("bit") else int(key)


def to_raw(tag: TagSpec, value: Value) -> Raw:
    """What the controller holds for an engineering ``value``.

    A word of a mapped tag becomes its number (0 when the map has none: no stop reason); numbers are rounded to one digit more than
    shown, as a sensor's resolution, scaled back and kept within the type.
    """
    if tag.type is TagType.STRING:
        return str(value)
    if tag.type is TagType.BOOL:
        return bool(value)
    number = _numbers(tuple(tag.states.items())).get(value, 0) if isinstance(value, str) else value
    if number is None:
        return 0
    if tag.type in FLOATS:
        raw = (round(float(number), tag.decimals + 1) - tag.offset) / tag.scale
        return _single(raw) if tag.type is TagType.FLOAT32 else raw
    low, high = limits(tag.type)
    if tag.scale == 1.0 and tag.offset == 0.0:
        return min(high, max(low, int(number)))
    return min(high, max(low, round((float(number) - tag.offset) / tag.scale)))


def to_engineering(tag: TagSpec, raw: Raw) -> Value:
    """What a client shows for ``raw``: numbers scaled, the number of a mapped state or reason as it stands."""
    if isinstance(raw, bool | str) or (tag.scale == 1.0 and tag.offset == 0.0):
        return raw
    return raw * tag.scale + tag.offset


def _single(value: float) -> float:
    if not math.isfinite(value):
        return value
    rounded: float = struct.unpack(">f", struct.pack(">f", value))[0]
    return rounded
