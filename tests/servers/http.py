"""An HTTP sensor with the test points, and with everything HTTP servers do wrong. Runs as a process or on the test's own loop.

Documents: ``/points`` holds every point by name, ``/points/<name>`` one of them and takes PUT ``{"value": …}``, ``/other`` holds
a number and a time, ``/flood/<n>`` after the order flood many that are never the same twice. Orders: set, get, flood, answered.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import math
from collections import Counter
from typing import Any

from tests.servers.loopback import LoopbackServer
from tests.servers.points import POINTS
from tests.servers.process import obey

SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Sensor(LoopbackServer):
    """The server and the orders on it."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {name: point.value for name, point in POINTS.items()}
        self.other: Any = {"number": 7, "at": "2026-01-02T03:04:05+09:00"}
        self.faults: dict[str, tuple[str, Any]] = {}
        self.logins: set[str] = set()
        self.count: Counter[str] = Counter()
        self.open = self.most_open = 0
        self.asked: list[dict[str, str]] = []
        self.flooding = 0
        self.turns: Counter[str] = Counter()

    # -- orders ------------------------------------------------------------------------------------------------------

    async def handle(self, verb: str, *arguments: Any) -> Any:
        return getattr(self, f"do_{verb}")(*arguments)

    def do_set(self, name: str, value: Any) -> None:
        self.values[name] = SPECIAL.get(value, value) if isinstance(POINTS[name].value, float) else value

    def do_get(self, name: str) -> Any:
        return self.values[name]

    def do_flood(self, values: int) -> None:
        """Documents ``/flood/<n>`` with numbers ``v0`` …: how often the document was asked for."""
        self.flooding = values

    def do_answered(self) -> int:
        """Values in documents that a flood has handed out."""
        return self.flooding * self.turns.total()

    # -- serving -----------------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        self.count["connections"] += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, asyncio.CancelledError, ValueError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.count[f"{method} {path}"] += 1
        self.asked.append(headers)
        kind, detail = self.faults.get(path, ("", None))
        if kind == "delay":
            await asyncio.sleep(detail)
        elif kind == "silent":
            await asyncio.sleep(3600)
        elif kind:
            return await self._misbehave(writer, kind, detail)
        if self.logins and headers.get("authorization", headers.get("x-api-key")) not in self.logins:
            return await self._say(writer, 401, b"{}")
        status, answer = self._answer(method, path, body)
        etag = '"' + hashlib.sha1(answer).hexdigest() + '"'
        if method == "GET" and status == 200 and headers.get("if-none-match") == etag:
            self.count["unchanged"] += 1
            return await self._say(writer, 304, b"", f"ETag: {etag}\r\n")
        return await self._say(writer, status, answer, f"ETag: {etag}\r\n")

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        name = path.removeprefix("/points/")
        if self.flooding and path.startswith("/flood/"):
            self.turns[path] += 1
            found: Any = dict.fromkeys((f"v{number}" for number in range(self.flooding)), float(self.turns[path]))
        elif path == "/other":
            found = self.other
        elif path == "/points":
            found = self.values
        elif name in self.values and method == "PUT":
            self.values[name] = json.loads(body)["value"]
            found = {}
        elif name in self.values:
            found = self.values[name]
        else:
            return 404, b'{"error": "no such document"}'
        return 200, json.dumps(found, ensure_ascii=False).encode()

    async def _say(self, writer: asyncio.StreamWriter, status: int, body: bytes, more: str = "") -> bool:
        length = "" if status == 304 else f"Content-Length: {len(body)}\r\n"
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{length}{more}\r\n".encode() + body)
        await writer.drain()
        return True

    async def _misbehave(self, writer: asyncio.StreamWriter, kind: str, detail: Any) -> bool:
        match kind:
            case "status":
                return await self._say(writer, detail, b'{"bool": true}', "Retry-After: 1\r\n" if detail == 429 else "")
            case "redirect":
                return await self._say(writer, 302, b"", f"Location: {detail}\r\n")
            case "body":
                return await self._say(writer, 200, detail.encode())
            case "deep":
                return await self._say(writer, 200, b"[" * detail)
            case "gzip":
                return await self._say(writer, 200, gzip.compress(b" " * detail), "Content-Encoding: gzip\r\n")
            case "big":
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                    await writer.drain()
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while True:
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "drip_head":
                writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
                while True:
                    writer.write(b"y")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case "cut":
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"number": 1')
                await writer.drain()
            case "garbage":
                writer.write(b"\x00\xff" * 200)
                await writer.drain()
            case "headers":
                writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"y" * 200_000 + b"\r\n\r\n{}")
                await writer.drain()
        return False


def basic(user: str, password: str) -> str:
    """What a browser sends for a name and a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def serve(port: int) -> Any:
    """Start the server."""
    sensor = Sensor()
    await sensor.start(port)
    return sensor.handle


if __name__ == "__main__":
    obey(serve)
