"""Locks between processes of one computer: on a file, given back by the operating system when its holder dies."""

from __future__ import annotations

import errno
import os
import sys
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


def try_lock(file: IO[bytes], *, exclusive: bool) -> bool:
    """Take the lock if it is free. On Windows every lock is exclusive, so each process locks a byte of its own."""
    try:
        if sys.platform == "win32":
            file.seek(0 if exclusive else os.getpid())
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}:
            return False
        raise
    return True
