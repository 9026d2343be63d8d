"""The door: every decision and every question of a station goes through here.

A decision is checked, made durable in the journal and applied in one transaction with its audit row, messages and notice.
When the database is away an ``offline`` operation is previewed on what the station last saw and waits; when it returns,
:meth:`Door.apply_waiting` brings everything in, oldest first, each exactly once because the request row tells what has
been applied. So it does after a failover with what the new primary never got (:mod:`core.store.failover`). A question is
answered by the database, or by the last answer this station got, with its age.

``do``, ``ask`` and ``apply_waiting`` block: call them on a worker thread, never on the GUI's and never on a lane's own.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from core.clock import Clock
from core.errors import GenbaError, NotConfirmed, Refused, Unavailable
from core.store import application, arguments, faults
from core.store.application import Outcome, Work
from core.store.attending import Attending
from core.store.base import Db
from core.store.checking import Checking
from core.store.engine import Database
from core.store.failover import Failover
from core.store.journal import Entry, Journal, State
from core.store.operation import OPERATIONS, Actor, Authorisation, Done, Operation, Prover, Signature
from core.store.previews import Previews
from core.store.query import Answer, Query
from core.store.readstore import ReadStore, overlay
from core.words import of_operation

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")
_log = logging.getLogger(__name__)
_CATCH_UP_S, _CATCH_UP_MAX = 2.0, 200  # a press waits for so many at most; behind more it waits its turn with them at once
_YIELD_S: Final = 0.001  # a lock is not fair: between two late entries the person at the screen may go first


@dataclass(frozen=True, slots=True)
class Applied:
    """What :meth:`Door.apply_waiting` achieved.

    Attributes:
        applied: Entries that are in the database now.
        parked: Entries that need a person.
        waiting: Entries still waiting.
    """

    applied: int
    parked: int
    waiting: int


class Door:
    """The one door of a station.

    Args:
        database: The lanes.
        journal: Decisions made here.
        readstore: What was last seen here.
        clock: The station's clock; makes the request ids.
        station: Station code.
        prover: Turns secrets into proofs.
        deadline_s: Seconds an operation or a question may take before the connection is cut.

    Attributes:
        attending: Decisions that need a person.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        readstore: ReadStore,
        clock: Clock,
        station: str,
        prover: Prover,
        *,
        deadline_s: float = 10.0,
    ) -> None:
        self._database = database
        self._journal = journal
        self._readstore = readstore
        self._clock = clock
        self._deadline_s = deadline_s
        # Decisions of one station reach the database in the order they were made.
        self._order = threading.RLock()
        self._failover = Failover(database, journal, deadline_s)
        self._previews = Previews(journal, readstore)
        self._checking = Checking(prover, clock, station)
        self.attending = Attending(self, journal)

    # ---- deciding ------------------------------------------------------------------------------------------------

    def do(
        self,
        operation: Operation[P, V],
        actor: Actor,
        args: Mapping[str, Any],
        signature: Signature | None = None,
        authorisation: Authorisation | None = None,
        *,
        request_id: UUID | None = None,
    ) -> Done[V]:
        """Decide ``operation`` with ``args`` (by name; a :class:`Secret` for each proof).

        Args:
            signature: For an operation that declares a meaning.
            authorisation: Of somebody who may, when ``actor`` may not.
            request_id: Where the same thing may be decided once only: what was applied under this key is answered, not done again.

        Raises:
            Refused: No right, a wrong or missing signature, or the operation's own rules.
            Invalid: The arguments, or what the database will not hold.
            Conflict: Somebody else changed the same thing.
            NotConfirmed: The connection broke during the commit; the journal finds out, nothing is booked twice.
            Unavailable: The database or the local disk is away; nothing was kept.
        """
        if not actor.may(operation.name) and authorisation is None:
            raise self._refusal(operation, actor, Refused("store.no_right", operation=of_operation(operation.name)))
        if not operation.offline or authorisation is not None:
            self.check_usable()
        work = self._checking.work(operation, actor, args, signature, authorisation, request_id)
        with self._order:
            if self._usable and self._behind and self._journal.waiting_count <= _CATCH_UP_MAX:
                self._catch_up(self._clock.monotonic() + _CATCH_UP_S)
            if self._usable and not self._behind:
                return self._apply_now(work)
            return self._accept(work)

    def _apply_now(self, work: Work) -> Done[Any]:
        request_id = work.request.id
        self._journal.append(work.request, work.actor, "inflight")
        try:
            outcome, lineage = self._run(work, application.apply)
        except GenbaError as error:
            if work.refusals and error is not work.refusals[-1]:  # only the refusal's audit row was lost with the connection
                self._forget(request_id)
                raise work.refusals[-1] from error
            if "unknown" in error.params:
                return self._interrupted(work, error)
            self._forget(request_id)
            raise
        self._mark(request_id, "applied", lineage)
        self._readstore.keep_entity(work.operation.name, outcome.view, outcome.as_of)
        return Done(outcome.view, request_id, "applied")

    def _interrupted(self, work: Work, error: GenbaError) -> Done[Any]:
        """The database went away under an operation; with ``unknown`` it may still have been committed."""
        request_id, unknown = work.request.id, bool(error.params["unknown"])
        if not work.operation.offline and not unknown:
            self._forget(request_id)
            raise error
        if work.operation.offline:
            try:
                subject, view, text = self._previews.make(work.operation, work.request, work.values)
            except GenbaError:
                if not unknown:
                    self._forget(request_id)
                    raise
            else:
                with contextlib.suppress(Unavailable):  # it is kept all the same, without its picture
                    self._journal.show(request_id, "unknown" if unknown else "new", subject=subject, preview=text)
                return Done(view, request_id, "waiting")
        self._mark(request_id, "unknown")
        raise NotConfirmed("store.outcome_unknown") from error

    def _mark(self, request_id: UUID, state: State, lineage: str = "") -> None:
        """Note what became of an entry that is durable. A full disk changes nothing about that: the same question is asked again later."""
        try:
            self._journal.mark(request_id, state, lineage=lineage)
        except Unavailable as error:
            _log.warning("%s is %s, and the journal could not take that down: %s", request_id, state, error)

    def _forget(self, request_id: UUID) -> None:
        """Remove what was refused or not done; whatever the disk says, it must not be done later behind the operator's back."""
        try:
            self._journal.forget(request_id)
        except Unavailable as error:
            kept = self._journal.voided.add(request_id)
            _log.warning("%s was refused, and the journal could not take that down%s: %s", request_id, "" if kept else " at all", error)

    def _accept(self, work: Work) -> Done[Any]:
        """Keep an offline decision until the database returns, and show what it will mean."""
        if not work.operation.offline:
            raise self._away()
        if self._database.state.read_only is not None and (work.operation.kind == "intent" or self._database.name_taken):
            raise self._database.state.read_only
        subject, view, text = self._previews.make(work.operation, work.request, work.values)
        self._journal.append(work.request, work.actor, "new", subject=subject, preview=text)
        return Done(view, work.request.id, "waiting")

    # ---- catching up ---------------------------------------------------------------------------------------------

    def apply_waiting(self) -> Applied:
        """Apply what waits, oldest first; stops when the database goes away again. Call it whenever it has come back."""
        applied = parked = 0
        stuck: set[str] = set()
        with self._order:
            self._failover.settle()
        for entry in self._journal.waiting() if self._usable else ():
            if entry.subject and entry.subject in stuck:
                continue
            try:
                with self._order:
                    state = self._apply_entry(entry)
            except Unavailable as error:  # the journal's own: the database would be asked the same again and again
                _log.info("the journal cannot take down what became of %s: %s", entry.request.id, error)
                break
            applied, parked = applied + (state == "applied"), parked + (state == "parked")
            if state == "waiting":
                if not self._usable:
                    break
                stuck.add(entry.subject)  # a lock or a slow statement: others need not wait for it
            time.sleep(_YIELD_S)
        return Applied(applied, parked, self._journal.waiting_count)

    @property
    def _behind(self) -> bool:
        return self._journal.waiting_count > 0 or not self._failover.settled

    def _catch_up(self, until: float) -> None:
        self._failover.settle()
        for entry in self._journal.waiting(_CATCH_UP_MAX):
            if self._clock.monotonic() > until or self._apply_entry(entry) == "waiting":
                return

    def _apply_entry(self, entry: Entry) -> Literal["applied", "parked", "waiting"]:
        request_id = entry.request.id
        current = self._journal.entry(request_id)
        if current is None or current.state in ("applied", "parked"):
            return "applied"  # the other caller was faster
        if request_id in self._journal.voided:  # told no, and still in the file because the disk took nothing at that moment
            self._journal.forget(request_id)
            self._journal.voided.discard(request_id)
            return "applied"
        try:
            outcome, lineage = self._resolve(current)
        except GenbaError as error:
            if "unknown" in error.params:  # the lane's word: it says nothing about the entry
                if error.params["unknown"]:
                    self._journal.mark(request_id, "unknown")
                return "waiting"
            return self._park(current, error)
        self._journal.mark(request_id, "applied", lineage=lineage)
        if outcome is not None:
            self._readstore.keep_entity(current.request.operation, outcome.view, outcome.as_of)
        return "applied"

    def _resolve(self, entry: Entry) -> tuple[Outcome | None, str]:
        """Bring ``entry`` in; tells where. No outcome when it is known to be in but its view is not needed."""
        operation = OPERATIONS.get(entry.request.operation)
        if operation is None:
            raise Refused("store.version_unknown", operation=of_operation(entry.request.operation))
        # What was applied once and is lost was decided with the database there: it is decided still. But what proved its secrets
        # and its signature was good for that one moment.
        again = operation.offline or (bool(entry.lineage) and operation.meaning is None and not operation.proofs)
        values = operation.values(operation.validate(entry.request.args)) if again else {}
        work = Work(operation, self._checking.timed(entry.request), entry.actor, values, True, self._checking.living(entry.request))
        if again:
            return self._run(work, application.apply)
        refusal = Refused("store.lost_with_server" if entry.lineage else "store.not_applied", operation=of_operation(operation.name))
        return self._run(work, lambda db, asked: application.find_out(db, asked, refusal))

    def _park(self, entry: Entry, refusal: GenbaError) -> Literal["parked"]:
        self._journal.mark(entry.request.id, "parked", refusal=faults.as_json(refusal))
        _log.info("%s of %s needs attention: %s", entry.request.operation, entry.request.decided_at, refusal.code)
        return "parked"

    @property
    def waiting(self) -> int:
        """Decisions of this station that are not yet in the database; cheap, for the header."""
        return self._journal.waiting_count

    # ---- asking --------------------------------------------------------------------------------------------------

    def ask(self, query: Query[P, V], actor: Actor, args: Mapping[str, Any]) -> Answer[V]:
        """The answer of the database; for a ``snapshot`` query the last one seen here when the database is away.

        Raises:
            Refused: No right.
            Invalid: The arguments.
            Unavailable: The database is away or too slow, and nothing was kept.
        """
        if query.permission is not None and not actor.may(query.permission):
            raise Refused("store.no_right", operation=of_operation(query.permission))
        validated = query.validate(args)
        function: Callable[..., V] = query.function  # the arguments were checked against its own signature

        def read(db: Db) -> tuple[V, datetime]:
            db.actor = actor
            now = db.now
            return function(db, **arguments.by_name(validated)), now

        if not self._database.up:  # also while nobody knows yet: an address that keeps silent is no reason to show nothing
            known = self.kept(query, args)
            if known is not None:
                return known
        try:
            value, as_of = self._database.read(read, deadline_s=self._deadline_s, report=query.report)
        except Unavailable as error:
            kept = self.kept(query, args)
            if kept is None:
                raise Unavailable("store.no_snapshot") if query.snapshot and not self._database.up else error from None
            return kept
        except GenbaError:
            raise
        except Exception as error:
            raise faults.operator_error(error, query.name) from error
        if query.snapshot:
            self._readstore.keep(query, validated, value, as_of)
        return overlay(Answer(value, as_of, "database"), self._previews.now())

    def kept(self, query: Query[P, V], args: Mapping[str, Any]) -> Answer[V] | None:
        """The last answer seen here with what waits painted over it; None when nothing was kept. Asks no database."""
        known = self._readstore.answer(query, query.validate(args)) if query.snapshot else None
        return None if known is None else overlay(Answer(known[0], known[1], "snapshot"), self._previews.now())

    # ---- inside --------------------------------------------------------------------------------------------------

    @property
    def _usable(self) -> bool:
        state = self._database.state
        return state.up and state.read_only is None

    def check_usable(self) -> None:
        """Raise what keeps this station from deciding in the database now."""
        if not self._usable:
            raise self._away()

    def _away(self) -> GenbaError:
        state = self._database.state
        if state.read_only is not None:
            return state.read_only
        if state.up:
            return Unavailable("store.catching_up", waiting=self._journal.waiting_count)
        return Unavailable("store.database_away")

    def _run(self, work: Work, how: Callable[[Db, Work], T]) -> tuple[T, str]:
        """``how`` on the operations lane, and in which life of the database that was.

        An error with a parameter ``unknown`` is the lane's word, any other the function's.
        """
        deadline_s = work.operation.patience_s or self._deadline_s

        def run(db: Db) -> tuple[T, str]:
            lineage = self._failover.here()
            return how(db, work), lineage

        try:
            return self._database.submit("operations", run, deadline_s=deadline_s).result()
        except DBAPIError as error:
            raise faults.operator_error(error, work.operation.name) from error

    def _refusal(self, operation: Operation[Any, Any], actor: Actor, refusal: Refused) -> Refused:
        """``refusal``, audited soon if the database is there; nobody waits for that."""
        if self._usable:
            work = self._checking.refused(operation, actor)
            self._database.submit("operations", lambda db: application.note_refusal(db, work, refusal), deadline_s=self._deadline_s)
        return refusal
