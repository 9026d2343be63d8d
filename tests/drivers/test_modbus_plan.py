"""The planner and the wire format, for any tag list."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.drivers.engineering import Undecodable
from core.drivers.modbus_plan import Limits, Rules, plan
from core.drivers.modbus_point import MAX_BITS, MAX_REGISTERS, Area, Point, locate
from core.drivers.modbus_values import decode, encode
from core.live.tags import TagSpec, TagType

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
SIZES = {TagType.INT16: 1, TagType.UINT32: 2, TagType.FLOAT64: 4, TagType.STRING: 20}


@st.composite
def points(draw: st.DrawFn) -> list[Point]:
    made = []
    for number in range(draw(st.integers(0, 40))):
        area = draw(st.sampled_from(Area))
        tag_type = TagType.BOOL if area.is_bits else draw(st.sampled_from(list(SIZES)))
        address = draw(st.one_of(st.integers(0, 300), st.integers(0, 65535)))
        count = SIZES.get(tag_type, 1)
        tag = TagSpec(f"t{number}", "S", "", tag_type, draw(st.sampled_from([0.2, 1.0])))
        made.append(Point(tag, draw(st.integers(0, 3)), area, min(address, 65536 - count), count))
    return made


@given(points(), st.integers(0, 30), st.integers(20, MAX_REGISTERS), st.integers(1, MAX_BITS))
def test_plan_covers_every_point_once_within_the_limits(wanted: list[Point], gap: int, registers: int, bits: int) -> None:
    blocks = plan(wanted, Rules(Limits(registers, bits, gap)))
    assert sorted(p.tag.name for block in blocks for p in block.points) == sorted(p.tag.name for p in wanted)
    for block in blocks:
        assert 1 <= block.count <= (bits if block.area.is_bits else registers)
        assert block.start >= 0
        assert block.start + block.count <= 65536
        for point in block.points:
            assert (point.unit, point.area, point.tag.period_s) == (block.unit, block.area, block.period_s)
            assert block.start <= point.address, "a value is never split"
            assert point.end <= block.start + block.count
        _assert_gaps(block.points, 16 * gap if block.area.is_bits else gap)


def _assert_gaps(inside: tuple[Point, ...], gap: int) -> None:
    end = inside[0].end
    for point in inside:
        assert point.address - end <= gap
        end = max(end, point.end)


@given(points())
def test_halves_cover_the_block_and_shrink(wanted: list[Point]) -> None:
    for block in plan(wanted):
        if len(block.points) < 2:
            continue
        left, right = block.halves()
        assert left.points + right.points == block.points
        assert max(left.count, right.count) <= block.count


def test_neighbours_share_one_read() -> None:
    tags = [TagSpec(f"t{n}", "S", f"1/holding/{2 * n}", TagType.FLOAT32) for n in range(62)]
    (block,) = plan(map(locate, tags))
    assert (block.start, block.count, len(block.points)) == (0, 124, 62)


RANGES = {
    TagType.INT16: st.integers(-(2**15), 2**15 - 1),
    TagType.UINT16: st.integers(0, 2**16 - 1),
    TagType.INT32: st.integers(-(2**31), 2**31 - 1),
    TagType.UINT32: st.integers(0, 2**32 - 1),
    TagType.INT64: st.integers(-(2**63), 2**63 - 1),
    TagType.UINT64: st.integers(0, 2**64 - 1),
    TagType.FLOAT32: st.floats(width=32, allow_nan=False),
    TagType.FLOAT64: st.floats(allow_nan=False),
}


@given(st.data(), st.sampled_from(list(RANGES)), st.sampled_from(ORDERS))
def test_numbers_survive_the_wire(data: st.DataObject, tag_type: TagType, order: str) -> None:
    point = locate(TagSpec("t", "S", "1/holding/0", tag_type, options={"order": order}))
    value = data.draw(RANGES[tag_type])
    registers = encode(point, value)
    assert len(registers) == point.count
    assert all(0 <= register <= 0xFFFF for register in registers)
    assert decode(point, registers) == value


@given(st.text(max_size=13), st.sampled_from(["ABCD", "BADC"]), st.sampled_from(["utf-8", "cp932", "ascii"]))
@example("Ａ〜", "ABCD", "cp932")
@example("A-1 ", "ABCD", "utf-8")
def test_text_survives_the_wire_or_is_refused(text: str, order: str, encoding: str) -> None:
    point = locate(TagSpec("t", "S", "1/holding/0", TagType.STRING, options={"order": order, "length": "24", "encoding": encoding}))
    try:
        registers = encode(point, text)
    except Undecodable:
        assert text != "A-1", "plain text always fits"
        return
    assert decode(point, registers) == text


@given(st.lists(st.integers(0, 0xFFFF), min_size=4, max_size=4), st.sampled_from(ORDERS))
def test_any_registers_decode_or_say_why(registers: list[int], order: str) -> None:
    for tag_type, count in {TagType.FLOAT64: 4, TagType.FLOAT32: 2, TagType.STRING: 4}.items():
        point = locate(TagSpec("t", "S", "1/holding/0", tag_type, options={"order": order, "length": "8"}))
        try:
            value = decode(point, registers[:count])
        except Undecodable:
            continue
        assert isinstance(value, str if tag_type is TagType.STRING else float)


def test_byte_orders_are_those_of_the_manuals() -> None:
    a, b, c, d = struct.pack(">f", 123.456)
    sent = {"ABCD": (a, b, c, d), "CDAB": (c, d, a, b), "BADC": (b, a, d, c), "DCBA": (d, c, b, a)}
    for order, octets in sent.items():
        point = locate(TagSpec("t", "S", "1/input/0", TagType.FLOAT32, options={"order": order}))
        registers = [octets[0] << 8 | octets[1], octets[2] << 8 | octets[3]]
        assert decode(point, registers) == pytest.approx(123.456, rel=1e-6)


def test_bit_of_a_register() -> None:
    point = locate(TagSpec("t", "S", "7/holding/100.3", TagType.BOOL))
    assert (point.unit, point.area, point.address, point.bit) == (7, Area.HOLDING, 100, 3)
    assert decode(point, [0b1000]) is True
    assert decode(point, [0xFFF7]) is False


@pytest.mark.parametrize(
    ("address", "tag_type", "options"),
    [
        ("", TagType.INT16, {}),
        ("1/holding", TagType.INT16, {}),
        ("256/holding/0", TagType.INT16, {}),
        ("1/register/0", TagType.INT16, {}),
        ("1/holding/65536", TagType.INT16, {}),
        ("1/holding/65535", TagType.INT32, {}),
        ("1/holding/1.16", TagType.BOOL, {}),
        ("1/holding/1", TagType.BOOL, {}),
        ("1/holding/1.2", TagType.INT16, {}),
        ("1/coil/1", TagType.INT16, {}),
        ("1/coil/1.2", TagType.BOOL, {}),
        ("1/holding/0", TagType.FLOAT32, {"order": "ACBD"}),
        ("1/holding/0", TagType.STRING, {}),
        ("1/holding/0", TagType.STRING, {"length": "0"}),
        ("1/holding/0", TagType.STRING, {"length": "251"}),
        ("1/holding/0", TagType.STRING, {"length": "8", "encoding": "klingon"}),
    ],
)
def test_addresses_that_cannot_be(address: str, tag_type: TagType, options: dict[str, str]) -> None:
    with pytest.raises(Undecodable):
        locate(TagSpec("t", "S", address, tag_type, options=options))


@pytest.mark.parametrize("options", [{"gap": "-1"}, {"max_registers": "126"}, {"max_bits": "0"}, {"gap": "x"}])
def test_limits_that_cannot_be(options: dict[str, str]) -> None:
    with pytest.raises(Undecodable):
        Rules.from_options(options)


def test_not_a_number_decodes_to_itself() -> None:
    point = locate(TagSpec("t", "S", "1/holding/0", TagType.FLOAT32))
    value = decode(point, [0x7FC0, 0])
    assert isinstance(value, float)
    assert math.isnan(value)
