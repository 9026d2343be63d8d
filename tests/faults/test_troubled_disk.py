"""A disk that refuses, has no room or may only be read, and a memory that is too small: what was acknowledged is kept, the rest is said."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.store.journal import Journal

_ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 120
_MANY = 2_000
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace breaks the system calls")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a keeper of a journal has said.

    Attributes:
        told: Ids that it acknowledged.
        last: Its last words when it stopped early; "" when it did not.
        there: Ids in the journal when it is opened again.
    """

    told: list[str]
    last: str
    there: list[str]

    @property
    def lost(self) -> int:
        return len(set(self.told) - set(self.there))


def keep(
    folder: Path, count: int, mutant: str = "", before: tuple[str, ...] = (), limit: Callable[[], None] | None = None, *, again: bool = True
) -> Kept:
    """Have ``count`` decisions kept by a process of its own under the command ``before`` or the limit, then look what is there."""
    path = folder / "journal.db"
    command = [*before, sys.executable, "-m", "tests.faults.journal_keeper", str(path), str(count), *filter(None, [mutant])]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=_PATIENCE_S, preexec_fn=limit, check=False)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    told = [line.removeprefix("kept ") for line in lines if line.startswith("kept ")]
    there: list[str] = []
    if again:
        journal = Journal(path, SystemClock())
        there = [str(entry.request.id) for entry in journal.waiting()]
        journal.close()
    return Kept(told, "" if lines[-1].startswith("kept ") else lines[-1], there)


# ---- the disk refuses ------------------------------------------------------------------------------------------------

_REFUSALS = [("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "EROFS")]


def refusing(call: str, error: str) -> tuple[str, ...]:
    return ("strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when=60+")


@needs_strace
@pytest.mark.parametrize(("call", "error"), _REFUSALS, ids="-".join)
def test_what_the_disk_refuses_is_not_acknowledged(tmp_path: Path, call: str, error: str) -> None:
    kept = keep(tmp_path, _MANY, before=refusing(call, error))
    assert kept.last == "refused store.journal_full"
    assert kept.told
    assert kept.lost == 0
    assert len(kept.there) - len(kept.told) <= 1  # one may have reached the disk and not the person


@needs_strace
@pytest.mark.parametrize(("call", "error"), _REFUSALS, ids="-".join)
def test_who_does_not_hear_the_disk_refuse_loses(tmp_path: Path, call: str, error: str) -> None:
    kept = keep(tmp_path, 300, "deaf", refusing(call, error))
    assert kept.lost > 10


# ---- no room ---------------------------------------------------------------------------------------------------------


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))


def test_without_room_nothing_more_is_acknowledged(tmp_path: Path) -> None:
    kept = keep(tmp_path, _MANY, limit=_small_files)
    assert kept.last == "refused store.journal_full"
    assert kept.told == kept.there


def test_who_does_not_hear_that_there_is_no_room_loses(tmp_path: Path) -> None:
    kept = keep(tmp_path, _MANY, "deaf", limit=_small_files)
    assert len(kept.told) == _MANY
    assert kept.lost > 10


# ---- it may only be read ---------------------------------------------------------------------------------------------


def read_only(folder: Path) -> tuple[str, ...]:
    """The command that runs another with an empty disk at ``folder`` that may only be read; in its own name space that takes no right."""
    script = 'mount -t tmpfs -o ro tmpfs "$0" && exec "$@"'
    mounting = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(folder))
    if shutil.which("unshare") is None or subprocess.run([*mounting, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this computer lets nobody mount a disk in a name space of his own")
    return mounting


def test_a_home_that_may_only_be_read_is_said_and_nothing_is_decided_there(tmp_path: Path) -> None:
    kept = keep(tmp_path, 5, before=read_only(tmp_path), again=False)
    assert kept.told == []
    assert kept.last.startswith("not opened store.journal_full")


def test_who_goes_on_in_memory_instead_loses_everything(tmp_path: Path) -> None:
    """The mutant: a panel that works as if nothing were, until it is switched off."""
    kept = keep(tmp_path, 5, "memory", read_only(tmp_path))
    assert len(kept.told) == kept.lost == 5


def test_a_station_with_a_home_that_may_only_be_read_says_so_in_its_first_line(tmp_path: Path) -> None:
    words = [*read_only(tmp_path), sys.executable, "-m", "hmi", "station", "--seconds", "1"]
    told = {**os.environ, "GENBA_HOME": str(tmp_path), "GENBA_NAME": "P1", "GENBA_LANGUAGE": "en", "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(words, cwd=_ROOT, env=told, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert str(tmp_path) in done.stderr
    assert "ead-only" in done.stderr


# ---- little memory ---------------------------------------------------------------------------------------------------


def test_with_too_little_memory_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    """It is refused, or a library ends the whole program: either way nothing is told as kept that is not."""
    kept = keep(tmp_path, _MANY, "hungry")
    assert 0 < len(kept.told) < _MANY
    assert kept.there[: len(kept.told)] == kept.told
    assert len(kept.there) - len(kept.told) <= 1
