"""Several panels at one database and one Modbus machine: what has to hold between stations is tried with real ones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import make_url

from core.clock import SystemClock
from core.config import StationSettings
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.station.floor import Floor
from core.station.station import Station
from core.users.roles import system_actor
from tests.faults.commit_proxy import CommitProxy

BOSS = system_actor("tester", "BOSS")

SITE = """\
enterprise: {{code: G, name: G}}
sites:
  - code: S
    name: S
    time_zone: Asia/Tokyo
    areas:
      - code: A
        name: A
        lines:
          - {{code: L1, name: Line, capacity_per_hour: 3600, constraint: L1-M1, work_units: [{{code: L1-M1, name: Press}}]}}
sources:
  - {{code: press, protocol: modbus, url: "modbus://127.0.0.1:{port}", {readers}, owner: P1}}
  - {{code: hand, protocol: manual}}
products:
  - {{code: A-1, name: Part}}
tags: {{file: tags.csv}}
users:
  - {{code: kudo, name: Kudo, roles: [operator, supervisor], initial_pin: 618245, pin_must_change: false}}
  - {{code: ito, name: Ito, roles: [operator], initial_pin: 4711, pin_must_change: false}}
  - {{code: maki, name: Maki, roles: [maintenance], initial_pin: 4712, pin_must_change: false}}
"""
TAGS = """\
name,source,address,type,period_s,work_unit,role,write_permission,write_low,write_high,write_two_step,write_reason,states
Setpoint,press,1/holding/40,float32,0.2,L1-M1,,equipment:setpoint:write,0,200,true,true,
Mode,press,1/holding/42,uint16,0.2,L1-M1,,equipment:setpoint:write,0,10,,,
Switch,press,1/coil/10,bool,0.2,L1-M1,,equipment:setpoint:write,0,1,,,
Oven.State,hand,-,string,1,L1-M1,state,,,,,,on=RUNNING;off=IDLE
Oven.Good,hand,-,uint32,1,L1-M1,good,,,,,,
Oven.Temperature,hand,-,float64,1,L1-M1,,,,,,,
"""


def give_site(url: str, folder: Path, port: int, readers: str = "readers: all") -> None:
    """Apply the site, as whoever administers the database."""
    up = threading.Event()
    floor = Floor(StationSettings(home=folder / "boss", name="BOSS", database_url=url), SystemClock(), lambda: None, as_owner=True)
    floor.open_files()
    try:
        floor.open_database(lambda state: up.set() if state.up else None, lambda _: None, lambda: None)
        assert up.wait(60)
        (folder / "site.yaml").write_text(SITE.format(port=port, readers=readers), encoding="utf-8")
        (folder / "tags.csv").write_text(TAGS, encoding="utf-8")
        floor.door.do(apply_site, BOSS, arguments(read(folder / "site.yaml")))
    finally:
        floor.close()


@dataclass
class Several:
    """Panels that were started in one test; closed at its end."""

    url: str
    folder: Path
    stack: AsyncExitStack
    proxies: dict[str, CommitProxy] = field(default_factory=dict)

    async def start(self, name: str, *, proxy: bool = False, acquisition: Literal["gui", "thread"] = "gui") -> Station:
        """A panel; with ``proxy`` its way to the database can be cut.

        In one loop ("gui") panels share what one program shares, such as a line to a gateway; in a thread each has its own.
        """
        url = self.url
        if proxy:
            given = make_url(url)
            self.proxies[name] = self.proxies.get(name) or CommitProxy(str(given.query["host"]), int(str(given.query["port"])))
            self.stack.callback(self.proxies[name].close)
            url = given.update_query_dict({"host": "127.0.0.1", "port": str(self.proxies[name].port)}).render_as_string(hide_password=False)
        station = Station(StationSettings(home=self.folder / name, name=name, database_url=url, acquisition=acquisition))
        await station.start()
        self.stack.push_async_callback(station.close)
        return station


@asynccontextmanager
async def several(url: str, folder: Path) -> AsyncIterator[Several]:
    """Use as ``async with several(url, tmp_path) as panels``."""
    async with AsyncExitStack() as stack:
        yield Several(url, folder, stack)


async def until(what: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait for ``what``; fails after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - what is waited for is told by several threads
            await asyncio.sleep(0.02)
