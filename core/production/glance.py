"""The SQL behind the lines: one statement for the overview, a few for the detail."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, RowMapping, Select, and_, bindparam, case, func, or_, select, true
from sqlalchemy.orm import aliased

from core.equipment.models import Area, Line, Site, StateSegment, Tag, WorkUnit
from core.equipment.segment_rows import newest_state, state_columns, state_of
from core.equipment.states import NO_LINK, MachineState, Segment
from core.errors import Refused
from core.inventory.models import Product
from core.production import board_rows, lists, making, pace
from core.production.models import CountEvent, DefectCode, ProductionReport, WorkOrder
from core.production.oee import total
from core.production.rows import order_select, pace_of, today, view_of, work_order
from core.production.shop_views import BoardRow, BoardView
from core.production.views import Choices, LineDetail, LineView, Named, OrderStatus, ProductChoice, UnitView
from core.store.base import Db
from core.store.query import PAGE_MAX, Page

PAST: Final = timedelta(hours=8)
_RUNNING = [OrderStatus.IN_PROGRESS.value, OrderStatus.PAUSED.value]


def _midnight() -> ColumnElement[datetime]:
    """When the site's day began."""
    return func.timezone(Site.time_zone, func.date_trunc("day", func.timezone(Site.time_zone, func.now())))


def _today_counts() -> FromClause:
    sums = {kind: func.coalesce(func.sum(CountEvent.quantity).filter(CountEvent.kind == kind), 0) for kind in ("good", "reject")}
    return (
        select(*(total.label(kind) for kind, total in sums.items()))
        .where(CountEvent.work_unit_id == Line.constraint_unit_id, CountEvent.occurred_at >= _midnight())
        .correlate(Line, Site)
        .lateral("today")
    )


def _order_on_line() -> FromClause:
    """The order at work on the line: running, paused, or held after its start."""
    its_line = aliased(Line)
    on_line = or_(WorkOrder.status.in_(_RUNNING), and_(WorkOrder.status == OrderStatus.HELD.value, WorkOrder.actual_start_at.is_not(None)))
    found = (
        select(WorkOrder.id)
        .where(WorkOrder.line_id == its_line.id, on_line)
        .order_by(*work_order())
        .limit(1)
        .correlate(its_line)
        .scalar_subquery()
    )
    return select(its_line.id.label("line_id"), found.label("order_id")).subquery("at_work")


def _tags_of(unit: Any) -> ColumnElement[Any]:
    names = func.array_agg(Tag.name).aggregate_order_by(
        case((unit == Line.constraint_unit_id, 0), else_=1), WorkUnit.position, Tag.position
    )
    return (
        select(names)
        .select_from(Tag)
        .join(WorkUnit, WorkUnit.id == Tag.work_unit_id)
        .where(WorkUnit.line_id == Line.id, Tag.retired_at.is_(None), WorkUnit.retired_at.is_(None))
        .correlate(Line)
        .scalar_subquery()
    )


@cache
def _all_lines() -> Select[Any]:
    return _overview().limit(PAGE_MAX)


@cache
def _one_line() -> Select[Any]:
    return _overview().where(Line.code == bindparam("asked_code"))


@cache  # it is long: building it takes longer than running it
def _overview() -> Select[Any]:
    at_work, state, counts = _order_on_line(), newest_state(Line.constraint_unit_id), _today_counts()
    order = order_select().subquery("running")
    constraint = aliased(WorkUnit)
    queued = (
        select(func.count())
        .where(WorkOrder.line_id == Line.id, WorkOrder.status == OrderStatus.RELEASED.value)
        .correlate(Line)
        .scalar_subquery()
    )
    return (
        select(
            Line.id,
            Line.code,
            Line.name,
            Line.capacity_per_hour,
            Line.efficiency,
            Area.code.label("area_code"),
            func.coalesce(constraint.code, "").label("constraint_unit"),
            *state_columns(state),
            counts.c.good,
            counts.c.reject,
            queued.label("queue"),
            _tags_of(WorkUnit.id).label("tags"),
            *order.c,
        )
        .select_from(Line)
        .join(Area, Area.id == Line.area_id)
        .join(Site, Site.id == Area.site_id)
        .join(at_work, at_work.c.line_id == Line.id)
        .outerjoin(constraint, constraint.id == Line.constraint_unit_id)
        .outerjoin(state, true())
        .outerjoin(counts, true())
        .outerjoin(order, order.c.order_id == at_work.c.order_id)
        .where(Line.retired_at.is_(None))
        .order_by(*_PLACE)
    )


_PLACE: Final = (Site.position, Site.code, Area.position, Area.code, Line.position, Line.code)


def _line_view(row: RowMapping, now: datetime) -> LineView:
    state, since, reason = state_of(row)
    order = None if row["order_id"] is None else view_of(row, now)
    capacity, efficiency = float(row["capacity_per_hour"]), float(row["efficiency"])
    return LineView(
        id=row["id"],
        code=row["code"],
        name=row["name"],
        area_code=row["area_code"],
        capacity_per_hour=capacity,
        efficiency=efficiency,
        constraint_unit=row["constraint_unit"],
        state=state,
        state_since=since,
        reason_code=reason,
        order=order,
        good_today=int(row["good"]),
        reject_today=int(row["reject"]),
        pace_per_hour=pace.pace_per_hour(None, capacity, efficiency) if order is None else pace_of(row),
        target_now=None,
        ahead=None,
        queue=row["queue"],
        tags=tuple(row["tags"] or ()),
        as_of=now,
    )


def overview(db: Db) -> Page[LineView]:
    """See ``lines.lines_overview``."""
    now = db.now
    items = board_rows.in_shift(db, [_line_view(row, now) for row in db.execute(_all_lines()).mappings()])
    return Page(tuple(view for view, _ in items), len(items), PAGE_MAX)


def board(db: Db, area_code: str) -> BoardView:
    """See ``lines.board``."""
    now = db.now
    found = db.execute(_all_lines()).mappings()
    shown = board_rows.in_shift(db, [_line_view(row, now) for row in found if area_code in ("", row["area_code"])])
    rows = tuple(BoardRow(view, figures, view.shift) for view, figures in shown)
    return BoardView(area_code or "*", rows, total(row.figures for row in rows), now)


def detail(db: Db, line_code: str) -> LineDetail:
    """See ``lines.line_detail``."""
    row = db.execute(_one_line(), {"asked_code": line_code}).mappings().first()
    if row is None:
        raise Refused("line.not_found", line=line_code)
    now = db.now
    ((line, _),) = board_rows.in_shift(db, [_line_view(row, now)])
    waiting = order_select().where(WorkOrder.line_id == line.id, WorkOrder.status == OrderStatus.RELEASED.value)
    orders = db.execute(waiting.order_by(*work_order()).limit(3)).mappings()
    newest = (ProductionReport.reported_at.desc(), ProductionReport.id.desc())
    reports = db.execute(lists.report_select().where(ProductionReport.line_id == line.id).order_by(*newest).limit(10))
    return LineDetail(
        id=line.id,
        line=line,
        units=_units(db, line.id),
        segments=board_rows.line_states(db, line_code, now - PAST, now) or _segments(db, line.constraint_unit, now),
        since=now - PAST,
        next_orders=tuple(view_of(each, now) for each in orders),
        reports=tuple(lists.report_view(each) for each in reports),
    )


def _units(db: Db, line_id: int) -> tuple[UnitView, ...]:
    state = newest_state(WorkUnit.id)
    tags = select(func.array_agg(Tag.name).aggregate_order_by(Tag.position)).where(
        Tag.work_unit_id == WorkUnit.id, Tag.retired_at.is_(None)
    )
    found = db.execute(
        select(
            WorkUnit.code,
            WorkUnit.name,
            tags.correlate(WorkUnit).scalar_subquery().label("tags"),
            *state_columns(state),
        )
        .outerjoin(state, true())
        .where(WorkUnit.line_id == line_id, WorkUnit.retired_at.is_(None))
        .order_by(WorkUnit.position, WorkUnit.code)
    ).mappings()
    return tuple(UnitView(row["code"], row["name"], *state_of(row), tags=tuple(row["tags"] or ())) for row in found)


def _segments(db: Db, unit_code: str, now: datetime) -> tuple[Segment, ...]:
    """States of a unit over the last hours, cut to them; what nobody recorded is OFFLINE, so that no gap remains."""
    since = now - PAST
    unit = select(WorkUnit.id).where(WorkUnit.code == unit_code).scalar_subquery()
    first = select(func.max(StateSegment.started_at)).where(StateSegment.work_unit_id == unit, StateSegment.started_at <= since)
    stored = db.execute(
        select(StateSegment.state, StateSegment.started_at, StateSegment.ended_at, StateSegment.reason_code)
        .where(StateSegment.work_unit_id == unit, StateSegment.started_at >= func.coalesce(first.scalar_subquery(), since))
        .order_by(StateSegment.started_at, StateSegment.ended_at.nulls_last())
    )
    segments = [Segment(MachineState(state), started_at, ended_at, reason) for state, started_at, ended_at, reason in stored]
    newest = db.execute(select(newest_state(unit))).mappings().first()
    seen_until = now
    if newest is not None and not newest["recorded"] and newest["ended_at"] is None:
        seen_until = max(newest["started_at"], newest["renewed_at"] or newest["started_at"])
    return without_gaps(segments, since, seen_until, now)


def without_gaps(segments: list[Segment], since: datetime, seen_until: datetime, now: datetime) -> tuple[Segment, ...]:
    """Segments cut to [since, now], holes filled with OFFLINE.

    Args:
        segments: Sorted by start; only the last may be open.
        since, now: Aware UTC.
        seen_until: Until when an open segment was observed; the rest of it is OFFLINE.
    """
    filled: list[Segment] = []
    at = since
    for segment in segments:
        end = min(segment.ended_at or seen_until, now)
        start = max(segment.started_at, at)
        if end <= start:
            continue
        if start > at:
            filled.append(Segment(MachineState.OFFLINE, at, start, NO_LINK))
        goes_on = segment.ended_at is None and seen_until >= now
        filled.append(Segment(segment.state, start, None if goes_on else end, segment.reason_code))
        at = end
    if at < now:
        filled.append(Segment(MachineState.OFFLINE, at, None, NO_LINK))
    return tuple(filled)


def choices(db: Db) -> Choices:
    """See ``lines.order_choices``."""
    products = db.execute(
        select(Product.code, Product.name, Product.unit, Product.standard_cycle_min)
        .where(Product.active, Product.retired_at.is_(None))
        .order_by(Product.code)
        .limit(PAGE_MAX)
    )
    lines = db.execute(select(Line.code, Line.name).join(Area).join(Site).where(Line.retired_at.is_(None)).order_by(*_PLACE))
    defects = db.execute(select(DefectCode.code, DefectCode.name).where(DefectCode.active).order_by(DefectCode.position, DefectCode.code))
    day = db.scalar(select(today()).select_from(Site).where(Site.retired_at.is_(None)).order_by(Site.position, Site.code).limit(1))
    return Choices(
        products=tuple(ProductChoice(code, name, unit, None if cycle is None else float(cycle)) for code, name, unit, cycle in products),
        lines=tuple(Named(code, name) for code, name in lines),
        defects=tuple(Named(code, name) for code, name in defects),
        next_number="" if day is None else making.next_number(db, day),
    )
