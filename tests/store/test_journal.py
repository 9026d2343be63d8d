from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.clock import SystemClock
from core.errors import Unavailable
from core.store.journal import Journal
from core.store.operation import Actor, Request

ACTOR = Actor("u1", "山田", frozenset({"operator"}), frozenset({"test:*"}), "ST1", None)
CLOCK = SystemClock()


class LateClock(SystemClock):
    """The computer's clock, moved."""

    late = timedelta()

    def now(self) -> datetime:
        return super().now() + self.late

    def monotonic(self) -> float:
        return super().monotonic() + self.late.total_seconds()


def _request(note: str = "") -> Request:
    return Request(
        id=CLOCK.uuid7(), operation="test:thing:book", station="ST1", user_code="u1", decided_at=CLOCK.now(), args={"note": note}
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.db", CLOCK)
    yield opened
    opened.close()


def test_an_entry_comes_back_as_it_was_given(journal: Journal) -> None:
    request = _request("組立")
    journal.append(request, ACTOR, "new", subject="thing:1", preview='{"a": 1}')
    (entry,) = journal.waiting()
    assert (entry.request, entry.actor, entry.subject, entry.preview, entry.state) == (request, ACTOR, "thing:1", '{"a": 1}', "new")
    assert journal.waiting_count == 1
    assert journal.entry(request.id) == entry
    assert journal.entry(CLOCK.uuid7()) is None


def test_entries_keep_their_order_and_leave_the_queue_when_applied_or_parked(journal: Journal) -> None:
    requests = [_request(str(n)) for n in range(5)]
    for request in requests:
        journal.append(request, ACTOR, "new")
    journal.mark(requests[0].id, "applied")
    journal.mark(requests[1].id, "parked", refusal={"kind": "refused", "code": "x.y", "params": {"at": 3}})
    journal.mark(requests[2].id, "unknown")
    journal.forget(requests[4].id)
    assert [entry.request.id for entry in journal.waiting()] == [requests[2].id, requests[3].id]
    assert [entry.refusal["params"] for entry in journal.parked()] == [{"at": 3}]
    assert journal.waiting_count == 2
    assert [e.request.id for e in journal.applied_since(CLOCK.now() - timedelta(minutes=1))] == [requests[0].id]


def test_of_each_thing_the_newest_preview_is_told_and_of_the_oldest_so_many(journal: Journal) -> None:
    told = [("thing:1", "a"), ("thing:2", "b"), ("thing:1", "c"), ("thing:1", ""), ("thing:3", ""), ("", ""), ("thing:4", "d")]
    requests = [_request(str(n)) for n in range(len(told))]
    for request, (subject, preview) in zip(requests, told, strict=True):
        journal.append(request, ACTOR, "new", subject=subject, preview=preview)
    journal.mark(requests[-1].id, "applied")
    assert [(entry.subject, entry.preview) for entry in journal.newest_previews()] == [("thing:2", "b"), ("thing:1", "c"), ("thing:3", "")]
    journal.mark(requests[2].id, "parked")
    assert ("thing:1", "a") in [(entry.subject, entry.preview) for entry in journal.newest_previews()]
    assert [entry.request.id for entry in journal.waiting(2)] == [requests[0].id, requests[1].id]


def test_the_same_request_is_kept_once(journal: Journal) -> None:
    request = _request()
    journal.append(request, ACTOR, "new")
    journal.mark(request.id, "applied")
    journal.append(request, ACTOR, "new")
    assert journal.waiting() == []


def test_what_was_in_flight_is_unknown_after_a_restart(tmp_path: Path) -> None:
    first = Journal(tmp_path / "journal.db", CLOCK)
    new, flying = _request("new"), _request("flying")
    first.append(new, ACTOR, "new")
    first.append(flying, ACTOR, "inflight")
    first.close()
    second = Journal(tmp_path / "journal.db", CLOCK)
    assert [(e.request.id, e.state) for e in second.waiting()] == [(new.id, "new"), (flying.id, "unknown")]
    second.close()


def test_applied_entries_stay_a_day(tmp_path: Path) -> None:
    clock = LateClock()
    journal = Journal(tmp_path / "journal.db", clock)
    applied, parked = _request(), _request()
    for request in (applied, parked):
        journal.append(request, ACTOR, "new")
    journal.mark(applied.id, "applied")
    journal.mark(parked.id, "parked")
    clock.late = timedelta(hours=23)
    assert journal.prune() == 0
    clock.late = timedelta(hours=25)
    assert journal.prune() == 1
    assert len(journal.parked()) == 1
    journal.close()


def test_a_clock_that_jumps_a_day_ahead_takes_nothing_away(tmp_path: Path) -> None:
    class JumpingClock(SystemClock):
        jump, passed = timedelta(), timedelta()

        def now(self) -> datetime:
            return super().now() + self.jump + self.passed

        def monotonic(self) -> float:
            return super().monotonic() + self.passed.total_seconds()

    clock = JumpingClock()
    journal = Journal(tmp_path / "journal.db", clock)
    applied = []
    for hours in (0, 2, 2):
        clock.passed += timedelta(hours=hours)
        applied.append(_request())
        journal.append(applied[-1], ACTOR, "inflight")
        journal.mark(applied[-1].id, "applied", lineage="7/1")
    clock.jump = timedelta(days=2)
    assert journal.prune("7/1") == 0, "a failover may still take it back"
    clock.passed += timedelta(hours=21)
    assert journal.prune("7/1") == 1, "the first is a day old by now"
    clock.passed += timedelta(hours=24)
    assert journal.prune("7/1") == 2
    journal.close()


def test_a_station_that_never_stops_keeps_its_journal_small(tmp_path: Path) -> None:
    clock = LateClock()
    journal = Journal(tmp_path / "journal.db", clock)
    for day in range(10):
        clock.late = timedelta(days=day)
        request = _request()
        journal.append(request, ACTOR, "inflight")
        journal.mark(request.id, "applied")
    assert len(journal.applied_since(clock.now() - timedelta(days=100))) <= 2
    journal.close()


def test_the_file_is_in_full_synchronous_wal_and_only_one_program_holds_it(journal: Journal, tmp_path: Path) -> None:
    settings = journal._file.call(
        lambda file: (file.execute("PRAGMA journal_mode").fetchone()[0], file.execute("PRAGMA synchronous").fetchone()[0])
    )
    assert settings == ("wal", 2)
    with pytest.raises(Unavailable) as refused:
        Journal(tmp_path / "journal.db", CLOCK)
    assert refused.value.code == "store.journal_in_use"


def test_many_threads_share_commits_and_lose_nothing(journal: Journal) -> None:
    def work() -> None:
        for _ in range(50):
            journal.append(_request(), ACTOR, "new")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.waiting_count == 400
    assert len(journal.waiting()) == 400


def test_a_closed_journal_accepts_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", CLOCK)
    journal.close()
    journal.close()
    with pytest.raises(Unavailable) as refused:
        journal.append(_request(), ACTOR, "new")
    assert refused.value.code == "store.journal_closed"


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Journal(tmp_path / "missing" / "journal.db", CLOCK)


_WRITER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from core.clock import SystemClock
from core.errors import Unavailable
from core.store.journal import Journal
from core.store.operation import Actor, Request
clock = SystemClock()
actor = Actor("u1", "n", frozenset(), frozenset(), "ST1", None)
journal = Journal(Path(sys.argv[1]), clock)
for n in range(int(sys.argv[2])):
    args = {"n": "x" * 500}
    request = Request(id=clock.uuid7(), operation="test:thing:book", station="ST1", user_code="u1", decided_at=clock.now(), args=args)
    try:
        journal.append(request, actor, "new")
    except Unavailable as error:
        print("refused", error.code, flush=True)
        break
    print(request.id, flush=True)
"""


def _limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))


def test_a_full_disk_refuses_in_words_and_keeps_everything_acknowledged(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WRITER, str(tmp_path / "journal.db"), "2000"],
        preexec_fn=_limit_file_size, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    *acknowledged, last = done.stdout.split("\n")[:-1]
    assert last == "refused store.journal_full", done.stderr
    assert len(acknowledged) > 50
    journal = Journal(tmp_path / "journal.db", CLOCK)
    assert [str(entry.request.id) for entry in journal.waiting()] == acknowledged
    journal.close()


def test_killed_while_writing_everything_acknowledged_is_there(tmp_path: Path) -> None:
    program = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path / "journal.db"), "100000"], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    acknowledged = [program.stdout.readline().strip() for _ in range(100)]
    os.kill(program.pid, signal.SIGKILL)
    acknowledged += [line.strip() for line in program.stdout if len(line) == 37]
    program.wait()
    program.stdout.close()
    journal = Journal(tmp_path / "journal.db", CLOCK)
    kept = [str(entry.request.id) for entry in journal.waiting()]
    assert kept[: len(acknowledged)] == acknowledged
    assert len(kept) - len(acknowledged) <= 1
    journal.close()


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace watches and breaks the system calls")


def _strace(what: str) -> list[str]:
    return ["strace", "-f", "-y", "-e", what]


def _writer(folder: Path, count: int) -> list[str]:
    return [sys.executable, "-c", _WRITER, str(folder / "journal.db"), str(count)]


@needs_strace
def test_nothing_is_acknowledged_before_the_disk_has_it(tmp_path: Path) -> None:
    # A killed program proves nothing: the kernel still holds what was never flushed. Only the order of the calls does.
    trace = tmp_path / "trace"
    subprocess.run(
        [*_strace("trace=write,pwrite64,fsync,fdatasync"), "-s", "64", "-o", trace, *_writer(tmp_path, 40)],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    unflushed, acknowledged = False, 0
    for line in trace.read_text(errors="replace").splitlines():
        if "journal.db-wal" in line and "pwrite64(" in line:
            unflushed = True
        elif "journal.db-wal" in line and ("fsync(" in line or "fdatasync(" in line):
            unflushed = False
        elif re.search(r'write\(1<.*-[0-9a-f]{12}(\\n)?"', line):
            acknowledged += 1
            assert not unflushed, f"acknowledgement {acknowledged} came before the flush"
    assert acknowledged == 40


@needs_strace
@pytest.mark.parametrize(("call", "error"), [("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO")])
def test_a_failing_disk_stops_the_acknowledgements_and_loses_none(tmp_path: Path, call: str, error: str) -> None:
    done = subprocess.run(
        [*_strace(f"trace={call}"), "-e", f"inject={call}:error={error}:when=60+", "-o", "/dev/null", *_writer(tmp_path, 300)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    *acknowledged, last = done.stdout.split("\n")[:-1]
    assert last == "refused store.journal_full", done.stderr
    assert acknowledged
    journal = Journal(tmp_path / "journal.db", CLOCK)
    kept = [str(entry.request.id) for entry in journal.waiting()]
    journal.close()
    assert kept[: len(acknowledged)] == acknowledged
    assert len(kept) - len(acknowledged) <= 1  # one may have reached the disk and not the person


def _filled(path: Path, count: int) -> list[UUID]:
    journal = Journal(path, CLOCK)
    requests = [_request("x" * 300) for _ in range(count)]
    for request in requests:
        journal.append(request, ACTOR, "new")
    journal.close()
    return [request.id for request in requests]


def test_a_damaged_page_costs_its_rows_and_nothing_else(tmp_path: Path, expect_log: Any) -> None:
    path = tmp_path / "journal.db"
    ids = _filled(path, 200)
    page = path.stat().st_size // 4096 // 2
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xa5" * 4096)
    expect_log(r"journal\.db was damaged .* moved to journal\.damaged-")
    journal = Journal(path, CLOCK)
    kept = [entry.request.id for entry in journal.waiting()]
    assert set(kept) <= set(ids)
    assert kept == sorted(kept)
    assert len(kept) >= 190
    assert len(list(tmp_path.glob("journal.damaged-*.db"))) == 1
    journal.append(_request(), ACTOR, "new")
    journal.close()


def test_rubbish_instead_of_a_file_is_moved_aside(tmp_path: Path, expect_log: Any) -> None:
    expect_log(r"damaged")
    path = tmp_path / "journal.db"
    path.write_bytes(os.urandom(20_000))
    journal = Journal(path, CLOCK)
    assert journal.waiting() == []
    journal.append(_request(), ACTOR, "new")
    assert journal.waiting_count == 1
    journal.close()


def test_a_changed_row_is_noticed_while_running_and_never_used(journal: Journal, tmp_path: Path, expect_log: Any) -> None:
    good, bad = _request("good"), _request("bad")
    journal.append(good, ACTOR, "new")
    journal.append(bad, ACTOR, "new")
    forged = json.dumps({"note": "forged"})
    journal._file.call(lambda file: file.execute('UPDATE entry SET request = replace(request, \'{"note":"bad"}\', ?)', (forged,)))
    assert [entry.request.id for entry in journal.waiting()] == [good.id]
    assert journal.rows_lost == 1
    expect_log(r"1 rows saved, 1 lost")
    assert journal.waiting_count == 1


def test_what_was_lost_is_told_for_three_days_whatever_becomes_of_the_program(tmp_path: Path, expect_log: Any) -> None:
    clock = LateClock()
    for once_more in range(2):
        journal = Journal(tmp_path / "journal.db", clock)
        journal.append(_request(), ACTOR, "new")
        journal._file.call(lambda file: file.execute("UPDATE entry SET actor = 'x'"))
        assert journal.waiting() == []
        assert (journal.rows_lost, journal.rows_lost_lately) == (1, 1 + once_more)
        journal.close()
    expect_log("0 rows saved, 1 lost")
    for late, told in ((timedelta(days=2), 2), (timedelta(days=4), 0)):
        clock.late = late
        journal = Journal(tmp_path / "journal.db", clock)
        assert (journal.rows_lost, journal.rows_lost_lately) == (0, told)
        journal.close()
    assert (tmp_path / "journal.db-lost").stat().st_mode & 0o777 == 0o600


def test_a_job_that_fails_does_not_take_its_neighbours_along(journal: Journal) -> None:
    def fail(file: sqlite3.Connection) -> None:
        file.execute("DELETE FROM entry")
        raise ValueError("mine alone")

    request = _request()
    journal.append(request, ACTOR, "new")
    with pytest.raises(ValueError, match="mine alone"):
        journal._file.call(fail)
    assert journal.waiting()[0].request.id == request.id
    assert journal.waiting()[0].changed_at.tzinfo == UTC


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_a_flipped_byte_anywhere_never_yields_a_changed_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(logging.getLogger("core.store.localfile"), "propagate", False)  # some flips hit unused bytes and say nothing
    path = tmp_path / "journal.db"
    ids = set(_filled(path, 60))
    raw = bytearray(path.read_bytes())
    for step in range(8):
        raw[(seed * 7919 + step * 104_729) % len(raw)] ^= 1 << (seed % 8)
    path.write_bytes(raw)
    journal = Journal(path, CLOCK)
    for entry in journal.waiting():
        assert entry.request.id in ids
        assert entry.request.args == {"note": "x" * 300}
    journal.close()


# ---- on which life of the database ---------------------------------------------------------------------------------------


def test_applied_entries_are_looked_for_once_in_every_life_of_the_database(journal: Journal) -> None:
    there, gone, newer = _request("there"), _request("gone"), _request("newer")
    for request, lineage in ((there, "7/1"), (gone, "7/1"), (newer, "7/2")):
        journal.append(request, ACTOR, "inflight")
        journal.mark(request.id, "applied", lineage=lineage)
    assert journal.applied_elsewhere("7/1", 10) == [newer.id]
    assert journal.applied_elsewhere("7/2", 10) == [there.id, gone.id]
    assert journal.applied_elsewhere("7/2", 1) == [there.id]
    journal.looked_for("7/2", [there.id], [gone.id])
    assert journal.applied_elsewhere("7/2", 10) == []
    (waits,) = journal.waiting()
    assert (waits.request.id, waits.state, waits.lineage) == (gone.id, "unknown", "7/1")
    journal.mark(gone.id, "applied", lineage="7/2")
    assert [entry.lineage for entry in journal.applied_since(CLOCK.now() - timedelta(minutes=1))] == ["7/2"] * 3


def test_what_was_applied_in_another_life_of_the_database_is_kept_however_old(tmp_path: Path) -> None:
    clock = LateClock()
    journal = Journal(tmp_path / "journal.db", clock)
    old, new = _request(), _request()
    for request, lineage in ((old, "7/1"), (new, "7/2")):
        journal.append(request, ACTOR, "inflight")
        journal.mark(request.id, "applied", lineage=lineage)
    clock.late = timedelta(days=3)
    assert journal.prune("7/2") == 1
    assert journal.applied_elsewhere("7/2", 10) == [old.id]
    journal.close()


def _as_before_lineages(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("ALTER TABLE entry DROP COLUMN lineage")
        file.commit()


def _earlier_file(path: Path) -> list[UUID]:
    journal = Journal(path, CLOCK)
    requests = [_request(str(n)) for n in range(3)]
    for request in requests:
        journal.append(request, ACTOR, "new")
    journal.mark(requests[0].id, "applied")
    journal.close()
    _as_before_lineages(path)
    return [request.id for request in requests]


def test_a_file_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    ids = _earlier_file(path)
    journal = Journal(path, CLOCK)
    assert [entry.request.id for entry in journal.waiting()] == ids[1:]
    assert journal.applied_elsewhere("7/1", 10) == ids[:1], "nobody knows where: it is looked for once"
    journal.mark(ids[1], "applied", lineage="7/1")
    assert journal.rows_lost == 0
    journal.close()


def test_a_damaged_file_of_an_earlier_version_is_rescued_too(tmp_path: Path, expect_log: Any) -> None:
    """Seen before anything could bring it up to date."""
    expect_log("was damaged")
    path = tmp_path / "journal.db"
    ids = _earlier_file(path)
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE entry SET subject = 'x' WHERE id = ?", (str(ids[2]),))
        file.commit()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entry_state'").fetchone()
        (size,) = file.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xff" * 100)
    journal = Journal(path, CLOCK)
    assert [entry.request.id for entry in journal.waiting()] == ids[1:2]
    assert journal.rows_lost == 1
    journal.close()
