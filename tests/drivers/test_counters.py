"""Latency and clock difference from source times that are early, late, old, repeated or missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drivers.counters import Counters
from core.live.sample import Batch

EPOCH = 1_800_000_000.0


def feed(counters: Counters, delays: list[float | None], every_s: float = 0.1, start: float = 10.0) -> float:
    """Batches of two samples whose freshest arose ``delay`` before they were received; returns the time of the last one."""
    now = start
    for delay in delays:
        batch = Batch("PLC", EPOCH + now)
        batch.add("a", 1.0, source_at=None if delay is None else EPOCH + now - delay)
        batch.add("b", 1.0, source_at=None if delay is None else EPOCH + now - delay - 50)
        counters.count(batch, now)
        now += every_s
    return now


def settled() -> Counters:
    counters = Counters()
    feed(counters, [5.0], start=0.0)  # older than the connection: it says nothing
    return counters


def test_percentiles_of_the_last_ten_seconds() -> None:
    counters = settled()
    end = feed(counters, [0.010 + 0.001 * n for n in range(100)], 0.05)
    rates = counters.rates(end)
    assert rates.latency_ms == pytest.approx((60.0, 105.0, 109.0))
    assert rates.clock_ahead_s == 0.0
    assert rates.updates_per_s == pytest.approx(20.0)


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0, 7.5, -86_400.0])
def test_a_wrong_clock_is_measured_and_taken_out_of_the_latency(ahead_s: float) -> None:
    counters = settled()
    # Now and then a value is late; the clock is not blamed for it.
    end = feed(counters, [0.05 - ahead_s + (20.0 if n % 5 == 0 else 0.01 * (n % 3)) for n in range(40)])
    rates = counters.rates(end)
    assert rates.clock_ahead_s == pytest.approx(ahead_s, abs=0.1)
    assert rates.latency_ms is not None
    assert 0 <= rates.latency_ms[0] < 100
    assert rates.latency_ms[2] == pytest.approx(20_000, rel=0.02)
    counters.forget()
    assert counters.rates(end).clock_ahead_s == pytest.approx(ahead_s, abs=0.1), "a reconnect does not set a clock"
    set_right = feed(counters, [0.05] * 45, start=end)
    assert counters.rates(set_right).clock_ahead_s == 0.0


def test_what_was_said_before_and_what_carries_no_time_says_nothing() -> None:
    counters = settled()
    feed(counters, [None] * 10)
    old = EPOCH - 5_000
    for now in range(12, 30):
        batch = Batch("PLC", EPOCH + now)
        batch.add("a", 1.0, source_at=old)
        counters.count(batch, float(now))
    rates = counters.rates(30.0)
    assert rates.clock_ahead_s is not None, "the first time it was heard it was news"
    for now in range(30, 50):
        counters.count(batch, float(now))
    assert counters.rates(50.0).latency_ms is None


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=60))
def test_any_delays_give_numbers(delays: list[float | None]) -> None:
    counters = settled()
    end = feed(counters, delays)
    rates = counters.rates(end)
    assert rates.updates_per_s >= 0
    if rates.latency_ms is not None:
        assert 0 <= rates.latency_ms[0] <= rates.latency_ms[1] <= rates.latency_ms[2]
