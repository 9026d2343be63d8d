"""The schema is brought up to date, and newer programs join older ones, while stations work."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.errors import GenbaError
from core.production.reports import book_report
from core.station.station import Station
from core.store.schema import upgrade
from tests.benchmarks.start import ROOT
from tests.postgres import plain
from tests.servers.process import ServerProcess
from tests.station.several import give_site, several, until
from tests.station.test_one_name import PATIENCE_S, running_order
from tests.store.rig import ask

NEWER = """
import asyncio, json, sys
from pathlib import Path
import core.config
core.config.VERSION = "0.3.0"
from core.config import StationSettings
from core.station.station import Station

async def main():
    station = Station(StationSettings(home=Path(sys.argv[1]), name="NEW", database_url=sys.argv[2], acquisition="gui"))
    def told(*_):
        reason = station.read_only
        print(json.dumps({"up": station.database_up, "read_only": reason and reason.code}), flush=True)
    station.watch(told)
    await station.start()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await station.close()

asyncio.run(main())
"""


async def at_work(station: Station, order: UUID, booked: set[UUID], refused: list[str], over: asyncio.Event) -> None:
    """Reports part after part until it is over."""
    while not over.is_set():
        try:
            booked.add((await station.do(book_report, order_id=order, good=1)).request_id)
        except GenbaError as error:
            refused.append(error.code)
        await asyncio.sleep(0.3)  # faster than any person


def alter(url: str) -> None:
    """What a revision does to a table in use: wait a little for it, and try again."""
    with psycopg.connect(plain(url)) as connection:
        connection.execute("SET lock_timeout = '3s'")
        connection.execute("ALTER TABLE genba.work_order ADD COLUMN later text NOT NULL DEFAULT ''")
        connection.commit()


@pytest.mark.timeout(400)  # an upgrade waits for tables in use up to a minute, three times
def test_stations_work_through_an_upgrade_and_nothing_of_it_is_lost(database_url: str, admin_url: str, tmp_path: Path) -> None:
    async def go() -> None:
        server = ServerProcess("modbus").start()
        try:
            give_site(admin_url, tmp_path, server.port, "readers: lease")
            async with several(database_url, tmp_path) as panels:
                stations = [await panels.start(name) for name in ("P1", "P2")]
                for station in stations:
                    await until(lambda station=station: station.database_up and station.site.lines, PATIENCE_S)  # type: ignore[misc]
                    await station.people.sign_in("kudo", "618245")
                order = await running_order(stations[0])
                booked: set[UUID] = set()
                refused: list[str] = []
                over = asyncio.Event()
                working = [asyncio.ensure_future(at_work(station, order, booked, refused, over)) for station in stations]
                try:
                    for _ in range(3):
                        await asyncio.to_thread(upgrade, admin_url)
                    await asyncio.to_thread(alter, admin_url)
                    before = len(booked)
                    await until(lambda: len(booked) > before + 5, PATIENCE_S)
                finally:
                    over.set()
                    await asyncio.gather(*working)
                await until(lambda: not any(station.waiting for station in stations), PATIENCE_S)
                found = {one for (one,) in ask(admin_url, "SELECT request_id FROM genba.production_report")}
                ((good,),) = ask(admin_url, "SELECT completed FROM genba.work_order WHERE id = %s", order)
                assert found == booked, "each that was acknowledged is there, once, and none that was refused"
                assert good == len(booked)
                assert len(booked) > 5
                assert set(refused) <= {"store.busy", "store.slow"}, "nobody is told anything but to try again"
                assert [await station.overtaken.entries() for station in stations] == [[], []]
        finally:
            server.kill()

    asyncio.run(go())


def test_a_newer_station_joins_older_ones_as_soon_as_the_schema_serves_both(database_url: str, admin_url: str, tmp_path: Path) -> None:
    async def go() -> None:
        server = ServerProcess("modbus").start()
        try:
            give_site(admin_url, tmp_path, server.port, "readers: lease")
            async with several(database_url, tmp_path) as panels:
                old = await panels.start("OLD")
                await until(lambda: old.database_up and old.site.lines, PATIENCE_S)
                words = ["-c", NEWER, str(tmp_path / "new"), database_url]
                pipe = asyncio.subprocess.PIPE
                newer = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe, cwd=ROOT)
                try:
                    assert (await told(newer, "read_only"))["read_only"] == "store.schema_too_old"
                    assert old.read_only is None
                    ask(
                        admin_url,
                        "UPDATE genba.schema_compat SET newest_program = '0.3'"
                        " WHERE schema_revision = (SELECT max(schema_revision) FROM genba.schema_compat)",
                    )
                    while (await told(newer, "up"))["read_only"] is not None:
                        pass
                    await until(lambda: versions(admin_url) == {"OLD": "0.2.0", "NEW": "0.3.0"}, PATIENCE_S)
                    assert old.read_only is None
                    await old.people.sign_in("kudo", "618245")
                    order = await running_order(old)
                    assert (await old.do(book_report, order_id=order, good=1)).state == "applied"
                finally:
                    assert newer.stdin is not None
                    newer.stdin.close()
                    await asyncio.wait_for(newer.wait(), PATIENCE_S)
        finally:
            server.kill()

    asyncio.run(go())


async def told(process: asyncio.subprocess.Process, what: str) -> dict[str, Any]:
    """The next line of the newer station in which ``what`` is not empty."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        while True:
            line = json.loads(await process.stdout.readline())
            if line[what]:
                return dict(line)


def versions(url: str) -> dict[str, str]:
    return dict(ask(url, "SELECT code, program_version FROM genba.station WHERE program_version <> '' AND code <> 'BOSS'"))
