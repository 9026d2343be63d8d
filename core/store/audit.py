"""Who did what, when, from which station, before and after: the chains that the database writes, recomputed outside of it.

The rows are written by functions of the database alone (``migrations/sql/audit.sql``): one at the end of every operation, one for
every refusal and sign-in. Each station has its own SHA-256 chain, so that two stations never wait for each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text

from core.store.base import Db
from core.store.operation import frame

_START: Final = bytes(32)

# ---- verifying -------------------------------------------------------------------------------------------------------

_ROWS: Final = text(
    "SELECT station, seq::text, (extract(epoch FROM at) * 1000000)::bigint::text, (extract(epoch FROM decided_at) * 1000000)::bigint::text,"
    " request_id::text, operation, outcome, user_code, user_name, session_id::text, changes::text, reason, detail::text, database_user,"
    " previous_hash, hash, seq AS n FROM genba.audit ORDER BY station, n"
)
_HEADS: Final = text("SELECT station, seq, hash FROM genba.audit_head ORDER BY station")


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a chain is not as it was written.

    Attributes:
        kind: ``changed``: the row's content is not what was hashed. ``missing``: numbers are absent before ``seq``.
            ``unlinked``: the row does not follow the one before it (inserted, moved or rewritten).
            ``end``: the chain does not end where its head says.
    """

    station: str
    seq: int
    kind: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of recomputing every chain.

    Attributes:
        rows: Rows read.
        heads: Station → (last number, last hash as hex); what an external anchor would keep.
        findings: Empty when everything is as it was written.
    """

    rows: int
    heads: Mapping[str, tuple[int, str]]
    findings: tuple[Finding, ...]


def digest(previous: bytes, fields: Sequence[str | None]) -> bytes:
    """The hash of one row; the same rule as the database's, on purpose not the same code."""
    return hashlib.sha256(previous + frame(fields)).digest()


def verify(db: Db) -> Verification:
    """Recompute all chains, outside the database, from what the rows say.

    Somebody who owns the database can recompute a whole chain and its head; that is seen only by comparing
    ``heads`` with copies kept elsewhere.
    """
    findings: list[Finding] = []
    ends: dict[str, tuple[int, bytes]] = {}
    count = 0
    for row in db.execute(_ROWS, execution_options={"yield_per": 1_000}):
        count += 1
        number, last = ends.get(row.station, (0, _START))
        findings += _check(row, number, last)
        ends[row.station] = (row.n, bytes(row.hash))
    heads = {row.station: (int(row.seq), bytes(row.hash)) for row in db.execute(_HEADS)}
    for station in sorted(heads.keys() | ends.keys()):
        if heads.get(station, (0, _START)) != ends.get(station, (0, _START)):
            findings.append(Finding(station, ends.get(station, (0, _START))[0], "end"))
    return Verification(count, {name: (n, value.hex()) for name, (n, value) in heads.items()}, tuple(findings))


def _check(row: Row[Any], number: int, last: bytes) -> Iterator[Finding]:
    if row.n != number + 1:
        yield Finding(row.station, row.n, "missing")
    if bytes(row.previous_hash) != last:
        yield Finding(row.station, row.n, "unlinked")
    if digest(bytes(row.previous_hash), tuple(row)[:14]) != bytes(row.hash):
        yield Finding(row.station, row.n, "changed")
