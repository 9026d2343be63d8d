"""The SQL of production: rows under lock, the statement every order view comes from, and views made of its rows.

Imported when the first operation or query runs on a lane, never by a screen: it loads SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, RowMapping, Select, Text, and_, bindparam, cast, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB

from core.equipment.models import Area, Line, Site
from core.errors import Conflict, Refused
from core.inventory.models import Product
from core.production import pace, rules
from core.production.models import Blocker, CountEvent, StandardTime, WorkOrder
from core.production.rules import Progress
from core.production.views import BlockerView, OrderStatus, OrderView
from core.store.base import Db

# --- one order -------------------------------------------------------------------------------------------------------


def locked(db: Db, order_id: UUID, version: int | None = None) -> WorkOrder:
    """The order's row, locked until the transaction ends.

    Args:
        version: The one the decision was made on; None takes the newest.

    Raises:
        Refused: ``order.not_found``.
        Conflict: ``order.changed`` when somebody changed it since.
    """
    order = found(db, order_id)
    if order is None:
        raise Refused("order.not_found")
    if version is not None and version != order.version:
        raise Conflict("order.changed", number=order.number)
    return order


def found(db: Db, order_id: UUID) -> WorkOrder | None:
    """The order's row, locked until the transaction ends; None when there is none."""
    return db.scalar(
        select(WorkOrder).where(WorkOrder.id == order_id).with_for_update(key_share=True).execution_options(populate_existing=True)
    )


def progress(order: WorkOrder) -> Progress:
    """The moving part of ``order``."""
    return Progress(
        OrderStatus(order.status), order.actual_start_at, order.actual_end_at, float(order.run_seconds), order.run_since_at, order.reason
    )


def move(order: WorkOrder, after: Progress) -> None:
    """Write ``after`` into the row."""
    order.status = after.status.value
    order.actual_start_at, order.actual_end_at = after.actual_start_at, after.actual_end_at
    order.run_seconds, order.run_since_at = Decimal(str(round(after.run_s, 3))), after.run_since_at
    order.reason = after.reason


def lock_line(db: Db, line_id: int) -> None:
    """Hold the line until the transaction ends.

    Two stations cannot start two orders at once then, and a recorder that books parts meanwhile sees either all of a
    step or nothing of it. Whoever locks an order and its line locks the order first.
    """
    db.execute(select(Line.id).where(Line.id == line_id).with_for_update(key_share=True))


def line_occupant(db: Db, order: WorkOrder) -> str | None:
    """Number of another order that occupies the line of ``order``; None when the line is free."""
    on_line = [status.value for status in rules.ON_LINE]
    return db.scalar(
        select(WorkOrder.number).where(WorkOrder.line_id == order.line_id, WorkOrder.id != order.id, WorkOrder.status.in_(on_line)).limit(1)
    )


def order_view(db: Db, order_id: UUID) -> OrderView:
    """The view of one order, with what this transaction has changed. Raises Refused ``order.not_found``."""
    db.flush()
    row = db.execute(_one_order(), {"asked_id": order_id}).mappings().first()
    if row is None:
        raise Refused("order.not_found")
    return view_of(row, db.now)


@cache  # it is long: building it takes longer than running it, and every decision about an order ends with it
def _one_order() -> Select[Any]:
    return order_select(count_all=True).where(WorkOrder.id == bindparam("asked_id"))


# --- the statement behind every order view ---------------------------------------------------------------------------


def today(site: type[Site] = Site) -> ColumnElement[Any]:
    """The site's calendar day now."""
    return cast(func.timezone(site.time_zone, func.now()), type_=StandardTime.valid_from.type)


def _open_blockers() -> ColumnElement[Any]:
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


def _standard_cycle() -> ColumnElement[Any]:
    """Minutes per part: at the constraint unit when a time is declared there, else of the product."""
    declared = (
        select(StandardTime.cycle_min)
        .where(
            StandardTime.product_id == WorkOrder.product_id,
            StandardTime.work_unit_id == Line.constraint_unit_id,
            StandardTime.retired_at.is_(None),
            StandardTime.valid_from <= today(),
        )
        .order_by(StandardTime.valid_from.desc())
        .limit(1)
        .correlate(WorkOrder, Line, Site)
    )
    return func.coalesce(declared.scalar_subquery(), Product.standard_cycle_min)


def _counts(counted: ColumnElement[bool]) -> FromClause:
    """What the line's constraint unit counted for the order; NULL where ``counted`` is false."""
    return (
        select(
            func.coalesce(func.sum(CountEvent.quantity).filter(CountEvent.kind == "good"), 0).label("good"),
            func.coalesce(func.sum(CountEvent.quantity).filter(CountEvent.kind == "reject"), 0).label("reject"),
        )
        .where(CountEvent.order_id == WorkOrder.id, CountEvent.work_unit_id == Line.constraint_unit_id)
        .correlate(WorkOrder, Line)
        .having(counted)
        .lateral("counts")
    )


@cache  # it is long: building it takes longer than running it
def order_select(*, count_all: bool = False) -> Select[Any]:
    """Orders with everything a view needs, one row each, columns named ``order_…``.

    Args:
        count_all: Sum up the machine counts of every row; otherwise only of orders that have started and are open.
    """
    started_and_open = and_(WorkOrder.actual_start_at.is_not(None), WorkOrder.status.in_([status.value for status in rules.OPEN]))
    counts = _counts(true() if count_all else started_and_open)
    plain = ("id", "number", "status", "priority", "planned", "completed", "scrap", "unit", "note", "reason", "version")
    times = ("scheduled_start_at", "scheduled_end_at", "actual_start_at", "actual_end_at", "run_seconds", "run_since_at")
    return (
        select(
            *(getattr(WorkOrder, name).label(f"order_{name}") for name in (*plain, *times)),
            func.coalesce(WorkOrder.external_system, "").label("order_external_system"),
            func.coalesce(WorkOrder.external_id, "").label("order_external_id"),
            Product.code.label("order_product_code"),
            Product.name.label("order_product_name"),
            Line.code.label("order_line_code"),
            Line.name.label("order_line_name"),
            Line.capacity_per_hour.label("order_capacity"),
            Line.efficiency.label("order_efficiency"),
            counts.c.good.label("order_machine_good"),
            counts.c.reject.label("order_machine_reject"),
            _open_blockers().label("order_blockers"),
            _standard_cycle().label("order_cycle"),
        )
        .select_from(WorkOrder)
        .join(Product, Product.id == WorkOrder.product_id)
        .join(Line, Line.id == WorkOrder.line_id)
        .join(Area, Area.id == Line.area_id)
        .join(Site, Site.id == Area.site_id)
        .outerjoin(counts, true())
    )


def work_order() -> tuple[Any, ...]:
    """How lists of orders are sorted: what is at work first, by priority and schedule; what is over last, the newest first.

    The first two are worked out by the database when a row changes, so that a page is read off an index.
    """
    order = WorkOrder
    return (
        order.list_rank,
        order.list_at.desc().nulls_last(),
        order.queue_position,
        order.priority,
        order.scheduled_start_at,
        order.number,
    )


# --- rows to views ---------------------------------------------------------------------------------------------------


def blocker_views(blockers: Sequence[Mapping[str, Any]]) -> tuple[BlockerView, ...]:
    """Views of the JSON that the statement gives."""
    return tuple(
        BlockerView(UUID(each["id"]), each["kind"], each["reason"], each["opened_by"], _utc(each["opened_at"])) for each in blockers
    )


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)  # the server writes its own time zone into JSON


def pace_of(row: RowMapping | Mapping[str, Any]) -> float:
    """Expected good parts per hour of the order in ``row`` on its line."""
    cycle = row["order_cycle"]
    return pace.pace_per_hour(None if cycle is None else float(cycle), float(row["order_capacity"]), float(row["order_efficiency"]))


def view_of(row: RowMapping | Mapping[str, Any], now: datetime) -> OrderView:
    """The view of one row of ``order_select``, worked out for ``now`` (aware UTC)."""
    status = OrderStatus(row["order_status"])
    moving = Progress(
        status, row["order_actual_start_at"], row["order_actual_end_at"], float(row["order_run_seconds"]), row["order_run_since_at"]
    )
    running_s = moving.running_s(now)
    good, reject = (None if count is None else int(count) for count in (row["order_machine_good"], row["order_machine_reject"]))
    blockers = blocker_views(row["order_blockers"])
    made = max(row["order_completed"], Decimal(good or 0))
    expected = None
    if status is OrderStatus.IN_PROGRESS:  # around the clock: who knows the line's calendar says it better
        per_hour = pace.measured(pace_of(row), made, running_s)
        expected = pace.finish(now, row["order_planned"] - made, per_hour, lambda at: [(at, at + pace.FAR)])
    same = ("id", "number", "product_code", "product_name", "line_code", "line_name", "priority", "planned", "completed", "scrap", "unit")
    also = ("scheduled_start_at", "scheduled_end_at", "actual_start_at", "actual_end_at", "note", "reason", "version")
    return OrderView(
        **{name: row[f"order_{name}"] for name in (*same, *also, "external_system", "external_id")},
        status=status,
        machine_good=good,
        machine_reject=reject,
        next_operations=rules.next_operations(status, started=moving.actual_start_at is not None, blockers=blockers),
        blockers=blockers,
        standard_cycle_min=None if row["order_cycle"] is None else float(row["order_cycle"]),
        expected_end_at=expected,
        running_s=running_s,
        as_of=now,
    )
