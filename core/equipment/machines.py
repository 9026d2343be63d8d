"""The machines of a line as somebody beside them wants to know them: what each does, since when, and why it stood before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from core.equipment.states import MachineState
from core.store.query import query

if TYPE_CHECKING:
    from core.store.base import Db


@dataclass(frozen=True, slots=True)
class Stop:
    """A time in which a machine did not run.

    Attributes:
        reason_code: ``D07``; "" when nobody gave one.
        started_at: Aware UTC.
        ended_at: Aware UTC; None while it goes on.
    """

    state: MachineState
    reason_code: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class MachineView:
    """One work unit.

    Attributes:
        code: ``L1-M1``.
        name: By language.
        state: OFFLINE when nobody records it.
        since: Aware UTC; None when nothing was recorded yet.
        reason_code: Of the state.
        stops: The last three, newest first.
    """

    code: str
    name: Mapping[str, str]
    state: MachineState
    since: datetime | None
    reason_code: str
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class MachinesView:
    """The work units of one line, in physical order."""

    line_code: str
    machines: tuple[MachineView, ...]


@query("equipment:machine:list", snapshot=True)
def list_machines(db: Db, *, line_code: str) -> MachinesView:
    """Every work unit of a line with its state and its last stops; an empty list for a line that is not there any more."""
    from core.equipment import machine_rows

    return machine_rows.machines(db, line_code)
