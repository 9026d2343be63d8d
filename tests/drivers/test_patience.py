"""When a source is tried again: on paper, with the draw of chance in the test's hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drivers.patience import Patience, Pauses

LONGEST = Patience(jitter=lambda low, high: high)


def lost(pauses: Pauses, times: int, *, refused: bool = False) -> None:
    for _ in range(times):
        pauses.failed(held=False, refused=refused)


def test_a_refusal_after_a_long_outage_is_a_first_refusal() -> None:
    pauses = Pauses(LONGEST)
    lost(pauses, 40)
    seen = []
    for _ in range(8):
        lost(pauses, 1, refused=True)
        seen.append(pauses.next_s(True, 0.0))
    assert seen == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    lost(pauses, 1)
    assert pauses.next_s(True, 0.0) == 2.0
    lost(pauses, 1, refused=True)
    assert pauses.next_s(True, 0.0) == 0.5


def test_a_host_that_was_good_is_tried_at_fixed_distances() -> None:
    pauses = Pauses(LONGEST)
    lost(pauses, 10)
    assert pauses.next_s(True, 0.5) == 1.5
    assert pauses.next_s(True, 5.0) == 0.0
    assert pauses.next_s(False, 0.5) == 5.0, "nobody has seen this one yet"
    lost(pauses, 10, refused=True)
    assert pauses.next_s(True, 5.0) == 30.0, "a log-in is not tried the faster because its refusal took long"


@pytest.mark.parametrize(("took_s", "attempts_s"), [(0.0, [2.0, 2.0, 5.0, 2.0, 2.0, 5.0]), (1.0, [3.0, 3.0, 5.0, 3.0, 3.0, 5.0])])
def test_every_third_attempt_has_all_its_time(took_s: float, attempts_s: list[float]) -> None:
    pauses = Pauses(LONGEST)
    pauses.failed(held=True, refused=False)
    seen = []
    for _ in range(6):
        seen.append(pauses.attempt_s(True, took_s))
        lost(pauses, 1)
    assert seen == attempts_s
    assert pauses.attempt_s(False, took_s) == 5.0


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0, 10)), min_size=1, max_size=40))
def test_a_host_that_was_good_never_waits_longer_than_two_seconds(ends: list[tuple[bool, bool, float]]) -> None:
    pauses = Pauses(Patience())
    for held, refused, spent_s in ends:
        pauses.failed(held=held, refused=refused)
        pause_s = pauses.next_s(True, spent_s)
        assert 0.0 <= pause_s <= (30.0 if refused else max(0.0, 2.0 - spent_s))
