"""The catalogue lists every module that declares something, and describes all of it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import core.catalogue
from core.users.roles import ROLES

ROOT = Path(__file__).resolve().parents[2]


def declaring() -> set[str]:
    """Modules of core with a function decorated by ``@operation(…)`` or ``@query(…)``."""
    found = set()
    for path in (ROOT / "core").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                names = {each.func.id for each in node.decorator_list if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
                if names & {"operation", "query"}:
                    found.add(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def test_the_list_is_the_source() -> None:
    tree = ast.parse((ROOT / "core" / "catalogue.py").read_text(encoding="utf-8"))
    listed = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert listed == declaring()


def test_everything_is_described_as_plain_json() -> None:
    described = json.loads(json.dumps(core.catalogue.described()))
    assert {each["name"] for each in described["operations"]} == set(core.catalogue.OPERATIONS)
    assert {each["name"] for each in described["queries"]} == set(core.catalogue.QUERIES)
    for each in (*described["operations"], *described["queries"]):
        assert each["summary"], each["name"]
        assert each["request"]["type"] == "object"


def test_the_catalogue_loads_no_heavy_library() -> None:
    heavy = {"sqlalchemy", "psycopg", "numpy", "asyncua", "pymodbus", "PySide6"}
    program = f"import sys, core.catalogue; core.catalogue.described(); print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_every_operation_has_somebody_who_may_do_it() -> None:
    from core.store.operation import Actor

    for name in core.catalogue.OPERATIONS:
        who = [code for code, role in ROLES.items() if Actor("x", "x", frozenset(), role.permissions, "T", None).may(name)]
        assert who, name
