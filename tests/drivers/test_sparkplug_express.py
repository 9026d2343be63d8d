"""The short way of Sparkplug data says what the long way says, whatever arrives; and it is taken when it can be."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st

from core.clock import SystemClock
from core.drivers import sparkplug_pb2
from core.drivers.broker_link import Message
from core.drivers.sparkplug import SparkplugDriver
from core.drivers.sparkplug_payload import DataType
from core.drivers.sparkplug_state import NodeId
from core.live.sample import Batch, Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.drivers.fuzz import LONG, QUICK, feed

Payload: Any = sparkplug_pb2.Payload
AT = 1_700_000_000_000
METRICS = (
    ("double", DataType.Double, "double_value"),
    ("float", DataType.Float, "float_value"),
    ("bool", DataType.Boolean, "boolean_value"),
    ("int16", DataType.Int16, "int_value"),
    ("int64", DataType.Int64, "long_value"),
    ("uint8", DataType.UInt8, "int_value"),
    ("untagged", DataType.Double, "double_value"),
    ("text", DataType.String, "string_value"),
    ("twice", DataType.Double, "double_value"),
)
TAGS = [
    TagSpec("double", "S", "G/N/D#double", TagType.FLOAT64),
    TagSpec("float", "S", "G/N/D#float", TagType.FLOAT32, scale=0.5),
    TagSpec("bool", "S", "G/N/D#bool", TagType.BOOL),
    TagSpec("int16", "S", "G/N/D#int16", TagType.INT16),
    TagSpec("int64", "S", "G/N/D#int64", TagType.INT64),
    TagSpec("uint8", "S", "G/N/D#uint8", TagType.FLOAT64, scale=10.0),
    TagSpec("text", "S", "G/N/D#text", TagType.STRING),
    TagSpec("twice1", "S", "G/N/D#twice", TagType.FLOAT64),
    TagSpec("twice2", "S", "G/N/D#twice", TagType.FLOAT64),
]


class Host:
    """A driver without a broker; what it says is kept."""

    def __init__(self, *, short: bool) -> None:
        self.driver = SparkplugDriver(SourceSpec("S", "sparkplug", "mqtt://127.0.0.1:1"), None, SystemClock(), primary=False)
        self.said: list[tuple[Any, ...]] = []
        self.driver._sink = self.keep
        for tag in TAGS:
            self.driver._enter(tag)
        self.took = 0
        take = self.driver._express.take

        def counted(*arguments: Any) -> bool:
            taken = short and take(*arguments)
            self.took += taken
            return taken

        self.driver._express.take = counted  # type: ignore[method-assign]
        self.seq = -1

    def keep(self, batch: Batch) -> None:
        self.said.append((batch.tags, batch.values, batch.qualities, batch.source_at, batch.statuses))

    def hear(self, kind: str, message: Any, skip: int = 0) -> None:
        self.seq = (self.seq + 1 + skip) % 256
        message.seq = self.seq
        topic = f"spBv1.0/G/{kind}/N" + ("/D" if kind[0] == "D" else "")
        self.driver._take([Message(topic, message.SerializeToString(), False)])

    def born(self) -> None:
        self.seq = -1
        self.hear("NBIRTH", Payload(timestamp=AT, metrics=[Payload.Metric(name="bdSeq", datatype=4, long_value=0)]))
        birth = Payload(timestamp=AT)
        for alias, (name, datatype, field) in enumerate(METRICS, start=1):
            birth.metrics.add(name=name, alias=alias, datatype=datatype, timestamp=AT, **{field: "" if name == "text" else 0})
        self.hear("DBIRTH", birth)

    def settled(self) -> tuple[Any, ...]:
        """What somebody would find who asks now."""
        node = self.driver._nodes[NodeId("G", "N")]
        self.driver._settle(node)
        # The long way keeps the data type that came along, which nobody looks at.
        latest = {name: update.metric._replace(datatype=None) for name, update in node.devices["D"].latest.items()}
        return self.driver._latest, latest, node.expected, node.doubtful


def data(*numbers: float, **more: Any) -> Any:
    return Payload(timestamp=AT, metrics=[Payload.Metric(alias=1, timestamp=AT + 1, double_value=number, **more) for number in numbers])


numbers = st.one_of(st.floats(), st.sampled_from([0.0, 1.5, -0.0, 1e308]))
fields = st.one_of(
    st.builds(lambda value: {"double_value": value}, numbers),
    st.builds(lambda value: {"float_value": value}, st.floats(width=32)),
    st.builds(lambda value: {"boolean_value": value}, st.booleans()),
    st.builds(lambda value: {"int_value": value}, st.sampled_from([0, 1, 200, 70_000, 0xFFFF8000, 2**32 - 1])),
    st.builds(lambda value: {"long_value": value}, st.sampled_from([0, 1, 2**63, 2**64 - 5])),
    st.builds(lambda value: {"string_value": value}, st.text(max_size=3)),
    st.sampled_from([{}, {"is_null": True}]),
)
VALUES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "double_value": st.builds(lambda value: {"double_value": value}, numbers),
    "float_value": st.builds(lambda value: {"float_value": value}, st.floats(width=32)),
    "boolean_value": st.builds(lambda value: {"boolean_value": value}, st.booleans()),
    "int_value": st.builds(lambda value: {"int_value": value}, st.sampled_from([0, 1, 7, 200, 0xFFFFFFFF, 70_000])),
    "long_value": st.builds(lambda value: {"long_value": value}, st.sampled_from([0, 9, 2**64 - 5])),
    "string_value": st.builds(lambda value: {"string_value": value}, st.text(max_size=3)),
}
quirks = st.sampled_from([{}] * 12 + [{"is_historical": True}, {"is_null": False}, {"name": "double"}, {"timestamp": 0}, {"datatype": 10}])


@st.composite
def metric(draw: st.DrawFn) -> Any:
    alias = draw(st.integers(1, len(METRICS) + 1))
    usual = METRICS[alias - 1][2] if alias <= len(METRICS) else "double_value"
    value = draw(VALUES[usual]) if draw(st.integers(0, 9)) else draw(fields)
    return Payload.Metric(**({"alias": alias, "timestamp": AT + draw(st.integers(0, 3)), **value} | draw(quirks)))


messages = st.lists(
    st.tuples(
        st.sampled_from(["DDATA"] * 20 + ["born", "NDEATH", "DDEATH", "NDATA"]),
        st.lists(metric(), max_size=5),
        st.sampled_from([0] * 30 + [1]),
    ),
    min_size=3,
    max_size=12,
)


def same(story: Any) -> None:
    short, long = Host(short=True), Host(short=False)
    for host in (short, long):
        host.born()
        for kind, metrics, skip in story:
            if kind == "born":
                host.born()
            else:
                host.hear(kind, Payload(timestamp=AT, metrics=metrics), skip)
    # Through repr: NaN equals nothing, and 1 equals 1.0 and True.
    assert repr(short.said) == repr(long.said)
    assert repr(short.settled()) == repr(long.settled())


def test_both_ways_say_the_same() -> None:
    feed(messages, QUICK // 10, same)


@pytest.mark.long
def test_both_ways_say_the_same_for_long() -> None:
    feed(messages, LONG // 4, same)


def test_plain_data_takes_the_short_way() -> None:
    host = Host(short=True)
    host.born()
    for turn in range(300):  # over the end of the sequence
        host.hear("DDATA", data(float(turn)))
    assert host.took == 300
    assert host.said[-1] == (["double"], [299.0], [Quality.GOOD], [(AT + 1) / 1000], {})


@pytest.mark.parametrize(
    "unusual",
    [
        data(float("nan")),
        data(1.0, is_null=True),
        data(1.0, is_historical=True),
        data(1.0, name="double"),
        data(1.0, 2.0),
        Payload(metrics=[Payload.Metric(alias=1, timestamp=AT)]),
        Payload(metrics=[Payload.Metric(alias=1, double_value=1.0)]),
        Payload(metrics=[Payload.Metric(alias=99, timestamp=AT, double_value=1.0)]),
        Payload(uuid="SPBV1.0_COMPRESSED", metrics=[Payload.Metric(alias=1, timestamp=AT, double_value=1.0)]),
    ],
)
def test_anything_else_takes_the_long_way(unusual: Any) -> None:
    host = Host(short=True)
    host.born()
    host.hear("DDATA", unusual)
    assert host.took == 0


def test_a_device_that_never_speaks_plainly_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(short=True)
    host.born()
    for _ in range(20):
        host.hear("DDATA", data(1.0, is_historical=True))
    host.hear("DDATA", data(1.0))
    assert host.took == 0
    host.born()
    host.hear("DDATA", data(1.0))
    assert host.took == 1


def test_who_tries_a_metric_sees_what_came_the_short_way() -> None:
    async def go() -> None:
        host = Host(short=True)
        host.born()
        host.hear("DDATA", data(41.5))
        assert host.took == 1
        found = await host.driver.read([TagSpec("other", "S", "G/N/D#double", TagType.FLOAT64), TAGS[0]])
        assert found.values == [41.5, 41.5]

    asyncio.run(go())
