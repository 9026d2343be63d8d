"""A database opened for the length of one command, embedded or shared."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import text

from core.clock import SystemClock
from core.config import StationSettings
from core.errors import Refused, Unavailable
from core.log import start_logging
from core.station.floor import Floor
from core.store.base import Db
from core.store.engine import DatabaseState

T = TypeVar("T")

_PATIENCE_S = 15.0
_LOOK_S = 30.0
_IS_OWNER = text("SELECT pg_has_role(session_user, 'genba_owner', 'MEMBER')")


@contextmanager
def opened_floor(settings: StationSettings, *, as_owner: bool = False) -> Iterator[Floor]:
    """The database floor of this station, ready to work; closed afterwards. A running station is not disturbed.

    Args:
        as_owner: For commands that change the plant: with the log-in of whoever administers the database.

    What happens beneath goes to command.log in the home: the command itself says one line.

    Raises:
        Unavailable, Refused: The database cannot be reached or entered, or the home cannot be written.
    """
    start_logging(settings.home, "command")
    settled = threading.Event()
    last = DatabaseState(up=False)

    def told(state: DatabaseState) -> None:
        nonlocal last
        last = state
        settled.set()

    with tempfile.TemporaryDirectory(prefix="genba-command-") as folder:
        floor = Floor(settings, SystemClock(), lambda: None, files=Path(folder), as_owner=as_owner)
        try:
            floor.open_files()
            floor.open_database(told, lambda _: None, lambda: None)
            settled.wait(_PATIENCE_S)
            if not last.up:
                raise last.reason or Unavailable("store.away", problem="no answer")
            if as_owner and not look(floor, lambda db: db.scalar(_IS_OWNER)):
                raise Refused("cli.needs_owner")
            yield floor
        finally:
            floor.close()


def look(floor: Floor, work: Callable[[Db], T]) -> T:
    """``work`` that only reads, also while the schema does not serve this program's writes.

    Raises:
        Unavailable: The database went away, or took longer than 30 s.
    """
    return floor.database.submit("queries", work, deadline_s=_LOOK_S).result()
