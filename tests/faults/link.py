"""The way of one station to the servers of its database: a loopback proxy that does what cables, switches and firewalls do to it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

Mode = Literal["ok", "down", "deaf_up", "deaf_down", "slow", "lossy", "far", "narrow", "mute"]
_COMMIT = b"COMMIT\x00"
_SLOW_S = 0.5
_RETRANSMITTED_S = 4.0
_LOSS = 0.3
_FIRST_RETRY_S = 0.2
_FAR_S = 1.0
_NARROW_BYTES_S = 20_000.0


@dataclass(eq=False)
class _Talk:
    """One connection of the station and its other half."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    first: bytes
    swallow: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Notices:
    """Takes the notices (NOTIFY) out of what a server says, and nothing else; knows where one message ends and the next begins."""

    def __init__(self) -> None:
        self._left = b""

    def without(self, part: bytes, *, drop: bool) -> bytes:
        """``part`` as it may pass; with ``drop`` without the notices that begin in it. What is not whole yet passes with the next."""
        told, self._left = self._left + part, b""
        passed = bytearray()
        while told:
            length = 1 + int.from_bytes(told[1:5]) if len(told) >= 5 else len(told) + 1
            if length > len(told):
                self._left = told
                break
            if not (drop and told[:1] == b"A"):
                passed += told[:length]
            told = told[length:]
        return bytes(passed)


class Link:
    """Stands between one station and the servers; each has a port of its own here, and what breaks breaks for all of them.

    Modes: ``ok``; ``down`` connections are reset, new ones refused; ``deaf_up`` and ``deaf_down`` nothing passes towards the server or
    from it and nothing closes (half of a cable): what was sent meanwhile arrives some seconds after the mode has ended, as retransmitted
    packets do, be it after a new connection has asked what became of it; ``slow`` half a second for everything the station sends;
    ``lossy`` three of ten packets are lost each way, and sent again later and later, as TCP does; ``far`` two seconds there and back;
    ``narrow`` 20 kB a second; ``mute`` everything passes but the notices of changes.
    ``lose``: the next commit of a decision reaches the server or does not, and nobody hears the answer.
    """

    def __init__(self, host: str, *upstreams: int) -> None:
        self._host, self._upstreams = host, upstreams
        self._mode: Mode = "ok"
        self._dice = random.Random(upstreams[0])
        self._passing = asyncio.Event()
        self._lose: Literal["", "before", "after"] = ""
        self._talks: set[_Talk] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self.ports: Sequence[int] = ()
        self.lost = 0
        """Commits whose connection was lost on purpose."""

    async def open(self) -> Link:
        self._servers = [await asyncio.start_server(partial(self._accept, port), "127.0.0.1", 0) for port in self._upstreams]
        self.ports = [server.sockets[0].getsockname()[1] for server in self._servers]
        return self

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

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

    async def _accept(self, upstream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self.mode != "down":
                await self._connect(upstream, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            _reset(writer)
            self._tasks.discard(task)

    async def _connect(self, upstream: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._host, upstream)
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

    async def _travel(self, size: int) -> None:
        """As long as ``size`` bytes are on the way, whichever way. Raises ConnectionResetError when TCP gives up."""
        if self._mode == "far":
            await asyncio.sleep(_FAR_S)
        elif self._mode == "narrow":
            await asyncio.sleep(size / _NARROW_BYTES_S)
        elif self._mode == "lossy":
            retry_s = _FIRST_RETRY_S
            for _ in range(1 + size // 1_460):
                while self._mode == "lossy" and self._dice.random() < _LOSS:
                    if retry_s > 10:
                        raise ConnectionResetError
                    await asyncio.sleep(retry_s)
                    retry_s *= 2

    async def _up(self, talk: _Talk, reader: asyncio.StreamReader) -> None:
        part = talk.first
        while part:
            await self._hear("deaf_up")
            await self._travel(len(part))
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
        notices = Notices() if b"/listen" in talk.first else None
        while part := await reader.read(65536):
            await self._hear("deaf_down")
            await self._travel(len(part))
            if notices is not None:
                part = notices.without(part, drop=self._mode == "mute")
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
