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
from tests.faults.homecoming import Homecoming
from tests.faults.plan import SERVER_FAULTS, STATION_FAULTS
from tests.faults.power import NoFuse, cuts_in_each_mode
from tests.faults.run import Run


def main() -> int:
    """The last line printed is one JSON object with the figures; 0 when nothing was lost, doubled or impossible."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--stations", type=int, help="5 to 10; default 6, and 10 for --homecoming")
    parser.add_argument("--pause", type=float, default=0.15, help="seconds an operator thinks, on average")
    parser.add_argument("--folder", type=Path, help="where homes, server and history go; kept")
    parser.add_argument(
        "--without", nargs="*", default=(), choices=(*SERVER_FAULTS, *STATION_FAULTS), metavar="KIND", help="kinds left out"
    )
    parser.add_argument("--cuts", type=int, help="power cuts below the file system in each of three modes; 50 from ten minutes on, else 3")
    parser.add_argument("--plan", action="store_true", help="print the faults of this seed and do nothing")
    parser.add_argument("--json", action="store_true", help="print the figures only")
    parser.add_argument("--homecoming", action="store_true", help="instead: ten stations with a thousand waiting operations each come home")
    parser.add_argument("--each", type=int, default=1_000, help="operations that wait at each of them")
    words = parser.parse_args()
    if words.homecoming:
        return homecoming(words.stations or 10, words.each, words.folder, quiet=words.json)
    stations = named(words.stations or 6)
    folder = words.folder or Path(tempfile.mkdtemp(prefix="genba-faults-"))
    run = Run(words.seed, words.minutes * 60, stations, folder, words.pause, without=tuple(words.without))
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
    cuts = power(words.seed, (50 if words.minutes >= 10 else 3) if words.cuts is None else words.cuts)
    more = {"power": cuts, "took_s": round(time.monotonic() - began, 1), "load": round(os.getloadavg()[0], 1)}
    print(json.dumps(figures(run, verdict) | more), flush=True)
    return 0 if verdict.clean and not cuts.get("lost") and not cuts.get("alarms") else 1


def named(stations: int) -> tuple[str, ...]:
    return tuple(f"ST{n}" for n in range(1, stations + 1))


def homecoming(stations: int, each: int, folder: Path | None, *, quiet: bool) -> int:
    """As ``main``, for that scenario."""
    run = Homecoming(named(stations), each, folder or Path(tempfile.mkdtemp(prefix="genba-homecoming-")))
    try:
        verdict = asyncio.run(run.go())
    finally:
        run.close()
    if not quiet:
        for line in (*verdict.lost, *verdict.doubled, *verdict.violations):
            print(line, file=sys.stderr)
    print(f"history: {run.history.path}", file=sys.stderr, flush=True)
    print(json.dumps(run.figures(verdict) | {"load": round(os.getloadavg()[0], 1)}), flush=True)
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
        "skipped": run.breaker.skipped,
        "twins": len(run.breaker.twins),
        "seconds": run.seconds,
        "home_s": run.home_s,
        "disk_mb": run.disk_mb,
        "history": str(run.history.path),
    }


def power(seed: int, cuts: int) -> dict[str, object]:
    """What power cuts below the file system cost a journal; a reason where nobody may mount one."""
    try:
        return dict(vars(cuts_in_each_mode(seed, cuts)[0])) if cuts else {}
    except NoFuse as reason:
        return {"skipped": str(reason)}


if __name__ == "__main__":
    sys.exit(main())
