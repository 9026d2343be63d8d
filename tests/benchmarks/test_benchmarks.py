"""The benchmarks still run and say what they promise; how fast it was is not tested here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks import failover, latency, production, start, stations


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


@pytest.mark.timeout(600)  # it prepares a database, and starts real stations in several processes
def test_stations_measures_a_change_a_takeover_and_a_press_beside_a_year() -> None:
    sizes = {"changes": 4, "work_s": 2.0, "year_s": 3.0, "takeovers": 1}
    figures = stations.measure(2, 2, sizes, year_rows=10_000)
    promised = {"refresh_p95_ms", "operations_s", "takeover_killed_s", "takeover_frozen_s", "connections_per_station", "press_p99_ms"}
    assert promised <= figures.keys()
    assert all(figures[key] > 0 for key in promised)
    assert figures["connections_per_station"] <= 3
    assert figures["settings"]["fsync"] == "on"
    json.dumps(figures, allow_nan=False)


@pytest.mark.timeout(600)  # it prepares a database of a small year
def test_production_measures_screens_presses_and_a_quarter() -> None:
    figures = production.measure({"asked": 3, "presses": 6}, share=0.003)
    promised = {"overview_p95_ms", "board_p95_ms", "orders_first_page_ms", "commit_p99_ms", "oee_quarter_s"}
    assert promised <= figures.keys()
    assert all(figures[key] > 0 for key in promised)
    assert figures["units"] == 20
    assert figures["oee_of_the_quarter"] > 0  # there was something to work out
    assert figures["settings"]["fsync"] == "on"
    json.dumps(figures, allow_nan=False)
