"""The protocol servers really answer, with what the plant knows to be true; faults and writes do what they say."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import psutil
import pytest
from asyncua import ua

from core.demo.taglist import read_tags
from core.errors import GenbaError, Invalid
from tests.demo.clients import modbus_client, opcua_client, read_ethernetip, read_modbus, read_opcua, write_ethernetip, write_opcua
from tests.demo.conftest import RunningPlant

TAGS = {tag.name: tag for tag in read_tags()}
OPCUA = [tag for tag in TAGS.values() if tag.source == "demo-opcua"]
MODBUS = [tag for tag in TAGS.values() if tag.source == "demo-modbus"]
ETHERNETIP = [tag for tag in TAGS.values() if tag.source == "demo-ethernetip"]


def until(what: Callable[[], bool], within_s: float = 60.0) -> None:
    end = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def opcua_value(plant: RunningPlant, name: str) -> Any:
    return asyncio.run(read_opcua(plant.ready["opcua"], [TAGS[name]]))[name]


def modbus_value(plant: RunningPlant, name: str) -> Any:
    return asyncio.run(read_modbus(plant.ready["modbus"], [TAGS[name]]))[name]


def ethernetip_value(plant: RunningPlant, name: str) -> Any:
    return read_ethernetip(plant.ready["ethernetip"], [TAGS[name]])[name]


def test_every_value_of_the_servers_is_the_plants_truth(plant: RunningPlant) -> None:
    until(lambda: plant.do("truth")["simulated_s"] > 30)
    plant.do("pause")
    time.sleep(0.4)  # what is under way arrives
    try:
        shown = plant.do("tags")["tags"]
        read = asyncio.run(read_opcua(plant.ready["opcua"], OPCUA))
        assert len(read) > 70
        for name, value in read.items():
            assert value.StatusCode.is_good(), name
            assert value.Value.Value == shown[name]["value"], name
            assert value.SourceTimestamp.timestamp() == pytest.approx(shown[name]["source_at"], abs=0.001)
            assert time.time() - 120 < value.SourceTimestamp.timestamp() < time.time() + 1
        registers = asyncio.run(read_modbus(plant.ready["modbus"], MODBUS))
        assert len(registers) > 50
        assert registers == {name: pytest.approx(shown[name]["value"]) for name in registers}
        washer = read_ethernetip(plant.ready["ethernetip"], ETHERNETIP)
        assert len(washer) > 8
        assert washer == {name: pytest.approx(shown[name]["value"]) for name in washer}
        truth = plant.do("truth")
        for line in truth["lines"].values():
            for code, unit in line["units"].items():
                prefix = code.replace("-", ".")
                counts = read | registers | washer
                good, reject, state = (counts[f"{prefix}.{name}"] for name in ("GoodCount", "RejectCount", "State"))
                good, reject, state = (value.Value.Value if isinstance(value, ua.DataValue) else value for value in (good, reject, state))
                assert (good, reject) == (unit["counter_good"], unit["counter_reject"])
                assert TAGS[f"{prefix}.State"].states[str(state)] == unit["state"]
    finally:
        plant.do("resume")


def test_a_subscriber_sees_the_machine_stop_and_start(plant: RunningPlant) -> None:
    async def watch() -> list[int]:
        seen: list[int] = []

        class Handler:
            def datachange_notification(self, node: Any, value: int, event: Any) -> None:
                seen.append(value)

        async with opcua_client(plant.ready["opcua"]) as (client, index):
            subscription = await client.create_subscription(50, Handler())
            await subscription.subscribe_data_change(client.get_node(ua.NodeId("L6.M1.State", index)))
            for words in ("start L6", "stop L6 --reason D06", "start L6"):
                await asyncio.to_thread(plant.do, words)
                await asyncio.sleep(0.4)
            await subscription.delete()
        return seen

    seen = asyncio.run(watch())
    assert 4 in seen
    assert seen[-1] != 4


def test_a_state_word_that_nobody_mapped_and_counters_that_lie(plant: RunningPlant) -> None:
    plant.do("state L2-M2 --raw 17")
    until(lambda: modbus_value(plant, "L2.M2.State") == 17)
    for words in ("state L2-M2 --raw x", "state L9-M9 --raw 1", "counter reset L9-M9"):
        with pytest.raises(GenbaError):
            plant.do(words)
    assert modbus_value(plant, "L2.M2.State") == 17, "a wrong command changes nothing"
    plant.do("counter hold L2-M2")
    plant.do("clear L2-M2")
    until(lambda: modbus_value(plant, "L2.M2.State") != 17)
    plant.do("counter reset L2-M2")
    until(lambda: modbus_value(plant, "L2.M2.GoodCount") < 50)


def test_a_stop_is_told_by_state_reason_and_truth(plant: RunningPlant) -> None:
    plant.do("mark stop")
    plant.do("stop L2 --reason D07 --for 40000")
    plant.do("stop L5-M2 --reason D04")
    until(lambda: modbus_value(plant, "L2.M2.State") == 3)
    assert modbus_value(plant, "L2.M2.StopReason") == 7
    assert modbus_value(plant, "L5.M2.State") == 50
    assert modbus_value(plant, "L5.M2.StopReason") == "D04"
    assert modbus_value(plant, "L2.M2.GuardClosed") is False
    unit = plant.do("truth --since stop")["lines"]["L2"]["units"]["L2-M2"]
    assert unit["stops"][-1] | {"began_s": 0, "began_at": ""} == {
        "state": "MINOR_STOP",
        "reason": "D07",
        "reported": True,
        "forced": True,
        "began_s": 0,
        "ended_s": None,
        "began_at": "",
        "ended_at": None,
    }
    plant.do("start L2")
    plant.do("start L5")
    until(lambda: modbus_value(plant, "L2.M2.State") != 3)


def test_a_killed_server_stays_dead_while_the_factory_works_on(plant: RunningPlant) -> None:
    before = plant.do("truth")["lines"]["L2"]["units"]["L2-M1"]
    pid = plant.do("status")["servers"]["modbus"]["pid"]
    plant.do("kill modbus")
    assert not psutil.pid_exists(pid)
    time.sleep(1.0)
    assert plant.do("status")["servers"]["modbus"]["pid"] is None
    assert opcua_value(plant, "L1.M1.State").StatusCode.is_good()
    answer = plant.do("restart modbus")
    assert f":{answer['port']}" in plant.ready["modbus"]
    after = plant.do("truth")["lines"]["L2"]["units"]["L2-M1"]
    assert sum(after["state_s"].values()) > sum(before["state_s"].values()) + 10
    assert 0 <= modbus_value(plant, "L2.M1.GoodCount") - after["counter_good"] <= 20
    assert answer["ready_s"] < 5
    assert plant.do("restart opcua")["ready_s"] < 10
    assert opcua_value(plant, "L1.M1.State").StatusCode.is_good()


def test_a_frozen_value_stands_and_takes_no_write(plant: RunningPlant) -> None:
    plant.do("freeze Site.Energy.Total")
    first = opcua_value(plant, "Site.Energy.Total")
    time.sleep(0.8)
    again = opcua_value(plant, "Site.Energy.Total")
    assert (first.Value.Value, first.SourceTimestamp) == (again.Value.Value, again.SourceTimestamp)
    assert plant.do("status")["faults"] == {"Site.Energy.Total": "frozen"}
    plant.do("unfreeze Site.Energy.Total")
    until(lambda: opcua_value(plant, "Site.Energy.Total").Value.Value > first.Value.Value)
    plant.do("start L5")
    plant.do("freeze L5.M2.SpeedSetpoint")
    assert asyncio.run(_write_register(plant, 3, 0, 900)) is None
    assert modbus_value(plant, "L5.M2.SpeedSetpoint") == pytest.approx(100.0)
    plant.do("clear L5.M2.SpeedSetpoint")
    until(lambda: modbus_value(plant, "L5.M2.SpeedSetpoint") == pytest.approx(90.0))  # the machine had taken it over


def test_broken_sensors_and_garbage(plant: RunningPlant) -> None:
    plant.do("bad L3.M3.OvenTemperature")
    value = opcua_value(plant, "L3.M3.OvenTemperature")
    assert value.StatusCode.name == "BadSensorFailure"
    assert value.Value.Value is None
    plant.do("garbage L3.M3.OvenTemperature")
    until(lambda: math.isnan(opcua_value(plant, "L3.M3.OvenTemperature").Value.Value or 0.0))
    plant.do("garbage L3.M3.OvenTemperature --as text")
    until(lambda: isinstance(opcua_value(plant, "L3.M3.OvenTemperature").Value.Value, str))
    plant.do("clear L3.M3.OvenTemperature")
    until(lambda: isinstance(opcua_value(plant, "L3.M3.OvenTemperature").Value.Value, float))
    plant.do("bad L2.M2.OilTemperature")
    plant.do("bad L5.M3.SealTemperature")
    until(lambda: math.isnan(modbus_value(plant, "L2.M2.OilTemperature")))
    until(lambda: bool(modbus_value(plant, "L5.M3.SealTemperature") == pytest.approx(-3276.8)))
    plant.do("clear L2.M2.OilTemperature")
    plant.do("clear L5.M3.SealTemperature")
    until(lambda: 20 < modbus_value(plant, "L2.M2.OilTemperature") < 100 < modbus_value(plant, "L5.M3.SealTemperature") < 200)
    plant.do("garbage L2.M2.State")
    until(lambda: modbus_value(plant, "L2.M2.State") == 0xFFFF)
    plant.do("clear L2.M2.State")


async def _write_register(plant: RunningPlant, unit: int, address: int, *words: int) -> int | None:
    """The exception code; None when it was accepted."""
    async with modbus_client(plant.ready["modbus"]) as client:
        answer = await client.write_registers(address, list(words), device_id=unit)
        return answer.exception_code if answer.isError() else None


def test_a_modbus_client_writes_setpoints_within_the_rules(plant: RunningPlant) -> None:
    plant.do("start L2")
    until(lambda: modbus_value(plant, "L2.M2.GuardClosed") is True)
    assert asyncio.run(_write_register(plant, 1, 0, 0x4188, 0x0000)) is None  # 17.0 as ABCD
    assert modbus_value(plant, "L2.M2.PressureSetpoint") == 17.0
    until(lambda: plant.do("tags L2.M2.PressureSetpoint")["tags"]["L2.M2.PressureSetpoint"]["value"] == 17.0)
    until(lambda: modbus_value(plant, "L2.M2.HydraulicPressure") > 16.45, within_s=5.0)  # the old one never charged so high
    assert asyncio.run(_write_register(plant, 1, 0, 0x42C8, 0x0000)) == 3, "100 MPa is out of range"
    assert asyncio.run(_write_register(plant, 1, 0, 0x4188)) == 2, "half a value"
    assert asyncio.run(_write_register(plant, 2, 100, 1)) == 2, "a measured value"
    plant.do("stop L2-M2 --reason D06")
    until(lambda: modbus_value(plant, "L2.M2.GuardClosed") is False)
    assert asyncio.run(_write_register(plant, 1, 0, 0x4180, 0x0000)) == 6, "the guard is open"
    plant.do("start L2")
    until(lambda: modbus_value(plant, "L2.M2.GuardClosed") is True)
    assert asyncio.run(_write_register(plant, 1, 0, 0x4180, 0x0000)) is None


def test_an_opcua_client_writes_setpoints_within_the_rules(plant: RunningPlant) -> None:
    def write(name: str, value: Any, kind: Any = ua.VariantType.Double) -> str:
        status = asyncio.run(write_opcua(plant.ready["opcua"], TAGS[name].address, value, kind))
        return str(status.name)

    plant.do("start L3")
    plant.do("start L3-M3")
    plant.do("stop L3-M3 --reason D15")  # waiting: the mode stays automatic, the heater on
    until(lambda: opcua_value(plant, "L3.M3.ModeAuto").Value.Value is True)
    assert write("L3.M3.OvenSetpoint", 190.0) == "Good"
    assert opcua_value(plant, "L3.M3.OvenSetpoint").Value.Value == 190.0
    until(lambda: opcua_value(plant, "L3.M3.OvenTemperature").Value.Value > 186.0, within_s=10.0)
    assert write("L3.M3.OvenSetpoint", 240.0) == "BadOutOfRange"
    assert write("L3.M3.OvenSetpoint", math.nan) == "BadOutOfRange"
    assert write("L3.M3.OvenSetpoint", 190, ua.VariantType.Int32) == "BadTypeMismatch"
    assert write("L3.M3.OvenTemperature", 190.0) == "BadNotWritable"
    plant.do("stop L3-M3 --reason D23")
    until(lambda: opcua_value(plant, "L3.M3.ModeAuto").Value.Value is False)
    assert write("L3.M3.OvenSetpoint", 180.0) == "BadInvalidState"
    plant.do("start L3-M3")
    plant.do("start L1")
    until(lambda: opcua_value(plant, "L1.M2.GuardClosed").Value.Value is True)
    assert write("L1.M2.TorqueSetpoint", 5.5, ua.VariantType.Float) == "Good"


def test_the_logix_controller_shows_faults_and_takes_no_measured_value(plant: RunningPlant) -> None:
    plant.do("bad L6.M2.WashTemperature")
    until(lambda: math.isnan(ethernetip_value(plant, "L6.M2.WashTemperature")))
    plant.do("garbage L6.M2.State")
    until(lambda: ethernetip_value(plant, "L6.M2.State") == -(2**31))
    plant.do("clear L6.M2.WashTemperature")
    plant.do("clear L6.M2.State")
    until(lambda: 20 < ethernetip_value(plant, "L6.M2.WashTemperature") < 100)
    assert "denied" in write_ethernetip(plant.ready["ethernetip"], TAGS["L6.M2.State"].address, 5)
    plant.do("stop L6-M2 --reason D07")
    until(lambda: ethernetip_value(plant, "L6.M2.StopReason") == "D07")
    plant.do("start L6-M2")
    plant.do("kill ethernetip")
    assert plant.do("restart ethernetip")["ready_s"] < 5
    until(lambda: ethernetip_value(plant, "L6.M2.StopReason") == "")


def test_a_client_can_browse_to_every_value(plant: RunningPlant) -> None:
    async def leaves() -> int:
        async with opcua_client(plant.ready["opcua"]) as (client, index):
            found, todo = 0, [client.get_node(ua.NodeId("Plant", index))]
            while todo:
                for child in await todo.pop().get_children():
                    if await child.read_node_class() == ua.NodeClass.Variable:
                        found += 1
                    else:
                        todo.append(child)
            return found

    assert asyncio.run(leaves()) == len(OPCUA)


def test_a_standing_server_does_not_hold_up_the_plant(plant: RunningPlant) -> None:
    pid = plant.do("status")["servers"]["modbus"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        before = plant.do("truth")["simulated_s"]
        time.sleep(0.6)
        assert plant.do("truth")["simulated_s"] > before + 5
    finally:
        os.kill(pid, signal.SIGCONT)
    good = plant.do("truth")["lines"]["L2"]["units"]["L2-M2"]["counter_good"]
    until(lambda: modbus_value(plant, "L2.M2.GoodCount") >= good)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("stop L9", "demo.unknown_target"),
        ("stop L1 --reason D77", "demo.unknown_reason"),
        ("freeze L1.M1.Nothing", "demo.unknown_tag"),
        ("truth --since never", "demo.unknown_marker"),
        ("drift L1.M1.State 3", "demo.cannot_drift"),
        ("speed nan", "demo.speed"),
        ("speed 0", "demo.speed"),
        ("kill ftp", "demo.usage"),
        ("dance", "demo.usage"),
        ("", "demo.usage"),
    ],
)
def test_a_wrong_command_is_told_in_both_languages_and_changes_nothing(plant: RunningPlant, words: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        plant.do(words)
    assert caught.value.code == code
    error: GenbaError = caught.value
    assert all(error.lines("ja"))
    assert all(error.lines("en"))
    assert code not in str(error), "the code has words"


def test_speed_and_pause(plant: RunningPlant) -> None:
    plant.do("pause")
    first = plant.do("truth")
    time.sleep(0.3)
    assert plant.do("truth")["simulated_s"] == first["simulated_s"]
    plant.do("resume")
    plant.do("speed 200")
    time.sleep(0.5)
    assert plant.do("truth")["simulated_s"] > first["simulated_s"] + 40
    plant.do("speed 20")


def test_the_slaves_behind_the_gateway_show_the_plants_truth(plant: RunningPlant) -> None:
    until(lambda: plant.do("truth")["simulated_s"] > 30)
    plant.do("pause")
    time.sleep(0.4)  # what is under way arrives
    try:
        shown = plant.do("tags")["tags"]
        wanted = [tag for tag in TAGS.values() if tag.source == "demo-rtu"]
        assert {tag.address.split("/")[0] for tag in wanted} == {"21", "22"}
        assert plant.ready["rtu"].startswith("modbus+rtu://")
        read = asyncio.run(read_modbus(plant.ready["rtu"], wanted))
        assert read == {tag.name: pytest.approx(shown[tag.name]["value"]) for tag in wanted}
    finally:
        plant.do("resume")


def test_the_documents_of_the_sensors_show_the_plants_truth(plant: RunningPlant) -> None:
    wanted = [tag for tag in TAGS.values() if tag.source == "demo-http"]

    def read() -> tuple[dict[str, Any], httpx.Response]:
        answer = httpx.get(plant.ready["http"] + "/api/v1/packing", trust_env=False)
        document = answer.json()
        return {tag.name: document[tag.address.split("#")[1].split(".")[0]][tag.address.split(".")[1]] for tag in wanted}, answer

    plant.do("pause")
    time.sleep(0.4)  # what is under way arrives
    try:
        shown = plant.do("tags")["tags"]
        found, answer = read()
        for tag in wanted:
            assert found[tag.name]["value"] == shown[tag.name]["value"]
            at = datetime.fromisoformat(found[tag.name]["at"]).timestamp()
            assert at == pytest.approx(shown[tag.name]["source_at"], abs=0.001)
        url = plant.ready["http"] + "/api/v1/packing"
        assert httpx.get(url, headers={"If-None-Match": answer.headers["etag"]}, trust_env=False).status_code == 304
        assert httpx.get(plant.ready["http"] + "/nobody", trust_env=False).status_code == 404
        assert httpx.put(url, content=b"", trust_env=False).status_code == 405
        plant.do("bad L5.M1.HeaterPower")
        until(lambda: read()[0]["L5.M1.HeaterPower"]["value"] is None)
        plant.do("clear L5.M1.HeaterPower")
    finally:
        plant.do("resume")
