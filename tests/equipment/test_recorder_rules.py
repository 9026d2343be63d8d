"""The recorder of states where no single tag says the state, where a value stands in no mapping, and where a tag left the site."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from core.clock import CorrectedClock, SystemClock
from core.equipment.recorder import Ruled, StateKeeper
from core.equipment.state_rules import StateRule
from core.equipment.states import NO_LINK, UNMAPPED, MachineState
from core.live.sample import Batch, Quality, Value
from core.live.tags import TagRole, TagSpec, TagType
from tests.conftest import ExpectedLog
from tests.equipment.test_recorder import SPECS, UNIT, Rig, flush, go, rig

__all__ = ["rig"]

S = MachineState
RULES = (StateRule(S.DOWN, "fault", "is_true"), StateRule(S.RUNNING, "run", "is_true"), StateRule(S.IDLE))
TAGS = {name: TagSpec(name, "PLC", name, TagType.BOOL) for name in ("fault", "run")}
REASON = TagSpec("reason", "PLC", "r", TagType.STRING, work_unit="M1", role=TagRole.REASON)


def keeper(until: float | None = None) -> StateKeeper:
    return StateKeeper({"M1": 1}, {} if until is None else {1: until}, 1, {"M1": RULES})


def take(kept: StateKeeper, tag: str, value: Value, at: float, quality: Quality = Quality.GOOD) -> None:
    kept.take(TAGS[tag], value, quality, at)


def told(kept: StateKeeper) -> list[tuple[MachineState, str, float, float | None]]:
    return [(fact.state, fact.reason, fact.began, fact.ended) for fact in kept.pending()]


def test_what_changes_in_one_go_is_judged_together() -> None:
    """The machine was never idle in between: one reading told of two tags."""
    kept = keeper()
    for tag, value, at in (("fault", False, 1), ("run", True, 1), ("run", False, 5), ("fault", True, 5), ("fault", False, 9)):
        take(kept, tag, value, at)
    kept.settle(10)
    assert told(kept) == [(S.RUNNING, "", 1, 5), (S.DOWN, "", 5, 9), (S.IDLE, "", 9, None)]


def test_a_tag_that_was_never_seen_is_waited_for_but_not_for_ever() -> None:
    kept = keeper(until=0)
    take(kept, "fault", False, 1)
    kept.settle(5)
    assert told(kept) == []
    kept.settle(12)
    assert told(kept) == [(S.OFFLINE, NO_LINK, 0, None)]
    take(kept, "run", True, 20)
    kept.settle(21)
    assert told(kept)[-1] == (S.RUNNING, "", 20, None)


def test_a_lost_link_is_no_idle_time() -> None:
    kept = keeper()
    for tag, value in (("fault", False), ("run", True)):
        take(kept, tag, value, 1)
    for tag in TAGS:
        take(kept, tag, None, 5, Quality.OFFLINE)
    kept.leave(9)
    assert told(kept) == [(S.RUNNING, "", 1, 5), (S.OFFLINE, NO_LINK, 5, 9)]


def test_the_reason_of_the_machine_goes_with_the_state_of_the_rules() -> None:
    kept = keeper()
    for tag, value, at in (("fault", False, 1), ("run", True, 1), ("run", False, 5), ("fault", True, 5)):
        take(kept, tag, value, at)
    kept.take(REASON, "D05", Quality.GOOD, 5)
    kept.settle(6)
    assert told(kept) == [(S.RUNNING, "", 1, 5), (S.DOWN, "D05", 5, None)]


def test_nothing_new_is_judged_once() -> None:
    ruled = Ruled(RULES)
    ruled.take("fault", True, Quality.GOOD, 1)
    ruled.take("run", True, Quality.GOOD, 1)
    assert ruled.judge(1) is None
    assert ruled.judge(2) == ((S.DOWN, ""), 1)
    assert ruled.judge(3) is None


def test_rules_are_recorded_from_the_live_table(rig: Rig) -> None:
    specs = [*SPECS[1:], *(TagSpec(name, "PLC", name, TagType.BOOL, work_unit=UNIT) for name in TAGS)]

    async def scene() -> None:
        rig.states.set_tags(specs, {UNIT: RULES})
        rig.lead()
        await flush(rig)
        rig.see("fault", False)
        rig.see("run", True)
        await flush(rig)
        rig.see("run", False)
        await flush(rig)
        rig.see("fault", True)
        await flush(rig)

    go(scene())
    assert [state for state, _ in rig.chain()] == ["RUNNING", "IDLE", "DOWN"]


def test_a_machine_that_is_not_told_of_any_more_does_not_run_for_ever(rig: Rig) -> None:
    """Its tag was taken out of the site file; its source goes on with others."""

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.State", 1)
        await flush(rig)
        before = datetime.now(UTC)
        rig.states.set_tags(SPECS[2:])
        await flush(rig)
        ((state, _, _, ended),) = rig.segments()
        assert (state, ended is not None) == ("RUNNING", True)
        assert abs((ended - before).total_seconds()) < 60

    go(scene())


def test_a_state_outside_the_mapping_is_offline_and_told_once(rig: Rig, expect_log: ExpectedLog, caplog: pytest.LogCaptureFixture) -> None:
    expect_log(r"state 17 of L1-M2 stands in no mapping")

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        for value in (1, 17, 1, 17):
            rig.see("L1.M2.State", value)
            await flush(rig)

    with caplog.at_level(logging.WARNING):
        go(scene())
    assert rig.chain() == [("RUNNING", ""), ("OFFLINE", UNMAPPED), ("RUNNING", ""), ("OFFLINE", UNMAPPED)]
    assert sum("no mapping" in record.message for record in caplog.records) == 1


# Clocks that jump ---------------------------------------------------------------------------------------------------------


class Turned(SystemClock):
    """A computer's clock that somebody turns."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_turned_leaves_neither_gap_nor_overlap(rig: Rig, hours: int) -> None:
    """The station goes by the server's clock; what its machines did is neither an hour longer nor of tomorrow."""
    own = Turned()
    clock = CorrectedClock(own)
    asked = own.monotonic()
    clock.learn(own.now(), asked, own.monotonic())
    for recorder in rig.recorders:
        recorder._clock = clock

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        for value in (1, 2):
            see(rig, own, "L1.M2.State", value)
            see(rig, own, "L1.M2.Good", 100 + value)
            await flush(rig)
        own.ahead = timedelta(hours=hours)
        for value in (1, 2):
            see(rig, own, "L1.M2.State", value)
            see(rig, own, "L1.M2.Good", 110 + value)
            await flush(rig)

    before = datetime.now(UTC)
    go(scene())
    assert [state for state, _ in rig.chain()] == ["RUNNING", "DOWN", "RUNNING", "DOWN"]
    assert rig.made() == 11
    moments = [began for _, _, began, _ in rig.segments()] + [at for (at,) in rig.sql("SELECT occurred_at FROM genba.count_event")]
    assert all(abs((at - before).total_seconds()) < 120 for at in moments)


def see(rig: Rig, own: Turned, tag: str, value: Value) -> None:
    """A reading without a time of the machine: it is of when it was received, by the computer's clock."""
    batch = Batch("PLC", own.now().timestamp())
    batch.add(tag, value, Quality.GOOD, None)
    rig.table.put(batch)
