"""Who the machine is: asked after every connect; another one is read, and not written before somebody has looked."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from core.clock import SystemClock
from core.drivers.fleet import Fleet
from core.drivers.patience import Patience
from core.drivers.supervisor import Supervisor
from core.errors import Conflict, NotConnected, Refused
from core.live.link import LinkState, LinkStatus
from core.live.sample import Batch, Quality
from core.live.tags import TagType
from tests.conftest import ExpectedLog
from tests.drivers.test_supervisor import SOURCE, TAGS, Machine, Stage, batch


def test_another_machine_is_read_but_not_written_until_somebody_accepts_it(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    expect_log(r"the machine calls itself urn:press:2, not urn:press:1")

    async def go() -> None:
        machine = Machine(fail_after=0.1)
        async with Stage(machine) as stage:
            await stage.until(lambda: stage.state is LinkState.ONLINE)
            assert (stage.links[-1].identity, stage.links[-1].identity_changed) == ("urn:press:1", False)
            await stage.supervisor.write(TAGS[0], 1)
            machine.identity, machine.fail_after = "urn:press:2", None
            await stage.until(lambda: stage.state is LinkState.ONLINE and stage.links[-1].identity_changed)
            assert stage.batches[-1].values == [1, 2], "reading goes on"
            with pytest.raises(Refused) as refusal:
                await stage.supervisor.write(TAGS[0], 1)
            assert refusal.value.code == "driver.identity_changed"
            for language in ("ja", "en"):
                shown = " ".join(refusal.value.lines(language))  # type: ignore[arg-type]
                assert "urn:press:1" in shown
                assert "urn:press:2" in shown
            with pytest.raises(Conflict):
                stage.supervisor.accept("urn:press:3")
            stage.supervisor.accept("urn:press:2")
            assert stage.links[-1].identity_changed is False
            await stage.supervisor.write(TAGS[0], 1)

    asyncio.run(go())


@pytest.mark.parametrize("found", ["urn:press:2", ""])
def test_the_site_file_says_who_it_must_be(found: str, expect_log: ExpectedLog) -> None:
    expect_log(r"the machine calls itself")

    async def go() -> None:
        online = asyncio.Event()

        def see(link: LinkStatus) -> None:
            if link.state is LinkState.ONLINE:
                online.set()

        machine = Machine(identity=found)
        source = replace(SOURCE, options={"identity": "urn:press:1"})
        supervisor = Supervisor(source, TAGS, machine.driver, lambda _: None, see, SystemClock())
        supervisor.start()
        async with asyncio.timeout(3):
            await online.wait()
        with pytest.raises(Refused):
            await supervisor.write(TAGS[0], 1)
        await supervisor.close()

    asyncio.run(go())


def test_a_machine_that_never_says_who_it_is_is_written(expect_log: ExpectedLog) -> None:
    async def go() -> None:
        async with Stage(Machine(identity="")) as stage:
            await stage.until(lambda: stage.state is LinkState.ONLINE)
            await stage.supervisor.write(TAGS[0], 1)
            assert stage.supervisor.group("a") == "played, a"
        assert stage.supervisor.group("a") == ""

    asyncio.run(go())


def test_a_machine_that_does_not_answer_who_it_is_is_not_connected(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.no_answer")

    async def go() -> None:
        async with Stage(Machine(hang={"identity"})) as stage:
            await stage.until(lambda: stage.state is LinkState.OFFLINE)
            assert LinkState.ONLINE not in stage.states

    asyncio.run(go())


def test_who_it_was_outlives_the_lease(expect_log: ExpectedLog) -> None:
    """Another station reads it for a while; when this one does so again it still knows whom it wrote to."""
    expect_log(r"source A is down: driver.unknown_protocol")

    async def go() -> None:
        fleet = Fleet(lambda _: None, lambda _: None, SystemClock(), Patience(), {"A": "serial 1"})
        fleet.add(replace(SOURCE, code="A", protocol="nobody speaks it"), [])
        assert fleet.supervisor("A").known_identity == "serial 1"
        fleet.supervisor("A").known_identity = "serial 2"
        await fleet.remove("A")
        fleet.add(replace(SOURCE, code="A", protocol="nobody speaks it"), [])
        assert fleet.supervisor("A").known_identity == "serial 2"
        await fleet.close()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("error", "longest"),
    [(NotConnected("driver.link_broken", source="", detail=""), 2.0), (Refused("driver.login_refused", source="", detail=""), 30.0)],
)
@pytest.mark.parametrize("good_before", [True, False])
def test_only_a_refusal_by_policy_is_waited_for_long(
    error: NotConnected | Refused, longest: float, good_before: bool, expect_log: ExpectedLog
) -> None:
    expect_log(r"source PLC is down")
    drawn: list[float] = []

    def draw(low: float, high: float) -> float:
        drawn.append(high)
        return 0.0

    def fail() -> None:
        raise error

    async def go() -> None:
        machine = Machine(fail_after=0.02)
        if not good_before:
            machine.connect = fail
        quick = {"first_s": 0.5, "last_s": 5.0, "known_good_s": 2.0, "refused_s": 30.0}
        async with Stage(machine, jitter=draw, **quick) as stage:  # type: ignore[arg-type]
            if good_before:
                await stage.until(lambda: LinkState.ONLINE in stage.states)
                machine.connect = fail
                drawn.clear()
            await stage.until(lambda: len(drawn) >= 12)
        never_seen = 5.0 if isinstance(error, NotConnected) and not good_before else longest
        assert max(drawn) == never_seen

    asyncio.run(go())


def test_a_host_that_was_good_is_tried_again_soon_although_it_swallows_every_packet(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        machine = Machine(fail_after=0.05)
        async with Stage(machine, connect_s=3.0, known_good_s=0.2, first_s=0.05) as stage:
            await stage.until(lambda: LinkState.ONLINE in stage.states)
            machine.hang = {"connect"}
            await stage.until(lambda: LinkState.OFFLINE in stage.states)
            count = len(machine.made)
            await stage.until(lambda: len(machine.made) >= count + 2, 1.5)
        gaps = [after - before for before, after in zip(machine.attempts[-3:], machine.attempts[-2:], strict=False)]
        assert max(gaps) < 1.0

    asyncio.run(go())


def test_limits_and_doubt_are_the_supervisors_for_every_protocol() -> None:
    tags = [replace(TAGS[0], type=TagType.FLOAT64, valid_high=5.0), replace(TAGS[1], frozen_after_s=0.3)]

    async def go() -> None:
        batches: list[Batch] = []
        machine = Machine(deliver=lambda sink: sink(batch(a=9.0, b=2)))
        supervisor = Supervisor(SOURCE, tags, machine.driver, batches.append, lambda _: None, SystemClock())
        supervisor.start()
        end = time.monotonic() + 60
        while not any("frozen" in each.statuses.values() for each in batches):
            assert time.monotonic() < end, batches
            await asyncio.sleep(0.01)
        await supervisor.close()
        first = batches[0].sample(0)
        assert (first.value, first.quality, first.status) == (None, Quality.BAD, "above_limit")
        assert batches[1].sample(0).value == 2

    asyncio.run(go())
