"""The recorder of counts: GOOD, REJECT and TOTAL counters become count events, each with the order it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Final

from sqlalchemy import func, select

from core.equipment.models import Line, Source, WorkUnit
from core.equipment.recording import FLUSH_MAX, Recorder, log
from core.errors import GenbaError
from core.live.sample import Quality, Value
from core.live.tags import TagRole, TagSpec
from core.log import Outage
from core.production import automatic
from core.production.attribution import orders_at
from core.production.counting import Counted, CounterTracker, Pace, modulus
from core.production.models import CountEvent
from core.store import evidence
from core.store.base import Db

KEPT_MAX: Final = 100_000
"""Events kept in memory at most, about 20 MB."""
_FINEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of a machine, as the database knows it.

    Attributes:
        line_id, unit_id: Where it counts.
        pace: What is plausible there.
        last, last_at: Value and time (UNIX seconds UTC) of its last stored event; None when there is none.
        seen_until: Until when somebody read it, UNIX seconds UTC; -inf when nobody knows.
    """

    line_id: int
    unit_id: int
    pace: Pace
    last: int | None
    last_at: float
    seen_until: float = float("-inf")


@dataclass(frozen=True, slots=True)
class CountFact:
    """One event on its way to the database; ``seq`` rises within source and epoch."""

    seq: int
    line_id: int
    unit_id: int
    kind: str
    counted: Counted


def pace_of(capacity_per_hour: float, speed: float = 1.0) -> Pace:
    """What is plausible for a machine of a line: five times its capacity, and a few parts at once.

    Args:
        capacity_per_hour: Of the line.
        speed: Seconds of the machine's life per second; above 1 only for a simulated plant.
    """
    per_s = 5.0 * speed * capacity_per_hour / 3600.0
    return Pace(slack=max(20, round(10 * per_s)), per_s=per_s)


class CountKeeper:
    """Counts of one source that are not in the database yet.

    Args:
        counters: Tag name → what the database knows of it.
        specs: The tags.
        next_seq: First unused sequence number of this source and epoch.
    """

    def __init__(self, counters: Mapping[str, Counter], specs: Sequence[TagSpec], next_seq: int) -> None:
        self._counters = counters
        self._trackers = {
            spec.name: CounterTracker(modulus(spec.type, spec.scale), counter.pace, counter.last, counter.last_at, counter.seen_until)
            for spec in specs
            if (counter := counters.get(spec.name)) is not None
        }
        self._kinds = {spec.name: str(spec.role) for spec in specs}
        self._seq = next_seq
        self._facts: list[CountFact] = []
        self._sent = 0

    def take(self, spec: TagSpec, value: Value, quality: Quality, at: float) -> None:
        """See Keeper; takes the tags of counters."""
        tracker = self._trackers.get(spec.name)
        if tracker is not None:
            self._keep(spec.name, tracker.see(value, quality, at))

    def settle(self, now: float) -> None:
        """Counters that stand where they did not fit are believed after a while."""
        for name, tracker in self._trackers.items():
            self._keep(name, tracker.settle(now))

    def leave(self, now: float) -> None:
        """Nothing: the successor goes on from the last stored value."""

    def pending(self) -> Sequence[CountFact]:
        """See Keeper."""
        facts = tuple(self._facts[:FLUSH_MAX])
        self._sent = max(self._sent, len(facts))
        return facts

    def stored(self, facts: Sequence[CountFact]) -> None:
        """See Keeper."""
        del self._facts[: len(facts)]
        self._sent = max(0, self._sent - len(facts))

    def _keep(self, name: str, counted: Sequence[Counted]) -> None:
        counter = self._counters[name]
        for each in counted:
            self._facts.append(CountFact(self._seq, counter.line_id, counter.unit_id, self._kinds[name], each))
            self._seq += 1
        if len(self._facts) > KEPT_MAX:
            # What was sent may be stored although no answer came: it must stay as it is.
            self._facts[self._sent :] = coarser(self._facts[self._sent :])


def coarser(facts: Sequence[CountFact]) -> list[CountFact]:
    """At most half as many events with the same parts: those of one counter within a minute (or longer) become one."""
    span_s = _FINEST_S
    while True:
        merged: dict[tuple[int, str, int], CountFact] = {}
        for fact in facts:
            key = (fact.unit_id, fact.kind, int(fact.counted.at // span_s))
            before = merged.get(key)
            merged[key] = fact if before is None else _joined(before, fact)
        if len(merged) <= max(1, len(facts) // 2) or span_s > 1e9:
            return sorted(merged.values(), key=lambda fact: fact.seq)
        span_s *= 2


def _joined(first: CountFact, second: CountFact) -> CountFact:
    one, two = first.counted, second.counted
    since = one.at if one.since is None else one.since
    both = Counted(two.at, one.quantity + two.quantity, two.value, gap=True, reset=one.reset or two.reset, since=since)
    return CountFact(first.seq, first.line_id, first.unit_id, first.kind, both)


class CountRecorder(Recorder[CountFact]):
    """Records the counters of all machines whose source this station leads."""

    roles = frozenset({TagRole.GOOD, TagRole.REJECT, TagRole.TOTAL})
    what = "counts"
    _next_report_at = 0.0

    async def flush(self) -> None:
        """See Recorder; then lines that report by themselves do so, once in a while."""
        await super().flush()
        if self._clock.monotonic() < self._next_report_at or not self._database.up:
            return
        self._next_report_at = self._clock.monotonic() + automatic.EVERY_S
        for code, source in list(self._sources.items()):
            if source.keeper is not None:
                await self._report(code, source.epoch)

    async def _report(self, code: str, epoch: int) -> None:
        try:
            await self._on_lane(partial(automatic.report, station=self._station, source=code, epoch=epoch))
        except GenbaError:
            pass  # the database is away or busy, and says so itself; what was counted stays counted
        except Exception as error:  # noqa: BLE001 - counting goes on, and it is tried again
            self._reporting.down(error)
        else:
            self._reporting.up()

    @cached_property
    def _reporting(self) -> Outage:
        return Outage(log, "automatic reports", self._clock)

    def _load(self, db: Db, source: str, epoch: int, seen_until: datetime | None, specs: Sequence[TagSpec]) -> CountKeeper:
        evidence.begin(db, self._station, source, epoch)  # only the holder of the lease may go on
        codes = {spec.work_unit for spec in specs}
        found = select(WorkUnit.code, WorkUnit.id, Line.id, Line.capacity_per_hour).join(Line, Line.id == WorkUnit.line_id)
        units = {code: (unit, line, capacity) for code, unit, line, capacity in db.execute(found.where(WorkUnit.code.in_(codes)))}
        speed = _speed(db, source)
        counters = {}
        for spec in specs:
            if spec.work_unit in units:
                unit_id, line_id, capacity = units[spec.work_unit]
                last, last_at = _last(db, unit_id, str(spec.role))
                until = float("-inf") if seen_until is None else seen_until.timestamp()
                counters[spec.name] = Counter(line_id, unit_id, pace_of(float(capacity), speed), last, last_at, until)
        own = select(func.max(CountEvent.seq)).where(CountEvent.source == source, CountEvent.epoch == epoch)
        next_seq = (db.scalar(own) or 0) + 1
        db.commit()
        return CountKeeper(counters, specs, next_seq)

    def _store(self, db: Db, source: str, epoch: int, facts: Sequence[CountFact]) -> None:
        evidence.begin(db, self._station, source, epoch)  # first: an upgrade may have to be waited for, and nobody waits for us meanwhile
        # Held until the commit, so that a start or an end of an order meanwhile sees these parts, or these see it.
        lines = sorted({fact.line_id for fact in facts})
        db.execute(select(Line.id).where(Line.id.in_(lines)).order_by(Line.id).with_for_update(read=True))
        moments = [datetime.fromtimestamp(fact.counted.at, UTC) for fact in facts]
        orders = orders_at(db, [(fact.line_id, at) for fact, at in zip(facts, moments, strict=True)])
        rows = [
            {
                "seq": fact.seq,
                "line_id": fact.line_id,
                "work_unit_id": fact.unit_id,
                "order_id": order,
                "kind": fact.kind,
                "quantity": Decimal(fact.counted.quantity),
                "counter_value": fact.counted.value,
                "reset": fact.counted.reset,
                "gap": fact.counted.gap,
                "gap_from_at": None if fact.counted.since is None else datetime.fromtimestamp(fact.counted.since, UTC),
                "occurred_at": at,
            }
            for fact, order, at in zip(facts, orders, moments, strict=True)
        ]
        evidence.record(db, CountEvent, rows, station=self._station, source=source, epoch=epoch)
        db.commit()


def _speed(db: Db, source: str) -> float:
    """Option ``speed`` of a simulated source; real machines live one second per second."""
    row = db.execute(select(Source.simulated, Source.options).where(Source.code == source)).first()
    return float(row.options.get("speed", 1.0)) if row is not None and row.simulated else 1.0


def _last(db: Db, unit_id: int, kind: str) -> tuple[int | None, float]:
    """Value and time of the newest event of a counter."""
    newest = (
        select(CountEvent.counter_value, CountEvent.occurred_at)
        .where(CountEvent.work_unit_id == unit_id, CountEvent.kind == kind, CountEvent.counter_value.is_not(None))
        .order_by(CountEvent.occurred_at.desc(), CountEvent.epoch.desc(), CountEvent.seq.desc())
        .limit(1)
    )
    row = db.execute(newest).first()
    return (None, float("-inf")) if row is None else (row[0], row[1].timestamp())
