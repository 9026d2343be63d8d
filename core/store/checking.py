"""From a press to a request: arguments, proofs, signature and leave, everything that can say no before anything is kept.

The database judges all of it again. What is refused here is refused sooner, in better words, and also without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from core.clock import Clock, CorrectedClock
from core.errors import Refused
from core.store import arguments
from core.store.actor import Actor, Authorisation, Prover, Secret, Signature, Signed
from core.store.application import Work
from core.store.operation import Operation, Request

P = ParamSpec("P")
V = TypeVar("V")


class Checking:
    """Makes the work that the door applies; blocks while secrets are proved.

    Args:
        prover: Of the station.
        clock: Of the station; makes the request ids.
        station: Station code.
    """

    def __init__(self, prover: Prover, clock: Clock, station: str) -> None:
        self._prover, self._clock, self._station = prover, clock, station

    def work(
        self,
        operation: Operation[P, V],
        actor: Actor,
        args: Mapping[str, Any],
        signature: Signature | None,
        authorisation: Authorisation | None,
        request_id: UUID | None = None,
    ) -> Work:
        """The sealed request with everything that is needed to apply it; under a new key unless one is given.

        Raises:
            Refused: A wrong or missing signature, a wrong secret, or somebody gave leave who may not.
            Invalid: The arguments.
            Unavailable: Proving needs the database, and it is away.
        """
        request_id = request_id or self._clock.uuid7()
        validated = operation.validate(self._proved(request_id, operation, args))
        signed = self._signed(request_id, operation, signature)
        if authorisation is not None:
            self._prover.authorise(request_id, operation.name, authorisation)
        told = validated.model_dump(mode="json") | dict.fromkeys(operation.proofs)
        request = self._request(request_id, operation, actor, told, signed)
        request = request.model_copy(update={"seal": self._prover.seal(actor.session_id, request.message())})
        return Work(operation, request, actor, operation.values(validated), False, self._prover.token(actor.session_id))

    def living(self, request: Request) -> str | None:
        """The token of the session in which ``request`` was decided, if that lives and the file says what was sealed then."""
        meant = request.seal is not None and request.seal == self._prover.seal(request.session_id, request.message())
        return self._prover.token(request.session_id) if meant else None

    def timed(self, request: Request) -> Request:
        """``request`` with what is known by now of the clock by which it was decided."""
        if request.corrected or not isinstance(self._clock, CorrectedClock):
            return request
        return request.model_copy(update={"clock_ahead_s": self._clock.ahead_at(request.decided_at, request.reading)})

    def refused(self, operation: Operation[Any, Any], actor: Actor) -> Work:
        """What names a refused press to the audit: its arguments were never looked at."""
        request = self._request(self._clock.uuid7(), operation, actor, {}, None)
        return Work(operation, request, actor, {}, False, self._prover.token(actor.session_id))

    def _request(
        self, request_id: UUID, operation: Operation[Any, Any], actor: Actor, args: dict[str, Any], signed: Signed | None
    ) -> Request:
        corrected = self._clock if isinstance(self._clock, CorrectedClock) else None
        ahead_s = None if corrected is None else corrected.ahead_s
        return Request(
            id=request_id,
            operation=operation.name,
            station=self._station,
            user_code=actor.user_code,
            session_id=actor.session_id,
            decided_at=self._clock.now(),
            args=args,
            signed=signed,
            corrected=ahead_s is not None,
            clock_ahead_s=ahead_s,
            reading=None if corrected is None else corrected.reading(),
        )

    def _proved(self, request_id: UUID, operation: Operation[P, V], args: Mapping[str, Any]) -> Mapping[str, Any]:
        """``args`` with a proof in the place of each secret."""
        proved = dict(args)
        public = {name: value for name, value in args.items() if not isinstance(value, Secret)}
        for name in operation.proofs & args.keys():
            if isinstance(args[name], Secret):
                proved[name] = self._prover.prove(request_id, operation.name, name, args[name], public)
            elif args[name] is not None:
                raise arguments.refusal(operation.name, name, "store.reason_wrong_form")
        return proved

    def _signed(self, request_id: UUID, operation: Operation[P, V], signature: Signature | None) -> Signed | None:
        if operation.meaning is None:
            return None
        if signature is None:
            raise Refused("store.signature_needed", meaning=operation.meaning)
        if signature.meaning != operation.meaning:
            raise Refused("store.signature_wrong", meaning=signature.meaning)
        signer = self._prover.sign(request_id, operation.name, signature)
        return Signed(user_code=signer.user_code, name=signer.name, meaning=signature.meaning, at=self._clock.now())
