"""Many stations come home at once, in small; ``python -m tests.faults --homecoming`` is the whole of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.homecoming import Homecoming

pytestmark = pytest.mark.early


@pytest.mark.timeout(400)
def test_three_stations_with_forty_each_come_home_whole(tmp_path: Path) -> None:
    run = Homecoming(("ST1", "ST2", "ST3"), 40, tmp_path)
    try:
        verdict = asyncio.run(run.go())
    finally:
        run.close()
    assert (verdict.lost, verdict.doubled, verdict.violations, verdict.parked) == ([], [], [], 0)
    told = run.figures(verdict)
    assert verdict.acknowledged == verdict.applied >= 3 * 40
    assert set(run.home_s) == set(run.stations)
    assert told["lost"] == told["doubled"] == 0
