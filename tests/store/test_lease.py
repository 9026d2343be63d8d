"""Leases: one holder at a time, taken over after expiry, an epoch that only rises, and late writers fenced off."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from core.errors import Refused
from core.store import evidence
from core.store.base import Db
from core.store.lease import Lease, acquire, release, renew, turn


def expire(db: Db, lease: Lease) -> None:
    """A lease that was let go ends as one that was not renewed in time."""
    release(db, lease)


def check(db: Db, lease: Lease) -> bool:
    """Whether its holder may store evidence now."""
    try:
        evidence.begin(db, lease.holder, lease.name.removeprefix("source:"), lease.epoch)
    except Refused:
        return False
    return True


def test_only_one_holds_it_and_his_own_second_life_waits_too(db: Db) -> None:
    first = acquire(db, "source:A", "ONE", 30)
    assert first is not None
    assert first.epoch == 1
    assert acquire(db, "source:A", "TWO", 30) is None
    assert acquire(db, "source:A", "ONE", 30) is None
    assert acquire(db, "source:B", "TWO", 30) is not None


def test_taken_over_after_expiry_and_the_late_one_is_fenced_off(db: Db) -> None:
    first = acquire(db, "source:A", "ONE", 30)
    assert first is not None
    expire(db, first)
    second = acquire(db, "source:A", "TWO", 30)
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert renew(db, first, 30) is None
    release(db, first)
    assert not check(db, first)
    assert check(db, second)
    assert renew(db, second, 30) is not None


def test_late_but_alone_goes_on_with_the_same_epoch(db: Db) -> None:
    lease = acquire(db, "source:A", "ONE", 30)
    assert lease is not None
    expire(db, lease)
    assert check(db, lease)
    renewed = renew(db, lease, 30)
    assert renewed is not None
    assert renewed.epoch == lease.epoch
    assert acquire(db, "source:A", "TWO", 30) is None


def test_released_is_free_at_once(db: Db) -> None:
    lease = acquire(db, "sync", "ONE", 30)
    assert lease is not None
    release(db, lease)
    after = acquire(db, "sync", "TWO", 30)
    assert after is not None
    assert after.epoch == 2


def test_times_are_the_servers(db: Db) -> None:
    lease = acquire(db, "sync", "ONE", 12.5)
    assert lease is not None
    assert 12 < (lease.expires_at - db.now).total_seconds() < 13


def test_who_takes_over_is_told_until_when_the_one_before_was_alive(db: Db) -> None:
    assert turn(db, {"source:A": None}, "ONE", 30)["source:A"][0] is not None
    first = turn(db, {"source:A": None, "source:B": None}, "TWO", 30)
    assert first["source:A"] == (None, "ONE")
    fresh = first["source:B"][0]
    assert fresh is not None
    assert fresh.seen_until is None, "nobody had it before"
    renewed_at = db.connection().exec_driver_sql("SELECT renewed_at FROM genba.lease WHERE name = 'source:A'").scalar_one()
    release(db, Lease("source:A", "ONE", 1, db.now))
    taken = turn(db, {"source:A": None}, "TWO", 30)["source:A"][0]
    assert taken is not None
    assert (taken.epoch, taken.seen_until) == (2, renewed_at)
    kept = turn(db, {"source:A": taken}, "TWO", 30)["source:A"][0]
    assert kept is not None
    assert (kept.epoch, kept.seen_until) == (2, None)


def test_nobody_held_it_yet(db: Db) -> None:
    assert not check(db, Lease("source:never", "ONE", 1, db.now))
    release(db, Lease("never", "ONE", 1, db.now))
    assert renew(db, Lease("never", "ONE", 1, db.now), 30) is None


@pytest.mark.parametrize("ttl_s", [0, -1, float("nan"), 1e9])
def test_nonsense_durations_are_refused(db: Db, ttl_s: float) -> None:
    with pytest.raises(ValueError, match="a lease lasts"):
        acquire(db, "sync", "ONE", ttl_s)


@pytest.fixture
def sessions(database_url: str) -> Iterator[list[Db]]:
    engine = create_engine(database_url, poolclass=NullPool)
    made = [Db(engine) for _ in range(4)]
    yield made
    for each in made:
        each.close()
    engine.dispose()


def test_a_takeover_waits_for_evidence_being_written(sessions: list[Db]) -> None:
    writer, rival = sessions[:2]
    lease = acquire(writer, "source:A", "ONE", 30)
    assert lease is not None
    expire(writer, lease)
    writer.commit()
    assert check(writer, lease)  # the transaction that writes evidence is open now
    taken: list[Lease | None] = []
    thread = threading.Thread(target=lambda: (taken.append(acquire(rival, "source:A", "TWO", 30)), rival.commit()))
    thread.start()
    time.sleep(0.2)
    assert taken == []
    writer.commit()
    thread.join(60)
    assert taken[0] is not None
    assert taken[0].epoch == lease.epoch + 1
    assert not check(writer, lease)


def test_four_stations_at_once_never_two_holders_of_one_epoch(sessions: list[Db]) -> None:
    won: list[tuple[int, str]] = []
    lock = threading.Lock()

    def station(db: Db, holder: str) -> None:
        chance = random.Random(holder)
        for _ in range(40):
            lease = acquire(db, "race", holder, 0.01)
            db.commit()
            if lease is not None:
                with lock:
                    won.append((lease.epoch, holder))
                if chance.random() < 0.5:
                    release(db, lease)
                    db.commit()

    threads = [threading.Thread(target=station, args=(db, f"S{n}")) for n, db in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    epochs = [epoch for epoch, _ in won]
    assert len(epochs) == len(set(epochs)) > 10
    assert max(epochs) == len(epochs), "no epoch is skipped or given twice"
