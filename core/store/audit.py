"""Who did what, when, from which station, before and after: the chains that the database writes, recomputed outside of it.

The rows are written by functions of the database alone (``migrations/sql/audit.sql``): one at the end of every operation, one for
every refusal and sign-in. Each station has its own SHA-256 chain, so that two stations never wait for each other.

Whoever owns the database can recompute a whole chain with its head. That is seen by what others noted of it: ends of chains
stand in the chains of other stations, and in a file on each of them (``core.store.anchors``).
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import psycopg
from sqlalchemy import text

from core.store.anchors import Anchor
from core.store.base import Db

ANCHOR: Final = "store:audit:anchor"
_START: Final = bytes(32)
_FIELDS: Final = 14
_ROWS: Final = """
COPY (
    SELECT a.station, a.seq::text, (extract(epoch FROM a.at) * 1000000)::bigint::text,
           (extract(epoch FROM a.decided_at) * 1000000)::bigint::text, a.request_id::text, a.operation, a.outcome, a.user_code, a.user_name,
           a.session_id::text, a.changes::text, a.reason, a.detail::text, a.database_user,
           encode(a.previous_hash, 'hex'), encode(a.hash, 'hex')
    FROM genba.audit a ORDER BY a.station, a.seq
) TO STDOUT
"""
_HEADS: Final = text("SELECT station, seq, hash FROM genba.audit_head ORDER BY station")
_ANCHORS: Final = text("SELECT station, seq, detail -> 'ends' AS ends FROM genba.audit WHERE operation = :operation")
_NULL: Final = rb"\N"
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_MEANT: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_LENGTHS: Final = tuple(b"%d:" % n for n in range(4_096))

Kind = Literal["changed", "missing", "unlinked", "end", "anchor"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a chain is not as it was written.

    Attributes:
        seq: Number of the row it was noticed at; for ``end`` the last one there is.
        kind: ``changed``: the row's content is not what was hashed. ``missing``: rows are absent before ``seq``. ``unlinked``:
            the row does not follow the one before it (inserted, moved or rewritten). ``end``: the chain does not end where
            its head says. ``anchor``: row ``seq`` is not there any more, or not the one that ``noted_by`` noted.
        noted_by: Who noted the row: another station's chain, or a file; "" for the other kinds.
    """

    station: str
    seq: int
    kind: Kind
    noted_by: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of recomputing every chain.

    Attributes:
        rows: Rows read.
        heads: Station → (last number, last hash as hex).
        anchors: Notes of others that were compared.
        findings: Empty when everything is as it was written.
    """

    rows: int
    heads: Mapping[str, tuple[int, str]]
    anchors: int
    findings: tuple[Finding, ...]


def digest(previous: bytes, fields: Sequence[bytes | None]) -> bytes:
    """The hash of one row; the same rule as ``genba_guard.frame`` in the database, on purpose not the same code.

    Args:
        previous: 32 bytes, hash of the row before; zeros for the first.
        fields: The row's texts in UTF-8; None for a missing one.
    """
    parts = [b"-" if one is None else (_LENGTHS[len(one)] if len(one) < 4_096 else b"%d:" % len(one)) + one for one in fields]
    return hashlib.sha256(previous + b",".join(parts)).digest()


def verify(db: Db, anchors: Iterable[Anchor] = ()) -> Verification:
    """Recompute all chains, outside the database, from what the rows say; and compare them with what others noted.

    Reads everything in one pass, about 10 µs a row; call it where half a minute does not matter.

    Args:
        anchors: Copies of chain ends kept outside of the database.
    """
    db.execute(text("SET LOCAL statement_timeout = 0"))
    noted = _noted(db, anchors)
    compared = sum(len(notes) for notes in noted.values())
    check = _Check(noted)
    connection = cast(psycopg.Connection, db.connection().connection.dbapi_connection)
    with connection.cursor() as cursor, cursor.copy(_ROWS.encode()) as rows:
        for row in rows:
            check.see(bytes(row))
    heads = {row.station: (int(row.seq), bytes(row.hash)) for row in db.execute(_HEADS)}
    return Verification(check.rows, {name: (n, end.hex()) for name, (n, end) in heads.items()}, compared, check.findings(heads))


def _noted(db: Db, anchors: Iterable[Anchor]) -> dict[tuple[str, int], dict[str, str]]:
    """(station, number) → hash as hex → who noted it."""
    noted: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for row in db.execute(_ANCHORS, {"operation": ANCHOR}):
        for station, (seq, end) in (row.ends or {}).items():
            if seq:
                noted[station, int(seq)].setdefault(str(end), f"{row.station} {row.seq}")
    for anchor in anchors:
        if anchor.seq:
            noted[anchor.station, anchor.seq].setdefault(anchor.hash, anchor.noted_by)
    return noted


class _Check:
    """Takes the rows in order and keeps what is wrong with them."""

    def __init__(self, noted: dict[tuple[str, int], dict[str, str]]) -> None:
        self.rows = 0
        self._noted = noted
        self._found: list[Finding] = []
        self._ends: dict[str, tuple[int, bytes]] = {}
        self._name, self._number, self._last = b"", 0, _START

    def see(self, line: bytes) -> None:
        """One line of COPY text: 14 hashed fields, the previous hash and the row's own, both hex."""
        fields = line[:-1].split(b"\t")
        if b"\\" in line:
            fields = [_plain(field) for field in fields]  # type: ignore[misc]
        name, number = fields[0], int(fields[1])
        if name != self._name:
            self._leave()
            self._name, self._number, self._last = name, 0, _START
        self.rows += 1
        previous, own = bytes.fromhex(fields[14].decode()), bytes.fromhex(fields[15].decode())
        if number != self._number + 1:
            self._note(number, "missing")
        if previous != self._last:
            self._note(number, "unlinked")
        if digest(previous, fields[:_FIELDS]) != own:
            self._note(number, "changed")
        self._number, self._last = number, own
        if self._noted:
            notes = self._noted.pop((name.decode(), number), {})
            for end, who in notes.items():
                if end != own.hex():
                    self._note(number, "anchor", who)

    def findings(self, heads: Mapping[str, tuple[int, bytes]]) -> tuple[Finding, ...]:
        """Everything found, after the last row: also ends that do not fit, and noted rows that were never seen."""
        self._leave()
        for station in sorted(heads.keys() | self._ends.keys()):
            if heads.get(station, (0, _START)) != self._ends.get(station, (0, _START)):
                self._found.append(Finding(station, self._ends.get(station, (0, _START))[0], "end"))
        for (station, number), notes in sorted(self._noted.items()):
            self._found += [Finding(station, number, "anchor", who) for who in notes.values()]
        return tuple(self._found)

    def _leave(self) -> None:
        if self._name:
            self._ends[self._name.decode()] = self._number, self._last

    def _note(self, number: int, kind: Kind, noted_by: str = "") -> None:
        self._found.append(Finding(self._name.decode(), number, kind, noted_by))


def _plain(field: bytes) -> bytes | None:
    """A field of COPY text as it is in the table. Source: PostgreSQL, COPY, text format."""
    if field == _NULL:
        return None
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), field) if b"\\" in field else field


def row_told(db: Db, finding: Finding) -> Mapping[str, Any] | None:
    """What the row of a finding says now, for people: time, who, what; None when it is gone."""
    row = db.execute(
        text("SELECT at, user_code, operation, outcome FROM genba.audit WHERE station = :station AND seq = :seq"),
        {"station": finding.station, "seq": finding.seq},
    ).one_or_none()
    return None if row is None else dict(row._mapping)


def anchor(db: Db, station: str) -> Iterator[Anchor]:
    """Note the other chains' ends in this station's own chain where something happened; gives the ends of all, to be kept elsewhere.

    The caller commits.
    """
    now = db.now
    for row in db.execute(text("SELECT * FROM genba.audit_anchor(:station)"), {"station": station}).all():
        yield Anchor(row.station, int(row.seq), row.hash, now, station)
