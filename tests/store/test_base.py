"""The base of all rows: times are aware, quantities exact, versions guard, one server time per transaction."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm.exc import StaleDataError

from core.equipment.models import Unit
from core.store.base import Db, Quantity, UtcDateTime
from core.store.tables import LeaseRow


def lease(at: datetime) -> LeaseRow:
    return LeaseRow(name="x", holder="A", epoch=1, acquired_at=at, renewed_at=at, expires_at=at)


def test_a_naive_datetime_is_refused(db: Db) -> None:
    db.add(lease(datetime(2026, 7, 1, 8, 0)))  # noqa: DTZ001 - that is the point
    with pytest.raises(StatementError, match="naive datetime"):
        db.flush()


def test_times_come_back_in_utc_whatever_zone_they_were_given_in(db: Db) -> None:
    tokyo = datetime(2026, 7, 1, 8, 0, 0, 123456, timezone(timedelta(hours=9)))
    db.execute(update(Unit).where(Unit.code == "pcs").values(retired_at=tokyo))
    db.expire_all()
    db.execute(text("SET LOCAL TimeZone = 'Asia/Tokyo'"))
    stored = db.scalar(select(Unit.retired_at).where(Unit.code == "pcs"))
    assert stored == tokyo
    assert stored is not None
    assert stored.tzinfo is UTC


@pytest.mark.parametrize("value", [1.5, True, "1", Decimal("NaN"), Decimal("Infinity")])
def test_a_quantity_is_exact_or_refused(value: object) -> None:
    with pytest.raises(ValueError, match="a quantity is"):
        Quantity().process_bind_param(value, None)  # type: ignore[arg-type]


def test_quantities_and_times_may_be_missing() -> None:
    assert Quantity().process_bind_param(None, None) is None  # type: ignore[arg-type]
    assert UtcDateTime().process_bind_param(None, None) is None  # type: ignore[arg-type]
    assert Quantity().process_bind_param(3, None) == Decimal(3)  # type: ignore[arg-type]


def test_a_row_changed_meanwhile_is_noticed(db: Db) -> None:
    unit = Unit(code="box", quantity="count", name={"ja": "箱", "en": "box"}, base="pcs", factor=Decimal(12))
    db.add(unit)
    db.commit()
    assert unit.version == 1
    db.execute(text("UPDATE genba.unit SET version = version + 1 WHERE code = 'box'"))
    unit.factor = Decimal(24)
    with pytest.raises(StaleDataError):
        db.flush()


def test_one_server_time_per_transaction(database_url: str) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(database_url, poolclass=NullPool)
    with Db(engine) as db:
        first = db.now
        time.sleep(0.01)
        assert db.now == first
        assert db.now == db.execute(text("SELECT now()")).scalar_one()
        db.commit()
        assert db.now > first
    engine.dispose()


def test_messages_and_reason_wait_for_the_door(db: Db) -> None:
    payload = {"a": 1}
    db.outbox("order.completed", "WO-1", payload)
    payload["a"] = 2
    db.note_reason("material late")
    assert [(message.topic, message.key, message.payload) for message in db.messages] == [("order.completed", "WO-1", {"a": 1})]
    assert db.reason == "material late"
