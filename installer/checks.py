"""The checks behind ``python3 -m installer test``: linter, import rules, types, tests."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from installer.checkout import FAILED, Checkout, say
from installer.environment import clean_environ, start

NAMES = ("lint", "imports", "types", "tests")
AT_ONCE = (os.cpu_count() or 1) + 1
"""Test files that run side by side in a whole run: much of a test is waiting for a server."""
UNSTEADY_MOST = 10
"""Up to so many failures of a whole run are looked at again; more are no matter of a slow moment."""


@dataclass(frozen=True)
class Outcome:
    """How one check ended.

    Args:
        name: One of ``NAMES``.
        code: Its exit code; 0 is good.
        seconds: How long it took.
    """

    name: str
    code: int
    seconds: float

    def __str__(self) -> str:
        verdict = "ok" if self.code == 0 else f"FAILED (exit code {self.code})"
        return f"{self.name:<8} {verdict:<22} {self.seconds:6.1f} s"


def arguments_of(name: str, *, long: bool, pytest_arguments: Sequence[str]) -> list[str]:
    """What the environment's Python is started with for one check."""
    match name:
        case "lint":
            return ["-m", "ruff", "check", "."]
        case "imports":
            return ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
        case "types":
            return ["-m", "mypy"]
        case "tests":
            return ["-m", "pytest", "-m", "long or not long" if long else "not long", *pytest_arguments]
    raise ValueError(name)


def run_all_tests(checkout: Checkout, environ: dict[str, str], *, long: bool) -> int:
    """The whole suite, several files at once; what failed there is tried once more alone and is named even when it passes then.

    Many tests wait for real servers in processes of their own. Beside other tests such a wait can run out on a busy machine
    without a defect; a defect fails alone as well. Gives back pytest's exit code.
    """
    kept = checkout.root / ".cache" / "pytest"
    shutil.rmtree(kept, ignore_errors=True)
    remember = ["-o", f"cache_dir={kept}"]
    many = ["-n", str(AT_ONCE), "--dist", "loadfile", "--no-loadscope-reorder", *remember]
    code = start(checkout, arguments_of("tests", long=long, pytest_arguments=many), environ, checkout.root)
    failed = _failed(kept / "v" / "cache" / "lastfailed")
    if code != FAILED or not 0 < len(failed) <= UNSTEADY_MOST:
        return code
    say(f"{len(failed)} failed beside others; once more, alone …")
    code = start(checkout, arguments_of("tests", long=long, pytest_arguments=["--last-failed", *remember]), environ, checkout.root)
    if code == 0:
        say("UNSTEADY, failed beside others and passed alone: " + ", ".join(failed))
    return code


def _failed(path: Path) -> list[str]:
    """The tests that pytest remembers as failed; none when it has not come that far."""
    try:
        return sorted(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []


def run(checkout: Checkout, names: Sequence[str], *, long: bool, pytest_arguments: Sequence[str]) -> int:
    """Runs every named check, also after one failed, and ends with a summary; 0 when all are good."""
    environ = {"QT_QPA_PLATFORM": "offscreen", **clean_environ()}
    outcomes = []
    for name in names:
        say(f"{name} …")
        began = time.monotonic()
        if name == "tests" and not pytest_arguments:
            code = run_all_tests(checkout, environ, long=long)
        else:
            code = start(checkout, arguments_of(name, long=long, pytest_arguments=pytest_arguments), environ, checkout.root)
        outcomes.append(Outcome(name, code, time.monotonic() - began))
        if code == 130:  # Ctrl-C: the person wants to stop, not to see the next check start
            break
    for outcome in outcomes:
        say(str(outcome))
    bad = [outcome for outcome in outcomes if outcome.code]
    return 130 if any(outcome.code == 130 for outcome in bad) else FAILED if bad else 0
