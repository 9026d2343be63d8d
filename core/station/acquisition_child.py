"""One acquisition process and the two threads that talk to it."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import core
from core.drivers import wire
from core.drivers.host import Start

log = logging.getLogger(__name__)

OnMessage = Callable[["Child", str, Any], None]
OnEnd = Callable[["Child", int], None]


def host_command() -> tuple[list[str], dict[str, str]]:
    """The command and environment that run ``core.drivers.host`` with this interpreter and this source tree."""
    root = str(Path(core.__file__).resolve().parents[1])
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH", "")]))
    # -P keeps the current folder out of the path: a folder named "core" there must not be taken for ours.
    return [sys.executable, "-P", "-m", "core.drivers.host"], environment


class Child:
    """One acquisition process with the two threads that talk to it.

    Args:
        command: What to start.
        environment: Its environment.
        first: The message it waits for.
        outlet: Takes its batches, on the reading thread.
        on_message, on_end: Called on the reading thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        first: Start,
        outlet: wire.Outlet,
        on_message: OnMessage,
        on_end: OnEnd,
    ) -> None:
        self._command = list(command)
        self._environment = dict(environment)
        self._outlet = outlet
        self._on_message = on_message
        self._on_end = on_end
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._requests.put(first)
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread(target=self._run, name="acquisition reader", daemon=True)
        self._writer: threading.Thread | None = None
        self._unwanted = False
        self.heard = 0
        """Messages received, for noticing silence."""

    def start(self) -> None:
        """Start the process, on the reading thread: forking a large process takes longer than a frame."""
        self._reader.start()

    def ask(self, request: Any) -> None:
        """Queue one request; returns at once."""
        self._requests.put(request)

    def end(self) -> None:
        """Ask the process to end by closing what it reads."""
        self._unwanted = True
        self._requests.put(None)

    def kill(self) -> None:
        """End the process now."""
        self._unwanted = True
        process = self._process
        if process is not None:
            process.kill()

    def join(self) -> None:
        """Wait for the threads, which end right after ``on_end``."""
        self._reader.join()

    @property
    def pid(self) -> int | None:
        """Process id; None before it runs."""
        return self._process.pid if self._process is not None else None

    def _run(self) -> None:
        code = -1
        try:
            process = self._process = self._open()
            if self._unwanted:
                process.kill()
            self._writer = threading.Thread(target=self._write, args=(process,), name="acquisition writer", daemon=True)
            self._writer.start()
            code = self._read_until_end(process)
        except OSError as error:
            log.error("the acquisition process cannot be started: %s", error)
        finally:
            self._requests.put(None)
            if self._writer is not None:
                self._writer.join()
            self._on_end(self, code)

    def _open(self) -> subprocess.Popen[bytes]:
        no_window = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # only Windows knows it, and only there a window would open
        try:
            errors: int | None = None if sys.stderr is not None and sys.stderr.fileno() >= 0 else subprocess.DEVNULL
        except (OSError, ValueError):  # a screen program without a console
            errors = subprocess.DEVNULL
        return subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=self._environment,
            bufsize=0,
            creationflags=no_window,
        )

    def _read_until_end(self, process: subprocess.Popen[bytes]) -> int:
        assert process.stdout is not None  # both were asked for as pipes
        with contextlib.suppress(EOFError), process.stdout:
            while True:
                kind, content = wire.receive(process.stdout.fileno())
                self.heard += 1
                if kind == "batches":
                    for packed in content:
                        self._outlet.put(wire.unpack(packed))
                elif kind == "log":
                    level, name, text = content
                    logging.getLogger(name).log(level, "%s", text)
                elif kind != "alive":
                    self._on_message(self, kind, content)
        try:
            return process.wait(2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _write(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # see above
        with contextlib.suppress(OSError), process.stdin:
            while (request := self._requests.get()) is not None:
                try:
                    wire.send(process.stdin.fileno(), request)
                except (TypeError, AttributeError, pickle.PicklingError):
                    log.exception("a request cannot be sent to the acquisition process; ending it")
                    process.kill()
                    return
