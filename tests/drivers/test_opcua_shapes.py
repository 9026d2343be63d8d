"""OPC UA beyond plain variables: members of structures, elements of arrays, methods as commands, and what browsing shows of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drivers.engineering import Undecodable
from core.drivers.opcua_address import Place, parsed, written
from core.errors import Invalid, NotConfirmed, Refused
from core.live.link import LinkState
from core.live.sample import Quality
from core.live.tags import TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, source, tag
from tests.faults.proxy import FaultProxy
from tests.servers.points import NAMESPACE
from tests.servers.process import ServerProcess


def at(name: str, kind: TagType, place: str, options: Mapping[str, str] | None = None) -> TagSpec:
    return TagSpec(name, "PLC", f"nsu={NAMESPACE};s={place}", kind, 0.2, options=options or {})


MEMBERS = {
    "Robot.Pose#At.X": (TagType.FLOAT64, 1.5),
    "Robot.Pose#Name": (TagType.STRING, "home"),
    "Robot.Pose#Gear": (TagType.INT32, 2),
    "Robot.Pose#Loads[1]": (TagType.INT16, 7),
    "Robot.Pose#.call": (TagType.BOOL, True),
    "Robot.Axes#[0].Torque": (TagType.FLOAT64, 0.5),
    "Robot.Axes#[2].Position": (TagType.FLOAT32, 2.0),
    "Robot.Axes#[1].Corners[1].Z": (TagType.FLOAT64, 3.0),
    "Robot.Either#Text": (TagType.STRING, "text"),
    "Robot.Range#High": (TagType.FLOAT64, 5.0),
    "Row#3": (TagType.FLOAT64, 4.0),
    "Grid#[1,2]": (TagType.INT32, 6),
    "Grid#[0][1]": (TagType.INT32, 2),
    "Odd##1": (TagType.FLOAT64, 7.0),
}


def shapes(server: ServerProcess) -> None:
    server.tell("move", 1.5)
    server.tell("row", [1.0, 2.0, 3.0, 4.0])
    server.tell("choose", 2, "text")
    server.tell("slow", 0.0)


def member(place: str) -> TagSpec:
    return at(place, MEMBERS[place][0], place)


def test_members_and_elements_are_read_and_followed(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [member(place) for place in MEMBERS]) as rig:
            await rig.online()
            assert {place: rig.get(place).value for place in MEMBERS} == {place: value for place, (_, value) in MEMBERS.items()}
            assert rig.get("Row#3").source_at is not None
            opcua_server.tell("move", -8.25)
            opcua_server.tell("row", [9.0, 8.0, 7.0, 6.5])
            await rig.until(lambda: (rig.get("Robot.Pose#At.X").value, rig.get("Row#3").value) == (-8.25, 6.5))
            again = await rig.acquisition.read([rig.tags["Robot.Pose#At.X"], rig.tags["Row#3"], rig.tags["Odd##1"]])
            assert again.values == [-8.25, 6.5, 7.0]

    asyncio.run(go())


def test_tags_in_one_node_are_monitored_once(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)
    from core.clock import SystemClock
    from core.drivers.opcua import OpcUaDriver

    tags = [member(place) for place in MEMBERS if place.startswith("Robot.Pose")]

    async def go() -> None:
        arrived = asyncio.Event()
        driver = OpcUaDriver(source("opcua", opcua_server.port), None, SystemClock(), Path("/nonexistent"))
        await driver.connect()
        serving = asyncio.create_task(driver.serve(tags, lambda batch: arrived.set() if batch.tags else None))
        await arrived.wait()
        assert [len(feed.points) for feed in driver._feeds._feeds] == [1]
        assert driver.group("Robot.Pose#Name") == f"subscription every 0.2 s, with {len(tags) - 1} more in the same node"
        assert driver.group("nobody") == ""
        assert await driver.identity() == "urn:genba:test:server"
        serving.cancel()
        await asyncio.wait([serving])
        await driver.close()

    asyncio.run(go())


def test_what_is_not_there_says_why(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)
    wrong = {
        "Robot.Pose#Q": "no member Q",
        "Robot.Pose#At.X.Y": "no member Y",
        "Robot.Pose#At": "dict instead of float64",
        "Robot.Pose": "ExtensionObject instead of float64",
        "Row#4": "index 4 outside 4",
        "Row": "list instead of float64",
        "Row#X": "no member X",
        "Odd##1#0": "no array",
        "Robot.Either#Number": "no member Number",
        "Robot.Axes#[1].Torque": "NoneType instead of float64",
    }
    bad = {"Row#[": "bad address", "Row#": "bad address", "#": "bad address", "Row#a#b": "bad address"}

    async def go() -> None:
        tags = [at(place, TagType.FLOAT64, place) for place in (*wrong, *bad)] + [tag("opcua", "mode")]
        async with Rig(source("opcua", opcua_server.port), tags) as rig:
            await rig.until(lambda: all(rig.get(name).quality is not Quality.NEVER for name in rig.tags))
            assert {name: rig.get(name).status for name in wrong} == wrong
            assert {rig.get(name).quality for name in wrong} == {Quality.BAD}
            assert {name: (rig.get(name).status, rig.get(name).quality) for name in bad} == {
                name: (word, Quality.CONFIG) for name, word in bad.items()
            }
            assert rig.get("mode").quality is Quality.GOOD
            opcua_server.tell("row", [1.0])
            opcua_server.tell("choose", 1, 44)
            await rig.until(lambda: rig.get("Robot.Either#Number").value == 44.0 or rig.get("Robot.Either#Number").quality is Quality.GOOD)

    asyncio.run(go())


def test_structure_that_no_longer_fits_its_definition_is_bad_and_not_a_number(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [member("Robot.Pose#At.X"), tag("opcua", "mode")]) as rig:
            await rig.online()
            opcua_server.tell("misfit")
            await rig.until(lambda: rig.get("Robot.Pose#At.X").quality is Quality.BAD)
            assert rig.get("Robot.Pose#At.X").status == "structure does not fit its definition"
            assert rig.get("mode").quality is Quality.GOOD
            opcua_server.tell("move", 3.0)
            await rig.until(lambda: rig.get("Robot.Pose#At.X").value == 3.0)
            assert rig.state is LinkState.ONLINE

    asyncio.run(go())


def test_members_are_never_written(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [member("Row#3"), member("Robot.Pose#At.X"), member("Odd##1")]) as rig:
            await rig.online()
            for name in ("Row#3", "Robot.Pose#At.X"):
                with pytest.raises(Refused) as refusal:
                    await rig.acquisition.write(rig.tags[name], 2.0)
                assert refusal.value.code == "driver.member_read_only"
            with pytest.raises(Refused):
                await rig.acquisition.write(rig.tags["Odd##1"], 2.0)  # its server says no: it is not writable

    asyncio.run(go())


# -- methods ---------------------------------------------------------------------------------------------------------

START = at("start", TagType.BOOL, "Robot.Start#call")
SPEED = at("speed", TagType.FLOAT64, "Robot.Speed#call")


def test_methods_are_called_with_the_value(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)
    named = at("named", TagType.BOOL, "Shared", {"call": f"nsu={NAMESPACE};s=Other"})
    begin = len(opcua_server.tell("called"))

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [START, SPEED, named, tag("opcua", "mode")]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            assert (rig.get("start").quality, rig.get("start").status) == (Quality.NEVER, "not called yet")
            await rig.acquisition.write(START, True)
            await rig.acquisition.write(SPEED, 12.5)
            await rig.acquisition.write(named, True)
            assert opcua_server.tell("called")[begin:] == ["start", 12.5, "start"]
            read = await rig.acquisition.read([SPEED, START])
            assert dict(zip(read.tags, zip(read.values, read.qualities, strict=True), strict=True)) == {
                "speed": (12.5, Quality.GOOD),
                "start": (True, Quality.GOOD),
            }

    asyncio.run(go())


def test_calls_that_are_refused_say_why_and_leave_no_trace(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)
    begin = len(opcua_server.tell("called"))
    both = at("both", TagType.FLOAT64, "Robot.Both#call")
    unclear = at("unclear", TagType.BOOL, "Shared#call")

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [START, SPEED, both, unclear, tag("opcua", "mode")]) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            await rig.acquisition.write(SPEED, 1.0)
            with pytest.raises(Refused) as refusal:
                await rig.acquisition.write(SPEED, 101.0)
            assert refusal.value.params["detail"].startswith("BadOutOfRange")
            assert (await rig.acquisition.read([SPEED])).values == [None], "an earlier call never stands for a later one"
            for tag_, value, code in (
                (START, False, "driver.write_type"),
                (SPEED, 1e300, "driver.write_type"),
                (both, 1.0, "driver.method_unclear"),
                (unclear, True, "driver.method_unclear"),
            ):
                with pytest.raises(Invalid) as invalid:
                    await rig.acquisition.write(tag_, value)
                assert invalid.value.code == code
            assert opcua_server.tell("called")[begin:] == [1.0]

    asyncio.run(go())


def test_call_without_an_answer_is_not_confirmed(opcua_server: ServerProcess, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    shapes(opcua_server)
    opcua_server.tell("slow", 0.5)

    async def go() -> None:
        tags = [START, tag("opcua", "mode")]
        async with FaultProxy(opcua_server.port) as proxy, Rig(source("opcua", proxy.port), tags, patience=HASTY) as rig:
            await rig.until(lambda: rig.get("mode").quality is Quality.GOOD)
            call = asyncio.create_task(rig.acquisition.write(START, True))
            await asyncio.sleep(0.2)
            proxy.reset_all()
            with pytest.raises(NotConfirmed):
                await call
            await rig.until(lambda: rig.get("start").quality is Quality.NEVER, 4.0)

    try:
        asyncio.run(go())
    finally:
        opcua_server.tell("slow", 0.0)


def test_a_variable_is_no_method(opcua_server: ServerProcess) -> None:
    async def go() -> None:
        tags = [at("mode", TagType.BOOL, "mode#call"), at("gone", TagType.BOOL, "gone#call")]
        async with Rig(source("opcua", opcua_server.port), tags) as rig:
            await rig.until(lambda: all(rig.get(name).quality is Quality.CONFIG for name in rig.tags))
            assert (rig.get("mode").status, rig.get("gone").status) == ("no method", "BadNodeIdUnknown")

    asyncio.run(go())


def test_browsing_shows_what_can_be_a_tag(opcua_server: ServerProcess) -> None:
    shapes(opcua_server)

    async def go() -> None:
        async with Rig(source("opcua", opcua_server.port), [tag("opcua", "mode")]) as rig:
            await rig.online()
            browse = rig.acquisition.browse
            roots = {item.name: item for item in await browse("PLC", None)}
            robot = {item.name: item for item in await browse("PLC", roots["Robot"].address)}
            odd = robot["Odd#1"]
            assert (odd.address, odd.type, odd.has_children) == (f"nsu={NAMESPACE};s=Odd##1", "Double", False)
            assert (robot["Start"].address, robot["Start"].type, robot["Start"].writable) == (START.address, "Method", True)
            assert (robot["Pose"].type, robot["Pose"].has_children, robot["Pose"].writable) == ("Pose", True, False)
            assert robot["Axes"].type == "Axis[]"
            pose = {item.name: item for item in await browse("PLC", robot["Pose"].address)}
            assert list(pose) == ["Name", "At", "Gear", "Loads", "call"]
            assert pose["call"].address.endswith("#.call")
            inside = {item.name: item for item in await browse("PLC", pose["At"].address)}
            assert inside["X"].address == f"nsu={NAMESPACE};s=Robot.Pose#At.X"
            corners = await browse("PLC", f"{robot['Axes'].address}#[1].Corners")
            assert [item.name for item in corners] == ["[0]", "[1]"]
            assert await browse("PLC", f"{robot['Axes'].address}#[9]") == []

    asyncio.run(go())


# -- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("i=1", Place("i=1")),
        ("s=a##b", Place("s=a#b")),
        ("s=a###X", Place("s=a#", ("X",))),
        ("s=a#3", Place("s=a", (3,))),
        ("s=a#Axis[2].Position", Place("s=a", ("Axis", 2, "Position"))),
        ("s=a#[1,2]", Place("s=a", (1, 2))),
        ("s=a#call", Place("s=a", (), True)),
        ("s=a#.call", Place("s=a", ("call",))),
    ],
)
def test_addresses(address: str, place: Place) -> None:
    assert parsed(address) == place


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(lambda text: text.strip() == text),
    st.lists(st.one_of(st.integers(0, 9_999_999), st.text("aXé漢_ -%3", min_size=1, max_size=6)), max_size=5),
)
def test_every_member_can_be_written_and_found_again(identifier: str, path: list[str | int]) -> None:
    path = [step.strip() or "x" if isinstance(step, str) else step for step in path]
    node = f"nsu=urn:x;s={identifier}"
    assert parsed(written(node, tuple(path))) == Place(node, tuple(path))


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_is_refused(text: str) -> None:
    try:
        place = parsed(text)
    except Undecodable:
        return
    assert place.node
