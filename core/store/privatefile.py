"""Files that the station's account alone may read: keys, secrets, certificates it trusts."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from core.errors import Refused, Unavailable
from core.store.filelock import try_lock

_PATIENCE_S: Final = 10.0


def read(path: Path) -> bytes | None:
    """The content of a file that nobody else may read; None when there is none.

    Raises:
        Refused: Others can read it, or it belongs to somebody else.
        Unavailable: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            # Windows has no such bits; there the folder's access list protects the file.
            if sys.platform != "win32":
                seen = os.fstat(file.fileno())
                if stat.S_IMODE(seen.st_mode) & 0o077:
                    raise Refused("store.secret_store_open_to_others", path=str(path))
                if seen.st_uid != os.geteuid():  # whoever owns it may have put it there, or reads it again tomorrow
                    raise Refused("store.secret_store_foreign", path=str(path))
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable("store.secret_store_damaged", path=str(path)) from error


def replace(path: Path, content: bytes) -> None:
    """Write ``content`` so that a power cut leaves the old file or the new one; readable by this account alone. Raises Unavailable."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_names(path.parent)  # the rename itself must survive a power cut
    except OSError as error:
        raise Unavailable("store.home_not_writable", path=str(path.parent), problem=error.strerror) from error


def sync_names(folder: Path) -> None:
    """Bring the names in ``folder`` onto the disk. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def alone(lock_file: Path) -> Iterator[None]:
    """Hold ``lock_file`` against every other process that asks for it; its folder is made. Raises Unavailable after 10 s."""
    with contextlib.ExitStack() as held:
        try:
            lock_file.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            file = held.enter_context(os.fdopen(os.open(lock_file, flags, 0o600), "r+b"))
            end = time.monotonic() + _PATIENCE_S
            while not try_lock(file, exclusive=True):
                if time.monotonic() > end:
                    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
                time.sleep(0.01)
        except OSError as error:
            raise Unavailable("store.home_not_writable", path=str(lock_file.parent), problem=error.strerror) from error
        yield
