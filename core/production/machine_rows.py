"""The SQL of machines over time: where they stand, what they did, what they counted, what ran on their line.

Imported when the first query runs on a lane, never by a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text, true

from core.equipment import calendar_rows, stop_lists, stop_rules
from core.equipment.models import Area, Line, Site, StateSegment, WorkUnit
from core.equipment.segment_rows import newest_state
from core.equipment.shift_views import CalendarSpec
from core.equipment.states import Segment
from core.inventory.models import Product
from core.production.elements import Policy, Run, Stretch, stretches_of
from core.production.models import StandardTime, WorkOrder
from core.production.oee import Cycles
from core.production.run_models import OrderRun
from core.production.views import OrderStatus
from core.store.base import Db

COUNTED: Final = ("good", "reject", "total")


@dataclass(frozen=True, slots=True)
class Machine:
    """A work unit as times and parts are worked out for it.

    Attributes:
        id, code, name: Of the work unit.
        line_id, line_code: Of its line.
        calendar: Of its line, with the exceptions of the range that was asked for.
        policy: How its line counts.
        capacity_per_hour: Of its line at full speed.
        sets_pace: It is the constraint unit: reports of the line are about its parts.
        by_hand: Nobody counts but people: what they report is what was made.
        seen_until: Until when an open state was seen; aware UTC.
    """

    id: int
    code: str
    name: Mapping[str, str]
    line_id: int
    line_code: str
    calendar: CalendarSpec
    policy: Policy
    capacity_per_hour: float
    sets_pace: bool
    by_hand: bool
    seen_until: datetime


def machines(db: Db, wanted: Sequence[Any], from_at: datetime, to_at: datetime) -> list[Machine]:
    """The machines that ``wanted`` (conditions on work unit, line, area and site) allows, in their physical order."""
    plans = calendar_rows.plans(db, from_at, to_at)
    state = newest_state(WorkUnit.id)
    rows = db.execute(
        select(WorkUnit, Line, state.c.ended_at, state.c.renewed_at, state.c.recorded)
        .join(Line, Line.id == WorkUnit.line_id)
        .join(Area, Area.id == Line.area_id)
        .join(Site, Site.id == Area.site_id)
        .outerjoin(state, true())
        .where(*wanted)
        .order_by(Site.position, Area.position, Line.position, Line.code, WorkUnit.position, WorkUnit.code)
    )
    now = db.now
    return [
        _machine(unit, line, plans[line.code], now if recorded or ended_at is not None or renewed_at is None else min(renewed_at, now))
        for unit, line, ended_at, renewed_at, recorded in rows
    ]


def _machine(unit: WorkUnit, line: Line, calendar: CalendarSpec, seen_until: datetime) -> Machine:
    return Machine(
        unit.id,
        unit.code,
        unit.name,
        line.id,
        line.code,
        calendar,
        policy_of(line),
        float(line.capacity_per_hour),
        line.constraint_unit_id == unit.id,
        line.count_mode != "machine",
        seen_until,
    )


def policy_of(line: Line) -> Policy:
    """How a line counts."""
    return Policy(
        line.minor_stop_s,
        line.minor_stop_loss,  # type: ignore[arg-type]  # the checks on the columns allow no other words
        line.worked_breaks,
        line.gap_rule,  # type: ignore[arg-type]
        line.gap_bridge_s,
    )


# --- what machines did -----------------------------------------------------------------------------------------------


def stretches(db: Db, asked: Sequence[Machine], from_at: datetime, to_at: datetime) -> dict[int, tuple[Stretch, ...]]:
    """What each machine did in a range, with what people said of it, by its id; gaps are still gaps."""
    wanted = stop_lists.touching(db, [machine.id for machine in asked], from_at, to_at)
    return _told(db, stop_lists.found(db, wanted), to_at)


def one_by_one(db: Db, machine: Machine, starts: Sequence[datetime], to_at: datetime) -> tuple[Stretch, ...]:
    """The segments of a machine that began at these moments, with what people said of them."""
    if not starts:
        return ()
    wanted = stop_lists.found_select().where(WorkUnit.id == machine.id, StateSegment.started_at.in_(starts))
    return _told(db, stop_lists.found(db, wanted), to_at).get(machine.id, ())


def _told(db: Db, found: Sequence[stop_lists.Found], to_at: datetime) -> dict[int, tuple[Stretch, ...]]:
    belonging, parts = stop_lists.records_of(db, found)
    now = min(db.now, to_at) if found else to_at
    by_unit: dict[int, list[Stretch]] = {}
    for each in found:
        here = by_unit.setdefault(each.unit_id, [])
        records = belonging.get(each.id)
        if not records:
            here.extend(stretches_of([each.segment], now))
            continue
        said = stop_lists.said(part for record in records for part in parts.get(record.id, ()))
        cut = stop_rules.effective(each.segment, stop_rules.parts_of(each.segment, said))
        here.extend(_of_one(each.segment, cut, now))
    return {unit: tuple(here) for unit, here in by_unit.items()}


def _of_one(whole: Segment, cut: Iterable[Segment], now: datetime) -> Iterable[Stretch]:
    """The pieces of one stop; each knows how long the whole of it is."""
    for one in cut:
        end = one.ended_at or now
        if end > one.started_at:
            yield Stretch(
                one.state, one.started_at, end, one.reason_code, whole.started_at, whole.seconds(now), open=whole.ended_at is None
            )


# --- what ran --------------------------------------------------------------------------------------------------------


def runs(db: Db, line_ids: Sequence[int], from_at: datetime, to_at: datetime) -> dict[int, tuple[Run, ...]]:
    """Orders that were on each line in a range."""
    rows = db.execute(
        select(OrderRun.line_id, OrderRun.order_id, Product.code, OrderRun.status, OrderRun.from_at, OrderRun.to_at)
        .join(Product, Product.id == OrderRun.product_id)
        .where(
            OrderRun.line_id.in_(line_ids),
            OrderRun.from_at < to_at,
            (OrderRun.to_at.is_(None)) | (OrderRun.to_at > from_at),
        )
        .order_by(OrderRun.from_at)
    )
    found: dict[int, list[Run]] = {}
    for line_id, order_id, product, status, begin, end in rows:
        found.setdefault(line_id, []).append(Run(order_id, product, OrderStatus(status), begin, end))
    return {line_id: tuple(each) for line_id, each in found.items()}


_CHANGES: Final = text(
    """
    WITH line AS (SELECT unnest(CAST(:lines AS int[])) AS id), ran AS (
        SELECT r.line_id, r.from_at, r.product_id FROM line
        CROSS JOIN LATERAL (SELECT max(b.from_at) AS at FROM genba.order_run b
            WHERE b.line_id = line.id AND b.from_at <= :from_at AND b.status <> 'HELD') before
        JOIN genba.order_run r ON r.line_id = line.id AND r.from_at >= coalesce(before.at, :from_at) AND r.from_at < :to_at
            AND r.status <> 'HELD'
    ), changed AS (
        SELECT *, lag(product_id) OVER (PARTITION BY line_id ORDER BY from_at) AS was FROM ran
    )
    SELECT c.line_id, c.from_at, p.code FROM changed c JOIN genba.product p ON p.id = c.product_id
    WHERE c.was IS DISTINCT FROM c.product_id ORDER BY c.from_at
    """
)


def products(db: Db, line_ids: Sequence[int], from_at: datetime, to_at: datetime) -> dict[int, list[tuple[datetime, str]]]:
    """From when on each line made what, by line: parts are of the product whose order was started or resumed last."""
    found: dict[int, list[tuple[datetime, str]]] = {}
    asked = {"lines": list(line_ids), "from_at": from_at, "to_at": to_at}
    for line_id, at, product in db.execute(_CHANGES, asked):
        found.setdefault(line_id, []).append((max(at, from_at), product))
    return found


def cycles(db: Db, asked: Sequence[Machine]) -> dict[int, Cycles]:
    """What is known of the planned run times per item at each machine."""
    rows = db.execute(
        select(StandardTime.work_unit_id, Product.code, StandardTime.valid_from, StandardTime.cycle_min)
        .join(Product, Product.id == StandardTime.product_id)
        .where(StandardTime.work_unit_id.in_([machine.id for machine in asked]), StandardTime.retired_at.is_(None))
        .order_by(StandardTime.valid_from)
    )
    dated: dict[int, dict[str, list[tuple[date, float]]]] = {}
    for unit_id, product, valid_from, minutes in rows:
        dated.setdefault(unit_id, {}).setdefault(product, []).append((valid_from, float(minutes) * 60))
    known = db.execute(select(Product.code, Product.standard_cycle_min).where(Product.standard_cycle_min.is_not(None)))
    own = {code: float(minutes) * 60 for code, minutes in known if minutes is not None}
    return {
        machine.id: Cycles({product: tuple(each) for product, each in dated.get(machine.id, {}).items()}, own, machine.capacity_per_hour)
        for machine in asked
    }


# --- what machines counted -------------------------------------------------------------------------------------------

_TOTALS: Final = text(
    """
    SELECT e.n, k.kind, l.running_total
    FROM unnest(CAST(:units AS int[]), CAST(CAST(:edges AS text) AS timestamptz[])) WITH ORDINALITY AS e(unit, at, n)
    CROSS JOIN unnest(CAST(:kinds AS text[])) AS k(kind)
    CROSS JOIN LATERAL (
        SELECT c.running_total FROM genba.count_event c WHERE c.work_unit_id = e.unit AND c.kind = k.kind AND c.occurred_at < e.at
        ORDER BY c.occurred_at DESC, c.seq DESC LIMIT 1
    ) l
    """
)
_KINDS: Final = text(
    "SELECT u.id, k.kind FROM unnest(CAST(:units AS int[])) AS u(id) CROSS JOIN unnest(CAST(:kinds AS text[])) AS k(kind)"
    " CROSS JOIN LATERAL (SELECT FROM genba.count_event c WHERE c.work_unit_id = u.id AND c.kind = k.kind LIMIT 1) one"
)


def array(moments: Iterable[datetime]) -> str:
    """Moments as the server reads an array of them: a long one is written as text in a tenth of the time."""
    return "{" + ",".join(at.isoformat() for at in moments) + "}"


def counted(db: Db, edges: Sequence[tuple[int, datetime]]) -> list[tuple[int, int]]:
    """Good and rejected parts that a machine has counted since ever and until a moment, for each (machine id, moment)."""
    if not edges:
        return []
    units = [unit for unit, _ in edges]
    has: dict[int, set[str]] = {}
    for unit, kind in db.execute(_KINDS, {"units": sorted(set(units)), "kinds": list(COUNTED)}):
        has.setdefault(unit, set()).add(kind)
    kinds = sorted({kind for each in has.values() for kind in each})
    sums: list[dict[str, int]] = [{} for _ in edges]
    if kinds:
        for n, kind, value in db.execute(_TOTALS, {"units": units, "edges": array(at for _, at in edges), "kinds": kinds}):
            sums[n - 1][kind] = int(value or 0)
    return [_good_reject(each, has.get(unit, set())) for unit, each in zip(units, sums, strict=True)]


def _good_reject(sums: Mapping[str, int], has: set[str]) -> tuple[int, int]:
    """A counter of its own goes before what follows from the two others; neither is ever below 0."""
    good, reject, both = (sums.get(kind, 0) for kind in COUNTED)
    if "good" not in has and "total" in has:
        return max(0, both - reject), reject
    if "reject" not in has and "total" in has:
        return good, max(0, both - good)
    return good, reject


@dataclass(frozen=True, slots=True)
class Jump:
    """Parts a counter had jumped by when it was heard of again."""

    unit_id: int
    kind: str
    from_at: datetime
    to_at: datetime
    parts: int


def jumps(db: Db, unit_ids: Sequence[int], from_at: datetime, to_at: datetime) -> list[Jump]:
    """Counts across gaps whose end lies in a range."""
    rows = db.execute(
        text(
            "SELECT work_unit_id, kind, gap_from_at, occurred_at, quantity FROM genba.count_event"
            " WHERE gap AND work_unit_id = ANY(CAST(:units AS int[])) AND occurred_at >= :from_at AND occurred_at < :to_at"
        ),
        {"units": list(unit_ids), "from_at": from_at, "to_at": to_at},
    )
    return [Jump(unit, kind, begin or end, end, int(parts)) for unit, kind, begin, end, parts in rows]


@dataclass(frozen=True, slots=True)
class Reported:
    """What people reported of one product: parts."""

    good: Decimal = Decimal(0)
    scrap: Decimal = Decimal(0)
    rework: Decimal = Decimal(0)


_REPORTED: Final = text(
    """
    SELECT r.line_id, CASE WHEN :orders THEN r.order_id END, coalesce(p.code, ''), sum(r.good), sum(r.scrap), sum(r.rework)
    FROM genba.production_report r LEFT JOIN genba.work_order o ON o.id = r.order_id LEFT JOIN genba.product p ON p.id = o.product_id
    WHERE r.line_id = ANY(CAST(:lines AS int[])) AND r.reported_at >= :from_at AND r.reported_at < :to_at AND (r.scrap <> 0
        OR r.rework <> 0 OR :all)
    GROUP BY 1, 2, 3
    """
)


def reported(
    db: Db, line_ids: Sequence[int], from_at: datetime, to_at: datetime, *, everything: bool, orders: bool = False
) -> list[tuple[int, UUID | None, str, Reported]]:
    """What was reported in a range: line, order, product and sums.

    Args:
        everything: Good parts too; they are asked for where no machine counts.
        orders: By order too; else the order is None.
    """
    asked = {"lines": list(line_ids), "from_at": from_at, "to_at": to_at, "all": everything, "orders": orders}
    return [(line, order, product, Reported(g, s, r)) for line, order, product, g, s, r in db.execute(_REPORTED, asked)]


def order_ids(db: Db, numbers: Sequence[str]) -> dict[UUID, str]:
    """Ids of orders by their numbers."""
    return {row.id: row.number for row in db.execute(select(WorkOrder.id, WorkOrder.number).where(WorkOrder.number.in_(numbers)))}
