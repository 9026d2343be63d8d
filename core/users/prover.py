"""The panel's prover: what the door asks to turn typed secrets into what may be kept, and who speaks for the person at the panel."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final
from uuid import UUID

from core.errors import Invalid, Refused
from core.store.operation import Actor, Authorisation, Secret, Signature
from core.users.proof import PIN_MIN, check_strength, new_credential, proof_of_badge
from core.users.sign_in import Claim, Run, prove, prove_for
from core.users.views import SignedIn

CURRENT = "current"
"""Parameter of an operation in which the person proves himself."""
SEVERAL = "pins"
"""Parameter that carries several new secrets as JSON, {user code: secret}."""
BADGE = "badge"
"""Parameter that carries what a badge says."""
_KEPT: Final = 8


class PanelProver:
    """Implements ``core.store.operation.Prover``; made once by the station, used on its worker threads.

    Args:
        run: See ``core.users.sign_in.Run``; must not need the thread that calls the prover.
        station: Code of this station.
        signed_in: The session of whoever is signed in now; None for nobody.
    """

    def __init__(self, run: Run, station: str, signed_in: Callable[[], SignedIn | None]) -> None:
        self._run = run
        self._station = station
        self._signed_in = signed_in
        self._lock = Lock()
        # Keys of the last sessions: what was begun in one may end after it (the outcome of a write to a machine).
        self._tokens: OrderedDict[UUID, str] = OrderedDict()
        self._keys: OrderedDict[UUID, bytes] = OrderedDict()

    # -- sessions --------------------------------------------------------------------------------------------------

    def hold(self, session_id: UUID, *, token: str | None = None, key: bytes | None = None) -> None:
        """Speak for this session: with its token while the database is there, by its seal when it is not.

        Args:
            token: Of a session that the database opened.
            key: Of a session that began here while the database was away.
        """
        with self._lock:
            if token is not None:
                self._tokens[session_id] = token
            self._keys[session_id] = key or hashlib.sha256(f"genba seal {token}".encode()).digest()
            for kept in (self._tokens, self._keys):
                while len(kept) > _KEPT:
                    kept.popitem(last=False)

    def end(self, session_id: UUID) -> None:
        """The session is over: its token is of no use any more; its key still seals what was under way."""
        with self._lock:
            self._tokens.pop(session_id, None)

    def token(self, session_id: UUID | None) -> str | None:
        """See ``Prover``."""
        with self._lock:
            return None if session_id is None else self._tokens.get(session_id)

    def seal(self, session_id: UUID | None, message: bytes) -> str | None:
        """See ``Prover``; RFC 2104."""
        with self._lock:
            key = None if session_id is None else self._keys.get(session_id)
        return None if key is None else hmac.new(key, message, hashlib.sha256).hexdigest()

    # -- secrets ---------------------------------------------------------------------------------------------------

    def prove(self, request_id: UUID, operation: str, parameter: str, secret: Secret, args: Mapping[str, Any]) -> str:
        """What stands in the place of ``secret`` while ``operation`` runs.

        For ``current`` the secret is checked here and now, in a transaction that counts a failure although the operation
        is refused; what remains is the code of who proved himself.

        Raises:
            Refused: ``users.wrong``, ``users.wait``, ``users.locked`` …, ``store.session_over``.
            Invalid: A new secret is too short, too long or too easy to guess.
            Unavailable: The database is away.
        """
        here = self._signed_in()
        if parameter == CURRENT:
            return self._for(request_id, operation, "self", Claim(secret, "" if here is None else here.actor.user_code)).user_code
        if parameter == SEVERAL:
            return json.dumps({code: new_credential(Secret(one)).text() for code, one in _several(secret).items()})
        if parameter == BADGE:
            return proof_of_badge(secret)
        digits = PIN_MIN if here is None else here.pin_digits
        owner = "" if here is None else here.actor.user_code
        check_strength(secret, digits, (owner, str(args.get("code", ""))))
        credential = new_credential(secret).text()
        # The database compares the new one, hashed with the old salt, to tell whether anything changes.
        return f"{credential}/{prove(self._run, Claim(secret, owner)).hex()}" if operation == "users:pin:set" else credential

    def sign(self, request_id: UUID, operation: str, signature: Signature) -> Actor:
        """See ``Prover``."""
        return self._for(request_id, operation, "signature", Claim(signature.proof, signature.user_code, signature.badge))

    def authorise(self, request_id: UUID, operation: str, authorisation: Authorisation) -> Actor:
        """See ``Prover``."""
        return self._for(request_id, operation, "authorisation", Claim(authorisation.proof, authorisation.user_code, authorisation.badge))

    def _for(self, request_id: UUID, operation: str, purpose: Any, claim: Claim) -> Actor:
        here = self._signed_in()
        token = None if here is None else self.token(here.actor.session_id)
        if token is None:
            raise Refused("store.session_over")
        return prove_for(self._run, token, self._station, request_id, operation, purpose, claim)


def _several(secret: Secret) -> dict[str, str]:
    try:
        several = json.loads(secret.reveal() or "{}")
    except json.JSONDecodeError:
        several = None
    if not isinstance(several, dict) or not all(isinstance(one, str) for one in several.values()):
        raise Invalid("users.proof_unreadable")
    return several
