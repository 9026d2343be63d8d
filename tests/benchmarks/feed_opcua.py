"""An OPC UA server whose values are the moments they were written; started with a port, ends with its standard input."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua

from tests.benchmarks import load
from tests.servers.process import obey


async def serve(port: int) -> Any:
    """Start the server and the writing."""
    logging.disable(logging.CRITICAL)
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(load.NAMESPACE)
    nodes = {}
    for name in [f"T{number}" for number in range(load.OPCUA_TAGS - load.NOISY)] + [f"Z{number}" for number in range(load.NOISY)]:
        variable = await server.nodes.objects.add_variable(ua.NodeId(name, index), name, ua.Variant(0.0, ua.VariantType.Double))
        nodes[name] = variable.nodeid
    await server.start()
    gc.collect()
    gc.freeze()

    async def put(name: str, value: float) -> None:
        data = ua.DataValue(ua.Variant(value, ua.VariantType.Double), SourceTimestamp=datetime.now(UTC))
        await server.iserver.aspace.write_attribute_value(nodes[name], ua.AttributeIds.Value, data)

    async def write() -> None:
        due = time.monotonic()
        turn = 0
        while True:
            for number in load.slice_of(turn, load.OPCUA_TAGS):
                await put(f"T{number}", time.monotonic())
            if turn % load.SLICES == 0:
                for number in range(load.NOISY):
                    await put(f"Z{number}", load.noise(number, time.monotonic()))
            turn += 1
            due += load.PERIOD_S / load.SLICES
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    writing = asyncio.create_task(write())

    async def handle(verb: str) -> Any:
        return {"alive": not writing.done()}[verb]

    return handle


if __name__ == "__main__":
    obey(serve)
