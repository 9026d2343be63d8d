"""Looking through a range of a Modbus device for the tag browser: one entry per register that can be read, with what is in it.

Modbus has no list of what a device offers, so the range is read. Slowly and within limits: the machine is being polled meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass

from core.drivers.modbus_line import DeviceSaysNo, WrongReply
from core.drivers.modbus_link import ModbusLink
from core.drivers.modbus_plan import Rules
from core.drivers.modbus_point import Area
from core.live.link import BrowseItem

_PLACE = re.compile(
    r"(?P<unit>\d{1,3})(?:/(?P<area>coil|discrete|holding|input)(?:/(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?)?)?", re.ASCII
)
_OFFERED = 100
"""Registers in the first range that a table offers."""
_MOST = {True: 2000, False: 500}
"""Most addresses in one range, bits and registers: what does not fit into the time is offered as a range of its own."""
_PAUSE_S = 0.02
_ENOUGH_S = 2.0
"""A scan ends after this long, well before the request's own deadline."""
_FUNCTION = 1
_ADDRESS = (2, 3)
"""Exception codes: the device lacks the function, or the address."""


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses of one table to look through, as on the wire; ``end`` is the first one after."""

    unit: int
    area: Area
    start: int
    end: int


class NoSuchPlace(ValueError):
    """An address that names neither a unit, a table nor a range."""


def roots(units: Iterable[int]) -> list[BrowseItem]:
    """The units that tags of the source use."""
    return [BrowseItem(str(unit), f"unit {unit}", has_children=True) for unit in sorted(set(units))]


async def children(link: ModbusLink, rules: Rules, address: str) -> list[BrowseItem]:
    """The tables of a unit (``1``), the first range of a table (``1/holding``), or what a range holds (``1/holding/0-99``).

    Raises:
        NoSuchPlace: The address is none of these.
        LinkLost, NoReply, DeviceSaysNo: See ``modbus_line``.
    """
    match = _PLACE.fullmatch(address.strip())
    if match is None or int(match["unit"]) > 255:
        raise NoSuchPlace(address)
    unit, base = int(match["unit"]), rules.base
    if match["area"] is None:
        return [_offer(Range(unit, area, 0, _OFFERED), base) for area in Area]
    area = Area(match["area"])
    start = int(match["first"]) - base if match["first"] else 0
    end = (int(match["last"]) - base if match["last"] else start if match["first"] else _OFFERED - 1) + 1
    if not 0 <= start < end <= 0x10000 or end - start > _MOST[area.is_bits]:
        raise NoSuchPlace(address)
    return await _look_through(link, rules, Range(unit, area, start, end))


def _offer(span: Range, base: int) -> BrowseItem:
    address = f"{span.unit}/{span.area}/{span.start + base}-{span.end - 1 + base}"
    return BrowseItem(address, address, has_children=True)


async def _look_through(link: ModbusLink, rules: Rules, wanted: Range) -> list[BrowseItem]:
    """Read ``wanted`` in blocks; a block that is refused is halved, until the time is up."""
    limits = rules.of(wanted.unit)
    longest = limits.bits if wanted.area.is_bits else limits.registers
    waiting = [(start, min(start + longest, wanted.end)) for start in range(wanted.start, wanted.end, longest)]
    items: list[BrowseItem] = []
    loop = asyncio.get_running_loop()
    enough = loop.time() + _ENOUGH_S
    while waiting:
        if loop.time() > enough:
            # Ranges that were not reached can be opened in turn.
            return items + [_offer(Range(wanted.unit, wanted.area, first, end), rules.base) for first, end in waiting]
        start, end = waiting.pop(0)
        forbidden = rules.forbids(wanted.unit, wanted.area, start, end)
        try:
            if not forbidden:
                values = await link.read(wanted.unit, wanted.area, start, end - start)
                items += [_item(wanted, start + at, value, rules.base) for at, value in enumerate(values)]
        except WrongReply:
            continue  # what this answer held nobody knows; the rest of the range is not touched by it
        except DeviceSaysNo as refusal:
            if refusal.code == _FUNCTION:
                return items  # it has no such table
            if refusal.code not in _ADDRESS:
                raise
            forbidden = True
        if forbidden and end - start > 1:
            middle = (start + end) // 2
            waiting[:0] = [(start, middle), (middle, end)]
        await asyncio.sleep(_PAUSE_S)
    return items


def _item(wanted: Range, at: int, value: int, base: int) -> BrowseItem:
    address = f"{wanted.unit}/{wanted.area}/{at + base}"
    if wanted.area.is_bits:
        return BrowseItem(address, f"{at + base} = {value}", False, "bool", wanted.area.is_writable)
    return BrowseItem(address, f"{at + base} = {value} (0x{value:04X})", False, "uint16", wanted.area.is_writable)
