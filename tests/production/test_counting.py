"""From counter readings to parts: whatever happens to the readings, the sum is what was made."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.live.sample import Quality, Value
from core.live.tags import TagType
from core.production.counting import SETTLE_S, Counted, CounterTracker, Pace, modulus

GOOD, BAD, OFFLINE = Quality.GOOD, Quality.BAD, Quality.OFFLINE
PACE = Pace(slack=20, per_s=2.0)


def read(tracker: CounterTracker, *readings: tuple[Value, float], quality: Quality = GOOD) -> list[Counted]:
    return [counted for value, at in readings for counted in tracker.see(value, quality, at)]


def total(counted: list[Counted]) -> int:
    return sum(each.quantity for each in counted)


@dataclass
class Machine:
    """A counter as a controller keeps it, and how many parts an observer can know of."""

    modulus: int
    start: int
    at: float = 1_000_000.0
    counter: int = 0
    truth: int = 0
    readings: list[tuple[Value, Quality, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counter = self.start
        self.show()
        self.show()  # the very first reading of all is believed when it is seen again

    def show(self, value: Value | None = None, quality: Quality = GOOD) -> None:
        self.readings.append((self.counter if value is None else value, quality, self.at))

    def make(self, parts: int, after_s: float) -> None:
        self.at += after_s
        self.counter = (self.counter + parts) % self.modulus
        self.truth += parts
        self.show()


Step = tuple[str, int, float]
steps = st.lists(
    st.tuples(
        st.sampled_from(["make", "make", "make", "same", "nan", "text", "offline", "gap", "reset", "glitch", "late"]),
        st.integers(0, 20),
        st.sampled_from([0.5, 1.0, 5.0, 60.0]),
    ),
    max_size=60,
)


def play(machine: Machine, script: list[Step]) -> None:
    for name, parts, seconds in script:
        match name:
            case "make":
                machine.make(parts, seconds)
            case "same":
                machine.show()
            case "nan":
                machine.show(math.nan)
            case "text":
                machine.show("garbage")
            case "offline":
                machine.show(0, OFFLINE)
                machine.make(parts, seconds)
            case "gap":  # many parts in a long time without any reading
                machine.make(parts * 30, 3600.0)
            case "reset" if 1000 < machine.counter < machine.modulus * 3 // 4:
                machine.at += seconds
                machine.counter = parts
                machine.truth += parts
                machine.show()
            case "glitch" if 1000 < machine.counter < machine.modulus * 3 // 4:
                machine.at += 1.0
                machine.show(0 if parts % 2 else machine.modulus - 1 - parts)
                machine.make(1, 1.0)
            case "late":
                machine.readings.append((machine.counter // 2, GOOD, machine.at - 1.0))
    machine.show()


@given(script=steps, start=st.sampled_from([0, 17, 2000, 40_000, 65_500]), wide=st.booleans())
def test_the_sum_of_the_events_is_what_was_made(script: list[Step], start: int, wide: bool) -> None:
    machine = Machine(2**32 if wide else 2**16, start)
    play(machine, script)
    tracker = CounterTracker(machine.modulus, PACE)
    counted = [event for value, quality, at in machine.readings for event in tracker.see(value, quality, at)]
    counted += tracker.settle(machine.at + SETTLE_S)
    assert total(counted) == machine.truth
    assert all(event.quantity >= 0 for event in counted)
    assert [event.at for event in counted] == sorted(event.at for event in counted)
    good = [at for value, quality, at in machine.readings if quality is GOOD and isinstance(value, int)]
    for event in counted:
        assert (event.since is not None) is event.gap
        if event.since is not None:
            assert event.since <= event.at
            assert event.since in good, "between this reading and that one the parts were made"
    if counted:
        assert counted[-1].value == machine.counter


@given(script=steps, cut=st.integers(0, 60))
def test_a_successor_goes_on_from_the_last_stored_value(script: list[Step], cut: int) -> None:
    machine = Machine(2**16, 5000)
    play(machine, script)
    first, stored = CounterTracker(machine.modulus, PACE), []
    split = max(1, min(cut, len(machine.readings) - 1))
    # The first recorder dies at any reading; whatever it still doubted was not stored and is seen again as a gap.
    for value, quality, at in machine.readings[:split]:
        stored += first.see(value, quality, at)
    if not stored:
        return
    second = CounterTracker(machine.modulus, PACE, stored[-1].value, stored[-1].at)
    for value, quality, at in machine.readings[split:]:
        stored += second.see(value, quality, at)
    stored += second.settle(machine.at + SETTLE_S)
    assert stored[-1].value == machine.counter
    if not any(name in ("reset", "glitch", "late") for name, _, _ in script):
        assert total(stored) == machine.truth


def test_the_first_reading_is_where_counting_begins() -> None:
    tracker = CounterTracker(2**32, PACE)
    assert read(tracker, (5000, 0.0)) == []
    assert read(tracker, (5001, 1.0)) == [Counted(0.0, 0, 5000), Counted(1.0, 1, 5001)]


def test_a_gap_begins_where_the_counter_was_read_last() -> None:
    """Not at its last part: it stood still for hours before the link was lost, and that was seen."""
    tracker = CounterTracker(2**32, PACE, 10, 1.0)
    read(tracker, (10, 5.0), (10, 5000.0))
    read(tracker, (0, 5001.0), quality=OFFLINE)
    assert read(tracker, (15, 5060.0)) == [Counted(5060.0, 5, 15, gap=True, since=5000.0)]
    assert read(tracker, (16, 5061.0)) == [Counted(5061.0, 1, 16)]
    successor = CounterTracker(2**32, PACE, 10, 1.0, seen_until=50.0)
    assert read(successor, (20, 60.0)) == [Counted(60.0, 10, 20, gap=True, since=50.0)]
    ahead = CounterTracker(2**32, PACE, 10, 1.0, seen_until=70.0)  # the clock of the station before was ahead
    assert read(ahead, (20, 60.0)) == [Counted(60.0, 10, 20, gap=True, since=60.0)]


def test_the_zero_of_a_starting_controller_is_no_beginning() -> None:
    tracker = CounterTracker(2**32, PACE)
    counted = read(tracker, (0, 0.0), (5000, 1.0), (5000, 5.0), (5003, 10.0))
    assert total(counted) == 3
    counted = read(tracker, (0, 11.0), (5004, 12.0))
    assert total(counted) == 1
    assert not any(each.reset for each in counted)
    # Even when it shows the zero for so long that it was believed:
    counted = read(tracker, (0, 20.0), (0, 25.0), (2, 26.0), (5008, 28.0), (5008, 32.0))
    assert total(counted) == 4
    assert counted[0].reset


@pytest.mark.parametrize("type", [TagType.UINT16, TagType.INT16, TagType.UINT32, TagType.INT32])
def test_a_wrap_loses_nothing(type: TagType) -> None:
    full = 2 ** int(type.value[-2:])
    signed = type in (TagType.INT16, TagType.INT32)
    top, bottom = (full // 2 - 3, -full // 2 + 4) if signed else (full - 3, 4)
    tracker = CounterTracker(modulus(type), PACE, top, 0.0)
    counted = read(tracker, (top, 0.5), (bottom, 1.0))
    assert [(each.quantity, each.reset) for each in counted] == [(7, False)]


def test_a_counter_that_never_wraps_begins_again() -> None:
    assert modulus(TagType.FLOAT64) is None
    assert modulus(TagType.UINT64) is None
    tracker = CounterTracker(None, PACE, 65_530, 0.0)
    counted = read(tracker, (3.0, 1.0), (4.0, 2.0))
    assert [(each.quantity, each.reset) for each in counted] == [(3, True), (1, False)]


@pytest.mark.parametrize(("pace", "last"), [(Pace(20, 0.2), 50_000), (Pace(100, 10.0), 5_000)])
def test_a_reset_after_a_night_is_not_a_wrap(pace: Pace, last: int) -> None:
    tracker = CounterTracker(2**16, pace, last, 0.0)
    counted = read(tracker, (300, 8 * 3600.0), (300, 8 * 3600.0 + 4))
    assert [(each.quantity, each.reset, each.gap) for each in counted] == [(300, True, True)]


def test_missed_readings_are_marked() -> None:
    tracker = CounterTracker(2**32, PACE, 100, 0.0)
    assert [(each.quantity, each.gap) for each in read(tracker, (110, 1.0), (111, 2.0))] == [(10, True), (1, False)]
    read(tracker, (None, 3.0), quality=OFFLINE)
    assert [(each.quantity, each.gap) for each in read(tracker, (112, 9.0), (113, 10.0))] == [(1, True), (1, False)]
    jump = read(tracker, (500, 11.0), (501, 12.0))
    assert [(each.quantity, each.reset) for each in jump] == [(0, True), (1, False)]  # no machine makes 387 parts in a second


def test_a_preset_counter_is_no_production() -> None:
    tracker = CounterTracker(2**32, PACE, 100, 0.0)
    counted = read(tracker, (100, 1.0), (3_000_000_000, 2.0), (3_000_000_001, 3.0))
    assert [(each.quantity, each.reset) for each in counted] == [(0, True), (1, False)]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, None, "7", True, 7.5])
def test_what_is_no_whole_number_is_no_reading(value: Value) -> None:
    tracker = CounterTracker(2**32, PACE, 5, 0.0)
    assert read(tracker, (value, 1.0)) == []
    assert total(read(tracker, (6, 2.0))) == 1


def test_a_bad_value_is_no_reading() -> None:
    tracker = CounterTracker(2**32, PACE, 5, 0.0)
    assert read(tracker, (50_000, 1.0), quality=BAD) == []
    assert total(read(tracker, (6.0, 2.0))) == 1
