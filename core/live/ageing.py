"""When the values of one source stop being fresh: pure bookkeeping, time comes in as an argument."""

from __future__ import annotations

from collections.abc import Iterable

from core.live.sample import Batch, Quality
from core.live.tags import TagSpec

_NEVER = float("inf")


class Ageing:
    """Watches the tags of one source and says once when a tag went stale, and marks all of them when the link is lost.

    A tag is stale when neither a sample of it nor a confirmation of its source (an empty batch) came for
    ``TagSpec.stale_after_s``. Samples that are not usable do not age: they already say that something is wrong. A tag of
    which nothing comes at all is owed from the moment its source first says anything after being lost, and stale as late.
    """

    def __init__(self, source: str, tags: Iterable[TagSpec]) -> None:
        self._source = source
        self._allowed_s = {tag.name: tag.stale_after_s for tag in tags}
        self._seen: dict[str, float] = {}
        self._confirmed = float("-inf")
        self._ageing: set[str] = set()
        self._owed = set(self._allowed_s)
        self._owed_since: float | None = None
        self._soonest_s = min(self._allowed_s.values(), default=_NEVER)
        self._look_at = float("-inf")

    def saw(self, batch: Batch, monotonic: float) -> None:
        """Note what arrived at ``monotonic`` seconds."""
        if self._owed:
            self._owed_since = monotonic if self._owed_since is None else self._owed_since
            self._owed.difference_update(batch.tags)
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
        due = self._due()
        self._look_at = min(monotonic + self._soonest_s, min(due.values(), default=_NEVER))
        old = [tag for tag, at in due.items() if at < monotonic]
        if not old:
            return None
        self._ageing.difference_update(old)
        self._owed.difference_update(old)
        return self._mark(old, Quality.STALE, "", received_at)

    def _due(self) -> dict[str, float]:
        """When each tag becomes stale, on the monotonic clock."""
        seen, allowed_s, confirmed = self._seen, self._allowed_s, self._confirmed
        due = {tag: (seen[tag] if seen[tag] > confirmed else confirmed) + allowed_s.get(tag, _NEVER) for tag in self._ageing}
        if self._owed_since is not None:
            due.update({tag: self._owed_since + allowed_s[tag] for tag in self._owed})
        return due

    def offline(self, received_at: float, status: str) -> Batch:
        """Every tag of the source as OFFLINE in one batch without values."""
        self._ageing.clear()
        self._owed, self._owed_since = set(self._allowed_s), None
        return self._mark(list(self._allowed_s), Quality.OFFLINE, status, received_at)

    def _mark(self, tags: list[str], quality: Quality, status: str, received_at: float) -> Batch:
        count = len(tags)
        statuses = dict.fromkeys(range(count), status) if status else {}
        return Batch(self._source, received_at, tags, [None] * count, [quality] * count, [None] * count, statuses)
