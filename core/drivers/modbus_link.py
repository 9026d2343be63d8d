"""One Modbus TCP connection over pymodbus: a checked answer or a clear failure, operators before polling.

pymodbus hands over answers with the wrong number of registers or another function code as good; everything that
comes back is compared with what was asked here, before anybody decodes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException

from core.drivers.modbus_plan import Area

# The library logs every lost request with a dump of frames; the driver turns them into quality and the supervisor logs.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

_READ_CODES = {Area.COIL: 1, Area.DISCRETE: 2, Area.HOLDING: 3, Area.INPUT: 4}
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


class LinkLost(Exception):
    """The TCP connection is gone; nothing more can be asked on it."""


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


class ModbusLink:
    """One connection; made for it and thrown away with it.

    Args:
        host, port: Where to connect.
        timeout_s: For connecting and for each answer.
    """

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._client: Any = None
        # Polling asks from one task, one request at a time, and the lock is fair: an operator's write waits for the request
        # on the line and goes before the next poll.
        self._turn = asyncio.Lock()
        self._asking = False
        self.closed = asyncio.Event()
        """Set when the TCP connection closes."""

    @property
    def is_open(self) -> bool:
        """Whether the TCP connection stands."""
        return self._client is not None and self._client.connected

    async def open(self) -> None:
        """Connect. Raises LinkLost with the reason."""
        # reconnect_delay=0: the supervisor makes a fresh link instead, so that two places never reconnect at once.
        self._client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0, trace_connect=self._on_connect
        )
        self._guard_decoder()
        if not await self._client.connect():
            raise LinkLost(f"no connection to {self._host}:{self._port}")

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

    async def close(self) -> None:
        """Cut the connection."""
        client, self._client = self._client, None
        if client is not None:
            transport = client.ctx.transport
            client.close()
            if transport is not None:
                transport.abort()
                await asyncio.sleep(0)  # the transport reports its end in the next turn of the loop

    async def _ask(self, unit: int, code: int, request: Awaitable[Any]) -> Any:
        self._asking = True
        try:
            reply = await request
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
        if reply.dev_id != unit:
            raise WrongReply("answer of another unit")
        if reply.isError():
            raise DeviceSaysNo(reply.exception_code)
        if reply.function_code != code:
            raise WrongReply("answer to another function")
        return reply

    def _open_client(self) -> Any:
        if not self.is_open:
            raise LinkLost("connection closed")
        return self._client

    async def read(self, unit: int, area: Area, start: int, count: int) -> Sequence[int]:
        """``count`` registers (0 … 65535) or bits (0 or 1) from ``start``. Raises LinkLost, NoReply, WrongReply, DeviceSaysNo."""
        async with self._turn:
            client = self._open_client()
            ask = {
                Area.COIL: client.read_coils,
                Area.DISCRETE: client.read_discrete_inputs,
                Area.HOLDING: client.read_holding_registers,
                Area.INPUT: client.read_input_registers,
            }[area]
            reply = await self._ask(unit, _READ_CODES[area], ask(start, count=count, device_id=unit))
        if area.is_bits:
            # Bits travel in whole bytes: the answer is padded up to a multiple of eight.
            if len(reply.bits) != -(-count // 8) * 8:
                raise WrongReply("wrong number of bits")
            return [int(bit) for bit in reply.bits[:count]]
        if len(reply.registers) != count:
            raise WrongReply("wrong number of registers")
        return list(reply.registers)

    async def write_bit(self, unit: int, address: int, value: bool, *, multiple: bool = False) -> None:
        """One coil, by function 5, or 15 when ``multiple``. Raises like ``read``."""
        async with self._turn:
            client = self._open_client()
            if multiple:
                reply = await self._ask(unit, 15, client.write_coils(address, [value], device_id=unit))
                matches = reply.address == address and reply.count == 1
            else:
                reply = await self._ask(unit, 5, client.write_coil(address, value, device_id=unit))
                matches = reply.address == address and list(reply.bits[:1]) == [value]
        if not matches:
            raise WrongReply("the answer names another coil")

    async def write_registers(self, unit: int, address: int, registers: list[int], *, multiple: bool = False) -> None:
        """Registers in one request, so that a value of several is never half written: function 16, or 6 for a single one."""
        async with self._turn:
            client = self._open_client()
            if len(registers) == 1 and not multiple:
                reply = await self._ask(unit, 6, client.write_register(address, registers[0], device_id=unit))
                matches = reply.address == address and list(reply.registers) == registers
            else:
                reply = await self._ask(unit, 16, client.write_registers(address, registers, device_id=unit))
                matches = reply.address == address and reply.count == len(registers)
        if not matches:
            raise WrongReply("the answer names other registers")

    async def write_register_bit(self, unit: int, address: int, bit: int, value: bool) -> None:
        """One bit of a register: function 22, which the device does in one step; read and write back where it lacks it."""
        mask = 1 << bit
        async with self._turn:
            client = self._open_client()
            try:
                mask_write = client.mask_write_register(
                    address=address, and_mask=0xFFFF ^ mask, or_mask=mask if value else 0, device_id=unit
                )
                await self._ask(unit, 22, mask_write)
                return
            except DeviceSaysNo as refusal:
                if refusal.code != 1:
                    raise
            # The turn is held over both requests: no other write of ours can slip in between.
            reply = await self._ask(unit, 3, client.read_holding_registers(address, count=1, device_id=unit))
            if len(reply.registers) != 1:
                raise WrongReply("wrong number of registers")
            changed = reply.registers[0] & ~mask | (mask if value else 0)
            await self._ask(unit, 6, client.write_register(address, changed, device_id=unit))
