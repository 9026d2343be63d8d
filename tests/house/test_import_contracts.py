"""The import contracts hold, and each of them catches the violation it is there for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# contract name → (file to add a line to, the line, the words the linter must print)
PLANTED = {
    "The station runs without a screen": ("core/clock.py", "from PySide6 import QtCore", "core.clock -> PySide6"),
    "core is one ladder": ("core/errors.py", "import core.store.base", "core.errors -> core.store.base"),
    "hmi is one ladder": ("hmi/theme/__init__.py", "import hmi.panels", "hmi.theme -> hmi.panels"),
    "Panels are strangers to each other": ("hmi/panels/trends.py", "import hmi.panels.orders", "hmi.panels.trends -> hmi.panels.orders"),
    "Drivers are strangers to each other": ("core/drivers/modbus.py", "import core.drivers.opcua", "core.drivers.modbus -> core.drivers.opcua"),
    "The screen knows services and views": ("hmi/panels/orders.py", "import core.production.models", "hmi.panels.orders -> core.production.models"),
    "Only the application and the bridge know the station": ("hmi/panels/lines.py", "import core.station.station", "hmi.panels.lines -> core.station.station"),
    "Wire libraries are imported in drivers, sync and demo only": ("core/production/rules.py", "import httpx", "core.production.rules -> httpx"),
    "Features never see a driver": ("core/production/rules.py", "import core.drivers.base", "core.production.rules -> core.drivers.base"),
}


def _lint(root: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        cwd=root, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def _place(name: str) -> Path:
    """The planted file; a room may be a module or a package."""
    path = Path(name)
    return path if (ROOT / path).exists() else path.parent.with_suffix(".py")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("house")
    for part in ("core", "hmi"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for file, line, _ in PLANTED.values():
        place = root / _place(file)
        place.write_text(place.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    (root / "core" / "attic.py").write_text('"""A room nobody gave a place on the ladder."""\n', encoding="utf-8")
    code, words = _lint(root)
    assert code != 0
    return words


def test_contracts_are_kept() -> None:
    code, words = _lint(ROOT)
    assert code == 0, words


@pytest.mark.parametrize("contract", PLANTED)
def test_planted_violation_is_caught(planted: str, contract: str) -> None:
    broken = [line for line in planted.splitlines() if line.strip().endswith("BROKEN")]
    assert any(contract in line for line in broken), planted
    assert PLANTED[contract][2] in planted, planted


def test_a_room_without_a_place_on_the_ladder_is_caught(planted: str) -> None:
    assert "attic" in planted
