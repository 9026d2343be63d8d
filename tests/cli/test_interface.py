"""``genba operations`` is a specification a program can read; ``genba doctor`` says what is missing and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.catalogue import OPERATIONS, QUERIES
from tests.cli.conftest import Genba, window

TYPES = {"object", "array", "string", "number", "integer", "boolean", "null"}


def check_schema(schema: Any, whole: Any, at: str) -> None:
    """What JSON Schema asks of a schema, as far as ours go; every reference leads somewhere."""
    if isinstance(schema, bool):
        return
    assert isinstance(schema, dict), at
    if "$ref" in schema:
        target: Any = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            assert part in target, f"{at}: {schema['$ref']}"
            target = target[part]
    kinds = schema.get("type", [])
    assert {kinds} <= TYPES if isinstance(kinds, str) else set(kinds) <= TYPES, at
    says_something = {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"} & schema.keys()
    assert says_something or not schema.keys() - {"title", "default"}, (at, schema)
    assert set(schema.get("required", [])) <= schema.get("properties", {}).keys(), at
    for name in ("properties", "$defs"):
        for key, part in schema.get(name, {}).items():
            check_schema(part, whole, f"{at}/{name}/{key}")
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for number, part in enumerate(schema.get(name, ())):
            check_schema(part, whole, f"{at}/{name}/{number}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            check_schema(schema[name], whole, f"{at}/{name}")


def test_operations_as_a_specification(genba: Genba) -> None:
    said = genba("operations", "--json")
    assert (said.code, said.err) == (0, "")
    told = json.loads(said.out)
    assert {each["name"] for each in told["operations"]} == set(OPERATIONS)
    assert {each["name"] for each in told["queries"]} == set(QUERIES)
    for each in (*told["operations"], *told["queries"]):
        assert each["summary"].endswith("."), each["name"]
        assert each["request"]["type"] == "object"
        for part in ("request", "view"):
            check_schema(each[part], each[part], f"{each['name']}/{part}")


def test_operations_for_people(genba: Genba) -> None:
    said = genba("operations")
    assert said.code == 0
    assert all(name in said.out for name in (*OPERATIONS, *QUERIES))
    assert all(len(line.split(maxsplit=1)) == 2 for line in said.out.splitlines() if line.startswith("  "))


def test_a_computer_that_is_fit(genba: Genba, home: Path) -> None:
    said = genba("doctor", "--json")
    told = json.loads(said.out)
    assert (said.code, told["ok"]) == (0, True), told
    assert [each["check"] for each in told["checks"]] == [
        "settings",
        "program",
        "packages",
        "resources",
        "home",
        "sqlite",
        "screen",
        "secrets",
        "connection",
        "database",
        "backups",
    ]
    assert not home.exists()  # looking leaves nothing behind
    assert genba("doctor").out.count("\nok ") == len(told["checks"]) - 1


def test_what_is_missing_is_named_with_what_to_do(genba: Genba, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_HOME", "/proc/nobody")
    monkeypatch.setenv("GENBA_DATABASE_URL", "postgresql://panel:planted-secret@127.0.0.1:1/genba")
    said = genba("doctor", "--json")
    told = {each["check"]: each for each in json.loads(said.out)["checks"]}
    assert said.code == 1
    assert [name for name, each in told.items() if not each["ok"]] == ["home", "database"]
    assert "GENBA_HOME" in told["home"]["advice"]
    assert "127.0.0.1:1" in told["database"]["advice"]
    assert "planted-secret" not in said.out + said.err
    assert "BAD  home" in genba("doctor").out


def test_broken_settings_are_a_finding_too(genba: Genba, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_THEME", "pink")
    said = genba("doctor", "--json")
    assert said.code == 1
    assert "GENBA_THEME" in json.loads(said.out)["checks"][0]["detail"]


def test_a_database_of_another_time_is_a_finding(genba: Genba, database_url: str, admin_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)
    assert json.loads(genba("doctor", "--json").out)["ok"] is True
    for oldest, newest, todo in (("9.0", "9.9", "Update the program"), ("0.0", "0.0", "db upgrade")):
        with window(admin_url, oldest, newest):
            (database,) = [one for one in json.loads(genba("doctor", "--json").out)["checks"] if one["check"] == "database"]
        assert database["ok"] is False
        assert todo in database["advice"]
