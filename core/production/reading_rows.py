"""Rows of counter readings."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from core.production.models import WorkOrder
from core.production.run_models import OrderReading
from core.store.base import Db
from core.store.operation import Actor


def newest(db: Db, order_id: UUID, kind: str, phase: str) -> int | None:
    """The newest reading of a counter at the start or the end of an order; None when nobody read it."""
    wanted = (OrderReading.order_id == order_id, OrderReading.kind == kind, OrderReading.phase == phase)
    return db.scalar(select(OrderReading.value).where(*wanted).order_by(OrderReading.taken_at.desc()).limit(1))


def add(db: Db, actor: Actor, order: WorkOrder, kind: str, phase: str, value: int, taken_at: datetime) -> None:
    """Keep a reading."""
    db.add(
        OrderReading(
            id=db.clock.uuid7(),
            order_id=order.id,
            line_id=order.line_id,
            kind=kind,
            phase=phase,
            value=value,
            taken_at=taken_at,
            user_code=actor.user_code,
            station=actor.station,
            request_id=db.clock.uuid7() if db.request is None else db.request.id,
        )
    )
    db.flush()
