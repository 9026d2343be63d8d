"""The machines of ``scale``: one process for several of them, each changing all its values every second.

Started with a port that is not used, and its devices as JSON. Order: written, which tells how many values were written, how late
the latest round was at worst (s) and how much processor time the process has had (s).
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import math
import struct
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from tests.benchmarks.scale_load import CHANGE_S, NAMESPACE, PER_DOCUMENT, PER_MESSAGE, TAGS, Device
from tests.servers.process import obey

Write = Callable[[int], Awaitable[None]]
"""Sets every value of one device."""


async def opcua(devices: list[Device]) -> list[Write]:
    """One server, a session for each machine."""
    from asyncua import Server, ua

    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{devices[0].port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(NAMESPACE)
    writes = []
    for device in devices:
        nodes = []
        for number in range(TAGS):
            name = f"{device.code}.T{number}"
            node = await server.nodes.objects.add_variable(ua.NodeId(name, index), name, ua.Variant(0.0, ua.VariantType.Double))
            nodes.append(node.nodeid)

        async def write(turn: int, nodes: list[Any] = nodes) -> None:
            now = datetime.now(UTC)
            for node in nodes:
                data = ua.DataValue(ua.Variant(float(turn), ua.VariantType.Double), SourceTimestamp=now)
                await server.iserver.aspace.write_attribute_value(node, ua.AttributeIds.Value, data)

        writes.append(write)
    await server.start()
    return writes


async def modbus(devices: list[Device]) -> list[Write]:
    """A gateway for each machine."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    writes = []
    for device in devices:
        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        words = [SimData(0, values=[0] * 2 * TAGS, datatype=DataType.REGISTERS)]
        server = ModbusTcpServer([SimDevice(1, simdata=(bits, bits, words, words))], address=("127.0.0.1", device.port))
        await server.serve_forever(background=True)

        async def write(turn: int, server: Any = server) -> None:
            await server.async_setValues(1, 16, 0, [turn >> 16, turn & 0xFFFF] * TAGS)

        writes.append(write)
    return writes


async def ethernetip(devices: list[Device]) -> list[Write]:
    """A controller for each machine."""
    from core.demo.logix_controller import LogixController
    from core.demo.logix_memory import ATOMIC

    writes = []
    for device in devices:
        controller = LogixController()
        symbols = [controller.memory.add(f"T{number}", ATOMIC["DINT"]) for number in range(TAGS)]
        await controller.start(device.port)

        async def write(turn: int, symbols: list[Any] = symbols) -> None:
            value = bytearray(struct.pack("<i", turn))
            for symbol in symbols:
                symbol.data = value

        writes.append(write)
    return writes


async def http(devices: list[Device]) -> list[Write]:
    """One server with documents of every machine."""
    from tests.servers.http import Sensor

    names = [f"v{number}" for number in range(PER_DOCUMENT)]
    bodies: dict[str, bytes] = {}

    class Gateway(Sensor):
        def _answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
            self.asked.clear()
            code = path.split("/")[1]
            return (200, bodies[code]) if code in bodies else (404, b"{}")

    gateway = Gateway()
    await gateway.start(devices[0].port)
    writes = []
    for device in devices:

        async def write(turn: int, code: str = device.code) -> None:
            bodies[code] = json.dumps(dict.fromkeys(names, float(turn))).encode()

        writes.append(write)
    return writes


async def mqtt(devices: list[Device]) -> list[Write]:
    """One publisher for all machines; whoever starts this has started the broker."""
    from core.demo.mqtt_client import MachineClient

    client = MachineClient("machines", lambda topic, payload: None)
    await client.connect(devices[0].port, [])
    names = [f"v{number}" for number in range(PER_MESSAGE)]
    writes = []
    for device in devices:

        async def write(turn: int, code: str = device.code) -> None:
            payload = json.dumps(dict.fromkeys(names, float(turn))).encode()
            for number in range(math.ceil(TAGS / PER_MESSAGE)):
                client.publish(f"scale/{code}/{number}", payload)

        writes.append(write)
    return writes


async def sparkplug(devices: list[Device]) -> list[Write]:
    """An edge node for each machine, at the same broker."""
    from core.demo.sparkplug_edge import EdgeMetric, EdgeNode
    from core.drivers.sparkplug_payload import DataType

    writes = []
    for device in devices:
        metrics = [EdgeMetric(f"T{number}", DataType.Double, 0.0, number + 1) for number in range(TAGS)]
        node = EdgeNode(device.code, "Edge", "Machine", metrics, lambda name, value: None)
        await node.start(device.port)
        names = [metric.name for metric in metrics]

        async def write(turn: int, node: EdgeNode = node, names: list[str] = names) -> None:
            for metric in node.metrics.values():
                metric.value = float(turn)
            node.show(names)

        writes.append(write)
    return writes


KINDS = {"opcua": opcua, "modbus": modbus, "ethernetip": ethernetip, "http": http, "mqtt": mqtt, "sparkplug": sparkplug}


async def serve(port: int) -> Any:
    """Start the machines, then their clocks."""
    logging.disable(logging.CRITICAL)
    devices = [Device(*each) for each in json.loads(sys.argv[2])]
    broker = next((device.port for device in devices if device.protocol in ("mqtt", "sparkplug")), None)
    if broker is not None:
        from core.demo.mqtt_broker import start_broker

        await start_broker(broker)
    writes: list[tuple[Device, Write]] = []
    for kind, make in KINDS.items():
        chosen = [device for device in devices if device.protocol == kind]
        if chosen:
            writes += zip(chosen, await make(chosen), strict=True)
    gc.collect()
    gc.freeze()
    return Beat(sorted(writes, key=lambda each: each[0].phase_s)).handle


class Beat:
    """The common clock of one process's machines."""

    def __init__(self, writes: list[tuple[Device, Write]]) -> None:
        self.writes = writes
        self.written = 0
        self.late_s = 0.0
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        """Write every machine's values in every second, in its phase; what could not be done in time is done late, never left out."""
        turn = math.floor(time.monotonic() / CHANGE_S) + 1
        while True:
            for device, write in self.writes:
                due = turn * CHANGE_S + device.phase_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                self.late_s = max(self.late_s, time.monotonic() - due)
                await write(turn)
                self.written += TAGS
            turn += 1

    async def handle(self, verb: str) -> Any:
        if verb != "written" or self.task.done():
            raise ValueError(f"{verb}: {self.task}")
        late_s, self.late_s = self.late_s, 0.0
        return {"values": self.written, "late_s": late_s, "cpu_s": time.process_time()}


if __name__ == "__main__":
    obey(serve)
