"""Machine facts over a failover: what a lagging standby never got is stored once more, as long as this station holds the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.equipment.confirmed import CONFIRMED_MAX, KEEP_S, Confirmed
from core.equipment.recording import Recorder
from core.live.table import Table
from tests.equipment.test_recorder import SPECS

if TYPE_CHECKING:
    from core.store.engine import Database
    from tests.replication import Pair

pytestmark = pytest.mark.early


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from core.store.base import Db
    from core.store.programs import binaries
    from tests.production.conftest import plant_rows
    from tests.replication import Pair, prepared

    template = prepared(tmp_path / "template", binaries())
    template.start()
    engine = create_engine(template.url("genba"), poolclass=NullPool)
    with Db(engine) as db:
        plant_rows(db)
        db.commit()
    engine.dispose()
    template.stop()
    two = Pair(tmp_path, template)
    try:
        two.start()
        yield two
    finally:
        two.remove()


class Machine:
    """One machine's counter and state, and the recorders of the station that leads its source."""

    def __init__(self, database: Database) -> None:
        from core.clock import SystemClock
        from core.equipment.recorder import StateRecorder
        from core.production.recorder import CountRecorder

        self.database, self.clock, self.table, self.good = database, SystemClock(), Table(), 100
        made = (database, "ST1", self.table.get, self.clock, lambda source: pytest.fail(f"{source} was superseded"))
        self.recorders: list[Recorder[Any]] = [StateRecorder(*made), CountRecorder(*made)]
        for recorder in self.recorders:
            recorder.set_tags(SPECS)
            self.table.subscribe(recorder.put)

    def lead(self) -> None:
        from core.store import lease

        def take(db: Any) -> Any:
            led = lease.acquire(db, "source:PLC", "ST1", 600.0)
            db.commit()
            return led

        led = self.database.submit("operations", take, deadline_s=5).result()
        for recorder in self.recorders:
            recorder.lead("PLC", led.epoch, led.seen_until)

    def make(self, parts: int, state: int) -> None:
        from core.live.sample import Batch, Quality

        self.good += parts
        at = self.clock.now().timestamp()
        batch = Batch("PLC", at)
        batch.add("L1.M2.Good", self.good, Quality.GOOD, at)
        batch.add("L1.M2.State", state, Quality.GOOD, at)
        self.table.put(batch)

    def store(self) -> None:
        async def flush() -> None:
            for recorder in self.recorders:
                await recorder.flush()

        asyncio.run(flush())


def scene(pair: Pair) -> tuple[Machine, Database]:
    """Some facts are on both servers, more are confirmed by the primary alone, which then dies."""
    from core.store.engine import Database
    from core.store.lineage import read_lineage
    from tests.store.test_failover import until

    database = Database(pair.url, "ST1")
    database.start()
    until(lambda: database.up)
    machine = Machine(database)
    machine.make(0, 0)
    machine.lead()
    machine.store()
    machine.make(3, 1)
    machine.store()
    pair.catch_up()
    pair.lag()
    for state in (2, 1, 0):
        machine.make(5, state)
        machine.store()
    pair.fail_over()
    until(lambda: database.up and read_lineage(database.lineage).timeline == 2)
    machine.make(2, 1)
    machine.store()
    machine.store()
    return machine, database


def counted(pair: Pair) -> list[int]:
    from tests.store.rig import ask

    return [int(one) for (one,) in ask(pair.owner, "SELECT quantity FROM genba.count_event ORDER BY epoch, seq")]


def states(pair: Pair) -> list[tuple[str, bool]]:
    from tests.store.rig import ask

    return ask(pair.owner, "SELECT state, ended_at IS NULL FROM genba.state_segment ORDER BY epoch, seq")


def test_counts_and_states_that_the_old_primary_took_with_it_come_back(pair: Pair, expect_log: Any) -> None:
    expect_log("database is down")
    machine, database = scene(pair)
    assert counted(pair) == [0, 3, 5, 5, 5, 2]
    assert states(pair) == [("IDLE", False), ("RUNNING", False), ("DOWN", False), ("RUNNING", False), ("IDLE", False), ("RUNNING", True)]
    machine.store()
    database.close()
    assert sum(counted(pair)) == 20


def test_without_the_memory_they_are_lost(pair: Pair, expect_log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_log("database is down")
    monkeypatch.setattr(Confirmed, "elsewhere", lambda self, lineage: False)
    _, database = scene(pair)
    database.close()
    assert sum(counted(pair)) == 5
    assert len(states(pair)) < 6


def test_what_is_kept_is_bounded_in_number_and_age() -> None:
    kept: Confirmed[int] = Confirmed()
    kept.add("7/1", range(CONFIRMED_MAX + 10), 0.0)
    assert (len(kept.facts()), kept.facts()[0]) == (CONFIRMED_MAX, 10)
    kept.add("7/1", [-1], KEEP_S + 1)
    assert kept.facts() == [-1]
    assert kept.elsewhere("7/2")
    kept.moved("7/2")
    assert not kept.elsewhere("7/2")
