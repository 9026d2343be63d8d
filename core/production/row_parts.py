"""Parts of the statement behind every order view: what blocks it, what was counted for it, what else is on its line. SQL alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, and_, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import aliased

from core.equipment.models import Line, Tag
from core.production import rules
from core.production.models import Blocker, CountEvent, ProductionReport, WorkOrder
from core.production.run_models import OrderReading
from core.production.views import COUNT_KINDS, OrderStatus


def open_blockers() -> ColumnElement[Any]:
    """Open blockers of an order, its line, its product or its line's constraint unit, oldest first, as JSON."""
    targets = (
        ("order", cast(WorkOrder.id, Text)),
        ("line", cast(WorkOrder.line_id, Text)),
        ("product", cast(WorkOrder.product_id, Text)),
        ("work_unit", cast(Line.constraint_unit_id, Text)),
    )
    fields = [part for name in ("id", "kind", "reason", "opened_by", "opened_at") for part in (name, getattr(Blocker, name))]
    blockers = func.jsonb_agg(func.jsonb_build_object(*fields)).aggregate_order_by(Blocker.opened_at)
    open_ones = (
        select(func.coalesce(blockers, literal([], JSONB), type_=JSONB))
        .where(Blocker.released_at.is_(None), or_(*(and_(Blocker.target_kind == kind, Blocker.target_id == key) for kind, key in targets)))
        .correlate(WorkOrder, Line)
    )
    return open_ones.scalar_subquery()


def counts(counted: ColumnElement[bool]) -> FromClause:
    """What each counter of the line's constraint unit counted for the order; NULL where ``counted`` is false, or nothing was."""
    sums = (func.sum(CountEvent.quantity).filter(CountEvent.kind == kind).label(kind) for kind in COUNT_KINDS)
    return (
        select(*sums)
        .where(CountEvent.order_id == WorkOrder.id, CountEvent.work_unit_id == Line.constraint_unit_id)
        .correlate(WorkOrder, Line)
        .having(counted)
        .lateral("counts")
    )


def settled() -> ColumnElement[Any]:
    """What of the counts of the order is settled although its reports say otherwise, as JSON: [good, reject]; NULL where nothing is.

    A column and not a table beside the others: it is worked out for the rows of a page, not for all that could be on it.
    """
    report = ProductionReport
    found = (
        select(func.jsonb_build_array(cast(func.sum(report.settled_good), Text), cast(func.sum(report.settled_reject), Text)))
        .where(report.order_id == WorkOrder.id, or_(report.settled_good != 0, report.settled_reject != 0))
        .having(func.count() > 0)
        .correlate(WorkOrder)
    )
    return found.scalar_subquery()


def counters() -> ColumnElement[bool]:
    """Whether the line's constraint unit has a counter."""
    return exists().where(Tag.work_unit_id == Line.constraint_unit_id, Tag.role.in_(COUNT_KINDS), Tag.retired_at.is_(None)).correlate(Line)


def readings() -> ColumnElement[Any]:
    """The newest reading of each counter at the start and the end of the order, as JSON: ``{"good start": 120, …}``."""
    newest = (
        select(func.concat(OrderReading.kind, " ", OrderReading.phase).label("name"), OrderReading.value)
        .ext(distinct_on(OrderReading.kind, OrderReading.phase))
        .where(OrderReading.order_id == WorkOrder.id)
        .order_by(OrderReading.kind, OrderReading.phase, OrderReading.taken_at.desc())
        .correlate(WorkOrder)
        .lateral("newest_reading")
    )
    return select(func.jsonb_object_agg(newest.c.name, newest.c.value)).select_from(newest).scalar_subquery()


def on_the_line() -> ColumnElement[Any]:
    """Number and start of another order on the line, as JSON; NULL when the line is free, or the order waits for nothing."""
    other = aliased(WorkOrder)
    found = (
        select(func.jsonb_build_object("number", other.number, "since", other.actual_start_at))
        .where(
            WorkOrder.status == OrderStatus.RELEASED.value,
            other.line_id == WorkOrder.line_id,
            other.status.in_([status.value for status in rules.ON_LINE]),
        )
        .limit(1)
        .correlate(WorkOrder)
    )
    return found.scalar_subquery()
