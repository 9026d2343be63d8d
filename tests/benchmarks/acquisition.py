"""``acquisition``: how much of its library each driver leaves, and whether the screen keeps its beat at 5,000 and 20,000 updates a second.

Per protocol a flooded test server, and in turn the fastest bare form of the library and our driver with its supervisor and the live
table, each in a process of its own. ``ratio`` is the smaller of (updates per second, ours ÷ bare) and (CPU time per update,
bare ÷ ours). A machine that reports by itself sets the pace: there the first is the share of what it reported that arrived, ours ÷
bare. Losses are checked against what the server counted.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Any, Final

from tests.benchmarks.flood import Flood
from tests.benchmarks.floods import FLOODS
from tests.benchmarks.machine import load
from tests.benchmarks.start import ROOT, environment
from tests.servers.process import ServerProcess

RATES: Final = {"5k": (1_250, 1_250), "20k": (2_500, 7_500)}
"""OPC UA and Modbus tags, every one twice a second."""
PENS: Final = 8


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures."""
    seconds, rounds, watched = (2.0, 1, 7.0) if quick else (8.0, 3, 30.0)
    chosen = [name for name in os.environ.get("BENCH_ONLY", ",".join(FLOODS)).split(",") if name in FLOODS]
    loads = [load()]
    figures: dict[str, Any] = {name: _protocol(name, FLOODS[name], seconds, rounds) for name in chosen}
    loads.append(load())
    if "BENCH_ONLY" not in os.environ:
        for word, (opcua, modbus) in RATES.items():
            found = _late(opcua, modbus, "auto", watched)
            figures[f"gui_late_p99_ms_{word}"] = found["late_p99_ms"]
            figures[f"gui_{word}"] = found
        loads.append(load())
    return figures | {"load_average": [min(loads), max(loads)], "seconds": seconds, "rounds": rounds}


def _protocol(name: str, flood: Flood, seconds: float, rounds: int) -> dict[str, Any]:
    server = ServerProcess(flood.server).start()
    try:
        server.tell(*flood.order)
        found: dict[str, list[dict[str, Any]]] = {"bare": [], "product": []}
        for _ in range(rounds):
            found["bare"].append(_probe(name, "bare", server.port, seconds))
            before = server.tell(flood.answered) if flood.answered else 0
            ours = _probe(name, "product", server.port, seconds)
            answered = (server.tell(flood.answered) - before) / flood.per_value if flood.answered else 0
            found["product"].append(ours | {"lost": _lost(flood, ours, answered)})
    finally:
        server.kill()
    bare_s, ours_s = (_median([r["updates"] / r["seconds"] for r in found[form]]) for form in ("bare", "product"))
    rates = [_median([_reached(flood, r) for r in found[form]]) for form in ("product", "bare")]
    bare_us, ours_us = (_median([r["cpu_s"] / max(1, r["updates"]) * 1e6 for r in found[form]]) for form in ("bare", "product"))
    return {
        "ratio": round(min(rates[0] / rates[1], bare_us / ours_us), 2),
        "updates_s": round(ours_s),
        "cpu_share": round(_median([r["cpu_s"] / r["seconds"] for r in found["product"]]), 3),
        "lost": sum(r["lost"] + r["bad"] for r in found["product"]),
        "rate_ratio": round(rates[0] / rates[1], 2),
        "cpu_ratio": round(bare_us / ours_us, 2),
        "us_per_update": round(ours_us, 1),
        "bare_updates_s": round(bare_s),
        "bare_us_per_update": round(bare_us, 1),
    }


def _reached(flood: Flood, found: dict[str, Any]) -> float:
    """Values a second; of a machine that reports by itself the share of its turns that arrived."""
    return float(found["updates"] / (max(1, found["turns"]) if flood.reports else found["seconds"]))


def _lost(flood: Flood, ours: dict[str, Any], answered: float) -> int:
    """Turns that did not arrive; of a protocol that is asked, values handed out that did not, but for what was on its way at the end."""
    if flood.reports:
        return max(0, ours["turns"] - ours["updates"])
    missing = round(answered) - flood.learning - ours["ever"]
    return missing if missing > flood.in_flight else 0


def _probe(name: str, form: str, port: int, seconds: float) -> dict[str, Any]:
    words = ["-m", "tests.benchmarks.flood_probe", name, form, str(port), repr(seconds)]
    answer = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment(), check=True, capture_output=True, text=True, timeout=180)
    found: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
    return found


def _late(opcua: int, modbus: int, mode: str, seconds: float) -> dict[str, Any]:
    env = environment(BENCH_OPCUA_TAGS=str(opcua), BENCH_MODBUS_TAGS=str(modbus), BENCH_NOISY=str(PENS // 2))
    words = ["-m", "tests.benchmarks.lateness", mode, repr(seconds)]
    answer = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, check=True, capture_output=True, text=True, timeout=300)
    found: dict[str, Any] = json.loads(answer.stdout.strip().splitlines()[-1])
    return found


def _median(values: list[float]) -> float:
    return statistics.median(values)
