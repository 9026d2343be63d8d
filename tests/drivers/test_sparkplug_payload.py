"""Sparkplug payloads and what a host makes of births, data and deaths: as tables, and fed with anything."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from core.clock import SystemClock
from core.drivers import sparkplug_pb2
from core.drivers.broker_link import Message as BrokerMessage
from core.drivers.engineering import Undecodable
from core.drivers.sparkplug import SparkplugDriver
from core.drivers.sparkplug_asking import Asking
from core.drivers.sparkplug_payload import METRICS_MAX, DataType, command, decode, value_of
from core.drivers.sparkplug_state import Heard, Node, NodeId, place_of, split_topic
from core.live.sample import Batch, Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.drivers.fuzz import LONG, QUICK, broken, feed

Payload: Any = sparkplug_pb2.Payload
NODE = NodeId("G", "N")


def metric(**fields: Any) -> Any:
    return decode(Payload(metrics=[Payload.Metric(**fields)]).SerializeToString()).metrics[0]


@pytest.mark.parametrize(
    ("datatype", "fields", "expected"),
    [
        (DataType.Int8, {"int_value": 0xFF}, -1),
        (DataType.Int8, {"int_value": 0xFFFFFFFF}, -1),
        (DataType.Int16, {"int_value": 0x8000}, -32768),
        (DataType.Int32, {"int_value": 0x80000000}, -(2**31)),
        (DataType.Int64, {"long_value": 2**64 - 5}, -5),
        (DataType.Int64, {"int_value": 7}, 7),
        (DataType.Int16, {"long_value": 2**64 - 5}, -5),
        (DataType.UInt8, {"int_value": 255}, 255),
        (DataType.UInt32, {"int_value": 2**32 - 1}, 2**32 - 1),
        (DataType.UInt64, {"long_value": 2**64 - 1}, 2**64 - 1),
        (DataType.Float, {"float_value": 1.5}, 1.5),
        (DataType.Double, {"double_value": 1e300}, 1e300),
        (DataType.Boolean, {"boolean_value": True}, True),
        (DataType.String, {"string_value": "品番"}, "品番"),
        (DataType.UUID, {"string_value": "x"}, "x"),
        (DataType.DateTime, {"long_value": 1700000000000}, 1700000000000),
    ],
)
def test_values(datatype: DataType, fields: dict[str, Any], expected: object) -> None:
    found = value_of(metric(name="m", datatype=datatype, **fields), datatype)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("datatype", "fields", "word"),
    [
        (DataType.Int8, {"int_value": 300}, "outside Int8"),
        (DataType.UInt16, {"int_value": 70000}, "outside UInt16"),
        (DataType.Int32, {"long_value": 2**40}, "outside Int32"),
        (DataType.Int16, {"float_value": 1.5}, "float_value instead of Int16"),
        (DataType.Float, {"int_value": 1}, "int_value instead of Float"),
        (DataType.Boolean, {"int_value": 1}, "int_value instead of Boolean"),
        (DataType.String, {"bytes_value": b"x"}, "bytes_value instead of String"),
        (DataType.Float, {"is_null": True, "float_value": 1.0}, "null"),
        (DataType.Float, {}, "no value"),
        (16, {"dataset_value": b""}, "dataset_value instead of DataSet"),
    ],
)
def test_what_is_no_value_says_why(datatype: int, fields: dict[str, Any], word: str) -> None:
    with pytest.raises(Undecodable) as reason:
        value_of(metric(name="m", datatype=datatype, **fields), datatype)
    assert str(reason.value) == word


def test_text_that_is_none_spoils_its_metric_only() -> None:
    good = Payload(
        metrics=[Payload.Metric(name="abc", datatype=12, string_value="xyz"), Payload.Metric(name="ok", datatype=9, float_value=1.0)]
    )
    message = decode(good.SerializeToString().replace(b"xyz", b"\xff\xfe\xfd"))
    with pytest.raises(Undecodable, match="broken text"):
        value_of(message.metrics[0], 12)
    assert decode(good.SerializeToString().replace(b"abc", b"\xff\xfe\xfd")).metrics[0].name == ""
    assert value_of(message.metrics[1], 9) == 1.0


def test_commands_read_back() -> None:
    for datatype, value in (
        (DataType.Int8, -1), (DataType.Int64, -(2**63)), (DataType.UInt64, 2**64 - 1), (DataType.Int32, 5.0), (DataType.Float, 1.5),
        (DataType.Double, 7), (DataType.Boolean, True), (DataType.String, "品番"),
    ):  # fmt: skip
        (found,) = decode(command([("m", 3, datatype, value)], 5000)).metrics
        assert (found.name, found.alias, found.at) == ("m", 3, 5.0)
        assert value_of(found, datatype) == value
    for datatype, bad in (
        (DataType.Int8, 200),
        (DataType.UInt16, -1),
        (DataType.Float, 1e39),
        (DataType.Int32, 1.5),
        (DataType.Boolean, 1),
    ):
        with pytest.raises(Undecodable):
            command([("m", None, datatype, bad)], 0)


def packed(body: bytes, algorithm: str | None) -> bytes:
    message = Payload(uuid="SPBV1.0_COMPRESSED", body=body)
    if algorithm:
        message.metrics.add(name="algorithm", datatype=12, string_value=algorithm)
    encoded: bytes = message.SerializeToString()
    return encoded


def test_compression_is_undone_and_bounded() -> None:
    inner = Payload(seq=3, metrics=[Payload.Metric(name="m", datatype=9, float_value=1.5)]).SerializeToString()
    for body, algorithm in ((zlib.compress(inner), "DEFLATE"), (zlib.compress(inner), None), (gzip.compress(inner), "gzip")):
        message = decode(packed(body, algorithm))
        assert (message.seq, message.metrics[0].content) == (3, 1.5)
    for body, algorithm, word in (
        (zlib.compress(bytes(50_000_000)), None, "message too large"),
        (zlib.compress(inner)[:-5], None, "compression cut off"),
        (b"nonsense", None, "compression broken"),
        (inner, "LZMA", "compression LZMA"),
        (zlib.compress(b"\x12\x00" * (METRICS_MAX + 100_000)), None, "too many metrics"),
    ):
        with pytest.raises(Undecodable) as reason:
            decode(packed(body, algorithm))
        assert str(reason.value) == word


def test_properties_tell_quality_and_what_is_read_only() -> None:
    values = [Payload.PropertyValue(type=3, int_value=500), Payload.PropertyValue(type=11, boolean_value=True)]
    found = metric(name="m", datatype=9, properties=Payload.PropertySet(keys=["Quality", "readOnly"], values=values))
    assert (found.quality, found.read_only) == (500, True)
    assert metric(name="m", datatype=9, properties=Payload.PropertySet(keys=["x"], values=values)).quality is None


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("spBv1.0/G/NDATA/N", Heard("NDATA", NODE, "")),
        ("spBv1.0/G/DDATA/N/D", Heard("DDATA", NODE, "D")),
        ("spBv1.0/G/NDATA/N/D", None),
        ("spBv1.0/G/DDATA/N", None),
        ("spBv1.0/STATE/genba", None),
        ("spBv1.0/G/NCMD/N", None),
        ("spBv1.0//NDATA/N", None),
        ("spAv1.0/G/NDATA/N", None),
    ],
)
def test_topics(topic: str, expected: Heard | None) -> None:
    assert split_topic(topic) == expected


def test_addresses() -> None:
    assert place_of("G/N#Properties/Speed #1") == (NODE, "", "Properties/Speed #1")
    assert place_of("G/N/D#x") == (NODE, "D", "x")
    for bad in ("", "G#x", "G/N", "G/N#", "G/N/D/E#x", "G//D#x", "+/N#x"):
        with pytest.raises(Undecodable):
            place_of(bad)


class Play:
    """One node, told message by message."""

    def __init__(self) -> None:
        self.node = Node(NODE)

    def tell(self, kind: str, seq: int | None, *metrics: Any, device: str = "") -> Any:
        message = Payload(metrics=metrics) if seq is None else Payload(seq=seq, metrics=metrics)
        return self.node.take(Heard(kind, NODE, device), decode(message.SerializeToString()), 0.0)


def m(name: str | None = None, value: float | None = 1.0, alias: int | None = None, **more: Any) -> Any:
    fields = {"name": name, "alias": alias, "double_value": value}
    return Payload.Metric(**{key: each for key, each in fields.items() if each is not None}, datatype=10, **more)


def bd_seq(number: int) -> Any:
    return Payload.Metric(name="bdSeq", datatype=4, long_value=number)


def names(outcome: Any) -> list[str]:
    return [update.name for update in outcome.updates]


def test_nothing_is_believed_before_a_birth() -> None:
    play = Play()
    for kind, device in (("NDATA", ""), ("DBIRTH", "D"), ("DDATA", "D")):
        outcome = play.tell(kind, 0, m("x"), device=device)
        assert outcome.rebirth == f"{kind} before NBIRTH"
        assert names(outcome) == []
    play.tell("NBIRTH", 0, bd_seq(1), m("x"))
    assert play.tell("DDATA", 1, m("x"), device="D").rebirth == "data before the birth of its device"


def test_sequence_wraps_and_a_gap_makes_everything_doubtful_until_the_next_birth() -> None:
    play = Play()
    play.tell("NBIRTH", 250, m("x", alias=1), m("y"))
    for seq in (251, 252, 253, 254, 255, 0, 1):
        assert play.tell("NDATA", seq, m(alias=1)).rebirth == ""
    outcome = play.tell("NDATA", 3, m(alias=1), m("y"))
    assert outcome.rebirth == "message 3 came instead of 2"
    assert play.node.doubtful
    assert names(outcome) == ["y"], "an alias may mean something else by now"
    assert names(play.tell("NDATA", 4, m(alias=1), m("y"))) == ["y"]
    play.tell("NBIRTH", 0, m("z", alias=1))
    assert not play.node.doubtful
    assert names(play.tell("NDATA", 1, m(alias=1))) == ["z"]


def test_a_death_of_another_session_does_not_count() -> None:
    play = Play()
    play.tell("NBIRTH", 0, bd_seq(7), m("x"))
    play.tell("DBIRTH", 1, m("x"), device="D")
    assert play.tell("NDEATH", None, bd_seq(6)).died == []
    outcome = play.tell("NDEATH", None, bd_seq(7))
    assert (sorted(outcome.died), outcome.word) == (["", "D"], "NDEATH")
    assert play.tell("NDATA", 2, m("x")).rebirth, "dead until it is born"
    assert play.tell("NDEATH", None, bd_seq(7)).died == []


def test_a_device_dies_alone() -> None:
    play = Play()
    play.tell("NBIRTH", 0, m("x"))
    play.tell("DBIRTH", 1, m("x", alias=5), device="D")
    outcome = play.tell("DDEATH", 2, device="D")
    assert (outcome.died, outcome.word) == (["D"], "DDEATH")
    assert names(play.tell("DDATA", 3, m("x"), device="D")) == []
    assert names(play.tell("NDATA", 4, m("x"))) == ["x"]
    assert names(play.tell("DBIRTH", 5, m("x", alias=5), device="D")) == ["x"]


def test_metrics_without_a_birth_ask_for_one_and_old_values_are_left_out() -> None:
    play = Play()
    play.tell("NBIRTH", 0, m("x", alias=1))
    outcome = play.tell("NDATA", 1, m("x", is_historical=True), m("new"), m(alias=9))
    assert outcome.rebirth == "a metric that is in no birth"
    assert names(outcome) == []
    play.tell("DBIRTH", 2, m("d", alias=2), device="D")
    assert names(play.tell("NDATA", 3, m(alias=2))) == [], "the alias of another device"


def test_births_are_asked_for_ever_more_rarely() -> None:
    asking, asked, now = Asking(), [], 0.0
    while now < 300:
        if asking.may(now):
            asked.append(now)
        now += 0.5
    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert gaps == [5, 10, 20, 40, 60, 60, 60]
    asking.answered(now)
    assert not asking.may(now)
    assert asking.may(now + 5)


# -- anything ----------------------------------------------------------------------------------------------------


def birth() -> bytes:
    message = Payload(timestamp=1_700_000_000_000, seq=0, metrics=[bd_seq(1), m("x", alias=1), m("y")])
    message.metrics.add(name="s", datatype=12, string_value="text", alias=2, is_null=False)
    message.metrics.add(name="i", datatype=3, int_value=5, alias=3)
    encoded: bytes = message.SerializeToString()
    return encoded


GOOD = [
    birth(),
    packed(zlib.compress(birth()), None),
    packed(gzip.compress(birth()), "GZIP"),
    Payload(seq=1, metrics=[m(alias=1)]).SerializeToString(),
]
TOPICS = [f"spBv1.0/G/{kind}/N" for kind in ("NBIRTH", "NDATA", "NDEATH")] + [
    f"spBv1.0/G/{kind}/N/D" for kind in ("DBIRTH", "DDATA", "DDEATH")
]


def anything_is_a_quality(count: int) -> None:
    """Payloads of every kind through the driver as it serves: samples of the right type or a reason, whatever comes in whatever order."""
    driver = SparkplugDriver(SourceSpec("S", "sparkplug", "mqtt://x"), None, SystemClock())
    found: list[Batch] = []
    driver._sink = found.append
    types = {"x": float, "y": float, "s": str, "i": int}
    for place in ("G/N", "G/N/D"):
        for name, kind in (("x", TagType.FLOAT64), ("y", TagType.FLOAT64), ("s", TagType.STRING), ("i", TagType.INT32)):
            driver._enter(TagSpec(f"{place}#{name}", "S", f"{place}#{name}", kind))

    def check(parts: tuple[str, bytes, bool]) -> None:
        topic, payload, retained = parts
        found.clear()
        driver._take([BrokerMessage(topic, payload, retained), BrokerMessage("spBv1.0/STATE/genba", payload, True)])
        driver._tick()
        for batch in found:
            for index, name in enumerate(batch.tags):
                usable = batch.qualities[index].usable
                good = batch.qualities[index] is Quality.GOOD
                assert type(batch.values[index]) is types[name[-1]] if usable else good or batch.statuses[index]
                assert good or batch.statuses[index]

    feed(st.tuples(st.sampled_from(TOPICS), broken(GOOD), st.just(False)), count, check)


def test_anything_is_a_quality() -> None:
    anything_is_a_quality(QUICK)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_anything_is_a_quality_for_long() -> None:
    anything_is_a_quality(LONG)


def anything_decodes_or_says_why(count: int) -> None:
    def check(payload: bytes) -> None:
        with contextlib.suppress(Undecodable):
            for each in decode(payload).metrics:
                for datatype in DataType:
                    with contextlib.suppress(Undecodable):
                        value_of(each, datatype)

    feed(broken(GOOD), count, check)


def test_anything_decodes_or_says_why() -> None:
    anything_decodes_or_says_why(QUICK)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_anything_decodes_or_says_why_for_long() -> None:
    anything_decodes_or_says_why(LONG)


# -- the generated module ------------------------------------------------------------------------------------------

_FIELD = re.compile(r"(?:(optional|repeated)\s+)?(\w+)\s+(\w+)\s*=\s*(\d+);")
_WORDS = {1: "double", 2: "float", 4: "uint64", 8: "bool", 9: "string", 12: "bytes", 13: "uint32"}


def written_down() -> dict[str, set[tuple[str, str, str, int]]]:
    """Message → (repeated or not, type, name, number) of its fields, as the .proto has them."""
    text = re.sub(r"//.*", "", Path(sparkplug_pb2.__file__).with_name("sparkplug.proto").read_text(encoding="utf-8"))
    found: dict[str, set[tuple[str, str, str, int]]] = {}
    path: list[str] = []
    for line in text.splitlines():
        if opened := re.match(r"\s*(message|oneof)\s+(\w+)\s*{", line):
            path.append(opened[2] if opened[1] == "message" else "")
        elif "}" in line:
            path.pop()
        elif path and (field := _FIELD.search(line)):
            owner = ".".join(part for part in path if part)
            found.setdefault(owner, set()).add(("repeated" if field[1] == "repeated" else "one", field[2], field[3], int(field[4])))
    return found


def generated() -> dict[str, set[tuple[str, str, str, int]]]:
    found: dict[str, set[tuple[str, str, str, int]]] = {}

    def walk(message: Any) -> None:
        found[message.full_name.removeprefix("genba.sparkplug.")] = {
            (
                "repeated" if field.is_repeated else "one",
                field.message_type.name if field.message_type is not None else _WORDS[field.type],
                field.name,
                field.number,
            )
            for field in message.fields
        }
        for inner in message.nested_types:
            walk(inner)

    walk(Payload.DESCRIPTOR)
    return found


def test_the_generated_module_is_what_is_written_down() -> None:
    assert written_down() == generated()
    assert len(generated()["Payload.Metric"]) == 18
