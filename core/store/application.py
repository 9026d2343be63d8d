"""One request applied in one transaction: begun in the database, which judges it; function; messages; ended with its audit row; commit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core.errors import Conflict, GenbaError, Invalid, Refused
from core.store import faults, outbox
from core.store.base import Db
from core.store.operation import Actor, Operation, Request
from core.store.tables import AppliedRequest

_TRIES: Final = 3
_BEGIN: Final = text("SELECT * FROM genba.begin_operation(:token, :operation, CAST(:request AS jsonb))")
_LIMIT: Final = text("SELECT set_config('statement_timeout', :limit, true)")
_END: Final = text("SELECT genba.end_operation(CAST(:result AS jsonb), :reason, CAST(:detail AS jsonb))")
_REFUSE: Final = text("SELECT genba.note_refusal(:token, :operation, CAST(:request AS jsonb), CAST(:refusal AS jsonb), :final)")


class _Told(Exception):
    """The database refused the request and has audited that already."""

    def __init__(self, refusal: GenbaError) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be applied.

    Attributes:
        values: The arguments as the function gets them, proofs included.
        late: True for a request that waited through an outage: its refusal is final and is kept in the database.
        token: Of the living session in which it was decided; None for systems, and when that session is over.
        refusals: Gets the refusal before it is audited. When the connection breaks under the audit row, the lane must
            hear of the broken connection, and the operator still hears the refusal.
    """

    operation: Operation[Any, Any]
    request: Request
    actor: Actor
    values: Mapping[str, Any]
    late: bool
    token: str | None = None
    refusals: list[GenbaError] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Parameters that name this request to the database."""
        return {
            "token": self.token,
            "operation": self.operation.name,
            "request": json.dumps(self.request.wire(self.actor.name), ensure_ascii=False),
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The view and the server time of the transaction that made it."""

    view: Any
    as_of: datetime


def apply(db: Db, work: Work) -> Outcome:
    """Apply ``work`` and commit, or answer with what was applied before under the same request id.

    Raises:
        Refused, Invalid, Conflict: The database, the function or a rule says no; audited, nothing changed.
        Unavailable: The program or the database failed in an unforeseen way; nothing changed.
        sqlalchemy.exc.DBAPIError: The connection is in trouble; the lane translates it.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _apply_once(db, work)
        except _Told as told:
            raise told.refusal from None
        except DBAPIError as error:
            db.rollback()
            if faults.is_lane_matter(error):
                raise
            if faults.sqlstate(error) not in faults.AGAIN or not left:
                raise _refused(db, work, faults.operator_error(error, work.operation.name, work.operation.constraints)) from error
        except Exception as error:
            db.rollback()
            raise _refused(db, work, faults.operator_error(error, work.operation.name, work.operation.constraints)) from error
    raise AssertionError("unreachable")


def _apply_once(db: Db, work: Work) -> Outcome:
    before = _begin(db, work)
    if before is not None:
        return before
    view = work.operation.function(db, work.actor, **work.values)
    db.flush()
    as_of = db.now
    outbox.write(db, work.operation.undo_s)
    result = work.operation.view_type.dump_json(view).decode()
    if db.execute(_END, {"result": result, "reason": db.reason, "detail": "{}"}).scalar_one() is None:
        db.rollback()  # the same request was applied by another connection meanwhile: its result counts
        before = _begin(db, work)
        assert before is not None  # the conflicting row is there
        return before
    db.commit()
    return Outcome(view, as_of)


def _begin(db: Db, work: Work) -> Outcome | None:
    """Ask the database; None: it is open, go on. Otherwise what this request became before, or its refusal."""
    db.actor, db.request, db.decided_at, db.late = work.actor, work.request, work.request.happened_at, work.late
    db.messages.clear()
    db.reason = ""
    answer = db.execute(_BEGIN, work.told()).one()
    if answer.outcome == "open":
        if work.operation.patience_s is not None:
            # The lane's own limit is for what people wait for; one statement may bring in a whole site.
            db.execute(_LIMIT, {"limit": f"{work.operation.patience_s:g}s"})
        return None
    if answer.outcome == "applied":
        return Outcome(work.operation.view_type.validate_python(answer.told), answer.applied_at)
    refusal = faults.from_json(answer.told)
    work.refusals.append(refusal)
    db.commit()  # keeps the audit row of the refusal
    raise _Told(refusal)


def _refused(db: Db, work: Work, refusal: GenbaError) -> GenbaError:
    """Audit ``refusal`` in a transaction of its own and give it back; a late intent's refusal is also final."""
    if not isinstance(refusal, Refused | Invalid | Conflict):
        return refusal
    work.refusals.append(refusal)
    note_refusal(db, work, refusal, final=work.late and work.operation.kind == "intent")
    return refusal


def note_refusal(db: Db, work: Work, refusal: GenbaError, *, final: bool = False) -> None:
    """Audit what was refused before the database was asked, or after, by the operation's own rules; commits.

    Args:
        final: The request will be answered the same way for ever.
    """
    told = json.dumps(faults.as_json(refusal), ensure_ascii=False)
    db.execute(_REFUSE, work.told() | {"refusal": told, "final": final})
    db.commit()


def find_applied(db: Db, request_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the requests that have reached the database."""
    return set(db.scalars(select(AppliedRequest.id).where(AppliedRequest.id.in_(list(request_ids)))))


def find_out(db: Db, work: Work, refusal: Refused) -> None:
    """See that a request whose answer was lost has been applied; if it has not, it never will be.

    "Not there" is no answer while its commit may still be on the way: a cable that was pulled delivers what was sent before it. So
    ``refusal`` takes the request's place, which waits for a transaction that has taken it already, and a late one finds it taken.

    Raises:
        Refused: ``refusal``: it is not there and stays away.
        sqlalchemy.exc.DBAPIError: It is still being committed (lock timeout), or the connection is in trouble: ask again.
    """
    if not _is_applied(db, work):
        note_refusal(db, work, refusal, final=True)
        if not _is_applied(db, work):
            raise refusal


def _is_applied(db: Db, work: Work) -> bool:
    found = select(AppliedRequest.id).where(AppliedRequest.id == work.request.id, AppliedRequest.state == "applied")
    return db.execute(found).one_or_none() is not None
