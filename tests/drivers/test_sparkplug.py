"""Sparkplug only, against an edge node at a broker: deaths, gaps, rebirths, STATE, commands, and nodes that do not keep to it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from core.drivers import sparkplug_pb2
from core.errors import NotConnected, Refused
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, reset, source, tag, tags
from tests.faults.proxy import FaultProxy
from tests.servers.process import ServerProcess

Payload: Any = sparkplug_pb2.Payload


@pytest.fixture
def edge(_processes: dict[str, ServerProcess]) -> ServerProcess:
    """The edge node of the contract suite, born and obedient."""
    server = _processes["sparkplug"]
    server.tell("deaf", False)
    reset("sparkplug", server)
    server.tell("birth")
    return server


def qualities(rig: Rig) -> set[Quality]:
    return {rig.get(name).quality for name in rig.tags}


NAMES = ["int16", "float32", "mode"]


def test_a_lost_node_is_stale_until_it_is_born_again(edge: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("sparkplug", edge.port), tags("sparkplug", NAMES)) as rig:
            await rig.online()
            before = edge.tell("told")["bd_seq"]
            edge.tell("lose")
            await rig.until(lambda: qualities(rig) == {Quality.STALE})
            assert (rig.get("mode").value, rig.get("mode").status) == (1, "NDEATH"), "the last value stays visible"
            assert rig.state is LinkState.DEGRADED
            with pytest.raises(NotConnected) as away:
                await rig.acquisition.write(rig.tags["mode"], 2)
            assert away.value.code == "sparkplug.not_born"
            await rig.online()
            assert edge.tell("told")["bd_seq"] == before + 1
            assert rig.links[-1].reconnects == 0

    asyncio.run(go())


def test_a_lost_device_is_stale_alone(edge: ServerProcess) -> None:
    own = TagSpec("own", "PLC", "Test/Edge#Node Control/Rebirth", TagType.BOOL, 0.2)

    async def go() -> None:
        async with Rig(source("sparkplug", edge.port), [*tags("sparkplug", NAMES), own]) as rig:
            await rig.online()
            edge.tell("die")
            await rig.until(lambda: rig.get("mode").quality is Quality.STALE)
            assert rig.get("mode").status == "DDEATH"
            assert rig.get("own").quality is Quality.GOOD
            edge.tell("birth")
            await rig.online()

    asyncio.run(go())


def test_a_gap_is_doubt_until_the_node_is_born_again(edge: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("sparkplug", edge.port), tags("sparkplug", NAMES)) as rig:
            await rig.online()
            edge.tell("deaf", True)  # it ignores the request for a birth, as two of three libraries do
            edge.tell("skip")
            edge.tell("set", "int16", 5)  # comes by its name
            edge.tell("set", "mode", 3)  # comes by an alias
            await rig.until(lambda: rig.get("int16").value == 5)
            assert qualities(rig) == {Quality.UNCERTAIN}
            assert rig.get("mode").status == "sequence gap"
            await edge_is_quiet(edge)
            assert rig.get("mode").value == 1, "an alias is not believed"
            asked = edge.tell("told")["rebirths"]
            edge.tell("skip")
            edge.tell("set", "int16", 6)
            await rig.until(lambda: rig.get("int16").value == 6)
            assert edge.tell("told")["rebirths"] == asked, "asked once, then not for five seconds"
            edge.tell("birth")
            await rig.until(lambda: rig.get("mode").value == 3)
            assert qualities(rig) == {Quality.GOOD}

    asyncio.run(go())


async def edge_is_quiet(edge: ServerProcess) -> None:
    edge.tell("get", "mode")
    await asyncio.sleep(0.05)


def test_quality_null_and_wrong_types_are_told(edge: ServerProcess) -> None:
    async def go() -> None:
        wrong = replace(tag("sparkplug", "string"), name="wrong", type=TagType.FLOAT64)
        async with Rig(source("sparkplug", edge.port), [*tags("sparkplug", ["float32", "string"]), wrong]) as rig:
            await rig.until(lambda: rig.get("float32").quality is Quality.GOOD)
            assert (rig.get("wrong").quality, rig.get("wrong").status) == (Quality.BAD, "str instead of float64")
            for number, quality, word in (
                (0, Quality.BAD, "bad at the source"),
                (500, Quality.STALE, "stale at the source"),
                (3, Quality.BAD, "quality 3"),
            ):
                edge.tell("sign", "float32", number)
                await rig.until(lambda q=quality, w=word: (rig.get("float32").quality, rig.get("float32").status) == (q, w))
            edge.tell("sign", "float32", 192)
            await rig.until(lambda: rig.get("float32").quality is Quality.GOOD)
            edge.tell("null", "float32")
            await rig.until(lambda: (rig.get("float32").quality, rig.get("float32").status) == (Quality.BAD, "null"))
            edge.tell("set", "float32", 2.5)
            await rig.until(lambda: rig.get("float32").value == 2.5)

    asyncio.run(go())


def test_source_time_is_the_metrics_own(edge: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("sparkplug", edge.port), tags("sparkplug", ["mode"])) as rig:
            await rig.online()
            at = rig.get("mode").source_at
            assert at is not None
            assert abs(rig.get("mode").received_at - at) < 5

    asyncio.run(go())


def test_bad_citizens_cost_themselves_only(edge: ServerProcess) -> None:
    """A dataset, a metric that no birth has, poison, a retained birth of long ago, deaths of nobody."""

    async def go() -> None:
        odd = [TagSpec("table", "PLC", "Other/Edge#table", TagType.FLOAT64, 0.2), TagSpec("x", "PLC", "Other/Edge#x", TagType.FLOAT64, 0.2)]
        async with Rig(source("sparkplug", edge.port), [*tags("sparkplug", NAMES), *odd]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            born = Payload(seq=0, metrics=[Payload.Metric(name="table", datatype=16, dataset_value=b"\x08\x01"), _double("x", 1.0)])
            say = [("NBIRTH", born, True), ("NDEATH", Payload(), False), ("NDATA", Payload(seq=9, metrics=[_double("x", 2.0)]), False)]
            for kind, payload, retained in say:
                edge.tell("say", f"spBv1.0/Other/{kind}/Edge", payload.SerializeToString().decode("latin-1"), retained)
            edge.tell("say", "spBv1.0/Other/NBIRTH/Edge", born.SerializeToString().decode("latin-1"))
            odd_one = (Quality.CONFIG, "DataSet is no value of a tag")
            await rig.until(lambda: rig.get("x").value == 1.0 and (rig.get("table").quality, rig.get("table").status) == odd_one)
            for number, poison in enumerate(("\xff\xff\xff", "", "\x12\x02\x08\x01" * 50)):
                edge.tell("say", "spBv1.0/Other/NDATA/Edge", poison)
                edge.tell("say", "spBv1.0/Other/NBIRTH/Edge", "nonsense")
                await rig.until(lambda: rig.get("x").quality is Quality.UNCERTAIN)
                fresh = Payload(seq=0, metrics=[_double("x", 10.0 + number)])
                edge.tell("say", "spBv1.0/Other/NBIRTH/Edge", fresh.SerializeToString().decode("latin-1"))
                await rig.until(lambda n=number: rig.get("x").value == 10.0 + n and rig.get("x").quality is Quality.GOOD)
            assert {rig.get(name).quality for name in NAMES} == {Quality.GOOD}
            assert rig.links[-1].reconnects == 0
        edge.tell("say", "spBv1.0/Other/NBIRTH/Edge", "", True)

    asyncio.run(go())


def _double(name: str, value: float) -> Any:
    return Payload.Metric(name=name, datatype=10, double_value=value)


def test_the_host_says_that_it_is_there_and_that_it_goes(edge: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    edge.tell("told")

    async def go() -> None:
        before = len(edge.tell("told")["states"])
        async with FaultProxy(edge.port) as proxy:
            async with Rig(source("sparkplug", proxy.port), tags("sparkplug", ["mode"]), patience=HASTY) as rig:
                await rig.online()
                proxy.reset_all()
                await rig.offline(3.0)
                await rig.online()
                # The will of the connection that was cut may arrive after the birth of the next: then it must be put right.
                for _ in range(2):  # the second falls into the pause after the first is put right
                    edge.tell("say", "spBv1.0/STATE/genba", '{"online":false,"timestamp":1}', True)
                    await asyncio.sleep(0.3)
                states = edge.tell("told")["states"]
                await rig.until(lambda: json.loads(edge.tell("told")["states"][-1])["online"] is True, 15.0)
            told = [json.loads(text) for text in edge.tell("told")["states"][before:]]
        assert states
        births = [each["timestamp"] for each in told if each["online"]]
        assert told[0]["online"] is True
        assert told[-1] == {"online": False, "timestamp": births[-1]}, "goodbye, with the time of its birth"
        assert len(set(births)) == 2, "renewed for each connection"
        wills = [each["timestamp"] for each in told if not each["online"]]
        assert births[0] in wills, "the will of the cut connection carries the time of its birth"

    asyncio.run(go())


def test_who_is_not_primary_says_nothing(edge: ServerProcess) -> None:
    async def go() -> None:
        told = edge.tell("told")
        spec = replace(source("sparkplug", edge.port), readers="all")
        async with Rig(spec, tags("sparkplug", ["mode"])) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            edge.tell("set", "mode", 4)  # without a birth it cannot be understood
            await edge_is_quiet(edge)
            assert rig.get("mode").quality is Quality.NEVER
            edge.tell("birth")
            await rig.until(lambda: rig.get("mode").value == 4)
        after = edge.tell("told")
        assert (after["states"], after["rebirths"]) == (told["states"], told["rebirths"])

    asyncio.run(go())


def test_a_node_that_was_never_born_is_said_to_be(edge: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.drivers import sparkplug

    monkeypatch.setattr(sparkplug, "_BIRTH_S", 0.5)
    nobody = [TagSpec("n", "PLC", "Test/Nobody#x", TagType.BOOL, 0.2), TagSpec("d", "PLC", "Test/Edge/Nobody#x", TagType.BOOL, 0.2)]

    async def go() -> None:
        async with Rig(source("sparkplug", edge.port), [*tags("sparkplug", ["mode"]), *nobody]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            await rig.until(lambda: {rig.get("n").quality, rig.get("d").quality} == {Quality.STALE})
            assert rig.get("n").status == rig.get("d").status == "no birth"
            assert rig.get("mode").quality is Quality.GOOD

    asyncio.run(go())


def test_browsing_writing_and_trying(edge: ServerProcess) -> None:
    async def go() -> None:
        fixed = TagSpec("fixed", "PLC", "Test/Edge/Plant#fixed", TagType.INT32, 0.2)
        missing = TagSpec("missing", "PLC", "Test/Edge/Plant#nobody", TagType.INT32, 0.2)
        async with Rig(source("sparkplug", edge.port), [*tags("sparkplug", ["mode"]), fixed, missing]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            assert "Test" in {item.name for item in await rig.acquisition.browse("PLC", None)}
            assert [item.address for item in await rig.acquisition.browse("PLC", "Test")] == ["Test/Edge"]
            inside = {item.name: item for item in await rig.acquisition.browse("PLC", "Test/Edge")}
            assert inside["Plant"].has_children
            found = {item.name: item for item in await rig.acquisition.browse("PLC", "Test/Edge/Plant")}
            assert (found["mode"].address, found["mode"].type, found["mode"].writable) == (rig.tags["mode"].address, "UInt16", True)
            assert not found["fixed"].writable
            for bad in (fixed, missing):
                with pytest.raises(Refused):
                    await rig.acquisition.write(bad, 1)
            read = await rig.acquisition.read([replace(tag("sparkplug", "float64"), name="tried")])
            assert (read.values, rig.get("tried").quality) == ([POINT], Quality.NEVER)

    asyncio.run(go())


POINT = 3.141592653589793
