from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.pool import NullPool

from core.errors import Refused
from core.store import evidence, lease, notices
from core.store.base import Db, UtcDateTime
from core.store.operation import Actor
from tests.store.rig import OwnBase, ask

T0 = datetime(2026, 3, 1, tzinfo=UTC)
RECORDER = Actor("recorder", "Recorder", frozenset(), frozenset(), "ST1", None, "recorder")

TABLE = """
CREATE TABLE genba.test_seen (
    id uuid PRIMARY KEY, what text NOT NULL, at timestamptz NOT NULL, ended_at timestamptz,
    source text NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL, UNIQUE (source, epoch, seq)
);
GRANT SELECT, INSERT, UPDATE ON genba.test_seen TO genba_station
"""


class Seen(OwnBase):
    __tablename__ = "test_seen"
    __entity__ = "seen"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    what: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    source: Mapped[str]
    epoch: Mapped[int]
    seq: Mapped[int]


SEEN: Any = Seen  # a table of the test's own base


@pytest.fixture(scope="module")
def url(postgres: Any) -> Iterator[str]:
    with postgres.migrated_database() as name:
        ask(postgres.admin_url(name), TABLE)
        yield postgres.station_url(name)


@pytest.fixture
def db(url: str) -> Iterator[Db]:
    engine = create_engine(url, poolclass=NullPool)
    with Db(engine, actor=RECORDER) as session:
        yield session
    engine.dispose()


def _rows(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    return [{"seq": n, "what": f"w{n}", "at": T0 + timedelta(seconds=n), **more} for n in numbers]


def _epoch(db: Db, source: str) -> int:
    held = lease.acquire(db, evidence.lease_name(source), "ST1", 30)
    assert held is not None
    db.commit()
    return held.epoch


def _stored(db: Db, source: str) -> list[tuple[int, int]]:
    return [tuple(row) for row in db.execute(select(Seen.epoch, Seen.seq).where(Seen.source == source).order_by(Seen.epoch, Seen.seq))]


def test_a_batch_may_be_sent_as_often_as_the_network_likes(db: Db) -> None:
    epoch = _epoch(db, "A")
    assert evidence.record(db, SEEN, _rows(1, 2, 3), station="ST1", source="A", epoch=epoch) == 3
    db.commit()
    assert evidence.record(db, SEEN, _rows(2, 3, 4), station="ST1", source="A", epoch=epoch) == 1
    assert evidence.record(db, SEEN, [], station="ST1", source="A", epoch=epoch) == 0
    db.commit()
    assert _stored(db, "A") == [(epoch, n) for n in (1, 2, 3, 4)]


def test_what_was_not_known_is_filled_in_and_what_is_known_stays(db: Db) -> None:
    epoch = _epoch(db, "B")
    evidence.record(db, SEEN, _rows(1, ended_at=None), station="ST1", source="B", epoch=epoch, fill=("ended_at",))
    assert evidence.record(db, SEEN, _rows(1, ended_at=None), station="ST1", source="B", epoch=epoch, fill=("ended_at",)) == 0
    assert evidence.record(db, SEEN, _rows(1, ended_at=T0), station="ST1", source="B", epoch=epoch, fill=("ended_at",)) == 1
    assert evidence.record(db, SEEN, _rows(1, ended_at=T0 + timedelta(1)), station="ST1", source="B", epoch=epoch, fill=("ended_at",)) == 0
    assert db.scalar(select(Seen.ended_at).where(Seen.source == "B")) == T0
    db.rollback()


def test_a_superseded_recorder_stores_nothing(db: Db) -> None:
    epoch = _epoch(db, "C")
    for wrong in (epoch - 1, epoch + 1):
        with pytest.raises(Refused) as refused:
            evidence.record(db, SEEN, _rows(1), station="ST1", source="C", epoch=wrong)
        assert refused.value.code == "store.evidence_superseded"
    with pytest.raises(Refused):
        evidence.record(db, SEEN, _rows(1), station="ST1", source="nobody", epoch=1)
    assert _stored(db, "C") == []


def test_the_holder_cannot_change_between_the_check_and_the_commit(db: Db, url: str) -> None:
    epoch = _epoch(db, "D")
    ended = lease.acquire(db, evidence.lease_name("D"), "ST2", 30)
    assert ended is None
    db.commit()
    evidence.record(db, SEEN, _rows(1), station="ST1", source="D", epoch=epoch)
    taken = threading.Event()

    def take_over() -> None:
        engine = create_engine(url, poolclass=NullPool)
        with Db(engine, actor=RECORDER) as other:
            lease.release(other, lease.Lease(evidence.lease_name("D"), "ST1", epoch, T0))
            lease.acquire(other, evidence.lease_name("D"), "ST2", 30)
            other.commit()
        engine.dispose()
        taken.set()

    thread = threading.Thread(target=take_over)
    thread.start()
    assert not taken.wait(0.3)
    db.commit()
    assert taken.wait(60)
    thread.join()
    with pytest.raises(Refused):
        evidence.record(db, SEEN, _rows(2), station="ST1", source="D", epoch=epoch)
    db.rollback()
    assert _stored(db, "D") == [(epoch, 1)]


@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=8, unique=True), min_size=1, max_size=6))
def test_any_order_and_repetition_stores_each_once(db: Db, batches: list[list[int]]) -> None:
    source = f"P{db.clock.uuid7()}"
    epoch = _epoch(db, source)
    new = 0
    for batch in batches:
        new += evidence.record(db, SEEN, _rows(*batch), station="ST1", source=source, epoch=epoch)
        db.commit()
    wanted = sorted({n for batch in batches for n in batch})
    assert [seq for _, seq in _stored(db, source)] == wanted
    assert new == len(wanted)


def test_a_batch_is_one_notice_of_its_kind(db: Db, url: str) -> None:
    import psycopg

    from tests.postgres import plain

    epoch = _epoch(db, "N")
    with psycopg.connect(plain(url), autocommit=True) as listener:
        listener.execute(f"LISTEN {notices.CHANNEL}")
        evidence.record(db, SEEN, _rows(*range(100)), station="ST1", source="N", epoch=epoch)
        db.commit()
        heard = [notice.payload for notice in listener.notifies(timeout=60, stop_after=1)]
    assert heard == ["seen:*"]


@given(st.lists(st.text("abc:1-", min_size=1, max_size=40), max_size=400))
def test_notices_fit_into_what_the_server_takes(keys: list[str]) -> None:
    payloads = list(notices.payloads(keys))
    assert all(len(payload.encode()) < 8_000 for payload in payloads)
    assert [key for payload in payloads for key in payload.split(",")] == list(dict.fromkeys(keys))


def test_very_many_changes_of_one_kind_become_one_notice() -> None:
    assert list(notices.payloads([f"order:{n}" for n in range(501)] + ["line:1"])) == ["order:*,line:1"]
    assert list(notices.payloads(["thing:a,b"])) == ["thing:*"]


def test_without_a_number_of_his_own_who_slept_writes_beside_his_successor(db: Db) -> None:
    """The mutant: whoever asks for the number that counts now, instead of saying the one he got, is never too late."""
    name = evidence.lease_name("SLEPT")
    mine = lease.acquire(db, name, "ST1", 30)
    assert mine is not None
    lease.release(db, mine)
    other = lease.acquire(db, name, "ST2", 30)
    assert other is not None
    db.commit()
    with pytest.raises(Refused):
        evidence.record(db, SEEN, _rows(1), station="ST1", source="SLEPT", epoch=mine.epoch)
    assert evidence.record(db, SEEN, _rows(1), station=other.holder, source="SLEPT", epoch=other.epoch) == 1
