"""HTTP sensors: JSON documents, one request per document and period, all tags of the document from its answer.

HTTP has no link to be lost. The source counts as gone when a request fails and nobody at the same server answers either;
a document that alone does not come costs only its own tags.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.clock import Clock
from core.drivers.base import NO_ANSWER, Sink
from core.drivers.engineering import Undecodable, to_raw
from core.drivers.http_browse import children, roots
from core.drivers.http_client import Answer, Away, Client, Late, NotSent, Untrusted
from core.drivers.http_options import NoSecret, manners
from core.drivers.http_values import Place, Writing, add_values, filled, finder, locate, parse, split, writing
from core.errors import GenbaError, Invalid, NotConfirmed, NotConnected, Refused
from core.live.link import BrowseItem
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec

_FASTEST_S = 0.1
_ASK_AGAIN_S = 30.0
"""How often a document that does not exist is asked for again: the device may have got a new program."""
_WATCH_S = 2.0
"""How often a server of which nothing can be read is asked whether it is there."""
_LONGEST_WAIT_S = 60.0
"""The longest a server may ask to be left alone."""
_LOGIN = (401, 403)
_GONE = (404, 410)
_UNCHANGED = 304
_FRESH = {"Cache-Control": "no-cache"}


@dataclass(slots=True)
class _Document:
    """One document, read at one period.

    Attributes:
        path, period_s, places: What is asked, how often, and which tags the answer holds.
        etag: Version of what was read last; "" when the next answer must be whole.
        kept: The samples of that version, confirmed by an answer that says nothing has changed.
        answered_at: When it last answered, monotonic; 0 for never.
        wait_s: How long to leave it alone beyond its period.
        turn: Held while it is asked; waiting for it means waiting for that answer.
    """

    path: str
    period_s: float
    places: list[Place]
    etag: str = ""
    kept: Batch | None = None
    answered_at: float = 0.0
    wait_s: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class HttpDriver:
    """See ``base.Driver``.

    Args:
        source: ``url`` is ``http://host[:port][/path]`` or https; a tag's address is ``/path?query#expression`` in JMESPath.
            Options: see ``http_options``; ``identity`` is an address whose value tells one machine from another.
        secret: Password, token or key; None when the source needs none.
        clock: Reception times and the polling rhythm.
    """

    def __init__(self, source: SourceSpec, secret: str | None, clock: Clock) -> None:
        self._source = source
        self._shown = dict(source.label) if source.label else source.code
        self._secret = secret
        self._clock = clock
        self._client: Client | None = None
        self._sink: Sink = lambda batch: None
        self._documents: list[_Document] = []
        self._heard_at = 0.0

    # -- connecting ----------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Prepare; whether a server is there shows the first answer."""
        try:
            wanted = manners(self._source.url, self._source.options, self._secret)
        except Undecodable as error:
            raise Invalid("driver.bad_url", source=self._shown, detail=str(error)) from None
        except NoSecret:
            raise Refused("driver.login_refused", source=self._shown, detail="no password stored") from None
        self._client = Client(wanted)
        try:
            await self._client.open()
        except Untrusted as error:
            raise self._untrusted(error) from None

    def _untrusted(self, error: Untrusted) -> Refused:
        return Refused("driver.https_untrusted", source=self._shown, detail=str(error))

    @property
    def _open_client(self) -> Client:
        if self._client is None:
            raise NotConnected("driver.not_connected", source=self._shown, detail="closed")
        return self._client

    def _batch(self) -> Batch:
        return Batch(self._source.code, self._clock.now().timestamp())

    # -- polling -------------------------------------------------------------------------------------------------

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Ask for the documents of ``tags``, each at its period, until nobody answers."""
        self._sink = sink
        unknown = self._batch()
        self._documents = _documents(self._located(tags, unknown))
        if unknown.tags:
            sink(unknown)
        if not self._documents:
            await self._watch_server()
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._poll(document), name=f"http {document.path}") for document in self._documents]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch_server(self) -> None:
        """Nothing can be read yet, and all the same the server can be browsed and its end is noticed; any answer will do."""
        while True:
            answer = await self._asked("/")
            if answer.status in _LOGIN:
                raise Refused("driver.login_refused", source=self._shown, detail=answer.word)
            self._sink(self._batch())
            await asyncio.sleep(_WATCH_S)

    def _located(self, tags: Iterable[TagSpec], unknown: Batch) -> list[Place]:
        places = []
        for tag in tags:
            try:
                places.append(locate(tag))
            except Undecodable as error:
                unknown.add(tag.name, None, Quality.CONFIG, status=str(error))
        return places

    async def _poll(self, document: _Document) -> None:
        due = self._clock.monotonic()
        while True:
            asked_at = self._clock.monotonic()
            failure = await self._look(document)
            if failure is not None:
                await self._after_silence(document, asked_at, failure)
            period_s = max(document.period_s, _FASTEST_S)
            late = self._clock.monotonic() - due
            # Polls that could not be kept are left out, not made up for.
            due += period_s * max(1, int(late // period_s) + 1)
            if document.wait_s:
                due = max(due, self._clock.monotonic() + document.wait_s)
            await self._until(due)

    async def _until(self, due: float) -> None:
        left_s = due - self._clock.monotonic()
        while left_s > 0:  # timers of the GUI's loop may end early
            await asyncio.sleep(left_s)
            left_s = due - self._clock.monotonic()

    async def _look(self, document: _Document) -> GenbaError | None:
        """Ask for ``document`` and deliver what comes; returns why when nothing does. Raises Refused."""
        async with document.turn:
            try:
                headers = {"If-None-Match": document.etag} if document.etag else None
                answer = await self._open_client.ask("GET", document.path, headers=headers)
            except Late as error:
                return NotConnected("driver.no_answer", source=self._shown, detail=f"{document.path}: {error}")
            except Away as error:
                return NotConnected("driver.link_broken", source=self._shown, detail=str(error))
            except Untrusted as error:
                raise self._untrusted(error) from None
            self._heard_at = document.answered_at = self._clock.monotonic()
            self._take(document, answer)
            return None

    async def _after_silence(self, document: _Document, asked_at: float, failure: GenbaError) -> None:
        """Find out whether it is this document or the server: the one that answered last is asked. Raises ``failure``."""
        others = [each for each in self._documents if each is not document]
        if others and self._heard_at <= asked_at:
            witness = max(others, key=lambda each: each.answered_at)
            if witness.turn.locked():
                async with witness.turn:  # it is being asked already
                    pass
            else:
                await self._look(witness)
        if self._heard_at <= asked_at:
            raise failure
        document.etag = ""
        self._tell(document, Quality.BAD, NO_ANSWER)

    def _take(self, document: _Document, answer: Answer) -> None:
        document.wait_s = min(answer.retry_after_s, _LONGEST_WAIT_S) if answer.status >= 400 else 0.0
        if answer.status == _UNCHANGED and document.kept is not None:
            kept, again = document.kept, self._batch()
            again.tags, again.values, again.qualities = list(kept.tags), list(kept.values), list(kept.qualities)
            again.source_at, again.statuses = list(kept.source_at), dict(kept.statuses)
            self._sink(again)
            return
        document.etag, document.kept = "", None
        if answer.status in _LOGIN:
            raise Refused("driver.login_refused", source=self._shown, detail=answer.word)
        if answer.status in _GONE:
            document.wait_s = _ASK_AGAIN_S
        batch = self._batch()
        if _fill(batch, document.places, answer):
            document.etag, document.kept = answer.etag, batch
        self._sink(batch)

    def _tell(self, document: _Document, quality: Quality, word: str) -> None:
        batch = self._batch()
        for place in document.places:
            batch.add(place.tag.name, None, quality, status=word)
        self._sink(batch)

    # -- requests ------------------------------------------------------------------------------------------------

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Ask now, past every cache."""
        batch = self._batch()
        for document in _documents(self._located(tags, batch)):
            try:
                answer = await self._open_client.ask("GET", document.path, headers=_FRESH)
            except Late:
                for place in document.places:
                    batch.add(place.tag.name, None, Quality.BAD, status=NO_ANSWER)
            except Away as error:
                raise NotConnected("driver.link_broken", source=self._shown, detail=str(error)) from None
            except Untrusted as error:
                raise NotConnected("driver.link_broken", source=self._shown, detail=str(error)) from None
            else:
                _fill(batch, document.places, answer)
        batch.received_at = self._clock.now().timestamp()
        return batch

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Send one value as the tag's options say: ``write=PUT``, ``write_path``, ``body`` with ``$value``."""
        try:
            locate(tag)
            how = writing(tag)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=tag.name, detail=str(error)) from None
        if how is None:
            raise Refused("driver.not_writable", tag=tag.name)
        answer = await self._send(tag, value, how)
        if answer.status >= 500:  # it may have been carried out before something broke
            raise NotConfirmed("driver.write_unanswered", tag=tag.name, value=value)
        if not 200 <= answer.status < 300:
            raise Refused("driver.write_refused", tag=tag.name, value=value, detail=answer.fault or answer.word)

    async def _send(self, tag: TagSpec, value: Value, how: Writing) -> Answer:
        body = json.dumps(filled(how.body, to_raw(tag, value)), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        try:
            return await self._open_client.ask(how.method, how.path, headers={"Content-Type": "application/json"}, content=body)
        except (NotSent, Untrusted) as error:
            raise NotConnected("driver.not_connected", source=self._shown, detail=str(error)) from None
        except (Away, Late):
            raise NotConfirmed("driver.write_unanswered", tag=tag.name, value=value) from None

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """The documents in use, and what is in them now; any path of the server may be asked for."""
        if address is None:
            return roots([document.path for document in self._documents] or ["/"])
        try:
            answer = await self._asked(split(address)[0])
            if answer.fault or answer.status != 200:
                raise Undecodable(answer.fault or answer.word)
            return children(address, answer.body)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=address, detail=str(error)) from None

    async def identity(self) -> str:
        """What the document named by the option ``identity`` says, "" without one.

        The header Server names a program and its version, which every machine of a kind shares and every update changes.
        """
        address = self._source.options.get("identity", "")
        if not address:
            return ""
        try:
            path, expression = split(address)
            answer = await self._asked(path)
            found = finder(expression)(parse(answer.body)) if answer.status == 200 and not answer.fault else None
        except Undecodable:
            return ""
        return str(found)[:200] if isinstance(found, str | int) and not isinstance(found, bool) else ""

    async def _asked(self, path: str) -> Answer:
        try:
            return await self._open_client.ask("GET", path, headers=_FRESH)
        except Late as error:
            raise NotConnected("driver.no_answer", source=self._shown, detail=f"{path}: {error}") from None
        except Away as error:
            raise NotConnected("driver.link_broken", source=self._shown, detail=str(error)) from None
        except Untrusted as error:
            raise self._untrusted(error) from None

    def group(self, tag: str) -> str:
        """The document that ``tag`` is read from."""
        for document in self._documents:
            if any(place.tag.name == tag for place in document.places):
                return f"GET {document.path}, every {document.period_s:g} s"
        return ""

    async def close(self) -> None:
        """Let go of all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _documents(places: Iterable[Place]) -> list[_Document]:
    """One for each path and period."""
    found: dict[tuple[str, float], _Document] = {}
    for place in places:
        key = (place.path, place.tag.period_s)
        found.setdefault(key, _Document(*key, [])).places.append(place)
    return list(found.values())


def _fill(batch: Batch, places: Sequence[Place], answer: Answer) -> bool:
    """The samples of ``places`` in ``answer``; whether they came out of a document."""
    quality, word, document = Quality.BAD, answer.fault or ("" if answer.status == 200 else answer.word), None
    if answer.status in _GONE:
        quality = Quality.CONFIG
    if not word:
        try:
            document = parse(answer.body)
        except Undecodable as error:
            word = str(error)
    if word:
        for place in places:
            batch.add(place.tag.name, None, quality, status=word)
        return False
    add_values(batch, places, document)
    return True
