"""What an OPC UA server sends by itself: one subscription per period, one batch per publish response, and a watch over both.

Several tags may stand in one node (members of a structure, elements of an array): it is monitored once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from asyncua.common.subscription import Subscription

from core.drivers.base import Sink
from core.drivers.engineering import Undecodable
from core.drivers.opcua_address import Path, place_of
from core.drivers.opcua_link import CHUNK, Link
from core.drivers.opcua_types import Types
from core.drivers.opcua_values import UNKNOWN_NODE, Reader, as_it_is, item_request, sample_parts, state_node, status_word, ua
from core.errors import NotConnected
from core.live.sample import Batch, Quality
from core.live.tags import TagSpec

FASTEST_S = 0.1
_TICK_S = 0.25
_QUIET_S = 0.8
"""Without any publish response for this long the server is asked for its state."""
_PULSE_S = 1.5
"""How long it may take to answer that: 0.8 + 0.25 + 1.5 s make a frozen server known after about 2.5 s."""
_CONFIRM_S = 1.0
_ASK_AGAIN_S = 10.0
"""How often nodes that did not exist are asked for again: a restarted PLC may load its program late."""
_LOOK_EVERY_S = 30.0
"""How often it is looked whether monitored nodes are still there: not every server tells when one is deleted."""
_LIFETIME_S = 60.0
_FEWEST_LIVES = 30


@dataclass(slots=True)
class Point:
    """One monitored node and the tags that stand in it, each with the way into the node's value; ``reader`` where one tag is all of it."""

    node: str
    tags: list[tuple[TagSpec, Path]] = field(default_factory=list)
    reader: Reader | None = None


class Feed(Subscription):
    """A subscription that hands each publish response over whole: one Python call per response, not one per value."""

    def __init__(self, feeds: Feeds, parameters: Any, points: Iterable[Point], *, session: Any) -> None:
        never_called: Any = feeds  # a handler that is not None keeps the library from filling a queue nobody reads
        super().__init__(session, parameters, handler=never_called)
        self._feeds = feeds
        self.points = dict(enumerate(points, start=1))
        for point in self.points.values():
            point.reader = Reader(point.tags[0][0]) if len(point.tags) == 1 and not point.tags[0][1] else None
        self.heard = feeds.now()
        self.silence_s = 0.0
        self.sequence = 0
        self.unknown: set[int] = set()
        self.items: dict[int, int] = {}
        """The server's number of each monitored item, by its handle."""

    async def forget(self, handles: Collection[int]) -> None:
        """Let go of the monitored items of ``handles``, as far as there are any."""
        parameters = ua.DeleteMonitoredItemsParameters()
        parameters.SubscriptionId = self.subscription_id
        parameters.MonitoredItemIds = [self.items.pop(handle) for handle in handles if handle in self.items]
        if parameters.MonitoredItemIds:
            await self.server.delete_monitored_items(parameters)  # a server that let go of them itself says so for each: all the same

    async def publish_callback(self, publish_result: Any) -> None:
        """Called by the library's publish loop, which would only log what is raised here."""
        self._feeds.take(self, publish_result)


class Feeds:
    """All subscriptions of one connection.

    Args:
        link: Open.
        types: Of the same connection.
        sink: Takes every batch.
    """

    def __init__(self, link: Link, types: Types, sink: Sink) -> None:
        self._link = link
        self._types = types
        self._sink = sink
        self._feeds: list[Feed] = []
        self._to_look_at: list[tuple[Feed, int]] = []

    def now(self) -> float:
        """Monotonic seconds of the station's clock."""
        return self._link.clock.monotonic()

    def batch(self) -> Batch:
        """An empty one, received now."""
        return Batch(self._link.source.code, self._link.clock.now().timestamp())

    @property
    def unknown(self) -> set[str]:
        """Names of the tags whose nodes the server does not know."""
        return {tag.name for feed in self._feeds for handle in feed.unknown for tag, _ in feed.points[handle].tags}

    def group(self, name: str) -> str:
        """The subscription of a tag, in words; "" for none."""
        for feed in self._feeds:
            for point in feed.points.values():
                if any(tag.name == name for tag, _ in point.tags):
                    shared = f", with {len(point.tags) - 1} more in the same node" if len(point.tags) > 1 else ""
                    return f"subscription every {feed.parameters.RequestedPublishingInterval / 1000:g} s{shared}"
        return ""

    # -- subscribing ---------------------------------------------------------------------------------------------

    async def subscribe(self, tags: Sequence[TagSpec]) -> None:
        """Subscribe to ``tags``, a subscription for each period; those whose nodes are unknown are delivered as CONFIG."""
        unknown = self.batch()
        by_period: defaultdict[float, dict[str, Point]] = defaultdict(dict)
        for tag in tags:
            try:
                place = place_of(tag)
                self._link.node(place.node)
            except Undecodable as error:
                if str(error) == "bad address":
                    unknown.add(tag.name, None, Quality.CONFIG, status=str(error))
                    continue
            points = by_period[max(tag.period_s, FASTEST_S)]
            points.setdefault(place.node, Point(place.node)).tags.append((tag, place.path))
        for period_s, points in sorted(by_period.items()):
            await self._open(period_s, points.values(), unknown)
        if unknown.tags:
            self._sink(unknown)

    async def _open(self, period_s: float, points: Iterable[Point], unknown: Batch) -> None:
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = period_s * 1000
        parameters.RequestedMaxKeepAliveCount = max(1, min(10, round(1.0 / period_s)))
        parameters.RequestedLifetimeCount = max(_FEWEST_LIVES, round(_LIFETIME_S / period_s))
        # A burst of thousands of values would hold the loop; the server sends the rest in the next response.
        parameters.MaxNotificationsPerPublish = CHUNK
        parameters.PublishingEnabled = True
        feed = Feed(self, parameters, points, session=self._link.client.uaclient.session)
        granted = await feed.init()
        feed.silence_s = 3 * max(granted.RevisedPublishingInterval / 1000 * granted.RevisedMaxKeepAliveCount, _CONFIRM_S)
        self._feeds.append(feed)
        await self._monitor(feed, feed.points.keys(), period_s, unknown)

    async def _monitor(self, feed: Feed, handles: Collection[int], period_s: float, unknown: Batch) -> None:
        requests = []
        await feed.forget(handles)
        for handle in handles:
            try:
                requests.append(item_request(handle, self._link.node(feed.points[handle].node), period_s))
            except Undecodable as error:
                _not_found(feed, handle, str(error), unknown)
        per_call = self._link.per_call
        for start in range(0, len(requests), per_call):
            chunk = requests[start : start + per_call]
            for request, result in zip(chunk, await feed.create_monitored_items(chunk), strict=True):
                handle = request.RequestedParameters.ClientHandle
                if isinstance(result, int):
                    feed.unknown.discard(handle)
                    feed.items[handle] = result
                else:
                    _not_found(feed, handle, status_word(result)[1], unknown)

    # -- taking --------------------------------------------------------------------------------------------------

    def take(self, feed: Feed, result: Any) -> None:
        """One publish response: values as one batch, or a keep-alive. Never raises."""
        try:
            feed.heard = self.now()
            message = result.NotificationMessage
            notifications = message.NotificationData or ()
            self._check_sequence(feed, message.SequenceNumber, bool(notifications))
            batch = self.batch()
            for notification in notifications:
                if isinstance(notification, ua.DataChangeNotification):
                    self._add_all(batch, feed, notification.MonitoredItems)
                elif isinstance(notification, ua.StatusChangeNotification):
                    self._link.break_("the server ended the subscription")
            if batch.tags:
                self._sink(batch)
        except Exception as error:  # noqa: BLE001 - raised here, the library would log it and go on with values missing
            self._link.break_(f"publish response: {error!r}")

    def _add_all(self, batch: Batch, feed: Feed, items: Sequence[Any]) -> None:
        points = feed.points
        times: dict[datetime, float] = {}
        for item in items:
            point = points[item.ClientHandle]
            if point.reader is None:
                self._add(batch, point, item.Value)
            else:
                value, quality, source_at, word = point.reader.read(item.Value, times)
                batch.add(point.reader.name, value, quality, source_at, word)
            if batch.statuses and batch.statuses.get(len(batch.tags) - 1) in UNKNOWN_NODE:  # it was there, and is asked for again
                feed.unknown.add(item.ClientHandle)
                batch.qualities[-len(point.tags) :] = [Quality.CONFIG] * len(point.tags)
            elif feed.unknown:
                feed.unknown.discard(item.ClientHandle)

    def _add(self, batch: Batch, point: Point, answer: Any) -> None:
        for tag, path in point.tags:
            member = partial(self._types.member, path=path) if path else as_it_is
            value, quality, source_at, word = sample_parts(tag, answer, member)
            batch.add(tag.name, value, quality, source_at, word)

    def _check_sequence(self, feed: Feed, number: int, has_data: bool) -> None:
        """A response the library could not decode is dropped by it without a word; the gap in the numbers tells."""
        expected = feed.sequence % 0xFFFFFFFF + 1
        if has_data:
            if feed.sequence and number != expected:
                self._link.break_(f"publish response {expected} was lost")
            feed.sequence = number
        elif feed.sequence and number not in (feed.sequence, expected, 0):
            self._link.break_(f"publish response {expected} was lost")

    # -- watching ------------------------------------------------------------------------------------------------

    async def watch(self, again: Any) -> None:
        """Return never: raises when the socket closes, the server falls silent or a subscription dies.

        Args:
            again: ``await again(tags)`` delivers these now: their structures are known since.
        """
        asked_again = confirmed = looked = self.now()
        async with self._link.client.uaclient.subscribe_state() as states:
            while True:
                with contextlib.suppress(TimeoutError):
                    await states.next_change(_TICK_S)  # ends early when the connection closes
                await self._check_link()
                await self._link.renew_when_due()
                if self._types.wanted and await self._types.learn():
                    await again([tag for feed in self._feeds for point in feed.points.values() for tag, path in point.tags if path])
                now = self.now()
                if now - confirmed >= _CONFIRM_S:
                    confirmed = now
                    self._sink(self.batch())
                if now - asked_again >= _ASK_AGAIN_S and any(feed.unknown for feed in self._feeds):
                    asked_again = now
                    await self._ask_again()
                if now - looked >= _LOOK_EVERY_S:
                    looked = now
                    self._to_look_at = [(feed, handle) for feed in self._feeds for handle in feed.items]
                await self._look_at_some()

    async def _check_link(self) -> None:
        if self._link.broken is not None:
            raise self._link.broken
        if not self._link.is_up:
            raise NotConnected("driver.link_broken", source=self._link.shown, detail="connection closed")
        if self.now() - max((feed.heard for feed in self._feeds), default=0.0) > _QUIET_S:
            await self._pulse()
        for feed in self._feeds:
            # Only silence that no pause of this process explains: the pulse was answered since.
            if self.now() - feed.heard > feed.silence_s + _PULSE_S:
                raise NotConnected("driver.link_broken", source=self._link.shown, detail="a subscription fell silent")

    async def _pulse(self) -> None:
        asked = self.now()
        try:
            async with asyncio.timeout(_PULSE_S), self._link.as_ours():
                await self._link.client.uaclient.read_attributes([state_node()], ua.AttributeIds.Value)
        except TimeoutError:
            # When this process was held up itself, responses that waited in the socket came in meanwhile.
            if all(feed.heard < asked for feed in self._feeds):
                raise NotConnected("driver.no_answer", source=self._link.shown, detail="the server stopped answering") from None

    async def _ask_again(self) -> None:
        self._link.namespaces = await self._link.client.get_namespace_array()
        for feed in self._feeds:
            await self._monitor(feed, list(feed.unknown), feed.parameters.RequestedPublishingInterval / 1000, Batch("", 0.0))

    async def _look_at_some(self) -> None:
        """One request of those that find nodes which are gone without a word."""
        some, self._to_look_at = self._to_look_at[: self._link.per_read], self._to_look_at[self._link.per_read :]
        if not some:
            return
        gone = self.batch()
        nodes = [self._link.node(feed.points[handle].node) for feed, handle in some]
        for (feed, handle), answer in zip(some, await self._link.attributes(nodes, ua.AttributeIds.NodeClass), strict=True):
            word = status_word(answer.StatusCode)[1]
            if word in UNKNOWN_NODE:
                _not_found(feed, handle, word, gone)
        if gone.tags:
            self._sink(gone)


def _not_found(feed: Feed, handle: int, word: str, unknown: Batch) -> None:
    if handle not in feed.unknown:
        feed.unknown.add(handle)
        for tag, _ in feed.points[handle].tags:
            unknown.add(tag.name, None, Quality.CONFIG, status=word)
