"""The plant's PostgreSQL on two machines: a primary and its synchronous standby, each on a small disk where one can be mounted."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Final

import psycopg

from tests.postgres import OwnServer, plain

DISK_MB: Final = 512
_WAIT_S: Final = 60.0
_DETACH: Final = 2
_SETTINGS: Final = {
    # A small log, so that hours of work fit on a small disk.
    "max_wal_size": "'64MB'",
    "min_wal_size": "'32MB'",
    # A standby that was cut off is back at once: meanwhile no commit is confirmed.
    "wal_retrieve_retry_interval": "'200ms'",
    "wal_keep_size": "'32MB'",
    # As README tells whoever runs the plant's server.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
_CATCH_UP: Final = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


class Servers:
    """Two servers, of which one serves. Every verb blocks.

    Args:
        folder: Where they are made.
        programs: Folder of the server programs.
        pair: False: one server without a standby.

    Attributes:
        nodes: Both, or the one; each keeps its port for ever.
        primary: The one that serves.
        disks: Whether they stand on disks of their own, so that those can be full.
    """

    def __init__(self, folder: Path, programs: Path, *, pair: bool = True) -> None:
        self.nodes = tuple(OwnServer(folder / name, programs) for name in ("server", "standby")[: 1 + pair])
        self.primary = self.nodes[0]
        mounted = [_mount(node.home, DISK_MB) for node in self.nodes]
        self.disks = all(mounted)

    def start(self) -> None:
        """The primary alone: what is made on it now is on the standby from the start."""
        self.primary.start()
        for name, value in _SETTINGS.items():
            self.primary.run(f"ALTER SYSTEM SET {name} = {value}")
        self.primary.run("SELECT pg_reload_conf()")

    @property
    def standby(self) -> OwnServer | None:
        return next((node for node in self.nodes if node is not self.primary), None)

    def pair_up(self) -> None:
        """Give the primary a fresh standby; from then on nothing is confirmed that is not on both."""
        standby = self.standby
        if standby is None:
            return
        standby.begin_from(self.primary)
        standby.start()
        end = time.monotonic() + _WAIT_S
        with psycopg.connect(plain(self.primary.url("postgres")), autocommit=True) as connection:
            while connection.execute(_CATCH_UP).fetchone() == (0,):
                if time.monotonic() > end:
                    raise TimeoutError("the standby does not follow")
                time.sleep(0.05)
        self._synchronous("*")

    def fail_over(self) -> None:
        """The primary's computer dies, the standby is promoted and serves alone."""
        fallen, promoted = self.primary, self.standby
        assert promoted is not None
        fallen.kill()
        promoted.promote()
        self.primary = promoted
        self._synchronous("")

    def fill(self) -> None:
        """No byte is left on the primary's disk."""
        ballast = self.primary.home / "ballast"
        with ballast.open("wb") as file:
            for _ in range(3):
                free = os.statvfs(self.primary.home)
                with contextlib.suppress(OSError):  # the server took some meanwhile
                    os.posix_fallocate(file.fileno(), 0, ballast.stat().st_blocks * 512 + free.f_bavail * free.f_frsize)

    def free(self) -> None:
        """There is room again. A server that could not write its log has ended itself and is started, as its service would be."""
        (self.primary.home / "ballast").unlink(missing_ok=True)
        end = time.monotonic() + _WAIT_S
        while not self._answers():
            if time.monotonic() > end:
                raise TimeoutError("the server does not come back")
            if not self.primary.running:
                with contextlib.suppress(psycopg.OperationalError):  # what is left of the old one is still going
                    self.primary.start()
            time.sleep(0.2)

    def used_mb(self) -> float:
        """How much of the primary's disk is used; 0 without one."""
        found = os.statvfs(self.primary.home)
        return round((found.f_blocks - found.f_bfree) * found.f_frsize / 2**20, 1) if self.disks else 0.0

    def remove(self) -> None:
        for node in reversed(self.nodes):
            node.stop()
            _unmount(node.home)
            node.remove()

    def _answers(self) -> bool:
        try:
            psycopg.connect(plain(self.primary.url("postgres")), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _synchronous(self, names: str) -> None:
        self.primary.run(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        self.primary.run("SELECT pg_reload_conf()")


def _mount(folder: Path, size_mb: int) -> bool:
    """A disk of ``size_mb`` in memory at ``folder``; False where nobody may mount one, and it is an ordinary folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    told = f"size={size_mb}m,mode=755".encode()
    return ctypes.CDLL(None, use_errno=True).mount(b"genba-disk", os.fsencode(folder), b"tmpfs", 0, told) == 0


def _unmount(folder: Path) -> None:
    if sys.platform == "linux" and folder.is_mount():
        ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(folder), _DETACH)
