"""The local journal: what was decided at this station, durable before anything else happens with it.

A row is written (and on the disk, not in a cache) before the operator gets any answer, and before the database is
asked. States of an entry:

    new ──► inflight ──► applied (kept 24 h, then removed)
     ▲          │
     └── unknown ◄┘  the connection broke while it was being committed; the request row in the database tells
     parked          needs a person: a late intent that was refused, or a fact that cannot be booked yet

What a newer version of the program has left behind and this one cannot read is set apart, in whatever state it is: kept, counted
(:attr:`Journal.apart_count`) and in nobody's way, until a program that can read it opens the file.

An applied entry notes on which life of the database (:mod:`core.store.lineage`). After a failover the new primary may lack the last
ones of the old: those are looked for by key, and what is missing is ``unknown`` again, in its old place of the order.

Nothing here knows SQLAlchemy or the database; :mod:`core.store.door` moves the entries.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from core.clock import Clock
from core.store.journalrows import ACTOR, INSERT, SCHEMA, SELECT, checksum, intact, readable_entry, renew, salvage, state_here
from core.store.journalrows import Entry as Entry
from core.store.journalrows import State as State
from core.store.localfile import LocalFile
from core.store.operation import Actor, Request
from core.store.voided import Voided

KEEP_APPLIED: Final = timedelta(hours=24)
"""How long applied entries stay: the time in which a fallen-back database server may still lose them."""

_PRUNE_EVERY_S: Final = 3_600.0
_WAITS: Final = "state IN ('new', 'inflight', 'unknown')"
# Two ranges of the index: applied entries, by far the most, are not looked through for it.
_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM entry WHERE state IN ('new', 'inflight', 'unknown')),"
    " (SELECT count(*) FROM entry WHERE state > 'apart:' AND state < 'apart;')"
)
_NEWEST: Final = (
    "n IN (SELECT coalesce(max(CASE WHEN preview <> '' THEN n END), max(n)) FROM entry"
    " WHERE state IN ('new', 'inflight', 'unknown') AND subject <> '' GROUP BY subject)"
)


class Journal:
    """The journal file of one station; every verb may be called from any thread.

    Args:
        path: The file, for example ``<home>/journal.db``.
        clock: The station's clock.

    Attributes:
        voided: Entries that are to be removed, and must never be applied, although the disk took nothing at that moment.

    Raises:
        Unavailable: The file cannot be opened or another program holds it.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._file = LocalFile(path, SCHEMA, clock, synchronous="FULL", salvage=salvage, renew=renew)
        self._lock = threading.Lock()
        self._turn = self._counted = self._waiting = self._apart = 0
        self._revision = 0
        self._prune_at = clock.monotonic()
        # (begin of an hour on the monotonic clock, its last entry): a wrong time of day must not make old what was just applied.
        self._ages: deque[tuple[float, int]] = deque()
        try:
            # What was in flight when the program ended may or may not have been committed.
            self._take(self._file.call(self._after_restart), changed=True)
            self.voided = Voided(path.with_suffix(".voided"))
        except BaseException:
            self._file.close()
            raise

    @property
    def rows_lost(self) -> int:
        """Entries of a damaged file that could not be read since the program started; normally 0."""
        return self._file.rows_lost

    @property
    def rows_lost_lately(self) -> int:
        """As :attr:`rows_lost`, also before the program started, for three days: reads a small file. People are told of these."""
        return self._file.rows_lost_lately

    @property
    def waiting_count(self) -> int:
        """Entries that are not yet in the database (new, inflight, unknown); cheap, for the header."""
        return self._waiting

    @property
    def apart_count(self) -> int:
        """Entries that wait for a newer version of the program, which has written them; cheap."""
        return self._apart

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
            str(request.id), state, request.model_dump_json(), ACTOR.dump_json(actor).decode(), subject, preview, "",
            self._clock.now().isoformat(),
        )  # fmt: skip

        def write(file: sqlite3.Connection) -> None:
            self._note_age(file.execute(INSERT, (None, *row, checksum(row), "")).lastrowid or 0)

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

    def waiting(self, most: int = -1) -> list[Entry]:
        """Entries not yet in the database, oldest first; at most ``most`` of them, all when negative."""
        return self._read(_WAITS, most=most)

    def newest_previews(self) -> list[Entry]:
        """For each entity that waiting decisions are about, the newest of them that has a preview; without one, the newest."""
        return self._read(_NEWEST)

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
        def job(file: sqlite3.Connection) -> tuple[int, int, int]:
            write(file)
            return self._count(file)

        self._take(self._file.call(job), changed=True)

    def _take(self, counted: tuple[int, int, int], *, changed: bool) -> None:
        """Believe a count only now: what was counted in a commit that failed would hide what still waits."""
        with self._lock:
            if counted[0] > self._counted:
                self._counted, self._waiting, self._apart = counted
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

    def _after_restart(self, file: sqlite3.Connection) -> tuple[int, int, int]:
        now = self._clock.now().isoformat()
        self._ages.append((-math.inf, file.execute("SELECT coalesce(max(n), 0) FROM entry").fetchone()[0]))
        for row in file.execute(f"{SELECT} ORDER BY n").fetchall():
            if intact(row)[2] != "applied" and row[2] != (state := state_here(row)):
                _change(file, row[1], state, "" if state == "unknown" else row[7], now)
        return self._count(file)

    def _count(self, file: sqlite3.Connection) -> tuple[int, int, int]:
        """(number of this count, entries that wait, entries set apart)."""
        self._turn += 1
        return self._turn, *file.execute(_COUNTS).fetchone()

    def _read(self, condition: str, *values: str, most: int = -1) -> list[Entry]:
        statement = f"{SELECT} WHERE {condition} ORDER BY n LIMIT ?"

        def read(file: sqlite3.Connection) -> tuple[list[Entry], tuple[int, int, int]]:
            rows = [intact(row) for row in file.execute(statement, (*values, most)).fetchall()]
            found = [(row, readable_entry(row)) for row in rows]
            for row in (row for row, entry in found if entry is None and row[2] != "applied"):
                _change(file, row[1], state_here(row), row[7], row[8])  # applied once, and lost with its server since
            return [entry for _, entry in found if entry is not None], self._count(file)

        entries, counted = self._file.call(read)
        self._take(counted, changed=False)  # the file may have been replaced since the last change
        return entries


def _change(
    file: sqlite3.Connection,
    request_id: UUID | str,
    state: str,
    refusal: str,
    now: str,
    *,
    subject: str | None = None,
    preview: str | None = None,
    lineage: str = "",
) -> None:
    found = file.execute(f"{SELECT} WHERE id = ?", (str(request_id),)).fetchone()
    if found is None:
        return
    old = intact(found)
    row = (
        old[1], state, old[3], old[4], old[5] if subject is None else subject, old[6] if preview is None else preview, refusal, now,
    )  # fmt: skip
    file.execute(
        "UPDATE entry SET state = ?, subject = ?, preview = ?, refusal = ?, changed_at = ?, checksum = ?, lineage = ? WHERE id = ?",
        (state, row[4], row[5], refusal, now, checksum(row), lineage or old[10], row[0]),
    )
