"""The local journal: what was decided at this station, durable before anything else happens with it.

A row is written (and on the disk, not in a cache) before the operator gets any answer, and before the database is
asked. States of an entry:

    new ──► inflight ──► applied (kept 24 h, then removed)
     ▲          │
     └── unknown ◄┘  the connection broke while it was being committed; the request row in the database tells
     parked          needs a person: a late intent that was refused, or a fact that cannot be booked yet

An applied entry notes on which life of the database (:mod:`core.store.lineage`). After a failover the new primary may lack the last
ones of the old: those are looked for by key, and what is missing is ``unknown`` again, in its old place of the order.

Nothing here knows SQLAlchemy or the database; :mod:`core.store.door` moves the entries.
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from core.clock import Clock
from core.store.localfile import Damaged, LocalFile
from core.store.operation import Actor, Request
from core.store.salvage import readable

State = Literal["new", "inflight", "unknown", "applied", "parked"]
KEEP_APPLIED: Final = timedelta(hours=24)
"""How long applied entries stay: the time in which a fallen-back database server may still lose them."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    request TEXT NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    preview TEXT NOT NULL,
    refusal TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    checksum BLOB NOT NULL,
    lineage TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS entry_state ON entry (state, n)
"""
_SELECT: Final = "SELECT n, id, state, request, actor, subject, preview, refusal, changed_at, checksum, lineage FROM entry"
_INSERT: Final = (
    "INSERT OR IGNORE INTO entry (n, id, state, request, actor, subject, preview, refusal, changed_at, checksum, lineage) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ACTOR: Final = TypeAdapter(Actor)
_PRUNE_EVERY_S: Final = 3_600.0
_COLUMNS_FIRST: Final = 10
"""Of an entry in the first version of the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision kept on this station.

    Attributes:
        n: Order of acceptance at this station.
        subject: Entity key (``order:<uuid>``) an offline preview worked on; "" for none.
        preview: The previewed view as JSON text; "" for none.
        refusal: ``{"kind", "code", "params"}`` of a parked entry; empty otherwise.
        changed_at: Last change of ``state``, station clock, aware UTC.
        lineage: The life of the database in which it was applied; "" when it never was. Kept when it became ``unknown`` again, so
            that it is known as one whose success the operator was told.
    """

    n: int
    state: State
    request: Request
    actor: Actor
    subject: str
    preview: str
    refusal: Mapping[str, Any]
    changed_at: datetime
    lineage: str = ""


class Journal:
    """The journal file of one station; every verb may be called from any thread.

    Args:
        path: The file, for example ``<home>/journal.db``.
        clock: The station's clock.

    Raises:
        Unavailable: The file cannot be opened or another program holds it.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._file = LocalFile(path, _SCHEMA, clock, synchronous="FULL", salvage=_salvage, renew=_renew)
        self._lock = threading.Lock()
        self._turn = self._counted = self._waiting = 0
        self._revision = 0
        self._prune_at = clock.monotonic()
        # (begin of an hour on the monotonic clock, its last entry): a wrong time of day must not make old what was just applied.
        self._ages: deque[tuple[float, int]] = deque()
        try:
            # What was in flight when the program ended may or may not have been committed.
            self._take(self._file.call(self._after_restart), changed=True)
        except BaseException:
            self._file.close()
            raise

    @property
    def rows_lost(self) -> int:
        """Entries of a damaged file that could not be read since the program started; normally 0."""
        return self._file.rows_lost

    @property
    def waiting_count(self) -> int:
        """Entries that are not yet in the database (new, inflight, unknown); cheap, for the header."""
        return self._waiting

    @property
    def revision(self) -> int:
        """Changes with every change of an entry; whoever derives something from the entries compares it."""
        return self._revision

    def append(self, request: Request, actor: Actor, state: Literal["new", "inflight"], *, subject: str = "", preview: str = "") -> None:
        """Keep ``request``; when this returns it survives a power cut. The same request id is kept once.

        Raises:
            Unavailable: It could not be written; nothing of it is kept.
        """
        row = (
            str(request.id), state, request.model_dump_json(), _ACTOR.dump_json(actor).decode(), subject, preview, "",
            self._clock.now().isoformat(),
        )  # fmt: skip

        def write(file: sqlite3.Connection) -> None:
            self._note_age(file.execute(_INSERT, (None, *row, _checksum(row), "")).lastrowid or 0)

        self._write(write)

    def mark(self, request_id: UUID, state: State, *, refusal: Mapping[str, Any] | None = None, lineage: str = "") -> None:
        """Move an entry to ``state``.

        Args:
            refusal: Why it is parked.
            lineage: The life of the database in which it was applied.

        Raises:
            Unavailable: The file cannot be written; the entry stays as it was, which costs a repeated, harmless question.
        """
        now = self._clock.now().isoformat()
        shown = json.dumps(dict(refusal), ensure_ascii=False, default=str) if refusal else ""

        def write(file: sqlite3.Connection) -> None:
            _change(file, request_id, state, shown, now, lineage=lineage)

        self._write(write)
        if state == "applied" and self._clock.monotonic() >= self._prune_at:
            self._prune_at = self._clock.monotonic() + _PRUNE_EVERY_S
            self._prune(lineage)  # nobody waits for it, and its failure is not the failure of what was just kept

    def show(self, request_id: UUID, state: Literal["new", "unknown"], *, subject: str, preview: str) -> None:
        """Give an entry its preview, when the database went away after it had been written.

        Raises:
            Unavailable: The file cannot be written.
        """
        now = self._clock.now().isoformat()

        def write(file: sqlite3.Connection) -> None:
            _change(file, request_id, state, "", now, subject=subject, preview=preview)

        self._write(write)

    def forget(self, request_id: UUID) -> None:
        """Remove an entry whose outcome the operator was told (refused on the spot, or settled by a person).

        Raises:
            Unavailable: The file cannot be written.
        """
        self._write(lambda file: file.execute("DELETE FROM entry WHERE id = ?", (str(request_id),)))

    def entry(self, request_id: UUID) -> Entry | None:
        """One entry, or None."""
        return next(iter(self._read("id = ?", str(request_id))), None)

    def waiting(self) -> list[Entry]:
        """Entries not yet in the database, oldest first."""
        return self._read("state IN ('new', 'inflight', 'unknown')")

    def parked(self) -> list[Entry]:
        """Entries that need a person, oldest first."""
        return self._read("state = 'parked'")

    def applied_since(self, moment: datetime) -> list[Entry]:
        """Entries applied at or after ``moment``, oldest first, as far as they are still kept."""
        return self._read("state = 'applied' AND changed_at >= ?", moment.astimezone(UTC).isoformat())

    def applied_elsewhere(self, lineage: str, most: int) -> list[UUID]:
        """Applied entries of which nobody has looked yet whether this life of the database knows them, oldest first, at most ``most``."""
        statement = "SELECT id FROM entry WHERE state = 'applied' AND lineage <> ? ORDER BY n LIMIT ?"
        return [UUID(one) for (one,) in self._file.call(lambda file: file.execute(statement, (lineage, most)).fetchall())]

    def looked_for(self, lineage: str, found: Iterable[UUID], missing: Iterable[UUID]) -> None:
        """Keep what was learned about :meth:`applied_elsewhere`: ``missing`` wait again, in the order in which they were decided.

        Raises:
            Unavailable: The file cannot be written; they are looked for again.
        """
        now, there, gone = self._clock.now().isoformat(), [(lineage, str(one)) for one in found], list(missing)

        def write(file: sqlite3.Connection) -> None:
            file.executemany("UPDATE entry SET lineage = ? WHERE id = ?", there)
            for request_id in gone:
                _change(file, request_id, "unknown", "", now)

        self._write(write)

    def prune(self, lineage: str = "") -> int:
        """Remove entries applied more than :data:`KEEP_APPLIED` ago in this life of the database; gives how many.

        Those of another life are kept however old they are: a station that was switched off right before a failover comes back later.
        While the program runs a time of day that jumps ahead makes nothing older than it is.
        """
        return self._prune(lineage).result()

    def _prune(self, lineage: str) -> Future[int]:
        limit = (self._clock.now() - KEEP_APPLIED).isoformat()
        statement = "DELETE FROM entry WHERE state = 'applied' AND changed_at < ? AND lineage = ? AND n <= ?"
        return self._file.post(lambda file: file.execute(statement, (limit, lineage, self._newest_of_age())).rowcount)

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._file.close()

    def _write(self, write: Callable[[sqlite3.Connection], object]) -> None:
        def job(file: sqlite3.Connection) -> tuple[int, int]:
            write(file)
            return self._count(file)

        self._take(self._file.call(job), changed=True)

    def _take(self, counted: tuple[int, int], *, changed: bool) -> None:
        """Believe a count only now: what was counted in a commit that failed would hide what still waits."""
        with self._lock:
            if counted[0] > self._counted:
                self._counted, self._waiting = counted
            self._revision += changed

    # ---- on the file's thread ------------------------------------------------------------------------------------

    def _note_age(self, n: int) -> None:
        now_s = self._clock.monotonic()
        if now_s >= self._ages[-1][0] + _PRUNE_EVERY_S:
            self._ages.append((now_s, n))
        else:
            self._ages[-1] = self._ages[-1][0], n

    def _newest_of_age(self) -> int:
        """Number of an entry that was accepted a day ago, or before the program began, by a clock that nobody can set."""
        long_ago = self._clock.monotonic() - KEEP_APPLIED.total_seconds()
        while len(self._ages) > 1 and self._ages[1][0] + _PRUNE_EVERY_S <= long_ago:
            self._ages.popleft()
        return self._ages[0][1]

    def _after_restart(self, file: sqlite3.Connection) -> tuple[int, int]:
        now = self._clock.now().isoformat()
        self._ages.append((-math.inf, file.execute("SELECT coalesce(max(n), 0) FROM entry").fetchone()[0]))
        for row in file.execute(f"{_SELECT} ORDER BY n").fetchall():
            if _intact(row)[2] == "inflight":
                _change(file, UUID(row[1]), "unknown", "", now)
        return self._count(file)

    def _count(self, file: sqlite3.Connection) -> tuple[int, int]:
        """(number of this count, entries that wait)."""
        self._turn += 1
        return self._turn, file.execute("SELECT count(*) FROM entry WHERE state IN ('new', 'inflight', 'unknown')").fetchone()[0]

    def _read(self, condition: str, *values: str) -> list[Entry]:
        statement = f"{_SELECT} WHERE {condition} ORDER BY n"

        def read(file: sqlite3.Connection) -> tuple[list[tuple[Any, ...]], tuple[int, int]]:
            return [_intact(row) for row in file.execute(statement, values)], self._count(file)

        rows, counted = self._file.call(read)
        self._take(counted, changed=False)  # the file may have been replaced since the last change
        return [_entry(row) for row in rows]


def _change(
    file: sqlite3.Connection,
    request_id: UUID,
    state: str,
    refusal: str,
    now: str,
    *,
    subject: str | None = None,
    preview: str | None = None,
    lineage: str = "",
) -> None:
    found = file.execute(f"{_SELECT} WHERE id = ?", (str(request_id),)).fetchone()
    if found is None:
        return
    old = _intact(found)
    row = (
        old[1], state, old[3], old[4], old[5] if subject is None else subject, old[6] if preview is None else preview, refusal, now,
    )  # fmt: skip
    file.execute(
        "UPDATE entry SET state = ?, subject = ?, preview = ?, refusal = ?, changed_at = ?, checksum = ?, lineage = ? WHERE id = ?",
        (state, row[4], row[5], refusal, now, _checksum(row), lineage or old[10], row[0]),
    )


def _checksum(row: tuple[str, ...]) -> bytes:
    """16 bytes over id … changed_at, each with its length, so that text cannot move between columns.

    Not over the lineage: a wrong one costs a look by key, and a file that goes back to an earlier version stays readable.
    """
    digest = hashlib.blake2b(digest_size=16)
    for text in row:
        raw = text.encode("utf-8")
        digest.update(len(raw).to_bytes(8) + raw)
    return digest.digest()


def _intact(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """``row`` itself; a wrong checksum means the file is damaged, and the file's owner replaces it."""
    if not all(isinstance(text, str) for text in (*row[1:9], row[10])) or row[9] != _checksum(row[1:9]):
        raise Damaged(f"entry {row[0]} has a wrong checksum")
    return row


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(
        n=row[0],
        state=row[2],
        request=Request.model_validate_json(row[3]),
        actor=_ACTOR.validate_json(row[4]),
        subject=row[5],
        preview=row[6],
        refusal=json.loads(row[7]) if row[7] else {},
        changed_at=datetime.fromisoformat(row[8]),
        lineage=row[10],
    )


def _renew(file: sqlite3.Connection) -> None:
    """A file of the version before lineages: of its entries nobody knows where they were applied, so they are looked for once."""
    if "lineage" not in _columns(file):
        file.execute("ALTER TABLE entry ADD COLUMN lineage TEXT NOT NULL DEFAULT ''")


def _columns(file: sqlite3.Connection) -> set[str]:
    return {row[1] for row in file.execute("PRAGMA table_info(entry)")}


def _salvage(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[int, int]:
    """Rows with a right checksum go into the new file in their old order; the others are counted as lost."""
    old.text_factory = bytes
    rows: dict[int, tuple[Any, ...]] = {}
    lost = 0
    torn: list[int] = []
    for row in readable(old, _COLUMNS_FIRST, torn):
        try:
            texts = tuple(part.decode("utf-8") for part in row[1:9])
            if row[9] != _checksum(texts):
                raise ValueError("checksum")
            lineage = row[10].decode("utf-8", "replace") if len(row) > _COLUMNS_FIRST and isinstance(row[10], bytes) else ""
            _entry((row[0], *texts, row[9], lineage))
        except (ValueError, AttributeError, ValidationError):
            lost += 1
            continue
        rows[row[0]] = (row[0], *texts, row[9], lineage)
    for n in sorted(rows):
        new.execute(_INSERT, rows[n])
    # A page that cannot be read, or a table that cannot even be found, held an unknown number: one stands for "some".
    return len(rows), lost or int(bool(torn) or not rows)
