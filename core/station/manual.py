"""Values that people enter, in the live table of this station: its own at once, those of other stations when they are booked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from core.clock import Clock
from core.equipment.manual import ManualValue, check_entry, enter_value, latest_entries, read_value
from core.equipment.views import SiteView
from core.errors import Invalid, Unavailable
from core.live.sample import ENTERED, Batch, Quality
from core.live.table import Table
from core.live.tags import MANUAL, TagSpec
from core.store.operation import Operation
from core.store.query import Answer, Query

Ask = Callable[[Query[..., Any]], Awaitable[Answer[Any]]]
"""Answers a query in nobody's name, from the database or the last snapshot; raises Unavailable."""


class Manual:
    """Puts entries into the table, newest wins. Belongs to the station's loop.

    An entry does not age into STALE: it says what somebody saw, and its age stands beside it.

    Args:
        table: Takes the values.
        clock: Of the station.
        ask: Asks for the entries of all stations.
    """

    def __init__(self, table: Table, clock: Clock, ask: Ask) -> None:
        self._table, self._clock, self._ask = table, clock, ask
        self._specs: Mapping[str, TagSpec] = {}
        self._shown: dict[str, datetime] = {}

    async def use(self, site: SiteView) -> None:
        """Know the tags of this site and show what was entered for them."""
        sources = {source.code for source in site.sources if source.protocol == MANUAL}
        self._specs = {spec.name: spec for spec in site.tags if spec.source in sources}
        self._shown = {name: at for name, at in self._shown.items() if name in self._specs}
        await self.look()

    async def look(self) -> None:
        """Ask what was entered, here and elsewhere; without database and snapshot what is shown stays."""
        if not self._specs:
            return
        try:
            self._show((await self._ask(latest_entries)).value)
        except Unavailable:
            return

    def before(self, operation: Operation[..., Any], args: Mapping[str, Any]) -> None:
        """Say no to an entry that cannot be, before it is kept. Raises Invalid."""
        if operation.name == enter_value.name:
            spec = self._specs.get(str(args.get("tag")))
            if spec is None:
                raise Invalid("manual.unknown_tag", tag=args.get("tag"))
            check_entry(spec, read_value(str(args.get("value"))))

    def after(self, view: Any) -> None:
        """Show an entry of this station at once, also while it waits for the database."""
        if isinstance(view, ManualValue):
            self._show((view,))

    def _show(self, entries: Iterable[ManualValue]) -> None:
        for entry in entries:
            spec, known = self._specs.get(entry.id), self._shown.get(entry.id)
            if spec is None or entry.entered_at is None or (known is not None and entry.entered_at <= known):
                continue
            self._shown[entry.id] = entry.entered_at
            at = entry.entered_at.timestamp()
            batch = Batch(spec.source, min(at, self._clock.now().timestamp()))  # another station's clock may be ahead
            batch.add(entry.id, entry.value, Quality.UNCERTAIN, at, ENTERED)
            self._table.put(batch)
