"""Rows of the journal's file: their columns, their checksum, and what of them can be saved from a damaged file."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from core.store.localfile import Damaged
from core.store.operation import Actor, Request
from core.store.salvage import readable

State = Literal["new", "inflight", "unknown", "applied", "parked"]
APART: Final = "apart:"
"""Before the state of an entry that only another version of the program can read: it stands where it is until that one is back."""
_NOT_YET_KNOWN: Final = {"store.version_unknown", "store.request_invalid"}
"""Why a decision of a newer version is parked by an older one that can read it and does not know what it asks for."""

SCHEMA: Final = """
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
SELECT: Final = "SELECT n, id, state, request, actor, subject, preview, refusal, changed_at, checksum, lineage FROM entry"
INSERT: Final = (
    "INSERT OR IGNORE INTO entry (n, id, state, request, actor, subject, preview, refusal, changed_at, checksum, lineage) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
ACTOR: Final = TypeAdapter(Actor)
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


def checksum(row: tuple[str, ...]) -> bytes:
    """16 bytes over id … changed_at, each with its length, so that text cannot move between columns.

    Not over the lineage: a wrong one costs a look by key, and a file that goes back to an earlier version stays readable.
    """
    digest = hashlib.blake2b(digest_size=16)
    for text in row:
        raw = text.encode("utf-8")
        digest.update(len(raw).to_bytes(8) + raw)
    return digest.digest()


def intact(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """``row`` itself; a wrong checksum means the file is damaged, and the file's owner replaces it."""
    if not all(isinstance(text, str) for text in (*row[1:9], row[10])) or row[9] != checksum(row[1:9]):
        raise Damaged(f"entry {row[0]} has a wrong checksum")
    return row


def entry_of(row: tuple[Any, ...]) -> Entry:
    """The entry that a row of ``SELECT`` holds."""
    return Entry(
        n=row[0],
        state=row[2],
        request=Request.model_validate_json(row[3]),
        actor=ACTOR.validate_json(row[4]),
        subject=row[5],
        preview=row[6],
        refusal=json.loads(row[7]) if row[7] else {},
        changed_at=datetime.fromisoformat(row[8]),
        lineage=row[10],
    )


def readable_entry(row: tuple[Any, ...]) -> Entry | None:
    """The entry of an intact row; None when it was written by a version of the program that says more than this one understands."""
    try:
        return entry_of(row)
    except (ValueError, TypeError, AttributeError):
        return None


def state_here(row: tuple[Any, ...]) -> str:
    """The state that an intact row, not applied, has for this program when it begins.

    What was in flight may or may not have been committed. What another version decided is set apart while this one cannot read it, and
    asked about anew when it can, or may know by now what it only could not do.
    """
    before = str(row[2]).removeprefix(APART)
    entry = readable_entry(row)
    if entry is None:
        return APART + before
    if before == "inflight" or (before == "parked" and entry.refusal.get("code") in _NOT_YET_KNOWN):
        return "unknown"
    return before


def renew(file: sqlite3.Connection) -> None:
    """A file of the version before lineages: of its entries nobody knows where they were applied, so they are looked for once."""
    if "lineage" not in _columns(file):
        file.execute("ALTER TABLE entry ADD COLUMN lineage TEXT NOT NULL DEFAULT ''")


def _columns(file: sqlite3.Connection) -> set[str]:
    return {row[1] for row in file.execute("PRAGMA table_info(entry)")}


def salvage(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[int, int]:
    """Rows with a right checksum go into the new file in their old order; the others are counted as lost."""
    old.text_factory = bytes
    rows: dict[int, tuple[Any, ...]] = {}
    lost = 0
    torn: list[int] = []
    for row in readable(old, _COLUMNS_FIRST, torn):
        try:
            texts = tuple(part.decode("utf-8") for part in row[1:9])
            if row[9] != checksum(texts):
                raise ValueError("checksum")
            lineage = row[10].decode("utf-8", "replace") if len(row) > _COLUMNS_FIRST and isinstance(row[10], bytes) else ""
        except (ValueError, AttributeError):
            lost += 1
            continue
        rows[row[0]] = (row[0], *texts, row[9], lineage)
    for n in sorted(rows):
        new.execute(INSERT, rows[n])
    # A page that cannot be read, or a table that cannot even be found, held an unknown number: one stands for "some".
    return len(rows), lost or int(bool(torn) or not rows)
