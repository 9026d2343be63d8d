"""Is there room, and may it be written: asked of the disks before anybody has to find out by losing something."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from core.errors import GenbaError, Unavailable

_MB: Final = 1_000_000
_PROBE: Final = ".genba-probe"
_PROBE_BYTES: Final = bytes(4096)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_CALM: Final = 1.1
"""A disk that was low is well again when it has this much more than the limit: a number that swings does not flash."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that is written to.

    Attributes:
        kind: ``work``: what is decided and recorded here; ``backup``: only copies.
    """

    path: Path
    kind: Literal["work", "backup"]


class Disks:
    """Remembers which were low. One thread at a time.

    Args:
        warn_mb: Below this the disk is filling up.
        alarm_mb: Below this it may be full any minute.
    """

    def __init__(self, warn_mb: int, alarm_mb: int) -> None:
        self._warn_mb, self._alarm_mb = warn_mb, alarm_mb
        self._level: dict[Path, int] = {}

    def look(self, places: Iterable[Place]) -> tuple[GenbaError, ...]:
        """What is wrong now, the worst first; each disk is named once."""
        found: list[GenbaError] = []
        seen: set[int] = set()
        for place in places:
            trouble = _unwritable(place)
            if trouble is None:
                device = place.path.stat().st_dev
                trouble = None if device in seen else self._narrow(place)
                seen.add(device)
            if trouble is not None:
                found.append(trouble)
        return tuple(sorted(found, key=lambda one: one.severity != "error"))

    def _narrow(self, place: Place) -> GenbaError | None:
        free = shutil.disk_usage(place.path).free / _MB
        before = self._level.pop(place.path, 0)
        for level, limit in ((2, self._alarm_mb), (1, self._warn_mb)):
            if free < limit * (_CALM if before >= level else 1.0):
                self._level[place.path] = level
                return self._words(place, free, severe=level == 2)
        return None

    def _words(self, place: Place, free: float, *, severe: bool) -> GenbaError:
        if place.kind == "backup":
            return Unavailable("disk.backup_low", path=str(place.path), free=round(free))
        if severe:
            return Unavailable("disk.almost_full", path=str(place.path), free=round(free))
        return Unavailable("disk.low", path=str(place.path), free=round(free), alarm=self._alarm_mb)


def _unwritable(place: Place) -> GenbaError | None:
    """Write a little and bring it onto the disk, as a decision would be: only that tells of every way not to be able to."""
    probe = place.path / _PROBE
    try:
        with probe.open("wb") as file:
            file.write(_PROBE_BYTES)
            file.flush()
            os.fsync(file.fileno())
        probe.unlink()
        shutil.disk_usage(place.path)
    except OSError as error:
        if place.kind == "backup":
            return Unavailable("disk.backup_not_writable", path=str(place.path), problem=error.strerror or type(error).__name__)
        if error.errno in _FULL:
            return Unavailable("disk.almost_full", path=str(place.path), free=0)
        return Unavailable("disk.not_writable", path=str(place.path), problem=error.strerror or type(error).__name__)
    return None
