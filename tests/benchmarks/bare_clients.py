"""The floor of the latency: the two client libraries alone on one loop, no screen, no checks; prints delays at reception.

Arguments: OPC UA port, Modbus port, seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from asyncua import Client, ua
from pymodbus.client import AsyncModbusTcpClient

from tests.benchmarks import load

_BLOCK = 124


class _Taker:
    """Handler of one subscription."""

    def __init__(self) -> None:
        self.delays: list[float] = []

    def datachange_notification(self, node: Any, value: float, data: Any) -> None:
        if value > 1000:  # not one of the noisy signals, nor the first zero
            self.delays.append(time.monotonic() - value)


async def _opcua(port: int, seconds: float) -> list[float]:
    async with Client(f"opc.tcp://127.0.0.1:{port}", timeout=10) as client:
        index = await client.get_namespace_index(load.NAMESPACE)
        taker = _Taker()
        subscription = await client.create_subscription(load.PERIOD_S * 1000, taker)
        nodes = [client.get_node(ua.NodeId(f"T{number}", index)) for number in range(load.OPCUA_TAGS - load.NOISY)]
        await subscription.subscribe_data_change(nodes)
        await asyncio.sleep(2.0)
        taker.delays.clear()
        await asyncio.sleep(seconds)
        delays = list(taker.delays)
        await subscription.delete()
        return delays


async def _modbus(port: int, seconds: float) -> list[float]:
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    await client.connect()
    delays: list[float] = []
    known = [0.0] * load.MODBUS_TAGS
    end = time.monotonic() + seconds + 2.0
    due = time.monotonic()
    while due < end:
        for first in range(0, 2 * (load.MODBUS_TAGS - load.NOISY), _BLOCK):
            count = min(_BLOCK, 2 * (load.MODBUS_TAGS - load.NOISY) - first)
            answer = await client.read_holding_registers(first, count=count, device_id=1)
            now = time.monotonic()
            for at in range(0, count, 2):
                value = (answer.registers[at] << 16 | answer.registers[at + 1]) / 1000
                number = (first + at) // 2
                if value != known[number]:
                    known[number] = value
                    if now > end - seconds:
                        delays.append((now - value) % load.WRAP_S)
        due += load.PERIOD_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    client.close()
    return delays


async def main() -> None:
    """Measure both at once."""
    opcua, modbus, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    delays = await asyncio.gather(_opcua(opcua, seconds), _modbus(modbus, seconds))
    print(json.dumps({"opcua": sorted(delays[0]), "modbus": sorted(delays[1])}))


if __name__ == "__main__":
    asyncio.run(main())
