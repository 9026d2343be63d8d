"""Work orders: create, release, start, pause, resume, complete, hold, cancel; lists of them.

Every step follows the table in ``rules``. Starting, pausing, resuming and completing go on while the database is away:
what the screen shows then is the same rule applied to the station's own copy of the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from core.errors import Conflict, Invalid, Refused
from core.production import rules
from core.production.rules import Progress
from core.production.views import OrderChange, OrderStatus, OrderView
from core.store.operation import Actor, Note, Request, operation
from core.store.query import Page, query

if TYPE_CHECKING:
    from core.production.models import WorkOrder
    from core.store.base import Db

Code = Annotated[str, Field(max_length=50)]
Amount = Annotated[Decimal, Field(max_digits=18, decimal_places=6)]

STARTED: Final = "order.started"
COMPLETED: Final = "order.completed"
_STEP: Final = ("work_order", "count_event")
"""What a step changes: the order, and to which order the parts counted meanwhile belong."""
_ALONE: Final = {"uq_order_run_on_line": "order.line_taken"}
"""Whatever program starts an order: the database knows that another one is on the line."""


def _subject(args: Mapping[str, Any]) -> tuple[str, str]:
    return "order", str(args["order_id"])


# --- making ----------------------------------------------------------------------------------------------------------


@operation(rules.CREATE, kind="intent", writes=("work_order",))
def create_order(
    db: Db,
    actor: Actor,
    *,
    product_code: Code,
    line_code: Code,
    planned: Amount,
    scheduled_start_at: datetime,
    scheduled_end_at: datetime,
    number: str = "",
    priority: int = 5,
    note: Note = "",
) -> OrderView:
    """A new order in state PLANNED.

    Args:
        product_code: Of an active product.
        line_code: Of the line to make it on.
        planned: Good quantity wanted, > 0, in the product's unit.
        scheduled_start_at, scheduled_end_at: Aware; the start lies before the end.
        number: Starts with ``WO``, at most 50 characters; "" for the next free one of the day.
        priority: 1 (high) … 10.
        note: Free text.

    Raises:
        Invalid: The rules on number, quantity, schedule and priority; unknown product or line; a number already taken.
    """
    from core.production import making

    rules.check_schedule(scheduled_start_at, scheduled_end_at)
    rules.check_planned(planned)
    rules.check_priority(priority)
    order_id = making.insert(
        db,
        number=rules.clean_number(number) if number else "",
        product=making.product(db, product_code),
        line=making.line(db, line_code),
        planned=planned,
        scheduled_start_at=scheduled_start_at,
        scheduled_end_at=scheduled_end_at,
        priority=priority,
        note=note,
    )
    return _view(db, order_id)


def _view(db: Db, order_id: UUID) -> OrderView:
    from core.production import rows

    return rows.order_view(db, order_id)


# --- steps -----------------------------------------------------------------------------------------------------------


def _step(db: Db, name: str, order_id: UUID, version: int | None, reason: str = "") -> OrderView:
    """Take one step of the table: lock, check, move, tell the systems above, answer."""
    from core.production import attribution, rows

    order = rows.locked(db, order_id, version)
    rows.lock_line(db, order.line_id)
    before = rows.order_view(db, order_id)
    # A station whose clock is ahead must not start an order in the future.
    at = min(db.decided_at, db.now)
    after = rules.step(name, order.number, rows.progress(order), at, reason, rows.since(db, order_id))
    rules.check_blockers(name, order.number, before.blockers)
    if after.status in rules.ON_LINE and OrderStatus(order.status) not in rules.ON_LINE:
        _check_line(db, order, before)
    rows.move(order, after)
    if reason:
        db.note_reason(reason)
    if after.actual_start_at is not None:
        # Parts were counted between the decision and now: an instant ago, or during an outage of hours.
        attribution.attribute_again(db, order.line_id, at)
    return rows.order_view(db, order_id)


def _check_line(db: Db, order: WorkOrder, view: OrderView) -> None:
    from core.production import rows

    running = rows.line_occupant(db, order)
    if running is not None:
        raise Refused("order.line_busy", number=order.number, running=running, line=dict(view.line_name))


def _preview(name: str) -> Any:
    """The same step on the station's own copy of the order."""

    def preview(view: OrderView | None, request: Request) -> OrderView:
        if view is None:
            raise Refused("order.no_copy")
        version = request.values["version"]
        if version is not None and version != view.version:
            raise Conflict("order.changed", number=view.number)
        rules.check_blockers(name, view.number, view.blockers)
        if name == rules.START:
            rules.check_line_up(view.number, view.blockers, although_down=request.values["although_down"])
        running = view.as_of if view.status is OrderStatus.IN_PROGRESS else None
        before = Progress(view.status, view.actual_start_at, view.actual_end_at, view.running_s, running, view.reason)
        after = rules.step(name, view.number, before, request.decided_at)
        return replace(
            view,
            status=after.status,
            actual_start_at=after.actual_start_at,
            actual_end_at=after.actual_end_at,
            reason=after.reason,
            running_s=after.run_s,
            as_of=max(view.as_of, request.decided_at),
            version=view.version + 1,  # what the database will count when it applies this step
            expected_end_at=None,
            next_operations=rules.next_operations(after.status, started=after.actual_start_at is not None, blockers=view.blockers),
        )

    return preview


def told(view: OrderView, at: datetime | None) -> dict[str, Any]:
    """An order as other systems are told of it; ``at`` is the moment the message is about."""
    return {
        "id": str(view.id),
        "number": view.number,
        "external_system": view.external_system,
        "external_id": view.external_id,
        "product": view.product_code,
        "line": view.line_code,
        "status": view.status.value,
        "planned": str(view.planned),
        "completed": str(view.completed),
        "scrap": str(view.scrap),
        "unit": view.unit,
        "at": None if at is None else at.isoformat(),
    }


@operation(rules.RELEASE, kind="intent", writes=_STEP)
def release_order(db: Db, actor: Actor, *, order_id: UUID, version: int | None = None) -> OrderView:
    """The order may be started from now on."""
    return _step(db, rules.RELEASE, order_id, version)


@operation(
    rules.START,
    kind="intent",
    writes=_STEP,
    offline=True,
    subject=_subject,
    preview=_preview(rules.START),
    outbox=STARTED,
    constraints=_ALONE,
)
def start_order(db: Db, actor: Actor, *, order_id: UUID, version: int | None = None, although_down: bool = False) -> OrderView:
    """The order runs on its line from the moment it was decided.

    Args:
        although_down: Somebody has looked and starts although the line is down (permission ``production:order:force``).

    Raises:
        Refused: ``order.blocked`` by an open blocker, ``order.line_busy`` while another order occupies the line, ``order.line_down``
            and ``order.force_right``; a start that waited for the database has happened, whatever the line does now.
    """
    from core.production import booking, rows

    before = rows.order_view(db, order_id)
    if not booking.waited(db):
        rules.check_line_up(before.number, before.blockers, although_down=although_down)
        if any(blocker.kind == rules.LINE_DOWN for blocker in before.blockers) and not actor.may(rules.FORCE, before.line_code):
            raise Refused("order.force_right")
    view = _step(db, rules.START, order_id, version)
    db.outbox(STARTED, str(order_id), told(view, view.actual_start_at))
    return view


@operation(rules.PAUSE, kind="intent", writes=_STEP, offline=True, subject=_subject, preview=_preview(rules.PAUSE))
def pause_order(db: Db, actor: Actor, *, order_id: UUID, version: int | None = None) -> OrderView:
    """A short interruption; the order keeps its line."""
    return _step(db, rules.PAUSE, order_id, version)


@operation(rules.RESUME, kind="intent", writes=_STEP, offline=True, subject=_subject, preview=_preview(rules.RESUME), constraints=_ALONE)
def resume_order(db: Db, actor: Actor, *, order_id: UUID, version: int | None = None) -> OrderView:
    """A paused order goes on. Raises Refused ``order.blocked`` by an open blocker."""
    return _step(db, rules.RESUME, order_id, version)


@operation(
    rules.COMPLETE,
    kind="intent",
    writes=(*_STEP, "production_report"),
    offline=True,
    subject=_subject,
    preview=_preview(rules.COMPLETE),
    outbox=COMPLETED,
)
def complete_order(db: Db, actor: Actor, *, order_id: UUID, version: int | None = None) -> OrderView:
    """The order is done; what was reported until now is its result, and on a line that reports by itself what is counted beyond it."""
    from core.production import booking

    booking.book_rest(db, actor, order_id, version)
    view = _step(db, rules.COMPLETE, order_id, None)
    db.outbox(COMPLETED, str(order_id), told(view, view.actual_end_at))
    return view


@operation(rules.CLOSE, kind="intent", writes=_STEP)
def close_order(db: Db, actor: Actor, *, order_id: UUID, version: int | None = None) -> OrderView:
    """A completed order is settled; nothing about it changes any more."""
    return _step(db, rules.CLOSE, order_id, version)


@operation(rules.HOLD, kind="intent", writes=_STEP)
def hold_order(db: Db, actor: Actor, *, order_id: UUID, reason: str, version: int | None = None) -> OrderView:
    """The order stops and gives its line free until somebody lifts the hold. A reason is needed."""
    return _step(db, rules.HOLD, order_id, version, rules.check_reason(reason))


@operation(rules.UNHOLD, kind="intent", writes=_STEP, constraints=_ALONE)
def unhold_order(db: Db, actor: Actor, *, order_id: UUID, reason: str = "", version: int | None = None) -> OrderView:
    """A held order returns to where it was: released, or running when its line is free.

    Raises:
        Refused: ``order.blocked`` by an open blocker, ``order.line_busy``.
    """
    view = _step(db, rules.UNHOLD, order_id, version)
    if reason:
        db.note_reason(reason)
    return view


@operation(rules.CANCEL, kind="intent", writes=_STEP)
def cancel_order(db: Db, actor: Actor, *, order_id: UUID, reason: str, version: int | None = None) -> OrderView:
    """The order will not be made, or not be finished. A reason is needed; what was reported stays reported."""
    return _step(db, rules.CANCEL, order_id, version, rules.check_reason(reason))


def _noted(view: OrderView | None, request: Request) -> OrderView:
    """The note on the station's own copy of the order."""
    if view is None:
        raise Refused("order.no_copy")
    version = request.values["version"]
    if version is not None and version != view.version:
        raise Conflict("order.changed", number=view.number)
    _check_notable(view.number, view.status)
    return replace(view, note=request.values["note"], version=view.version + 1)


def _check_notable(number: str, status: OrderStatus) -> None:
    if status in (OrderStatus.CLOSED, OrderStatus.CANCELLED):
        raise Refused("order.not_legal", number=number, status=rules.status_words(status))


@operation(rules.NOTE, kind="intent", writes=("work_order",), guard="A", offline=True, subject=_subject, preview=_noted)
def note_order(db: Db, actor: Actor, *, order_id: UUID, note: Note, version: int | None = None) -> OrderView:
    """The order carries ``note`` from now on; "" takes it away. Closed and cancelled orders refuse it."""
    from core.production import rows

    order = rows.locked(db, order_id, version)
    _check_notable(order.number, OrderStatus(order.status))
    order.note = note
    return rows.order_view(db, order_id)


# --- reading ---------------------------------------------------------------------------------------------------------


@query("production:order:list", snapshot=True)
def list_orders(
    db: Db,
    *,
    status: tuple[OrderStatus, ...] = (),
    line_code: str = "",
    product_code: str = "",
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    search: str = "",
    limit: int = 200,
    offset: int = 0,
) -> Page[OrderView]:
    """Orders, what is at work first, then by priority and schedule.

    Args:
        status: Wanted states; () for all.
        line_code, product_code: "" for all.
        from_at, to_at: Orders scheduled to start in [from, to), aware; None is open.
        search: Part of number, product code or note, any case.
        limit, offset: Page; at most 1000 rows.
    """
    from core.production import lists

    if from_at is not None and to_at is not None and not from_at < to_at:
        raise Invalid("order.period_empty")
    return lists.orders(db, status, line_code, product_code, from_at, to_at, search, limit, offset)


@query("production:order:get", snapshot=True)
def get_order(db: Db, *, order_id: UUID) -> OrderView:
    """One order. Raises Refused ``order.not_found``."""
    return _view(db, order_id)


@query("production:order:changes")
def order_changes(db: Db, *, order_id: UUID, limit: int = 5) -> tuple[OrderChange, ...]:
    """Who changed the order last, newest first; at most 100."""
    from core.production import lists

    return lists.changes(db, order_id, limit)


@query("production:order:queue", snapshot=True)
def line_queue(db: Db, *, line_code: str, limit: int = 20) -> Page[OrderView]:
    """What the line does now and next: the order on it first, then the released ones by priority and schedule."""
    from core.production import lists

    wanted = (OrderStatus.IN_PROGRESS, OrderStatus.PAUSED, OrderStatus.HELD, OrderStatus.RELEASED)
    return lists.orders(db, wanted, line_code, "", None, None, "", limit, 0)
