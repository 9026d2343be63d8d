"""A controller that accepts two connections and ten stations: two read it, eight are told, and it never sees a third."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.live.sample import RELAYED, Quality
from core.station.station import Station
from tests.servers.process import ServerProcess
from tests.station.several import give_site, several, until
from tests.store.rig import ask

NAMES = [f"P{number}" for number in range(1, 11)]


class NarrowGate:
    """Lets two connections through to ``port``; a third is closed at once, as small controllers do."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.open = self.most = self.refused = 0

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[NarrowGate]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.open >= 2:
            self.refused += 1
            writer.transport.abort()
            return
        self.open += 1
        self.most = max(self.most, self.open)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        ways = [asyncio.ensure_future(_pump(reader, there_writer)), asyncio.ensure_future(_pump(there_reader, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for each in (writer, there_writer):
            each.transport.abort()
        await asyncio.gather(*ways, return_exceptions=True)
        self.open -= 1


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()


def says(station: Station, value: float, *, relayed: bool) -> bool:
    sample = station.table.get("Setpoint")
    expected = (Quality.UNCERTAIN, RELAYED) if relayed else (Quality.GOOD, "")
    return sample.value == value and (sample.quality, sample.status) == expected


@pytest.fixture
def _ten_may_log_in(admin_url: str) -> Iterator[None]:
    """On an embedded server one log-in serves one station; here it serves ten."""
    ((before,),) = ask(admin_url, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'genba_local'")
    ask(admin_url, "ALTER ROLE genba_local CONNECTION LIMIT 60")
    yield
    ask(admin_url, f"ALTER ROLE genba_local CONNECTION LIMIT {before}")


@pytest.mark.usefixtures("_ten_may_log_in")
@pytest.mark.parametrize(
    ("readers", "reading"), [("readers: stations, stations: [P1, P2]", {"P1", "P2"}), ("readers: lease", {"P1"})], ids=["stations", "lease"]
)
def test_ten_stations_at_a_controller_that_takes_two(
    database_url: str, admin_url: str, tmp_path: Path, readers: str, reading: set[str]
) -> None:
    async def go() -> None:
        server = ServerProcess("modbus").start()
        try:
            async with NarrowGate(server.port).serving() as gate:
                give_site(admin_url, tmp_path, gate.port, readers)
                async with several(database_url, tmp_path) as panels:
                    start = functools.partial(panels.start, acquisition="thread")
                    # P1 first: it owns the source, and reads it wherever nobody else does.
                    stations = {NAMES[0]: await start(NAMES[0])}
                    await until(lambda: says(stations["P1"], 100.0, relayed=False))
                    for name, station in zip(NAMES[1:], await asyncio.gather(*map(start, NAMES[1:])), strict=True):
                        stations[name] = station

                    def all_say(value: float) -> bool:
                        return all(says(station, value, relayed=name not in reading) for name, station in stations.items())

                    await until(lambda: all_say(100.0), 60)
                    server.tell("set", "setpoint", 101.5)
                    began = time.monotonic()
                    await until(lambda: all_say(101.5))
                    assert time.monotonic() - began < 4.0
                    ages = [time.time() - station.table.get("Setpoint").received_at for station in stations.values()]
                    assert max(ages) < 4.0, "a relayed value tells how old it is"
                    assert (gate.most, gate.refused) == (len(reading), 0)

                    await stations.pop("P1").close()
                    server.tell("set", "setpoint", 102.5)
                    await until(lambda: sum(says(each, 102.5, relayed=False) for each in stations.values()) == 1, 60)
                    await until(lambda: all(each.table.get("Setpoint").value == 102.5 for each in stations.values()), 60)
                    assert gate.refused == 0
        finally:
            server.kill()

    asyncio.run(go())
