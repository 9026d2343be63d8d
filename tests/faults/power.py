"""Power cuts under a real journal: write, cut, look what is left on the disk, go on from there.

``python -m tests.faults.power [--cuts 50] [--seed 1] [--synchronous FULL]``: as many cuts in each of three modes; one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.faults.lossy import unmount
from tests.faults.seat import ROOT

MODES = ("drop", "random", "torn")


class NoFuse(Exception):
    """This computer lets nobody mount a file system, with the reason."""


@dataclass
class Cuts:
    """What came of some cuts of one journal.

    Attributes:
        lost: Acknowledged decisions that were not on the disk afterwards.
        alarms: Times the journal said that rows are lost, or was unreadable.
    """

    cuts: int = 0
    acknowledged: int = 0
    lost: int = 0
    alarms: int = 0


def cut(folder: Path, mode: str, seed: int, times: int, *, synchronous: str = "FULL") -> Cuts:
    """Cut the power of one journal ``times`` times. Raises NoFuse."""
    backing, mounted = folder / "disk", folder / "mounted"
    for made in (backing, mounted):
        made.mkdir(parents=True)
    dice = random.Random(f"{seed} {mode}")
    found, kept = Cuts(), set[str]()
    for _ in range(times):
        _once(folder, mode, dice, synchronous, found, kept)
        left = _on_disk(folder)
        found.cuts += 1
        found.alarms += left is None
        gone = kept - (left or set())
        found.lost += len(gone)
        kept -= gone  # each is counted once
        found.acknowledged = len(kept) + found.lost
    return found


def _once(folder: Path, mode: str, dice: random.Random, synchronous: str, found: Cuts, kept: set[str]) -> None:
    disk = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.lossy", folder / "disk", folder / "mounted"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    with disk:
        assert disk.stdin is not None
        assert disk.stdout is not None
        if (line := disk.stdout.readline()) != "ready\n":
            raise NoFuse(line.strip())
        try:
            writer = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.power_writer", folder / "mounted" / "journal.sqlite", synchronous],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
            )  # fmt: skip
            with writer:
                assert writer.stdout is not None
                words = writer.stdout.readline().split()
                found.alarms += words != ["opened", "0"]
                _read(writer.stdout, kept, dice.randint(30, 600))
                disk.stdin.write(f"cut {mode} {dice.getrandbits(32)}\n")
                disk.stdin.flush()
                disk.wait(30)
                unmount(folder / "mounted")
                _read(writer.stdout, kept)
                writer.wait(30)
        finally:
            unmount(folder / "mounted")


def _read(lines: IO[str], kept: set[str], most: int = 1_000_000) -> None:
    for _ in range(most):
        word, _, request = lines.readline().strip().partition(" ")
        if word != "kept":
            return
        kept.add(request)


def _on_disk(folder: Path) -> set[str] | None:
    """Ids in what is left, read from a copy; None when it cannot be read."""
    aside = folder / "look"
    shutil.copytree(folder / "disk", aside)
    try:
        with contextlib.closing(sqlite3.connect(aside / "journal.sqlite")) as file:
            return {request for (request,) in file.execute("SELECT id FROM entry")}
    except sqlite3.Error:
        return None
    finally:
        shutil.rmtree(aside)


def cuts_in_each_mode(seed: int, cuts: int, synchronous: str = "FULL") -> tuple[Cuts, dict[str, Cuts]]:
    """(the sum, each mode's) of so many cuts in each mode. Raises NoFuse."""
    total, modes = Cuts(), {}
    with tempfile.TemporaryDirectory(prefix="genba-power-") as folder:
        for mode in MODES:
            found = modes[mode] = cut(Path(folder) / mode, mode, seed, cuts, synchronous=synchronous)
            for name, value in vars(found).items():
                setattr(total, name, getattr(total, name) + value)
    return total, modes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.power", description=__doc__)
    parser.add_argument("--cuts", type=int, default=50, help="in each of the three modes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synchronous", default="FULL", choices=("FULL", "NORMAL", "OFF"))
    words = parser.parse_args()
    began = time.monotonic()
    total, modes = cuts_in_each_mode(words.seed, words.cuts, words.synchronous)
    told = {mode: vars(found) for mode, found in modes.items()}
    print(json.dumps({**vars(total), "modes": told, "seed": words.seed, "seconds": round(time.monotonic() - began, 1)}))
    return 0 if not (total.lost or total.alarms) else 1


if __name__ == "__main__":
    sys.exit(main())
