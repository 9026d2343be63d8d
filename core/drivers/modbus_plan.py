"""Modbus on paper: where a tag stands, how its registers become a value, which reads cover all tags. Pure; no socket."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.drivers.engineering import Undecodable
from core.live.tags import TagSpec, TagType

MAX_REGISTERS = 125
MAX_BITS = 2000
# Source: MODBUS Application Protocol Specification V1.1b3, sections 6.1 to 6.4.


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


_ADDRESS = re.compile(r"(?P<unit>\d{1,3})/(?P<area>coil|discrete|holding|input)/(?P<address>\d{1,5})(?:\.(?P<bit>\d{1,2}))?")
_FORMAT = {
    TagType.INT16: "h",
    TagType.UINT16: "H",
    TagType.INT32: "i",
    TagType.UINT32: "I",
    TagType.INT64: "q",
    TagType.UINT64: "Q",
    TagType.FLOAT32: "f",
    TagType.FLOAT64: "d",
}
_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
_MAX_CHARACTERS = 2 * MAX_REGISTERS


@dataclass(frozen=True, slots=True)
class Point:
    """Where one tag stands in a device.

    Attributes:
        tag: The tag itself.
        unit: Unit id, 0 … 255.
        area: One of the four tables.
        address: Zero-based, of the first register or of the bit.
        count: Registers it takes; 1 for a bit of a bit table.
        bit: Bit of the register, 0 the lowest; None for a whole value.
        order: Byte order as the bytes A (highest) to D travel.
        encoding: Character set of a string.
    """

    tag: TagSpec
    unit: int
    area: Area
    address: int
    count: int = 1
    bit: int | None = None
    order: str = "ABCD"
    encoding: str = "utf-8"

    @property
    def end(self) -> int:
        """First address after it."""
        return self.address + self.count


def locate(tag: TagSpec) -> Point:
    """Where ``tag`` stands, from its address ``unit/table/address[.bit]``, type and options.

    Raises:
        Undecodable: The address, the type in this table, or an option cannot be; says which.
    """
    match = _ADDRESS.fullmatch(tag.address)
    if match is None:
        raise Undecodable("bad address")
    unit, address, area = int(match["unit"]), int(match["address"]), Area(match["area"])
    bit = int(match["bit"]) if match["bit"] else None
    if unit > 255 or address > 0xFFFF or (bit is not None and bit > 15):
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
    return Point(tag, unit, area, address, count, bit, order, _encoding(tag))


def _registers(tag: TagSpec) -> int:
    if tag.type is TagType.BOOL:
        return 1
    if tag.type is TagType.STRING:
        length = tag.options.get("length", "")
        if not length.isascii() or not length.isdigit() or not 1 <= int(length) <= _MAX_CHARACTERS:
            raise Undecodable("bad string length")
        return math.ceil(int(length) / 2)
    return struct.calcsize(">" + _FORMAT[tag.type]) // 2


def _encoding(tag: TagSpec) -> str:
    name = tag.options.get("encoding", "utf-8")
    try:
        "".encode(name)
    except LookupError:
        raise Undecodable("bad character set") from None
    return name


def _reordered(raw: bytes, order: str, *, words: bool) -> bytes:
    """``raw`` between wire order and ABCD; its own inverse."""
    if words and order in ("CDAB", "DCBA"):
        raw = b"".join(raw[i : i + 2] for i in range(len(raw) - 2, -1, -2))
    if order in ("BADC", "DCBA"):
        raw = b"".join(raw[i : i + 2][::-1] for i in range(0, len(raw), 2))
    return raw


def decode(point: Point, registers: Sequence[int]) -> bool | int | float | str:
    """The raw value in ``registers``, exactly ``point.count`` of them, each 0 … 65535.

    Raises:
        Undecodable: Not text in the declared character set.
    """
    tag_type = point.tag.type
    if point.bit is not None:
        return bool(registers[0] >> point.bit & 1)
    raw = struct.pack(f">{len(registers)}H", *registers)
    if tag_type is TagType.STRING:
        # Words of a string stand in reading order on every device; only the two bytes of a word may be swapped.
        text = _reordered(raw, point.order, words=False).split(b"\0", 1)[0]
        try:
            return text.decode(point.encoding).rstrip(" ")
        except UnicodeDecodeError:
            raise Undecodable("not text") from None
    value: int | float = struct.unpack(">" + _FORMAT[tag_type], _reordered(raw, point.order, words=True))[0]
    return value


def encode(point: Point, raw: int | float | str) -> list[int]:
    """The registers that decode to ``raw``.

    Raises:
        Undecodable: It does not fit: too long a string, characters the set does not have, a number outside its type.
    """
    if isinstance(raw, str):
        data = _text_bytes(point, raw)
    else:
        try:
            packed = struct.pack(">" + _FORMAT[point.tag.type], raw)
        except (struct.error, OverflowError):
            raise Undecodable(f"outside {point.tag.type}") from None
        data = _reordered(packed, point.order, words=True)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def _text_bytes(point: Point, text: str) -> bytes:
    try:
        data = text.encode(point.encoding)
    except UnicodeEncodeError:
        raise Undecodable("characters the device cannot hold") from None
    # CP932 takes some characters that come back as others; padding takes trailing spaces. Neither could be confirmed.
    if data.decode(point.encoding).rstrip(" ") != text:
        raise Undecodable("characters the device cannot hold")
    if len(data) > int(point.tag.options["length"]) or b"\0" in data:
        raise Undecodable("text too long")
    return _reordered(data.ljust(2 * point.count, b"\0"), point.order, words=False)


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and the points it answers.

    Attributes:
        unit, area: Whom and which table to ask.
        period_s: How often, seconds.
        start, count: First address, and number of registers or bits.
        points: The points inside, by address.
    """

    unit: int
    area: Area
    period_s: float
    start: int
    count: int
    points: tuple[Point, ...]

    def halves(self) -> tuple[Block, Block]:
        """The block as two that share nothing, each no longer than its own points; only for two points or more."""
        middle = len(self.points) // 2
        return _block(self.points[:middle]), _block(self.points[middle:])


@dataclass(frozen=True, slots=True)
class Limits:
    """What one device takes in one read.

    Attributes:
        registers: Most registers in one read, 1 … 125.
        bits: Most bits in one read, 1 … 2000.
        gap: Most unused registers a read may bridge; 16 times as many bits.
    """

    registers: int = MAX_REGISTERS
    bits: int = MAX_BITS
    gap: int = 8

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Limits:
        """From a source's ``max_registers``, ``max_bits`` and ``gap``. Raises Undecodable for a number that cannot be."""
        wanted = {"max_registers": (1, MAX_REGISTERS, MAX_REGISTERS), "max_bits": (1, MAX_BITS, MAX_BITS), "gap": (0, MAX_REGISTERS, 8)}
        found = []
        for key, (low, high, default) in wanted.items():
            text = options.get(key, str(default))
            if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
                raise Undecodable(f"{key}={text}")
            found.append(int(text))
        return cls(*found)


def plan(points: Iterable[Point], limits: Limits | None = None) -> list[Block]:
    """Blocks that cover every point exactly once, by unit, table and period.

    A value is never split over two blocks. A single string longer than ``limits.registers`` gets a block of its own
    that is as long as it needs (at most 125, ``locate`` sees to that).
    """
    limits = limits or Limits()
    blocks: list[Block] = []
    group: list[Point] = []
    for point in sorted(points, key=lambda p: (p.unit, p.area, p.tag.period_s, p.address, p.end)):
        if group and not _joins(group, point, limits):
            blocks.append(_block(group))
            group = []
        group.append(point)
    if group:
        blocks.append(_block(group))
    return blocks


def _joins(group: Sequence[Point], point: Point, limits: Limits) -> bool:
    first = group[0]
    if (first.unit, first.area, first.tag.period_s) != (point.unit, point.area, point.tag.period_s):
        return False
    end = max(each.end for each in group)
    longest, gap = (limits.bits, 16 * limits.gap) if point.area.is_bits else (limits.registers, limits.gap)
    return point.address - end <= gap and max(end, point.end) - first.address <= longest


def _block(points: Sequence[Point]) -> Block:
    first = points[0]
    start = min(point.address for point in points)
    return Block(first.unit, first.area, first.tag.period_s, start, max(point.end for point in points) - start, tuple(points))
