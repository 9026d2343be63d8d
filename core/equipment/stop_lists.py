"""The SQL that reads stops: segments, and what people say of them. Imported when the first of it runs on a lane, never by a screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, and_, case, false, func, null, or_, select, text

from core.equipment import rows, stop_rules
from core.equipment.models import Line, StateSegment, WorkUnit
from core.equipment.states import MachineState, Segment
from core.equipment.stop_models import StopPart, StopRecord
from core.equipment.stop_rules import Said
from core.equipment.stop_views import OpenStops, PartView, StopChoices, StopView
from core.equipment.stops import stop_id
from core.equipment.views import StopReasonView
from core.errors import Invalid, Refused
from core.store.base import Db
from core.store.query import PAGE_MAX, Page
from core.store.tables import LeaseRow

_DAY: Final = timedelta(days=1)
_LATELY: Final = timedelta(days=90)
_STATES: Final = tuple(state.value for state in MachineState if state in stop_rules.STOPS)


@dataclass(frozen=True, slots=True)
class Found:
    """A segment as stops are made of it.

    Attributes:
        id: Of its row.
        segment: As recorded; one that a dead recorder left open ends when that was last alive.
        restarted_at: When the machine ran again; None while it does not.
        line_code, unit_code, unit_id: Where.
        minor_s: Threshold of minor stops there, seconds.
    """

    id: UUID
    segment: Segment
    restarted_at: datetime | None
    line_code: str
    unit_code: str
    unit_id: int
    minor_s: int


# A lease that has run out: nobody has seen since then that the state still lasts.
_SEEN_END: Final = func.coalesce(
    StateSegment.ended_at,
    case(
        (func.coalesce(LeaseRow.expires_at > func.now(), False), null()),
        else_=func.greatest(StateSegment.started_at, func.coalesce(LeaseRow.renewed_at, StateSegment.started_at)),
    ),
)


def found_select() -> Select[Any]:
    """Segments with their place; to be narrowed by the caller."""
    later = StateSegment.__table__.alias("later")
    restarted = (
        select(later.c.started_at)
        .where(
            later.c.work_unit_id == StateSegment.work_unit_id,
            later.c.started_at > StateSegment.started_at,
            later.c.state == MachineState.RUNNING.value,
        )
        .order_by(later.c.started_at)
        .limit(1)
        .scalar_subquery()
    )
    place = (Line.code.label("line_code"), WorkUnit.code.label("unit_code"), WorkUnit.id.label("unit_id"), Line.minor_stop_s)
    segment = (StateSegment.id, StateSegment.state, StateSegment.reason_code, StateSegment.started_at, _SEEN_END.label("ended_at"))
    return (
        select(*segment, restarted.label("restarted_at"), *place)
        .join(WorkUnit, WorkUnit.id == StateSegment.work_unit_id)
        .join(Line, Line.id == WorkUnit.line_id)
        .outerjoin(LeaseRow, LeaseRow.name == func.concat("source:", StateSegment.source))
    )


def found(db: Db, wanted: Select[Any]) -> list[Found]:
    """The segments of ``wanted`` (see ``found_select``), by time."""
    result = []
    for row in db.execute(wanted.order_by(StateSegment.started_at, StateSegment.ended_at.nulls_last())).mappings():
        segment = Segment(MachineState(row["state"]), row["started_at"], row["ended_at"], row["reason_code"])
        place = (row["line_code"], row["unit_code"], row["unit_id"], row["minor_stop_s"])
        result.append(Found(row["id"], segment, row["restarted_at"] if segment.ended_at else None, *place))
    return result


_FIRST: Final = text(
    """
    SELECT u.id, (SELECT max(s.started_at) FROM genba.state_segment s WHERE s.work_unit_id = u.id AND s.started_at <= :since)
    FROM unnest(CAST(:units AS int[])) AS u(id)
    """
)


def touching(db: Db, units: Sequence[int], since: datetime, until: datetime) -> Select[Any]:
    """Segments of some units which may touch [since, until): from the one that each was in at ``since`` on.

    Where each begins is asked first: the server would else look for it again at every segment there ever was.
    """
    begins = db.execute(_FIRST, {"units": list(units), "since": since})
    segment = StateSegment
    return found_select().where(  # bounds that the server sees, so that it knows how few there are
        or_(
            false(),
            *(and_(segment.work_unit_id == unit, segment.started_at >= (at or since), segment.started_at < until) for unit, at in begins),
        )
    )


def records_of(db: Db, stops: Sequence[Found]) -> tuple[dict[UUID, list[StopRecord]], dict[UUID, list[StopPart]]]:
    """What people say of these segments: segment → its records, oldest anchor first; record → its parts that count."""
    if not stops:
        return {}, {}
    units = {each.unit_id for each in stops}
    first = min(each.segment.started_at for each in stops) - stop_rules.CLOCKS
    last = max(each.segment.ended_at or db.now for each in stops)
    # The anchor lies in its stop or a little before: no other record can belong to one of these.
    near = and_(StopRecord.work_unit_id.in_(units), StopRecord.anchor_at.between(first, last))
    by_key = {each.id: each for each in stops}
    of_unit = {unit: [each for each in stops if each.unit_id == unit] for unit in units}
    belonging: dict[UUID, list[StopRecord]] = {}
    records = db.scalars(select(StopRecord).where(near).order_by(StopRecord.anchor_at))
    for record in records.all():
        key = record.segment_id if record.segment_id in by_key else _meant(of_unit.get(record.work_unit_id, []), record)
        if key is not None:
            belonging.setdefault(key, []).append(record)
    ids = [record.id for each in belonging.values() for record in each]
    parts: dict[UUID, list[StopPart]] = {}
    for part in db.scalars(select(StopPart).where(StopPart.stop_id.in_(ids), StopPart.retired_at.is_(None))) if ids else ():
        parts.setdefault(part.stop_id, []).append(part)
    return belonging, parts


def _meant(stops: Sequence[Found], record: StopRecord) -> UUID | None:
    if record.segment_id is not None:
        return None  # of a segment that was not asked for
    segment = stop_rules.segment_at([each.segment for each in stops], record.anchor_at)
    return next((each.id for each in stops if each.segment is segment), None)


def said(parts: Iterable[StopPart]) -> list[Said]:
    """Rows of parts as the rules take them."""
    return [
        Said(
            one.from_at, one.reason_code, one.decided_at, one.user_code, one.comment, None if one.state is None else MachineState(one.state)
        )
        for one in parts
    ]


def reasons_of(db: Db) -> dict[str, StopReasonView]:
    """The active stop reasons by code."""
    return {each.code: each for each in rows.stop_reasons(db)}


def views(db: Db, stops: Sequence[Found], reasons: Mapping[str, StopReasonView]) -> list[StopView]:
    """The stops as everybody sees them, in the order in which they are given."""
    belonging, parts = records_of(db, stops)
    heads = _heads(db, [record for each in belonging.values() for record in each])
    result = []
    for each in stops:
        records = belonging.get(each.id, [])
        shown = stop_rules.parts_of(each.segment, said(part for record in records for part in parts.get(record.id, ())))
        result.append(_view(each, records, shown, reasons, heads, db.now))
    return result


def _heads(db: Db, records: Sequence[StopRecord]) -> dict[UUID, datetime]:
    """Beginnings of the stops that others were merged into."""
    wanted = {record.merged_into for record in records if record.merged_into is not None}
    if not wanted:
        return {}
    rows = select(StopRecord.id, func.coalesce(StateSegment.started_at, StopRecord.anchor_at)).outerjoin(
        StateSegment, StateSegment.id == StopRecord.segment_id
    )
    return {key: at for key, at in db.execute(rows.where(StopRecord.id.in_(wanted)))}  # noqa: C416 - rows are no pairs to a type checker


def _view(
    each: Found,
    records: Sequence[StopRecord],
    parts: tuple[PartView, ...],
    reasons: Mapping[str, StopReasonView],
    heads: Mapping[UUID, datetime],
    now: datetime,
) -> StopView:
    marked: dict[str, Any] = {}
    by: dict[str, str] = {}
    for step in stop_rules.STEPS:
        times = [(getattr(one, f"{step}_at"), getattr(one, f"{step}_by")) for one in records if getattr(one, f"{step}_at") is not None]
        if times:
            marked[f"{step}_at"], by[step] = min(times)
    merged = next((one.merged_into for one in records if one.merged_into is not None), None)
    first = parts[0].reason_code
    return StopView(
        id=stop_id(each.unit_code, each.segment.started_at),
        line_code=each.line_code,
        work_unit_code=each.unit_code,
        state=each.segment.state,
        began_at=each.segment.started_at,
        ended_at=each.segment.ended_at,
        minor=stop_rules.is_minor(each.segment, reasons.get(first), each.minor_s, now),
        needs_reason=any(stop_rules.needs_reason(each.segment, part.reason_code, each.minor_s, now) for part in parts),
        parts=parts,
        restarted_at=each.restarted_at,
        by=by,
        merged_into=stop_id(each.unit_code, heads[merged]) if merged is not None and merged in heads else "",
        version=records[0].version if records else 0,
        **marked,
    )


# --- what screens ask ------------------------------------------------------------------------------------------------


def stops(
    db: Db, line_code: str, from_at: datetime | None, to_at: datetime | None, *, open_only: bool, gaps: bool, limit: int
) -> Page[StopView]:
    """See ``core.equipment.stops.list_stops``."""
    since, until = from_at or db.now - _DAY, to_at or db.now
    if not since < until:
        raise Invalid("order.period_empty")
    line_id = db.scalar(select(Line.id).where(Line.code == line_code))
    if line_id is None:
        raise Refused("line.not_found", line=line_code)
    states = (*_STATES, MachineState.OFFLINE.value) if gaps else _STATES
    units = db.scalars(select(WorkUnit.id).where(WorkUnit.line_id == line_id)).all()
    wanted = touching(db, units, since, until).where(StateSegment.state.in_(states))
    there = [each for each in found(db, wanted) if each.segment.ended_at is None or each.segment.ended_at > since]
    shown = views(db, there, reasons_of(db))
    shown = [each for each in reversed(shown) if each.needs_reason or not open_only]
    return Page(tuple(shown[:limit]), len(shown), limit)


def waiting(db: Db) -> tuple[OpenStops, ...]:
    """See ``core.equipment.stops.open_stops``."""
    states = [state.value for state in stop_rules.EXPLAINED]
    length = func.coalesce(StateSegment.ended_at, func.now()) - StateSegment.started_at
    wanted = found_select().where(
        Line.retired_at.is_(None),
        WorkUnit.retired_at.is_(None),
        StateSegment.started_at >= db.now - _DAY,
        StateSegment.state.in_(states),
        or_(StateSegment.reason_code.in_(("", stop_rules.UNCLASSIFIED))),
        length >= func.make_interval(0, 0, 0, 0, 0, 0, Line.minor_stop_s),
    )
    open_ones = [each for each in views(db, found(db, wanted), {}) if each.needs_reason]
    by_line: dict[str, list[StopView]] = {}
    for each in open_ones:
        by_line.setdefault(each.line_code, []).append(each)
    oldest = {line: min(each, key=lambda one: one.began_at) for line, each in by_line.items()}
    return tuple(OpenStops(line, len(by_line[line]), oldest[line].began_at, oldest[line].work_unit_code) for line in sorted(by_line))


def choices(db: Db, work_unit_code: str) -> StopChoices:
    """See ``core.equipment.stops.stop_choices``."""
    unit = select(WorkUnit.id).where(WorkUnit.code == work_unit_code).scalar_subquery()
    given = (
        select(StopPart.reason_code, func.count())
        .where(StopPart.work_unit_id == unit, StopPart.from_at >= db.now - _LATELY, StopPart.retired_at.is_(None))
        .group_by(StopPart.reason_code)
    )
    counts = {code: number for code, number in db.execute(given)}  # noqa: C416 - as above
    reasons = rows.stop_reasons(db)
    return StopChoices(stop_rules.frequent(counts, [each.code for each in reasons]), reasons[:PAGE_MAX])
