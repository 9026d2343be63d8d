"""Writes from panels: recorded before they are sent, one station at a time, the owner alone while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import Conflict, Refused
from core.live.link import LinkState, LinkStatus
from core.live.sample import Quality
from core.station.station import Station
from core.store import lease
from core.store.base import Db
from tests.conftest import ExpectedLog
from tests.servers.process import ServerProcess
from tests.station.several import give_site, several, until
from tests.store.rig import ask

WRITES = """
SELECT operation, user_code, station, reason FROM genba.audit
WHERE operation LIKE 'equipment:tag:%%' OR operation = 'equipment:source:accept' ORDER BY seq"""


@pytest.fixture(scope="module")
def _server() -> Iterator[ServerProcess]:
    started = ServerProcess("modbus").start()
    yield started
    started.kill()


@pytest.fixture
def server(_server: ServerProcess, admin_url: str, tmp_path: Path) -> ServerProcess:
    _server.tell("set", "setpoint", 100.0)
    _server.tell("set", "mode", 1)
    give_site(admin_url, tmp_path, _server.port)
    return _server


async def ready(station: Station, user: str = "ito", pin: str = "4711") -> None:
    await until(lambda: station.database_up and station.table.get("Setpoint").quality is Quality.GOOD)
    await station.people.sign_in(user, pin)


def test_from_old_to_new_and_back(server: ServerProcess, database_url: str, admin_url: str, tmp_path: Path) -> None:
    async def go() -> None:
        async with several(database_url, tmp_path) as panels:
            station = await panels.start("P1")
            await ready(station)
            with pytest.raises(Refused) as refusal:
                await station.write("Setpoint", 120.0, reason="warm")
            assert refusal.value.code == "write.two_step"
            result = await station.write("Setpoint", 120.0, seen=100.0, reason="warm")
            assert (result.read_back, result.intent.epoch) == (120.0, 1)
            assert station.table.get("Setpoint").value == 120.0, "what the machine said is on the screen at once"
            assert station.writing.to_put_back("Setpoint") == result.intent
            back = await station.writing.put_back("Setpoint")
            assert (back.read_back, back.intent.undoes) == (100.0, result.intent.id)
            with pytest.raises(Conflict):
                await station.writing.put_back("Setpoint")

    asyncio.run(go())
    assert server.tell("get", "setpoint") == 100.0
    assert ask(admin_url, WRITES) == [
        ("equipment:tag:write", "ito", "P1", "warm"),
        ("equipment:tag:confirm", "ito", "P1", "confirmed"),
        ("equipment:tag:write", "ito", "P1", "warm"),
        ("equipment:tag:confirm", "ito", "P1", "confirmed"),
    ]
    (first, second) = ask(admin_url, "SELECT args FROM genba.request WHERE operation = 'equipment:tag:write' ORDER BY applied_at")
    assert first[0]["undoes"] is None
    assert second[0]["undoes"] == first[0]["write_id"]


def test_two_stations_do_not_write_one_machine_at_the_same_moment(server: ServerProcess, database_url: str, tmp_path: Path) -> None:
    async def go() -> None:
        async with several(database_url, tmp_path) as panels:
            first, second = await panels.start("P1"), await panels.start("P2")
            await ready(first)
            await ready(second)

            def elsewhere(db: Db) -> lease.Lease | None:
                taken = lease.acquire(db, "write:press", "P2", 20)
                db.commit()
                return taken

            # P2 stands in the middle of a write.
            taken = await asyncio.wrap_future(second._floor.database.submit("listen", elsewhere, deadline_s=5))
            assert taken is not None
            with pytest.raises(Refused) as refusal:
                await first.write("Mode", 2)
            assert refusal.value.code == "write.other_station"
            assert "P2" in refusal.value.lines("ja").what

            def done(db: Db) -> None:
                lease.release(db, taken)
                db.commit()

            await asyncio.wrap_future(second._floor.database.submit("listen", done, deadline_s=5))
            outcomes = await asyncio.gather(first.write("Mode", 2), second.write("Mode", 3), return_exceptions=True)
            refused = [each for each in outcomes if isinstance(each, Refused)]
            assert {each.code for each in refused} <= {"write.other_station"}
            assert len(refused) <= 1
            # Two tags of one machine from one panel: the second waits for its turn.
            await asyncio.gather(first.write("Setpoint", 50.0, seen=100.0, reason="x"), first.write("Switch", True))

    asyncio.run(go())
    assert server.tell("get", "mode") in (2, 3)
    assert (server.tell("get", "setpoint"), server.tell("get", "switch")) == (50.0, True)


def test_while_the_database_is_away_only_the_owner_writes(
    server: ServerProcess, database_url: str, admin_url: str, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log(r"database")

    async def go() -> None:
        async with several(database_url, tmp_path) as panels:
            owner, other = await panels.start("P1", proxy=True), await panels.start("P2", proxy=True)
            await ready(owner)
            await ready(other)
            for proxy in panels.proxies.values():
                proxy.down()
            await until(lambda: owner.database_up is False and other.database_up is False)
            with pytest.raises(Refused) as refusal:
                await other.write("Mode", 7)
            assert refusal.value.code == "write.owner_only"
            assert "P1" in refusal.value.lines("en").what
            assert other.waiting == 0, "what was not sent is not recorded as requested"
            result = await owner.write("Mode", 8)
            assert (result.read_back, result.intent.epoch) == (8, 0)
            assert owner.waiting == 2
            for proxy in panels.proxies.values():
                proxy.back()
            await until(lambda: owner.database_up and owner.waiting == 0)

    asyncio.run(go())
    assert server.tell("get", "mode") == 8
    assert ask(admin_url, WRITES) == [("equipment:tag:write", "ito", "P1", ""), ("equipment:tag:confirm", "ito", "P1", "confirmed")]


def test_an_exchanged_machine_is_accepted_by_whoever_may(server: ServerProcess, database_url: str, admin_url: str, tmp_path: Path) -> None:
    async def go() -> None:
        async with several(database_url, tmp_path) as panels:
            station = await panels.start("P1")
            await ready(station)
            link = station.links["press"]
            assert link.state is LinkState.ONLINE
            station.links["press"] = LinkStatus("press", LinkState.ONLINE, link.since, identity="serial 2", identity_changed=True)
            with pytest.raises(Refused) as refusal:
                await station.write("Mode", 4)
            assert refusal.value.code == "driver.identity_changed"
            with pytest.raises(Refused):
                await station.writing.accept("press", "serial 2", "new controller")
            await station.people.sign_in("maki", "4712")
            with pytest.raises(Conflict):
                await station.writing.accept("press", "serial 3", "new controller")
            station.links["press"] = LinkStatus("press", LinkState.ONLINE, link.since, identity=link.identity, identity_changed=True)
            await station.writing.accept("press", link.identity, "new controller")

    asyncio.run(go())
    assert ("equipment:source:accept", "maki", "P1", "new controller") in ask(admin_url, WRITES)
