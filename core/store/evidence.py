"""The recorder's door: what machines were seen to do, in batches, idempotent, without an audit row.

Idempotent by (source, epoch, seq): a batch may be sent as often as the network likes. Fenced by the lease: the row of
the source's lease is locked against a change of holder until the batch is committed, so that a station that hung and
woke up cannot write beside its successor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from core.errors import Refused
from core.store import notices
from core.store.base import Base, Db
from core.store.tables import LeaseRow

_IDENTITY: Final = ("source", "epoch", "seq")


def lease_name(source: str) -> str:
    """Name of the lease that the recorder of ``source`` holds."""
    return f"source:{source}"


def record(db: Db, table: type[Base], rows: Sequence[Mapping[str, Any]], *, source: str, epoch: int) -> int:
    """Store ``rows``; gives how many were new. The caller commits.

    Args:
        table: A mapped class with ``source``, ``epoch`` and ``seq``, unique together.
        rows: Column values; each has its ``seq``. ``source``, ``epoch`` and a missing ``id`` are filled in here.
        epoch: Of the caller's lease of the source.

    Raises:
        Refused: ``store.evidence_superseded``: the lease is gone or has another epoch; nothing was stored.
    """
    held = db.execute(select(LeaseRow.epoch).where(LeaseRow.name == lease_name(source)).with_for_update(read=True)).scalar_one_or_none()
    if held != epoch:
        raise Refused("store.evidence_superseded", source=source)
    if not rows:
        return 0
    whole = [{"id": db.clock.uuid7()} | dict(row) | {"source": source, "epoch": epoch} for row in rows]
    columns = table.__table__.c
    statement = insert(table).on_conflict_do_nothing(index_elements=list(_IDENTITY)).returning(columns.seq)
    stored = len(db.execute(statement, whole, execution_options={notices.UNNOTED: True}).all())
    if stored:
        notices.send(db, [f"{getattr(table, '__entity__', table.__tablename__)}:*"])
    return stored
