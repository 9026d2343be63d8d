"""The six errors: words in the reader's language, whole after a journey between processes, never a failure of their own."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Conflict, GenbaError, Invalid, Lines, NotConfirmed, NotConnected, Refused, Unavailable, message_codes

SIX = (NotConnected, Refused, Invalid, Conflict, NotConfirmed, Unavailable)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just({"ja": "組立", "en": "Assembly"}))


def test_three_lines_with_their_values() -> None:
    error = Refused("store.no_right", operation="production:order:start")
    for language in ("ja", "en"):
        lines = error.lines(language)  # type: ignore[arg-type]
        assert isinstance(lines, Lines)
        assert all(lines)
        assert "{" not in "".join(lines)
    assert str(error) == " ".join(error.lines("en")[:2])


def test_a_bilingual_value_is_said_in_the_readers_language() -> None:
    error = Invalid("config.bad_value", key="k", file="f", value="v", allowed={"ja": "数値", "en": "a number"})
    assert "数値" in error.lines("ja").do
    assert "a number" not in error.lines("ja").do
    assert "a number" in error.lines("en").do


def test_a_value_nobody_gave_is_a_dash() -> None:
    assert "—" in Invalid("config.bad_value", key="k").lines("en").what


@given(st.sampled_from(SIX), st.sampled_from(sorted(message_codes())), st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), PLAIN))
def test_no_text_ever_fails(kind: type[GenbaError], code: str, params: dict[str, Any]) -> None:
    error = kind(code, **params)
    assert all(error.lines("ja"))
    assert all(error.lines("en"))
    assert error.severity in {"info", "confirm", "warning", "error"}


@pytest.mark.parametrize("kind", SIX)
def test_it_crosses_the_border_of_a_process(kind: type[GenbaError]) -> None:
    sent = kind("driver.no_answer", source="PLC-1", detail="timeout")
    arrived = pickle.loads(pickle.dumps(sent))
    assert type(arrived) is kind
    assert (arrived.code, arrived.params, arrived.kind) == (sent.code, sent.params, sent.kind)
    assert arrived.lines("ja") == sent.lines("ja")


def test_there_are_six_and_each_has_a_word_for_the_wire() -> None:
    assert set(GenbaError.__subclasses__()) == set(SIX)
    assert len({kind.kind for kind in SIX}) == 6
