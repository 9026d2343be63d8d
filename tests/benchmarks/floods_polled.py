"""Floods of the protocols that are asked, and the fastest bare form of their libraries that we know."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from typing import Final

from core.live.tags import SourceSpec, TagSpec, TagType
from tests.benchmarks.flood import Count, Flood, Watched, watched

# -- Modbus ------------------------------------------------------------------------------------------------------------

MODBUS_TAGS = 12_000
_DOUBLES = 31
"""Four registers each: 124 of the 125 that one request may ask for."""


async def _modbus_bare(port: int, seconds: float) -> Count:
    """pymodbus, one request after the other as fast as they are answered."""
    from pymodbus.client import AsyncModbusTcpClient

    watch = Watched()
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5)
    await client.connect()

    async def read() -> None:
        while True:
            for first in range(0, MODBUS_TAGS, _DOUBLES):
                count = min(_DOUBLES, MODBUS_TAGS - first)
                answer = await client.read_holding_registers(4 * first, count=4 * count, device_id=3)
                values = struct.unpack(f">{count}d", struct.pack(f">{4 * count}H", *answer.registers))
                for number, value in enumerate(values, first):
                    watch.latest[number] = value
                watch.add(count)

    reading = asyncio.create_task(read())
    count = await watched(watch, seconds)
    reading.cancel()
    client.close()
    return count


def _modbus_tags() -> list[TagSpec]:
    return [TagSpec(f"T{number}", "SRC", f"3/holding/{4 * number}", TagType.FLOAT64, 0.1) for number in range(MODBUS_TAGS)]


MODBUS: Final = Flood(
    server="modbus",
    order=("flood", MODBUS_TAGS, 1.0),
    source=lambda port: SourceSpec("SRC", "modbus", f"modbus://127.0.0.1:{port}"),
    tags=_modbus_tags,
    bare=_modbus_bare,
    reports=False,
    answered="answered",
    per_value=4,
    in_flight=_DOUBLES,
)

# -- EtherNet/IP -------------------------------------------------------------------------------------------------------

LOGIX_TAGS = 6_000
_LOGIX_CALL = 300
"""Tags of one read call: the fastest that was found (200 and 400 are slower)."""


async def _logix_bare(port: int, seconds: float) -> Count:
    """pycomm3 on a thread of its own, one call after the other."""
    import pycomm3

    watch, ended = Watched(), threading.Event()
    names = [f"flood{number}" for number in range(LOGIX_TAGS)]

    def read() -> None:
        with pycomm3.LogixDriver(f"127.0.0.1:{port}") as driver:
            while not ended.is_set():
                for first in range(0, LOGIX_TAGS, _LOGIX_CALL):
                    answers = driver.read(*names[first : first + _LOGIX_CALL])
                    for number, answer in enumerate(answers, first):
                        watch.latest[number] = answer.value
                    watch.add(len(answers))

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    while not watch.latest:  # noqa: ASYNC110 - nothing is measured yet
        await asyncio.sleep(0.05)
    count = await watched(watch, seconds)
    ended.set()
    reading.join(10)
    return count


def _logix_tags() -> list[TagSpec]:
    return [TagSpec(f"T{number}", "SRC", f"flood{number}", TagType.FLOAT64, 0.1) for number in range(LOGIX_TAGS)]


ETHERNETIP: Final = Flood(
    server="ethernetip",
    order=("flood", LOGIX_TAGS, 1.0),
    source=lambda port: SourceSpec("SRC", "ethernetip", f"ethernetip://127.0.0.1:{port}"),
    tags=_logix_tags,
    bare=_logix_bare,
    reports=False,
    answered="answered",
    learning=LOGIX_TAGS,
    in_flight=_LOGIX_CALL,
)

# -- HTTP --------------------------------------------------------------------------------------------------------------

HTTP_DOCUMENTS, HTTP_VALUES = 200, 20
_AT_ONCE = 4


async def _http_bare(port: int, seconds: float) -> Count:
    """httpx with a few kept connections, each asked for one document after the other."""
    import httpx

    watch = Watched()
    latest = watch.latest

    async def read(client: httpx.AsyncClient, which: int) -> None:
        while True:
            for number in range(which, HTTP_DOCUMENTS, _AT_ONCE):
                answer = await client.get(f"http://127.0.0.1:{port}/flood/{number}")
                found = json.loads(answer.content)
                for name, value in found.items():
                    latest[number, name] = value
                watch.add(len(found))

    async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=_AT_ONCE)) as client:
        reading = [asyncio.create_task(read(client, which)) for which in range(_AT_ONCE)]
        count = await watched(watch, seconds)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        return count


def _http_tags() -> list[TagSpec]:
    places = [(document, value) for document in range(HTTP_DOCUMENTS) for value in range(HTTP_VALUES)]
    return [TagSpec(f"T{document}.{value}", "SRC", f"/flood/{document}#v{value}", TagType.FLOAT64, 0.1) for document, value in places]


HTTP: Final = Flood(
    server="http",
    order=("flood", HTTP_VALUES),
    source=lambda port: SourceSpec("SRC", "http", f"http://127.0.0.1:{port}"),
    tags=_http_tags,
    bare=_http_bare,
    reports=False,
    answered="answered",
    in_flight=_AT_ONCE * HTTP_VALUES,
)
