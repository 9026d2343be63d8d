"""Which life of which database a server is, and the newest one this station has worked with.

A PostgreSQL cluster keeps its system identifier for ever, and begins a new timeline whenever a standby is promoted. A server on an
older timeline than one we have seen is a fallen primary that somebody started again: what is written there is thrown away. A backup that
was restored under the old name has another number in its server: no reason to stay away from it, and one to look for what it lacks.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import GenbaError, Invalid, Unavailable
from core.store import privatefile

_log = logging.getLogger(__name__)
SEEN_FILE: Final = "database-seen.json"
"""In a station's home."""
_FORM: Final = re.compile(r"([0-9]{1,20})/([0-9]{1,10})(?:/([0-9]{1,10}))?")


@dataclass(frozen=True, slots=True)
class Lineage:
    """One life of one database; as text ``7512345678901234567/3/16401``, or ``7512345678901234567/3`` for that of a whole server.

    Attributes:
        system: The cluster's system identifier, decimal.
        timeline: WAL timeline, ≥ 1; rises with every promotion.
        database: The database's number in its server (``pg_database.oid``), decimal; a standby has the same, a restored backup another.
            "" where it is not told: in journals of earlier versions, and where only the server counts.
    """

    system: str
    timeline: int
    database: str = ""

    @property
    def server(self) -> Lineage:
        """The life of the server alone: by that it is judged whether it may be used."""
        return Lineage(self.system, self.timeline)

    def __str__(self) -> str:
        return "/".join((self.system, str(self.timeline), *([self.database] if self.database else [])))


def read_lineage(text: str) -> Lineage:
    """The lineage that ``text`` names. Raises Invalid ``store.lineage_form``."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise Invalid("store.lineage_form", given=text)
    return Lineage(found[1], int(found[2]), found[3] or "")


class Seen:
    """The newest server this station has worked with; judges every server by it. Thread-safe, and safe beside other processes.

    Which database of the server it was is neither kept nor judged: a restore under the old name is somebody's decision.

    Args:
        path: Where it is kept over restarts (``<home>/database-seen.json``); None: only while this object lives.
        binding: False for a command line that works on any database in turn: it obeys what the file says of the same database,
            and binds the station to none.
    """

    def __init__(self, path: Path | None = None, *, binding: bool = True) -> None:
        self._path, self._binding = path, binding
        self._lock = threading.Lock()
        self._newest: Lineage | None = None
        self._written = True

    @property
    def newest(self) -> Lineage | None:
        """The newest lineage known; None before the first connection ever. Reads the file: another process may have changed it."""
        with self._lock:
            return self._read()

    def judge(self, found: Lineage) -> GenbaError | None:
        """Why a server of this lineage must not be used; None when it may."""
        newest, found = self.newest, found.server
        if newest is None or found == newest:
            return None
        if found.system != newest.system:
            return Unavailable("store.other_database", found=str(found), seen=str(newest), unknown=False) if self._binding else None
        if found.timeline < newest.timeline:
            return Unavailable("store.outdated_server", found=str(found), seen=str(newest), unknown=False)
        return None

    def outdated(self, found: Lineage | None) -> bool:
        """Whether a connection of this lineage was overtaken since it was opened; asks no disk."""
        newest = self._newest
        if found is None or newest is None:
            return False
        return found.timeline < newest.timeline if found.system == newest.system else self._binding

    def note(self, found: Lineage) -> None:
        """A server of this lineage, judged before, is being worked with: nothing older counts from now on."""
        with self._lock:
            newest, found = self._read(), found.server
            if newest is None or (found.system == newest.system and found.timeline > newest.timeline):
                self._keep(found)
            elif not self._written:
                self._keep(newest)

    def accept(self, found: Lineage) -> None:
        """An administrator says that this is the station's database from now on, whatever was seen before. Raises Unavailable."""
        assert self._path is not None
        with self._lock:
            self._newest = found.server
            self._write(found.server)

    # ---- inside, with the lock held --------------------------------------------------------------------------------

    def _read(self) -> Lineage | None:
        if self._path is None or not self._written:
            return self._newest
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            self._newest = read_lineage(told["lineage"]).server
        except FileNotFoundError:
            pass  # first start; or somebody removed it while we run: what we saw ourselves still counts
        except (OSError, ValueError, KeyError, TypeError, Invalid) as error:
            if self._newest is None:
                _log.warning("%s cannot be read (%s): which server is the newest is learned anew", self._path.name, type(error).__name__)
                self._put_aside()
        return self._newest

    def _put_aside(self) -> None:
        assert self._path is not None
        try:
            self._path.replace(self._path.with_suffix(".damaged"))
        except OSError as error:
            _log.warning("%s cannot be moved aside: %s", self._path.name, error.strerror)

    def _keep(self, found: Lineage) -> None:
        self._newest = found
        if self._path is None or not self._binding:
            return
        try:
            self._write(found)
        except Unavailable as error:
            if self._written:  # once, not with every connection
                _log.warning("the newest server (%s) is known until the program ends only: %s", found, error.lines("en").what)
            self._written = False
        else:
            self._written = True

    def _write(self, found: Lineage) -> None:
        assert self._path is not None
        privatefile.replace(self._path, json.dumps({"lineage": str(found)}).encode())
