"""A machine that wants a password: from an administrator's prompt through the sealed table to its log-in, and what happens without."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.config import StationSettings
from core.live.link import LinkState
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.station.floor import Floor
from core.station.station import Station
from core.store.keystore import station_secrets
from core.store.operation import Secret
from core.store.sealing import KeyRing
from core.store.sitekeys import SiteKeys
from core.store.sitesecrets import forget_secret, rotate_site_key, set_secret
from core.users.roles import system_actor
from tests.conftest import ExpectedLog
from tests.servers.points import NAMESPACE
from tests.servers.process import ServerProcess

BOSS = system_actor("tester", "BOSS")
NAME = "source:ua:password"
RIGHT, WRONG = "s3cret", "planted-wrong-1"

SITE = """\
enterprise: {{code: G, name: G}}
sites: [{{code: S, name: S, time_zone: Asia/Tokyo, areas: []}}]
sources:
  - {{code: ua, protocol: opcua, url: "opc.tcp://127.0.0.1:{port}/genba/", options: {{user: genba, readable_login: allowed}}}}
tags: {{file: tags.csv}}
"""
TAGS = f"name,source,address,type,period_s\nSetpoint,ua,nsu={NAMESPACE};s=setpoint,float64,0.2\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    started = ServerProcess("opcua").start()
    yield started
    started.kill()


class Boss:
    """Whoever administers the site's database."""

    def __init__(self, url: str, home: Path) -> None:
        up = threading.Event()
        self.floor = Floor(StationSettings(home=home, name="BOSS", database_url=url), SystemClock(), lambda: None, as_owner=True)
        self.floor.open_files()
        self.floor.open_database(lambda state: up.set() if state.up else None, lambda _: None, lambda: None)
        assert up.wait(60)
        self.rotate()

    def look(self) -> None:
        self.floor.database.submit("queries", self.floor.keys.look, deadline_s=5).result()

    def rotate(self, *, wrapped: bool = True) -> None:
        self.look()
        self.floor.door.do(rotate_site_key, BOSS, {"key": self.floor.keys.make().id, "wrapped": wrapped})
        self.look()

    def put(self, secret: str) -> None:
        self.floor.door.do(set_secret, BOSS, {"name": NAME, "sealed": Secret(secret)})

    def forget(self) -> None:
        self.floor.door.do(forget_secret, BOSS, {"name": NAME})

    def give_key(self, home: Path) -> None:
        SiteKeys(station_secrets(home), KeyRing()).keep(self.floor.keys.ring.keys[self.floor.keys.ring.current])


@pytest.fixture
def boss(admin_url: str, server: ServerProcess, tmp_path: Path) -> Iterator[Boss]:
    found = Boss(admin_url, tmp_path / "boss")
    (tmp_path / "site.yaml").write_text(SITE.format(port=server.port), encoding="utf-8")
    (tmp_path / "tags.csv").write_text(TAGS, encoding="utf-8")
    found.floor.door.do(apply_site, BOSS, arguments(read(tmp_path / "site.yaml")))
    yield found
    found.floor.close()


@asynccontextmanager
async def station(url: str, home: Path) -> AsyncIterator[Station]:
    running = Station(StationSettings(home=home, name="PANEL", database_url=url, acquisition="gui"))
    await running.start()
    try:
        yield running
    finally:
        await running.close()


async def until(what: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - a link has no event
            await asyncio.sleep(0.02)


def says(running: Station, code: str) -> Callable[[], bool]:
    def look() -> bool:
        link = running.links.get("ua")
        return link is not None and link.state is LinkState.OFFLINE and link.error_code == code

    return look


def online(running: Station) -> Callable[[], bool]:
    return lambda: (link := running.links.get("ua")) is not None and link.state is LinkState.ONLINE


def test_set_mistyped_corrected_and_forgotten_while_the_station_runs(
    boss: Boss, database_url: str, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log("source ua is down: driver.login_refused")
    boss.give_key(tmp_path / "panel")

    async def go() -> None:
        async with station(database_url, tmp_path / "panel") as panel:
            await until(says(panel, "driver.secret_missing"))
            assert NAME in panel.links["ua"].error_detail
            await asyncio.to_thread(boss.put, WRONG)
            await until(says(panel, "driver.login_refused"))
            await asyncio.to_thread(boss.put, RIGHT)
            await until(online(panel))
            await until(lambda: panel.table.get("Setpoint").value is not None)
            await asyncio.to_thread(boss.rotate)
            await asyncio.sleep(0.5)
            assert panel.links["ua"].reconnects == 0, "the password is the same one"
            await asyncio.to_thread(boss.forget)
            await until(says(panel, "driver.secret_missing"))

    asyncio.run(go())


def test_a_station_without_the_key_says_so_and_reads_when_it_has_it(
    boss: Boss, database_url: str, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log("does not have the site's key")
    boss.put(RIGHT)

    async def go() -> None:
        async with station(database_url, tmp_path / "panel") as panel:
            await until(says(panel, "driver.secret_unreadable"))
            boss.give_key(tmp_path / "panel")
            await until(online(panel))
            await asyncio.to_thread(lambda: boss.rotate(wrapped=False))
            await until(lambda: not panel._floor.keys.ring.has_current)
            await asyncio.sleep(0.5)
            assert online(panel)(), "what it could open it goes on using: the machine knows of no key"

    asyncio.run(go())


def test_a_panel_that_starts_while_the_database_is_away_still_logs_in(
    boss: Boss, database_url: str, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log("database is down")
    boss.put(RIGHT)
    boss.give_key(tmp_path / "panel")

    async def go() -> None:
        async with station(database_url, tmp_path / "panel") as panel:
            await until(online(panel))
        # Sources of a shared database are read under a lease; the password is known all the same.
        away = "postgresql+psycopg://u:p@127.0.0.1:1/genba"
        async with station(away, tmp_path / "panel") as panel:
            await until(lambda: panel.database_up is False)
            (spec,) = panel.site.sources
            assert panel._reading._passwords.of(spec) == RIGHT
            assert "ua" not in panel.links

    asyncio.run(go())
