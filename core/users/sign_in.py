"""Signing in and out, and proving oneself again: four short talks with the database around one slow derivation.

The functions take ``run``, which runs a piece of work in a transaction of its own and commits it: a failed attempt must
be counted although it ends in a refusal. The database counts, locks and audits by itself. They block for about 0.2 s: call
them on a lane or worker thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Row, text

from core.errors import GenbaError, Refused
from core.store.base import Db
from core.store.operation import Actor, Secret
from core.users.proof import Params, badge_word, derive, typed
from core.users.roles import Rule, rights
from core.users.views import SignedIn
from core.words import of_operation

T = TypeVar("T")

_PARAMS: Final = text("SELECT * FROM genba.credential_params(:code, :badge)")
_CLAIM: Final = text("SELECT genba.claim(:claim, :code, :badge, :station, :proof)")
_SIGN_IN: Final = text("SELECT * FROM genba.sign_in(:session, :claim, :station, :now)")
_SESSION: Final = text("SELECT * FROM genba.session_of(:token, :station)")
_SIGN_OUT: Final = text("SELECT genba.sign_out(:token, :station)")
_PROVE: Final = text("SELECT * FROM genba.prove_for(:token, :station, :request, :operation, :purpose, :claim)")

Purpose = Literal["signature", "authorisation", "self"]


class Run(Protocol):
    """Runs work in a transaction of its own and commits it, however it ends."""

    def __call__(self, work: Callable[[Db], T], /) -> T:
        """What ``work`` gives. Raises Unavailable when the database is away."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says he is: a typed user code, or what his badge says; and the secret that proves it."""

    secret: Secret
    user_code: str = ""
    badge: str = ""

    def told(self) -> dict[str, str]:
        """Code and badge as they are meant."""
        return {"code": typed(self.user_code), "badge": badge_word(self.badge)}


def sign_in(run: Run, claim: Claim, station: str) -> SignedIn:
    """The person, with a session at ``station``; whoever was signed in there before is signed off.

    Raises:
        Refused: ``users.wrong`` (code, badge or secret; which one is not told), ``users.wait`` with ``seconds``,
            ``users.locked`` and ``users.station_locked`` with ``minutes``, ``users.badge_blocked``.
        Unavailable: The database is away.
    """
    claimed = _claimed(run, claim, station)

    def open_session(db: Db) -> tuple[UUID, Row[Any]]:
        session_id = db.clock.uuid7()
        told = {"session": session_id, "claim": claimed, "station": station, "now": db.clock.now()}
        return session_id, db.execute(_SIGN_IN, told).one()

    session_id, row = run(open_session)
    _refuse_unless_ok(row)
    return _signed_in(row, row.token, station, session_id)


def resume(run: Run, token: str, station: str) -> SignedIn | None:
    """The session ``token`` stands for, with today's roles; None when it ended, expired or the person lost his access.

    Raises:
        Unavailable: The database is away.
    """
    row = run(lambda db: db.execute(_SESSION, {"token": token, "station": station}).one_or_none())
    return None if row is None else _signed_in(row, token, station, row.session_id)


def sign_out(run: Run, token: str, station: str) -> None:
    """End the session of ``token``; one that has ended already stays as it is.

    Raises:
        Unavailable: The database is away.
    """

    def end_session(db: Db) -> None:
        db.execute(_SIGN_OUT, {"token": token, "station": station})

    run(end_session)


def prove_for(run: Run, token: str, station: str, request_id: UUID, operation: str, purpose: Purpose, claim: Claim) -> Actor:
    """The person who proves himself for one request: to sign it, to authorise it, or because his own PIN is to be changed.

    The database keeps that for two minutes and for this request of this session alone.

    Raises:
        Refused: As in ``sign_in``, counted towards the same lock; ``users.not_yourself_authorised`` for one's own request,
            ``store.no_right`` when he may not do it either, ``store.session_over``.
        Unavailable: The database is away.
    """
    told = {
        "token": token,
        "station": station,
        "request": request_id,
        "operation": operation,
        "purpose": purpose,
        "claim": _claimed(run, claim, station),
    }
    row = run(lambda db: db.execute(_PROVE, told).one())
    _refuse_unless_ok(row, operation)
    return Actor(row.user_code, row.name.get("ja") or row.user_code, frozenset(), frozenset(), station, None)


def _claimed(run: Run, claim: Claim, station: str) -> UUID:
    """Tell the database who somebody says he is; it answers in a later transaction, so that no failure can be taken back."""
    proof = prove(run, claim)

    def say(db: Db) -> UUID:
        claim_id = db.clock.uuid7()
        db.execute(_CLAIM, claim.told() | {"claim": claim_id, "station": station, "proof": proof}).close()
        return claim_id

    return run(say)


def prove(run: Run, claim: Claim) -> bytes:
    """The proof of the secret with the right salt; a code or badge nobody has costs the same time and looks the same."""
    row = run(lambda db: db.execute(_PARAMS, claim.told()).one())
    return derive(claim.secret, Params(bytes(row.salt), row.time_cost, row.memory_kib, row.parallelism))


def _refuse_unless_ok(row: Row[Any], operation: str = "") -> None:
    refusals: dict[str, Callable[[], GenbaError]] = {
        "wait": lambda: Refused("users.wait", seconds=row.wait_s),
        "locked": lambda: Refused("users.locked", minutes=-(-row.wait_s // 60)),
        "station_locked": lambda: Refused("users.station_locked", minutes=-(-row.wait_s // 60)),
        "badge_blocked": lambda: Refused("users.badge_blocked"),
        "must_change": lambda: Refused("users.must_change"),
        "not_yourself": lambda: Refused("users.not_yourself_authorised"),
        "no_right": lambda: Refused("store.no_right", operation=of_operation(operation)),
        "session_over": lambda: Refused("store.session_over"),
    }
    if row.outcome != "ok":
        raise refusals.get(row.outcome, lambda: Refused("users.wrong"))()


def _signed_in(row: Row[Any], token: str, station: str, session_id: UUID) -> SignedIn:
    permissions, exceptions = rights(row.roles, [Rule(*rule) for rule in row.rules])
    name = row.name.get(row.language) or row.user_code
    actor = Actor(row.user_code, name, frozenset(row.roles), permissions, station, session_id, exceptions=exceptions)
    return SignedIn(actor, token, row.language, row.why_change, row.expires_at, tuple(row.also_at), row.pin_digits)
