"""Writes to machines from this panel: recorded as decisions before anything is sent, in the name of whoever asked for them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol
from uuid import UUID

from core.clock import Clock
from core.equipment.views import SiteView
from core.equipment.writes import record_outcome, request_write
from core.errors import GenbaError
from core.live.sample import Value
from core.live.table import Table
from core.live.tags import TagSpec
from core.live.writes import TagWriter, WriteIntent, WriteResult
from core.station.acquisition import Acquisition
from core.store.operation import Actor, Operation

Decide = Callable[[Actor, Operation[..., Any], Mapping[str, Any]], Awaitable[Any]]
"""Decides an operation in somebody's name; raises one of the six errors."""


class Panel(Protocol):
    """What is asked of the station."""

    actor: Actor
    table: Table
    clock: Clock


class Writing:
    """Wires ``live/writes`` to the machines, the rights on a tag's line, and the record of each write.

    Args:
        panel: The station: who is signed in, what is known of the tags.
        acquisition: Sends and reads back.
        decide: Records.
    """

    def __init__(self, panel: Panel, acquisition: Acquisition, decide: Decide) -> None:
        self._panel, self._decide = panel, decide
        self._specs: Mapping[str, TagSpec] = {}
        self._lines: Mapping[str, str] = {}
        self._askers: dict[UUID, Actor] = {}
        self._writer = TagWriter(
            find=lambda name: self._specs.get(name),
            latest=panel.table.get,
            may=lambda permission, tag: panel.actor.may(permission, self._lines.get(tag.work_unit or "")),
            record_intent=self._record_intent,
            send=acquisition.write,
            read=acquisition.read,
            clock=panel.clock,
            record_outcome=self._record_outcome,
        )

    def use(self, site: SiteView) -> None:
        """Know the tags of this site."""
        self._specs = {spec.name: spec for spec in site.tags}
        self._lines = {unit.code: line.code for line in site.lines for unit in line.work_units}

    async def write(self, tag: str, value: Value) -> WriteResult:
        """See ``TagWriter.write``."""
        return await self._writer.write(tag, value)

    async def _record_intent(self, intent: WriteIntent) -> None:
        """Before anything is sent; without the database nothing is sent."""
        # Whoever asked for it answers for its outcome, however the panel changes hands meanwhile.
        actor = self._askers[intent.id] = self._panel.actor
        before, value = json.dumps(intent.before), json.dumps(intent.value)
        told = {"write_id": intent.id, "tag": intent.tag, "source": intent.source, "before": before, "value": value}
        try:
            await self._decide(actor, request_write, told)
        except GenbaError:
            del self._askers[intent.id]
            raise

    async def _record_outcome(self, intent: WriteIntent, outcome: str) -> None:
        actor = self._askers.pop(intent.id, self._panel.actor)
        await self._decide(actor, record_outcome, {"write_id": intent.id, "tag": intent.tag, "outcome": outcome})
