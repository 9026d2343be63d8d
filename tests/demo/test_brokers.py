"""The meters at their MQTT broker and the case sealer at its Sparkplug broker, as the station's own drivers see them."""

from __future__ import annotations

import asyncio

import pytest

from core.demo.taglist import read_tags
from core.errors import NotConfirmed
from core.live.sample import Quality
from core.live.tags import SourceSpec
from core.live.writes import TagWriter
from tests.conftest import ExpectedLog
from tests.demo.conftest import RunningPlant
from tests.drivers.rig import Rig

TAGS = read_tags()
OF = {protocol: [tag for tag in TAGS if tag.source == f"demo-{protocol}"] for protocol in ("mqtt", "sparkplug")}


def rig(plant: RunningPlant, protocol: str) -> Rig:
    return Rig(SourceSpec(f"demo-{protocol}", protocol, plant.ready[protocol]), OF[protocol])


@pytest.mark.parametrize("protocol", ["mqtt", "sparkplug"])
def test_every_value_is_the_plants_truth(plant: RunningPlant, protocol: str) -> None:
    assert len(OF[protocol]) >= 4

    async def go() -> None:
        async with rig(plant, protocol) as seen:
            await seen.online()
            await asyncio.to_thread(plant.do, "pause")
            try:
                shown = (await asyncio.to_thread(plant.do, "tags"))["tags"]
                await seen.until(lambda: all(seen.get(name).value == shown[name]["value"] for name in seen.tags))
                for tag in OF[protocol]:
                    if protocol == "sparkplug" or "time" in tag.options:
                        assert seen.get(tag.name).source_at == pytest.approx(shown[tag.name]["source_at"], abs=0.002)
            finally:
                await asyncio.to_thread(plant.do, "resume")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("protocol", "tag"), [("mqtt", "L1.Meter.Power"), ("mqtt", "Site.Ambient.DewPoint"), ("sparkplug", "L5.M3.HeaterPower")]
)
def test_broken_sensors_and_garbage(plant: RunningPlant, protocol: str, tag: str) -> None:
    async def go() -> None:
        async with rig(plant, protocol) as seen:
            await seen.online()
            for words in (f"bad {tag}", f"garbage {tag}", f"garbage {tag} --as text"):
                await asyncio.to_thread(plant.do, words)
                await seen.until(lambda: seen.get(tag).quality is Quality.BAD)
                await asyncio.to_thread(plant.do, f"clear {tag}")
                await seen.until(lambda: seen.get(tag).quality is Quality.GOOD)

    asyncio.run(go())


def test_the_setpoint_of_the_sealer_is_written_within_its_rules(plant: RunningPlant) -> None:
    async def go() -> None:
        async with rig(plant, "sparkplug") as seen:
            await asyncio.to_thread(plant.do, "start L5")
            await seen.online()
            await seen.until(lambda: seen.get("L5.M3.ModeAuto").value is True)
            setpoint = seen.tags["L5.M3.SealSetpoint"]
            writer = TagWriter(
                find=seen.tags.get,
                latest=seen.get,
                may=lambda permission, tag: True,
                record_intent=_nothing,
                send=seen.acquisition.write,
                read=seen.acquisition.read,
                clock=seen.acquisition._clock,
            )
            result = await writer.write(setpoint.name, 150.0)
            assert result.read_back == 150.0
            await seen.until(lambda: plant.do(f"tags {setpoint.name}")["tags"][setpoint.name]["value"] == 150.0)
            # Past the station's own limits: the machine does not answer, and nobody may call it done.
            await seen.acquisition.write(setpoint, 170.0)
            assert (await seen.acquisition.read([setpoint])).values == [150.0]
            plant.do(f"freeze {setpoint.name}")
            await asyncio.sleep(1.1)
            with pytest.raises(NotConfirmed):
                await writer.write(setpoint.name, 145.0)
            plant.do(f"clear {setpoint.name}")

    asyncio.run(go())


async def _nothing(intent: object) -> None:
    """A record that nobody reads."""


@pytest.mark.parametrize("protocol", ["mqtt", "sparkplug"])
def test_a_killed_broker_comes_back_with_its_machines(plant: RunningPlant, protocol: str, expect_log: ExpectedLog) -> None:
    expect_log(rf"source demo-{protocol} is down")

    async def go() -> None:
        async with rig(plant, protocol) as seen:
            await seen.online()
            await asyncio.to_thread(plant.do, f"kill {protocol}")
            await seen.offline(3.0)
            await asyncio.to_thread(plant.do, f"restart {protocol}")
            await seen.online(5.0)

    asyncio.run(go())
