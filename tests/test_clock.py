"""Identifiers in the order they were made, whatever the computer's clock does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from core.clock import SystemClock, Uuid7Factory

MS = st.integers(0, 2**48 - 10_000)


def milliseconds(made: UUID) -> int:
    return made.int >> 80


@given(st.lists(MS, min_size=1, max_size=50))
def test_later_ones_sort_after_earlier_ones_also_when_time_steps_back(times: list[int]) -> None:
    factory = Uuid7Factory()
    made = [factory.make(ms) for ms in times]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)  # as text and as bytes too
    for one, ms in zip(made, times, strict=True):
        assert (one.version, one.variant) == (7, "specified in RFC 4122")
        assert milliseconds(one) >= ms
    assert milliseconds(made[0]) == times[0]


def test_more_than_the_counter_holds_in_one_millisecond() -> None:
    factory = Uuid7Factory()
    made = [factory.make(1_000) for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert milliseconds(made[-1]) - 1_000 <= 20_000 // 3_000


def test_two_stations_do_not_make_the_same() -> None:
    one, other = Uuid7Factory(), Uuid7Factory()
    assert not {one.make(5) for _ in range(2_000)} & {other.make(5) for _ in range(2_000)}


def test_threads_share_one_clock() -> None:
    clock = SystemClock()
    made: list[list[UUID]] = [[] for _ in range(4)]

    def work(into: list[UUID]) -> None:
        into.extend(clock.uuid7() for _ in range(2_000))

    threads = [threading.Thread(target=work, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(into == sorted(into) for into in made)
    assert len({one for into in made for one in into}) == 8_000


def test_the_computers_clock() -> None:
    clock = SystemClock()
    before = datetime.now(UTC)
    now = clock.now()
    assert before <= now <= datetime.now(UTC)
    assert now.tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
    assert abs(milliseconds(clock.uuid7()) / 1000 - now.timestamp()) < 1
