"""Decisions that need a person: the ways off a station's list, of which there is no other.

An intent is applied anew, or settled because it was replaced or given up, with a reason. A fact is tried again or adopted; it is
never given up. What each of them leaves in the audit is an operation of its own (:mod:`core.store.attention`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from core.errors import Invalid, Refused
from core.store import attention
from core.store.operation import OPERATIONS, Actor, Done, Operation
from core.words import of_operation

if TYPE_CHECKING:
    from core.store.door import Applied, Door
    from core.store.journal import Entry, Journal


class Attending:
    """The parked decisions of one station. Every verb blocks, as the door's do.

    Args:
        door: Decides what is done with them.
        journal: Where they stand.
    """

    def __init__(self, door: Door, journal: Journal) -> None:
        self._door, self._journal = door, journal

    def entries(self) -> list[Entry]:
        """Parked decisions, oldest first; ``entry.refusal`` tells why.

        Raises:
            Unavailable: The journal cannot be read.
        """
        return self._journal.parked()

    def retry(self, request_id: UUID) -> Applied:
        """Try a parked decision again, after its cause was removed. An intent refused by the database stays refused.

        Raises:
            Invalid: ``store.entry_not_found``.
        """
        self._entry(request_id)
        self._journal.mark(request_id, "new")
        return self._door.apply_waiting()

    def settle(self, request_id: UUID, actor: Actor, outcome: attention.Outcome, reason: str) -> None:
        """Take a parked intent off the list because a person has dealt with it; audited with his reason. Facts stay.

        Args:
            outcome: What he did with it; to drop it takes the right to ``core.store.attention.settle_other``, whosever it is.

        Raises:
            Invalid: ``store.entry_not_found``, ``store.attention_reason``.
            Refused: It is a fact, or it is somebody else's or dropped and ``actor`` lacks that right.
            Unavailable: The database is away.
        """
        entry, operation = self._intent(request_id)
        told: Mapping[str, Any] = {
            "request_id": request_id,
            "operation": operation.name,
            "refusal": str(entry.refusal.get("code", "")),
            "outcome": outcome,
            "reason": attention.check_reason(reason),
        }
        if actor.user_code == entry.request.user_code and outcome != "dropped":
            self._door.do(attention.settle_own, actor, told)
        else:
            self._door.do(attention.settle_other, actor, {**told, "user_code": entry.request.user_code})
        self._journal.forget(request_id)

    def apply_anew(self, request_id: UUID, actor: Actor, reason: str) -> Done[Any]:
        """Decide a parked intent again, now and in the name of ``actor``, on whatever its subject has become; then it is settled.

        Raises:
            Invalid, Refused, Conflict: As ``Door.do`` and ``settle``; the entry stays.
            Unavailable: The database is away: who decides on what it is now must know it.
        """
        entry, operation = self._intent(request_id)
        attention.check_reason(reason)
        args = dict(entry.request.values)
        if "version" in args:
            args["version"] = None  # the person has seen what it is now
        self._door.check_usable()
        done = self._door.do(operation, actor, args)
        self.settle(request_id, actor, "applied", reason)
        return done

    def adopt(self, request_id: UUID, actor: Actor, reason: str) -> Done[Any]:
        """Book a parked fact in the name of ``actor``, with its own time; once, however often it is tried.

        Raises:
            Invalid: ``store.entry_not_found``, ``store.attention_reason``.
            Refused: ``store.not_adoptable``: it is an intent, or of another program version; or ``actor`` lacks the right.
            Unavailable: The database is away.
        """
        entry = self._entry(request_id)
        operation = OPERATIONS.get(entry.request.operation)
        adopting = None if operation is None else OPERATIONS.get(operation.adopted_by)
        if adopting is None:
            raise Refused("store.not_adoptable", operation=of_operation(entry.request.operation))
        told = attention.Adopted.of(entry.request, entry.preview).told() | {"reason": attention.check_reason(reason)}
        done = self._door.do(adopting, actor, told)
        self._journal.forget(request_id)
        return done

    def _entry(self, request_id: UUID) -> Entry:
        entry = self._journal.entry(request_id)
        if entry is None or entry.state != "parked":
            raise Invalid("store.entry_not_found")
        return entry

    def _intent(self, request_id: UUID) -> tuple[Entry, Operation[Any, Any]]:
        entry = self._entry(request_id)
        operation = OPERATIONS.get(entry.request.operation)
        if operation is None or operation.kind == "fact":
            raise Refused("store.fact_kept")
        return entry, operation
