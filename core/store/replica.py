"""Reports from a standby: what reads much and may be a moment old leaves the primary to those who work.

The station's own three connections all go to the primary. This lane connects when a report is asked for, to the first of
the named hosts that serves the same database, and hangs up when nobody asks any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal, TypeVar

from sqlalchemy import text

from core.clock import Clock
from core.errors import Unavailable
from core.store.base import Db
from core.store.dialling import open_standby
from core.store.lane import Job, Lane, Watchdog
from core.store.lineage import Lineage, Seen
from core.store.sealing import KeyRing

log = logging.getLogger(__name__)

T = TypeVar("T")

BEHIND_S: Final = 60.0
"""A standby that is further behind is asked only while the primary cannot be."""
_IDLE_S: Final = 60.0
_AGAIN_S: Final = 30.0
"""So long a standby that did not answer is left alone: nobody waits for it at every report."""
_DEADLINE_SHARE: Final = 0.5
"""Of a report's time; the rest is for the primary, should the standby keep silent."""
# A standby says when the newest thing it knows was committed; on the primary nothing is missing.
_AS_OF = text("SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() ELSE clock_timestamp() END, clock_timestamp()")


class Replica:
    """The way to the standbys. Thread-safe.

    Args:
        hosts: ``host[:port],…``.
        parameters: Gives libpq's parameters for the primary now, for the connection called ``reports``.
        watchdog: Of the database.
        clock: The station's clock.
        ring: The site's keys, for confidential columns.
        seen: The newest server known here.
        primary_up: Whether the primary answers.
    """

    def __init__(
        self,
        hosts: str,
        parameters: Callable[[Literal["reports"]], dict[str, str]],
        watchdog: Watchdog,
        clock: Clock,
        ring: KeyRing,
        seen: Seen,
        primary_up: Callable[[], bool],
    ) -> None:
        self._clock, self._seen, self._primary_up = clock, seen, primary_up
        self._used_at = self._not_before = clock.monotonic()
        self.lane = Lane(
            "database-reports",
            dial=lambda give_up: open_standby(parameters("reports"), hosts, seen, give_up),
            watchdog=watchdog,
            clock=clock,
            heard=lambda channel, payload: None,
            lost=lambda reason: None,  # it says nothing of the primary
            outdated=self._outdated,
            ring=ring,
            idle=self._rest,
        )

    def read(self, work: Callable[[Db], tuple[T, datetime]], deadline_s: float) -> tuple[T, datetime] | None:
        """The answer of a standby; None when the primary is to be asked.

        Args:
            work: Reads; gives the view and the server's time, which is replaced by the time up to which the standby knows.
            deadline_s: Seconds until the report must be there; a standby gets half of them.
        """
        if self._clock.monotonic() < self._not_before:
            return None
        self._used_at = self._clock.monotonic()
        job = Job(lambda db: self._read(db, work), self._clock.monotonic() + deadline_s * _DEADLINE_SHARE)
        self.lane.submit(job)
        try:
            told: tuple[T, datetime] | None = job.future.result()
        except Unavailable as error:
            log.info("reports: no standby answers (%s)", error.code)
            self._not_before = self._clock.monotonic() + _AGAIN_S
            return None
        return told

    def _read(self, db: Db, work: Callable[[Db], tuple[T, datetime]]) -> tuple[T, datetime] | None:
        as_of, now = db.execute(_AS_OF).one()
        if as_of is None or (self._primary_up() and (now - as_of).total_seconds() > BEHIND_S):
            return None
        return work(db)[0], as_of

    def _rest(self) -> float:
        if self._clock.monotonic() - self._used_at > _IDLE_S:
            self.lane.hang_up()
        return _IDLE_S / 2

    def _outdated(self, found: Lineage | None) -> bool:
        """A standby names no timeline, so only another database is told apart here."""
        newest = self._seen.newest
        return found is not None and newest is not None and found.system != newest.system
