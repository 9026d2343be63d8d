"""Main of a server process: ``python -m core.demo.server_process KIND``, started by the plant and fed through its stdin.

In: one line of settings ``{"port", "tags", "entries", "proof"}``, then ``{"entries": [...]}`` per change. Out: ``{"ready": port}`` or
``{"failed": text, "again": whether another try may help}``, then ``{"write": [tag, value]}`` per accepted write of a client.
The process ends when its stdin ends, so a plant that dies, however it dies, leaves nobody behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, TextIO

from core.demo.board import Entry
from core.demo.gate import Gate
from core.demo.processes import die_with_parent
from core.demo.taglist import SERVED_BY, read_tags
from core.live.tags import TagSpec

_END_S = 1.5


class ProtocolServer(Protocol):
    """What every server can do."""

    async def start(self, port: int, entries: Iterable[Entry]) -> None:
        """Open the port with these values in place; raises OSError when it is taken."""
        ...

    async def show(self, entries: Iterable[Entry]) -> None:
        """Take over changed values."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...


def _server(kind: str, tags: list[TagSpec], gate: Gate, proof: tuple[Path, Path] | None) -> ProtocolServer:
    match kind:
        case "opcua" | "secure":
            from core.demo.opcua_server import OpcUaServer

            return OpcUaServer(tags, gate, proof)
        case "ethernetip":
            from core.demo.ethernetip_server import EtherNetIpServer

            return EtherNetIpServer(tags, gate)
        case "modbus" | "rtu":
            from core.demo.modbus_server import ModbusServer

            return ModbusServer(tags, gate, rtu=kind == "rtu")
        case "http":
            from core.demo.http_server import HttpServer

            return HttpServer(tags, gate)
        case "mqtt":
            from core.demo.mqtt_server import MqttServer

            return MqttServer(tags, gate)
        case "sparkplug":
            from core.demo.sparkplug_server import SparkplugServer

            return SparkplugServer(tags, gate)
        case unknown:
            raise ValueError(f"no server of kind {unknown}")


class _Feed:
    """Lines from the plant, read by a thread of its own because Windows' loop cannot wait for a pipe."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._loop = loop
        threading.Thread(target=self._read, daemon=True, name="feed").start()

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            # Not through the buffer: its lock, held by a daemon thread, aborts the interpreter's end.
            while chunk := os.read(sys.stdin.fileno(), 1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._loop.call_soon_threadsafe(self.lines.put_nowait, json.loads(line))
            self._loop.call_soon_threadsafe(self.lines.put_nowait, None)
        time.sleep(_END_S)
        os._exit(0)  # a loop that hangs in a library must not outlive the plant


async def _serve(kind: str, out: TextIO) -> None:
    feed = _Feed(asyncio.get_running_loop())
    settings = await feed.lines.get()
    if settings is None:
        return

    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    tags = [tag for tag in read_tags(Path(settings["tags"])) if SERVED_BY[tag.source] == kind]
    gate = Gate(tags, lambda name, value: say({"write": [name, value]}))
    try:
        proof = settings.get("proof")
        server = _server(kind, tags, gate, (Path(proof[0]), Path(proof[1])) if proof else None)
        await server.start(settings["port"], settings["entries"])
    except (OSError, ValueError) as reason:
        say({"failed": str(reason), "again": isinstance(reason, OSError)})
        return
    say({"ready": settings["port"]})
    while (message := await feed.lines.get()) is not None:
        await server.show(message["entries"])
    await asyncio.wait_for(server.stop(), _END_S)


def main(kind: str) -> None:
    """Serve until the plant goes away. Ctrl-C is left to the plant: it reaches the whole terminal group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
    out = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not break the talk with the plant
    for library in ("asyncua", "pymodbus", "pymodbus_internal"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    with contextlib.suppress(TimeoutError, BrokenPipeError):
        asyncio.run(_serve(kind, out))


if __name__ == "__main__":
    main(sys.argv[1])
