"""The daily copy of an embedded database: whether it is due, made once for all stations of the computer, the oldest removed.

When it was made last stands beside the database, so that a copy somebody took away or a disk that was changed makes the next one due.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from core.errors import Invalid, Unavailable
from core.store import backup, manifest
from core.store.filelock import try_lock
from core.store.manifest import Manifest

_LAST: Final = "last-backup.json"
_LOCK: Final = "copying"
_REMOVING: Final = ".removing-"
_NIGHT: Final = timedelta(hours=25)
"""The longest that two moments of one hour of the day are apart."""


def last_moment(now: datetime, at: str, zone: tzinfo | None) -> datetime:
    """The last time it was ``at`` o'clock.

    Args:
        now: Aware.
        at: ``HH:MM``.
        zone: Of the site; None for this computer's.
    """
    local = now.astimezone(zone)
    moment = local.replace(hour=int(at[:2]), minute=int(at[3:]), second=0, microsecond=0)
    return moment if moment <= local else (moment - timedelta(days=1))


def last_copy(database: Path) -> datetime | None:
    """When the last copy that is still there was made, aware UTC; None for never.

    Args:
        database: Folder of the embedded server.
    """
    try:
        told = json.loads((database / _LAST).read_text(encoding="utf-8"))
        return manifest.read(Path(told["folder"])).made_at.astimezone(UTC)
    except Exception:  # noqa: BLE001 - whatever cannot be read is no copy
        return None


def begun(database: Path) -> datetime | None:
    """When the embedded database was made, aware UTC; None while there is none."""
    with contextlib.suppress(OSError):
        return datetime.fromtimestamp((database / "data" / "PG_VERSION").stat().st_mtime, UTC)
    return None


def is_due(database: Path, moment: datetime) -> bool:
    """Whether a copy should have been made at ``moment`` and was not: also when the computer was off then."""
    last = last_copy(database)
    if last is not None and last > moment + _NIGHT:
        return True  # made while the clock was wrong: there would be none until that day comes
    since = last or begun(database)
    return since is not None and since < moment


def copy(url: str, database: Path, to: Path, station: str, moment: datetime, keep: int, give_up: Callable[[], bool]) -> Manifest | None:
    """Make the copy that was due at ``moment``, read it once, remove those too many; None when another station does it just now.

    Args:
        url: Of the embedded server's administrator.
        database: Its folder.
        to: Where the copies are; must be there.
        keep: How many stay.

    Raises:
        Unavailable: The folder is not there (``disk.backup_not_writable``).
        Unavailable, Refused, Invalid: As ``core.store.backup.make`` and ``look_through``; the copies before are still there.
    """
    if not to.is_dir():
        raise Unavailable("disk.backup_not_writable", path=str(to), problem=os.strerror(errno.ENOENT))
    try:
        with (database / _LOCK).open("a+b") as held:
            if not try_lock(held, exclusive=True) or not is_due(database, moment):
                return None
            folder, told = backup.make(url, to, station, scheduled=True, give_up=give_up)
            try:
                backup.look_through(folder, give_up)
            except Invalid:
                _remove(folder)  # it is none; with every try another one would fill the disk
                raise
            aside = database / f"{_LAST}.new"
            aside.unlink(missing_ok=True)
            manifest.write_durably(aside, json.dumps({"folder": str(folder)}).encode())
            aside.replace(database / _LAST)
            _remove_oldest(to, told, keep)
            return told
    except OSError as error:
        raise Unavailable("cli.cannot_write", path=error.filename or str(database), problem=error.strerror or str(error)) from None


def _remove_oldest(folder: Path, newest: Manifest, keep: int) -> None:
    """Only daily copies of this very database; one made by hand stays until a hand removes it."""
    found = [(at, path, told) for at, path, told in manifest.found_in(folder) if told.scheduled and told.system == newest.system]
    same = sorted((at, path) for at, path, told in found if told != newest)  # which stays, whatever the clock said when others were made
    for left in folder.glob(f"{_REMOVING}*"):
        shutil.rmtree(left, ignore_errors=True)
    for _, path in same[: max(0, len(same) + 1 - keep)]:
        _remove(path)


def _remove(path: Path) -> None:
    going = path.with_name(f"{_REMOVING}{secrets.token_hex(4)}")
    path.rename(going)  # what is half removed must not look like a backup
    shutil.rmtree(going, ignore_errors=True)
