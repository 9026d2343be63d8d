"""Raw values ↔ Modbus registers: four byte orders, strings, bits of a register, and where a tag stands."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Literal

from core.demo.board import Fault
from core.demo.rawvalue import Raw, limits
from core.live.tags import TagSpec, TagType

Table = Literal["holding", "input", "coil", "discrete"]

_FORMATS = {
    TagType.INT16: ">h",
    TagType.UINT16: ">H",
    TagType.INT32: ">i",
    TagType.UINT32: ">I",
    TagType.INT64: ">q",
    TagType.UINT64: ">Q",
    TagType.FLOAT32: ">f",
    TagType.FLOAT64: ">d",
}
_TABLES: dict[str, Table] = {"holding": "holding", "input": "input", "coil": "coil", "discrete": "discrete"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tag stands: unit id, table, zero-based address, bit of the register (None: whole), registers or bits it takes."""

    unit: int
    table: Table
    address: int
    bit: int | None
    count: int


def place_of(tag: TagSpec) -> Place:
    """Parse ``unit/table/address[.bit]``. Raises ValueError when it is something else."""
    unit, table, rest = tag.address.split("/")
    address, _, bit = rest.partition(".")
    if table not in _TABLES:
        raise ValueError(f"{tag.name}: no Modbus table {table!r}")
    return Place(int(unit), _TABLES[table], int(address), int(bit) if bit else None, words_of(tag))


def words_of(tag: TagSpec) -> int:
    """Registers the tag takes; 1 for a bit."""
    if tag.type is TagType.STRING:
        return (int(tag.options.get("length", "16")) + 1) // 2
    return 1 if tag.type is TagType.BOOL else struct.calcsize(_FORMATS[tag.type]) // 2


def encode(tag: TagSpec, raw: Raw, fault: Fault = "") -> list[int]:
    """Registers of a raw value, 0..65535 each, in the tag's byte order; a fault shows as devices show it.

    A failed sensor and a value that is not a number read NaN in floats and the type's extreme in integers; text reads question marks.
    """
    if fault == "text":
        return [0x3F3F] * words_of(tag)
    if isinstance(raw, str):
        size = 2 * words_of(tag)
        return _registers(raw.encode("ascii", "replace")[:size].ljust(size, b"\0"))
    if tag.type in (TagType.FLOAT32, TagType.FLOAT64):
        return _ordered(tag, struct.pack(_FORMATS[tag.type], math.nan if fault in ("bad", "nan") else raw))
    if tag.type is TagType.BOOL:
        return [int(bool(raw) and not fault.startswith("bad"))]
    if fault in ("bad", "nan"):
        low, high = limits(tag.type)
        raw = low if low < 0 else high
    return _ordered(tag, struct.pack(_FORMATS[tag.type], raw))


def decode(tag: TagSpec, registers: list[int]) -> Raw:
    """The raw value of ``registers``; needs exactly as many as the tag takes."""
    packed = struct.pack(f">{len(registers)}H", *registers)
    if tag.type is TagType.STRING:
        return packed.rstrip(b"\0").decode("ascii", "replace")
    if tag.type is TagType.BOOL:
        return bool(registers[0])
    raw: Raw = struct.unpack(_FORMATS[tag.type], _swapped(tag, packed))[0]
    return raw


def _ordered(tag: TagSpec, packed: bytes) -> list[int]:
    return _registers(_swapped(tag, packed))


def _swapped(tag: TagSpec, packed: bytes) -> bytes:
    """Big-endian bytes in the tag's order, or back: every order is its own inverse."""
    order = tag.options.get("order", "ABCD")
    if len(packed) == 2 or order == "ABCD":
        return packed
    words = [packed[index : index + 2] for index in range(0, len(packed), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def _registers(packed: bytes) -> list[int]:
    return list(struct.unpack(f">{len(packed) // 2}H", packed))
