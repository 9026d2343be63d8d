"""The checks behind ``python3 -m installer test``: linter, import rules, types, tests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from installer.checkout import FAILED, Checkout, say
from installer.environment import clean_environ, start

NAMES = ("lint", "imports", "types", "tests")


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


def run(checkout: Checkout, names: Sequence[str], *, long: bool, pytest_arguments: Sequence[str]) -> int:
    """Runs every named check, also after one failed, and ends with a summary; 0 when all are good."""
    environ = {"QT_QPA_PLATFORM": "offscreen", **clean_environ()}
    outcomes = []
    for name in names:
        say(f"{name} …")
        began = time.monotonic()
        code = start(checkout, arguments_of(name, long=long, pytest_arguments=pytest_arguments), environ, checkout.root)
        outcomes.append(Outcome(name, code, time.monotonic() - began))
        if code == 130:  # Ctrl-C: the person wants to stop, not to see the next check start
            break
    for outcome in outcomes:
        say(str(outcome))
    bad = [outcome for outcome in outcomes if outcome.code]
    return 130 if any(outcome.code == 130 for outcome in bad) else FAILED if bad else 0
