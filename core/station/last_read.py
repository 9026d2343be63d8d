"""Which sources this station recorded last, kept over restarts, so that it can go on with them when it starts without the database.

A lease lives in the database. A station that loses the database goes on reading what it held; one that is started again in that
state must come to the same, or a power cut during an outage leaves the panel dark although its machines are in reach. What is
read so is shown and not recorded, and is let go as soon as the database says that another station has it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from core.errors import GenbaError
from core.store import privatefile

log = logging.getLogger(__name__)

FILE: Final = "last-read.json"


class LastRead:
    """The file ``<home>/last-read.json``. Both verbs block for one small file and never raise: without it a start in the dark
    shows stale values, which they say themselves."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._codes: frozenset[str] | None = None

    def codes(self) -> frozenset[str]:
        """Codes of the sources that this station recorded last; none when the file is missing or unreadable."""
        if self._codes is None:
            try:
                told = json.loads(self._path.read_bytes())
                self._codes = frozenset(str(code) for code in told["sources"])
            except FileNotFoundError:
                self._codes = frozenset()
            except (OSError, ValueError, TypeError, KeyError) as error:
                log.info("which sources were read here last is not known: %s", type(error).__name__)
                self._codes = frozenset()
        return self._codes

    def keep(self, codes: Iterable[str]) -> None:
        """Keep ``codes`` as what this station records now; the disk is asked only when they changed."""
        codes = frozenset(codes)
        if codes == self.codes():
            return
        try:
            privatefile.replace(self._path, json.dumps({"sources": sorted(codes)}).encode())
        except GenbaError as error:
            log.info("which sources are read here cannot be kept: %s", error)
        else:
            self._codes = codes
