"""What an error of the database means to the person at the screen. Connection troubles are the lane's business, not here.

SQLSTATEs of class GB are the guard's own; see ``migrations/sql/guard.sql``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm.exc import StaleDataError

from core.errors import Conflict, GenbaError, Invalid, NotConfirmed, NotConnected, Refused, Unavailable
from core.store.address import failure_of
from core.words import of_operation

_log = logging.getLogger(__name__)

AGAIN: Final = frozenset({"40001", "40P01"})
"""SQLSTATEs after which the same transaction is simply tried again: serialization failure, deadlock."""
_NO_CONSTRAINTS: Final[Mapping[str, str]] = {}
_KINDS: Final[dict[str, type[GenbaError]]] = {
    kind.kind: kind for kind in (NotConnected, Refused, Invalid, Conflict, NotConfirmed, Unavailable)
}


def sqlstate(error: BaseException) -> str:
    """The five characters PostgreSQL gave, or "" when there are none."""
    return str(getattr(failure_of(error), "sqlstate", None) or "")


def is_lane_matter(error: DBAPIError) -> bool:
    """Whether the connection, a lock, a time limit or the server's disk is the trouble, which the lane translates."""
    state = sqlstate(error)
    return not state or error.connection_invalidated or state.startswith(("08", "57", "53")) or state in ("25006", "55P03", "GB005")


def operator_error(error: Exception, name: str, constraints: Mapping[str, str] = _NO_CONSTRAINTS) -> GenbaError:
    """One of the six for whatever the function of ``name`` raised; what nobody foresaw is logged with its traceback.

    Args:
        constraints: Constraint name → code of the Invalid it means; see ``Operation.constraints``.
    """
    if isinstance(error, GenbaError):
        return error
    if isinstance(error, StatementError) and isinstance(error.orig, GenbaError):  # a column type refused the value
        return error.orig
    if isinstance(error, StaleDataError):
        return Conflict("store.changed_meanwhile")
    if isinstance(error, DBAPIError):
        state = sqlstate(error)
        # Both pass: ``unknown`` says as the lane does that nothing was kept and that the same may be asked again.
        if state in AGAIN:
            return Unavailable("store.busy", unknown=False)
        if state.startswith("53"):
            return Unavailable("store.server_short", problem=str(failure_of(error)).splitlines()[0], unknown=False)
        if state == "GB002":
            return Refused("store.station_refused", problem=str(failure_of(error)).splitlines()[0])
        if state == "GB003":
            return Refused("store.not_on_this_line", operation=of_operation(name))
        constraint = str(getattr(getattr(failure_of(error), "diag", None), "constraint_name", None) or state)
        if state.startswith("23"):
            return Invalid(constraints.get(constraint, "store.integrity"), constraint=constraint)
        if state.startswith("22"):
            return Invalid("store.integrity", constraint=state)
        _log.error("%s: the database refused a statement", name, exc_info=_without_values(error))
        return Unavailable("store.database_error", state=state)
    _log.error("%s: failed in an unforeseen way", name, exc_info=error)
    return Unavailable("store.program_error", operation=name)


def _without_values(error: DBAPIError) -> DBAPIError:
    # A statement's values may be what a person typed; the statement alone tells what went wrong.
    error.hide_parameters = True
    return error


def as_json(error: GenbaError) -> dict[str, Any]:
    """``{"kind", "code", "params"}``, for a row or a file."""
    return {"kind": error.kind, "code": error.code, "params": {k: v if _is_json(v) else str(v) for k, v in error.params.items()}}


def _is_json(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, str | int | bool)
        or (isinstance(value, dict) and all(isinstance(v, str) for v in value.values()))
    )


def from_json(told: Mapping[str, Any]) -> GenbaError:
    """The error again, as it was told."""
    kind = _KINDS.get(str(told.get("kind")), Refused)
    return kind(str(told.get("code", "core.unknown")), **dict(told.get("params", {})))
