"""Writes to machines as decisions: what was asked is in the database before anything is sent, what became of it follows.

``live/writes`` does the writing and knows none of this; the station hands it these records. The database judges the first by
the permission that the tag itself asks for, on the tag's line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from core.store.attention import Adopted, Code, Json, check_reason
from core.store.operation import Actor, Note, Request, operation

if TYPE_CHECKING:
    from core.store.base import Db

TagName = Annotated[str, Field(max_length=200)]
ADOPT: Final = "equipment:tag:adopt"


@dataclass(frozen=True, slots=True)
class TagWrite:
    """One write to a machine.

    Attributes:
        id: Of the write, UUIDv7.
        outcome: ``requested``, ``confirmed``, or the code of the error it ended in.
    """

    id: UUID
    tag: str
    outcome: str


def _subject(args: Mapping[str, Any]) -> tuple[str, str]:
    return "tag_write", str(args["write_id"])


def _preview(_: TagWrite | None, request: Request) -> TagWrite:
    values = request.values
    return TagWrite(values["write_id"], values["tag"], values.get("outcome", "requested"))


@operation("equipment:tag:write", kind="fact", offline=True, subject=_subject, preview=_preview, guard="C", writes=(), adopted_by=ADOPT)
def request_write(
    db: Db,
    actor: Actor,
    *,
    write_id: UUID,
    tag: TagName,
    source: str,
    before: Note,
    value: Note,
    reason: Note = "",
    epoch: int = 0,
    undoes: UUID | None = None,
) -> TagWrite:
    """A value is about to be sent to a machine; without this record nothing is sent.

    A fact, although it asks for something: it is sent right after this record was kept, in the journal of the station that
    owns the source when the database is away, and what was sent must come into the audit however late.

    Args:
        before, value: As JSON: the last known value and the wanted one, engineering units.
        reason: Why, in the person's words.
        epoch: Fencing number of the hold under which it is sent; 0 where no other station could write.
        undoes: The write whose old value this one puts back.
    """
    db.note_reason(reason)
    return TagWrite(write_id, tag, "requested")


@operation("equipment:tag:confirm", kind="fact", offline=True, subject=_subject, preview=_preview, guard="C", writes=(), adopted_by=ADOPT)
def record_outcome(db: Db, actor: Actor, *, write_id: UUID, tag: TagName, outcome: str) -> TagWrite:
    """What became of a write: ``confirmed`` by the machine's own answer, or the code of the error."""
    db.note_reason(outcome)
    return TagWrite(write_id, tag, outcome)


@operation(ADOPT, kind="fact", writes=())
def adopt_write(
    db: Db,
    actor: Actor,
    *,
    request_id: UUID,
    user_code: Code,
    station: Code,
    decided_at: datetime,
    args: Json,
    seen: Json = "",
    reason: Note = "",
) -> TagWrite:
    """A write to a machine, or what became of it, that was not taken from who asked for it: its record comes into the audit all the same.

    The arguments are those of ``Adopted``. Nothing is sent.

    Raises:
        Invalid: ``store.attention_reason``; ``store.request_invalid`` when it is of another program version.
    """
    db.note_reason(check_reason(reason))
    adopted = Adopted(request_id, user_code, station, decided_at, args, seen)
    asked = adopted.of_operation(record_outcome if '"outcome"' in args else request_write)
    return TagWrite(asked["write_id"], asked["tag"], asked.get("outcome", "requested"))
