"""Stands before a controller and spoils its answers, frame by frame; runs on the test's own loop."""

from __future__ import annotations

import asyncio
import random
import struct
from typing import Literal

from tests.servers.loopback import LoopbackServer

Evil = Literal[
    "good", "short", "long", "twice", "half", "late", "wrong_service", "wrong_sequence", "wrong_session", "wrong_command",
    "wrong_type", "wrong_count", "encapsulation_error", "random", "endless_list",
]  # fmt: skip

CONNECTED = 0x70
READ_REPLIES = (0xCC, 0x8A)
LIST_REPLY = 0xD5


class EvilLogix(LoopbackServer):
    """A proxy for frames; only answers over the CIP connection are touched, so that clients get as far as asking for values."""

    def __init__(self, target_port: int) -> None:
        super().__init__()
        self.mode: Evil = "good"
        self.spoiled = 0
        self._target = target_port
        self._dice = random.Random(1)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        ends = [writer]
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
            ends.append(there_writer)
            ways = [asyncio.ensure_future(self._ask(reader, there_writer)), asyncio.ensure_future(self._answer(there_reader, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for end in ends:
                end.close()
            self._tasks.discard(task)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(24)
            frame = header + await reader.readexactly(struct.unpack_from("<H", header, 2)[0])
            spoils = self.mode != "good" and struct.unpack_from("<H", frame)[0] == CONNECTED
            if spoils and (self.mode == "endless_list") == (frame[46] == LIST_REPLY):
                self.spoiled += 1
                if self.mode == "late":
                    await asyncio.sleep(0.35)
                frame = getattr(self, f"_{self.mode}", bytes)(frame)
            writer.write(frame)
            await writer.drain()
            if spoils and self.mode == "half":
                return

    def _short(self, frame: bytes) -> bytes:
        return _resized(frame, frame[46:-2])

    def _long(self, frame: bytes) -> bytes:
        return _resized(frame, frame[46:] + b"\1\2")

    def _twice(self, frame: bytes) -> bytes:
        return frame + frame

    def _half(self, frame: bytes) -> bytes:
        return frame[: len(frame) // 2]

    def _wrong_service(self, frame: bytes) -> bytes:
        return frame[:46] + bytes([frame[46] ^ 1]) + frame[47:]

    def _wrong_sequence(self, frame: bytes) -> bytes:
        return frame[:44] + struct.pack("<H", struct.unpack_from("<H", frame, 44)[0] - 1 & 0xFFFF) + frame[46:]

    def _wrong_session(self, frame: bytes) -> bytes:
        return frame[:4] + b"\x77\x77\x77\x77" + frame[8:]

    def _wrong_command(self, frame: bytes) -> bytes:
        return b"\x6f\0" + frame[2:]

    def _wrong_type(self, frame: bytes) -> bytes:
        """Every DINT says that it is a REAL."""
        return frame.replace(b"\xcc\0\0\0\xc4\0", b"\xcc\0\0\0\xca\0")

    def _wrong_count(self, frame: bytes) -> bytes:
        return frame[:50] + struct.pack("<H", struct.unpack_from("<H", frame, 50)[0] + 1) + frame[52:] if frame[46] == 0x8A else frame

    def _encapsulation_error(self, frame: bytes) -> bytes:
        return frame[:8] + b"\x64\0\0\0" + frame[12:]

    def _random(self, frame: bytes) -> bytes:
        return frame[:50] + self._dice.randbytes(len(frame) - 50)

    def _endless_list(self, frame: bytes) -> bytes:
        """The page is never the last, and always the same."""
        return frame[:48] + b"\x06" + frame[49:]


def _resized(frame: bytes, data: bytes) -> bytes:
    """The frame with another answer inside, all lengths right."""
    items = frame[24:42] + struct.pack("<H", len(data) + 2) + frame[44:46] + data
    return frame[:2] + struct.pack("<H", len(items)) + frame[4:24] + items
