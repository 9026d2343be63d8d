"""Ticks of trends: round, inside, never too many; labels that tell neighbours apart."""

from __future__ import annotations

import itertools
import math
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmi.widgets.trend_axes import TimeAxis, ValueAxis, round_steps

ENDS = st.floats(-1e12, 1e12, allow_nan=False)


@given(ENDS, st.floats(1e-6, 1e12), st.integers(1, 40))
def test_ticks_are_round_inside_and_not_too_many(low: float, span: float, most: int) -> None:
    high = low + span
    if not high - low > abs(low) * 1e-9:
        return  # finer than the numbers themselves
    step, ticks = round_steps(low, high, most)
    mantissa = step / 10.0 ** math.floor(math.log10(step) + 1e-9)
    assert min(abs(mantissa - factor) for factor in (1, 2, 5)) < 1e-6
    assert len(ticks) <= most + 1
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert all(abs(second - first - step) <= step * 1e-3 for first, second in itertools.pairwise(ticks))


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [(0, 100, 3, [0, 50, 100]), (0, 100, 5, [0, 20, 40, 60, 80, 100]), (-1.5, 1.5, 4, [-1, 0, 1]), (0, 0, 5, []), (3, 1, 5, [])],
)
def test_ticks_of_ordinary_ranges(low: float, high: float, most: int, ticks: list[float]) -> None:
    assert round_steps(low, high, most)[1] == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.0, 0.02, ["0.000", "0.005", "0.010", "0.015", "0.020"]),
        (0, 12_500, ["0", "5000", "10000"]),
        (0, 5, ["0", "1", "2", "3", "4", "5"]),
    ],
)
def test_labels_have_the_digits_of_their_step(qapp: object, low: float, high: float, labels: list[str]) -> None:
    from hmi import theme

    size = theme.current().px(34) * 5.5
    assert [label for _, label in ValueAxis().ticks(low, high, size)] == labels


def test_times_are_round_and_of_the_site(qapp: object) -> None:
    from hmi import theme

    size = theme.current().px(110) * 6.5
    axis = TimeAxis(UTC)
    assert [label for _, label in axis.ticks(3_600.0, 3_900.0, size)] == ["01:00", "01:01", "01:02", "01:03", "01:04", "01:05"]
    assert [label for _, label in axis.ticks(3_601.0, 3_613.0, size)] == [
        "01:00:02",
        "01:00:04",
        "01:00:06",
        "01:00:08",
        "01:00:10",
        "01:00:12",
    ]
