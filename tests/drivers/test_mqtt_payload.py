"""Payloads of plain MQTT, as a table and as anything at all."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import strategies as st

from core.clock import SystemClock
from core.drivers.broker_link import Message
from core.drivers.engineering import Undecodable, to_engineering
from core.drivers.mqtt import MqttDriver
from core.drivers.mqtt_browse import children
from core.drivers.mqtt_payload import Absent, locate, parse, raw_value, source_time, written
from core.live.sample import Batch, Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.drivers.fuzz import LONG, QUICK, broken, feed


def value(kind: TagType, address: str, payload: bytes) -> Any:
    point = locate(TagSpec("x", "S", address, kind))
    return to_engineering(point.tag, raw_value(point, payload, parse(payload) if point.has_document else None))


@pytest.mark.parametrize(
    ("kind", "address", "payload", "expected"),
    [
        (TagType.FLOAT64, "t", b"21.5", 21.5),
        (TagType.FLOAT64, "t", b" -1e3\n", -1000.0),
        (TagType.FLOAT32, "t", b".5", 0.5),
        (TagType.INT16, "t", b"+12", 12),
        (TagType.INT16, "t", b"12.0", 12),
        (TagType.UINT64, "t", b"18446744073709551615", 2**64 - 1),
        (TagType.BOOL, "t", b"ON", True),
        (TagType.BOOL, "t", b"0", False),
        (TagType.STRING, "t", "品番 A".encode(), "品番 A"),
        (TagType.STRING, "t", b" kept ", " kept "),
        (TagType.FLOAT64, "t#a.b", b'{"a": {"b": 3}}', 3.0),
        (TagType.INT32, "t#a.b", b'{"a": {"b": 3.0}}', 3),
        (TagType.INT64, "t#v", b'{"v": -9223372036854775808}', -(2**63)),
        (TagType.BOOL, "t#v", b'{"v": 1}', True),
        (TagType.FLOAT64, 't#"odd key"', b'{"odd key": 1.5}', 1.5),
        (TagType.FLOAT64, "t#list[-1].v", b'{"list": [{"v": 1}, {"v": 2}]}', 2.0),
        (TagType.FLOAT64, "t#max(list)", b'{"list": [1, 7, 3]}', 7.0),
        (TagType.FLOAT64, "t#@", b"7", 7.0),
    ],
)
def test_values(kind: TagType, address: str, payload: bytes, expected: object) -> None:
    found = value(kind, address, payload)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "address", "payload", "word"),
    [
        (TagType.FLOAT64, "t", b"", "empty message"),
        (TagType.FLOAT64, "t", b"NaN", "NaN"),
        (TagType.FLOAT64, "t", b"-inf", "infinite"),
        (TagType.FLOAT64, "t", b"1e999", "infinite"),
        (TagType.FLOAT64, "t", b"1_000", "text instead of float64"),
        (TagType.FLOAT64, "t", "1２".encode(), "text instead of float64"),
        (TagType.FLOAT64, "t", b"21.5 C", "text instead of float64"),
        (TagType.FLOAT64, "t", b"9" * 5000, "text instead of float64"),
        (TagType.INT16, "t", b"12.5", "float instead of int16"),
        (TagType.INT16, "t", b"40000", "outside int16"),
        (TagType.INT16, "t", b"1e300", "float instead of int16"),
        (TagType.BOOL, "t", b"2", "text instead of bool"),
        (TagType.STRING, "t", b"\xff", "not text"),
        (TagType.FLOAT64, "t#v", b"{", "not JSON"),
        (TagType.FLOAT64, "t#v", b'{"v": "12"}', "str instead of float64"),
        (TagType.FLOAT64, "t#v", b'{"v": true}', "bool instead of float64"),
        (TagType.FLOAT64, "t#v", b'{"v": null}', "null"),
        (TagType.FLOAT64, "t#v", b'{"v": NaN}', "NaN"),
        (TagType.BOOL, "t#v", b'{"v": 2}', "int instead of bool"),
        (TagType.STRING, "t#v", b'{"v": 5}', "int instead of string"),
        (TagType.FLOAT64, "t#length(v)", b'{"v": 5}', "path failed: JMESPathTypeError"),
    ],
)
def test_what_is_no_value_says_why(kind: TagType, address: str, payload: bytes, word: str) -> None:
    with pytest.raises(Undecodable) as reason:
        value(kind, address, payload)
    assert str(reason.value) == word


@pytest.mark.parametrize(("address", "payload"), [("t#a.b", b'{"a": 1}'), ("t#a.b", b"[]"), ("t#a[3]", b'{"a": []}')])
def test_nothing_at_the_path_is_its_own_case(address: str, payload: bytes) -> None:
    with pytest.raises(Absent):
        value(TagType.FLOAT64, address, payload)


@pytest.mark.parametrize(
    "tag",
    [
        TagSpec("x", "S", "", TagType.BOOL),
        TagSpec("x", "S", "a/+", TagType.BOOL),
        TagSpec("x", "S", "a\0b", TagType.BOOL),
        TagSpec("x", "S", "a#b[", TagType.BOOL),
        TagSpec("x", "S", "\ud800", TagType.BOOL),
        TagSpec("x", "S", "a", TagType.BOOL, options={"write_qos": "2"}),
        TagSpec("x", "S", "a", TagType.BOOL, options={"write_topic": "a/#"}),
        TagSpec("x", "S", "a", TagType.BOOL, options={"write_topic": "b", "write_template": "{}"}),
        TagSpec("x", "S", "a", TagType.BOOL, options={"alive": ""}),
    ],
)
def test_addresses_that_are_none(tag: TagSpec) -> None:
    with pytest.raises(Undecodable):
        locate(tag)


@pytest.mark.parametrize(
    ("raw", "template", "payload"),
    [
        (1.5, "", b"1.5"),
        (True, "", b"true"),
        ("品番", "", "品番".encode()),
        (7, '{"v": {value}, "at": {time_ms}}', b'{"v": 7, "at": 5}'),
        ('a"{time_ms}', '{"v": {value}, "at": {time_ms}}', b'{"v": "a\\"{time_ms}", "at": 5}'),
    ],
)
def test_what_is_sent(raw: Any, template: str, payload: bytes) -> None:
    options = {"write_topic": "b"} | ({"write_template": template} if template else {})
    point = locate(TagSpec("x", "S", "a", TagType.STRING, options=options))
    assert written(point, raw, 5) == payload


GOOD = [
    b"21.5",
    b"true",
    b'{"v": 1.5, "at": 1700000000, "a": {"b": [1, 2, {"c": null}]}}',
    b'{"v": "text", "at": "2026-01-02T03:04:05Z"}',
    "ロット24".encode(),
]
TYPES: dict[TagType, type] = {TagType.BOOL: bool, TagType.STRING: str, TagType.FLOAT64: float, TagType.INT16: int}


def anything_is_a_quality(count: int) -> None:
    """Random payloads through the driver as it serves: whatever comes, samples of the right type or a reason."""
    driver = MqttDriver(SourceSpec("S", "mqtt", "mqtt://x"), None, SystemClock())
    found: list[Batch] = []
    driver._sink = found.append
    kinds = {}
    for kind, expected in TYPES.items():
        for number, address in enumerate(("t", "t#v", "t#a.b[0]", "t#at")):
            tag = TagSpec(f"{kind}{number}", "S", address, kind, options={"time": "at", "alive": "t#v"})
            kinds[tag.name] = expected
            driver._enter(locate(tag))

    def check(payload: bytes) -> None:
        found.clear()
        driver._take([Message("t", payload, False)])
        driver._tick()
        assert found
        for batch in found:
            for index, name in enumerate(batch.tags):
                usable = batch.qualities[index].usable
                assert type(batch.values[index]) is kinds[name] if usable else batch.values[index] is None
                assert usable or batch.statuses[index]
                assert batch.source_at[index] is None or 0 <= batch.source_at[index] < 1e12  # type: ignore[operator]
                assert not isinstance(batch.values[index], float) or math.isfinite(batch.values[index])  # type: ignore[arg-type]

    feed(broken(GOOD), count, check)


def test_anything_is_a_quality() -> None:
    anything_is_a_quality(QUICK)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_anything_is_a_quality_for_long() -> None:
    anything_is_a_quality(LONG)


def anything_is_an_address(count: int) -> None:
    def check(parts: tuple[str, str, bytes]) -> None:
        address, other, payload = parts
        tag = TagSpec("x", "S", address, TagType.FLOAT64, options={"time": other, "alive": other})
        with contextlib.suppress(Undecodable):
            point = locate(tag)
            source_time(point, json.loads(payload))
            raw_value(point, payload, json.loads(payload))
        for item in children(address, {"a/b": payload, other: payload}):
            assert item.name

    texts = st.one_of(st.text(max_size=30), st.text("ab/#.[]*@&|`'\"0(){}", max_size=30))
    feed(st.tuples(texts, texts, st.sampled_from([b"1", b'{"a": {"b": 1}}', b'[[1], {"a": null}]'])), count, check)


def test_anything_is_an_address() -> None:
    anything_is_an_address(QUICK)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_anything_is_an_address_for_long() -> None:
    anything_is_an_address(LONG)


def test_the_first_message_tells_a_wrong_path_and_a_later_one_a_missing_value() -> None:
    driver = MqttDriver(SourceSpec("S", "mqtt", "mqtt://x"), None, SystemClock())
    found: list[Batch] = []
    driver._sink = found.append
    driver._enter(locate(TagSpec("wrong", "S", "t#w", TagType.FLOAT64)))
    driver._enter(locate(TagSpec("right", "S", "t#v", TagType.FLOAT64)))
    driver._enter(locate(TagSpec("partial", "S", "t#v", TagType.FLOAT64, options={"partial": "yes"})))
    driver._take([Message("t", b'{"v": 1}', False)])
    driver._take([Message("t", b'{"u": 1}', False)])
    first, second = (dict(zip(batch.tags, batch.qualities, strict=True)) for batch in found)
    assert first == {"wrong": Quality.CONFIG, "right": Quality.GOOD, "partial": Quality.GOOD}
    assert second == {"wrong": Quality.CONFIG, "right": Quality.BAD}
