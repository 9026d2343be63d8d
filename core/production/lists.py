"""Lists of orders and reports: filters, order, pages."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import aliased

from core.equipment.models import Line
from core.inventory.models import Product
from core.production.models import ProductionReport, WorkOrder
from core.production.rows import order_select, view_of, work_order
from core.production.views import OrderChange, OrderStatus, OrderView, ReportView
from core.store.base import Db
from core.store.query import Page
from core.store.tables import AuditRow


def orders(
    db: Db,
    status: tuple[OrderStatus, ...],
    line_code: str,
    product_code: str,
    from_at: datetime | None,
    to_at: datetime | None,
    search: str,
    limit: int,
    offset: int,
) -> Page[OrderView]:
    """See ``orders.list_orders``; "" and None leave a filter open."""
    shown, count = _orders_asked(status, line_code, product_code, from_at, to_at, search, limit, offset)
    now = db.now
    items = tuple(view_of(row, now) for row in db.execute(shown).mappings())
    # The first page of a short list needs no second question.
    total = len(items) if offset == 0 and len(items) < limit else db.scalar(count) or 0
    return Page(items, total, limit, offset)


@lru_cache(maxsize=64)  # putting it together costs more than the answer, and a screen asks the same with every notice
def _orders_asked(
    status: tuple[OrderStatus, ...],
    line_code: str,
    product_code: str,
    from_at: datetime | None,
    to_at: datetime | None,
    search: str,
    limit: int,
    offset: int,
) -> tuple[Select[Any], Select[int]]:
    """The orders of a page, and how many there are."""
    wanted: list[ColumnElement[bool]] = []
    if status:
        wanted.append(WorkOrder.status.in_([each.value for each in status]))
    if line_code:
        wanted.append(Line.code == line_code)
    if product_code:
        wanted.append(Product.code == product_code)
    if from_at is not None:
        wanted.append(WorkOrder.scheduled_start_at >= from_at)
    if to_at is not None:
        wanted.append(WorkOrder.scheduled_start_at < to_at)
    if search:
        wanted.append(or_(*(column.icontains(search, autoescape=True) for column in (WorkOrder.number, Product.code, WorkOrder.note))))
    # First which rows, then what stands beside them: counts and blockers of thirty thousand others are not worked out.
    count, page = select(func.count()).select_from(WorkOrder), select(WorkOrder.id)
    if line_code:
        count, page = count.join(Line), page.join(Line)
    if product_code or search:
        count, page = count.join(Product), page.join(Product)
    count, page = count.where(*wanted), page.where(*wanted).order_by(*work_order()).limit(limit).offset(offset)
    return order_select().where(WorkOrder.id.in_(page)).order_by(*work_order()), count


_CHANGES_MAX: Final = 100


def changes(db: Db, order_id: UUID, limit: int) -> tuple[OrderChange, ...]:
    """See ``orders.order_changes``."""
    about = AuditRow.changes.contains([{"table": WorkOrder.__tablename__, "key": str(order_id)}])
    newest = (AuditRow.at.desc(), AuditRow.seq.desc())
    rows = db.scalars(select(AuditRow).where(about).order_by(*newest).limit(max(1, min(limit, _CHANGES_MAX))))
    return tuple(_change(row, str(order_id)) for row in rows)


def _change(row: AuditRow, key: str) -> OrderChange:
    values = next(one["values"] for one in row.changes if one["table"] == WorkOrder.__tablename__ and one["key"] == key)
    before, after = values.get("status") or (None, None)
    return OrderChange(
        row.at,
        row.operation,
        row.user_code,
        row.user_name,
        row.station,
        None if before is None else OrderStatus(before),
        None if after is None else OrderStatus(after),
    )


def report_view(row: Any) -> ReportView:
    """The view of one row of ``report_select``."""
    report, number, line = row
    same = ("id", "order_id", "good", "scrap", "rework", "unit", "reason", "corrects", "machine_good", "machine_reject", "reported_at")
    return ReportView(
        **{name: getattr(report, name) for name in (*same, "user_code", "station", "origin", "difference_reason")},
        order_number=number or "",
        line_code=line or "",
        defect_code=report.defect_code or "",
    )


def report_select() -> Any:
    """Reports with the number of their order and the code of their line."""
    return (
        select(ProductionReport, WorkOrder.number, Line.code)
        .outerjoin(WorkOrder, WorkOrder.id == ProductionReport.order_id)
        .outerjoin(Line, Line.id == ProductionReport.line_id)
    )


def reports(db: Db, order_id: UUID | None, line_code: str, unassigned: bool, limit: int, offset: int) -> Page[ReportView]:
    """See ``reports.list_reports``."""
    wanted: list[ColumnElement[bool]] = []
    if order_id is not None:
        wanted.append(ProductionReport.order_id == order_id)
    if line_code:
        wanted.append(Line.code == line_code)
    if unassigned:
        # Of one that was assigned two rows stay without an order: itself, and what took it back.
        answer = aliased(ProductionReport)
        taken_back = select(answer.id).where(answer.corrects == ProductionReport.id).exists()
        wanted += [ProductionReport.order_id.is_(None), ProductionReport.corrects.is_(None), ~taken_back]
    newest = (ProductionReport.reported_at.desc(), ProductionReport.id.desc())
    items = tuple(report_view(row) for row in db.execute(report_select().where(*wanted).order_by(*newest).limit(limit).offset(offset)))
    count = select(func.count()).select_from(ProductionReport).outerjoin(Line, Line.id == ProductionReport.line_id).where(*wanted)
    total = len(items) if offset == 0 and len(items) < limit else db.scalar(count) or 0
    return Page(items, total, limit, offset)
