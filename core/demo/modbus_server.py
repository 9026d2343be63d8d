"""Simulated controllers as a real Modbus server, by TCP or as a gateway to RTU slaves. Lives in a process of its own.

The controllers of L2, L4 and L5 are three unit ids behind Modbus TCP; the heat meters of L3 and L6 two slaves behind a gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from core.demo.board import Entry
from core.demo.gate import Gate, Verdict
from core.demo.registers import Place, Table, decode, encode, place_of
from core.live.tags import TagSpec

_FUNCTION: dict[Table, int] = {"coil": 15, "discrete": 2, "holding": 16, "input": 4}
_WRITING: dict[int, Table] = {5: "coil", 15: "coil", 6: "holding", 16: "holding", 22: "holding", 23: "holding"}
_TABLES: tuple[Table, ...] = ("coil", "discrete", "holding", "input")  # the order pymodbus wants its four blocks in
_ANSWERS = {
    Verdict.READ_ONLY: ExcCodes.ILLEGAL_ADDRESS,
    Verdict.OUT_OF_RANGE: ExcCodes.ILLEGAL_VALUE,
    Verdict.INTERLOCKED: ExcCodes.DEVICE_BUSY,
}


class ModbusServer:
    """Serves tags on loopback.

    Args:
        tags: The tags of this server; addresses ``unit/table/address[.bit]``.
        gate: Judges clients' writes and passes accepted ones to the plant.
        rtu: Whether frames travel as on a serial line, as behind a gateway that passes them on.
    """

    def __init__(self, tags: Iterable[TagSpec], gate: Gate, *, rtu: bool = False) -> None:
        self._framer = FramerType.RTU if rtu else FramerType.SOCKET
        self._tags = {tag.name: tag for tag in tags}
        self._gate = gate
        self._places = {name: place_of(tag) for name, tag in self._tags.items()}
        self._bits: dict[tuple[int, Table, int], list[str]] = {}  # registers that several tags share bit by bit
        for name, place in self._places.items():
            if place.bit is not None:
                self._bits.setdefault((place.unit, place.table, place.address), []).append(name)
        self._server: ModbusTcpServer | None = None
        self._own = False

    async def start(self, port: int, entries: Iterable[Entry]) -> None:
        """Make the registers with ``entries`` in place, then open the port. Raises OSError when it is taken."""
        units = sorted({place.unit for place in self._places.values()})
        self._server = ModbusTcpServer([self._device(unit) for unit in units], framer=self._framer, address=("127.0.0.1", port))
        await self.show(entries)
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError as reason:  # the library's word for a port that is taken
            raise OSError(f"port {port}: {reason}") from reason

    def _device(self, unit: int) -> SimDevice:
        blocks = []
        for table in _TABLES:
            ends = [place.address + place.count for place in self._places.values() if (place.unit, place.table) == (unit, table)]
            if table in ("coil", "discrete"):
                size = -(-max(ends, default=1) // 16) * 16  # whole registers of 16 bits, as the library keeps them
                blocks.append([SimData(0, values=[False] * size, datatype=DataType.BITS)])
            else:
                blocks.append([SimData(0, values=[0] * max(ends, default=1), datatype=DataType.REGISTERS)])
        return SimDevice(unit, simdata=(blocks[0], blocks[1], blocks[2], blocks[3]), action=partial(self._on_access, unit))

    async def show(self, entries: Iterable[Entry]) -> None:
        """Put values into the registers."""
        for entry in entries:
            self._gate.remember(entry)
            name, raw, fault, _ = entry
            place = self._places[name]
            if place.table in ("coil", "discrete"):
                await self._store(place, [bool(raw) and fault != "bad"])
            elif place.bit is not None:
                await self._store(place, [self._word(place)])
            else:
                await self._store(place, encode(self._tags[name], raw, fault))

    def _word(self, place: Place) -> int:
        names = self._bits[place.unit, place.table, place.address]
        return sum(1 << (self._places[name].bit or 0) for name in names if self._gate.raw(name))

    async def _store(self, place: Place, values: list[int] | list[bool]) -> None:
        assert self._server is not None  # made in start, before the first value
        self._own = True  # the library asks the same gate for our own writes; nothing else can run in between
        try:
            await self._server.async_setValues(place.unit, _FUNCTION[place.table], place.address, values)
        finally:
            self._own = False

    async def _on_access(
        self, unit: int, function: int, start: int, address: int, count: int, current: list[int], values: Any
    ) -> ExcCodes | None:
        """The library calls this before every access; an exception code refuses it."""
        table = _WRITING.get(function)
        if self._own or values is None or table is None:
            return None
        at = 0
        pending: list[tuple[TagSpec, list[int]]] = []
        while at < len(values):
            name = self._tag_at(unit, table, address + at)
            if name is None or self._places[name].count > len(values) - at:
                return ExcCodes.ILLEGAL_ADDRESS  # nothing there, or half a value
            pending.append((self._tags[name], [int(value) for value in values[at : at + self._places[name].count]]))
            at += self._places[name].count
        return self._judge(pending, values)

    def _judge(self, pending: list[tuple[TagSpec, list[int]]], values: Any) -> ExcCodes | None:
        at = 0
        for tag, registers in pending:
            verdict = self._gate.write(tag.name, decode(tag, registers))
            if verdict is not Verdict.TAKEN:
                return _ANSWERS[verdict]
            if self._gate.frozen(tag.name):  # accepted and not taken over: the read-back will show it
                values[at : at + len(registers)] = encode(tag, self._gate.raw(tag.name))
            at += len(registers)
        return None

    def _tag_at(self, unit: int, table: Table, address: int) -> str | None:
        for name, place in self._places.items():
            if (place.unit, place.table, place.address) == (unit, table, address) and place.bit is None:
                return name
        return None

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # the library's own omission
