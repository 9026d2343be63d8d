"""A server on the test's own loop that ends with everything it had begun."""

from __future__ import annotations

import asyncio
import ssl
from typing import Self


class LoopbackServer:
    """Listens on loopback while it is entered; what serves a connection enters itself in ``_tasks`` and leaves it.

    Attributes:
        port: Where it listens; 0 before.
    """

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0, context: ssl.SSLContext | None = None) -> None:
        """Listen on ``port``, 0 for any that is free."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def __aenter__(self) -> Self:
        if self._server is None:
            await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError
