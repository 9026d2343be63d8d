"""Answers full of registers, taken apart in one call: the library's own way, register by register, costs more than all else of a poll."""

from __future__ import annotations

import struct

from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse


def _registers(code: int, data: bytes) -> list[int]:
    size = data[0]
    if size >= len(data):
        raise ModbusIOException(f"byte_count {size} > length of packet {len(data)}", function_code=code)
    return list(struct.unpack_from(f">{size // 2}H", data, 1))


class HoldingRegisters(ReadHoldingRegistersResponse):
    """The answer to function 3."""

    def decode(self, data: bytes) -> None:
        """Take the registers out of ``data``; called by the library, which drops an answer that raises here."""
        self.registers = _registers(self.function_code, data)

    def __str__(self) -> str:
        """Short: the library makes a text of every answer for a log that nobody keeps."""
        return type(self).__name__


class InputRegisters(ReadInputRegistersResponse):
    """The answer to function 4."""

    def decode(self, data: bytes) -> None:
        """See ``HoldingRegisters``."""
        self.registers = _registers(self.function_code, data)

    def __str__(self) -> str:
        return type(self).__name__


ANSWERS = (HoldingRegisters, InputRegisters)
