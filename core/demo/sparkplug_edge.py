"""A Sparkplug B edge node with one device: births, changes, deaths, and obedience to rebirth requests and commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.demo.mqtt_client import MachineClient
from core.drivers.sparkplug_payload import DataType, Metric, decode, fill, value_of
from core.drivers.sparkplug_pb2 import Payload  # type: ignore[attr-defined]  # made at run time from the descriptor
from core.drivers.sparkplug_state import NAMESPACE, REBIRTH
from core.live.sample import Value

OnCommand = Callable[[str, Any], None]
"""Told of a command to a metric of the device: its name and value."""


@dataclass(slots=True)
class EdgeMetric:
    """One metric of the device as the machine has it; ``alias`` None for one that always comes by its name."""

    name: str
    datatype: DataType
    value: Value
    alias: int | None = None
    at: float | None = None
    quality: int | None = None
    read_only: bool = False


class EdgeNode:
    """One node with one device at a broker. Belongs to the loop that starts it.

    Args:
        group, node, device: Its names.
        metrics: What the device has.
        on_command: Takes accepted commands; the machine then calls ``show``.
    """

    def __init__(self, group: str, node: str, device: str, metrics: Sequence[EdgeMetric], on_command: OnCommand) -> None:
        self.metrics = {metric.name: metric for metric in metrics}
        self.answers_rebirth = True
        self.client = MachineClient(f"edge-{group}-{node}", self._hear, self.give_birth)
        self._by_alias = {metric.alias: metric.name for metric in metrics if metric.alias is not None}
        self._path = (group, node, device)
        self._on_command = on_command
        self._seq = 0
        self.bd_seq = -1
        self.client.before_connecting(self._renew_will)

    def topic(self, kind: str) -> str:
        """Topic of a message of ``kind``; those that begin with D carry the device."""
        group, node, device = self._path
        return f"{NAMESPACE}/{group}/{kind}/{node}" + (f"/{device}" if kind[0] == "D" else "")

    async def start(self, port: int) -> None:
        """Connect, be born."""
        await self.client.connect(port, [(self.topic("NCMD"), 1), (self.topic("DCMD"), 1)])

    def _renew_will(self) -> None:
        """Each session has a number of its own, in its will and in its birth: an old will is told from a new one by it."""
        self.bd_seq = (self.bd_seq + 1) % 256
        message = Payload(timestamp=_now_ms())
        message.metrics.add(name="bdSeq", datatype=DataType.Int64, long_value=self.bd_seq)
        self.client.will(self.topic("NDEATH"), message.SerializeToString())

    def give_birth(self) -> None:
        """NBIRTH and DBIRTH with everything as it is now."""
        self._seq = -1
        message = Payload(timestamp=_now_ms())
        message.metrics.add(name="bdSeq", datatype=DataType.Int64, long_value=max(self.bd_seq, 0), timestamp=message.timestamp)
        message.metrics.add(name=REBIRTH, datatype=DataType.Boolean, boolean_value=False, timestamp=message.timestamp)
        self.send("NBIRTH", message)
        message = Payload(timestamp=_now_ms())
        for metric in self.metrics.values():
            self._add(message, metric, birth=True)
        self.send("DBIRTH", message)

    def _add(self, message: Any, metric: EdgeMetric, *, birth: bool) -> None:
        at_ms = message.timestamp if metric.at is None else round(metric.at * 1000)
        entry = message.metrics.add(timestamp=at_ms, datatype=metric.datatype)
        if birth or metric.alias is None:
            entry.name = metric.name
        if metric.alias is not None:
            entry.alias = metric.alias
        if metric.value is None:
            entry.is_null = True
        else:
            fill(entry, metric.datatype, metric.value)
        properties: Mapping[str, int | bool | None] = {"Quality": metric.quality, "readOnly": (metric.read_only and birth) or None}
        for key, content in properties.items():
            if content is not None:
                entry.properties.keys.append(key)
                if isinstance(content, bool):
                    entry.properties.values.add(type=DataType.Boolean, boolean_value=content)
                else:
                    entry.properties.values.add(type=DataType.Int32, int_value=content)

    def send(self, kind: str, message: Any) -> None:
        """Publish with the next number of the sequence."""
        self._seq = (self._seq + 1) % 256
        message.seq = self._seq
        self.client.publish(self.topic(kind), message.SerializeToString())

    def skip(self) -> None:
        """Lose one message: its number is used and nobody sees it."""
        self._seq = (self._seq + 1) % 256

    def show(self, names: Sequence[str]) -> None:
        """Report these metrics as they are now."""
        message = Payload(timestamp=_now_ms())
        for name in names:
            self._add(message, self.metrics[name], birth=False)
        self.send("DDATA", message)

    def die(self) -> None:
        """The device is lost; the node stays."""
        self.send("DDEATH", Payload(timestamp=_now_ms()))

    def _hear(self, topic: str, payload: bytes) -> None:
        for metric in decode(payload).metrics:
            name = metric.name or self._by_alias.get(metric.alias or -1, "")
            if topic == self.topic("NCMD"):
                if name == REBIRTH and metric.content is True and self.answers_rebirth:
                    self.give_birth()
            elif name in self.metrics:
                self._on_command(name, _commanded(metric, self.metrics[name].datatype))


def _commanded(metric: Metric, datatype: DataType) -> Any:
    return value_of(metric, datatype)


def _now_ms() -> int:
    return round(time.time() * 1000)
