"""Two panels with one name, a computer whose clock is a day off, a panel that slept: tried with real stations at one database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.config import StationSettings
from core.errors import Unavailable
from core.live.link import LinkState
from core.production.orders import create_order, list_orders, release_order, start_order
from core.production.reports import book_report
from core.station.station import Station
from tests.conftest import ExpectedLog
from tests.faults.commit_proxy import CommitProxy
from tests.servers.process import ServerProcess
from tests.station.several import give_site, several, until
from tests.store.rig import ask

PATIENCE_S = 60.0


class TurnedClock(SystemClock):
    """A computer's clock that somebody turns, and that goes on while it sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead, self.slept_s = timedelta(0), 0.0

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.slept_s

    def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)
        self.slept_s += seconds


@pytest.fixture
def press() -> Iterator[int]:
    """Port of a press that answers."""
    server = ServerProcess("modbus").start()
    yield server.port
    server.kill()


def test_the_second_panel_with_a_name_shows_and_books_nothing(
    database_url: str, admin_url: str, tmp_path: Path, expect_log: ExpectedLog
) -> None:
    expect_log(r"read-only for this station")

    async def go() -> None:
        server = ServerProcess("modbus").start()
        try:
            give_site(admin_url, tmp_path, server.port, "readers: lease")
            async with several(database_url, tmp_path) as panels:
                first = await panels.start("P1")
                await until(lambda: first.database_up and first.links.get("press"), PATIENCE_S)
                await until(lambda: first.links["press"].state is LinkState.ONLINE, PATIENCE_S)
                second = Station(StationSettings(home=tmp_path / "other", name="P1", database_url=database_url, acquisition="gui"))
                await second.start()
                panels.stack.push_async_callback(second.close)
                await until(lambda: second.read_only is not None, PATIENCE_S)
                assert second.read_only is not None
                assert second.read_only.code == "store.name_taken"
                await until(lambda: second.site.lines, PATIENCE_S)
                assert (await second.ask(list_orders)).origin == "database"
                with pytest.raises(Unavailable) as caught:
                    await second.people.sign_in("ito", "4711")
                assert caught.value.code == "store.name_taken"
                # P1 owns the press, but the second one is not P1; what it began before it was told has to end.
                await until(lambda: not second._reading._sources["press"].read, PATIENCE_S)
                assert not second.writing._turns.may_without_database(second.site.sources[0])
                await first.people.sign_in("ito", "4711")
                again = Station(StationSettings(home=tmp_path / "P1", name="P1", database_url=database_url, acquisition="gui"))
                with pytest.raises(Unavailable) as caught:
                    await again.start()
                assert caught.value.code == "station.home_in_use"
                await again.close()
                await first.close()
                await until(lambda: second.read_only is None, PATIENCE_S)
                await second.people.sign_in("ito", "4711")
        finally:
            server.kill()

    asyncio.run(go())


@pytest.mark.parametrize("days", [1, -1])
@pytest.mark.parametrize("known", [True, False], ids=["turned while at work", "never asked since it was switched on"])
def test_parts_reported_in_the_dark_by_a_clock_a_day_off_are_booked_at_their_time(
    database_url: str, admin_url: str, tmp_path: Path, press: int, days: int, known: bool, expect_log: ExpectedLog
) -> None:
    """``known``: the server was asked before the clock was turned. Else it is only found out when the database is back."""
    expect_log(r"database is down")
    expect_log(r"this computer's clock")

    async def go() -> None:
        give_site(admin_url, tmp_path, press, "readers: lease")
        clock = TurnedClock()
        async with several(database_url, tmp_path) as panels:
            station, proxy = await behind_a_proxy(panels, database_url, tmp_path, clock)
            order = await running_order(station)
            await station.ask(list_orders)
            if not known:
                station._floor.clock._best = None
            clock.ahead = timedelta(days=days)
            proxy.down()
            await until(lambda: station.database_up is False, PATIENCE_S)
            before = datetime.now(UTC)
            done = await station.do(book_report, order_id=order, good=7)
            assert done.state == "waiting"
            after = datetime.now(UTC)
            proxy.back()
            await until(lambda: station.waiting == 0 and station.database_up, PATIENCE_S)
            assert await station.overtaken.entries() == []
            await station.keeping._on(station.keeping._look)
            assert [one.code for one in station.keeping.troubles] == ["station.clock_off"]
            ((good, reported_at, at_order),) = ask(admin_url, "SELECT good, reported_at, order_id = %s FROM genba.production_report", order)
            assert good == Decimal(7)
            assert at_order, "it was running then"
            assert before - timedelta(seconds=2) < reported_at < after + timedelta(seconds=2)
            ((decided_at, detail),) = ask(
                admin_url, "SELECT decided_at, detail FROM genba.audit WHERE operation = 'production:report:book' AND outcome = 'done'"
            )
            assert before - timedelta(seconds=2) < decided_at < after + timedelta(seconds=2)
            assert detail["clock_ahead_s"] == pytest.approx(86_400 * days, abs=5), "what its clock said is known all the same"

    asyncio.run(go())


def test_who_slept_for_an_hour_has_lost_what_he_held_and_says_nothing_of_before(
    database_url: str, admin_url: str, tmp_path: Path, press: int, expect_log: ExpectedLog
) -> None:
    expect_log("this computer's clock", surely=False)  # until the difference is measured away

    async def go() -> None:
        give_site(admin_url, tmp_path, press, "readers: lease")
        clock = TurnedClock()
        async with several(database_url, tmp_path) as panels:
            station, _ = await behind_a_proxy(panels, database_url, tmp_path, clock)
            reading = station._reading
            await until(lambda: reading._sources and all(one.held for one in reading._sources.values()), PATIENCE_S)
            before = {code: one.held.epoch for code, one in reading._sources.items() if one.held is not None}
            resigned: list[str] = []
            recorder = reading._recorders[0]
            real = recorder.resign
            recorder.resign = lambda code: (resigned.append(code), real(code))[1]  # type: ignore[method-assign]
            clock.sleep(3600.0)
            await until(lambda: set(resigned) >= set(before), PATIENCE_S)
            await until(lambda: all(one.held for one in reading._sources.values()), PATIENCE_S)
            # Here the server has not slept: what the clock counted as sleep is measured away again.
            await until(lambda: abs(station._floor.clock.now() - datetime.now(UTC)) < timedelta(seconds=1), PATIENCE_S)

    asyncio.run(go())


async def behind_a_proxy(panels: Any, url: str, folder: Path, clock: TurnedClock) -> tuple[Station, CommitProxy]:
    """A station with somebody signed in."""
    from sqlalchemy import make_url

    given = make_url(url)
    proxy = CommitProxy(str(given.query["host"]), int(str(given.query["port"])))
    panels.stack.callback(proxy.close)
    there = given.update_query_dict({"host": "127.0.0.1", "port": str(proxy.port)}).render_as_string(hide_password=False)
    station = Station(StationSettings(home=folder / "P9", name="P9", database_url=there, acquisition="gui"), clock=clock)
    await station.start()
    panels.stack.push_async_callback(station.close)
    await until(lambda: station.database_up and station.site.lines, PATIENCE_S)
    await station.people.sign_in("kudo", "618245")
    return station, proxy


async def running_order(station: Station) -> Any:
    now = datetime.now(UTC)
    times = {"scheduled_start_at": now, "scheduled_end_at": now + timedelta(hours=1)}
    made = await station.do(create_order, product_code="A-1", line_code="L1", planned=1_000_000, **times)
    await station.do(release_order, order_id=made.view.id)
    return (await station.do(start_order, order_id=made.view.id)).view.id
