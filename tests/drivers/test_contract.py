"""What every driver must do, against a real server in its own process. A new driver joins by one entry in ``dialects``."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import psutil
import pytest

from core.errors import Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import LinkState
from core.live.sample import Quality
from tests.conftest import ExpectedLog
from tests.drivers.dialects import DIALECTS
from tests.drivers.rig import HASTY, Rig, source, tag, tags
from tests.faults.proxy import FaultProxy, Mode
from tests.servers.points import POINTS
from tests.servers.process import ServerProcess


def test_reads_every_type(protocol: str, server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source(protocol, server.port), tags(protocol)) as rig:
            await rig.online()
            points = [POINTS[name] for name in rig.tags]
            for point in points:
                sample = rig.get(point.name)
                assert (sample.value, type(sample.value)) == (point.value, type(point.value))
                assert sample.status == ""
            assert rig.state is LinkState.ONLINE
            again = await rig.acquisition.read(list(rig.tags.values()))
            assert dict(zip(again.tags, again.values, strict=True)) == {point.name: point.value for point in points}

    asyncio.run(go())


def test_changes_arrive_scaled(protocol: str, server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source(protocol, server.port), [tag(protocol, "int16", scale=0.1, offset=5.0)]) as rig:
            await rig.until(lambda: rig.get("int16").value == pytest.approx(-1229.5))
            for raw in (0, 120, -300):
                server.tell("set", "int16", raw)
                took = await rig.until(lambda raw=raw: rig.get("int16").value == pytest.approx(raw * 0.1 + 5.0))
                assert took < 1.0
            rig.table.take_changed()
            server.tell("set", "int16", 7)
            await rig.until(lambda: "int16" in rig.table.take_changed())

    asyncio.run(go())


def test_value_that_never_changes_stays_fresh(protocol: str, server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source(protocol, server.port), [tag(protocol, "int32")]) as rig:
            await rig.online()
            first = rig.get("int32").received_at
            await rig.until(lambda: rig.get("int32").received_at > first + 1.0, 3.0)
            assert rig.get("int32").quality is Quality.GOOD

    asyncio.run(go())


def test_killed_server_is_noticed_and_found_again(protocol: str, mortal_server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with Rig(source(protocol, mortal_server.port), tags(protocol)) as rig:
            await rig.online()
            last = rig.get("float32")
            mortal_server.kill()
            await rig.offline(3.0)
            lost = rig.get("float32")
            assert (lost.value, lost.source_at) == (last.value, last.source_at), "the last value stays visible, as lost"
            assert lost.received_at >= last.received_at
            assert len([batch for batch in rig.batches if Quality.OFFLINE in batch.qualities]) == 1, "one batch marks all"
            with pytest.raises(NotConnected):
                await rig.acquisition.write(rig.tags["mode"], 2)
            await asyncio.sleep(0.3)
            mortal_server.start()
            await rig.online(4.0)
            assert mortal_server.tell("get", "mode") == 1, "a refused write is never sent later"
            assert rig.links[-1].reconnects == 1

    asyncio.run(go())


def test_frozen_server_is_noticed_and_found_again(protocol: str, server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with Rig(source(protocol, server.port), tags(protocol, ["int16", "float32"])) as rig:
            await rig.online()
            server.freeze()
            try:
                await rig.offline(DIALECTS[protocol].frozen_s)
            finally:
                server.thaw()
            await rig.online(6.0)

    asyncio.run(go())


@pytest.mark.parametrize("mode", ["garbage", "slice", "delay"])
def test_disturbed_line_never_makes_a_wrong_value(protocol: str, server: ServerProcess, mode: Mode) -> None:
    names = ["int16", "float32", "string", "bool"]

    async def go() -> None:
        async with FaultProxy(server.port) as proxy, Rig(source(protocol, proxy.port), tags(protocol, names), patience=HASTY) as rig:
            await rig.online()
            proxy.mode = mode
            for number in range(6):
                server.tell("set", "int16", number % 2)
                await asyncio.sleep(0.1)
            proxy.mode = "ok"
            await rig.online()
            await rig.until(lambda: rig.get("int16").value == 1)
        allowed = {"int16": {POINTS["int16"].value, 0, 1}} | {name: {POINTS[name].value} for name in names[1:]}
        for batch in rig.batches:
            for index, name in enumerate(batch.tags):
                if batch.qualities[index].usable:
                    assert batch.values[index] in allowed[name]

    asyncio.run(_ignoring_link_log(go()))


async def _ignoring_link_log(test):  # type: ignore[no-untyped-def]
    """Whether a disturbed line is lost or only slow depends on the moment: both are right here."""
    import logging

    quiet = logging.getLogger("core.drivers.supervisor")
    quiet.setLevel(logging.ERROR)
    try:
        await test
    finally:
        quiet.setLevel(logging.NOTSET)


def test_writes_are_read_back(protocol: str, server: ServerProcess) -> None:
    wanted = {
        "bool": False, "int16": -7, "uint16": 65535, "int32": 123456789, "uint32": 1, "int64": -(2**55) - 3, "uint64": 2**64 - 1,
        "float32": -0.25, "float64": 1e-300, "string": "品番X-1", "switch": True,
    }  # fmt: skip
    wanted = {name: value for name, value in wanted.items() if name in DIALECTS[protocol].points}

    async def go() -> None:
        async with Rig(source(protocol, server.port), tags(protocol)) as rig:
            await rig.online()
            for name, value in wanted.items():
                await rig.acquisition.write(rig.tags[name], value)
                assert server.tell("get", name) == value
                assert (await rig.acquisition.read([rig.tags[name]])).values == [value]
            await rig.until(lambda: {name: rig.get(name).value for name in wanted} == wanted)

    asyncio.run(go())


def test_impossible_values_are_refused_before_sending(protocol: str, server: ServerProcess) -> None:
    impossible = [
        ("int16", 40000), ("uint16", -1), ("float32", 1e39), ("float64", math.nan),
        ("mode", 1.5), ("mode", "2"), ("bool", 1), ("string", 5),
    ]  # fmt: skip

    async def go() -> None:
        async with Rig(source(protocol, server.port), tags(protocol)) as rig:
            await rig.online()
            for name, value in impossible:
                if name not in rig.tags:
                    continue
                with pytest.raises(Invalid):
                    await rig.acquisition.write(rig.tags[name], value)
                assert server.tell("get", name) == POINTS[name].value

    asyncio.run(go())


def test_half_open_connection(protocol: str, server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with FaultProxy(server.port) as proxy, Rig(source(protocol, proxy.port), tags(protocol, ["mode"])) as rig:
            await rig.online()
            await rig.acquisition.write(rig.tags["mode"], 2)
            seen = len(rig.batches)
            await rig.until(lambda: len(rig.batches) > seen)  # no poll is under way now, behind which the write would wait unsent
            proxy.mode = "stall"
            with pytest.raises(NotConfirmed):
                await rig.acquisition.write(rig.tags["mode"], 9)
            await rig.offline(2.5)
            proxy.mode = "ok"
            await rig.online(6.0)

    asyncio.run(go())


@pytest.mark.parametrize("mode", ["cut", "hang_up"])
def test_a_cable_cut_in_the_middle_of_a_message(protocol: str, server: ServerProcess, mode: Mode) -> None:
    names = ["int16", "float32", "string", "bool"]

    async def go() -> None:
        async with FaultProxy(server.port) as proxy, Rig(source(protocol, proxy.port), tags(protocol, names)) as rig:
            await rig.online()
            proxy.mode = mode
            if mode == "cut":
                await rig.until(lambda: proxy.mode == "stall")
                await rig.offline(DIALECTS[protocol].frozen_s)
            else:
                await rig.until(lambda: proxy.mode == "ok")
            proxy.mode = "ok"
            seen = len(rig.batches)
            await rig.until(lambda: {name for batch in rig.batches[seen:] for name in batch.tags} >= set(names), 6.0)
            await rig.online(6.0)
        for batch in rig.batches:
            for index, name in enumerate(batch.tags):
                assert not batch.qualities[index].usable or batch.values[index] == POINTS[name].value

    asyncio.run(_ignoring_link_log(go()))


def test_not_a_number_and_infinity_are_bad(protocol: str, server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source(protocol, server.port), tags(protocol, ["float32", "float64"])) as rig:
            await rig.online()
            for word in ("nan", "inf"):
                server.tell("set", "float32", word)
                server.tell("set", "float64", word)
                await rig.until(lambda: all(rig.get(name).quality is Quality.BAD for name in rig.tags))
                assert rig.get("float32").value is None
                assert rig.get("float64").status == {"nan": "NaN", "inf": "infinite"}[word]
                server.tell("set", "float32", 2.5)
                server.tell("set", "float64", 2.5)
                await rig.online()

    asyncio.run(go())


def test_unknown_address_costs_only_its_own_tag(protocol: str, server: ServerProcess) -> None:
    dialect = DIALECTS[protocol]

    async def go() -> None:
        mode = tag(protocol, "mode")
        bad = [replace(mode, name="missing", address=dialect.missing), replace(mode, name="nonsense", address=dialect.nonsense)]
        async with Rig(source(protocol, server.port), [*tags(protocol), *bad]) as rig:
            await rig.until(lambda: all(rig.get(name).quality is not Quality.NEVER for name in rig.tags))
            await rig.until(lambda: all(rig.get(name).quality is Quality.GOOD for name in dialect.points))
            for each in bad:
                assert rig.get(each.name).quality is Quality.CONFIG
                assert rig.get(each.name).status
            await rig.until(lambda: rig.state is LinkState.DEGRADED)
            read = await rig.acquisition.read([*bad, rig.tags["mode"]])
            assert dict(zip(read.tags, read.qualities, strict=True)) == {
                "missing": Quality.CONFIG,
                "nonsense": Quality.CONFIG,
                "mode": Quality.GOOD,
            }

    asyncio.run(go())


@pytest.mark.parametrize("has_tag", [False, True])
def test_a_source_of_which_nothing_can_be_read_is_connected_all_the_same(
    protocol: str, server: ServerProcess, has_tag: bool, expect_log: ExpectedLog
) -> None:
    """An engineer begins with a source without tags, and browses it. The option of simulated plants disturbs no protocol."""
    expect_log(r"source PLC is down")
    bad = [replace(tag(protocol, "mode"), name="nonsense", address=DIALECTS[protocol].nonsense)] if has_tag else []

    async def go() -> None:
        async with (
            FaultProxy(server.port) as proxy,
            Rig(source(protocol, proxy.port, speed="60"), bad, patience=HASTY) as rig,
        ):
            for _ in range(2):
                await rig.until(lambda: rig.state in (LinkState.ONLINE, LinkState.DEGRADED))
                assert has_tag or rig.state is LinkState.ONLINE
                assert await rig.acquisition.browse("PLC", None) or protocol == "sparkplug"
                proxy.mode = "refuse"
                proxy.reset_all()
                await rig.until(lambda: rig.state is LinkState.OFFLINE, 3.0)
                proxy.mode = "ok"

    asyncio.run(go())


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.05, 0.3])
def test_closes_cleanly_at_any_moment(protocol: str, server: ServerProcess, after_s: float) -> None:
    async def go() -> None:
        async with Rig(source(protocol, server.port), tags(protocol)):
            await asyncio.sleep(after_s)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(go())


def test_nothing_listens(protocol: str, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with Rig(source(protocol, 1), tags(protocol, ["mode"])) as rig:
            await rig.offline(2.0)
            assert rig.get("mode").value is None
            assert rig.links[-1].error_code == "driver.link_broken"
            with pytest.raises(NotConnected):
                await rig.acquisition.browse("PLC", None)

    asyncio.run(go())


def test_reconnecting_leaks_nothing(protocol: str, server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    _reconnect_often(protocol, server, 20)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_reconnecting_for_long_leaks_nothing(protocol: str, server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    _reconnect_often(protocol, server, 200)


def _open_files() -> int:
    return psutil.Process().num_fds() if hasattr(psutil.Process, "num_fds") else psutil.Process().num_handles()


def _reconnect_often(protocol: str, server: ServerProcess, times: int) -> None:
    async def go() -> None:
        async with FaultProxy(server.port) as proxy, Rig(source(protocol, proxy.port), tags(protocol, ["mode"]), patience=HASTY) as rig:
            await rig.online()
            tasks, files = len(asyncio.all_tasks()), _open_files()
            for _ in range(times):
                if not DIALECTS[protocol].reconnects:
                    proxy.mode = "refuse"
                proxy.reset_all()
                await rig.offline(3.0)
                proxy.mode = "ok"
                await rig.acquisition.retry("PLC")
                await rig.online()
            await asyncio.sleep(0.1)
            assert len(asyncio.all_tasks()) <= tasks
            assert _open_files() <= files
            assert rig.links[-1].reconnects == times

    asyncio.run(go())


def test_browse_finds_the_writable_point(opcua_server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), tags("opcua", ["mode"])) as rig:
            await rig.online()
            roots = {item.name: item for item in await rig.acquisition.browse("PLC", None)}
            mode = roots["mode"]
            assert (mode.address, mode.type, mode.writable, mode.has_children) == (rig.tags["mode"].address, "UInt16", True, False)
            children = await rig.acquisition.browse("PLC", roots["Server"].address)
            assert "ServerStatus" in {item.name for item in children}
            with pytest.raises(Invalid):
                await rig.acquisition.browse("PLC", "no address")

    asyncio.run(go())


def test_read_only_point_refuses(modbus_server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("modbus", modbus_server.port), [tag("modbus", "mode", address="1/input/0")]) as rig:
            await rig.online()
            with pytest.raises(Refused):
                await rig.acquisition.write(rig.tags["mode"], 2)
            assert [item.address for item in await rig.acquisition.browse("PLC", None)] == ["1"]

    asyncio.run(go())
