"""``genba plant``: the simulated factory as a running system: physics, truth, control, and one process per protocol server."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import math
import os
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.clock import SystemClock
from core.demo import secured
from core.demo.board import Board
from core.demo.commands import ControlServer, ask
from core.demo.physics import Plant
from core.demo.physics_states import STEP_MS
from core.demo.processes import HOST, parent_gone
from core.demo.servers import ServerProcess
from core.demo.taglist import SERVED_BY, TAGS_FILE, read_tags
from core.demo.truth import Ledger, Timeline
from core.errors import GenbaError, Invalid

DEFAULT_CONTROL = (HOST, 24850)
_SCHEMES = {
    "opcua": "opc.tcp",
    "secure": "opc.tcp",
    "modbus": "modbus",
    "ethernetip": "ethernetip",
    "mqtt": "mqtt",
    "sparkplug": "mqtt",
    "rtu": "modbus+rtu",
    "http": "http",
}
_TICK_S = 0.1
_SLICE_MS = 10_000  # simulated time worked off between two looks at the clock
_MOST_OWED_S = 2.0  # a computer that slept does not make up for it
_MOST_SPEED = 5000.0


@dataclass(frozen=True, slots=True)
class PlantOptions:
    """How to run the plant.

    Attributes:
        speed: Simulated seconds per second, 0.01 … 5000.
        seed: Decides everything left to chance.
        port_base: When given, the ports are this and the numbers after it, in the order of ``ports``.
        opcua_port, modbus_port, control_port, ethernetip_port, mqtt_port, sparkplug_port, rtu_port, http_port, secure_port: Wanted
            ports; a busy one gives way to the next free one.
        respawn: Start a server process again when it dies by itself.
        with_parent: Process id; the plant ends when that process ends. None: it does not care.
        until_stdin_closes: End when standard input ends.
        tags: Another tag list; None for the demo's own.
        keep: Folder in which the secured server keeps its certificate; None: another one at every start.
    """

    speed: float = 1.0
    seed: int = 1
    port_base: int | None = None
    opcua_port: int = 24840
    modbus_port: int = 15020
    mqtt_port: int = 18830
    sparkplug_port: int = 18840
    control_port: int = DEFAULT_CONTROL[1]
    ethernetip_port: int = 24818
    rtu_port: int = 15021
    http_port: int = 15080
    secure_port: int = 24845
    respawn: bool = False
    with_parent: int | None = None
    until_stdin_closes: bool = False
    tags: Path | None = None
    keep: Path | None = None

    def ports(self) -> dict[str, int]:
        """Wanted ports by kind of server, and that of ``control``."""
        own = {
            "opcua": self.opcua_port,
            "modbus": self.modbus_port,
            "control": self.control_port,
            "ethernetip": self.ethernetip_port,
            "mqtt": self.mqtt_port,
            "sparkplug": self.sparkplug_port,
            "rtu": self.rtu_port,
            "http": self.http_port,
            "secure": self.secure_port,
        }
        return own if self.port_base is None else dict(zip(own, range(self.port_base, self.port_base + len(own)), strict=True))


def run(options: PlantOptions) -> int:
    """Run the plant until it is told to end (SIGINT, SIGTERM, its parent, its standard input); the exit code: 0, or 1 for a bad start.

    Prints one JSON line when everything answers, and nothing else on standard output; a bad start is one line on standard error.
    """
    try:
        return asyncio.run(_Running(options).run())
    except GenbaError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def control(host: str, port: int, command: str | Sequence[str]) -> dict[str, Any]:
    """Ask a running plant; ``command`` as on the command line (``stop L2 --reason D07 --for 30``). Blocks for up to 40 s.

    Raises:
        NotConnected: ``demo.unreachable``.
        GenbaError: What the plant answered.
    """
    return ask(host, port, shlex.split(command) if isinstance(command, str) else command)


def command(options: PlantOptions) -> list[str]:
    """The command line that starts a plant with ``options`` in a process of its own."""
    line = [sys.executable, "-m", "core.demo", "--speed", f"{options.speed}", "--seed", f"{options.seed}"]
    for kind, port in options.ports().items():
        line += [f"--{kind}-port", f"{port}"]
    if options.respawn:
        line.append("--respawn")
    if options.with_parent is not None:
        line += ["--with-parent", f"{options.with_parent}"]
    if options.until_stdin_closes:
        line.append("--until-stdin-closes")
    for word, path in (("--tags", options.tags), ("--keep", options.keep)):
        line += [word, str(path)] if path is not None else []
    return line


class _Running:
    """The plant's loop: owns physics, board, truth and the server processes."""

    def __init__(self, options: PlantOptions) -> None:
        if not 0.01 <= options.speed <= _MOST_SPEED:
            raise Invalid("demo.speed", speed=options.speed, most=_MOST_SPEED)
        self._options = options
        self._clock = SystemClock()
        self._speed = options.speed
        self._paused = False
        self._owed_ms = 0.0
        self._plant = Plant(options.seed)
        self._tags_file = (options.tags or TAGS_FILE).resolve()
        now = self._clock.now().timestamp()
        self._board = Board(read_tags(self._tags_file), self._plant.values(), now)
        self._timeline = Timeline(now, self._speed)
        self._ledger = Ledger(self._plant, self._timeline)
        self._servers = {kind: self._server(source, kind) for source, kind in SERVED_BY.items()}
        self._spare = tempfile.TemporaryDirectory(prefix="genba-plant-", ignore_cleanup_errors=True)
        self._identity = secured.Identity(options.keep or Path(self._spare.name), self._clock)
        self._end = asyncio.Event()

    def _server(self, source: str, kind: str) -> ServerProcess:
        return ServerProcess(kind, self._options.ports()[kind], self._tags_file, lambda: self._board.entries(source), self._on_write)

    async def run(self) -> int:
        """Start, say so, run, end."""
        began = self._clock.monotonic()
        control_server = ControlServer(self._handle)
        watch = self._watch_for_end()
        ticking: asyncio.Task[None] | None = None
        try:
            shown = await asyncio.to_thread(self._identity.certificate, "first")
            self._servers["secure"].proof = self._identity.files("first")
            await asyncio.gather(*(server.start() for server in self._servers.values()))
            await control_server.start(self._options.ports()["control"])
            for server in self._servers.values():
                server.respawn = self._options.respawn
            ready = {"ready": True, **self._addresses(control_server.port), "seed": self._options.seed, "speed": self._speed}
            ready |= {"certificate": base64.b64encode(shown).decode()}
            ready |= {"tags": len(self._board.tags), "ready_s": round(self._clock.monotonic() - began, 3)}
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            ticking = asyncio.create_task(self._tick(), name="physics")
            ended = asyncio.create_task(self._end.wait(), name="end")
            await asyncio.wait({ticking, ended}, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if ticking.done():
                ticking.result()  # physics never ends by itself: show why
            return 0
        finally:
            for task in (*watch, *((ticking,) if ticking else ())):
                task.cancel()
            await control_server.close()
            await asyncio.gather(*(server.close() for server in self._servers.values()))
            self._spare.cleanup()

    def _addresses(self, control_port: int) -> dict[str, Any]:
        return {
            **{kind: f"{_SCHEMES[kind]}://{HOST}:{server.port}" for kind, server in self._servers.items()},
            "control": f"{HOST}:{control_port}",
            "pid": os.getpid(),
            "servers": {kind: server.pid for kind, server in self._servers.items()},
        }

    def _watch_for_end(self) -> list[asyncio.Task[None]]:
        loop = asyncio.get_running_loop()
        if sys.platform != "win32":
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._end.set)
        if self._options.until_stdin_closes:
            threading.Thread(target=_wait_for_stdin, args=(loop, self._end), daemon=True, name="stdin").start()
        if self._options.with_parent is None:
            return []

        async def wait(pid: int) -> None:
            await parent_gone(pid)
            self._end.set()

        return [asyncio.create_task(wait(self._options.with_parent), name="parent")]

    # -- time ---------------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        last = self._clock.monotonic()
        count = 0
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._clock.monotonic()
            if not self._paused:
                self._owed_ms = min(self._owed_ms + (now - last) * 1000.0 * self._speed, _MOST_OWED_S * 1000.0 * self._speed)
            last = now
            await self._work_off()
            count += 1
            self._show(analog=count % 3 == 0)

    async def _work_off(self) -> None:
        while self._owed_ms >= STEP_MS:
            span_ms = int(min(self._owed_ms, _SLICE_MS)) // STEP_MS * STEP_MS
            self._plant.advance(span_ms)
            self._owed_ms -= span_ms
            await asyncio.sleep(0)  # commands and servers are not kept waiting at high speed
        self._timeline.anchor(self._plant.now_ms, self._clock.now().timestamp(), self._speed)

    def _show(self, *, analog: bool) -> None:
        changed = self._board.refresh(self._plant.values(), self._clock.now().timestamp(), analog=analog)
        for source, kind in SERVED_BY.items():
            self._servers[kind].push([entry for entry in changed if self._board.tags[entry[0]].source == source])

    def _on_write(self, tag: str, value: float) -> None:
        with contextlib.suppress(GenbaError):  # the gate has judged it; a tag list of one's own may name more than the physics takes
            self._plant.write(tag, value)

    # -- commands -----------------------------------------------------------------------------------------------------

    async def _handle(self, words: argparse.Namespace) -> dict[str, Any]:
        match words.verb:
            case "truth":
                return {**self._ledger.account(words.since, words.until), "speed": self._speed, "paused": self._paused}
            case "mark":
                return self._ledger.mark(words.name)
            case "status":
                return self._status()
            case "tags":
                return {"tags": self._board.view(words.prefix)}
            case "stop":
                self._plant.stop(words.target, words.reason, None if words.for_s is None else round(words.for_s * 1000))
            case "start":
                self._plant.start(words.target)
            case "kill":
                await self._servers[words.server].kill()
            case "restart":
                return await self._restart(self._servers[words.server])
            case "certificate":
                return await self._show_certificate(words.which)
            case "freeze":
                self._board.fault(words.tag, "frozen")
            case "unfreeze" | "clear":
                self._clear(words.tag)
            case "bad":
                self._board.fault(words.tag, "bad")
            case "garbage":
                self._board.fault(words.tag, words.kind)
            case "counter":
                self._plant.unit(words.target).disturb_counter(words.how)
            case "state":
                self._say_state(words.target, words.raw)
            case "drift":
                self._plant.drift(words.tag, words.amount)
            case "pause" | "resume":
                self._paused = words.verb == "pause"
            case "speed":
                self._set_speed(words.factor)
        self._show(analog=True)
        return {"simulated_s": self._plant.now_ms / 1000.0}

    def _status(self) -> dict[str, Any]:
        return {
            "servers": {kind: {"pid": server.pid, "port": server.port} for kind, server in self._servers.items()},
            "speed": self._speed,
            "paused": self._paused,
            "simulated_s": self._plant.now_ms / 1000.0,
            "faults": {name: view["fault"] for name, view in self._board.view().items() if view["fault"]},
        }

    async def _restart(self, server: ServerProcess) -> dict[str, Any]:
        began = self._clock.monotonic()
        await server.kill()
        await server.start()
        return {"pid": server.pid, "port": server.port, "ready_s": round(self._clock.monotonic() - began, 3)}

    async def _show_certificate(self, which: secured.Which) -> dict[str, Any]:
        """As if the secured controller was exchanged for another one, or the first one came back."""
        if which == "exchanged":
            await asyncio.to_thread(self._identity.renew)
        self._servers["secure"].proof = self._identity.files(which)
        return await self._restart(self._servers["secure"])

    def _say_state(self, unit: str, raw: str) -> None:
        self._board.show_raw(_tag_of(self._plant.unit(unit).spec.code, "State"), raw, self._clock.now().timestamp())

    def _clear(self, tag: str) -> None:
        if tag in self._plant.units:
            self._plant.unit(tag).disturb_counter("")
            tag = _tag_of(tag, "State")
        self._board.fault(tag, "")
        with contextlib.suppress(GenbaError):  # only measured quantities can drift
            self._plant.drift(tag, 0.0)

    def _set_speed(self, factor: float) -> None:
        if not math.isfinite(factor) or not 0.01 <= factor <= _MOST_SPEED:
            raise Invalid("demo.speed", speed=factor, most=_MOST_SPEED)
        self._speed = factor
        self._timeline.anchor(self._plant.now_ms, self._clock.now().timestamp(), factor)


def _tag_of(unit: str, name: str) -> str:
    return f"{unit.replace('-', '.')}.{name}"


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, end: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not through the buffer: its lock, held by a daemon thread, aborts the interpreter's end
        pass
    with contextlib.suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(end.set)
