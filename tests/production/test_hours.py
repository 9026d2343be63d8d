"""A shift hour by hour, targets by planned time, and losses by reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.equipment.shifts import busy_spans
from core.equipment.states import MachineState, Segment
from core.production.elements import Policy, pieces, stretches_of
from core.production.hours import hour_rows
from core.production.losses import Failure, by_reason, failures, pareto, stops
from core.production.pace import Pace, finish, measured, pace_per_hour, queue_finish, shift_target, target_now
from core.production.time_views import BUSY, Element
from tests.production.strategies import REASONS, policies, segments
from tests.production.test_elements import LENGTH_S, T0, at, did, judged, shift

M = MachineState
PACE = (Pace(at(0), at(510), 60.0),)


def rows_of(now: float, *states: Segment, breaks: tuple[tuple[float, float], ...] = ((120, 130),)) -> list[object]:
    worked = shift(0, 510, *breaks)
    found = pieces(stretches_of(states, at(now)), [worked], [], Policy(), at(0), at(now), REASONS)
    return list(hour_rows(worked, found, [(50, 1)] * 9, PACE, at(now)))


def test_the_rows_add_up_to_the_shift_and_a_break_lowers_its_hour() -> None:
    rows = rows_of(510, did(M.RUNNING, 0, 510))
    assert [row.target for row in rows] == [60, 60, 50, 60, 60, 60, 60, 60, 30]
    assert [row.planned_s for row in rows] == [3600, 3600, 3000, 3600, 3600, 3600, 3600, 3600, 1800]
    assert {row.state for row in rows} == {"past"}
    assert [row.lost for row in rows] == [0] * 9


def test_a_stop_costs_what_would_have_been_made_in_it() -> None:
    rows = rows_of(
        510, did(M.RUNNING, 0, 50), did(M.DOWN, 50, 80, "D01"), did(M.RUNNING, 80, 180), did(M.WAITING, 180, 190), did(M.RUNNING, 190, 510)
    )
    assert [row.lost for row in rows] == [10, 20, 0, 10, 0, 0, 0, 0, 0]
    assert [row.reasons for row in rows[:4]] == [("D01",), ("D01",), (), ("D99",)]
    assert rows[0].stop_s == 600


def test_hours_to_come_and_blind_hours_have_lost_nothing() -> None:
    rows = rows_of(150, did(M.RUNNING, 0, 60), did(M.OFFLINE, 60, 150), breaks=())
    assert [row.state for row in rows] == ["past", "past", "now"] + ["future"] * 6
    assert [row.lost for row in rows] == [0] * 9
    assert [row.coverage for row in rows][:3] == [1.0, 0.0, 0.0]
    assert [row.coverage for row in rows][3:] == [1.0] * 6


@settings(max_examples=60, deadline=None)
@given(data=st.data(), policy=policies, now_s=st.integers(0, LENGTH_S), per_hour=st.floats(0, 5000))
def test_nothing_is_lost_in_healthy_time(data: st.DataObject, policy: Policy, now_s: int, per_hour: float) -> None:
    now = T0 + timedelta(seconds=now_s)
    worked = shift(0, 510, (120, 130))
    stretches = stretches_of(data.draw(segments(T0, LENGTH_S)), now)
    found = pieces(stretches, [worked], [], policy, T0, now, REASONS)
    rows = hour_rows(worked, found, [], (Pace(at(0), at(510), per_hour),), now)
    for row in rows:
        stood = sum(
            (min(piece.to_at, row.to_at) - max(piece.from_at, row.from_at)).total_seconds()
            for piece in stops(found)
            if piece.from_at < row.to_at and piece.to_at > row.from_at
        )
        assert row.stop_s == pytest.approx(stood)
        assert 0 <= row.lost <= stood * per_hour / 3600 + 1e-6
        assert row.lost > stood * per_hour / 3600 - 1 - 1e-6
        assert 0 <= row.coverage <= 1
    assert sum(row.target for row in rows) == shift_target((Pace(at(0), at(510), per_hour),), busy_spans([worked]), at(510))
    assert sum(row.planned_s for row in rows) == 500 * 60


# --- pace ------------------------------------------------------------------------------------------------------------


def test_a_break_is_no_reason_to_be_behind() -> None:
    spans = busy_spans([shift(0, 480, (60, 70))])
    assert [target_now(60.0, spans, at(0), at(minute), Decimal(500)) for minute in (30, 60, 65, 70, 130, 480, 900)] == [
        30,
        60,
        60,
        60,
        120,
        470,
        470,
    ]
    assert target_now(60.0, spans, at(0), at(480), Decimal(100)) == 100
    assert target_now(60.0, spans, at(90), at(30), Decimal(100)) == 0


@given(planned=st.decimals(1, 10_000, places=0), begin=st.integers(0, 480), more=st.integers(0, 500), pace=st.floats(0, 5000))
def test_the_target_rises_with_planned_time_and_ends_at_the_plan(planned: Decimal, begin: int, more: int, pace: float) -> None:
    spans = busy_spans([shift(0, 480, (60, 70))])
    target = target_now(pace, spans, at(0), at(begin), planned)
    assert 0 <= target <= planned
    assert target_now(pace, spans, at(0), at(begin + more), planned) >= target


def test_the_pace_is_the_product_s_cycle_or_the_line_s_capacity_and_what_was_measured_after_a_while() -> None:
    assert pace_per_hour(0.75, 120, 85) == pytest.approx(68.0)
    assert pace_per_hour(None, 120, 85) == pytest.approx(102.0)
    assert measured(60, Decimal(19), 3600) == 60
    assert measured(60, Decimal(20), 599) == 60
    assert measured(60, Decimal(30), 3600) == 30


def test_an_order_is_done_after_the_shifts_it_needs() -> None:
    first, second = shift(0, 480, (60, 70)), shift(960, 1440)
    spans = busy_spans([first, second])
    assert finish(at(30), Decimal(30), 60.0, lambda moment: spans) == at(60)
    assert finish(at(30), Decimal(31), 60.0, lambda moment: spans) == at(71)  # not in the break
    assert finish(at(470), Decimal(20), 60.0, lambda moment: spans) == at(970)  # in the next shift
    assert finish(at(500), Decimal(20), 60.0, lambda moment: spans) == at(980)
    assert finish(at(30), Decimal(0), 0.0, lambda moment: spans) == at(30)
    assert finish(at(30), Decimal(30), 0.0, lambda moment: spans) is None
    assert finish(at(30), Decimal(5000), 60.0, lambda moment: spans) is None
    assert finish(at(30), Decimal(10**9), 60.0, lambda moment: spans) is None


def test_a_queue_is_done_one_after_the_other() -> None:
    spans = busy_spans([shift(0, 480, (60, 70))])
    done = queue_finish(
        at(0),
        [("a", Decimal(50), 60.0), ("b", Decimal(20), 60.0), ("c", Decimal(5000), 60.0), ("d", Decimal(1), 60.0)],
        lambda moment: spans,
    )
    assert done == {"a": at(50), "b": at(80), "c": None, "d": None}


# --- losses ----------------------------------------------------------------------------------------------------------


def test_stops_by_reason_with_the_unexplained_ones_and_merged_ones_once() -> None:
    found = judged(
        did(M.RUNNING, 0, 100),
        did(M.DOWN, 100, 130, "D01"),
        did(M.RUNNING, 130, 140),
        did(M.DOWN, 140, 150, "D01"),
        did(M.WAITING, 150, 160),
        did(M.RUNNING, 160, 480),
        worked=[shift(0, 480, (110, 120))],
    )
    bars = pareto(by_reason(found))
    assert [(bar.key, bar.seconds, bar.stops) for bar in bars] == [("D01", 1800, 2), ("D99", 600, 1)]
    assert [bar.cumulated for bar in bars] == [0.75, 1.0]
    merged = pareto(by_reason(found, {at(140): at(100)}))
    assert [(bar.key, bar.seconds, bar.stops) for bar in merged] == [("D01", 1800, 1), ("D99", 600, 1)]
    assert pareto(by_reason(judged(did(M.RUNNING, 0, 480)))) == ()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), policy=policies)
def test_the_bars_are_all_the_stopped_time(data: st.DataObject, policy: Policy) -> None:
    to_at = T0 + timedelta(seconds=LENGTH_S)
    found = pieces(stretches_of(data.draw(segments(T0, LENGTH_S)), to_at), [shift()], [], policy, T0, to_at, REASONS)
    stood = sum(piece.seconds for piece in found if piece.element in BUSY and piece.element is not Element.RUN)
    for by in ("reason", "order"):
        bars = pareto(by_reason(found, by=by))  # type: ignore[arg-type]
        assert sum(bar.seconds for bar in bars) == pytest.approx(stood)
        assert sum(bar.share for bar in bars) == pytest.approx(1 if bars else 0)
        assert all(bar.stops > 0 for bar in bars)


def test_mean_times_between_and_to_repair() -> None:
    assert failures([Failure(at(0), at(30)), Failure(at(100), at(110)), Failure(at(400), None)]) == (3, 2, 2400.0)
    assert failures([]) == (0, 0, 0.0)


def test_orders_have_their_own_bars() -> None:
    from tests.production.test_elements import ORDER

    found = judged(did(M.RUNNING, 0, 100), did(M.DOWN, 100, 130), did(M.RUNNING, 130, 480), runs=[ORDER])
    assert by_reason(found, by="order") == ((str(UUID(int=1)), 1800.0, 1),)
