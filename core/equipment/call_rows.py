"""The SQL of calls for help. Imported when the first of it runs on a lane, never by a screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, select

from core.equipment import call_rules
from core.equipment.call_views import CallView
from core.equipment.models import Area, Line, WorkUnit
from core.equipment.stop_models import AndonCall, CallRule
from core.errors import Invalid, Refused
from core.store.base import Db
from core.store.operation import Actor


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was decided (aware UTC), and whether nobody can be asked any more."""

    at: datetime
    late: bool = False


def moment(db: Db) -> Moment:
    """Of the operation that runs."""
    return Moment(min(db.decided_at, db.now), db.late)


def open_one(db: Db, when: Moment, actor: Actor, call_id: UUID, line_code: str, kind: str, work_unit_code: str, note: str) -> CallView:
    """See ``core.equipment.calls.open_call``."""
    known = db.get(AndonCall, call_id)
    if known is not None:
        return _view(db, call_id)
    line_id, unit_id = _place(db, line_code, work_unit_code, when)
    # The first call of a kind has no row that could be locked; the line has.
    db.execute(select(Line.id).where(Line.id == line_id).with_for_update(key_share=True))
    asked = select(AndonCall.id).where(
        AndonCall.line_id == line_id,
        AndonCall.kind == kind,
        AndonCall.work_unit_id.is_not_distinct_from(unit_id),
        AndonCall.resolved_at.is_(None),
        AndonCall.withdrawn_at.is_(None),
    )
    there = db.scalars(asked).first()
    call = AndonCall(id=call_id, line_id=line_id, work_unit_id=unit_id, kind=kind, note=note)
    call.opened_at, call.opened_by, call.station = when.at, actor.user_code, actor.station
    call.request_id = db.clock.uuid7() if db.request is None else db.request.id
    if there is not None:
        if not when.late:
            return _view(db, there)
        # It was answered to its caller: its row is there, ended by the one that is open already.
        call.withdrawn_at, call.withdrawn_by = when.at, actor.user_code
    db.add(call)
    db.flush()
    return _view(db, call_id)


def respond(db: Db, when: Moment, actor: Actor, call_id: UUID) -> CallView:
    """See ``core.equipment.calls.respond_to_call``."""
    call = _locked(db, call_id, when)
    if call.responded_at is None and _is_open(call):
        call.responded_at, call.responded_by = max(when.at, call.opened_at), actor.user_code
        db.flush()
    return _view(db, call_id)


def end(db: Db, when: Moment, actor: Actor, call_id: UUID, result: str, *, withdrawn: bool) -> CallView:
    """See ``core.equipment.calls.resolve_call`` and ``withdraw_call``."""
    call = _locked(db, call_id, when)
    if _is_open(call):
        at = max(when.at, call.opened_at, call.responded_at or call.opened_at)
        if withdrawn:
            call.withdrawn_at, call.withdrawn_by = at, actor.user_code
        else:
            call.resolved_at, call.resolved_by = at, actor.user_code
        call.result = result
        db.flush()
    return _view(db, call_id)


def open_calls(db: Db, area_code: str) -> tuple[CallView, ...]:
    """See ``core.equipment.calls.list_calls``."""
    wanted = _select().where(AndonCall.resolved_at.is_(None), AndonCall.withdrawn_at.is_(None), Line.retired_at.is_(None))
    if area_code:
        wanted = wanted.where(Area.code == area_code)
    respond_min = _rules(db)
    return call_rules.order(_shown(row, respond_min, db.now) for row in db.execute(wanted).mappings())


# --- inside ----------------------------------------------------------------------------------------------------------


def _place(db: Db, line_code: str, work_unit_code: str, when: Moment) -> tuple[int, int | None]:
    lines = select(Line.id).where(Line.code == line_code)
    line_id = db.scalar(lines if when.late else lines.where(Line.retired_at.is_(None)))
    if line_id is None:
        raise Invalid("call.line_unknown", line=line_code)
    if not work_unit_code:
        return line_id, None
    units = select(WorkUnit.id).where(WorkUnit.code == work_unit_code, WorkUnit.line_id == line_id)
    unit_id = db.scalar(units if when.late else units.where(WorkUnit.retired_at.is_(None)))
    if unit_id is None and not when.late:
        raise Invalid("call.unit_unknown", unit=work_unit_code, line=line_code)
    return line_id, unit_id


def _locked(db: Db, call_id: UUID, when: Moment) -> AndonCall:
    asked = select(AndonCall).where(AndonCall.id == call_id).with_for_update(key_share=True)
    call = db.scalars(asked.execution_options(populate_existing=True)).first()
    if call is None:
        raise Refused("call.not_found")
    if not _is_open(call) and not when.late:
        raise Refused("call.not_open", by=call.resolved_by or call.withdrawn_by or "")
    return call


def _is_open(call: AndonCall) -> bool:
    return call.resolved_at is None and call.withdrawn_at is None


def _select() -> Select[Any]:
    unit = WorkUnit.code.label("unit_code")
    table = AndonCall.__table__
    return (
        select(*table.c, Line.code.label("line_code"), Area.code.label("area_code"), unit)
        .join(Line, Line.id == AndonCall.line_id)
        .join(Area, Area.id == Line.area_id)
        .outerjoin(WorkUnit, WorkUnit.id == AndonCall.work_unit_id)
    )


def _rules(db: Db) -> Mapping[tuple[int | None, str], tuple[float, ...]]:
    rows = db.execute(select(CallRule.line_id, CallRule.kind, CallRule.respond_min).where(CallRule.retired_at.is_(None)))
    return {(line_id, kind): tuple(respond_min) for line_id, kind, respond_min in rows}


def _view(db: Db, call_id: UUID) -> CallView:
    row = db.execute(_select().where(AndonCall.id == call_id)).mappings().one()
    return _shown(row, _rules(db), db.now)


def _shown(row: RowMapping, rules: Mapping[tuple[int | None, str], tuple[float, ...]], now: datetime) -> CallView:
    respond_min = rules.get((row["line_id"], row["kind"]), rules.get((None, row["kind"]), ()))
    ended_at = row["resolved_at"] or row["withdrawn_at"]
    return CallView(
        id=row["id"],
        line_code=row["line_code"],
        area_code=row["area_code"],
        work_unit_code=row["unit_code"] or "",
        kind=row["kind"],
        note=row["note"],
        opened_at=row["opened_at"],
        opened_by=row["opened_by"],
        station=row["station"],
        responded_at=row["responded_at"],
        responded_by=row["responded_by"] or "",
        ended_at=ended_at,
        ended_by=row["resolved_by"] or row["withdrawn_by"] or "",
        result=row["result"],
        withdrawn=row["withdrawn_at"] is not None,
        respond_min=respond_min,
        level=call_rules.level(row["opened_at"], row["responded_at"] or ended_at, respond_min, now),
        version=row["version"],
        as_of=now,
    )
