"""What a stop is and what may be said of it, for any sequence of states and edits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment import stop_rules
from core.equipment.states import MachineState, Segment
from core.equipment.stop_rules import Said
from core.equipment.stop_views import PartView
from core.equipment.views import StopReasonView
from core.errors import Invalid

ZERO = datetime(2026, 7, 14, 1, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
S = MachineState
NAME = {"ja": "x", "en": "x"}


def at(seconds: float) -> datetime:
    return ZERO + timedelta(seconds=seconds)


def stop(began: float = 0, ended: float | None = 600, state: MachineState = S.DOWN, reason: str = "") -> Segment:
    return Segment(state, at(began), None if ended is None else at(ended), reason)


def reason(code: str, grouping: str = "minor stop", bucket: str = "performance") -> StopReasonView:
    return StopReasonView(code, NAME, grouping, bucket, "ADET")


moments = st.integers(-100, 800)
words = st.builds(
    Said,
    from_at=moments.map(at),
    reason_code=st.sampled_from(["", "D01", "D07", "D99"]),
    decided_at=st.integers(0, 2000).map(at),
    by=st.just("tanaka"),
    state=st.none(),
)
segments = st.builds(
    stop,
    began=st.integers(0, 200),
    ended=st.none() | st.integers(201, 700),
    state=st.sampled_from(sorted(stop_rules.STOPS | {S.OFFLINE})),
    reason=st.sampled_from(["", "D02"]),
)


@given(segments, st.lists(words, max_size=8))
def test_whatever_is_said_the_parts_cover_the_stop_without_gap_or_overlap(segment: Segment, said: list[Said]) -> None:
    parts = stop_rules.parts_of(segment, said)
    assert parts[0].from_at == segment.started_at
    starts = [part.from_at for part in parts]
    assert starts == sorted(set(starts))
    assert segment.ended_at is None or starts[-1] < segment.ended_at
    pieces = stop_rules.effective(segment, parts)
    assert pieces[0].started_at == segment.started_at
    assert pieces[-1].ended_at == segment.ended_at
    assert [piece.ended_at for piece in pieces[:-1]] == [piece.started_at for piece in pieces[1:]]
    now = at(5000)
    assert sum(piece.seconds(now) for piece in pieces) == pytest.approx(segment.seconds(now))
    assert {piece.state for piece in pieces} == {segment.state}


@given(segments, st.lists(words, max_size=6), moments)
def test_splitting_and_merging_again_changes_nothing(segment: Segment, said: list[Said], cut: int) -> None:
    before = stop_rules.parts_of(segment, said)
    try:
        stop_rules.check_split(segment, before, at(cut), at(5000), TOKYO)
    except Invalid:
        assert not segment.started_at < at(cut) < (segment.ended_at or at(5000)) or at(cut) in {part.from_at for part in before}
        return
    new = Said(at(cut), "D07", at(9999))
    assert len(stop_rules.parts_of(segment, [*said, new])) == len(before) + 1
    assert stop_rules.parts_of(segment, said) == before


@given(st.lists(words, max_size=8))
def test_the_last_word_about_a_moment_counts(said: list[Said]) -> None:
    segment = stop()
    (first, *_) = stop_rules.parts_of(segment, said)
    about = [each for each in said if each.from_at <= segment.started_at]
    newest = max(about, key=lambda each: each.decided_at, default=None)
    if newest is None:
        assert first == PartView(ZERO)
    elif sum(each.decided_at == newest.decided_at for each in about) == 1:
        assert first.reason_code == newest.reason_code


def test_what_was_said_after_the_end_never_reaches_a_later_stop() -> None:
    """The panel of a dead station went on showing a stop that was long over."""
    late = Said(at(700), "D01", at(800), "tanaka")
    assert stop_rules.parts_of(stop(0, 600), [late]) == (PartView(ZERO),)


def test_taking_back_brings_the_machines_own_reason_back() -> None:
    segment = stop(reason="D05")
    assert stop_rules.parts_of(segment, [Said(ZERO, "D01", at(10), "a")])[0].reason_code == "D01"
    taken = stop_rules.parts_of(segment, [Said(ZERO, "D01", at(10), "a"), Said(ZERO, "", at(20), "a")])
    assert (taken[0].reason_code, taken[0].source) == ("D05", "machine")


def test_a_gap_is_what_a_leader_says_and_offline_before() -> None:
    gap = stop(state=S.OFFLINE, reason="no_link")
    assert stop_rules.parts_of(gap, [])[0].reason_code == ""
    parts = stop_rules.parts_of(gap, [Said(at(100), "", at(900), "leader", state=S.RUNNING)])
    assert [(each.state, each.reason_code) for each in stop_rules.effective(gap, parts)] == [(S.OFFLINE, "no_link"), (S.RUNNING, "")]


@pytest.mark.parametrize(
    ("state", "seconds", "known", "minor"),
    [
        (S.DOWN, 120, None, True),
        (S.DOWN, 300, None, False),
        (S.MINOR_STOP, 120, None, True),
        (S.MINOR_STOP, 300, None, False),
        (S.DOWN, 120, reason("D01", "unplanned", "availability"), False),
        (S.DOWN, 120, reason("D99", "unplanned", "availability"), True),
        (S.DOWN, 120, reason("D10", "setup", "availability"), False),
        (S.DOWN, 120, reason("D24", "planned", "excluded"), False),
        (S.DOWN, 120, reason("D07"), True),
        (S.SETUP, 120, None, False),
        (S.WAITING, 120, None, False),
    ],
)
def test_short_stops_are_minor_unless_somebody_knows_better(
    state: MachineState, seconds: int, known: StopReasonView | None, minor: bool
) -> None:
    assert stop_rules.is_minor(stop(0, seconds, state), known, 300, at(9999)) is minor


def test_while_it_lasts_a_stop_is_what_the_machine_says_until_the_threshold() -> None:
    assert stop_rules.is_minor(stop(ended=None, state=S.MINOR_STOP), None, 300, at(100))
    assert not stop_rules.is_minor(stop(ended=None, state=S.DOWN), None, 300, at(100))
    assert not stop_rules.is_minor(stop(ended=None, state=S.MINOR_STOP), None, 300, at(300))


def test_only_lasting_unexplained_stops_ask_for_a_reason() -> None:
    now = at(9999)
    assert stop_rules.needs_reason(stop(0, 300), "", 300, now)
    assert stop_rules.needs_reason(stop(0, 300), "D99", 300, now)
    assert not stop_rules.needs_reason(stop(0, 300), "D07", 300, now)
    assert not stop_rules.needs_reason(stop(0, 299), "", 300, now)
    assert not stop_rules.needs_reason(stop(0, 900, S.OFFLINE), "", 300, now)
    assert not stop_rules.needs_reason(stop(0, 900, S.PLANNED_STOP), "", 300, now)


def test_a_stop_is_found_by_any_moment_of_it_and_a_little_before() -> None:
    chain = [stop(0, 100, S.RUNNING), stop(100, 200), stop(200, 300, S.DOWN, "D02"), stop(300, 400, S.RUNNING), stop(400, None)]
    meant = {100: 1, 199: 1, 200: 2, 96: 1, 94: None, 350: None, 395: 4, 9000: 4}
    for moment, place in meant.items():
        found = stop_rules.segment_at(chain, at(moment))
        assert found is (None if place is None else chain[place]), moment


@pytest.mark.parametrize("language", ["ja", "en"])
def test_steps_follow_each_other(language: str) -> None:
    marked = {"noticed": at(10), "repaired": at(100)}
    stop_rules.check_step("responded", at(50), ZERO, marked, TOKYO)
    for moment in (5, 101):
        with pytest.raises(Invalid) as refused:
            stop_rules.check_step("responded", at(moment), ZERO, marked, TOKYO)
        assert f"10:0{moment // 60}:{moment % 60:02d}" in refused.value.lines(language).what  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        stop_rules.check_step("noticed", at(-1), ZERO, {}, TOKYO)


@given(st.dictionaries(st.sampled_from(["D01", "D07", "D24", "D99", "D77"]), st.integers(0, 9)))
def test_the_reasons_of_this_machine_come_first(counts: dict[str, int]) -> None:
    catalogue = ["D01", "D07", "D24", "D99"]
    first = stop_rules.frequent(counts, catalogue, 3)
    assert set(first) == {"D01", "D07", "D24"}
    assert list(first) == sorted(first, key=lambda code: (-counts.get(code, 0), catalogue.index(code)))
