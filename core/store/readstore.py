"""The read store: what this station last saw, so that its screens live on when the database is away.

Holds the answers of queries declared ``snapshot`` and the views operations gave back. Everything is kept in memory
(reading must not wait for a disk) and written behind to a SQLite file that the next start reads. Losing the file loses
nothing but a picture: a damaged one is moved aside and the store starts empty.
"""

from __future__ import annotations

import dataclasses
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from core.clock import Clock
from core.errors import GenbaError
from core.store.arguments import Arguments
from core.store.localfile import Damaged, LocalFile
from core.store.operation import OPERATIONS
from core.store.query import QUERIES, Answer, Query, entities, entity_key

V = TypeVar("V")
_log = logging.getLogger(__name__)

SNAPSHOTS_MAX: Final = 500
"""Answers kept at most; the ones not seen for longest go first."""
_ENTITIES_MAX: Final = 20_000
# An unchanged answer is written again only after this time: its age on disk may be wrong by as much, on the safe side.
_REWRITE_AFTER: Final = timedelta(seconds=30)

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS snapshot (
    query TEXT NOT NULL, args TEXT NOT NULL, as_of TEXT NOT NULL, view TEXT NOT NULL, PRIMARY KEY (query, args)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entity (
    key TEXT NOT NULL, operation TEXT NOT NULL, as_of TEXT NOT NULL, view TEXT NOT NULL, PRIMARY KEY (key, operation)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class _Kept:
    """One answer as JSON; ``written_at`` is when the file got it."""

    as_of: datetime
    written_at: datetime
    text: bytes


class ReadStore:
    """The snapshots of one station; every verb may be called from any thread and none waits for the disk.

    Args:
        path: The file, for example ``<home>/readstore.db``.
        clock: The station's clock.

    Raises:
        Unavailable: The file cannot be opened or another program holds it.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._snapshots: dict[tuple[str, str], _Kept] = {}
        self._entities: dict[tuple[str, type[Any]], tuple[Any, datetime]] = {}
        self._unread = True
        self._write_failed = False
        self._file = LocalFile(path, _SCHEMA, clock, synchronous="NORMAL")
        try:
            self._stored_entities = self._file.call(self._load)
        except BaseException:
            self._file.close()
            raise

    def keep(self, asked: Query[Any, V], args: Arguments, view: V, as_of: datetime) -> None:
        """Remember ``view`` as the newest answer to ``asked`` with ``args``; ``as_of`` is the database's time."""
        key = (asked.name, asked.key(args))
        text = asked.view_type.dump_json(view)
        now = self._clock.now()
        with self._lock:
            before = self._snapshots.pop(key, None)
            same = before is not None and before.text == text and timedelta() <= now - before.written_at < _REWRITE_AFTER
            self._snapshots[key] = _Kept(as_of, before.written_at if same and before else now, text)
            dropped = list(self._snapshots)[: max(0, len(self._snapshots) - SNAPSHOTS_MAX)]
            for old in dropped:
                del self._snapshots[old]
            self._remember(view, as_of)
        if not same:
            self._write(lambda file: _store(file, key, text, as_of, dropped))

    def keep_entity(self, operation: str, view: Any, as_of: datetime) -> None:
        """Remember the view an operation gave back, when it is an entity; other views are ignored."""
        key = entity_key(view)
        if key is None:
            return
        text = OPERATIONS[operation].view_type.dump_json(view)
        with self._lock:
            self._remember(view, as_of)
        self._write(
            lambda file: file.execute(
                "INSERT OR REPLACE INTO entity VALUES (?, ?, ?, ?)", (key, operation, as_of.isoformat(), text.decode())
            )
        )

    def answer(self, asked: Query[Any, V], args: Arguments) -> tuple[V, datetime] | None:
        """The newest kept answer and its time; None when this question was never answered here, or by another version."""
        with self._lock:
            kept = self._snapshots.get((asked.name, asked.key(args)))
        if kept is None:
            return None
        try:
            return asked.view_type.validate_json(kept.text), kept.as_of
        except (ValidationError, GenbaError):
            return None  # the view has changed with the program: showing nothing is better than showing half

    def entity(self, key: str, kind: type[V]) -> V | None:
        """The newest view of type ``kind`` of the entity ``key`` seen at this station, or None."""
        with self._lock:
            if self._unread:
                self._unread = False
                self._read_kept()
            found = self._entities.get((key, kind))
        return None if found is None else found[0]

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._file.close()

    # ---- inside --------------------------------------------------------------------------------------------------

    def _load(self, file: sqlite3.Connection) -> list[tuple[str, str, str]]:
        self._snapshots.clear()
        try:
            for query, args, as_of, text in file.execute("SELECT query, args, as_of, view FROM snapshot ORDER BY as_of"):
                moment = _moment(as_of)
                self._snapshots[query, args] = _Kept(moment, moment, text.encode())
            kept = file.execute("SELECT operation, as_of, view FROM entity").fetchall()
            for _, as_of, text in kept:
                _moment(as_of), text.encode()
        except (ValueError, TypeError, AttributeError) as error:  # a flipped bit can make another type of a text, or no time of a time
            self._snapshots.clear()
            raise Damaged(type(error).__name__) from None
        return kept

    def _read_kept(self) -> None:
        """Turn what the last run left on disk into entities, the first time one is needed; newer ones in memory win."""
        for (name, _), kept in self._snapshots.items():
            if name in QUERIES:
                self._remember_text(QUERIES[name].view_type.validate_json, kept.text, kept.as_of)
        for name, as_of, text in self._stored_entities:
            if name in OPERATIONS:
                self._remember_text(OPERATIONS[name].view_type.validate_json, text.encode(), datetime.fromisoformat(as_of))
        self._stored_entities = []

    def _remember_text(self, read: Callable[[bytes], Any], text: bytes, as_of: datetime) -> None:
        try:
            view = read(text)
        except (ValidationError, GenbaError):
            return
        self._remember(view, as_of)

    def _remember(self, view: Any, as_of: datetime) -> None:
        for key, part in entities(view):
            before = self._entities.pop((key, type(part)), None)
            self._entities[key, type(part)] = before if before is not None and before[1] > as_of else (part, as_of)
        while len(self._entities) > _ENTITIES_MAX:
            del self._entities[next(iter(self._entities))]

    def _write(self, job: Callable[[sqlite3.Connection], Any]) -> None:
        try:
            self._file.post(job).add_done_callback(self._written)
        except GenbaError:
            return  # closing: the next start lives with the picture before

    def _written(self, future: Any) -> None:
        error = future.exception()
        if error is None:
            self._write_failed = False
        elif not self._write_failed:
            self._write_failed = True
            _log.warning("the read store cannot be written (%s); screens go on from memory", error)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment


def _store(file: sqlite3.Connection, key: tuple[str, str], text: bytes, as_of: datetime, dropped: list[tuple[str, str]]) -> None:
    file.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)", (*key, as_of.astimezone(UTC).isoformat(), text.decode()))
    file.executemany("DELETE FROM snapshot WHERE query = ? AND args = ?", dropped)
    file.execute("DELETE FROM entity WHERE as_of < ?", ((as_of - timedelta(days=7)).astimezone(UTC).isoformat(),))


def overlay(answer: Answer[V], previews: Mapping[str, Any]) -> Answer[V]:
    """``answer`` with waiting decisions painted over it.

    Args:
        answer: From the database or a snapshot.
        previews: Entity key → the view as it will be when the waiting decisions are applied; None when the decision
            waits without a preview of its own.

    An entity shown by another view type gets the fields both types share. Keys that ``answer`` does not show are ignored, unless a
    view chooses what it shows: one with a method ``with_waiting(previews)``, as a line that shows the order running on it, is asked.
    """
    if not previews:
        return answer
    touched: set[str] = set()
    value = _painted(answer.value, previews, touched)
    if not touched and value is answer.value:
        return answer
    return dataclasses.replace(answer, value=value, waiting=answer.waiting | touched)


def _painted(view: Any, previews: Mapping[str, Any], touched: set[str]) -> Any:
    if isinstance(view, tuple):
        parts = tuple(_painted(part, previews, touched) for part in view)
        return parts if any(new is not old for new, old in zip(parts, view, strict=True)) else view
    if not dataclasses.is_dataclass(view) or isinstance(view, type):
        return view
    key = entity_key(view)
    if key is not None and key in previews:
        touched.add(key)
        return _merged(view, previews[key])
    shown = getattr(view, "with_waiting", None)
    if shown is not None:
        view = shown(previews)
    changed = dict(_changed_fields(view, previews, touched))
    return dataclasses.replace(view, **changed) if changed else view


def _changed_fields(view: Any, previews: Mapping[str, Any], touched: set[str]) -> Iterator[tuple[str, Any]]:
    for part in dataclasses.fields(view):
        old = getattr(view, part.name)
        new = _painted(old, previews, touched)
        if new is not old:
            yield part.name, new


def _merged(view: Any, preview: Any) -> Any:
    if preview is None or type(preview) is type(view):
        return preview if preview is not None else view
    theirs = {part.name: part.type for part in dataclasses.fields(preview)}
    shared = {p.name: getattr(preview, p.name) for p in dataclasses.fields(view) if theirs.get(p.name) == p.type}
    return dataclasses.replace(view, **shared)
