"""When a value counts as stale, for any order of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.live.ageing import Ageing
from core.live.sample import Batch, Quality
from core.live.tags import TagSpec, TagType

FAST, SLOW = TagSpec("fast", "S", "", TagType.BOOL, 0.5), TagSpec("slow", "S", "", TagType.BOOL, 10.0)


def sample(tag: str, quality: Quality = Quality.GOOD) -> Batch:
    made = Batch("S", 0.0)
    made.add(tag, True, quality)
    return made


def test_each_tag_has_its_own_patience_and_is_marked_once() -> None:
    ageing = Ageing("S", [FAST, SLOW])
    ageing.saw(sample("fast"), 0.0)
    ageing.saw(sample("slow"), 0.0)
    assert ageing.stale(0.0, 5.0) is None
    marked = ageing.stale(100.0, 5.1)
    assert marked is not None
    assert (marked.tags, marked.values, marked.qualities, marked.received_at) == (["fast"], [None], [Quality.STALE], 100.0)
    assert ageing.stale(0.0, 6.0) is None
    late = ageing.stale(0.0, 30.1)
    assert late is not None
    assert late.tags == ["slow"]


def test_confirmation_keeps_everything_fresh() -> None:
    ageing = Ageing("S", [FAST])
    ageing.saw(sample("fast"), 0.0)
    ageing.saw(Batch("S", 0.0), 60.0)
    assert ageing.stale(0.0, 65.0) is None
    assert ageing.stale(0.0, 65.1) is not None


def test_bad_values_do_not_age() -> None:
    ageing = Ageing("S", [FAST])
    ageing.saw(sample("fast"), 0.0)
    ageing.saw(sample("fast", Quality.BAD), 1.0)
    assert ageing.stale(0.0, 100.0) is None


def test_offline_marks_all_tags_once() -> None:
    ageing = Ageing("S", [FAST, SLOW])
    ageing.saw(sample("fast"), 0.0)
    marked = ageing.offline(7.0, "driver.link_broken")
    assert (marked.tags, set(marked.qualities)) == (["fast", "slow"], {Quality.OFFLINE})
    assert marked.sample(1).status == "driver.link_broken"
    assert ageing.stale(0.0, 100.0) is None


def test_what_never_comes_is_owed_from_the_first_word_after_a_loss() -> None:
    ageing = Ageing("S", [FAST, SLOW])
    assert ageing.stale(0.0, 100.0) is None, "before the first word nobody owes anything"
    for start in (100.0, 200.0):
        ageing.saw(Batch("S", 0.0), start)
        ageing.saw(sample("slow", Quality.CONFIG), start + 4.0)
        assert ageing.stale(0.0, start + 5.0) is None
        marked = ageing.stale(0.0, start + 5.1)
        assert marked is not None
        assert (marked.tags, marked.qualities) == (["fast"], [Quality.STALE])
        assert ageing.stale(0.0, start + 50.0) is None, "once, and not what said that something is wrong"
        ageing.offline(0.0, "driver.link_broken")


@given(st.lists(st.tuples(st.floats(0.01, 4.0), st.sampled_from(["fast", "slow", "confirm", "look"])), max_size=60))
def test_never_stale_while_news_comes_in_time_and_always_after(events: list[tuple[float, str]]) -> None:
    ageing = Ageing("S", [FAST, SLOW])
    now = 0.0
    ageing.saw(sample("fast"), now)
    ageing.saw(sample("slow"), now)
    news: dict[str, float] = dict.fromkeys(("fast", "slow"), now)
    stale: set[str] = set()
    for wait, event in events:
        now += wait
        if event == "look":
            marked = ageing.stale(0.0, now)
            for name in marked.tags if marked else ():
                allowed = {"fast": FAST, "slow": SLOW}[name].stale_after_s
                assert now - news[name] > allowed
                assert name not in stale
                stale.add(name)
            assert all(name in stale or now - at <= max(FAST.stale_after_s, SLOW.stale_after_s) for name, at in news.items())
        elif event == "confirm":
            ageing.saw(Batch("S", 0.0), now)
            news.update(dict.fromkeys(set(news) - stale, now))
        else:
            ageing.saw(sample(event), now)
            news[event] = now
            stale.discard(event)
