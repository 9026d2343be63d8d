"""A broker and a machine that publishes the test points, in one process. Orders: set, get, say, retain, forget, status, heartbeat, flood.

The points are topics ``genba/test/<name>``: half of them JSON with value and time, half of them text. Commands come to
``genba/test/<name>/set`` as text. Everything is published again several times a second, as sensors do.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import Any

from core.demo.mqtt_broker import start_amqtt
from core.demo.mqtt_client import MachineClient
from core.live.tags import TagType
from tests.servers.points import AS_TEXT, POINTS
from tests.servers.process import obey

ROOT_TOPIC = "genba/test"
SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
HEARTBEAT_S = 0.15


def payload_of(name: str, value: Any) -> bytes:
    """What the machine publishes for a point."""
    if name in AS_TEXT:
        return (value if isinstance(value, str) else json.dumps(value)).encode()
    return json.dumps({"value": value, "at": round(time.time() * 1000), "name": name}).encode()


class Machine:
    """Values, client and the orders on them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {name: point.value for name, point in POINTS.items()}
        self.client = MachineClient("machine", self.hear)
        self.beating = True
        self.tasks: list[asyncio.Task[None]] = []

    def hear(self, topic: str, payload: bytes) -> None:
        name = topic.split("/")[2]
        kind = POINTS[name].type
        text = payload.decode()
        self.values[name] = text if kind is TagType.STRING else json.loads(text)
        self.show(name)

    def show(self, name: str) -> None:
        self.client.publish(f"{ROOT_TOPIC}/{name}", payload_of(name, self.values[name]))

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for name in self.values if self.beating else ():
                self.show(name)

    async def handle(self, verb: str, *arguments: Any) -> Any:
        return await getattr(self, verb)(*arguments)

    async def set(self, name: str, value: Any) -> None:
        kind = POINTS[name].type
        floating = kind in (TagType.FLOAT32, TagType.FLOAT64)
        self.values[name] = SPECIAL.get(value, value) if floating else value
        self.show(name)

    async def get(self, name: str) -> Any:
        await self.client.fence()
        return self.values[name]

    async def say(self, topic: str, text: str, retain: bool = False) -> None:
        self.client.publish(topic, text.encode("latin-1"), qos=1, retain=retain)
        await self.client.fence()

    async def heartbeat(self, on: bool) -> None:
        self.beating = on

    async def flood(self, messages: int, values: int, period_s: float) -> None:
        """``messages`` topics ``flood/<n>`` with ``values`` rising numbers ``v0`` … each, every ``period_s``."""

        async def run() -> None:
            turn, loop = 0, asyncio.get_running_loop()
            due = loop.time()
            while True:
                turn += 1
                payload = json.dumps({f"v{index}": turn + 0.5 for index in range(values)}).encode()
                for number in range(messages):
                    self.client.publish(f"flood/{number}", payload)
                due += period_s
                await asyncio.sleep(max(0.0, due - loop.time()))

        self.tasks.append(asyncio.create_task(run()))


async def serve(port: int) -> Any:
    """Start the broker, then the machine."""
    await start_amqtt(port)
    machine = Machine()
    await machine.client.connect(port, [(f"{ROOT_TOPIC}/+/set", 1)])
    machine.tasks.append(asyncio.create_task(machine.beat()))
    return machine.handle


if __name__ == "__main__":
    obey(serve)
