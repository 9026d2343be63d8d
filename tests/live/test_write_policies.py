"""The finer points of a write policy: steps, pace, old → new, reasons, another tag as proof, putting back, one station at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, GenbaError, Invalid, NotConfirmed, Refused
from core.live.sample import Batch, Quality, Sample, Value
from core.live.tags import TagSpec, TagType, WritePolicy
from core.live.write_rules import check_change
from core.live.writes import Hold, TagWriter
from tests.live.test_writes import POLICY, SETPOINT, Machine

FREE = replace(POLICY, interlock=None, min_interval_s=0.0)


def machine(**policy: Any) -> Machine:
    made = Machine(replace(SETPOINT, write=replace(FREE, **policy)))
    made.values = {"Setpoint": 110.0}
    made.table = type(made.table)()
    made.show()
    return made


def refused(made: Machine, error: type[GenbaError], code: str, value: Any, **told: Any) -> None:
    with pytest.raises(error) as refusal:
        asyncio.run(made.writer().write("Setpoint", value, **told))
    assert refusal.value.code == code
    for language in ("ja", "en"):
        assert "—" not in "".join(refusal.value.lines(language)), "a placeholder has no value"  # type: ignore[arg-type]
    assert made.sent == []


def test_a_step_that_is_too_large() -> None:
    made = machine(max_step=5.0)
    refused(made, Invalid, "write.step_too_large", 104.9)
    assert made.intents == []
    assert made.write(105.0).read_back == 105.0


def test_pace_counts_from_the_last_write() -> None:
    made = machine(max_per_s=0.5)

    async def go() -> None:
        writer = made.writer()
        await writer.write("Setpoint", 90.0)  # never written before: as after a minute
        made.show()
        with pytest.raises(Invalid) as refusal:
            await writer.write("Setpoint", 96.0)
        assert refusal.value.code == "write.step_too_large"
        made.clock.offset += 12.0
        await writer.write("Setpoint", 96.0)

    asyncio.run(go())
    assert made.sent == [("Setpoint", 90.0), ("Setpoint", 96.0)]


@pytest.mark.parametrize("policy", [{"max_step": 5.0}, {"max_per_s": 5.0}])
def test_without_an_old_value_no_step_can_be_judged(policy: dict[str, float]) -> None:
    made = machine(**policy)
    made.show(Quality.STALE)
    refused(made, Refused, "write.before_unknown", 110.0)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0.001, 1e3), st.floats(0.001, 1e3), st.none() | st.floats(0, 1e4))
def test_no_step_beyond_the_policy_passes(before: float, value: float, step: float, per_s: float, since_s: float | None) -> None:
    policy = WritePolicy("p", -1e9, 1e9, max_step=step, max_per_s=per_s)
    allowed = min(step, per_s * min(60.0, 60.0 if since_s is None else since_s))
    try:
        check_change(SETPOINT, policy, value, Sample("Setpoint", before, Quality.GOOD), since_s)
    except Invalid:
        assert abs(value - before) > allowed * (1 - 1e-6)
    else:
        assert abs(value - before) <= allowed * (1 + 1e-6)


def test_two_steps_name_the_old_value() -> None:
    made = machine(two_step=True)
    refused(made, Refused, "write.two_step", 100.0)
    refused(made, Conflict, "write.changed_meanwhile", 100.0, seen=111.0)
    made.show(Quality.OFFLINE)
    refused(made, Refused, "write.before_unknown", 100.0, seen=110.0)
    made.show()
    assert asyncio.run(made.writer().write("Setpoint", 100.0, seen=110.0)).read_back == 100.0


def test_what_changes_while_it_is_recorded_is_not_overwritten() -> None:
    made = machine(two_step=True)

    def somebody_else() -> None:
        made.values["Setpoint"] = 95.0
        made.show()

    made.while_recording = somebody_else
    refused(made, Conflict, "write.changed_meanwhile", 100.0, seen=110.0)
    assert made.outcomes == ["write.changed_meanwhile"]


def test_an_old_value_that_was_shown_is_checked_for_every_tag() -> None:
    refused(machine(), Conflict, "write.changed_meanwhile", 100.0, seen=80.0)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_where_the_tag_asks_for_one(reason: str) -> None:
    made = machine(needs_reason=True)
    refused(made, Invalid, "write.reason_needed", 100.0, reason=reason)
    asyncio.run(made.writer().write("Setpoint", 100.0, reason="mould changed"))
    assert made.intents[0].reason == "mould changed"


def test_another_tag_proves_it() -> None:
    shown = TagSpec("Shown", "PLC", "", TagType.FLOAT64)
    made = Machine(replace(SETPOINT, write=replace(FREE, confirm_tag="Shown")), shown)
    made.values = {"Setpoint": 110.0, "Shown": 110.0}
    made.show()
    asked: list[str] = []
    read = made.read

    async def watch(tags: Sequence[TagSpec]) -> Batch:
        asked.append(tags[0].name)
        return await read(tags)

    made.read = watch  # type: ignore[method-assign]
    with pytest.raises(NotConfirmed):
        made.write(100.0)
    assert set(asked) == {"Shown"}

    async def follow(tag: TagSpec, value: Value) -> None:
        made.values["Shown"] = value

    made.send = follow  # type: ignore[method-assign]
    assert made.write(100.0).read_back == 100.0


def test_a_tag_waits_for_its_proof_as_long_as_it_says() -> None:
    """The clock of these tests runs twenty times as fast."""
    made = machine(confirm_s=10.0)
    made.takes = False

    async def go() -> None:
        writing = asyncio.create_task(made.writer().write("Setpoint", 100.0))
        await asyncio.sleep(0.25)
        assert not writing.done()
        made.values["Setpoint"] = 100.0
        result = await writing
        assert result.confirmed_after_s > 4.0

    asyncio.run(go())


# Putting back -----------------------------------------------------------------------------------------------------------


def test_put_back_is_a_write_of_its_own() -> None:
    made = machine(two_step=True, min_interval_s=60.0, max_per_s=0.5, needs_reason=True)

    async def go() -> None:
        writer = made.writer()
        assert writer.to_put_back("Setpoint") is None
        wrong = await writer.write("Setpoint", 95.0, seen=110.0, reason="trial")
        made.show()
        assert writer.to_put_back("Setpoint") == wrong.intent
        back = await writer.put_back("Setpoint")
        assert (back.read_back, back.intent.before, back.intent.undoes) == (110.0, 95.0, wrong.intent.id)
        made.show()
        assert writer.to_put_back("Setpoint") is None, "putting back is not put back"
        with pytest.raises(Conflict):
            await writer.put_back("Setpoint")

    asyncio.run(go())
    assert made.sent == [("Setpoint", 95.0), ("Setpoint", 110.0)]
    assert made.outcomes == ["confirmed", "confirmed"]
    assert len(made.intents) == 2


def test_put_back_is_gone_when_somebody_changed_it_since() -> None:
    made = machine()

    async def go() -> None:
        writer = made.writer()
        await writer.write("Setpoint", 95.0)
        made.values["Setpoint"] = 99.0
        with pytest.raises(Conflict) as refusal:
            await writer.put_back("Setpoint")  # the machine itself is asked, whatever the table shows still
        assert refusal.value.code == "write.nothing_to_put_back"
        later = Batch("PLC", made.intents[0].at.timestamp() + 1)
        later.add("Setpoint", 99.0)
        made.table.put(later)
        assert writer.to_put_back("Setpoint") is None

    asyncio.run(go())
    assert made.sent == [("Setpoint", 95.0)]
    assert len(made.intents) == 1


def test_put_back_needs_the_right_and_the_interlock() -> None:
    made = Machine()

    async def go() -> None:
        writer = made.writer()
        await writer.write("Setpoint", 95.0)
        made.permissions.clear()
        with pytest.raises(Refused):
            await writer.put_back("Setpoint")
        made.permissions.add(POLICY.permission)
        made.values["Guard"] = False
        made.show()
        with pytest.raises(Refused):
            await writer.put_back("Setpoint")

    asyncio.run(go())
    assert len(made.sent) == 1


def test_what_nobody_confirmed_can_be_put_back_once_it_is_seen_to_be_there() -> None:
    made = machine()
    made.takes = False

    async def go() -> None:
        writer = made.writer()
        with pytest.raises(NotConfirmed):
            await writer.write("Setpoint", 95.0)
        made.values["Setpoint"] = 95.0
        made.takes = True
        assert (await writer.put_back("Setpoint")).read_back == 110.0

    asyncio.run(go())


# One station at a time --------------------------------------------------------------------------------------------------


@dataclass
class Held:
    epoch: int = 7
    good: bool = True

    def still(self) -> bool:
        return self.good


def test_the_hold_spans_the_write_and_its_number_is_recorded() -> None:
    made = machine()
    told: list[str] = []

    @contextlib.asynccontextmanager
    async def claim(tag: TagSpec, seconds: float) -> AsyncIterator[Hold]:
        told.append(f"taken for {tag.source}, {seconds:g} s, {len(made.intents)} recorded")
        yield Held()
        told.append(f"given back, {len(made.sent)} sent")

    asyncio.run(_writer(made, claim).write("Setpoint", 100.0))
    assert told == ["taken for PLC, 2 s, 0 recorded", "given back, 1 sent"]
    assert made.intents[0].epoch == 7


def test_a_hold_that_ran_out_sends_nothing() -> None:
    made = machine()
    hold = Held()

    @contextlib.asynccontextmanager
    async def claim(tag: TagSpec, seconds: float) -> AsyncIterator[Hold]:
        yield hold

    def too_slow() -> None:
        hold.good = False

    made.while_recording = too_slow
    with pytest.raises(Refused) as refusal:
        asyncio.run(_writer(made, claim).write("Setpoint", 100.0))
    assert refusal.value.code == "write.held_too_long"
    assert made.sent == []
    assert made.outcomes == ["write.held_too_long"]


def _writer(made: Machine, claim: Any) -> TagWriter:
    return TagWriter(
        find=made.tags.get,
        latest=made.table.get,
        may=lambda permission, _tag: permission in made.permissions,
        record_intent=made.record_intent,
        send=made.send,
        read=made.read,
        clock=made.clock,
        record_outcome=made.record_outcome,
        claim=claim,
    )
