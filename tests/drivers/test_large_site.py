"""Ten thousand tags of one machine, and another machine in the same loop whose values must come as if it were alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from core.live.sample import Quality
from core.live.tags import TagSpec, TagType
from tests.drivers.rig import Rig, source, tag
from tests.servers.process import ServerProcess

TAGS = 10_000


def address(protocol: str, number: int) -> str:
    return f"3/holding/{4 * number}" if protocol == "modbus" else f"nsu=urn:genba:test;s=flood{number}"


@pytest.fixture(params=["modbus", pytest.param("opcua", marks=pytest.mark.long)])
def large(request: pytest.FixtureRequest) -> Iterator[tuple[str, ServerProcess]]:
    """A server of its own with ten thousand numbers, each new every second; the OPC UA library takes a minute to make them."""
    server = ServerProcess(request.param).start()
    try:
        server.tell("flood", TAGS, 1.0)
        yield request.param, server
    finally:
        server.kill()


def test_ten_thousand_tags_cost_the_neighbour_nothing(large: tuple[str, ServerProcess], modbus_rtu_server: ServerProcess) -> None:
    protocol, server = large
    many = [TagSpec(f"T{n}", "PLC", address(protocol, n), TagType.FLOAT64, 1.0) for n in range(TAGS)]

    async def go() -> None:
        async with Rig(source("modbus_rtu", modbus_rtu_server.port), [tag("modbus_rtu", "mode", period_s=0.1)]) as beside:
            await beside.online()
            async with Rig(source(protocol, server.port), many) as rig:
                news = 0
                while not all(rig.get(name).quality is Quality.GOOD for name in rig.tags):
                    news += 1
                    assert news < 60, rig.describe()
                    modbus_rtu_server.tell("set", "mode", news)
                    await beside.until(lambda n=news: beside.get("mode").value == n, 2.0)  # not after the ten thousand
                first = {name: rig.get(name).value for name in rig.tags}
                await rig.until(lambda: all(rig.get(name).value != value for name, value in first.items()), 15.0)
                assert beside.links[-1].reconnects == rig.links[-1].reconnects == 0

    asyncio.run(go())
