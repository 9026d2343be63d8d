"""One value in one step says what asyncua says of it, for whatever a DataValue may hold and wherever it is cut off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncua.common.utils
import asyncua.ua.ua_binary
import pytest
from hypothesis import strategies as st

import core.drivers.opcua_bounds
from core.drivers.opcua_quick import Item, notification
from core.drivers.opcua_values import Reader, sample_parts, ua
from core.live.sample import Quality
from core.live.tags import TagSpec, TagType
from tests.drivers.fuzz import LONG, QUICK, feed

binary: Any = asyncua.ua.ua_binary
Buffer: Any = asyncua.common.utils.Buffer
library = core.drivers.opcua_bounds._library_structure(ua.MonitoredItemNotification)
quick = notification(library)
TAGS = [TagSpec("t", "S", "", kind, scale=scale) for kind in TagType for scale in (1.0, 0.5)]

kinds = ua.VariantType
numbers = {
    kinds.SByte: st.integers(-128, 127),
    kinds.Byte: st.integers(0, 255),
    kinds.Int16: st.integers(-(2**15), 2**15 - 1),
    kinds.UInt32: st.integers(0, 2**32 - 1),
    kinds.Int64: st.integers(-(2**63), 2**63 - 1),
    kinds.UInt64: st.integers(0, 2**64 - 1),
    kinds.Float: st.floats(width=32),
    kinds.Double: st.floats(),
    kinds.Boolean: st.booleans(),
    kinds.String: st.text(max_size=5),
}
variants = st.one_of(
    *(st.builds(lambda value, kind=kind: ua.Variant(value, kind), values) for kind, values in numbers.items()),
    st.builds(lambda values: ua.Variant(values, kinds.Double), st.lists(st.floats(), min_size=1, max_size=3)),
    st.just(ua.Variant()),
)
times = st.one_of(
    st.none(), st.integers(-(10**9), 10**10).map(lambda s: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=s, microseconds=7))
)
statuses = st.sampled_from([None, 0, 0x80000000, 0x40900000, 0x00000480]).map(lambda code: None if code is None else ua.StatusCode(code))
answers = st.builds(lambda value, status, source, server: ua.DataValue(value, status, source, server), variants, statuses, times, times)


def packed(answer: Any, handle: int = 7) -> bytes:
    return bytes(binary.struct_to_binary(ua.MonitoredItemNotification(handle, answer)))


def told(decode: Any, data: bytes) -> Any:
    """What ``decode`` says of the bytes, as far as anybody looks, and how many it leaves; or what kind of error."""
    buffer = Buffer(data)
    try:
        item = decode(buffer)
    except Exception as error:  # noqa: BLE001 - compared
        return type(error)
    return (
        item.ClientHandle,
        [sample_parts(tag, item.Value) for tag in TAGS],
        [Reader(tag).read(item.Value, {}) for tag in TAGS],
        len(buffer),
    )


def same(case: tuple[Any, int, bytes]) -> None:
    answer, cut, more = case
    whole = packed(answer) + more
    for data in (whole, whole[:cut], more):
        # Through repr: NaN equals nothing, and 1 equals 1.0 and True.
        long, short = repr(told(library, data)), repr(told(quick, data))
        assert long == short


cases = st.tuples(answers, st.integers(0, 40), st.binary(max_size=12))


def test_both_ways_say_the_same() -> None:
    feed(cases, QUICK // 5, same)


@pytest.mark.long
def test_both_ways_say_the_same_for_long() -> None:
    feed(cases, LONG, same)


def test_the_reader_says_what_the_long_way_says() -> None:
    def check(case: tuple[Any, int]) -> None:
        answer, which = case
        tag = TAGS[which]
        item = library(Buffer(packed(answer)))
        assert repr(Reader(tag).read(item.Value, {})) == repr(sample_parts(tag, item.Value))

    feed(st.tuples(answers, st.integers(0, len(TAGS) - 1)), QUICK // 5, check)


def test_numbers_with_their_times_are_taken_in_one_step() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    answer = ua.DataValue(ua.Variant(1.5, kinds.Double), SourceTimestamp=at, ServerTimestamp=at + timedelta(seconds=1))
    item = quick(Buffer(packed(answer)))
    assert isinstance(item, Item)
    reader, known = Reader(TagSpec("t", "S", "", TagType.FLOAT64)), {}
    assert reader.read(item.Value, known) == (1.5, Quality.GOOD, at.timestamp(), "")
    assert known == {at: at.timestamp()}
    assert not isinstance(quick(Buffer(packed(ua.DataValue(ua.Variant("text"))))), Item)


def test_the_driver_decodes_with_it() -> None:
    made = binary._create_dataclass_deserializer(ua.MonitoredItemNotification)
    assert isinstance(made(Buffer(packed(ua.DataValue(ua.Variant(2.5, kinds.Double))))), Item)
