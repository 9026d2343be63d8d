"""The station's way to the database: three lanes, a watchdog over their deadlines, and the knowledge whether it is there.

The ``listen`` lane also asks every few seconds whether the server still answers and whether the schema still serves this
program; what it finds decides whether the database counts as up. The other lanes connect when they are needed and never
wait for a database that is known to be away.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Literal, TypeVar

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.clock import Clock, CorrectedClock, SystemClock
from core.errors import GenbaError, Unavailable
from core.log import Outage
from core.store.address import connect_parameters
from core.store.base import Db
from core.store.dialling import Opened, open_newest
from core.store.lane import Job, Lane, Watchdog
from core.store.lineage import Seen
from core.store.presence import Claim
from core.store.replica import Replica
from core.store.rounds import measure_clock, other_hosts
from core.store.schema import Window
from core.store.sealing import KeyRing
from core.store.state import DatabaseState, as_reason, same
from core.store.usable import usable_window

__all__ = ["Database", "DatabaseState", "LaneName"]

log = logging.getLogger(__name__)

T = TypeVar("T")
LaneName = Literal["listen", "operations", "queries"]

_STATEMENT_TIMEOUT = {"listen": "5s", "operations": "10s", "queries": "30s", "reports": "30s"}
_LIMITS = {"lock_timeout": "3s", "idle_in_transaction_session_timeout": "30s"}
_SILENCE = {"idle_session_timeout": "15s"}  # a frozen station's session ends; the lane's own heartbeat comes three times as often
_BEAT_S = 5.0
_BEAT_DEADLINE_S = 3.0
_CONNECT_DEADLINE_S = 6.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 10.0
_LONGEST_PAUSE_OF_MANY_S = 1.0  # with several hosts one of them is promoted soon, and work waits for it
_LOOK_AROUND_S = 20.0


class Database:
    """The shared or embedded database as one station uses it; at most three connections. Thread-safe.

    Args:
        url: ``postgresql+psycopg://…``, or a function that gives it afresh for every connection (embedded server).
        station: Station code; part of the connections' names.
        clock: The station's clock.
        revive: For the embedded server: brings it back when it does not answer; gets a function that tells when to give up.
        ring: The site's keys, for confidential columns; None: they cannot be read or written.
        allow_unsafe: Let the address do without what proves the server and hides the talk; see ``connect_parameters``.
        seen: The newest server known here; None: known only while this object lives.
        replicas: ``host[:port],…`` of standbys that reports are read from; "" for none.
        claim: Of the station's name, for the program that is the station; None for command lines.
        correct: Learns how far the computer's clock is from the server's; None: nobody wants to know.
    """

    def __init__(
        self,
        url: str | Callable[[], str],
        station: str,
        *,
        clock: Clock | None = None,
        revive: Callable[[Callable[[], bool]], None] | None = None,
        ring: KeyRing | None = None,
        allow_unsafe: bool = False,
        seen: Seen | None = None,
        replicas: str = "",
        claim: Claim | None = None,
        correct: CorrectedClock | None = None,
    ) -> None:
        self._url: Callable[[], str] = (lambda: url) if isinstance(url, str) else url
        self._station, self._revive = station, revive
        self._ring, self._allow_unsafe = ring or KeyRing(), allow_unsafe
        self._seen, self._lineage, self._hosts = seen or Seen(), "", 1
        self._clock = clock or SystemClock()
        self._claim, self._correct = claim, correct
        self._looked_at = self._clock.monotonic()
        self._outage = Outage(log, "database", self._clock)
        self._state = DatabaseState(up=False)
        self._lock = threading.Lock()
        self._watchers: list[Callable[[DatabaseState], None]] = []
        self._channels: dict[str, tuple[Callable[[str], None], Callable[[], None]]] = {}
        self._listening: tuple[int, set[str]] = (0, set())
        self._pause_s = _FIRST_PAUSE_S
        self._closing = False
        self._dials: dict[LaneName, Callable[..., Opened]] = {}
        self._watchdog = Watchdog(f"database-{station}-watchdog", self._clock)
        self._lanes: dict[str, Lane] = {name: self._lane(name) for name in ("listen", "operations", "queries")}
        self._replica: Replica | None = None
        if replicas:
            self._replica = Replica(replicas, self._parameters, self._watchdog, self._clock, self._ring, self._seen, lambda: self.up)
            self._lanes["reports"] = self._replica.lane

    # For the rest of the store -----------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether the database answered when it was last asked."""
        return self._state.up

    @property
    def state(self) -> DatabaseState:
        """What is known now."""
        return self._state

    @property
    def lineage(self) -> str:
        """The newest life of the database that was reached, as text of ``Lineage``; "" before the first connection."""
        return self._lineage

    def lineage_on(self, lane: LaneName) -> str:
        """What the server is that ``lane`` is connected to; inside a job: that the job works on."""
        return str(self._lanes[lane].lineage or "")

    @property
    def name_taken(self) -> bool:
        """Whether another program has this station's name, as far as was heard last; also while the database is away."""
        return self._claim is not None and self._claim.denied is not None

    @property
    def knows_presence(self) -> bool:
        """Whether the database has what this program's revision brought: claims, presence, a turn of leases in one question."""
        return self._claim is not None and self._claim.known

    def start(self) -> None:
        """Start the threads; returns at once. ``watch`` tells when the database is up."""
        self._watchdog.start()
        for lane in self._lanes.values():
            lane.start()

    def read(self, work: Callable[[Db], tuple[T, datetime]], *, deadline_s: float, report: bool = False) -> tuple[T, datetime]:
        """Run ``work`` on the queries lane and wait; a ``report`` is read from a standby where there is one that will do.

        ``work`` gives what it read and the server's time, which says how old a report is. Raises what ``submit``'s future holds.
        """
        told = self._replica.read(work, deadline_s) if report and self._replica is not None else None
        return told if told is not None else self.submit("queries", work, deadline_s=deadline_s).result()

    def submit(self, lane: LaneName, work: Callable[[Db], T], *, deadline_s: float) -> Future[T]:
        """Run ``work`` on a lane's thread with a session of its own; what it has not committed is rolled back.

        Args:
            lane: ``operations`` for what writes, ``queries`` for what reads, ``listen`` for leases.
            work: Gets the session; its result or exception becomes the future's.
            deadline_s: Seconds from now, waiting in the queue included, after which the connection is cut.

        Returns:
            A future that is answered at the deadline at the latest. Besides what ``work`` raises it holds ``Unavailable``
            when the database is away, slow or busy; its parameter ``unknown`` is True when a commit was under way, so that
            only the database knows the outcome.
        """
        job = Job(work, self._clock.monotonic() + deadline_s)
        refusal = self._refusal(lane)
        if refusal is not None:
            job.finish()
            job.future.set_exception(refusal)
        else:
            self._lanes[lane].submit(job)
        return job.future

    def on_change(self, watcher: Callable[[DatabaseState], None]) -> Callable[[], None]:
        """Call ``watcher`` on the listen lane's thread whenever the state changes; returns a function that ends it."""
        with self._lock:
            self._watchers.append(watcher)

        def end() -> None:
            with self._lock:
                if watcher in self._watchers:
                    self._watchers.remove(watcher)

        return end

    def listen(self, channel: str, heard: Callable[[str], None], gap: Callable[[], None]) -> None:
        """Hear the notifications of ``channel``, on the listen lane's thread.

        Args:
            channel: A plain lower-case name.
            heard: Gets each payload.
            gap: Called when listening begins again after a lost connection: anything may have been missed.
        """
        if not channel.isidentifier():
            raise ValueError(f"not a channel name: {channel!r}")
        with self._lock:
            self._channels[channel] = (heard, gap)
        self._lanes["listen"].poke(idle=True)

    def listen_anew(self) -> None:
        """Throw the listening connection away: notices do not come through it any more. ``gap`` is called when the next one listens."""
        self._lanes["listen"].cut()

    def close(self, grace_s: float = 1.0) -> None:
        """End all threads: what runs gets ``grace_s`` to finish, then its connection is cut. Within 3 s; idempotent."""
        if self._closing:
            return
        self._leave()
        self._closing = True
        alive = [lane for lane in self._lanes.values() if lane.ident is not None]
        closers = [threading.Thread(target=lane.close, args=(grace_s,)) for lane in alive]
        for closer in closers:
            closer.start()
        for thread in (*closers, *alive):
            thread.join(3.0)
        self._watchdog.close()
        if self._watchdog.ident is not None:
            self._watchdog.join(1.0)
        for lane in set(self._lanes.values()) - set(alive):
            lane.dispose()

    # Inside ------------------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        """Give the station's name back; whoever cannot be told sees it expire."""
        if self._claim is None or not self._state.up or self._state.read_only is not None:
            return
        claim = self._claim

        def leave(db: Db) -> None:
            claim.leave(db)
            db.commit()

        with contextlib.suppress(GenbaError, DBAPIError):
            self.submit("listen", leave, deadline_s=1.0).result()

    def _lane(self, name: LaneName) -> Lane:
        def dial(give_up: Callable[[], bool], beside: bool = False) -> Opened:
            parameters = self._parameters(name)
            self._hosts = parameters.get("host", "").count(",") + 1
            if beside:
                parameters = other_hosts(parameters, self._lanes["listen"].server)
            opened = open_newest(parameters, self._seen, give_up)
            self._seen.note(opened.lineage)
            overtaken = self._seen.judge(opened.lineage)
            if overtaken is not None:  # another lane has reached something newer in the meantime
                opened.connection.close()
                raise overtaken
            self._lineage = str(opened.lineage)
            return opened

        self._dials[name] = dial

        return Lane(
            f"database-{self._station}-{name}",
            dial=dial,
            watchdog=self._watchdog,
            clock=self._clock,
            heard=self._heard,
            lost=self._doubt,
            outdated=self._seen.outdated,
            ring=self._ring,
            idle=self._beat if name == "listen" else None,
        )

    def _parameters(self, lane: LaneName | Literal["reports"]) -> dict[str, str]:
        try:
            url = self._url()
        except (OSError, ValueError) as error:  # the embedded server's own files are not there (yet)
            raise psycopg.OperationalError(str(error)) from None
        settings = {"statement_timeout": _STATEMENT_TIMEOUT[lane], **_LIMITS, **(_SILENCE if lane == "listen" else {})}
        settings |= {} if self._claim is None else self._claim.settings
        return connect_parameters(url, f"genba/{self._station}/{lane}", allow_unsafe=self._allow_unsafe, **settings)

    def _refusal(self, lane: LaneName) -> GenbaError | None:
        state = self._state
        if self._closing:
            return Unavailable("store.closed", unknown=False)
        if state.reason is not None:
            return type(state.reason)(state.reason.code, **(state.reason.params | {"unknown": False}))
        if state.read_only is not None and lane != "queries":
            return Unavailable(state.read_only.code, **(state.read_only.params | {"unknown": False}))
        return None

    def _doubt(self, reason: GenbaError) -> None:
        """A lane lost its connection: find out at once whether the database is gone or only that connection."""
        self._lanes["listen"].poke(idle=True)

    def _heard(self, channel: str, payload: str) -> None:
        with self._lock:
            known = self._channels.get(channel)
        if known is not None:
            known[0](payload)

    def _beat(self) -> float:
        """Ask the server whether it is there and whether the schema serves us; returns seconds until the next time."""
        listen = self._lanes["listen"]
        connected = listen.connected
        try:
            window, heard, denied = listen.perform(self._look, _BEAT_DEADLINE_S if self._state.up else _CONNECT_DEADLINE_S)
        except Exception as error:  # noqa: BLE001 - an unforeseen answer of a server also means: not usable
            if self._closing:
                return _LONGEST_PAUSE_S
            if connected and not listen.connected:
                return 0.0  # only this connection may be gone: ask on a new one before saying that the database is down
            reason = as_reason(error)
            # Told before the embedded server is brought back: one that hangs takes minutes, and nobody may wait for it unawares.
            self._set(DatabaseState(up=False, reason=reason))
            self._set(DatabaseState(up=False, reason=self._bring_back(reason)))
            longest_s = _LONGEST_PAUSE_S if self._hosts == 1 else _LONGEST_PAUSE_OF_MANY_S
            pause_s, self._pause_s = self._pause_s, min(self._pause_s * 2, longest_s)
            return pause_s * random.uniform(0.7, 1.0)  # noqa: S311 - spreads the stations, guards nothing
        self._pause_s = _FIRST_PAUSE_S
        self._set(DatabaseState(up=True, read_only=window.verdict() or denied))
        self._announce_gaps(heard)
        return 0.0 if self._overtaken() else _BEAT_S

    def _overtaken(self) -> bool:
        """Whether another host serves a newer life of the database meanwhile: a primary that was cut off does not know that it fell."""
        if self._hosts == 1 or self._clock.monotonic() < self._looked_at + _LOOK_AROUND_S:
            return False
        self._looked_at = self._clock.monotonic()
        try:
            # Where we are is not asked again: a station has three connections to a server, and at no moment a fourth.
            opened = self._dials["listen"](lambda: self._closing, beside=True)
        except (psycopg.Error, GenbaError):
            return False  # the connections that there are go on working
        opened.connection.close()
        return self._seen.outdated(self._lanes["listen"].lineage)

    def _bring_back(self, reason: GenbaError) -> GenbaError:
        if self._revive is not None and reason.code == "store.away":
            try:
                self._revive(lambda: self._closing)
                self._pause_s = _FIRST_PAUSE_S / 8  # it is back: connect at once
            except Exception as error:  # noqa: BLE001 - whatever stops it, this lane goes on asking
                return as_reason(error)
        return reason

    def _look(self, db: Db) -> tuple[Window, set[str], Unavailable | None]:
        """Whether server, log-in and schema are usable; also listens to channels that were added, or are new to this connection."""
        window = usable_window(db, self._station)
        denied = self._claim.take(db) if self._claim is not None and window.verdict() is None else None
        with self._lock:
            channels = set(self._channels)
        generation, listening = self._listening
        if self._correct is not None:
            # Before anything that waits is brought home: its time is corrected by what is found.
            measure_clock(db, self._correct, often=generation != self._lanes["listen"].generation)
        missing = channels - listening if generation == self._lanes["listen"].generation else channels
        for channel in sorted(missing):
            db.execute(text(f"LISTEN {channel}"))
        db.commit()
        return window, channels, denied

    def _announce_gaps(self, heard: set[str]) -> None:
        generation = self._lanes["listen"].generation
        with self._lock:
            channels = dict(self._channels)
        before, listening = self._listening
        self._listening = (generation, heard)
        if before and before != generation:
            for name in listening & set(channels):
                channels[name][1]()

    def _set(self, state: DatabaseState) -> None:
        with self._lock:
            old, self._state = self._state, state
            watchers = list(self._watchers)
        if state.up:
            self._outage.up()
            if state.read_only is not None and (old.read_only is None or old.read_only.code != state.read_only.code):
                log.warning("database is read-only for this station: %s", state.read_only)
        else:
            self._outage.down(state.reason.lines("en").what if state.reason else "?")
        if same(old, state):
            return
        if state.up and not old.up:
            self._lanes["operations"].warm_up()
            self._lanes["queries"].warm_up()
        for watcher in watchers:
            watcher(state)
