"""Who decides and how he proves it: the actor, what he types and nobody may keep, signatures, and the station's prover.

Import-light, like :mod:`core.store.operation`, which hands all of it on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn, Protocol
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Actor:
    """Who decides: a signed-in person, the station itself, another system or the recorder.

    Attributes:
        user_code: Stable code of the user; what audit rows and requests carry.
        name: As shown to people.
        roles: Role codes, for display only; rights are in ``permissions``.
        permissions: Exact names (``production:order:start``) or wildcards (``production:*``, ``*``).
        station: Code of the station the actor acts at.
        session_id: The sign-in this act belongs to; None for systems and guests.
        kind: Person, another system, or the recorder of machine facts.
        exceptions: (line code, permission, allowed): where this site decided otherwise than ``permissions`` says; line ""
            stands for all lines. See ``core.users.roles.rights``.
    """

    user_code: str
    name: str
    roles: frozenset[str]
    permissions: frozenset[str]
    station: str
    session_id: UUID | None
    kind: Literal["person", "system", "recorder"] = "person"
    exceptions: frozenset[tuple[str, str, bool]] = frozenset()

    def may(self, permission: str, line: str | None = None) -> bool:
        """Whether ``permission`` is held, exactly or by a wildcard on a whole part (``production:*``).

        Args:
            line: Code of the line it is about; None: held on one line at least.
        """
        decided = {where: allowed for where, about, allowed in self.exceptions if about == permission}
        everywhere = decided.pop("", None)
        if everywhere is None:
            everywhere = holds(self.permissions, permission)
        return everywhere or any(decided.values()) if line is None else decided.get(line, everywhere)


def holds(permissions: Collection[str], permission: str) -> bool:
    """Whether ``permission`` is in ``permissions``, exactly or by a wildcard on a whole part."""
    if permission in permissions or "*" in permissions:
        return True
    parts = permission.split(":")
    return any(":".join((*parts[:n], "*")) in permissions for n in range(1, len(parts)))


GUEST: Final = Actor("guest", "ゲスト / Guest", frozenset(), frozenset(), "", None)
"""Nobody signed in: may look, may not decide anything."""


class Secret:
    """What a person typed and nobody may keep: a PIN, a password.

    Shows itself as ``•••`` everywhere, compares by identity, and refuses to be copied, pickled or put into JSON.
    Only the injected :class:`Prover` calls :meth:`reveal`.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The typed text, for the prover only."""
        return self._text

    def __repr__(self) -> str:
        return "•••"

    def __str__(self) -> str:
        return "•••"

    def __format__(self, spec: str) -> str:
        return "•••"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or stored")

    def __copy__(self) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or stored")

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError("a secret is not copied, pickled or stored")


@dataclass(frozen=True, slots=True)
class Signature:
    """An electronic signature as given at the screen: who signs (by code or badge), what the signing means, and the signer's secret."""

    meaning: str
    user_code: str
    proof: Secret
    badge: str = ""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A supervisor's leave for one request of somebody who lacks the right: who gives it (by code or badge), with his secret."""

    user_code: str
    proof: Secret
    badge: str = ""


class Signed(BaseModel):
    """What remains of a signature after the signer's secret was verified; part of the audit row.

    Attributes:
        at: When the secret was verified, aware UTC, station clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_code: str
    name: str
    meaning: str
    at: AwareDatetime


class Prover(Protocol):
    """Turns secrets into what may be kept, and speaks for whoever is signed in; injected into the door by the station."""

    def prove(self, request_id: UUID, operation: str, parameter: str, secret: Secret, args: Mapping[str, Any]) -> str:
        """A one-way proof of ``secret`` (a password hash) that stands in the place of ``parameter``; before anything is stored.

        Raises:
            Unavailable: What it needs for that is away.
            Invalid: The secret cannot be used (too short, not the old one).
            Refused: A secret that was to be checked here and now is wrong.
        """
        ...

    def sign(self, request_id: UUID, operation: str, signature: Signature) -> Actor:
        """The person whose secret this is; the database then knows that he signs this one request.

        Raises:
            Refused: Wrong secret, locked or unknown user, or no right to the operation himself.
            Unavailable: Nothing here can tell at the moment.
        """
        ...

    def authorise(self, request_id: UUID, operation: str, authorisation: Authorisation) -> Actor:
        """The person who lets somebody else do this one request. Raises as ``sign``."""
        ...

    def token(self, session_id: UUID | None) -> str | None:
        """What proves to the database that this session is alive; None when this program does not hold it (any more)."""
        ...

    def seal(self, session_id: UUID | None, message: bytes) -> str | None:
        """HMAC-SHA-256 of ``message`` under the session's key, hexadecimal; None when this program does not hold it."""
        ...
