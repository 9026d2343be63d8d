"""A checkout small enough to be set up in seconds: the real installer, one wheel, a program that says how it was started."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from installer.checkout import Checkout

REAL = Path(__file__).resolve().parents[2]

# Stands for the program and for every check: writes down how it was started and ends with the code it is told to, one for each start.
RECORDER = """
import json, os, pathlib, sys
entry = {"name": NAME, "arguments": sys.argv[1:], "folder": os.getcwd(), "path": sys.path, "qt": os.environ.get("QT_QPA_PLATFORM")}
record = pathlib.Path(os.environ.get("RECORD", os.devnull))
times = record.read_text(encoding="utf-8").count(json.dumps(NAME)) if record.is_file() else 0
with record.open("a", encoding="utf-8") as file:
    file.write(json.dumps(entry) + "\\n")
if os.environ.get("FAILED_TESTS") and NAME == "pytest" and not times:
    kept = pathlib.Path(".cache/pytest/v/cache")
    kept.mkdir(parents=True)
    (kept / "lastfailed").write_text(os.environ["FAILED_TESTS"])
codes = os.environ.get("FAIL_" + NAME.upper(), "0").split(",")
sys.exit(int(codes[min(times, len(codes) - 1)]))
"""


def recorder(name: str) -> str:
    return f"NAME = {name!r}\n" + RECORDER


@dataclass(frozen=True)
class Small:
    """A small checkout and how to run the installer in it, always without touching the system's packages."""

    checkout: Checkout
    wheels: Path
    record: Path

    def environ(self, **more: str) -> dict[str, str]:
        ignored = ("PIP_", "PYTHON", "DISPLAY", "WAYLAND_DISPLAY", "QT_")
        own = {name: value for name, value in os.environ.items() if not name.startswith(ignored)}
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        return {**own, **pip, "RECORD": str(self.record), **more}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "installer", arguments[0], "--no-apt", *arguments[1:]]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.checkout.root, env=self.environ(**environ), capture_output=True, text=True, timeout=100
        )

    def started(self) -> list[dict[str, object]]:
        """What was started since the last call, in order."""
        lines = self.record.read_text(encoding="utf-8").splitlines() if self.record.exists() else []
        self.record.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]


def make_wheel(folder: Path) -> str:
    """A wheel whose modules have the names of the checks; gives back its line for a lock."""
    modules = {f"{name}/__main__.py": recorder(name) for name in ("ruff", "mypy", "pytest")}
    modules |= {f"{name}/__init__.py": "" for name in ("ruff", "mypy", "pytest", "importlinter")}
    modules["importlinter/cli.py"] = "def lint_imports_command():\n" + "".join(
        f"    {line}\n" for line in recorder("importlinter").splitlines() if line
    )
    about = "small_checks-1.0.dist-info"
    modules[f"{about}/METADATA"] = "Metadata-Version: 2.1\nName: small-checks\nVersion: 1.0\n"
    modules[f"{about}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    modules[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*modules, f"{about}/RECORD"])
    wheel = folder / "small_checks-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in modules.items():
            archive.writestr(name, text)
    return f"small-checks==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def make_small(folder: Path) -> Small:
    root, wheels = folder / "現場 genba", folder / "wheels"
    wheels.mkdir(parents=True)
    shutil.copytree(REAL / "installer", root / "installer", ignore=shutil.ignore_patterns("__pycache__", "*.lock"))
    shutil.copytree(REAL / ".ci", root / ".ci")
    (root / "installer" / "requirements.lock").write_text(make_wheel(wheels), encoding="utf-8")
    (root / "hmi").mkdir()
    (root / "hmi" / "__init__.py").touch()
    (root / "hmi" / "__main__.py").write_text(recorder("hmi"), encoding="utf-8")
    return Small(Checkout(root), wheels, folder / "record.jsonl")
