"""A Logix controller with the test points. Orders: set, get, and what programmers and broken controllers do to clients."""

from __future__ import annotations

import asyncio
import itertools
import math
import struct
from typing import Any

from core.demo.logix_controller import LogixController
from core.demo.logix_memory import ATOMIC, KINDS, STRING, Atomic, Fault, Spot, packed, unpacked
from tests.servers.points import POINTS
from tests.servers.process import obey

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class CountingController(LogixController):
    """Counts the values of flooded tags that it hands out."""

    handed_out = 0

    def _read(self, service: int, spot: Spot, data: bytes) -> Any:
        self.handed_out += spot.symbol.name.startswith("flood")
        return super()._read(service, spot, data)


class Plant:
    """The controller and the orders on it."""

    def __init__(self, **how: Any) -> None:
        self.controller = CountingController(on_write=self.judge, **how)
        self.read_only: set[str] = set()
        self.flood_task: asyncio.Task[None] | None = None
        self.slow_s = 0.0
        memory = self.controller.memory
        for point in POINTS.values():
            memory.add(point.name, KINDS[point.type])
        motor = memory.define(
            "Motor",
            [
                ("Enabled", ATOMIC["BOOL"], 1),
                ("Faulted", ATOMIC["BOOL"], 1),
                ("Speed", ATOMIC["REAL"], 1),
                ("History", ATOMIC["DINT"], 5),
                ("Name", STRING, 1),
            ],
        )
        label = memory.define("Label10", [("LEN", ATOMIC["DINT"], 1), ("DATA", ATOMIC["SINT"], 10)])
        essay = memory.define("Essay", [("LEN", ATOMIC["DINT"], 1), ("DATA", ATOMIC["SINT"], 6000)])
        memory.add("label", label)
        memory.add("essay", essay)
        memory.add("motor", motor)
        memory.add("motors", motor, (4,))
        memory.add("recipe_steps", ATOMIC["REAL"], (2000,))
        memory.add("grid", ATOMIC["INT"], (3, 4))
        memory.add("flags", ATOMIC["DWORD"], (4,))
        memory.add("status", ATOMIC["DINT"])
        memory.add("names", STRING, (60,))
        memory.add("pair", memory.define("Pair", [("LEN", ATOMIC["DINT"], 1), ("Other", ATOMIC["DINT"], 1)]))
        memory.add("Level", ATOMIC["REAL"], scope="Washer")
        memory.add("drive", motor, scope="Washer")

    def judge(self, spot: Spot, start: int, data: bytes) -> bool:
        """Asked by the controller before each write."""
        if spot.symbol.name in self.read_only:
            raise Fault(0x0F)
        return True

    async def handle(self, verb: str, *arguments: Any) -> Any:
        return await getattr(self, verb)(*arguments)

    def spot(self, address: str) -> Spot:
        names: list[str | int] = []
        for part in address.split("."):
            name, _, index = part.rstrip("]").partition("[")
            names += [name, *(int(number) for number in index.split(",") if number)]
        return self.controller.memory.spot(names)

    async def set(self, address: str, value: Any) -> None:
        spot = self.spot(address)
        spot.write(0, packed(spot.kind, SPECIAL.get(value, value) if isinstance(spot.kind, Atomic) else value))

    async def get(self, address: str) -> Any:
        spot = self.spot(address)
        return unpacked(spot.kind, spot.read(0, spot.kind.size))

    async def fill(self, address: str, count: int) -> None:
        """``count`` REALs from ``address``: 0.0, 1.0, …"""
        self.spot(address).write(0, struct.pack(f"<{count}f", *range(count)))

    async def protect(self, name: str) -> None:
        self.read_only.add(name)

    async def requests(self) -> int:
        return self.controller.requests

    async def connections(self) -> int:
        """CIP connections that clients have opened and not closed."""
        manager = self.controller.get_class(6).get_instance_service(0x54).handler.__self__
        return len(manager.active_connections)

    async def download(self, remove: list[str], retype: dict[str, str]) -> None:
        """Another program: other instance numbers, some tags gone, some of another type; as after a download."""
        tags = self.controller.memory.scopes[""]
        for name in remove:
            del tags[name.lower()]
        for name, kind in retype.items():
            tags.pop(name.lower(), None)
            self.controller.memory.add(name, ATOMIC[kind])
        self.controller.memory.renumber()
        self.controller.edition += 1

    async def downloading(self, on: bool) -> None:
        """While it lasts every path leads nowhere."""
        self.controller.downloading = on

    async def forget_edition(self) -> None:
        """An old controller that has no counters of its program."""
        self.controller.tells_edition = False

    async def become_micro800(self) -> None:
        """No backplane, no program name, one request per packet, small connections."""
        self.controller.many_at_once = self.controller.large_connections = self.controller.tells_edition = False
        name = b"2080-LC50-24QWB"
        self.controller.get_class(1).get_instance(1).get_attribute(7).set_data(bytes([len(name)]) + name)
        self.controller.registered_classes.pop(0x64)

    async def shrink(self, name: str, count: int) -> None:
        """An array becomes shorter while it is read; nothing else changes."""
        symbol = self.controller.memory.scopes[""][name.lower()]
        symbol.dimensions = (count,)

    async def small_connections(self) -> None:
        self.controller.large_connections = False

    async def answered(self) -> int:
        """Values of flooded tags that were handed out."""
        return self.controller.handed_out

    async def flood(self, count: int, period_s: float) -> None:
        """``count`` LREALs ``flood0`` …, all set every ``period_s``."""
        symbols = [self.controller.memory.add(f"flood{number}", ATOMIC["LREAL"]) for number in range(count)]

        async def run() -> None:
            loop = asyncio.get_running_loop()
            due = loop.time()
            for turn in itertools.count(1):
                value = bytearray(struct.pack("<d", turn))
                for symbol in symbols:
                    symbol.data = value
                due += period_s
                await asyncio.sleep(max(0.0, due - loop.time()))

        self.flood_task = asyncio.create_task(run())


async def serve(port: int, **how: Any) -> Any:
    """Start the controller."""
    plant = Plant(**how)
    for point in POINTS.values():
        await plant.set(point.name, point.value)
    await plant.controller.start(port)
    return plant.handle


if __name__ == "__main__":
    obey(serve)
