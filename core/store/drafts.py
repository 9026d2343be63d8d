"""Half-typed forms, kept over a restart: what somebody had typed when the program, the computer or the power went.

A draft belongs to one person, one form and what the form is about. It is written within half a second of typing, and goes when the form
is sent or left by its person. Losing this file loses no decision: a damaged one is moved aside and the store starts empty. Secrets are
never given to it.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from core.clock import Clock
from core.errors import GenbaError
from core.store.localfile import LocalFile

_log = logging.getLogger(__name__)

KEEP: Final = timedelta(days=7)
"""A draft that nobody came back to is forgotten after this time."""
DRAFTS_MAX: Final = 200
"""Drafts kept at most; the oldest go first."""
TEXT_MAX: Final = 20_000
"""Characters of one draft; a longer one is not kept."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS draft (
    user_code TEXT NOT NULL, form TEXT NOT NULL, about TEXT NOT NULL, saved_at TEXT NOT NULL, sent INTEGER NOT NULL, fields TEXT NOT NULL,
    PRIMARY KEY (user_code, form, about)
) WITHOUT ROWID
"""
_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody has typed into a form.

    Attributes:
        form, about: Which form, and the key of what it is about; "" for nothing.
        fields: Field → text.
        saved_at: When it was typed, aware UTC, station clock.
        sent: It had been confirmed, and nobody knows what became of that: the program ended first.
    """

    user_code: str
    form: str
    about: str
    fields: Mapping[str, str]
    saved_at: datetime
    sent: bool = False

    @property
    def key(self) -> _Key:
        """What there is one draft of."""
        return self.user_code, self.form, self.about


class Drafts:
    """The drafts of one station; every verb may be called from any thread and none waits for the disk.

    Args:
        path: The file, for example ``<home>/drafts.sqlite``.
        clock: Of the station.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._drafts: dict[_Key, Draft] = {}
        self._failed = False
        self._file: LocalFile | None = None
        try:
            self._file = LocalFile(path, _SCHEMA, clock, synchronous="FULL")
            self._file.call(self._load)
        except GenbaError as error:  # a station without a place for drafts is a station all the same
            _log.warning("what is typed is not kept over a restart: %s", error)

    def find(self, user_code: str, form: str, about: str = "") -> Draft | None:
        """What ``user_code`` had typed into this form, or None."""
        with self._lock:
            return self._drafts.get((user_code, form, about))

    def of(self, user_code: str) -> tuple[Draft, ...]:
        """Every draft of ``user_code``, the oldest first."""
        with self._lock:
            return tuple(sorted((one for one in self._drafts.values() if one.user_code == user_code), key=lambda one: one.saved_at))

    def keep(self, user_code: str, form: str, about: str, fields: Mapping[str, str], *, sent: bool = False) -> None:
        """Remember ``fields`` as what stands in the form now, in place of what was there before."""
        draft = Draft(user_code, form, about, MappingProxyType(dict(fields)), self._clock.now(), sent)
        text = json.dumps(dict(fields), ensure_ascii=False)
        if len(text) > TEXT_MAX:
            return
        with self._lock:
            self._drafts.pop(draft.key, None)
            self._drafts[draft.key] = draft
            gone = sorted(self._drafts.values(), key=lambda one: one.saved_at)[: max(0, len(self._drafts) - DRAFTS_MAX)]
            for one in gone:
                del self._drafts[one.key]
        row = (*draft.key, draft.saved_at.isoformat(), int(sent), text)

        def write(file: sqlite3.Connection) -> None:
            file.execute("INSERT OR REPLACE INTO draft VALUES (?, ?, ?, ?, ?, ?)", row)
            file.executemany(_DELETE, [one.key for one in gone])

        self._write(write)

    def drop(self, user_code: str, form: str, about: str = "") -> None:
        """Forget a draft: it was sent, or left."""
        key = (user_code, form, about)
        with self._lock:
            if self._drafts.pop(key, None) is None:
                return
        self._write(lambda file: file.execute(_DELETE, key))

    def close(self) -> None:
        """Write what is waiting and close the file."""
        if self._file is not None:
            self._file.close()

    # ---- inside --------------------------------------------------------------------------------------------------

    def _load(self, file: sqlite3.Connection) -> None:
        oldest = self._clock.now() - KEEP
        file.execute("DELETE FROM draft WHERE saved_at < ?", (oldest.astimezone(UTC).isoformat(),))
        rows = file.execute("SELECT user_code, form, about, saved_at, sent, fields FROM draft")
        for user_code, form, about, saved_at, sent, text in rows:
            try:
                fields = {str(name): str(typed) for name, typed in json.loads(text).items()}
                draft = Draft(user_code, form, about, MappingProxyType(fields), datetime.fromisoformat(saved_at), bool(sent))
            except (ValueError, AttributeError):
                continue  # of another program version, or not what was written
            self._drafts[draft.key] = replace(draft, saved_at=draft.saved_at.astimezone(UTC))

    def _write(self, job: Any) -> None:
        if self._file is None:
            return
        try:
            self._file.post(job).add_done_callback(self._written)
        except GenbaError:
            return  # closing

    def _written(self, future: Any) -> None:
        error = future.exception()
        if error is None:
            self._failed = False
        elif not self._failed:
            self._failed = True
            _log.warning("what is typed cannot be kept over a restart now: %s", error)


_DELETE: Final = "DELETE FROM draft WHERE user_code = ? AND form = ? AND about = ?"
