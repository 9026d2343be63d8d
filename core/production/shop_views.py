"""The supervisor's board and the handover of a shift: frozen, serialisable, without a database behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from core.equipment.call_views import CallView
from core.equipment.shift_views import ShiftNow, Worked
from core.equipment.stop_views import StopView
from core.production.time_views import Figures, HourRow
from core.production.views import BlockerView, LineView


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One line on the board: as on the overview, and its figures since the beginning of the shift (None: no shift)."""

    line: LineView
    figures: Figures
    shift: ShiftNow | None


@dataclass(frozen=True, slots=True)
class BoardView:
    """All lines of an area with the totals of the shift. Read-store key ``board:<id>``; ``id`` is the area, "*" for all."""

    entity: ClassVar[str] = "board"

    id: str
    rows: tuple[BoardRow, ...]
    total: Figures
    as_of: datetime


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order as it stood at the handover; quantities in its unit."""

    number: str
    product_code: str
    planned: Decimal
    completed: Decimal
    scrap: Decimal
    rework: Decimal
    status: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """What somebody wrote for the next shift: ``at`` aware UTC."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HandoverSnapshot:
    """The page of a handover, composed from the database and signed as it is.

    Attributes:
        line_code, shift: Of which line and shift.
        figures, hours: Output against plan.
        orders: Those on the line during the shift.
        unexplained: Stops that nobody gave a reason for, at most 200; ``unexplained_more`` says how many others.
        open_calls, holds: What is open at the end.
        unassigned_reports: Reports of the line that belong to no order yet.
        outbox_waiting: Messages to other systems that wait to be sent.
        waiting_here: Requests of the giving station that the database does not have yet.
        notes: For the next shift, oldest first.
        composed_at: Aware UTC.
    """

    line_code: str
    shift: Worked
    figures: Figures
    hours: tuple[HourRow, ...]
    orders: tuple[OrderLine, ...]
    unexplained: tuple[StopView, ...]
    unexplained_more: int
    open_calls: tuple[CallView, ...]
    holds: tuple[BlockerView, ...]
    unassigned_reports: int
    outbox_waiting: int
    waiting_here: int
    notes: tuple[NoteView, ...]
    composed_at: datetime


@dataclass(frozen=True, slots=True)
class HandoverView:
    """The handover of one shift of a line: a draft while nobody has given it.

    Attributes:
        id: ``L1@2026-07-14/1``; read-store key ``handover:<id>``.
        row_id: Of the stored handover; None for a draft.
        sha256: Of the snapshot that was signed; "" for a draft.
        given_by, given_at, taken_by, taken_at: Who and when (aware UTC); "" and None before.
        version: For optimistic locking; 0 for a draft.
    """

    entity: ClassVar[str] = "handover"

    id: str
    line_code: str
    production_date: date
    shift_code: str
    snapshot: HandoverSnapshot
    row_id: UUID | None = None
    sha256: str = ""
    note: str = ""
    given_by: str = ""
    given_at: datetime | None = None
    taken_by: str = ""
    taken_at: datetime | None = None
    version: int = 0
