"""One connection to PostgreSQL that another thread can cut off: opened without blocking, ended without asking the server."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # select() itself ends at descriptor 1024
_SLICE_S = 0.05


def wait_readable(*sockets: int | socket.socket, timeout_s: float | None) -> set[int]:
    """Descriptors of those ``sockets`` that have something to read, or were closed from the other side; empty after the timeout."""
    with _Selector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        return {key.fd for key, _ in selector.select(timeout_s)}


def open_connection(parameters: Mapping[str, str], give_up: Callable[[], bool] = lambda: False) -> psycopg.Connection:
    """A new connection; hosts are tried in order, each for ``connect_timeout`` seconds.

    psycopg's own ``connect`` cannot be interrupted from another thread while a frozen server keeps silent.

    Args:
        parameters: As of ``connect_parameters``; ``connect_timeout`` may be a fraction here.
        give_up: Asked every 50 ms; True ends the attempt.

    Raises:
        psycopg.OperationalError: None of the hosts let us in, or ``give_up`` said so.
    """
    error = psycopg.OperationalError("given up")
    timeout_s = float(parameters.get("connect_timeout") or 5)
    for attempt in _attempts(parameters):
        try:
            return _open(attempt, time.monotonic() + timeout_s, give_up)
        except psycopg.OperationalError as failed:
            error = failed
    raise error


def _attempts(parameters: Mapping[str, str]) -> Iterator[dict[str, str]]:
    one = {key: value for key, value in parameters.items() if key != "connect_timeout"}
    hosts, ports = one.get("host", "").split(","), one.get("port", "").split(",")
    for number, host in enumerate(hosts):
        port = ports[number] if number < len(ports) else ports[-1]
        yield one | {key: value for key, value in (("host", host), ("port", port)) if value}


def _open(parameters: Mapping[str, str], end: float, give_up: Callable[[], bool]) -> psycopg.Connection:
    started = pq.PGconn.connect_start(make_conninfo(**parameters).encode())
    try:
        while started.status != pq.ConnStatus.BAD:
            match started.connect_poll():
                case pq.PollingStatus.OK:
                    started.nonblocking = 1  # as psycopg's own connect leaves it
                    return psycopg.Connection(started)
                case pq.PollingStatus.READING:
                    wanted = selectors.EVENT_READ
                case pq.PollingStatus.WRITING:
                    wanted = selectors.EVENT_WRITE
                case _:
                    break
            with _Selector() as selector:
                selector.register(started.socket, wanted)
                while not selector.select(_SLICE_S):
                    if give_up():
                        raise psycopg.OperationalError("given up")
                    if time.monotonic() > end:
                        raise psycopg.OperationalError("the server does not answer")
        raise psycopg.OperationalError(started.get_error_message() or "connection failed")
    except BaseException:
        started.finish()
        raise


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
