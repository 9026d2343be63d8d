"""``reconnect``: seconds from "the server is back" to the first good sample, per protocol, kind of fault and length of outage.

Every protocol's test server stands behind a proxy of its own, once per kind of fault: *killed* (the process ends and is started
again), *frozen* (it stands still and goes on), *half_open* (nothing passes and nothing closes). The drivers run as in a station
with a screen: in the acquisition process. Beside it the naive way, which most programs have: a client library alone that is asked
once a second and reconnects by itself (Modbus over pymodbus, with the library's own settings).
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import time
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import psutil

from core.live.link import LinkStatus
from core.live.sample import Batch, Quality
from core.live.table import Table
from core.station.acquisition import Acquisition
from tests.benchmarks.machine import load
from tests.drivers.dialects import DIALECTS
from tests.drivers.rig import source, tag
from tests.faults.proxy import FaultProxy
from tests.servers.process import ServerProcess

Fault = Literal["killed", "frozen", "half_open"]
FAULTS: Final[tuple[Fault, ...]] = ("killed", "frozen", "half_open")
QUICK_S: Final = (5.0, 20.0)
FULL_S: Final = (5.0, 60.0, 300.0)
NOTICED_S: Final = 15.0
BACK_S: Final = 60.0
"""A source that is not back by then counts as one that would need a restart."""
APART_S: Final = 0.4
"""Between two servers that come back: their start must not be what is measured."""


@dataclass
class Place:
    """One server behind its proxy, and what the station sees of it."""

    protocol: str
    fault: Fault
    server: ServerProcess
    proxy: FaultProxy
    code: str
    noticed_s: list[float] = field(default_factory=list)
    back_s: dict[float, float | None] = field(default_factory=dict)


@dataclass
class Watch:
    """The latest samples, and the moment of the first good one after a loss, by source."""

    table: Table = field(default_factory=Table)
    links: list[LinkStatus] = field(default_factory=list)
    lost_at: dict[str, float] = field(default_factory=dict)
    good_at: dict[str, float] = field(default_factory=dict)

    def take(self, batch: Batch) -> None:
        """Sink of the acquisition."""
        self.table.put(batch)
        if not batch.tags:
            return
        if all(quality is Quality.OFFLINE for quality in batch.qualities):
            self.lost_at[batch.source] = time.monotonic()
            self.good_at.pop(batch.source, None)
        elif any(quality is Quality.GOOD for quality in batch.qualities):
            self.good_at.setdefault(batch.source, time.monotonic())


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures."""
    logging.getLogger("core").setLevel(logging.ERROR)
    return asyncio.run(_run(QUICK_S if quick else FULL_S))


async def _run(outages: tuple[float, ...]) -> dict[str, Any]:
    began = load()
    places: list[Place] = []
    try:
        for protocol in DIALECTS:
            for fault in FAULTS:
                server = await asyncio.to_thread(ServerProcess(DIALECTS[protocol].server).start)
                proxy = await FaultProxy(server.port).__aenter__()
                places.append(Place(protocol, fault, server, proxy, f"{protocol}-{fault}"))
        found, naive = await asyncio.gather(_measure(places, outages), _naive(outages))
    finally:
        for place in places:
            await place.proxy.__aexit__()
            place.server.kill()
    return _figures(places, outages, found, naive) | {"load_average": [began, load()]}


async def _measure(places: list[Place], outages: tuple[float, ...]) -> dict[str, Any]:
    watch = Watch()
    acquisition = Acquisition("process")
    specs, tags = [], []
    for place in places:
        spec = source(place.protocol, place.proxy.port)
        specs.append(replace(spec, code=place.code))
        name = "mode" if "mode" in DIALECTS[place.protocol].points else DIALECTS[place.protocol].points[0]
        tags.append(replace(tag(place.protocol, name), name=f"{place.code}.{name}", source=place.code))
    await acquisition.start(specs, tags, watch.take, watch.links.append)
    try:
        await _until(lambda: all(place.code in watch.good_at for place in places), 60.0, "every source online")
        before = _held()
        for outage_s in outages:
            await _outage(places, watch, outage_s)
        await asyncio.sleep(3.0)
        after = _held()
    finally:
        await acquisition.close()
    left = [task for task in asyncio.all_tasks() if "source" in task.get_name()]
    return {"before": before, "after": after, "tasks": len(left)}


async def _outage(places: list[Place], watch: Watch, outage_s: float) -> None:
    """All places at once, their beginnings and ends some time apart."""
    await asyncio.gather(*(_one(place, watch, outage_s, APART_S * number) for number, place in enumerate(places)))


async def _one(place: Place, watch: Watch, outage_s: float, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    began = time.monotonic()
    _break(place)
    await asyncio.sleep(outage_s)
    lost = watch.lost_at.get(place.code, 0.0)
    if lost >= began:
        place.noticed_s.append(lost - began)
    await _mend(place)
    back = time.monotonic()
    if lost < began and place.code in watch.good_at and outage_s < NOTICED_S:
        place.back_s[outage_s] = 0.0  # over before anybody had to notice
        return
    while time.monotonic() < back + BACK_S:
        at = watch.good_at.get(place.code)
        if at is not None and at >= watch.lost_at.get(place.code, 0.0) >= began:
            place.back_s[outage_s] = max(0.0, at - back)
            return
        await asyncio.sleep(0.005)
    place.back_s[outage_s] = None


def _break(place: Place) -> None:
    if place.fault == "killed":
        place.server.kill()
    elif place.fault == "frozen":
        place.server.freeze()
    else:
        place.proxy.mode = "stall"


def _held() -> dict[str, int]:
    """Sockets and threads of the acquisition process, and its id."""
    child = next(
        process for process in psutil.Process(os.getpid()).children() if any("core.drivers.host" in word for word in process.cmdline())
    )
    return {"pid": child.pid, "sockets": len(child.net_connections("tcp")), "threads": child.num_threads(), "files": child.num_fds()}


async def _mend(place: Place) -> None:
    """Returns when the server serves again."""
    if place.fault == "killed":
        await asyncio.to_thread(place.server.start)
    elif place.fault == "frozen":
        place.server.thaw()
    else:
        place.proxy.mode = "ok"


async def _until(what: Any, seconds: float, words: str) -> None:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {seconds:g} s: {words}")
        await asyncio.sleep(0.02)


async def _naive(outages: tuple[float, ...]) -> list[float]:
    """The library alone, polled once a second, after the shortest outage of each kind."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    return list(await asyncio.gather(*(_naive_one(fault, outages[0]) for fault in FAULTS)))


async def _naive_one(fault: Fault, outage_s: float) -> float:
    from pymodbus.client import AsyncModbusTcpClient

    server = await asyncio.to_thread(ServerProcess("modbus").start)
    try:
        async with FaultProxy(server.port) as proxy:
            place = Place("modbus", fault, server, proxy, "")
            client = AsyncModbusTcpClient("127.0.0.1", port=proxy.port)
            await client.connect()
            polling = asyncio.create_task(_polled(client))
            await asyncio.sleep(1.0)
            _break(place)
            await asyncio.sleep(outage_s)
            polling.cancel()
            await _mend(place)
            at = time.monotonic()
            try:
                async with asyncio.timeout(BACK_S):
                    await _polled(client, once=True)
                return time.monotonic() - at
            except TimeoutError:
                return BACK_S
            finally:
                client.close()
    finally:
        server.kill()


async def _polled(client: Any, *, once: bool = False) -> None:
    from pymodbus.exceptions import ModbusException

    while True:
        try:
            answer = await client.read_holding_registers(0, count=2, device_id=1)
            if once and not answer.isError():
                return
        except ModbusException:
            pass
        await asyncio.sleep(1.0)


def _figures(places: list[Place], outages: tuple[float, ...], found: dict[str, Any], naive: list[float]) -> dict[str, Any]:
    back = [seconds for place in places for seconds in place.back_s.values()]
    there = sorted(seconds for seconds in back if seconds is not None)
    restarts = sum(seconds is None for seconds in back) + (found["before"]["pid"] != found["after"]["pid"])
    grown = {key: found["after"][key] - found["before"][key] for key in ("sockets", "threads", "files")}
    per = {
        protocol: {
            "p95_s": _p95([s for p in places if p.protocol == protocol for s in p.back_s.values() if s is not None]),
            "noticed_max_s": _worst([s for p in places if p.protocol == protocol for s in p.noticed_s]),
        }
        for protocol in DIALECTS
    }
    return {
        "p95_s": _p95(there),
        "p50_s": round(statistics.median(there), 2) if there else None,
        "max_s": _worst(there),
        "restarts": restarts,
        "leaked": max(0, grown["sockets"]) + max(0, grown["threads"]) + found["tasks"],
        "grown": grown,
        "naive_modbus_s": [round(seconds, 2) for seconds in naive],
        "ratio_to_naive": round((_p95(there) or 0.0) / max(max(naive), 0.01), 2),
        "outages_s": list(outages),
        "measured": len(there),
        "per_protocol": per,
        "back_s": {place.code: {f"{length:g}": _two(seconds) for length, seconds in place.back_s.items()} for place in places},
    }


def _two(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)


def _p95(values: list[float]) -> float | None:
    return round(sorted(values)[min(len(values) - 1, int(0.95 * len(values)))], 2) if values else None


def _worst(values: list[float]) -> float | None:
    return round(max(values), 2) if values else None
