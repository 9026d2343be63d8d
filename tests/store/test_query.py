from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pytest

from core.errors import Invalid
from core.store.query import QUERIES, Page, describe, entities, query


@dataclass(frozen=True, slots=True)
class Row:
    entity: ClassVar[str] = "thing"
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    rows: tuple[Row, ...]
    first: Row | None


@pytest.fixture(autouse=True)
def _own_names() -> Iterator[None]:
    before = dict(QUERIES)
    yield
    QUERIES.clear()
    QUERIES.update(before)


def _declare() -> Any:
    @query("test:thing:list", snapshot=True)
    def list_things(
        db: Any, *, status: Literal["NEW", "OLD"] | None = None, text: str = "", limit: int = 100, offset: int = 0
    ) -> Page[Row]:
        """Things."""
        return Page((Row(1, "a"),), 1, limit, offset)

    return list_things


def test_the_same_question_has_the_same_key_whatever_was_left_out() -> None:
    things = _declare()
    assert things.key(things.validate({})) == things.key(things.validate({"offset": 0, "limit": 100, "text": " "}))
    assert things.key(things.validate({"status": "NEW"})) != things.key(things.validate({}))


@pytest.mark.parametrize("args", [{"limit": 1001}, {"limit": 0}, {"limit": -1}, {"offset": -1}, {"status": "x"}, {"where": "1=1"}])
def test_limits_hold_for_every_list(args: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        _declare().validate(args)


def test_a_page_never_holds_more_than_it_may() -> None:
    with pytest.raises(Invalid):
        Page((), 0, 1001)
    with pytest.raises(Invalid):
        Page((1, 2), 2, 1)


def test_views_come_back_from_json_as_they_were() -> None:
    things = _declare()
    page = things(None, limit=5)
    assert things.view_type.validate_json(things.view_type.dump_json(page)) == page


def test_entities_are_found_wherever_they_stand() -> None:
    sheet = Sheet("t", (Row(1, "a"), Row(2, "b")), Row(3, "c"))
    assert [key for key, _ in entities(Page((sheet,), 1, 10))] == ["thing:1", "thing:2", "thing:3"]
    assert list(entities(None)) == []


def test_the_catalogue_entry_names_the_page() -> None:
    entry = describe(_declare())
    assert entry["snapshot"] is True
    assert entry["request"]["properties"]["limit"]["maximum"] == 1000
