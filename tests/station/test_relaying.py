"""What one station reads, another shows: relayed through a real database, with its age, and gone when the reader is silent."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import SystemClock
from core.live.sample import RELAYED, Batch, Quality, Sample
from core.live.table import Table
from core.live.tags import TagSpec, TagType
from core.station.relaying import Relaying, batches_of, payload_of
from core.store import lease, relay
from core.store.base import Db
from core.store.engine import Database
from core.store.relay import Relayed
from tests.postgres import owner_of
from tests.store.rig import ask

SPECS = tuple(TagSpec(f"L1.M1.{name}", "PLC-1", "1/holding/0", TagType.FLOAT64) for name in ("A", "B", "C"))


@pytest.fixture
def shared(database_url: str) -> Iterator[Database]:
    database = Database(database_url, "S1")
    up = asyncio.Event()
    database.on_change(lambda state: up.set() if state.up else None)
    database.start()
    for _ in range(100):
        if database.up:
            break
        asyncio.run(asyncio.sleep(0.05))
    assert database.up

    def lead(db: Db) -> None:
        lease.acquire(db, "source:PLC-1", "P1", 60)
        db.commit()

    database.submit("listen", lead, deadline_s=5).result()
    yield database
    database.close()


def _relaying(database: Database, table: Table, *, reads: bool, epoch: int = 1) -> Relaying:
    held = {"PLC-1": (epoch, SPECS)} if reads else {}
    elsewhere = {} if reads else {"PLC-1": SPECS}
    return Relaying(database, "P1", table, SystemClock(), lambda: held, lambda: elsewhere)


def test_a_value_reaches_the_other_station_as_relayed(shared: Database) -> None:
    mine, theirs = Table(), Table()
    now = datetime.now(UTC).timestamp()
    batch = Batch("PLC-1", now - 40.0)
    batch.add(SPECS[0].name, 12.5, Quality.GOOD, now - 41.0)
    mine.put(batch)
    batch = Batch("PLC-1", now)
    batch.add(SPECS[1].name, None, Quality.BAD, None, "BadSensorFailure")
    mine.put(batch)

    async def exchange() -> None:
        await _relaying(shared, mine, reads=True).exchange()
        await _relaying(shared, theirs, reads=False).exchange()

    asyncio.run(exchange())
    good, bad, never = (theirs.get(spec.name) for spec in SPECS)
    assert (good.value, good.quality, good.status, good.source_at) == (12.5, Quality.UNCERTAIN, RELAYED, now - 41.0)
    assert abs(good.received_at - (now - 40.0)) < 3, "as old as where it was read, not as young as its way here"
    assert abs(bad.received_at - now) < 3
    assert (bad.quality, bad.status) == (Quality.BAD, "BadSensorFailure")
    assert never.quality is Quality.NEVER


def test_a_silent_reader_is_not_shown_as_live(shared: Database, admin_url: str) -> None:
    mine, theirs = Table(), Table()
    batch = Batch("PLC-1", 1_800_000_000.0)
    batch.add(SPECS[0].name, 12.5)
    mine.put(batch)
    taker = _relaying(shared, theirs, reads=False)

    async def exchange() -> None:
        await _relaying(shared, mine, reads=True).exchange()
        await taker.exchange()
        await asyncio.wrap_future(shared.submit("operations", _age, deadline_s=5))
        await taker.exchange()

    asyncio.run(exchange())
    assert theirs.get(SPECS[0].name).quality is Quality.OFFLINE


def _age(db: Db) -> None:

    ask(
        owner_of(db),
        "UPDATE genba.relay SET sent_at = sent_at - interval '6 s'",
    )


def test_whoever_lost_the_lease_cannot_overwrite(shared: Database) -> None:
    def speak(db: Db) -> list[Relayed]:
        for holder, epoch in (("P1", 1), ("P2", 2)):
            lease.release(db, lease.Lease("source:PLC-1", holder, epoch, db.now))
            lease.acquire(db, "source:PLC-1", "P2" if holder == "P1" else "P1", 30)
        relay.put(db, "P1", "PLC-1", 3, json.dumps({"tags": ["new"]}))
        relay.put(db, "P2", "PLC-1", 1, json.dumps({"tags": ["old"]}))
        relay.put(db, "P2", "PLC-1", 3, json.dumps({"tags": ["not its own"]}))
        told = relay.take(db, ["PLC-1"])
        db.commit()
        return told

    (told,) = shared.submit("listen", speak, deadline_s=5).result()
    assert (told.epoch, told.payload["tags"]) == (3, ["new"])


values = st.one_of(
    st.floats(), st.integers(-(2**60), 2**60), st.booleans(), st.text(max_size=20).filter(lambda t: "\x00" not in t), st.none()
)


@given(st.lists(st.tuples(values, st.sampled_from(sorted(Quality))), max_size=10))
def test_nothing_changes_on_the_way_but_the_quality(samples: list[tuple[object, Quality]]) -> None:
    sent = [Sample(f"T{n}", value, quality, "", None, 1.0) for n, (value, quality) in enumerate(samples)]  # type: ignore[arg-type]
    told = Relayed("PLC-1", 1, datetime.now(UTC), 0.5, json.loads(payload_of(sent, 2.0)))
    batches = batches_of(told, {sample.tag for sample in sent}, 100.0)
    kept = [sample for sample in sent if sample.quality is not Quality.NEVER]
    assert len(batches) == (1 if kept else 0)
    if not kept:
        return
    (batch,) = batches
    assert batch.received_at == 99.0
    assert batch.tags == [sample.tag for sample in kept]
    for index, sample in enumerate(kept):
        broken = isinstance(sample.value, float) and not math.isfinite(sample.value)
        assert batch.values[index] == (None if broken else sample.value)
        assert batch.qualities[index] is (Quality.UNCERTAIN if sample.quality is Quality.GOOD else sample.quality)


@given(st.lists(st.floats(0.0, 4000.0), min_size=1, max_size=20), st.floats(-1e6, 1e6), st.floats(0.0, 5.0))
def test_ages_survive_a_wrong_clock(ages: list[float], clock_off_s: float, way_s: float) -> None:
    """Whatever the other station's clock says, a value is as old as there, and never younger than its way."""
    now, theirs = 2e9, 2e9 + clock_off_s
    sent = [Sample(f"T{n}", n, Quality.GOOD, "", None, theirs - age) for n, age in enumerate(ages)]
    sent.append(Sample("lost", None, Quality.OFFLINE, "driver.link_broken"))
    told = Relayed("PLC-1", 1, datetime.now(UTC), way_s, json.loads(payload_of(sent, theirs)))
    batches = batches_of(told, {sample.tag for sample in sent}, now - way_s)
    found = {tag: now - batch.received_at for batch in batches for tag in batch.tags}
    assert found.keys() == {sample.tag for sample in sent}
    for n, age in enumerate(ages):
        assert found[f"T{n}"] == pytest.approx(age + way_s, abs=0.11)
        assert found[f"T{n}"] >= way_s - 1e-6
    assert found["lost"] == pytest.approx(way_s, abs=1e-6)


@pytest.mark.parametrize("change", [{"now": "soon"}, {"now": None}, {"received_at": []}, {"received_at": ["a"]}, {"received_at": [[1]]}])
def test_nonsense_is_refused_and_nothing_else(change: dict[str, object]) -> None:
    payload = json.loads(payload_of([Sample("T", 1, Quality.GOOD, "", None, 1.0)], 2.0)) | change
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        batches_of(Relayed("PLC-1", 1, datetime.now(UTC), 0.5, payload), {"T"}, 100.0)
