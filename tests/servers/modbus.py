"""A Modbus TCP server with the test points in unit 1, a second unit that can be made deaf, and a third that can be flooded.

Orders: set, get, set_registers, set_deaf, flood, answered.
"""

from __future__ import annotations

import asyncio
import logging
import math
import struct
from typing import Any

from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from core.drivers.modbus_point import locate
from core.drivers.modbus_values import decode, encode
from core.live.tags import TagSpec
from tests.servers.points import POINTS, TestPoint
from tests.servers.process import obey

REGISTERS = 200
SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def located(point: TestPoint) -> Any:
    """Where the point stands, by the planner under test: the wire format itself is checked by ``test_modbus_plan``."""
    options = {"order": point.order, "length": str(point.length)}
    return locate(TagSpec(point.name, "S", point.modbus, point.type, options=options))


class Plant:
    """The served device and the orders on it."""

    def __init__(self) -> None:
        self.deaf = False
        self.server: Any = None
        self.requests = 0
        self.handed_out = 0

    async def act(self, code: int, start: int, address: int, count: int, registers: list[int], values: Any) -> None:
        """Called by the server for each request to unit 2."""
        self.requests += 1
        if self.deaf:
            await asyncio.sleep(3600)

    async def count(self, code: int, start: int, address: int, count: int, registers: list[int], values: Any) -> None:
        """Called by the server for each request to unit 3."""
        if values is None:
            self.handed_out += count

    async def handle(self, verb: str, *arguments: Any) -> Any:
        return await getattr(self, verb)(*arguments)

    async def set(self, name: str, value: Any) -> None:
        point = located(POINTS[name])
        if point.area.is_bits:
            await self.server.async_setValues(1, 5, point.address, [bool(value)])
        else:
            await self.server.async_setValues(1, 16, point.address, encode(point, SPECIAL.get(value, value)))

    async def set_registers(self, unit: int, address: int, values: list[int]) -> None:
        await self.server.async_setValues(unit, 16, address, values)

    async def get(self, name: str) -> Any:
        point = located(POINTS[name])
        if point.area.is_bits:
            return bool((await self.server.async_getValues(1, 1, point.address, 1))[0])
        return decode(point, await self.server.async_getValues(1, 3, point.address, point.count))

    async def set_deaf(self, deaf: bool) -> None:
        self.deaf = deaf

    async def answered(self) -> int:
        """Registers that unit 3 has handed out."""
        return self.handed_out

    async def flood(self, count: int, period_s: float) -> None:
        """Doubles from register 1000 of unit 3, all set every ``period_s``."""

        async def run() -> None:
            turn = 0.0
            loop = asyncio.get_running_loop()
            due = loop.time()
            while True:
                turn += 1
                words = list(struct.unpack(">4H", struct.pack(">d", turn))) * count
                await self.server.async_setValues(3, 16, 0, words)
                due += period_s
                await asyncio.sleep(max(0.0, due - loop.time()))

        self.flood_task = asyncio.create_task(run())


def blocks(registers: int) -> Any:
    """The four tables of one device, ``registers`` long each."""
    bits = [SimData(0, values=[False] * 64, datatype=DataType.BITS)]
    words = [SimData(0, values=[0] * registers, datatype=DataType.REGISTERS)]
    return (bits, [SimData(0, values=[True] * 64, datatype=DataType.BITS)], words, list(words))


def devices(plant: Plant) -> list[SimDevice]:
    """Unit 1 with the points, unit 2 that can be made deaf, unit 3 with many registers."""
    return [
        SimDevice(1, simdata=blocks(REGISTERS)),
        SimDevice(2, simdata=blocks(REGISTERS), action=plant.act),
        SimDevice(3, simdata=blocks(50_000), action=plant.count),
    ]


async def serve(port: int, framer: FramerType = FramerType.SOCKET) -> Any:
    """Start the server."""
    logging.disable(logging.CRITICAL)
    plant = Plant()
    plant.server = ModbusTcpServer(devices(plant), framer=framer, address=("127.0.0.1", port))
    await plant.server.serve_forever(background=True)
    for point in POINTS.values():
        await plant.set(point.name, point.value)
    return plant.handle


if __name__ == "__main__":
    obey(serve)
