"""The case sealer of L5 as a Sparkplug B edge node at an MQTT broker. Lives in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.demo.board import Entry
from core.demo.gate import Gate, Verdict
from core.demo.mqtt_broker import Broker, start_broker
from core.demo.rawvalue import FLOATS
from core.demo.sparkplug_edge import EdgeMetric, EdgeNode
from core.drivers.sparkplug_payload import DataType
from core.live.tags import TagSpec, TagType

_TYPES = {
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
_BAD = 0


class SparkplugServer:
    """Serves tags on loopback; addresses ``group/node/device#metric``, all of one device.

    Args:
        tags: The tags of this server.
        gate: Judges commands and passes accepted ones to the plant; what it refuses is not answered, as the protocol has it.
    """

    def __init__(self, tags: Iterable[TagSpec], gate: Gate) -> None:
        self._gate = gate
        self._tags = {tag.address.partition("#")[2]: tag for tag in tags}
        self._metrics = {tag.name: metric for metric, tag in self._tags.items()}
        self._path = {tag.address.partition("#")[0] for tag in self._tags.values()}
        if len(self._path) != 1:
            raise ValueError(f"one device, not {len(self._path)}")
        self._broker: Broker | None = None
        self._node: EdgeNode | None = None

    async def start(self, port: int, entries: Iterable[Entry]) -> None:
        """Start the broker, then the node with ``entries``. Raises OSError when the port is taken."""
        self._broker = await start_broker(port)
        group, name, device = next(iter(self._path)).split("/")
        metrics = [
            EdgeMetric(metric, _TYPES[tag.type], None, alias, read_only=tag.write is None)
            for alias, (metric, tag) in enumerate(self._tags.items(), start=1)
        ]
        self._node = EdgeNode(group, name, device, metrics, self._command)
        self._remember(entries)
        await self._node.start(port)

    def _remember(self, entries: Iterable[Entry]) -> list[str]:
        assert self._node is not None  # made in start, before the first value
        names = []
        for entry in entries:
            self._gate.remember(entry)
            name, raw, fault, at = entry
            metric = self._node.metrics[self._metrics[name]]
            metric.value, metric.at = raw, at
            metric.quality = _BAD if fault == "bad" else None
            if fault == "text" or (fault == "nan" and self._tags[metric.name].type not in FLOATS):
                metric.value = None  # the protocol has a type for each metric: garbage can only be nothing
            elif fault == "nan":
                metric.value = float("nan")
            names.append(metric.name)
        return names

    async def show(self, entries: Iterable[Entry]) -> None:
        """Report what changed."""
        names = self._remember(entries)
        if names and self._node is not None:
            self._node.show(names)

    def _command(self, metric: str, value: Any) -> None:
        tag = self._tags[metric]
        if self._node is None or self._gate.write(tag.name, value) is not Verdict.TAKEN or self._gate.frozen(tag.name):
            return
        self._node.metrics[metric].value = value
        self._node.metrics[metric].at = None  # now
        self._node.show([metric])

    async def stop(self) -> None:
        """Take the node off the broker, then close it."""
        if self._node is not None:
            await self._node.client.close()
        if self._broker is not None:
            await self._broker.stop()
