"""What a work unit does now, in SQL: its newest segment, and whether anybody still records it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, RowMapping, func, select

from core.equipment.models import StateSegment
from core.equipment.states import NO_LINK, MachineState
from core.store.tables import LeaseRow

_COLUMNS: Final = ("state", "started_at", "ended_at", "reason_code", "renewed_at", "recorded")


def newest_state(unit_id: Any) -> FromClause:
    """The newest segment of a work unit and who records it.

    ``recorded`` is False when the recorder's lease has run out: the segment may be over without anybody having seen it.
    """
    return (
        select(
            StateSegment.state,
            StateSegment.started_at,
            StateSegment.ended_at,
            StateSegment.reason_code,
            LeaseRow.renewed_at,
            func.coalesce(LeaseRow.expires_at > func.now(), False).label("recorded"),
        )
        .outerjoin(LeaseRow, LeaseRow.name == func.concat("source:", StateSegment.source))
        .where(StateSegment.work_unit_id == unit_id)
        .order_by(StateSegment.started_at.desc(), StateSegment.ended_at.desc().nulls_first())
        .limit(1)
        .lateral("newest")
    )


def state_columns(newest: FromClause) -> list[ColumnElement[Any]]:
    """The columns of ``newest_state`` under the names that ``state_of`` reads."""
    return [newest.c[name].label(f"state_{name}") for name in _COLUMNS]


def state_of(row: RowMapping | Mapping[str, Any]) -> tuple[MachineState, datetime | None, str]:
    """State, since when and why; OFFLINE as soon as nobody records the unit any more."""
    if row["state_state"] is None:
        return MachineState.OFFLINE, None, ""
    if row["state_ended_at"] is not None:
        return MachineState.OFFLINE, row["state_ended_at"], NO_LINK
    if not row["state_recorded"]:
        return MachineState.OFFLINE, max(row["state_started_at"], row["state_renewed_at"] or row["state_started_at"]), NO_LINK
    return MachineState(row["state_state"]), row["state_started_at"], row["state_reason_code"]
