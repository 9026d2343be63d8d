"""What the machine itself must bring: system libraries and programs, and the one apt-get line for those it lacks.

Wheels carry nearly everything; Qt still expects the libraries of the window system from the distribution. A library is
"there" when it can be loaded, whichever package brought it.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from installer.checkout import NOT_HERE, ROOT, Problem, say

# Library → Debian 12 package. What PostgreSQL and the wheels other than Qt's expect; nearly every system has it.
EVERYWHERE = {
    "libz.so.1": "zlib1g",
    "libstdc++.so.6": "libstdc++6",
}
# What the loader must find before QtCore, QtGui, QtWidgets, QtSvg and QtTest import and the offscreen platform starts.
QT = {
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libzstd.so.1": "libzstd1",
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libX11.so.6": "libx11-6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libdbus-1.so.3": "libdbus-1-3",
}
# What Qt's platform plugins for the two window systems need besides.
X11 = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb.so.1": "libxcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
WAYLAND = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
    "libwayland-egl.so.1": "libwayland-egl1",
}
# The embedded PostgreSQL refuses to run as root (unshare lends it another identity) and must stop with its owner (setpriv).
PROGRAMS = {"unshare": "util-linux", "setpriv": "util-linux"}
# What some tests look at the system with: children of a server, system calls of a writer. Small systems leave them out.
TEST_PROGRAMS = {"ps": "procps", "strace": "strace"}

# Ubuntu 24.04 and Debian 13 renamed packages for 64-bit time. Both, and everything derived from them, have glibc 2.39 or
# newer; their predecessors are older. The number of the C library says it without knowing a single distribution's name.
TIME64 = {"libglib2.0-0": "libglib2.0-0t64"}
TIME64_FROM_GLIBC = (2, 39)

APT_INSTALL = ("apt-get", "install", "-y", "--no-install-recommends")


@dataclass(frozen=True)
class Need:
    """Something the machine lacks.

    Args:
        what: The library, program or module that was looked for.
        package: The Debian or Ubuntu package that holds it.
    """

    what: str
    package: str


Finder = Callable[[], list[Need]]


def renamed(package: str, glibc: tuple[int, ...]) -> str:
    """The name of a Debian 12 package on the distribution whose C library has this version."""
    return TIME64.get(package, package) if glibc >= TIME64_FROM_GLIBC else package


def glibc_version() -> tuple[int, ...]:
    """The version of the C library, for example ``(2, 36)``; ``(0,)`` where it is not glibc."""
    name, version = platform.libc_ver()
    return tuple(int(part) for part in version.split(".") if part.isdigit()) if name == "glibc" else (0,)


def missing_libraries(tables: Iterable[Mapping[str, str]], load: Callable[[str], object] = ctypes.CDLL) -> list[Need]:
    """The libraries of the tables that do not load, each with its package."""
    lacking = []
    for table in tables:
        for library, package in table.items():
            try:
                load(library)
            except OSError:
                lacking.append(Need(library, package))
    return lacking


def missing_programs(table: Mapping[str, str], find: Callable[[str], str | None] = shutil.which) -> list[Need]:
    """The programs of the table that are not on the path, each with its package."""
    return [Need(program, package) for program, package in table.items() if find(program) is None]


def missing_venv() -> list[Need]:
    """Debian ships Python without ``ensurepip``; without it no private environment can be made."""
    importlib.invalidate_caches()
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        return []
    return [Need("the Python module ensurepip", f"python3.{sys.version_info[1]}-venv")]


def packages_of(needs: Iterable[Need], glibc: tuple[int, ...]) -> list[str]:
    """Each package once, under this distribution's name, in the order of the needs."""
    return list(dict.fromkeys(renamed(need.package, glibc) for need in needs))


def apt_line(packages: Iterable[str]) -> str:
    """The line a person runs to install the packages; a plain Debian has no sudo."""
    line = " ".join([*APT_INSTALL, *packages])
    if ROOT:
        return line
    return f"sudo {line}" if shutil.which("sudo") else f"su -c '{line}'"


def bring(find_missing: Finder, *, find_helpful: Finder = list, may_install: bool = True) -> None:
    """Makes sure that the machine brings what is needed: installs it as root, else names the one line that does.

    Args:
        find_missing: Looks at the machine for what nothing works without; called again after the installation.
        find_helpful: Looks for what is worth having; it is installed or named in the same line, but its lack stops nothing.
        may_install: False only names the line, also for root.

    Raises:
        Problem: Something indispensable is missing and was not, or could not be, installed.
    """
    needs = find_missing()
    helpful = find_helpful()
    if not needs:
        if helpful:
            _bring_helpful(helpful, may_install=may_install)
        return
    packages = packages_of([*needs, *helpful], glibc_version())
    line = apt_line(packages)
    if shutil.which("apt-get") is None:
        raise Problem(f"this system lacks {_names(needs)}; install what holds them (on Debian: {' '.join(packages)})", NOT_HERE)
    if not (ROOT and may_install):
        raise Problem(f"this system lacks {_names([*needs, *helpful])}. Please run, and try again:\n    {line}", NOT_HERE)
    _apt_install(packages, line)
    left = find_missing()
    if left:
        raise Problem(f"still not usable after `{line}`: {_names(left)}", NOT_HERE)


def _bring_helpful(helpful: Sequence[Need], *, may_install: bool) -> None:
    packages = packages_of(helpful, glibc_version())
    line = apt_line(packages)
    if ROOT and may_install and shutil.which("apt-get"):
        try:
            _apt_install(packages, line)
        except Problem as problem:
            say(f"going on without {_names(helpful)}: {problem}")
    else:
        say(f"some tests are left out without {_names(helpful)}; to have them: {line}")


def _names(needs: Iterable[Need]) -> str:
    return ", ".join(dict.fromkeys(need.what for need in needs))


def _apt_install(packages: Sequence[str], line: str) -> None:
    """Installs the packages; refreshes apt's lists first where they are absent or too old to be of use."""
    say(f"installing {len(packages)} system packages: {' '.join(packages)}")
    answer = _apt(*APT_INSTALL[1:], *packages)
    if answer.returncode:
        say("refreshing the package lists (apt-get update)")
        _apt("update")
        answer = _apt(*APT_INSTALL[1:], *packages)
    if answer.returncode:
        reasons = [text for text in answer.stdout.splitlines() if text.startswith("E: ")]
        raise Problem(f"`{line}` failed: {reasons[-1][3:] if reasons else f'exit code {answer.returncode}'}", NOT_HERE)


def _apt(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A fresh Ubuntu often updates itself in the background: wait for its lock instead of failing at once.
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=180", *arguments]
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
