"""One paho client with a network thread of our own: everything it hears crosses to the loop in bursts, everything that ends it is told.

paho's own thread and reconnecting are not used. Its thread ends for good at the first exception of a callback or of the
decoder while the client still says that it is connected, and a reconnected client sends what was published while it was
away: an operator's command, minutes late. Here a client lives for one connection, and nothing waits for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from core.clock import Clock
from core.drivers.broker_options import BrokerOptions
from core.errors import GenbaError, NotConnected, Refused

KEEPALIVE_S = 10
MESSAGE_MAX = 4 * 2**20
"""Bytes of one payload that are looked at; larger ones are handed over as None."""
_PACKET_MAX = 16 * 2**20
"""Bytes of one packet that are waited for; a broker that announces more is cut off, whatever it means."""
_WAITING_MAX = 200_000
"""Messages that may wait for a loop that stands still; then the oldest go, because the latest value is the one that counts."""
_SLICE = 1_000
"""Messages handed over per turn of the loop, so that a burst does not hold it for long."""
_LOOK_S = 0.01
"""How often messages are looked for while they keep coming: waking the loop for each costs more than the message."""
_GATHER_S = 0.002
"""How long the thread lets packets come together when they follow each other more closely than that."""
_CHUNK = 2**16
_CONNECT_S = 3.0
_POLL_S = 1.0
_LOGIN = frozenset((0x86, 0x87, 0x8A, 0x8C))
"""Bad user name or password, not authorized, banned, bad authentication method."""


class Message(NamedTuple):
    """One message as it came; ``payload`` is None when it was larger than ``MESSAGE_MAX``."""

    topic: str
    payload: bytes | None
    retained: bool


class Parting(NamedTuple):
    """What is published retained with QoS 1 in our name when the connection ends: by the broker, or by us before we leave."""

    topic: str
    payload: bytes


class Hearer(Protocol):
    """Who a link belongs to. Everything is called on its loop."""

    def connected(self) -> None:
        """The broker accepted us."""
        ...

    def answered(self, kind: str, mid: int, codes: list[int]) -> None:
        """An acknowledgement: ``subscribe``, ``unsubscribe`` or ``publish``, its packet number, its reason codes."""
        ...

    def heard(self, burst: list[Message]) -> None:
        """Messages, in order."""
        ...

    def ended(self, error: GenbaError) -> None:
        """The connection is over and its socket closed; the last call."""
        ...


class _Client(paho.Client):
    """The library asks the system three times for each packet, which costs more than the packet; here it reads from a buffer.

    It also leaves the socket of a failed handshake open, and expects no other name in a certificate than the host's.
    """

    server_name = ""
    tls_context: ssl.SSLContext
    _chunk = b""
    _at = 0

    @property
    def unread(self) -> bool:
        """Whether bytes wait in the buffer, which no selector knows of."""
        return self._at < len(self._chunk)

    def _sock_recv(self, bufsize: int) -> bytes:
        at = self._at
        if at >= len(self._chunk):
            self._chunk, at = super()._sock_recv(_CHUNK), 0
        part = self._chunk[at : at + bufsize]
        self._at = at + len(part)
        return part

    def _ssl_wrap_socket(self, tcp_sock: Any) -> ssl.SSLSocket:
        wrapped = self.tls_context.wrap_socket(tcp_sock, server_hostname=self.server_name, do_handshake_on_connect=False)
        try:
            wrapped.settimeout(_CONNECT_S)
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped


class BrokerLink:
    """The client and its thread.

    Args:
        options: Where the broker is and how to talk to it.
        shown: Name of the source in messages to the operator.
        secret: Password of the login; None without one.
        clock: For durations.
        hearer: Is told everything, on the loop that calls ``start``.
        parting: Last will; None for none.
    """

    def __init__(
        self,
        options: BrokerOptions,
        shown: dict[str, str] | str,
        secret: str | None,
        clock: Clock,
        hearer: Hearer,
        parting: Parting | None,
    ) -> None:
        self._options = options
        self._shown = shown
        self._secret = secret
        self._clock = clock
        self._hearer = hearer
        self._parting = parting
        self._loop = asyncio.get_running_loop()
        self._client: Any = None
        self._reason: GenbaError | None = None  # what the broker said before it closed, told instead of the bare end
        self._inbox: deque[Message] = deque(maxlen=_WAITING_MAX)
        self._posted = False
        self._ending = False
        self._arrived = 0
        self._now = self.heard_at = clock.monotonic()
        """When a whole packet last came from the broker, monotonic seconds: bytes alone are no sign of life, they may be anything."""
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    # -- on the loop ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin connecting."""
        self._thread.start()

    @property
    def client(self) -> Any:
        """paho's client while it is connected; None otherwise."""
        client = self._client
        return client if client is not None and not self._ending and client.is_connected() else None

    def end(self) -> None:
        """Say goodbye and close; ``ended`` follows, at once unless a name server or a handshake holds the thread."""
        self._ending = True
        self._nudge()

    def join(self, seconds: float) -> None:
        """Wait for the thread; only after ``ended``, when it has nothing left to do."""
        self._thread.join(seconds)

    def _nudge(self, *_: Any) -> None:
        """Wake the thread from its wait; called by paho when something is to be sent, on any thread."""
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")

    def _drain(self) -> None:
        """Hand over what is there. While messages keep coming they are looked for every few milliseconds, not woken for one by one."""
        burst: list[Message] = []
        with contextlib.suppress(IndexError):
            while len(burst) < _SLICE:
                burst.append(self._inbox.popleft())
        if self._ending:
            return
        if not burst:
            self._posted = False
            if self._inbox:  # it came while the thread still believed that somebody looks
                self._posted = True
                self._loop.call_soon(self._drain)
            return
        if self._inbox:
            self._loop.call_soon(self._drain)
        else:
            self._loop.call_later(_LOOK_S, self._drain)
        self._hearer.heard(burst)

    def _post(self, what: Any, *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(what, *arguments)

    # -- on the thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        error: GenbaError = NotConnected("driver.link_broken", source=self._shown, detail="connection closed")
        client = None
        try:
            self._client = client = self._make()
            client.connect(self._options.host, self._options.port, KEEPALIVE_S, **self._connect_arguments())
            self._talk(client)
        except ssl.SSLCertVerificationError as refusal:
            error = Refused("mqtt.certificate", source=self._shown, detail=refusal.verify_message)
        except GenbaError as told:
            error = told
        except Exception as broken:  # noqa: BLE001 - the library's decoder lets struct.error, IndexError and more out
            error = NotConnected("driver.link_broken", source=self._shown, detail=f"{type(broken).__name__}: {broken}".rstrip(": "))
        finally:
            left = client.socket() if client is not None else None
            if left is not None:
                left.close()
            for end in (self._wake, self._woken):
                end.close()
            self._post(self._hearer.ended, self._reason or error)

    def _make(self) -> Any:
        options, five = self._options, self._options.version == 5
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=options.client_id or f"genba-{secrets.token_hex(6)}",
            clean_session=None if five else True,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_S
        if options.user:
            client.username_pw_set(options.user, self._secret)
        if options.tls:
            context = ssl.create_default_context(cafile=options.ca or None)  # checks certificate and host name
            if options.certificate:
                context.load_cert_chain(options.certificate, options.certificate_key or None)
            client.tls_context, client.server_name = context, options.server_name or options.host
            client.tls_set_context(context)
        if self._parting is not None:
            client.will_set(*self._parting, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = lambda c, u, mid, codes, p: self._on_answer("subscribe", mid, codes)
        client.on_unsubscribe = lambda c, u, mid, codes, p: self._on_answer("unsubscribe", mid, codes)
        client.on_publish = lambda c, u, mid, code, p: self._on_answer("publish", mid, [code])
        # With this set, publish() on the loop never writes to the socket itself: the thread alone does.
        client.on_socket_register_write = self._nudge
        return client

    def _connect_arguments(self) -> dict[str, Any]:
        if self._options.version != 5:
            return {}
        properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # the library's own omission
        properties.MaximumPacketSize = MESSAGE_MAX
        return {"clean_start": True, "properties": properties}

    def _talk(self, client: Any) -> None:
        """Read and write until the connection ends or we do; every way out but an exception is an orderly one."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            sock, watched, tidied, read_at = client.socket(), selectors.EVENT_READ, 0.0, 0.0
            selector.register(sock, watched)
            while client.socket() is sock and not self._ending:
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0)
                if wanted != watched:
                    selector.modify(sock, wanted)
                    watched = wanted
                readable = client.unread or (self._options.tls and sock.pending() > 0)
                for key, _ in selector.select(0 if readable else _POLL_S):
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                    readable = readable or key.fileobj is sock
                now = self._now = self._clock.monotonic()
                if readable:
                    if now - read_at < _GATHER_S:
                        time.sleep(_GATHER_S)
                    read_at = now
                    self._read(client)
                if client.want_write():
                    client.loop_write()
                if now - tidied >= _POLL_S:
                    tidied = now
                    client.loop_misc()
        if self._ending and client.socket() is not None:
            client.disconnect()
            client.loop_write()

    def _read(self, client: Any) -> None:
        """Every packet that is there, up to a limit: asking the selector before each one would cost more than the packet."""
        for _ in range(_SLICE):
            before = self._arrived
            client.loop_read()
            if self._arrived == before and (not client.unread or client.socket() is None):
                break
        # The only look at the library's inside: it believes any length and would collect up to 256 MB.
        if client._in_packet["remaining_length"] > _PACKET_MAX:
            raise NotConnected("driver.link_broken", source=self._shown, detail="the broker announced a packet without end")

    def _on_connect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if code.is_failure:
            kind, word = (Refused, "driver.login_refused") if code.value in _LOGIN else (NotConnected, "driver.link_broken")
            self._reason = kind(word, source=self._shown, detail=str(code))
        else:
            self._post(self._hearer.connected)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, code: Any, properties: Any) -> None:
        if self._reason is None and flags.is_disconnect_packet_from_server:
            self._reason = NotConnected("driver.link_broken", source=self._shown, detail=str(code))

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        self._arrived += 1
        self.heard_at = self._now
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        payload = message.payload
        self._inbox.append(Message(topic, payload if len(payload) <= MESSAGE_MAX else None, message.retain))
        if not self._posted:
            self._posted = True
            self._post(self._drain)

    def _on_answer(self, kind: str, mid: int, codes: Sequence[Any]) -> None:
        self.heard_at = self._now
        self._post(self._hearer.answered, kind, mid, [code.value for code in codes])
