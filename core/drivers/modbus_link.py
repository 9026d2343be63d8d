"""What one source asks on its Modbus line: a checked answer or a clear failure.

pymodbus hands over answers with the wrong number of registers or another function code as good; everything that
comes back is compared with what was asked here and in the line, before anybody decodes it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from core.drivers.modbus_line import DeviceSaysNo, Line, Shape, WrongReply, leave, line_to
from core.drivers.modbus_point import MAX_BITS, MAX_REGISTERS, Area
from core.drivers.modbus_url import Endpoint

_READ_CODES = {Area.COIL: 1, Area.DISCRETE: 2, Area.HOLDING: 3, Area.INPUT: 4}
_REQUESTS = {
    Area.COIL: "read_coils",
    Area.DISCRETE: "read_discrete_inputs",
    Area.HOLDING: "read_holding_registers",
    Area.INPUT: "read_input_registers",
}
"""The library's names for these functions."""
_LACKS_FUNCTION = 1


class ModbusLink:
    """One source's use of a line; made for one connection and thrown away with it.

    Args:
        endpoint: The line; several sources may name the same.
        timeout_s: For connecting and for each answer.

    Raises:
        ValueError: A source has this serial port open with other settings.
    """

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._line: Line = line_to(endpoint)
        self._left = False

    @property
    def closed(self) -> asyncio.Event:
        """Set when the connection closes."""
        return self._line.closed

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return not self._left and self._line.is_open

    @property
    def silent_s(self) -> float:
        """Seconds since any source got an answer on the line, or since it was opened."""
        return self._line.silent_s

    @property
    def probe_at(self) -> float:
        """When a unit that does not answer may be asked again by any source on the line, monotonic seconds of the station's clock."""
        return self._line.probe_at

    @probe_at.setter
    def probe_at(self, at: float) -> None:
        self._line.probe_at = at

    async def open(self) -> None:
        """Connect. Raises LinkLost with the reason."""
        await self._line.open(self._timeout_s)

    async def close(self) -> None:
        """Give the line back; idempotent."""
        if not self._left:
            self._left = True
            await leave(self._line, self._timeout_s)

    # -- reading -------------------------------------------------------------------------------------------------

    async def read(self, unit: int, area: Area, start: int, count: int) -> Sequence[int]:
        """``count`` registers (0 … 65535) or bits (0 or 1) from ``start``. Raises LinkLost, NoReply, WrongReply, DeviceSaysNo."""
        async with self._line.turn:
            owed = self._line.owed_by(unit)
            if owed:
                await self._come_into_step(unit, area, start, count, owed)
            return await self._read(unit, area, start, count)

    async def _come_into_step(self, unit: int, area: Area, start: int, count: int, owed: set[Shape]) -> None:
        """Ask for a number of registers or bits that no owed answer has; with its answer everything before it has come."""
        step, most = (8, MAX_BITS) if area.is_bits else (1, MAX_REGISTERS)
        # Fewer than the tags need is always allowed; more may touch an address the device lacks, which is an answer too.
        fewer, more = range(count - step, 0, -step), range(count + step, min(most, 0x10000 - start) + 1, step)
        for other in (*fewer, *more):
            if _shape(area, other) not in owed:
                with contextlib.suppress(DeviceSaysNo):
                    await self._read(unit, area, start, other)
                self._line.settled(unit)
                return

    async def _read(self, unit: int, area: Area, start: int, count: int) -> Sequence[int]:
        code, shape = _READ_CODES[area], _shape(area, count)
        reply = await self._line.ask(
            unit, code, lambda client: getattr(client, _REQUESTS[area])(start, count=count, device_id=unit), self._timeout_s, shape
        )
        came = reply.bits if area.is_bits else reply.registers
        # Bits travel in whole bytes: the answer is padded up to a multiple of eight.
        if len(came) != (-(-count // 8) * 8 if area.is_bits else count):
            self._line.owe(unit, shape, _shape(area, len(came)))
            raise WrongReply(f"wrong number of {'bits' if area.is_bits else 'registers'}")
        return came[:count]  # type: ignore[no-any-return]

    # -- writing -------------------------------------------------------------------------------------------------

    async def write_bit(self, unit: int, address: int, value: bool, *, multiple: bool = False) -> None:
        """One coil, by function 5, or 15 when ``multiple``. Raises like ``read``."""
        async with self._line.turn:
            if multiple:
                reply = await self._ask(unit, 15, "write_coils", address, [value])
                matches = reply.address == address and reply.count == 1
            else:
                reply = await self._ask(unit, 5, "write_coil", address, value)
                matches = reply.address == address and list(reply.bits[:1]) == [value]
        _must(self._line, unit, matches, "the answer names another coil")

    async def write_registers(self, unit: int, address: int, registers: list[int], *, multiple: bool = False) -> None:
        """Registers in one request, so that a value of several is never half written: function 16, or 6 for a single one."""
        async with self._line.turn:
            await self._write_registers(unit, address, registers, multiple)

    async def _write_registers(self, unit: int, address: int, registers: list[int], multiple: bool) -> None:
        if len(registers) == 1 and not multiple:
            reply = await self._ask(unit, 6, "write_register", address, registers[0])
            matches = reply.address == address and list(reply.registers) == registers
        else:
            reply = await self._ask(unit, 16, "write_registers", address, registers)
            matches = reply.address == address and reply.count == len(registers)
        _must(self._line, unit, matches, "the answer names other registers")

    async def write_register_bit(self, unit: int, address: int, bit: int, value: bool, *, multiple: bool = False) -> None:
        """One bit of a register: function 22, which the device does in one step; read and write back where it lacks it."""
        mask = 1 << bit
        keep, put = 0xFFFF ^ mask, mask if value else 0
        async with self._line.turn:
            if unit not in self._line.without_mask_write:
                try:
                    reply = await self._line.ask(
                        unit,
                        22,
                        lambda client: client.mask_write_register(address=address, and_mask=keep, or_mask=put, device_id=unit),
                        self._timeout_s,
                    )
                except DeviceSaysNo as refusal:
                    if refusal.code != _LACKS_FUNCTION:
                        raise
                    self._line.without_mask_write.add(unit)
                else:
                    matches = (reply.address, reply.and_mask, reply.or_mask) == (address, keep, put)
                    _must(self._line, unit, matches, "the answer names another bit")
                    return
            # The turn is held over both requests: no other write of this station can slip in between.
            owed = self._line.owed_by(unit)
            if owed:
                await self._come_into_step(unit, Area.HOLDING, address, 1, owed)
            (before,) = await self._read(unit, Area.HOLDING, address, 1)
            await self._write_registers(unit, address, [before & keep | put], multiple)

    async def _ask(self, unit: int, code: int, request: str, address: int, values: Any) -> Any:
        return await self._line.ask(unit, code, lambda client: getattr(client, request)(address, values, device_id=unit), self._timeout_s)


def _must(line: Line, unit: int, matches: bool, otherwise: str) -> None:
    if not matches:
        line.owe(unit, None)
        raise WrongReply(otherwise)


def _shape(area: Area, count: int) -> Shape:
    return _READ_CODES[area], -(-count // 8) if area.is_bits else 2 * count
