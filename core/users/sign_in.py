"""Signing in and out, and proving oneself again: three short talks with the database around one slow derivation.

The functions take ``run``, which runs a piece of work in a transaction of its own and commits it: a failed attempt must
be counted although it ends in a refusal. They block for about 0.2 s: call them on a lane or worker thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Row, text

from core.errors import Refused
from core.store import audit
from core.store.base import Db
from core.store.operation import GUEST, Actor, Secret
from core.users.proof import Params, derive, typed
from core.users.roles import permissions_of
from core.users.views import SignedIn

T = TypeVar("T")

START = "users:session:start"
END = "users:session:end"
VERIFY = "users:signature:verify"


class Run(Protocol):
    """Runs work in a transaction of its own and commits it, however it ends."""

    def __call__(self, work: Callable[[Db], T], /) -> T:
        """What ``work`` gives. Raises Unavailable when the database is away."""
        ...


def sign_in(run: Run, user_code: str, secret: Secret, station: str) -> SignedIn:
    """The person, with a session of 12 hours at ``station``.

    Raises:
        Refused: ``users.wrong`` (code or secret; which one is not told) or ``users.locked`` with ``minutes``.
        Unavailable: The database is away.
    """
    code = typed(user_code)
    proof = prove(run, code, secret)

    def open_session(db: Db) -> tuple[UUID, Row[Any]]:
        session_id = db.clock.uuid7()
        values = {"session": session_id, "code": code, "station": station, "proof": proof}
        row = db.execute(text("SELECT * FROM genba.sign_in(:session, :code, :station, :proof)"), values).one()
        _note(db, START, row, _actor(row, station, session_id) if row.outcome == "ok" else GUEST, station, code)
        return session_id, row

    session_id, row = run(open_session)
    _refuse_unless_ok(row)
    return SignedIn(_actor(row, station, session_id), row.token, row.language, row.must_change, row.expires_at)


def verify(run: Run, user_code: str, secret: Secret, station: str) -> Actor:
    """The person whose secret this is, without a session: for signing one record.

    Raises:
        Refused: As in ``sign_in``; counts towards the same lock.
        Unavailable: The database is away.
    """
    code = typed(user_code)
    proof = prove(run, code, secret)

    def check(db: Db) -> Row[Any]:
        row = db.execute(text("SELECT * FROM genba.verify_proof(:code, :proof)"), {"code": code, "proof": proof}).one()
        _note(db, VERIFY, row, _actor(row, station, None) if row.outcome == "ok" else GUEST, station, code)
        return row

    row = run(check)
    _refuse_unless_ok(row)
    return _actor(row, station, None)


def resume(run: Run, token: str) -> SignedIn | None:
    """The session ``token`` stands for, with today's roles; None when it ended, expired or the person lost his access.

    Raises:
        Unavailable: The database is away.
    """
    row = run(lambda db: db.execute(text("SELECT * FROM genba.session_of(:token)"), {"token": token}).one_or_none())
    if row is None:
        return None
    return SignedIn(_actor(row, row.station, row.session_id), token, row.language, row.must_change, row.expires_at)


def sign_out(run: Run, token: str) -> None:
    """End the session of ``token``; one that has ended already stays as it is.

    Raises:
        Unavailable: The database is away.
    """

    def end_session(db: Db) -> None:
        row = db.execute(text("SELECT * FROM genba.session_of(:token)"), {"token": token}).one_or_none()
        db.execute(text("SELECT genba.sign_out(:token)"), {"token": token})
        if row is not None:
            db.actor = _actor(row, row.station, row.session_id)
            audit.append(db, END, "signed_out", detail={"user": row.user_code})

    run(end_session)


def prove(run: Run, user_code: str, secret: Secret) -> bytes:
    """The proof of ``secret`` with the salt of ``user_code``; a code nobody has costs the same time and looks the same."""
    query = text("SELECT * FROM genba.credential_params(:code)")
    row = run(lambda db: db.execute(query, {"code": user_code}).one())
    return derive(secret, Params(bytes(row.salt), row.time_cost, row.memory_kib, row.parallelism))


def _note(db: Db, what: str, row: Row[Any], actor: Actor, station: str, code: str) -> None:
    """One audit row for an attempt, successful or not, in its own transaction: the count of failures stays either way."""
    db.actor = actor
    outcome = {"ok": "signed_in" if what == START else "verified"}.get(row.outcome, str(row.outcome))
    # Digits typed where the code belongs are often the PIN, one field too early: a failed attempt does not keep them.
    told = "•••" if code.isdigit() and row.outcome != "ok" else code
    audit.append(db, what, outcome, station=station, detail={"user": told})


def _refuse_unless_ok(row: Row[Any]) -> None:
    if row.outcome == "locked":
        raise Refused("users.locked", minutes=row.minutes)
    if row.outcome != "ok":
        raise Refused("users.wrong")


def _actor(row: Row[Any], station: str, session_id: UUID | None) -> Actor:
    roles = frozenset(row.roles)
    name = row.name.get(row.language) or row.user_code
    return Actor(row.user_code, name, roles, permissions_of(roles), station, session_id)
