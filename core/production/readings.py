"""Counters read at the start and the end of an order, where nobody counts continuously."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from pydantic import Field

from core.errors import Invalid, Refused
from core.production import rules
from core.production.count_rules import from_readings
from core.production.orders import _subject
from core.production.views import OrderView
from core.store.operation import Actor, operation

if TYPE_CHECKING:
    from core.store.base import Db

Value = Annotated[int, Field(ge=0, lt=2**63)]


@operation(rules.READ, kind="intent", writes=("order_reading",), subject=_subject)
def read_counter(
    db: Db,
    actor: Actor,
    *,
    order_id: UUID,
    kind: Literal["good", "reject", "total"],
    phase: Literal["start", "end"],
    value: Value,
    at: datetime | None = None,
) -> OrderView:
    """A counter stood at ``value`` when the order began or ended; the newest reading of each counts, so a slip is read again.

    Args:
        kind: What the counter counts.
        phase: When it was read.
        value: The counter itself, ≥ 0.
        at: When, aware; None for just now.

    Raises:
        Refused: ``order.not_begun`` for an order that was never started.
        Invalid: ``reading.backwards`` when it ends below its start; ``report.in_future``.
    """
    from core.production import reading_rows, rows

    order = rows.locked(db, order_id)
    if order.actual_start_at is None:
        raise Refused("order.not_begun", number=order.number)
    taken_at = min(db.decided_at, db.now) if at is None else at
    if taken_at > db.now:
        raise Invalid("report.in_future")
    other = reading_rows.newest(db, order_id, kind, "end" if phase == "start" else "start")
    if other is not None:
        start, end = (value, other) if phase == "start" else (other, value)
        if from_readings(start, end) is None:
            raise Invalid("reading.backwards", start=start, end=end)
    reading_rows.add(db, actor, order, kind, phase, value, taken_at)
    return rows.order_view(db, order_id)
