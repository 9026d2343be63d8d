"""Both ends of a test server: the test's handle on the process, and the loop inside it that obeys."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port nobody listens on, below the range from which the system takes ports for outgoing connections.

    A client that retries a closed port of that range can connect to itself and keep the server from binding it.
    """
    start = 20000 + os.getpid() * 37 % 9000
    for port in range(start, 32000):
        if port in _GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _GIVEN.add(port)
        return port
    raise OSError("no free port")


_GIVEN: set[int] = set()


class ServerProcess:
    """``tests.servers.<name>`` (or of another ``package``) on a port of 127.0.0.1; starts, obeys, freezes, dies and comes back."""

    def __init__(self, name: str, port: int | None = None, *words: str, package: str = "tests.servers") -> None:
        self.name = name
        self._command = [f"{package}.{name}", *words]
        self.port = port or free_port()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> ServerProcess:
        """Start it and wait until it serves."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._command[0], str(self.port), *self._command[1:]],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("SHOW_SERVERS") else subprocess.DEVNULL,
            text=True,
        )
        assert self._line() == "ready"
        return self

    def _line(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"server {self.name} ended")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def tell(self, verb: str, *arguments: Any) -> Any:
        """Give one order and wait for its answer."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([verb, *arguments]) + "\n")
        self._process.stdin.flush()
        return self._line()

    def freeze(self) -> None:
        """Stop the process as a hung PLC does: its sockets stay open and say nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once; its sockets are closed by the system."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None


def obey(serve: Callable[[int], Awaitable[Callable[..., Awaitable[Any]]]]) -> None:
    """Run a server: ``serve(port)`` starts it and returns what handles the orders; ends with its standard input."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        handle = await serve(int(sys.argv[1]))
        lines: asyncio.Queue[str | None] = asyncio.Queue()

        def read() -> None:
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

        threading.Thread(target=read, daemon=True).start()
        print('"ready"', flush=True)
        while (line := await lines.get()) is not None:
            try:
                answer = await handle(*json.loads(line))
            except Exception as error:  # noqa: BLE001 - told to the test, which fails with it
                answer = {"error": repr(error)}
            print(json.dumps(answer), flush=True)
        os._exit(0)

    asyncio.run(run())
