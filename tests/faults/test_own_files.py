"""The journal of one station under a clock that jumps, and without the guards that its file has."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock, Uuid7Factory
from core.errors import Unavailable
from core.store import journal as journals
from core.store import localfile
from core.store.journal import Journal
from core.store.operation import Actor, Request

ACTOR = Actor("u1", "山田", frozenset({"operator"}), frozenset({"test:*"}), "ST1", None)


class WallClock(SystemClock):
    """Shows what somebody set."""

    def __init__(self) -> None:
        super().__init__()
        self.shows = datetime(2026, 3, 29, 0, 59, 59, 999_000, UTC)
        self._made = Uuid7Factory()

    def now(self) -> datetime:
        return self.shows

    def uuid7(self) -> Any:
        return self._made.make(int(self.shows.timestamp() * 1000))


def _request(clock: SystemClock, note: str) -> Request:
    return Request(
        id=clock.uuid7(), operation="test:thing:book", station="ST1", user_code="u1", decided_at=clock.now(), args={"note": note}
    )


@contextlib.contextmanager
def opened(path: Path, clock: SystemClock) -> Iterator[Journal]:
    journal = Journal(path, clock)
    try:
        yield journal
    finally:
        journal.close()


_TIMES = {
    "an hour back and forth": [timedelta(hours=-1), timedelta(hours=1), timedelta(hours=-1), timedelta()],
    "a day back and forth": [timedelta(days=1), timedelta(days=-1), timedelta()],
    "summer time begins and ends": [timedelta(seconds=1), timedelta(days=210), timedelta(days=210, hours=-1)],
    "the end of 32 bits": [datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC) - WallClock().shows + timedelta(seconds=n) for n in range(3)],
    "a leap second shown twice": [timedelta(), timedelta()],
}


@pytest.mark.parametrize("jumps", _TIMES)
def test_whatever_the_clock_shows_entries_keep_their_order_and_their_keys(tmp_path: Path, jumps: str) -> None:
    clock = WallClock()
    began, decided = clock.shows, []
    for _ in range(2):  # and once more after a restart
        with opened(tmp_path / "journal.db", clock) as journal:
            for jump in _TIMES[jumps]:
                clock.shows = began + jump
                for _ in range(3):
                    request = _request(clock, str(len(decided)))
                    journal.append(request, ACTOR, "new")
                    decided.append(request)
            waiting = journal.waiting()
            assert [entry.request for entry in waiting] == decided
            assert len({entry.request.id for entry in waiting}) == len(decided)
            assert [entry.request.decided_at for entry in waiting] == [request.decided_at for request in decided]
            assert journal.prune() == 0


def test_by_the_time_they_show_they_would_change_places(tmp_path: Path) -> None:
    """The mutant: whoever sorts by the clock applies the second decision before the first."""
    clock = WallClock()
    with opened(tmp_path / "journal.db", clock) as journal:
        for note, jump in (("first", timedelta()), ("second", timedelta(hours=-1))):
            clock.shows += jump
            journal.append(_request(clock, note), ACTOR, "new")
        by_time = sorted(journal.waiting(), key=lambda entry: entry.request.decided_at)
    assert [entry.request.args["note"] for entry in by_time] == ["second", "first"]


def test_without_the_checksum_a_changed_request_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant of every damaged file: SQLite itself sees nothing wrong with another text."""
    path, clock = tmp_path / "journal.db", SystemClock()
    with opened(path, clock) as journal:
        journal.append(_request(clock, "ten"), ACTOR, "new")
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("UPDATE entry SET request = replace(request, 'ten', 'two')")
        file.commit()
    monkeypatch.setattr(journals, "intact", lambda row: row)
    with opened(path, clock) as journal:
        (entry,) = journal.waiting()
    assert entry.request.args == {"note": "two"}


class Shared(sqlite3.Connection):
    """Does not keep others out."""

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return super().execute("SELECT 1" if "locking_mode" in statement else statement, *values)


def test_without_the_lock_two_programs_write_one_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant of two stations started on one home."""
    path, clock = tmp_path / "journal.db", SystemClock()
    with opened(path, clock), pytest.raises(Unavailable):
        Journal(path, clock)
    connect = sqlite3.connect
    monkeypatch.setattr(localfile.sqlite3, "connect", lambda *given, **more: connect(*given, factory=Shared, **more))
    with opened(path, clock), opened(path, clock) as second:
        second.append(_request(clock, "by the other"), ACTOR, "new")
        assert len(second.waiting()) == 1
