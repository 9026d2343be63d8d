"""The plant's side of its server processes: start, feed, kill, restart. A killed server stays dead until told otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.demo.board import Entry
from core.demo.processes import free_port
from core.errors import Unavailable

_ROOT = Path(__file__).resolve().parents[2]
_READY_S = 30.0
_END_S = 3.0
_MOST_WAITING = 1 << 20  # bytes; a server that stands still (SIGSTOP) must not fill the plant's memory


class ServerProcess:
    """One protocol server in a process of its own. All methods run on the plant's loop.

    Args:
        kind: See ``taglist.SERVED_BY``.
        port: Wanted port; the next free one is taken and kept when it is busy at the first start.
        tags_file: The tag list, read again by the server itself.
        entries: Gives everything the server shows now.
        on_write: Told of a client's accepted write: tag name, engineering value.

    Attributes:
        respawn: Start it again when it dies by itself.
        proof: Files with certificate and key, which it shows from its next start on; None where it needs none.
    """

    def __init__(
        self, kind: str, port: int, tags_file: Path, entries: Callable[[], list[Entry]], on_write: Callable[[str, float], None]
    ) -> None:
        self.kind = kind
        self.port = port
        self.respawn = False
        self.proof: tuple[Path, Path] | None = None
        self._tags_file = tags_file
        self._entries = entries
        self._on_write = on_write
        self._settled = False
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._behind = False
        self._wanted = False

    @property
    def pid(self) -> int | None:
        """Process id; None while it is dead."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start and wait until it answers. Raises Unavailable ``demo.no_port`` or ``demo.server_failed``."""
        self._wanted = True
        for _ in range(5):
            if not self._settled:
                port = free_port(self.port)
                if port is None:
                    raise Unavailable("demo.no_port", server=self.kind, port=self.port)
                self.port = port
            answer = await self._launch()
            if "ready" in answer:
                self._settled = True
                return
            if not answer.get("again"):
                break
            await asyncio.sleep(0.3)  # another program took the port between the look and the start
        raise Unavailable("demo.server_failed", server=self.kind, detail=str(answer.get("failed", "")))

    async def _launch(self) -> dict[str, Any]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))}
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "core.demo.server_process",
            self.kind,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        settings = {"port": self.port, "tags": str(self._tags_file), "entries": self._entries()}
        self._send(settings | ({"proof": [str(path) for path in self.proof]} if self.proof is not None else {}))
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _READY_S)
            answer: dict[str, Any] = json.loads(line) if line else {"failed": f"ended with code {await process.wait()}"}
        except (TimeoutError, json.JSONDecodeError) as reason:
            answer = {"failed": str(reason) or "no answer"}
        if "ready" not in answer:
            await self._end(process)
            return answer
        self._behind = True  # what changed while it was loading follows with the next push
        self._listener = asyncio.create_task(self._listen(process), name=f"listen {self.kind}")
        return answer

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # a pipe since the launch
        while line := await process.stdout.readline():
            tag, value = json.loads(line)["write"]
            self._on_write(tag, value)
        await process.wait()
        while self.respawn and self._wanted:
            await asyncio.sleep(0.5)
            with contextlib.suppress(Unavailable):
                await self.start()
                return  # its new listener takes over

    def push(self, entries: list[Entry]) -> None:
        """Send what changed; a server that does not keep up gets everything at once when it does again."""
        if self.pid is None or self._process is None or self._process.stdin is None:
            return
        waiting = self._process.stdin.transport.get_write_buffer_size()
        if self._behind or waiting > _MOST_WAITING:
            self._behind = waiting > 0
            entries = [] if self._behind else self._entries()
        if entries:
            self._send({"entries": entries})

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process is not None  # callers have looked
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError, RuntimeError):  # it died a moment ago; its listener will notice
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def kill(self) -> None:
        """Kill it as a power failure would; it stays dead until ``start``."""
        self._wanted = False
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._forget()

    async def close(self) -> None:
        """Let it end by itself; kill it when it does not."""
        self._wanted = False
        if self._process is not None:
            await self._end(self._process)
        await self._forget()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _forget(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None and listener is not asyncio.current_task():
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
        self._process = None
