"""The floor that MQTT and Sparkplug B share: one connection to one broker, as coroutines and errors of ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from core.clock import Clock
from core.drivers.broker_link import BrokerLink, Message, Parting
from core.drivers.broker_options import BrokerOptions
from core.errors import GenbaError, NotConfirmed, NotConnected, Refused

_ANSWER_S = 2.0
_QUIET_S = 0.8
"""Without anything from the broker for this long it is asked for a sign of life."""
_PULSE_S = 1.5
_TICK_S = 0.25
_PARTING_S = 0.8
_END_S = 2.0
_TOPICS_PER_REQUEST = 500
_PULSE_TOPIC = "genba/pulse"
"""Nobody subscribes to it: a broker must answer when it is told to forget it. Source: MQTT 3.1.1, MQTT-3.10.4-5."""
_REFUSED = 0x80
_NOBODY_LISTENS = 0x10


class Broker:
    """One connection to one broker; made fresh for each and thrown away after it. All methods belong to the loop that connects.

    Args:
        options: Where the broker is and how to talk to it.
        shown: Name of the source in messages to the operator.
        secret: Password of the login; None without one.
        clock: For durations.
        on_messages: Takes the messages of one burst, in order.
        parting: Last will, and the message of an orderly goodbye; None for none.
    """

    def __init__(
        self,
        options: BrokerOptions,
        shown: dict[str, str] | str,
        secret: str | None,
        clock: Clock,
        on_messages: Callable[[list[Message]], None],
        parting: Parting | None = None,
    ) -> None:
        self._options = options
        self._shown = shown
        self._secret = secret
        self._clock = clock
        self._on_messages = on_messages
        self._parting = parting
        self._link: BrokerLink | None = None
        self._up: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()
        self._gone = asyncio.Event()
        self._error: GenbaError | None = None
        self._answers: dict[tuple[str, int], asyncio.Future[list[int]]] = {}

    async def connect(self) -> None:
        """Connect and log in. Raises NotConnected, or Refused for login and certificate."""
        self._up = asyncio.get_running_loop().create_future()
        self._link = BrokerLink(self._options, self._shown, self._secret, self._clock, self, self._parting)
        self._link.start()
        await self._up

    @property
    def _open(self) -> Any:
        if self._error is not None:
            raise self._error
        client = self._link.client if self._link is not None else None
        if client is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        return client

    # -- topics --------------------------------------------------------------------------------------------------

    async def subscribe(self, topics: Sequence[str], qos: int = 0) -> dict[str, str]:
        """Subscribe to ``topics`` in few requests; the broker's word for each that it refused. Raises NotConnected."""
        refused: dict[str, str] = {}
        for start in range(0, len(topics), _TOPICS_PER_REQUEST):
            chunk = topics[start : start + _TOPICS_PER_REQUEST]
            wanted: list[Any] = [(topic, SubscribeOptions(qos) if self._options.version == 5 else qos) for topic in chunk]
            _, mid = self._open.subscribe(wanted)
            codes = await self._must_answer("subscribe", mid)
            # A broker that answers for fewer topics than it was asked for has granted nothing of the rest.
            codes += [_REFUSED] * (len(chunk) - len(codes))
            refused.update(
                (topic, f"subscription refused ({code:#x})") for topic, code in zip(chunk, codes, strict=False) if code >= _REFUSED
            )
        return refused

    def forget(self, topics: Sequence[str]) -> None:
        """Give up subscriptions, without waiting for the answer."""
        with contextlib.suppress(GenbaError):
            self._open.unsubscribe(list(topics))

    # -- publishing ----------------------------------------------------------------------------------------------

    def send(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send what may be lost, without waiting for anything."""
        with contextlib.suppress(GenbaError):
            self._open.publish(topic, payload, qos, retain)

    async def announce(self, topic: str, payload: bytes) -> None:
        """Say who we are, retained; returns when the broker has it. Raises NotConnected, Refused."""
        codes = await self._must_answer("publish", self._open.publish(topic, payload, 1, True).mid)
        if any(code >= _REFUSED for code in codes):
            raise Refused("driver.login_refused", source=self._shown, detail=f"{topic}: {codes[0]:#x}")

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool, tag: str, value: object) -> None:
        """Send one command now; returns when the broker has taken it. Never queued for later.

        Raises:
            NotConnected: No link; nothing was sent.
            Refused: The broker does not take it, or says that nobody listens.
            NotConfirmed: Sent, and nobody knows whether it arrived.
        """
        client = self._open
        properties: Any = None
        if self._options.version == 5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # the library's own omission
            properties.MessageExpiryInterval = int(_ANSWER_S)  # a broker that stands still must not deliver it late
        unknown = NotConfirmed("driver.write_unanswered", tag=tag, value=value)
        sent = client.publish(topic, payload, qos, retain, properties)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise unknown
        try:
            # What is sent without an acknowledgement is known to be taken when the broker answers what came after it.
            codes = await (self._answer("publish", sent.mid) if qos else self._pulse(_ANSWER_S))
        except (TimeoutError, NotConnected):
            raise unknown from None
        if any(code >= _REFUSED for code in codes):
            raise Refused("driver.write_refused", tag=tag, value=value, detail=f"{codes[0]:#x}")
        if qos and _NOBODY_LISTENS in codes:
            raise Refused("mqtt.nobody_listens", tag=tag, value=value)

    # -- the link ------------------------------------------------------------------------------------------------

    async def watch(self, tick: Callable[[], None]) -> None:
        """Return never: raises NotConnected when the connection ends or the broker falls silent; ``tick`` comes four times a second."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._lost.wait()
            if self._error is not None:
                raise self._error
            asked = self._clock.monotonic()
            if asked - self._heard_at > _QUIET_S:
                try:
                    await self._pulse(_PULSE_S)
                except TimeoutError:
                    # When this process was held up itself, something that waited in the socket came in meanwhile.
                    if self._heard_at < asked:
                        raise NotConnected("driver.no_answer", source=self._shown, detail="the broker stopped answering") from None
            tick()

    @property
    def _heard_at(self) -> float:
        return self._link.heard_at if self._link is not None else 0.0

    async def _pulse(self, seconds: float) -> list[int]:
        """A sign of life; raises TimeoutError."""
        _, mid = self._open.unsubscribe(_PULSE_TOPIC)
        return await self._answer("unsubscribe", mid, seconds)

    async def _must_answer(self, kind: str, mid: int | None) -> list[int]:
        try:
            return await self._answer(kind, mid)
        except TimeoutError:
            raise NotConnected("driver.no_answer", source=self._shown, detail=f"no answer to {kind}") from None

    async def _answer(self, kind: str, mid: int | None, seconds: float = _ANSWER_S) -> list[int]:
        """Reason codes of the acknowledgement; raises TimeoutError, NotConnected when the link breaks."""
        if mid is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._answers[kind, mid] = future
        try:
            async with asyncio.timeout(seconds):
                return await future
        finally:
            self._answers.pop((kind, mid), None)

    async def close(self) -> None:
        """Say goodbye where somebody listens, end the thread, close the socket; within about 3 s, idempotent."""
        link, self._link = self._link, None
        if link is None:
            return
        if self._parting is not None and self._error is None and link.client is not None:
            sent = link.client.publish(*self._parting, qos=1, retain=True)
            with contextlib.suppress(GenbaError, TimeoutError):
                await self._answer("publish", sent.mid, _PARTING_S)
        link.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._gone.wait()
                link.join(0.2)

    # -- what the link tells -------------------------------------------------------------------------------------

    def connected(self) -> None:
        """See ``broker_link.Hearer``."""
        if self._up is not None and not self._up.done():
            self._up.set_result(None)

    def answered(self, kind: str, mid: int, codes: list[int]) -> None:
        """See ``broker_link.Hearer``."""
        future = self._answers.get((kind, mid))
        if future is not None and not future.done():
            future.set_result(codes)

    def heard(self, burst: list[Message]) -> None:
        """See ``broker_link.Hearer``."""
        try:
            self._on_messages(burst)
        except Exception as error:  # noqa: BLE001 - raised here, the loop would log it and go on with values missing
            self._break(NotConnected("driver.link_broken", source=self._shown, detail=f"messages: {error!r}"))

    def ended(self, error: GenbaError) -> None:
        """See ``broker_link.Hearer``."""
        self._break(error)
        self._gone.set()

    def _break(self, error: GenbaError) -> None:
        if self._error is None:
            self._error = error
        if self._up is not None and not self._up.done():
            self._up.set_exception(error)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(error)
        self._lost.set()
