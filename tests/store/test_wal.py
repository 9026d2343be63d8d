"""A write-ahead log with a damaged place: what was acknowledged behind it is rescued or counted, never forgotten in silence."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from pathlib import Path
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.store.journal import Journal
from core.store.operation import Actor, Request
from core.store.wal import hides_rows, mended

CLOCK = SystemClock()
ACTOR = Actor("u1", "山田", frozenset({"operator"}), frozenset({"test:*"}), "ST1", None)
FRAME = 24 + 4096


def request(note: str) -> Request:
    return Request(
        id=CLOCK.uuid7(), operation="test:thing:book", station="ST1", user_code="u1", decided_at=CLOCK.now(), args={"note": note}
    )


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[UUID]]:
    """The files of a journal whose station was killed with sixty decisions in it, and their ids."""
    folder = tmp_path_factory.mktemp("killed")
    journal = Journal(folder / "running.db", CLOCK)
    asked = [request(f"n {n} " + "x" * 300) for n in range(60)]
    for each in asked:
        journal.append(each, ACTOR, "new")
    for suffix in ("", "-wal"):
        shutil.copyfile(folder / f"running.db{suffix}", folder / f"journal.db{suffix}")
    journal.close()
    return folder / "journal.db", [each.id for each in asked]


def opened(killed: Path, folder: Path, log: bytes) -> Journal:
    folder.mkdir(exist_ok=True)
    shutil.copyfile(killed, folder / "journal.db")
    (folder / "journal.db-wal").write_bytes(log)
    return Journal(folder / "journal.db", CLOCK)


def test_a_killed_station_hides_nothing(killed: tuple[Path, list[UUID]], tmp_path: Path) -> None:
    raw = killed[0].with_name("journal.db-wal").read_bytes()
    assert not hides_rows(raw)
    journal = opened(killed[0], tmp_path / "j", raw)
    assert [entry.request.id for entry in journal.waiting()] == killed[1]
    journal.close()


@pytest.mark.parametrize("cut", [1, FRAME // 2, FRAME - 1])
def test_a_torn_last_write_is_no_damage(killed: tuple[Path, list[UUID]], tmp_path: Path, cut: int) -> None:
    """The station was cut off while it wrote: nobody was told that this one is kept."""
    raw = killed[0].with_name("journal.db-wal").read_bytes()
    journal = opened(killed[0], tmp_path / "j", raw[:-cut])
    assert [entry.request.id for entry in journal.waiting()] == killed[1][: len(journal.waiting())]
    assert (journal.rows_lost, len(journal.waiting())) == (0, 59)
    journal.close()


def test_a_flipped_byte_anywhere_in_the_log(killed: tuple[Path, list[UUID]], tmp_path: Path, expect_log: object) -> None:
    """Every decision is there, or the station says that some are not; most of the time every one is there."""
    path, ids = killed
    raw = path.with_name("journal.db-wal").read_bytes()
    dice = random.Random(5)
    expect_log(r"journal\.db was damaged")  # type: ignore[operator]
    whole = 0
    last = _begin_of_last_transaction(raw)
    for n in range(60):
        log = bytearray(raw)
        log[dice.randrange(last)] ^= dice.randrange(1, 256)
        folder = tmp_path / f"{n}"
        journal = opened(path, folder, bytes(log))
        missing = set(ids) - {entry.request.id for entry in journal.waiting()}
        assert not missing or journal.rows_lost > 0, f"{len(missing)} decisions were forgotten in silence"
        assert len(missing) <= 20
        whole += not missing
        journal.close()
        shutil.rmtree(folder)
    assert whole >= 45


def _begin_of_last_transaction(raw: bytes) -> int:
    frames = range(32, len(raw) - FRAME + 1, FRAME)
    ends = [at for at in frames if struct.unpack_from(">I", raw, at + 4)[0]]
    return ends[-2] + FRAME


def test_what_was_rescued_survives_a_second_start(killed: tuple[Path, list[UUID]], tmp_path: Path, expect_log: object) -> None:
    path, ids = killed
    log = bytearray(path.with_name("journal.db-wal").read_bytes())
    log[32 + 4 * FRAME + 60] ^= 0xFF
    assert hides_rows(bytes(log))
    expect_log(r"journal\.db was damaged")  # type: ignore[operator]
    opened(path, tmp_path / "j", bytes(log)).close()
    again = Journal(tmp_path / "j" / "journal.db", CLOCK)
    assert len(again.waiting()) >= len(ids) - 1
    again.close()
    (aside,) = (tmp_path / "j").glob("journal.damaged-*.db-wal")
    assert aside.read_bytes() == bytes(log), "the damaged file is evidence"


def test_an_end_between_setting_aside_and_replacing(killed: tuple[Path, list[UUID]], tmp_path: Path, expect_log: object) -> None:
    """SQLite has deleted its log by then; what was set aside is still used."""
    path, ids = killed
    log = bytearray(path.with_name("journal.db-wal").read_bytes())
    log[32 + 4 * FRAME + 60] ^= 0xFF
    shutil.copyfile(path, tmp_path / "journal.db")
    (tmp_path / "journal.db-hidden").write_bytes(bytes(log))
    expect_log(r"journal\.db was damaged")  # type: ignore[operator]
    journal = Journal(tmp_path / "journal.db", CLOCK)
    assert len(journal.waiting()) >= len(ids) - 1
    assert not (tmp_path / "journal.db-hidden").exists()
    journal.close()


def test_a_mended_log_says_the_same(killed: tuple[Path, list[UUID]], tmp_path: Path) -> None:
    path, ids = killed
    shutil.copyfile(path, tmp_path / "one.db")
    (tmp_path / "one.db-wal").write_bytes(mended(path.with_name("journal.db-wal").read_bytes()))
    file = sqlite3.connect(tmp_path / "one.db")
    assert [UUID(text) for (text,) in file.execute("SELECT id FROM entry ORDER BY n")] == ids
    file.close()


def test_random_bytes_raise_nothing() -> None:
    dice = random.Random(1)
    for size in (0, 1, 31, 32, 56, 4_152, 20_000):
        raw = dice.randbytes(size)
        assert hides_rows(raw) in (True, False)
        assert len(mended(raw)) <= size
    assert not hides_rows(b"")
