"""What must be so before a station's threads begin to share it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from pathlib import Path
from core.clock import SystemClock
from core.config import StationSettings
from core.station.floor import Floor

floor = Floor(StationSettings(home=Path(sys.argv[1])), SystemClock(), lambda: "")
floor.open_files()
from core.store.base import Base
assert not Base.registry._new_mappers, "mapped classes are still to be configured, by whichever lane comes first"
print("\\n".join(name for name in sys.modules if name.startswith("core.") and name.endswith(".models")))
floor.close()
"""


def test_every_mapped_class_is_loaded_before_two_lanes_can_do_it_at_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    there = {f"core.{path.parent.name}.models" for path in (ROOT / "core").glob("*/models.py")}
    assert set(done.stdout.split()) == there
