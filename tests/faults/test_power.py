"""Power cuts: what the journal has acknowledged is on the disk. Where nobody may mount a file system the tests say so and skip."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.lossy import File
from tests.faults.power import MODES, Cuts, NoFuse, cut


def cut_or_skip(folder: Path, mode: str, seed: int, times: int, synchronous: str = "FULL") -> Cuts:
    try:
        return cut(folder / mode, mode, seed, times, synchronous=synchronous)
    except NoFuse as reason:
        pytest.skip(f"power cuts need Linux, /dev/fuse and the right to mount: {reason}")


@pytest.mark.parametrize("mode", MODES)
def test_three_power_cuts(tmp_path: Path, mode: str) -> None:
    found = cut_or_skip(tmp_path, mode, 1, 3)
    assert (found.cuts, found.lost, found.alarms) == (3, 0, 0)
    assert found.acknowledged >= 90


@pytest.mark.long
@pytest.mark.timeout(900)
def test_fifty_power_cuts_in_each_mode(tmp_path: Path) -> None:
    found = [cut_or_skip(tmp_path, mode, 2, 50) for mode in MODES]
    assert [(one.cuts, one.lost, one.alarms) for one in found] == [(50, 0, 0)] * 3
    assert sum(one.acknowledged for one in found) >= 10_000


def test_a_journal_that_does_not_wait_for_the_disk_loses(tmp_path: Path) -> None:
    """The mutant: without synchronous=FULL these very cuts cost acknowledged decisions."""
    assert cut_or_skip(tmp_path, "drop", 1, 2, "NORMAL").lost > 0


def test_only_what_was_synced_is_on_the_disk() -> None:
    file = File(2)
    file.write(0, b"a" * 1024)
    file.sync()
    file.write(512, b"b" * 1024)
    file.lose_power("drop", random.Random(1))
    assert bytes(file.kept) == b"a" * 1024
    sectors = set()
    for seed in range(20):
        torn = File(3, bytearray(file.seen), bytearray(file.kept), set(file.unsynced))
        torn.lose_power("torn", random.Random(seed))
        sectors.add(tuple(bytes(torn.kept[at : at + 1]) for at in (0, 512, 1024)))
    assert sectors == {(b"a", b"a", b""), (b"a", b"b", b""), (b"a", b"a", b"b"), (b"a", b"b", b"b")}


def test_a_file_cut_short_is_so_on_the_disk_only_when_synced() -> None:
    file = File(2)
    file.write(0, b"a" * 2048)
    file.sync()
    file.resize(100)
    assert len(file.kept) == 2048
    file.sync()
    assert bytes(file.kept) == b"a" * 100
