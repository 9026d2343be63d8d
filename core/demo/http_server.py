"""The simulated sensors of L5 as a real HTTP server: one JSON document per path of the tag list. Lives in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from core.demo.board import Entry
from core.demo.gate import Gate
from core.demo.processes import HOST
from core.live.tags import TagSpec

_IDLE_S = 60.0
_HEAD_BYTES = 8192
_WORDS = {200: "OK", 304: "Not Modified", 404: "Not Found", 405: "Method Not Allowed"}


class HttpServer:
    """Serves tags on loopback, for reading only.

    Args:
        tags: The tags of this server; addresses ``/path#a.b.value``, option ``time=a.b.at``, plain members only.
        gate: Keeps the latest raw values.
    """

    def __init__(self, tags: Iterable[TagSpec], gate: Gate) -> None:
        self._tags = {tag.name: tag for tag in tags}
        self._gate = gate
        self._entries: dict[str, Entry] = {}
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self, port: int, entries: Iterable[Entry]) -> None:
        """Open the port with these values in place; raises OSError when it is taken."""
        await self.show(entries)
        self._server = await asyncio.start_server(self._talk, HOST, port, limit=_HEAD_BYTES)

    async def show(self, entries: Iterable[Entry]) -> None:
        """Take over changed values."""
        for entry in entries:
            self._gate.remember(entry)
            self._entries[entry[0]] = entry

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # the server runs each talk as a task
        self._talks.add(task)
        try:
            while True:
                async with asyncio.timeout(_IDLE_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head.decode("latin-1")))
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError, ValueError):
            pass  # gone, or no HTTP
        finally:
            self._talks.discard(task)
            writer.transport.abort()

    def _answer(self, head: str) -> bytes:
        first, *lines = head.split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        document = self._document(path)
        status = 405 if method != "GET" else 200 if document else 404
        body = json.dumps(document or {}, ensure_ascii=False).encode()
        etag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        if status == 200 and headers.get("if-none-match") == etag:
            status, body = 304, b""
        length = "" if status == 304 else f"Content-Length: {len(body)}\r\n"
        lead = f"HTTP/1.1 {status} {_WORDS[status]}\r\nServer: genba-demo\r\nContent-Type: application/json\r\nETag: {etag}\r\n{length}\r\n"
        return lead.encode() + body

    def _document(self, path: str) -> dict[str, Any]:
        document: dict[str, Any] = {}
        for name, raw, fault, at in self._entries.values():
            tag = self._tags[name]
            where, _, member = tag.address.partition("#")
            if where == path:
                # A failed sensor has no value; one that sends text is a device with another firmware.
                shown = {"bad": None, "nan": "NaN", "text": "???"}.get(fault, raw)
                _put(document, member, shown)
                if "time" in tag.options:
                    _put(document, tag.options["time"], datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"))
        return document

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._server is not None:
            self._server.close()
            for task in list(self._talks):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*self._talks, return_exceptions=True)


def _put(document: dict[str, Any], member: str, value: Any) -> None:
    *path, last = member.split(".")
    for step in path:
        document = document.setdefault(step, {})
    document[last] = value
