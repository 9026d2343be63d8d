"""One request applied in one transaction: function, messages, request row, notice, audit row, commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from core.errors import Conflict, GenbaError, Invalid, Refused
from core.store import audit, faults, notices, outbox
from core.store.base import Db
from core.store.operation import Actor, Operation, Prover, Request
from core.store.tables import AppliedRequest

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be applied.

    Attributes:
        values: The arguments as the function gets them, proofs included.
        late: True for a request that waited through an outage: its refusal is final and is kept in the database.
        refusals: Gets the refusal before it is audited. When the connection breaks under the audit row, the lane must
            hear of the broken connection, and the operator still hears the refusal.
    """

    operation: Operation[Any, Any]
    request: Request
    actor: Actor
    values: Mapping[str, Any]
    late: bool
    refusals: list[GenbaError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The view and the server time of the transaction that made it."""

    view: Any
    as_of: datetime


def apply(db: Db, work: Work, prover: Prover) -> Outcome:
    """Apply ``work`` and commit, or answer with what was applied before under the same request id.

    Raises:
        Refused, Invalid, Conflict: The function or a rule of the database says no; audited, nothing changed.
        Unavailable: The program or the database failed in an unforeseen way; nothing changed.
        sqlalchemy.exc.DBAPIError: The connection is in trouble; the lane translates it.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _apply_once(db, work, prover)
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


def _apply_once(db: Db, work: Work, prover: Prover) -> Outcome:
    _prepare(db, work)
    stored = _stored(db, work)
    if stored is not None:
        return stored
    view = work.operation.function(db, work.actor, **work.values)
    db.flush()
    if work.request.signed is not None:
        prover.sign(db, work.request)
    as_of = db.now
    outbox.write(db, work.operation.undo_s)
    result = work.operation.view_type.dump_python(view, mode="json")
    if not _insert_request(db, work, state="applied", result=result):
        db.rollback()  # the same request was applied by another connection meanwhile: its result counts
        _prepare(db, work)
        stored = _stored(db, work)
        assert stored is not None  # the conflicting row is there
        return stored
    notices.send(db, [f"{change.entity}:{change.key}" for change in audit.changes(db)])
    audit.append(db, work.operation.name)
    db.commit()
    return Outcome(view, as_of)


def _prepare(db: Db, work: Work) -> None:
    db.actor, db.request, db.decided_at = work.actor, work.request, work.request.decided_at
    db.messages.clear()
    db.reason = ""


def _stored(db: Db, work: Work) -> Outcome | None:
    row = db.execute(
        select(AppliedRequest.state, AppliedRequest.result, AppliedRequest.refusal, AppliedRequest.applied_at).where(
            AppliedRequest.id == work.request.id
        )
    ).one_or_none()
    if row is None:
        return None
    if row.state == "refused":
        raise faults.from_json(row.refusal)
    return Outcome(work.operation.view_type.validate_python(row.result), row.applied_at)


def _insert_request(db: Db, work: Work, **outcome: Any) -> bool:
    request = work.request
    statement = (
        insert(AppliedRequest)
        .values(
            id=request.id,
            operation=request.operation,
            kind=work.operation.kind,
            station=request.station,
            user_code=request.user_code,
            session_id=request.session_id,
            decided_at=request.decided_at,
            args=request.args,
            **outcome,
        )
        .on_conflict_do_nothing()
        .returning(AppliedRequest.id)
    )
    return db.execute(statement).one_or_none() is not None


def _refused(db: Db, work: Work, refusal: GenbaError) -> GenbaError:
    """Audit ``refusal`` in a transaction of its own and give it back; a late intent's refusal is also final."""
    if not isinstance(refusal, Refused | Invalid | Conflict):
        return refusal
    work.refusals.append(refusal)
    _prepare(db, work)
    told = faults.as_json(refusal)
    if work.late and work.operation.kind == "intent" and not _insert_request(db, work, state="refused", refusal=told):
        db.rollback()
        return refusal  # refused and audited before; the answer to it was lost
    audit.append(db, work.operation.name, "refused", detail={"refusal": told})
    db.commit()
    return refusal


def audit_refusal(db: Db, operation: Operation[Any, Any], actor: Actor, station: str, refusal: GenbaError) -> None:
    """Audit what was refused before it became a request (no right, a wrong signature)."""
    db.actor, db.request = actor, None
    audit.append(db, operation.name, "refused", station=station, detail={"refusal": faults.as_json(refusal)})
    db.commit()


def find_applied(db: Db, request_id: UUID) -> bool:
    """Whether the request has reached the database."""
    return db.execute(select(AppliedRequest.id).where(AppliedRequest.id == request_id)).one_or_none() is not None
