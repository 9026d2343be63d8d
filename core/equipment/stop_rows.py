"""The SQL of what people say about stops. Imported when the first of it runs on a lane, never by a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select

from core.equipment import stop_lists, stop_rules
from core.equipment.models import Area, Line, Site, StateSegment, WorkUnit
from core.equipment.states import MachineState, Segment
from core.equipment.stop_lists import Found
from core.equipment.stop_models import StopPart, StopReason, StopRecord
from core.equipment.stop_rules import Step
from core.equipment.stop_views import PartView, StopView
from core.equipment.stops import stop_id
from core.errors import Conflict, Invalid, Refused
from core.store.attention import Adopted
from core.store.base import Db
from core.store.operation import Actor

_NOBODY: Final = {"ja": "未登録", "en": "none"}


@dataclass(frozen=True, slots=True)
class Words:
    """Who says something, when, and for which request.

    Attributes:
        user_code, station, request_id: As the row keeps them: of the operation that books it.
        decided_at: Aware UTC.
        late: Nobody can be asked any more: it is booked as it was said.
        key: Of the row, where it must be booked once however often it is adopted; None for a new one.
    """

    user_code: str
    station: str
    request_id: UUID
    decided_at: datetime
    late: bool = False
    key: UUID | None = None

    @classmethod
    def now(cls, db: Db, actor: Actor) -> Words:
        """What is decided by the operation that runs."""
        request = db.clock.uuid7() if db.request is None else db.request.id
        return cls(actor.user_code, actor.station, request, min(db.decided_at, db.now), db.late)

    @classmethod
    def of(cls, db: Db, actor: Actor, adopted: Adopted) -> Words:
        """What somebody else decided, booked by ``actor``."""
        request = db.clock.uuid7() if db.request is None else db.request.id
        return cls(actor.user_code, actor.station, request, min(adopted.decided_at, db.now), True, adopted.request_id)


@dataclass(frozen=True, slots=True)
class _Place:
    unit_id: int
    unit_code: str
    line_id: int
    line_code: str
    zone: ZoneInfo


@dataclass(slots=True)
class _Stop:
    """One stop with everything that was said about it; ``found`` is None while its evidence is not here."""

    place: _Place
    anchor_at: datetime
    found: Found | None
    records: list[StopRecord]
    parts: list[StopPart]

    @property
    def began_at(self) -> datetime:
        return self.anchor_at if self.found is None else self.found.segment.started_at

    @property
    def shown(self) -> tuple[PartView, ...]:
        segment = Segment(MachineState.DOWN, self.anchor_at) if self.found is None else self.found.segment
        return stop_rules.parts_of(segment, stop_lists.said(self.parts))


def explain(
    db: Db, words: Words, unit: str, began_at: datetime, from_at: datetime | None, reason: str, comment: str, version: int | None
) -> StopView:
    """See ``core.equipment.stops.explain_stop``."""
    stop = _opened(db, words, unit, began_at)
    if not words.late:
        _check_reason(db, reason)
    if stop.found is None and not words.late:
        raise Refused("stop.not_found", unit=unit, at=stop_rules.wall(began_at, stop.place.zone))
    at = max(from_at or stop.began_at, stop.began_at)
    if not _said_already(stop, words, at, reason, comment):
        _check_version(db, words, stop, version, reason)
        _say(db, words, stop, at, reason, comment)
    return _answer(db, stop)


def split(db: Db, words: Words, unit: str, began_at: datetime, at: datetime, reason: str, comment: str, version: int | None) -> StopView:
    """See ``core.equipment.stops.split_stop``."""
    stop, found = _there(db, words, unit, began_at)
    _check_reason(db, reason)
    _check_version(db, words, stop, version, reason)
    stop_rules.check_split(found.segment, stop.shown, at, db.now, stop.place.zone)
    _say(db, words, stop, at, reason, comment, keep=True)
    return _answer(db, stop)


def mark(db: Db, words: Words, unit: str, began_at: datetime, step: Step, at: datetime | None, version: int | None) -> StopView:
    """See ``core.equipment.stops.mark_stop``."""
    stop = _opened(db, words, unit, began_at)
    if stop.found is None and not words.late:
        raise Refused("stop.not_found", unit=unit, at=stop_rules.wall(began_at, stop.place.zone))
    head = stop.records[0] if stop.records else None
    marked: dict[str, datetime] = {each: moment for each in stop_rules.STEPS if (moment := getattr(head, f"{each}_at", None)) is not None}
    if step in marked and (at is None or words.late):
        return _answer(db, stop)
    if not words.late:
        _check_version(db, words, stop, version, "")
        stop_rules.check_step(step, at or words.decided_at, stop.began_at, marked, stop.place.zone)
    head = _head(db, stop)
    setattr(head, f"{step}_at", max(at or words.decided_at, stop.began_at))
    setattr(head, f"{step}_by", words.user_code)
    head.changed_at = db.now
    db.flush()
    return _answer(db, stop)


def merge(db: Db, words: Words, unit: str, first_at: datetime, second_at: datetime, version: int | None) -> StopView:
    """See ``core.equipment.stops.merge_stops``."""
    second, later = _there(db, words, unit, second_at)
    first, sooner = _there(db, words, unit, first_at)
    _check_version(db, words, second, version, "")
    if first_at == second_at:
        _head(db, second).merged_into = None
    elif sooner.id == later.id:
        _retire(db, [part for part in second.parts if part.from_at == second_at])
    else:
        if sooner.segment.started_at > later.segment.started_at:
            raise Refused("stop.merge_far")
        head, tail = _head(db, first), _head(db, second)
        _check_near(db, first, sooner, later, head)
        tail.merged_into = head.merged_into or head.id
    _head(db, second).changed_at = db.now
    db.flush()
    return _answer(db, second)


def reclassify(
    db: Db,
    words: Words,
    unit: str,
    began_at: datetime,
    from_at: datetime | None,
    state: MachineState,
    reason: str,
    comment: str,
    version: int | None,
) -> StopView:
    """See ``core.equipment.stops.reclassify_gap``."""
    if state is MachineState.OFFLINE:
        raise Invalid("gap.state")
    stop = _opened(db, words, unit, began_at)
    if stop.found is None or stop.found.segment.state is not MachineState.OFFLINE:
        raise Invalid("gap.none", unit=unit, at=stop_rules.wall(began_at, stop.place.zone))
    _check_reason(db, reason)
    _check_version(db, words, stop, version, reason)
    at = max(from_at or stop.began_at, stop.began_at)
    if at > stop.began_at:
        stop_rules.check_split(stop.found.segment, (), at, db.now, stop.place.zone)
    _say(db, words, stop, at, reason, comment, state=state)
    return _answer(db, stop)


# --- inside ----------------------------------------------------------------------------------------------------------


def _opened(db: Db, words: Words, unit: str, began_at: datetime) -> _Stop:
    """The stop with its machine locked: the first word about a stop has no row that could be locked.

    Raises:
        Invalid: ``stop.unit_unknown``.
    """
    place = _place(db, unit, gone=words.late)
    db.execute(select(func.pg_advisory_xact_lock(func.hashtext("genba.stop"), place.unit_id)))
    return _stop(db, place, began_at)


def _there(db: Db, words: Words, unit: str, began_at: datetime) -> tuple[_Stop, Found]:
    stop = _opened(db, words, unit, began_at)
    if stop.found is None or stop.found.segment.state is MachineState.OFFLINE:
        raise Refused("stop.not_found", unit=unit, at=stop_rules.wall(began_at, stop.place.zone))
    return stop, stop.found


def _place(db: Db, unit: str, *, gone: bool) -> _Place:
    wanted = (
        select(WorkUnit.id, Line.id, Line.code, Site.time_zone)
        .join(Line, Line.id == WorkUnit.line_id)
        .join(Area, Area.id == Line.area_id)
        .join(Site, Site.id == Area.site_id)
        .where(WorkUnit.code == unit)
    )
    row = db.execute(wanted if gone else wanted.where(WorkUnit.retired_at.is_(None))).first()
    if row is None:
        raise Invalid("stop.unit_unknown", unit=unit)
    return _Place(row[0], unit, row[1], row[2], ZoneInfo(row[3]))


def _stop(db: Db, place: _Place, anchor_at: datetime) -> _Stop:
    first = select(func.max(StateSegment.started_at)).where(
        StateSegment.work_unit_id == place.unit_id, StateSegment.started_at <= anchor_at
    )
    near = stop_lists.found_select().where(
        StateSegment.work_unit_id == place.unit_id,
        StateSegment.started_at >= func.coalesce(first.scalar_subquery(), anchor_at),
        StateSegment.started_at <= anchor_at + stop_rules.CLOCKS,
    )
    around = stop_lists.found(db, near)
    segment = stop_rules.segment_at([each.segment for each in around], anchor_at)
    found = next((each for each in around if each.segment is segment), None)
    if found is None:
        close = StopRecord.anchor_at.between(anchor_at - stop_rules.CLOCKS, anchor_at + stop_rules.CLOCKS)
        asked = select(StopRecord).where(StopRecord.work_unit_id == place.unit_id, close, StopRecord.segment_id.is_(None))
        records = list(db.scalars(asked.order_by(StopRecord.anchor_at)))
        ids = [record.id for record in records]
        parts = list(db.scalars(select(StopPart).where(StopPart.stop_id.in_(ids), StopPart.retired_at.is_(None)))) if ids else []
        return _Stop(place, anchor_at, None, records, parts)
    belonging, of_record = stop_lists.records_of(db, [found])
    records = belonging.get(found.id, [])
    return _Stop(place, anchor_at, found, records, [part for record in records for part in of_record.get(record.id, ())])


def _head(db: Db, stop: _Stop) -> StopRecord:
    """The record of the stop, made with the first word about it; it learns its segment as soon as that is known."""
    if not stop.records:
        record = StopRecord(id=db.clock.uuid7(), line_id=stop.place.line_id, work_unit_id=stop.place.unit_id)
        record.anchor_at, record.changed_at = stop.anchor_at, db.now
        db.add(record)
        stop.records = [record]
    head = stop.records[0]
    if stop.found is not None and all(record.segment_id is None for record in stop.records):
        head.segment_id = stop.found.id
    db.flush()
    return head


def _check_reason(db: Db, code: str) -> None:
    if code and not db.scalar(select(StopReason.active).where(StopReason.code == code)):
        raise Invalid("stop.reason_unknown", reason=code)


def _check_version(db: Db, words: Words, stop: _Stop, version: int | None, reason: str) -> None:
    """Refuse what was decided on an older state of the stop than there is; what comes home late is no edit of anything."""
    now = stop.records[0].version if stop.records else 0
    if words.late or version is None or version == now:
        return
    newest = max(stop.parts, key=lambda part: part.decided_at, default=None)
    head = stop.records[0] if stop.records else None
    by = newest.user_code if newest else next((name for step in stop_rules.STEPS if head and (name := getattr(head, f"{step}_by"))), "")
    theirs = _name(db, newest.reason_code if newest else "")
    raise Conflict("stop.changed", mine=_name(db, reason), theirs=theirs, by=by, version=now)


def _name(db: Db, code: str) -> dict[str, str]:
    names = db.scalar(select(StopReason.name).where(StopReason.code == code)) if code else None
    return names or ({"ja": code, "en": code} if code else _NOBODY)


def _same_part(stop: _Stop, at: datetime) -> list[StopPart]:
    """The parts that a word about the time from ``at`` on replaces."""
    if at <= stop.began_at:
        return [part for part in stop.parts if part.from_at <= stop.began_at]
    return [part for part in stop.parts if part.from_at == at]


def _said_already(stop: _Stop, words: Words, at: datetime, reason: str, comment: str) -> bool:
    """A second tap of the same person, or an adoption repeated: it is so already."""
    there = _same_part(stop, at)
    if not reason and not comment:
        return not there  # nothing to take back
    same = [part for part in there if (part.reason_code, part.comment, part.state) == (reason, comment, None)]
    return any(part.user_code == words.user_code for part in same)


def _say(
    db: Db, words: Words, stop: _Stop, at: datetime, reason: str, comment: str, *, state: MachineState | None = None, keep: bool = False
) -> None:
    """Add a part in place of what was said of the same time; an older word that comes home later is kept and does not count."""
    head = _head(db, stop)
    if words.key is not None and db.get(StopPart, words.key) is not None:
        return
    replaced = [] if keep else _same_part(stop, at)
    overtaken = any(part.decided_at > words.decided_at for part in replaced)
    if not overtaken:
        _retire(db, replaced)
    head.changed_at = db.now
    if reason or comment or state is not None:
        part = StopPart(id=words.key or db.clock.uuid7(), stop_id=head.id, line_id=stop.place.line_id, work_unit_id=stop.place.unit_id)
        part.from_at, part.reason_code, part.comment = at, reason, comment
        part.state = None if state is None else state.value
        part.user_code, part.station, part.request_id = words.user_code, words.station, words.request_id
        part.decided_at, part.retired_at = words.decided_at, db.now if overtaken else None
        db.add(part)
    db.flush()


def _retire(db: Db, parts: Sequence[StopPart]) -> None:
    for part in parts:
        part.retired_at = db.now
    db.flush()  # before a new one takes the place


def _check_near(db: Db, first: _Stop, sooner: Found, later: Found, head: StopRecord) -> None:
    """Refuse to merge over a stop in between that is not of the same failure."""
    states = [state.value for state in stop_rules.EXPLAINED]
    between = (
        select(func.count())
        .select_from(StateSegment)
        .outerjoin(StopRecord, StopRecord.segment_id == StateSegment.id)
        .where(
            StateSegment.work_unit_id == first.place.unit_id,
            StateSegment.started_at > sooner.segment.started_at,
            StateSegment.started_at < later.segment.started_at,
            StateSegment.state.in_(states),
            or_(StopRecord.merged_into.is_(None), StopRecord.merged_into != (head.merged_into or head.id)),
        )
    )
    if db.scalar(between):
        raise Refused("stop.merge_far")


def _answer(db: Db, stop: _Stop) -> StopView:
    """The stop as it is now; one whose evidence is not here yet as it was said."""
    if stop.found is not None:
        (view,) = stop_lists.views(db, [stop.found], stop_lists.reasons_of(db))
        return view
    place, again = stop.place, _stop(db, stop.place, stop.anchor_at)
    version = again.records[0].version if again.records else 0
    name = stop_id(place.unit_code, stop.anchor_at)
    parts = again.shown
    needs = any(stop_rules.is_open_reason(part.reason_code) for part in parts)
    return StopView(name, place.line_code, place.unit_code, MachineState.DOWN, stop.anchor_at, None, False, needs, parts, version=version)
