"""A Modbus device, over TCP or as RTU over TCP, that answers wrongly on purpose; runs on the test's own loop."""

from __future__ import annotations

import asyncio
import struct
from typing import Literal

from pymodbus.framer import FramerRTU

from tests.servers.loopback import LoopbackServer

Evil = Literal[
    "good", "short", "long", "wrong_function", "wrong_unit", "late", "other_transaction", "silent", "busy", "no_function", "wrong_echo",
    "no_mask_write", "wrong_crc", "noise",
]  # fmt: skip


class EvilModbus(LoopbackServer):
    """Every register holds its own address + ``base`` until it is written; what goes wrong is set by ``mode``.

    Unmapped from address 500. Questions are answered in their order, one after another, as devices and gateways do.
    """

    def __init__(self, mode: Evil = "good", *, rtu: bool = False) -> None:
        super().__init__()
        self.mode: Evil = mode
        self.rtu = rtu
        self.base = 1000
        self.late_s = 0.35
        self.written: dict[int, int] = {}
        self.connections = 0
        self.deaf_units: set[int] = set()
        self.unmapped: set[int] = set()
        self.requests: list[tuple[int, int, int, int]] = []

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                transaction, unit, body = await self._question(reader)
                for part in await self._answer(transaction, unit, body):
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _question(self, reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
        if not self.rtu:
            transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            return transaction, unit, await reader.readexactly(length - 1)
        frame = await reader.readexactly(6)
        more = 2
        if frame[1] == 22:
            more += 2
        elif frame[1] in (15, 16):
            frame += await reader.readexactly(1)
            more += frame[6]
        return 0, frame[0], (frame + await reader.readexactly(more))[1:-2]

    def _frame(self, transaction: int, unit: int, data: bytes) -> bytes:
        if not self.rtu:
            return struct.pack(">HHHB", transaction, 0, len(data) + 1, unit) + data
        sound = bytes([unit]) + data
        crc = FramerRTU.compute_CRC(sound) ^ (self.mode == "wrong_crc")
        return sound + crc.to_bytes(2, "big")

    async def _answer(self, transaction: int, unit: int, body: bytes) -> list[bytes]:
        code, address, count = struct.unpack(">BHH", body[:5])
        self.requests.append((unit, code, address, count))
        if unit in self.deaf_units or self.mode == "silent":
            return []
        if self.mode == "late":
            await asyncio.sleep(self.late_s)
        refusal = self._refusal(address, 1 if code in (6, 22) else count)
        if code == 22 and self.mode == "no_mask_write":
            refusal = 1
        if refusal:
            return [self._frame(transaction, unit, bytes([code | 0x80, refusal]))]
        if code in (6, 16, 22):
            return [self._frame(transaction, unit, self._write(code, address, count, body))]
        sent = count + {"short": -1, "long": 2}.get(self.mode, 0)
        words = [self.written.get(address + n, (address + n + self.base) & 0xFFFF) for n in range(sent)]
        answer_code = 7 - code if self.mode == "wrong_function" else code  # 3 and 4 swapped
        data = bytes([answer_code, 2 * sent]) + struct.pack(f">{sent}H", *words)
        if self.mode == "wrong_unit":
            unit += 1
        if self.mode == "other_transaction":
            transaction ^= 0x55
        noise = [b"\x00\xff\x55"] if self.mode == "noise" else []
        return [*noise, self._frame(transaction, unit, data)]

    def _write(self, code: int, address: int, count: int, body: bytes) -> bytes:
        if code == 22:
            keep, put = struct.unpack(">HH", body[3:7])
            self.written[address] = self.written.get(address, address + self.base) & keep | put & ~keep
        elif code == 6:
            self.written[address] = count
        else:
            self.written.update(enumerate(struct.unpack(f">{count}H", body[6 : 6 + 2 * count]), start=address))
        named = address + (self.mode == "wrong_echo")
        return struct.pack(">BH", code, named) + body[3 : 7 if code == 22 else 5]

    def _refusal(self, address: int, count: int) -> int:
        if self.mode == "busy":
            return 6
        if self.mode == "no_function":
            return 1
        if address + count > 500 or not self.unmapped.isdisjoint(range(address, address + count)):
            return 2
        return 0
