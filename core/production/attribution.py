"""To which order a counted part belongs: the one that ran on the line at the moment it was counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Integer, case, column, or_, select, update, values

from core.production.models import CountEvent
from core.production.run_models import OrderRun
from core.production.views import OrderStatus
from core.store.base import Db, UtcDateTime

_RANK = {OrderStatus.IN_PROGRESS: 0, OrderStatus.PAUSED: 1, OrderStatus.HELD: 2}


def _runs(line_ids: Sequence[int], from_at: datetime, to_at: datetime | None) -> CTE:
    """What ran on one of the lines at some time between two moments (None: until now); few stretches, looked up once."""
    wanted = [OrderRun.line_id.in_(line_ids), or_(OrderRun.to_at.is_(None), OrderRun.to_at > from_at)]
    if to_at is not None:
        wanted.append(OrderRun.from_at <= to_at)
    rank = case({status.value: rank for status, rank in _RANK.items()}, value=OrderRun.status).label("rank")
    columns = (OrderRun.order_id, OrderRun.line_id, OrderRun.from_at, OrderRun.to_at, rank)
    return select(*columns).where(*wanted).cte("run").prefix_with("MATERIALIZED", dialect="postgresql")


def _order_at(runs: CTE, line_id: Any, at: Any) -> Any:
    """SQL for the order on a line at a moment, NULL for none.

    An order belongs to its line from its start to its end. When two do (one was held, another started meanwhile), the
    one in progress at that moment counts, then the paused one, then the held one; of equal ones that which began last.
    """
    run = runs.c
    return (
        select(run.order_id)
        .where(run.line_id == line_id, run.from_at <= at, or_(run.to_at.is_(None), run.to_at > at))
        .order_by(run.rank, run.from_at.desc())
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
