"""The SQL of production: rows under lock, the statement every order view comes from, and views made of its rows.

Imported when the first operation or query runs on a lane, never by a screen: it loads SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, RowMapping, Select, and_, bindparam, cast, func, select, true

from core.equipment.models import Area, Line, Site
from core.equipment.segment_rows import newest_state, state_columns, state_of
from core.equipment.states import MachineState
from core.errors import Conflict, Refused
from core.inventory.models import Product
from core.production import pace, row_parts, rules
from core.production.count_rules import from_readings, machine_counts
from core.production.models import CountEvent, StandardTime, WorkOrder
from core.production.rules import Progress
from core.production.run_models import OrderRun
from core.production.views import COUNT_KINDS, BlockerView, OrderStatus, OrderView
from core.store.base import Db
from core.words import word

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


def since(db: Db, order_id: UUID) -> datetime | None:
    """Since when the order is in the state it is in; None when it has not begun, or is over."""
    return db.scalar(select(OrderRun.from_at).where(OrderRun.order_id == order_id, OrderRun.to_at.is_(None)))


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


def counted_over_gaps(db: Db, order: WorkOrder, kind: str) -> int:
    """Parts of an order that its line's constraint unit counted over gaps in the data."""
    unit = select(Line.constraint_unit_id).where(Line.id == order.line_id).scalar_subquery()
    wanted = (CountEvent.order_id == order.id, CountEvent.work_unit_id == unit, CountEvent.kind == kind, CountEvent.gap)
    return int(db.scalar(select(func.coalesce(func.sum(CountEvent.quantity), 0)).where(*wanted)) or 0)


# --- the statement behind every order view ---------------------------------------------------------------------------


def today(site: type[Site] = Site) -> ColumnElement[Any]:
    """The site's calendar day now."""
    return cast(func.timezone(site.time_zone, func.now()), type_=StandardTime.valid_from.type)


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


@cache  # it is long: building it takes longer than running it
def order_select(*, count_all: bool = False) -> Select[Any]:
    """Orders with everything a view needs, one row each, columns named ``order_…``.

    Args:
        count_all: Sum up the machine counts of every row; otherwise only of orders that have started and are open.
    """
    started_and_open = and_(WorkOrder.actual_start_at.is_not(None), WorkOrder.status.in_([status.value for status in rules.OPEN]))
    counts = row_parts.counts(true() if count_all else started_and_open)
    state = _waiting_state()
    plain = ("id", "number", "status", "priority", "planned", "completed", "scrap", "unit", "note", "reason", "version", *_NEW)
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
            Line.count_mode.label("order_line_count_mode"),
            Line.report_mode.label("order_report_mode"),
            Line.difference_limit.label("order_difference_limit"),
            row_parts.counters().label("order_counters"),
            row_parts.readings().label("order_readings"),
            *(counts.c[kind].label(f"order_machine_{kind}") for kind in COUNT_KINDS),
            row_parts.settled().label("order_settled"),
            *(column.label(f"order_{column.name}") for column in state_columns(state)),
            row_parts.on_the_line().label("order_on_the_line"),
            (true() if count_all else started_and_open).label("order_counted"),
            row_parts.open_blockers().label("order_blockers"),
            _standard_cycle().label("order_cycle"),
        )
        .select_from(WorkOrder)
        .join(Product, Product.id == WorkOrder.product_id)
        .join(Line, Line.id == WorkOrder.line_id)
        .join(Area, Area.id == Line.area_id)
        .join(Site, Site.id == Area.site_id)
        .outerjoin(counts, true())
        .outerjoin(state, WorkOrder.status == OrderStatus.RELEASED.value)
    )


_NEW: Final = ("rework", "queue_position", "count_mode")


def _waiting_state() -> FromClause:
    """What the line's constraint unit does now, for an order that waits to be started."""
    return newest_state(Line.constraint_unit_id)


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


def _seen_blockers(row: RowMapping | Mapping[str, Any]) -> tuple[BlockerView, ...]:
    """What on the line keeps a released order from starting, in the words of the program; no rows, so they go by themselves."""
    if row["order_status"] != OrderStatus.RELEASED.value:
        return ()
    found = []
    busy = row["order_on_the_line"]
    if busy is not None:
        words = {"ja": f"{busy['number']} が作業中", "en": f"{busy['number']} is on the line"}
        since = row["order_scheduled_start_at"] if busy["since"] is None else _utc(busy["since"])
        found.append(BlockerView(row["order_id"], rules.LINE_BUSY, words["en"], "", since, words))
    state, since_at, _ = state_of({name.removeprefix("order_"): row[name] for name in _STATE})
    if state in (MachineState.DOWN, MachineState.MAINTENANCE) and since_at is not None:
        words = {"ja": word(f"state.{state}", "ja"), "en": word(f"state.{state}", "en")}
        found.append(BlockerView(row["order_id"], rules.LINE_DOWN, words["en"], "", since_at, words))
    return tuple(found)


_STATE: Final = tuple(f"order_state_{name}" for name in ("state", "started_at", "ended_at", "reason_code", "renewed_at", "recorded"))


def _counting(row: RowMapping | Mapping[str, Any]) -> str:
    """How the parts of an order are counted: as it says, else as its line; by hand where the machine has no counter."""
    mode = str(row["order_count_mode"] or row["order_line_count_mode"])
    return "hand" if mode == "machine" and not row["order_counters"] else mode


def _counted(row: RowMapping | Mapping[str, Any], counting: str) -> tuple[int | None, int | None]:
    """Good and reject as the machine, or the readings of its counter, say; None where a list does not work it out."""
    if not row["order_counted"]:
        return None, None
    if counting == "readings":
        readings = row["order_readings"] or {}
        parts = {
            kind: from_readings(readings[f"{kind} start"], readings[f"{kind} end"])
            for kind in COUNT_KINDS
            if f"{kind} start" in readings and f"{kind} end" in readings
        }
        known = {kind: count for kind, count in parts.items() if count is not None}
        return machine_counts(known) if known else (None, None)
    sums = {kind: row[f"order_machine_{kind}"] for kind in COUNT_KINDS}
    return machine_counts({kind: int(count) for kind, count in sums.items() if count is not None})


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)  # the server writes its own time zone into JSON


def pace_of(row: RowMapping | Mapping[str, Any]) -> float:
    """Expected good parts per hour of the order in ``row`` on its line."""
    cycle = row["order_cycle"]
    return pace.pace_per_hour(None if cycle is None else float(cycle), float(row["order_capacity"]), float(row["order_efficiency"]))


def _finish(row: RowMapping | Mapping[str, Any], now: datetime, made: Decimal, running_s: float) -> datetime | None:
    """When the rest will be made, around the clock: who knows the line's calendar says it better."""
    per_hour = pace.measured(pace_of(row), made, running_s)
    return pace.finish(now, row["order_planned"] - made, per_hour, lambda at: [(at, at + pace.FAR)])


_AS_STORED: Final = (
    *("id", "number", "product_code", "product_name", "line_code", "line_name", "priority", "planned", "completed", "scrap", "rework"),
    *("unit", "queue_position", "scheduled_start_at", "scheduled_end_at", "actual_start_at", "actual_end_at", "note", "reason", "version"),
    *("external_system", "external_id"),
)


def view_of(row: RowMapping | Mapping[str, Any], now: datetime) -> OrderView:
    """The view of one row of ``order_select``, worked out for ``now`` (aware UTC)."""
    status = OrderStatus(row["order_status"])
    moving = Progress(
        status, row["order_actual_start_at"], row["order_actual_end_at"], float(row["order_run_seconds"]), row["order_run_since_at"]
    )
    running_s = moving.running_s(now)
    counting = _counting(row)
    good, reject = _counted(row, counting)
    settled_good, settled_reject = map(Decimal, row["order_settled"] or ("0", "0"))
    blockers = (*_seen_blockers(row), *blocker_views(row["order_blockers"]))
    made = max(row["order_completed"], Decimal(good or 0))
    expected = _finish(row, now, made, running_s) if status is OrderStatus.IN_PROGRESS else None
    return OrderView(
        **{name: row[f"order_{name}"] for name in _AS_STORED},
        status=status,
        machine_good=good,
        machine_reject=reject,
        settled_good=settled_good,
        settled_reject=settled_reject,
        next_operations=rules.next_operations(status, started=moving.actual_start_at is not None, blockers=blockers),
        blockers=blockers,
        standard_cycle_min=None if row["order_cycle"] is None else float(row["order_cycle"]),
        expected_end_at=expected,
        late_by_s=None if expected is None else (expected - row["order_scheduled_end_at"]).total_seconds(),
        count_mode=row["order_count_mode"] or "",
        counting=counting,
        difference_limit=row["order_difference_limit"],
        automatic=row["order_report_mode"] == "automatic",
        running_s=running_s,
        as_of=now,
    )
