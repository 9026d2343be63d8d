"""Calls for help, in a real database and by their rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment import call_rules, calls
from core.equipment.call_views import CallView
from core.errors import GenbaError, Refused
from core.store.operation import Actor
from tests.production.conftest import Plant, plant_rows, with_time

if TYPE_CHECKING:
    from core.store.base import Db

ITO = Actor("ito", "Ito", frozenset({"maintenance"}), frozenset({"*"}), "TEST", None)
ZERO = datetime(2026, 7, 14, 1, 0, tzinfo=UTC)
minutes = st.floats(0, 120)


@given(st.lists(minutes, max_size=4), minutes, st.none() | minutes)
def test_the_level_is_a_function_of_time(limits: list[float], waited: float, responded: float | None) -> None:
    """Whoever works it out, and however often, before or after a restart: it never rises twice for one limit, and never falls."""

    def at(minute: float) -> int:
        answered = None if responded is None else ZERO + timedelta(minutes=responded)
        return call_rules.level(ZERO, answered, limits, ZERO + timedelta(minutes=minute))

    level = at(waited)
    assert level == at(waited)
    assert 0 <= level <= len(limits)
    if responded is None:
        assert level <= at(waited + 1)
        assert level == sum(timedelta(minutes=waited) >= timedelta(minutes=limit) for limit in limits)
    else:
        assert level == at(waited + 1000)


@pytest.fixture
def plant(db: Db) -> Plant:
    made = plant_rows(db)
    with_time(db, 0)
    return made


def rule(plant: Plant, kind: str, respond_min: list[float], line: str | None = None) -> None:
    from core.equipment.stop_models import CallRule

    plant.db.add(CallRule(kind=kind, respond_min=respond_min, line_id=None if line is None else plant.lines[line]))
    plant.db.flush()


def call(plant: Plant, kind: str = "maintenance", line: str = "L1", actor: Actor | None = None, **more: Any) -> CallView:
    given = {"call_id": uuid4(), "line_code": line, "kind": kind, **more}
    return calls.open_call(plant.db, actor or plant.db.actor, **given)


def listed(plant: Plant, **args: Any) -> list[UUID]:
    plant.db.expire_all()
    return [each.id for each in calls.list_calls(plant.db, **args)]


def test_a_call_is_made_answered_and_settled(plant: Plant) -> None:
    with_time(plant.db, -20)
    made = call(plant, work_unit_code="L1-M2", note="主軸から異音")
    assert (made.opened_at, made.opened_by, made.area_code, made.work_unit_code) == (plant.db.decided_at, "tester", "A1", "L1-M2")
    with_time(plant.db, -12)
    there = calls.respond_to_call(plant.db, ITO, call_id=made.id)
    assert (there.responded_at, there.responded_by) == (plant.db.decided_at, "ito")
    assert calls.respond_to_call(plant.db, plant.db.actor, call_id=made.id).responded_by == "ito", "the first stands"
    with_time(plant.db, -5)
    done = calls.resolve_call(plant.db, ITO, call_id=made.id, result="軸受交換")
    assert (done.ended_at, done.ended_by, done.result, done.withdrawn) == (plant.db.decided_at, "ito", "軸受交換", False)
    assert listed(plant) == []
    for verb in (calls.respond_to_call, calls.resolve_call, calls.withdraw_call):
        with pytest.raises(Refused) as refused:
            verb(plant.db, plant.db.actor, call_id=made.id)
        assert refused.value.code == "call.not_open"
        assert "ito" in refused.value.lines("ja").what


def test_two_stations_that_call_at_once_make_one_call(plant: Plant) -> None:
    """Two tickets were filed for one breakdown, and both were escalated."""
    first = call(plant)
    assert call(plant, actor=ITO).id == first.id
    assert calls.open_call(plant.db, plant.db.actor, call_id=first.id, line_code="L1", kind="maintenance").id == first.id
    other = [call(plant, "material"), call(plant, line="L2"), call(plant, work_unit_code="L1-M2")]
    assert set(listed(plant)) == {first.id, *(each.id for each in other)}


def test_no_program_opens_a_second_one_past_the_operation(plant: Plant) -> None:
    from sqlalchemy.exc import IntegrityError

    from core.equipment.stop_models import AndonCall

    call(plant)
    row = AndonCall(id=uuid4(), line_id=plant.lines["L1"], kind="maintenance", opened_at=plant.db.now, opened_by="x", station="TEST")
    row.request_id = uuid4()
    plant.db.add(row)
    with pytest.raises(IntegrityError, match="uq_andon_call_open"):
        plant.db.flush()


def test_calls_rise_with_time_and_the_most_urgent_comes_first(plant: Plant) -> None:
    rule(plant, "maintenance", [5, 15])
    rule(plant, "maintenance", [60], "L2")
    ages = {}
    for kind, line, ago in (("maintenance", "L1", 20), ("maintenance", "L2", 30), ("material", "L1", 90)):
        with_time(plant.db, -ago)
        ages[kind, line] = call(plant, kind, line).id
    with_time(plant.db, 0)
    shown = {each.id: each.level for each in calls.list_calls(plant.db)}
    assert [shown[ages[key]] for key in (("maintenance", "L1"), ("maintenance", "L2"), ("material", "L1"))] == [2, 0, 0]
    assert listed(plant) == [ages["maintenance", "L1"], ages["material", "L1"], ages["maintenance", "L2"]]
    with_time(plant.db, -10)
    calls.respond_to_call(plant.db, ITO, call_id=ages["maintenance", "L1"])
    assert listed(plant)[-1] == ages["maintenance", "L1"], "somebody is there already"
    (answered,) = (each for each in calls.list_calls(plant.db) if each.id == ages["maintenance", "L1"])
    assert answered.level == 1
    assert listed(plant, area_code="A1") == listed(plant)
    assert listed(plant, area_code="A2") == []


@pytest.mark.parametrize(
    ("given", "code"),
    [({"line": "L9"}, "call.line_unknown"), ({"work_unit_code": "L2-M1"}, "call.unit_unknown")],
)
def test_a_call_for_nothing_is_refused_in_words(plant: Plant, given: dict[str, Any], code: str) -> None:
    with pytest.raises(GenbaError) as refused:
        call(plant, **given)
    assert refused.value.code == code
    assert all(all(refused.value.lines(language)) for language in ("ja", "en"))
    with pytest.raises(Refused):
        calls.resolve_call(plant.db, plant.db.actor, call_id=uuid4())


def test_a_call_that_comes_home_late_keeps_its_time_and_does_not_ring_again(plant: Plant) -> None:
    first = call(plant)
    with_time(plant.db, -30)
    plant.db.late = True
    mine = call(plant, actor=ITO, note="暗い間に")
    assert (mine.opened_at, mine.opened_by, mine.withdrawn, mine.note) == (plant.db.decided_at, "ito", True, "暗い間に")
    assert listed(plant) == [first.id]
    answered = calls.resolve_call(plant.db, ITO, call_id=mine.id, result="x")
    assert answered.withdrawn, "what has ended stays as it is; nothing is refused"
    gone = call(plant, "quality", work_unit_code="L9-M9")
    assert gone.work_unit_code == ""
