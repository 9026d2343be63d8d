"""Every protocol's flood reaches both forms of client, and the plant of ``scale`` is what its site file says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.drivers.fleet import Fleet
from core.live.sample import Batch, Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from core.sitefile.read import read
from tests.benchmarks import acquisition, reconnect, scale
from tests.benchmarks.floods import FLOODS
from tests.benchmarks.scale_load import PROTOCOLS, TAGS, Device, protocol_of, write_site
from tests.benchmarks.scale_probe import Missing
from tests.servers.process import ServerProcess, free_port

pytestmark = pytest.mark.early

KEYS = {"ratio", "updates_s", "cpu_share", "lost"}


def test_every_protocol_has_a_flood() -> None:
    assert set(FLOODS) == set(PROTOCOLS)


@pytest.mark.parametrize("protocol", ["ethernetip", "mqtt", "sparkplug", "http"])
def test_a_flood_is_measured_in_both_forms(protocol: str) -> None:
    found = acquisition._protocol(protocol, FLOODS[protocol], 0.3, 1)
    assert found.keys() >= KEYS
    assert found["updates_s"] > 100
    assert found["bare_updates_s"] > 100
    json.dumps(found, allow_nan=False)


def batch(turn: float, quality: Quality = Quality.GOOD) -> Batch:
    return Batch("d000", 0.0, ["L1-M1.T000"], [turn], [quality], [None])


def test_a_number_that_is_passed_over_is_a_missed_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.scale_probe.TAGS", 1)
    monkeypatch.setattr("tests.benchmarks.scale_probe.time.monotonic", lambda: 16.5)
    missing = Missing()
    missing.take(batch(10.0))
    missing.begin()
    for turn in (10.0, 11.0, 11.0, 14.0):  # 12 and 13 never came
        missing.take(batch(turn))
    missing.take(batch(0.0, Quality.STALE))
    assert missing.end([Device(0, "modbus", 0)]) == {"modbus": {"missed": 2, "due": 4}}
    assert (missing.samples, missing.not_good) == (5, 1)


def test_a_tag_that_fell_silent_misses_everything_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.benchmarks.scale_probe.TAGS", 1)
    monkeypatch.setattr("tests.benchmarks.scale_probe.time.monotonic", lambda: 30.5)
    missing = Missing()
    missing.take(batch(10.0))
    missing.begin()
    assert missing.end([Device(0, "modbus", 0), Device(1, "http", 0)]) == {
        "modbus": {"missed": 18, "due": 18},
        "http": {"missed": 18, "due": 18},  # never heard at all
    }


@pytest.fixture
def plant() -> Iterator[list[Device]]:
    ports = dict(zip(PROTOCOLS, iter(free_port, 0), strict=False))
    ports["sparkplug"] = ports["mqtt"]
    devices = [Device(number, protocol_of(number), ports[protocol_of(number)]) for number in range(len(PROTOCOLS))]
    chosen = json.dumps([[device.number, device.protocol, device.port] for device in devices])
    server = ServerProcess("scale_plant", None, chosen, package="tests.benchmarks").start()
    try:
        yield devices
        assert server.tell("written")["values"] > 0
    finally:
        server.kill()


def test_every_machine_of_the_plant_speaks_as_the_site_file_says(plant: list[Device], tmp_path: Path) -> None:
    site = read(write_site(tmp_path, plant))
    sources = [
        SourceSpec(entry.code, entry.protocol, entry.url, options=dict(entry.options), readers=entry.readers) for entry in site.sources
    ]
    tags = [TagSpec(entry.name, entry.source, entry.address, TagType(entry.type), entry.period_s) for entry in site.tags]
    assert len(tags) == len(plant) * TAGS
    missing = Missing()

    async def go() -> None:
        fleet = Fleet(missing.take, lambda status: None, SystemClock())
        fleet.start(sources, tags, {})
        try:
            await reconnect._until(lambda: len(missing.latest) == len(tags), 60.0, "every tag heard")
            first = dict(missing.latest)
            await reconnect._until(lambda: all(missing.latest[name] > turn for name, turn in first.items()), 60.0, "every tag changed")
        finally:
            await fleet.close()

    asyncio.run(go())


def test_one_process_holds_each_protocol_of_the_plant() -> None:
    assert sorted(protocol for protocols in scale.PROCESSES for protocol in protocols) == sorted(PROTOCOLS)
