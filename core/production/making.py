"""Rows for a new order: its product, its line, its number."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from core.equipment.models import Area, Line, Site
from core.errors import Invalid
from core.inventory.models import Product
from core.production import rules
from core.production.models import WorkOrder
from core.production.rows import today
from core.production.views import OrderStatus
from core.store.base import Db


def product(db: Db, code: str) -> Product:
    """The active product ``code``; Invalid ``order.product_unknown`` otherwise."""
    found = db.scalar(select(Product).where(Product.code == code, Product.active, Product.retired_at.is_(None)))
    if found is None:
        raise Invalid("order.product_unknown", product=code)
    return found


def line(db: Db, code: str) -> Line:
    """The line ``code``; Invalid ``order.line_unknown`` when the site has none."""
    found = db.scalar(select(Line).where(Line.code == code, Line.retired_at.is_(None)))
    if found is None:
        raise Invalid("order.line_unknown", line=code)
    return found


def next_number(db: Db, day: date) -> str:
    """The first free number of ``day``."""
    taken = db.scalars(select(WorkOrder.number).where(WorkOrder.number.startswith(rules.number_prefix(day), autoescape=True)))
    return rules.next_number(day, taken)


def insert(
    db: Db,
    *,
    number: str,
    product: Product,
    line: Line,
    planned: Decimal,
    scheduled_start_at: datetime,
    scheduled_end_at: datetime,
    **more: Any,
) -> UUID:
    """Add the order and give its id; "" as number takes the next free one of the site's day.

    Raises:
        Invalid: ``order.number_taken``.
    """
    lock_numbers(db)
    if not number:
        day = db.scalar(select(today()).select_from(Line).join(Area).join(Site).where(Line.id == line.id))
        assert day is not None  # a line always has an area and a site
        number = next_number(db, day)
    elif db.scalar(select(WorkOrder.id).where(WorkOrder.number == number)) is not None:
        raise Invalid("order.number_taken", number=number)
    order = row(db, number, product, line, planned, scheduled_start_at, scheduled_end_at, **more)
    db.add(order)
    db.flush()
    return order.id


def lock_numbers(db: Db) -> None:
    """Two stations that make an order at the same moment must not find the same number free."""
    db.execute(select(func.pg_advisory_xact_lock(func.hashtext("genba.order.number"))))


def row(
    db: Db,
    number: str,
    product: Product,
    line: Line,
    planned: Decimal,
    scheduled_start_at: datetime,
    scheduled_end_at: datetime,
    **more: Any,
) -> WorkOrder:
    """A planned order that is not stored yet; ``more`` are further columns."""
    return WorkOrder(
        id=db.clock.uuid7(),
        number=number,
        product_id=product.id,
        line_id=line.id,
        planned=planned,
        completed=Decimal(0),
        scrap=Decimal(0),
        unit=product.unit,
        status=OrderStatus.PLANNED.value,
        scheduled_start_at=scheduled_start_at,
        scheduled_end_at=scheduled_end_at,
        run_seconds=Decimal(0),
        reason="",
        **more,
    )
