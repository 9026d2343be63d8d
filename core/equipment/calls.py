"""Andon: somebody calls for help, somebody comes, it is settled. Facts, so that a call in an outage keeps its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from core.equipment.call_views import CallKind, CallView
from core.store.attention import Adopted, Code, Json, check_reason
from core.store.operation import Actor, Note, Request, operation
from core.store.query import query

if TYPE_CHECKING:
    from core.store.base import Db

ADOPT: Final = "equipment:call:adopt"
_WRITES: Final = ("andon_call",)
Place = Annotated[str, Field(max_length=50)]


def _subject(args: Mapping[str, Any]) -> tuple[str, str]:
    return CallView.entity, str(args["call_id"])


def _opened(view: CallView | None, request: Request) -> CallView:
    """The call as this station shows it until the database has it."""
    asked = request.values
    return view or CallView(
        id=asked["call_id"],
        line_code=asked["line_code"],
        area_code="",
        work_unit_code=asked["work_unit_code"],
        kind=asked["kind"],
        note=asked["note"],
        opened_at=request.decided_at,
        opened_by=request.user_code,
        station=request.station,
        as_of=request.decided_at,
    )


def _unseen(request: Request) -> CallView:
    """A call this station has no copy of: that it is open, the panel has seen."""
    asked = request.values
    return CallView(asked["call_id"], "", "", "", "", "", request.decided_at, "", "")


def _responded(view: CallView | None, request: Request) -> CallView:
    view = view or _unseen(request)
    if view.responded_at is not None or view.ended_at is not None:
        return view
    return replace(view, responded_at=request.decided_at, responded_by=request.user_code, version=view.version + 1)


def _ended(view: CallView | None, request: Request) -> CallView:
    view = view or _unseen(request)
    if view.ended_at is not None:
        return view
    asked = request.values
    return replace(
        view,
        ended_at=request.decided_at,
        ended_by=request.user_code,
        result=asked.get("result", asked.get("reason", "")),
        withdrawn="result" not in asked,
        version=view.version + 1,
    )


@operation("equipment:call:open", kind="fact", writes=_WRITES, guard="A", offline=True, subject=_subject, preview=_opened, adopted_by=ADOPT)
def open_call(
    db: Db, actor: Actor, *, call_id: UUID, line_code: Place, kind: CallKind, work_unit_code: Place = "", note: Note = ""
) -> CallView:
    """Somebody needs help at a line. While one of this kind is open there, the answer is that one, and nothing is written.

    Args:
        call_id: Given by the caller; the same once more is the same call.
        kind: Whom one calls.
        work_unit_code: The machine; "" for the line as a whole.

    Raises:
        Invalid: ``call.line_unknown``, ``call.unit_unknown``; never for a call that waited for the database.
    """
    from core.equipment import call_rows

    return call_rows.open_one(db, call_rows.moment(db), actor, call_id, line_code, kind, work_unit_code, note)


@operation(
    "equipment:call:respond", kind="fact", writes=_WRITES, guard="A", offline=True, subject=_subject, preview=_responded, adopted_by=ADOPT
)
def respond_to_call(db: Db, actor: Actor, *, call_id: UUID) -> CallView:
    """Somebody is there. The first who says so stands.

    Raises:
        Refused: ``call.not_open`` when it has ended, ``call.not_found``; late, what has ended stays as it is.
    """
    from core.equipment import call_rows

    return call_rows.respond(db, call_rows.moment(db), actor, call_id)


@operation(
    "equipment:call:resolve", kind="fact", writes=_WRITES, guard="A", offline=True, subject=_subject, preview=_ended, adopted_by=ADOPT
)
def resolve_call(db: Db, actor: Actor, *, call_id: UUID, result: Note = "") -> CallView:
    """It is settled; ``result`` says how. Raises Refused: see ``respond_to_call``."""
    from core.equipment import call_rows

    return call_rows.end(db, call_rows.moment(db), actor, call_id, result, withdrawn=False)


@operation(
    "equipment:call:withdraw", kind="fact", writes=_WRITES, guard="A", offline=True, subject=_subject, preview=_ended, adopted_by=ADOPT
)
def withdraw_call(db: Db, actor: Actor, *, call_id: UUID, reason: Note = "") -> CallView:
    """It was not needed, or called by mistake. Raises Refused: see ``respond_to_call``."""
    from core.equipment import call_rows

    return call_rows.end(db, call_rows.moment(db), actor, call_id, reason, withdrawn=True)


@operation(ADOPT, kind="fact", writes=_WRITES)
def adopt_call(
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
) -> CallView:
    """What somebody did about a call and was not taken from him is booked by somebody who answers for it; the arguments of ``Adopted``.

    Raises:
        Invalid: ``store.attention_reason``; ``store.request_invalid`` when it is of another program version.
        Refused: ``call.not_found`` when the call itself never came home.
    """
    from core.equipment import call_rows

    db.note_reason(check_reason(reason))
    adopted = Adopted(request_id, user_code, station, decided_at, args, seen)
    at = call_rows.Moment(min(decided_at, db.now), late=True)
    if '"line_code"' in args:
        asked = adopted.of_operation(open_call)
        place = (asked["call_id"], asked["line_code"], asked["kind"], asked["work_unit_code"], asked["note"])
        return call_rows.open_one(db, at, actor, *place)
    if '"result"' in args:
        asked = adopted.of_operation(resolve_call)
        return call_rows.end(db, at, actor, asked["call_id"], asked["result"], withdrawn=False)
    if '"reason"' in args:
        asked = adopted.of_operation(withdraw_call)
        return call_rows.end(db, at, actor, asked["call_id"], asked["reason"], withdrawn=True)
    return call_rows.respond(db, at, actor, adopted.of_operation(respond_to_call)["call_id"])


@query("equipment:call:list", snapshot=True)
def list_calls(db: Db, *, area_code: str = "") -> tuple[CallView, ...]:
    """Open calls, the most urgent first; ``area_code`` "" for all."""
    from core.equipment import call_rows

    return call_rows.open_calls(db, area_code)
