"""Where things stand in a checkout, and the one exception that ends a set-up."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

WINDOWS = os.name == "nt"
LINUX = platform.system() == "Linux"
ROOT = sys.platform != "win32" and os.geteuid() == 0
"""Whether this process may install system packages."""

FAILED = 1
"""Exit code: a check failed, or packages could not be installed."""
NOT_HERE = 3
"""Exit code: the machine lacks something that the set-up cannot bring (system packages, a display, room on the disk)."""
INTERRUPTED = 130
"""Exit code: Ctrl-C, as shells count it."""


class Problem(Exception):
    """The set-up cannot go on; the text is the whole message and needs no traceback.

    Args:
        text: What is missing and what to do about it.
        code: Exit code of the program.
    """

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Checkout:
    """The paths of one clone of the repository.

    Args:
        root: The folder that holds ``pyproject.toml``.
    """

    root: Path

    @property
    def lock(self) -> Path:
        """The exact packages with their hashes."""
        return self.root / "installer" / "requirements.lock"

    @property
    def venv(self) -> Path:
        """The private environment, made from the lock and from nothing else."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter of the private environment."""
        return self.script("python")

    @property
    def stamp(self) -> Path:
        """Written last: an environment without it is a half-made one."""
        return self.venv / "genba-setup.stamp"

    @property
    def log(self) -> Path:
        """Everything pip said the last time."""
        return self.venv / "genba-setup.log"

    @property
    def turn(self) -> Path:
        """Locked while one set-up works here; lies outside the environment, which is cleared."""
        return self.root / ".cache" / "setup.lock"

    def script(self, name: str) -> Path:
        """The path of a program of the private environment."""
        return self.venv / "Scripts" / f"{name}.exe" if WINDOWS else self.venv / "bin" / name


def say(text: str) -> None:
    """Prints one line about the set-up; to stderr, because stdout belongs to the program that is started."""
    print(f"[genba] {text}", file=sys.stderr, flush=True)
