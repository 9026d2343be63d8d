"""The rules of work orders, on every state and on generated numbers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid, Refused
from core.production import rules
from core.production.views import BlockerView, OrderStatus

NOW = datetime(2026, 7, 14, 1, 0, tzinfo=UTC)
BLOCKER = BlockerView(UUID(int=1), "quality", "受入検査待ち", "sato", NOW)

S = OrderStatus
LEGAL = {
    (rules.RELEASE, S.PLANNED, S.RELEASED),
    (rules.START, S.RELEASED, S.IN_PROGRESS),
    (rules.PAUSE, S.IN_PROGRESS, S.PAUSED),
    (rules.RESUME, S.PAUSED, S.IN_PROGRESS),
    (rules.HOLD, S.IN_PROGRESS, S.HELD),
    (rules.HOLD, S.RELEASED, S.HELD),
    (rules.UNHOLD, S.HELD, S.IN_PROGRESS),
    (rules.UNHOLD, S.HELD, S.RELEASED),
    (rules.COMPLETE, S.IN_PROGRESS, S.COMPLETED),
    (rules.COMPLETE, S.PAUSED, S.COMPLETED),
    (rules.CLOSE, S.COMPLETED, S.CLOSED),
    *((rules.CANCEL, state, S.CANCELLED) for state in (S.PLANNED, S.RELEASED, S.IN_PROGRESS, S.PAUSED, S.HELD)),
}
"""The agreed table, written out a second time on purpose."""


@given(operation=st.sampled_from(sorted(rules.TRANSITIONS)), status=st.sampled_from(S), started=st.booleans())
def test_exactly_the_agreed_steps_are_legal(operation: str, status: OrderStatus, started: bool) -> None:
    allowed = {after for name, before, after in LEGAL if (name, before) == (operation, status)}
    if not allowed:
        with pytest.raises(Refused, match=r"WO-1") as refusal:
            rules.state_after(operation, "WO-1", status, started=started)
        assert refusal.value.code == "order.not_legal"
        return
    assert rules.state_after(operation, "WO-1", status, started=started) in allowed


def test_a_held_order_returns_to_where_it_was_held() -> None:
    assert rules.state_after(rules.UNHOLD, "WO-1", S.HELD, started=True) is S.IN_PROGRESS
    assert rules.state_after(rules.UNHOLD, "WO-1", S.HELD, started=False) is S.RELEASED


def test_every_state_can_be_reached_and_only_three_are_final() -> None:
    reached = {S.PLANNED}
    while True:
        more = {after for steps in rules.TRANSITIONS.values() for before, afters in steps.items() if before in reached for after in afters}
        if more <= reached:
            break
        reached |= more
    assert reached == set(S)
    final = {state for state in S if not any(state in steps for steps in rules.TRANSITIONS.values())}
    assert final == {S.CANCELLED, S.CLOSED}


@given(status=st.sampled_from(S), started=st.booleans(), blocked=st.booleans())
def test_the_offered_buttons_are_the_legal_steps(status: OrderStatus, started: bool, blocked: bool) -> None:
    offered = rules.next_operations(status, started=started, blockers=[BLOCKER] if blocked else [])
    legal = {name for name, before, _ in LEGAL if before is status}
    if blocked:
        legal -= {rules.START, rules.RESUME, rules.UNHOLD}
    assert set(offered) - {rules.REPORT} == legal
    assert len(set(offered)) == len(offered)


def test_a_blocker_forbids_starting_and_says_why() -> None:
    with pytest.raises(Refused) as refusal:
        rules.check_blockers(rules.START, "WO-7", [BLOCKER])
    assert "受入検査待ち" in refusal.value.lines("ja").what
    rules.check_blockers(rules.COMPLETE, "WO-7", [BLOCKER])
    rules.check_blockers(rules.START, "WO-7", [])


@pytest.mark.parametrize(
    ("text", "number"), [("WO-1", "WO-1"), ("  WO-1\t", "WO-1"), ("ＷＯ－１２", "WO-12"), ("WO", "WO"), ("WO" + "9" * 48, "WO" + "9" * 48)]
)
def test_numbers_are_stored_half_width(text: str, number: str) -> None:
    assert rules.clean_number(text) == number


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "order.number_prefix"),
        ("A-1", "order.number_prefix"),
        ("wo-1", "order.number_prefix"),
        ("WO" + "9" * 49, "order.number_length"),
        ("WO\x1d1", "order.number_length"),
        ("WO\u202e1", "order.number_length"),
    ],
)
def test_other_numbers_are_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rules.clean_number(text)
    assert refusal.value.code == code


@given(taken=st.lists(st.one_of(st.integers(1, 5000).map(lambda n: f"WO-260714-{n:03d}"), st.text(max_size=20).map(lambda t: "WO" + t))))
def test_a_made_number_is_new_valid_and_sorts_last(taken: list[str]) -> None:
    number = rules.next_number(date(2026, 7, 14), taken)
    assert number not in taken
    assert rules.clean_number(number) == number
    assert number.startswith(rules.number_prefix(date(2026, 7, 14)))


@pytest.mark.parametrize(
    ("code", "first_line"),
    [
        ("order.end_before_start", "終了予定は開始予定より後である必要があります"),
        ("order.number_prefix", "ワークオーダー番号はWOで始まる必要があります"),
        ("order.completed_negative", "完了数量は0以上である必要があります"),
        ("order.product_unknown", "指定された製品が見つかりません"),
        ("order.number_taken", "ワークオーダー番号が既に存在します"),
        ("order.not_found", "ワークオーダーが見つかりません"),
    ],
)
def test_the_agreed_sentences_stand_first(code: str, first_line: str) -> None:
    assert Invalid(code).lines("ja").what == first_line


def test_schedule_quantity_priority_and_reason() -> None:
    rules.check_schedule(NOW, NOW + timedelta(seconds=1))
    for end in (NOW, NOW - timedelta(days=1)):
        with pytest.raises(Invalid):
            rules.check_schedule(NOW, end)
    rules.check_planned(Decimal("0.000001"))
    for planned in ("0", "-1", "NaN", "Infinity"):
        with pytest.raises(Invalid):
            rules.check_planned(Decimal(planned))
    rules.check_completed(Decimal(0))
    for completed in ("-0.000001", "NaN"):
        with pytest.raises(Invalid):
            rules.check_completed(Decimal(completed))
    for priority in (0, 11, -5):
        with pytest.raises(Invalid):
            rules.check_priority(priority)
    rules.check_priority(1)
    rules.check_priority(10)
    assert rules.check_reason("  刃具交換 ") == "刃具交換"
    with pytest.raises(Invalid):
        rules.check_reason(" \u3000")


@given(remaining=st.decimals(-1000, 100_000, places=3), good=st.decimals(0, 100_000, places=3))
def test_a_leader_is_asked_above_a_tenth_more_than_remains(remaining: Decimal, good: Decimal) -> None:
    left = max(Decimal(0), remaining)
    assert rules.is_over(remaining, good) == (good - left > left / 10)


@pytest.mark.parametrize(("good", "over"), [(20, False), (22, False), ("22.000001", True), (200, True)])
def test_twenty_remaining_allow_twenty_two(good: int | str, over: bool) -> None:
    assert rules.is_over(Decimal(20), Decimal(good)) is over
