"""The memory of a simulated Logix controller: atomic types, structures with Logix alignment, tags in scopes, and paths into them."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.demo.rawvalue import Raw
from core.live.tags import TagType

PATH_UNKNOWN, OBJECT_MISSING, TOO_FEW, OTHER = 0x05, 0x16, 0x13, 0xFF
BEYOND_THE_END, WRONG_TYPE = 0x2105, 0x2107
# Source: Rockwell publication 1756-PM020, "Logix 5000 Controllers Data Access", error codes of the tag services.


class Fault(Exception):
    """A refusal of the controller.

    Attributes:
        general, extended: Status codes of CIP; extended is None when there is none.
    """

    def __init__(self, general: int, extended: int | None = None) -> None:
        super().__init__(f"{general:#x}")
        self.general = general
        self.extended = extended


@dataclass(frozen=True, slots=True)
class Atomic:
    """An elementary type: its CIP code and how it is packed."""

    code: int
    format: str

    @property
    def size(self) -> int:
        """Bytes of one element."""
        return struct.calcsize(self.format)


ATOMIC: Mapping[str, Atomic] = {
    "BOOL": Atomic(0xC1, "<?"),
    "SINT": Atomic(0xC2, "<b"),
    "INT": Atomic(0xC3, "<h"),
    "DINT": Atomic(0xC4, "<i"),
    "LINT": Atomic(0xC5, "<q"),
    "USINT": Atomic(0xC6, "<B"),
    "UINT": Atomic(0xC7, "<H"),
    "UDINT": Atomic(0xC8, "<I"),
    "ULINT": Atomic(0xC9, "<Q"),
    "REAL": Atomic(0xCA, "<f"),
    "LREAL": Atomic(0xCB, "<d"),
    "DWORD": Atomic(0xD3, "<I"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a structure; ``bit`` only for a BOOL, which stands in a byte it shares with its neighbours."""

    name: str
    kind: Atomic | Structure
    count: int
    offset: int
    bit: int | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """A user-defined type or a string type.

    Attributes:
        name: As the programmer called it.
        instance: Template instance, 12 bits.
        handle: What reads and writes of the whole carry.
        size: Bytes, with padding.
        members: In order of their offsets.
    """

    name: str
    instance: int
    handle: int
    size: int
    members: tuple[Member, ...]

    def member(self, name: str) -> Member:
        """By name, in whatever case. Raises Fault."""
        for member in self.members:
            if member.name.lower() == name.lower():
                return member
        raise Fault(PATH_UNKNOWN)

    def template(self) -> bytes:
        """The definition as the controller hands it out: one word pair per member, then the names."""
        infos = b"".join(struct.pack("<HHI", *_info(member), member.offset) for member in self.members)
        return infos + self.name.encode() + b";n\0" + b"".join(member.name.encode() + b"\0" for member in self.members)


def _info(member: Member) -> tuple[int, int]:
    if member.bit is not None:
        return member.bit, member.kind.code if isinstance(member.kind, Atomic) else 0
    code = 0x8000 | member.kind.instance if isinstance(member.kind, Structure) else member.kind.code
    return (member.count, 0x2000 | code) if member.count > 1 else (0, code)


def structure(name: str, instance: int, members: Iterable[tuple[str, Atomic | Structure, int]], handle: int = 0) -> Structure:
    """A structure laid out as Logix does: members on their own alignment, BOOLs packed into hidden bytes, the whole on four bytes."""
    placed: list[Member] = []
    offset, host, bit = 0, 0, 8
    for member, kind, count in members:
        if kind is ATOMIC["BOOL"] and count == 1:
            if bit > 7:
                host, bit, offset = offset, 0, offset + 1
                placed.append(Member(f"ZZZZZZZZZZ{name}{len(placed)}", ATOMIC["SINT"], 1, host))
            placed.append(Member(member, kind, 1, host, bit))
            bit += 1
            continue
        bit = 8
        align = min(kind.size, 8) if isinstance(kind, Atomic) else 4
        offset = -(-offset // align) * align
        placed.append(Member(member, kind, count, offset))
        offset += kind.size * count
    return Structure(name, instance, handle or (0x4000 ^ instance), -(-offset // 4) * 4, tuple(placed))


STRING = structure("ASCIISTRING82", 0xFCE, (("LEN", ATOMIC["DINT"], 1), ("DATA", ATOMIC["SINT"], 82)), 0x0FCE)
"""The controller's own string type, under the name it has inside."""

KINDS: Mapping[TagType, Atomic | Structure] = {
    TagType.BOOL: ATOMIC["BOOL"],
    TagType.INT16: ATOMIC["INT"],
    TagType.UINT16: ATOMIC["UINT"],
    TagType.INT32: ATOMIC["DINT"],
    TagType.UINT32: ATOMIC["UDINT"],
    TagType.INT64: ATOMIC["LINT"],
    TagType.UINT64: ATOMIC["ULINT"],
    TagType.FLOAT32: ATOMIC["REAL"],
    TagType.FLOAT64: ATOMIC["LREAL"],
    TagType.STRING: STRING,
}
"""What a programmer would declare for a tag of each type."""


@dataclass(slots=True)
class Symbol:
    """One tag: type, dimensions and bytes."""

    name: str
    kind: Atomic | Structure
    dimensions: tuple[int, ...] = ()
    instance: int = 0
    data: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.data = self.data or bytearray(self.kind.size * math.prod(self.dimensions))

    @property
    def type_word(self) -> int:
        """The symbol type of the tag list: structure flag, number of dimensions, code or template."""
        code = 0x8000 | self.kind.instance if isinstance(self.kind, Structure) else self.kind.code
        return code | len(self.dimensions) << 13


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a path leads: ``count`` elements of ``kind`` from ``offset`` of ``symbol``; ``bit`` for a BOOL inside a structure."""

    symbol: Symbol
    kind: Atomic | Structure
    offset: int
    count: int
    bit: int | None = None

    def read(self, start: int, length: int) -> bytes:
        """Bytes of the elements; a BOOL of a structure reads as one byte."""
        if self.bit is not None:
            return bytes([self.symbol.data[self.offset] >> self.bit & 1])
        return bytes(self.symbol.data[self.offset + start : self.offset + start + length])

    def write(self, start: int, data: bytes) -> None:
        """Take over bytes."""
        if self.bit is not None:
            mask = 1 << self.bit
            self.symbol.data[self.offset] = self.symbol.data[self.offset] & ~mask | (mask if data[0] else 0)
        else:
            self.symbol.data[self.offset + start : self.offset + start + len(data)] = data


class Memory:
    """All tags of a controller by scope: ``""`` for the controller, else the program's name. Names are found in any case."""

    def __init__(self) -> None:
        self.scopes: dict[str, dict[str, Symbol]] = {"": {}}
        self.structures: dict[int, Structure] = {STRING.instance: STRING}
        self._next = 1

    def add(self, name: str, kind: Atomic | Structure, dimensions: tuple[int, ...] = (), scope: str = "") -> Symbol:
        """A new tag of zeros; a program comes into being with its first tag."""
        if scope.lower() not in {known.lower() for known in self.scopes}:
            self.scopes[scope] = {}
        symbol = Symbol(name, kind, dimensions, self._next)
        self._next += 1
        self.scopes[scope][name.lower()] = symbol
        return symbol

    def define(self, name: str, members: Iterable[tuple[str, Atomic | Structure, int]]) -> Structure:
        """A new user-defined type."""
        made = structure(name, 0x100 + len(self.structures), members)
        self.structures[made.instance] = made
        return made

    def renumber(self) -> None:
        """Instance ids in the opposite order, as a download may leave them."""
        symbols = [symbol for scope in self.scopes.values() for symbol in scope.values()]
        for instance, symbol in enumerate(reversed(symbols), start=1):
            symbol.instance = instance
        self._next = len(symbols) + 1

    def spot(self, names: list[str | int], instance: int | None = None) -> Spot:
        """Follow a path of names and element numbers; ``instance`` stands for the first name when the client gave that.

        Raises:
            Fault: It leads nowhere.
        """
        symbol, rest = self._symbol(names, instance)
        kind: Atomic | Structure = symbol.kind
        dimensions, offset, bit = symbol.dimensions, 0, None
        available = math.prod(dimensions)
        while rest:
            part = rest.pop(0)
            if isinstance(part, int):
                indices = [part]
                while rest and isinstance(rest[0], int):
                    indices.append(int(rest.pop(0)))
                at = _element(indices, dimensions)
                offset, available, dimensions = offset + at * kind.size, available - at, ()
            else:
                if not isinstance(kind, Structure):
                    raise Fault(PATH_UNKNOWN)
                member = kind.member(part)
                kind, offset, available, bit = member.kind, offset + member.offset, member.count, member.bit
                dimensions = (member.count,) if member.count > 1 else ()
        return Spot(symbol, kind, offset, available, bit)

    def _symbol(self, names: list[str | int], instance: int | None) -> tuple[Symbol, list[str | int]]:
        if instance is not None:
            for symbol in self.scopes[""].values():
                if symbol.instance == instance:
                    return symbol, list(names)
            raise Fault(PATH_UNKNOWN)
        scope = ""
        if names and isinstance(names[0], str) and names[0].lower().startswith("program:"):
            wanted = str(names[0])[8:].lower()
            scope, names = next((known for known in self.scopes if known.lower() == wanted), "?"), names[1:]
        found = self.scopes.get(scope, {}).get(str(names[0]).lower()) if names else None
        if found is None:
            raise Fault(PATH_UNKNOWN)
        return found, list(names[1:])


def _element(indices: list[int], dimensions: tuple[int, ...]) -> int:
    if len(indices) != len(dimensions):
        raise Fault(PATH_UNKNOWN)
    at = 0
    for index, length in zip(indices, dimensions, strict=True):
        if index >= length:
            raise Fault(OTHER, BEYOND_THE_END)
        at = at * length + index
    return at


def packed(kind: Atomic | Structure, value: Raw, encoding: str = "utf-8") -> bytes:
    """The bytes of one element; a text for a string type, cut where it is full."""
    if isinstance(kind, Atomic):
        return struct.pack(kind.format, value)
    room = kind.member("DATA").count
    data = str(value).encode(encoding)[:room]
    return (struct.pack("<i", len(data)) + data).ljust(kind.size, b"\0")


def unpacked(kind: Atomic | Structure, data: bytes, encoding: str = "utf-8") -> Raw:
    """The value of one element."""
    if isinstance(kind, Atomic):
        value: Raw = struct.unpack(kind.format, data[: kind.size])[0]
        return value
    (length,) = struct.unpack_from("<i", data)
    return data[4 : 4 + max(0, length)].decode(encoding, "replace")
