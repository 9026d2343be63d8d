"""What people see of the audit trail: one row of it, and the ends of its chains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """One column before and after, as text; None where there was, or is, nothing."""

    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class RowChange:
    """What one decision did to one row.

    Attributes:
        action: ``insert``, ``update``, ``delete``, or ``update many`` and the like.
        key: Primary key, parts joined by ``/``; ``*`` for a statement over many rows.
    """

    table: str
    key: str
    action: str
    columns: tuple[ColumnChange, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Who signed, or who gave leave.

    Attributes:
        meaning: What the signing means; "" for a leave.
        at: When he proved himself; None for a leave.
    """

    user_code: str
    name: str
    meaning: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the audit trail.

    Attributes:
        station, seq: Chain and number in it.
        at: Server clock when the row was written.
        decided_at: Station clock when the person decided; None for what was not decided by anybody at a screen.
        user_code, user_name: As they were then.
        object: What it was about, as people call it (an order's number, a user's code, a tag); "" when nothing tells.
        main: The one change that tells most, for a list; None when no row changed.
        changes: Everything that changed.
        refusal: Code of the refusal; "" when it was not refused.
        late: It waited in the station's journal while the database was away.
        offline: Decided by somebody who had signed in while the database was away.
        database_user: Log-in that wrote it.
        hash: SHA-256 of this row and the one before it, hex.
    """

    station: str
    seq: int
    at: datetime
    decided_at: datetime | None
    request_id: UUID | None
    operation: str
    outcome: str
    user_code: str
    user_name: str
    object: str
    main: ColumnChange | None
    changes: tuple[RowChange, ...]
    reason: str
    signature: Mark | None
    authorised_by: Mark | None
    refusal: str
    late: bool
    offline: bool
    database_user: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of one station's chain: whoever keeps it elsewhere can tell later whether the chain was rewritten."""

    station: str
    seq: int
    hash: str
