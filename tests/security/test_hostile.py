"""Every hostile statement is tried with a station's own credential against a filled database, and refused.

Refused means: an error, no rows, or the word it must say; and the database as it was, to the last catalogue.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.security.hostile import STATEMENTS, Hostile
from tests.security.picture import differences, picture
from tests.security.rig import Plant

LEAST = 80
DML = {
    "insert": "INSERT INTO genba.{table} SELECT * FROM genba.{table}",
    "update": "UPDATE genba.{table} SET {column} = {column}",
    "delete": "DELETE FROM genba.{table}",
    "truncate": "TRUNCATE genba.{table} CASCADE",
    "merge": "MERGE INTO genba.{table} t USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET {column} = t.{column}",
    "copy": "COPY genba.{table} FROM STDIN",
    "disable": "ALTER TABLE genba.{table} DISABLE TRIGGER USER",
    "rule": "CREATE RULE mine AS ON INSERT TO genba.{table} DO ALSO NOTHING",
    "drop": "DROP TABLE genba.{table} CASCADE",
}


@pytest.fixture(scope="module", autouse=True)
def somebody_is_connected(plant: Plant) -> Iterator[None]:
    """Connections of another station and of the administrator, for those who want to end them."""
    with closing(plant.there.connect(autocommit=True)) as there, closing(psycopg.connect(plant.url)) as admin:
        yield
        assert there.execute("SELECT 1").fetchone() == admin.execute("SELECT 1").fetchone() == (1,)


def filled(plant: Plant, text: str) -> str:
    """``text`` with its words in «» replaced."""
    here = plant.here
    words = {name: str(number) for name, number in plant.people.items()}
    words |= {"token": f"'{here.token}'", "database": plant.sql("SELECT current_database()")[0][0]}
    for name, value in words.items():
        text = text.replace(f"«{name}»", value)
    while "«" in text:
        word = text[text.index("«") + 1 : text.index("»")]
        text = text.replace(f"«{word}»", _request(plant, word))
    return text


def _request(plant: Plant, word: str) -> str:
    kind, _, about = word.partition(":")
    now = datetime.now(UTC)
    sealed = partial(plant.here.request, seal=True)
    made: dict[str, Callable[[], dict[str, Any]]] = {
        "hours ago": lambda: sealed("production:order:start", decided_at=(now - timedelta(hours=5)).isoformat()),
        "in an hour": lambda: sealed("production:order:start", decided_at=(now + timedelta(hours=1)).isoformat()),
        "by another key": lambda: plant.here.request("production:order:start", key=b"x" * 32),
    }
    asked = made[about]() if about in made else plant.here.request(about or "production:order:start", seal=kind == "sealed")
    return "'" + json.dumps(asked).replace("'", "''") + "'::jsonb"


def tried(connection: psycopg.Connection[Any], plant: Plant, hostile: Hostile) -> str:
    """What came of it: ``error``, ``empty``, or the first column of the last row. Committed unless it was an error."""
    panel = plant.there if hostile.who == "other" else plant.here
    try:
        if hostile.who == "operation":
            assert panel.begin(connection, hostile.within, panel.token)[0] == "open"
        rows = _answered(connection.cursor(), filled(plant, hostile.sql))
        if hostile.who == "operation":
            connection.execute("SELECT genba.end_operation('null', '', '{}')")
        connection.commit()
    except (psycopg.Error, UnicodeError):
        connection.rollback()
        return "error"
    return str(rows[0][0]) if rows else "empty"


def _answered(cursor: psycopg.Cursor[Any], statement: str) -> list[Any]:
    if statement.startswith("COPY") and statement.endswith(("STDIN", "STDOUT")):
        with cursor.copy(statement) as copy:  # type: ignore[arg-type]
            return list(copy) if statement.endswith("STDOUT") else []
    cursor.execute(statement)  # type: ignore[arg-type]
    while cursor.nextset():
        pass
    return cursor.fetchall() if cursor.description else []


class Attempts:
    """Tries statements one after the other and keeps those that came through.

    What ended in an error was rolled back; after everything else the whole database is compared with what it was before.
    """

    def __init__(self, plant: Plant) -> None:
        self.plant, self.through = plant, list[str]()
        self._before = picture(plant)
        self._connections: dict[bool, psycopg.Connection[Any]] = {}

    def try_all(self, statements: Iterable[Hostile]) -> None:
        for hostile in statements:
            came = tried(self._connection(hostile), self.plant, hostile)
            if came != hostile.answer and hostile.answer != "nothing":
                self.through.append(f"{hostile.who}: {hostile.sql[:200]} -> {came}")
            if came != "error":
                self._compare(hostile.sql)
                self.close()  # whatever it set for its session
        self.close()
        self._compare("all of them together")
        assert not self.through, "\n".join(self.through)

    def _connection(self, hostile: Hostile) -> psycopg.Connection[Any]:
        other = hostile.who == "other"
        if other not in self._connections:
            connection = self._connections[other] = (self.plant.there if other else self.plant.here).connect()
            connection.execute("SET statement_timeout = '5s'")
            connection.commit()
        return self._connections[other]

    def _compare(self, what: str) -> None:
        after = picture(self.plant)
        changed = differences(self._before, after)
        if changed:
            self.through.append(f"{what[:200]} changed {sorted(changed)}")
        self._before = after

    def close(self) -> None:
        while self._connections:
            self._connections.popitem()[1].close()


def test_the_list_is_long_enough() -> None:
    assert len(set(STATEMENTS)) >= LEAST
    assert {one.who for one in STATEMENTS} == {"nobody", "person", "operation", "other"}


def test_every_hostile_statement_is_refused(plant: Plant) -> None:
    attempts = Attempts(plant)
    attempts.try_all(STATEMENTS)
    print(f"all {len(STATEMENTS)} refused")


def test_the_sealed_request_they_are_made_of_is_good(plant: Plant) -> None:
    """Otherwise those that change one thing in it would be refused for another reason."""
    with plant.here.connect() as connection:
        for asked in (plant.here.request("production:order:start", seal=True), plant.here.request("production:order:pause", seal=True)):
            assert plant.here.begin(connection, asked["operation"], None, asked) == ("open", "")
            connection.rollback()


@pytest.mark.parametrize("kind", DML)
def test_no_table_is_changed_outside_of_an_operation(plant: Plant, kind: str) -> None:
    Attempts(plant).try_all(Hostile(DML[kind].format(table=table, column=column)) for table, column in _tables(plant))


@pytest.mark.parametrize("operation", ["production:order:start", "production:report:book", "users:pin:set"])
def test_no_undeclared_table_is_changed_inside_an_operation(plant: Plant, operation: str) -> None:
    (declared,) = plant.sql("SELECT tables FROM genba_guard.declared WHERE name = %s", operation)[0]
    undeclared = [(table, column) for table, column in _tables(plant) if table not in declared]
    assert len(undeclared) > 25
    Attempts(plant).try_all(
        Hostile(DML[kind].format(table=table, column=column), "operation", within=operation)
        for table, column in undeclared
        for kind in ("insert", "update", "delete", "merge", "copy")
    )


def _tables(plant: Plant) -> list[tuple[str, str]]:
    """Every table with a column that a station may set where there is one."""
    return plant.sql(
        "SELECT DISTINCT ON (c.relname) c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        " WHERE c.relnamespace = 'genba'::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped AND a.attidentity = ''"
        " ORDER BY c.relname, has_column_privilege('genba_station', c.oid, a.attnum, 'UPDATE') DESC, a.attnum"
    )
