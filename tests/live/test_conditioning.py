"""What is passed on of a tag: limits, deadband and doubt, for any sequence of values and any protocol."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.live.conditioning import ABOVE, BELOW, CLAMPED_HIGH, CLAMPED_LOW, CONFIRM_S, FROZEN, NOT_A_NUMBER, Conditioning
from core.live.sample import Batch, Quality, Value
from core.live.tags import TagSpec, TagType

PLAIN = TagSpec("plain", "PLC", "", TagType.FLOAT64)


def tag(kind: TagType = TagType.FLOAT64, **settings: object) -> TagSpec:
    return TagSpec("t", "PLC", "", kind, **settings)  # type: ignore[arg-type]


def batch(*samples: tuple[Value, Quality] | Value, at: float = 1000.0) -> Batch:
    made = Batch("PLC", at)
    for sample in samples:
        value, quality = sample if isinstance(sample, tuple) else (sample, Quality.GOOD)
        made.add("t", value, quality, at - 0.1, "" if quality is Quality.GOOD else "word")
    return made


def said(passed: Batch) -> list[tuple[Value, Quality, str]]:
    return [(value, passed.qualities[n], passed.statuses.get(n, "")) for n, value in enumerate(passed.values)]


@pytest.mark.parametrize(
    ("outside", "value", "expected"),
    [
        ("mark", 10.0, (10.0, Quality.GOOD, "")),
        ("mark", 10.1, (None, Quality.BAD, ABOVE)),
        ("mark", -5.1, (None, Quality.BAD, BELOW)),
        ("clamp", 10.1, (10.0, Quality.UNCERTAIN, CLAMPED_HIGH)),
        ("clamp", -1e300, (-5.0, Quality.UNCERTAIN, CLAMPED_LOW)),
        ("mark", math.nan, (None, Quality.BAD, NOT_A_NUMBER)),
        ("clamp", math.inf, (None, Quality.BAD, NOT_A_NUMBER)),
        ("clamp", "12", (None, Quality.BAD, NOT_A_NUMBER)),
        ("clamp", True, (None, Quality.BAD, NOT_A_NUMBER)),
    ],
)
def test_engineering_limits(outside: str, value: Value, expected: tuple[Value, Quality, str]) -> None:
    rules = Conditioning("PLC", [tag(valid_low=-5.0, valid_high=10.0, outside=outside)])
    assert said(rules.take(batch(value), 0.0)) == [expected]


def test_a_batch_without_rules_is_not_touched_and_neighbours_keep_their_place() -> None:
    rules = Conditioning("PLC", [PLAIN, tag(valid_high=1.0)])
    untouched = Batch("PLC", 1.0)
    untouched.add("plain", math.nan, Quality.UNCERTAIN, 0.5, "why")
    assert rules.take(untouched, 0.0) is untouched
    mixed = Batch("PLC", 1.0)
    mixed.add("plain", 1.0, Quality.UNCERTAIN, 0.5, "why")
    mixed.add("t", 2.0)
    mixed.add("plain", 3.0)
    passed = rules.take(mixed, 0.0)
    assert (passed.tags, passed.values, passed.source_at) == (["plain", "t", "plain"], [1.0, None, 3.0], [0.5, None, None])
    assert passed.statuses == {0: "why", 1: ABOVE}


def test_a_deadband_lets_through_what_is_news() -> None:
    rules = Conditioning("PLC", [tag(deadband=0.5)])
    passed = [rules.take(batch(value), n * 0.1).values for n, value in enumerate([10.0, 10.5, 9.5, 10.6, 10.2, 11.2])]
    assert passed == [[10.0], [], [], [10.6], [], [11.2]]
    assert rules.take(batch((11.2, Quality.UNCERTAIN)), 0.7).values == [11.2], "a change of quality always passes"
    assert rules.take(batch((None, Quality.BAD)), 0.8).qualities == [Quality.BAD]
    assert rules.take(batch(11.2), 0.9).values == [11.2]
    assert rules.take(batch(11.2), 0.9 + CONFIRM_S).values == [11.2], "its age on screen must not grow for ever"


def test_a_deadband_in_per_cent_is_of_the_display_range() -> None:
    assert tag(low=-50.0, high=150.0, deadband_percent=1.0).news_from == 2.0
    assert tag(low=-50.0, high=150.0, deadband_percent=1.0, deadband=3.0).news_from == 3.0
    assert tag(low=0.0, deadband_percent=1.0).news_from == 0.0


def test_after_a_loss_the_first_value_is_news() -> None:
    rules = Conditioning("PLC", [tag(deadband=0.5, frozen_after_s=5.0)])
    rules.take(batch(10.0), 0.0)
    rules.lose(batch((None, Quality.OFFLINE)))
    assert rules.doubts(1.0, 60.0) is None
    assert said(rules.take(batch(10.0), 60.0)) == [(10.0, Quality.GOOD, "")], "what happened meanwhile is not known"


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 1), st.sampled_from([Quality.GOOD, Quality.UNCERTAIN, Quality.BAD]))))
def test_what_is_shown_is_never_further_off_than_the_deadband(steps: list[tuple[float, float, Quality]]) -> None:
    rules, now = Conditioning("PLC", [tag(deadband=3.0)]), 0.0
    shown: tuple[Value, Quality] = (None, Quality.NEVER)
    for value, pause, quality in steps:
        now += pause
        arrived = None if quality is Quality.BAD else value
        passed = rules.take(batch((arrived, quality)), now)
        if passed.tags:
            shown = passed.values[-1], passed.qualities[-1]
        assert shown[1] is quality
        assert shown[0] is None if arrived is None else abs(arrived - shown[0]) <= 3.0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("kind", "value", "other"), [(TagType.FLOAT64, 7.25, 7.26), (TagType.BOOL, True, False), (TagType.STRING, "A", "B")]
)
def test_a_polled_value_that_stands_still_is_doubted_until_it_moves(kind: TagType, value: Value, other: Value) -> None:
    rules = Conditioning("PLC", [tag(kind, frozen_after_s=10.0)])
    for second in range(10):
        assert said(rules.take(batch(value), second)) == [(value, Quality.GOOD, "")]
    assert said(rules.take(batch(value), 10.0)) == [(value, Quality.UNCERTAIN, FROZEN)]
    assert rules.doubts(1.0, 11.0) is None, "said once"
    assert said(rules.take(batch(other), 12.0)) == [(other, Quality.GOOD, "")]


def test_a_subscribed_value_is_doubted_without_a_sample_of_its_own() -> None:
    rules = Conditioning("PLC", [tag(frozen_after_s=10.0), PLAIN])
    rules.take(batch(7.0, at=500.0), 0.0)
    assert rules.doubts(509.0, 9.9) is None
    doubtful = rules.doubts(510.0, 10.0)
    assert doubtful is not None
    assert (said(doubtful), doubtful.source_at, doubtful.received_at) == ([(7.0, Quality.UNCERTAIN, FROZEN)], [499.9], 510.0)
    assert rules.doubts(511.0, 11.0) is None


def test_a_deadband_does_not_make_a_living_value_look_frozen() -> None:
    rules = Conditioning("PLC", [tag(deadband=1.0, frozen_after_s=5.0)])
    for second in range(20):
        passed = rules.take(batch(10.0 + 0.1 * (second % 2)), second)
        assert not any(passed.qualities)
        assert rules.doubts(1.0, second) is None


anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())


@given(st.lists(st.tuples(anything, st.sampled_from(Quality))), st.sampled_from(TagType), st.sampled_from(["mark", "clamp"]))
def test_whatever_arrives_nothing_wrong_passes_as_a_number(samples: list[tuple[Value, Quality]], kind: TagType, outside: str) -> None:
    settings = {"valid_low": -10.0, "valid_high": 10.0, "deadband": 1.0, "frozen_after_s": 3.0, "outside": outside}
    if kind in (TagType.BOOL, TagType.STRING):
        settings = {"frozen_after_s": 3.0}
    rules = Conditioning("PLC", [tag(kind, **settings)])
    for second, (value, quality) in enumerate(samples):
        passed = rules.take(batch((value, quality)), second)
        for index, shown in enumerate(passed.values):
            usable = passed.qualities[index].usable
            if usable and kind not in (TagType.BOOL, TagType.STRING):
                assert not isinstance(shown, bool)
                assert isinstance(shown, int | float)
                assert -10.0 <= shown <= 10.0
            assert passed.qualities[index] >= quality


def test_a_change_of_quality_passes_also_without_a_word_for_it() -> None:
    rules = Conditioning("PLC", [tag(deadband=0.5)])
    rules.take(batch(10.0), 0.0)
    wordless = Batch("PLC", 1.0)
    wordless.add("t", 10.0, Quality.UNCERTAIN)
    assert said(rules.take(wordless, 0.1)) == [(10.0, Quality.UNCERTAIN, "")]
