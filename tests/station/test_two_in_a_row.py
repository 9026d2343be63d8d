"""Two people who sign in right after each other: both are remembered, and closing waits for both."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.station.people import People
from tests.conftest import ExpectedLog
from tests.station.several import give_site, several, until


def test_nothing_of_either_is_left_when_the_station_closes(
    database_url: str, admin_url: str, tmp_path: Path, expect_log: ExpectedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_log(r"source press is down")  # nobody serves it in this test
    monkeypatch.setattr(People, "_remember", lambda *_: asyncio.sleep(30, "remembering"))  # as on a slow computer
    give_site(admin_url, tmp_path, 9)

    async def go() -> None:
        async with several(database_url, tmp_path) as panels:
            station = await panels.start("P1")
            await until(lambda: station.database_up and station.site.lines)
            await station.people.sign_in("ito", "4711")
            await station.people.sign_in("maki", "4712")
            under_way = [task for task in asyncio.all_tasks() if "sleep" in repr(task.get_coro())]
            assert len(under_way) == 2
            await station.close()
            assert all(task.done() for task in under_way)

    asyncio.run(go())
