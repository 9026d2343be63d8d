"""Calls for help as everybody above sees them: frozen, serialisable, without a database behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Literal, get_args
from uuid import UUID

CallKind = Literal["material", "maintenance", "quality", "leader"]
"""Whom one can call."""
CALL_KINDS: Final[tuple[CallKind, ...]] = get_args(CallKind)
"""In the order of the buttons."""


@dataclass(frozen=True, slots=True)
class CallView:
    """One call for help.

    Attributes:
        id: Read-store key ``call:<id>``; given by the station that called.
        line_code, area_code: Where.
        work_unit_code: The machine; "" for the line as a whole.
        kind: One of ``CALL_KINDS``.
        note: Of the caller, "" for none.
        opened_at, opened_by, station: When (aware UTC), who, where.
        responded_at, responded_by: When somebody came and who; None and "" before.
        ended_at: When it was resolved or withdrawn; None while it is open.
        ended_by: Who ended it; "" while it is open.
        result: What was done about it.
        withdrawn: It was taken back by the caller.
        respond_min: Minutes without response after which it rises by a level each.
        level: How far it has risen by ``as_of``; 0 when somebody responded in time or there is time left.
        version: For optimistic locking.
        as_of: Aware UTC, when the level was worked out.
    """

    entity: ClassVar[str] = "call"

    id: UUID
    line_code: str
    area_code: str
    work_unit_code: str
    kind: str
    note: str
    opened_at: datetime
    opened_by: str
    station: str
    responded_at: datetime | None = None
    responded_by: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    result: str = ""
    withdrawn: bool = False
    respond_min: tuple[float, ...] = ()
    level: int = 0
    version: int = 1
    as_of: datetime | None = None
