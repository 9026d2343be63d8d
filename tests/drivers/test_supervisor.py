"""What holds for every protocol: pauses, marks, counters, log lines. The machine is played, the supervisor is real."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from core.clock import SystemClock
from core.drivers.base import NO_ANSWER, Sink
from core.drivers.patience import Patience
from core.drivers.supervisor import Supervisor
from core.errors import GenbaError, NotConfirmed, NotConnected, Refused
from core.live.link import BrowseItem, LinkState, LinkStatus
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec, TagType
from tests.conftest import ExpectedLog

SOURCE = SourceSpec("PLC", "played", "")
TAGS = [TagSpec("a", "PLC", "", TagType.INT16, 0.1), TagSpec("b", "PLC", "", TagType.INT16, 0.1)]


def batch(**values: Value) -> Batch:
    made = Batch("PLC", time.time())
    for name, value in values.items():
        made.add(name, value)
    return made


@dataclass
class Machine:
    """The script of a source: what each connection does."""

    connect: Callable[[], object] = lambda: None
    fail_after: float | None = None
    deliver: Callable[[Sink], None] = lambda sink: sink(batch(a=1, b=2))
    hang: set[str] = field(default_factory=set)
    identity: str = "urn:press:1"
    made: list[Played] = field(default_factory=list)
    attempts: list[float] = field(default_factory=list)

    def driver(self) -> Played:
        driver = Played(self)
        self.made.append(driver)
        self.attempts.append(time.monotonic())
        return driver


class Played:
    """A driver that follows the machine's script."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.closed = False

    async def _maybe_hang(self, step: str) -> None:
        if step in self.machine.hang:
            await asyncio.sleep(60)

    async def connect(self) -> None:
        await self._maybe_hang("connect")
        self.machine.connect()

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        self.machine.deliver(sink)
        if "cancel" in self.machine.hang:
            with contextlib.suppress(asyncio.CancelledError):  # as asyncio.wait_for does when its result comes at that moment
                await asyncio.sleep(60)
        await asyncio.sleep(60 if self.machine.fail_after is None else self.machine.fail_after)
        raise NotConnected("driver.link_broken", source="PLC", detail="played")

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        await self._maybe_hang("read")
        return batch(a=1)

    async def write(self, tag: TagSpec, value: Value) -> None:
        await self._maybe_hang("write")

    async def browse(self, address: str | None) -> list[BrowseItem]:
        return []

    async def identity(self) -> str:
        await self._maybe_hang("identity")
        return self.machine.identity

    def group(self, tag: str) -> str:
        return f"played, {tag}"

    async def close(self) -> None:
        await self._maybe_hang("close")
        self.closed = True


class HurriedClock(SystemClock):
    """Durations ten times as long as they are."""

    def monotonic(self) -> float:
        return 10 * super().monotonic()


class Stage:
    """A supervisor on a played machine, with everything it says."""

    def __init__(self, machine: Machine, clock: SystemClock | None = None, **patience: float) -> None:
        self.machine = machine
        self.batches: list[Batch] = []
        self.links: list[LinkStatus] = []
        quick = {"connect_s": 0.2, "request_s": 0.2, "write_s": 0.2, "close_s": 0.2, "first_s": 0.05, "last_s": 0.4, "known_good_s": 0.1}
        self.supervisor = Supervisor(
            SOURCE, TAGS, machine.driver, self.batches.append, self.links.append, clock or SystemClock(), Patience(**(quick | patience))
        )

    async def __aenter__(self) -> Stage:
        self.supervisor.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.supervisor.close()

    @property
    def states(self) -> list[LinkState]:
        states = [status.state for status in self.links]
        return [state for index, state in enumerate(states) if index == 0 or states[index - 1] is not state]

    @property
    def state(self) -> LinkState:
        return self.states[-1] if self.links else LinkState.STOPPED

    @property
    def latency_ms(self) -> float | None:
        return self.links[-1].latency_ms if self.links else None

    async def until(self, what: Callable[[], bool], seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, (self.links[-3:], self.batches[-3:])
            await asyncio.sleep(0.005)


def refuse() -> None:
    raise NotConnected("driver.link_broken", source="PLC", detail="no")


def test_one_line_down_one_line_up(caplog: pytest.LogCaptureFixture, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.link_broken no")
    caplog.set_level(logging.INFO, "core.drivers.supervisor")

    async def go() -> None:
        machine = Machine(connect=refuse)
        async with Stage(machine) as stage:
            await stage.until(lambda: len(machine.made) >= 4)
            machine.connect = lambda: None
            await stage.until(lambda: stage.state is LinkState.ONLINE)
            assert stage.states == [LinkState.CONNECTING, LinkState.OFFLINE, LinkState.ONLINE]
            assert stage.links[-1].errors >= 4
            assert stage.links[-1].error_code == ""
        assert all(driver.closed for driver in machine.made)
        assert stage.state is LinkState.STOPPED

    asyncio.run(go())
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    assert lines[1].startswith("source PLC is up again after")


def test_a_source_that_comes_and_goes_does_not_fill_the_log(caplog: pytest.LogCaptureFixture, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.link_broken played")
    expect_log(r"source PLC is down again and again")
    caplog.set_level(logging.INFO, "core.drivers.supervisor")

    async def go() -> None:
        machine = Machine(fail_after=0.01)
        async with Stage(machine, steady_s=0.3) as stage:
            await stage.until(lambda: len(machine.made) >= 12, 5.0)
            machine.fail_after = None
            await stage.until(lambda: caplog.records[-1].getMessage() == "source PLC holds again")
            assert stage.links[-1].reconnects >= 8, "the connections view counts on"

    asyncio.run(go())
    lines = [record.getMessage().partition(" PLC ")[2] for record in caplog.records]
    assert [line.partition(":")[0].partition(" after")[0] for line in lines] == [
        "is connected", "is down", "is up again", "is down", "is up again", "is down again and again", "holds again",
    ]  # fmt: skip


def test_pause_grows_to_its_ceiling_and_is_short_for_a_known_good_host(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return 0.0

    async def go() -> None:
        machine = Machine(connect=refuse)
        async with Stage(machine, first_s=0.5, last_s=10.0, known_good_s=2.0, jitter=draw) as stage:  # type: ignore[arg-type]
            await stage.until(lambda: len(drawn) >= 7)
            assert [high for _, high in drawn[:7]] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
            assert {low for low, _ in drawn} == {0.1}
            machine.connect = lambda: None
            machine.fail_after = 0.01
            await stage.until(lambda: LinkState.ONLINE in stage.states)
            drawn.clear()
            await stage.until(lambda: len(drawn) >= 5)
            assert max(high for _, high in drawn) == 2.0

    asyncio.run(go())


def test_retry_skips_the_pause(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        machine = Machine(connect=refuse)
        async with Stage(machine, first_s=30.0, last_s=30.0) as stage:
            await stage.until(lambda: LinkState.OFFLINE in stage.states)
            for count in (2, 3):
                stage.supervisor.retry()
                await stage.until(lambda count=count: len(machine.made) == count)

    asyncio.run(go())


@pytest.mark.parametrize("step", ["connect", "close"])
def test_a_step_that_hangs_has_a_deadline(step: str, expect_log: ExpectedLog) -> None:
    expect_log(r"closing took longer" if step == "close" else r"source PLC is down: driver.no_answer")
    if step == "close":
        expect_log(r"source PLC is down")

    async def go() -> None:
        machine = Machine(hang={step}, fail_after=0.01)
        async with Stage(machine) as stage:
            await stage.until(lambda: len(machine.made) >= 3)
            start = time.monotonic()
        assert time.monotonic() - start < 1.0

    asyncio.run(go())


def test_a_cancellation_that_gets_lost_is_repeated() -> None:
    async def go() -> None:
        async with Stage(Machine(hang={"cancel"})) as stage:
            await stage.until(lambda: stage.state is LinkState.ONLINE)
            start = time.monotonic()
        assert time.monotonic() - start < 1.0

    asyncio.run(go())


def test_a_driver_that_says_nothing_after_connecting_is_replaced(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.no_answer nothing within 0.3 s")

    async def go() -> None:
        machine = Machine(deliver=lambda sink: None)
        async with Stage(machine, first_word_s=0.3) as stage:
            await stage.until(lambda: len(machine.made) >= 2)
            machine.deliver = lambda sink: sink(batch(a=1, b=2))
            await stage.until(lambda: stage.state is LinkState.ONLINE)
            made = len(machine.made)
            await asyncio.sleep(0.5)
            assert (len(machine.made), stage.state) == (made, LinkState.ONLINE), "whoever has spoken may be silent as long as he likes"

    asyncio.run(go())


def test_a_fault_that_comes_back_is_told_once(caplog: pytest.LogCaptureFixture, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC: the driver failed")
    expect_log(r"source PLC is down")

    def deliver(sink: Sink) -> None:
        sink(batch(a=1, b=2))
        raise KeyError("a bug after the first sample")

    async def go() -> None:
        machine = Machine(deliver=deliver)
        async with Stage(machine) as stage:
            await stage.until(lambda: len(machine.made) >= 4)
            assert LinkState.ONLINE in stage.states

    asyncio.run(go())
    assert [record.exc_info is not None for record in caplog.records if "the driver failed" in record.getMessage()] == [True]


def test_fault_in_a_driver_is_one_lost_link(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC: the driver failed")
    expect_log(r"source PLC is down")

    def fault() -> None:
        raise KeyError("a bug")

    async def go() -> None:
        machine = Machine(connect=fault)
        async with Stage(machine) as stage:
            await stage.until(lambda: len(machine.made) >= 3)
            machine.connect = lambda: None
            await stage.until(lambda: stage.state is LinkState.ONLINE)

    asyncio.run(go())


def test_cancellation_inside_a_library_does_not_end_the_supervisor(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.link_broken request cancelled")

    def cancelled() -> None:
        raise asyncio.CancelledError

    async def go() -> None:
        machine = Machine(connect=cancelled)
        async with Stage(machine) as stage:
            await stage.until(lambda: len(machine.made) >= 3)

    asyncio.run(go())


def test_loss_is_marked_once_in_one_batch(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        machine = Machine(fail_after=0.05)
        async with Stage(machine) as stage:
            await stage.until(lambda: LinkState.OFFLINE in stage.states)
            machine.connect = refuse
            await stage.until(lambda: len(machine.made) >= 5)
            offline = [each for each in stage.batches if Quality.OFFLINE in each.qualities]
            assert len(offline) <= 1 + stage.links[-1].reconnects
            assert (offline[0].tags, offline[0].values, set(offline[0].qualities)) == (["a", "b"], [None, None], {Quality.OFFLINE})
            assert offline[0].statuses == {0: "driver.link_broken", 1: "driver.link_broken"}

    asyncio.run(go())


def test_silent_tags_become_stale_and_the_link_degraded() -> None:
    async def go() -> None:
        async with Stage(Machine(), HurriedClock()) as stage:
            await stage.until(lambda: any(Quality.STALE in each.qualities for each in stage.batches))
            assert stage.states == [LinkState.CONNECTING, LinkState.ONLINE, LinkState.DEGRADED]

    asyncio.run(go())


def test_what_does_not_come_back_after_a_loss_is_stale_and_not_offline(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")

    async def go() -> None:
        machine = Machine(fail_after=0.02)
        async with Stage(machine, HurriedClock()) as stage:
            await stage.until(lambda: any(Quality.OFFLINE in each.qualities for each in stage.batches))
            machine.fail_after, machine.deliver = None, lambda sink: sink(batch(a=1))
            await stage.until(lambda: any("b" in each.tags and Quality.STALE in each.qualities for each in stage.batches))
            assert stage.state is LinkState.DEGRADED

    asyncio.run(go())


@pytest.mark.parametrize(("quality", "status"), [(Quality.CONFIG, "BadNodeIdUnknown"), (Quality.BAD, NO_ANSWER)])
def test_some_tags_in_trouble_degrade_the_link(quality: Quality, status: str) -> None:
    def deliver(sink: Sink) -> None:
        made = batch(a=1)
        made.add("b", None, quality, status=status)
        sink(made)
        asyncio.get_running_loop().call_later(0.2, sink, batch(b=2))

    async def go() -> None:
        async with Stage(Machine(deliver=deliver)) as stage:
            await stage.until(lambda: stage.state is LinkState.ONLINE)
            assert stage.states == [LinkState.CONNECTING, LinkState.DEGRADED, LinkState.ONLINE]

    asyncio.run(go())


def test_requests_need_a_link_and_have_deadlines() -> None:
    async def go() -> None:
        machine = Machine(hang={"connect"})
        async with Stage(machine, connect_s=5.0) as stage:
            for request in (stage.supervisor.write(TAGS[0], 1), stage.supervisor.read(TAGS), stage.supervisor.browse(None)):
                with pytest.raises(NotConnected):
                    await request
        machine = Machine()
        async with Stage(machine) as stage:
            await stage.until(lambda: stage.state is LinkState.ONLINE)
            await stage.supervisor.write(TAGS[0], 1)
            machine.hang = {"write", "read"}
            with pytest.raises(NotConfirmed):
                await stage.supervisor.write(TAGS[0], 1)
            with pytest.raises(NotConnected):
                await stage.supervisor.read(TAGS)

    asyncio.run(go())


def test_login_refusal_is_told_as_such(expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.login_refused")

    def no_login() -> None:
        raise Refused("driver.login_refused", source="PLC", detail="BadIdentityTokenRejected")

    async def go() -> None:
        async with Stage(Machine(connect=no_login)) as stage:
            await stage.until(lambda: stage.state is LinkState.OFFLINE)
            assert (stage.links[-1].error_code, stage.links[-1].error_detail) == ("driver.login_refused", "BadIdentityTokenRejected")

    asyncio.run(go())


def test_a_reason_that_changes_while_it_is_down_is_told(expect_log: ExpectedLog) -> None:
    """First without power, then with a certificate that nobody knows: what to do is another thing by now."""
    expect_log(r"source PLC is down: driver.link_broken")

    async def go() -> None:
        async with Stage(Machine(connect=refuse)) as stage:
            await stage.until(lambda: stage.state is LinkState.OFFLINE)

            def unknown() -> None:
                raise Refused("driver.certificate_unknown", source="PLC", detail="A1B2")

            stage.machine.connect = unknown
            await stage.until(lambda: (stage.links[-1].error_code, stage.links[-1].error_detail) == ("driver.certificate_unknown", "A1B2"))
            assert stage.states[-1] is LinkState.OFFLINE

    asyncio.run(go())


def test_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.drivers.counters._INITIAL_S", 0.2)

    def deliver(sink: Sink) -> None:
        loop = asyncio.get_running_loop()

        def once(turn: int) -> None:
            made = Batch("PLC", time.time())
            for name in ("a", "b"):
                made.add(name, turn, Quality.GOOD, made.received_at - 0.040)
            sink(made)
            if turn < 70:
                loop.call_later(0.05, once, turn + 1)

        once(0)

    async def go() -> None:
        async with Stage(Machine(deliver=deliver)) as stage:
            await stage.until(lambda: stage.latency_ms is not None, 60.0)
            assert stage.links[-1].latency_ms == pytest.approx(40, abs=2)
            assert 25 < stage.links[-1].updates_per_s < 45

    asyncio.run(go())


def test_messages_of_every_error_exist_in_both_languages() -> None:
    from core.errors import message_codes

    assert {"driver.link_broken", "driver.no_answer", "driver.host_lost", "write.not_confirmed"} <= message_codes()
    error: GenbaError = NotConnected("driver.link_broken", source={"ja": "設備", "en": "Press"}, detail="x")
    assert "設備" in error.lines("ja").what
    assert "Press" in error.lines("en").what
