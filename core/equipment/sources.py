"""What people decide about the machine at the other end of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from core.store.operation import Actor, Note, operation

if TYPE_CHECKING:
    from core.store.base import Db


@dataclass(frozen=True, slots=True)
class MachineAccepted:
    """Another machine at the address of a source was taken for the right one.

    Attributes:
        source: Source code.
        identity: What it calls itself.
    """

    source: str
    identity: str


@operation("equipment:source:accept", kind="intent", guard="C", writes=())
def accept_machine(db: Db, actor: Actor, *, source: str, identity: Note, reason: Annotated[str, Field(min_length=1)]) -> MachineAccepted:
    """The machine at this address was exchanged, somebody has looked at it, and it may be written from now on.

    The record of it; the station that is connected takes the machine. Where the site file names the identity, it must be
    corrected there as well, or the next start refuses the machine again.
    """
    db.note_reason(reason)
    return MachineAccepted(source, identity)
