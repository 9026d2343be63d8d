"""A broker and an edge node with the test points on its device ``Plant``, in one process.

Orders: set, get, sign (a quality property), null, die (DDEATH), birth, skip (lose a message), deaf (ignore rebirth requests), lose
(the session without a goodbye), raw (a payload of one's own), say, states, flood.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

from core.demo.mqtt_broker import start_amqtt
from core.demo.mqtt_client import MachineClient
from core.demo.sparkplug_edge import EdgeMetric, EdgeNode
from core.drivers.sparkplug_payload import DataType
from core.live.tags import TagType
from tests.servers.points import POINTS
from tests.servers.process import obey

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
TYPES = {
    TagType.BOOL: DataType.Boolean,
    TagType.INT16: DataType.Int16,
    TagType.UINT16: DataType.UInt16,
    TagType.INT32: DataType.Int32,
    TagType.UINT32: DataType.UInt32,
    TagType.INT64: DataType.Int64,
    TagType.UINT64: DataType.UInt64,
    TagType.FLOAT32: DataType.Float,
    TagType.FLOAT64: DataType.Double,
    TagType.STRING: DataType.String,
}
BY_NAME = frozenset(("bool", "int16"))
"""Metrics without an alias."""


class Machine:
    """The node and the orders on it."""

    def __init__(self, port: int) -> None:
        points = enumerate(POINTS.values(), start=1)
        metrics = [EdgeMetric(p.name, TYPES[p.type], p.value, None if p.name in BY_NAME else number) for number, p in points]
        metrics.append(EdgeMetric("fixed", DataType.Int32, 7, 99, read_only=True))
        self.node = EdgeNode("Test", "Edge", "Plant", metrics, self.obey)
        self.port = port
        self.rebirths = 0
        self.states: list[str] = []
        self.ear = MachineClient("ear", self.hear)
        self.tasks: list[asyncio.Task[None]] = []

    def hear(self, topic: str, payload: bytes) -> None:
        if "/STATE/" in topic:
            self.states.append(payload.decode())
        elif "/NCMD/" in topic:
            self.rebirths += 1

    def obey(self, name: str, value: Any) -> None:
        self.node.metrics[name].value = value
        self.node.show([name])

    async def handle(self, verb: str, *arguments: Any) -> Any:
        return await getattr(self, verb)(*arguments)

    async def set(self, name: str, value: Any) -> None:
        metric = self.node.metrics[name]
        metric.value = SPECIAL.get(value, value) if metric.datatype in (DataType.Float, DataType.Double) else value
        metric.quality = None
        self.node.show([name])

    async def get(self, name: str) -> Any:
        await self.node.client.fence()
        return self.node.metrics[name].value

    async def sign(self, name: str, quality: int | None) -> None:
        self.node.metrics[name].quality = quality
        self.node.show([name])

    async def null(self, name: str) -> None:
        self.node.metrics[name].value = None
        self.node.show([name])

    async def die(self) -> None:
        self.node.die()

    async def birth(self) -> None:
        self.node.give_birth()

    async def skip(self) -> None:
        self.node.skip()

    async def deaf(self, on: bool) -> None:
        self.node.answers_rebirth = not on

    async def lose(self) -> None:
        """Cut the node's own connection; it comes back by itself after a second, with the next bdSeq."""
        self.node.client.cut()

    async def raw(self, kind: str, payload: str) -> None:
        self.node.client.publish(self.node.topic(kind), bytes.fromhex(payload))

    async def say(self, topic: str, payload: str, retain: bool = False) -> None:
        self.ear.publish(topic, payload.encode("latin-1"), qos=1, retain=retain)

    async def told(self) -> dict[str, Any]:
        """What hosts said so far: STATE messages and number of NCMD."""
        await self.ear.fence()
        return {"states": self.states, "rebirths": self.rebirths, "bd_seq": self.node.bd_seq}

    async def flood(self, count: int, period_s: float) -> None:
        """``count`` doubles ``flood0`` … on the device, all changed every ``period_s`` in messages of 100."""
        new = [EdgeMetric(f"flood{index}", DataType.Double, 0.0, 1000 + index) for index in range(count)]
        self.node.metrics |= {metric.name: metric for metric in new}
        self.node.give_birth()

        async def run() -> None:
            turn, loop = 0.0, asyncio.get_running_loop()
            due = loop.time()
            while True:
                turn += 1
                for metric in new:
                    metric.value = turn
                for start in range(0, count, 100):
                    self.node.show([metric.name for metric in new[start : start + 100]])
                due += period_s
                await asyncio.sleep(max(0.0, due - loop.time()))

        self.tasks.append(asyncio.create_task(run()))


async def serve(port: int) -> Any:
    """Start the broker, then the node and an ear for what hosts say."""
    await start_amqtt(port)
    machine = Machine(port)
    await machine.ear.connect(port, [("spBv1.0/STATE/#", 1), ("spBv1.0/Test/NCMD/#", 1)])
    await machine.node.start(port)
    return machine.handle


if __name__ == "__main__":
    obey(serve)
