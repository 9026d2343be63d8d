"""Floods of the protocols that report by themselves, and the fastest bare form of their libraries that we know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from core.live.tags import SourceSpec, TagSpec, TagType
from tests.benchmarks.flood import Count, Flood, Watched, watched

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
                watch.add(len(items))

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


OPCUA: Final = Flood(
    server="opcua",
    order=("flood", OPCUA_TAGS, OPCUA_TURN_S),
    source=lambda port: SourceSpec("SRC", "opcua", f"opc.tcp://127.0.0.1:{port}/genba/"),
    tags=_opcua_tags,
    bare=_opcua_bare,
    reports=True,
)

# -- MQTT --------------------------------------------------------------------------------------------------------------

MQTT_TOPICS, MQTT_VALUES, MQTT_TURN_S = 100, 10, 0.1


async def _paho(port: int, topic: str, take: Callable[[bytes, str], None], watch: Watched, seconds: float) -> Count:
    """paho with its own thread, which decodes each message where it arrives: no loop, no queue between."""
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare")
    client.on_connect = lambda c, u, flags, code, properties: c.subscribe(topic, 0)
    client.on_message = lambda c, u, message: take(message.payload, message.topic)
    client.connect("127.0.0.1", port, 10)
    client.loop_start()
    try:
        while not watch.latest:  # noqa: ASYNC110 - nothing is measured yet
            await asyncio.sleep(0.05)
        return await watched(watch, seconds)
    finally:
        client.disconnect()
        client.loop_stop()


async def _mqtt_bare(port: int, seconds: float) -> Count:
    watch = Watched()
    latest = watch.latest

    def take(payload: bytes, topic: str) -> None:
        found = json.loads(payload)
        for name, value in found.items():
            latest[topic, name] = value
        watch.add(len(found))

    return await _paho(port, "flood/+", take, watch, seconds)


def _mqtt_tags() -> list[TagSpec]:
    places = [(topic, value) for topic in range(MQTT_TOPICS) for value in range(MQTT_VALUES)]
    return [TagSpec(f"T{topic}.{value}", "SRC", f"flood/{topic}#v{value}", TagType.FLOAT64, MQTT_TURN_S) for topic, value in places]


MQTT: Final = Flood(
    server="mqtt",
    order=("flood", MQTT_TOPICS, MQTT_VALUES, MQTT_TURN_S),
    source=lambda port: SourceSpec("SRC", "mqtt", f"mqtt://127.0.0.1:{port}"),
    tags=_mqtt_tags,
    bare=_mqtt_bare,
    reports=True,
)

# -- Sparkplug ---------------------------------------------------------------------------------------------------------

SPARKPLUG_TAGS, SPARKPLUG_TURN_S = 2_000, 0.1


async def _sparkplug_bare(port: int, seconds: float) -> Count:
    """paho, and the protobuf library on each message; the value by its alias, nothing else is looked at."""
    from core.drivers.sparkplug_pb2 import Payload  # type: ignore[attr-defined]  # made at run time from the descriptor

    watch = Watched()
    latest = watch.latest

    def take(payload: bytes, topic: str) -> None:
        if "/DDATA/" not in topic:
            return
        metrics = Payload.FromString(payload).metrics
        for metric in metrics:
            latest[metric.alias] = metric.double_value
        watch.add(len(metrics))

    return await _paho(port, "spBv1.0/Test/+/Edge/#", take, watch, seconds)


def _sparkplug_tags() -> list[TagSpec]:
    numbers = range(SPARKPLUG_TAGS)
    return [TagSpec(f"T{number}", "SRC", f"Test/Edge/Plant#flood{number}", TagType.FLOAT64, SPARKPLUG_TURN_S) for number in numbers]


SPARKPLUG: Final = Flood(
    server="sparkplug",
    order=("flood", SPARKPLUG_TAGS, SPARKPLUG_TURN_S),
    source=lambda port: SourceSpec("SRC", "sparkplug", f"mqtt://127.0.0.1:{port}"),
    tags=_sparkplug_tags,
    bare=_sparkplug_bare,
    reports=True,
)
