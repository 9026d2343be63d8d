"""``latency``: from the server's write to the tile's paint, 500 tags twice a second over each protocol, and how the screen keeps its beat.

Beside the product as it is shipped: the same window with the drivers on the GUI's own loop (the plain way to write such
a program), and the two client libraries alone without any screen (the floor that server and protocol leave).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.load import MODBUS_TAGS, NOISY, OPCUA_TAGS, PERIOD_S, write_site
from tests.benchmarks.machine import load
from tests.benchmarks.start import ROOT, environment, run_measured
from tests.servers.process import free_port

SIZE = "1920x1080"


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds of measuring."""

    product_s: float
    in_loop_s: float
    bare_s: float


QUICK = Plan(product_s=15.0, in_loop_s=8.0, bare_s=6.0)
FULL = Plan(product_s=60.0, in_loop_s=20.0, bare_s=15.0)


@contextmanager
def feed(name: str, **more: str) -> Iterator[int]:
    """A server in a process of its own, with ``more`` in its environment; yields its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.{name}", str(port)],
        cwd=ROOT,
        env=environment(**more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None  # both were asked for as pipes
    try:
        if json.loads(process.stdout.readline() or "null") != "ready":
            raise RuntimeError(f"{name} does not serve")
        yield port
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures."""
    plan = QUICK if quick else FULL
    with plant() as (home, opcua, modbus):
        loads = [load()]
        product = screen(home, plan.product_s, "auto")
        loads.append(load())
        in_loop = screen(home, plan.in_loop_s, "gui")
        bare = run_measured(["tests.benchmarks.bare_clients", str(opcua), str(modbus), repr(plan.bare_s)])
        loads.append(load())
    return _figures(product, in_loop, bare, plan) | {"load_average": [min(loads), max(loads)]}


@contextmanager
def plant() -> Iterator[tuple[Path, int, int]]:
    """Both servers and a station's home that knows them: its folder, their ports."""
    with tempfile.TemporaryDirectory(prefix="genba-bench-") as folder, feed("feed_opcua") as opcua, feed("feed_modbus") as modbus:
        home = Path(folder) / "home"
        site = write_site(Path(folder), opcua, modbus)
        applying = ["-m", "hmi", "site", "apply", str(site)]
        subprocess.run([sys.executable, *applying], cwd=ROOT, env=environment(GENBA_HOME=str(home)), check=True, stdout=subprocess.DEVNULL)
        yield home, opcua, modbus


def screen(home: Path, seconds: float, acquisition: str) -> dict[str, Any]:
    """The product with a line and a trend on its screen, watched for ``seconds``."""
    words = ["tests.benchmarks.latency_probe", "--size", SIZE, "--language", "en"]
    return run_measured(words, GENBA_HOME=str(home), GENBA_ACQUISITION=acquisition, BENCH_WATCH_S=repr(seconds))


def _figures(product: dict[str, Any], in_loop: dict[str, Any], bare: dict[str, Any], plan: Plan) -> dict[str, Any]:
    due = product["tiles"] * plan.product_s / PERIOD_S
    drawn = len(product["opc"]) + len(product["mod"])
    return {
        "opcua_p99_ms": _ms(product["opc"], 0.99),
        "modbus_p99_ms": _ms(product["mod"], 0.99),
        "gui_late_p99_ms": round(share(product["late_ms"], 0.99), 1),
        "publishing_interval_ms": PERIOD_S * 1000,
        "polling_interval_ms": PERIOD_S * 1000,
        "opcua_p50_ms": _ms(product["opc"], 0.5),
        "modbus_p50_ms": _ms(product["mod"], 0.5),
        "gui_late_max_ms": round(max(product["late_ms"]), 1),
        "updates_per_s": round(product["updates_per_s"]),
        "tags": {"opcua": OPCUA_TAGS, "modbus": MODBUS_TAGS, "of_them_in_the_trend": 2 * NOISY},
        "tiles": product["tiles"],
        "values_drawn_share": round(drawn / due, 3),
        "trend_redraws_per_s": round(product["trend_redraws"] / plan.product_s, 1),
        "gui_cpu_share": round(product["cpu_s"] / plan.product_s, 3),
        "rss_mb": product["memory"]["rss"],
        "in_loop_opcua_p99_ms": _ms(in_loop["opc"], 0.99),
        "in_loop_modbus_p99_ms": _ms(in_loop["mod"], 0.99),
        "in_loop_gui_late_p99_ms": round(share(in_loop["late_ms"], 0.99), 1),
        "gui_late_ratio": round(share(product["late_ms"], 0.99) / max(share(in_loop["late_ms"], 0.99), 0.1), 2),
        "bare_opcua_p99_ms": _ms(bare["opcua"], 0.99),
        "bare_modbus_p99_ms": _ms(bare["modbus"], 0.99),
        "measured_s": plan.product_s + plan.in_loop_s + plan.bare_s,
    }


def _ms(delays: list[float], part: float) -> float:
    return round(share(delays, part) * 1000, 1)


def share(values: list[float], part: float) -> float:
    """See ``heartbeat.share``; loaded late, because it brings Qt with it."""
    from tests.benchmarks.heartbeat import share as of

    return of(values, part)
