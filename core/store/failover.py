"""After a failover or a restore: what the new database never got of what the old one had confirmed is found by key and waits again.

With asynchronous replication the last confirmed transactions die with the primary, and nobody is told. Therefore a station asks every
life of the database that is new to it for all it has applied in the lives before, and lets nothing newer be decided there until then.

A backup that was restored is such a life as well, also under the old name on the old server: what was confirmed to people since it was
made is booked again, or shown to a person where it cannot be (a signature, a session that the backup does not know).
"""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy.exc import DBAPIError

from core.errors import GenbaError, Unavailable
from core.store import application
from core.store.base import Db
from core.store.engine import Database
from core.store.faults import sqlstate
from core.store.journal import Journal

_log = logging.getLogger(__name__)
_LOOK_MAX: Final = 1_000


class Failover:
    """Watches on which life of the database the decisions of one station's journal are; the door calls it in its order.

    Args:
        database: The lanes.
        journal: Decisions made here.
        deadline_s: Of one look at a thousand of them.
    """

    def __init__(self, database: Database, journal: Journal, deadline_s: float) -> None:
        self._database, self._journal, self._deadline_s = database, journal, deadline_s
        self._whole_on = self._told = ""

    @property
    def settled(self) -> bool:
        """Whether the server that was reached last is known to have, or to wait for, everything that was applied before."""
        return self._whole_on == self._database.lineage

    def settle(self) -> None:
        """Look for everything applied elsewhere; what is missing is ``unknown`` in the journal from then on. Blocks.

        When the database goes away meanwhile, or does not let us look, it stays unsettled.
        """
        try:
            whole = self.settled or not self._database.up
            while not whole:
                lineage, whole = self._database.submit("operations", self._look, deadline_s=self._deadline_s).result()
                self._whole_on = lineage if whole else self._whole_on
        except (GenbaError, DBAPIError) as error:
            told = error.code if isinstance(error, GenbaError) else f"{type(error.orig).__name__} {sqlstate(error)}"
            # Away again is nothing new; what the database says otherwise keeps everything waiting, and is said once.
            level = logging.INFO if isinstance(error, GenbaError) or told == self._told else logging.WARNING
            self._told = told
            _log.log(level, "what was applied before could not be looked for yet: %s", told)

    def here(self) -> str:
        """On the operations lane, in a job: the life of the database it works on.

        Raises:
            Unavailable: The lane has just reached a server that may lack something: first that.
        """
        lineage = self._database.lineage_on("operations")
        if lineage != self._whole_on:
            raise Unavailable("store.catching_up", waiting=self._journal.waiting_count, unknown=False)
        return lineage

    def _look(self, db: Db) -> tuple[str, bool]:
        lineage = self._database.lineage_on("operations")
        asked = self._journal.applied_elsewhere(lineage, _LOOK_MAX)
        if asked:
            found = application.find_applied(db, asked)
            missing = [one for one in asked if one not in found]
            self._journal.looked_for(lineage, found, missing)
            if missing:
                _log.warning("%d of %d applied entries are not in this database (%s): they wait again", len(missing), len(asked), lineage)
        return lineage, not asked
