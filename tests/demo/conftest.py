"""A running plant for the tests: processes, ports and clients of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.demo.plant import PlantOptions, command, control

_ROOT = Path(__file__).resolve().parents[2]


@dataclass
class RunningPlant:
    """A plant process; ``do`` gives it a command."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]

    def do(self, words: str) -> dict[str, Any]:
        host, port = self.ready["control"].rsplit(":", 1)
        return control(host, int(port), words)

    @property
    def servers(self) -> list[psutil.Process]:
        return [psutil.Process(server["pid"]) for server in self.do("status")["servers"].values() if server["pid"]]

    def end(self) -> int:
        """Close its standard input, as a demo that ends does; its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(60)


def start_plant(options: PlantOptions) -> RunningPlant:
    process = subprocess.Popen(command(options), cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the plant ended with {process.wait(60)} before it was ready"
    return RunningPlant(process, json.loads(line))


def finish(running: RunningPlant) -> None:
    with contextlib.suppress(ProcessLookupError):
        running.process.kill()
    running.process.wait(60)
    for pipe in (running.process.stdin, running.process.stdout):
        assert pipe is not None
        pipe.close()


def gone(pids: list[int], within_s: float = 60.0) -> bool:
    """True when none of ``pids`` runs any more."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def plant() -> Iterator[RunningPlant]:
    """One plant for the tests of a module; each test leaves it without faults."""
    running = start_plant(PlantOptions(port_base=24710, seed=7, speed=20.0, until_stdin_closes=True))
    yield running
    pids = [process.pid for process in running.servers]
    assert running.end() == 0
    finish(running)
    assert gone(pids)


@pytest.fixture
def new_plant() -> Iterator[Callable[..., RunningPlant]]:
    """Start plants of one's own; they are gone after the test."""
    started: list[RunningPlant] = []

    def start(**options: Any) -> RunningPlant:
        started.append(start_plant(PlantOptions(**{"port_base": 24740, "until_stdin_closes": True, **options})))
        return started[-1]

    yield start
    for running in started:
        finish(running)
