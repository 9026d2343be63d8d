"""What each instant counts as: one thing, whatever is cut, split or planned twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.equipment.shift_views import PlannedSpan, Worked
from core.equipment.shifts import shifts_between
from core.equipment.states import MachineState, Segment
from core.production.elements import (
    GapCount,
    Piece,
    Policy,
    Run,
    Stretch,
    bridged,
    line_segments,
    pieces,
    stretches_of,
    told_apart,
)
from core.production.oee import seconds_of
from core.production.time_views import BUSY, Element
from core.production.views import OrderStatus
from tests.production.strategies import REASONS, calendars, policies, runs, segments

M, E = MachineState, Element
T0 = datetime(2026, 7, 13, 22, tzinfo=UTC)
LENGTH_S = 9 * 3600


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def did(state: MachineState, begin: float, end: float | None, reason: str = "") -> Segment:
    return Segment(state, at(begin), None if end is None else at(end), reason)


def shift(begin: float = 0, end: float = 480, *breaks: tuple[float, float]) -> Worked:
    spans = tuple(PlannedSpan(at(one), at(two), "D24", "break") for one, two in breaks)
    return Worked("1", "", date(2026, 7, 14), at(begin), at(end), spans)


def judged(
    *did: Segment, worked: Sequence[Worked] = (shift(),), runs: Sequence[Run] = (), policy: Policy | None = None, to: float = 480
) -> tuple[Piece, ...]:
    return pieces(stretches_of(did, at(to)), worked, runs, policy or Policy(), at(0), at(to), REASONS)


def minutes(found: Sequence[Piece]) -> dict[Element, float]:
    return {element: seconds / 60 for element, seconds in seconds_of(found).items()}


ORDER = Run(UUID(int=1), "A-1010", OrderStatus.IN_PROGRESS, at(-60))


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (did(M.RUNNING, 0, 480), E.RUN),
        (did(M.SETUP, 0, 480), E.SETUP),
        (did(M.DOWN, 0, 480), E.DOWN),
        (did(M.WAITING, 0, 480), E.WAITING),
        (did(M.MAINTENANCE, 0, 480), E.MAINTENANCE),
        (did(M.PLANNED_STOP, 0, 480), E.PLANNED),
        (did(M.OFFLINE, 0, 480, "no_link"), E.GAP),
        (did(M.IDLE, 0, 480), E.WAITING),
        (did(M.MINOR_STOP, 0, 480), E.DOWN),  # a minor stop that lasts is none
        (did(M.DOWN, 0, 480, "D23"), E.PLANNED),
        (did(M.DOWN, 0, 480, "D10"), E.SETUP),
        (did(M.DOWN, 0, 480, "D22"), E.NO_ORDER),
        (did(M.DOWN, 0, 480, "D15"), E.WAITING),
        (did(M.IDLE, 0, 480, "D01"), E.DOWN),
        (did(M.MAINTENANCE, 0, 480, "D23"), E.PLANNED),
        (did(M.WAITING, 0, 480, "D99"), E.WAITING),  # nobody has said anything yet
        (did(M.DOWN, 0, 480, "X77"), E.DOWN),  # nor does a word that stands in no catalogue
        (did(M.RUNNING, 0, 480, "D23"), E.RUN),
    ],
)
def test_what_a_machine_does_and_what_people_say_of_it(segment: Segment, expected: Element) -> None:
    assert minutes(judged(segment, runs=[ORDER])) == {expected: 480}


@pytest.mark.parametrize(
    ("state", "reason", "length", "expected"),
    [
        (M.DOWN, "", 4.99, E.MINOR),
        (M.DOWN, "", 5.0, E.DOWN),
        (M.MINOR_STOP, "", 4.99, E.MINOR),
        (M.MINOR_STOP, "", 5.0, E.DOWN),
        (M.DOWN, "D01", 2.0, E.DOWN),  # a person who calls it a failure is believed
        (M.DOWN, "D07", 2.0, E.MINOR),
        (M.DOWN, "D07", 6.0, E.DOWN),
        (M.DOWN, "D99", 2.0, E.MINOR),
        (M.WAITING, "", 2.0, E.WAITING),
    ],
)
def test_a_minor_stop_is_a_short_one(state: MachineState, reason: str, length: float, expected: Element) -> None:
    found = judged(did(M.RUNNING, 0, 100), did(state, 100, 100 + length, reason), did(M.RUNNING, 100 + length, 480))
    assert minutes(found)[expected] == pytest.approx(length)


def test_a_stop_that_goes_on_is_what_the_machine_calls_it() -> None:
    assert E.DOWN in minutes(judged(did(M.RUNNING, 0, 479), did(M.DOWN, 479, None)))
    assert E.MINOR in minutes(judged(did(M.RUNNING, 0, 479), did(M.MINOR_STOP, 479, None)))
    assert E.DOWN in minutes(judged(did(M.RUNNING, 0, 470), did(M.MINOR_STOP, 470, None)))


def test_a_stop_cut_by_a_break_or_an_hour_is_no_minor_one() -> None:
    stopped = did(M.DOWN, 58, 72)
    found = judged(did(M.RUNNING, 0, 58), stopped, did(M.RUNNING, 72, 480), worked=[shift(0, 480, (60, 70))])
    assert minutes(found) == {E.RUN: 466, E.DOWN: 4, E.PLANNED: 10}


def test_a_break_is_counted_once_when_the_calendar_and_the_operator_both_stop() -> None:
    found = judged(did(M.RUNNING, 0, 55), did(M.DOWN, 55, 72, "D24"), did(M.RUNNING, 72, 480), worked=[shift(0, 480, (60, 70))])
    assert minutes(found) == {E.RUN: 463, E.PLANNED: 17}


def test_running_through_a_break_is_work_unless_the_line_says_otherwise() -> None:
    ran = did(M.RUNNING, 0, 480)
    assert minutes(judged(ran, worked=[shift(0, 480, (60, 70))])) == {E.RUN: 480}
    assert minutes(judged(ran, worked=[shift(0, 480, (60, 70))], policy=Policy(worked_breaks=False))) == {E.RUN: 470, E.PLANNED: 10}


def test_what_nobody_recorded_is_a_gap_and_a_gap_in_a_break_is_the_break() -> None:
    found = judged(did(M.RUNNING, 0, 50), did(M.RUNNING, 100, 480), worked=[shift(0, 480, (60, 70))])
    assert minutes(found) == {E.RUN: 430, E.GAP: 40, E.PLANNED: 10}


def test_outside_of_the_shifts_nothing_counts() -> None:
    found = judged(did(M.RUNNING, 0, 200), did(M.DOWN, 200, 480), worked=[shift(60, 240)])
    assert minutes(found) == {E.UNSCHEDULED: 300, E.RUN: 140, E.DOWN: 40}


def test_an_idle_machine_without_an_order_has_nothing_to_do() -> None:
    ran = Run(UUID(int=1), "A", OrderStatus.IN_PROGRESS, at(0), at(100))
    held = Run(UUID(int=1), "A", OrderStatus.HELD, at(100), at(200))
    found = judged(did(M.IDLE, 0, 480), runs=[ran, held])
    assert minutes(found) == {E.WAITING: 100, E.NO_ORDER: 380}
    assert [piece.order_id for piece in found if piece.to_at <= at(200)] == [UUID(int=1)] * 2  # what was made belongs to it all the same


@settings(max_examples=60, deadline=None)
@given(data=st.data(), plan=calendars(), policy=policies)
def test_pieces_are_the_whole_range_without_gap_or_overlap_wherever_it_is_cut(data: st.DataObject, plan: object, policy: Policy) -> None:
    said, orders = data.draw(segments(T0, LENGTH_S)), data.draw(runs(T0, LENGTH_S))
    to_at = T0 + timedelta(seconds=LENGTH_S)
    worked = shifts_between(plan, "L1", T0, to_at)  # type: ignore[arg-type]
    cut = T0 + timedelta(seconds=data.draw(st.integers(0, LENGTH_S)))
    stretches = stretches_of(said, to_at)

    def over(begin: datetime, end: datetime) -> tuple[Piece, ...]:
        return pieces(stretches, worked, orders, policy, begin, end, REASONS)

    whole = over(T0, to_at)
    assert whole[0].from_at == T0
    assert whole[-1].to_at == to_at
    assert all(before.to_at == after.from_at for before, after in pairwise(whole))
    sums = seconds_of(whole)
    assert sum(sums.values()) == pytest.approx(LENGTH_S)
    in_two = seconds_of([*over(T0, cut), *over(cut, to_at)])
    assert in_two == pytest.approx(sums)
    in_shifts = sum((min(w.to_at, to_at) - max(w.from_at, T0)).total_seconds() for w in worked)
    assert LENGTH_S - sums.get(E.UNSCHEDULED, 0.0) == pytest.approx(in_shifts)
    check_states(whole)


def check_states(whole: Sequence[Piece]) -> None:
    for piece in whole:
        if piece.element is E.GAP:
            assert piece.state is M.OFFLINE
        if piece.state is M.OFFLINE:
            assert piece.element in (E.GAP, E.PLANNED, E.UNSCHEDULED)
        if piece.element is E.RUN:
            assert piece.state is M.RUNNING
        if piece.element in BUSY:
            assert piece.state is not M.OFFLINE


@settings(max_examples=60, deadline=None)
@given(data=st.data(), policy=policies)
def test_splitting_a_stop_moves_no_second(data: st.DataObject, policy: Policy) -> None:
    """A part with its own reason changes what the time counts as, never how much there is."""
    said = data.draw(segments(T0, LENGTH_S))
    to_at = T0 + timedelta(seconds=LENGTH_S)
    halves: list[Stretch] = []
    for one in stretches_of(said, to_at):
        middle = one.from_at + (one.to_at - one.from_at) / 2
        reason = data.draw(st.sampled_from(("", *REASONS)))
        first, second = (
            Stretch(one.state, begin, end, code, one.began_at, one.whole_s, one.open)
            for begin, end, code in ((one.from_at, middle, one.reason_code), (middle, one.to_at, reason))
        )
        halves += [first, second]
    found = pieces(halves, [shift()], [], policy, T0, to_at, REASONS)
    assert sum(seconds_of(found).values()) == pytest.approx(LENGTH_S)
    merged = [Stretch(h.state, h.from_at, h.to_at, "", h.began_at, h.whole_s, h.open) for h in halves]
    plain = [Stretch(h.state, h.from_at, h.to_at, "", h.began_at, h.whole_s, h.open) for h in stretches_of(said, to_at)]
    again = (seconds_of(pieces(some, [shift()], [], policy, T0, to_at, REASONS)) for some in (merged, plain))
    assert next(again) == pytest.approx(next(again))


# --- gaps ------------------------------------------------------------------------------------------------------------

BLIND = (did(M.RUNNING, 0, 100), did(M.OFFLINE, 100, 160, "no_link"), did(M.RUNNING, 160, 480))


def test_a_gap_waits_for_a_leader_unless_the_line_has_a_rule() -> None:
    stretches = stretches_of(BLIND, at(480))
    assert bridged(stretches, [], Policy(), 60) == stretches
    closed = bridged(stretches, [], Policy(gap_rule="bridge", gap_bridge_s=3600), 60)
    assert [one.state for one in closed] == [M.RUNNING] * 3
    assert bridged(stretches, [], Policy(gap_rule="bridge", gap_bridge_s=3599), 60) == stretches
    differs = stretches_of((*BLIND[:2], did(M.DOWN, 160, 480)), at(480))
    assert bridged(differs, [], Policy(gap_rule="bridge", gap_bridge_s=3600), 60) == differs


@pytest.mark.parametrize(("parts", "filled"), [(60, True), (48, True), (47, False), (72, True), (73, False), (0, False)])
def test_a_gap_that_the_parts_fill_was_production(parts: int, filled: bool) -> None:
    stretches = stretches_of(BLIND, at(480))
    ruled = bridged(stretches, [GapCount(at(100), at(160), parts)], Policy(gap_rule="counted"), 60)
    assert (ruled[1].state is M.RUNNING) is filled


# --- orders and lines ------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_of_orders_that_overlap_each_moment_belongs_to_one(data: st.DataObject) -> None:
    orders = data.draw(runs(T0, LENGTH_S))
    to_at = T0 + timedelta(seconds=LENGTH_S)
    apart = told_apart(orders, to_at)
    assert all(before.to_at is not None and before.to_at <= after.from_at for before, after in pairwise(apart))
    moment = T0 + timedelta(seconds=data.draw(st.integers(0, LENGTH_S - 1)))
    there = [run for run in orders if run.from_at <= moment and (run.to_at is None or run.to_at > moment)]
    found = [run for run in apart if run.from_at <= moment and run.to_at is not None and run.to_at > moment]
    assert len(found) == bool(there)
    if there:
        assert (found[0].status is OrderStatus.HELD) == all(run.status is OrderStatus.HELD for run in there)


def test_parts_of_a_held_order_and_of_the_one_that_runs_meanwhile_are_not_mixed() -> None:
    first, second = UUID(int=1), UUID(int=2)
    apart = told_apart(
        [
            Run(first, "A", OrderStatus.IN_PROGRESS, at(0), at(60)),
            Run(first, "A", OrderStatus.HELD, at(60), at(180)),
            Run(second, "B", OrderStatus.IN_PROGRESS, at(90), at(150)),
            Run(first, "A", OrderStatus.IN_PROGRESS, at(180)),
        ],
        at(240),
    )
    assert [(run.product, run.from_at, run.to_at) for run in apart] == [
        ("A", at(0), at(60)),
        ("A", at(60), at(90)),
        ("B", at(90), at(150)),
        ("A", at(150), at(180)),
        ("A", at(180), at(240)),
    ]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), rule=st.sampled_from(("constraint", "all_running", "any_running", "worst")))
def test_a_line_is_in_one_state_at_each_moment(data: st.DataObject, rule: str) -> None:
    to_at = T0 + timedelta(seconds=LENGTH_S)
    units = {code: stretches_of(data.draw(segments(T0, LENGTH_S)), to_at) for code in ("M1", "M2")}
    found = line_segments(units, rule, "M2", T0, to_at)
    assert found[0].started_at == T0
    assert found[-1].ended_at == to_at
    assert all(before.ended_at == after.started_at for before, after in pairwise(found))
    moment = T0 + timedelta(seconds=data.draw(st.integers(0, LENGTH_S - 1)))
    state = next(one.state for one in found if one.started_at <= moment and one.ended_at is not None and moment < one.ended_at)
    here = {
        code: next((one.state for one in stretches if one.from_at <= moment < one.to_at), M.OFFLINE) for code, stretches in units.items()
    }
    both = set(here.values())
    if rule == "constraint":
        assert state is here["M2"]
    elif rule == "any_running" and M.RUNNING in both:
        assert state is M.RUNNING
    elif M.OFFLINE in both:
        assert state is M.OFFLINE
    else:
        assert state in both
        assert (state is M.RUNNING) == (both == {M.RUNNING})
        assert (state is M.DOWN) == (M.DOWN in both)
