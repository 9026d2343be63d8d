"""The three ways to host the drivers behave alike; the process survives what kills or hangs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.errors import Invalid, NotConfirmed, NotConnected
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import SourceSpec
from core.station.acquisition_child import Child
from core.station.acquisition_process import ProcessHosting
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, PERIOD_S, Rig, reset, source, tag, tags
from tests.servers.process import ROOT, ServerProcess


@pytest.fixture(scope="module", autouse=True)
def _process() -> Iterator[ServerProcess]:
    started = ServerProcess("modbus").start()
    yield started
    started.kill()


@pytest.fixture
def server(_process: ServerProcess) -> ServerProcess:
    reset("modbus", _process)
    return _process


def child_of(rig: Rig) -> psutil.Process:
    hosting = rig.acquisition._hosting
    assert isinstance(hosting, ProcessHosting)
    assert hosting.pid is not None
    return psutil.Process(hosting.pid)


@pytest.mark.parametrize("mode", ["gui", "thread", "process"])
def test_every_hosting_reads_writes_adds_and_removes(mode: str, server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("modbus", server.port), tags("modbus"), mode, HASTY) as rig:
            await rig.online()
            await rig.acquisition.write(rig.tags["setpoint"], 99.5)
            assert (await rig.acquisition.read([rig.tags["setpoint"]])).values == [99.5]
            with pytest.raises(Invalid) as refusal:
                await rig.acquisition.write(rig.tags["mode"], 70_000)
            assert "70000" in refusal.value.lines("ja").what, "an error keeps its parameters on the way"
            assert [item.address for item in await rig.acquisition.browse("PLC", None)] == ["1"]
            await rig.acquisition.retry("PLC")
            with pytest.raises(Invalid):
                await rig.acquisition.retry("nobody")
            second = SourceSpec("SECOND", "modbus", f"modbus://127.0.0.1:{server.port}")
            extra = tag("modbus", "int32")
            await rig.acquisition.add(second, [type(extra)("second", "SECOND", extra.address, extra.type, 0.2, options=extra.options)])
            await rig.until(lambda: rig.get("second").value == -1234567890)
            with pytest.raises(Invalid):
                await rig.acquisition.add(second, [])
            await rig.acquisition.remove("SECOND")
            before = rig.get("second").received_at
            await asyncio.sleep(0.5)
            assert rig.get("second").received_at == before
            assert {status.source for status in rig.links} == {"PLC", "SECOND"}
        with pytest.raises(NotConnected):
            await rig.acquisition.read([rig.tags["mode"]])

    asyncio.run(go())


def test_killed_process_is_noticed_at_once_and_replaced(server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"the acquisition process is down")

    async def go() -> None:
        async with Rig(source("modbus", server.port), tags("modbus"), "process", HASTY) as rig:
            await rig.online()
            first = child_of(rig)
            first.kill()
            assert await rig.offline(0.5) < 0.5
            assert rig.get("int16").value == -12345
            assert (rig.state, rig.links[-1].error_code) == (LinkState.OFFLINE, "driver.host_lost")
            with pytest.raises(NotConnected):
                await rig.acquisition.write(rig.tags["mode"], 2)
            await rig.online(6.0)
            assert child_of(rig).pid != first.pid
            assert server.tell("get", "mode") == 1

    asyncio.run(go())


def test_without_noticing_its_end_dead_values_look_alive(
    server: ServerProcess, expect_log: ExpectedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant of a drivers' process that dies: nobody is told."""
    expect_log(r"the acquisition process is down")
    ended = ProcessHosting._ended
    unheard: list[tuple[ProcessHosting, Child, int]] = []
    monkeypatch.setattr(ProcessHosting, "_ended", lambda self, child, code: unheard.append((self, child, code)))

    async def go() -> None:
        async with Rig(source("modbus", server.port), tags("modbus", ["int16"]), "process", HASTY) as rig:
            await rig.online()
            child_of(rig).kill()
            await rig.until(lambda: bool(unheard))
            server.tell("set", "int16", 77)
            await asyncio.sleep(5 * PERIOD_S)
            assert (rig.get("int16").value, rig.get("int16").quality, rig.state) == (-12345, Quality.GOOD, LinkState.ONLINE)
            monkeypatch.setattr(ProcessHosting, "_ended", ended)
            ended(*unheard[0])
            await rig.until(lambda: rig.get("int16").value == 77)

    asyncio.run(go())


def test_hung_process_is_ended_and_replaced(server: ServerProcess, expect_log: ExpectedLog, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_log(r"the acquisition process says nothing")
    expect_log(r"the acquisition process is down")
    monkeypatch.setattr("core.station.acquisition_process._SILENT_LOOKS", 3)

    async def go() -> None:
        async with Rig(source("modbus", server.port), tags("modbus"), "process", HASTY) as rig:
            await rig.online()
            first = child_of(rig)
            first.suspend()
            write = asyncio.create_task(rig.acquisition.write(rig.tags["mode"], 9))
            await rig.offline(4.0)
            with pytest.raises(NotConfirmed):
                await write
            await rig.online(6.0)
            assert server.tell("get", "mode") == 1

    asyncio.run(go())


def test_write_to_a_process_that_hung_is_not_sent_late(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.station.acquisition_process._WRITE_WITHIN_S", 0.3)

    async def go() -> None:
        async with Rig(source("modbus", server.port), tags("modbus", ["mode"]), "process", HASTY) as rig:
            await rig.online()
            child = child_of(rig)
            child.suspend()
            write = asyncio.create_task(rig.acquisition.write(rig.tags["mode"], 9))
            await asyncio.sleep(0.6)
            child.resume()
            with pytest.raises(NotConnected):
                await write
            assert server.tell("get", "mode") == 1

    asyncio.run(go())


def test_slow_screen_gets_the_latest_and_bounded_memory(server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("modbus", server.port), tags("modbus", ["int16"]), "process", HASTY) as rig:
            await rig.online()
            for number in range(5):
                server.tell("set", "int16", number)
                time.sleep(0.25)  # noqa: ASYNC251 - the loop is held up on purpose
            before = len(rig.batches)
            await asyncio.sleep(0.05)
            assert rig.get("int16").value == 4
            assert len(rig.batches) > before

    asyncio.run(go())


def host_with(lines: str) -> list[str]:
    """The command of a drivers' process that is changed by these lines before it runs."""
    return [sys.executable, "-P", "-c", f"import sys\nfrom core.drivers import host\n{lines}\nsys.exit(host.main())"]


_DEAF = """
import time
receive = host.wire.receive
def deaf(fd):
    try:
        return receive(fd)
    except EOFError:
        time.sleep(600)
host.wire.receive = deaf
"""
"""Does not hear that whoever started it is gone."""
_HUNGRY = """
serve = host._serve
async def hungry(*words):
    try:
        host.eaten = bytearray(2 << 30)  # asked for and never touched: it costs addresses, no memory
    except MemoryError:
        pass
    await serve(*words)
host._serve = hungry
"""
"""Wants two gigabytes at once, as a decoder does that believes what a broken machine announces."""


_PARENT = """
import asyncio, json, os, sys
from core.live.table import Table
from core.station.acquisition import Acquisition
from tests.drivers.rig import source, tags

async def main():
    acquisition, table = Acquisition(has_screen=True, command=json.loads(sys.argv[2])), Table()
    await acquisition.start([source("modbus", int(sys.argv[1]))], tags("modbus"), table.put, lambda status: None)
    while table.get("int16").value is None:
        await asyncio.sleep(0.01)
    heavy = [name for name in ("asyncua", "pymodbus", "sqlalchemy", "PySide6") if name in sys.modules]
    print(json.dumps({"child": acquisition._hosting.pid, "heavy": heavy}), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_process_ends_with_its_parent_and_keeps_it_light(server: ServerProcess, tmp_path: Path) -> None:
    # Started elsewhere: the process must find the program whatever the current folder is.
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("raise ImportError('not this one')")
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    child, heavy = orphaned(server, tmp_path, environment)
    assert heavy == []
    psutil.wait_procs([child], timeout=3.0)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def orphaned(server: ServerProcess, folder: Path, environment: dict[str, str], own: str | None = None) -> tuple[psutil.Process, list[str]]:
    """A drivers' process whose station was killed, and which heavy libraries that station had loaded."""
    command = [sys.executable, "-P", "-c", _PARENT, str(server.port), json.dumps(own and host_with(own))]
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        said = json.loads(parent.stdout.readline())
        child = psutil.Process(said["child"])
        assert child.is_running()
        parent.send_signal(signal.SIGKILL)
    return child, said["heavy"]


def test_who_does_not_hear_that_its_station_is_gone_lives_on(server: ServerProcess, tmp_path: Path) -> None:
    """The mutant of a screen that dies: what reads the machines goes on for nobody, and holds their few connections."""
    child, _ = orphaned(server, tmp_path, dict(os.environ, PYTHONPATH=str(ROOT)), _DEAF)
    try:
        psutil.wait_procs([child], timeout=3.0)
        assert child.is_running()
        assert child.status() != psutil.STATUS_ZOMBIE
    finally:
        child.kill()


@pytest.mark.parametrize(("memory_bytes", "is_held"), [(700 * 2**20, True), (None, False)], ids=["limited", "without the limit"])
def test_a_process_that_wants_too_much_memory_does_not_get_it(server: ServerProcess, memory_bytes: int | None, is_held: bool) -> None:
    async def go() -> None:
        spec, wanted = source("modbus", server.port), tags("modbus", ["mode"])
        async with Rig(spec, wanted, "process", HASTY, memory_bytes=memory_bytes, command=host_with(_HUNGRY)) as rig:
            await rig.online()
            assert (child_of(rig).memory_info().vms < 2 << 30) is is_held

    asyncio.run(go())


def test_program_that_cannot_be_started(expect_log: ExpectedLog) -> None:
    expect_log(r"the acquisition process cannot be started")
    expect_log(r"the acquisition process is down")

    async def go() -> None:
        async with Rig(source("modbus", 1), tags("modbus", ["mode"]), "process", command=["/nonexistent/genba"]) as rig:
            await rig.offline(2.0)

    asyncio.run(go())


def test_decoder_bomb_costs_one_tag_and_no_memory() -> None:
    """What five bytes announce, two thousand million elements, is neither made nor a reason to end anything."""
    plc = ServerProcess("opcua").start()

    async def go() -> None:
        async with Rig(source("opcua", plc.port), tags("opcua", ["string", "mode"]), "process", memory_bytes=700 * 2**20) as rig:
            await rig.online()
            before = child_of(rig).memory_info().rss
            plc.tell("bomb", 2_000_000_000)
            await rig.until(lambda: rig.get("string").quality is Quality.BAD)
            plc.tell("set", "mode", 8)
            await rig.until(lambda: rig.get("mode").value == 8)
            assert child_of(rig).memory_info().rss < before + 20 * 2**20
            assert rig.links[-1].errors == 0

    try:
        asyncio.run(go())
    finally:
        plc.kill()


@pytest.mark.parametrize("mode", ["gui", "thread", "process"])
def test_runs_on_the_loop_of_the_screen(mode: str, server: ServerProcess, qapp: object) -> None:
    import qasync

    async def go() -> None:
        async with Rig(source("modbus", server.port), tags("modbus"), mode, HASTY) as rig:
            await rig.online()
            await rig.acquisition.write(rig.tags["mode"], 3)
            assert (await rig.acquisition.read([rig.tags["mode"]])).values == [3]

    with qasync.QEventLoop(qapp) as loop:
        loop.run_until_complete(go())


def test_source_that_cannot_be_sent_ends_with_a_log_line_not_in_silence(expect_log: ExpectedLog) -> None:
    expect_log(r"a request cannot be sent")
    expect_log(r"the acquisition process is down")

    async def go() -> None:
        odd = SourceSpec("PLC", "modbus", "modbus://127.0.0.1:1", options={"made of": lambda: None})  # type: ignore[dict-item]
        async with Rig(odd, tags("modbus", ["mode"]), "process") as rig:
            await rig.offline(5.0)

    asyncio.run(go())
