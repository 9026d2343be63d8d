"""The import contracts hold, and each of them catches the violation it is there for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLANTED = {
    "The station runs without a screen": ("core.clock", "PySide6"),
    "core is one ladder: a rung knows only the rungs below": ("core.errors", "core.log"),
    "hmi is one ladder": ("hmi.theme", "hmi.panels"),
    "Panels are strangers to each other": ("hmi.panels.trends", "hmi.panels.orders"),
    "Drivers are strangers to each other": ("core.drivers.modbus", "core.drivers.opcua"),
    "The screen knows services and views: no SQL, no sockets, no mapped rows": ("hmi.panels.orders", "core.production.models"),
    "Only the application and the bridge know the station": ("hmi.panels.lines", "core.station.station"),
    "Wire libraries are imported in drivers, sync and demo only": ("core.production.rules", "httpx"),
    "Features never see a driver": ("core.production.rules", "core.drivers.base"),
}
"""Contract → (module, what it must not import)."""


def contracts() -> list[dict[str, object]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, object]] = settings["tool"]["importlinter"]["contracts"]
    return found


def lint(root: Path) -> tuple[int, str]:
    program = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", program, "--no-cache"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


def chapters(report: str) -> dict[str, str]:
    """Contract → what the linter says is wrong with it."""
    parts = re.split(r"^(.+)\n-{5,}$", report, flags=re.MULTILINE)
    return {title.strip(): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("planted")
    for part in ("core", "hmi"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for module, imported in PLANTED.values():
        path = root.joinpath(*module.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        file.write_text(file.read_text(encoding="utf-8") + f"\nimport {imported}\n", encoding="utf-8")
    for attic in (root / "core" / "attic.py", root / "hmi" / "attic.py"):
        attic.write_text('"""A room nobody gave a place on the ladder."""\n', encoding="utf-8")
    code, report = lint(root)
    assert code == 1, report
    return chapters(report)


def test_contracts_are_kept() -> None:
    code, report = lint(ROOT)
    assert code == 0, report


def test_every_contract_has_a_planted_violation() -> None:
    assert {contract["name"] for contract in contracts()} == set(PLANTED)


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_is_caught(broken: dict[str, str], contract: str) -> None:
    module, imported = PLANTED[contract]
    assert f"{module} -> {imported}" in broken[contract]


@pytest.mark.parametrize("ladder", ["core is one ladder: a rung knows only the rungs below", "hmi is one ladder"])
def test_a_room_without_a_place_on_the_ladder_is_caught(broken: dict[str, str], ladder: str) -> None:
    assert "attic" in broken[ladder]
