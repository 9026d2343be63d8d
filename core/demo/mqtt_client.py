"""A simulated machine's own connection to its broker: publishes on the loop's word, hears commands, leaves a last will."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from core.demo.processes import HOST

_CONNECT_S = 10.0

Heard = Callable[[str, bytes], None]
"""Takes topic and payload, on the loop."""


class MachineClient:
    """Belongs to the loop that connects it; comes back by itself when the broker does.

    Args:
        name: Client id.
        heard: Takes what comes to the subscribed topics.
        connected: Called on the loop after every connection, before anything else is published.
    """

    def __init__(self, name: str, heard: Heard, connected: Callable[[], None] = lambda: None) -> None:
        self._heard = heard
        self._connected = connected
        self._topics: list[tuple[str, int]] = []
        self._loop = asyncio.get_running_loop()
        self._up = asyncio.Event()
        self._fences: dict[str, asyncio.Future[None]] = {}
        self._name = name
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
        client.suppress_exceptions = True
        client.reconnect_delay_set(1, 2)
        client.on_connect = lambda c, u, flags, code, p: None if code.is_failure else self._subscribe()
        client.on_subscribe = lambda c, u, mid, codes, p: self._post(self._is_up)
        client.on_message = lambda c, u, message: self._post(self._hear, message.topic, message.payload)

    def _post(self, what: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(what, *arguments)

    def _subscribe(self) -> None:
        self._client.subscribe([*self._topics, (f"fence/{self._name}", 1)])

    def _is_up(self) -> None:
        self._up.set()
        self._connected()

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic == f"fence/{self._name}":
            fence = self._fences.pop(payload.decode(), None)
            if fence is not None and not fence.done():
                fence.set_result(None)
        else:
            self._heard(topic, payload)

    def will(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """What the broker says when this machine is lost; before each connection."""
        self._client.will_set(topic, payload, 1, retain)

    def before_connecting(self, renew: Callable[[], None]) -> None:
        """Call ``renew`` on the network thread before every connection, also those it makes by itself."""
        self._client.on_pre_connect = lambda c, u: renew()

    async def connect(self, port: int, topics: Sequence[tuple[str, int]]) -> None:
        """Connect to the broker on ``port`` of loopback and subscribe to ``topics`` (filter, QoS)."""
        self._topics = list(topics)
        await asyncio.to_thread(self._client.connect, HOST, port, 10)
        self._client.loop_start()
        async with asyncio.timeout(_CONNECT_S):
            await self._up.wait()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Send; forgotten when there is no connection."""
        if self._client.is_connected():
            self._client.publish(topic, payload, qos, retain)

    async def fence(self, seconds: float = 5.0) -> None:
        """Wait until the broker has delivered to us everything it had taken before."""
        mark = str(len(self._fences)) + str(id(object()))
        future = self._fences[mark] = self._loop.create_future()
        self._client.publish(f"fence/{self._name}", mark.encode(), 1)
        async with asyncio.timeout(seconds):
            await future

    def cut(self) -> None:
        """Lose the connection as a pulled cable does: the broker publishes the will; the client comes back by itself."""
        sock: Any = self._client.socket()
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Leave without a word: the broker publishes no will."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
