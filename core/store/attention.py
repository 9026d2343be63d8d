"""Decisions that came home too late: what the world has overtaken, and how a person takes it off his station's list.

An *intent* is applied anew, replaced by something else, or dropped with a reason. A *fact* is never dropped: when the database does not
take it from who decided it, somebody who answers for it adopts it, and it is booked with its own time and in his name. Every
offline fact names the operation that does so (``adopted_by``); all of them take the same arguments, those of :class:`Adopted`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field

from core.errors import Invalid
from core.store.operation import Actor, Note, Operation, Request, operation

if TYPE_CHECKING:
    from core.store.base import Db

Outcome = Literal["applied", "changed", "dropped"]
"""What became of an intent: decided anew, replaced by something else, or given up."""

Code = Annotated[str, Field(max_length=100)]
Json = Annotated[str, Field(max_length=20_000)]
SETTLE: Final = "store:attention:settle"


@dataclass(frozen=True, slots=True)
class Adopted:
    """A fact that the database would not take from who decided it, and that is booked by somebody who answers for it.

    Attributes:
        request_id: Of the fact as it was decided; it is booked once under this key, however often it is adopted.
        user_code: Who decided it.
        decided_at: When, by his station's clock, aware UTC.
        args: Its arguments as JSON.
        seen: What the screen showed when it was decided, the operation's view as JSON; "" for nothing.
    """

    request_id: UUID
    user_code: str
    station: str
    decided_at: datetime
    args: str
    seen: str = ""

    @classmethod
    def of(cls, request: Request, seen: str) -> Adopted:
        """What is adopted of ``request``."""
        args = json.dumps(request.args, ensure_ascii=False)
        return cls(request.id, request.user_code, request.station, request.decided_at, args, seen)

    def told(self) -> dict[str, Any]:
        """As arguments of the adopting operation."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    def of_operation(self, declared: Operation[Any, Any]) -> Mapping[str, Any]:
        """The arguments as values. Raises Invalid when they do not fit this program's version."""
        return declared.values(declared.validate(json.loads(self.args)))


def check_reason(reason: str) -> str:
    """``reason`` without outer blanks. Raises Invalid ``store.attention_reason`` when nothing is left."""
    reason = reason.strip()
    if not reason:
        raise Invalid("store.attention_reason")
    return reason


@operation("store:attention:settle_own", kind="intent", writes=())
def settle_own(db: Db, actor: Actor, *, request_id: UUID, operation: Code, refusal: Code, outcome: Outcome, reason: Note) -> UUID:
    """Something of one's own that was overtaken was decided anew or replaced. Raises Invalid without a reason, and for dropping it."""
    if outcome == "dropped":
        raise Invalid("store.attention_drop")
    db.note_reason(check_reason(reason))
    return request_id


@operation(SETTLE, kind="intent", writes=())
def settle_other(
    db: Db, actor: Actor, *, request_id: UUID, operation: Code, refusal: Code, outcome: Outcome, reason: Note, user_code: Code
) -> UUID:
    """Something that was overtaken was decided anew, replaced or dropped by somebody who answers for it. Raises Invalid: no reason."""
    db.note_reason(check_reason(reason))
    return request_id
