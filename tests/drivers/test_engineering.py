"""Between raw and engineering values: nothing wrong passes in either direction."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.drivers.engineering import INTEGER_RANGE, Undecodable, converter, to_engineering, to_raw
from core.errors import Invalid
from core.live.tags import TagSpec, TagType

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers()), st.just(object())
)  # fmt: skip


@given(st.sampled_from(TagType), anything, st.sampled_from([1.0, 0.1, 1e300]))
def test_whatever_a_machine_sends_becomes_its_type_or_is_refused(tag_type: TagType, raw: object, scale: float) -> None:
    tag = TagSpec("t", "S", "", tag_type, scale=scale)
    try:
        value = to_engineering(tag, raw)
    except Undecodable:
        return
    if tag_type is TagType.BOOL:
        assert value is raw
    elif tag_type is TagType.STRING:
        assert isinstance(value, str)
    else:
        assert not isinstance(value, bool)
        assert isinstance(value, int | float)
        assert math.isfinite(value)


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_thousands_of_raw_values(count: int) -> None:
    @settings(max_examples=count, deadline=None, database=None)
    @given(st.sampled_from(TagType), anything, st.floats(allow_nan=False).filter(bool), st.floats(allow_nan=False))
    def decode(tag_type: TagType, raw: object, scale: float, offset: float) -> None:
        try:
            value = to_engineering(TagSpec("t", "S", "", tag_type, scale=scale, offset=offset), raw)
        except Undecodable:
            return
        assert isinstance(value, bool | str) or (isinstance(value, int | float) and math.isfinite(value))

    decode()


@given(
    st.sampled_from(list(INTEGER_RANGE)),
    st.data(),
    st.sampled_from([1.0, 0.1, 0.01, 2.5, -1.0, 1000.0]),
    st.sampled_from([0.0, -40.0, 3.25]),
)
def test_integers_read_back_as_written(tag_type: TagType, data: st.DataObject, scale: float, offset: float) -> None:
    low, high = INTEGER_RANGE[tag_type]
    raw = data.draw(st.integers(max(low, -(2**40)), min(high, 2**40)))
    tag = TagSpec("t", "S", "", tag_type, scale=scale, offset=offset)
    assert to_raw(tag, to_engineering(tag, raw)) == raw


@given(st.sampled_from(TagType), anything)
def test_whatever_is_typed_is_sent_exactly_or_refused(tag_type: TagType, value: object) -> None:
    tag = TagSpec("t", "S", "", tag_type)
    try:
        raw = to_raw(tag, value)  # type: ignore[arg-type]
    except Invalid:
        return
    assert raw == (value if isinstance(value, bool | str) else pytest.approx(value, rel=1e-15, abs=1e-6))
    bounds = INTEGER_RANGE.get(tag_type)
    assert bounds is None or (isinstance(raw, int) and bounds[0] <= raw <= bounds[1])


def test_between_two_steps_is_refused() -> None:
    tag = TagSpec("t", "S", "", TagType.INT16, scale=0.1)
    assert to_raw(tag, 12.3) == 123
    with pytest.raises(Invalid) as refusal:
        to_raw(tag, 12.34)
    assert refusal.value.code == "driver.write_step"


@pytest.mark.parametrize(
    ("tag_type", "raw"),
    [
        (TagType.INT16, True), (TagType.FLOAT64, False), (TagType.BOOL, 1), (TagType.INT16, 1.0),
        (TagType.INT16, 40_000), (TagType.UINT16, -1), (TagType.FLOAT32, "1.0"), (TagType.FLOAT64, math.nan),
        (TagType.FLOAT64, math.inf), (TagType.FLOAT64, 10**400), (TagType.STRING, b"x"), (TagType.STRING, None),
    ],
)  # fmt: skip
def test_raw_values_that_are_not_what_was_declared(tag_type: TagType, raw: object) -> None:
    with pytest.raises(Undecodable):
        to_engineering(TagSpec("t", "S", "", tag_type), raw)


@pytest.mark.parametrize(("raw", "kept"), [("D07\0\0", "D07"), ("\0", ""), ("a\ud800b", "a?b"), ("停止", "停止")])
def test_a_string_holds_only_what_a_database_takes(raw: str, kept: str) -> None:
    assert to_engineering(TagSpec("T", "S", "1", TagType.STRING), raw) == kept


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_the_short_way_to_a_value_says_what_the_long_one_says(count: int) -> None:
    factor = st.sampled_from([1.0, 0.1, 1e300, -2.0])

    @settings(max_examples=count, deadline=None, database=None)
    @given(st.sampled_from(TagType), st.one_of(anything, st.integers(-(2**16), 2**16)), factor, st.sampled_from([0.0, 3.5]))
    def decode(tag_type: TagType, raw: object, scale: float, offset: float) -> None:
        tag = TagSpec("t", "S", "", tag_type, scale=scale, offset=offset)
        answers: list[object] = []
        for convert in (converter(tag), lambda raw: to_engineering(tag, raw)):
            try:
                value = convert(raw)
                answers.append((type(value), value))
            except Undecodable as error:
                answers.append(str(error))
        assert answers[0] == answers[1]

    decode()
