"""A Modbus TCP device that answers wrongly on purpose; runs on the test's own loop."""

from __future__ import annotations

import asyncio
import struct
from typing import Literal

Evil = Literal[
    "good", "short", "long", "wrong_function", "wrong_unit", "late", "other_transaction", "silent", "busy", "no_function", "wrong_echo"
]


class EvilModbus:
    """Every register holds its own address + ``base``; what goes wrong is set by ``mode``. Unmapped from address 500."""

    def __init__(self, mode: Evil = "good") -> None:
        self.mode: Evil = mode
        self.base = 1000
        self.deaf_units: set[int] = set()
        self.unmapped: set[int] = set()
        self.requests: list[tuple[int, int, int, int]] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> EvilModbus:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                body = await reader.readexactly(length - 1)
                for part in await self._answer(transaction, unit, body):
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, transaction: int, unit: int, body: bytes) -> list[bytes]:
        code, address, count = struct.unpack(">BHH", body[:5])
        self.requests.append((unit, code, address, count))
        if unit in self.deaf_units or self.mode == "silent":
            return []
        if self.mode == "late":
            await asyncio.sleep(0.35)
        refusal = self._refusal(address, count)
        if refusal:
            return [_frame(transaction, unit, bytes([code | 0x80, refusal]))]
        if code in (6, 16):
            echo = struct.pack(">BHH", code, address + (self.mode == "wrong_echo"), count)
            return [_frame(transaction, unit, echo)]
        sent = count + {"short": -1, "long": 2}.get(self.mode, 0)
        words = [(address + n + self.base) & 0xFFFF for n in range(sent)]
        answer_code = 7 - code if self.mode == "wrong_function" else code  # 3 and 4 swapped
        data = bytes([answer_code, 2 * sent]) + struct.pack(f">{sent}H", *words)
        if self.mode == "wrong_unit":
            unit += 1
        if self.mode == "other_transaction":
            transaction ^= 0x55
        return [_frame(transaction, unit, data)]

    def _refusal(self, address: int, count: int) -> int:
        if self.mode == "busy":
            return 6
        if self.mode == "no_function":
            return 1
        if address + count > 500 or not self.unmapped.isdisjoint(range(address, address + count)):
            return 2
        return 0


def _frame(transaction: int, unit: int, data: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(data) + 1, unit) + data
