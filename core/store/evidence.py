"""The recorder's door: what machines were seen to do, in batches, idempotent, without an audit row.

Idempotent by (source, epoch, seq): a batch may be sent as often as the network likes. Fenced by the lease: the database opens
the transaction for the holder of the source's lease alone, and locks the lease against a change of holder until the batch
is committed, so that a station that hung and woke up cannot write beside its successor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Table, func, or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from core.errors import Refused
from core.store import notices
from core.store.base import Base, Db

_IDENTITY: Final = ("source", "epoch", "seq")
_BEGIN: Final = text("SELECT genba.begin_evidence(:station, :source, :epoch)")


def lease_name(source: str) -> str:
    """Name of the lease that the recorder of ``source`` holds."""
    return f"source:{source}"


def begin(db: Db, station: str, source: str, epoch: int) -> None:
    """Open this transaction for what was seen at ``source``.

    Raises:
        Refused: ``store.evidence_superseded``: the lease is gone or has another epoch.
    """
    if not db.execute(_BEGIN, {"station": station, "source": source, "epoch": epoch}).scalar_one():
        raise Refused("store.evidence_superseded", source=source)


def record(
    db: Db, table: type[Base], rows: Sequence[Mapping[str, Any]], *, station: str, source: str, epoch: int, fill: Sequence[str] = ()
) -> int:
    """Store ``rows``; gives how many were new, or filled in. The caller commits.

    Args:
        table: A mapped class with ``source``, ``epoch`` and ``seq``, unique together.
        rows: Column values, the same columns in each; ``seq`` among them. ``source``, ``epoch`` and a missing ``id`` are
            added here.
        station: The caller's, holder of the lease.
        epoch: Of the caller's lease of the source.
        fill: Columns that were not known when the row was first stored (the end of a state): a repeated row fills
            those that are still NULL, and changes nothing that is known.

    Raises:
        Refused: ``store.evidence_superseded``: the lease is gone or has another epoch; nothing was stored.
    """
    begin(db, station, source, epoch)
    if not rows:
        return 0
    whole = [{"id": db.clock.uuid7()} | dict(row) | {"source": source, "epoch": epoch} for row in rows]
    assert isinstance(table.__table__, Table)  # a mapped class of one table
    stored = len(db.execute(_statement(table.__table__, fill), whole).all())
    if stored:
        notices.send(db, [f"{getattr(table, '__entity__', table.__tablename__)}:*"])
    return stored


def _statement(table: Table, fill: Sequence[str]) -> ReturningInsert[Any]:
    statement = insert(table)
    if not fill:
        return statement.on_conflict_do_nothing(index_elements=_IDENTITY).returning(table.c.seq)
    return statement.on_conflict_do_update(
        index_elements=_IDENTITY,
        set_={name: func.coalesce(table.c[name], statement.excluded[name]) for name in fill},
        where=or_(*(table.c[name].is_(None) & statement.excluded[name].is_not(None) for name in fill)),
    ).returning(table.c.seq)
