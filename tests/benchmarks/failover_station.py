"""A station of the benchmark ``failover``: journal, lanes and door as in a panel, and an operator who never stops. One process.

Prints one JSON object when its standard input is closed: what was confirmed and when (UNIX seconds).
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import logging
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

from core.clock import SystemClock
from core.errors import GenbaError
from core.store.door import Door
from core.store.engine import Database
from core.store.journal import Journal
from core.store.lineage import SEEN_FILE, Seen
from core.store.readstore import ReadStore
from tests.store.rig import ALICE, Prover, declare

PAUSE_S = 0.1
"""Between two presses: nearly ten a second and station, far more than any person."""


def session_of(station: str) -> UUID:
    """Alice's session at ``station``."""
    return UUID(bytes=hashlib.sha256(station.encode()).digest()[:16])


def token_of(station: str) -> str:
    """The token of that session."""
    return f"token of alice at {station}"


class StationProver(Prover):
    """Knows Alice at one station."""

    def __init__(self, station: str) -> None:
        super().__init__("")
        self._session, self._token = session_of(station), token_of(station)

    def token(self, session_id: UUID | None) -> str | None:
        return self._token if session_id == self._session else None

    def seal(self, session_id: UUID | None, message: bytes) -> str | None:
        key = hashlib.sha256(f"genba seal {self._token}".encode()).digest()
        return hmac.new(key, message, hashlib.sha256).hexdigest() if session_id == self._session else None


def main(url: str, home: Path, station: str) -> None:
    """Count until told to end; then bring home what waits."""
    logging.basicConfig(level=logging.ERROR)
    ops = declare()
    clock, actor = SystemClock(), replace(ALICE, station=station, session_id=session_of(station))
    database = Database(url, station, clock=clock, seen=Seen(home / SEEN_FILE))
    journal, readstore = Journal(home / "journal.sqlite", clock), ReadStore(home / "readstore.sqlite", clock)
    door = Door(database, journal, readstore, clock, station, StationProver(station))
    arrived, ended = threading.Event(), threading.Event()
    database.on_change(lambda state: arrived.set() if state.up else None)
    database.start()
    arrived.wait(20)
    thing = door.do(ops.create, actor, {"name": station}).view.id
    door.ask(ops.list, actor, {})

    def come_home() -> None:
        while not ended.is_set():
            if arrived.wait(0.1):
                arrived.clear()
                with contextlib.suppress(GenbaError):
                    door.apply_waiting()

    bringer = threading.Thread(target=come_home)
    bringer.start()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    confirmed: list[tuple[str, str, float]] = []
    refused: dict[str, int] = {}
    print("ready", flush=True)
    while not ended.is_set():
        try:
            done: Any = door.do(ops.count, actor, {"thing_id": thing})
            confirmed.append((str(done.request_id), done.state, time.time()))
        except GenbaError as error:
            refused[error.code] = refused.get(error.code, 0) + 1
        time.sleep(PAUSE_S)
    bringer.join()
    end = time.monotonic() + 60
    while door.apply_waiting().waiting and time.monotonic() < end:
        time.sleep(0.1)
    parked = Counter(str(entry.refusal.get("code")) for entry in door.attending.entries())
    result = {"confirmed": confirmed, "refused": refused, "thing": str(thing), "waiting": door.waiting, "parked": parked}
    database.close()
    journal.close()
    readstore.close()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
