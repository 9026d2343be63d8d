"""Notices: the first at once, a flood in portions, nothing lost."""

from __future__ import annotations

import asyncio

import pytest

from core.clock import SystemClock
from core.station import noticing
from core.station.noticing import Noticing
from tests.station.several import until


def test_one_notice_is_told_at_once_and_a_flood_in_few_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticing, "PAUSE_S", 2.0)
    told: list[frozenset[str]] = []

    async def go() -> None:
        notices = Noticing(SystemClock(), told.append)
        notices.heard(frozenset({"order:1"}))
        assert told == [{"order:1"}], "nobody waits when it is quiet"
        for number in range(2, 200):
            notices.heard(frozenset({f"order:{number}"}))
        assert len(told) == 1
        await until(lambda: len(told) == 2, 60.0)
        assert told[1] == {f"order:{number}" for number in range(2, 200)}, "each is told, once"
        monkeypatch.setattr(noticing, "PAUSE_S", 0.05)
        notices.heard(frozenset({"order:200"}))
        notices.close()
        await asyncio.sleep(0.5)  # it would have been told long ago

    asyncio.run(go())
    assert len(told) == 2
