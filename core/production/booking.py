"""Rows of reports, and the sums kept on the order in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import select

from core.equipment.models import Line
from core.errors import Invalid, Refused
from core.production import lists, rows, rules
from core.production.models import DefectCode, ProductionReport, WorkOrder
from core.production.views import ReportView
from core.store.attention import Adopted
from core.store.base import Db
from core.store.operation import Actor

_WAITED: Final = timedelta(minutes=2)


class Parts(NamedTuple):
    """What a report says was made: quantities in the order's unit."""

    good: Decimal
    scrap: Decimal
    rework: Decimal


def waited(db: Db) -> bool:
    """True for a report that waited in a station's journal, be it for a moment, or was decided long before it is booked.

    Nobody stands at the screen any more to answer a question, so none may be asked. Two minutes leave room for the
    difference of two clocks.
    """
    return db.late or db.now - db.decided_at > _WAITED


def known_defect(db: Db, code: str) -> str | None:
    """``code`` when the catalogue has it, active or not; else None."""
    return db.scalar(select(DefectCode.code).where(DefectCode.code == code))


def check_defect(db: Db, code: str) -> None:
    """Raise Invalid ``report.defect_unknown`` unless ``code`` is in the catalogue and active."""
    if db.scalar(select(DefectCode.id).where(DefectCode.code == code, DefectCode.active)) is None:
        raise Invalid("report.defect_unknown", defect=code)


def add(
    db: Db,
    actor: Actor,
    order: WorkOrder,
    *,
    belongs: bool,
    made_at: datetime,
    parts: Parts,
    defect_code: str | None,
    machine_good: int | None,
    machine_reject: int | None,
    reason: str = "",
    difference_reason: str = "",
    settled: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0)),
) -> ProductionReport:
    """Book a report to ``order``, or as unassigned on its line when it does not belong to it. ``settled``: see ``report_rules.settled``."""
    settled_good, settled_reject = settled if belongs else (Decimal(0), Decimal(0))
    report = ProductionReport(
        id=db.clock.uuid7(),
        order_id=order.id if belongs else None,
        line_id=order.line_id,
        **parts._asdict(),
        unit=order.unit,
        defect_code=defect_code,
        reason=reason,
        difference_reason=difference_reason,
        machine_good=machine_good,
        machine_reject=machine_reject,
        settled_good=settled_good,
        settled_reject=settled_reject,
        user_code=actor.user_code,
        station=actor.station,
        reported_at=made_at,
        request_id=_request_id(db),
    )
    db.add(report)
    if belongs:
        _sum_up(order, report)
    db.flush()
    return report


def _sum_up(order: WorkOrder, report: ProductionReport) -> None:
    order.completed += report.good
    order.scrap += report.scrap
    order.rework += report.rework


def book_rest(db: Db, actor: Actor, order_id: UUID, version: int | None) -> None:
    """Book what the machine counted of an order beyond what was reported, when its line reports by itself.

    Parts counted over a gap in the data are not among it: when they were made nobody knows, so a person looks at them.
    """
    order = rows.locked(db, order_id, version)
    seen = rows.order_view(db, order_id)
    if not seen.automatic or not seen.counted:
        return
    doubtful = {kind: rows.counted_over_gaps(db, order, kind) for kind in ("good", "reject")}
    good, scrap = max(Decimal(0), seen.unreported_good - doubtful["good"]), max(Decimal(0), seen.unreported_reject - doubtful["reject"])
    if good or scrap:
        add(
            db,
            actor,
            order,
            belongs=True,
            made_at=min(db.decided_at, db.now),
            parts=Parts(good, scrap, Decimal(0)),
            defect_code=None,
            machine_good=seen.machine_good,
            machine_reject=seen.machine_reject,
        )


def adopt(db: Db, actor: Actor, adopted: Adopted, asked: Mapping[str, Any], made_at: datetime, reason: str) -> ReportView:
    """Book what ``adopted`` reports, or give what was booked for it before.

    The row has the key of the request that it stands for, so that there is one. It is in the name of who answers for it, because the
    database takes no other; who made it stands before the reason.

    Raises:
        Refused: ``order.not_found``: nobody knows in which unit it was counted.
    """
    if db.get(ProductionReport, adopted.request_id) is not None:
        return view(db, adopted.request_id)
    order = rows.found(db, asked["order_id"])
    if order is None:
        line_id, unit = _seen(db, adopted.seen)
    else:
        line_id, unit = order.line_id, order.unit
    belongs = order is not None and rules.ran_at(rows.progress(order), made_at)
    report = ProductionReport(
        id=adopted.request_id,
        order_id=asked["order_id"] if belongs else None,
        line_id=line_id,
        unit=unit,
        defect_code=known_defect(db, asked["defect_code"]) if asked["scrap"] or asked["rework"] else None,
        reason=f"{adopted.user_code}: {reason}",
        user_code=actor.user_code,
        station=actor.station,
        reported_at=made_at,
        request_id=_request_id(db),
        **{name: asked[name] for name in (*Parts._fields, "machine_good", "machine_reject", "difference_reason")},
    )
    db.add(report)
    if order is not None and belongs:
        _sum_up(order, report)
    db.flush()
    return view(db, report.id)


def _seen(db: Db, seen: str) -> tuple[int | None, str]:
    """Line and unit of an order that is not in the database, from what the screen showed of it."""
    try:
        shown = json.loads(seen)
        line_code, unit = str(shown["line_code"]), str(shown["unit"])
    except (ValueError, TypeError, KeyError):
        raise Refused("order.not_found") from None
    return db.scalar(select(Line.id).where(Line.code == line_code)), unit


def _request_id(db: Db) -> UUID:
    return db.clock.uuid7() if db.request is None else db.request.id


def correctable(db: Db, report_id: UUID) -> ProductionReport:
    """The report to take back. Raises Refused ``report.not_found``, ``report.already_corrected``.

    Rows of reports cannot be locked by a station, because it may not change them; when two correct the same report at the
    same moment, the unique ``corrects`` refuses the second.
    """
    report = db.get(ProductionReport, report_id)
    if report is None or report.corrects is not None:
        raise Refused("report.not_found")
    if db.scalar(select(ProductionReport.id).where(ProductionReport.corrects == report_id)) is not None:
        raise Refused("report.already_corrected")
    return report


def check_assignable(db: Db, report: ProductionReport, order: WorkOrder) -> None:
    """Raise Refused unless ``report`` is unassigned and of the line and unit of ``order``."""
    if report.order_id is not None:
        raise Refused("report.assigned", number=db.scalar(select(WorkOrder.number).where(WorkOrder.id == report.order_id)))
    if report.line_id != order.line_id or report.unit != order.unit:
        line = db.scalar(select(Line.code).where(Line.id == report.line_id))
        raise Refused("report.other_line", line=line, number=order.number)


def take_back(db: Db, actor: Actor, report: ProductionReport, reason: str) -> ProductionReport:
    """Book the opposite of ``report``; the sums of its order fall accordingly.

    Raises:
        Invalid: ``order.completed_negative``.
    """
    opposite = ProductionReport(
        id=db.clock.uuid7(),
        order_id=report.order_id,
        line_id=report.line_id,
        good=-report.good,
        scrap=-report.scrap,
        rework=-report.rework,
        unit=report.unit,
        defect_code=report.defect_code,
        reason=reason,
        corrects=report.id,
        machine_good=None,
        machine_reject=None,
        settled_good=-report.settled_good,
        settled_reject=-report.settled_reject,
        user_code=actor.user_code,
        station=actor.station,
        reported_at=min(db.decided_at, db.now),
        request_id=_request_id(db),
    )
    if report.order_id is not None:
        order = rows.locked(db, report.order_id)
        for left in (order.completed - report.good, order.scrap - report.scrap, order.rework - report.rework):
            rules.check_completed(left)
        _sum_up(order, opposite)
    db.add(opposite)
    db.flush()
    return opposite


def view(db: Db, report_id: UUID) -> ReportView:
    """The view of one report."""
    return lists.report_view(db.execute(lists.report_select().where(ProductionReport.id == report_id)).one())
