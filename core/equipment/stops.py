"""Stops of machines: why they were, split, merged, their times of response, and what the time of a gap was.

When a machine stood still says the evidence; people say why. An explanation is a fact: it is booked also when it comes home after
an outage, to the stop it was about, even when the evidence of that stop comes home later still.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from core.equipment import stop_rules
from core.equipment.states import MachineState
from core.equipment.stop_rules import Step
from core.equipment.stop_views import OpenStops, PartView, StopChoices, StopView
from core.store.attention import Adopted, Code, Json, check_reason
from core.store.operation import Actor, Note, Request, operation
from core.store.query import Page, query

if TYPE_CHECKING:
    from core.store.base import Db

EXPLAIN: Final = "equipment:stop:explain"
MARK: Final = "equipment:stop:mark"
ADOPT: Final = "equipment:stop:adopt"
_WRITES: Final = ("stop", "stop_part")
UnitCode = Annotated[str, Field(min_length=1, max_length=50)]
ReasonCode = Annotated[str, Field(max_length=50)]


def stop_id(work_unit_code: str, began_at: datetime) -> str:
    """Name of a stop: its machine and when it began, as every station can say it before anything is stored."""
    return f"{work_unit_code}@{began_at.astimezone(UTC).isoformat(timespec='microseconds')}"


def _subject(args: Mapping[str, Any]) -> tuple[str, str]:
    return StopView.entity, stop_id(args["work_unit_code"], args["began_at"])


def _unseen(values: Mapping[str, Any]) -> StopView:
    """A stop this station has no copy of: what the request itself says of it. That it is one, its panel has seen."""
    began, unit = values["began_at"], values["work_unit_code"]
    return StopView(stop_id(unit, began), "", unit, MachineState.DOWN, began, None, False, True, (PartView(began),))


def _explained(view: StopView | None, request: Request) -> StopView:
    """The explanation on the station's own copy."""
    asked = request.values
    view = view or _unseen(asked)
    from_at = max(asked["from_at"] or view.began_at, view.began_at)
    part = PartView(from_at, asked["reason_code"], "person", asked["comment"], request.user_code)
    parts = sorted((*(each for each in view.parts if each.from_at != from_at), part), key=lambda one: one.from_at)
    needs = view.needs_reason and any(stop_rules.is_open_reason(each.reason_code) for each in parts)
    return replace(view, parts=tuple(parts), needs_reason=needs, version=view.version + 1)


def _marked(view: StopView | None, request: Request) -> StopView:
    asked = request.values
    view = view or _unseen(asked)
    step: Step = asked["step"]
    at = asked["at"] or request.decided_at
    times = {f"{each}_at": getattr(view, f"{each}_at") for each in stop_rules.STEPS}
    if times[f"{step}_at"] is not None and asked["at"] is None:
        return view
    return replace(view, **{**times, f"{step}_at": at}, by={**view.by, step: request.user_code}, version=view.version + 1)


@operation(EXPLAIN, kind="fact", writes=_WRITES, guard="A", offline=True, subject=_subject, preview=_explained, adopted_by=ADOPT)
def explain_stop(
    db: Db,
    actor: Actor,
    *,
    work_unit_code: UnitCode,
    began_at: datetime,
    reason_code: ReasonCode,
    comment: Note = "",
    from_at: datetime | None = None,
    version: int | None = None,
) -> StopView:
    """Why a machine stood still, from ``from_at`` (None: from the beginning of the stop) to the next part or the end.

    Args:
        began_at: When the stop began, or a moment inside it, aware.
        reason_code: Of the catalogue; "" takes back what was said, the machine's own reason counts again.
        comment: In one's own words.
        version: Of the stop as it was seen, 0 when nobody had said anything; None does not ask.

    Raises:
        Invalid: ``stop.reason_unknown``, ``stop.unit_unknown``.
        Refused: ``stop.not_found``, only when it was decided just now: late, its evidence may still be on its way.
        Conflict: ``stop.changed`` by somebody else meanwhile, with both reasons; never for what waited for the database.
    """
    from core.equipment import stop_rows

    said = stop_rows.Words.now(db, actor)
    return stop_rows.explain(db, said, work_unit_code, began_at, from_at, reason_code, comment, version)


@operation(MARK, kind="fact", writes=_WRITES, guard="A", offline=True, subject=_subject, preview=_marked, adopted_by=ADOPT)
def mark_stop(
    db: Db,
    actor: Actor,
    *,
    work_unit_code: UnitCode,
    began_at: datetime,
    step: Step,
    at: datetime | None = None,
    version: int | None = None,
) -> StopView:
    """Somebody noticed the stop, was there, or had mended it.

    Args:
        began_at: See ``explain_stop``.
        at: When, aware; None for just now. Marking a step again without a time changes nothing.

    Raises:
        Invalid: ``stop.mark_order`` when it does not fit to the other steps; ``stop.unit_unknown``.
        Refused, Conflict: See ``explain_stop``.
    """
    from core.equipment import stop_rows

    return stop_rows.mark(db, stop_rows.Words.now(db, actor), work_unit_code, began_at, step, at, version)


@operation("equipment:stop:split", kind="intent", writes=_WRITES, guard="A")
def split_stop(
    db: Db,
    actor: Actor,
    *,
    work_unit_code: UnitCode,
    began_at: datetime,
    at: datetime,
    reason_code: ReasonCode,
    comment: Note = "",
    version: int | None = None,
) -> StopView:
    """From ``at`` on the stop had another reason.

    Raises:
        Invalid: ``stop.split_outside``, ``stop.split_there``, ``stop.reason_unknown``, ``stop.unit_unknown``.
        Refused, Conflict: See ``explain_stop``.
    """
    from core.equipment import stop_rows

    return stop_rows.split(db, stop_rows.Words.now(db, actor), work_unit_code, began_at, at, reason_code, comment, version)


@operation("equipment:stop:merge", kind="intent", writes=_WRITES)
def merge_stops(
    db: Db, actor: Actor, *, work_unit_code: UnitCode, first_began_at: datetime, second_began_at: datetime, version: int | None = None
) -> StopView:
    """Two parts of one stop become one (the later is taken back), or two stops one failure; their times stay their own.

    The same moment twice takes a merge back: the stop is a failure of its own again.

    Args:
        version: Of the later stop as it was seen.

    Raises:
        Refused: ``stop.merge_far`` when another stop lies between, ``stop.not_found``.
        Conflict: ``stop.changed``.
    """
    from core.equipment import stop_rows

    return stop_rows.merge(db, stop_rows.Words.now(db, actor), work_unit_code, first_began_at, second_began_at, version)


@operation("equipment:gap:reclassify", kind="intent", writes=_WRITES)
def reclassify_gap(
    db: Db,
    actor: Actor,
    *,
    work_unit_code: UnitCode,
    began_at: datetime,
    state: MachineState,
    reason: Note,
    from_at: datetime | None = None,
    reason_code: ReasonCode = "",
    version: int | None = None,
) -> StopView:
    """What a machine did in time for which there are no data, as a leader answers for it.

    Args:
        began_at: Beginning of the gap, or a moment in it.
        state: Any but OFFLINE.
        reason: How one knows, in words.
        from_at: From when on; None for the whole gap.
        reason_code: Of the stop, when it was one.

    Raises:
        Invalid: ``gap.none``, ``gap.state``, ``stop.reason_unknown``, ``stop.unit_unknown``; ``store.attention_reason`` without a reason.
        Conflict: ``stop.changed``.
    """
    from core.equipment import stop_rows

    said = stop_rows.Words.now(db, actor)
    db.note_reason(check_reason(reason))
    return stop_rows.reclassify(db, said, work_unit_code, began_at, from_at, state, reason_code, reason, version)


@operation(ADOPT, kind="fact", writes=_WRITES)
def adopt_stop(
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
) -> StopView:
    """What somebody said of a stop and was not taken from him is booked by somebody who answers for it; the arguments of ``Adopted``.

    Raises:
        Invalid: ``store.attention_reason``, ``stop.unit_unknown``; ``store.request_invalid`` when it is of another program version.
    """
    from core.equipment import stop_rows

    db.note_reason(check_reason(reason))
    adopted = Adopted(request_id, user_code, station, decided_at, args, seen)
    said = stop_rows.Words.of(db, actor, adopted)
    if '"step"' in args:
        asked = adopted.of_operation(mark_stop)
        return stop_rows.mark(db, said, asked["work_unit_code"], asked["began_at"], asked["step"], asked["at"], None)
    asked = adopted.of_operation(explain_stop)
    place = (asked["work_unit_code"], asked["began_at"], asked["from_at"])
    return stop_rows.explain(db, said, *place, asked["reason_code"], asked["comment"], None)


# --- reading ---------------------------------------------------------------------------------------------------------


@query("equipment:stop:list", snapshot=True)
def list_stops(
    db: Db,
    *,
    line_code: str,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    open_only: bool = False,
    gaps: bool = False,
    limit: int = 200,
) -> Page[StopView]:
    """Stops of a line's machines, newest first.

    Args:
        from_at, to_at: Those that touch [from, to), aware; None: the last 24 hours.
        open_only: Only those that wait for a reason.
        gaps: Gaps in the data as well.
        limit: At most 1000.
    """
    from core.equipment import stop_lists

    return stop_lists.stops(db, line_code, from_at, to_at, open_only=open_only, gaps=gaps, limit=limit)


@query("equipment:stop:open", snapshot=True)
def open_stops(db: Db) -> tuple[OpenStops, ...]:
    """Lines with stops of the last 24 hours that wait for a reason."""
    from core.equipment import stop_lists

    return stop_lists.waiting(db)


@query("equipment:stop:choices", snapshot=True)
def stop_choices(db: Db, *, work_unit_code: str) -> StopChoices:
    """The reasons to choose from, with those given on this machine in the last 90 days first."""
    from core.equipment import stop_lists

    return stop_lists.choices(db, work_unit_code)
