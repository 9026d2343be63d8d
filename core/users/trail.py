"""The audit trail for people who look for something: by person, object, time, station and kind; read-only for everyone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from core.errors import Invalid
from core.store.operation import Actor, operation
from core.store.query import Page, query
from core.users.audit_views import AuditEntry, ChainHead

if TYPE_CHECKING:
    from core.store.base import Db

SEARCH: Final = "users:audit:search"
COUNTED_MAX: Final = 10_000
"""Rows counted at most for ``Page.total``: on a trail of years the exact number costs more than it tells."""

Words = Annotated[str, Field(max_length=200)]


@query(SEARCH, permission=SEARCH, report=True)
def search_trail(
    db: Db,
    *,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    user: Words = "",
    station: Words = "",
    operation: Words = "",
    outcome: Words = "",
    text: Words = "",
    limit: int = 200,
    offset: int = 0,
) -> Page[AuditEntry]:
    """Rows of the trail, newest first; ``total`` counts to 10,000 and stops there.

    Args:
        from_at, to_at: Server times [from, to), aware; None is open. Give ``to_at`` when turning pages: new rows come on top.
        user, station, outcome: Exact; "" for all.
        operation: Name or its beginning (``production:``); "" for all.
        text: An object (order, user, product, line, station or tag, exactly, any case; or a row's key), or part of a reason.
        limit, offset: Page; at most 1000 rows.

    Raises:
        Invalid: ``users.period_empty``.
    """
    from core.users import trail_rows

    if from_at is not None and to_at is not None and not from_at < to_at:
        raise Invalid("users.period_empty")
    return trail_rows.search(db, from_at, to_at, user, station, operation, outcome, text, limit, offset)


@query("users:audit:people", permission=SEARCH, report=True)
def people_in_trail(db: Db, *, from_at: datetime | None = None) -> tuple[tuple[str, str], ...]:
    """(code, name) of everybody who decided something since ``from_at``, by code; at most 1,000."""
    from core.users import trail_rows

    return trail_rows.people(db, from_at)


@query("users:audit:heads", permission=SEARCH)
def chain_heads(db: Db) -> tuple[ChainHead, ...]:
    """The ends of all chains, by station."""
    from core.users import trail_rows

    return trail_rows.heads(db)


@operation("users:audit:export", kind="intent", guard="B", writes=())
def note_export(db: Db, actor: Actor, *, file: Words, rows: Annotated[int, Field(ge=0)], sha256: Words, key: Words) -> int:
    """The trail itself tells that somebody took a copy of it, which one, and under which key it is signed.

    Args:
        file: Name of the file.
        rows: Rows in it.
        sha256: Of the file, hex.
        key: Fingerprint of the key it is signed with.
    """
    db.note_reason(f"{file} · {rows} · SHA-256 {sha256} · {key}")
    return rows
