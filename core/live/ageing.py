"""When the values of one source stop being fresh: pure bookkeeping, time comes in as an argument."""

from __future__ import annotations

from collections.abc import Iterable

from core.live.sample import Batch, Quality
from core.live.tags import TagSpec


class Ageing:
    """Watches the tags of one source and says once when a tag went stale, and marks all of them when the link is lost.

    A tag is stale when neither a sample of it nor a confirmation of its source (an empty batch) came for
    ``TagSpec.stale_after_s``. Samples that are not usable do not age: they already say that something is wrong.
    """

    def __init__(self, source: str, tags: Iterable[TagSpec]) -> None:
        self._source = source
        self._allowed_s = {tag.name: tag.stale_after_s for tag in tags}
        self._seen: dict[str, float] = {}
        self._confirmed = float("-inf")
        self._ageing: set[str] = set()
        self._soonest_s = min(self._allowed_s.values(), default=float("inf"))
        self._look_at = float("-inf")

    def saw(self, batch: Batch, monotonic: float) -> None:
        """Note what arrived at ``monotonic`` seconds."""
        if not batch.tags:
            self._confirmed = monotonic
            return
        self._seen.update(dict.fromkeys(batch.tags, monotonic))
        if any(batch.qualities):
            for tag, quality in zip(batch.tags, batch.qualities, strict=True):
                (self._ageing.add if quality.usable else self._ageing.discard)(tag)
        else:
            self._ageing.update(batch.tags)

    def stale(self, received_at: float, monotonic: float) -> Batch | None:
        """Tags that went stale since the last call as one batch without values; None when there are none."""
        # News only put it off, so before this moment nothing can be: ten thousand tags need not be looked at twice a second.
        if monotonic <= self._look_at:
            return None
        seen, allowed_s, confirmed, never = self._seen, self._allowed_s, self._confirmed, float("inf")
        due = {tag: (seen[tag] if seen[tag] > confirmed else confirmed) + allowed_s.get(tag, never) for tag in self._ageing}
        self._look_at = min(monotonic + self._soonest_s, min(due.values(), default=never))
        if self._look_at >= monotonic:
            return None
        old = [tag for tag, at in due.items() if at < monotonic]
        self._ageing.difference_update(old)
        return self._mark(old, Quality.STALE, "", received_at)

    def offline(self, received_at: float, status: str) -> Batch:
        """Every tag of the source as OFFLINE in one batch without values."""
        self._ageing.clear()
        return self._mark(list(self._allowed_s), Quality.OFFLINE, status, received_at)

    def _mark(self, tags: list[str], quality: Quality, status: str, received_at: float) -> Batch:
        count = len(tags)
        statuses = dict.fromkeys(range(count), status) if status else {}
        return Batch(self._source, received_at, tags, [None] * count, [quality] * count, [None] * count, statuses)
