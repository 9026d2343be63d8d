"""EtherNet/IP: every kind of address, programs that change under a running station, and controllers that lie or hang."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from core.clock import SystemClock
from core.drivers.ethernetip import EtherNetIpDriver
from core.drivers.patience import Patience
from core.errors import GenbaError, Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, reset, source, tag
from tests.servers.evil_logix import Evil, EvilLogix
from tests.servers.points import POINTS
from tests.servers.process import ServerProcess

REAL, DINT, BOOL, TEXT = TagType.FLOAT32, TagType.INT32, TagType.BOOL, TagType.STRING


def spec(address: str, kind: TagType, period_s: float = 0.1, **options: str) -> TagSpec:
    return TagSpec(address, "PLC", address, kind, period_s, options=options)


@pytest.fixture
def shared(_processes: dict[str, ServerProcess]) -> ServerProcess:
    """The controller of the whole run, for tests that leave its program as it is."""
    reset("ethernetip", _processes["ethernetip"])
    return _processes["ethernetip"]


@pytest.fixture
def own() -> Iterator[ServerProcess]:
    """A controller of this test's own, to be programmed."""
    server = ServerProcess("ethernetip").start()
    yield server
    server.kill()


KINDS: dict[str, tuple[TagType, Any]] = {
    "motor.Speed": (REAL, 12.5),
    "motor.Enabled": (BOOL, True),
    "motor.Faulted": (BOOL, False),
    "motor.History[4]": (DINT, -7),
    "motor.Name": (TEXT, "主軸"),
    "motors[2].Speed": (REAL, 2.25),
    "motors[3].Name": (TEXT, "M3"),
    "Program:Washer.Level": (REAL, 0.75),
    "Program:Washer.drive.History[1]": (DINT, 99),
    "grid[2,3]": (TagType.INT16, -300),
    "grid[0,1]": (TagType.INT16, 5),
    "names[59]": (TEXT, "last"),
    "label": (TEXT, "0123456789"),
    "essay": (TEXT, "long " * 1100),
    "MODE": (TagType.UINT16, 1),
}
"""Address → type and value; the last one is written in another case than the controller's, which does not mind."""
BITS = {"status.0": True, "status.5": False, "status.31": True, "flags[0]": False, "flags[37]": True, "flags[127]": True}


def prepared(server: ServerProcess) -> list[TagSpec]:
    for address, (_, value) in KINDS.items():
        server.tell("set", address, value)
    server.tell("set", "status", -(2**31) + 1)
    for word, value in enumerate((0, 1 << 5, 0, 1 << 31)):
        server.tell("set", f"flags[{word}]", value)
    return [spec(address, kind) for address, (kind, _) in KINDS.items()] + [spec(address, BOOL) for address in BITS]


def expected() -> dict[str, Any]:
    return {address: value for address, (_, value) in KINDS.items()} | BITS


@pytest.mark.parametrize("how", ["", "small_connections", "become_micro800"])
def test_every_kind_of_address_is_read(own: ServerProcess, how: str) -> None:
    if how:
        own.tell(how)

    async def go() -> None:
        async with Rig(source("ethernetip", own.port), prepared(own)) as rig:
            await rig.online()
            assert {name: rig.get(name).value for name in rig.tags} == expected()
            again = await rig.acquisition.read(list(rig.tags.values()))
            assert dict(zip(again.tags, again.values, strict=True)) == expected()

    asyncio.run(go())


def test_an_array_is_read_at_once_and_every_packet_is_full(own: ServerProcess) -> None:
    own.tell("fill", "recipe_steps", 2000)
    wanted = [spec(f"recipe_steps[{index}]", REAL, 0.5) for index in range(0, 2000, 2)]

    async def go() -> None:
        async with Rig(source("ethernetip", own.port), wanted) as rig:
            await rig.online()
            assert [rig.get(each.name).value for each in wanted] == [float(index) for index in range(0, 2000, 2)]
            before, batches = own.tell("requests"), len(rig.batches)
            await rig.until(lambda: len(rig.batches) >= batches + 24)
            # Four polls of six packets, and the look at the program each second, instead of 4,000 reads.
            assert own.tell("requests") - before < 60
        driver = EtherNetIpDriver(source("ethernetip", own.port), SystemClock())
        await driver.connect()
        told = asyncio.Event()
        serving = asyncio.create_task(driver.serve(wanted, lambda batch: told.set()))
        await told.wait()
        assert driver.group("recipe_steps[1998]") == "recipe_steps[1600 to 1998], packet of 200 tags, every 0.5 s"
        assert driver.group("recipe_steps[1]") == ""
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await driver.close()

    asyncio.run(go())


def test_writes_go_where_they_should_and_nowhere_else(own: ServerProcess) -> None:
    wanted = {
        "motor.Speed": 99.5, "motor.Faulted": True, "motors[3].Name": "次工程", "Program:Washer.Level": 0.5, "grid[2,3]": 12,
        "label": "abc", "status.5": True, "status.0": False, "flags[37]": False, "flags[38]": True,
    }  # fmt: skip

    async def go() -> None:
        tags = [*prepared(own), spec("flags[38]", BOOL)]
        async with Rig(source("ethernetip", own.port), tags) as rig:
            await rig.online()
            for name, value in wanted.items():
                await rig.acquisition.write(rig.tags[name], value)
                assert (await rig.acquisition.read([rig.tags[name]])).values == [value]
            await rig.until(lambda: {name: rig.get(name).value for name in rig.tags} == {**expected(), **wanted})
            assert own.tell("get", "status") == -(2**31) + 32
            assert own.tell("get", "flags[1]") == 1 << 6

    asyncio.run(go())


def test_what_the_controller_cannot_hold_is_refused_before_sending(own: ServerProcess) -> None:
    tags = [
        TagSpec("narrow", "PLC", "grid[0,0]", DINT, 0.1), TagSpec("rounded", "PLC", "status", TagType.FLOAT64, 0.1),
        TagSpec("small", "PLC", "motor.Speed", TagType.FLOAT64, 0.1), spec("label", TEXT), spec("recipe", TEXT),
        spec("mode", TagType.UINT16),
    ]  # fmt: skip
    impossible = [
        ("narrow", 40000),
        ("rounded", 1.5),
        ("small", 1e39),
        ("label", "01234567890"),
        ("recipe", "x" * 83),
        ("recipe", "語" * 28),
    ]

    async def go() -> None:
        async with Rig(source("ethernetip", own.port), tags) as rig:
            await rig.online()
            for name, value in impossible:
                with pytest.raises(Invalid):
                    await rig.acquisition.write(rig.tags[name], value)
            assert own.tell("get", "label") == ""
            assert own.tell("get", "recipe") == "A-1"
            await rig.acquisition.write(rig.tags["label"], "0123456789")
            await rig.acquisition.write(rig.tags["recipe"], "x" * 82)
            own.tell("protect", "mode")
            with pytest.raises(Refused) as refusal:
                await rig.acquisition.write(rig.tags["mode"], 2)
            assert "PermissionDenied" in refusal.value.lines("en").what
            assert own.tell("get", "mode") == 1

    asyncio.run(go())


def test_types_that_do_not_fit_are_told_by_name(shared: ServerProcess) -> None:
    wrong = {
        "motor": (REAL, "structure instead of float32"),
        "float32": (DINT, "REAL instead of int32"),
        "int32": (BOOL, "DINT instead of bool"),
        "bool": (TagType.INT16, "BOOL instead of int16"),
        "int16.16": (BOOL, "INT bit 16 instead of bool"),
        "pair": (TEXT, "structure instead of string"),
        "motor.Nothing": (REAL, "PathUnknown"),
        "grid[1]": (TagType.INT16, "PathUnknown"),
        "grid[3,0]": (TagType.INT16, "BeyondEnd"),
        "Program:Nobody.Tag": (REAL, "PathUnknown"),
    }

    async def go() -> None:
        tags = [spec(address, kind) for address, (kind, _) in wrong.items()]
        async with Rig(source("ethernetip", shared.port), [*tags, tag("ethernetip", "mode")]) as rig:
            await rig.until(lambda: all(rig.get(name).quality is Quality.CONFIG for name in wrong))
            assert {name: rig.get(name).status for name in wrong} == {name: word for name, (_, word) in wrong.items()}
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            await rig.until(lambda: rig.state is LinkState.DEGRADED)

    asyncio.run(go())


@pytest.mark.parametrize("tells", [True, False])
def test_a_program_download_is_noticed_and_vanished_tags_are_told_by_name(own: ServerProcess, tells: bool) -> None:
    if not tells:
        own.tell("forget_edition")
    kept = ["int16", "float32", "string", "bool", "motor.Speed"]
    kinds = {"int16": TagType.INT16, "float32": REAL, "string": TEXT, "bool": BOOL, "motor.Speed": REAL}

    async def go() -> None:
        tags = [spec(name, kinds[name]) for name in kept]
        tags += [spec("int32", DINT), spec("uint32", TagType.UINT32), spec("mode", TagType.FLOAT32)]
        async with Rig(source("ethernetip", own.port), tags) as rig:
            await rig.online()
            before = {name: rig.get(name).value for name in kept}
            assert "uint32" in {item.address for item in await rig.acquisition.browse("PLC", None)}
            # Read by the old numbers, every one of these would now be another tag's value, and good.
            own.tell("download", ["uint32"], {"int32": "REAL", "mode": "REAL"})
            own.tell("set", "mode", 7.5)
            own.tell("set", "motor.Speed", 1.25)
            await rig.until(lambda: rig.get("uint32").quality is Quality.CONFIG)
            await rig.until(lambda: rig.get("int32").quality is Quality.CONFIG)
            assert (rig.get("uint32").status, rig.get("int32").status) == ("PathUnknown", "REAL instead of int32")
            await rig.until(lambda: rig.get("mode").value == 7.5, 6.0)
            await rig.until(lambda: rig.get("motor.Speed").value == 1.25)
            for batch in rig.batches:
                for name, value, quality in zip(batch.tags, batch.values, batch.qualities, strict=True):
                    if name in before and name != "motor.Speed" and quality.usable:
                        assert value == before[name]
            assert rig.links[-1].reconnects == 0
            if tells:
                assert "uint32" not in {item.address for item in await rig.acquisition.browse("PLC", None)}
            await rig.acquisition.write(rig.tags["mode"], 2.5)
            assert own.tell("get", "mode") == 2.5

    asyncio.run(go())


def test_a_write_right_after_a_download_has_the_new_type(own: ServerProcess) -> None:
    own.tell("forget_edition")

    async def go() -> None:
        slow = TagSpec("mode", "PLC", "mode", REAL, 30.0)
        async with Rig(source("ethernetip", own.port), [slow]) as rig:
            await rig.online()
            own.tell("download", [], {"mode": "REAL"})
            await rig.acquisition.write(slow, 2.5)
            assert own.tell("get", "mode") == 2.5

    asyncio.run(go())


def test_during_a_download_values_are_bad_and_come_back(own: ServerProcess) -> None:
    async def go() -> None:
        tags = [tag("ethernetip", "mode"), spec("motor.Speed", REAL)]
        async with Rig(source("ethernetip", own.port), tags) as rig:
            await rig.online()
            own.tell("downloading", True)
            await rig.until(lambda: all(rig.get(name).status == "ProgramDownload" for name in rig.tags))
            assert rig.get("mode").quality is Quality.BAD, "no engineer has anything to mend"
            with pytest.raises(Refused):
                await rig.acquisition.write(rig.tags["mode"], 2)
            own.tell("downloading", False)
            await rig.online()
            assert not any(Quality.CONFIG in batch.qualities for batch in rig.batches)
            assert own.tell("get", "mode") == 1

    asyncio.run(go())


def test_an_array_that_became_shorter_costs_only_what_is_beyond_its_end(own: ServerProcess) -> None:
    own.tell("fill", "recipe_steps", 100)
    wanted = [spec(f"recipe_steps[{index}]", REAL) for index in range(100)]

    async def go() -> None:
        async with Rig(source("ethernetip", own.port), wanted) as rig:
            await rig.online()
            own.tell("shrink", "recipe_steps", 70)
            gone = [each.name for each in wanted[70:]]
            await rig.until(lambda: all(rig.get(name).quality is Quality.CONFIG for name in gone))
            first = rig.get("recipe_steps[69]").received_at
            await rig.until(lambda: rig.get("recipe_steps[69]").received_at > first)
            assert [rig.get(each.name).value for each in wanted[:70]] == [float(index) for index in range(70)]
            assert all(rig.get(each.name).quality is Quality.GOOD for each in wanted[:70])

    asyncio.run(go())


@pytest.mark.parametrize(
    "mode",
    [
        "short", "long", "twice", "half", "late", "wrong_service", "wrong_sequence", "wrong_session", "wrong_command", "wrong_type",
        "wrong_count", "encapsulation_error", "random",
    ],
)  # fmt: skip
def test_wrong_answers_never_become_values(
    mode: Evil, shared: ServerProcess, expect_log: ExpectedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.drivers.ethernetip._ASK_AGAIN_S", 0.5)
    if mode not in ("short", "long", "wrong_type"):  # in these the frame is sound, and only the values it concerns are not
        expect_log(r"source PLC is down")
    if mode == "random":  # the name of the machine may be among what is spoiled: then it is another machine, and not written
        expect_log(r"source PLC( is down|: the machine calls itself)")
    tags = [tag("ethernetip", name, period_s=0.05) for name in ("int32", "mode", "string", "float32", "bool")]

    async def go() -> None:
        async with EvilLogix(shared.port) as evil:
            async with Rig(source("ethernetip", evil.port, timeout="0.2"), tags, patience=HASTY) as rig:
                await rig.online()
                evil.mode = mode
                await rig.until(lambda: not all(rig.get(name).quality.usable for name in rig.tags))
                await rig.until(lambda: evil.spoiled >= 3)
                evil.mode = "good"
                await rig.online()
            for batch in rig.batches:
                for name, value, quality in zip(batch.tags, batch.values, batch.qualities, strict=True):
                    assert not quality.usable or value == POINTS[name].value

    asyncio.run(go())


def test_a_connection_closed_inside_an_answer_costs_no_processor(shared: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        async with EvilLogix(shared.port) as evil:
            evil.mode = "half"
            spent = time.process_time()
            async with Rig(source("ethernetip", evil.port), [tag("ethernetip", "mode")], patience=Patience(first_s=0.3, last_s=0.3)) as rig:
                await rig.offline(2.0)
                await asyncio.sleep(0.5)
                assert sum(thread.name == "ethernetip PLC" for thread in threading.enumerate()) <= 1
            assert time.process_time() - spent < 0.4

    asyncio.run(go())


def test_a_write_nobody_waits_for_any_more_is_never_sent(shared: ServerProcess, expect_log: ExpectedLog) -> None:
    async def go() -> None:
        async with Rig(source("ethernetip", shared.port, timeout="5"), [tag("ethernetip", "mode")], patience=Patience(write_s=0.3)) as rig:
            await rig.online()
            shared.freeze()
            try:
                await asyncio.sleep(0.3)  # a poll is under way by now, and the write waits behind it
                with pytest.raises(NotConfirmed):
                    await rig.acquisition.write(rig.tags["mode"], 9)
            finally:
                shared.thaw()
            seen = len(rig.batches)
            await rig.until(lambda: len(rig.batches) > seen + 2)
            assert shared.tell("get", "mode") == 1

    asyncio.run(go())


def test_identity_names_the_machine_and_its_program(shared: ServerProcess) -> None:
    async def go() -> None:
        driver = EtherNetIpDriver(source("ethernetip", shared.port), SystemClock())
        assert await driver.identity() == ""
        await driver.connect()
        try:
            identity = await driver.identity()
            assert [part in identity for part in ("Rockwell", "1756-L83E/B", "00c0ffee", "Genba")] == [True] * 4
        finally:
            await driver.close()
            await driver.close()
        with pytest.raises(NotConnected):
            await driver.read([tag("ethernetip", "mode")])
        small = EtherNetIpDriver(source("ethernetip", shared.port, model="micro800"), SystemClock())
        await small.connect()
        assert (await small.identity()).endswith("00c0ffee"), "a Micro800 has no name of its program to tell"
        assert (await small.read([tag("ethernetip", "mode"), tag("ethernetip", "string")])).values == [1, POINTS["string"].value]
        await small.close()

    asyncio.run(go())


def test_a_source_without_tags_is_connected_and_can_be_browsed(shared: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("ethernetip", shared.port), []) as rig:
            await rig.until(lambda: rig.state is LinkState.ONLINE)
            assert "mode" in {item.address for item in await rig.acquisition.browse("PLC", None)}

    asyncio.run(go())


def test_connections_are_given_back_and_the_loop_never_waits(own: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        late = 0.0

        async def beat() -> None:
            nonlocal late
            while True:
                asked = time.monotonic()
                await asyncio.sleep(0.01)
                late = max(late, time.monotonic() - asked - 0.01)

        beating = asyncio.create_task(beat())
        async with Rig(source("ethernetip", own.port), prepared(own)) as rig:
            await rig.online()
            assert own.tell("connections") == 1
        assert own.tell("connections") == 0
        async with Rig(source("ethernetip", own.port), prepared(own)) as rig:
            await rig.online()
            own.freeze()
            await asyncio.sleep(0)
            late = 0.0
            try:
                await rig.offline(4.0)
                began = time.monotonic()
            finally:
                own.thaw()
        assert time.monotonic() - began < 3.0
        beating.cancel()
        assert late < 0.2

    asyncio.run(go())


def test_closing_does_not_wait_for_a_thread_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def hangs(host: str) -> str:
        let_go.wait(10)
        raise OSError("name service")

    monkeypatch.setattr(socket, "gethostbyname", hangs)

    async def go() -> None:
        driver = EtherNetIpDriver(SourceSpec("PLC", "ethernetip", "ethernetip://plc.example"), SystemClock())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await driver.connect()
        began = time.monotonic()
        await driver.close()
        assert time.monotonic() - began < 3.0
        let_go.set()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ethernetip://", {}), ("modbus://127.0.0.1", {}), ("ethernetip://127.0.0.1:99999", {}), ("ethernetip://127.0.0.1/1/2/3", {}),
        ("ethernetip://[::1]", {}), ("ethernetip://127.0.0.1", {"timeout": "never"}), ("ethernetip://127.0.0.1", {"timeout": "0"}),
        ("ethernetip://127.0.0.1", {"model": "plc5"}), ("ethernetip://127.0.0.1/slot", {}),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_is_told(url: str, options: dict[str, str]) -> None:
    async def go() -> None:
        driver = EtherNetIpDriver(SourceSpec("PLC", "ethernetip", url, options=options), SystemClock())
        with pytest.raises(GenbaError) as refusal:
            await driver.connect()
        await driver.close()
        assert refusal.value.code == "driver.bad_url"

    before = psutil.Process().num_fds()
    asyncio.run(go())
    assert psutil.Process().num_fds() == before
