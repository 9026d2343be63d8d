"""OPC UA over asyncua: one client per connection, one subscription per period, one batch per publish response.

asyncua's own reconnecting is not used: after a frozen server it reports CONNECTED while its subscriptions deliver
nothing for ever. Its background watchdogs are not started either; the pulse below replaces them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.common.subscription import Subscription
from asyncua.common.ua_utils import data_type_to_variant_type
from asyncua.ua import uaerrors

from core.clock import Clock
from core.drivers.base import Sink
from core.drivers.engineering import Undecodable, to_raw
from core.drivers.opcua_browse import children
from core.drivers.opcua_values import LIMITS, item_request, items_per_request, node_id, sample_parts, status_word, ua, variant
from core.errors import GenbaError, Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import BrowseItem
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec

# The library logs a traceback a second while a server is away. The supervisor says it once.
logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)

_REQUEST_S = 3.0
_CHUNK = 500
"""Most items per request, fewer where the server says so; one answer of this size decodes in a few milliseconds."""
_FASTEST_S = 0.1
_SLOW_S = 0.5
_TICK_S = 0.25
_QUIET_S = 0.8
"""Without any publish response for this long the server is asked for its state."""
_PULSE_S = 1.5
"""How long it may take to answer that: 0.8 + 0.25 + 1.5 s make a frozen server known after about 2.5 s."""
_CONFIRM_S = 1.0
_ASK_AGAIN_S = 10.0
"""How often nodes that did not exist are asked for again: a restarted PLC may load its program late."""
_LOGIN = (
    uaerrors.BadUserAccessDenied,
    uaerrors.BadIdentityTokenInvalid,
    uaerrors.BadIdentityTokenRejected,
    uaerrors.BadUserSignatureInvalid,
)


class _Feed(Subscription):
    """A subscription that hands each publish response over whole: one Python call per response, not one per value."""

    def __init__(self, session: Any, parameters: Any, driver: OpcUaDriver, tags: Sequence[TagSpec]) -> None:
        never_called: Any = driver  # a handler that is not None keeps the library from filling a queue nobody reads
        super().__init__(session, parameters, handler=never_called)
        self.driver = driver
        self.tags = dict(enumerate(tags, start=1))
        self.heard = driver.now()
        self.silence_s = 0.0
        self.sequence = 0

    async def publish_callback(self, publish_result: Any) -> None:
        """Called by the library's publish loop, which would only log what is raised here."""
        self.driver.take(self, publish_result)


class OpcUaDriver:
    """See ``base.Driver``.

    Args:
        source: ``url`` is ``opc.tcp://host:port/path``. Option ``user``: login name; the password is ``secret``.
            Option ``security`` must be ``none`` or absent: an unknown security setting is refused, never ignored.
        secret: Password, or None for an anonymous session.
        clock: Reception times.
    """

    def __init__(self, source: SourceSpec, secret: str | None, clock: Clock) -> None:
        self._source = source
        self._shown = dict(source.label) if source.label else source.code
        self._secret = secret
        self._clock = clock
        self._client: Any = None
        self._namespaces: list[str] = []
        self._sink: Sink = lambda batch: None
        self._feeds: list[_Feed] = []
        self._unknown: dict[str, TagSpec] = {}
        self._variant_types: dict[str, Any] = {}
        self._broken: GenbaError | None = None
        self._per_read = self._per_call = _CHUNK

    def now(self) -> float:
        """Monotonic seconds of the injected clock."""
        return self._clock.monotonic()

    @property
    def _link(self) -> Any:
        """The client while there is one. Raises NotConnected."""
        if self._client is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        return self._client

    # -- connecting ----------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open channel and session, read the namespace array."""
        if self._source.options.get("security", "none").lower() != "none":
            raise Refused("driver.security_unknown", source=self._shown, detail=self._source.options["security"])
        parts = urlsplit(self._source.url)
        if parts.scheme != "opc.tcp" or not parts.hostname or not parts.port:
            raise Invalid("driver.bad_url", source=self._shown, detail=self._source.url)
        async with self._as_ours():
            client = self._client = Client(self._source.url, timeout=_REQUEST_S)
            client.name = client.description = "Genba"
            user = self._source.options.get("user")
            await client.connect_socket()
            await client.send_hello()
            await client.open_secure_channel()
            await client.create_session()
            await client.activate_session(username=user, password=self._secret if user else None)
            self._namespaces = await client.get_namespace_array()
            stated = await client.uaclient.read_attributes(LIMITS, ua.AttributeIds.Value)
            self._per_read, self._per_call = (items_per_request(answer, _CHUNK) for answer in stated)

    @asynccontextmanager
    async def _as_ours(self) -> AsyncIterator[None]:
        """The library's errors become ours; everything it can raise while talking means that the link is of no use."""
        try:
            yield
        except GenbaError:
            raise
        except asyncio.CancelledError:
            # The library raises a subclass when an answer and the cancellation meet; asyncio.timeout knows only the plain one.
            raise asyncio.CancelledError from None
        except _LOGIN as error:
            raise Refused("driver.login_refused", source=self._shown, detail=type(error).__name__) from None
        except TimeoutError:
            raise NotConnected("driver.no_answer", source=self._shown, detail="no answer from the server") from None
        except Exception as error:  # noqa: BLE001 - struct.error, TypeError and more leak out of the library's decoder
            known = isinstance(error, uaerrors.UaStatusCodeError)  # its name says it all
            detail = type(error).__name__ if known else f"{type(error).__name__}: {error}".rstrip(": ")
            raise NotConnected("driver.link_broken", source=self._shown, detail=detail) from None

    @asynccontextmanager
    async def _broken_by_errors(self) -> AsyncIterator[None]:
        """After any failure inside, ``close`` does not wait for a goodbye."""
        try:
            yield
        except Exception as error:
            self._break(repr(error))
            raise

    # -- serving -------------------------------------------------------------------------------------------------

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Subscribe to ``tags`` and watch the link until it breaks."""
        self._sink = sink
        async with self._as_ours(), self._broken_by_errors():
            unknown = Batch(self._source.code, self._clock.now().timestamp())
            by_period: defaultdict[float, list[TagSpec]] = defaultdict(list)
            for tag in tags:
                by_period[max(tag.period_s, _FASTEST_S)].append(tag)
            for period_s, group in sorted(by_period.items()):
                await self._subscribe(period_s, group, unknown)
            if unknown.tags:
                sink(unknown)
            # A slow subscription sends its first values after one of its intervals; the screen wants them now.
            slow = [tag for tag in tags if tag.period_s > _SLOW_S and tag.name not in self._unknown]
            if slow:
                sink(await self.read(slow))
            await self._watch()

    async def _subscribe(self, period_s: float, tags: Sequence[TagSpec], unknown: Batch) -> None:
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = period_s * 1000
        parameters.RequestedMaxKeepAliveCount = max(1, min(10, round(1.0 / period_s)))
        parameters.RequestedLifetimeCount = 300
        # A burst of thousands of values would hold the loop; the server sends the rest in the next response.
        parameters.MaxNotificationsPerPublish = _CHUNK
        parameters.PublishingEnabled = True
        feed = _Feed(self._link.uaclient.session, parameters, self, tags)
        granted = await feed.init()
        feed.silence_s = 3 * max(granted.RevisedPublishingInterval / 1000 * granted.RevisedMaxKeepAliveCount, _CONFIRM_S)
        self._feeds.append(feed)
        await self._monitor(feed, feed.tags.keys(), period_s, unknown)

    async def _monitor(self, feed: _Feed, handles: Iterable[int], period_s: float, unknown: Batch) -> None:
        requests = []
        for handle in handles:
            tag = feed.tags[handle]
            try:
                node = node_id(tag.address, self._namespaces)
            except Undecodable as error:
                self._not_found(tag, str(error), unknown)
                continue
            requests.append(item_request(handle, node, period_s))
        for start in range(0, len(requests), self._per_call):
            chunk = requests[start : start + self._per_call]
            for request, result in zip(chunk, await feed.create_monitored_items(chunk), strict=True):
                tag = feed.tags[request.RequestedParameters.ClientHandle]
                if isinstance(result, ua.StatusCode):
                    self._not_found(tag, status_word(result)[1], unknown)
                else:
                    self._unknown.pop(tag.name, None)

    def _not_found(self, tag: TagSpec, word: str, unknown: Batch) -> None:
        if tag.name not in self._unknown:
            self._unknown[tag.name] = tag
            unknown.add(tag.name, None, Quality.CONFIG, status=word)

    def take(self, feed: _Feed, result: Any) -> None:
        """One publish response: values as one batch, or a keep-alive. Never raises."""
        try:
            feed.heard = self.now()
            message = result.NotificationMessage
            notifications = message.NotificationData or ()
            self._check_sequence(feed, message.SequenceNumber, bool(notifications))
            batch = Batch(self._source.code, self._clock.now().timestamp())
            for notification in notifications:
                if isinstance(notification, ua.DataChangeNotification):
                    for item in notification.MonitoredItems:
                        tag = feed.tags[item.ClientHandle]
                        value, quality, source_at, word = sample_parts(tag, item.Value)
                        batch.add(tag.name, value, quality, source_at, word)
                elif isinstance(notification, ua.StatusChangeNotification):
                    self._break("the server ended the subscription")
            if batch.tags:
                self._sink(batch)
        except Exception as error:  # noqa: BLE001 - raised here, the library would log it and go on with values missing
            self._break(f"publish response: {error!r}")

    def _check_sequence(self, feed: _Feed, number: int, has_data: bool) -> None:
        """A response the library could not decode is dropped by it without a word; the gap in the numbers tells."""
        expected = feed.sequence % 0xFFFFFFFF + 1
        if has_data:
            if feed.sequence and number != expected:
                self._break(f"publish response {expected} was lost")
            feed.sequence = number
        elif feed.sequence and number not in (feed.sequence, expected, 0):
            self._break(f"publish response {expected} was lost")

    def _break(self, detail: str) -> None:
        if self._broken is None:
            self._broken = NotConnected("driver.link_broken", source=self._shown, detail=detail)

    async def _watch(self) -> None:
        """Return never: raises when the socket closes, the server falls silent or a subscription dies."""
        asked_again = confirmed = self.now()
        async with self._link.uaclient.subscribe_state() as states:
            while True:
                with contextlib.suppress(TimeoutError):
                    await states.next_change(_TICK_S)  # ends early when the connection closes
                await self._check_link()
                now = self.now()
                if now - confirmed >= _CONFIRM_S:
                    confirmed = now
                    self._sink(Batch(self._source.code, self._clock.now().timestamp()))
                if self._unknown and now - asked_again >= _ASK_AGAIN_S:
                    asked_again = now
                    await self._ask_again()

    async def _check_link(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self._link.uaclient.state is not UaClientState.CONNECTED:
            raise NotConnected("driver.link_broken", source=self._shown, detail="connection closed")
        if self.now() - max((feed.heard for feed in self._feeds), default=0.0) > _QUIET_S:
            await self._pulse()
        for feed in self._feeds:
            # Only silence that no pause of this process explains: the pulse was answered since.
            if self.now() - feed.heard > feed.silence_s + _PULSE_S:
                raise NotConnected("driver.link_broken", source=self._shown, detail="a subscription fell silent")

    async def _pulse(self) -> None:
        asked = self.now()
        try:
            async with asyncio.timeout(_PULSE_S), self._as_ours():
                await self._link.uaclient.read_attributes([ua.NodeId(ua.ObjectIds.Server_ServerStatus_State)], ua.AttributeIds.Value)
        except TimeoutError:
            # When this process was held up itself, responses that waited in the socket came in meanwhile.
            if all(feed.heard < asked for feed in self._feeds):
                raise NotConnected("driver.no_answer", source=self._shown, detail="the server stopped answering") from None

    async def _ask_again(self) -> None:
        self._namespaces = await self._link.get_namespace_array()
        for feed in self._feeds:
            handles = [handle for handle, tag in feed.tags.items() if tag.name in self._unknown]
            unchanged = Batch(self._source.code, 0.0)
            await self._monitor(feed, handles, feed.parameters.RequestedPublishingInterval / 1000, unchanged)

    # -- requests ------------------------------------------------------------------------------------------------

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read the values with their status and times."""
        batch = Batch(self._source.code, self._clock.now().timestamp())
        known: list[tuple[TagSpec, Any]] = []
        for tag in tags:
            try:
                known.append((tag, node_id(tag.address, self._namespaces)))
            except Undecodable as error:
                batch.add(tag.name, None, Quality.CONFIG, status=str(error))
        for start in range(0, len(known), self._per_read):
            chunk = known[start : start + self._per_read]
            async with self._as_ours():
                answers = await self._link.uaclient.read_attributes([node for _, node in chunk], ua.AttributeIds.Value)
                if len(answers) != len(chunk):
                    raise NotConnected("driver.link_broken", source=self._shown, detail="wrong number of answers")
            for (tag, _), answer in zip(chunk, answers, strict=True):
                value, quality, source_at, word = sample_parts(tag, answer)
                if word in ("BadNodeIdUnknown", "BadNodeIdInvalid"):
                    quality = Quality.CONFIG
                batch.add(tag.name, value, quality, source_at, word)
        batch.received_at = self._clock.now().timestamp()
        return batch

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Write in exactly the type the node has, without a client's time (some servers refuse one)."""
        raw = to_raw(tag, value)
        try:
            node = node_id(tag.address, self._namespaces)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=tag.name, detail=str(error)) from None
        variant_type = await self._variant_type(tag, node)
        try:
            data = ua.DataValue(variant(raw, variant_type), StatusCode=None)
        except Exception:  # noqa: BLE001 - the library's encoder raises many kinds
            raise Invalid("driver.write_type", tag=tag.name, value=value, type=variant_type.name) from None
        client = self._link
        try:
            (result,) = await client.uaclient.write_attributes([node], [data])
        except asyncio.CancelledError:
            raise asyncio.CancelledError from None  # see _as_ours
        except Exception as error:  # noqa: BLE001 - whatever it is, only a clear answer may be called a refusal
            if isinstance(error, uaerrors.UaStatusCodeError) and client.uaclient.state is UaClientState.CONNECTED:
                raise Refused("driver.write_refused", tag=tag.name, value=value, detail=type(error).__name__) from None
            # Sent, and then the link broke or fell silent: the machine may have taken it.
            raise NotConfirmed("driver.write_unanswered", tag=tag.name, value=value) from None
        if status_word(result)[0] is not Quality.GOOD:
            raise Refused("driver.write_refused", tag=tag.name, value=value, detail=status_word(result)[1])

    async def _variant_type(self, tag: TagSpec, node: Any) -> Any:
        known = self._variant_types.get(tag.address)
        if known is not None:
            return known
        async with self._as_ours():
            (answer,) = await self._link.uaclient.read_attributes([node], ua.AttributeIds.DataType)
            quality, word = status_word(answer.StatusCode)
            if quality is not Quality.GOOD:
                raise Refused("driver.write_refused", tag=tag.name, value="", detail=word)
            found = await data_type_to_variant_type(self._link.get_node(answer.Value.Value))
            if found is ua.VariantType.Variant:
                # An abstract type (Number, Integer): the value that stands there says which one is meant.
                (current,) = await self._link.uaclient.read_attributes([node], ua.AttributeIds.Value)
                found = current.Value.VariantType
        self._variant_types[tag.address] = found
        return found

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """Children of a node, of the Objects folder for None."""
        try:
            start = node_id(address, self._namespaces) if address else ua.NodeId(ua.ObjectIds.ObjectsFolder)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=address, detail=str(error)) from None
        async with self._as_ours():
            return await children(self._link, start, self._namespaces)

    async def identity(self) -> str:
        """URI of the server."""
        async with self._as_ours():
            (answer,) = await self._link.uaclient.read_attributes([ua.NodeId(ua.ObjectIds.Server_ServerArray)], ua.AttributeIds.Value)
        uris = answer.Value.Value if answer.Value is not None else None
        return str(uris[0]) if isinstance(uris, list) and uris else ""

    def group(self, tag: str) -> str:
        """The subscription that ``tag`` belongs to."""
        for feed in self._feeds:
            if any(each.name == tag for each in feed.tags.values()):
                return f"subscription every {feed.parameters.RequestedPublishingInterval / 1000:g} s"
        return ""

    # -- ending --------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Say goodbye where somebody listens, then cut."""
        client, self._client = self._client, None
        if client is None:
            return
        session = client.uaclient.session
        publish = client.uaclient._publish_task  # after a lost connection the library leaves it running for a second
        protocol = client.uaclient.protocol
        try:
            if client.uaclient.state is UaClientState.CONNECTED and self._broken is None:
                with contextlib.suppress(Exception):
                    async with asyncio.timeout(1.0), self._as_ours():
                        await session.close_session(True)
                        await client.close_secure_channel()
        finally:
            if publish is not None:
                publish.cancel()
                await asyncio.wait([publish], timeout=0.5)
            if protocol is not None and protocol.transport is not None:
                protocol.transport.abort()
            client.disconnect_socket()
            # The transport reports its end in the next turn of the loop; until then the socket counts as open.
            await asyncio.sleep(0)
