"""Latest values handed from the station that reads a source to those that do not: one row per source, replaced each second.

The row carries the epoch of the source's lease, so that a station that lost it cannot overwrite its successor's values.
The table is unlogged: after a crash of the server the next second fills it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from core.store.base import Db

_PUT = text("SELECT genba.relay_put(:station, :source, :epoch, CAST(:payload AS jsonb))")
_TAKE = text(
    """
    SELECT source, epoch, sent_at, payload, extract(epoch FROM clock_timestamp() - sent_at)::float8 AS age_s
    FROM genba.relay WHERE source = ANY(:sources)
    """
)


@dataclass(frozen=True, slots=True)
class Relayed:
    """What the reading station said last about one source.

    Attributes:
        source: Source code.
        epoch: Of the lease under which it was said.
        sent_at: Server time.
        age_s: Seconds since then, by the server's clock.
        payload: Columns ``tags, values, qualities, statuses, source_at, received_at`` of equal length, and ``now``.
    """

    source: str
    epoch: int
    sent_at: datetime
    age_s: float
    payload: Mapping[str, Any]


def put(db: Db, station: str, source: str, epoch: int, payload: str) -> None:
    """Replace the values of ``source``; nothing happens unless ``station`` holds its lease. The caller commits.

    Args:
        epoch: Of the lease.
        payload: JSON text of the columns, see ``Relayed``.
    """
    db.execute(_PUT, {"station": station, "source": source, "epoch": epoch, "payload": payload})


def take(db: Db, sources: Iterable[str]) -> list[Relayed]:
    """The last words about ``sources``; those nobody has spoken about are missing."""
    rows = db.execute(_TAKE, {"sources": list(sources)})
    return [Relayed(row.source, row.epoch, row.sent_at, row.age_s, row.payload) for row in rows]
