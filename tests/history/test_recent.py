"""The ring of recent samples against a plain list, and how much memory it takes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.history.moment import moment
from core.history.recent import Recent
from core.live.sample import Batch, Quality, Value


def batch_of(at: float, value: Value, quality: Quality = Quality.GOOD, tag: str = "T") -> Batch:
    batch = Batch("PLC", at)
    batch.add(tag, value, quality)
    return batch


@st.composite
def pasts(draw: st.DrawFn) -> list[tuple[float, Value, Quality]]:
    at, past = 1000.0, []
    for _ in range(draw(st.integers(0, 60))):
        at += draw(st.sampled_from([0.0, 0.25, 1.0, 1.0, 7.0]))
        if draw(st.integers(0, 4)):
            past.append((at, draw(st.sampled_from([-2.0, 0, 1.5, 3, True])), draw(st.sampled_from([Quality.GOOD, Quality.UNCERTAIN]))))
        else:
            past.append((at, None, draw(st.sampled_from([Quality.BAD, Quality.OFFLINE, Quality.STALE]))))
    return past


def naive_window(kept: list[tuple[float, float]], known_until: float, edges: np.ndarray) -> tuple[list[float], list[float]]:
    low, high = [], []
    for left, right in itertools.pairwise(edges):
        seen = [value for at, value in kept if left <= at < right]
        before = [value for at, value in kept if at < left]
        if before and left <= known_until:
            seen.append(before[-1])
        usable = [value for value in seen if not math.isnan(value)]
        low.append(min(usable, default=math.nan))
        high.append(max(usable, default=math.nan))
    return low, high


@given(past=pasts(), start=st.floats(980, 1100), length=st.floats(0.5, 300), columns=st.integers(1, 40))
def test_every_column_shows_what_a_plain_list_shows(
    past: list[tuple[float, Value, Quality]], start: float, length: float, columns: int
) -> None:
    recent = Recent()
    kept: list[tuple[float, float]] = []
    qualities: list[Quality] = []
    for at, value, quality in past:
        recent.put(batch_of(at, value, quality))
        number = float(value) if isinstance(value, int | float) and quality.usable else math.nan
        if math.isnan(number) and (not kept or (math.isnan(kept[-1][1]) and qualities[-1] is quality)):
            continue
        kept.append((at, number))
        qualities.append(quality)
    known_until = past[-1][0] if past else -math.inf
    shown = recent.window("T", start, start + length, columns)
    low, high = naive_window(kept, known_until, np.linspace(start, start + length, columns + 1))
    np.testing.assert_array_equal(shown.low, low)
    np.testing.assert_array_equal(shown.high, high)
    assert len(shown.at) == columns


@given(count=st.integers(1, 1000), capacity=st.integers(64, 300))
def test_the_ring_keeps_the_newest(count: int, capacity: int) -> None:
    recent = Recent(capacity)
    for second in range(count):
        recent.put(batch_of(float(second), second))
    assert recent.span("T") == (max(0, count - capacity), count - 1)
    for at in (max(0, count - capacity), count - 1):
        assert recent.value_at("T", at) == (float(at), Quality.GOOD)
    if count > capacity:
        assert recent.value_at("T", count - capacity - 1) == (None, Quality.NEVER)


def test_memory_is_bounded() -> None:
    recent = Recent(capacity=1000)
    for second in range(5000):
        recent.put(batch_of(float(second), second))
    ring = recent._rings["T"]
    assert ring.at.nbytes + ring.value.nbytes + ring.quality.nbytes == 17 * 1000


def test_a_slow_tag_is_a_line_until_its_link_breaks() -> None:
    recent = Recent()
    recent.put(batch_of(100.0, 5.0))
    recent.put(Batch("PLC", 150.0))  # confirmed: still so
    assert recent.value_at("T", 149.0) == (5.0, Quality.GOOD)
    recent.put(batch_of(160.0, None, Quality.OFFLINE))
    recent.put(batch_of(170.0, 6.0))
    shown = recent.window("T", 90.0, 200.0, 11)
    expected = [math.nan, 5, 5, 5, 5, 5, 5, 5, 6, math.nan, math.nan]
    # The column that begins at 170 holds the sample of 170; nothing is known after it, and before 100.
    np.testing.assert_array_equal(shown.low, expected)
    assert recent.value_at("T", 165.0) == (None, Quality.OFFLINE)


def test_texts_unknown_tags_and_forgotten_tags_are_all_gap() -> None:
    recent = Recent()
    recent.put(batch_of(1.0, "RUNNING"))
    recent.put(batch_of(1.0, None, Quality.OFFLINE))
    assert recent.span("T") is None
    assert np.isnan(recent.window("T", 0, 10, 5).low).all()
    recent.put(batch_of(2.0, 4))
    recent.forget({"T", "unknown"})
    assert recent.value_at("T", 2.0) == (None, Quality.NEVER)


@pytest.mark.parametrize(
    ("source_at", "expected"), [(None, 1000.0), (999.5, 999.5), (1005.0, 1000.0), (900.0, 1000.0), (99999.0, 1000.0), (math.nan, 1000.0)]
)
def test_a_source_clock_is_believed_while_it_is_near(source_at: float | None, expected: float) -> None:
    assert moment(source_at, 1000.0) == expected
