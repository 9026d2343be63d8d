"""States of a machine: an unbroken chain, and the words of machines as the nine states."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment.states import (
    INVALID,
    NO_LINK,
    UNMAPPED,
    LineStatus,
    MachineState,
    Segment,
    line_status,
    map_state,
    state_seconds,
    unknown_states,
)
from core.equipment.timeline import Begun, Explained, StateTracker
from core.live.sample import Quality, Value

M = MachineState
MAPPING = {"0": "IDLE", "1": "RUNNING", "2": "down"}


@pytest.mark.parametrize(
    ("value", "quality", "expected"),
    [
        (1, Quality.GOOD, (M.RUNNING, "")),
        (1.0, Quality.UNCERTAIN, (M.RUNNING, "")),
        (" 2 ", Quality.GOOD, (M.DOWN, "")),
        (False, Quality.GOOD, (M.IDLE, "")),
        ("minor_stop", Quality.GOOD, (M.MINOR_STOP, "")),
        (9, Quality.GOOD, (M.OFFLINE, UNMAPPED)),
        (1.5, Quality.GOOD, (M.OFFLINE, UNMAPPED)),
        (math.nan, Quality.GOOD, (M.OFFLINE, UNMAPPED)),
        (math.inf, Quality.GOOD, (M.OFFLINE, UNMAPPED)),
        (None, Quality.GOOD, (M.OFFLINE, UNMAPPED)),
        (1, Quality.BAD, (M.OFFLINE, INVALID)),
        (1, Quality.CONFIG, (M.OFFLINE, INVALID)),
        (1, Quality.STALE, (M.OFFLINE, NO_LINK)),
        (None, Quality.OFFLINE, (M.OFFLINE, NO_LINK)),
        (None, Quality.NEVER, (M.OFFLINE, NO_LINK)),
    ],
)
def test_what_a_machine_says_becomes_one_of_nine(value: Value, quality: Quality, expected: tuple[MachineState, str]) -> None:
    assert map_state(value, quality, MAPPING) == expected


def test_a_mapping_may_name_the_nine_only() -> None:
    assert unknown_states(MAPPING) == ()
    assert unknown_states({"1": "RUNNING", "2": "EXPLODED"}) == ("EXPLODED",)


def test_every_state_has_a_word_for_the_line() -> None:
    assert {line_status(state) for state in MachineState} == set(LineStatus)


Reading = tuple[str, MachineState, str, float]
readings = st.lists(
    st.tuples(st.sampled_from(["see", "see", "explain"]), st.sampled_from(M), st.sampled_from(["", "D07", "D05"]), st.floats(-5, 100)),
    max_size=40,
)


@given(readings=readings, recorded_until=st.one_of(st.none(), st.floats(0, 50)))
def test_the_chain_has_no_gap_and_no_overlap(readings: list[Reading], recorded_until: float | None) -> None:
    tracker, at = StateTracker(recorded_until), 0.0
    chain: list[Begun] = []
    for kind, state, reason, later in readings:
        at += later  # readings may step back in time
        if kind == "see":
            why = NO_LINK if state is M.OFFLINE else ""
            chain += tracker.see(state, why, at)
            assert tracker.current is not None
            assert tracker.current.state is state
        else:
            step = tracker.explain(reason, at)
            if isinstance(step, Begun):
                chain.append(step)
            elif isinstance(step, Explained):
                assert tracker.current is not None
                assert tracker.current.reason == step.reason == reason
    # Each segment ends where the next begins: no gap and no overlap as long as beginnings never go back.
    begins = [segment.at for segment in chain]
    assert begins == sorted(begins)
    if chain and recorded_until is not None:
        assert chain[0].at == recorded_until
    end = tracker.end(at)
    assert (end is None) == (not chain)
    if end is not None:
        assert end >= begins[-1]
        assert tracker.see(M.RUNNING, "", end + 5) == [Begun(M.OFFLINE, end, NO_LINK), Begun(M.RUNNING, end + 5)]


@given(readings=readings)
def test_the_times_add_up_to_the_whole(readings: list[Reading]) -> None:
    tracker, chain, at = StateTracker(), [], 1000.0
    for _, state, _, later in readings:
        at += max(0.0, later)
        chain += tracker.see(state, "", at)
    if not chain:
        return
    moments = [datetime.fromtimestamp(segment.at, UTC) for segment in chain]
    now = moments[-1] + timedelta(seconds=10)
    segments = [Segment(segment.state, start, end) for segment, start, end in zip(chain, moments, [*moments[1:], None], strict=True)]
    assert sum(state_seconds(segments, now).values()) == pytest.approx((now - moments[0]).total_seconds(), abs=1e-3)


def test_nothing_changes_while_the_state_stays() -> None:
    tracker = StateTracker()
    assert tracker.see(M.RUNNING, "", 10.0) == [Begun(M.RUNNING, 10.0)]
    assert tracker.see(M.RUNNING, "", 11.0) == []
    assert tracker.see(M.OFFLINE, NO_LINK, 12.0) == [Begun(M.OFFLINE, 12.0, NO_LINK)]
    assert tracker.see(M.OFFLINE, INVALID, 13.0) == [Begun(M.OFFLINE, 13.0, INVALID)]


def test_the_time_nobody_recorded_is_offline() -> None:
    assert StateTracker(5.0).see(M.RUNNING, "", 9.0) == [Begun(M.OFFLINE, 5.0, NO_LINK), Begun(M.RUNNING, 9.0)]
    assert StateTracker(5.0).see(M.OFFLINE, INVALID, 9.0) == [Begun(M.OFFLINE, 5.0, INVALID)]
    assert StateTracker(5.0).see(M.RUNNING, "", 4.0) == [Begun(M.RUNNING, 5.0)]


def test_a_reason_may_come_before_with_or_after_the_stop() -> None:
    tracker = StateTracker()
    tracker.see(M.RUNNING, "", 0.0)
    assert tracker.explain("D07", 1.0) is None
    assert tracker.see(M.DOWN, "", 2.0) == [Begun(M.DOWN, 2.0, "D07")]
    assert tracker.explain("D05", 3.0) == Begun(M.DOWN, 3.0, "D05")
    assert tracker.explain("", 4.0) is None
    assert tracker.see(M.RUNNING, "", 5.0) == [Begun(M.RUNNING, 5.0)]
    tracker.see(M.DOWN, "", 6.0)
    assert tracker.explain("D01", 7.0) == Explained("D01")
