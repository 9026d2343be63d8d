from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.store import audit
from core.store.base import Db
from core.store.operation import Actor
from tests.store.rig import TABLES, Thing, ask

ACTOR = Actor("alice", "アリス", frozenset(), frozenset({"*"}), "ST1", uuid4())


@pytest.fixture(scope="module")
def place(postgres: Any) -> Iterator[tuple[str, str]]:
    """(station url, admin url): a table to change, and two chains of ten rows that no test leaves changed."""
    with postgres.migrated_database() as name:
        url, admin = postgres.station_url(name), postgres.admin_url(name)
        ask(admin, TABLES)
        for station in ("ST1", "ST2"):
            _write(url, 10, station)
        yield url, admin


@contextlib.contextmanager
def session(url: str, station: str = "ST1") -> Iterator[Db]:
    engine = create_engine(url, poolclass=NullPool)
    actor = Actor(ACTOR.user_code, ACTOR.name, ACTOR.roles, ACTOR.permissions, station, ACTOR.session_id)
    with Db(engine, actor=actor) as db:
        yield db
    engine.dispose()


def _write(url: str, count: int, station: str = "ST1") -> None:
    with session(url, station) as db:
        for n in range(count):
            db.note_reason(f"because {n}")
            audit.append(db, "test:thing:do", detail={"n": n, "言葉": "値"})
            db.commit()


def _kinds(db: Db) -> list[tuple[str, int, str]]:
    return sorted((f.station, f.seq, f.kind) for f in audit.verify(db).findings)


# ---- collecting ------------------------------------------------------------------------------------------------------


def test_the_row_tells_before_and_after_of_every_column_once(place: tuple[str, str]) -> None:
    url, admin = place
    with session(url, "ST3") as db:
        thing_id = db.clock.uuid7()
        thing = Thing(id=thing_id, name="first", pin="s3cret")
        db.add(thing)
        db.flush()
        thing.name = "second"
        db.flush()
        thing.count = 4
        audit.append(db, "test:thing:make")
        db.commit()
        thing.name = "third"
        thing.count = 4
        audit.append(db, "test:thing:make")
        db.commit()
        db.delete(thing)
        with pytest.raises(DBAPIError, match="permission denied"):
            db.flush()
        db.rollback()
    first, second = (row[0] for row in ask(admin, "SELECT changes FROM genba.audit WHERE station = 'ST3' ORDER BY seq"))
    assert first[0]["action"] == "insert"
    assert first[0]["values"]["name"] == [None, "second"]
    assert first[0]["values"]["count"] == [None, 4]
    assert first[0]["values"]["pin"] == [None, "•••"]
    assert second == [{"table": "test_thing", "key": str(thing_id), "action": "update", "values": {"name": ["second", "third"]}}]


def test_what_was_rolled_back_is_not_told(place: tuple[str, str]) -> None:
    url, _ = place
    with session(url) as db:
        kept, lost = (Thing(id=db.clock.uuid7(), name=name) for name in ("kept", "lost"))
        db.add(kept)
        db.flush()
        with contextlib.suppress(KeyError), db.begin_nested():
            db.add(lost)
            db.flush()
            raise KeyError
        assert [c.key for c in audit.changes(db)] == [str(kept.id)]
        db.rollback()
        assert audit.changes(db) == []


def test_statements_over_many_rows_and_database_functions_are_told_too(place: tuple[str, str]) -> None:
    url, _ = place
    with session(url) as db:
        db.execute(update(Thing).where(Thing.count > 3).values(count=0))
        audit.note_change(db, "movement", 7, "insert", {"quantity": (None, Decimal("1.5"))}, entity="lot")
        many, noted = sorted(audit.changes(db), key=lambda c: c.table, reverse=True)
        assert (many.entity, many.key, many.action) == ("thing", "*", "update many")
        assert (noted.entity, noted.key, noted.values) == ("lot", "7", {"quantity": [None, "1.5"]})


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1.500"), "1.500"), (UUID(int=1), str(UUID(int=1))), (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (Colour.RED, "red"), (b"abc", "<3 bytes>"), (float("nan"), "nan"),
        ("a\x00b", "a\ufffdb"), ({"a": {1}}, {"a": [1]}), (object, "<type>"),
        ("x" * 5000, "x" * 4000 + "…"),
    ],
)  # fmt: skip
def test_values_are_shown_as_json(value: object, shown: object) -> None:
    assert audit.plain(value) == shown


# ---- the chain -------------------------------------------------------------------------------------------------------


def test_an_untouched_chain_has_no_findings(place: tuple[str, str]) -> None:
    _write(place[0], 5, "工場")
    with session(place[0]) as db:
        found = audit.verify(db)
    assert found.findings == ()
    assert {"ST1": 10, "ST2": 10, "工場": 5}.items() <= {name: n for name, (n, _) in found.heads.items()}.items()


_OWNER = "ALTER TABLE genba.audit DISABLE TRIGGER audit_is_final; "


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        ("UPDATE genba.audit SET detail = '{\"n\": 99}' WHERE seq = 5 AND station = 'ST1'", [("ST1", 5, "changed")]),
        ("UPDATE genba.audit SET user_code = 'bob' WHERE seq = 5 AND station = 'ST1'", [("ST1", 5, "changed")]),
        ("UPDATE genba.audit SET at = at - interval '1 hour' WHERE seq = 5 AND station = 'ST1'", [("ST1", 5, "changed")]),
        ("UPDATE genba.audit SET reason = '', user_name = reason || user_name WHERE seq = 5 AND station = 'ST1'", [("ST1", 5, "changed")]),
        ("UPDATE genba.audit SET request_id = gen_random_uuid() WHERE seq = 5 AND station = 'ST1'", [("ST1", 5, "changed")]),
        ("DELETE FROM genba.audit WHERE seq = 5 AND station = 'ST1'", [("ST1", 6, "missing"), ("ST1", 6, "unlinked")]),
        ("DELETE FROM genba.audit WHERE seq > 8 AND station = 'ST1'", [("ST1", 8, "end")]),
        ("DELETE FROM genba.audit WHERE station = 'ST1'", [("ST1", 0, "end")]),
        ("UPDATE genba.audit SET station = 'ST2', seq = seq + 100 WHERE seq = 10 AND station = 'ST1'", None),
        (
            "UPDATE genba.audit SET seq = CASE seq WHEN 4 THEN -4 ELSE -5 END WHERE seq IN (4, 5) AND station = 'ST1';"
            "UPDATE genba.audit SET seq = CASE seq WHEN -4 THEN 5 ELSE 4 END WHERE seq < 0",
            None,
        ),
        (
            "INSERT INTO genba.audit SELECT station, seq + 1, at, decided_at, request_id, operation, outcome, user_code, user_name,"
            " session_id, changes, reason, detail, database_user, previous_hash, hash FROM genba.audit WHERE station = 'ST1' AND seq = 10",
            [("ST1", 11, "changed"), ("ST1", 11, "end"), ("ST1", 11, "unlinked")],
        ),
        ("DELETE FROM genba.audit_head WHERE station = 'ST1'", [("ST1", 10, "end")]),
    ],
)
def test_tampering_by_an_administrator_is_found(place: tuple[str, str], tamper: str, found: Any) -> None:
    with session(place[1]) as db:
        assert _kinds(db) == []
        db.execute(text((_OWNER + tamper).replace(":", "\\:")))
        kinds = _kinds(db)
        db.rollback()
    assert kinds
    if found is not None:
        assert kinds == found


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE genba.audit SET user_code = 'bob'",
        "DELETE FROM genba.audit",
        "TRUNCATE genba.audit",
        "INSERT INTO genba.audit SELECT * FROM genba.audit",
        "UPDATE genba.audit_head SET seq = 0",
        "DELETE FROM genba.audit_head",
        "ALTER TABLE genba.audit DISABLE TRIGGER audit_is_final",
        "UPDATE genba.request SET result = '{}'",
        "DELETE FROM genba.request",
    ],
)
def test_a_station_can_only_append(place: tuple[str, str], statement: str) -> None:
    with session(place[0]) as db, pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
        db.execute(text(statement))


def test_even_the_owner_needs_more_than_a_statement(place: tuple[str, str]) -> None:
    with session(place[1]) as db, pytest.raises(DBAPIError, match="never changed"):
        db.execute(text("DELETE FROM genba.audit"))


def test_a_row_names_its_station(place: tuple[str, str]) -> None:
    with session(place[0], "") as db, pytest.raises(DBAPIError, match="names its station"):
        audit.append(db, "test:thing:do")


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=2, max_size=4),
    st.lists(st.one_of(st.none(), st.text(max_size=5)), max_size=4),
)
def test_no_two_different_rows_have_the_same_text(one: list[str | None], other: list[str | None]) -> None:
    start = bytes(32)
    assert (audit.digest(start, one) == audit.digest(start, other)) == (one == other)


def test_the_same_rule_in_the_database_and_outside(place: tuple[str, str]) -> None:
    fields = ["ST1", "1", None, "", "日本語", "a,b:c", "-"]
    with session(place[0]) as db:
        there = db.scalar(
            text("SELECT genba.audit_digest(decode(repeat('ab', 32), 'hex'), VARIADIC CAST(:fields AS text[]))"), {"fields": fields}
        )
    assert bytes(there) == audit.digest(bytes.fromhex("ab" * 32), fields)


def test_the_functions_search_path_is_fixed() -> None:

    sql = (Path(__file__).parents[2] / "migrations" / "sql" / "audit.sql").read_text(encoding="utf-8")
    functions = re.findall(r"CREATE OR REPLACE FUNCTION.*?AS \$\$", sql, re.DOTALL)
    assert len(functions) == 3
    assert all("SET search_path = pg_catalog, pg_temp" in function for function in functions)
