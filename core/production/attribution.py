"""To which order a counted part belongs: the one that ran on the line at the moment it was counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Integer, and_, case, column, or_, select, update, values

from core.production.models import CountEvent, WorkOrder
from core.production.views import OrderStatus
from core.store.base import Db, UtcDateTime


def _runs(line_ids: Sequence[int], from_at: datetime, to_at: datetime | None) -> CTE:
    """Orders that were on one of the lines at some time between two moments (None: until now); few, looked up once."""
    wanted = [
        WorkOrder.line_id.in_(line_ids),
        WorkOrder.actual_start_at.is_not(None),
        or_(WorkOrder.actual_end_at.is_(None), WorkOrder.actual_end_at > from_at),
    ]
    if to_at is not None:
        wanted.append(WorkOrder.actual_start_at <= to_at)
    columns = (WorkOrder.id, WorkOrder.line_id, WorkOrder.status)
    times = (WorkOrder.actual_start_at, WorkOrder.actual_end_at, WorkOrder.run_since_at)
    return select(*columns, *times).where(*wanted).cte("run").prefix_with("MATERIALIZED", dialect="postgresql")


def _order_at(runs: CTE, line_id: Any, at: Any) -> Any:
    """SQL for the order on a line at a moment, NULL for none.

    An order belongs to its line from its start to its end. When two do (one was held, another started meanwhile), the
    one that ran without interruption at that moment counts, then one that is not held, then the one started last.
    """
    run = runs.c
    running = and_(run.status == OrderStatus.IN_PROGRESS.value, run.run_since_at <= at)
    return (
        select(run.id)
        .where(run.line_id == line_id, run.actual_start_at <= at, or_(run.actual_end_at.is_(None), run.actual_end_at > at))
        .order_by(case((running, 0), (run.status == OrderStatus.HELD.value, 2), else_=1), run.actual_start_at.desc())
        .limit(1)
        .scalar_subquery()
    )


def orders_at(db: Db, moments: Sequence[tuple[int, datetime]]) -> list[UUID | None]:
    """For each (line id, moment) the order that part belongs to, None for none; in the same order."""
    times = [at for _, at in moments]
    runs = _runs(sorted({line_id for line_id, _ in moments}), min(times), max(times))
    asked = values(column("n", Integer), column("line_id", Integer), column("at", UtcDateTime), name="asked")
    asked = asked.data([(n, line_id, at) for n, (line_id, at) in enumerate(moments)])
    found = db.execute(select(asked.c.n, _order_at(runs, asked.c.line_id, asked.c.at)).order_by(asked.c.n))
    return [order_id for _, order_id in found]


def attribute_again(db: Db, line_id: int, from_at: datetime) -> None:
    """Attribute what the line counted since ``from_at`` anew, after a step that was decided before it was booked."""
    db.flush()
    right = _order_at(_runs([line_id], from_at, None), CountEvent.line_id, CountEvent.occurred_at)
    db.execute(
        update(CountEvent)
        .where(CountEvent.line_id == line_id, CountEvent.occurred_at >= from_at, CountEvent.order_id.is_distinct_from(right))
        .values(order_id=right)
        .execution_options(synchronize_session=False)
    )
