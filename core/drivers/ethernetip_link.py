"""One EtherNet/IP connection over pycomm3, synchronous: sessions, identity and tag list are the library's, suspicion is ours.

The library hands whatever arrives next to whoever asked last, spins for ever on a connection closed in the middle of an
answer, and goes on after errors. Here every answer is matched with its question, and after any failure a link is of no use:
it is thrown away, and nothing that arrives late finds anybody to take it.
"""

from __future__ import annotations

import contextlib
import logging
import math
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

from pycomm3 import LogixDriver
from pycomm3.exceptions import CommError
from pycomm3.packets.ethernetip import SendUnitDataRequestPacket
from pycomm3.socket_ import Socket

from core.drivers.engineering import Undecodable
from core.drivers.ethernetip_plan import Answer, answers_of, edition_request, frame_answer, many

# The library logs a traceback for every unknown tag and every lost link; the driver turns them into quality.
logging.getLogger("pycomm3").setLevel(logging.CRITICAL + 1)

_HEADER = 24
_UNCONNECTED, _CONNECTED = 0x6F, 0x70
_GOODBYE_S = 0.5
_UPLOAD_S = 60.0
"""Longest upload of a tag list: a controller that never comes to its end must not be listened to for ever."""


class LinkLost(Exception):
    """The connection is of no use any more; its text says why."""


class _Socket(Socket):
    """The library's socket with one deadline for a whole answer, and an end when the other side has closed."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout_s = timeout_s

    def receive(self, timeout: float = 0) -> bytes:
        """Exactly one frame. Raises CommError."""
        end = time.monotonic() + self.timeout_s
        frame = b""
        wanted = _HEADER
        while len(frame) < wanted:
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise CommError("no answer")
            try:
                self.sock.settimeout(left_s)
                part = self.sock.recv(max(wanted - len(frame), 4096))
            except TimeoutError:
                raise CommError("no answer") from None
            except OSError as error:
                raise CommError(f"connection broken: {error}") from None
            if not part:
                raise CommError("connection closed")
            frame += part
            if len(frame) >= _HEADER:
                wanted = _HEADER + struct.unpack_from("<H", frame, 2)[0]
        if len(frame) > wanted:
            raise CommError("more than was asked for")
        return frame


class _Controller(LogixDriver):
    """The library's driver, made to compare every answer with its question."""

    def __init__(self, path: str, timeout_s: float, micro800: bool) -> None:
        super().__init__(path, init_tags=False, init_program_tags=False)
        self._micro800_wanted = micro800
        self._asked = b""
        self._contexts = 0
        self.until = math.inf
        """Monotonic time after which nothing more is asked."""
        self._sock: Any = _Socket(timeout_s)

    def _initialize_driver(self, init_tags: bool, init_program_tags: bool, tag_namespace_filter: str = "") -> None:
        """Who the controller is; the tag list is not needed for reading."""
        found = self._list_identity() or {}
        self._micro800 = self._micro800_wanted or str(found.get("product_name", "")).startswith("2080")
        if self._micro800:
            self._cfg["cip_path"] = []  # it has no backplane to route over
        self._info = self.get_plc_info()
        if not self._micro800:
            self.get_plc_name()

    def _send(self, message: bytes) -> None:
        if time.monotonic() > self.until:
            raise CommError("it took too long")
        self._contexts = (self._contexts + 1) % 2**64
        message = message[:12] + struct.pack("<Q", self._contexts) + message[20:]
        self._asked = message[:46]
        super()._send(message)

    def _receive(self) -> bytes:
        frame: bytes = super()._receive()
        asked = self._asked
        command = struct.unpack_from("<H", asked)[0]
        same = frame[:2] == asked[:2]
        status = struct.unpack_from("<I", frame, 8)[0]
        if same and status:
            raise CommError(f"encapsulation status {status:#x}")
        if command == _CONNECTED:
            # Of connected data only session and sequence number come back for certain.
            same = same and frame[4:8] == asked[4:8] and frame[44:46] == asked[44:46]
        elif command == _UNCONNECTED:
            same = same and frame[4:8] == asked[4:8] and frame[12:20] == asked[12:20]
        if not same:
            raise CommError("answer to another question")
        return frame

    def ask(self, message: bytes) -> Answer:
        """Send one prepared request over the connection. Raises CommError, Undecodable."""
        packet: Any = SendUnitDataRequestPacket(self._sequence)
        packet.add(message)
        built = packet.build_request(self._target_cid, self._session, self._cfg["context"], self._cfg["option"])
        self._send(built)
        return frame_answer(self._receive(), message[0])

    def connect_to_target(self) -> bool:
        """Open the CIP connection: 4,000 bytes, or 500 where the controller grants no more."""
        if self._forward_open():
            return True
        self._cfg["extended forward open"] = False
        self._cfg["connection_size"] = 500
        return bool(self._forward_open())

    def cut(self) -> None:
        """Close the socket from whatever thread; somebody who waits for an answer wakes up."""
        sock = self._sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                sock.sock.close()

    @property
    def waits_s(self) -> float:
        """Longest wait for an answer, seconds."""
        return float(self._sock.timeout_s)

    @waits_s.setter
    def waits_s(self, seconds: float) -> None:
        self._sock.timeout_s = seconds


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a controller says it is.

    Attributes:
        vendor, product, serial: Of the device; serial as hexadecimal digits.
        program: Name of the program it runs; "" when it has none.
    """

    vendor: str
    product: str
    serial: str
    program: str

    def __str__(self) -> str:
        return " / ".join(part for part in (self.vendor, self.product, self.serial, self.program) if part)


class LogixLink:
    """One connection; made for it and thrown away with it. All methods but ``cut`` belong to one thread.

    Args:
        path: ``host[:port][/slot]``, as the library takes it.
        timeout_s: For each answer.
        micro800: The controller is a Micro800 although it does not say so.

    Raises:
        LinkLost: The path cannot be one.
    """

    def __init__(self, path: str, timeout_s: float, micro800: bool = False) -> None:
        try:
            self._driver = _Controller(path, timeout_s, micro800)
        except Exception as error:  # noqa: BLE001 - a route the library cannot read
            raise LinkLost(_reason(error)) from None
        self._cut = False
        self._has_edition = True

    def open(self) -> Identity:
        """Connect; returns who is there. Raises LinkLost."""
        try:
            if not self._driver.open():
                raise LinkLost("the controller refused a session")
            if not self._driver.connect_to_target():
                raise LinkLost("the controller gives no connection")
            info = self._driver.info
            vendor, product, serial, program = (str(info.get(key) or "") for key in ("vendor", "product_name", "serial", "name"))
            return Identity(vendor, product, serial, program)
        except LinkLost:
            raise
        except Exception as error:  # noqa: BLE001 - ResponseError, struct.error, KeyError and more leak out of the library
            raise LinkLost(_reason(error)) from None
        finally:
            if self._cut:
                self._driver.cut()

    @property
    def connection_size(self) -> int:
        """Bytes one request and one answer may have."""
        return int(self._driver.connection_size)

    @property
    def single(self) -> bool:
        """True when the controller takes one read per request."""
        return bool(self._driver._micro800)

    def ask(self, message: bytes) -> Answer:
        """One request; any status is an answer. Raises LinkLost."""
        try:
            return self._driver.ask(message)
        except Exception as error:  # noqa: BLE001 - whatever it is, the stream is not to be trusted any more
            raise LinkLost(_reason(error)) from None

    def ask_many(self, requests: tuple[bytes, ...] | list[bytes]) -> list[Answer]:
        """Several requests in one packet, one answer each. Raises LinkLost."""
        answer = self.ask(many(requests))
        try:
            return answers_of(answer, requests)
        except Undecodable as error:
            raise LinkLost(str(error)) from None

    def begin_edition(self) -> bytes | None:
        """The counters that change with the program; None from a controller that does not have them. Raises LinkLost."""
        answer = self.ask(edition_request())
        self._has_edition = answer.status == 0 and bool(answer.body)
        return answer.body if self._has_edition else None

    def heartbeat(self) -> bytes | None:
        """The same again, b"" while a download is under way; asked in any case, to see whether anybody answers. Raises LinkLost."""
        answer = self.ask(edition_request())
        if not self._has_edition:
            return None
        return answer.body if answer.status == 0 else b""

    def tag_list(self) -> tuple[dict[str, Any], list[str]]:
        """Every tag with its type, in the library's form, and the programs' names. Raises LinkLost."""
        self._driver.until = time.monotonic() + _UPLOAD_S
        try:
            self._driver.get_tag_list(program=None if self.single else "*")
            return dict(self._driver.tags), sorted(self._driver.info.get("programs", {}))
        except Exception as error:  # noqa: BLE001 - see open
            raise LinkLost(_reason(error)) from None

    def goodbye(self) -> None:
        """Give the connection back to the controller, which has few. Never raises, and does not wait long."""
        with contextlib.suppress(Exception):
            self._driver.waits_s = _GOODBYE_S
            self._driver._forward_close()
            self._driver._un_register_session()

    def cut(self) -> None:
        """Close the socket, from whatever thread."""
        self._cut = True
        self._driver.cut()


def _reason(error: BaseException) -> str:
    """The first cause, in short: the library wraps what happened in sentences that say less."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{error}" if isinstance(error, CommError | Undecodable) else f"{type(error).__name__}: {error}"
