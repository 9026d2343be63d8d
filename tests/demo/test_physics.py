"""The simulated factory keeps its books straight, whatever chance and people do to it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.demo.physics import Line, Plant
from core.demo.physics_states import LINE_WIDE, NEXT_FULL, PREVIOUS_EMPTY, REASON_STATES, State
from core.demo.physics_unit import UINT32, CounterFault, WorkUnit
from core.demo.truth import Ledger, Timeline
from core.equipment.states import MachineState
from core.errors import Invalid

_FEW = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking simulates hours again and again: a red test should be red soon
)
_LINES = [f"L{number}" for number in range(1, 7)]
_UNITS = list(Plant(0).units)

commands = st.one_of(
    st.tuples(st.just("advance"), st.integers(1, 9000)),
    st.tuples(
        st.just("stop"),
        st.sampled_from(_LINES + _UNITS),
        st.sampled_from(sorted(REASON_STATES)),
        st.one_of(st.none(), st.integers(1, 900_000)),
    ),
    st.tuples(st.just("start"), st.sampled_from(_LINES + _UNITS)),
    st.tuples(
        st.just("write"),
        st.sampled_from(["L2.M2.PressureSetpoint", "L3.M3.OvenSetpoint", "L3.M3.ConveyorSpeedSetpoint", "L5.M2.SpeedSetpoint"]),
        st.floats(-1e6, 1e6),
    ),
    st.tuples(
        st.just("drift"), st.sampled_from(["L3.M3.OvenTemperature", "L2.M2.HydraulicPressure", "L6.M1.Vibration"]), st.floats(-80, 80)
    ),
)
stories = st.lists(commands, max_size=8)


def _tell(plant: Plant, story: list[tuple[object, ...]]) -> None:
    for verb, *words in story:
        if verb == "advance":
            plant.advance(100 * int(words[0]))  # type: ignore[call-overload]
        elif verb == "stop":
            plant.stop(*words)  # type: ignore[arg-type]
        elif verb == "start":
            plant.start(*words)  # type: ignore[arg-type]
        elif verb == "write":
            plant.write(*words)  # type: ignore[arg-type]
        else:
            plant.drift(*words)  # type: ignore[arg-type]


def _account(plant: Plant) -> object:
    account = Ledger(plant, Timeline(0.0, 1.0)).account()
    return account, plant.values()


@_FEW
@given(seed=st.integers(0, 1 << 40), story=stories)
def test_times_in_the_states_add_up_to_the_elapsed_time(seed: int, story: list[tuple[object, ...]]) -> None:
    plant = Plant(seed)
    _tell(plant, story)
    for unit in plant.units.values():
        assert sum(unit.tally.state_ms.values()) == plant.now_ms


@_FEW
@given(seed=st.integers(0, 1 << 40), before=stories, story=stories, after=stories)
def test_the_truth_between_two_marks_is_clipped_to_them(
    seed: int, before: list[tuple[object, ...]], story: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    """However the plant goes on afterwards, an account between two marks stays the same, and its times add up."""
    plant = Plant(seed)
    ledger = Ledger(plant, Timeline(0.0, 1.0))
    _tell(plant, before)
    ledger.mark("a")
    _tell(plant, story)
    plant.advance(100)
    ledger.mark("b")
    first = _between(ledger.account("a", "b"))
    _tell(plant, after)
    assert _between(ledger.account("a", "b")) == first
    for unit in first.values():
        assert unit["good"] + unit["reject"] == unit["cycles"]
        spent: dict[str, float] = dict.fromkeys(unit["state_s"], 0.0)
        for span in unit["timeline"]:
            spent[span["state"]] += span["ended_s"] - span["began_s"]
        assert spent == pytest.approx(unit["state_s"])
        for left, right in pairwise(unit["timeline"]):
            assert left["ended_s"] == right["began_s"]
            assert (left["state"], left["reason"]) != (right["state"], right["reason"])


def _between(account: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The units of an account without what they show now."""
    now = ("stops", "counter_good", "counter_reject", "buffer_in")
    units = {code: unit for line in account["lines"].values() for code, unit in line["units"].items()}
    return {code: {key: value for key, value in unit.items() if key not in now} for code, unit in units.items()}


def test_a_mark_that_lies_before_the_beginning_is_refused() -> None:
    plant = Plant(1)
    ledger = Ledger(plant, Timeline(0.0, 1.0))
    ledger.mark("early")
    plant.advance(1000)
    ledger.mark("late")
    for marks in (("late", "early"), ("early", "never"), ("never", "late")):
        with pytest.raises(Invalid):
            ledger.account(*marks)


@pytest.mark.parametrize("how", ["reset", "back", "double", "hold"])
def test_counters_may_lie_while_the_truth_goes_on(how: CounterFault) -> None:
    plant = Plant(3)
    plant.advance(600_000)
    unit, ledger = plant.units["L1-M2"], Ledger(plant, Timeline(0.0, 1.0))
    ledger.mark("a")
    before = unit.counter_good
    unit.disturb_counter(how)
    assert unit.counter_good == {"reset": 0, "back": before - 50, "double": before, "hold": before}[how]
    plant.advance(600_000)
    made = ledger.account("a")["lines"]["L1"]["units"]["L1-M2"]["good"]
    assert made > 3
    shown = {"reset": made, "back": before - 50 + made, "double": before + 2 * made, "hold": before}
    assert unit.counter_good == shown[how]
    unit.disturb_counter("")
    assert unit.counter_good == (before + made if how == "hold" else shown[how])


def test_a_stop_that_comes_while_waiting_ends_the_waiting() -> None:
    plant = Plant(4)
    plant.stop("L1-M2", "D04")
    plant.advance(600_000)
    for unit in plant.lines["L1"].units:
        unit.plan_stop("D24", 120_000)
    plant.advance(60_000)
    assert {plant.units[code].state for code in ("L1-M1", "L1-M3")} == {State.PLANNED_STOP}
    plant.stop("L1", "D25", for_ms=60_000)
    plant.advance(60_000)
    _check_stops(plant)


@_FEW
@given(seed=st.integers(0, 1 << 40), story=stories)
def test_stops_cover_exactly_the_time_that_was_not_running(seed: int, story: list[tuple[object, ...]]) -> None:
    plant = Plant(seed)
    _tell(plant, story)
    _check_stops(plant)


def _check_stops(plant: Plant) -> None:
    for unit in plant.units.values():
        stopped = dict.fromkeys(State, 0)
        last_end = 0
        for stop in unit.tally.stops:
            end = plant.now_ms if stop.ended_ms is None else stop.ended_ms
            assert last_end <= stop.began_ms <= end
            assert (stop.ended_ms is None) == (stop is unit.stop)
            stopped[stop.state] += end - stop.began_ms
            last_end = end
        del stopped[State.RUNNING]
        assert stopped == {state: ms for state, ms in unit.tally.state_ms.items() if state is not State.RUNNING}
        assert unit.state is (unit.stop.state if unit.stop else State.RUNNING)


@_FEW
@given(seed=st.integers(0, 1 << 40), cuts=st.lists(st.integers(1, 2000), min_size=2, max_size=4), story=stories)
def test_the_same_seed_gives_the_same_factory_however_time_is_cut(seed: int, cuts: list[int], story: list[tuple[object, ...]]) -> None:
    whole, pieces = Plant(seed), Plant(seed)
    _tell(whole, story)
    _tell(pieces, story)
    whole.advance(100 * sum(cuts))
    for cut in cuts:
        pieces.advance(100 * cut)
    assert _account(whole) == _account(pieces)


def test_another_seed_gives_another_factory() -> None:
    one, other = Plant(1), Plant(2)
    one.advance(600_000)
    other.advance(600_000)
    assert _account(one) != _account(other)


def _parts_in(line: Line, unit: WorkUnit) -> int:
    return unit.tally.cycles + (1 if unit.loaded else 0)


@_FEW
@given(seed=st.integers(0, 1 << 40), story=stories)
def test_no_part_appears_or_vanishes_between_units(seed: int, story: list[tuple[object, ...]]) -> None:
    plant = Plant(seed)
    _tell(plant, story)
    for line in plant.lines.values():
        for before, buffer, after in zip(line.units, line.buffers, line.units[1:], strict=False):
            assert 0 <= buffer.count <= buffer.capacity
            handed_on = before.tally.good - (1 if before.holding else 0)
            assert handed_on + buffer.capacity // 2 == _parts_in(line, after) + buffer.count


@settings(_FEW, max_examples=2)
@given(seed=st.integers(0, 1 << 40))
def test_counters_only_rise_and_wrap(seed: int) -> None:
    plant = Plant(seed)
    shown = {code: (unit.counter_good, unit.counter_reject) for code, unit in plant.units.items()}
    for half_minute in range(960):
        if half_minute >= 120 and plant.units["L2-M1"].counter_good < 1000:
            break  # an hour is enough to see counters rise; a seed with long stops needs more for the one that wraps
        plant.advance(30_000)
        for code, unit in plant.units.items():
            for old, new in zip(shown[code], (unit.counter_good, unit.counter_reject), strict=True):
                assert 0 <= new < UINT32
                assert (new - old) % UINT32 <= 12  # at most so many parts in half a minute
            shown[code] = (unit.counter_good, unit.counter_reject)
    assert plant.units["L2-M1"].counter_good < 1000, "one counter passes 2**32 within the first shift"


@_FEW
@given(seed=st.integers(0, 1 << 40), story=stories)
def test_a_unit_waits_only_for_what_is_missing(seed: int, story: list[tuple[object, ...]]) -> None:
    plant = Plant(seed)
    _tell(plant, story)
    for _ in range(300):
        plant.advance(1000)
        for unit in plant.units.values():
            if unit.state is State.WAITING and unit.stop is not None and not unit.stop.forced:
                if unit.stop.reason == PREVIOUS_EMPTY:
                    assert unit.upstream is not None
                    assert unit.upstream.count == 0
                if unit.stop.reason == NEXT_FULL:
                    assert unit.downstream is not None
                    assert unit.downstream.count >= unit.downstream.capacity - 1  # its neighbour took one a moment ago


@_FEW
@given(seed=st.integers(0, 1 << 40), story=stories)
def test_quantities_stay_within_what_is_possible(seed: int, story: list[tuple[object, ...]]) -> None:
    plant = Plant(seed)
    before = plant.energy_kwh
    _tell(plant, story)
    plant.advance(60_000)
    for name, value in plant.values().items():
        if not isinstance(value, float):
            continue
        assert math.isfinite(value)
        if "Temperature" in name:
            assert -20.0 <= value <= 320.0
        elif "Setpoint" not in name:
            assert value >= 0.0
        if name.endswith(".ToolWear"):
            assert value <= 100.0
    assert plant.energy_kwh > before
    assert plant.power_kw < 600.0
    assert all(0.0 <= unit.scrap_share() <= 0.6 for unit in plant.units.values())


def test_a_hotter_oven_spoils_parts_and_needs_power() -> None:
    plant, calm = Plant(3), Plant(3)
    plant.write("L3.M3.OvenSetpoint", 215.0)
    for factory in (plant, calm):
        factory.advance(1_800_000)
    oven, quiet = plant.units["L3-M3"], calm.units["L3-M3"]
    assert oven.signals["OvenTemperature"].value == pytest.approx(215.0, abs=3.0)
    assert oven.scrap_share() > quiet.scrap_share() + 0.2
    assert oven.tally.reject > quiet.tally.reject + 5
    assert oven.heat_kw > quiet.heat_kw
    assert oven.energy_kwh > quiet.energy_kwh


def test_a_faster_line_makes_more_and_a_drift_leads_back() -> None:
    fast, calm = Plant(5), Plant(5)
    fast.write("L5.M2.SpeedSetpoint", 60.0)
    for factory in (fast, calm):
        factory.advance(900_000)
    assert fast.units["L5-M2"].tally.good < 0.75 * calm.units["L5-M2"].tally.good
    pressure = calm.units["L2-M2"].signals["HydraulicPressure"]
    calm.drift("L2.M2.HydraulicPressure", -4.0)
    calm.advance(120_000)
    assert pressure.value == pytest.approx(pressure.level - 4.0)
    assert calm.units["L2-M2"].scrap_share() == 0.6
    calm.drift("L2.M2.HydraulicPressure", 0.0)
    calm.advance(120_000)
    assert pressure.value == pressure.level


def test_a_stopped_neighbour_starves_and_blocks_the_line() -> None:
    plant = Plant(11)
    plant.stop("L1-M2", "D04")
    plant.advance(900_000)
    units = plant.units
    assert units["L1-M2"].state is State.DOWN
    assert units["L1-M1"].stop is not None
    assert units["L1-M1"].stop.reason == NEXT_FULL
    assert units["L1-M3"].stop is not None
    assert units["L1-M3"].stop.reason == PREVIOUS_EMPTY
    plant.start("L1")
    plant.advance(60_000)
    assert units["L1-M2"].state is State.RUNNING


def test_a_cold_oven_warms_up_before_it_works() -> None:
    plant = Plant(1)
    oven = plant.units["L3-M3"]
    plant.stop("L3-M3", "D01", for_ms=1_200_000)
    plant.advance(1_200_000)
    assert oven.signals["OvenTemperature"].value < 100.0
    assert oven.state is State.SETUP
    assert oven.reported_reason == "D14"
    made = oven.tally.cycles
    plant.advance(60_000)
    assert oven.tally.cycles == made
    plant.advance(900_000)
    assert oven.signals["OvenTemperature"].value > 170.0


@pytest.mark.parametrize("reason", sorted(REASON_STATES))
def test_every_reason_stops_what_it_concerns(reason: str) -> None:
    plant = Plant(2)
    plant.stop("L4", reason, for_ms=30_000)
    stopped = [code for code in ("L4-M1", "L4-M2") if plant.units[code].stop]
    assert stopped == (["L4-M1", "L4-M2"] if reason in LINE_WIDE else ["L4-M2"])
    assert plant.units["L4-M2"].state is REASON_STATES[reason]
    plant.advance(30_000)
    ended = plant.units["L4-M2"].tally.stops[0]
    assert (ended.began_ms, ended.ended_ms, ended.forced) == (0, 30_000, True)


def test_a_machine_speaks_every_word_of_the_house_but_offline() -> None:
    assert {state.value for state in State} == {state.value for state in MachineState} - {"OFFLINE"}


def test_what_does_not_exist_is_refused() -> None:
    plant = Plant(1)
    with pytest.raises(Invalid, match=r"L9"):
        plant.stop("L9")
    with pytest.raises(Invalid, match=r"L9-M9"):
        plant.unit("L9-M9")
    with pytest.raises(Invalid):
        plant.stop("L1", "D77")
    with pytest.raises(Invalid):
        plant.write("L1.M2.Torque", 5.0)
    with pytest.raises(Invalid):
        plant.write("L2.M2.PressureSetpoint", math.nan)
    with pytest.raises(Invalid):
        plant.drift("L1.M1.GoodCount", 5.0)


def test_a_shift_looks_like_a_factory() -> None:
    plant = Plant(1)
    plant.advance(4 * 3_600_000)
    for line in plant.lines.values():
        unit = line.constraint
        running = unit.tally.state_ms[State.RUNNING] / plant.now_ms
        assert 0.5 < running < 0.92, line.spec.code
        assert 0 < unit.tally.reject < 0.06 * unit.tally.cycles, line.spec.code
        assert len({stop.reason for stop in unit.tally.stops}) >= 4, line.spec.code
