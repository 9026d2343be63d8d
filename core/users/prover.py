"""The panel's prover: what the door asks to turn typed secrets into what may be kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import text

from core.errors import Invalid, Refused
from core.store.base import Db
from core.store.operation import Actor, Request, Secret
from core.users.proof import new_credential
from core.users.sign_in import Run, verify

CURRENT = "current"
"""Parameter of an operation in which the person proves himself; every other secret parameter is a new credential."""
SEVERAL = "pins"
"""Parameter that carries several new secrets as JSON, {user code: secret}."""


class PanelProver:
    """Implements ``core.store.operation.Prover``; made once by the station, used on the operations lane's thread.

    Args:
        run: See ``core.users.sign_in.Run``; must not need the thread that calls the prover.
        station: Code of this station.
        signed_in: Code of whoever is signed in now.
    """

    def __init__(self, run: Run, station: str, signed_in: Callable[[], str]) -> None:
        self._run = run
        self._station = station
        self._signed_in = signed_in

    def prove(self, operation: str, parameter: str, secret: Secret, args: Mapping[str, Any]) -> str:
        """What stands in the place of ``secret`` while ``operation`` runs.

        For ``current`` the secret is checked here and now, in a transaction that counts a failure although the operation
        is refused; what remains is the code of who proved himself.

        Raises:
            Refused: ``users.wrong``, ``users.locked``.
            Invalid: A new secret is too short or too long.
            Unavailable: The database is away.
        """
        if parameter == CURRENT:
            return verify(self._run, self._signed_in(), secret, self._station).user_code
        if parameter == SEVERAL:
            return json.dumps({code: new_credential(Secret(one)).text() for code, one in _several(secret).items()})
        return new_credential(secret).text()

    def verify(self, user_code: str, secret: Secret) -> Actor:
        """The person whose secret this is, to sign one record.

        Raises:
            Refused: ``users.wrong``, ``users.locked``.
            Unavailable: The database is away.
        """
        return verify(self._run, user_code, secret, self._station)

    def sign(self, db: Db, request: Request) -> None:
        """Write the record of ``request.signed`` inside the transaction of what was signed.

        Raises:
            Refused: ``users.wrong``: the signer lost his access since he was verified.
        """
        signed = request.signed
        assert signed is not None  # the door calls this for signed requests only
        values = {
            "id": db.clock.uuid7(),
            "request": request.id,
            "code": signed.user_code,
            "meaning": signed.meaning,
            "station": request.station,
            "at": signed.at,
        }
        if not db.scalar(text("SELECT genba.sign(:id, :request, :code, :meaning, :station, :at)"), values):
            raise Refused("users.wrong")


def _several(secret: Secret) -> dict[str, str]:
    try:
        several = json.loads(secret.reveal() or "{}")
    except json.JSONDecodeError:
        several = None
    if not isinstance(several, dict) or not all(isinstance(one, str) for one in several.values()):
        raise Invalid("users.proof_unreadable")
    return several
