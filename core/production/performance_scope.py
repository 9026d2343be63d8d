"""Which machines and which of their time a question about performance means, and the answers made of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from core.equipment.models import Area, Line, WorkUnit
from core.equipment.shifts import shifts_between
from core.equipment.stop_lists import reasons_of
from core.equipment.stop_rules import UNCLASSIFIED
from core.errors import Invalid
from core.inventory.models import Product
from core.production import losses as rules
from core.production import machine_rows, performance_rows, windows
from core.production.elements import Run, told_apart
from core.production.machine_rows import Machine
from core.production.models import WorkOrder
from core.production.oee import total
from core.production.parts_rows import By, Range
from core.production.run_models import OrderRun
from core.production.time_views import BUSY, Element, Figures, Group, Losses, Performance
from core.production.views import OrderStatus
from core.production.windows import Labelled
from core.store.base import Db

_LONGEST: Final = timedelta(days=400)
_OTHER: Final = ""
"""Label of time that belongs to no order and no product."""


def performance(db: Db, scope: str, keys: Sequence[str], from_at: datetime, to_at: datetime, by: By) -> Performance:
    """See ``performance.get_performance``."""
    machines, asked, wanted = _asked(db, scope, keys, from_at, to_at, by)
    figures, _ = performance_rows.figures_of(db, machines, asked)
    kept = {key: each for key, each in figures.items() if wanted is None or key[1] in wanted}
    groups: dict[str, list[Figures]] = {}
    for (unit_id, label), each in kept.items():
        key = next(machine.code for machine in machines if machine.id == unit_id) if by == "unit" else label
        groups.setdefault(key, []).append(each)
    named = _names(db, by, list(groups), machines)
    shown = tuple(Group(*named.get(key, (key, {})), total(groups[key])) for key in _sorted(groups, by, machines)) if by else ()
    return Performance(total(kept.values()), shown)


def losses(db: Db, scope: str, keys: Sequence[str], from_at: datetime, to_at: datetime, by: str) -> Losses:
    """See ``performance.get_losses``."""
    machines, asked, wanted = _asked(db, scope, keys, from_at, to_at, "order" if by == "order" else "")
    figures, times = performance_rows.figures_of(db, machines, asked)
    whole = total(each for (_, label), each in figures.items() if wanted is None or label in wanted)
    stopped: list[tuple[str, float, int]] = []
    for machine in machines:
        for bit in times[machine.id].bits:
            if bit.element in BUSY and bit.element is not Element.RUN and (wanted is None or bit.label in wanted):
                key = {"unit": machine.code, "order": bit.label}.get(by, bit.reason or UNCLASSIFIED)
                stopped.append((key, bit.seconds, bit.stops))
    if by == "order":
        named = _names(db, "order", [key for key, _, _ in stopped], machines)
        stopped = [(named.get(key, (key, {}))[0], seconds, count) for key, seconds, count in stopped]
    return Losses(rules.waterfall(whole), rules.pareto(stopped), whole.mtbf_s, whole.mttr_s)


# --- what is asked ---------------------------------------------------------------------------------------------------


def _asked(
    db: Db, scope: str, keys: Sequence[str], from_at: datetime, to_at: datetime, by: By
) -> tuple[list[Machine], Range, set[str] | None]:
    """The machines, their time with its labels, and the labels that count; None for all."""
    to_at = min(to_at, db.now)
    if not from_at < to_at <= from_at + _LONGEST:
        raise Invalid("oee.range", days=_LONGEST.days)
    if scope in ("order", "product"):
        return _of_runs(db, scope, keys, from_at, to_at, by)
    wanted: list[Any] = [Line.retired_at.is_(None), WorkUnit.retired_at.is_(None)]
    if scope != "unit":
        wanted.append(WorkUnit.id == Line.constraint_unit_id)
    if keys:
        wanted.append({"unit": WorkUnit.code, "line": Line.code, "area": Area.code}.get(scope, Line.code).in_(keys))
    machines = machine_rows.machines(db, wanted, from_at, to_at)
    lines = sorted({machine.line_id for machine in machines})
    runs = machine_rows.runs(db, lines, from_at, to_at) if by in ("order", "product") else {}
    spans = {machine.id: _spans(machine, by, from_at, to_at, runs.get(machine.line_id, ())) for machine in machines}
    return machines, Range(from_at, to_at, spans, by, runs, reasons_of(db)), None


def _of_runs(
    db: Db, scope: str, keys: Sequence[str], from_at: datetime, to_at: datetime, by: By
) -> tuple[list[Machine], Range, set[str] | None]:
    if not keys:
        raise Invalid("oee.nothing_asked")
    named = WorkOrder.number if scope == "order" else Product.code
    rows = db.execute(
        select(OrderRun.line_id, WorkOrder.id, Product.code)
        .join(WorkOrder, WorkOrder.id == OrderRun.order_id)
        .join(Product, Product.id == OrderRun.product_id)
        .where(named.in_(keys), OrderRun.from_at < to_at, (OrderRun.to_at.is_(None)) | (OrderRun.to_at > from_at))
        .distinct()
    ).all()
    lines = {row[0] for row in rows}
    labels = {str(row[1]) if scope == "order" else row[2] for row in rows}
    machines = machine_rows.machines(db, [Line.id.in_(lines), WorkUnit.id == Line.constraint_unit_id], from_at, to_at)
    runs = machine_rows.runs(db, list(lines), from_at, to_at)
    label: By = "order" if scope == "order" else "product"
    spans = {machine.id: _spans(machine, label, from_at, to_at, runs.get(machine.line_id, ())) for machine in machines}
    return machines, Range(from_at, to_at, spans, label, runs, reasons_of(db)), labels


def _spans(machine: Machine, by: By, from_at: datetime, to_at: datetime, runs: Sequence[Run]) -> tuple[Labelled, ...]:
    if by in ("shift", "day"):
        worked = shifts_between(machine.calendar, machine.line_code, from_at, to_at)
        labels = (Labelled(one.from_at, one.to_at, one.shift_code if by == "shift" else one.production_date.isoformat()) for one in worked)
        return windows.disjoint(labels, from_at, to_at)
    if by not in ("order", "product"):
        return (Labelled(from_at, to_at),)
    found: list[Labelled] = []
    at = from_at
    for run in told_apart(runs, to_at):
        begin, end = max(run.from_at, at), min(run.to_at or to_at, to_at)
        if run.status is OrderStatus.HELD or begin >= end:
            continue
        if at < begin:
            found.append(Labelled(at, begin, _OTHER))
        found.append(Labelled(begin, end, str(run.order_id) if by == "order" else run.product))
        at = end
    if at < to_at:
        found.append(Labelled(at, to_at, _OTHER))
    return tuple(found)


# --- names -----------------------------------------------------------------------------------------------------------


def _names(db: Db, by: str, keys: Sequence[str], machines: Sequence[Machine]) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Key → code or number as people know it, and its name by language."""
    if by == "unit":
        return {machine.code: (machine.code, machine.name) for machine in machines}
    if by == "product":
        return {row.code: (row.code, row.name) for row in db.execute(select(Product.code, Product.name).where(Product.code.in_(keys)))}
    if by == "order":
        ids = [UUID(key) for key in set(keys) if key]
        return {str(row.id): (row.number, {}) for row in db.execute(select(WorkOrder.id, WorkOrder.number).where(WorkOrder.id.in_(ids)))}
    if by == "shift":
        shifts = [shift for machine in machines for shift in machine.calendar.shifts]
        return {shift.code: (shift.code, shift.name) for shift in shifts}
    return {}


def _sorted(groups: Mapping[str, object], by: str, machines: Sequence[Machine]) -> list[str]:
    if by == "unit":
        return [machine.code for machine in machines if machine.code in groups]
    return sorted(groups)
