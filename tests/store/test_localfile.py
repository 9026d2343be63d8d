"""A damaged file is replaced whatever happens meanwhile: a kill at any point, a full disk, damage that SQLite itself does not see."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.errors import Unavailable
from core.store.journal import Journal
from core.store.operation import Actor, Request
from core.store.readstore import ReadStore

CLOCK = SystemClock()
ACTOR = Actor("u1", "山田", frozenset({"operator"}), frozenset({"test:*"}), "ST1", None)
ROWS = 60


def filled(path: Path) -> list[UUID]:
    journal = Journal(path, CLOCK)
    ids = []
    for n in range(ROWS):
        request = Request(
            id=CLOCK.uuid7(), operation="test:thing:book", station="ST1", user_code="u1", decided_at=CLOCK.now(), args={"n": f"{n} 件"}
        )
        journal.append(request, ACTOR, "new")
        ids.append(request.id)
    journal.close()
    return ids


def changed(path: Path, statement: str) -> None:
    """As another program, or a bad disk, would change the file."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA writable_schema = ON")
        file.execute(statement)
        file.commit()


def waiting(path: Path) -> list[UUID]:
    journal = Journal(path, CLOCK)
    try:
        return [entry.request.id for entry in journal.waiting()]
    finally:
        journal.close()


KILLED = """
import os, pathlib, shutil, signal, sys
from core.clock import SystemClock
from core.store import localfile, privatefile
from core.store.journal import Journal
left = int(sys.argv[2])
def mortal(function):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call
pathlib.Path.replace = mortal(pathlib.Path.replace)
pathlib.Path.unlink = mortal(pathlib.Path.unlink)
shutil.copyfile = mortal(shutil.copyfile)
localfile.LocalFile._connect = mortal(localfile.LocalFile._connect)
localfile.LocalFile._read_copy = mortal(localfile.LocalFile._read_copy)
Journal(pathlib.Path(sys.argv[1]), SystemClock()).close()
"""


@pytest.mark.parametrize("log", ["checkpointed", "in the log"])
def test_killed_at_any_point_of_the_replacement_no_row_is_left_behind(tmp_path: Path, expect_log: Any, log: str) -> None:
    first = tmp_path / "ステーション 1"
    first.mkdir()
    ids = filled(first / "journal.db")
    changed(first / "journal.db", "UPDATE entry SET subject = 'forged' WHERE n = 7")
    if log == "in the log":  # left by a killed program: the damage stands in the file, the last row only in its log
        with contextlib.closing(sqlite3.connect(first / "journal.db")) as file:
            file.execute("PRAGMA wal_autocheckpoint = 0")
            file.execute("UPDATE entry SET state = state WHERE n = 60")
            file.commit()
            copied = tmp_path / "copied"
            shutil.copytree(first, copied)
        shutil.rmtree(first)
        copied.rename(first)
        assert (first / "journal.db-wal").stat().st_size
    ended = signal.SIGKILL
    survived = 0
    while ended == signal.SIGKILL:
        place = tmp_path / f"killed {survived}"
        shutil.copytree(first, place)
        done = subprocess.run([sys.executable, "-c", KILLED, str(place / "journal.db"), str(survived)], check=False, capture_output=True)
        ended = -done.returncode
        if ended == 0:
            break
        assert ended == signal.SIGKILL, done.stderr.decode()
        expect_log("was damaged")
        assert waiting(place / "journal.db") == ids[:6] + ids[7:], f"killed at point {survived}"
        assert not [path.name for path in place.iterdir() if "replacing" in path.name or "reading" in path.name]
        survived += 1
    assert survived > 6


def test_a_disk_too_full_for_the_rescue_keeps_the_rows_for_the_next_start(
    tmp_path: Path, expect_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    ids = filled(path)
    changed(path, "UPDATE entry SET subject = 'forged' WHERE n = 7")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(Unavailable) as caught:
            Journal(path, CLOCK)
    assert caught.value.code == "store.journal_full"
    expect_log("could not be replaced")
    expect_log("59 rows saved, 1 lost")
    assert waiting(path) == ids[:6] + ids[7:]
    assert waiting(path) == ids[:6] + ids[7:], "and once only"


def test_a_replacement_that_was_broken_off_is_not_gone_on_with_under_a_living_owner(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    ids = filled(path)
    owner = Journal(path, CLOCK)
    (tmp_path / "journal.db-replacing").write_text("journal.damaged-1.db", encoding="utf-8")
    with pytest.raises(Unavailable) as caught:
        Journal(path, CLOCK)
    assert caught.value.code == "store.journal_in_use"
    assert [entry.request.id for entry in owner.waiting()] == ids
    owner.close()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE entry SET preview = CAST(preview AS BLOB) WHERE n = 7",
        "UPDATE entry SET changed_at = NULL WHERE n = 7",
        "UPDATE entry SET lineage = x'00' WHERE n = 7",
    ],
)
def test_a_text_that_became_something_else_is_damage(tmp_path: Path, expect_log: Any, harm: str) -> None:
    expect_log("was damaged")
    path = tmp_path / "journal.db"
    ids = filled(path)
    changed(path, "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = 'entry'")
    changed(path, harm)
    kept = waiting(path)
    assert kept in (ids, ids[:6] + ids[7:])


@pytest.mark.parametrize(("name", "flipped"), [("refusal", "rdfusal"), ("lineage", "lineagf"), ("TEXT", "DEXT")])
def test_a_flipped_bit_in_a_name_costs_no_row(tmp_path: Path, expect_log: Any, name: str, flipped: str) -> None:
    if name == "refusal":  # the others can be done without
        expect_log("60 rows saved, 0 lost")
    path = tmp_path / "journal.db"
    ids = filled(path)
    with contextlib.closing(sqlite3.connect(path)) as file:
        (sql,) = file.execute("SELECT sql FROM sqlite_master WHERE name = 'entry'").fetchone()
    raw = path.read_bytes()
    assert raw.count(sql.encode()) == 1
    path.write_bytes(raw.replace(sql.encode(), sql.replace(name, flipped, 1).encode()))
    assert waiting(path) == ids


def test_a_file_format_that_sqlite_does_not_know_is_damage(tmp_path: Path, expect_log: Any) -> None:
    expect_log("was damaged")
    path = tmp_path / "journal.db"
    filled(path)
    raw = bytearray(path.read_bytes())
    raw[47] ^= 0x40  # schema format number
    path.write_bytes(raw)
    assert waiting(path) == []
    (aside,) = tmp_path.glob("journal.damaged-*.db")
    assert aside.read_bytes() == bytes(raw), "nothing of it is thrown away"


@pytest.mark.parametrize(
    "harm", ["UPDATE snapshot SET as_of = '2026-11-3p'", "UPDATE snapshot SET view = x'37'", "UPDATE entity SET as_of = ''"]
)
def test_a_damaged_read_store_never_keeps_a_station_from_starting(tmp_path: Path, expect_log: Any, harm: str) -> None:
    expect_log("was damaged")
    path = tmp_path / "readstore.db"
    store = ReadStore(path, CLOCK)
    now = CLOCK.now().isoformat()
    store._file.call(lambda file: file.execute("INSERT INTO snapshot VALUES ('a', '{}', ?, '{}')", (now,)))
    store._file.call(lambda file: file.execute("INSERT INTO entity VALUES ('thing:1', 'test:thing:count', ?, '{}')", (now,)))
    store.close()
    changed(path, harm)
    store = ReadStore(path, CLOCK)
    assert store.entity("thing:1", object) is None
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there the folder's access list protects the files")
def test_nobody_else_of_this_computer_reads_them(tmp_path: Path) -> None:
    older = tmp_path / "readstore.db"
    older.touch(mode=0o644)
    journal, store = Journal(tmp_path / "journal.db", CLOCK), ReadStore(older, CLOCK)
    try:
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    finally:
        journal.close()
        store.close()
