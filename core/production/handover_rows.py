"""The page of a handover, composed from the database, and its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from core.equipment import calendar_rows, call_rows, shifts, stop_lists
from core.equipment.models import Line
from core.equipment.shift_views import Worked
from core.errors import Refused
from core.inventory.models import Product
from core.production import shift_output
from core.production.models import Blocker, ProductionReport, WorkOrder
from core.production.run_models import Handover, LineNote, OrderRun
from core.production.shop_views import HandoverSnapshot, HandoverView, NoteView, OrderLine
from core.production.views import BlockerView
from core.store.base import Db
from core.store.operation import Actor
from core.store.query import Page
from core.store.tables import OutboxMessage

_REACH: Final = timedelta(days=2)
_UNEXPLAINED_MAX: Final = 200
"""Stops on the page; more of them are a number, because the whole page is one row of the database."""


@cache
def _snapshots() -> TypeAdapter[HandoverSnapshot]:
    return TypeAdapter(HandoverSnapshot)


# --- which shift -----------------------------------------------------------------------------------------------------


def last_shift(db: Db, line_code: str) -> tuple[date, str]:
    """The shift of a line that ended last; Refused ``handover.no_shift`` when it has worked none for a month."""
    reach = timedelta(days=31)
    calendar = calendar_rows.plans(db, db.now - reach, db.now).get(line_code)
    worked = () if calendar is None else shifts.shifts_between(calendar, line_code, db.now - reach, db.now)
    over = [each for each in worked if each.to_at <= db.now]
    if not over:
        raise Refused("handover.no_shift", line=line_code)
    return over[-1].production_date, over[-1].shift_code


def _worked(db: Db, line_code: str, day: date, shift_code: str) -> Worked:
    noon = datetime.combine(day, datetime.min.time(), db.now.tzinfo) + timedelta(hours=12)
    calendar = calendar_rows.plans(db, noon - _REACH, noon + _REACH).get(line_code)
    found = () if calendar is None else shifts.shifts_of(calendar, line_code, day)
    worked = next((each for each in found if each.shift_code == shift_code), None)
    if worked is None:
        raise Refused("handover.no_shift", line=line_code)
    return worked


# --- the page --------------------------------------------------------------------------------------------------------


def draft(db: Db, line_code: str, day: date, shift_code: str, waiting_here: int) -> HandoverView:
    """The page of a shift: the one that was signed, else as it would be now. Raises Refused ``handover.no_shift``."""
    row = db.scalar(
        select(Handover)
        .join(Line, Line.id == Handover.line_id)
        .where(Line.code == line_code, Handover.production_date == day, Handover.shift_code == shift_code)
    )
    if row is not None:
        return view(db, row)
    worked = _worked(db, line_code, day, shift_code)
    snapshot = _composed(db, line_code, worked, waiting_here)
    return HandoverView(f"{line_code}@{day}/{shift_code}", line_code, day, shift_code, snapshot)


def _composed(db: Db, line_code: str, worked: Worked, waiting_here: int) -> HandoverSnapshot:
    line = db.scalars(select(Line).where(Line.code == line_code)).one()
    until = min(db.now, worked.to_at)
    open_stops = stop_lists.stops(db, line_code, worked.from_at, until, open_only=True, gaps=False, limit=_UNEXPLAINED_MAX).items
    total = stop_lists.stops(db, line_code, worked.from_at, until, open_only=True, gaps=False, limit=1).total
    figures, hours = shift_output.of_line(db, line, worked)
    return HandoverSnapshot(
        line_code=line_code,
        shift=worked,
        figures=figures,
        hours=hours,
        orders=_orders(db, line.id, worked.from_at, until),
        unexplained=open_stops,
        unexplained_more=max(0, total - len(open_stops)),
        open_calls=tuple(call for call in call_rows.open_calls(db, "") if call.line_code == line_code),
        holds=_holds(db, line.id),
        unassigned_reports=_unassigned(db, line.id),
        outbox_waiting=db.scalar(select(func.count()).where(OutboxMessage.state.in_(("waiting", "sending", "unknown")))) or 0,
        waiting_here=waiting_here,
        notes=_notes(db, line.id, worked.from_at, max(db.now, worked.to_at)),
        composed_at=db.now,
    )


def _orders(db: Db, line_id: int, from_at: datetime, to_at: datetime) -> tuple[OrderLine, ...]:
    """Orders that were on the line during the shift, in the order in which they came there."""
    touching = and_(OrderRun.line_id == line_id, OrderRun.from_at < to_at, or_(OrderRun.to_at.is_(None), OrderRun.to_at > from_at))
    first = select(OrderRun.order_id, func.min(OrderRun.from_at).label("at")).where(touching).group_by(OrderRun.order_id).subquery()
    found = db.execute(
        select(WorkOrder, Product.code)
        .join(first, first.c.order_id == WorkOrder.id)
        .join(Product, Product.id == WorkOrder.product_id)
        .order_by(first.c.at, WorkOrder.number)
    )
    return tuple(
        OrderLine(order.number, product, order.planned, order.completed, order.scrap, order.rework, order.status)
        for order, product in found
    )


def _holds(db: Db, line_id: int) -> tuple[BlockerView, ...]:
    """Open blockers of the line and of the orders that have still something to do on it."""
    orders = select(func.cast(WorkOrder.id, Blocker.target_id.type)).where(
        WorkOrder.line_id == line_id, WorkOrder.status.not_in(("COMPLETED", "CLOSED", "CANCELLED"))
    )
    of_line = and_(Blocker.target_kind == "line", Blocker.target_id == str(line_id))
    of_orders = and_(Blocker.target_kind == "order", Blocker.target_id.in_(orders))
    found = db.scalars(select(Blocker).where(Blocker.released_at.is_(None), or_(of_line, of_orders)).order_by(Blocker.opened_at))
    return tuple(BlockerView(one.id, one.kind, one.reason, one.opened_by, one.opened_at) for one in found)


def _unassigned(db: Db, line_id: int) -> int:
    """Reports of the line that belong to no order and were not taken back."""
    other = aliased(ProductionReport)
    taken_back: ColumnElement[bool] = select(other.id).where(other.corrects == ProductionReport.id).exists()
    wanted = (ProductionReport.line_id == line_id, ProductionReport.order_id.is_(None), ProductionReport.corrects.is_(None), ~taken_back)
    return db.scalar(select(func.count()).select_from(ProductionReport).where(*wanted)) or 0


def _notes(db: Db, line_id: int, from_at: datetime, to_at: datetime) -> tuple[NoteView, ...]:
    wanted = (LineNote.line_id == line_id, LineNote.noted_at >= from_at, LineNote.noted_at <= to_at)
    found = db.scalars(select(LineNote).where(*wanted).order_by(LineNote.noted_at, LineNote.id))
    return tuple(NoteView(one.text, one.user_code, one.noted_at) for one in found)


# --- rows ------------------------------------------------------------------------------------------------------------


def add_note(db: Db, actor: Actor, line_id: int, text: str) -> NoteView:
    """Keep a note of a line."""
    note = LineNote(id=db.clock.uuid7(), line_id=line_id, text=text, user_code=actor.user_code, station=actor.station)
    note.request_id = db.clock.uuid7() if db.request is None else db.request.id
    note.noted_at = min(db.decided_at, db.now)
    db.add(note)
    db.flush()
    return NoteView(note.text, note.user_code, note.noted_at)


def give(db: Db, actor: Actor, page: HandoverView, note: str) -> HandoverView:
    """Keep a page as it was signed."""
    snapshot = _snapshots().dump_python(page.snapshot, mode="json")
    row = Handover(
        id=db.clock.uuid7(),
        line_id=db.scalars(select(Line.id).where(Line.code == page.line_code)).one(),
        production_date=page.production_date,
        shift_code=page.shift_code,
        shift_started_at=page.snapshot.shift.from_at,
        shift_ended_at=page.snapshot.shift.to_at,
        snapshot=snapshot,
        sha256=digest(snapshot),
        note=note,
        given_by=actor.user_code,
        given_at=db.now,
    )
    db.add(row)
    db.flush()
    return view(db, row)


def digest(snapshot: dict[str, Any]) -> str:
    """SHA-256 of a page as canonical JSON: sorted keys, no blanks."""
    return hashlib.sha256(json.dumps(snapshot, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def locked(db: Db, handover_id: UUID) -> Handover | None:
    """A page that was given, locked until the transaction ends."""
    found = select(Handover).where(Handover.id == handover_id).with_for_update(key_share=True)
    return db.scalar(found.execution_options(populate_existing=True))


def take(db: Db, actor: Actor, row: Handover) -> HandoverView:
    """Note who took it over."""
    row.taken_by, row.taken_at = actor.user_code, db.now
    db.flush()
    return view(db, row)


def view(db: Db, row: Handover) -> HandoverView:
    """A page that was given."""
    code = db.scalars(select(Line.code).where(Line.id == row.line_id)).one()
    return HandoverView(
        id=f"{code}@{row.production_date}/{row.shift_code}",
        line_code=code,
        production_date=row.production_date,
        shift_code=row.shift_code,
        snapshot=_snapshots().validate_python(row.snapshot),
        row_id=row.id,
        sha256=row.sha256,
        note=row.note,
        given_by=row.given_by,
        given_at=row.given_at,
        taken_by=row.taken_by or "",
        taken_at=row.taken_at,
        version=row.version,
    )


def given(db: Db, line_code: str, limit: int, offset: int) -> Page[HandoverView]:
    """See ``handover.list_handovers``."""
    wanted = select(Handover).join(Line, Line.id == Handover.line_id)
    if line_code:
        wanted = wanted.where(Line.code == line_code)
    total = db.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    newest: Sequence[Handover] = db.scalars(wanted.order_by(Handover.given_at.desc()).limit(limit).offset(offset)).all()
    return Page(tuple(view(db, row) for row in newest), total, limit, offset)
