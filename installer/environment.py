"""The private environment: made once from the lock, reused while nothing changed, made again when it is incomplete."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from installer.checkout import NOT_HERE, WINDOWS, Checkout, Problem, say

ROOM_NEEDED_MB = 1000
"""The environment takes about 650 MB; pip keeps the downloaded wheels, about 200 MB, until it has unpacked them."""

# -P keeps the folder somebody happens to stand in from lending its own `core` or `resources` to the program.
LAUNCHER = (
    '@"%~dp0python.exe" -P -m hmi %*\r\n' if WINDOWS else '#!/bin/sh\nexec "$(dirname -- "$(readlink -f -- "$0")")/python" -P -m hmi "$@"\n'
)


def fingerprint(checkout: Checkout) -> str:
    """What the environment depends on, as one number: the lock, the Python, the place, and the launcher's text.

    The place counts because scripts carry absolute paths: a copied checkout would run the code of the original.
    """
    parts = [str(sys.implementation.cache_tag), platform.machine(), str(checkout.venv), LAUNCHER]
    return hashlib.sha256(checkout.lock.read_bytes() + "\0".join(parts).encode()).hexdigest()


def is_current(checkout: Checkout) -> bool:
    """Whether the environment is complete and made from today's lock by this version of Python."""
    try:
        return checkout.python.exists() and checkout.stamp.read_text(encoding="ascii") == fingerprint(checkout)
    except FileNotFoundError:
        return False


def ensure(checkout: Checkout) -> bool:
    """Leaves a complete environment behind; True when it had to be made.

    Raises:
        Problem: There is no room, or a package could not be installed.
    """
    if is_current(checkout):
        return False
    with _turn(checkout) as turn:
        if is_current(checkout):  # somebody else made it while this one waited
            return False
        _check_room(checkout)
        checkout.stamp.unlink(missing_ok=True)
        _make_venv(checkout, turn)
        _install_lock(checkout, turn)
        _put_launcher(checkout)
        _write_stamp(checkout)
    return True


@contextlib.contextmanager
def _turn(checkout: Checkout) -> Iterator[IO[str]]:
    """One set-up at a time in a checkout. The children inherit the lock, so that a pip left over by a kill still holds it."""
    checkout.turn.parent.mkdir(exist_ok=True)
    with checkout.turn.open("a+", encoding="ascii") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another set-up of this checkout to end")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _check_room(checkout: Checkout) -> None:
    free_mb = shutil.disk_usage(checkout.root).free // 1_000_000
    if free_mb < ROOM_NEEDED_MB:
        raise Problem(f"{checkout.root} has {free_mb} MB free; the set-up needs {ROOM_NEEDED_MB} MB", NOT_HERE)


def _make_venv(checkout: Checkout, turn: IO[str]) -> None:
    # The base interpreter, because the running one may be the very environment that is about to be cleared.
    base = getattr(sys, "_base_executable", None) or sys.executable
    say(f"making {checkout.venv} with Python {platform.python_version()}")
    answer = subprocess.run(
        [base, "-m", "venv", "--clear", str(checkout.venv)],
        env=clean_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=_kept(turn),
    )
    if answer.returncode:
        lines = [text for text in answer.stdout.splitlines() if text.strip()]
        raise Problem(f"Python could not make {checkout.venv}: {lines[-1].strip() if lines else answer.returncode}")


def _install_lock(checkout: Checkout, turn: IO[str]) -> None:
    """Installs exactly what the lock says, only ready-made wheels, each checked against its hash."""
    pip = [str(checkout.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    lines = checkout.lock.read_text(encoding="utf-8").splitlines()
    total = len({line.split("==")[0] for line in lines if "==" in line})
    say(f"installing {total} packages from {checkout.lock.relative_to(checkout.root)}")
    pip += ["--require-hashes", "--only-binary=:all:", "-r", str(checkout.lock)]
    environ = {**clean_environ(), "PYTHONUNBUFFERED": "1"}
    with (
        checkout.log.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            pip,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            pass_fds=_kept(turn),
        ) as process,
    ):
        errors = _follow(process, log, total)
    if process.returncode:
        reason = errors[-1] if errors else f"pip ended with exit code {process.returncode}"
        raise Problem(f"the packages could not be installed: {reason} (everything pip said: {checkout.log})")


def _follow(process: subprocess.Popen[str], log: IO[str], total: int) -> list[str]:
    """Copies pip's words to the log, counts packages on a terminal, and gives back the errors."""
    errors: list[str] = []
    collected = 0
    assert process.stdout is not None  # asked for by stdout=PIPE
    try:
        for line in process.stdout:
            log.write(line)
            if line.startswith("ERROR:"):
                errors.append(line.removeprefix("ERROR:").strip())
            elif line.startswith(("Collecting ", "Installing collected")) and sys.stderr.isatty():
                collected += line.startswith("Collecting ")
                step = f"fetched {collected} of {total}" if line.startswith("Collecting ") else "unpacking"
                print(f"\r[genba] {step:<24}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        process.terminate()
        raise
    finally:
        if collected:
            print(file=sys.stderr)
    return errors


def _put_launcher(checkout: Checkout) -> None:
    """Makes the checkout importable in the environment and puts the ``genba`` command beside its Python."""
    packages = next(checkout.venv.glob("Lib/site-packages" if WINDOWS else "lib/python3*/site-packages"))
    # Relative: readable in every encoding, wherever the checkout lies.
    (packages / "genba-checkout.pth").write_text(os.path.relpath(checkout.root, packages) + "\n", encoding="ascii")
    path = launcher(checkout)
    path.write_bytes(LAUNCHER.encode("ascii"))
    path.chmod(0o755)


def launcher(checkout: Checkout) -> Path:
    """The ``genba`` command of this checkout."""
    return checkout.venv / "Scripts" / "genba.cmd" if WINDOWS else checkout.script("genba")


def _write_stamp(checkout: Checkout) -> None:
    new = checkout.stamp.with_suffix(".new")
    new.write_text(fingerprint(checkout), encoding="ascii")
    new.replace(checkout.stamp)


def clean_environ() -> dict[str, str]:
    """This process's environment without what would lend the private Python foreign modules."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}


def _kept(turn: IO[str]) -> tuple[int, ...]:
    return () if WINDOWS else (turn.fileno(),)


def start(checkout: Checkout, arguments: list[str], environ: dict[str, str], folder: Path | None = None) -> int:
    """Runs a program of the environment to its end and gives back its exit code, as a shell would count it."""
    with subprocess.Popen([str(checkout.python), *arguments], env=environ, cwd=folder) as process:
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt:
                continue  # Ctrl-C reached the program too; it decides how to end
    return 128 - code if code < 0 else code
