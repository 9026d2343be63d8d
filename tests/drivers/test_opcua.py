"""OPC UA: status words, times, wrong types, logins, nodes that come later."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, source, tag, tags
from tests.servers.process import ServerProcess


def test_status_words_and_source_times(opcua_server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), tags("opcua", ["float64"])) as rig:
            await rig.online()
            opcua_server.tell("status", "float64", "BadSensorFailure")
            await rig.until(lambda: rig.get("float64").status == "BadSensorFailure")
            assert (rig.get("float64").quality, rig.get("float64").value) == (Quality.BAD, None)
            opcua_server.tell("status", "float64", "UncertainLastUsableValue")
            await rig.until(lambda: rig.get("float64").status == "UncertainLastUsableValue")
            assert (rig.get("float64").quality, rig.get("float64").value) == (Quality.UNCERTAIN, 0.0)
            before = time.time()
            opcua_server.tell("set", "float64", 1.25)
            await rig.until(lambda: rig.get("float64").value == 1.25)
            sample = rig.get("float64")
            assert sample.source_at is not None
            assert before - 0.05 <= sample.source_at <= sample.received_at <= time.time()
            read = (await rig.acquisition.read([rig.tags["float64"]])).sample(0)
            assert read.source_at == sample.source_at

    asyncio.run(go())


def test_text_where_a_number_was_declared(opcua_server: ServerProcess) -> None:
    async def go() -> None:
        outside = replace(tag("opcua", "int32"), type=TagType.UINT16)  # -1234567890 is none
        text = replace(tag("opcua", "string"), type=TagType.FLOAT64)
        async with Rig(source("opcua", opcua_server.port), [tag("opcua", "int16"), outside, text]) as rig:
            opcua_server.tell("set", "string", "12.5")
            await rig.until(lambda: rig.get("string").quality is Quality.BAD)
            assert (rig.get("string").value, rig.get("string").status) == (None, "str instead of float64")
            assert (rig.get("int32").quality, rig.get("int32").status) == (Quality.BAD, "outside uint16")
            assert rig.get("int16").quality is Quality.GOOD
            assert rig.state is LinkState.ONLINE

    asyncio.run(go())


def test_write_of_another_type_than_the_node(opcua_server: ServerProcess) -> None:
    async def go() -> None:
        wrong = replace(tag("opcua", "mode"), type=TagType.STRING)
        async with Rig(source("opcua", opcua_server.port), [wrong, tag("opcua", "int16")]) as rig:
            await rig.until(lambda: rig.get("int16").quality is Quality.GOOD)
            with pytest.raises(Invalid) as refusal:
                await rig.acquisition.write(wrong, "2")
            assert refusal.value.code == "driver.write_type"
            wider = replace(tag("opcua", "int16"), type=TagType.INT32)
            with pytest.raises(Invalid):
                await rig.acquisition.write(wider, 40_000)
            await rig.acquisition.write(wider, 40)
            assert opcua_server.tell("get", "int16") == 40

    asyncio.run(go())


def test_login(opcua_server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.login_refused")
    spec = source("opcua", opcua_server.port, user="genba", readable_login="allowed")

    async def go() -> None:
        right = Rig(spec, tags("opcua", ["mode"]))
        right.secrets = {"PLC": "s3cret"}
        async with right:
            await right.online()
        wrong = Rig(spec, tags("opcua", ["mode"]))
        wrong.secrets = {"PLC": "guess"}
        async with wrong:
            await wrong.offline(3.0)
            assert wrong.links[-1].error_code == "driver.login_refused"
            assert "guess" not in repr(wrong.links)

    asyncio.run(go())


def test_node_that_comes_later(opcua_server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.drivers.opcua_feed._ASK_AGAIN_S", 0.3)
    late = TagSpec("late", "PLC", f"nsu=urn:genba:test;s=flood{time.monotonic_ns() % 7}", TagType.FLOAT64, 0.2)

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [late, tag("opcua", "mode")]) as rig:
            await rig.until(lambda: rig.get("late").quality is Quality.CONFIG)
            assert rig.get("late").status == "BadNodeIdUnknown"
            opcua_server.tell("flood", 7, 0.5)
            await rig.until(lambda: rig.get("late").quality is Quality.GOOD)
            await rig.until(lambda: rig.state is LinkState.ONLINE)

    asyncio.run(go())


def test_node_that_vanishes_without_a_word_and_comes_back(opcua_server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download deletes nodes and makes them anew; the reference server of the library tells nobody."""
    monkeypatch.setattr("core.drivers.opcua_feed._ASK_AGAIN_S", 0.3)
    monkeypatch.setattr("core.drivers.opcua_feed._LOOK_EVERY_S", 0.3)
    opcua_server.tell("bring", "passing", 1.0)
    passing = TagSpec("passing", "PLC", "nsu=urn:genba:test;s=passing", TagType.FLOAT64, 0.1)

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [passing, tag("opcua", "mode")]) as rig:
            await rig.until(lambda: rig.get("passing").quality is Quality.GOOD)
            opcua_server.tell("delete", "passing")
            await rig.until(lambda: rig.get("passing").quality is Quality.CONFIG)
            assert (rig.get("passing").value, rig.get("passing").status) == (None, "BadNodeIdUnknown")
            assert rig.get("mode").quality is Quality.GOOD
            opcua_server.tell("bring", "passing", 2.0)
            await rig.until(lambda: rig.get("passing").value == 2.0)
            assert rig.state is LinkState.ONLINE

    asyncio.run(go())


def test_node_that_is_told_to_be_gone_is_monitored_anew_and_once(opcua_server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.drivers.opcua_feed._ASK_AGAIN_S", 0.3)

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [tag("opcua", "mode", period_s=0.1)]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            opcua_server.tell("status", "mode", "BadNodeIdUnknown")
            await rig.until(lambda: rig.get("mode").quality is Quality.CONFIG)
            told_at = rig.get("mode").received_at
            await rig.until(lambda: rig.get("mode").received_at > told_at)  # by the new item
            opcua_server.tell("set", "mode", 5)
            await rig.until(lambda: rig.get("mode").value == 5)
            await asyncio.sleep(0.4)  # what was under way when it came back
            before = sum(batch.tags.count("mode") for batch in rig.batches)
            opcua_server.tell("set", "mode", 6)
            await rig.until(lambda: rig.get("mode").value == 6)
            await asyncio.sleep(0.3)
            assert sum(batch.tags.count("mode") for batch in rig.batches) == before + 1, "the item before is let go of"

    asyncio.run(go())


def test_lost_publish_response_makes_a_fresh_connection(opcua_server: ServerProcess, expect_log: ExpectedLog) -> None:
    """The library drops a response it cannot decode without a word; the gap in the numbers must be noticed."""
    expect_log(r"publish response \d+ was lost")
    from asyncua.client.ua_session import UaSession

    original = UaSession.publish
    dropped = []

    async def publish(self, acks):  # type: ignore[no-untyped-def]
        response = await original(self, acks)
        if response.Parameters.NotificationMessage.NotificationData and len(dropped) == 1:
            dropped.append(response)
            raise __import__("asyncua").ua.uaerrors.UaStructParsingError
        if response.Parameters.NotificationMessage.NotificationData:
            dropped.append(None)
        return response

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), tags("opcua", ["mode"]), patience=HASTY) as rig:
            await rig.online()
            opcua_server.tell("set", "mode", 77)
            await rig.until(lambda: rig.get("mode").value == 77, 4.0)
            assert rig.links[-1].reconnects == 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UaSession, "publish", publish)
        asyncio.run(go())


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ([(1, True), (2, True), (3, True)], False),
        ([(1, True), (2, False), (2, True), (3, False)], False),  # a keep-alive carries the number that comes next
        ([(1, True), (1, False), (2, True)], False),  # or, from some servers, the last one
        ([(2**32 - 1, True), (1, True)], False),
        ([(1, True), (3, True)], True),
        ([(1, True), (3, False)], True),
        ([(5, False), (1, True), (2, True)], False),
    ],
)
def test_gaps_in_publish_numbers(numbers: list[tuple[int, bool]], lost: bool) -> None:
    from core.clock import SystemClock
    from core.drivers.opcua_feed import Feeds
    from core.drivers.opcua_link import Link
    from core.drivers.opcua_types import Types
    from core.drivers.opcua_values import ua

    link = Link(source("opcua", 1), None, SystemClock(), Path("/nonexistent"))
    feeds = Feeds(link, Types(link), lambda batch: None)
    feed = SimpleNamespace(heard=0.0, sequence=0, points={})
    for number, has_data in numbers:
        data = [ua.DataChangeNotification()] if has_data else []
        message = SimpleNamespace(NotificationData=data, SequenceNumber=number)
        feeds.take(feed, SimpleNamespace(NotificationMessage=message))  # type: ignore[arg-type]
    assert (link.broken is not None) == lost


class _Broken:
    """A decoded thing that raises on every touch."""

    def __getattr__(self, name: str) -> object:
        raise TypeError(name)


@given(
    st.sampled_from(TagType),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.floats()), st.just(_Broken())),
    st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)), st.datetimes()),
)
def test_any_answer_becomes_a_sample(tag_type: TagType, value: object, status: int | None, at: datetime | None) -> None:
    from core.drivers.opcua_values import sample_parts, ua

    code = None if status is None else ua.StatusCode(status)
    answer = SimpleNamespace(Value=SimpleNamespace(Value=value), StatusCode=code, SourceTimestamp=at, ServerTimestamp=None)
    got, quality, source_at, word = sample_parts(TagSpec("t", "S", "", tag_type), answer)
    assert (got is None) == (not quality.usable)
    assert quality is Quality.GOOD or word
    assert source_at is None or datetime(1990, 1, 1, tzinfo=UTC).timestamp() < source_at
    assert sample_parts(TagSpec("t", "S", "", tag_type), _Broken())[1] is Quality.BAD


def test_naive_server_times_are_utc() -> None:
    from core.drivers.opcua_values import unix_seconds

    at = datetime(2026, 1, 1, 9, tzinfo=UTC)
    assert unix_seconds(at.replace(tzinfo=None)) == unix_seconds(at) == at.timestamp()
    assert unix_seconds(datetime(1601, 1, 1) + timedelta(seconds=1)) is None  # noqa: DTZ001 - as a server without a clock sends it


@pytest.mark.parametrize("address", ["", "ns=2;s=x", "nsu=urn:a", "nsu=urn:a;x=1", "nsu=urn:a;i=x", "nsu=urn:b;i=1", "s"])
def test_addresses_that_cannot_be(address: str) -> None:
    from core.drivers.engineering import Undecodable
    from core.drivers.opcua_values import node_id

    with pytest.raises(Undecodable):
        node_id(address, ["http://opcfoundation.org/UA/", "urn:a"])


def test_addresses_hold_the_uri_and_any_identifier() -> None:
    from core.drivers.opcua_browse import address_of
    from core.drivers.opcua_values import node_id

    namespaces = ["http://opcfoundation.org/UA/", "urn:x", "urn:a"]
    for address in (
        "nsu=urn:a;s=Line 1;Speed=x",
        "nsu=urn:a;i=7",
        "i=2258",
        "nsu=urn:x;g=09087e75-8e5e-499b-954f-f2a9603db28a",
        "nsu=urn:a;b=AQI=",
    ):
        node = node_id(address, namespaces)
        assert address_of(node, namespaces) == address
    assert node_id("nsu=urn:a;s=x", namespaces).NamespaceIndex == 2


def test_slow_tags_have_a_value_at_once(opcua_server: ServerProcess) -> None:
    async def go() -> None:
        slow = replace(tag("opcua", "float64"), period_s=5.0)
        async with Rig(source("opcua", opcua_server.port), [slow]) as rig:
            assert await rig.online() < 2.0

    asyncio.run(go())
