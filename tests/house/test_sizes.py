"""Functions of at most 40 lines, files of at most 400, panels of at most 300: whoever opens one at three in the morning sees it whole.

A docstring does not count: it is what makes the rest short to read. Tests are read one at a time, so only their files are measured.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.source import ROOT, modules, path_of

FUNCTION, FILE, PANEL, TEST_FILE = 40, 400, 300, 600

EXCEPTIONS = {
    "migrations.versions.0001_first_tables": "a migration is history: one list of tables, written once, read beside the classes",
    "migrations.versions.0001_first_tables.upgrade": "as above",
    "migrations.versions.0002_people.upgrade": "as above",
    "migrations.versions.0006_lines": "as above",
    "migrations.versions.0006_lines._stop_parts": "as above",
}
"""Module or function → why it is longer."""


def too_long() -> Iterator[tuple[str, int]]:
    for module, tree in modules("core", "hmi", "installer", "migrations", "tests").items():
        tested = module.startswith("tests.")
        limit = TEST_FILE if tested else PANEL if module.startswith("hmi.panels.") else FILE
        lines = len((ROOT / path_of(module)).read_text(encoding="utf-8").splitlines())
        if lines > limit:
            yield module, lines
        for node in () if tested else ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _length(node) > FUNCTION:
                yield f"{module}.{node.name}", _length(node)


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    words = function.body[0] if ast.get_docstring(function) is not None else None
    return _lines(function) - (_lines(words) if words is not None else 0)


def _lines(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_nothing_is_too_long_to_be_read_at_once() -> None:
    assert {name: lines for name, lines in too_long() if name not in EXCEPTIONS} == {}


def test_every_exception_is_needed() -> None:
    assert EXCEPTIONS.keys() <= dict(too_long()).keys()
    assert all(EXCEPTIONS.values())
