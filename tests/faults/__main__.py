"""``python -m tests.faults --seed N --minutes M [--json]``: real stations, real PostgreSQL, everything breaks, nothing is lost."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.check import Verdict
from tests.faults.run import Run


def main() -> int:
    """The last line printed is one JSON object with the figures; 0 when nothing was lost, doubled or impossible."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--stations", type=int, default=6, help="5 to 10")
    parser.add_argument("--pause", type=float, default=0.15, help="seconds an operator thinks, on average")
    parser.add_argument("--folder", type=Path, help="where homes, server and history go; kept")
    parser.add_argument("--plan", action="store_true", help="print the faults of this seed and do nothing")
    parser.add_argument("--json", action="store_true", help="print the figures only")
    words = parser.parse_args()
    stations = tuple(f"ST{n}" for n in range(1, words.stations + 1))
    folder = words.folder or Path(tempfile.mkdtemp(prefix="genba-faults-"))
    run = Run(words.seed, words.minutes * 60, stations, folder, words.pause)
    if words.plan:
        print(*(run.faults or ()), sep="\n")
        return 0
    began = time.monotonic()
    try:
        verdict = asyncio.run(run.go())
    finally:
        run.close()
    if not words.json:
        for line in (*verdict.lost, *verdict.doubled, *verdict.violations):
            print(line, file=sys.stderr)
    print(f"history: {run.history.path}", file=sys.stderr, flush=True)
    print(
        json.dumps(figures(run, verdict) | {"took_s": round(time.monotonic() - began, 1), "load": round(os.getloadavg()[0], 1)}), flush=True
    )
    return 0 if verdict.clean else 1


def figures(run: Run, verdict: Verdict) -> dict[str, object]:
    """The run in figures; see the README for what each means."""
    return {
        "tried": len(run.history.presses),
        "acknowledged": verdict.acknowledged,
        "applied": verdict.applied,
        "parked": verdict.parked,
        "facts_parked": verdict.facts_parked,
        "destroyed": verdict.destroyed,
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "violations": len(verdict.violations),
        "faults": dict(sorted(run.history.faults.items())),
        "seed": run.seed,
        "stations": len(run.stations),
        "twins": len(run.breaker.twins),
        "seconds": run.seconds,
        "home_s": run.home_s,
        "history": str(run.history.path),
    }


if __name__ == "__main__":
    sys.exit(main())
