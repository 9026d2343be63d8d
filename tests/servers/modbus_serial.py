"""The devices of ``modbus`` on a serial line: two pseudo terminals and a cable between them, in one process.

Orders: those of ``modbus``, and where (the device to open), cut, noise, pause.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tty
from typing import Any

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer

from tests.servers.modbus import Plant, devices
from tests.servers.points import POINTS
from tests.servers.process import obey


class Cable:
    """Carries bytes between the ends of two pseudo terminals."""

    def __init__(self) -> None:
        self.ours, inner = os.openpty()
        self.theirs, outer = os.openpty()
        for end in (inner, outer):
            tty.setraw(end)
        self.inner, self.outer = os.ttyname(inner), os.ttyname(outer)
        self._kept = [inner, outer]  # a pseudo terminal nobody has open is hung up
        self.noise = b""
        self.carries = True
        loop = asyncio.get_running_loop()
        loop.add_reader(self.ours, self._carry, self.ours, self.theirs)
        loop.add_reader(self.theirs, self._carry, self.theirs, self.ours)

    def _carry(self, here: int, there: int) -> None:
        data = os.read(here, 4096)
        if self.carries:
            os.write(there, (self.noise if there == self.theirs else b"") + data)

    def cut(self) -> None:
        """Take the adapter out of its socket: the port is gone for whoever has it open."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.theirs)
        os.close(self.theirs)


class SerialPlant(Plant):
    """The devices and the cable to them."""

    def __init__(self) -> None:
        super().__init__()
        self.cable = Cable()

    async def where(self) -> str:
        return self.cable.outer

    async def cut(self) -> None:
        self.cable.cut()

    async def noise(self, noise: str) -> None:
        self.cable.noise = bytes.fromhex(noise)

    async def pause(self, paused: bool) -> None:
        self.cable.carries = not paused


async def serve(_port: int) -> Any:
    """Start the server."""
    logging.disable(logging.CRITICAL)
    plant = SerialPlant()
    plant.server = ModbusSerialServer(devices(plant), framer=FramerType.RTU, port=plant.cable.inner, baudrate=19200, parity="N")
    await plant.server.serve_forever(background=True)
    for point in POINTS.values():
        await plant.set(point.name, point.value)
    return plant.handle


if __name__ == "__main__":
    obey(serve)
