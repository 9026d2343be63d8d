"""Writes to machines from this panel: recorded as decisions before anything is sent, in the name of whoever asked for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID

from core.clock import Clock
from core.equipment.sources import accept_machine
from core.equipment.views import SiteView
from core.equipment.writes import record_outcome, request_write
from core.errors import Conflict, GenbaError, Invalid, Refused
from core.live.link import LinkStatus
from core.live.sample import Batch, Value
from core.live.table import Table
from core.live.tags import SourceSpec, TagSpec
from core.live.write_rules import shown
from core.live.writes import Hold, TagWriter, WriteIntent, WriteResult
from core.station.acquisition import Acquisition
from core.station.floor import Floor
from core.station.write_turns import WriteTurns
from core.store.operation import Actor, Done, Operation

Decide = Callable[[Actor, Operation[..., Any], Mapping[str, Any]], Awaitable[Done[Any]]]
"""Decides an operation in somebody's name; raises one of the six errors."""


class Panel(Protocol):
    """What is asked of the station."""

    actor: Actor
    table: Table
    clock: Clock
    links: dict[str, LinkStatus]


class Writing:
    """Verbs: write, put_back, to_put_back, accept; ``Station.writing``.

    Wires ``live/writes`` to the machines, the rights on a tag's line, the turns between stations and the record of each write.

    Args:
        name: Code of the station.
        panel: The station: who is signed in, what is known of tags and links.
        acquisition: Sends and reads back.
        decide: Records.
        floor: Its database carries the turns.
    """

    def __init__(self, name: str, panel: Panel, acquisition: Acquisition, decide: Decide, floor: Floor) -> None:
        self._panel, self._acquisition, self._decide, self._floor = panel, acquisition, decide, floor
        self._turns = WriteTurns(name, floor.database, panel.clock, alone=floor.embedded)
        self._sources: Mapping[str, SourceSpec] = {}
        self._specs: Mapping[str, TagSpec] = {}
        self._lines: Mapping[str, str] = {}
        self._askers: dict[UUID, Actor] = {}
        self._writer = TagWriter(
            find=lambda name: self._specs.get(name),
            latest=panel.table.get,
            may=lambda permission, tag: panel.actor.may(permission, self._lines.get(tag.work_unit or "")),
            record_intent=self._record_intent,
            send=acquisition.write,
            read=self._read,
            clock=panel.clock,
            record_outcome=self._record_outcome,
            claim=self._claim,
        )

    def use(self, site: SiteView) -> None:
        """Know the sources and tags of this site."""
        self._sources = {source.code: source for source in site.sources}
        self._specs = {spec.name: spec for spec in site.tags}
        self._lines = {unit.code: line.code for line in site.lines for unit in line.work_units}

    async def write(self, tag: str, value: Value, *, seen: Value = None, reason: str = "") -> WriteResult:
        """See ``TagWriter.write``."""
        return await self._writer.write(tag, value, seen=seen, reason=reason)

    async def put_back(self, tag: str) -> WriteResult:
        """See ``TagWriter.put_back``."""
        return await self._writer.put_back(tag)

    def to_put_back(self, tag: str) -> WriteIntent | None:
        """See ``TagWriter.to_put_back``."""
        return self._writer.to_put_back(tag)

    async def accept(self, source: str, identity: str, reason: str) -> None:
        """Take the machine that calls itself ``identity`` for the right one, because somebody has looked at it; audited.

        Raises:
            Refused: No right.
            Conflict: ``driver.identity_other``: by now it calls itself something else.
            Invalid, NotConnected: This station does not read the source.
            Unavailable: The database is away.
        """
        link, spec = self._panel.links.get(source), self._sources.get(source)
        if link is None or spec is None:
            raise Invalid("driver.unknown_source", source=source)
        if link.identity != identity:
            raise Conflict("driver.identity_other", source=_shown(spec), found=link.identity or "—", identity=identity or "—")
        await self._decide(self._panel.actor, accept_machine, {"source": source, "identity": identity, "reason": reason})
        await self._acquisition.accept(source, identity)

    # -- what the writer needs -----------------------------------------------------------------------------------

    async def _read(self, tags: Sequence[TagSpec]) -> Batch:
        """What the machine itself said is shown at once, not with the next turn of its group."""
        batch = await self._acquisition.read(tags)
        self._panel.table.put(batch)
        return batch

    @asynccontextmanager
    async def _claim(self, tag: TagSpec, seconds: float) -> AsyncIterator[Hold]:
        source, link = self._sources[tag.source], self._panel.links.get(tag.source)
        if link is not None and link.error_code == "driver.read_elsewhere":
            raise Refused("write.read_elsewhere", source=_shown(source), station=link.error_detail)
        if link is not None and link.identity_changed:
            known = source.options.get("identity", "—")
            raise Refused("driver.identity_changed", source=_shown(source), found=link.identity or "—", known=known)
        async with self._turns.turn(source, shown(tag), seconds) as hold:
            yield hold

    async def _record_intent(self, intent: WriteIntent) -> None:
        """Before anything is sent; without the database only at the station that owns the source, in its journal."""
        # Whoever asked for it answers for its outcome, however the panel changes hands meanwhile.
        actor = self._askers[intent.id] = self._panel.actor
        told = {"write_id": intent.id, "tag": intent.tag, "source": intent.source}
        told |= {"before": json.dumps(intent.before), "value": json.dumps(intent.value)}
        told |= {"reason": intent.reason, "epoch": intent.epoch, "undoes": intent.undoes}
        try:
            done = await self._decide(actor, request_write, told)
        except GenbaError:
            del self._askers[intent.id]
            raise
        source = self._sources[intent.source]
        if done.state == "waiting" and not self._floor.database.up and not self._turns.may_without_database(source):
            await self._record_outcome(intent, "write.owner_only")
            raise Refused("write.owner_only", source=_shown(source), owner=source.owner or "—")

    async def _record_outcome(self, intent: WriteIntent, outcome: str) -> None:
        actor = self._askers.pop(intent.id, self._panel.actor)
        await self._decide(actor, record_outcome, {"write_id": intent.id, "tag": intent.tag, "outcome": outcome})


def _shown(source: SourceSpec) -> Mapping[str, str] | str:
    return dict(source.label) if source.label else source.code
