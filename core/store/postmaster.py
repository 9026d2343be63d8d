"""What a data folder tells about its server: the pid file, the living process, and what a killed one left running."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

_WINDOWS = sys.platform == "win32"
_SHARED_MEMORY = Path("/proc/sysvipc/shm")


def pid_file(data: Path) -> list[str]:
    """Lines of ``postmaster.pid``; empty when there is none."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def running_pid(data: Path) -> int | None:
    """Pid of this folder's living server; None when there is none. A zombie or a foreign process with that pid does not count."""
    import psutil

    lines = pid_file(data)
    try:
        process = psutil.Process(int(lines[0]))
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return None
        if _WINDOWS:
            return process.pid
        try:
            stands = process.cwd()  # a server stands in its data folder
        except psutil.AccessDenied:  # the root of a container may not see where another user's process stands
            words = process.cmdline()
            stands = words[words.index("-D") + 1]
        return process.pid if Path(stands).resolve() == data.resolve() else None
    except (psutil.Error, OSError, ValueError, IndexError):
        return None


def leftovers(data: Path) -> bool:
    """Whether children of a killed server still hold its shared memory.

    A new server notices by itself, but not when it runs as another user than the killed one.
    """
    lines = pid_file(data)
    with contextlib.suppress(OSError, IndexError):
        segment = lines[6].split()[1]
        for row in _SHARED_MEMORY.read_text(encoding="ascii").splitlines()[1:]:
            _key, number, _mode, _size, creator, _last, attached, *_ = row.split()
            if (number, creator) == (segment, lines[0]) and int(attached):
                return True
    return False
