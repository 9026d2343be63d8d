"""The SQL of a line's queue."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from core.production.models import WorkOrder
from core.production.rows import work_order
from core.production.views import OrderStatus
from core.store.base import Db


def waiting(db: Db, line_id: int) -> Sequence[WorkOrder]:
    """The released orders of a line as they stand in its queue, locked until the transaction ends.

    Locked by their keys first: whoever locks several orders does it in one order, whatever the queue says.
    """
    released = (WorkOrder.line_id == line_id, WorkOrder.status == OrderStatus.RELEASED.value)
    db.execute(select(WorkOrder.id).where(*released).order_by(WorkOrder.id).with_for_update(key_share=True))
    fresh = {"populate_existing": True}
    return db.scalars(select(WorkOrder).where(*released).order_by(*work_order()).execution_options(**fresh)).all()
