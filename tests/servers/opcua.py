"""An OPC UA server with the test points. Orders: set, get, status, clock, flood, bomb; those of ``opcua_guard`` and ``opcua_shapes``."""

from __future__ import annotations

import asyncio
import logging
import math
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import Server, ua

from core.live.tags import TagType
from tests.servers.opcua_guard import URI, Guard
from tests.servers.opcua_shapes import Shapes
from tests.servers.points import NAMESPACE, POINTS
from tests.servers.process import obey

TYPES = {
    TagType.BOOL: ua.VariantType.Boolean,
    TagType.INT16: ua.VariantType.Int16,
    TagType.UINT16: ua.VariantType.UInt16,
    TagType.INT32: ua.VariantType.Int32,
    TagType.UINT32: ua.VariantType.UInt32,
    TagType.INT64: ua.VariantType.Int64,
    TagType.UINT64: ua.VariantType.UInt64,
    TagType.FLOAT32: ua.VariantType.Float,
    TagType.FLOAT64: ua.VariantType.Double,
    TagType.STRING: ua.VariantType.String,
}
SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Plant:
    """The served nodes and the orders on them."""

    def __init__(self, server: Any, index: int, guard: Guard) -> None:
        self.server = server
        self.index = index
        self.helpers = (guard, Shapes(server, index))
        self.nodes: dict[str, tuple[Any, Any]] = {}
        self.flood_task: asyncio.Task[None] | None = None
        self.ahead = timedelta()

    async def clock(self, ahead_s: float) -> None:
        """From now on the machine's clock is ahead by ``ahead_s``."""
        self.ahead = timedelta(seconds=ahead_s)

    async def bring(self, name: str, value: float) -> None:
        """A node of a Double."""
        await self.add(name, value, ua.VariantType.Double)

    async def add(self, name: str, value: Any, variant_type: Any) -> None:
        parent = self.server.nodes.objects
        node = await parent.add_variable(ua.NodeId(name, self.index), name, ua.Variant(value, variant_type))
        await node.set_writable()
        self.nodes[name] = (node, variant_type)

    async def handle(self, verb: str, *arguments: Any) -> Any:
        for helper in (self, *self.helpers):
            if hasattr(helper, verb):
                return await getattr(helper, verb)(*arguments)
        raise ValueError(verb)

    async def set(self, name: str, value: Any) -> None:
        node, variant_type = self.nodes[name]
        value = SPECIAL.get(value, value) if variant_type in (ua.VariantType.Float, ua.VariantType.Double) else value
        await self.write(node, ua.DataValue(ua.Variant(value, variant_type), SourceTimestamp=datetime.now(UTC) + self.ahead))

    async def write(self, node: Any, value: Any) -> None:
        # Past the server's own checks: a real controller does not ask the address space whether a value fits.
        await self.server.iserver.aspace.write_attribute_value(node.nodeid, ua.AttributeIds.Value, value)

    async def get(self, name: str) -> Any:
        return await self.nodes[name][0].read_value()

    async def status(self, name: str, word: str) -> None:
        node, variant_type = self.nodes[name]
        value = ua.Variant(0, variant_type) if word.startswith("Uncertain") else ua.Variant(None)
        status = ua.StatusCode(getattr(ua.StatusCodes, word))
        await self.write(node, ua.DataValue(value, StatusCode=status, SourceTimestamp=datetime.now(UTC)))

    async def readonly(self, name: str) -> None:
        await self.nodes[name][0].set_read_only()

    async def delete(self, name: str) -> None:
        """The node is gone, as after the download of another program; whoever monitors it is not told."""
        await self.server.delete_nodes([self.nodes.pop(name)[0]])

    async def flood(self, count: int, period_s: float) -> None:
        """``count`` more Double nodes ``flood0`` …, all set every ``period_s``."""
        for number in range(count):
            await self.add(f"flood{number}", 0.0, ua.VariantType.Double)

        async def run() -> None:
            turn = 0
            loop = asyncio.get_running_loop()
            due = loop.time()
            while True:
                turn += 1
                now = datetime.now(UTC)
                for number in range(count):
                    node = self.nodes[f"flood{number}"][0]
                    await self.write(node, ua.DataValue(ua.Variant(float(turn), ua.VariantType.Double), SourceTimestamp=now))
                    if number % 100 == 99:
                        await asyncio.sleep(0)  # what is written may be sent before it is written again
                due += period_s
                await asyncio.sleep(max(0.0, due - loop.time()))

        self.flood_task = asyncio.create_task(run())

    async def bomb(self, length: int) -> None:
        """From now on the value of ``string`` travels as an array of ``length`` nulls, which takes five bytes to say."""
        global _bomb_length
        _bomb_length = length
        await self.set("string", "bomb")


_bomb_length = 0
_honest = ua.ua_binary.variant_to_binary


def _packed(variant: Any) -> bytes:
    if _bomb_length and variant.VariantType is ua.VariantType.String and variant.Value == "bomb":
        return bytes([0x80]) + _bomb_length.to_bytes(4, "little", signed=True)
    return bytes(_honest(variant))


# Before the first message: the library keeps the encoders it has made.
ua.ua_binary.variant_to_binary = _packed


async def serve(port: int) -> Any:
    """Start the server."""
    if not os.environ.get("SHOW_SERVERS"):
        logging.disable(logging.CRITICAL)
    server = Server()
    await server.init()
    server.iserver.user_manager = guard = Guard(server)
    await server.set_application_uri(URI)
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/genba/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:genba:another")
    plant = Plant(server, await server.register_namespace(NAMESPACE), guard)
    await plant.helpers[1].build()
    for point in POINTS.values():
        await plant.add(point.name, point.value, TYPES[point.type])
    await plant.add("constant", 7.0, ua.VariantType.Double)
    await server.start()
    return plant.handle


if __name__ == "__main__":
    obey(serve)
