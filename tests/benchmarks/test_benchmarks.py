"""The benchmarks still run and say what they promise; how fast it was is not tested here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import failover, latency, start


def test_start_measures_yardstick_and_shell(tmp_path: Path) -> None:
    yardstick, shell = start.bare(), start.shell(tmp_path / "home", 0.5)
    short = start.shell(tmp_path / "home", 0.0)
    figures = start._figures([(yardstick, short)], [shell], [shell])
    assert {"first_paint_ratio", "longest_stall_ms", "first_live_s", "rss_mb"} <= figures.keys()
    assert figures["first_paint_ratio"] > 0
    json.dumps(figures, allow_nan=False)


def test_both_feeds_carry_the_moment_they_were_written() -> None:
    with latency.feed("feed_opcua") as opcua, latency.feed("feed_modbus") as modbus:
        found = start.run_measured(["tests.benchmarks.bare_clients", str(opcua), str(modbus), "1"])
    for delays in (found["opcua"], found["modbus"]):
        assert len(delays) > 100
        assert 0 <= delays[0] < delays[-1] < 5


def test_failover_without_a_failover_manager_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    figures = failover.run(quick=True)
    assert figures.keys() == {"error"}
    assert "apt-get install" in json.loads(json.dumps(figures))["error"]
