"""The audit row: made by the database from what its triggers saw, chained, and changed by nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from core.store import audit
from core.store.operation import frame
from tests.postgres import plain
from tests.store.rig import SESSION, TABLES, TOKEN, ask


@pytest.fixture(scope="module")
def place(postgres: Any) -> Iterator[tuple[str, str]]:
    with postgres.migrated_database() as name:
        admin = postgres.admin_url(name)
        ask(admin, TABLES)
        yield postgres.station_url(name), admin


class Panel:
    """alice at ST1, by SQL alone."""

    def __init__(self, url: str, admin: str) -> None:
        self.connection = psycopg.connect(plain(url), row_factory=dict_row)
        self.admin = admin

    def run(self, statement: str, *values: Any) -> None:
        self.connection.execute(statement, values)  # type: ignore[arg-type]

    @contextmanager
    def operation(self, verb: str = "create", reason: str = "", detail: str = "{}") -> Iterator[UUID]:
        """An operation begun and ended; gives the request's id."""
        request = uuid4()
        told = {"id": str(request), "operation": f"test:thing:{verb}", "station": "ST1", "user_code": "alice", "args": "{}"}
        told |= {"session_id": str(SESSION), "decided_at": "2026-11-25T00:00:00+00:00"}
        with self.connection.transaction():
            begun = self.connection.execute(
                "SELECT * FROM genba.begin_operation(%s, %s, %s)", (TOKEN, told["operation"], json.dumps(told))
            ).fetchone()
            assert begun is not None
            assert begun["outcome"] == "open", begun
            yield request
            self.run("SELECT genba.end_operation('null', %s, %s::jsonb)", reason, detail)

    def row(self, request: UUID) -> dict[str, Any]:
        found = self.connection.execute("SELECT * FROM genba.audit WHERE request_id = %s", (request,)).fetchall()
        self.connection.commit()
        assert len(found) == 1, "one row, exactly"
        return found[0]


@pytest.fixture
def panel(place: tuple[str, str]) -> Iterator[Panel]:
    made = Panel(*place)
    yield made
    made.connection.close()


NEW = "INSERT INTO genba.test_thing (id, name, count, pin) VALUES (%s, %s, %s, %s)"


def test_the_row_tells_before_and_after_of_every_column_once(panel: Panel) -> None:
    thing = uuid4()
    with panel.operation() as request:
        panel.run(NEW, thing, str(thing), 1, "first")
    with panel.operation("count", "miscount", '{"program": "0.2"}') as second:
        panel.run("UPDATE genba.test_thing SET count = 2, version = version + 1 WHERE id = %s", thing)
        panel.run("UPDATE genba.test_thing SET count = 3, pin = 'other', open = open WHERE id = %s", thing)
    made, changed = panel.row(request), panel.row(second)
    assert made["changes"] == [
        {
            "table": "test_thing",
            "key": str(thing),
            "action": "insert",
            "values": {
                "id": [None, str(thing)],
                "name": [None, str(thing)],
                "count": [None, 1],
                "open": [None, True],
                "pin": [None, "•••"],
            },
        }
    ]
    values = {"count": [1, 3], "pin": ["•••", "•••"]}
    assert changed["changes"] == [{"table": "test_thing", "key": str(thing), "action": "update", "values": values}]
    assert (changed["user_code"], changed["user_name"], changed["reason"], changed["detail"]) == (
        "alice",
        "アリス",
        "miscount",
        {"program": "0.2"},
    )
    assert changed["database_user"] == "genba_local"


def test_what_came_to_nothing_is_not_told(panel: Panel) -> None:
    thing = uuid4()
    with panel.operation() as request:
        panel.run(NEW, thing, str(thing), 1, "")
        panel.run("SAVEPOINT s")
        panel.run("UPDATE genba.test_thing SET count = 99 WHERE id = %s", thing)
        panel.run("ROLLBACK TO SAVEPOINT s")
        panel.run("UPDATE genba.test_thing SET count = count WHERE id = %s", thing)
        panel.run("UPDATE genba.test_thing SET count = 5 WHERE name = 'nobody'")
    (only,) = panel.row(request)["changes"]
    assert only["values"]["count"] == [None, 1]


def test_many_rows_of_one_statement_are_told_one_by_one_and_long_texts_are_cut(panel: Panel) -> None:
    with panel.operation() as request:
        panel.run("INSERT INTO genba.test_thing (id, name) SELECT gen_random_uuid(), n || repeat('x', 5000) FROM generate_series(1, 3) n")
    changes = panel.row(request)["changes"]
    assert len({change["key"] for change in changes}) == 3
    assert all(change["values"]["name"][1].endswith("x…") and len(change["values"]["name"][1]) == 4_001 for change in changes)


def test_without_its_end_nothing_is_kept(panel: Panel) -> None:
    thing = uuid4()
    told = {"id": str(uuid4()), "operation": "test:thing:create", "station": "ST1", "args": "{}"}
    told["decided_at"] = "2026-11-25T00:00:00+00:00"
    panel.run("SELECT genba.begin_operation(%s, 'test:thing:create', %s)", TOKEN, json.dumps(told))
    panel.run(NEW, thing, str(thing), 1, "")
    with pytest.raises(psycopg.Error, match="begun and not ended"):
        panel.connection.commit()
    assert ask(panel.admin, "SELECT 1 FROM genba.test_thing WHERE id = %s", thing) == []


def test_after_its_end_nothing_is_changed(panel: Panel) -> None:
    thing = uuid4()

    def change() -> None:
        with panel.connection.transaction():
            with panel.operation():
                panel.run(NEW, thing, str(thing), 1, "")
            panel.run("UPDATE genba.test_thing SET count = 7 WHERE id = %s", thing)

    with pytest.raises(psycopg.Error, match="outside of an operation"):
        change()
    assert ask(panel.admin, "SELECT 1 FROM genba.test_thing WHERE id = %s", thing) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE genba.audit SET user_code = 'bob'",
        "DELETE FROM genba.audit",
        "TRUNCATE genba.audit",
        "INSERT INTO genba.audit SELECT * FROM genba.audit",
        "UPDATE genba.audit_head SET seq = 0",
        "DELETE FROM genba.audit_head",
        "ALTER TABLE genba.audit DISABLE TRIGGER is_final",
        "UPDATE genba.request SET result = '{}'",
        "DELETE FROM genba.request",
        "SELECT genba_guard.audit_write('ST2', NULL, 'a:b', 'done', 'x', 'x', NULL, NULL, '[]', '', '{}')",
    ],
)
def test_a_station_can_only_append(panel: Panel, statement: str) -> None:
    with pytest.raises(psycopg.Error, match=r"permission denied|must be owner") as caught:
        panel.run(statement)
    assert caught.value.sqlstate == "42501"


@pytest.mark.parametrize("table", ["audit", "signature", "movement", "production_report"])
def test_even_the_owner_needs_more_than_a_statement(place: tuple[str, str], table: str) -> None:
    for statement in (f"DELETE FROM genba.{table}", f"UPDATE genba.{table} SET station = 'x'", f"TRUNCATE genba.{table} CASCADE"):
        with pytest.raises(psycopg.Error, match="never changed or removed"):
            ask(place[1], statement)


TEXTS = st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_the_same_rule_in_the_database_and_outside(place: tuple[str, str], fields: list[str | None]) -> None:
    ((framed,),) = ask(place[1], "SELECT genba_guard.frame(VARIADIC %s::text[])", fields)
    assert bytes(framed) == frame(fields)
    raw = [None if one is None else one.encode() for one in fields]
    ((digest,),) = ask(place[1], "SELECT sha256(%s || genba_guard.frame(VARIADIC %s::text[]))", b"\1" * 32, fields)
    assert bytes(digest) == audit.digest(b"\1" * 32, raw)


@given(TEXTS, TEXTS)
def test_no_two_different_rows_have_the_same_text(one: list[str | None], other: list[str | None]) -> None:
    assert (frame(one) == frame(other)) == (one == other)
