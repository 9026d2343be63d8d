"""What the heartbeat of the listen lane asks beside whether the server is there: its clock, and whether notices come through."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from core.clock import Clock, CorrectedClock
from core.store.base import Db

if TYPE_CHECKING:
    from core.store.engine import Database

_log = logging.getLogger(__name__)

LOST_S: Final = 5.0
"""A notice that has not come after this time is lost, and others may be."""
_OFTEN: Final = 8
_NOW: Final = text("SELECT clock_timestamp()")
_SEND: Final = text("SELECT pg_notify(:channel, :payload)")


def measure_clock(db: Db, clock: CorrectedClock, *, often: bool) -> None:
    """Ask the server for its time; the answer that came back soonest says it best.

    Args:
        often: Several round trips, on a new connection; else one, which counts when it is as good as what is known.
    """
    for _ in range(_OFTEN if often else 1):
        asked = clock.monotonic()
        told = db.execute(_NOW).scalar_one()
        clock.learn(told, asked, clock.monotonic())


def other_hosts(parameters: Mapping[str, str], server: tuple[str, str]) -> dict[str, str]:
    """``parameters`` without the host that is ``server`` (host, port); all of them where that is none of them."""
    lists = {key: parameters[key].split(",") for key in ("host", "hostaddr", "port") if key in parameters}
    count = max((len(values) for values in lists.values()), default=0)
    rows = [{key: values[number] if number < len(values) else values[-1] for key, values in lists.items()} for number in range(count)]
    kept = [row for row in rows if (row.get("host", ""), row.get("port") or "5432") != server]
    if not kept or len(kept) == count:
        return dict(parameters)
    return {**parameters, **{key: ",".join(row[key] for row in kept) for key in lists}}


class Echo:
    """A notice to oneself, every few seconds: how late notices are here, and whether they come at all.

    A connection can be alive and hear nothing: a pooler between that does not pass on notices, a server whose queue was full, somebody who
    told it to stop listening. Then it is thrown away, and everything shown is asked again.

    Args:
        database: The station's.
        station: Its code: each station hears its own echo only.
        clock: Of the station.
    """

    def __init__(self, database: Database, station: str, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._channel = f"genba_echo_{hashlib.sha256(station.encode()).hexdigest()[:16]}"
        self._lock = threading.Lock()
        self._sent: dict[str, float] = {}
        self._number = 0
        self.lag_s: float | None = None
        """From sending to hearing, seconds, of the last one; the time since then while one is missing; None before the first."""
        database.listen(self._channel, self._heard, self._forget)

    def send(self, db: Db) -> None:
        """With whatever ``db`` commits next; also looks whether those before have come. Any lane but the listening one."""
        now = self._clock.monotonic()
        with self._lock:
            oldest = min(self._sent.values(), default=now)
            lost = now - oldest > LOST_S
            if lost:
                self.lag_s = now - oldest
                self._sent.clear()
            self._number += 1
            payload = str(self._number)
            self._sent[payload] = now
        if lost:
            _log.warning("notices do not come through: heard nothing for %.0f s; listening anew", now - oldest)
            self._database.listen_anew()
        db.execute(_SEND, {"channel": self._channel, "payload": payload})

    def _heard(self, payload: str) -> None:
        with self._lock:
            sent = self._sent.pop(payload, None)
            if sent is not None:
                self.lag_s = self._clock.monotonic() - sent

    def _forget(self) -> None:
        """The connection was lost: what was on its way is gone, and that is known already."""
        with self._lock:
            self._sent.clear()
