"""Who did what, when, from which station, before and after: collected from the session, chained in the database.

Importing this module makes every :class:`~core.store.base.Db` note what its flushes change. The door writes one row per
operation as the last statement of its transaction, through ``genba.audit_append``; each station has its own SHA-256
chain, so that two stations never wait for each other.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Delete, Insert, Row, Update, event, inspect, text
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, SessionTransaction

from core.store import tables
from core.store.base import Db
from core.store.notices import UNNOTED

MASKED: Final = "•••"
_CHANGES: Final = "audit.changes"
_MARKS: Final = "audit.marks"
_TEXT_MAX: Final = 4_000
_START: Final = bytes(32)
# The store's own bookkeeping: told by the audit row itself, of no interest to screens.
_OWN: Final = frozenset(
    row.__tablename__
    for row in (
        tables.AppliedRequest,
        tables.AuditRow,
        tables.AuditHead,
        tables.OutboxMessage,
        tables.InboxMessage,
        tables.LeaseRow,
        tables.SchemaCompat,
    )
)


@dataclass(slots=True)
class Change:
    """One row before and after one transaction.

    Attributes:
        table: Name of the table.
        entity: Word used in notices (``order``); the table's name where none is declared.
        key: Primary key, parts joined by ``/``; ``*`` for a statement over many rows.
        action: ``insert``, ``update``, ``delete``, or ``update many`` and the like.
        values: Column → [before, after] as JSON; confidential columns are masked.
    """

    table: str
    entity: str
    key: str
    action: str
    values: dict[str, list[Any]] = field(default_factory=dict)


# ---- collecting ------------------------------------------------------------------------------------------------------


@event.listens_for(Db, "after_flush")
def _collect(session: Session, context: object) -> None:
    noted: list[Change] = session.info.setdefault(_CHANGES, [])
    for action, rows in (("insert", session.new), ("update", session.dirty), ("delete", session.deleted)):
        for row in rows:
            mapper: Mapper[Any] = inspect(row).mapper
            table, entity, key = _names(row, mapper)
            values = dict(_values(row, mapper, action))
            if table not in _OWN and (values or action != "update"):
                noted.append(Change(table, entity, key, action, values))


def _names(row: Any, mapper: Mapper[Any]) -> tuple[str, str, str]:
    name: str = type(row).__tablename__
    key = "/".join(str(part) for part in mapper.primary_key_from_instance(row))
    return name, getattr(type(row), "__entity__", name), key


def _values(row: Any, mapper: Mapper[Any], action: str) -> Iterator[tuple[str, list[Any]]]:
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        if column is mapper.version_id_col:
            continue
        if action == "delete":
            before, after = row.__dict__.get(attribute.key), None
        else:
            history = inspect(row).attrs[attribute.key].history  # never loads what is not there
            if not history.added and not history.deleted:
                continue
            before = history.deleted[0] if history.deleted else None
            after = history.added[0] if history.added else None
        if before is None and after is None:
            continue
        if column.info.get("confidential"):
            yield column.name, [None if part is None else MASKED for part in (before, after)]
        else:
            yield column.name, [plain(before), plain(after)]


@event.listens_for(Db, "do_orm_execute")
def _collect_many(state: ORMExecuteState) -> None:
    """A statement over many rows has no history of attributes; the row says at least what was written to which table."""
    statement = state.statement
    if not isinstance(statement, Insert | Update | Delete) or state.execution_options.get(UNNOTED):
        return
    name = str(getattr(statement.table, "name", ""))
    if name in _OWN:
        return
    action = type(statement).__name__.lower().removesuffix("dmlstate") + " many"
    entity = getattr(state.bind_mapper.class_, "__entity__", name) if state.bind_mapper else name
    given = statement.compile().params if not isinstance(state.parameters, list) else {}
    values = {key: [None, plain(value)] for key, value in given.items()}
    state.session.info.setdefault(_CHANGES, []).append(Change(name, entity, "*", action, values))


@event.listens_for(Db, "after_transaction_create")
def _savepoint_begins(session: Session, transaction: SessionTransaction) -> None:
    session.info.setdefault(_MARKS, {})[transaction] = len(session.info.get(_CHANGES, ()))


@event.listens_for(Db, "after_soft_rollback")
def _forget_rolled_back(session: Session, transaction: SessionTransaction) -> None:
    mark = session.info.get(_MARKS, {}).pop(transaction, 0)
    del session.info.get(_CHANGES, [])[mark:]


@event.listens_for(Db, "after_transaction_end")
def _transaction_ends(session: Session, transaction: SessionTransaction) -> None:
    # A savepoint's mark stays: its end is told before its rollback is.
    if transaction.parent is None:
        session.info.pop(_CHANGES, None)
        session.info.pop(_MARKS, None)


def note_change(
    db: Db, table: str, key: object, action: str, values: Mapping[str, tuple[Any, Any]] | None = None, *, entity: str | None = None
) -> None:
    """Tell the audit row and the notice of a change made by a database function, which the session cannot see.

    Args:
        values: Column → (before, after); never a secret.
        entity: Word used in notices; None: the table's name.
    """
    shown = {name: [plain(before), plain(after)] for name, (before, after) in (values or {}).items()}
    db.info.setdefault(_CHANGES, []).append(Change(table, entity or table, str(key), action, shown))


def changes(db: Db) -> list[Change]:
    """What this transaction has changed so far, one entry per row: the first value before, the last one after."""
    merged: dict[tuple[str, str], Change] = {}
    several: list[Change] = []
    for change in db.info.get(_CHANGES, ()):
        if change.key == "*":
            several.append(change)
            continue
        known = merged.setdefault((change.table, change.key), Change(change.table, change.entity, change.key, change.action))
        if change.action == "delete":
            known.action = "delete"
        for column, (before, after) in change.values.items():
            first = None if known.action == "insert" else known.values.get(column, (before,))[0]
            known.values[column] = [first, after]
    return [*merged.values(), *several]


def plain(value: Any) -> Any:
    """``value`` as JSON with nothing lost that a reader needs; long texts are cut at 4,000 characters."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        shown = value.replace("\x00", "\ufffd")  # PostgreSQL has no NUL in a text; a machine's string may hold one
        return shown if len(shown) <= _TEXT_MAX else shown[:_TEXT_MAX] + "…"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, Sequence | set | frozenset):
        return [plain(part) for part in value]
    if isinstance(value, UUID | Decimal):
        return str(value)
    return f"<{type(value).__name__}>"


# ---- writing ---------------------------------------------------------------------------------------------------------

_APPEND: Final = text(
    "SELECT genba.audit_append(:station, :request_id, :operation, :outcome, :user_code, :user_name, :session_id, :decided_at, "
    "CAST(:changes AS jsonb), :reason, CAST(:detail AS jsonb))"
)


def append(db: Db, operation: str, outcome: str = "done", *, station: str = "", detail: Mapping[str, Any] | None = None) -> int:
    """Write the audit row of this transaction, as its last statement; gives its number in the station's chain.

    The actor, the request, the reason and the collected changes are taken from ``db``.

    Args:
        operation: Name of the operation, or ``feature:thing:verb`` of what else happened (a sign-in).
        outcome: ``done``, ``refused``, ``signed_in`` …, at most 20 characters.
        station: Whose chain; "" for the actor's station.
        detail: JSON-able; never a secret.
    """
    actor, request = db.actor, db.request
    db.flush()
    noted = [{"table": c.table, "key": c.key, "action": c.action, "values": c.values} for c in changes(db)]
    told = dict(detail or {})
    if request is not None and request.signed is not None:
        told["signature"] = request.signed.model_dump(mode="json")
    values = {
        "station": station or actor.station,
        "request_id": request.id if request else None,
        "operation": operation,
        "outcome": outcome,
        "user_code": actor.user_code,
        "user_name": actor.name,
        "session_id": actor.session_id,
        "decided_at": request.decided_at if request else None,
        "changes": _json(noted),
        "reason": db.reason,
        "detail": _json(plain(told)),
    }
    return int(db.execute(_APPEND, values).scalar_one())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


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
    """The hash of one row; the same rule as ``genba.audit_digest``, on purpose not the same code."""
    parts = []
    for part in fields:
        raw = None if part is None else part.encode("utf-8")
        parts.append(b"-" if raw is None else str(len(raw)).encode() + b":" + raw)
    return hashlib.sha256(previous + b",".join(parts)).digest()


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
