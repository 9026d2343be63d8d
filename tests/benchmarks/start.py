"""``start``: how soon the shell answers a touch, how long the screen jerks while everything else is loaded behind it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from tests.benchmarks.machine import load

ROOT = Path(__file__).resolve().parents[2]
SCREEN = {"name": "panel", "x": 0, "y": 0, "width": 1024, "height": 768, "logicalDpi": 96, "logicalBaseDpi": 96, "dpr": 1}
"""The smallest panel PC. Window and yardstick fill it, as a station does that is started without further words."""
WATCH_S = 10.0
FIRST_RUN_WATCH_S = 20.0
"""Making a database takes longer than the ten seconds that are looked at otherwise."""
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each kind of run is done."""

    pairs: int
    watched: int
    first_runs: int
    dark_runs: int


QUICK = Plan(pairs=3, watched=1, first_runs=1, dark_runs=1)
FULL = Plan(pairs=9, watched=3, first_runs=2, dark_runs=3)


def environment(**more: str) -> dict[str, str]:
    """Of every measured process: no station of the developer's own, offscreen unless a screen is wanted on purpose."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GENBA_", "PG"))}
    return {"QT_QPA_PLATFORM": "offscreen", **kept, **more}


def run_measured(words: list[str], patience_s: float = PATIENCE_S, **more: str) -> dict[str, Any]:
    """Start ``python -m words…`` now and return what it wrote to BENCH_RESULT or printed as its last line.

    Args:
        words: Module and arguments.
        patience_s: How long it may take beside BENCH_WATCH_S.
        more: Of its environment.

    Raises:
        RuntimeError: It ended badly or found nothing.
    """
    with tempfile.TemporaryDirectory(prefix="genba-bench-") as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", *words]
        env = environment(**more, BENCH_RESULT=str(result))
        if env["QT_QPA_PLATFORM"] == "offscreen":
            screen = Path(folder) / "screen.json"
            screen.write_text(json.dumps({"screens": [SCREEN]}), encoding="utf-8")
            env["QT_QPA_PLATFORM"] = f"offscreen:configfile={screen}"
        errors = None if "BENCH_EXPLAIN" in os.environ else subprocess.PIPE
        env["BENCH_BEGAN"] = repr(time.monotonic())
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            said, complaints = process.communicate(timeout=patience_s + float(more.get("BENCH_WATCH_S", "0")))
        except subprocess.TimeoutExpired:
            process.terminate()
            said, complaints = process.communicate(timeout=PATIENCE_S)
        if result.exists():
            found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
            return found
        if process.returncode == 0 and said.strip():
            found = json.loads(said.strip().splitlines()[-1])
            return found
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}: {(complaints or '')[-2000:]}")


def bare() -> dict[str, Any]:
    """One run of the yardstick."""
    return run_measured(["tests.benchmarks.bare_window"])


def shell(home: Path, watch_s: float) -> dict[str, Any]:
    """One run of ``genba demo`` on ``home``."""
    return run_measured(["tests.benchmarks.shell_probe", "demo"], GENBA_HOME=str(home), BENCH_WATCH_S=repr(watch_s))


def prepared_home() -> Path:
    """A demo home whose database was initialised outside the clock; kept for the next time, one per schema."""
    mark = hashlib.sha256()
    for path in sorted([*(ROOT / "migrations" / "versions").glob("*.py"), *(ROOT / "resources" / "demo").glob("*")]):
        mark.update(path.read_bytes())
    home = platformdirs.user_cache_path("genba-benchmarks", appauthor=False) / f"start-{mark.hexdigest()[:12]}"
    if not (home / "prepared").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        shell(home, WATCH_S)
        (home / "prepared").touch()
    return home


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures."""
    plan = QUICK if quick else FULL
    loads = [load()]
    home = prepared_home()
    bare(), shell(home, 0.0)  # what is on disk is in memory now, for both
    pairs = []
    for _ in range(plan.pairs):
        pairs.append((bare(), shell(home, 0.0)))
        loads.append(load())
    watched = [shell(home, WATCH_S) for _ in range(plan.watched)]
    loads.append(load())
    first = [_first_run() for _ in range(plan.first_runs)]
    loads.append(load())
    from tests.benchmarks import dark

    in_the_dark = dark.run(plan.dark_runs)
    loads.append(load())
    return _figures(pairs, watched, first) | in_the_dark | {"runs": plan.pairs, "load_average": [min(loads), max(loads)]}


def _first_run() -> dict[str, Any]:
    """On a computer that never had a station: the database is made while the screen is up already."""
    with tempfile.TemporaryDirectory(prefix="genba-bench-home-") as folder:
        return shell(Path(folder) / "home", FIRST_RUN_WATCH_S)


def _figures(
    pairs: list[tuple[dict[str, Any], dict[str, Any]]], watched: list[dict[str, Any]], first: list[dict[str, Any]]
) -> dict[str, Any]:
    def middle(runs: list[dict[str, Any]], key: str) -> float:
        return round(statistics.median(run[key] for run in runs), 3)

    def live(runs: list[dict[str, Any]]) -> float | None:
        """None when it never came, in any of the runs."""
        return None if any(run["first_live_s"] is None for run in runs) else middle(runs, "first_live_s")

    bares, shells = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return {
        "first_paint_ratio": round(middle(shells, "answered_s") / middle(bares, "answered_s"), 2),
        "longest_stall_ms": round(middle(watched, "longest_stall_ms"), 1),
        "first_live_s": live(watched),
        "rss_mb": round(statistics.median(run["memory"]["rss"] for run in watched), 1),
        "pss_mb": round(statistics.median(run["memory"]["pss"] for run in watched), 1),
        "uss_mb": round(statistics.median(run["memory"]["uss"] for run in watched), 1),
        "first_paint_cpu_ratio": round(middle(shells, "painted_cpu_s") / middle(bares, "painted_cpu_s"), 2),
        "shell_answers_s": middle(shells, "answered_s"),
        "bare_answers_s": middle(bares, "answered_s"),
        "shell_painted_s": middle(shells, "painted_s"),
        "bare_painted_s": middle(bares, "painted_s"),
        "touches_until_answered": max(len(run["answers_ms"]) for run in [*shells, *watched]),
        "loop_late_p99_ms": round(middle(watched, "late_p99_ms"), 1),
        "stalls": [run["stalls"] for run in watched],
        "first_run_answers_s": middle(first, "answered_s"),
        "first_run_live_s": live(first),
        "first_run_longest_stall_ms": round(middle(first, "longest_stall_ms"), 1),
        "first_run_stalls": [run["stalls"] for run in first],
    }
