"""Disks that fill up, are full, or may not be written, as real file systems say it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from core.clock import SystemClock
from core.errors import Unavailable
from core.store.disk import Disks, Place
from core.store.journal import Journal
from core.store.operation import Actor, Request

Small = Callable[[str], Path]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    """Mount a small file system of its own, with these options."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"only root mounts a small disk: {done.stderr.strip()}")
        mounted.append(place)
        return place

    if shutil.which("mount") is None:
        pytest.skip("no mount here")
    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(folder: Path, leave: int) -> Path:
    path = folder / "ballast"
    with path.open("wb") as file:
        file.write(bytes(shutil.disk_usage(folder).free - leave))
    return path


def test_it_is_said_early_then_loudly_and_taken_back_with_some_room(small: Small) -> None:
    disk = small("size=10m")
    disks = Disks(5, 2)
    here = [Place(disk, "work")]
    assert disks.look(here) == ()
    ballast = fill(disk, 4_500_000)
    (low,) = disks.look(here)
    assert (low.code, low.severity) == ("disk.low", "warning")
    assert "4 MB" in low.lines("en").what
    os.truncate(ballast, ballast.stat().st_size - 600_000)  # 5.1 MB: above, and still too near
    assert [one.code for one in disks.look(here)] == ["disk.low"]
    os.truncate(ballast, ballast.stat().st_size - 600_000)
    assert disks.look(here) == ()
    ballast.unlink()
    fill(disk, 1_500_000)
    (loud,) = disks.look(here)
    assert (loud.code, loud.severity) == ("disk.almost_full", "error")
    assert "saved" in loud.lines("en").safe


def test_a_full_disk_and_one_that_may_only_be_read(small: Small) -> None:
    full, closed = small("size=1m"), small("size=1m,ro")
    fill(full, 0)
    disks = Disks(0, 0)
    assert [one.code for one in disks.look([Place(full, "work")])] == ["disk.almost_full"]
    (error,) = disks.look([Place(closed, "work")])
    assert error.code == "disk.not_writable"
    assert "Read-only" in error.lines("en").what
    assert "machine record" in error.lines("en").safe


def test_a_backup_disk_is_never_the_end_of_recording(small: Small, tmp_path: Path) -> None:
    closed = small("size=1m,ro")
    found = Disks(10**9, 0).look([Place(closed, "backup"), Place(tmp_path / "not there", "backup"), Place(tmp_path, "work")])
    assert [one.code for one in found] == ["disk.backup_not_writable", "disk.backup_not_writable", "disk.low"]
    assert all("Recording goes on" in one.lines("en").safe for one in found[:2])


def test_the_worst_comes_first_and_one_disk_is_named_once(small: Small, tmp_path: Path) -> None:
    closed = small("size=1m,ro")
    inside = tmp_path / "inside"
    inside.mkdir()
    found = Disks(10**9, 0).look([Place(tmp_path, "work"), Place(inside, "work"), Place(inside, "backup"), Place(closed, "work")])
    assert [one.code for one in found] == ["disk.not_writable", "disk.low"]
    assert not list(inside.iterdir()), "nothing stays"


def test_a_decision_that_cannot_be_kept_is_not_accepted_and_says_so(small: Small) -> None:
    disk = small("size=1m")
    clock = SystemClock()
    journal = Journal(disk / "journal.sqlite", clock)
    actor = Actor("ito", "Ito", frozenset(), frozenset({"*"}), "P1", None)

    def decide() -> Request:
        args: dict[str, JsonValue] = {"note": "x" * 4000}
        request = Request(id=clock.uuid7(), operation="a:b:c", user_code="ito", station="P1", decided_at=clock.now(), args=args)
        journal.append(request, actor, "new")
        return request

    def go_on() -> None:
        for _ in range(100):
            decide()

    kept = decide()
    ballast = fill(disk, 8_192)
    with pytest.raises(Unavailable) as caught:
        go_on()
    assert caught.value.code == "store.journal_full"
    assert "this was not done" in caught.value.lines("en").safe
    assert journal.entry(kept.id) is not None
    ballast.unlink()
    again = decide()
    assert journal.entry(again.id) is not None, "with room again it goes on by itself"
    journal.close()
