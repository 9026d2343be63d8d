"""The way of one station to the shared PostgreSQL: a loopback proxy that does what cables, switches and firewalls do to it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["ok", "down", "deaf_up", "deaf_down", "slow"]
_COMMIT = b"COMMIT\x00"
_SLOW_S = 0.5
_RETRANSMITTED_S = 4.0


@dataclass(eq=False)
class _Talk:
    """One connection of the station and its other half."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    first: bytes
    swallow: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Link:
    """Stands between one station and the server.

    Modes: ``ok``; ``down`` connections are reset, new ones refused; ``deaf_up`` and ``deaf_down`` nothing passes towards the server or
    from it and nothing closes (half of a cable): what was sent meanwhile arrives some seconds after the mode has ended, as retransmitted
    packets do, be it after a new connection has asked what became of it; ``slow`` half a second for everything the station sends.
    ``lose``: the next commit of a decision reaches the server or does not, and nobody hears the answer.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._mode: Mode = "ok"
        self._dice = random.Random(port)
        self._passing = asyncio.Event()
        self._lose: Literal["", "before", "after"] = ""
        self._talks: set[_Talk] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.lost = 0
        """Commits whose connection was lost on purpose."""

    async def open(self) -> Link:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        self._passing.set()
        self._passing = asyncio.Event()
        if mode == "down":
            self.reset()

    def lose(self, when: Literal["before", "after"]) -> None:
        self._lose = when

    def mend(self) -> None:
        """Everything passes, and no commit is lost any more."""
        self.mode, self._lose = "ok", ""

    def reset(self, lane: str = "") -> None:
        """Reset the connections, or those of one lane."""
        for talk in list(self._talks):
            if f"/{lane}".encode() in talk.first:
                _reset(talk.client)
                _reset(talk.server)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self.mode != "down":
                await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            _reset(writer)
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._upstream)
        talk: _Talk | None = None
        try:
            first = await reader.read(65536)
            talk = _Talk(writer, there_writer, first)
            self._talks.add(talk)
            ways = [asyncio.ensure_future(self._up(talk, reader)), asyncio.ensure_future(self._down(talk, there_reader))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            if talk is not None:
                self._talks.discard(talk)
            _reset(there_writer)

    async def _hear(self, deaf: Mode) -> None:
        if self._mode != deaf:
            return
        while self._mode == deaf:
            await self._passing.wait()
        await asyncio.sleep(self._dice.uniform(0.0, _RETRANSMITTED_S))

    async def _up(self, talk: _Talk, reader: asyncio.StreamReader) -> None:
        part = talk.first
        while part:
            await self._hear("deaf_up")
            if self._mode == "slow":
                await asyncio.sleep(_SLOW_S)
            if self._lose and b"/operations" in talk.first and _COMMIT in part:
                await self._lose_now(talk, part)
                return
            talk.server.write(part)
            await talk.server.drain()
            part = await reader.read(65536)

    async def _lose_now(self, talk: _Talk, part: bytes) -> None:
        when, self._lose = self._lose, ""
        self.lost += 1
        if when == "after":
            talk.swallow = True
            talk.server.write(part)
            await talk.server.drain()
            with contextlib.suppress(TimeoutError):  # the server has committed and said so; nobody heard it
                await asyncio.wait_for(talk.answered.wait(), 5)

    async def _down(self, talk: _Talk, reader: asyncio.StreamReader) -> None:
        while part := await reader.read(65536):
            await self._hear("deaf_down")
            if talk.swallow:
                talk.answered.set()
                continue
            talk.client.write(part)
            await talk.client.drain()
        talk.answered.set()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
