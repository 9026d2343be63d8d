"""Sparkplug B 3.0 as a host application: births, data and deaths of edge nodes, commands to them.

Values are reported by exception: while a node is alive by its birth and the broker's will, everything it reported is still so,
and an empty batch says that. What may have been missed is said as well: after a gap in a node's sequence all its values are
UNCERTAIN (``sequence gap``) until it is born again.

Exactly one host may speak under one ``host_id``. With ``readers: lease`` only the lease's holder connects, so the driver publishes
STATE and asks for births. With ``readers: all`` or ``stations`` several are connected and none of them may: they only listen, and
see the nodes that are born while they do. Sparkplug sources are meant to be read with ``lease``; the others get relayed values.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Sequence

from core.clock import Clock
from core.drivers import broker_echo
from core.drivers.base import Sink
from core.drivers.broker import Broker
from core.drivers.broker_link import Message as BrokerMessage
from core.drivers.broker_link import Parting
from core.drivers.broker_options import read_options
from core.drivers.engineering import Undecodable, to_engineering, to_raw
from core.drivers.sparkplug_asking import Asking, Hearsay
from core.drivers.sparkplug_browse import children
from core.drivers.sparkplug_express import Expresses
from core.drivers.sparkplug_payload import VALUE_TYPES, DataType, Message, command, decode, type_word, value_of
from core.drivers.sparkplug_state import NAMESPACE, REBIRTH, Heard, Node, NodeId, Outcome, Place, Update, place_of, split_topic
from core.errors import Invalid, NotConnected, Refused
from core.live.link import BrowseItem
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec

_CONFIRM_S = 1.0
_BIRTH_S = 5.0
"""How long a node, or a device after its node, may take to be born before its tags say so."""
_TRIAL_S = 2.5
_BROWSE_S = 1.0
_OTHERS_MAX = 1_000
_QUALITY = {0: (Quality.BAD, "bad at the source"), 500: (Quality.STALE, "stale at the source")}
GAP = "sequence gap"
NO_BIRTH = "no birth"


class SparkplugDriver:
    """See ``base.Driver``.

    Args:
        source: ``url`` as for MQTT. Options beside those of ``broker_options.read_options``: ``host_id`` (default ``genba``),
            ``groups`` (comma-separated; default all).
        secret: Password of option ``user``.
        clock: Reception times and rhythms.
        primary: Whether this connection publishes STATE and asks for births; None: when only one station reads the source.
    """

    def __init__(self, source: SourceSpec, secret: str | None, clock: Clock, primary: bool | None = None) -> None:
        self._source = source
        self._shown = dict(source.label) if source.label else source.code
        self._secret = secret
        self._clock = clock
        self._primary = source.readers == "lease" if primary is None else primary
        self._state_topic = f"{NAMESPACE}/STATE/{source.options.get('host_id', 'genba')}"
        self._connected_ms = 0
        self._announced = False
        self._hearsay = Hearsay()
        self._broker: Broker | None = None
        self._sink: Sink = lambda batch: None
        self._served: dict[str, Place] = {}
        self._tags: defaultdict[Place, list[TagSpec]] = defaultdict(list)
        self._nodes: dict[NodeId, Node] = {}
        self._others: dict[NodeId, Node] = {}
        self._asking: defaultdict[NodeId, Asking] = defaultdict(Asking)
        self._unborn: dict[tuple[NodeId, str], float | None] = {}  # when its tags say so; None when they have
        self._latest: dict[str, tuple[Value, Quality, float | None, str]] = {}
        self._express = Expresses(self._tags)
        self._tried: list[str] = []
        self._echo = broker_echo.Echo()
        self._news = asyncio.Event()
        self._confirmed = clock.monotonic()

    # -- connecting ----------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect; a primary host leaves its death with the broker first, with the time its birth will carry."""
        options = read_options(self._source)
        self._connected_ms = round(self._clock.now().timestamp() * 1000)
        parting = Parting(self._state_topic, self._state(online=False)) if self._primary else None
        self._broker = Broker(options, self._shown, self._secret, self._clock, self._take, parting)
        await self._broker.connect()

    def _state(self, *, online: bool) -> bytes:
        return json.dumps({"online": online, "timestamp": self._connected_ms}, separators=(",", ":")).encode()

    @property
    def _link(self) -> Broker:
        if self._broker is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        return self._broker

    def _batch(self) -> Batch:
        return Batch(self._source.code, self._clock.now().timestamp())

    # -- serving -------------------------------------------------------------------------------------------------

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Listen to births, data and deaths until the link breaks."""
        self._sink = sink
        unknown = self._batch()
        for tag in tags:
            try:
                self._enter(tag)
            except Undecodable as error:
                self._put(unknown, tag.name, None, Quality.CONFIG, status=str(error))
        groups = [group.strip() for group in self._source.options.get("groups", "").split(",") if group.strip()]
        filters = [f"{NAMESPACE}/{group}/#" for group in groups] + [self._state_topic] if groups else [f"{NAMESPACE}/#"]
        refused = await self._link.subscribe(filters, 1)
        if refused:
            raise Refused("driver.login_refused", source=self._shown, detail=", ".join(f"{topic}: {refused[topic]}" for topic in refused))
        if self._primary:
            await self._link.announce(self._state_topic, self._state(online=True))
            self._announced = True
        if unknown.tags:
            sink(unknown)
        sink(self._batch())
        self._ask_the_unborn()
        await self._link.watch(self._tick)

    def _enter(self, tag: TagSpec) -> None:
        place = self._served[tag.name] = place_of(tag.address)
        self._tags[place].append(tag)
        self._nodes.setdefault(place.node, Node(place.node))
        self._unborn[place.node, place.device] = self._clock.monotonic() + _BIRTH_S

    def _put(self, batch: Batch, tag: str, value: Value, quality: Quality, at: float | None = None, status: str = "") -> None:
        batch.add(tag, value, quality, at, status)
        self._latest[tag] = (value, quality, at, status)

    def _take(self, burst: list[BrokerMessage]) -> None:
        """One burst of messages; called on the loop. Whatever stands in them becomes a quality, never an exception."""
        batch = self._batch()
        for message in burst:
            heard = split_topic(message.topic)
            if heard is None:
                if message.topic == self._state_topic and self._announced:
                    self._hearsay.hear(message.payload or b"")
                    self._contradict()
            elif message.retained:
                continue  # births and data are never retained: who keeps them keeps them from another time
            elif heard.node in self._nodes:
                self._learn(self._nodes[heard.node], heard, message.payload, batch)
            else:
                self._overhear(heard, message.payload)
        if batch.tags:
            self._news.set()
            served = broker_echo.without(batch, self._tried) if self._tried else batch
            if served.tags:
                self._sink(served)

    def _settle(self, node: Node) -> None:
        """Enter what came the short way where the long way looks."""
        for tag, value, at in self._express.settle(node):
            self._latest[tag] = (value, Quality.GOOD, at, "")

    def _learn(self, node: Node, heard: Heard, payload: bytes | None, batch: Batch) -> None:
        if not self._tried and not self._echo.waits and self._express.take(node, heard, payload, batch):
            return
        self._settle(node)
        now = self._clock.monotonic()
        was_doubtful = node.doubtful
        try:
            outcome = node.take(heard, _decoded(payload), now)
        except Undecodable as error:
            # It counts in the sequence and said something; nobody knows what.
            node.doubtful = node.online
            outcome = Outcome(rebirth=str(error))
        if node.doubtful and not was_doubtful:
            self._doubt(node, batch)
        if outcome.born or outcome.died:
            self._express.forget(node)
        for device in outcome.born:
            self._born(node, device, batch, now)
        for update in outcome.updates:
            for tag in self._tags.get(Place(node.id, update.device, update.name), ()):
                self._sample(tag, update, node.doubtful, batch)
        for device in outcome.died:
            self._unborn.pop((node.id, device), None)
            self._mark(node.id, device, Quality.STALE, outcome.word, batch)
        if outcome.rebirth:
            self._ask(node.id)

    def _overhear(self, heard: Heard, payload: bytes | None) -> None:
        """Nodes that no tag names are known by their births, for browsing."""
        node = self._others.get(heard.node)
        if node is None:
            if len(self._others) >= _OTHERS_MAX:
                return
            node = self._others[heard.node] = Node(heard.node)
        if heard.kind in ("NBIRTH", "DBIRTH", "NDEATH"):
            with contextlib.suppress(Undecodable):
                node.overhear(heard, _decoded(payload), self._clock.monotonic())
                self._news.set()

    def _born(self, node: Node, device: str, batch: Batch, now: float) -> None:
        self._unborn.pop((node.id, device), None)
        if not device:
            self._asking[node.id].answered(now)
        known = node.devices[device].metrics
        for place, tags in self._tags.items():
            if place.node != node.id:
                continue
            if place.device == device and place.metric not in known:
                for tag in tags:
                    self._put(batch, tag.name, None, Quality.CONFIG, status="not in the birth")
            elif not device and place.device:
                self._unborn.setdefault((node.id, place.device), now + _BIRTH_S)  # its own birth follows

    def _sample(self, tag: TagSpec, update: Update, doubtful: bool, batch: Batch) -> None:
        metric, datatype = update.metric, update.known.datatype
        if datatype not in VALUE_TYPES:
            self._put(batch, tag.name, None, Quality.CONFIG, status=f"{type_word(datatype)} is no value of a tag")
            return
        quality, word = (Quality.UNCERTAIN, GAP) if doubtful else (Quality.GOOD, "")
        if metric.quality not in (None, 192):
            quality, word = _QUALITY.get(metric.quality or 0, (Quality.BAD, f"quality {metric.quality}"))
        try:
            value = to_engineering(tag, value_of(metric, datatype))
        except Undecodable as error:
            self._put(batch, tag.name, None, Quality.BAD, metric.at, str(error))
            return
        self._echo.heard(tag.name, value)
        self._put(batch, tag.name, value, quality, metric.at, word)

    def _mark(self, id: NodeId, device: str, quality: Quality, word: str, batch: Batch) -> None:
        for place, tags in self._tags.items():
            if place.node == id and place.device == device:
                for tag in tags:
                    self._put(batch, tag.name, None, quality, status=word)

    def _doubt(self, node: Node, batch: Batch) -> None:
        for place, tags in self._tags.items():
            for tag in tags if place.node == node.id else ():
                known = self._latest.get(tag.name)
                if known is not None and known[1] is Quality.GOOD:
                    self._put(batch, tag.name, known[0], Quality.UNCERTAIN, known[2], GAP)

    # -- speaking ------------------------------------------------------------------------------------------------

    def _ask(self, id: NodeId) -> None:
        """Ask a node for its birth, if that is ours to do and not too often."""
        if self._primary and self._broker is not None and self._asking[id].may(self._clock.monotonic()):
            at_ms = round(self._clock.now().timestamp() * 1000)
            self._broker.send(f"{NAMESPACE}/{id.group}/NCMD/{id.name}", command([(REBIRTH, None, DataType.Boolean, True)], at_ms))

    def _ask_the_unborn(self) -> None:
        for id in {id for id, _ in self._unborn} | {id for id, node in self._nodes.items() if node.doubtful}:
            self._ask(id)

    def _contradict(self) -> None:
        """Say that we are there, if somebody has said that we are not."""
        if self._announced and self._broker is not None and self._hearsay.may_contradict(self._clock.monotonic()):
            self._broker.send(self._state_topic, self._state(online=True), qos=1, retain=True)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        batch = self._batch()
        for (id, device), due in self._unborn.items():
            if due is not None and due <= now:
                self._unborn[id, device] = None
                self._mark(id, device, Quality.STALE, NO_BIRTH, batch)
        self._ask_the_unborn()
        self._contradict()
        if batch.tags:
            self._sink(batch)
        if now - self._confirmed >= _CONFIRM_S:
            self._confirmed = now
            self._sink(self._batch())

    # -- requests ------------------------------------------------------------------------------------------------

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """The latest of each tag; after a write, what the machine says to it; a tag that is not served is listened to for a while."""
        await self._echo.settle(tag.name for tag in tags)
        for node in self._nodes.values():
            self._settle(node)
        new = [tag for tag in tags if tag.name not in self._served and tag.name not in self._latest]
        if new:
            await self._try(new)
        batch = self._batch()
        for tag in tags:
            batch.add(tag.name, *self._latest.get(tag.name, (None, Quality.STALE, None, NO_BIRTH)))
        for tag in new:
            self._latest.pop(tag.name, None)
        return batch

    async def _try(self, tags: Sequence[TagSpec]) -> None:
        """Wait for tags that somebody only looks at: a birth tells them all."""
        places: dict[str, tuple[Place, TagSpec]] = {}
        batch = self._batch()
        for tag in tags:
            try:
                places[tag.name] = place_of(tag.address), tag
            except Undecodable as error:
                self._put(batch, tag.name, None, Quality.CONFIG, status=str(error))
        self._tried += places
        for place, tag in places.values():
            self._tags[place].append(tag)
            node = self._nodes.setdefault(place.node, Node(place.node))
            device = node.devices.get(place.device)
            if device is None or device.born_at is None:
                self._ask(place.node)
            elif place.metric in device.latest:
                self._sample(tag, device.latest[place.metric], node.doubtful, batch)
            else:
                self._put(batch, tag.name, None, Quality.CONFIG, status="not in the birth")
        try:
            async with asyncio.timeout(_TRIAL_S):
                while not places.keys() <= self._latest.keys():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        finally:
            for name, (place, tag) in places.items():
                self._tags[place].remove(tag)
                self._tried.remove(name)

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Send one NCMD or DCMD; returns when the broker has it: what the machine makes of it is what ``read`` waits for."""
        try:
            place = place_of(tag.address)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=tag.name, detail=str(error)) from None
        node = self._nodes.get(place.node)
        device = node.devices.get(place.device) if node is not None else None
        link = self._link
        if node is None or not node.online or device is None or device.born_at is None:
            raise NotConnected("sparkplug.not_born", tag=tag.name, node=f"{place.node.group}/{place.node.name}")
        known = device.metrics.get(place.metric)
        if known is None:
            raise Refused("driver.write_refused", tag=tag.name, value=value, detail="not in the birth")
        if known.read_only:
            raise Refused("driver.not_writable", tag=tag.name)
        at_ms = round(self._clock.now().timestamp() * 1000)
        try:
            name = place.metric if known.alias is None else ""  # with an alias in the birth the name must not be sent
            payload = command([(name, known.alias, known.datatype, to_raw(tag, value))], at_ms)
        except Undecodable as error:
            raise Invalid("driver.write_range", tag=tag.name, value=value, type=str(error)) from None
        kind, tail = ("DCMD", f"/{place.device}") if place.device else ("NCMD", "")
        topic = f"{NAMESPACE}/{place.node.group}/{kind}/{place.node.name}{tail}"
        self._echo.sent(tag.name, value)
        await link.publish(topic, payload, qos=0, retain=False, tag=tag.name, value=value)

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """Groups, nodes, devices and metrics by their births; at the root, nodes that were heard and not born are asked first."""
        if not address and self._link is not None:
            for id, node in self._others.items():
                if not node.online:
                    self._ask(id)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BROWSE_S):
                    while any(not node.online for node in self._others.values()):
                        self._news.clear()
                        await self._news.wait()
        for node in self._nodes.values():
            self._settle(node)
        return children(address or "", [*self._nodes.values(), *self._others.values()])

    async def identity(self) -> str:
        """None: a node is its group and name, and what stands behind them does not say who it is."""
        return ""

    def group(self, tag: str) -> str:
        """The edge node and device that report ``tag``."""
        place = self._served.get(tag)
        if place is None:
            return ""
        return f"edge node {place.node.group}/{place.node.name}" + (f", device {place.device}" if place.device else "")

    # -- ending --------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Publish our death as primary host, say goodbye and let go."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.close()


def _decoded(payload: bytes | None) -> Message:
    if payload is None:
        raise Undecodable("message too large")
    return decode(payload)
