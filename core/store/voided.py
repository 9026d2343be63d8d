"""Decisions that were told no, or not done, and that a full disk kept from being removed from the journal.

Each must be forgotten, whatever becomes of the program: sent at its next start it would be done behind the back of whoever was told no.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Final
from uuid import UUID

from core.errors import Unavailable
from core.store import privatefile

_SIZE: Final = 16
_PLACES: Final = 256
_FREE: Final = bytes(_SIZE)


class Voided:
    """A file of 256 places for keys, made while there is room: a full disk takes no new row, but it rewrites a block that is there.

    Where even that fails (a disk that broke or became read-only, a file system that never writes in place, no place left) a key is
    remembered until the program ends. Every verb may be called from any thread; none raises.

    Args:
        path: The file; made when it is missing or of another size.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._kept = _read(path)
        self._more: set[UUID] = set()

    def __contains__(self, request_id: UUID) -> bool:
        with self._lock:
            return request_id in self._more or request_id.bytes in self._kept

    def add(self, request_id: UUID) -> bool:
        """Remember ``request_id``; True when it is on the disk."""
        with self._lock:
            if request_id.bytes in self._kept:
                return True
            self._more.add(request_id)
            return _FREE in self._kept and self._write(self._kept.index(_FREE), request_id.bytes)

    def discard(self, request_id: UUID) -> None:
        """The entry is gone: its place is free again."""
        with self._lock:
            self._more.discard(request_id)
            if request_id.bytes in self._kept:
                self._write(self._kept.index(request_id.bytes), _FREE)

    def _write(self, place: int, content: bytes) -> bool:
        try:
            with self._path.open("r+b", buffering=0) as file:
                file.seek(place * _SIZE)
                file.write(content)
                os.fsync(file.fileno())
        except OSError:
            return False
        self._kept[place] = content
        return True


def _read(path: Path) -> list[bytes]:
    with contextlib.suppress(OSError):
        raw = path.read_bytes()
        if len(raw) == _PLACES * _SIZE:
            return [raw[at : at + _SIZE] for at in range(0, len(raw), _SIZE)]
    with contextlib.suppress(Unavailable):  # no room for it now: then there is none for decisions either, and the disk is announced
        privatefile.replace(path, _FREE * _PLACES)
        return [_FREE] * _PLACES
    return []
