"""A lane: one thread with one connection that works off jobs in order, each within its own deadline."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from core.clock import Clock
from core.errors import GenbaError, Unavailable
from core.store import notices
from core.store.address import connection_failure, failure_of
from core.store.base import Db
from core.store.dialling import Opened
from core.store.lineage import Lineage
from core.store.presence import name_taken
from core.store.sealing import KeyRing, give_keys
from core.store.wire import Wire, wait_readable

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Job:
    """One piece of work and what became of it.

    Attributes:
        run: What to do with the session.
        deadline: On the clock's monotonic scale.
        committing: A commit has been sent; from then on only the database knows the outcome.
        finished: The future has its answer, or is about to get it.
        expired: The deadline came first; the connection was cut.
    """

    run: Callable[[Db], Any]
    deadline: float
    future: Future[Any] = field(default_factory=Future)
    lock: threading.Lock = field(default_factory=threading.Lock)
    committing: bool = False
    finished: bool = False
    expired: bool = False

    def begin(self) -> bool:
        """True for the lane that may run it now; False when somebody has answered already, or whoever asked has left."""
        with self.lock:
            return not self.finished and self.future.set_running_or_notify_cancel()

    def finish(self) -> bool:
        """True for the one who may answer; False when somebody has answered already."""
        with self.lock:
            first, self.finished = not self.finished, True
            return first

    def expire(self, cut: Callable[[], None], code: str) -> None:
        """The deadline has come: cut what runs and answer; a commit under way is reported as unknown."""
        with self.lock:
            if self.finished:
                return
            self.finished = self.expired = True
            unknown = self.committing
            cut()
        with contextlib.suppress(InvalidStateError):  # whoever asked has left meanwhile, and cancelled what still waited
            self.future.set_exception(Unavailable(code, unknown=unknown))

    def begin_commit(self) -> None:
        """Called right before a commit is sent; raises when the deadline has come meanwhile, so that it is not sent."""
        with self.lock:
            self.go_on()
            self.committing = True

    def go_on(self) -> None:
        """Raises when the deadline has come."""
        if self.expired:
            raise Unavailable("store.deadline", unknown=False)


class Watchdog(threading.Thread):
    """Expires jobs at their deadline; one for all lanes of a database."""

    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name=name, daemon=True)
        self._clock = clock
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, Job, Callable[[], None]]] = []
        self._order = itertools.count()
        self._closing = False

    def watch(self, job: Job, cut: Callable[[], None]) -> None:
        """Expire ``job`` at its deadline by calling ``cut``, unless it is finished before."""
        with self._changed:
            heapq.heappush(self._heap, (job.deadline, next(self._order), job, cut))
            if self._heap[0][2] is job:
                self._changed.notify()

    def close(self) -> None:
        """End the thread; jobs still watched are not expired."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    def run(self) -> None:
        """The thread's body."""
        while True:
            with self._changed:
                while not self._closing and (not self._heap or self._heap[0][0] > self._clock.monotonic()):
                    self._changed.wait(self._heap[0][0] - self._clock.monotonic() if self._heap else None)
                if self._closing:
                    return
                _, _, job, cut = heapq.heappop(self._heap)
            job.expire(cut, "store.deadline")


class Lane(threading.Thread):
    """One thread, at most one connection.

    The connection is opened when it is first needed, kept, and thrown away after any doubt about it. Everything but
    ``submit``, ``cut``, ``poke`` and ``close`` happens on the lane's own thread.

    Args:
        name: Of the thread.
        dial: Opens a connection; gets a function that tells when to give up.
        watchdog: Cuts the connection of jobs past their deadline.
        clock: For deadlines and made identifiers.
        heard: Gets ``(channel, payload)`` of every notification.
        lost: Told when the connection broke, with the reason.
        outdated: Whether a server of this lineage was overtaken by another: its connection is thrown away before the next job.
        ring: The site's keys, for confidential columns.
        idle: Called first at once, then whenever its own answer, in seconds, has passed; None for never.
    """

    def __init__(
        self,
        name: str,
        *,
        dial: Callable[[Callable[[], bool]], Opened],
        watchdog: Watchdog,
        clock: Clock,
        heard: Callable[[str, str], None],
        lost: Callable[[GenbaError], None],
        outdated: Callable[[Lineage | None], bool],
        ring: KeyRing,
        idle: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._dial, self._watchdog, self._clock = dial, watchdog, clock
        self._heard, self._lost, self._outdated, self._idle = heard, lost, outdated, idle
        self._idle_at = clock.monotonic()
        self._idle_now = False
        self._idling = False
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._current: Job | None = None
        self._wire: Wire | None = None
        self._connection: Connection | None = None
        self._closing = False
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        # The values of a statement that fails may be what a person typed or what is confidential: no error text repeats them.
        self._engine = create_engine(
            "postgresql+psycopg://", creator=self._dialled, poolclass=NullPool, use_native_hstore=False, hide_parameters=True
        )
        give_keys(self._engine, ring)
        event.listen(self._engine, "commit", self._before_commit)
        self.generation = 0
        """Counts the connections this lane has had."""
        self.lineage: Lineage | None = None
        """Of the server this lane is connected to, or was last."""

    # From any thread ---------------------------------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Queue ``job``; its future is answered at its deadline at the latest."""
        with self._lock:
            closing = self._closing
            if not closing:
                self._jobs.append(job)
        if closing:
            job.expire(lambda: None, "store.closed")
            return
        self._watchdog.watch(job, lambda: self._overdue(job))
        self.poke()

    def cut(self, job: Job | None = None) -> None:
        """Cut the connection if ``job`` is what runs on it (None: whatever runs)."""
        wire = self._wire
        if wire is not None and (job is None or self._current is job):
            wire.cut()

    def _overdue(self, job: Job) -> None:
        self.cut(job)
        # Whether it waited in the queue or ran: something takes longer than it should.
        self._lost(Unavailable("store.deadline", unknown=False))

    def poke(self, *, idle: bool = False) -> None:
        """Wake the thread; with ``idle`` also let it call its idle function now."""
        if idle:
            self._idle_now = True
        with contextlib.suppress(BlockingIOError, OSError):
            self._waker.send(b".")

    @property
    def connected(self) -> bool:
        """Whether there is a connection, dead or alive."""
        return self._connection is not None

    @property
    def server(self) -> tuple[str, str]:
        """Host and port of the server it is connected to; empty for none."""
        wire = self._wire
        info = None if wire is None or wire.connection.closed else wire.connection.info
        return ("", "") if info is None else (info.host, str(info.port))

    def warm_up(self) -> None:
        """Open the connection before the first job needs it."""
        job = Job(lambda db: None, self._clock.monotonic() + 10.0)
        job.future.add_done_callback(lambda done: done.exception())  # a failure shows again in the next real job
        self.submit(job)

    def close(self, grace_s: float) -> None:
        """Answer what is queued, wait ``grace_s`` for what runs, then cut it. The thread ends soon after."""
        with self._lock:
            self._closing = True
            waiting = list(self._jobs)
            self._jobs.clear()
        for job in waiting:
            job.expire(lambda: None, "store.closed")
        self.poke()
        self.join(grace_s)
        current = self._current
        if current is not None:
            current.expire(lambda: self.cut(current), "store.closed")
        self.cut()

    # The thread --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """The thread's body."""
        try:
            while not self._closing:
                with self._lock:
                    job = self._jobs.popleft() if self._jobs else None
                if job is not None:
                    self._work(job)
                elif self._idle is not None and (self._idle_now or self._clock.monotonic() >= self._idle_at):
                    self._idle_now, self._idling = False, True
                    pause_s = self._idle()
                    self._idling = False
                    self._idle_at = self._clock.monotonic() + pause_s
                else:
                    self._wait()
        finally:
            self.dispose()

    def perform(self, run: Callable[[Db], Any], deadline_s: float) -> Any:
        """Do ``run`` now; for the lane's own idle function. Raises what it raises, or Unavailable at the deadline."""
        job = Job(run, self._clock.monotonic() + deadline_s)
        self._watchdog.watch(job, lambda: self.cut(job))
        self._work(job)
        return job.future.result()

    def dispose(self) -> None:
        """Let go of everything; for the thread itself, or for a lane that was never started."""
        self.hang_up()
        self._engine.dispose()
        self._woken.close()
        self._waker.close()

    def hang_up(self) -> None:
        """Throw the connection away; the next job gets a new one."""
        connection, self._connection = self._connection, None
        wire, self._wire = self._wire, None
        if connection is not None:
            with contextlib.suppress(DBAPIError, psycopg.Error):
                connection.invalidate()  # without asking a server that may be gone
            with contextlib.suppress(DBAPIError, psycopg.Error):
                connection.close()
        if wire is not None:
            wire.close()

    def _work(self, job: Job) -> None:
        # First it can be cut, then it begins: a deadline that comes in between finds what to cut, or it does not begin.
        self._current = job
        if not job.begin():
            self._current = None
            return
        try:
            value = self._run(job)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to whoever asked
            if job.finish():
                job.future.set_exception(error)
        else:
            if job.finish():
                job.future.set_result(value)
        finally:
            self._current = None
            if job.expired:
                self.hang_up()
            elif self._broken():  # and the job kept it to itself
                self.hang_up()
                self._lost(connection_failure(psycopg.OperationalError("the server closed the connection")))

    def _run(self, job: Job) -> Any:
        try:
            if self._outdated(self.lineage):
                self.hang_up()
            if self._connection is None:
                self._connection = self._engine.connect()
            with Db(self._connection, clock=self._clock) as db:
                return job.run(db)
        except (DBAPIError, psycopg.Error) as error:
            if self._connection is not None and notices.is_queue_full(failure_of(error)):
                notices.make_room(self._connection)
            raise self._translated(error, job) from error

    def _broken(self) -> bool:
        wire, connection = self._wire, self._connection
        return wire is not None and (wire.connection.closed or (connection is not None and connection.invalidated))

    def _translated(self, error: DBAPIError | psycopg.Error, job: Job) -> Exception:
        """A broken connection, a lock or time limit in operator's words; everything else as it is, for the door."""
        inner = failure_of(error)
        state = getattr(inner, "sqlstate", None) or ""
        broken = self._wire is None or self._wire.connection.closed or getattr(error, "connection_invalidated", False)
        # Trouble that the server has no word for is trouble with the talk to it: what came, and what is still to come, is not known.
        broken = broken or (not state and isinstance(inner, psycopg.OperationalError))
        if broken or state.startswith(("08", "57P", "25006")):
            self.hang_up()
            reason = connection_failure(inner)
            reason.params["unknown"] = job.committing
            if not self._idling:  # the idle function sees it itself, and knows when to try again
                self._lost(reason)
            return reason
        if state == "GB005":  # a second program has the station's name: the heartbeat finds out more
            if not self._idling:
                self._lost(name_taken("", str(inner).splitlines()[0]))
            return name_taken("", str(inner).splitlines()[0])
        if state == "57014":
            return Unavailable("store.slow", unknown=False)
        if state == "55P03":
            return Unavailable("store.busy", unknown=False)
        if state == "53100":
            return Unavailable("store.server_disk_full", problem=str(inner).splitlines()[0], unknown=False)
        return error

    def _dialled(self) -> psycopg.Connection:
        job = self._current
        if self._wire is not None:  # SQLAlchemy replaces a connection that broke in the middle of a job
            self._wire.close()
            self._wire = None
        opened = self._dial(lambda: self._closing or (job is not None and job.expired))
        connection, self.lineage = opened.connection, opened.lineage
        self._wire = Wire(connection)
        if job is not None:
            job.go_on()  # the deadline may have come when there was nothing to cut yet
        self.generation += 1
        connection.add_notify_handler(lambda notice: self._heard(notice.channel, notice.payload))
        return connection

    def _before_commit(self, connection: Connection) -> None:
        if self._current is not None:
            self._current.begin_commit()

    def _wait(self) -> None:
        """Until there is a job, news from the server, or the idle function is due."""
        pause_s = None if self._idle is None else max(0.0, self._idle_at - self._clock.monotonic())
        wire = self._wire
        readable = wait_readable(self._woken, *([wire.socket] if wire else []), timeout_s=pause_s)
        if self._woken.fileno() in readable:
            self._woken.recv(4096)
        if wire is not None and wire.socket in readable:
            self._listen(wire)

    def _listen(self, wire: Wire) -> None:
        """Take in what the server sent unasked: notifications, or the end of the connection."""
        raw = wire.connection.pgconn
        try:
            raw.consume_input()
            while (notice := raw.notifies()) is not None:
                self._heard(notice.relname.decode(), notice.extra.decode())
            ended = raw.status != psycopg.pq.ConnStatus.OK
        except psycopg.Error:
            ended = True
        if ended:
            reason = connection_failure(psycopg.OperationalError("the server closed the connection"))
            self.hang_up()
            self._lost(reason)
