"""A whole answer of a Modbus device at once: what can be unpacked together is unpacked in one call. Pure; no socket.

One value at a time costs five times as much, and a poll of a hundred registers is the most frequent thing this driver does.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from operator import itemgetter

from core.drivers.engineering import Undecodable, to_engineering
from core.drivers.modbus_plan import Block
from core.drivers.modbus_point import FORMATS, Point
from core.drivers.modbus_values import decode
from core.live.sample import Batch, Quality

_SWAPPED_WORDS = "CDAB"


class Decoder:
    """From the answer to one block to samples; made once per block.

    Numbers in byte order ABCD or CDAB are unpacked together, all others (texts, single bits, BCD, swapped bytes, points that
    share a register) one by one. Both ways give the same samples.
    """

    def __init__(self, block: Block) -> None:
        self._start = block.start
        together: list[Point] = []
        self._single: list[Point] = []
        end = 0
        for point in block.points:
            if _is_plain(point) and point.address >= end:
                together.append(point)
                end = point.end
            else:
                self._single.append(point)
        self._together = tuple(together)
        self._names = [point.tag.name for point in together]
        self._pick = _picker(together, block.start)
        self._words = struct.Struct(f">{sum(point.count for point in together)}H")
        self._numbers = struct.Struct(">" + "".join(FORMATS[point.tag.type] for point in together))
        scaled = any(point.tag.scale != 1.0 or point.tag.offset != 0.0 for point in together)
        self._scale = [_scaling(point) for point in together] if scaled else None

    def add_to(self, batch: Batch, values: Sequence[int]) -> None:
        """Append the samples that ``values`` hold, exactly what the block asked for."""
        if self._together and not self._add_together(batch, values):
            self._add_each(batch, values, self._together)
        self._add_each(batch, values, self._single)

    def _add_together(self, batch: Batch, values: Sequence[int]) -> bool:
        """False, and nothing appended, when one of the numbers is none: then each must say for itself."""
        numbers: Sequence[int | float] = self._numbers.unpack(self._words.pack(*self._pick(values)))
        if self._scale is not None:
            numbers = [number if by is None else number * by[0] + by[1] for number, by in zip(numbers, self._scale, strict=True)]
        if not all(map(math.isfinite, numbers)):
            return False
        count = len(numbers)
        batch.tags.extend(self._names)
        batch.values.extend(numbers)
        batch.qualities.extend([Quality.GOOD] * count)
        batch.source_at.extend([None] * count)
        return True

    def _add_each(self, batch: Batch, values: Sequence[int], points: Sequence[Point]) -> None:
        for point in points:
            at = point.address - self._start
            try:
                raw = bool(values[at]) if point.area.is_bits else decode(point, values[at : at + point.count])
                batch.add(point.tag.name, to_engineering(point.tag, raw))
            except Undecodable as error:
                batch.add(point.tag.name, None, Quality.BAD, status=str(error))


def _is_plain(point: Point) -> bool:
    return point.tag.type in FORMATS and point.bit is None and not point.bcd and point.order in ("ABCD", _SWAPPED_WORDS)


def _scaling(point: Point) -> tuple[float, float] | None:
    """What to multiply with and to add; None where nothing is, so that an integer stays one."""
    tag = point.tag
    return None if tag.scale == 1.0 and tag.offset == 0.0 else (tag.scale, tag.offset)


def _picker(points: Sequence[Point], start: int) -> Callable[[Sequence[int]], Sequence[int]]:
    """Takes the registers of ``points`` out of an answer, the highest word of each number first."""
    places: list[int] = []
    for point in points:
        own = range(point.address - start, point.end - start)
        places.extend(reversed(own) if point.order == _SWAPPED_WORDS else own)
    first = places[0] if places else 0
    # A slice costs less than a list of places, and one place alone would not come as a sequence.
    if places == list(range(first, first + len(places))):
        part = slice(first, first + len(places))
        return lambda values: values[part]
    return itemgetter(*places)
