"""The simulated meters and sensors of the hall: JSON and text topics at an MQTT broker. Lives in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import Any, Final

from core.demo.board import Entry
from core.demo.gate import Gate
from core.demo.mqtt_broker import Broker, start_broker
from core.demo.mqtt_client import MachineClient
from core.demo.rawvalue import FLOATS
from core.live.tags import TagSpec, TagType

STATUS_TOPIC: Final = "genba/demo/status"
"""``online`` while the machines are there, ``offline`` as their last will; retained."""
_BEAT_S = 1.0


class MqttServer:
    """Serves tags on loopback; addresses ``topic`` or ``topic#a.b``, option ``time`` for the source's time. Read-only.

    Args:
        tags: The tags of this server.
        gate: Remembers what each shows.
    """

    def __init__(self, tags: Iterable[TagSpec], gate: Gate) -> None:
        self._topics: dict[str, list[TagSpec]] = {}
        self._gate = gate
        self._shown: dict[str, Entry] = {}
        self._broker: Broker | None = None
        self._client: MachineClient | None = None
        self._beating: asyncio.Task[None] | None = None
        for tag in tags:
            self._topics.setdefault(tag.address.partition("#")[0], []).append(tag)

    async def start(self, port: int, entries: Iterable[Entry]) -> None:
        """Start the broker, then the machines with ``entries``. Raises OSError when the port is taken."""
        self._broker = await start_broker(port)
        self._client = client = MachineClient("genba-demo-meters", lambda topic, payload: None, self._connected)
        client.will(STATUS_TOPIC, b"offline", retain=True)
        await client.connect(port, [])
        await self.show(entries)
        self._beating = asyncio.create_task(self._beat(), name="meters")

    def _connected(self) -> None:
        if self._client is not None:
            self._client.publish(STATUS_TOPIC, b"online", qos=1, retain=True)

    async def show(self, entries: Iterable[Entry]) -> None:
        """Publish every topic that something changed in."""
        names = set()
        for entry in entries:
            self._gate.remember(entry)
            self._shown[entry[0]] = entry
            names.add(entry[0])
        for topic, tags in self._topics.items():
            if not names.isdisjoint(tag.name for tag in tags):
                self._publish(topic)

    async def _beat(self) -> None:
        """As sensors do, each says its value again although nothing changed."""
        while True:
            await asyncio.sleep(_BEAT_S)
            for topic in self._topics:
                self._publish(topic)

    def _publish(self, topic: str) -> None:
        document: dict[str, Any] = {}
        for tag in self._topics[topic]:
            entry = self._shown.get(tag.name)
            if entry is None:
                return
            path = tag.address.partition("#")[2]
            if not path:
                self._send(topic, _as_text(_faulty(tag, entry)))
                return
            _put(document, path, _faulty(tag, entry))
            if "time" in tag.options:
                _put(document, tag.options["time"], round(entry[3] * 1000))
        self._send(topic, json.dumps(document).encode())

    def _send(self, topic: str, payload: bytes) -> None:
        if self._client is not None:
            self._client.publish(topic, payload, retain=True)

    async def stop(self) -> None:
        """Take the machines off the broker, then close it."""
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating
        if self._client is not None:
            await self._client.close()
        if self._broker is not None:
            await self._broker.stop()


def _faulty(tag: TagSpec, entry: Entry) -> Any:
    _, raw, fault, _ = entry
    if fault == "bad":
        return None
    if fault == "text":
        return "#VALUE"
    if fault == "nan" and tag.type in FLOATS:
        return float("nan")
    return not raw if fault == "nan" and tag.type is TagType.BOOL else raw


def _as_text(value: Any) -> bytes:
    return b"" if value is None else (value if isinstance(value, str) else json.dumps(value)).encode()


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        document = document.setdefault(name, {})
    document[last] = value
