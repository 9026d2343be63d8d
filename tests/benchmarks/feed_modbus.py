"""A Modbus TCP server whose values are the moments they were written; started with a port, ends with its standard input."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.benchmarks import load
from tests.servers.process import obey

_WRITE_REGISTERS = 16


async def serve(port: int) -> Any:
    """Start the server and the writing."""
    logging.disable(logging.CRITICAL)
    bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
    words = [SimData(0, values=[0] * 2 * load.MODBUS_TAGS, datatype=DataType.REGISTERS)]
    server = ModbusTcpServer([SimDevice(1, simdata=(bits, bits, words, words))], address=("127.0.0.1", port))
    await server.serve_forever(background=True)

    async def put(number: int, milli: int) -> None:
        milli %= 2**32
        await server.async_setValues(1, _WRITE_REGISTERS, 2 * number, [milli >> 16, milli & 0xFFFF])

    async def write() -> None:
        due = time.monotonic()
        turn = 0
        while True:
            for number in load.slice_of(turn, load.MODBUS_TAGS):
                await put(number, int(time.monotonic() * 1000))
            if turn % load.SLICES == 0:
                for number in range(load.NOISY):
                    await put(load.MODBUS_TAGS - load.NOISY + number, int(load.noise(number, time.monotonic()) * 1000))
            turn += 1
            due += load.PERIOD_S / load.SLICES
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    writing = asyncio.create_task(write())

    async def handle(verb: str) -> Any:
        return {"alive": not writing.done()}[verb]

    return handle


if __name__ == "__main__":
    obey(serve)
