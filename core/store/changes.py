"""What any station changed, heard on the listen lane: ids only, sent with the transaction that changed them.

A notification that falls into a lost connection is gone without a trace; ``gap`` says so, and whoever shows something
asks again. The sending side is :mod:`core.store.notices`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.store.notices import CHANNEL

if TYPE_CHECKING:
    from core.store.engine import Database


def keys_of(payload: str) -> frozenset[str]:
    """The keys (``order:<id>``, ``count_event:*``) in one payload; the rest is left out, because anybody may send on a channel."""
    pairs = (key.partition(":") for key in payload.split(","))
    return frozenset(f"{entity}:{identity}" for entity, _, identity in pairs if entity and identity)


class Changes:
    """Hears what any station changed, this one included.

    Both functions are called on the listen lane's thread and must be quick.

    Args:
        database: The station's database; may be started before or after.
        changed: Gets the keys of one notification.
        gap: Something may have been missed: everything shown is to be asked again.
    """

    def __init__(self, database: Database, changed: Callable[[frozenset[str]], None], gap: Callable[[], None]) -> None:
        self._changed = changed
        database.listen(CHANNEL, self._heard, gap)

    def _heard(self, payload: str) -> None:
        keys = keys_of(payload)
        if keys:
            self._changed(keys)
