"""The tag list as a tree: what it shows can be pasted into tags.csv and read, and its upload costs no value its time."""

from __future__ import annotations

import asyncio
import time

import pytest

from core.drivers.ethernetip_browse import LogixTree
from core.errors import GenbaError, Invalid
from core.live.link import BrowseItem
from core.live.tags import TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import Rig, source, tag
from tests.servers.evil_logix import EvilLogix
from tests.servers.process import ServerProcess

TYPES = {
    "BOOL": TagType.BOOL, "INT": TagType.INT16, "UINT": TagType.UINT16, "DINT": TagType.INT32, "UDINT": TagType.UINT32,
    "LINT": TagType.INT64, "ULINT": TagType.UINT64, "REAL": TagType.FLOAT32, "LREAL": TagType.FLOAT64, "STRING": TagType.STRING,
}  # fmt: skip


@pytest.fixture
def server(_processes: dict[str, ServerProcess]) -> ServerProcess:
    """The controller of the whole run."""
    return _processes["ethernetip"]


async def below(rig: Rig, address: str | None) -> dict[str, BrowseItem]:
    return {item.name: item for item in await rig.acquisition.browse("PLC", address)}


def test_the_tree_leads_to_every_value(server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("ethernetip", server.port), [tag("ethernetip", "mode")]) as rig:
            await rig.online()
            roots = await below(rig, None)
            assert roots["Washer"] == BrowseItem("Program:Washer", "Washer", True)
            assert roots["mode"] == BrowseItem("mode", "mode", False, "UINT", True)
            assert roots["grid"] == BrowseItem("grid", "grid", True, "INT[3,4]", True)
            assert roots["flags"].type == "BOOL[128]"
            assert (roots["string"].type, roots["string"].has_children) == ("STRING", False)
            assert await below(rig, "Program:Washer") == {
                "Level": BrowseItem("Program:Washer.Level", "Level", False, "REAL", True),
                "drive": BrowseItem("Program:Washer.drive", "drive", True, "Motor", True),
            }
            members = await below(rig, "motors[3]")
            assert {name: item.type for name, item in members.items()} == {
                "Enabled": "BOOL", "Faulted": "BOOL", "Speed": "REAL", "History": "DINT[5]", "Name": "STRING"
            }  # fmt: skip
            assert list(await below(rig, "motors[3].History")) == [f"[{index}]" for index in range(5)]
            assert list(await below(rig, "grid"))[-1] == "[2,3]"
            assert await below(rig, "mode") == {}
            for nonsense in ("nobody", "motor.Nobody", "no[tag", "status.3", "Program:Nobody"):
                with pytest.raises(Invalid):
                    await rig.acquisition.browse("PLC", nonsense)

    asyncio.run(go())


def test_what_is_browsed_can_be_read(server: ServerProcess) -> None:
    async def go() -> None:
        async with Rig(source("ethernetip", server.port), [tag("ethernetip", "mode")]) as rig:
            await rig.online()
            found: list[BrowseItem] = []
            todo: list[str | None] = [None]
            while todo:
                items = await rig.acquisition.browse("PLC", todo.pop())
                found += [item for item in items if not item.has_children]
                todo += [item.address for item in items if item.has_children and item.name != "recipe_steps"]
            assert len(found) > 250
            read = await rig.acquisition.read([TagSpec(item.address, "PLC", item.address, TYPES[item.type]) for item in found])
            assert read.statuses == {}
            assert set(read.tags) == {item.address for item in found}

    asyncio.run(go())


def test_an_upload_without_end_costs_no_value_its_time(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.drivers.ethernetip_link._UPLOAD_S", 0.6)

    async def go() -> None:
        async with EvilLogix(server.port) as evil, Rig(source("ethernetip", evil.port), [tag("ethernetip", "mode", period_s=0.1)]) as rig:
            await rig.online()
            evil.mode = "endless_list"
            browsing = asyncio.create_task(rig.acquisition.browse("PLC", None))
            seen = set()
            while not browsing.done():
                await asyncio.sleep(0.01)
                seen.add(rig.get("mode").received_at)
            with pytest.raises(GenbaError) as refusal:
                await browsing
            assert "took too long" in str(refusal.value.params["detail"])
            assert len(seen) > 2
            evil.mode = "good"
            assert "mode" in await below(rig, None)

    asyncio.run(go())


def test_closing_in_the_middle_of_an_upload_leaves_nothing(server: ServerProcess, expect_log: ExpectedLog) -> None:
    async def go() -> None:
        async with EvilLogix(server.port) as evil:
            async with Rig(source("ethernetip", evil.port), [tag("ethernetip", "mode")]) as rig:
                await rig.online()
                evil.mode = "endless_list"
                browsing = asyncio.create_task(rig.acquisition.browse("PLC", None))
                await rig.until(lambda: evil.spoiled > 2)
                began = time.monotonic()
            assert time.monotonic() - began < 3.0
            with pytest.raises((GenbaError, asyncio.CancelledError)):
                await browsing

    asyncio.run(go())


def test_names_that_are_no_addresses_are_not_shown() -> None:
    def info(**more: object) -> dict[str, object]:
        return {"dim": 0, "dimensions": [0, 0, 0], "data_type": "DINT", "data_type_name": "DINT", "external_access": "Read Only"} | more

    tree = LogixTree({"good": info(), "bad name": info(), "wrong;": info(), "big": info(dim=1, dimensions=[10**9, 0, 0])}, [])
    assert [item.address for item in tree.children(None)] == ["big", "good"]
    assert not tree.children(None)[1].writable
    assert len(tree.children("big")) == 2000
