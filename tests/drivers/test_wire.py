"""Between two processes: nothing changes on the way, and a slow reader costs samples, not memory or order."""

from __future__ import annotations

import os
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drivers.wire import Outlet, pack, portions, receive, send, unpack
from core.live.sample import Batch, Quality

samples = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
        st.sampled_from(Quality),
        st.one_of(st.none(), st.floats(0, 2e9)),
        st.sampled_from(["", "why"]),
    ),
    max_size=20,
)


def made(at: float, rows: list[tuple[str, object, Quality, float | None, str]], source: str = "S") -> Batch:
    batch = Batch(source, at)
    for row in rows:
        batch.add(*row)  # type: ignore[arg-type]
    return batch


@given(samples)
def test_batch_survives_the_pipe(rows: list[tuple[str, object, Quality, float | None, str]]) -> None:
    batch = made(5.0, rows)
    arrived = unpack(pickle.loads(pickle.dumps(pack(batch))))
    assert arrived == batch
    assert all(type(quality) is Quality for quality in arrived.qualities)


@given(st.lists(samples, max_size=12), st.integers(1, 40))
def test_thinned_batches_keep_the_latest_of_every_tag(many: list[list[tuple[str, object, Quality, float | None, str]]], limit: int) -> None:
    batches = [made(float(number), rows) for number, rows in enumerate(many)]
    outlet = Outlet(limit)
    latest: dict[str, object] = {}
    for batch in batches:
        outlet.put(batch)
        for index, tag in enumerate(batch.tags):
            latest[tag] = batch.sample(index)
    taken = outlet.take()
    arrived: dict[str, object] = {}
    for batch in taken:
        for index, tag in enumerate(batch.tags):
            arrived[tag] = batch.sample(index)
    assert arrived == latest
    assert [batch.received_at for batch in taken] == sorted(batch.received_at for batch in taken)
    confirmed = [batch.received_at for batch in batches if not batch.tags]
    assert not confirmed or confirmed[-1] in [batch.received_at for batch in taken if not batch.tags]
    assert outlet.take() == []


def test_memory_is_bounded_when_nobody_takes() -> None:
    outlet = Outlet(1000)
    for number in range(2000):
        outlet.put(made(float(number), [(f"t{n}", number, Quality.GOOD, None, "") for n in range(50)]))
    assert sum(len(batch) + 1 for batch in outlet.take()) <= 1000
    assert outlet.merged > 90_000


def test_taker_is_woken_once_per_burst() -> None:
    woken: list[int] = []
    outlet = Outlet(wake=lambda: woken.append(1))
    for _ in range(5):
        outlet.put(Batch("S", 0.0))
    assert len(woken) == 1
    outlet.take()
    outlet.put(Batch("S", 0.0))
    assert len(woken) == 2


def test_large_message_and_the_end_of_a_pipe() -> None:
    read_end, write_end = os.pipe()
    message = ["x" * 5_000_000, 1, None]
    writer = threading.Thread(target=lambda: (send(write_end, message), os.write(write_end, b"\0\0"), os.close(write_end)))
    writer.start()
    assert receive(read_end) == message
    with pytest.raises(EOFError):
        receive(read_end)
    writer.join()
    os.close(read_end)


@given(st.lists(st.integers(0, 700), max_size=30))
def test_portions_keep_every_batch_in_order_and_none_is_much_larger_than_the_others(sizes: list[int]) -> None:
    batches = [Batch("S", float(number), tags=["a"] * size) for number, size in enumerate(sizes)]
    parts = list(portions(batches))
    assert [batch for part in parts for batch in part] == batches
    for part in parts:
        assert part
        assert sum(len(batch.tags) + 1 for batch in part[:-1]) < 500, "it ends with the batch that fills it"
