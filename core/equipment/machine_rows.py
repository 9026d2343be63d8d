"""The SQL behind the machines of a line. Imported when the first query runs on a lane, never by a screen."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from sqlalchemy import select, true

from core.equipment.machines import MachinesView, MachineView, Stop
from core.equipment.models import Line, StateSegment, WorkUnit
from core.equipment.segment_rows import newest_state, state_columns, state_of
from core.equipment.states import MachineState
from core.store.base import Db

_STOPS: Final = 3
_STOPPED: Final = ("DOWN", "MINOR_STOP", "WAITING", "SETUP", "MAINTENANCE")
"""States one asks the reason of; a planned stop or a missing link tells nothing about the machine."""


def machines(db: Db, line_code: str) -> MachinesView:
    """See ``machines.list_machines``."""
    newest = newest_state(WorkUnit.id)
    rows = (
        db.execute(
            select(WorkUnit.id, WorkUnit.code, WorkUnit.name, *state_columns(newest))
            .join(Line, Line.id == WorkUnit.line_id)
            .outerjoin(newest, true())
            .where(Line.code == line_code, WorkUnit.retired_at.is_(None))
            .order_by(WorkUnit.position, WorkUnit.code)
        )
        .mappings()
        .all()
    )
    stops = _last_stops(db, [row["id"] for row in rows])
    found = tuple(MachineView(row["code"], row["name"], *state_of(row), stops=tuple(stops[row["id"]])) for row in rows)
    return MachinesView(line_code, found)


def _last_stops(db: Db, units: list[int]) -> dict[int, list[Stop]]:
    """By key of the work unit; one look into the index for each of them, however long its history is."""
    last = (
        select(StateSegment.state, StateSegment.reason_code, StateSegment.started_at, StateSegment.ended_at)
        .where(StateSegment.work_unit_id == WorkUnit.id, StateSegment.state.in_(_STOPPED))
        .order_by(StateSegment.started_at.desc())
        .limit(_STOPS)
        .lateral("last")
    )
    asked = select(WorkUnit.id, *last.c).join(last, true()).where(WorkUnit.id.in_(units))
    found: dict[int, list[Stop]] = defaultdict(list)
    for unit, state, reason, started_at, ended_at in db.execute(asked):
        found[unit].append(Stop(MachineState(state), reason, started_at, ended_at))
    for stops in found.values():
        stops.sort(key=lambda stop: stop.started_at, reverse=True)
    return found
