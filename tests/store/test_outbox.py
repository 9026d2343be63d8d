from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from core.store import outbox
from core.store.base import Db
from core.store.tables import ExternalSystem, OutboxMessage


@pytest.fixture
def systems(db: Db) -> Db:
    for code, topics, active in (("MES", ["order.completed"], True), ("ERP", ["order.*"], True), ("OLD", ["*"], False)):
        db.add(ExternalSystem(code=code, name={"ja": code, "en": code}, kind="mes", topics=topics, active=active))
    db.flush()
    return db


def _codes(db: Db) -> list[tuple[str, str, int]]:
    rows = db.execute(
        select(ExternalSystem.code, OutboxMessage.topic, OutboxMessage.payload["n"])
        .join(OutboxMessage, OutboxMessage.system_id == ExternalSystem.id)
        .order_by(OutboxMessage.position)
    )
    return [tuple(row) for row in rows]


def test_only_who_subscribes_gets_a_message_in_the_order_of_writing(systems: Db) -> None:
    systems.outbox("order.started", "1", {"n": 1})
    systems.outbox("order.completed", "1", {"n": 2})
    systems.outbox("lot.moved", "7", {"n": 3})
    assert outbox.write(systems) == 3
    assert sorted(_codes(systems)) == [("ERP", "order.completed", 2), ("ERP", "order.started", 1), ("MES", "order.completed", 2)]
    assert [n for code, _, n in _codes(systems) if code == "ERP"] == [1, 2]
    assert outbox.waiting(systems) == 3


def test_without_messages_or_subscribers_nothing_is_written(db: Db) -> None:
    assert outbox.write(db) == 0
    db.outbox("order.started", "1", {"n": 1})
    assert outbox.write(db) == 0


def test_nothing_is_sent_while_it_may_be_undone(systems: Db) -> None:
    systems.outbox("order.completed", "1", {"n": 1})
    outbox.write(systems, undo_s=10)
    assert set(systems.scalars(select(OutboxMessage.not_before))) == {systems.now + timedelta(seconds=10)}


def test_sent_messages_do_not_wait_and_parked_ones_do(systems: Db) -> None:
    systems.outbox("order.completed", "1", {"n": 1})
    outbox.write(systems)
    systems.execute(update(OutboxMessage).values(state="parked"))
    assert outbox.waiting(systems) == 2
    systems.execute(update(OutboxMessage).values(state="sent"))
    assert outbox.waiting(systems) == 0


def test_a_station_cannot_remove_a_message(systems: Db) -> None:
    with pytest.raises(Exception, match="permission denied"):
        systems.execute(delete(OutboxMessage))
