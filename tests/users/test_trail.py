"""The audit trail searched by a station: by person, object, time and kind; newest first, page after page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.pool import NullPool

from core.errors import Invalid
from core.store.base import Db
from core.users.audit_views import ColumnChange, Mark
from core.users.trail import chain_heads, people_in_trail, search_trail
from tests.postgres import plain

if TYPE_CHECKING:
    from tests.postgres import TestServer

DECIDED = datetime(2026, 7, 14, 10, 42, 6, tzinfo=UTC)


class Trail:
    """Writes rows as the database's own functions do."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self.owner = owner

    def row(self, operation: str, outcome: str = "done", **given: Any) -> None:
        told: dict[str, Any] = {
            "station": "P1", "request": None, "user": "tanaka", "name": "Tanaka T", "decided": DECIDED, "changes": [], "reason": "",
            "detail": {},
        } | given  # fmt: skip
        self.owner.execute(
            "SELECT genba_guard.audit_write(%s, %s, %s, %s, %s, %s, NULL, %s, %s, %s, %s)",
            (
                told["station"], told["request"], operation, outcome, told["user"], told["name"], told["decided"],
                json.dumps(told["changes"]), told["reason"], json.dumps(told["detail"]),
            ),
        )  # fmt: skip

    def one(self, statement: str) -> Any:
        row = self.owner.execute(statement).fetchone()
        assert row is not None
        return row[0]

    def request(self, operation: str, args: dict[str, Any], result: Any) -> Any:
        id = uuid4()
        self.owner.execute(
            "INSERT INTO genba.request (id, operation, kind, station, user_code, decided_at, args, result)"
            " VALUES (%s, %s, 'intent', 'P1', 'tanaka', %s, %s, %s)",
            (id, operation, DECIDED, json.dumps(args), json.dumps(result)),
        )
        return id


@pytest.fixture
def trail(postgres: TestServer, database: str) -> Iterator[Trail]:
    with psycopg.connect(plain(postgres.admin_url(database)), autocommit=True) as owner:
        yield Trail(owner)


@pytest.fixture
def db(postgres: TestServer, database: str, trail: Trail) -> Iterator[Db]:
    engine = create_engine(postgres.station_url(database), poolclass=NullPool)
    with Db(engine) as session:
        yield session
    engine.dispose()


def moved(key: str, before: str, after: str) -> list[dict[str, Any]]:
    return [{"table": "work_order", "key": key, "action": "update", "values": {"note": [None, "x"], "status": [before, after]}}]


def test_a_row_tells_who_did_what_from_where_to_where(trail: Trail, db: Db) -> None:
    key = str(uuid4())
    id = trail.request("production:order:hold", {"order_id": key}, {"number": "WO-1182", "status": "HELD"})
    signature = {"user_code": "sato", "name": {"ja": "佐藤", "en": "Sato"}, "meaning": "approval", "at": "2026-07-14T10:42:05+00:00"}
    detail = {
        "signature": signature,
        "authorised_by": {"user_code": "ito", "name": {"ja": "伊藤", "en": "Ito"}},
        "late": True,
        "offline": True,
    }
    trail.row("production:order:hold", request=id, changes=moved(key, "RUNNING", "HELD"), reason="crack", detail=detail)
    entry = search_trail(db).items[0]
    assert (entry.station, entry.seq, entry.user_code, entry.user_name) == ("P1", 1, "tanaka", "Tanaka T")
    assert entry.object == "WO-1182"
    assert entry.main == ColumnChange("status", "RUNNING", "HELD"), "the column that tells most, not the first one"
    assert [each.column for each in entry.changes[0].columns] == ["note", "status"]
    assert (entry.decided_at, entry.reason, entry.late, entry.offline) == (DECIDED, "crack", True, True)
    assert entry.signature == Mark("sato", "佐藤 / Sato", "approval", datetime(2026, 7, 14, 10, 42, 5, tzinfo=UTC))
    assert entry.authorised_by == Mark("ito", "伊藤 / Ito")
    assert abs(entry.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert chain_heads(db)[0].hash == entry.hash


def test_a_refusal_and_a_machine_write_tell_theirs(trail: Trail, db: Db) -> None:
    trail.row("production:order:start", "refused", detail={"refusal": {"kind": "refused", "code": "store.no_right", "params": {}}})
    id = trail.request("equipment:tag:write", {"tag": "L2.Press.P", "before": "110.0", "value": "120.0"}, {"tag": "L2.Press.P"})
    trail.row("equipment:tag:write", request=id)
    write, refused = search_trail(db).items
    assert (write.object, write.main) == ("L2.Press.P", ColumnChange("value", "110.0", "120.0"))
    assert (refused.outcome, refused.refusal, refused.main) == ("refused", "store.no_right", None)


def test_filters_find_a_person_an_object_a_time_and_a_kind(trail: Trail, db: Db) -> None:
    key = str(uuid4())
    trail.row("production:order:hold", changes=moved(key, "RUNNING", "HELD"), reason="crack 50% of parts", user="ito", name="Ito K")
    trail.row("users:session:start", "wrong", user="guest", name="guest", detail={"user": "tanaka"}, station="P2", decided=None)
    trail.row("production:report:book", reason="miscount")
    between = trail.one("SELECT clock_timestamp()")
    trail.row("store:audit:anchor", user="P1", name="P1")

    def found(**wanted: Any) -> list[str]:
        return [entry.operation for entry in search_trail(db, **wanted).items]

    assert found(user="ito") == ["production:order:hold"]
    assert found(station="P2") == ["users:session:start"]
    assert found(operation="production:") == ["production:report:book", "production:order:hold"]
    assert found(outcome="wrong") == ["users:session:start"]
    assert found(text=key.upper()) == ["production:order:hold"]
    assert found(text="50%") == ["production:order:hold"]
    assert found(text="5_%") == [], "signs of a pattern are letters here"
    assert found(text="tanaka") == ["users:session:start"], "what was typed at a sign-in"
    assert found(from_at=between) == ["store:audit:anchor"]
    assert len(found(to_at=between)) == 3
    assert people_in_trail(db) == (("P1", "P1"), ("guest", "guest"), ("ito", "Ito K"), ("tanaka", "Tanaka T"))
    with pytest.raises(Invalid) as empty:
        found(from_at=between, to_at=between)
    assert empty.value.code == "users.period_empty"


def test_an_object_is_found_by_what_people_call_it(trail: Trail, db: Db) -> None:
    key = trail.one(
        "INSERT INTO genba.app_user (code, name, language, version)"
        """ VALUES ('Suzuki', '{"ja":"鈴木","en":"Suzuki"}', 'ja', 1) RETURNING id"""
    )
    trail.row(
        "users:user:deactivate",
        changes=[{"table": "app_user", "key": str(key), "action": "update", "values": {"active": [True, False]}}],
    )
    trail.row(
        "users:user:deactivate", changes=[{"table": "app_user", "key": "999", "action": "update", "values": {"active": [True, False]}}]
    )
    page = search_trail(db, text=" suzuki ")
    assert (page.total, page.items[0].changes[0].key) == (1, str(key))
    assert page.items[0].main == ColumnChange("active", "true", "false")


def test_pages_turn_without_loss_while_new_rows_come(trail: Trail, db: Db) -> None:
    for n in range(7):
        trail.row("production:order:note", reason=str(n))
    upto = trail.one("SELECT clock_timestamp()")
    first = search_trail(db, to_at=upto, limit=3)
    trail.row("production:order:note", reason="new")
    rest = [search_trail(db, to_at=upto, limit=3, offset=at) for at in (3, 6)]
    told = [entry.reason for page in (first, *rest) for entry in page.items]
    assert told == ["6", "5", "4", "3", "2", "1", "0"]
    assert {page.total for page in (first, *rest)} == {7}


def test_a_person_among_many_rows_is_found_on_an_index(trail: Trail, db: Db) -> None:
    trail.owner.execute(
        "INSERT INTO genba.audit SELECT 'P9', n, now() - n * interval '1 minute', NULL, NULL, 'production:order:note', 'done',"
        " 'u' || (n % 500), 'U', NULL, '[]', '', '{}', 'x', '\\x', '\\x' FROM generate_series(1, 20000) n"
    )
    trail.owner.execute("ANALYZE genba.audit")
    asked: list[tuple[str, Any]] = []
    event.listen(db.get_bind(), "before_cursor_execute", lambda c, cur, statement, values, ctx, many: asked.append((statement, values)))
    assert len(search_trail(db, user="u7", limit=10).items) == 10
    plan = db.connection().exec_driver_sql(f"EXPLAIN {asked[0][0]}", asked[0][1]).scalars().all()
    assert "ix_audit_user_code_at" in "\n".join(plan)


def test_the_count_stops_at_ten_thousand(trail: Trail, db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.users import trail_rows

    monkeypatch.setattr(trail_rows, "COUNTED_MAX", 4)
    for _ in range(6):
        trail.row("production:order:note")
    assert search_trail(db, limit=2).total == 4
    assert db.scalar(text("SELECT count(*) FROM genba.audit")) == 6
