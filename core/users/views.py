"""What screens see of users: frozen, serialisable, without a database behind it and without anything secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from core.store.operation import Actor


@dataclass(frozen=True, slots=True)
class UserView:
    """One user.

    Attributes:
        id: Subject of the operations on him; read-store key ``user:<id>``.
        code: What he signs in with.
        name: By language.
        language: ``ja`` or ``en``: the screen turns to it when he signs in.
        roles: Role codes, sorted.
        active: False after an administrator took his access away.
        retired: True when he disappeared from the site file.
        origin: ``site`` (kept by the site file) or ``screen``.
        version: For optimistic locking; pass it back.
    """

    entity: ClassVar[str] = "user"

    id: int
    code: str
    name: Mapping[str, str]
    language: str
    roles: tuple[str, ...]
    active: bool
    retired: bool
    origin: str
    version: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person who has proved who he is.

    Attributes:
        actor: In whose name the station acts from now on.
        token: Ends or renews the session; kept in memory only, never shown.
        language: The person's language.
        why_change: ``first`` when the PIN was given by somebody else, ``aged`` when it is too old: the screen asks for a new one at
            once, and nothing else is allowed before; "" when it may stay.
        expires_at: When the session ends by itself, aware UTC.
        also_at: Codes of other stations where the same person is signed in.
        pin_digits: Fewest digits of a PIN at this site.
    """

    actor: Actor
    token: str
    language: str
    why_change: Literal["", "first", "aged"]
    expires_at: datetime
    also_at: tuple[str, ...] = ()
    pin_digits: int = 6

    def __repr__(self) -> str:
        return f"SignedIn({self.actor.user_code!r} at {self.actor.station!r})"
