"""One connection to PostgreSQL that another thread can cut off, without asking the server."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading

import psycopg

Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # select() itself ends at descriptor 1024


def wait_readable(*sockets: int | socket.socket, timeout_s: float | None) -> set[int]:
    """Descriptors of those ``sockets`` that have something to read, or were closed from the other side; empty after the timeout."""
    with Selector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        return {key.fd for key, _ in selector.select(timeout_s)}


class Wire:
    """A connection with a handle on its socket, so that a watchdog may cut it at any moment."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self._lock = threading.Lock()
        # A duplicate of our own: the number of the original may belong to another file by the time somebody cuts.
        self._handle: socket.socket | None = socket.fromfd(connection.pgconn.socket, socket.AF_INET, socket.SOCK_STREAM)

    @property
    def socket(self) -> int:
        """Descriptor to wait on."""
        return self.connection.pgconn.socket

    def cut(self) -> None:
        """End the connection now, in whatever it is doing; its thread gets an OperationalError. From any thread."""
        with self._lock:
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of both descriptors; only from the thread that owns the connection."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None
        self.connection.close()
