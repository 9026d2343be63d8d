"""Where a Modbus tag stands: unit, table, address and what its options say of the value. Pure; no socket."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from enum import StrEnum

from core.drivers.engineering import Undecodable
from core.live.tags import TagSpec, TagType

MAX_REGISTERS = 125
MAX_BITS = 2000
# Source: MODBUS Application Protocol Specification V1.1b3, sections 6.1 to 6.4.

BASES = (0, 1)
"""What the first register of a table may be called in the tag list: 0 as on the wire, or 1 as in most manuals."""


class Area(StrEnum):
    """The four tables of a Modbus device."""

    COIL = "coil"
    DISCRETE = "discrete"
    HOLDING = "holding"
    INPUT = "input"

    @property
    def is_bits(self) -> bool:
        """True for the tables of single bits."""
        return self in (Area.COIL, Area.DISCRETE)

    @property
    def is_writable(self) -> bool:
        """True for the tables a master may write."""
        return self in (Area.COIL, Area.HOLDING)


_ADDRESS = re.compile(r"(?P<unit>\d{1,3})/(?P<area>coil|discrete|holding|input)/(?P<address>\d{1,5})(?:\.(?P<bit>\d{1,2}))?", re.ASCII)
FORMATS = {
    TagType.INT16: "h",
    TagType.UINT16: "H",
    TagType.INT32: "i",
    TagType.UINT32: "I",
    TagType.INT64: "q",
    TagType.UINT64: "Q",
    TagType.FLOAT32: "f",
    TagType.FLOAT64: "d",
}
"""Letter of ``struct`` for each type of number."""
_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_CODINGS = ("binary", "bcd")
_BCD_TYPES = (TagType.UINT16, TagType.UINT32)
_MAX_CHARACTERS = 2 * MAX_REGISTERS


@dataclass(frozen=True, slots=True)
class Point:
    """Where one tag stands in a device.

    Attributes:
        tag: The tag itself.
        unit: Unit id, 0 … 255.
        area: One of the four tables.
        address: As on the wire (zero-based), of the first register or of the bit.
        count: Registers it takes; 1 for a bit of a bit table.
        bit: Bit of the register, 0 the lowest; None for a whole value.
        order: Byte order as the bytes A (highest) to D travel.
        encoding: Character set of a string.
        bcd: True for four decimal digits per register, as thumbwheels and older controllers send them.
    """

    tag: TagSpec
    unit: int
    area: Area
    address: int
    count: int = 1
    bit: int | None = None
    order: str = "ABCD"
    encoding: str = "utf-8"
    bcd: bool = False

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + self.count


def locate(tag: TagSpec, base: int = 0) -> Point:
    """Where ``tag`` stands, from its address ``unit/table/address[.bit]``, type and options.

    Args:
        tag: Its address counts from ``base``.
        base: What the source calls the first register of a table, 0 or 1.

    Raises:
        Undecodable: The address, the type in this table, or an option cannot be; says which.
    """
    match = _ADDRESS.fullmatch(tag.address)
    if match is None:
        raise Undecodable("bad address")
    unit, address, area = int(match["unit"]), int(match["address"]) - base, Area(match["area"])
    bit = int(match["bit"]) if match["bit"] else None
    if unit > 255 or not 0 <= address <= 0xFFFF or (bit is not None and bit > 15):
        raise Undecodable("bad address")
    if area.is_bits != (tag.type is TagType.BOOL and bit is None):
        raise Undecodable(f"{tag.type} in table {area}")
    if bit is not None and tag.type is not TagType.BOOL:
        raise Undecodable(f"{tag.type} in a single bit")
    order = tag.options.get("order", "ABCD").upper()
    if order not in _ORDERS:
        raise Undecodable("bad byte order")
    count = _registers(tag)
    if address + count > 0x10000:
        raise Undecodable("bad address")
    return Point(tag, unit, area, address, count, bit, order, _encoding(tag), _is_bcd(tag))


def _registers(tag: TagSpec) -> int:
    if tag.type is TagType.BOOL:
        return 1
    if tag.type is TagType.STRING:
        length = tag.options.get("length", "")
        if not length.isascii() or not length.isdigit() or not 1 <= int(length[:9]) <= _MAX_CHARACTERS:
            raise Undecodable("bad string length")
        return math.ceil(int(length) / 2)
    return struct.calcsize(">" + FORMATS[tag.type]) // 2


def _encoding(tag: TagSpec) -> str:
    name = tag.options.get("encoding", "utf-8")
    try:
        "".encode(name)
    except (LookupError, ValueError):
        raise Undecodable("bad character set") from None
    return name


def _is_bcd(tag: TagSpec) -> bool:
    coding = tag.options.get("coding", "binary").lower()
    if coding not in _CODINGS:
        raise Undecodable("bad coding")
    if coding == "bcd" and tag.type not in _BCD_TYPES:
        raise Undecodable(f"{tag.type} in BCD")
    return coding == "bcd"
