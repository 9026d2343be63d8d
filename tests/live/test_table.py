"""The table keeps the latest, tells what changed, and never lies about age."""

from __future__ import annotations

from core.live.sample import Batch, Quality
from core.live.table import Table
from tests.conftest import ExpectedLog


def batch(at: float, *samples: tuple[str, object, Quality, float | None]) -> Batch:
    made = Batch("PLC", at)
    for tag, value, quality, source_at in samples:
        made.add(tag, value, quality, source_at, "" if quality is Quality.GOOD else "why")  # type: ignore[arg-type]
    return made


def test_latest_of_a_batch_wins_with_its_own_status() -> None:
    table = Table()
    table.put(batch(10.0, ("a", 1, Quality.BAD, 9.0), ("b", 2, Quality.GOOD, None), ("a", 3, Quality.GOOD, 9.5)))
    sample = table.get("a")
    assert (sample.value, sample.quality, sample.status, sample.source_at, sample.received_at) == (3, Quality.GOOD, "", 9.5, 10.0)
    assert table.take_changed() == {"a", "b"}
    assert table.take_changed() == set()


def test_unknown_is_never() -> None:
    sample = Table().get("nobody")
    assert (sample.value, sample.quality, sample.received_at) == (None, Quality.NEVER, 0.0)


def test_lost_values_stay_visible_with_their_age() -> None:
    table = Table()
    table.put(batch(10.0, ("a", 1, Quality.GOOD, 9.0)))
    for quality in (Quality.STALE, Quality.OFFLINE):
        table.put(batch(20.0, ("a", None, quality, None), ("never", None, quality, None)))
        sample = table.get("a")
        assert (sample.value, sample.quality, sample.status, sample.source_at, sample.received_at) == (1, quality, "why", 9.0, 10.0)
        assert table.get("never").value is None
        assert table.get("never").received_at == 0.0


def test_bad_is_news_and_takes_the_value_away() -> None:
    table = Table()
    table.put(batch(10.0, ("a", 1, Quality.GOOD, 9.0)))
    table.put(batch(11.0, ("a", None, Quality.BAD, 10.5)))
    assert (table.get("a").value, table.get("a").received_at) == (None, 11.0)


def test_confirmation_keeps_usable_values_young() -> None:
    table = Table()
    table.put(batch(10.0, ("a", 1, Quality.GOOD, 9.0), ("b", None, Quality.BAD, 9.0)))
    table.put(Batch("PLC", 30.0))
    table.put(Batch("ANOTHER", 40.0))
    assert (table.get("a").received_at, table.get("a").at) == (30.0, 9.0)
    assert table.get("b").received_at == 10.0, "a bad value is not confirmed by anything"
    table.put(batch(50.0, ("a", None, Quality.OFFLINE, None)))
    assert table.get("a").received_at == 30.0, "what was confirmed before the loss stays so"
    table.put(Batch("PLC", 60.0))
    assert table.get("a").received_at == 30.0


def test_subscribers_get_every_batch_and_do_not_disturb_each_other(expect_log: ExpectedLog) -> None:
    expect_log(r"a subscriber of the live table failed")
    table = Table()
    got: list[Batch] = []

    def fails(batch: Batch) -> None:
        raise ValueError("recorder")

    table.subscribe(fails)
    end = table.subscribe(got.append)
    first, second = batch(1.0, ("a", 1, Quality.GOOD, None)), Batch("PLC", 2.0)
    table.put(first)
    table.put(second)
    end()
    table.put(batch(3.0, ("a", 2, Quality.GOOD, None)))
    assert got == [first, second]
    assert table.get("a").value == 2


def test_forgotten_tags_are_never() -> None:
    table = Table()
    table.put(batch(1.0, ("a", 1, Quality.GOOD, None)))
    table.take_changed()
    table.forget({"a"})
    assert table.get("a").quality is Quality.NEVER
    assert table.take_changed() == {"a"}
