"""What saturates each driver: how many tags, how they are addressed, and the fastest bare form of its library.

Every value is the number of the turn in which its server wrote it, so that both sides can count. A protocol that reports by
itself must deliver every turn of every tag; of one that is asked, every answer of the server must have arrived.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.live.tags import SourceSpec, TagSpec, TagType


@dataclass
class Count:
    """What one form of client received in the time it was watched.

    Attributes:
        updates: Values.
        turns: Sum of the turns that its tags advanced: what it should have received of a protocol that reports by itself.
        seconds, cpu_s: How long, and what the process (all threads) worked in that time.
    """

    updates: int
    turns: int
    seconds: float
    cpu_s: float


@dataclass(frozen=True)
class Flood:
    """One protocol.

    Attributes:
        server: Module of ``tests.servers``.
        order: What makes the server write by itself: verb and arguments.
        source: The source behind a port.
        tags: Its tags.
        bare: The library alone against that port for some seconds.
        reports: The machine sends by itself; else it is asked.
        answered: Order that tells how many values the server has handed out; None where only turns are counted.
    """

    server: str
    order: tuple[Any, ...]
    source: Callable[[int], SourceSpec]
    tags: Callable[[], Sequence[TagSpec]]
    bare: Callable[[int, float], Awaitable[Count]]
    reports: bool
    answered: str | None = None


class Watched:
    """A stop-watch on the values of many tags: ``begin`` when they flow, ``end`` some seconds later."""

    def __init__(self) -> None:
        self.latest: dict[Any, float] = {}
        self.updates = 0

    def begin(self) -> None:
        """Count from here."""
        self._first = dict(self.latest)
        self.updates = 0
        self._at, self._cpu = time.perf_counter(), time.process_time()

    def end(self) -> Count:
        """What came since."""
        seconds, cpu_s, updates = time.perf_counter() - self._at, time.process_time() - self._cpu, self.updates
        turns = sum(round(value - self._first.get(tag, value)) for tag, value in self.latest.items())
        return Count(updates, turns, seconds, cpu_s)


WARM_S = 2.0


async def watched(watch: Watched, seconds: float) -> Count:
    """Let it warm up, then watch."""
    await asyncio.sleep(WARM_S)
    watch.begin()
    await asyncio.sleep(seconds)
    return watch.end()


# -- OPC UA ------------------------------------------------------------------------------------------------------------

OPCUA_TAGS, OPCUA_TURN_S, OPCUA_PUBLISH_S = 5_000, 1.0, 0.2


async def _opcua_bare(port: int, seconds: float) -> Count:
    """asyncua with a subscription of our own that takes each publish response whole, the fastest form we know."""
    from asyncua import Client, ua
    from asyncua.common.subscription import Subscription

    from tests.servers.points import NAMESPACE

    watch = Watched()

    class Whole(Subscription):
        async def publish_callback(self, result: Any) -> None:
            for notification in result.NotificationMessage.NotificationData or ():
                items = notification.MonitoredItems
                for item in items:
                    watch.latest[item.ClientHandle] = item.Value.Value.Value
                watch.updates += len(items)

    async with Client(f"opc.tcp://127.0.0.1:{port}/genba/", timeout=20) as client:
        index = await client.get_namespace_index(NAMESPACE)
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = OPCUA_PUBLISH_S * 1000
        parameters.RequestedMaxKeepAliveCount, parameters.RequestedLifetimeCount = 10, 300
        parameters.MaxNotificationsPerPublish, parameters.PublishingEnabled = 500, True
        unused: Any = watch
        subscription = Whole(client.uaclient.session, parameters, handler=unused)
        await subscription.init()
        for start in range(0, OPCUA_TAGS, 500):
            await subscription.create_monitored_items([_item(ua, index, number) for number in range(start, start + 500)])
        return await watched(watch, seconds)


def _item(ua: Any, index: int, number: int) -> Any:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = ua.NodeId(f"flood{number}", index)
    request.ItemToMonitor.AttributeId = ua.AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters.ClientHandle = number + 1
    request.RequestedParameters.SamplingInterval = OPCUA_PUBLISH_S * 500
    request.RequestedParameters.QueueSize, request.RequestedParameters.DiscardOldest = 1, True
    return request


def _opcua_tags() -> list[TagSpec]:
    from tests.servers.points import NAMESPACE

    return [
        TagSpec(f"T{number}", "SRC", f"nsu={NAMESPACE};s=flood{number}", TagType.FLOAT64, OPCUA_PUBLISH_S) for number in range(OPCUA_TAGS)
    ]


# -- Modbus ------------------------------------------------------------------------------------------------------------

MODBUS_TAGS = 12_000
_DOUBLES = 31
"""Four registers each: 124 of the 125 that one request may ask for."""


async def _modbus_bare(port: int, seconds: float) -> Count:
    """pymodbus, one request after the other as fast as they are answered."""
    from pymodbus.client import AsyncModbusTcpClient

    watch = Watched()
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5)
    await client.connect()

    async def read() -> None:
        while True:
            for first in range(0, MODBUS_TAGS, _DOUBLES):
                count = min(_DOUBLES, MODBUS_TAGS - first)
                answer = await client.read_holding_registers(4 * first, count=4 * count, device_id=3)
                values = struct.unpack(f">{count}d", struct.pack(f">{4 * count}H", *answer.registers))
                for number, value in enumerate(values, first):
                    watch.latest[number] = value
                watch.updates += count

    reading = asyncio.create_task(read())
    count = await watched(watch, seconds)
    reading.cancel()
    client.close()
    return count


def _modbus_tags() -> list[TagSpec]:
    return [TagSpec(f"T{number}", "SRC", f"3/holding/{4 * number}", TagType.FLOAT64, 0.1) for number in range(MODBUS_TAGS)]


FLOODS: dict[str, Flood] = {
    "opcua": Flood(
        server="opcua",
        order=("flood", OPCUA_TAGS, OPCUA_TURN_S),
        source=lambda port: SourceSpec("SRC", "opcua", f"opc.tcp://127.0.0.1:{port}/genba/"),
        tags=_opcua_tags,
        bare=_opcua_bare,
        reports=True,
    ),
    "modbus": Flood(
        server="modbus",
        order=("flood", MODBUS_TAGS, 1.0),
        source=lambda port: SourceSpec("SRC", "modbus", f"modbus://127.0.0.1:{port}"),
        tags=_modbus_tags,
        bare=_modbus_bare,
        reports=False,
        answered="answered",
    ),
}
