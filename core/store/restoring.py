"""The audit trail tells of the break in itself: from which backup the database came back, and where the one before is kept."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from core.store.operation import Actor, operation

if TYPE_CHECKING:
    from core.store.base import Db

Words = Annotated[str, Field(max_length=200)]


@operation("store:database:restore", kind="intent", writes=())
def note_restore(db: Db, actor: Actor, *, backup: Words, made_at: datetime, kept: Words) -> datetime:
    """The database is one that was brought back.

    Args:
        backup: Name of the backup.
        made_at: The moment that is in it, server time.
        kept: Name of the database that was there before; "" for none.
    """
    db.note_reason(f"{backup} · {made_at.isoformat()} · {kept}".rstrip(" ·"))
    return made_at
