from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from core.clock import SystemClock
from core.store.operation import OPERATIONS, operation
from core.store.query import QUERIES, Answer, Page, query
from core.store.readstore import SNAPSHOTS_MAX, ReadStore, overlay

CLOCK = SystemClock()
T0 = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    entity: ClassVar[str] = "thing"
    id: int
    status: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    entity: ClassVar[str] = "thing"
    id: int
    status: str
    history: tuple[str, ...]


@pytest.fixture(autouse=True)
def _own_names() -> Iterator[None]:
    before = dict(OPERATIONS), dict(QUERIES)
    yield
    for registry, old in zip((OPERATIONS, QUERIES), before, strict=True):
        registry.clear()
        registry.update(old)  # type: ignore[arg-type]


def _query() -> Any:
    @query("test:thing:list", snapshot=True)
    def list_things(db: Any, *, status: str = "", limit: int = 100) -> Page[Row]:
        return Page((), 0, limit)

    return list_things


def _page(*statuses: str) -> Page[Row]:
    return Page(tuple(Row(n, status) for n, status in enumerate(statuses)), len(statuses), 100)


def test_an_answer_survives_a_restart_with_its_age(tmp_path: Path) -> None:
    things = _query()
    store = ReadStore(tmp_path / "read.db", CLOCK)
    args = things.validate({"status": "NEW"})
    assert store.answer(things, args) is None
    store.keep(things, args, _page("a", "b"), T0)
    assert store.answer(things, args) == (_page("a", "b"), T0)
    assert store.answer(things, things.validate({})) is None
    store.close()
    again = ReadStore(tmp_path / "read.db", CLOCK)
    assert again.answer(things, args) == (_page("a", "b"), T0)
    assert again.entity("thing:1", Row) == Row(1, "b")
    assert again.entity("thing:1", Detail) is None
    again.close()


def test_the_newest_view_of_an_entity_wins_wherever_it_came_from(tmp_path: Path) -> None:
    things = _query()

    @operation("test:thing:start", kind="intent", writes=())
    def start(db: Any, actor: Any, *, thing_id: int) -> Row:
        return Row(thing_id, "x")

    store = ReadStore(tmp_path / "read.db", CLOCK)
    store.keep(things, things.validate({}), _page("a"), T0)
    store.keep_entity(start.name, Row(0, "started"), T0 + timedelta(seconds=1))
    store.keep(things, things.validate({"status": "a"}), _page("old"), T0 - timedelta(seconds=1))
    assert store.entity("thing:0", Row) == Row(0, "started")
    store.close()
    again = ReadStore(tmp_path / "read.db", CLOCK)
    assert again.entity("thing:0", Row) == Row(0, "started")
    again.close()


def test_an_unchanged_answer_is_not_written_again_at_once(tmp_path: Path) -> None:
    things = _query()
    store = ReadStore(tmp_path / "read.db", CLOCK)
    args = things.validate({})
    for second in range(50):
        store.keep(things, args, _page("a"), T0 + timedelta(seconds=second))
    assert store.answer(things, args) == (_page("a"), T0 + timedelta(seconds=49))
    rows = store._file.call(lambda file: file.execute("SELECT as_of FROM snapshot").fetchall())
    assert rows == [(T0.isoformat(),)]
    store.close()


def test_the_store_stays_small(tmp_path: Path) -> None:
    things = _query()
    store = ReadStore(tmp_path / "read.db", CLOCK)
    for n in range(SNAPSHOTS_MAX + 20):
        store.keep(things, things.validate({"status": str(n)}), _page("a"), T0 + timedelta(seconds=n))
    assert store.answer(things, things.validate({"status": "5"})) is None
    assert store._file.call(lambda file: file.execute("SELECT count(*) FROM snapshot").fetchone()) == (SNAPSHOTS_MAX,)
    store.close()


def test_a_view_of_another_program_version_is_no_answer(tmp_path: Path) -> None:
    things = _query()
    store = ReadStore(tmp_path / "read.db", CLOCK)
    store.keep(things, things.validate({}), _page("a"), T0)
    store.close()
    with sqlite3.connect(tmp_path / "read.db") as file:
        file.execute("UPDATE snapshot SET view = '{\"rows\": []}'")
    file.close()
    again = ReadStore(tmp_path / "read.db", CLOCK)
    assert again.answer(things, things.validate({})) is None
    assert again.entity("thing:0", Row) is None
    again.close()


def test_a_damaged_file_is_moved_aside_and_said_once(tmp_path: Path, expect_log: Any) -> None:
    things = _query()
    (tmp_path / "read.db").write_bytes(b"SQLite format 3\x00" + b"rubbish" * 2000)
    expect_log(r"read\.db was damaged")
    store = ReadStore(tmp_path / "read.db", CLOCK)
    store.keep(things, things.validate({}), _page("a"), T0)
    assert store.answer(things, things.validate({})) is not None
    store.close()
    assert len(list(tmp_path.glob("read.damaged-*.db"))) == 1


def test_waiting_decisions_are_painted_over_answers_and_named() -> None:
    page = _page("NEW", "NEW", "NEW")
    answer = Answer(page, T0, "database")
    painted = overlay(answer, {"thing:1": Row(1, "STARTED"), "thing:9": Row(9, "STARTED"), "other:0": Row(0, "x")})
    assert [row.status for row in painted.value.items] == ["NEW", "STARTED", "NEW"]
    assert painted.waiting == frozenset({"thing:1"})
    assert painted.value.items[0] is page.items[0]
    assert overlay(answer, {}) is answer
    assert overlay(answer, {"thing:9": Row(9, "x")}) is answer


def test_another_view_of_the_same_entity_gets_the_shared_fields() -> None:
    answer = Answer(Detail(1, "NEW", ("made",)), T0, "snapshot")
    painted = overlay(answer, {"thing:1": Row(1, "STARTED", "note")})
    assert painted.value == replace(answer.value, status="STARTED")
    assert painted.waiting == frozenset({"thing:1"})


def test_a_decision_without_a_preview_is_named_all_the_same() -> None:
    answer = Answer(Row(1, "NEW"), T0, "snapshot")
    painted = overlay(answer, {"thing:1": None})
    assert painted.value == answer.value
    assert painted.waiting == frozenset({"thing:1"})
