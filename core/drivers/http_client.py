"""One HTTP server: requests with a bounded answer in bounded time, and failures that say what failed.

Cancelling a request while others wait for a connection leaks the connection in httpcore 1.0 (issue 1093), so nothing here
is cancelled while the source is connected: a request ends by its own time-outs, fewer run at once than the pool has
connections, and a client whose pool is exhausted all the same is replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import httpx

# They log every request: a line a second and sensor.
logging.getLogger("httpx").setLevel(logging.CRITICAL + 1)
logging.getLogger("httpcore").setLevel(logging.CRITICAL + 1)

if find_spec("sniffio") is None:
    # httpcore looks for it six times in every request, and each time the whole path is searched: a fifth of the request.
    sys.modules["sniffio"] = None  # type: ignore[assignment]  # how Python itself is told that a module is not there

_AT_ONCE = 4
_CONNECTIONS = _AT_ONCE + 2
_REDIRECTS = 3
_WRITE_CONNECT_S = 1.0
_HEADERS = {"User-Agent": "Genba", "Accept": "application/json", "Accept-Encoding": "identity"}
"""Not compressed: a few kilobytes may unpack to more than the memory there is."""


class Away(Exception):
    """The server cannot be reached or does not speak HTTP; the text says how."""


class NotSent(Away):
    """No connection came about, so the server has heard nothing."""


class Late(Exception):
    """No whole answer in time."""


class Untrusted(Exception):
    """The server's certificate proves nothing to this station; the text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status.
        body: At most the bytes allowed.
        etag: Version of the document; "" when the server names none.
        retry_after_s: How long the server wants to be left alone; 0 for not at all.
        fault: Why the body cannot be used although it came; "" when it can.
    """

    status: int
    body: bytes
    etag: str = ""
    retry_after_s: float = 0.0
    fault: str = ""

    @property
    def word(self) -> str:
        """The standard's word for the status, written as one."""
        try:
            return HTTPStatus(self.status).phrase.title().replace(" ", "").replace("-", "").replace("'", "")
        except ValueError:
            return f"Status{self.status}"


@dataclass(frozen=True, slots=True)
class Manners:
    """How to talk to a server.

    Attributes:
        base: URL without a slash at the end; paths are appended.
        headers: Sent with every request; may hold the secret, so it is never logged.
        timeout_s: For connecting, and for the whole answer.
        max_bytes: Longest body.
        ca_file: Certificates to trust instead of the system's; "" for the system's.
    """

    base: str
    headers: Mapping[str, str]
    timeout_s: float
    max_bytes: int
    ca_file: str = ""


class Client:
    """See the module; made for one connection of a source and thrown away with it."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._context: ssl.SSLContext | None = None
        self._client: httpx.AsyncClient | None = None
        self._retired: list[httpx.AsyncClient] = []
        self._running: set[asyncio.Task[Answer]] = set()

    async def open(self) -> None:
        """Load what encryption needs. Raises Untrusted when the file of certificates cannot be read."""
        try:
            self._context = await asyncio.to_thread(_context_of, self._manners.ca_file)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise Untrusted(f"{self._manners.ca_file}: {error}") from None
        self._client = self._new()

    def _new(self) -> httpx.AsyncClient:
        assert self._context is not None  # made in open, before the first client
        pool = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_AT_ONCE, keepalive_expiry=30.0)
        # trust_env=False: a proxy or a password file of the account must not stand between the station and the machine.
        return httpx.AsyncClient(verify=self._context, limits=pool, timeout=self._manners.timeout_s, trust_env=False)

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None) -> Answer:
        """One request and its answer. Once begun it is not cancelled with its caller: it ends within twice the time-out.

        Raises:
            Away, NotSent, Late, Untrusted: See there.
        """
        # A caller who gives up while it waits here has sent nothing, and nothing is sent later.
        await self._turns.acquire()
        task = asyncio.get_running_loop().create_task(self._in_turn(method, path, dict(headers or {}), content))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Answer]) -> None:
        self._turns.release()
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have gone; nobody else needs to hear of it

    async def _in_turn(self, method: str, path: str, headers: dict[str, str], content: bytes | None) -> Answer:
        try:
            return await self._followed(method, path, headers, content)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
            # A kept connection that the server closed in this moment; what reads may be asked again, what writes may not.
            if method != "GET":
                raise Away(_words(error)) from None
        except httpx.HTTPError as error:
            self._explain(error)
        try:
            return await self._followed(method, path, headers, content)
        except httpx.HTTPError as error:
            self._explain(error)

    def _explain(self, error: httpx.HTTPError) -> NoReturn:
        """Raises what ``error`` means."""
        if isinstance(error, httpx.PoolTimeout):
            self._replace()
            raise Late("no connection free") from None
        if isinstance(error, httpx.ConnectTimeout):
            raise NotSent("no connection in time") from None
        if isinstance(error, httpx.TimeoutException):
            raise Late("no answer in time") from None
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise Untrusted(str(error).partition("CERTIFICATE_VERIFY_FAILED] ")[2].partition(" (_ssl")[0]) from None
        raise (NotSent if isinstance(error, httpx.ConnectError) else Away)(_words(error)) from None

    def _replace(self) -> None:
        if self._client is not None:
            self._retired.append(self._client)
            self._client = self._new()

    async def _followed(self, method: str, path: str, headers: dict[str, str], content: bytes | None) -> Answer:
        """The answer behind at most three redirects, which must stay at the same server."""
        url = self._manners.base + path
        deadline = asyncio.get_running_loop().time() + self._manners.timeout_s
        for _ in range(_REDIRECTS + 1):
            answer, location = await self._exchange(method, url, headers, content, deadline)
            if not location or method != "GET":
                return answer
            target = str(httpx.URL(url).join(location)) if _is_url(location) else ""
            if not target or not _same_server(url, target):
                return Answer(answer.status, b"", fault="redirected elsewhere")
            url = target
        return Answer(answer.status, b"", fault="too many redirects")

    async def _exchange(self, method: str, url: str, headers: dict[str, str], content: bytes | None, deadline: float) -> tuple[Answer, str]:
        """One answer, and where it points to when it is a redirect."""
        client = self._client
        if client is None:
            raise Away("closed")
        sent = {**_HEADERS, **self._manners.headers, **headers}
        timeout_s = self._manners.timeout_s
        # What writes is on its way soon or not at all: nobody waits for it any more after a long search for a connection.
        timeout = httpx.Timeout(timeout_s, connect=timeout_s if method == "GET" else min(timeout_s, _WRITE_CONNECT_S))
        try:
            # Its time-outs start anew with every byte, also of the headers: whoever drips would never be done.
            async with (
                asyncio.timeout_at(deadline + timeout_s),
                client.stream(method, url, headers=sent, content=content, follow_redirects=False, timeout=timeout) as response,
            ):
                body, fault = await self._body(response, deadline)
                location = response.headers.get("location", "") if response.status_code in (301, 302, 303, 307, 308) else ""
                etag, wait = response.headers.get("etag", ""), response.headers.get("retry-after", "")
        except (httpx.InvalidURL, UnicodeError, RuntimeError) as error:  # RuntimeError: the client was closed meanwhile
            raise Away(_words(error)) from None
        except TimeoutError:
            raise Late("the answer does not begin") from None
        wait_s = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0.0
        return Answer(response.status_code, body, etag if len(etag) < 200 else "", wait_s, fault), location

    async def _body(self, response: httpx.Response, deadline: float) -> tuple[bytes, str]:
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            return b"", "compressed although not asked for"
        parts, size = [], 0
        async for part in response.aiter_raw():
            size += len(part)
            if size > self._manners.max_bytes:
                return b"", f"longer than {self._manners.max_bytes} bytes"
            # The library's time-out starts anew with every byte; an answer that drips would never end.
            if asyncio.get_running_loop().time() > deadline:
                raise Late("the answer does not end")
            parts.append(part)
        return b"".join(parts), ""

    async def close(self) -> None:
        """End what is running and let go of every connection; idempotent. Only here requests are cancelled: the pool goes too."""
        clients = [*self._retired, *((self._client,) if self._client is not None else ())]
        self._client, self._retired = None, []
        running = list(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=1.0)
        for client in clients:
            with contextlib.suppress(Exception):  # a goodbye over a broken connection
                async with asyncio.timeout(0.5):
                    await client.aclose()
        await asyncio.sleep(0)  # transports report their end in the next turn of the loop


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _is_url(location: str) -> bool:
    try:
        urlsplit(location)
        httpx.URL(location)
    except (ValueError, httpx.InvalidURL):
        return False
    return True


def _same_server(here: str, there: str) -> bool:
    """Whether a redirect stays at the same server; from http it may go to https there, never back: the login travels along."""
    first, second = httpx.URL(here), httpx.URL(there)
    if first.host != second.host or second.userinfo:
        return False
    if first.scheme == second.scheme:
        return (first.port, first.scheme) == (second.port, second.scheme)
    return (first.scheme, second.scheme) == ("http", "https") and first.port is None and second.port is None


_building = threading.Lock()


def _context_of(ca_file: str) -> ssl.SSLContext:
    """The TLS context for ``ca_file``, made once per version of the file. Takes up to 50 ms, so never call it on a loop."""
    with _building:
        return _made(ca_file, Path(ca_file).stat().st_mtime_ns if ca_file else 0)


@cache
def _made(ca_file: str, _version: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or None)
