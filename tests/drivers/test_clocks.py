"""A machine whose clock stands wrong: measured, shown, and never believed more than our own."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.history.recent import Recent
from core.live.sample import Quality
from tests.drivers.rig import Rig, source, tag
from tests.servers.process import ServerProcess


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
def test_a_server_clock_an_hour_off(opcua_server: ServerProcess, ahead_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.drivers.counters._INITIAL_S", 0.3)
    recent = Recent()

    async def go() -> None:
        opcua_server.tell("clock", ahead_s)
        async with Rig(source("opcua", opcua_server.port), [tag("opcua", "float64")]) as rig:
            rig.table.subscribe(recent.put)
            await rig.online()
            turn = 0.0

            async def changing() -> None:
                nonlocal turn
                turn += 1.0
                opcua_server.tell("set", "float64", turn)
                await rig.until(lambda: rig.get("float64").value == turn)

            while rig.links[-1].clock_ahead_s is None:
                await changing()
            link, sample = rig.links[-1], rig.get("float64")
            assert link.clock_ahead_s == pytest.approx(ahead_s, abs=2.0)
            assert link.latency_ms is not None
            assert 0 <= link.latency_ms < 1000, "what a wrong clock says about latency is nothing"
            assert sample.quality is Quality.GOOD
            assert sample.source_at == pytest.approx(time.time() + ahead_s, abs=5), "what the machine says is kept as it said it"
            assert sample.at <= sample.received_at <= time.time()
        span = recent.span("float64")
        assert span is not None
        assert time.time() - 30 < span[0] <= span[1] <= time.time(), "the trend neither ends in the future nor begins an hour ago"

    try:
        asyncio.run(go())
    finally:
        opcua_server.tell("clock", 0.0)
