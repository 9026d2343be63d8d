"""Messages to other systems, written in the transaction of what they tell; :mod:`core.sync` sends them."""

from __future__ import annotations

from datetime import timedelta
from fnmatch import fnmatchcase

from sqlalchemy import func as sql
from sqlalchemy import insert, select

from core.store.base import Db
from core.store.tables import ExternalSystem, OutboxMessage


def write(db: Db, undo_s: float = 0.0) -> int:
    """Write what ``db.outbox`` queued, one row per active system that subscribes to the topic; gives how many.

    Args:
        undo_s: Seconds in which the operator may still undo; nothing is sent earlier.
    """
    if not db.messages:
        return 0
    systems = db.execute(select(ExternalSystem.id, ExternalSystem.topics).where(ExternalSystem.active)).all()
    rows = [
        {
            "id": db.clock.uuid7(),
            "system_id": system_id,
            "topic": message.topic,
            "key": message.key,
            "payload": dict(message.payload),
            "request_id": db.request.id if db.request else None,
            "station": db.actor.station,
            "not_before": db.now + timedelta(seconds=undo_s),
        }
        for message in db.messages
        for system_id, topics in systems
        if any(fnmatchcase(message.topic, pattern) for pattern in topics)
    ]
    if rows:
        db.execute(insert(OutboxMessage), rows)
    return len(rows)


def waiting(db: Db) -> int:
    """Messages not yet delivered, parked ones included; for the header."""
    return db.execute(select(sql.count()).select_from(OutboxMessage).where(OutboxMessage.state != "sent")).scalar_one()
