"""The name of a station belongs to one running program at a time, and that program says how it stands with it.

The name is claimed in the database, for some seconds at a time, together with the heartbeat of the listen lane. Every connection of
the program carries the number of its run, and the database refuses whatever a run does in a name that another has by now: a
second panel that was given the same name, or the first one after it was frozen. The claim goes to whoever starts the program anew
in the same home on the same computer at once: only one program can run there, see ``lock_home``.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from sqlalchemy import text

from core.errors import Unavailable
from core.store import privatefile
from core.store.base import Db
from core.store.filelock import try_lock

_log = logging.getLogger(__name__)

CLAIM_S: Final = 15.0
"""So long a name stays claimed without a heartbeat."""
RUN_SETTING: Final = "genba.run"
_LOCK_FILE: Final = "station.lock"
_ID_FILE: Final = "installation-id"
_KNOWN: Final = text("SELECT to_regprocedure('genba.station_claim(text,uuid,uuid,text,boolean,double precision)') IS NOT NULL")
_CLAIM: Final = text("SELECT * FROM genba.station_claim(:station, :run, :home, :host, :first, :ttl_s)")
_LEAVE: Final = text("SELECT genba.station_leave(:station, :run)")


class Claim:
    """One program's hold of a station's name. Used on the listen lane's thread.

    Args:
        station: Station code.
        home: Folder the program works in; its number is read when it is first needed.
        host: Of this computer; replaced in tests.

    Attributes:
        run: Number of this run of the program.
        known: Whether the database knows of claims and presence; False for one of an earlier revision, and before it was asked.
        denied: Why this program may only read: another has the name; None while it has it itself, or nobody was asked.
    """

    def __init__(self, station: str, home: Path, host: str = "") -> None:
        self._station, self._home, self._host = station, home, host or platform.node()
        self._home_id: UUID | None = None
        self.run = _random_id()
        self._had = False
        self.known = False
        self.denied: Unavailable | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What every connection of this program carries."""
        return {RUN_SETTING: str(self.run)}

    def take(self, db: Db) -> Unavailable | None:
        """Take or keep the name; gives ``denied``. The caller commits.

        A program that had the name and lost it waits like any other: else two copies of one home would take it from each other.
        """
        self.known = bool(db.execute(_KNOWN).scalar_one())
        if not self.known:
            self.denied = None
            return None
        self._home_id = self._home_id or installation_id(self._home)
        told: dict[str, Any] = {"station": self._station, "run": self.run, "home": self._home_id, "host": self._host}
        told |= {"first": not self._had, "ttl_s": CLAIM_S}
        row = db.execute(_CLAIM, told).one()
        self._had = self._had or row.mine
        self.denied = None if row.mine else name_taken(self._station, row.at_host, row.since)
        return self.denied

    def leave(self, db: Db) -> None:
        """Give the name up, so that another program may have it at once. The caller commits."""
        if self.known:
            db.execute(_LEAVE, {"station": self._station, "run": self.run})


def name_taken(station: str, host: str, since: datetime | None = None) -> Unavailable:
    """``store.name_taken``, which a lane also hears of in the middle of work: then it is not known since when."""
    # In the time of this computer's own clock, which is what stands before whoever reads it.
    at: Any = f"{since.astimezone():%Y-%m-%d %H:%M}" if since is not None else "?"
    return Unavailable("store.name_taken", station=station, host=host, since=at, unknown=False)


def installation_id(home: Path) -> UUID:
    """Number of this home, made when it is first asked for. A home that cannot be written has a new one each time."""
    path = home / _ID_FILE
    with contextlib.suppress(OSError, ValueError):
        return UUID(path.read_text(encoding="ascii").strip())
    made = _random_id()
    try:
        privatefile.replace(path, f"{made}\n".encode())
    except Unavailable as error:
        _log.warning("the number of this installation cannot be kept: %s", error.lines("en").what)
    return made


def lock_home(home: Path) -> IO[bytes]:
    """Keep every other station's program out of ``home`` until the file is closed or this program dies.

    Raises:
        Unavailable: Another is at work there (``station.home_in_use``), or the folder cannot be used.
    """
    try:
        file = (home / _LOCK_FILE).open("ab")
    except OSError as error:
        raise Unavailable("station.home_unusable", path=str(home), problem=error.strerror or str(error)) from error
    try:
        if try_lock(file, exclusive=True):
            return file
    except OSError as error:
        file.close()
        raise Unavailable("station.home_unusable", path=str(home), problem=error.strerror or str(error)) from error
    file.close()
    raise Unavailable("station.home_in_use", path=str(home))


def _random_id() -> UUID:
    """Of no clock: a station whose time is wrong, or the same as another's, has a number of its own all the same."""
    return UUID(bytes=os.urandom(16), version=4)
