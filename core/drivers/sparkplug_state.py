"""What a Sparkplug B host application knows of edge nodes and their devices: births, aliases, sequence, deaths. Pure; time comes in.

Source: Eclipse Sparkplug 3.0.0, sections 4 (topics), 5 (operational behaviour) and 6.4 (payloads).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from core.drivers.engineering import Undecodable
from core.drivers.sparkplug_payload import Message, Metric

NAMESPACE: Final = "spBv1.0"
REBIRTH: Final = "Node Control/Rebirth"
_BD_SEQ: Final = "bdSeq"

_DEVICES_MAX: Final = 1_000


class NodeId(NamedTuple):
    """An edge node by group and name."""

    group: str
    name: str


class Heard(NamedTuple):
    """A topic taken apart: ``kind`` is NBIRTH, DDATA …; ``device`` is "" for the node itself."""

    kind: str
    node: NodeId
    device: str


class Known(NamedTuple):
    """What the birth said of a metric."""

    datatype: int
    alias: int | None
    read_only: bool


class Update(NamedTuple):
    """News of one metric."""

    device: str
    name: str
    known: Known
    metric: Metric


@dataclass(slots=True)
class Outcome:
    """What one message means.

    Attributes:
        updates: Metrics with news.
        born: Devices ("" for the node) whose list of metrics is new.
        died: Devices ("" for the node) that are gone; ``word`` says how.
        word: ``NDEATH`` or ``DDEATH``.
        rebirth: Why the node must be born again; "" when it need not.
    """

    updates: list[Update] = field(default_factory=list)
    born: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    word: str = ""
    rebirth: str = ""


@dataclass(slots=True)
class Device:
    """A device of an edge node, or under "" the node itself; ``born_at`` None while there is no birth that counts.

    ``latest`` is what was last reported, for somebody who wants to look at a metric that no tag names.
    """

    metrics: Mapping[str, Known] = field(default_factory=dict)
    latest: dict[str, Update] = field(default_factory=dict)
    born_at: float | None = None


@lru_cache(maxsize=4_096)
def split_topic(topic: str) -> Heard | None:
    """The parts of a Sparkplug topic; None for any other, STATE included."""
    parts = topic.split("/")
    if len(parts) not in (4, 5) or parts[0] != NAMESPACE or not all(parts):
        return None
    kind = parts[2]
    if kind not in ("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH") or (kind[0] == "D") != (len(parts) == 5):
        return None
    return Heard(kind, NodeId(parts[1], parts[3]), parts[4] if len(parts) == 5 else "")


class Place(NamedTuple):
    """Where a metric lives; ``device`` is "" for the node's own."""

    node: NodeId
    device: str
    metric: str


def place_of(address: str) -> Place:
    """``group/node[/device]#metric name`` taken apart. Raises Undecodable."""
    path, _, metric = address.partition("#")
    parts = path.split("/")
    if len(parts) not in (2, 3) or not all(parts) or any(sign in path for sign in "+\0") or not metric:
        raise Undecodable("no address of a metric")
    return Place(NodeId(parts[0], parts[1]), parts[2] if len(parts) == 3 else "", metric)


class Node:
    """One edge node as its messages describe it.

    ``doubtful`` after a gap in the sequence until the next birth: a change may have been missed, and aliases may have been given
    anew, so that only metrics that come with their names are believed.
    """

    def __init__(self, id: NodeId) -> None:
        self.id = id
        self.online = False
        self.doubtful = False
        self.devices: dict[str, Device] = {"": Device()}
        self._aliases: dict[int, tuple[str, str]] = {}
        self._bd_seq: int | None = None
        self._seq: int | None = None

    def take(self, heard: Heard, message: Message, now: float) -> Outcome:
        """Learn from one message that came at ``now`` (monotonic seconds)."""
        outcome = Outcome()
        match heard.kind:
            case "NBIRTH":
                self._node_birth(message, now, outcome)
            case "NDEATH":
                self._node_death(message, outcome)
            case kind if not self.online:
                outcome.rebirth = "" if kind == "DDEATH" else f"{kind} before NBIRTH"
            case kind:
                self._check_sequence(message, outcome)
                if kind == "DBIRTH":
                    self._born(heard.device, message, now, outcome)
                elif kind == "DDEATH":
                    self._dead(heard.device, outcome)
                else:
                    self._data(heard.device, message, outcome)
        return outcome

    @property
    def expected(self) -> int | None:
        """The number that the next message must have; None when this node does not count."""
        return None if self._seq is None else (self._seq + 1) % 256

    def understands(self, heard: Heard) -> bool:
        """Whether ``heard`` is data of something whose birth holds without doubt."""
        device = self.devices.get(heard.device)
        is_data = heard.kind in ("DDATA", "NDATA") and self.online and not self.doubtful
        return is_data and device is not None and device.born_at is not None

    def passed(self, number: int) -> None:
        """Data with this number, the expected one, was understood without ``take``."""
        self._seq = number

    def overhear(self, heard: Heard, message: Message, now: float) -> None:
        """Learn only what there is, from births and deaths, of a node whose values nobody asked for."""
        match heard.kind:
            case "NBIRTH":
                self._node_birth(message, now, Outcome())
            case "DBIRTH" if self.online:
                self._born(heard.device, message, now, Outcome())
            case "NDEATH":
                self._node_death(message, Outcome())

    def _node_birth(self, message: Message, now: float, outcome: Outcome) -> None:
        self.online, self.doubtful = True, False
        self._seq = message.seq
        self._bd_seq = message.number(_BD_SEQ)
        self._aliases.clear()
        for device in self.devices.values():
            device.born_at = None  # theirs follow; until then nothing of them can be understood
        self._born("", message, now, outcome)

    def _node_death(self, message: Message, outcome: Outcome) -> None:
        bd_seq = message.number(_BD_SEQ)
        if not self.online or (bd_seq is not None and self._bd_seq is not None and bd_seq != self._bd_seq):
            return  # the will of a session before this one, delivered late
        self.online = False
        self._seq = None
        outcome.word = "NDEATH"
        for name, device in self.devices.items():
            device.born_at = None
            outcome.died.append(name)

    def _check_sequence(self, message: Message, outcome: Outcome) -> None:
        expected = self.expected
        if message.seq != expected and not (self._seq is None and message.seq is None):
            self.doubtful = True
            outcome.rebirth = f"message {message.seq} came instead of {expected}"
        self._seq = message.seq

    def _born(self, name: str, message: Message, now: float, outcome: Outcome) -> None:
        if name not in self.devices and len(self.devices) >= _DEVICES_MAX:
            return
        device = self.devices.setdefault(name, Device())
        metrics: dict[str, Known] = {}
        for metric in message.metrics:
            if not metric.name or metric.datatype is None:
                continue
            known = metrics[metric.name] = Known(metric.datatype, metric.alias, metric.read_only)
            if metric.alias is not None:
                self._aliases[metric.alias] = (name, metric.name)
            if not metric.historical:
                outcome.updates.append(Update(name, metric.name, known, metric))
        device.metrics, device.born_at = metrics, now
        device.latest = {update.name: update for update in outcome.updates}
        outcome.born.append(name)

    def _dead(self, name: str, outcome: Outcome) -> None:
        device = self.devices.get(name)
        if device is not None:
            device.born_at = None
        outcome.word = "DDEATH"
        outcome.died.append(name)

    def _data(self, name: str, message: Message, outcome: Outcome) -> None:
        device = self.devices.get(name)
        if device is None or device.born_at is None:
            outcome.rebirth = "data before the birth of its device"
            return
        for metric in message.metrics:
            found = (name, metric.name)
            if not metric.name:
                if self.doubtful or metric.alias not in self._aliases:
                    outcome.rebirth = outcome.rebirth or "an alias that no birth gave"
                    continue
                found = self._aliases[metric.alias]
            known = device.metrics.get(found[1]) if found[0] == name else None
            if known is None:
                outcome.rebirth = outcome.rebirth or "a metric that is in no birth"
            elif not metric.historical:
                update = device.latest[found[1]] = Update(name, found[1], known, metric)
                outcome.updates.append(update)
