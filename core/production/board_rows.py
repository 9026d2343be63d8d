"""The SQL that completes lines with their shift: OEE, targets, waiting stops, calls, and states that follow from several machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select

from core.equipment import calendar_rows, call_rows, stop_lists
from core.equipment.call_views import CallView
from core.equipment.models import Line, Tag, WorkUnit
from core.equipment.shifts import busy_spans
from core.equipment.states import Segment
from core.live.tags import TagRole
from core.production import machine_rows, pace, running_rows
from core.production.elements import line_segments
from core.production.run_models import OrderRun
from core.production.running_rows import Running
from core.production.time_views import Figures
from core.production.views import LineView, OrderStatus, OrderView
from core.store.base import Db

_PAST: Final = timedelta(hours=8)
Stretched = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is known of all lines at once."""

    running: Mapping[str, Running]
    crews: Mapping[str, Mapping[str, str]]
    waiting: Mapping[str, int]
    calls: Mapping[str, tuple[CallView, ...]]
    ran: Mapping[UUID, Sequence[Stretched]]
    rules: Mapping[str, str]


def in_shift(db: Db, views: Sequence[LineView]) -> list[tuple[LineView, Figures]]:
    """Lines with what their running shift says, and its figures; as many statements for twenty lines as for one."""
    now = db.now
    only = views[0].code if len(views) == 1 else ""
    calls: dict[str, list[CallView]] = {}
    for call in call_rows.open_calls(db, ""):
        calls.setdefault(call.line_code, []).append(call)
    beside = _Beside(
        running=running_rows.running(db, only),
        crews=calendar_rows.crew_names(db),
        waiting={each.line_code: each.count for each in stop_lists.waiting(db)},
        calls={line: tuple(each) for line, each in calls.items()},
        ran=_ran(db, [view.order.id for view in views if view.order is not None]),
        rules=dict(_rules(db)),
    )
    return [_completed(db, view, beside, now) for view in views]


def _completed(db: Db, view: LineView, beside: _Beside, now: datetime) -> tuple[LineView, Figures]:
    view = _with_state(db, view, beside, now)
    view = replace(view, open_stops=beside.waiting.get(view.code, 0), calls=beside.calls.get(view.code, ()))
    running = beside.running.get(view.code)
    if running is None:
        return view, Figures()
    figures = running.figures
    order, due_s = view.order, None
    if order is not None:
        due_s = running_rows.due_seconds(running.machine.calendar, view.code, beside.ran.get(order.id, ()), now)
        order = _expected(view, order, running, due_s, now)
    target = None if order is None or due_s is None else min(pace.due(view.pace_per_hour, due_s), int(order.planned))
    made = None if order is None else max(order.completed, Decimal(order.machine_good or 0))
    shown = replace(
        view,
        order=order,
        due_s=due_s,
        target_now=target,
        ahead=None if target is None or made is None else int(made) - target,
        shift=running_rows.shift_now(running, beside.crews),
        oee=figures.oee,
        availability=figures.availability,
        performance=figures.performance,
        quality=figures.quality,
        coverage=figures.coverage,
        good_shift=int(figures.good),
        reject_shift=int(figures.scrap + figures.rework),
        target_shift=_target_of_shift(view, running),
    )
    return shown, figures


def _expected(view: LineView, order: OrderView, running: Running, due_s: float, now: datetime) -> OrderView:
    """The order with the time at which it will be done by the line's calendar."""
    if order.status is not OrderStatus.IN_PROGRESS:
        return order
    made = max(order.completed, Decimal(order.machine_good or 0))
    per_hour = pace.measured(view.pace_per_hour, made, due_s)
    ahead = running_rows.spans_from(running.machine.calendar, view.code)
    done = pace.finish(now, order.planned - made, per_hour, ahead)
    late = None if done is None else (done - order.scheduled_end_at).total_seconds()
    return replace(order, expected_end_at=done, late_by_s=late)


def _target_of_shift(view: LineView, running: Running) -> int | None:
    """Good parts of the whole shift at the present pace: of planned time, from its beginning to its end."""
    if running.worked is None or view.order is None:
        return None
    seconds = sum((end - begin).total_seconds() for begin, end in busy_spans([running.worked]))
    return pace.due(view.pace_per_hour, seconds)


def _ran(db: Db, orders: Iterable[UUID]) -> dict[UUID, list[Stretched]]:
    """When each order was in progress."""
    rows = db.execute(
        select(OrderRun.order_id, OrderRun.from_at, OrderRun.to_at).where(
            OrderRun.order_id.in_(list(orders)), OrderRun.status == OrderStatus.IN_PROGRESS.value
        )
    )
    found: dict[UUID, list[Stretched]] = {}
    for order_id, begin, end in rows:
        found.setdefault(order_id, []).append((begin, end))
    return found


# --- states of several machines --------------------------------------------------------------------------------------


def _rules(db: Db) -> list[tuple[str, str]]:
    """Lines whose state is not simply that of the tag of their constraint unit, with their rule."""
    by_tag = select(Tag.id).where(Tag.work_unit_id == Line.constraint_unit_id, Tag.role == TagRole.STATE.value, Tag.retired_at.is_(None))
    wanted = or_(Line.state_rule != "constraint", ~by_tag.exists())
    return [(code, rule) for code, rule in db.execute(select(Line.code, Line.state_rule).where(wanted, Line.retired_at.is_(None)))]


def _with_state(db: Db, view: LineView, beside: _Beside, now: datetime) -> LineView:
    if view.code not in beside.rules:
        return view
    segments = line_states(db, view.code, now - _PAST, now)
    if not segments:
        return replace(view, state_by_tag=False)
    last = segments[-1]
    return replace(view, state_by_tag=False, state=last.state, state_since=last.started_at, reason_code=last.reason_code)


def line_states(db: Db, line_code: str, from_at: datetime, to_at: datetime) -> tuple[Segment, ...]:
    """States of a line by its rule, the last one open; () for a line that goes by its constraint unit alone."""
    rule = db.scalar(select(Line.state_rule).where(Line.code == line_code))
    if rule in (None, "constraint"):
        return ()
    tagged = select(Tag.id).where(Tag.work_unit_id == WorkUnit.id, Tag.role == TagRole.STATE.value, Tag.retired_at.is_(None))
    speaks = or_(tagged.exists(), func.jsonb_array_length(WorkUnit.state_rules) > 0)
    machines = machine_rows.machines(db, [Line.code == line_code, WorkUnit.retired_at.is_(None), speaks], from_at, to_at)
    told = machine_rows.stretches(db, machines, from_at, to_at)
    units = {machine.code: told.get(machine.id, ()) for machine in machines}
    found = line_segments(units, str(rule), "", from_at, to_at)
    return (*found[:-1], replace(found[-1], ended_at=None)) if found else ()
