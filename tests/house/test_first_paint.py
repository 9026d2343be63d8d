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
import linecache
import sys
import hmi.__main__ as program
from hmi.shell import opening

def painted(window, pixels):
    print(" ".join(sorted(sys.modules)))
    import core.station.station
    print(sum(len(entry[2]) for entry in linecache.cache.values() if len(entry) > 2))
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
    names, lines_kept = done.stdout.splitlines()
    loaded = set(names.split())
    assert "PySide6.QtWidgets" in loaded
    assert "hmi.shell.window" in loaded
    assert not loaded & {*HEAVY, *HEAVIER}
    # PySide's own import keeps the source text of everything that is loaded after it.
    assert int(lines_kept) < 100_000
