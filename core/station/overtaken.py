"""What came home too late and needs a person, as the screen meets it: ``Station.overtaken``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

from core.station.floor import Floor
from core.store.attention import Outcome
from core.store.journal import Entry
from core.store.operation import Actor, Done

OnThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs blocking work on a thread of the station's."""


class Overtaken:
    """Belongs to the loop; what blocks runs on the threads that ``deciding`` and ``asking`` give.

    Args:
        floor: Of the station.
        deciding, asking: Run blocking work on the thread of decisions, and on that of questions.
        actor: Who is signed in now.
        changed: Called when another number of decisions needs somebody.

    Attributes:
        count: How many do, as of the last look; cheap, for the header.
    """

    def __init__(self, floor: Floor, deciding: OnThread, asking: OnThread, actor: Callable[[], Actor], changed: Callable[[], None]) -> None:
        self._floor, self._deciding, self._asking, self._actor, self._changed = floor, deciding, asking, actor, changed
        self.count = 0

    async def entries(self) -> list[Entry]:
        """Decisions of this station that were overtaken or refused when they came home, oldest first; nothing drops them but a person.

        Raises:
            Unavailable: The station's own disk cannot be read.
        """
        entries: list[Entry] = await self._asking(self._floor.door.attending.entries)
        if len(entries) != self.count:
            self.count = len(entries)
            self._changed()
        return entries

    async def try_again(self, request_id: UUID) -> None:
        """Apply it once more as it was decided, after its cause was removed. Raises Invalid when it is gone."""
        await self._on(partial(self._floor.door.attending.retry, request_id))

    async def apply_anew(self, request_id: UUID, reason: str) -> Done[Any]:
        """Decide an intent again, on what its subject is now, in the name of whoever is signed in. Raises one of the six errors."""
        done: Done[Any] = await self._on(partial(self._floor.door.attending.apply_anew, request_id, self._actor(), reason))
        return done

    async def adopt(self, request_id: UUID, reason: str) -> Done[Any]:
        """Book a fact in the name of whoever is signed in, with its own time. Raises one of the six errors."""
        done: Done[Any] = await self._on(partial(self._floor.door.attending.adopt, request_id, self._actor(), reason))
        return done

    async def settle(self, request_id: UUID, outcome: Outcome, reason: str) -> None:
        """Take an intent off the list because a person has dealt with it; audited. Raises Refused for a fact, or without the right."""
        await self._on(partial(self._floor.door.attending.settle, request_id, self._actor(), outcome, reason))

    async def _on(self, work: Callable[[], Any]) -> Any:
        try:
            return await self._deciding(work)
        finally:
            await self.entries()
