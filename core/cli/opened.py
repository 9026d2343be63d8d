"""A database opened for the length of one command, embedded or shared."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.clock import SystemClock
from core.config import StationSettings
from core.errors import Unavailable
from core.station.floor import Floor
from core.store.engine import DatabaseState

_PATIENCE_S = 15.0


@contextmanager
def opened_floor(settings: StationSettings) -> Iterator[Floor]:
    """The database floor of this station, ready to work; closed afterwards. A running station is not disturbed.

    Raises:
        Unavailable, Refused: The database cannot be reached or entered.
    """
    settled = threading.Event()
    last = DatabaseState(up=False)

    def told(state: DatabaseState) -> None:
        nonlocal last
        last = state
        settled.set()

    with tempfile.TemporaryDirectory(prefix="genba-command-") as folder:
        floor = Floor(settings, SystemClock(), lambda: "", files=Path(folder))
        try:
            floor.open_files()
            floor.open_database(told, lambda _: None, lambda: None)
            settled.wait(_PATIENCE_S)
            if not last.up:
                raise last.reason or Unavailable("store.away", problem="no answer")
            yield floor
        finally:
            floor.close()
