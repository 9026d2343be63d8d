"""No headless command loads Qt: a gateway has none of its libraries, and a screen's start must not pay for the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.house.source import ROOT

DEMO = str(ROOT / "resources" / "demo" / "site.yaml")
QT = {"PySide6", "shiboken6", "pyqtgraph", "qasync"}

PROGRAM = """
import contextlib, io, json, sys
from hmi.__main__ import run_cli

found = []
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()):
        code = run_cli(words)
    found.append([" ".join(words), code, sorted({name.partition(".")[0] for name in sys.modules})])
print(json.dumps(found))
"""


def loaded(commands: list[list[str]], home: Path, database_url: str = "") -> list[tuple[str, int, set[str]]]:
    """Command, exit code and top-level modules loaded after it, one after the other in one process."""
    environment = {**os.environ, "GENBA_HOME": str(home), "GENBA_LANGUAGE": "en", "GENBA_DATABASE_URL": database_url}
    command = [sys.executable, "-c", PROGRAM, json.dumps(commands)]
    done = subprocess.run(command, cwd=home.parent, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return [(words, code, set(names)) for words, code, names in json.loads(done.stdout.splitlines()[-1])]


def test_commands_that_need_nothing(tmp_path: Path) -> None:
    truth = "plant truth --control 127.0.0.1:1"
    commands = [["--help"], ["demo", "--help"], ["--version"], ["operations"], ["operations", "--json"], truth.split(), ["frobnicate"]]
    heavy = QT | {"sqlalchemy", "psycopg", "alembic", "asyncua", "pymodbus", "numpy"}
    for words, code, names in loaded(commands, tmp_path / "home"):
        assert code == {truth: 3, "frobnicate": 2}.get(words, 0), words
        assert not names & heavy, words


def test_commands_that_work(tmp_path: Path, database_url: str, admin_url: str) -> None:
    commands = [
        ["doctor", "--json"],
        ["db", "schema"],
        ["db", "status"],
        ["site", "apply", DEMO, "--url", admin_url],
        ["site", "plan", DEMO],
        ["site", "export", str(tmp_path / "site.yaml")],
        ["station", "--seconds", "1"],
        ["audit", "anchor"],
        ["audit", "verify", "--json"],
        ["db", "roles", "list", "--url", admin_url],
    ]
    for words, code, names in loaded(commands, tmp_path / "home", database_url):
        assert code == 0, words.partition("postgresql")[0]
        assert not names & QT, words


def test_the_processes_of_the_plant_and_of_acquisition_load_no_qt() -> None:
    parts = "core.demo.plant, core.demo.server_process, core.station.acquisition_process, core.drivers.host"
    program = f"import sys, {parts}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert not {name.partition(".")[0] for name in done.stdout.split()} & QT
