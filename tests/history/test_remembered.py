"""Two hours over a restart: what was kept comes back, with a gap where nobody looked, bounded, and damage costs a minute."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.clock import SystemClock
from core.history.recent import CAPACITY, Recent
from core.history.remembered import KEEP_S, PIECES_MAX, SAMPLES_MAX, Remembered, Stretch
from core.live.sample import Batch, Quality
from core.station.remembering import Remembering

NOW = 1_800_000_000.0


class Clock(SystemClock):
    """Stands still."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


async def at_once(work: Callable[[], Any]) -> Any:
    return work()


def stretch(at: list[float], value: list[float]) -> Stretch:
    return Stretch(np.array(at), np.array(value), np.zeros(len(at), np.uint8))


def put(recent: Recent, tag: str, at: float, value: float | None) -> None:
    batch = Batch("PLC", at)
    batch.add(tag, value, Quality.GOOD if value is not None else Quality.OFFLINE)
    recent.put(batch)


def remembering(recent: Recent, folder: Path, at: float = NOW) -> Remembering:
    on: Callable[[Callable[[], Any]], Awaitable[Any]] = at_once
    return Remembering(recent, folder, Clock(at), on)


def test_a_restart_goes_on_where_it_was_with_a_gap(tmp_path: Path) -> None:
    first = Recent()
    keeping = remembering(first, tmp_path / "recent")
    for second in range(150):
        put(first, "A", NOW - 600 + second, float(second))
        if second % 50 == 0:
            put(first, "B", NOW - 600 + second, None if second == 50 else float(second))
            asyncio.run(keeping.put_aside())
    asyncio.run(keeping.put_aside())
    asyncio.run(keeping.put_aside())
    pieces = sorted((tmp_path / "recent").glob("*.npz"))
    assert pieces, "in pieces"

    second_run = Recent()
    again = remembering(second_run, tmp_path / "recent", NOW + 1)
    asyncio.run(again.bring_back())
    span = second_run.span("A")
    assert span is not None
    assert span[0] == NOW - 600
    assert [second_run.value_at("A", NOW - 600 + at)[0] for at in (0, 17, 148)] == [0.0, 17.0, 148.0]
    put(second_run, "A", NOW, 7.0)
    assert second_run.value_at("A", NOW)[0] == 7.0
    window = second_run.window("A", NOW - 600, NOW + 1, 601)
    assert np.isnan(window.low[151:599]).all(), "nobody looked: a gap, not a line"
    assert not np.isnan(window.low[:149]).any()
    assert second_run.value_at("B", NOW - 540)[0] is None
    # what was brought back is not written a second time
    before = {path.name: path.stat().st_mtime_ns for path in pieces}
    asyncio.run(again.put_aside())
    mine = Remembered(tmp_path / "recent").read(NOW + 2)
    assert len(mine["A"].at) == len(set(mine["A"].at.tolist()))
    assert set(before) <= {path.name for path in (tmp_path / "recent").glob("*.npz")} | set(before)


def test_there_is_an_end_to_what_is_kept(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path)
    many = {f"T{number}": stretch([NOW + at for at in range(100)], [float(at) for at in range(100)]) for number in range(3_000)}
    remembered.write(many, NOW)
    (piece,) = tmp_path.glob("*.npz")
    assert piece.stat().st_size < 17 * SAMPLES_MAX + 200_000
    assert Remembered(tmp_path).read(NOW + 99)["T0"].at[-1] == NOW + 99, "the newest of each stays"
    for number in range(1, PIECES_MAX + 20):
        remembered.write({"T": stretch([NOW + number], [1.0])}, NOW + number)
    assert len(list(tmp_path.glob("*.npz"))) <= PIECES_MAX + 1
    remembered.write({"T": stretch([NOW + 2 * KEEP_S], [1.0])}, NOW + 2 * KEEP_S)
    assert len(list(tmp_path.glob("*.npz"))) == 1


def test_damage_costs_a_minute(tmp_path: Path) -> None:
    remembered = Remembered(tmp_path)
    for number in range(3):
        remembered.write({"T": stretch([NOW + number], [float(number)])}, NOW + number)
    paths = sorted(tmp_path.glob("*.npz"))
    whole = paths[1].read_bytes()
    for cut, flip in itertools.product((len(whole), len(whole) // 2, 10, 0), (False, True)):
        damaged = bytearray(whole[:cut])
        if flip and damaged:
            damaged[len(damaged) // 3] ^= 0xFF
        paths[1].write_bytes(damaged)
        found = Remembered(tmp_path).read(NOW + 10)["T"].value.tolist()
        assert {0.0, 2.0} <= set(found)
    for path in paths:
        path.write_bytes(b"x")
    assert Remembered(tmp_path).read(NOW + 10) == {}
    assert list(tmp_path.glob("*.npz")) == []


def test_a_long_past_fills_the_ring_and_no_more() -> None:
    recent = Recent()
    at = NOW + np.arange(3 * CAPACITY, dtype=float)
    recent.refill("T", at, at - NOW, np.zeros(len(at), np.uint8))
    span = recent.span("T")
    assert span is not None
    assert span[0] == at[-CAPACITY + 1]
    for second in range(200):
        put(recent, "T", float(at[-1]) + 1 + second, 1.0)
    assert recent.value_at("T", float(at[-1]) + 100)[0] == 1.0
