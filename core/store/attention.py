"""Decisions that came home too late: a person takes one off his station's list, and the audit keeps who did."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from core.store.operation import Actor, operation

if TYPE_CHECKING:
    from core.store.base import Db


@operation("store:attention:settle_own", kind="intent", writes=())
def settle_own(db: Db, actor: Actor, *, request_id: UUID, operation: str, refusal: str) -> UUID:
    """Something of one's own that was overtaken is dealt with."""
    db.note_reason(refusal)
    return request_id


@operation("store:attention:settle", kind="intent", writes=())
def settle_other(db: Db, actor: Actor, *, request_id: UUID, operation: str, refusal: str, user_code: str) -> UUID:
    """Something of somebody else's that was overtaken is dealt with."""
    db.note_reason(refusal)
    return request_id
