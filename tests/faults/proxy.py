"""A TCP proxy on the test's own loop that can do to a connection what networks and hosts do to it."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from typing import Literal

Mode = Literal["ok", "stall", "refuse", "slice", "corrupt", "garbage", "delay", "cut", "hang_up"]


class FaultProxy:
    """Stands between a client and ``target_port`` of 127.0.0.1.

    Modes: ``ok``; ``stall`` nothing passes, nothing closes (a pulled cable: half-open); ``refuse`` new connections are
    reset; ``slice`` one byte per segment; ``corrupt`` flips one bit in about every second answer; ``garbage`` answers
    are replaced by random bytes; ``delay`` 50 ms each way; ``cut`` half of the next answer passes, and from there on it is
    ``stall``; ``hang_up`` half of the next answer passes, then that connection is closed and all is ``ok`` again.
    """

    def __init__(self, target_port: int, seed: int = 1) -> None:
        self.mode: Mode = "ok"
        self.port = 0
        self.connections = 0
        self._target = target_port
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)

    def reset_all(self) -> None:
        """Reset every connection (RST), as a restarted switch or firewall does."""
        for writer in list(self._writers):
            _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.connections += 1
        try:
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            _reset(writer)
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "refuse":
            return
        await self._passing()
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(there_writer)
        ways = [
            asyncio.ensure_future(self._pump(reader, there_writer, False)),
            asyncio.ensure_future(self._pump(there_reader, writer, True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            _reset(there_writer)
            self._writers.discard(there_writer)

    async def _passing(self) -> None:
        while self.mode == "stall":  # noqa: ASYNC110 - the mode is a plain attribute tests set
            await asyncio.sleep(0.02)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bool) -> None:
        while data := await reader.read(65536):
            await self._passing()
            if self.mode == "delay":
                await asyncio.sleep(0.05)
            if answer and self.mode == "garbage":
                data = self._random.randbytes(len(data))
            if answer and self.mode == "corrupt" and self._random.random() < 0.5:
                at = self._random.randrange(len(data))
                data = data[:at] + bytes([data[at] ^ 1 << self._random.randrange(8)]) + data[at + 1 :]
            if answer and self.mode in ("cut", "hang_up") and len(data) > 1:
                half = len(data) // 2
                writer.write(data[:half])
                await writer.drain()
                if self.mode == "hang_up":
                    self.mode = "ok"
                    writer.close()
                    return
                self.mode = "stall"
                await self._passing()
                data = data[half:]
            if self.mode == "slice":
                for start in range(len(data)):
                    writer.write(data[start : start + 1])
                    await writer.drain()
                    await asyncio.sleep(0)
            else:
                writer.write(data)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
