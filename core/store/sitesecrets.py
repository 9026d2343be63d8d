"""Passwords of machines and systems, which the whole site needs: set, forget, list, seal anew.

Nobody reads one back on a screen: programs do, by :func:`core.store.secretrows.secrets`. Import-light: no SQLAlchemy here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final
from uuid import UUID

from pydantic import Field

from core.errors import Invalid
from core.store.operation import Actor, Authorisation, Proof, Prover, Secret, Signature, operation
from core.store.query import query

if TYPE_CHECKING:
    from core.store.base import Db

NAME: Final = re.compile(r"[a-z]{1,20}:[A-Za-z0-9._-]{1,50}:[a-z_]{1,20}")
"""``source:<code>:password``, ``system:<code>:password`` …: what kind of thing, which one, what of it."""
SECRET_MAX: Final = 1_000
SEALED: Final = "sealed"
"""Parameter of an operation whose secret is not proved but sealed with the site's key: some program needs it back."""
STALE_KEY: Final = "ck_sealed_with_newest_key"

SecretName = Annotated[str, Field(max_length=120)]
KeyId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]


@dataclass(frozen=True, slots=True)
class SecretView:
    """One secret of the site, without what is secret about it.

    Attributes:
        name: What it is the secret of.
        changed_at: When it was set, or sealed with another key; server time.
        readable: Whether this station can open it.
        reason: Why it cannot: ``no_key``, ``damaged``; "" when it can.
    """

    entity: ClassVar[str] = "secret"

    name: str
    changed_at: datetime
    readable: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did.

    Attributes:
        key: Id of the key the site seals with from now on.
        fields: Confidential fields that were sealed anew.
        wrapped: Whether the other stations can take the key over by themselves.
    """

    key: str
    fields: int
    wrapped: bool


@operation("store:secret:set", kind="intent", guard="D", writes=("secret",), constraints={STALE_KEY: "store.site_key_changed"})
def set_secret(db: Db, actor: Actor, *, name: SecretName, sealed: Proof) -> SecretView:
    """Keep the password of a machine or system for all stations of the site; an older one is replaced.

    Args:
        name: ``source:<code>:password``, ``system:<code>:password`` and the like.
        sealed: The password, as a secret; it is sealed before anything else happens.

    Raises:
        Invalid: ``store.secret_name``; ``store.site_key_changed``: the site got another key a moment ago.
    """
    from core.store import secretrows

    return secretrows.put(db, name, sealed)


@operation("store:secret:forget", kind="intent", guard="D", writes=("secret",))
def forget_secret(db: Db, actor: Actor, *, name: SecretName) -> None:
    """Remove a password from the site; whatever needs it is refused from then on.

    Raises:
        Invalid: ``store.secret_unknown``.
    """
    from core.store import secretrows

    secretrows.forget(db, name)


@operation("store:key:rotate", kind="intent", guard="D", writes=("site_key", "secret"))
def rotate_site_key(db: Db, actor: Actor, *, key: KeyId, wrapped: bool = True) -> Rotated:
    """Seal every confidential field of the site with another key; only a database administrator may.

    Args:
        key: Id of the new key, which this station has in its secret store already.
        wrapped: Let the other stations take it over by the old key; False when somebody else may know that one.

    Raises:
        Refused: ``store.site_key_missing``, ``store.rotate_unreadable``: something is sealed that cannot be opened here.
    """
    from core.store import secretrows

    return secretrows.rotate(db, actor, key, wrapped=wrapped)


@query("store:secret:names", permission="store:secret:names")
def secret_names(db: Db) -> tuple[SecretView, ...]:
    """The names of the site's secrets, when each was set, and whether this station can open it."""
    from core.store import secretrows

    return secretrows.views(db)


class SealingProver:
    """Seals what is to be kept for programs, and leaves everything else to the station's own prover.

    Args:
        people: Proves what persons type; see ``core.store.operation.Prover``.
        seal: ``(name, secret) → sealed text`` with the site's current key.
    """

    def __init__(self, people: Prover, seal: Callable[[str, str], str]) -> None:
        self._people = people
        self._seal = seal

    def prove(self, request_id: UUID, operation: str, parameter: str, secret: Secret, args: Mapping[str, Any]) -> str:
        """See ``Prover``; for ``sealed`` the sealed secret, bound to the argument ``name``.

        Raises:
            Invalid: ``store.secret_name``, ``store.secret_unusable``.
            Refused: ``store.site_key_missing``.
        """
        if parameter != SEALED:
            return self._people.prove(request_id, operation, parameter, secret, args)
        name, text = str(args.get("name", "")), secret.reveal()
        if not NAME.fullmatch(name):
            raise Invalid("store.secret_name", name=name[:60])
        if not text or len(text) > SECRET_MAX:
            raise Invalid("store.secret_unusable", characters=SECRET_MAX)
        return self._seal(name, text)

    def sign(self, request_id: UUID, operation: str, signature: Signature) -> Actor:
        """See ``Prover``."""
        return self._people.sign(request_id, operation, signature)

    def authorise(self, request_id: UUID, operation: str, authorisation: Authorisation) -> Actor:
        """See ``Prover``."""
        return self._people.authorise(request_id, operation, authorisation)

    def token(self, session_id: UUID | None) -> str | None:
        """See ``Prover``."""
        return self._people.token(session_id)

    def seal(self, session_id: UUID | None, message: bytes) -> str | None:
        """See ``Prover``."""
        return self._people.seal(session_id, message)
