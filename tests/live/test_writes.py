"""Writing a machine: every refusal comes before anything is sent, and nothing is believed that was not read back."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import SystemClock
from core.errors import GenbaError, Invalid, NotConfirmed, NotConnected, Refused, Unavailable
from core.live.sample import Batch, Quality, Sample, Value
from core.live.table import Table
from core.live.tags import TagSpec, TagType, WritePolicy
from core.live.writes import TagWriter, WriteIntent, WriteResult

POLICY = WritePolicy("equipment:setpoint:write", 80.0, 120.0, interlock="Guard", min_interval_s=1.0)
SETPOINT = TagSpec("Setpoint", "PLC", "", TagType.FLOAT32, label={"ja": "圧力設定", "en": "Pressure setpoint"}, write=POLICY)
GUARD = TagSpec("Guard", "PLC", "", TagType.BOOL)


class FastClock:
    """Time that runs twenty times as fast, so that deadlines of seconds are tested in moments."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self.offset = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self._real.monotonic() * 20 + self.offset

    def uuid7(self) -> UUID:
        return self._real.uuid7()


class Machine:
    """The other side: takes values or not, and says what it holds."""

    def __init__(self, *tags: TagSpec) -> None:
        self.tags = {tag.name: tag for tag in tags or (SETPOINT, GUARD)}
        self.values: dict[str, Value] = {"Setpoint": 110.0, "Guard": True}
        self.sent: list[tuple[str, Value]] = []
        self.intents: list[WriteIntent] = []
        self.outcomes: list[str] = []
        self.permissions = {POLICY.permission}
        self.takes = True
        self.send_error: GenbaError | None = None
        self.read_error: GenbaError | None = None
        self.guard_error: GenbaError | None = None
        self.record_error: GenbaError | None = None
        self.while_recording: Any = lambda: None
        self.clock = FastClock()
        self.table = Table()
        self.show()

    def show(self, quality: Quality = Quality.GOOD) -> None:
        batch = Batch("PLC", 1.0)
        for name, value in self.values.items():
            batch.add(name, value, quality)
        self.table.put(batch)

    async def send(self, tag: TagSpec, value: Value) -> None:
        assert self.intents, "sent before the intent was durable"
        self.sent.append((tag.name, value))
        if self.send_error is not None:
            raise self.send_error
        if self.takes:
            self.values[tag.name] = value

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        error = self.guard_error if tags[0].name == "Guard" else self.read_error
        if error is not None:
            raise error
        batch = Batch("PLC", 2.0)
        batch.add(tags[0].name, self.values[tags[0].name])
        return batch

    async def record_intent(self, intent: WriteIntent) -> None:
        await asyncio.sleep(0)
        self.while_recording()
        if self.record_error is not None:
            raise self.record_error
        self.intents.append(intent)

    async def record_outcome(self, intent: WriteIntent, outcome: str) -> None:
        self.outcomes.append(outcome)

    def writer(self) -> TagWriter:
        return TagWriter(
            find=self.tags.get,
            latest=self.table.get,
            may=lambda permission, _tag: permission in self.permissions,
            record_intent=self.record_intent,
            send=self.send,
            read=self.read,
            clock=self.clock,
            record_outcome=self.record_outcome,
        )

    def write(self, value: Any, name: str = "Setpoint") -> WriteResult:
        return asyncio.run(self.writer().write(name, value))

    def refuses(self, value: Any, error: type[GenbaError], code: str, name: str = "Setpoint") -> None:
        with pytest.raises(error) as refusal:
            self.write(value, name)
        assert refusal.value.code == code
        for language in ("ja", "en"):
            assert "—" not in "".join(refusal.value.lines(language)), "a placeholder has no value"  # type: ignore[arg-type]
        assert self.sent == []


def test_confirmed_write() -> None:
    machine = Machine()
    result = machine.write(101.5)
    assert (result.read_back, result.intent.before, result.intent.value) == (101.5, 110.0, 101.5)
    assert machine.intents == [result.intent]
    assert machine.outcomes == ["confirmed"]


@pytest.mark.parametrize("value", [79.9, 120.1, -math.inf, math.inf, 1e308])
def test_out_of_range(value: float) -> None:
    Machine().refuses(value, Invalid, "write.out_of_range")


@pytest.mark.parametrize("value", [math.nan, True, "100", None])
def test_not_a_number(value: object) -> None:
    Machine().refuses(value, Invalid, "write.wrong_type")


def test_no_right() -> None:
    machine = Machine()
    machine.permissions.clear()
    machine.refuses(100.0, Refused, "write.no_permission")


def test_unknown_and_read_only_tags() -> None:
    Machine().refuses(1.0, Invalid, "write.unknown_tag", "Nobody")
    Machine().refuses(True, Refused, "write.read_only", "Guard")


@pytest.mark.parametrize("quality", [Quality.STALE, Quality.UNCERTAIN, Quality.BAD, Quality.OFFLINE])
def test_interlock_that_is_not_known(quality: Quality) -> None:
    machine = Machine()
    machine.show(quality)
    machine.refuses(100.0, Refused, "write.interlock_unknown")


def test_interlock_open_before_and_while_recording() -> None:
    machine = Machine()
    machine.values["Guard"] = False
    machine.show()
    machine.refuses(100.0, Refused, "write.interlock")
    assert machine.intents == []

    later = Machine()

    def open_guard() -> None:
        later.values["Guard"] = False
        later.show()

    later.while_recording = open_guard
    later.refuses(100.0, Refused, "write.interlock")
    assert later.outcomes == ["write.interlock"]


def test_interlock_that_opened_since_it_was_last_read() -> None:
    machine = Machine()
    machine.values["Guard"] = False
    machine.refuses(100.0, Refused, "write.interlock")
    assert machine.table.get("Guard").value is True, "the table knows nothing of it yet"
    assert machine.outcomes == ["write.interlock"]


def test_interlock_that_does_not_answer() -> None:
    machine = Machine()
    machine.guard_error = NotConnected("driver.not_connected", source="PLC", detail="")
    machine.refuses(100.0, Refused, "write.interlock_unknown")


def test_offline_machine_is_not_written_and_nothing_waits() -> None:
    machine = Machine(replace(SETPOINT, write=replace(POLICY, interlock=None)))
    machine.show(Quality.OFFLINE)
    machine.refuses(100.0, NotConnected, "write.not_connected")
    assert machine.intents == []


def test_intent_that_cannot_be_kept_is_not_sent() -> None:
    machine = Machine()
    machine.record_error = Unavailable("store.journal_full")
    with pytest.raises(Unavailable):
        machine.write(100.0)
    assert machine.sent == []


def test_rate_limit_counts_from_the_last_sending() -> None:
    machine = Machine()

    async def go() -> None:
        writer = machine.writer()
        await writer.write("Setpoint", 100.0)
        with pytest.raises(Refused) as refusal:
            await writer.write("Setpoint", 101.0)
        assert refusal.value.code == "write.too_soon"
        machine.clock.offset += 1.0
        await writer.write("Setpoint", 101.0)

    asyncio.run(go())
    assert machine.sent == [("Setpoint", 100.0), ("Setpoint", 101.0)]


def test_one_write_at_a_time() -> None:
    machine = Machine()

    async def go() -> None:
        writer = machine.writer()
        results = await asyncio.gather(*(writer.write("Setpoint", 100.0 + n) for n in range(3)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, Refused)]
        assert [refusal.code for refusal in refused] == ["write.under_way"] * 2

    asyncio.run(go())
    assert len(machine.sent) == 1


def test_machine_keeps_its_value() -> None:
    machine = Machine()
    machine.takes = False
    with pytest.raises(NotConfirmed) as doubt:
        machine.write(100.0)
    assert doubt.value.code == "write.not_confirmed"
    assert "110.0" in doubt.value.lines("en").what
    assert machine.sent == [("Setpoint", 100.0)], "never repeated"
    assert machine.outcomes == ["write.not_confirmed"]


def test_value_cannot_be_read_back() -> None:
    machine = Machine()
    machine.read_error = NotConnected("driver.not_connected")
    with pytest.raises(NotConfirmed) as doubt:
        machine.write(100.0)
    assert doubt.value.code == "write.not_verified"


def test_lost_answer_is_settled_by_reading() -> None:
    machine = Machine()
    machine.send_error = NotConfirmed("driver.write_unanswered", tag="Setpoint", value=100.0)
    with pytest.raises(NotConfirmed):
        machine.write(100.0)
    arrived = Machine()
    arrived.send_error = machine.send_error
    arrived.values["Setpoint"] = 100.0
    assert arrived.write(100.0).read_back == 100.0


def test_refusal_of_the_machine_is_handed_on() -> None:
    machine = Machine()
    machine.send_error = Refused("driver.write_refused", tag="Setpoint", value=100.0, detail="BadOutOfRange")
    with pytest.raises(Refused):
        machine.write(100.0)
    assert machine.outcomes == ["driver.write_refused"]


@given(st.floats(80, 120))
def test_rounding_of_a_float32_machine_is_a_confirmation(value: float) -> None:
    import struct

    machine = Machine()
    (stored,) = struct.unpack("f", struct.pack("f", value))

    async def send(tag: TagSpec, sent: Value) -> None:
        machine.values["Setpoint"] = stored

    machine.send = send  # type: ignore[method-assign]
    assert machine.write(value).read_back == stored


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_nothing_outside_the_policy_is_ever_sent(value: object) -> None:
    machine = Machine()
    try:
        machine.write(value)
    except GenbaError:
        assert machine.sent == []
    else:
        ((_, sent),) = machine.sent
        assert isinstance(sent, int | float)
        assert 80 <= sent <= 120


def test_sample_type_matters_for_switches_and_texts() -> None:
    switch = TagSpec("Switch", "PLC", "", TagType.BOOL, write=WritePolicy("p", 0, 1))
    machine = Machine(switch)
    machine.permissions = {"p"}
    machine.values = {"Switch": False}
    machine.show()
    assert machine.write(True, "Switch").read_back is True
    for wrong in (1, 0.0, "true"):
        with pytest.raises(Invalid):
            machine.write(wrong, "Switch")
    assert isinstance(machine.table.get("Switch"), Sample)
