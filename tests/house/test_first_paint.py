"""What must not be loaded before the first paint: the window is there in twice the time of a bare one, or nobody believes it started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("asyncio", "qasync", "pydantic", "pydantic_settings", "numpy", "pyqtgraph", "sqlalchemy", "psycopg", "alembic", "ruamel")
HEAVIER = ("asyncua", "pymodbus", "argon2", "core.config", "core.station", "core.store", "hmi.panels.lines", "hmi.app", "zoneinfo")

_PROGRAM = """
import sys
import hmi.__main__ as program
from hmi.shell import opening

def painted(window, pixels):
    print(" ".join(sorted(sys.modules)))
    sys.stdout.flush()
    import os
    os._exit(0)

opening.show = painted
program.main()
"""


@pytest.mark.parametrize("words", [(), ("demo",)])
def test_nothing_heavy_is_loaded_before_the_window_is_shown(words: tuple[str, ...], tmp_path: Path) -> None:
    environment = {**os.environ, "GENBA_HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words], cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "PySide6.QtWidgets" in loaded
    assert "hmi.shell.window" in loaded
    assert not loaded & {*HEAVY, *HEAVIER}
