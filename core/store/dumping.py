"""``pg_dump`` and ``pg_restore``: which of those installed fits a server, and how one is run beside a station's work.

The embedded server brings its own. A shared server may be newer than those: then the tools of its version must be on this computer,
because a dump by an older ``pg_dump`` is refused by it and would not be whole. Of several that fit the oldest is taken, so that
what it writes can be read back into a server of the same version.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from core.errors import GenbaError, Unavailable
from core.store import privatefile
from core.store.programs import EXE, binaries, environment

Program = Literal["pg_dump", "pg_restore"]

_INSTALLED: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")
_ON_WINDOWS: Final = "PostgreSQL/*/bin"
_LOOK_S: Final = 0.2
_PATIENCE_S: Final = 10.0
_NO_REQUIRE_AUTH: Final = 16
"""libpq knows ``require_auth`` from this version on."""
_FULL: Final = ("No space left", "File too large", "Disk quota exceeded", "could not extend file")
_GONE: Final = (
    "server closed the connection",
    "terminating connection",
    "connection to server",
    "the database system is",
    "SSL connection",
)


@dataclass(frozen=True, slots=True)
class Tools:
    """One installation of the two programs.

    Attributes:
        folder: Where they stand.
        major: Their version, 18.
        version: In full, ``18.1``.
    """

    folder: Path
    major: int
    version: str


def fitting(major: int) -> Tools:
    """The oldest tools that may work with a server (or an archive) of version ``major``.

    Raises:
        Unavailable: ``backup.tools_missing``, ``backup.tools_too_old``.
    """
    found = [tools for folder in _folders() if (tools := _looked_at(folder)) is not None]
    fit = [tools for tools in found if tools.major >= major]
    if fit:
        return min(fit, key=lambda tools: tools.major)
    if found:
        raise Unavailable("backup.tools_too_old", want=major, have=max(found, key=lambda tools: tools.major).version)
    raise Unavailable("backup.tools_missing", want=major)


def _folders() -> Iterator[Path]:
    with contextlib.suppress(Unavailable):
        yield binaries()
    for pattern in _INSTALLED:
        yield from sorted(Path("/").glob(pattern.lstrip("/")))
    if sys.platform == "win32":
        yield from sorted(Path(os.environ.get("PROGRAMFILES", "C:/Program Files")).glob(_ON_WINDOWS))
    named = shutil.which("pg_dump")
    # Debian's is a wrapper that chooses a version by clusters of its own.
    if named is not None and Path(named).resolve().name.startswith("pg_dump"):
        yield Path(named).resolve().parent


def _looked_at(folder: Path) -> Tools | None:
    """What stands in ``folder``; None when it is not both programs, or they do not run here."""
    if not all((folder / f"{name}{EXE}").exists() for name in ("pg_dump", "pg_restore")):
        return None
    try:
        command = [str(folder / f"pg_dump{EXE}"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment(), check=True, timeout=_PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)", said.stdout)
    return Tools(folder, int(number[1]), number[0]) if number else None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        code: 0 for well.
        out, err: What it wrote.
    """

    code: int
    out: str
    err: str


def run(
    tools: Tools,
    program: Program,
    words: Sequence[str | Path],
    server: Mapping[str, str] | None = None,
    give_up: Callable[[], bool] = lambda: False,
) -> Ended:
    """Run ``program`` to its end, behind everything else that this computer has to do.

    Args:
        words: Its arguments.
        server: libpq's parameters; what is secret in them stands in no command line, because everybody sees those.
        give_up: Asked again and again; True ends it.

    Raises:
        Unavailable: ``backup.stopped``: given up. ``backup.failed``: it cannot be started.
    """
    env, command = environment(), [str(tools.folder / f"{program}{EXE}"), *map(str, words)]
    with contextlib.ExitStack() as until_it_has_ended:
        if server is not None:
            command += ["--no-password", until_it_has_ended.enter_context(_told(server, tools, env))]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", env=env
            )
        except OSError as error:
            raise Unavailable("backup.failed", problem=f"{program}: {error.strerror}") from None
        with process:
            return _waited_for(process, give_up)


@contextlib.contextmanager
def _told(server: Mapping[str, str], tools: Tools, env: dict[str, str]) -> Iterator[str]:
    """The argument that names ``server``, without anything secret; that goes through ``env``, or a file for this account alone."""
    from psycopg import pq
    from psycopg.conninfo import make_conninfo

    hidden = {option.keyword.decode() for option in pq.Conninfo.get_defaults() if option.dispchar == b"*"}
    told = {key: value for key, value in server.items() if key not in hidden}
    if tools.major < _NO_REQUIRE_AUTH:
        told.pop("require_auth", None)
    if "password" in server:
        env["PGPASSWORD"] = server["password"]
    others = {key: value for key, value in server.items() if key in hidden - {"password"}}  # of a client's key, for example
    if not others:
        yield f"--dbname={make_conninfo(**told)}"
        return
    with tempfile.TemporaryDirectory(prefix="genba-") as folder:
        lines = "".join(f"{key}={value}\n" for key, value in others.items())
        privatefile.replace(Path(folder) / "service", f"[genba]\n{lines}".encode())
        env["PGSERVICEFILE"] = str(Path(folder) / "service")
        yield f"--dbname={make_conninfo(**told, service='genba')}"


def _waited_for(process: subprocess.Popen[str], give_up: Callable[[], bool]) -> Ended:
    try:
        _step_back(process.pid)
        while True:
            try:
                out, err = process.communicate(timeout=_LOOK_S)
            except subprocess.TimeoutExpired:
                if give_up():
                    raise Unavailable("backup.stopped") from None
            else:
                return Ended(process.returncode, out, err)
    finally:
        if process.poll() is None:
            process.kill()


def _step_back(pid: int) -> None:
    """Lowest priority, for processor and disk: nobody's press waits for a backup."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError, ValueError):
        process = psutil.Process(pid)
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(15)
        if sys.platform == "linux":
            process.ionice(psutil.IOPRIO_CLASS_IDLE)


def failure(program: Program, ended: Ended, path: Path) -> GenbaError:
    """Why ``program`` failed, in operator's words.

    Args:
        path: Where it wrote to, or read from.
    """
    lines = [line.strip() for line in ended.err.splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line or "ERROR:" in line or "FATAL:" in line] or lines
    line = telling[0] if telling else f"signal {-ended.code}" if ended.code < 0 else f"exit code {ended.code}"
    # Stopped at a limit of the size of files, it dies without a word.
    if program == "pg_restore" and any(word in ended.err for word in _FULL):
        return Unavailable("store.server_disk_full", problem=line)
    if any(word in ended.err for word in _FULL) or (sys.platform != "win32" and -ended.code == _FILE_LIMIT):
        return Unavailable("backup.disk_full", path=str(path))
    if any(word in ended.err for word in _GONE):
        return Unavailable("backup.server_went", problem=line)
    return Unavailable("backup.failed", problem=f"{program}: {line.removeprefix(f'{program}: ')}")


_FILE_LIMIT: Final = 25
"""SIGXFSZ."""
