"""Modbus on a serial port: a pseudo terminal with a server of its own process at the other end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator

import pytest

from core.errors import NotConfirmed
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.dialects import DIALECTS
from tests.drivers.rig import HASTY, Rig, tag, tags
from tests.servers.points import POINTS
from tests.servers.process import ServerProcess

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals are a thing of Unix")


@pytest.fixture
def line() -> Iterator[ServerProcess]:
    """A serial line with the test devices."""
    server = ServerProcess("modbus_serial").start()
    yield server
    server.kill()


def port(line: ServerProcess, more: str = "baud=19200&parity=N", **options: str) -> SourceSpec:
    return SourceSpec("PLC", "modbus", f"modbus+serial://{line.tell('where')}?{more}", options={"timeout": "0.3", **options})


def test_everything_over_a_serial_line(line: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(port(line), tags("modbus")) as rig:
            await rig.online()
            assert {name: rig.get(name).value for name in rig.tags} == {n: POINTS[n].value for n in DIALECTS["modbus"].points}
            for name, value in (("mode", 7), ("setpoint", 12.5), ("switch", True), ("recipe", "B-2")):
                await rig.acquisition.write(rig.tags[name], value)
                assert line.tell("get", name) == value
                assert (await rig.acquisition.read([rig.tags[name]])).values == [value]
            assert [item.address for item in await rig.acquisition.browse("PLC", None)] == ["1"]

    asyncio.run(go())


def test_noise_before_every_answer_costs_nothing(line: ServerProcess) -> None:
    async def go() -> None:
        line.tell("noise", "00ff")
        async with Rig(port(line), tags("modbus", ["int16", "float64", "string"])) as rig:
            await rig.online()
            assert len(rig.links) < 4

    asyncio.run(go())


def test_adapter_taken_out_is_noticed_at_once(line: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with Rig(port(line), tags("modbus", ["int16"]), patience=HASTY) as rig:
            await rig.online()
            line.tell("cut")
            await rig.offline(1.0)
            assert rig.links[-1].error_code == "driver.link_broken"

    asyncio.run(go())


def test_silent_line_is_offline_and_comes_back(line: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with Rig(port(line), tags("modbus", ["mode"]), patience=HASTY) as rig:
            await rig.online()
            line.tell("pause", True)
            with pytest.raises(NotConfirmed):
                await rig.acquisition.write(rig.tags["mode"], 3)
            await rig.offline(3.0)
            line.tell("pause", False)
            await rig.online()
            assert rig.get("mode").value == 1

    asyncio.run(go())


def test_two_sources_on_one_port(line: ServerProcess, expect_log: ExpectedLog) -> None:
    """The second one would find the port in use; with other settings it is told so and the first is not disturbed."""
    expect_log(r"source THIRD is down: driver.bad_url")
    second = TagSpec("second", "SECOND", "3/holding/0", TagType.UINT16, 0.1)
    third = TagSpec("third", "THIRD", "3/holding/0", TagType.UINT16, 0.1)

    async def go() -> None:
        line.tell("set_registers", 3, 0, [77])
        async with Rig(port(line), tags("modbus", ["int16"])) as rig:
            await rig.online()
            rig.tags["second"] = second
            await rig.acquisition.add(SourceSpec("SECOND", "modbus", rig.spec.url), [second])
            await rig.until(lambda: rig.get("second").value == 77)
            await rig.acquisition.remove("SECOND")
            assert rig.get("int16").quality is Quality.GOOD
            await rig.acquisition.add(SourceSpec("THIRD", "modbus", rig.spec.url.replace("19200", "9600")), [third])
            await rig.until(lambda: any(link.source == "THIRD" and link.error_code == "driver.bad_url" for link in rig.links))
            assert rig.get("int16").quality is Quality.GOOD

    asyncio.run(go())


def test_dead_slave_on_the_line_costs_only_its_own_tags(line: ServerProcess) -> None:
    dead = TagSpec("dead", "PLC", "2/holding/0", TagType.UINT16, 0.2)

    async def go() -> None:
        line.tell("set_deaf", True)
        async with Rig(port(line), [tag("modbus", "int16"), dead]) as rig:
            await rig.until(lambda: rig.get("dead").status == "timeout" and rig.get("int16").quality is Quality.GOOD)
            assert rig.state is LinkState.DEGRADED
            line.tell("set_deaf", False)
            await rig.online()

    asyncio.run(go())


@pytest.mark.parametrize("wrong", ["/dev/nothing-there?baud=9600", "/dev/null"])
def test_port_that_is_none(wrong: str, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.link_broken")

    async def go() -> None:
        spec = SourceSpec("PLC", "modbus", f"modbus+serial://{wrong}")
        async with Rig(spec, [tag("modbus", "int16")], patience=HASTY) as rig:
            await rig.offline(2.0)
            assert rig.links[-1].error_code == "driver.link_broken"

    asyncio.run(go())
