"""Modbus against devices that lie, go deaf or lack addresses."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.errors import Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, source, tag
from tests.servers.evil_modbus import Evil, EvilModbus
from tests.servers.process import ServerProcess


def word(address: int, unit: int = 1, **changes: object) -> TagSpec:
    return TagSpec(f"u{unit}.r{address}", "PLC", f"{unit}/holding/{address}", TagType.UINT16, 0.1, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["short", "long", "wrong_function", "wrong_unit", "other_transaction"])
def test_wrong_answers_never_become_values(mode: Evil, expect_log: ExpectedLog) -> None:
    if mode in ("wrong_unit", "other_transaction"):
        expect_log(r"source PLC is down")  # such answers are skipped: nobody answered

    async def go() -> None:
        async with EvilModbus() as device, Rig(source("modbus", device.port, timeout="0.2"), [word(3), word(4)], patience=HASTY) as rig:
            await rig.online()
            device.mode = mode
            device.base = 20_000
            await rig.until(lambda: not any(rig.get(name).quality.usable for name in rig.tags))
            device.base = 1000
            device.mode = "good"
            await rig.online()
            values = {value for batch in rig.batches for value in batch.values}
            assert values <= {1003, 1004, None}
            batch = await rig.acquisition.read(list(rig.tags.values()))
            assert batch.values == [1003, 1004]

    asyncio.run(go())


def test_late_answers_never_reach_the_next_question(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        far = [word(3), word(300)]
        async with EvilModbus() as device, Rig(source("modbus", device.port, timeout="0.2"), far, patience=HASTY) as rig:
            await rig.online()
            device.mode = "late"
            await rig.offline(3.0)
            device.mode = "good"
            await rig.online()
            for batch in rig.batches:
                for name, value in zip(batch.tags, batch.values, strict=True):
                    assert value in (None, {"u1.r3": 1003, "u1.r300": 1300}[name])

    asyncio.run(go())


def test_deaf_unit_costs_only_its_own_tags(modbus_server: ServerProcess) -> None:
    live, deaf = tag("modbus", "uint16"), word(0, unit=2)

    async def go() -> None:
        modbus_server.tell("set_deaf", True)
        spec = source("modbus", modbus_server.port, timeout="0.3")
        async with Rig(spec, [live, deaf]) as rig:
            await rig.until(lambda: rig.get(deaf.name).quality is Quality.BAD)
            assert rig.get(deaf.name).status == "timeout"
            assert rig.state is LinkState.DEGRADED
            await rig.goes_on("uint16")
            modbus_server.tell("set_deaf", False)
            await rig.until(lambda: rig.get(deaf.name).quality is Quality.GOOD, 9.0)
            await rig.until(lambda: rig.state is LinkState.ONLINE)

    try:
        asyncio.run(go())
    finally:
        modbus_server.tell("set_deaf", False)


def test_first_unit_deaf_from_the_start() -> None:
    async def go() -> None:
        async with EvilModbus() as device:
            device.deaf_units = {1, 2}
            wanted = [word(0, 1), word(0, 2), word(0, 3)]
            async with Rig(source("modbus", device.port, timeout="0.15"), wanted) as rig:
                await rig.until(lambda: rig.get("u3.r0").value == 1000)
                await rig.until(lambda: rig.get("u1.r0").status == rig.get("u2.r0").status == "timeout")
                assert rig.state is LinkState.DEGRADED

    asyncio.run(go())


def test_missing_address_is_found_by_halving() -> None:
    async def go() -> None:
        wanted = [word(address) for address in range(0, 64, 2)]
        async with EvilModbus() as device:
            device.unmapped = {14, 33}  # 33 lies in a gap that is bridged
            async with Rig(source("modbus", device.port), wanted) as rig:
                await rig.until(lambda: all(rig.get(each.name).quality is not Quality.NEVER for each in wanted))
                marks = {each.name: rig.get(each.name).quality for each in wanted}
                assert [name for name, quality in marks.items() if quality is Quality.CONFIG] == ["u1.r14"]
                assert rig.get("u1.r14").status == "IllegalDataAddress"
                before = len(device.requests)
                await asyncio.sleep(0.5)
                asked = device.requests[before:]
                assert not any(address <= 14 < address + count for _, _, address, count in asked), "not asked again every period"
                assert len({request[2] for request in asked}) < 14, "the rest is still read in blocks"

    asyncio.run(go())


def test_device_that_is_busy_or_lacks_the_function() -> None:
    async def go() -> None:
        async with EvilModbus("busy") as device, Rig(source("modbus", device.port), [word(1)]) as rig:
            await rig.until(lambda: (rig.get("u1.r1").quality, rig.get("u1.r1").status) == (Quality.BAD, "DeviceBusy"))
            device.mode = "no_function"
            await rig.until(lambda: (rig.get("u1.r1").quality, rig.get("u1.r1").status) == (Quality.CONFIG, "IllegalFunction"))
            with pytest.raises(Refused):
                await rig.acquisition.write(rig.tags["u1.r1"], 5)

    asyncio.run(go())


def test_answer_that_names_another_register_confirms_nothing() -> None:
    async def go() -> None:
        async with EvilModbus() as device, Rig(source("modbus", device.port), [word(1)]) as rig:
            await rig.online()
            device.mode = "wrong_echo"
            with pytest.raises(NotConfirmed):
                await rig.acquisition.write(rig.tags["u1.r1"], 5)
            device.mode = "good"
            await rig.online()

    asyncio.run(go())


def test_bits_of_registers_and_multiple_writes(modbus_server: ServerProcess) -> None:
    low, high = (TagSpec(f"b{bit}", "PLC", f"1/holding/60.{bit}", TagType.BOOL, 0.1) for bit in (0, 15))
    single = TagSpec("single", "PLC", "1/holding/61", TagType.INT16, 0.1, options={"write": "multiple"})
    coil = TagSpec("coil", "PLC", "1/coil/20", TagType.BOOL, 0.1, options={"write": "multiple"})

    async def go() -> None:
        modbus_server.tell("set_registers", 1, 60, [0x0F00, 0])
        async with Rig(source("modbus", modbus_server.port), [low, high, single, coil]) as rig:
            await rig.online()
            assert (rig.get("b0").value, rig.get("b15").value) == (False, False)
            for tag_, value in ((low, True), (high, True), (low, False), (single, -2), (coil, True)):
                await rig.acquisition.write(tag_, value)
                assert (await rig.acquisition.read([tag_])).values == [value]
            word_60 = await rig.acquisition.read([TagSpec("w", "PLC", "1/holding/60", TagType.UINT16)])
            assert word_60.values == [0x8F00], "the other bits of the register are untouched"

    asyncio.run(go())


def test_writes_go_before_polling() -> None:
    async def go() -> None:
        # Forty blocks on a slow device keep the line busy for seconds.
        wanted = [word(address) for address in range(0, 480, 12)]
        async with EvilModbus() as device, Rig(source("modbus", device.port), wanted) as rig:
            await rig.online()
            device.mode = "late"
            start = time.monotonic()
            await rig.acquisition.write(wanted[0], 7)
            assert time.monotonic() - start < 1.0, "at most the request on the line is waited for"

    asyncio.run(go())


def test_scan_of_a_range_shows_what_can_be_read_while_polling_goes_on() -> None:
    async def go() -> None:
        async with EvilModbus() as device, Rig(source("modbus", device.port, forbidden="1/holding/20-24"), [word(3)]) as rig:
            await rig.online()
            device.unmapped = {7, 8}
            assert [item.address for item in await rig.acquisition.browse("PLC", None)] == ["1"]
            tables = await rig.acquisition.browse("PLC", "1")
            assert [item.address for item in tables] == ["1/coil/0-99", "1/discrete/0-99", "1/holding/0-99", "1/input/0-99"]
            assert all(item.has_children for item in tables)
            before = rig.get("u1.r3").received_at
            found = await rig.acquisition.browse("PLC", "1/holding/0-39")
            assert rig.get("u1.r3").received_at > before, "polling goes on meanwhile"
            assert [item.address for item in found] == [f"1/holding/{n}" for n in range(40) if n not in {7, 8, 20, 21, 22, 23, 24}]
            assert (found[5].name, found[5].type, found[5].writable, found[5].has_children) == ("5 = 1005 (0x03ED)", "uint16", True, False)
            asked = [range(start, start + count) for _, _, start, count in device.requests if start != 3]
            assert not any(address in span for address in range(20, 25) for span in asked)
            assert await rig.acquisition.browse("PLC", "9/input/510-520") == []
            for nonsense in ("x", "1/holding/9-3", "300", "1/holding/0-999", "1/register/0-9"):
                with pytest.raises(Invalid):
                    await rig.acquisition.browse("PLC", nonsense)

    asyncio.run(go())


def test_scan_that_takes_too_long_offers_the_rest() -> None:
    async def go() -> None:
        async with EvilModbus() as device, Rig(source("modbus", device.port), [word(3)]) as rig:
            await rig.online()
            device.unmapped = set(range(4, 500, 2))
            found = await rig.acquisition.browse("PLC", "1/input/0-499")
            values, rest = [item for item in found if not item.has_children], [item for item in found if item.has_children]
            assert values[:3] == [item for item in values if item.address in ("1/input/0", "1/input/1", "1/input/2")]
            assert rest
            assert rest[-1].address.endswith("-499")
            reached = int(values[-1].address.rpartition("/")[2])
            assert int(rest[0].address.rpartition("/")[2].partition("-")[0]) in (reached + 1, reached + 2)
            device.deaf_units = {5}
            with pytest.raises(NotConnected) as refusal:
                await rig.acquisition.browse("PLC", "5/holding/0-9")
            assert refusal.value.code == "driver.no_answer"

    asyncio.run(go())


def test_one_based_addresses_and_forbidden_tags() -> None:
    async def go() -> None:
        tags = [word(1), word(10), word(12)]
        async with EvilModbus() as device, Rig(source("modbus", device.port, base="1", forbidden="1/holding/10"), tags) as rig:
            await rig.until(lambda: rig.get("u1.r1").value == 1000)
            assert (rig.get("u1.r10").quality, rig.get("u1.r10").status) == (Quality.CONFIG, "forbidden address")
            await rig.until(lambda: rig.get("u1.r12").value == 1011)
            await rig.acquisition.write(rig.tags["u1.r1"], 5)
            assert device.written == {0: 5}
            found = await rig.acquisition.browse("PLC", "1/holding/1-3")
            assert [item.address for item in found] == ["1/holding/1", "1/holding/2", "1/holding/3"]
            assert found[0].name.startswith("1 = 5 ")
            assert all(not start <= 9 < start + count for _, _, start, count in device.requests)

    asyncio.run(go())


def test_value_with_too_many_digits_for_bcd_is_refused() -> None:
    async def go() -> None:
        thumb = word(1, options={"coding": "bcd"})
        async with EvilModbus() as device, Rig(source("modbus", device.port), [thumb]) as rig:
            device.written[1] = 0x1234
            await rig.until(lambda: rig.get("u1.r1").value == 1234)
            await rig.acquisition.write(thumb, 987)
            assert device.written[1] == 0x0987
            with pytest.raises(Invalid):
                await rig.acquisition.write(thumb, 10_000)
            device.written[1] = 0x00FF
            await rig.until(lambda: (rig.get("u1.r1").quality, rig.get("u1.r1").status) == (Quality.BAD, "not BCD"))

    asyncio.run(go())


@pytest.mark.parametrize("url", ["modbus://", "http://127.0.0.1:1", "modbus://127.0.0.1:99999"])
def test_addresses_of_sources_that_cannot_be(url: str, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.bad_url")

    async def go() -> None:
        from dataclasses import replace

        async with Rig(replace(source("modbus", 1), url=url), [word(1)]) as rig:
            await rig.offline(2.0)
            assert rig.links[-1].error_code == "driver.bad_url"

    asyncio.run(go())
