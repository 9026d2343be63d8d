"""One Modbus line: the connection that carries one question at a time, shared by all sources that name the same one.

A gateway or a serial port is one queue however many sources stand behind it: two connections to a gateway with one
wire behind it only make both wait, and a serial port cannot be opened twice. A line is made for one connection and
thrown away with it; what its devices still owed is remembered for the next one.

Frames of RTU carry no number: what comes too late looks like the answer to the next question. So after a silence the
line must be quiet before anything is asked, and a device that owes an answer is first asked something that the owed
one cannot be taken for (see ``owed_by``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.framer import FramerType

from core.drivers.modbus_answers import ANSWERS
from core.drivers.modbus_rtu import RtuFrames
from core.drivers.modbus_url import Endpoint, Way

# The library logs every lost request with a dump of frames; the driver turns them into quality and the supervisor logs.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

_FRAME_CHARACTERS = 256 + 8
"""Longest answer and the question before it, for the time both take on a serial line."""
_QUIET_S = 0.02
"""While an answer is owed, a line counts as quiet after this long without a byte."""
_LATE_S = 0.25
"""How long the device that owes an answer is left in peace: most late answers come within this time."""
_NOISY_S = 2.0
_FORGET_S = 30.0
"""How long an answer that never came may still be on its way; a gateway that holds it longer has a fault of its own."""
_NEVER = 1 << 30
_DEAD_S = 1.0
"""A line that has answered nobody for three questions and this long is dead, however many sources still hold it: each of them
asks something at least once a second."""

Shape = tuple[int, int]
"""What an answer to a read looks like: function code and bytes of data."""


class LinkLost(Exception):
    """The connection is gone, or the line is of no use; nothing more can be asked on it."""


class NoReply(Exception):
    """No answer in time; the connection may be fine and the unit dead."""


class WrongReply(Exception):
    """An answer that does not belong to the question; its text says how."""


class DeviceSaysNo(Exception):
    """An exception answer of the device.

    Attributes:
        code: The exception code of the protocol.
        word: The standard's word for it.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        self.word = EXCEPTION_WORDS.get(code, f"Exception{code}")
        super().__init__(self.word)


EXCEPTION_WORDS = {
    1: "IllegalFunction",
    2: "IllegalDataAddress",
    3: "IllegalDataValue",
    4: "DeviceFailure",
    5: "Acknowledge",
    6: "DeviceBusy",
    8: "MemoryParityError",
    10: "GatewayPathUnavailable",
    11: "GatewayTargetFailed",
}
"""Source: MODBUS Application Protocol Specification V1.1b3, section 7."""


class Line:
    """See the module. All methods belong to the loop it was made on.

    Attributes:
        turn: Held by whoever asks; fair, so an operator's write waits for the question on the line and goes before the
            next poll.
        closed: Set when the connection closes.
        users: How many links use it.
        without_mask_write: Units that answered that they lack function 22.
        probe_at: When a silent unit may be asked again, monotonic seconds: each such question costs everybody a time-out.
    """

    def __init__(self, endpoint: Endpoint, before: Line | None = None) -> None:
        self.endpoint = endpoint
        self.turn = asyncio.Lock()
        self.closed = asyncio.Event()
        self.users = 0
        self.without_mask_write: set[int] = set()
        self.probe_at = 0.0
        self._loop = asyncio.get_running_loop()
        self._client: Any = None
        self._asking = False
        self._heard_at = 0.0
        self._last_byte_at = 0.0
        self._late: dict[int, float] = {}
        # A gateway may hand the answer to a question of the connection before to this one.
        self._owed: dict[int, dict[Shape, float]] = before._owed if before is not None else {}

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return self._client is not None and self._client.connected and not self.closed.is_set()

    @property
    def silent_s(self) -> float:
        """Seconds since anybody answered a question on this line, or since it was opened."""
        return self._loop.time() - self._heard_at

    # -- opening and closing -------------------------------------------------------------------------------------

    async def open(self, timeout_s: float) -> None:
        """Connect, unless another source has. Raises LinkLost with the reason."""
        async with self.turn:
            if self.is_open:
                return
            if self.closed.is_set():
                raise LinkLost("connection closed")
            self._client = self._new_client(timeout_s)
            self._guard_decoder()
            for answer in ANSWERS:
                self._client.register(answer)
            if self.endpoint.is_rtu:
                self._client.ctx.framer = RtuFrames(self._client.ctx.framer.decoder)
            # Who asks when, and when the line is given up, is decided here and in the driver, never by the library.
            self._client.set_max_no_responses(_NEVER)
            try:
                connected = await self._client.connect()
            except ValueError as error:  # pyserial's word for settings a port cannot have
                raise LinkLost(f"{self.endpoint}: {error}") from None
            if not connected:
                raise LinkLost(f"no connection to {self.endpoint}")
            if self.endpoint.way is Way.SERIAL:
                await asyncio.sleep(0)  # the library starts to listen in the next turn of the loop
                await asyncio.sleep(0)
            self._heard_at = self._last_byte_at = self._loop.time()

    def _new_client(self, timeout_s: float) -> Any:
        # reconnect_delay=0: the supervisor makes a fresh line instead, so that two places never reconnect at once.
        common: dict[str, Any] = {"timeout": timeout_s, "retries": 0, "reconnect_delay": 0, "trace_connect": self._on_connect}
        common |= {"trace_packet": self._on_bytes, "trace_pdu": self._on_frame}
        place = self.endpoint
        if place.way is Way.SERIAL:
            common |= {"baudrate": place.baud, "parity": place.parity, "stopbits": place.stop_bits}
            return AsyncModbusSerialClient(place.place, **common)
        framer = FramerType.RTU if place.is_rtu else FramerType.SOCKET
        return AsyncModbusTcpClient(place.place, port=place.port, framer=framer, **common)

    def _guard_decoder(self) -> None:
        """An answer the library cannot decode raises inside its protocol; close the connection instead."""
        context = self._client.ctx
        original = context.callback_data

        def guarded(data: bytes, addr: Any = None) -> int:
            try:
                return int(original(data, addr))
            except Exception:  # noqa: BLE001 - whatever garbage makes the decoder raise, the stream is not to be trusted
                if context.transport is not None:
                    context.transport.abort()
                return len(data)

        context.callback_data = guarded

    def _on_connect(self, connected: bool) -> None:
        if connected:
            return
        self.closed.set()
        if not self._asking:
            return
        # The library lets a request in flight run into its timeout when the connection closes; end it at once.
        waiting = self._client.ctx.response_future
        if not waiting.done():
            waiting.set_exception(ConnectionException("connection closed"))

    def _on_bytes(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self._last_byte_at = self._loop.time()
        return data

    def _on_frame(self, sending: bool, pdu: Any) -> Any:
        if not sending and self._client.ctx.response_future.done():
            self._late.pop(pdu.dev_id, None)  # nobody waits for it: this is the answer that was owed
            self._owed.get(pdu.dev_id, {}).pop((pdu.function_code, _data_bytes(pdu)), None)
        return pdu

    async def close(self) -> None:
        """Cut the connection for everybody; Modbus has no goodbye."""
        client, self._client = self._client, None
        self.closed.set()
        if client is not None:
            transport = client.ctx.transport
            client.close()
            if transport is not None:
                with suppress(AttributeError):  # the library's serial transport, when it has just closed itself
                    transport.abort()
                await asyncio.sleep(0)  # the transport reports its end in the next turn of the loop

    # -- asking --------------------------------------------------------------------------------------------------

    async def ask(
        self, unit: int, code: int, request: Callable[[Any], Awaitable[Any]], timeout_s: float, shape: Shape | None = None
    ) -> Any:
        """One question and its answer, checked to come from ``unit`` and to be one to function ``code``; needs ``turn``.

        Args:
            unit: Who is asked.
            code: Function code of the question.
            request: Makes the request on the library's client.
            timeout_s: For the answer, without the time it takes on a serial wire.
            shape: What the answer to a read will look like; None for writes, whose answers repeat the question.

        Raises:
            LinkLost, NoReply, WrongReply, DeviceSaysNo: See there.
        """
        if not self.is_open:
            raise LinkLost("connection closed")
        await self._until_quiet(unit)
        client = self._client
        client.ctx.comm_params.timeout_connect = timeout_s + _FRAME_CHARACTERS * self.endpoint.character_s
        if self.endpoint.is_rtu:
            client.ctx.framer.awaited = unit
        self._asking, came = True, False
        try:
            reply = await request(client)
            came = reply.dev_id == unit and reply.function_code & 0x7F == code
        except ConnectionException as error:
            raise LinkLost(str(error)) from None
        except ModbusException:
            if not self.is_open:
                raise LinkLost("connection closed") from None
            raise NoReply from None
        except (OSError, AttributeError) as error:  # the transport vanished between the library's check and its write
            raise LinkLost(repr(error)) from None
        finally:
            self._asking = False
            if not came:  # also when the question was cancelled: its answer is on the way
                self.owe(unit, shape)
        if reply.dev_id != unit:
            raise WrongReply("answer of another unit")
        if not came:
            raise WrongReply("answer to another function")
        self._heard_at = self._loop.time()
        if reply.isError():
            raise DeviceSaysNo(reply.exception_code)
        return reply

    # -- staying in step -----------------------------------------------------------------------------------------

    def owe(self, unit: int, asked: Shape | None, came: Shape | None = None) -> None:
        """An answer of ``unit`` is still to come: none came in time, or ``came`` came instead of ``asked``."""
        if self.endpoint.is_rtu:
            now = self._loop.time()
            self._late[unit] = now + _LATE_S
            owed = self._owed.setdefault(unit, {})
            if came is not None:
                owed.pop(came, None)
            if asked is not None:
                owed[asked] = now + _FORGET_S

    def owed_by(self, unit: int) -> set[Shape]:
        """Shapes of answers ``unit`` may still send, to questions that were given up."""
        now = self._loop.time()
        owed = {shape: until for shape, until in self._owed.get(unit, {}).items() if until > now}
        if owed:
            self._owed[unit] = owed
        else:
            self._owed.pop(unit, None)
        return set(owed)

    def settled(self, unit: int) -> None:
        """``unit`` has answered a question that no owed answer looks like: it answers in order, so it owes none."""
        self._owed.pop(unit, None)

    async def _until_quiet(self, unit: int) -> None:
        """Wait until nothing is on the line, and for what ``unit`` owes if it is about to come. Raises LinkLost."""
        if not self.endpoint.is_rtu:
            return
        # Source: MODBUS over Serial Line V1.02, section 2.5.1.1: three and a half characters, 1.75 ms at the least.
        between_s = max(3.5 * self.endpoint.character_s, 0.00175) if self.endpoint.way is Way.SERIAL else 0.0
        until = self._loop.time() + _NOISY_S
        while True:
            now = self._loop.time()
            self._late = {each: at for each, at in self._late.items() if at > now}
            quiet_s = max(between_s, _QUIET_S) if self._late else between_s
            left_s = max(self._last_byte_at + quiet_s, self._late.get(unit, 0.0)) - now
            if left_s <= 0:
                return
            if now > until:
                raise LinkLost("the line does not fall silent")
            # In small steps: the answer that was owed ends the wait, and timers of the GUI's loop may end early.
            await asyncio.sleep(min(left_s, _QUIET_S))
            if not self.is_open:
                raise LinkLost("connection closed")


def _data_bytes(pdu: Any) -> int:
    """Bytes of data of an answer to a read; -1 for every other answer."""
    if pdu.function_code in (1, 2):
        return -(-len(pdu.bits) // 8)
    return 2 * len(pdu.registers) if pdu.function_code in (3, 4) else -1


_LINES: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[Way, str, int], Line]] = WeakKeyDictionary()
"""The lines of each loop. Drivers are made one by one and know nothing of each other; the port is what they share."""


def line_to(endpoint: Endpoint) -> Line:
    """The line to ``endpoint`` of the running loop, not yet open or open; a fresh one after the last was closed.

    Whoever takes it counts itself in ``users`` and gives it back with ``leave``.

    Raises:
        ValueError: A source has this serial port open with other settings.
    """
    lines = _LINES.setdefault(asyncio.get_running_loop(), {})
    line = lines.get(endpoint.key)
    if line is not None and line.endpoint != endpoint and line.is_open:
        raise ValueError(f"{endpoint} is open with other settings")
    if line is None or line.closed.is_set() or line.endpoint != endpoint:
        line = lines[endpoint.key] = Line(endpoint, line)
    line.users += 1
    return line


async def leave(line: Line, timeout_s: float) -> None:
    """Stop using ``line``: the last one to leave closes it, and so does whoever leaves a dead one."""
    line.users -= 1
    # Half-open: whoever leaves would come back to the same dead connection for as long as another one holds it.
    if not line.users or line.silent_s > 3 * timeout_s + _DEAD_S:
        await line.close()
