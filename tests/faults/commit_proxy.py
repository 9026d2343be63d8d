"""A PostgreSQL proxy on loopback that loses connections exactly before or after a commit has reached the server."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Literal

_COMMIT = b"COMMIT\x00"


class CommitProxy:
    """Passes everything until it is told to lose the connection; then it is down until ``back``.

    ``lose("before")``: the next COMMIT of an operations lane never reaches the server. ``lose("after")``: it does, and the
    answer is lost. Connections are told apart by the application name in their first packet.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._down = self._closing = False
        self._answered = threading.Event()
        self._armed: Literal["before", "after"] | None = None
        self._spawn(self._accept)

    def lose(self, when: Literal["before", "after"]) -> None:
        self._armed = when

    def down(self) -> None:
        self._armed, self._down = None, True
        self._cut_all()

    def back(self) -> None:
        self._armed, self._down = None, False

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut_all()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, run: object, *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _cut_all(self) -> None:
        with self._lock:
            sockets, self._open = self._open, set()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._down or self._closing:
                client.close()
                continue
            try:
                server = self._dial()
            except OSError:  # the server itself is away
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            self._spawn(self._serve, client, server)

    def _dial(self) -> socket.socket:
        host, port = self._upstream
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        return socket.create_connection((host, port))

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        deaf = threading.Event()
        answers = threading.Thread(target=self._answers, args=(server, client, deaf), daemon=True)
        answers.start()
        with contextlib.suppress(OSError):
            part = client.recv(65536)
            operations = b"/operations" in part
            while part:
                if operations and self._armed and _COMMIT in part:
                    self._lose_now(self._armed, server, part, deaf)
                    break
                server.sendall(part)
                part = client.recv(65536)
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        answers.join(5)
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _lose_now(self, when: str, server: socket.socket, part: bytes, deaf: threading.Event) -> None:
        self._answered.clear()
        self._armed, self._down = None, True
        if when == "after":
            deaf.set()  # from now on answers are swallowed
            server.sendall(part)
            self._answered.wait(5)  # the server has committed and said so; nobody heard it
        self._cut_all()

    def _answers(self, server: socket.socket, client: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while part := server.recv(65536):
                if deaf.is_set():
                    self._answered.set()
                    continue
                client.sendall(part)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
