"""Modbus frames without a number: RTU over TCP against gateways that lie, come too late, or lead to a dead slave."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from core.clock import SystemClock
from core.drivers.modbus import ModbusDriver
from core.errors import NotConfirmed
from core.live.link import LinkState
from core.live.sample import Batch, Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, source
from tests.servers.evil_modbus import Evil, EvilModbus
from tests.servers.process import ServerProcess


def word(address: int, unit: int = 1, **changes: object) -> TagSpec:
    return TagSpec(f"u{unit}.r{address}", "PLC", f"{unit}/holding/{address}", TagType.UINT16, 0.1, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["short", "long", "wrong_function", "wrong_unit", "wrong_crc"])
def test_wrong_answers_never_become_values(mode: Evil, expect_log: ExpectedLog) -> None:
    if mode in ("wrong_unit", "wrong_crc"):
        expect_log(r"source PLC is down")  # such answers are skipped: nobody answered

    async def go() -> None:
        two = [word(3), word(4)]
        async with EvilModbus(rtu=True) as device, Rig(source("modbus_rtu", device.port, timeout="0.2"), two, patience=HASTY) as rig:
            await rig.online()
            device.mode = mode
            device.base = 20_000
            await rig.until(lambda: not any(rig.get(name).quality.usable for name in rig.tags))
            device.base = 1000
            device.mode = "good"
            await rig.online()
            assert {value for batch in rig.batches for value in batch.values} <= {1003, 1004, None}
            assert (await rig.acquisition.read(list(rig.tags.values()))).values == [1003, 1004]

    asyncio.run(go())


def test_noise_before_an_answer_costs_nothing() -> None:
    async def go() -> None:
        async with EvilModbus("noise", rtu=True) as device, Rig(source("modbus_rtu", device.port), [word(3), word(300)]) as rig:
            await rig.online()
            assert (rig.get("u1.r3").value, rig.get("u1.r300").value) == (1003, 1300)

    asyncio.run(go())


@pytest.mark.parametrize("late_s", [0.25, 0.35, 0.5, 1.2])
def test_late_answers_never_reach_the_next_question(late_s: float, expect_log: ExpectedLog) -> None:
    """Three questions whose answers look alike: only what each register holds tells which one was answered."""
    expect_log(r"source PLC is down")
    far = [word(3), word(300), word(400, options={"write": "multiple"})]

    async def go() -> None:
        async with EvilModbus(rtu=True) as device, Rig(source("modbus_rtu", device.port, timeout="0.2"), far, patience=HASTY) as rig:
            await rig.online()
            device.mode, device.late_s = "late", late_s
            await rig.offline(4.0)
            device.mode = "good"
            await rig.online()
            await asyncio.sleep(0.3)
            values = {name: {v for b in rig.batches for n, v in zip(b.tags, b.values, strict=True) if n == name} for name in rig.tags}
            assert all(values[name] <= {true, None} for name, true in (("u1.r3", 1003), ("u1.r300", 1300), ("u1.r400", 1400))), values

    asyncio.run(go())


def test_answers_to_an_abandoned_read_are_not_taken_for_the_next_one() -> None:
    """A request that is cancelled while the device thinks leaves its answer on the line."""

    async def go() -> None:
        async with EvilModbus("late", rtu=True) as device:
            device.late_s = 0.15
            driver = ModbusDriver(SourceSpec("PLC", "modbus", f"modbus+rtu://127.0.0.1:{device.port}"), SystemClock())
            await driver.connect()
            for address in (10, 20, 30):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await driver.read([word(address)])
                assert (await driver.read([word(address + 1)])).values == [1000 + address + 1]
            await driver.close()

    asyncio.run(go())


@pytest.mark.parametrize("rtu", [False, True])
def test_dead_slave_behind_a_gateway_costs_only_its_own_tags(rtu: bool) -> None:
    async def go() -> None:
        async with EvilModbus(rtu=rtu) as device:
            alive, dead = word(0, 1), word(0, 2)
            async with Rig(source("modbus_rtu" if rtu else "modbus", device.port, timeout="0.3"), [alive, dead]) as rig:
                await rig.online()
                device.deaf_units = {2}
                await rig.until(lambda: rig.get(dead.name).quality is Quality.BAD)
                assert rig.get(dead.name).status == "timeout"
                assert rig.state is LinkState.DEGRADED
                asked = len(device.requests)
                await rig.goes_on(alive.name, 12)
                units = [unit for unit, *_ in device.requests[asked:]]
                assert (2, 2) not in itertools.pairwise(units), "after each timeout it is the turn of who answers"
                assert 2 in units
                assert rig.get(dead.name).quality is Quality.BAD
                device.deaf_units = set()
                await rig.until(lambda: rig.get(dead.name).quality is Quality.GOOD, 9.0)
                await rig.until(lambda: rig.state is LinkState.ONLINE)
                assert device.connections == 1

    asyncio.run(go())


def test_many_dead_slaves_cost_no_more_than_two() -> None:
    async def go() -> None:
        async with EvilModbus() as device:
            device.deaf_units = set(range(2, 8))
            alive, dead = word(0, 1), [word(0, unit) for unit in range(2, 8)]
            async with Rig(source("modbus", device.port, timeout="0.15"), [alive, *dead]) as rig:
                await rig.until(lambda: all(rig.get(each.name).quality is Quality.BAD for each in dead))
                device.requests.clear()
                await asyncio.sleep(2.4)
                probed = [unit for unit, *_ in device.requests if unit != 1]
                assert 2 <= len(probed) <= 2.4 / (4 * 0.15) + 1, "a quarter of the time at most is waited for the dead"
                assert len(set(probed)) == len(probed), "each has its turn"
                assert len(device.requests) - len(probed) >= 8, "of the twelve polls of these seconds"
                device.deaf_units = set()
                await rig.online(15.0)

    asyncio.run(go())


def test_dead_slave_in_a_process_of_its_own(modbus_rtu_server: ServerProcess) -> None:
    server = modbus_rtu_server

    async def go() -> None:
        server.tell("set_deaf", True)
        async with Rig(source("modbus_rtu", server.port, timeout="0.3"), [word(0, 1), word(0, 2)]) as rig:
            await rig.until(lambda: rig.get("u2.r0").status == "timeout" and rig.get("u1.r0").quality is Quality.GOOD)
            server.tell("set_deaf", False)
            await rig.online()

    try:
        asyncio.run(go())
    finally:
        server.tell("set_deaf", False)


# -- one queue per gateway --------------------------------------------------------------------------------------------


class Reader:
    """One driver that serves, for tests of what several of them share."""

    def __init__(self, code: str, port: int, tags: list[TagSpec], scheme: str = "modbus+rtu", **options: str) -> None:
        spec = SourceSpec(code, "modbus", f"{scheme}://127.0.0.1:{port}", options={"timeout": "0.3", **options})
        self.driver = ModbusDriver(spec, SystemClock())
        self.tags = tags
        self.values: dict[str, object] = {}
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> Reader:
        await self.driver.connect()
        self.task = asyncio.create_task(self.driver.serve(self.tags, self._take))
        return self

    def _take(self, batch: Batch) -> None:
        self.values.update(zip(batch.tags, batch.values, strict=True))

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(3.0):
            while not all(self.values.get(name) is not None for name in names):  # noqa: ASYNC110 - a plain dictionary
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.driver.close()


@pytest.mark.parametrize("scheme", ["modbus", "modbus+rtu"])
def test_two_sources_share_the_queue_of_one_gateway(scheme: str) -> None:
    async def go() -> None:
        async with EvilModbus(rtu=scheme == "modbus+rtu") as device:
            readers = [Reader(f"S{unit}", device.port, [word(0, unit), word(300, unit)], scheme) for unit in (1, 2)]
            await asyncio.gather(*(reader.start() for reader in readers))
            for unit, reader in zip((1, 2), readers, strict=True):
                await reader.until(f"u{unit}.r0", f"u{unit}.r300")
            assert device.connections == 1
            await readers[0].end()
            readers[1].values.clear()
            await readers[1].until("u2.r0")  # the other one keeps its line
            assert device.connections == 1
            await (await Reader("S3", device.port, [word(5, 3)], scheme).start()).end()
            assert device.connections == 1
            await readers[1].end()
            again = await Reader("S1", device.port, [word(0, 1)], scheme).start()
            await again.until("u1.r0")
            assert device.connections == 2
            await again.end()

    asyncio.run(go())


def test_a_source_whose_slave_is_dead_leaves_the_line_to_the_other() -> None:
    async def go() -> None:
        async with EvilModbus(rtu=True) as device:
            device.deaf_units = {2}
            alive = await Reader("ALIVE", device.port, [word(0, 1)]).start()
            await alive.until("u1.r0")
            for _ in range(2):
                dead = await Reader("DEAD", device.port, [word(0, 2)]).start()
                assert dead.task is not None
                await asyncio.wait([dead.task], timeout=4.0)
                assert dead.task.done(), "a source that hears nobody gives up"
                await dead.end()
            alive.values.clear()
            await alive.until("u1.r0")
            assert device.connections == 1
            await alive.end()

    asyncio.run(go())


def test_a_connection_that_went_silent_is_not_kept_alive_by_its_users() -> None:
    async def go() -> None:
        async with EvilModbus(rtu=True) as device:
            readers = [await Reader(f"S{unit}", device.port, [word(0, unit)]).start() for unit in (1, 2)]
            for unit, reader in zip((1, 2), readers, strict=True):
                await reader.until(f"u{unit}.r0")
            device.mode = "silent"
            start = asyncio.get_running_loop().time()
            while device.connections == 1:  # each comes back at once, before the other has given up
                assert asyncio.get_running_loop().time() - start < 4.0
                for reader in readers:
                    assert reader.task is not None
                    if reader.task.done():
                        await reader.end()
                        await reader.start()
                await asyncio.sleep(0.02)
            device.mode = "good"
            for reader in readers:
                await reader.end()

    asyncio.run(go())


# -- writing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rtu", [False, True])
@pytest.mark.parametrize("mode", ["good", "no_mask_write"])
def test_one_bit_of_a_register_by_function_22_or_by_hand(rtu: bool, mode: Evil) -> None:
    bit = TagSpec("bit", "PLC", "1/holding/7.4", TagType.BOOL, 0.1)

    async def go() -> None:
        async with EvilModbus(mode, rtu=rtu) as device, Rig(source("modbus_rtu" if rtu else "modbus", device.port), [bit]) as rig:
            await rig.online()
            device.written[7] = 0xA00F
            for value in (True, False, True):
                await rig.acquisition.write(bit, value)
                assert device.written[7] == 0xA00F | (0x10 if value else 0), "the other bits stay as they are"
            masks = [request for request in device.requests if request[1] == 22]
            assert len(masks) == (3 if mode == "good" else 1), "a unit that lacks the function is asked once"

    asyncio.run(go())


def test_mask_write_that_names_another_register_confirms_nothing() -> None:
    bit = TagSpec("bit", "PLC", "1/holding/7.4", TagType.BOOL, 0.1)

    async def go() -> None:
        async with EvilModbus(rtu=True) as device, Rig(source("modbus_rtu", device.port), [bit]) as rig:
            await rig.online()
            device.mode = "wrong_echo"
            with pytest.raises(NotConfirmed):
                await rig.acquisition.write(bit, True)

    asyncio.run(go())
