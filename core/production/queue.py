"""The queue of a line: how many, how urgent, in which order. Decided by supervisors; what has begun keeps its place."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import Conflict, Invalid, Refused
from core.production import report_rules, rules
from core.production.orders import Amount, Code, line_queue
from core.production.views import OrderStatus, OrderView
from core.store.operation import Actor, operation
from core.store.query import Page

if TYPE_CHECKING:
    from core.production.models import WorkOrder
    from core.store.base import Db

_OVER = frozenset({OrderStatus.COMPLETED, OrderStatus.CLOSED, OrderStatus.CANCELLED})


def _open_order(db: Db, order_id: UUID, version: int | None) -> WorkOrder:
    """The locked order; Refused ``order.not_legal`` for one that is over."""
    from core.production import rows

    order = rows.locked(db, order_id, version)
    status = OrderStatus(order.status)
    if status in _OVER:
        raise Refused("order.not_legal", number=order.number, status=rules.status_words(status))
    return order


@operation(rules.REVISE, kind="intent", writes=("work_order",), guard="B")
def revise_order(db: Db, actor: Actor, *, order_id: UUID, planned: Amount, reason: str, version: int | None = None) -> OrderView:
    """Another quantity is wanted, for a reason that the audit keeps; never less than is reported already.

    Args:
        planned: Good quantity wanted from now on, > 0, in the order's unit.
        reason: Why; needed.
        version: Of the order as it was seen.

    Raises:
        Invalid: ``order.planned_not_positive``, ``order.below_reported``, ``order.reason_missing``.
        Refused: ``order.not_legal`` for an order that is over.
        Conflict: ``order.changed``.
    """
    from core.production import rows

    db.note_reason(rules.check_reason(reason))
    order = _open_order(db, order_id, version)
    report_rules.check_revised(planned, order.completed)
    order.planned = planned
    return rows.order_view(db, order_id)


@operation(rules.PRIORITISE, kind="intent", writes=("work_order",))
def prioritise_order(db: Db, actor: Actor, *, order_id: UUID, priority: int, version: int | None = None) -> OrderView:
    """The order is more or less urgent: 1 (high) … 10. A place in the queue that somebody gave it stays.

    Raises:
        Invalid: ``order.priority_range``.
        Refused: ``order.not_legal`` for an order that is over.
        Conflict: ``order.changed``.
    """
    from core.production import rows

    rules.check_priority(priority)
    order = _open_order(db, order_id, version)
    order.priority = priority
    return rows.order_view(db, order_id)


@operation(rules.REORDER, kind="intent", writes=("work_order",), guard="A")
def reorder_queue(db: Db, actor: Actor, *, line_code: Code, order_ids: tuple[UUID, ...], seen: tuple[UUID, ...]) -> Page[OrderView]:
    """The released orders of a line run in this order from now on.

    Args:
        line_code: Of the line.
        order_ids: Released orders of it, the next one first; those left out keep their place behind them.
        seen: The queue as it was shown when somebody moved something in it.

    Raises:
        Invalid: ``order.line_unknown``, ``order.queue_foreign`` for one that does not wait on this line, or stands there twice.
        Conflict: ``order.queue_changed`` when the queue is another one by now.
    """
    from core.production import making, queue_rows, rows

    line = making.line(db, line_code)
    rows.lock_line(db, line.id)
    waiting = queue_rows.waiting(db, line.id)
    if tuple(order.id for order in waiting)[: len(seen)] != seen:
        raise Conflict("order.queue_changed", line=line_code)
    by_id = {order.id: order for order in waiting}
    if len(set(order_ids)) != len(order_ids) or not set(order_ids) <= by_id.keys():
        raise Invalid("order.queue_foreign", line=line_code)
    behind = [order.id for order in waiting if order.id not in set(order_ids)]
    for place, order_id in enumerate((*order_ids, *behind), 1):
        if by_id[order_id].queue_position != place:
            by_id[order_id].queue_position = place
    db.flush()
    return line_queue(db, line_code=line_code, limit=200)
