"""The state of a machine from bits of a word or from rules: every input gives one of the nine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment.state_rules import StateRule, rule_row, rule_state, stored_rule
from core.equipment.states import INVALID, NO_LINK, UNMAPPED, MachineState, bit_state, map_state, nearer_word, unknown_bits
from core.live.sample import Quality, Value

S = MachineState
BITS = {"bit1": "SETUP", "bit0": "DOWN", "else": "IDLE", "bit10": "RUNNING"}
RULES = (
    StateRule(S.DOWN, "fault", "is_true"),
    StateRule(S.MAINTENANCE, "mode", "==", "maint"),
    StateRule(S.WAITING, "word", "bit", 3),
    StateRule(S.RUNNING, "speed", ">", 0.5),
    StateRule(S.IDLE),
)
values = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | st.text(max_size=5)
names = st.sampled_from([*S, "running", "LOST", ""])


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (0, S.IDLE), (1, S.DOWN), (2, S.SETUP), (3, S.DOWN), (1024, S.RUNNING), (1026, S.SETUP), (8, S.IDLE), (-1, S.DOWN),
        (True, S.DOWN), (1024.0, S.RUNNING),
    ],
)  # fmt: skip
def test_the_lowest_named_bit_that_is_set_counts(word: Value, state: MachineState) -> None:
    assert bit_state(word, BITS) == (state, "")
    assert map_state(word, Quality.GOOD, BITS) == (state, "")


@pytest.mark.parametrize("word", [1.5, "run", None, float("nan"), float("inf")])
def test_what_is_no_word_has_no_state(word: Value) -> None:
    assert bit_state(word, BITS) == (S.OFFLINE, UNMAPPED)


def test_no_bit_without_else_is_outside_the_mapping() -> None:
    assert map_state(8, Quality.GOOD, {"bit0": "RUNNING"}) == (S.OFFLINE, UNMAPPED)
    assert map_state(1, Quality.OFFLINE, BITS) == (S.OFFLINE, NO_LINK)
    assert unknown_bits({"bit0": "x", "bit64": "x", "bit": "x", "bit01": "x", "1": "x", "else": "x"}) == ("bit64", "bit", "bit01", "1")


@given(values, st.dictionaries(st.sampled_from(["bit0", "bit5", "bit63", "else", "bitX"]), names, min_size=1))
def test_any_word_and_any_bits_give_one_of_the_nine(word: Value, states: dict[str, str]) -> None:
    state, why = bit_state(word, states)
    assert state in S
    assert not why or state is S.OFFLINE


def samples(**given: Value) -> dict[str, tuple[Value, Quality]]:
    whole: dict[str, Value] = {"fault": False, "mode": "auto", "word": 0, "speed": 0.0, **given}
    return {tag: (value, Quality.GOOD) for tag, value in whole.items()}


@pytest.mark.parametrize(
    ("given_", "state"),
    [
        ({}, S.IDLE),
        ({"speed": 0.6}, S.RUNNING),
        ({"speed": 0.6, "fault": True}, S.DOWN),
        ({"mode": "maint ", "speed": 9}, S.MAINTENANCE),
        ({"word": 8, "speed": 9}, S.WAITING),
        ({"fault": 2}, S.DOWN),
    ],
)
def test_the_first_rule_that_holds_counts(given_: dict[str, Value], state: MachineState) -> None:
    assert rule_state(RULES, samples(**given_)) == (state, "")


def test_otherwise_is_not_said_where_a_tag_is_not_known() -> None:
    """A machine whose link is down is not idle."""
    known = samples()
    assert rule_state(RULES, {**known, "speed": (None, Quality.OFFLINE)}) == (S.OFFLINE, NO_LINK)
    assert rule_state(RULES, {**known, "speed": (None, Quality.BAD)}) == (S.OFFLINE, INVALID)
    assert rule_state(RULES, {tag: known[tag] for tag in ("fault", "mode")}) == (S.OFFLINE, NO_LINK)
    assert rule_state(RULES, {"fault": (True, Quality.GOOD)}) == (S.DOWN, ""), "what is decided before it needs no other tag"
    assert rule_state(RULES, samples(speed="fast")) == (S.OFFLINE, INVALID)
    assert rule_state(RULES[:1], samples()) == (S.OFFLINE, UNMAPPED)


operators = st.sampled_from(["==", "!=", ">", ">=", "<", "<=", "bit", "is_true", "is_false", ""])
compared = st.integers(0, 63) | st.floats() | st.text(max_size=3)
rules = st.builds(StateRule, st.sampled_from(S), st.sampled_from(["a", "b", ""]), operators, compared)


@given(
    st.lists(rules.filter(lambda rule: not rule.problem), max_size=6),
    st.dictionaries(st.sampled_from("ab"), st.tuples(values, st.sampled_from(Quality))),
)
def test_any_rules_and_any_samples_give_one_of_the_nine(given_: list[StateRule], seen: dict[str, tuple[Value, Quality]]) -> None:
    state, why = rule_state(given_, seen)
    assert state in S
    assert not why or state is S.OFFLINE
    assert [stored_rule(rule_row(rule)) for rule in given_] == given_


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (StateRule(S.DOWN, "a", "is_true"), ""), (StateRule(S.DOWN), ""), (StateRule(S.DOWN, "a", "bit", 63), ""),
        (StateRule(S.DOWN, "a", "~"), "op"),  # type: ignore[arg-type]
        (StateRule(S.DOWN, "a"), "tag"), (StateRule(S.DOWN, "", ">", 1), "tag"), (StateRule(S.DOWN, "a", "bit", 64), "value"),
        (StateRule(S.DOWN, "a", "bit", 1.5), "value"), (StateRule(S.DOWN, "a", ">", "x"), "value"),
        (StateRule(S.DOWN, "a", ">", float("nan")), "value"),
    ],
)  # fmt: skip
def test_a_rule_that_is_none_says_why(rule: StateRule, problem: str) -> None:
    assert rule.problem == problem


def test_only_a_lost_link_is_called_one() -> None:
    assert nearer_word(*map_state(99, Quality.GOOD, {"1": "RUNNING"})) == "state.unmapped"
    assert nearer_word(S.OFFLINE, INVALID) == "data.BAD"
    assert nearer_word(S.OFFLINE, NO_LINK) == "", "the state's own word says it"
    assert nearer_word(S.OFFLINE, "", Quality.STALE) == "data.STALE"
    assert nearer_word(S.DOWN, "D07", Quality.BAD) == ""
