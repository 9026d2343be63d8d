"""A whole answer at once gives the same samples as its points one by one, whatever stands in it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drivers.engineering import Undecodable, to_engineering
from core.drivers.modbus_decode import Decoder
from core.drivers.modbus_plan import Rules, plan
from core.drivers.modbus_point import locate
from core.drivers.modbus_values import decode
from core.live.sample import Batch, Quality, Value
from core.live.tags import TagSpec, TagType

NUMBERS = [kind for kind in TagType if kind not in (TagType.BOOL, TagType.STRING)]


@st.composite
def tag_lists(draw: st.DrawFn) -> list[TagSpec]:
    """Tags of one unit's holding registers: every type and order, also several in one register."""
    tags = []
    for number in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from([*NUMBERS, TagType.STRING, TagType.BOOL]))
        options = {"order": draw(st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"])), "length": str(draw(st.integers(1, 9)))}
        if kind in (TagType.UINT16, TagType.UINT32) and draw(st.booleans()):
            options["coding"] = "bcd"
        at = draw(st.integers(0, 60))
        address = f"1/holding/{at}.{draw(st.integers(0, 15))}" if kind is TagType.BOOL else f"1/holding/{at}"
        scale, offset = draw(st.sampled_from([(1.0, 0.0), (0.1, 0.0), (1.0, -5.0), (1e308, 0.0)]))
        tags.append(TagSpec(f"T{number}", "PLC", address, kind, scale=scale, offset=offset, options=options))
    return tags


def one_by_one(tags: list[TagSpec], registers: list[int]) -> dict[str, tuple[Value, type, Quality, str]]:
    found: dict[str, tuple[Value, type, Quality, str]] = {}
    for tag in tags:
        point = locate(tag)
        try:
            value = to_engineering(tag, decode(point, registers[point.address : point.end]))
            found[tag.name] = (value, type(value), Quality.GOOD, "")
        except Undecodable as error:
            found[tag.name] = (None, type(None), Quality.BAD, str(error))
    return found


@given(tags=tag_lists(), registers=st.lists(st.integers(0, 0xFFFF), min_size=100, max_size=100))
def test_together_is_the_same_as_one_by_one(tags: list[TagSpec], registers: list[int]) -> None:
    batch = Batch("PLC", 1.0)
    for block in plan([locate(tag) for tag in tags], Rules()):
        Decoder(block).add_to(batch, registers[block.start : block.start + block.count])
    samples = [batch.sample(index) for index in range(len(batch))]
    assert {each.tag: (each.value, type(each.value), each.quality, each.status) for each in samples} == one_by_one(tags, registers)
    assert len(samples) == len(tags)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_one_that_is_no_number_costs_only_itself(bad: float) -> None:
    tags = [TagSpec(f"T{number}", "PLC", f"1/holding/{2 * number}", TagType.FLOAT32) for number in range(20)]
    (block,) = plan([locate(tag) for tag in tags], Rules())
    values = [1.5] * 20
    values[7] = bad
    batch = Batch("PLC", 1.0)
    Decoder(block).add_to(batch, struct.unpack(">40H", struct.pack(">20f", *values)))
    assert batch.qualities.count(Quality.GOOD) == 19
    assert batch.sample(batch.tags.index("T7")).quality is Quality.BAD
