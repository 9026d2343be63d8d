"""The recorder of machine states: STATE tags become segments in the database, without gap or overlap."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, cast

from sqlalchemy import Table, bindparam, func, select, update

from core.equipment.models import StateSegment, WorkUnit
from core.equipment.recording import FLUSH_MAX, Recorder
from core.equipment.state_rules import StateRule, rule_state
from core.equipment.states import UNMAPPED, MachineState, map_state, raw_text
from core.equipment.timeline import Begun, Explained, StateTracker
from core.live.sample import Quality, Value
from core.live.tags import TagRole, TagSpec
from core.store import evidence, notices
from core.store.base import Db

log = logging.getLogger(__name__)

KEPT_MAX: Final = 50_000
"""Segments kept in memory at most, about 10 MB; hours of an outage for a large site."""
NOT_KEPT: Final = "not_kept"
"""Reason of an OFFLINE segment that stands for many short ones of a very long outage."""
_STRANGE_MAX: Final = 100
_WAITED_FOR_S: Final = 10.0
_NO_RULES: Final[Mapping[str, Sequence[StateRule]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SegmentFact:
    """One segment on its way to the database.

    Attributes:
        seq: Rises within source and epoch.
        unit_id: Work unit.
        state, reason: See Segment.
        began, ended: UNIX seconds UTC; ended None while it goes on.
        sent: It was handed to the database before, so its row may be there already.
    """

    seq: int
    unit_id: int
    state: MachineState
    reason: str
    began: float
    ended: float | None = None
    sent: bool = False


class Ruled:
    """The tags that the rules of one machine look at, as last seen.

    What is read in one go comes in one after the other, all of the same moment: it is judged together, when time has gone on.

    Args:
        rules: In their order.
    """

    def __init__(self, rules: Sequence[StateRule]) -> None:
        self._rules = rules
        self.tags = frozenset(rule.tag for rule in rules if rule.tag)
        self._seen: dict[str, tuple[Value, Quality]] = {}
        self._since: float | None = None
        self._new_at: float | None = None

    def take(self, tag: str, value: Value, quality: Quality, at: float) -> None:
        """Take a sample of ``at``, UNIX seconds UTC."""
        self._seen[tag] = (value, quality)
        self._since = at if self._since is None else self._since
        self._new_at = at if self._new_at is None else max(at, self._new_at)

    def judge(self, now: float) -> tuple[tuple[MachineState, str], float] | None:
        """The state and since when, where samples of before ``now`` are not judged yet; None otherwise.

        A tag that was never seen is waited for, but not for ever.
        """
        if self._new_at is None or self._since is None or now <= self._new_at:
            return None
        if self.tags - self._seen.keys() and now - self._since < _WAITED_FOR_S:
            return None
        at, self._new_at = self._new_at, None
        return rule_state(self._rules, self._seen), at


class StateKeeper:
    """Segments of one source's machines that are not, or not completely, in the database.

    Args:
        units: Work unit code → id, for the units of the source.
        recorded_until: Work unit id → until when its states are stored, UNIX seconds UTC.
        next_seq: First unused sequence number of this source and epoch.
        rules: Work unit code → rules, for units without a tag that says their state.
    """

    def __init__(
        self,
        units: Mapping[str, int],
        recorded_until: Mapping[int, float],
        next_seq: int,
        rules: Mapping[str, Sequence[StateRule]] = _NO_RULES,
    ) -> None:
        self._units = units
        self._trackers = {unit: StateTracker(recorded_until.get(unit)) for unit in units.values()}
        self._ruled = {code: Ruled(rules[code]) for code in units if code in rules}
        self._strange: set[tuple[str, str]] = set()
        self._seq = next_seq
        self._open: dict[int, int] = {}
        self._facts: dict[int, SegmentFact] = {}
        self._changed: dict[int, None] = {}

    def take(self, spec: TagSpec, value: Value, quality: Quality, at: float) -> None:
        """See Keeper; takes STATE and REASON tags, and those that rules look at."""
        for code, ruled in self._ruled.items():
            if spec.name in ruled.tags:
                self._judge(code, ruled, at)
                ruled.take(spec.name, value, quality, at)
        unit = self._units.get(spec.work_unit)
        if unit is None:
            return
        tracker = self._trackers[unit]
        if spec.role is TagRole.STATE:
            if spec.work_unit not in self._ruled:
                self._see(spec.work_unit, map_state(value, quality, spec.states), raw_text(value), at)
        elif spec.role is TagRole.REASON and quality.usable:
            step = tracker.explain(reason_code(value, spec.states), at)
            if isinstance(step, Begun):
                self._begin(unit, step)
            elif isinstance(step, Explained):
                self._change(self._open[unit], reason=step.reason)

    def settle(self, now: float) -> None:
        """Judge what came in last by the rules; else a state holds until the next one."""
        for code, ruled in self._ruled.items():
            self._judge(code, ruled, now)

    def leave(self, now: float) -> None:
        """Every segment ends now: what comes until somebody records again is not known."""
        self.settle(now)
        for unit, tracker in self._trackers.items():
            end = tracker.end(now)
            if end is not None:
                self._change(self._open.pop(unit), ended=end)

    def pending(self) -> Sequence[SegmentFact]:
        """See Keeper."""
        facts = [self._facts[seq] for seq in list(self._changed)[:FLUSH_MAX]]
        for fact in facts:
            self._facts[fact.seq] = replace(fact, sent=True)
        return facts

    def stored(self, facts: Sequence[SegmentFact]) -> None:
        """See Keeper; a segment that changed meanwhile stays pending, one that ended is forgotten."""
        for fact in facts:
            if self._facts[fact.seq] == replace(fact, sent=True):
                del self._changed[fact.seq]
                if fact.ended is not None:
                    del self._facts[fact.seq]

    def _judge(self, code: str, ruled: Ruled, now: float) -> None:
        judged = ruled.judge(now)
        if judged is not None:
            self._see(code, judged[0], "", judged[1])

    def _see(self, code: str, state: tuple[MachineState, str], raw: str, at: float) -> None:
        if state[1] == UNMAPPED and (code, raw) not in self._strange and len(self._strange) < _STRANGE_MAX:
            self._strange.add((code, raw))
            log.warning("state %s of %s stands in no mapping", raw or "by its rules", code)
        for begun in self._trackers[self._units[code]].see(*state, at):
            self._begin(self._units[code], begun)

    def _begin(self, unit: int, begun: Begun) -> None:
        if unit in self._open:
            self._change(self._open[unit], ended=begun.at)
        self._facts[self._seq] = SegmentFact(self._seq, unit, begun.state, begun.reason, begun.at)
        self._changed[self._seq] = None
        self._open[unit] = self._seq
        self._seq += 1
        if len(self._facts) > KEPT_MAX:
            self._make_coarser()

    def _change(self, seq: int, ended: float | None = None, reason: str | None = None) -> None:
        fact = self._facts[seq]
        self._facts[seq] = replace(fact, ended=fact.ended if ended is None else ended, reason=fact.reason if reason is None else reason)
        self._changed[seq] = None

    def _make_coarser(self) -> None:
        """Replace the older half of each machine's finished segments by one that says they are not known."""
        for unit in self._trackers:
            whole = [fact for fact in self._facts.values() if fact.unit_id == unit and fact.ended is not None and not fact.sent]
            old = whole[: len(whole) // 2]
            if len(old) < 2:
                continue
            for fact in old[1:]:
                del self._facts[fact.seq], self._changed[fact.seq]
            self._facts[old[0].seq] = replace(old[0], state=MachineState.OFFLINE, reason=NOT_KEPT, ended=old[-1].ended)


def reason_code(value: Value, reasons: Mapping[str, str]) -> str:
    """The reason a machine offers, "" for none.

    Args:
        value: Raw value of a REASON tag: a code of the catalogue, or a number that ``reasons`` maps to one.
        reasons: Raw value as text → code, as declared with the tag.
    """
    text = raw_text(value)
    if reasons:
        return reasons.get(text, "")
    return "" if text == "0" else text[:50]


class StateRecorder(Recorder[SegmentFact]):
    """Records the states of all machines whose source this station leads."""

    roles = frozenset({TagRole.STATE, TagRole.REASON})
    what = "machine states"

    def wants(self, spec: TagSpec) -> bool:
        """By its role, or because a rule looks at it."""
        return super().wants(spec) or any(spec.name == rule.tag for rules in self._rules.values() for rule in rules)

    def _asked(self, source: str) -> object:
        specs = self._specs(source)
        return specs, self._rules_for(specs)

    def _rules_for(self, specs: Sequence[TagSpec]) -> dict[str, Sequence[StateRule]]:
        """The rules of the machines that tags of one source give the state of."""
        names = {spec.name for spec in specs}
        return {unit: rules for unit, rules in self._rules.items() if any(rule.tag in names for rule in rules)}

    def _load(self, db: Db, source: str, epoch: int, seen_until: datetime | None, specs: Sequence[TagSpec]) -> StateKeeper:
        rules = self._rules_for(specs)
        codes = {spec.work_unit for spec in specs if spec.role is TagRole.STATE} | rules.keys()
        units = {unit.code: unit.id for unit in db.execute(select(WorkUnit.code, WorkUnit.id).where(WorkUnit.code.in_(codes)))}
        evidence.begin(db, self._station, source, epoch)  # only the holder of the lease may go on
        _end_abandoned(db, source, list(units.values()), seen_until)
        until = _recorded_until(db, list(units.values()), seen_until)
        own = select(func.max(StateSegment.seq)).where(StateSegment.source == source, StateSegment.epoch == epoch)
        next_seq = (db.scalar(own) or 0) + 1
        db.commit()
        return StateKeeper(units, until, next_seq, rules)

    def _store(self, db: Db, source: str, epoch: int, facts: Sequence[SegmentFact]) -> None:
        evidence.record(db, StateSegment, [_row(fact) for fact in facts], station=self._station, source=source, epoch=epoch)
        changed = [fact for fact in facts if fact.sent]
        if changed:
            db.connection().execute(_END, [_ending(fact, source, epoch) for fact in changed])
            notices.send(db, ["state_segment:*"])
        db.commit()

    def _once_more(self, facts: Sequence[SegmentFact]) -> Sequence[SegmentFact]:
        newest = {fact.seq: replace(fact, sent=True) for fact in facts}  # the row may be there without its end
        return [newest[seq] for seq in sorted(newest)]


_TABLE: Final = cast(Table, StateSegment.__table__)
_END: Final = (
    update(_TABLE)
    .where(_TABLE.c.source == bindparam("its_source"), _TABLE.c.epoch == bindparam("its_epoch"), _TABLE.c.seq == bindparam("its_seq"))
    .values(ended_at=bindparam("ended"), reason_code=bindparam("reason"))
)
"""A segment that is in the database, or may be, gets what it learned since it was sent."""


def _ending(fact: SegmentFact, source: str, epoch: int) -> dict[str, object]:
    return {"its_source": source, "its_epoch": epoch, "its_seq": fact.seq, "ended": _utc(fact.ended), "reason": fact.reason}


def _row(fact: SegmentFact) -> dict[str, object]:
    return {
        "seq": fact.seq,
        "work_unit_id": fact.unit_id,
        "state": fact.state.value,
        "reason_code": fact.reason,
        "started_at": _utc(fact.began),
        "ended_at": _utc(fact.ended),
    }


def _utc(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _recorded_until(db: Db, units: Sequence[int], seen_until: datetime | None) -> dict[int, float]:
    """Until when each unit's states are stored, UNIX seconds UTC; segments that a dead recorder left open are ended.

    Such a recorder was last alive when it renewed its lease. When nobody knows that, its last fact is taken.
    """
    newest = {unit: segment for unit in units if (segment := _newest(db, unit)) is not None}
    facts = [moment for segment in newest.values() for moment in (segment.started_at, segment.ended_at) if moment is not None]
    alive_until = seen_until or max(facts, default=None)
    until: dict[int, float] = {}
    for unit, segment in newest.items():
        ended_at = segment.ended_at
        if ended_at is None:
            assert alive_until is not None  # there is at least this segment's beginning
            ended_at = max(segment.started_at, alive_until)
            left_open = (StateSegment.work_unit_id == unit, StateSegment.ended_at.is_(None))
            options = {"synchronize_session": False}
            db.execute(update(StateSegment).where(*left_open).values(ended_at=ended_at), execution_options=options)
        until[unit] = ended_at.timestamp()
    return until


def _end_abandoned(db: Db, source: str, units: Sequence[int], seen_until: datetime | None) -> None:
    """End what this source left open of machines that it does not tell about any more: nobody else will."""
    left_open = (StateSegment.source == source, StateSegment.ended_at.is_(None), StateSegment.work_unit_id.not_in(units))
    end = func.greatest(StateSegment.started_at, func.now() if seen_until is None else seen_until)
    db.execute(update(StateSegment).where(*left_open).values(ended_at=end), execution_options={"synchronize_session": False})


def _newest(db: Db, unit: int) -> StateSegment | None:
    newest = select(StateSegment).where(StateSegment.work_unit_id == unit)
    return db.scalars(newest.order_by(StateSegment.started_at.desc(), StateSegment.ended_at.desc().nulls_first()).limit(1)).first()
