"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import time

NAMES = ("start", "latency", "audit", "acquisition", "reconnect", "scale", "failover", "stations", "production")


def main() -> None:
    """Measure what is asked for; the last line printed is one JSON object with the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("benchmark", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="under a minute of measuring; the same keys and sizes")
    parser.add_argument("--explain", action="store_true", help="print where the screen was held up; spoils the figures")
    words = parser.parse_args()
    if words.explain:
        os.environ["BENCH_EXPLAIN"] = "1"
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from tests.benchmarks import machine

    print(json.dumps(machine.describe()), flush=True)
    began = time.monotonic()
    figures = importlib.import_module(f"tests.benchmarks.{words.benchmark}").run(quick=words.quick)
    print(json.dumps({"benchmark": words.benchmark, **figures, "took_s": round(time.monotonic() - began, 1)}), flush=True)
    if "error" in figures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
