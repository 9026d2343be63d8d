"""OPC UA over asyncua: one client per connection, one subscription per period, one batch per publish response.

The parts: ``opcua_link`` opens and ends the connection, ``opcua_security`` says to whom and how, ``opcua_feed`` takes what the
server sends, ``opcua_write`` writes and calls, ``opcua_types`` opens structures, ``opcua_browse`` looks around, and
``opcua_bounds`` keeps the library's decoder from believing everything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import core.drivers.opcua_bounds  # noqa: F401 - sets its limits before the first message
from core.clock import Clock
from core.drivers import opcua_address
from core.drivers.base import Sink
from core.drivers.engineering import Undecodable
from core.drivers.opcua_browse import children
from core.drivers.opcua_feed import Feeds
from core.drivers.opcua_link import Link
from core.drivers.opcua_types import Types
from core.drivers.opcua_values import UNKNOWN_NODE, as_it_is, sample_parts, status_word, ua
from core.drivers.opcua_write import Writer
from core.errors import Invalid
from core.live.link import BrowseItem
from core.live.sample import Batch, Quality, Value
from core.live.tags import SourceSpec, TagSpec

_SLOW_S = 0.5


class OpcUaDriver:
    """See ``base.Driver``.

    Args:
        source: ``url`` is ``opc.tcp://host:port/path``. Options: see ``opcua_security``; one that is not known is refused,
            never ignored.
        secret: Password, or None for a session without one.
        clock: Reception times.
        home: Of the station: its own certificate, and those it trusts.
    """

    def __init__(self, source: SourceSpec, secret: str | None, clock: Clock, home: Path) -> None:
        self._link = Link(source, secret, clock, home)
        self._types = Types(self._link)
        self._writer = Writer(self._link)
        self._feeds = Feeds(self._link, self._types, lambda batch: None)

    async def connect(self) -> None:
        """Open channel and session, read the namespace array."""
        await self._link.open()

    async def close(self) -> None:
        """Say goodbye where somebody listens, then cut."""
        await self._link.close()

    # -- serving -------------------------------------------------------------------------------------------------

    async def serve(self, tags: Sequence[TagSpec], sink: Sink) -> None:
        """Subscribe to ``tags`` and watch the link until it breaks."""
        feeds = self._feeds = Feeds(self._link, self._types, sink)
        async with self._link.as_ours(), self._broken_by_errors():
            values = [tag for tag in tags if not _is_call(tag)]
            calls = [tag for tag in tags if _is_call(tag)]
            if calls:
                sink(await self.read(calls))
            # What structures look like is known before the first of them arrives by itself.
            members = [tag for tag in values if _path(tag)]
            if members:
                await self.read(members)
            await feeds.subscribe(values)
            # A slow subscription sends its first values after one of its intervals; the screen wants them now.
            unknown = feeds.unknown
            slow = [tag for tag in values if tag.period_s > _SLOW_S and tag.name not in unknown]
            if slow:
                sink(await self.read(slow))

            async def again(found: list[TagSpec]) -> None:
                sink(await self.read(found))

            await feeds.watch(again)

    @asynccontextmanager
    async def _broken_by_errors(self) -> AsyncIterator[None]:
        """After any failure inside, ``close`` does not wait for a goodbye."""
        try:
            yield
        except Exception as error:
            self._link.break_(repr(error))
            raise

    # -- requests ------------------------------------------------------------------------------------------------

    async def read(self, tags: Sequence[TagSpec]) -> Batch:
        """Read the values with their status and times; a node in which several tags stand is read once."""
        batch = Batch(self._link.source.code, self._link.clock.now().timestamp())
        places: list[tuple[TagSpec, opcua_address.Place, Any]] = []
        for tag in tags:
            try:
                place = opcua_address.place_of(tag)
                places.append((tag, place, self._link.node(place.node)))
            except Undecodable as error:
                batch.add(tag.name, None, Quality.CONFIG, status=str(error))
        await self._add_values(batch, [each for each in places if not each[1].is_call])
        await self._add_calls(batch, [each for each in places if each[1].is_call])
        batch.received_at = self._link.clock.now().timestamp()
        return batch

    async def _add_values(self, batch: Batch, places: list[tuple[TagSpec, opcua_address.Place, Any]]) -> None:
        nodes = list(dict.fromkeys(node for _, _, node in places))
        answers = dict(zip(nodes, await self._link.attributes(nodes, ua.AttributeIds.Value), strict=True))
        found = [(tag, place, answers[node]) for tag, place, node in places]
        parts = [self._parts(tag, place.path, answer) for tag, place, answer in found]
        if self._types.wanted and await self._types.learn():
            parts = [self._parts(tag, place.path, answer) for tag, place, answer in found]
        for (tag, _, _), (value, quality, source_at, word) in zip(found, parts, strict=True):
            batch.add(tag.name, value, Quality.CONFIG if word in UNKNOWN_NODE else quality, source_at, word)

    def _parts(self, tag: TagSpec, path: opcua_address.Path, answer: Any) -> tuple[Value, Quality, float | None, str]:
        return sample_parts(tag, answer, partial(self._types.member, path=path) if path else as_it_is)

    async def _add_calls(self, batch: Batch, places: list[tuple[TagSpec, opcua_address.Place, Any]]) -> None:
        """A method has no value. What it was called with last stands for one; before that there is nothing to show."""
        answers = await self._link.attributes([node for _, _, node in places], ua.AttributeIds.NodeClass)
        for (tag, _, _), answer in zip(places, answers, strict=True):
            quality, word = status_word(answer.StatusCode)
            called = self._writer.called(tag)
            if quality is not Quality.GOOD:
                batch.add(tag.name, None, Quality.CONFIG, status=word)
            elif answer.Value is None or answer.Value.Value != ua.NodeClass.Method:
                batch.add(tag.name, None, Quality.CONFIG, status="no method")
            elif called is None:
                batch.add(tag.name, None, Quality.NEVER, status="not called yet")
            else:
                batch.add(tag.name, called[0], Quality.GOOD, called[1])

    async def write(self, tag: TagSpec, value: Value) -> None:
        """Write a value or call a method."""
        await self._writer.write(tag, value)

    async def browse(self, address: str | None) -> list[BrowseItem]:
        """Children of a node, of the Objects folder for None; members of a structure, elements of an array."""
        try:
            place = opcua_address.parsed(address) if address else None
            start = self._link.node(place.node) if place else ua.NodeId(ua.ObjectIds.ObjectsFolder)
        except Undecodable as error:
            raise Invalid("driver.bad_address", tag=address, detail=str(error)) from None
        return await children(self._link, self._types, start, place)

    async def identity(self) -> str:
        """URI of the server."""
        (answer,) = await self._link.attributes([ua.NodeId(ua.ObjectIds.Server_ServerArray)], ua.AttributeIds.Value)
        uris = answer.Value.Value if answer.Value is not None else None
        return str(uris[0]) if isinstance(uris, list) and uris else ""

    def group(self, tag: str) -> str:
        """The subscription that ``tag`` belongs to."""
        return self._feeds.group(tag)


def _is_call(tag: TagSpec) -> bool:
    try:
        return opcua_address.place_of(tag).is_call
    except Undecodable:
        return False


def _path(tag: TagSpec) -> opcua_address.Path:
    try:
        return opcua_address.place_of(tag).path
    except Undecodable:
        return ()
