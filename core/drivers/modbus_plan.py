"""Which reads cover all tags of a Modbus source, within what its devices take and never over what must not be read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.drivers.engineering import Undecodable
from core.drivers.modbus_point import BASES, MAX_BITS, MAX_REGISTERS, Area, Point

_KEYS = {"max_registers": (1, MAX_REGISTERS), "max_bits": (1, MAX_BITS), "gap": (0, MAX_REGISTERS)}
_FIELDS = {"max_registers": "registers", "max_bits": "bits", "gap": "gap"}
_SPAN = re.compile(r"(?P<unit>\d{1,3}|\*)/(?P<area>coil|discrete|holding|input)/(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?", re.ASCII)


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


@dataclass(frozen=True, slots=True)
class Span:
    """Addresses that no read may touch: of one unit or, with None, of every unit; ``end`` is the first one after."""

    unit: int | None
    area: Area
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What a source's options say about its devices.

    Attributes:
        limits: For units not named in ``units``.
        units: By unit id.
        forbidden: Addresses whose reading has an effect (a counter that clears) or makes the device fail.
        base: What the tag list calls the first register of a table, 0 or 1.
    """

    limits: Limits = field(default_factory=Limits)
    units: Mapping[int, Limits] = field(default_factory=dict)
    forbidden: tuple[Span, ...] = ()
    base: int = 0

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Rules:
        """From ``max_registers``, ``max_bits``, ``gap``, the same for one unit (``2/max_registers``), ``forbidden``, ``base``.

        Raises:
            Undecodable: A number that cannot be, an address that is none; its text is the option.
        """
        base = options.get("base", "0")
        if base not in map(str, BASES):
            raise Undecodable(f"base={base}")
        general = Limits()
        for key in _KEYS:
            if key in options:
                general = _with(general, key, key, options[key])
        units: dict[int, Limits] = {}
        for name, text in options.items():
            unit, slash, key = name.partition("/")
            if slash:
                if not (unit.isascii() and unit.isdigit() and int(unit[:9]) <= 255 and key in _KEYS):
                    raise Undecodable(f"{name}={text}")
                units[int(unit)] = _with(units.get(int(unit), general), key, name, text)
        return cls(general, units, _spans(options.get("forbidden", ""), int(base)), int(base))

    def of(self, unit: int) -> Limits:
        """The limits of one unit."""
        return self.units.get(unit, self.limits)

    def forbids(self, unit: int, area: Area, start: int, end: int) -> bool:
        """Whether anything of ``start`` to before ``end`` must not be read."""
        return any(span.unit in (None, unit) and span.area is area and start < span.end and span.start < end for span in self.forbidden)


def _with(limits: Limits, key: str, name: str, text: str) -> Limits:
    low, high = _KEYS[key]
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise Undecodable(f"{name}={text}")
    return replace(limits, **{_FIELDS[key]: int(text)})


def _spans(text: str, base: int) -> tuple[Span, ...]:
    spans = []
    for word in text.replace(",", " ").split():
        match = _SPAN.fullmatch(word)
        if match is None:
            raise Undecodable(f"forbidden={word}")
        start, last = int(match["first"]) - base, int(match["last"] or match["first"]) - base
        unit = None if match["unit"] == "*" else int(match["unit"])
        if not 0 <= start <= last <= 0xFFFF or (unit or 0) > 255:
            raise Undecodable(f"forbidden={word}")
        spans.append(Span(unit, Area(match["area"]), start, last + 1))
    return tuple(spans)


def plan(points: Iterable[Point], rules: Rules | None = None) -> list[Block]:
    """Blocks that cover every point exactly once, by unit, table and period.

    A value is never split over two blocks. A single string longer than its unit's ``registers`` gets a block of its own
    that is as long as it needs (at most 125, ``locate`` sees to that). Points on forbidden addresses are the caller's matter.
    """
    rules = rules or Rules()
    blocks: list[Block] = []
    group: list[Point] = []
    for point in sorted(points, key=lambda p: (p.unit, p.area, p.tag.period_s, p.address, p.end)):
        if group and not _joins(group, point, rules):
            blocks.append(_block(group))
            group = []
        group.append(point)
    if group:
        blocks.append(_block(group))
    return blocks


def _joins(group: Sequence[Point], point: Point, rules: Rules) -> bool:
    first = group[0]
    if (first.unit, first.area, first.tag.period_s) != (point.unit, point.area, point.tag.period_s):
        return False
    end = max(each.end for each in group)
    limits = rules.of(first.unit)
    longest, gap = (limits.bits, 16 * limits.gap) if point.area.is_bits else (limits.registers, limits.gap)
    if point.address - end > gap or max(end, point.end) - first.address > longest:
        return False
    return not rules.forbids(first.unit, first.area, end, point.address)


def _block(points: Sequence[Point]) -> Block:
    first = points[0]
    start = min(point.address for point in points)
    return Block(first.unit, first.area, first.tag.period_s, start, max(point.end for point in points) - start, tuple(points))
