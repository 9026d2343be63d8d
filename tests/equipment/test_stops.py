"""What people say about stops, in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from core.equipment import stops
from core.equipment.states import MachineState
from core.equipment.stop_views import StopView
from core.errors import Conflict, GenbaError, Invalid, Refused
from core.store.operation import Actor
from tests.production.conftest import Plant, plant_rows, with_time

if TYPE_CHECKING:
    from core.store.base import Db

UNIT = "L1-M2"
ITO = Actor("ito", "Ito", frozenset({"supervisor"}), frozenset({"*"}), "TEST", None)


@pytest.fixture
def plant(db: Db) -> Iterator[Plant]:
    made = plant_rows(db)
    with_time(db, 0)
    made.lease("PLC", 10)
    yield made
    made.owner("DELETE FROM genba.lease WHERE holder = 'TEST'")


def ago(plant: Plant, minutes: float) -> datetime:
    return plant.db.now - timedelta(minutes=minutes)


def act(plant: Plant, operation: Any, began: float, actor: Actor | None = None, unit: str = UNIT, **args: Any) -> StopView:
    view: StopView = operation(plant.db, actor or plant.db.actor, work_unit_code=unit, began_at=ago(plant, began), **args)
    return view


def listed(plant: Plant, **args: Any) -> list[StopView]:
    plant.db.expire_all()
    return list(stops.list_stops(plant.db, line_code="L1", **args).items)


def day(plant: Plant) -> None:
    """Running, ten minutes down, running, two minutes down with a reason of the PLC, running, down since five minutes."""
    for state, begin, end, reason in (
        ("RUNNING", -120, -100, ""), ("DOWN", -100, -90, ""), ("RUNNING", -90, -50, ""), ("DOWN", -50, -48, "D07"),
        ("RUNNING", -48, -6, ""), ("DOWN", -6, None, ""),
    ):  # fmt: skip
        plant.segment(UNIT, state, begin, end, reason)


def parts(plant: Plant, stop: StopView) -> list[tuple[float, str, str]]:
    return [((plant.db.now - part.from_at).total_seconds() / 60, part.reason_code, part.source) for part in stop.parts]


def test_a_stop_is_explained_in_one_word_and_taken_back(plant: Plant) -> None:
    day(plant)
    newest, minor, long = listed(plant)
    assert [each.needs_reason for each in (newest, minor, long)] == [True, False, True]
    assert (minor.minor, long.minor, minor.version) == (True, False, 0)
    assert (long.ended_at, long.restarted_at, newest.restarted_at) == (ago(plant, 90), ago(plant, 90), None)
    done = act(plant, stops.explain_stop, 100, reason_code="D01", comment="軸受", version=0)
    assert (parts(plant, done), done.needs_reason, done.version) == ([(100, "D01", "person")], False, 1)
    assert done.parts[0].comment == "軸受"
    assert [each.needs_reason for each in listed(plant, open_only=True)] == [True]
    back = act(plant, stops.explain_stop, 100, reason_code="", version=done.version)
    assert (parts(plant, back), back.needs_reason) == ([(100, "", "")], True)
    believed = act(plant, stops.explain_stop, 50, reason_code="D01")
    assert not believed.minor


def test_the_badge_counts_what_waits_for_a_reason(plant: Plant) -> None:
    day(plant)
    plant.segment("L2-M1", "WAITING", -30, -20)
    open_ones = stops.open_stops(plant.db)
    assert [(each.line_code, each.count, each.work_unit_code) for each in open_ones] == [("L1", 2, UNIT), ("L2", 1, "L2-M1")]
    assert open_ones[0].oldest_at == ago(plant, 100)
    act(plant, stops.explain_stop, 100, reason_code="D01")
    act(plant, stops.explain_stop, 6, reason_code="D99")  # nobody knows: it waits on
    assert [(each.line_code, each.count) for each in stops.open_stops(plant.db)] == [("L1", 1), ("L2", 1)]


def test_the_reasons_of_this_machine_are_offered_first(plant: Plant) -> None:
    day(plant)
    before = stops.stop_choices(plant.db, work_unit_code=UNIT)
    assert before.frequent == ("D01", "D02", "D03", "D04", "D05", "D06", "D07", "D08")
    act(plant, stops.explain_stop, 100, reason_code="D21")
    act(plant, stops.explain_stop, 6, reason_code="D21")
    act(plant, stops.explain_stop, 50, reason_code="D99")
    assert stops.stop_choices(plant.db, work_unit_code=UNIT).frequent[:2] == ("D21", "D01")
    assert stops.stop_choices(plant.db, work_unit_code="L1-M1").frequent[0] == "D01"
    assert len(before.reasons) == 28


def test_a_stop_is_split_and_its_part_merged_back(plant: Plant) -> None:
    day(plant)
    act(plant, stops.explain_stop, 100, reason_code="D01")
    cut = act(plant, stops.split_stop, 100, at=ago(plant, 95), reason_code="D15", version=1)
    assert parts(plant, cut) == [(100, "D01", "person"), (95, "D15", "person")]
    for at, code in ((95, "stop.split_there"), (100, "stop.split_outside"), (90, "stop.split_outside")):
        with pytest.raises(Invalid) as refused:
            act(plant, stops.split_stop, 100, at=ago(plant, at), reason_code="D15")
        assert refused.value.code == code
    again = act(plant, stops.explain_stop, 100, reason_code="D16", from_at=ago(plant, 95), version=cut.version)
    assert parts(plant, again) == [(100, "D01", "person"), (95, "D16", "person")]
    merged = stops.merge_stops(
        plant.db, plant.db.actor, work_unit_code=UNIT, first_began_at=ago(plant, 100), second_began_at=ago(plant, 95), version=again.version
    )
    assert parts(plant, merged) == [(100, "D01", "person")]


def test_two_stops_of_one_failure(plant: Plant) -> None:
    day(plant)

    def merge(first: float, second: float, **more: Any) -> StopView:
        both = {"first_began_at": ago(plant, first), "second_began_at": ago(plant, second)}
        return stops.merge_stops(plant.db, plant.db.actor, work_unit_code=UNIT, **both, **more)

    with pytest.raises(Refused) as far:
        merge(100, 6)
    assert far.value.code == "stop.merge_far"
    second = merge(100, 50)
    assert second.merged_into == listed(plant)[2].id
    third = merge(50, 6)
    assert third.merged_into == second.merged_into, "all of them are the first one's failure"
    assert (third.began_at, third.ended_at) == (ago(plant, 6), None), "times stay its own"
    assert merge(6, 6).merged_into == ""


def test_the_times_of_a_stop(plant: Plant) -> None:
    day(plant)
    seen = act(plant, stops.mark_stop, 100, step="noticed", at=ago(plant, 99), version=0)
    there = act(plant, stops.mark_stop, 100, ITO, step="responded", at=ago(plant, 97), version=seen.version)
    assert (there.noticed_at, there.responded_at, there.by) == (ago(plant, 99), ago(plant, 97), {"noticed": "tester", "responded": "ito"})
    with pytest.raises(Invalid) as refused:
        act(plant, stops.mark_stop, 100, step="repaired", at=ago(plant, 98))
    assert refused.value.code == "stop.mark_order"
    done = act(plant, stops.mark_stop, 100, step="repaired", at=ago(plant, 91))
    twice = act(plant, stops.mark_stop, 100, step="repaired")  # a double tap
    assert twice.repaired_at == done.repaired_at == ago(plant, 91)
    assert twice.restarted_at == ago(plant, 90)
    assert twice.version == done.version


def test_of_two_people_who_change_one_stop_the_second_is_shown_both(plant: Plant) -> None:
    day(plant)
    first = act(plant, stops.explain_stop, 100, ITO, reason_code="D01", version=0)
    with pytest.raises(Conflict) as refused:
        act(plant, stops.explain_stop, 100, reason_code="D15", version=0)
    assert refused.value.code == "stop.changed"
    japanese, english = refused.value.lines("ja"), refused.value.lines("en")
    assert "ito" in japanese.what
    assert "設備故障" in japanese.what
    assert "材料待ち" in japanese.do
    assert "Equipment failure" in english.what
    assert act(plant, stops.explain_stop, 100, reason_code="D15", version=first.version).parts[0].reason_code == "D15"


def test_a_second_tap_of_the_same_person_is_no_conflict(plant: Plant) -> None:
    day(plant)
    first = act(plant, stops.explain_stop, 100, reason_code="D01", version=0)
    second = act(plant, stops.explain_stop, 100, reason_code="D01", version=0)
    assert (second.version, len(second.parts)) == (first.version, 1)


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"reason_code": "D77"}, "stop.reason_unknown"),
        ({"reason_code": "D01", "unit": "L9-M9"}, "stop.unit_unknown"),
        ({"reason_code": "D01", "began": 95.5}, None),
        ({"reason_code": "D01", "began": 70}, "stop.not_found"),
    ],
)
def test_what_cannot_be_explained_is_said_in_words(plant: Plant, args: dict[str, Any], code: str | None) -> None:
    day(plant)
    given = {"began": 100, **args}
    if code is None:
        assert act(plant, stops.explain_stop, **given).began_at == ago(plant, 100)
        return
    with pytest.raises(GenbaError) as refused:
        act(plant, stops.explain_stop, **given)
    assert refused.value.code == code
    assert all(all(refused.value.lines(language)) for language in ("ja", "en"))


# What comes home late -----------------------------------------------------------------------------------------------------


def late(plant: Plant, minutes: float) -> None:
    with_time(plant.db, -minutes)
    plant.db.late = True


def test_an_explanation_may_come_home_before_its_evidence(plant: Plant) -> None:
    plant.segment(UNIT, "RUNNING", -120, -100)
    late(plant, 99)
    said = act(plant, stops.explain_stop, 100, reason_code="D77", comment="見たことのない音", version=5)
    assert parts(plant, said) == [(100, "D77", "person")]
    plant.segment(UNIT, "DOWN", -100, -90)
    plant.segment(UNIT, "RUNNING", -90, -50)
    plant.segment(UNIT, "DOWN", -50, -40)
    later, first = listed(plant)
    assert [each.parts[0].reason_code for each in (later, first)] == ["", "D77"]
    assert first.version == 1
    plant.db.late = False
    with_time(plant.db, 0)
    assert act(plant, stops.explain_stop, 100, reason_code="D01", version=1).version == 2


def test_two_panels_in_the_dark_explain_one_stop(plant: Plant) -> None:
    """Each saw it begin at another moment; both words are kept, the later decided counts."""
    late(plant, 95)
    act(plant, stops.explain_stop, 97, ITO, reason_code="D15")
    late(plant, 99)
    act(plant, stops.explain_stop, 100, reason_code="D01")
    plant.segment(UNIT, "DOWN", -100, -90)
    (stop,) = listed(plant)
    assert parts(plant, stop) == [(100, "D01", "person"), (97, "D15", "person")]


def test_an_older_word_that_comes_home_later_does_not_push_a_newer_one_aside(plant: Plant) -> None:
    from sqlalchemy import select

    from core.equipment.stop_models import StopPart

    day(plant)
    act(plant, stops.explain_stop, 100, ITO, reason_code="D01")
    late(plant, 95)
    stop = act(plant, stops.explain_stop, 100, reason_code="D15")
    assert parts(plant, stop) == [(100, "D01", "person")]
    kept = plant.db.execute(select(StopPart.reason_code, StopPart.retired_at.is_(None)).order_by(StopPart.reason_code)).all()
    assert [tuple(row) for row in kept] == [("D01", True), ("D15", False)]


def test_a_stop_left_open_by_a_dead_station_ends_with_what_is_known(plant: Plant) -> None:
    plant.segment(UNIT, "DOWN", -100, None)
    plant.lease("PLC", -80, renewed=-90)
    (stop,) = listed(plant)
    assert stop.ended_at is not None
    assert abs(stop.ended_at - ago(plant, 90)) < timedelta(minutes=5), "when its recorder was last alive"
    act(plant, stops.explain_stop, 96, reason_code="D01")
    with pytest.raises(Refused):
        act(plant, stops.explain_stop, 60, reason_code="D15")  # nobody saw the machine then


# Gaps --------------------------------------------------------------------------------------------------------------------


def test_a_leader_says_what_a_gap_was(plant: Plant) -> None:
    plant.segment(UNIT, "RUNNING", -120, -100)
    plant.segment(UNIT, "OFFLINE", -100, -40, "no_link")
    plant.segment(UNIT, "RUNNING", -40, None)
    assert listed(plant) == []
    (gap,) = listed(plant, gaps=True)
    assert (gap.state, gap.needs_reason, gap.version) == (MachineState.OFFLINE, False, 0)

    def said(began: float, state: MachineState, **more: Any) -> StopView:
        return act(plant, stops.reclassify_gap, began, ITO, state=state, reason="日報より", **more)

    ran = said(100, MachineState.RUNNING, version=0)
    assert [(part.state, part.comment) for part in ran.parts] == [(MachineState.RUNNING, "日報より")]
    stood = said(100, MachineState.DOWN, from_at=ago(plant, 50), reason_code="D01", version=ran.version)
    assert [(part.state, part.reason_code) for part in stood.parts] == [(MachineState.RUNNING, ""), (MachineState.DOWN, "D01")]
    for began, state, code in ((110, MachineState.RUNNING, "gap.none"), (100, MachineState.OFFLINE, "gap.state")):
        with pytest.raises(Invalid) as refused:
            said(began, state)
        assert refused.value.code == code
