"""MQTT with plain payloads: a tag is a topic, or a place in the JSON of its messages. MQTT 3.1.1 and 5, with and without TLS.

What a broker can and cannot say decides the quality:

* A retained message is UNCERTAIN with the word ``retained``: nobody knows when it was sent. The first live one makes it good.
* A broker knows no addresses. A topic that stays silent is STALE with ``no message``, never CONFIG; CONFIG is for a subscription
  that the broker refuses and for a path that the very first message does not have.
* That the broker is there says nothing about the machine: a value ages by its own period, unless the tag names the topic of the
  machine's last will (``alive``). While that says that it is there, its values are confirmed; when not, they are STALE.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.clock import Clock
from core.drivers.base import Sink
from core.drivers.broker import Broker
from core.drivers.broker_echo import Echo, without
from core.drivers.broker_link import Message
from core.drivers.broker_options import read_options
from core.drivers.engineering import Undecodable, to_engineering, to_raw
from core.drivers.mqtt_browse import TOPICS_MAX, children
from core.drivers.mqtt_payload import Absent, Alive, Point, locate, parse, raw_value, source_time, written
from core.errors import Invalid, NotConnected, Refused
from core.live.link import BrowseItem
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec

_CONFIRM_S = 2.0
_LISTEN_S = 1.5
"""How long browsing listens: retained messages come at once, the others when their machine speaks."""
_TRIAL_S = 2.5
"""How long a tag that is not served is waited for when somebody tries it."""
NO_MESSAGE = "no message"
RETAINED = "retained"
LAST_WILL = "last will"


_Latest = tuple[Value, Quality, float | None, str]
"""Value, quality, source time, status: a plain tuple, because there is one for every message."""


@dataclass(slots=True)
class _Topic:
    """The tags in one topic; ``has_document`` when one of them needs its payload to be JSON."""

    points: list[Point] = field(default_factory=list)
    has_document: bool = False

    def add(self, point: Point) -> None:
        """One more tag."""
        self.points.append(point)
        self.has_document = self.has_document or point.has_document


@dataclass(slots=True)
class _Machine:
    """What one last-will topic says, and whom it concerns; ``there`` is None until it said anything."""

    alive: Alive
    points: list[Point] = field(default_factory=list)
    there: bool | None = None


class MqttDriver:
    """See ``base.Driver``.

    Args:
        source: ``url`` is ``mqtt://host[:1883]`` or ``mqtts://host[:8883]``; options see ``broker_options.read_options``.
        secret: Password of option ``user``.
        clock: Reception times and rhythms.
    """

    def __init__(self, source: SourceSpec, secret: str | None, clock: Clock) -> None:
        self._source = source
        self._shown = dict(source.label) if source.label else source.code
        self._secret = secret
        self._clock = clock
        self._qos = 0
        self._broker: Broker | None = None
        self._sink: Sink = lambda batch: None
        self._served: dict[str, Point] = {}
        self._topics: dict[str, _Topic] = {}
        self._machines: dict[Alive, _Machine] = {}
        self._watched: defaultdict[str, list[_Machine]] = defaultdict(list)
        self._latest: dict[str, _Latest] = {}
        self._live: set[str] = set()
        self._found: set[str] = set()
        self._silent: dict[str, float] = {}
        self._tried: list[str] = []
        self._heard_topics: dict[str, bytes] | None = None
        self._echo = Echo()
        self._news = asyncio.Event()
        self._confirmed = clock.monotonic()

    # -- connecting ----------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect and log in; what is behind the broker shows when it speaks."""
        options = read_options(self._source)
        self._qos = options.qos
        self._broker = Broker(options, self._shown, self._secret, self._clock, self._take)
        await self._broker.connect()

    @property
    def _link(self) -> Broker:
        if self._broker is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        return self._broker

    def _batch(self) -> Batch:
        return Batch(self._source.code, self._clock.now().timestamp())

    # -- serving -------------------------------------------------------------------------------------------------

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Subscribe to the topics of ``tags`` and hand on what comes until the link breaks."""
        self._sink = sink
        unknown = self._batch()
        for tag in tags:
            try:
                self._enter(locate(tag))
            except Undecodable as error:
                self._put(unknown, tag.name, None, Quality.CONFIG, status=str(error))
        refused = await self._link.subscribe([*{**self._topics, **self._watched}], self._qos)
        for topic, word in refused.items():
            for point in self._topics[topic].points if topic in self._topics else ():
                self._put(unknown, point.tag.name, None, Quality.CONFIG, status=word)
                self._silent.pop(point.tag.name, None)
        if unknown.tags:
            sink(unknown)
        sink(self._batch())  # the link is up, also while nobody speaks
        await self._link.watch(self._tick)

    def _enter(self, point: Point) -> None:
        self._served[point.tag.name] = point
        self._topics.setdefault(point.place.topic, _Topic()).add(point)
        self._silent[point.tag.name] = self._clock.monotonic() + point.tag.stale_after_s
        if point.alive is not None:
            machine = self._machines.get(point.alive)
            if machine is None:
                machine = self._machines[point.alive] = _Machine(point.alive)
                self._watched[point.alive.place.topic].append(machine)
            machine.points.append(point)

    def _put(self, batch: Batch, tag: str, value: Value, quality: Quality, at: float | None = None, status: str = "") -> None:
        batch.add(tag, value, quality, at, status)
        self._latest[tag] = (value, quality, at, status)

    def _take(self, burst: list[Message]) -> None:
        """One burst of messages; called on the loop. Whatever stands in them becomes a quality, never an exception."""
        batch = self._batch()
        for message in burst:
            if self._heard_topics is not None and len(self._heard_topics) < TOPICS_MAX:
                self._heard_topics[message.topic] = (message.payload or b"")[:65_536]
            for machine in self._watched.get(message.topic, ()):
                self._hear_of(machine, message, batch)
            topic = self._topics.get(message.topic)
            if topic is not None:
                self._decode(topic, message, batch)
        if batch.tags:
            self._news.set()
            served = without(batch, self._tried) if self._tried else batch
            if served.tags:  # an empty batch would confirm what nobody confirmed
                self._sink(served)

    def _decode(self, topic: _Topic, message: Message, batch: Batch) -> None:
        document: object = None
        broken = "message too large" if message.payload is None else ""
        payload = message.payload or b""
        if topic.has_document and not broken:
            try:
                document = parse(payload)
            except Undecodable as error:
                broken = str(error)
        usual = topic.has_document and not (broken or message.retained or self._silent or self._echo.waits)
        for point in topic.points:
            name = point.tag.name
            if usual and name in self._live and self._is_usual(point, document, batch):
                continue
            if message.retained and name in self._live:
                continue  # somebody subscribed anew; what came live is younger
            try:
                if broken and (point.place.search is not None or message.payload is None):
                    raise Undecodable(broken)
                value = to_engineering(point.tag, raw_value(point, payload, document))
            except Absent as error:
                if point.partial:
                    continue
                # Never seen at this place: the tag list is wrong, not the machine.
                self._put(batch, name, None, Quality.BAD if name in self._found else Quality.CONFIG, status=str(error))
            except Undecodable as error:
                self._put(batch, name, None, Quality.BAD, status=str(error))
            else:
                self._good(point, value, None if point.time is None else source_time(point, document), message.retained, batch)
                continue
            self._silent.pop(name, None)

    def _is_usual(self, point: Point, document: object, batch: Batch) -> bool:
        """Whether a tag that is live had a good value once more, which is in ``batch`` now: nearly always, and so it must cost little."""
        search = point.place.search
        if search is None or point.alive is not None:
            return False
        try:
            value = point.convert(search(document))
        except Exception:  # noqa: BLE001 - the long way says what it is
            return False
        self._put(batch, point.tag.name, value, Quality.GOOD, None if point.time is None else source_time(point, document))
        return True

    def _good(self, point: Point, value: Value, at: float | None, retained: bool, batch: Batch) -> None:
        name = point.tag.name
        self._found.add(name)
        if self._silent:
            self._silent.pop(name, None)
        if retained:
            self._put(batch, name, value, Quality.UNCERTAIN, at, RETAINED)
            return
        self._live.add(name)
        self._echo.heard(name, value)
        dead = point.alive is not None and self._machines[point.alive].there is False
        if dead:
            self._put(batch, name, value, Quality.UNCERTAIN, at, LAST_WILL)
        else:
            self._put(batch, name, value, Quality.GOOD, at)

    def _hear_of(self, machine: _Machine, message: Message, batch: Batch) -> None:
        try:
            there = machine.alive.place.text_in(message.payload or b"").strip().lower() == machine.alive.word.lower()
        except Undecodable:
            there = False  # whatever it says, it does not say that the machine is there
        machine.there = there
        if not there:
            for point in machine.points:
                self._live.discard(point.tag.name)
                self._silent.pop(point.tag.name, None)
                self._put(batch, point.tag.name, None, Quality.STALE, status=LAST_WILL)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        batch = self._batch()
        for name in [name for name, due in self._silent.items() if due <= now]:
            del self._silent[name]
            self._put(batch, name, None, Quality.STALE, status=NO_MESSAGE)
        if now - self._confirmed >= _CONFIRM_S:
            self._confirmed = now
            for machine in self._machines.values():
                if machine.there:
                    self._confirm(machine, batch)
        if batch.tags:
            self._sink(batch)

    def _confirm(self, machine: _Machine, batch: Batch) -> None:
        for point in machine.points:
            known = self._latest.get(point.tag.name)
            if known is not None and known[1].usable:
                batch.add(point.tag.name, *known)

    # -- requests ------------------------------------------------------------------------------------------------

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """The latest of each tag; after a write, what the machine says to it; of a tag that is not served, its next message."""
        await self._echo.settle(tag.name for tag in tags)
        new = [tag for tag in tags if tag.name not in self._served and tag.name not in self._latest]
        if new:
            await self._try(new)
        batch = self._batch()
        for tag in tags:
            batch.add(tag.name, *self._latest.get(tag.name, (None, Quality.STALE, None, NO_MESSAGE)))
        for tag in new:
            self._latest.pop(tag.name, None)
        return batch

    async def _try(self, tags: Sequence[TagSpec]) -> None:
        """Listen to tags that somebody only looks at; their samples go to whoever asked."""
        points = []
        batch = self._batch()
        for tag in tags:
            try:
                points.append(locate(tag))
            except Undecodable as error:
                self._put(batch, tag.name, None, Quality.CONFIG, status=str(error))
        for point in points:
            self._topics.setdefault(point.place.topic, _Topic()).add(point)
        self._tried += [point.tag.name for point in points]
        try:
            for topic, word in (await self._link.subscribe([point.place.topic for point in points], self._qos)).items():
                for point in self._topics[topic].points:
                    self._put(batch, point.tag.name, None, Quality.CONFIG, status=word)
            async with asyncio.timeout(_TRIAL_S):
                while any(point.tag.name not in self._latest for point in points):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        finally:
            for point in points:
                self._topics[point.place.topic].points.remove(point)
                self._tried.remove(point.tag.name)

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Publish the wish; the broker's acknowledgement is not the machine's: that is what ``read`` waits for."""
        try:
            point = locate(tag)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=tag.name, detail=str(error)) from None
        if not point.write_topic:
            raise Refused("driver.not_writable", tag=tag.name)
        payload = written(point, to_raw(tag, value), round(self._clock.now().timestamp() * 1000))
        link = self._link
        machine = None if point.alive is None else self._machines.get(point.alive)
        if machine is not None and machine.there is False:
            # The broker would take it, and a machine with a session hand it over whenever that comes back.
            raise NotConnected("driver.not_connected", source=self._shown, detail=LAST_WILL)
        self._echo.sent(tag.name, value)
        await link.publish(point.write_topic, payload, qos=point.write_qos, retain=point.write_retain, tag=tag.name, value=value)

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """What speaks below ``address`` while we listen: topics level by level, then the members of a JSON payload."""
        topic, mark, _ = (address or "").partition("#")
        if any(sign in topic for sign in "+\0"):
            raise Invalid("driver.bad_address", tag=address, detail="no name of one topic")
        if self._heard_topics is not None:
            raise Refused("mqtt.browsing_already", source=self._shown)
        self._heard_topics = {}
        filters = [topic] if mark else [f"{topic}/#" if topic else "#"]
        try:
            refused = await self._link.subscribe(filters)
            if not refused:
                await asyncio.sleep(_LISTEN_S)
            heard = self._heard_topics
        finally:
            self._heard_topics = None
            if self._broker is not None and filters[0] not in self._topics and filters[0] not in self._watched:
                self._broker.forget(filters)
        return children(address or "", heard)

    async def identity(self) -> str:
        """None: a broker does not say who the machines behind it are."""
        return ""

    def group(self, tag: str) -> str:
        """The topic that ``tag`` is in."""
        point = self._served.get(tag)
        return f"topic {point.place.topic}, QoS {self._qos}" if point is not None else ""

    async def close(self) -> None:
        """Say goodbye and let go."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.close()
