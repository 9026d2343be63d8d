"""A local SQLite file with exactly one connection on one thread of its own.

Why one thread: SQLite before 3.51.3 can corrupt a WAL file when two connections write and checkpoint at the same
moment, and the caller must never wait for a disk longer than his own commit. Other threads hand over functions and get
futures; everything waiting at one moment shares one commit.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import shutil
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar

from core.clock import Clock
from core.errors import Unavailable
from core.store import lostrows, privatefile
from core.store.wal import hides_rows, mended

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
Salvage = Callable[[sqlite3.Connection, sqlite3.Connection], tuple[int, int]]
"""Copies what can be read from a damaged file into the new one and never raises; gives (rows saved, rows lost)."""

_log = logging.getLogger(__name__)
_DAMAGE_WORDS: Final = ("malformed", "not a database", "corrupt", "Could not decode")


class Damaged(sqlite3.DatabaseError):
    """A job found content that cannot be right (a wrong checksum); the file is replaced as if SQLite had said so."""


_HIDDEN: Final = "-hidden"
_REPLACING: Final = "-replacing"
"""Holds the name of the damaged file from before it is moved until its rows are safe in the new one."""
_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_GROUP_MAX: Final = 200
_WAIT_S: Final = 10.0
# What a damaged file raises while it is read; a flipped bit in a text also ends as UnicodeDecodeError.
_DAMAGE: Final = (sqlite3.DatabaseError, UnicodeDecodeError)


@dataclass(slots=True)
class _Queued(Generic[T]):
    job: Job[T]
    future: Future[T]


class LocalFile:
    """Owns one SQLite file in WAL mode; opens it, moves it aside when damaged, and runs jobs in group commits.

    A job runs inside a savepoint: when it raises, its own changes are undone and the rest of the group stays.

    Args:
        path: The file; its folder must exist.
        schema: ``CREATE TABLE IF NOT EXISTS …`` statements.
        clock: Names the copy of a damaged file.
        synchronous: ``FULL``: a finished job survives a power cut. ``NORMAL``: it may be lost, never torn.
        salvage: Rescues rows of a damaged file; None: the new file starts empty.
        renew: Brings the tables of a file that an earlier version made up to date, in the transaction that opens it.

    Raises:
        Unavailable: The file cannot be opened: no right, no space, or another program holds it.
    """

    def __init__(
        self,
        path: Path,
        schema: str,
        clock: Clock,
        *,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        salvage: Salvage | None = None,
        renew: Job[None] | None = None,
    ) -> None:
        self.path = path
        self._schema = schema
        self._clock = clock
        self._synchronous = synchronous
        self._salvage, self._renew = salvage, renew
        self._queue: queue.SimpleQueue[_Queued[Any] | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self.rows_lost = 0
        """Rows of damaged files that could not be rescued since the program started; the damaged file keeps them."""
        opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(opened,), name=f"file-{path.stem}", daemon=True)
        self._thread.start()
        try:
            opened.result()
        except BaseException:
            self._thread.join()
            raise

    @property
    def rows_lost_lately(self) -> int:
        """As :attr:`rows_lost`, also by programs that have ended since; see :mod:`core.store.lostrows`."""
        return max(self.rows_lost, lostrows.lately(self._beside("-lost"), self._clock.now()))

    def post(self, job: Job[T]) -> Future[T]:
        """Hand over ``job``; the future is done after its commit.

        Raises:
            Unavailable: The file is closed.
        """
        queued = _Queued(job, Future())
        with self._gate:
            if self._closed:
                raise Unavailable("store.journal_closed")
            self._queue.put(queued)
        return queued.future

    def call(self, job: Job[T]) -> T:
        """Hand over ``job`` and wait until it is committed.

        Raises:
            Unavailable: Nothing of it was kept: the disk is full or broken, or did not answer before the job began.
        """
        future = self.post(job)
        try:
            return future.result(_WAIT_S)
        except TimeoutError:
            if future.cancel():
                raise Unavailable("store.journal_full", problem="timeout") from None
            # It is being written this moment: only the end of it can say whether it is kept.
            return future.result()

    def close(self) -> None:
        """Finish what was handed over, close the file, end the thread. May be called twice."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    # ---- on the owner thread -------------------------------------------------------------------------------------

    def _run(self, opened: Future[None]) -> None:
        try:
            connection = self._open()
        except BaseException as error:  # noqa: BLE001 - the constructor raises it on its own thread
            opened.set_exception(error)
            return
        opened.set_result(None)
        ending = False
        while not ending:
            group, ending = self._take()
            if group:
                connection = self._run_group(connection, group)
        with contextlib.suppress(sqlite3.Error):
            connection.close()

    def _take(self) -> tuple[list[_Queued[Any]], bool]:
        """Everything waiting now, at most one group; True when the end was asked for."""
        first = self._queue.get()
        group: list[_Queued[Any]] = []
        while first is not None:
            if first.future.set_running_or_notify_cancel():
                group.append(first)
            if len(group) >= _GROUP_MAX:
                return group, False
            try:
                first = self._queue.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _run_group(self, connection: sqlite3.Connection, group: list[_Queued[Any]], *, again: bool = True) -> sqlite3.Connection:
        outcomes: list[tuple[_Queued[Any], Any, Exception | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for queued in group:
                outcomes.append((queued, *_in_savepoint(connection, queued.job)))
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever breaks the group must reach every waiting caller
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            if again and _is_damage(error):
                # Nothing of the group was committed: it runs once more on the new file with the rescued rows.
                return self._run_group(self._reopen(connection, error), group, again=False)
            for queued in group:
                queued.future.set_exception(_as_unavailable(error))
            return connection
        for queued, value, failure in outcomes:
            if failure is None:
                queued.future.set_result(value)
            else:
                queued.future.set_exception(failure)
        return connection

    def _reopen(self, connection: sqlite3.Connection, error: Exception) -> sqlite3.Connection:
        connection.close()
        try:
            return self._replace_damaged(error)
        except Unavailable:
            _log.exception("%s: could not be replaced", self.path.name)
            return sqlite3.connect(":memory:", isolation_level=None)  # has no table: every further job is refused

    def _open(self) -> sqlite3.Connection:
        try:
            if self._beside(_HIDDEN).exists() or self._beside(_REPLACING).exists():  # the program ended before it had replaced the file
                self._refuse_if_held()
                raise Damaged("rows behind a damaged place")
            connection = self._connect()
        except _DAMAGE as error:
            # Our own statements are right: what SQLite does not understand while it opens the file is the file.
            if not _is_damage(error) and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
                raise _as_unavailable(error) from error
            return self._replace_damaged(error)
        return connection

    def _refuse_if_held(self) -> None:
        """Nobody takes a file from under another program that is replacing it just now."""
        try:
            with contextlib.closing(sqlite3.connect(self.path, isolation_level=None, timeout=0.3)) as connection:
                connection.execute("PRAGMA locking_mode=EXCLUSIVE")
                connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                raise

    def _beside(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _look_for_hidden_rows(self) -> None:
        """Rows that SQLite would silently do without; the log is set aside before SQLite deletes it. Only while the file is locked."""
        log = self._beside("-wal")
        raw = log.read_bytes() if log.exists() else b""
        if hides_rows(raw):
            privatefile.replace(self._beside(_HIDDEN), raw)
            raise Damaged("rows behind a damaged place")

    def _connect(self) -> sqlite3.Connection:
        _make_private(self.path)
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=0.3)
        try:
            # Exclusive: a second program on the same file is refused at once, and no shared-memory file is needed.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            self._look_for_hidden_rows()
            answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if answer != "ok":
                raise Damaged(answer)
            connection.execute("BEGIN EXCLUSIVE")
            for statement in self._schema.split(";"):
                connection.execute(statement)
            if self._renew is not None:
                self._renew(connection)
            connection.execute("COMMIT")
            # A flipped bit in a name passes the check, and the empty table just made would hide the full one.
            found, wanted = _shape(connection), self._wanted_shape()
            if found.keys() != wanted.keys() or any(not columns <= found[name] for name, columns in wanted.items()):
                raise Damaged("unknown tables or columns")
        except BaseException:
            connection.close()
            raise
        return connection

    def _wanted_shape(self) -> dict[str, set[str]]:
        with contextlib.closing(sqlite3.connect(":memory:")) as empty:
            empty.executescript(self._schema)
            return _shape(empty)

    def _replace_damaged(self, problem: Exception) -> sqlite3.Connection:
        """Move the damaged file and its log aside, start a new one, rescue what can be read. Broken off at any point it is gone on with."""
        try:
            aside = self._moved_aside()
            connection = self._connect()
            try:
                saved, lost = self._rescue(aside, connection)
                if lost:
                    lostrows.note(self._beside("-lost"), aside.name, lost, self._clock.now())
                self._beside(_REPLACING).unlink()
                privatefile.sync_names(self.path.parent)  # rescued once more later, rows that were settled meanwhile would come back
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise _as_unavailable(error) from error
        self.rows_lost += lost
        _log.warning(
            "%s was damaged (%s); moved to %s, %d rows saved, %d lost", self.path.name, type(problem).__name__, aside.name, saved, lost
        )
        return connection

    def _moved_aside(self) -> Path:
        """Where the damaged file is now; noted before anything is moved, so that its rows are rescued whatever ends the program."""
        note = self._beside(_REPLACING)
        if note.exists():
            aside = self.path.with_name(Path(note.read_text(encoding="utf-8")).name)
        else:
            stamp = self._clock.now().strftime("%Y%m%dT%H%M%S%f")
            aside = self.path.with_name(f"{self.path.stem}.damaged-{stamp}{self.path.suffix}")
            privatefile.replace(note, aside.name.encode())
        log = aside.with_name(aside.name + "-wal")
        if aside.exists():  # moved before: what stands here now is a new one that was not filled to its end
            self.path.unlink(missing_ok=True)
            self._beside("-wal").unlink(missing_ok=True)
        elif self._beside("-wal").exists() and not log.exists():
            self._beside("-wal").replace(log)
        if self._beside(_HIDDEN).exists():
            self._beside(_HIDDEN).replace(log)
        if self.path.exists():
            self.path.replace(aside)  # the last one: with it everything is there
        self._beside("-shm").unlink(missing_ok=True)
        privatefile.sync_names(self.path.parent)
        return aside

    def _rescue(self, aside: Path, connection: sqlite3.Connection) -> tuple[int, int]:
        if self._salvage is None:
            return 0, 0
        log = aside.with_name(aside.name + "-wal")
        raw = log.read_bytes() if log.exists() else b""
        if not hides_rows(raw):
            return self._read_copy(aside, raw, connection)
        saved, lost = self._read_copy(aside, mended(raw), connection)
        # A page that was hit may stand intact before that place: a row in an older state is asked about again, a row that is gone never.
        before = connection.total_changes
        self._read_copy(aside, raw, connection)
        return saved + connection.total_changes - before, lost

    def _read_copy(self, aside: Path, log: bytes, connection: sqlite3.Connection) -> tuple[int, int]:
        assert self._salvage is not None
        # A copy is read: opening a file with a write-ahead log writes to it, and the original is evidence.
        copy = aside.with_name(aside.name + ".reading")
        try:
            for suffix in ("", "-wal"):
                copy.with_name(copy.name + suffix).touch(mode=0o600)
            if aside.exists():
                shutil.copyfile(aside, copy)
            copy.with_name(copy.name + "-wal").write_bytes(log)
            with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as old:
                connection.execute("BEGIN IMMEDIATE")
                counts = self._salvage(old, connection)
                connection.execute("COMMIT")
                return counts
        finally:
            for suffix in ("", "-wal", "-shm", "-journal"):
                copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _in_savepoint(connection: sqlite3.Connection, job: Job[T]) -> tuple[T | None, Exception | None]:
    """(value, None) or (None, what the job raised); errors of the disk or the file end the whole group instead."""
    connection.execute("SAVEPOINT job")
    try:
        value = job(connection)
    except (sqlite3.OperationalError, UnicodeDecodeError):
        raise
    except Exception as error:
        if _is_damage(error):
            raise
        connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
        return None, error
    connection.execute("RELEASE job")
    return value, None


def _shape(file: sqlite3.Connection) -> dict[str, set[str]]:
    """Table → its columns."""
    names = [name for (name,) in file.execute(_TABLES)]
    return {name: {row[1] for row in file.execute("SELECT * FROM pragma_table_info(?)", (name,))} for name in names}


def _make_private(path: Path) -> None:
    """What people decided and who they are is for this account alone; SQLite gives its log the same rights."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise sqlite3.OperationalError(error.strerror) from error
    with contextlib.suppress(OSError):  # of an earlier version; somebody else's file stays as it is
        path.chmod(0o600)


def _is_damage(error: BaseException) -> bool:
    if isinstance(error, UnicodeDecodeError | Damaged):
        return True
    return isinstance(error, sqlite3.DatabaseError) and any(word in str(error) for word in _DAMAGE_WORDS)


def _as_unavailable(error: Exception) -> Unavailable:
    if "locked" in str(error):
        return Unavailable("store.journal_in_use", problem=str(error))
    # SQLite repeats the text it could not decode; what people entered does not belong into an error.
    return Unavailable("store.journal_full", problem="damaged" if _is_damage(error) else str(error))
