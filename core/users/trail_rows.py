"""The SQL of the trail. Imported when the first query runs on a lane, never by a screen.

Orders, products, lines, stations and tags belong to floors above; only what people call them is read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, column, func, or_, select, table, tuple_

from core.store.base import SCHEMA, Db
from core.store.query import Page
from core.store.tables import AppliedRequest, AuditHead, AuditRow
from core.users.audit_views import AuditEntry, ChainHead, ColumnChange, Mark, RowChange
from core.users.trail import COUNTED_MAX

_CALLED: Final = {
    "work_order": "number",
    "app_user": "code",
    "product": "code",
    "line": "code",
    "work_unit": "code",
    "station": "code",
    "source": "code",
    "tag": "name",
    "role": "code",
}
"""Table → the column by which people call its rows."""

_NAMES: Final = ("number", "order_number", "code", "tag", "station_code", "permission")
"""Where a view or a request says what it is about, the best name first."""

_TELLING: Final = ("status", "active", "allowed", "completed", "quantity", "good", "offline_h", "blocked_at", "planned", "number", "code")
"""Columns that tell most of a change, the best first."""

_PEOPLE_MAX: Final = 1_000


def search(
    db: Db,
    from_at: datetime | None,
    to_at: datetime | None,
    user: str,
    station: str,
    operation: str,
    outcome: str,
    words: str,
    limit: int,
    offset: int,
) -> Page[AuditEntry]:
    """See ``trail.search_trail``."""
    wanted: list[ColumnElement[bool]] = []
    if from_at is not None:
        wanted.append(AuditRow.at >= from_at)
    if to_at is not None:
        wanted.append(AuditRow.at < to_at)
    wanted += [column == value for column, value in _exactly(user, station, outcome) if value]
    if operation:
        wanted.append(AuditRow.operation.startswith(operation, autoescape=True))
    if words:
        wanted.append(_about(db, words.strip()))
    newest = (AuditRow.at.desc(), AuditRow.station, AuditRow.seq.desc())
    # First which rows, then the requests beside them.
    page = select(AuditRow.station, AuditRow.seq).where(*wanted).order_by(*newest).limit(limit).offset(offset)
    shown = (
        select(AuditRow, AppliedRequest.args, AppliedRequest.result)
        .outerjoin(AppliedRequest, AppliedRequest.id == AuditRow.request_id)
        .where(tuple_(AuditRow.station, AuditRow.seq).in_(page))
        .order_by(*newest)
    )
    items = tuple(_entry(row[0], row[1], row[2]) for row in db.execute(shown))
    counted = select(func.count()).select_from(select(AuditRow.seq).where(*wanted).limit(COUNTED_MAX).subquery())
    total = len(items) if offset == 0 and len(items) < limit else db.scalar(counted) or 0
    return Page(items, total, limit, offset)


def _exactly(user: str, station: str, outcome: str) -> Iterable[tuple[Any, str]]:
    return ((AuditRow.user_code, user), (AuditRow.station, station), (AuditRow.outcome, outcome))


def _about(db: Db, words: str) -> ColumnElement[bool]:
    """Rows that changed the thing people call ``words``, or whose reason contains it."""
    keys = [[{"table": name, "key": key}] for name, key in _keys(db, words)]
    if _is_key(words):
        keys.append([{"key": words.lower()}])
    about = [AuditRow.changes.contains(key) for key in keys]
    typed = AuditRow.detail["user"].astext == words  # sign-ins change no row
    return or_(*about, typed, AuditRow.reason.icontains(words, autoescape=True))


def _is_key(words: str) -> bool:
    try:
        UUID(words)
    except ValueError:
        return False
    return True


def _keys(db: Db, words: str) -> list[tuple[str, str]]:
    """(table, primary key) of everything that is called ``words``."""
    found: list[tuple[str, str]] = []
    for name, called in _CALLED.items():
        rows = table(name, column("id"), column(called), schema=SCHEMA)
        asked = select(cast(rows.c.id, String)).where(func.upper(rows.c[called]) == words.upper()).limit(2)
        found += [(name, key) for key in db.scalars(asked)]
    return found


def people(db: Db, from_at: datetime | None) -> tuple[tuple[str, str], ...]:
    """See ``trail.people_in_trail``."""
    name = func.max(AuditRow.user_name)
    asked = select(AuditRow.user_code, name).group_by(AuditRow.user_code).order_by(AuditRow.user_code).limit(_PEOPLE_MAX)
    if from_at is not None:
        asked = asked.where(AuditRow.at >= from_at)
    return tuple((row[0], row[1]) for row in db.execute(asked))


def heads(db: Db) -> tuple[ChainHead, ...]:
    """The ends of all chains."""
    return tuple(ChainHead(row.station, row.seq, row.hash.hex()) for row in db.scalars(select(AuditHead).order_by(AuditHead.station)))


# ---- one row ---------------------------------------------------------------------------------------------------------


def _entry(row: AuditRow, args: Mapping[str, Any] | None, result: Any) -> AuditEntry:
    detail = row.detail
    changes = tuple(_row_change(change) for change in row.changes)
    refusal = detail.get("refusal")
    return AuditEntry(
        station=row.station,
        seq=row.seq,
        at=row.at,
        decided_at=row.decided_at,
        request_id=row.request_id,
        operation=row.operation,
        outcome=row.outcome,
        user_code=row.user_code,
        user_name=row.user_name,
        object=_object(args or {}, result, detail),
        main=_main(changes, args or {}, row.operation),
        changes=changes,
        reason=row.reason,
        signature=_mark(detail.get("signature")),
        authorised_by=_mark(detail.get("authorised_by")),
        refusal=str(refusal.get("code", "")) if isinstance(refusal, dict) else "",
        late=detail.get("late") is True,
        offline=detail.get("offline") is True,
        database_user=row.database_user,
        hash=row.hash.hex(),
    )


def _object(args: Mapping[str, Any], result: Any, detail: Mapping[str, Any]) -> str:
    for told in (result, args):
        if isinstance(told, dict):
            for name in _NAMES:
                if isinstance(told.get(name), str) and told[name]:
                    role = f"{told['role']} " if name == "permission" and "role" in told else ""
                    return role + str(told[name])
    typed = detail.get("user")
    return typed if isinstance(typed, str) else ""


def _row_change(change: Mapping[str, Any]) -> RowChange:
    values = change.get("values") or {}
    columns = tuple(ColumnChange(name, _text(pair[0]), _text(pair[1])) for name, pair in values.items() if isinstance(pair, list))
    return RowChange(str(change["table"]), str(change["key"]), str(change["action"]), columns)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and {"ja", "en"} <= value.keys():
        return f"{value['ja']} / {value['en']}"
    return json.dumps(value, ensure_ascii=False)


def _main(changes: tuple[RowChange, ...], args: Mapping[str, Any], operation: str) -> ColumnChange | None:
    if operation == "equipment:tag:write" and "value" in args:
        return ColumnChange("value", _text(args.get("before")), _text(args.get("value")))
    columns = [each for change in changes for each in change.columns]
    known = [each for name in _TELLING for each in columns if each.column == name]
    return next(iter(known or columns), None)


def _mark(told: Any) -> Mark | None:
    if not isinstance(told, dict):
        return None
    at = told.get("at")
    name = _text(told.get("name")) or ""
    return Mark(str(told.get("user_code", "")), name, str(told.get("meaning") or ""), datetime.fromisoformat(at) if at else None)
