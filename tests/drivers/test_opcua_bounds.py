"""What an OPC UA server sends is decoded within limits of time and memory, or not at all: bombs, half frames, random bytes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.drivers import opcua_bounds as bounds
from core.drivers.engineering import Undecodable
from core.drivers.opcua_types import Types, _Field, _Structure
from core.drivers.opcua_values import sample_parts, ua
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import TagSpec, TagType
from tests.drivers.rig import Rig, reset, source, tags
from tests.servers.process import ServerProcess

binary, Buffer = bounds.ua_binary, bounds.Buffer
HEAVY_BYTES = 150 * 2**20
HEAVY_S = 6.0
"""Of one processor, for the worst message that is still taken, measured with tracemalloc on, which makes it some five times slower."""


def count(number: int) -> bytes:
    return struct.pack("<i", number)


def decoded(kind: Any, content: bytes) -> Any:
    """As the library decodes an answer of that kind."""
    return binary.struct_from_binary(kind, Buffer(content))


def refused(work: Callable[[], Any], seconds: float = 0.05, size: int = 200_000) -> None:
    """It raises at once and makes nothing."""
    tracemalloc.start()
    start = time.thread_time()
    try:
        with pytest.raises(Exception) as error:  # noqa: PT011 - any: every one makes the link anew
            work()
        assert not isinstance(error.value, MemoryError)
        assert time.thread_time() - start < seconds
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("numbers", b"\x8b" + count(50_000_000)),
        ("numbers with a few bytes", b"\x8b" + count(50_000_000) + bytes(800)),
        ("texts", b"\x8c" + count(50_000_000) + count(-1) * 10),
        ("variants", b"\x98" + count(2_000_000_000) + bytes(64)),
        ("structures", b"\x96" + count(50_000_000) + bytes(64)),
        ("data values", b"\x97" + count(50_000_000) + bytes(64)),
        ("a text", b"\x0c" + count(2_000_000_000) + b"x"),
        ("a text of negative length", b"\x0c" + count(-2) + b"x"),
        ("bytes of negative length", b"\x0f" + count(-(2**31))),
        ("variants in variants", b"\x18" * 5_000),
        ("arrays in arrays", (b"\x98" + count(1)) * 5_000),
        ("dimensions without elements", b"\xc6" + count(1) + count(1) + count(2) + count(1000) + count(1000)),
        ("negative dimensions", b"\xc6" + count(0) + count(2) + count(-1) + count(-1)),
        ("many dimensions", b"\xc1" + count(1) + b"\1" + count(3_000) + count(1) * 3_000),
    ],
)
def test_bombs_in_a_variant(name: str, content: bytes) -> None:
    refused(lambda: binary.variant_from_binary(Buffer(content)))


def test_an_array_of_nulls_says_nothing_and_makes_nothing() -> None:
    found = binary.variant_from_binary(Buffer(b"\x80" + count(2_000_000_000)))
    assert found.Value is None
    answer = decoded(ua.DataValue, b"\1\x80" + count(2_000_000_000))
    assert sample_parts(TagSpec("t", "S", "", TagType.FLOAT64), answer)[1:] == (Quality.BAD, None, "NoneType instead of float64")


@pytest.mark.parametrize("kind", ["Results", "DiagnosticInfos"])
def test_bombs_in_an_answer(kind: str) -> None:
    honest = bytes(binary.struct_to_binary(ua.ReadResponse()))
    assert honest.endswith(count(0) * 2)
    results, diagnostics = (count(50_000_000), count(0)) if kind == "Results" else (count(0), count(50_000_000))
    refused(lambda: decoded(ua.ReadResponse, honest[:-8] + results + diagnostics + bytes(20)))


def test_diagnostics_in_diagnostics() -> None:
    refused(lambda: decoded(ua.DiagnosticInfo, b"\x40" * 5_000))
    found = decoded(ua.DiagnosticInfo, b"\x7f" + count(1) * 4 + count(2) + b"ab" + struct.pack("<I", 0x80000000) + b"\x01" + count(7))
    assert (found.AdditionalInfo, found.InnerStatusCode.value, found.InnerDiagnosticInfo.SymbolicId) == ("ab", 0x80000000, 7)


def test_structures_in_structures() -> None:
    """An operand that holds an operand that holds … : the length of each is true."""
    type_id = bytes(binary.nodeid_to_binary(ua.NodeId(ua.ObjectIds.LiteralOperand_Encoding_DefaultBinary)))

    def nested(depth: int) -> bytes:
        variant = b"\x00"
        for _ in range(depth):
            variant = b"\x16" + type_id + b"\1" + count(len(variant)) + variant
        return variant

    assert binary.variant_from_binary(Buffer(nested(20))).Value.Value.Value.Value.VariantType is ua.VariantType.ExtensionObject
    refused(lambda: binary.variant_from_binary(Buffer(nested(400))))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("variants", b"\x98" + count(bounds.COST // 10) + bytes(bounds.COST // 10)),
        ("bytes", b"\x83" + count(bounds.COST) + bytes(bounds.COST)),
        ("numbers", b"\x8b" + count(bounds.COST) + bytes(8 * bounds.COST)),
        ("empty texts", b"\x8c" + count(bounds.COST // 10) + count(0) * (bounds.COST // 10)),
    ],
)
def test_the_heaviest_message_that_is_taken(name: str, content: bytes) -> None:
    tracemalloc.start()
    try:
        start = time.thread_time()
        binary.variant_from_binary(Buffer(content))
        assert time.thread_time() - start < HEAVY_S
        assert tracemalloc.get_traced_memory()[1] < HEAVY_BYTES
    finally:
        tracemalloc.stop()


def test_one_message_has_one_budget_however_it_is_cut() -> None:
    """A hundred structures, each of which alone would be taken."""
    part = count(bounds.COST // 20) + bytes(bounds.COST // 20)
    one = b"\x98" + part
    content = b"\x98" + count(3) + one * 3
    refused(lambda: binary.variant_from_binary(Buffer(content)), seconds=HEAVY_S, size=HEAVY_BYTES)
    whole = Buffer(b"\x98" + part)
    whole.copy(len(whole)).read(1)
    bounds.take(whole.copy(), 1, 1, bounds.COST)
    with pytest.raises(bounds.TooMuch):
        bounds.take(whole, 1, 1, 1)


@pytest.mark.parametrize("size", [0, 7, 12 - 1, bounds.CHUNK_BYTES + 1, 2**32 - 1])
def test_chunks_of_impossible_sizes_are_refused_before_they_are_waited_for(size: int) -> None:
    refused(lambda: bounds._header(Buffer(b"MSGF" + struct.pack("<II", size, 1))))


def test_limits_are_said_and_stand_whatever_is_acknowledged() -> None:
    limits = bounds._Limits(bounds.CHUNK_BYTES, bounds.CHUNK_BYTES, bounds.CHUNKS, bounds.MESSAGE_BYTES)
    limits.update_client_limits(ua.Acknowledge(0, 2**31, 2**31, 2**31, 2**31))
    assert (limits.max_recv_buffer, limits.max_message_size, limits.max_chunk_count) == (65_535, 2**24, 4_096)
    limits.update_client_limits(ua.Acknowledge(0, 10_000, 0, 0, 0))
    assert limits.max_send_buffer == 10_000


@pytest.mark.parametrize(
    "value",
    [
        ua.Variant(None),
        ua.Variant([], ua.VariantType.Double),
        ua.Variant([[1, 2], [3, 4], [5, 6]], ua.VariantType.Int32),
        ua.Variant([[[True], [False]]], ua.VariantType.Boolean),
        ua.Variant(["a", None, ""], ua.VariantType.String),
        ua.Variant([ua.Variant(1.5), ua.Variant([ua.Variant("x")])], ua.VariantType.Variant),
        ua.Variant(ua.Range(1.0, 2.0)),
        ua.Variant([ua.Range(1.0, 2.0), ua.Range(3.0, 4.0)], ua.VariantType.ExtensionObject),
        ua.Variant([datetime(2026, 1, 1, tzinfo=UTC)], ua.VariantType.DateTime),
        ua.Variant(ua.DataValue(ua.Variant(3)), ua.VariantType.DataValue),
    ],
)
def test_what_is_honest_is_decoded_as_before(value: Any) -> None:
    content = binary.variant_to_binary(value)
    found = binary.variant_from_binary(data := Buffer(content))
    assert (found.Value, found.VariantType, found.is_array) == (value.Value, value.VariantType, value.is_array)
    assert len(data) == 0


# -- random bytes ----------------------------------------------------------------------------------------------------

ANSWERS = [
    ua.ReadResponse,
    ua.PublishResponse,
    ua.BrowseResponse,
    ua.CallResponse,
    ua.WriteResponse,
    ua.CreateMonitoredItemsResponse,
    ua.CreateSubscriptionResponse,
    ua.GetEndpointsResponse,
    ua.CreateSessionResponse,
    ua.OpenSecureChannelResponse,
]


def recorded() -> dict[Any, list[bytes]]:
    """Answers as servers send them, one of each kind and more of those with values."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    values = [
        ua.DataValue(ua.Variant(1.5), SourceTimestamp=now, ServerTimestamp=now),
        ua.DataValue(ua.Variant(["a", "ロット"]), ua.StatusCode(0x40000000)),
        ua.DataValue(ua.Variant([[1, 2], [3, 4]]), SourceTimestamp=now),
        ua.DataValue(ua.Variant(ua.EUInformation("u", 1, ua.LocalizedText("bar"), ua.LocalizedText("bar")))),
        ua.DataValue(ua.Variant([ua.Variant(1), ua.Variant("x")], ua.VariantType.Variant)),
        ua.DataValue(ua.Variant(ua.ExtensionObject(ua.NodeId(7, 2), b"1234"), ua.VariantType.ExtensionObject)),
    ]
    read = ua.ReadResponse(Results=values)
    items = [ua.MonitoredItemNotification(n, value) for n, value in enumerate(values)]
    change = ua.DataChangeNotification(MonitoredItems=items)
    publish = ua.PublishResponse()
    publish.Parameters.NotificationMessage.NotificationData = [change]
    call = ua.CallResponse(Results=[ua.CallMethodResult(OutputArguments=[ua.Variant(1)])])
    endpoints = ua.GetEndpointsResponse(Endpoints=[ua.EndpointDescription(UserIdentityTokens=[ua.UserTokenPolicy()])])
    reference = ua.ReferenceDescription()
    browse = ua.BrowseResponse(Results=[ua.BrowseResult(References=[reference, reference])])
    made = {kind: [bytes(binary.struct_to_binary(kind()))] for kind in ANSWERS}
    for response in (read, publish, call, endpoints, browse):
        made[type(response)].append(bytes(binary.struct_to_binary(response)))
    return made


RECORDED = recorded()


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[Any, bytes]:
    """A recorded answer cut short, with bytes changed, with bytes put in; or no answer at all."""
    kind = draw(st.sampled_from(ANSWERS))
    if draw(st.integers(0, 3)) == 0:
        return kind, draw(st.binary(max_size=400))
    content = bytearray(draw(st.sampled_from(RECORDED[kind])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                del content[at:]
            case 1:
                content[at : at + 4] = draw(st.sampled_from([count(-1), count(-2), count(2**31 - 1), count(70_000), b"\x98\x98\x98\x98"]))
            case 2:
                content[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case _:
                content[at:at] = draw(st.binary(min_size=1, max_size=40))
    return kind, bytes(content)


def try_one(kind: Any, content: bytes) -> None:
    start = time.process_time()
    try:
        found = decoded(kind, content)
    except (MemoryError, SystemError, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001 - what cannot be decoded raises; Link.as_ours makes one error of them all
        found = None
    for answer in getattr(found, "Results", None) or ():
        sample_parts(TagSpec("t", "S", "", TagType.FLOAT64), answer)
    assert time.process_time() - start < 0.5


@settings(max_examples=2_000, suppress_health_check=list(HealthCheck), deadline=None)
@given(spoiled())
def test_spoiled_answers_are_decoded_or_refused(case: tuple[Any, bytes]) -> None:
    try_one(*case)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=100_000, suppress_health_check=list(HealthCheck), deadline=None)
@given(spoiled())
def test_spoiled_answers_for_long(case: tuple[Any, bytes]) -> None:
    try_one(*case)


# -- structures ------------------------------------------------------------------------------------------------------


def definitions(seed: int) -> dict[Any, _Structure]:
    """Three structures that name each other, maybe in a circle; drawn by chance alone, which is ten times faster than by hypothesis."""
    chance = random.Random(seed)
    ids = [ua.NodeId(n, 2) for n in range(3)]

    def field() -> _Field:
        kind = chance.choice(ids) if chance.random() < 0.3 else chance.randint(1, 25)
        return _Field(chance.choice("abcdef"), kind, chance.choice([-1, -1, -1, 0, 1, 2]), chance.random() < 0.3)

    return {each: _Structure(chance.choice([0, 0, 1, 2, 3, 4]), [field() for _ in range(chance.randint(0, 4))]) for each in ids}


PARTS = st.sampled_from([b"\0", b"\1", count(1), count(2), count(-1)])
BODIES = st.one_of(st.binary(max_size=60), st.lists(PARTS, max_size=30).map(b"".join))
PATHS = st.sampled_from([(name,) for name in "abcdef"] + [("a", 0), ("b", "a"), ("c", 0, "a"), (1,)])


def open_one(made: dict[Any, _Structure], body: bytes, path: tuple[Any, ...]) -> None:
    types = Types(None)  # type: ignore[arg-type]  # nothing is asked for
    types._structures, types._by_encoding = made, {ua.NodeId(9, 2): ua.NodeId(0, 2)}
    start = time.process_time()
    with contextlib.suppress(Undecodable):
        types.member(ua.ExtensionObject(ua.NodeId(9, 2), body), path)
    assert time.process_time() - start < 0.5


@settings(max_examples=2_000, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.integers(0, 2**32), BODIES, PATHS)
def test_any_bytes_are_a_structure_or_undecodable(seed: int, body: bytes, path: tuple[Any, ...]) -> None:
    open_one(definitions(seed), body, path)


@pytest.mark.long
@pytest.mark.timeout(600)
@settings(max_examples=100_000, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.integers(0, 2**32), BODIES, PATHS)
def test_any_bytes_for_long(seed: int, body: bytes, path: tuple[Any, ...]) -> None:
    open_one(definitions(seed), body, path)


# -- against a server ------------------------------------------------------------------------------------------------


def test_a_bomb_of_nulls_costs_one_tag(opcua_server: ServerProcess) -> None:
    """Five bytes that announce two thousand million elements: the tag is bad, everything else goes on as before."""

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), tags("opcua", ["string", "mode"])) as rig:
            await rig.online()
            opcua_server.tell("bomb", 2_000_000_000)
            await rig.until(lambda: rig.get("string").quality is Quality.BAD)
            assert rig.get("string").status == "NoneType instead of string"
            opcua_server.tell("set", "mode", 9)
            await rig.until(lambda: rig.get("mode").value == 9)
            assert (rig.state, rig.links[-1].errors) == (LinkState.ONLINE, 0)
            opcua_server.tell("bomb", 0)
            reset("opcua", opcua_server)
            await rig.online()

    asyncio.run(go())
