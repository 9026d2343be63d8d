"""Machines of a line with their states and last stops, in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from core.equipment.machines import list_machines
from core.equipment.states import NO_LINK, MachineState
from tests.production.conftest import Plant, plant_rows

if TYPE_CHECKING:
    from core.store.base import Db


@pytest.fixture
def plant(db: Db) -> Iterator[Plant]:
    made = plant_rows(db)
    yield made
    made.owner("DELETE FROM genba.lease WHERE holder = 'TEST'")


def test_machines_stand_in_their_order_and_nothing_is_known_yet(plant: Plant) -> None:
    found = list_machines(plant.db, line_code="L1")
    assert [machine.code for machine in found.machines] == ["L1-M1", "L1-M2"]
    first = found.machines[0]
    assert (first.state, first.since, first.reason_code, first.stops) == (MachineState.OFFLINE, None, "", ())


def test_state_since_when_and_the_last_three_stops(plant: Plant) -> None:
    plant.lease("PLC", expires=1)
    for begin, state, reason in ((-60, "DOWN", "D01"), (-50, "MINOR_STOP", ""), (-40, "WAITING", "D15"), (-30, "PLANNED_STOP", "D25")):
        plant.segment("L1-M1", state, begin, begin + 5, reason)
        plant.segment("L1-M1", "RUNNING", begin + 5, begin + 10)
    plant.segment("L1-M1", "DOWN", -12, None, "D07")
    first, second = list_machines(plant.db, line_code="L1").machines
    assert (first.state, first.reason_code, first.since) == (MachineState.DOWN, "D07", plant.db.now - timedelta(minutes=12))
    assert [(stop.state.value, stop.reason_code) for stop in first.stops] == [("DOWN", "D07"), ("WAITING", "D15"), ("MINOR_STOP", "")]
    assert first.stops[0].ended_at is None
    assert first.stops[1].ended_at == plant.db.now - timedelta(minutes=35)
    assert second.stops == ()


def test_a_machine_that_nobody_records_any_more_is_offline(plant: Plant) -> None:
    plant.lease("PLC", expires=-5, renewed=-6)
    plant.segment("L1-M2", "RUNNING", -12, None)
    machine = list_machines(plant.db, line_code="L1").machines[1]
    assert (machine.state, machine.reason_code) == (MachineState.OFFLINE, NO_LINK)


def test_a_line_that_is_not_there_any_more_has_no_machines(plant: Plant) -> None:
    assert list_machines(plant.db, line_code="L99").machines == ()
