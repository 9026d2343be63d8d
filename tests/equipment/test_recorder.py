"""The recorders of states and counts: real live table, real database, leases that change hands."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment.states import NO_LINK, MachineState
from core.live.sample import Batch, Quality, Value
from core.live.table import Table
from core.live.tags import TagRole, TagSpec, TagType
from core.production.counting import Counted

if TYPE_CHECKING:
    from core.equipment.recording import Recorder
    from core.store.lease import Lease
    from tests.conftest import ExpectedLog
    from tests.store.rig import Station

UNIT = "L1-M2"
STATES = {"0": "IDLE", "1": "RUNNING", "2": "DOWN"}
SPECS = [
    TagSpec("L1.M2.State", "PLC", "s", TagType.INT32, work_unit=UNIT, role=TagRole.STATE, states=STATES),
    TagSpec("L1.M2.Reason", "PLC", "r", TagType.INT32, work_unit=UNIT, role=TagRole.REASON, states={"7": "D07", "5": "D05"}),
    TagSpec("L1.M2.Good", "PLC", "g", TagType.UINT32, work_unit=UNIT, role=TagRole.GOOD),
    TagSpec("L1.M2.Reject", "PLC", "j", TagType.UINT32, work_unit=UNIT, role=TagRole.REJECT),
    TagSpec("L1.M2.Pressure", "PLC", "p", TagType.FLOAT32, work_unit=UNIT),
    TagSpec("L2.M2.Good", "OTHER", "g", TagType.UINT32, work_unit="L2-M2", role=TagRole.GOOD),
]


class Rig:
    """A station's live table and recorders, and a second look at its database."""

    def __init__(self, station: Station, admin: str) -> None:
        from core.equipment.recorder import StateRecorder
        from core.production.recorder import CountRecorder

        self.station, self.admin, self.table = station, admin, Table()
        self.lost: list[str] = []
        made = (station.database, "ST1", self.table.get, station.clock, self.lost.append)
        self.states, self.counts = StateRecorder(*made), CountRecorder(*made)
        self.recorders: Sequence[Recorder[Any]] = (self.states, self.counts)
        for recorder in self.recorders:
            recorder.set_tags(SPECS)
            self.table.subscribe(recorder.put)

    def see(self, tag: str, value: Value, quality: Quality = Quality.GOOD, source: str = "PLC", ago_s: float = 0.0) -> None:
        at = self.station.clock.now().timestamp() - ago_s
        batch = Batch(source, at)
        batch.add(f"{tag}", value, quality, at)
        self.table.put(batch)

    def take(self, holder: str = "ST1", ttl_s: float = 60.0) -> Lease | None:
        from core.store import lease

        def job(db: Any) -> Any:
            led = lease.acquire(db, "source:PLC", holder, ttl_s)
            db.commit()
            return led

        led: Lease | None = self.station.database.submit("operations", job, deadline_s=5).result()
        return led

    def lead(self) -> Lease:
        led = self.take()
        assert led is not None
        for recorder in self.recorders:
            recorder.lead("PLC", led.epoch, led.seen_until)
        return led

    def sql(self, statement: str, *values: Any) -> list[Any]:
        from tests.store.rig import ask

        return ask(self.admin, statement, *values)

    def expire(self, renewed_ago_s: float = 0.0) -> None:
        """The lease runs out, last renewed ``renewed_ago_s`` ago."""
        self.sql(
            "UPDATE genba.lease SET expires_at = now() - interval '1 second', renewed_at = now() - make_interval(secs => %s)", renewed_ago_s
        )

    def events(self, kind: str = "good") -> list[tuple[int, int, bool, bool]]:
        columns = "quantity, counter_value, gap, reset"
        found = self.sql(f"SELECT {columns} FROM genba.count_event WHERE kind = %s ORDER BY occurred_at, epoch, seq", kind)
        return [(int(quantity), value, gap, reset) for quantity, value, gap, reset in found]

    def made(self, kind: str = "good") -> int:
        return sum(quantity for quantity, *_ in self.events(kind))

    def segments(self) -> list[tuple[str, str, datetime, datetime | None]]:
        return self.sql("SELECT state, reason_code, started_at, ended_at FROM genba.state_segment ORDER BY started_at, epoch, seq")

    def chain(self) -> list[tuple[str, str]]:
        """States and reasons, after a check that there is neither gap nor overlap."""
        segments = self.segments()
        for left, right in itertools.pairwise(segments):
            assert left[3] == right[2], segments
        return [(state, reason) for state, reason, *_ in segments]


@pytest.fixture
def rig(database_url: str, admin_url: str, tmp_path: Path) -> Iterator[Rig]:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from core.store.base import Db
    from tests.production.conftest import plant_rows
    from tests.store.rig import Station

    engine = create_engine(admin_url, poolclass=NullPool)
    with Db(engine) as db:
        plant_rows(db)
        db.commit()
    engine.dispose()
    station = Station(database_url, tmp_path)
    station.wait(True)
    yield Rig(station, admin_url)
    station.close()


def go(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


async def flush(rig: Rig) -> None:
    for recorder in rig.recorders:
        await recorder.flush()


def test_counts_and_states_arrive(rig: Rig, expect_log: ExpectedLog) -> None:
    expect_log(r"state 9 of L1-M2 stands in no mapping")

    async def scene() -> None:
        rig.see("L1.M2.Good", 100)
        rig.see("L1.M2.State", 1)
        rig.lead()
        await flush(rig)  # learns where to begin, and takes what the table knows
        rig.see("L1.M2.Good", 101)
        rig.see("L1.M2.Good", 103)
        rig.see("L1.M2.Reject", 7)
        rig.see("L1.M2.Reject", 8)
        rig.see("L1.M2.Pressure", 8.2)
        rig.see("L2.M2.Good", 5, source="OTHER")
        rig.see("L1.M2.Reason", 7)
        rig.see("L1.M2.State", 2)
        rig.see("L1.M2.State", 9)
        rig.see("L1.M2.State", 1, Quality.OFFLINE)
        rig.see("L1.M2.State", 1)
        await flush(rig)

    go(scene())
    assert rig.events() == [(0, 100, False, False), (1, 101, False, False), (2, 103, False, False)]
    assert rig.events("reject") == [(0, 7, False, False), (1, 8, False, False)]
    assert rig.chain() == [("RUNNING", ""), ("DOWN", "D07"), ("OFFLINE", "unmapped"), ("OFFLINE", NO_LINK), ("RUNNING", "")]
    assert rig.segments()[-1][3] is None


def test_parts_belong_to_the_order_that_ran_when_they_were_counted(rig: Rig) -> None:
    from core.production import orders
    from tests.postgres import lend
    from tests.production.conftest import Plant, with_time

    def start(db: Any) -> Any:
        from core.store.operation import Actor

        db.actor = Actor("t", "T", frozenset(), frozenset({"*"}), "TEST", None)
        lend(db)
        order = Plant(db, {}, {}, {}).released("WO-1")
        with_time(db, -5 / 60)
        view = orders.start_order(db, db.actor, order_id=order.id)
        db.commit()
        return view

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 100, ago_s=9)
        rig.see("L1.M2.Good", 104, ago_s=8)
        await flush(rig)
        # The order starts while counts of the last seconds are still under way: booked before it, or after it.
        rig.see("L1.M2.Good", 105, ago_s=4)
        await flush(rig)
        rig.station.database.submit("operations", start, deadline_s=5).result()
        rig.see("L1.M2.Good", 110, ago_s=3)
        await flush(rig)

    go(scene())
    booked = rig.sql("SELECT counter_value, order_id IS NOT NULL FROM genba.count_event ORDER BY seq")
    assert booked == [(100, False), (104, False), (105, True), (110, True)]


def test_a_batch_waits_for_the_start_it_meets(rig: Rig, database_url: str) -> None:
    """The start is decided and not committed when the part is counted: the part must not miss its order."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from core.production import orders
    from core.store.base import Db
    from core.store.operation import Actor
    from tests.postgres import lend
    from tests.production.conftest import Plant

    actor = Actor("t", "T", frozenset(), frozenset({"*"}), "TEST", None)

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 10)
        rig.see("L1.M2.Good", 10)
        await flush(rig)
        engine = create_engine(database_url, poolclass=NullPool)
        with Db(engine, actor=actor) as db:
            lend(db)
            db.decided_at = db.now
            order = Plant(db, {}, {}, {}).released("WO-1")
            db.commit()
            lend(db)
            db.decided_at = db.now
            orders.start_order(db, actor, order_id=order.id)
            rig.see("L1.M2.Good", 11, ago_s=-0.2)
            storing = asyncio.create_task(rig.counts.flush())
            await asyncio.sleep(0.5)
            assert not storing.done()
            db.commit()
        await storing
        engine.dispose()

    go(scene())
    assert rig.sql("SELECT counter_value, order_id IS NOT NULL FROM genba.count_event ORDER BY seq") == [(10, False), (11, True)]


def test_while_the_database_is_away_nothing_is_lost(rig: Rig, expect_log: Any) -> None:
    expect_log(r"database is down")

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 10)
        rig.see("L1.M2.Good", 11)
        rig.see("L1.M2.State", 1)
        await flush(rig)
        rig.station.lose()
        for value in range(12, 20):
            rig.see("L1.M2.Good", value)
            rig.see("L1.M2.State", value % 3)
            await flush(rig)
        rig.station.back()
        await flush(rig)

    go(scene())
    assert rig.made() == 9
    assert rig.events()[-1] == (1, 19, False, False)
    assert len(rig.chain()) == 9


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_whose_commit_got_lost_is_stored_once(rig: Rig, when: Literal["before", "after"], expect_log: Any) -> None:
    expect_log(r"database is down")

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 10)
        rig.see("L1.M2.Good", 15)
        rig.see("L1.M2.State", 1)
        for recorder in rig.recorders:
            rig.station.proxy.lose(when)
            await recorder.flush()
            rig.station.wait(False)
            rig.station.back()
        rig.see("L1.M2.State", 2)
        await flush(rig)
        await flush(rig)

    go(scene())
    assert rig.events() == [(0, 10, False, False), (5, 15, False, False)]
    assert rig.chain() == [("RUNNING", ""), ("DOWN", "")]
    assert [ended is None for *_, ended in rig.segments()] == [False, True]


def test_a_successor_goes_on_where_the_dead_one_stopped(rig: Rig) -> None:
    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 10)
        rig.see("L1.M2.Good", 15)
        rig.see("L1.M2.State", 1)
        await flush(rig)
        for recorder in rig.recorders:
            recorder.resign("PLC")
        rig.expire(renewed_ago_s=0.0)
        await asyncio.sleep(0.05)
        led = rig.take()  # the same station again, or another one: its number says it
        assert led is not None
        assert led.epoch == 2
        assert led.seen_until is not None
        rig.see("L1.M2.Good", 30)  # counted while nobody recorded
        for recorder in rig.recorders:
            recorder.lead("PLC", led.epoch, led.seen_until)
        await flush(rig)
        await flush(rig)

    go(scene())
    assert rig.events() == [(0, 10, False, False), (5, 15, False, False), (15, 30, True, False)]
    assert rig.chain() == [("RUNNING", ""), ("OFFLINE", NO_LINK), ("RUNNING", "")]
    running, offline, again = rig.segments()
    assert running[3] == offline[2]
    assert offline[3] is not None
    assert again[3] is None


def test_a_superseded_recorder_stops_and_changes_nothing(rig: Rig) -> None:
    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 10)
        rig.see("L1.M2.State", 1)
        await flush(rig)
        rig.expire()
        assert rig.take("ST2") is not None
        rig.see("L1.M2.Good", 20)
        rig.see("L1.M2.State", 2)
        await flush(rig)
        rig.see("L1.M2.Good", 30)
        await flush(rig)

    go(scene())
    assert rig.lost == ["PLC", "PLC"]
    assert rig.made() == 0
    assert rig.chain() == [("RUNNING", "")]


def test_an_orderly_end_closes_the_states(rig: Rig) -> None:
    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.State", 1)
        task = asyncio.create_task(rig.states.run())
        await asyncio.sleep(0.7)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        rig.see("L1.M2.Good", 3)
        for recorder in rig.recorders:
            await recorder.close()

    go(scene())
    segments = rig.segments()
    assert [segment[0] for segment in segments] == ["RUNNING"]
    assert segments[0][3] is not None


def test_the_same_lease_goes_on_with_new_numbers(rig: Rig) -> None:
    """A renewed lease keeps its epoch: a recorder that begins again must not use numbers that are taken."""

    async def scene() -> None:
        led = rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 10)
        rig.see("L1.M2.Good", 11)
        rig.see("L1.M2.State", 1)
        await flush(rig)
        for recorder in rig.recorders:
            recorder.lead("PLC", led.epoch, rig.station.clock.now())
        await flush(rig)
        rig.see("L1.M2.Good", 13)
        rig.see("L1.M2.State", 2)
        await flush(rig)

    go(scene())
    assert rig.made() == 3
    assert [state for state, _ in rig.chain()][-1] == "DOWN"


def test_a_fact_the_database_will_not_hold_does_not_end_the_recording(rig: Rig, expect_log: Any) -> None:
    expect_log(r"recorder of counts of PLC is down")

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 10)
        rig.see("L1.M2.Good", 10)
        await flush(rig)
        rig.sql("ALTER TABLE genba.count_event ADD CONSTRAINT small CHECK (quantity < 5) NOT VALID")
        rig.see("L1.M2.Good", 20)
        await flush(rig)
        rig.sql("ALTER TABLE genba.count_event DROP CONSTRAINT small")
        rig.counts._sources["PLC"].again_at = 0.0
        await flush(rig)
        await flush(rig)

    go(scene())
    assert rig.events()[-1] == (10, 20, True, False)


def test_a_changed_tag_list_begins_again_and_an_equal_one_does_not(rig: Rig) -> None:
    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.State", 1)
        await flush(rig)
        rig.states.set_tags(list(SPECS))
        assert rig.states._sources["PLC"].keeper is not None
        rig.states.set_tags(SPECS[1:])
        await flush(rig)
        rig.see("L1.M2.State", 2)
        await flush(rig)

    go(scene())
    assert rig.chain() == [("RUNNING", "")]


# --- without a database ---------------------------------------------------------------------------------------------


@given(steps=st.lists(st.tuples(st.sampled_from(["good", "reject"]), st.integers(0, 9), st.floats(0, 500)), min_size=1, max_size=200))
def test_making_counts_coarser_keeps_every_part(steps: list[tuple[str, int, float]]) -> None:
    from core.production.recorder import CountFact, coarser

    at, facts = 0.0, []
    for seq, (kind, quantity, later) in enumerate(steps):
        at += later
        facts.append(CountFact(seq, 1, 2, kind, Counted(at, quantity, seq)))
    merged = coarser(facts)
    assert len(merged) <= max(2, len(facts) // 2)
    assert [fact.seq for fact in merged] == sorted({fact.seq for fact in merged})
    for kind in ("good", "reject"):
        before, after = ([fact.counted for fact in each if fact.kind == kind] for each in (facts, merged))
        assert sum(each.quantity for each in after) == sum(each.quantity for each in before)
        if before:
            assert after[-1].value == before[-1].value


def test_memory_is_bounded_in_an_endless_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.equipment import recorder as states
    from core.production import recorder as counts

    monkeypatch.setattr(states, "KEPT_MAX", 100)
    monkeypatch.setattr(counts, "KEPT_MAX", 100)
    keeper = states.StateKeeper({UNIT: 1}, {}, 1)
    sent = keeper.pending()
    for second in range(1000):
        keeper.take(SPECS[0], second % 2, Quality.GOOD, float(second))
        if second == 5:
            sent = keeper.pending()
    facts = list(keeper.pending())
    assert len(facts) <= 101
    assert [fact.began for fact in facts[1:]] == [fact.ended for fact in facts[:-1]]
    assert [fact.seq for fact in facts[: len(sent)]] == [fact.seq for fact in sent]  # what may be stored already stays
    assert any(fact.state is MachineState.OFFLINE and fact.reason == states.NOT_KEPT for fact in facts)

    tracker = {"L1.M2.Good": counts.Counter(1, 1, counts.pace_of(3600), 0, 0.0)}
    counting = counts.CountKeeper(tracker, [SPECS[2]], 1)
    for second in range(1, 1001):
        counting.take(SPECS[2], second, Quality.GOOD, float(second))
    kept = counting.pending()
    assert len(kept) <= 101
    assert sum(fact.counted.quantity for fact in kept) == 1000


def test_times_are_utc_and_quantities_exact(rig: Rig) -> None:
    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.Good", 1)
        rig.see("L1.M2.Good", 2)
        await flush(rig)

    go(scene())
    ((quantity, at),) = rig.sql("SELECT quantity, occurred_at FROM genba.count_event ORDER BY seq DESC LIMIT 1")
    assert quantity == Decimal(1)
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=30)
