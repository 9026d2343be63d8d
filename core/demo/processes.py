"""Processes that end together: a server with its plant, a plant with whoever started it. And ports that may be taken."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys

import psutil

HOST = "127.0.0.1"
_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it ends; Linux only, elsewhere the closed pipe does it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def parent_gone(pid: int, every_s: float = 0.5) -> None:
    """Return when process ``pid`` no longer runs; a zombie counts as gone, and so does a stranger who got its number."""
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - the kernel sends no event for a stranger's end
            await asyncio.sleep(every_s)
    except psutil.NoSuchProcess:
        return


def free_port(wanted: int, tries: int = 50) -> int | None:
    """The first port from ``wanted`` on that nobody listens on at loopback; None when there is none.

    The port may be taken between this answer and its use; whoever opens it must be ready to ask again.
    """
    for port in range(wanted, wanted + tries):
        with socket.socket() as probe:
            if os.name == "posix":  # on Windows this option would let two servers share the port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                probe.listen(1)
            except OSError:
                continue
            return port
    return None
