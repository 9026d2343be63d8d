"""What was made: booked by people, taken back by a correction, assigned later when no order was running.

A report is a fact. It is refused only for what stands in it (nothing made, no defect code); whatever the order has become
meanwhile, it is booked: to the order if that was running when the parts were made, else as unassigned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from core.errors import Invalid, Refused
from core.production import report_rules, rules
from core.production.orders import Amount, told
from core.production.rules import Progress
from core.production.views import OrderView, ReportView
from core.store.attention import Adopted, Code, Json, check_reason
from core.store.operation import Actor, Note, Request, operation
from core.store.query import Page, query

if TYPE_CHECKING:
    from core.production.models import ProductionReport, WorkOrder
    from core.store.base import Db

Count = Annotated[int, Field(ge=0, lt=2**63)]
DefectCode = Annotated[str, Field(max_length=50)]

REPORTED: Final = "order.reported"
_BOOKED: Final = ("production_report", "work_order")
"""What a report changes: its own row, and the sums of its order."""

_CLOCKS: Final = timedelta(minutes=5)
"""How far two clocks of one site may differ before a time counts as wrong."""


def _subject(args: Mapping[str, Any]) -> tuple[str, str]:
    return "order", str(args["order_id"])


def _check(good: Decimal, scrap: Decimal, rework: Decimal, defect_code: str, made_at: datetime | None, decided_at: datetime) -> datetime:
    """What a report may say, whoever asks; gives the moment the parts were made."""
    if good < 0 or scrap < 0 or rework < 0:
        raise Invalid("report.negative")
    if not good and not scrap and not rework:
        raise Invalid("report.empty")
    if scrap and not defect_code:
        raise Invalid("report.defect_missing", scrap=rules.plain(scrap))
    if made_at is not None and made_at > decided_at + _CLOCKS:
        raise Invalid("report.in_future")
    return decided_at if made_at is None else min(made_at, decided_at)


def _beside(view: OrderView, asked: Mapping[str, Any]) -> OrderView:
    """The order with the machine's count that stood beside the entry, where one did."""
    if asked["machine_good"] is None:
        return view
    return replace(view, machine_good=asked["machine_good"], machine_reject=asked["machine_reject"])


def _settled(view: OrderView, asked: Mapping[str, Any], *, late: bool = False) -> tuple[Decimal, Decimal]:
    if late and asked["machine_good"] is None:
        return Decimal(0), Decimal(0)  # what the machine had counted when it was decided only its station knows
    explained = bool(asked["difference_reason"].strip())
    return report_rules.settled(_beside(view, asked), asked["good"], asked["scrap"] + asked["rework"], explained=explained)


def _check_difference(view: OrderView, asked: Mapping[str, Any]) -> None:
    """Refuse (``report.difference``) what is far from the machine's count, as it stood beside the entry, and not explained."""
    counted = _beside(view, asked).counted
    if counted is None or asked["difference_reason"].strip():
        return
    apart = report_rules.difference(asked["good"], asked["scrap"], asked["rework"], counted)
    if report_rules.must_explain(apart, counted, view.difference_limit):
        raise Refused("report.difference", counted=rules.plain(counted), reported=rules.plain(counted + apart))


def _preview(view: OrderView | None, request: Request) -> OrderView:
    """The order as it will stand with the report, on the station's own copy."""
    if view is None:
        raise Refused("order.no_copy")
    asked = request.values
    good, scrap, rework = asked["good"], asked["scrap"], asked["rework"]
    at = _check(good, scrap, rework, asked["defect_code"], asked["made_at"], request.decided_at)
    if rules.is_over(view.remaining, good) and not asked["over_confirmed"]:
        raise Refused("report.over", remaining=rules.plain(view.remaining), good=rules.plain(good))
    # Not compared with the machine: what it has counted since the copy was made nobody knows here.
    moving = Progress(view.status, view.actual_start_at, view.actual_end_at)
    belongs = rules.ran_at(moving, at)
    booked = ReportView(
        id=request.id,
        order_id=view.id if belongs else None,
        order_number=view.number if belongs else "",
        line_code=view.line_code,
        good=good,
        scrap=scrap,
        unit=view.unit,
        rework=rework,
        difference_reason=asked["difference_reason"].strip(),
        defect_code=asked["defect_code"] if scrap or rework else "",
        reason="",
        corrects=None,
        machine_good=asked["machine_good"],
        machine_reject=asked["machine_reject"],
        reported_at=at,
        user_code=request.user_code,
        station=request.station,
    )
    if not belongs:
        return replace(view, booked=booked)
    return _summed(replace(view, version=view.version + 1, booked=booked), asked)


def _summed(view: OrderView, asked: Mapping[str, Any]) -> OrderView:
    """The order with a report among its sums."""
    good, reject = _settled(view, asked)
    sums = {name: getattr(view, field) + asked[name] for name, field in (("good", "completed"), ("scrap", "scrap"), ("rework", "rework"))}
    return replace(
        view,
        completed=sums["good"],
        scrap=sums["scrap"],
        rework=sums["rework"],
        settled_good=view.settled_good + good,
        settled_reject=view.settled_reject + reject,
    )


@operation(
    rules.REPORT, kind="fact", writes=_BOOKED, offline=True, subject=_subject, preview=_preview, outbox=REPORTED, adopted_by=rules.ADOPT
)
def book_report(
    db: Db,
    actor: Actor,
    *,
    order_id: UUID,
    good: Amount = Decimal(0),
    scrap: Amount = Decimal(0),
    defect_code: DefectCode = "",
    made_at: datetime | None = None,
    machine_good: Count | None = None,
    machine_reject: Count | None = None,
    over_confirmed: bool = False,
    rework: Amount = Decimal(0),
    difference_reason: Note = "",
) -> OrderView:
    """Good, scrapped and parts to be mended of an order; the view's ``booked`` tells where they went.

    Args:
        good, scrap, rework: Quantities in the order's unit, ≥ 0, not all 0.
        defect_code: Why the scrap is scrap; needed with scrap.
        made_at: When they were made, aware; None for just now.
        machine_good, machine_reject: Machine count shown beside the entry, None when there was none.
        over_confirmed: A leader has seen that the quantity is far above what remains (permission
            ``production:report:over``).
        difference_reason: Why it is not what the machine counted; needed when it is further from that than the line allows.

    Raises:
        Invalid: ``report.negative``, ``report.empty``, ``report.defect_missing``, ``report.defect_unknown``, ``report.in_future``.
        Refused: ``report.difference`` without a reason that is needed; ``report.over`` without, ``report.over_right`` with a
            confirmation by somebody who must not give it;
            never for a report that waited for the database.
    """
    from core.production import booking, rows

    late, decided = booking.waited(db), min(db.decided_at, db.now)
    if late and made_at is not None:
        made_at = min(made_at, decided)  # of a station whose clock is ahead; that the parts were made is so all the same
    made, order = _check(good, scrap, rework, defect_code, made_at, decided), rows.locked(db, order_id)
    counts = {"machine_good": machine_good, "machine_reject": machine_reject}
    said = {"good": good, "scrap": scrap, "rework": rework, "difference_reason": difference_reason, **counts}
    seen = rows.order_view(db, order.id)
    if not late:
        _check_said(db, actor, seen, said, defect_code, over_confirmed)
    report = booking.add(
        db,
        actor,
        order,
        belongs=rules.ran_at(rows.progress(order), made),
        made_at=made,
        parts=booking.Parts(good, scrap, rework),
        defect_code=booking.known_defect(db, defect_code) if scrap or rework else None,
        machine_good=machine_good,
        machine_reject=machine_reject,
        difference_reason=difference_reason.strip(),
        settled=_settled(seen, said, late=late),
    )
    return _booked(db, order, report)


def _check_said(db: Db, actor: Actor, seen: OrderView, said: Mapping[str, Any], defect_code: str, over_confirmed: bool) -> None:
    from core.production import booking

    if said["scrap"]:
        booking.check_defect(db, defect_code)
    _check_over(actor.may(rules.OVER, seen.line_code), seen.remaining, said["good"], over_confirmed)
    _check_difference(seen, said)


def _check_over(may: bool, remaining: Decimal, good: Decimal, confirmed: bool) -> None:
    if not rules.is_over(remaining, good):
        return
    if not confirmed:
        raise Refused("report.over", remaining=rules.plain(remaining), good=rules.plain(good))
    if not may:
        raise Refused("report.over_right")


def _booked(db: Db, order: WorkOrder, report: ProductionReport) -> OrderView:
    """The order's view after a report, and the news of it."""
    from core.production import booking, rows

    view = replace(rows.order_view(db, order.id), booked=booking.view(db, report.id))
    if report.order_id is not None:
        db.outbox(REPORTED, str(report.order_id), {**told(view, report.reported_at), **_news(report), "defect": report.defect_code})
    return view


def _news(report: ProductionReport | ReportView) -> dict[str, str]:
    """A report as other systems are told of it."""
    parts = {"good": str(report.good), "scrap_reported": str(report.scrap), "rework_reported": str(report.rework)}
    return {"report": str(report.id), **parts}


_ONCE: Final = {"uq_production_report_corrects": "report.already_corrected"}


@operation(rules.CORRECT, kind="fact", writes=_BOOKED, constraints=_ONCE)
def correct_report(db: Db, actor: Actor, *, report_id: UUID, reason: str) -> ReportView:
    """A report is taken back by one with the opposite quantities; the right one is then booked anew.

    Raises:
        Invalid: ``order.reason_missing``; ``order.completed_negative`` when less would remain than nothing.
        Refused: ``report.not_found``, ``report.already_corrected``.
    """
    from core.production import booking

    reason = rules.check_reason(reason)
    db.note_reason(reason)
    taken_back = booking.take_back(db, actor, booking.correctable(db, report_id), reason)
    view = booking.view(db, taken_back.id)
    if taken_back.order_id is not None:
        from core.production import rows

        news = {**_news(view), "corrects": str(report_id)}
        db.outbox(REPORTED, str(taken_back.order_id), {**told(rows.order_view(db, taken_back.order_id), view.reported_at), **news})
    return view


@operation(rules.ASSIGN, kind="fact", writes=_BOOKED, constraints=_ONCE)
def assign_report(db: Db, actor: Actor, *, report_id: UUID, order_id: UUID, reason: str) -> OrderView:
    """An unassigned report is booked to an order of its line: taken back as unassigned, booked anew.

    Raises:
        Invalid: ``order.reason_missing``.
        Refused: ``report.not_found``, ``report.already_corrected``, ``report.assigned``, ``report.other_line``,
            ``order.not_found``.
    """
    from core.production import booking, rows

    reason = rules.check_reason(reason)
    db.note_reason(reason)
    report = booking.correctable(db, report_id)
    order = rows.locked(db, order_id)
    booking.check_assignable(db, report, order)
    booking.take_back(db, actor, report, reason)
    anew = booking.add(
        db,
        actor,
        order,
        belongs=True,
        made_at=report.reported_at,
        parts=booking.Parts(report.good, report.scrap, report.rework),
        defect_code=report.defect_code,
        machine_good=report.machine_good,
        machine_reject=report.machine_reject,
        reason=reason,
    )
    return _booked(db, order, anew)


@operation(rules.ADOPT, kind="fact", writes=_BOOKED, outbox=REPORTED)
def adopt_report(
    db: Db,
    actor: Actor,
    *,
    request_id: UUID,
    user_code: Code,
    station: Code,
    decided_at: datetime,
    args: Json,
    seen: Json = "",
    reason: Note = "",
) -> ReportView:
    """A report that came home and was not taken from who made it is booked by somebody who answers for it; the arguments of ``Adopted``.

    It keeps its time, who made it stands in its reason, and it goes to its order if that ran then, else it is unassigned. The same
    report is booked once.

    Raises:
        Invalid: ``store.attention_reason``; ``store.request_invalid`` when it is of another program version.
        Refused: ``order.not_found`` when neither the order nor anything the screen showed of it is known.
    """
    from core.production import booking

    db.note_reason(check_reason(reason))
    adopted = Adopted(request_id, user_code, station, decided_at, args, seen)
    asked = adopted.of_operation(book_report)
    made = min(moment for moment in (asked["made_at"], decided_at, db.now) if moment is not None)
    report = booking.adopt(db, actor, adopted, asked, made, reason)
    if report.order_id is not None:
        from core.production import rows

        news = {**_news(report), "defect": report.defect_code}
        db.outbox(REPORTED, str(report.order_id), {**told(rows.order_view(db, report.order_id), report.reported_at), **news})
    return report


@query("production:report:list", snapshot=True)
def list_reports(
    db: Db, *, order_id: UUID | None = None, line_code: str = "", unassigned: bool = False, limit: int = 100, offset: int = 0
) -> Page[ReportView]:
    """Reports, newest first.

    Args:
        order_id: Of one order; None for all.
        line_code: Of one line; "" for all.
        unassigned: Only those no order was found for, and nobody has assigned or taken back since.
        limit, offset: Page; at most 1000 rows.
    """
    from core.production import lists

    return lists.reports(db, order_id, line_code, unassigned, limit, offset)
