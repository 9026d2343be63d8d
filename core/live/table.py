"""The latest sample of every tag, the set of tags that changed, and who wants every batch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import repeat

from core.live.sample import Batch, Quality, Sample, Value

log = logging.getLogger(__name__)

Subscriber = Callable[[Batch], None]
"""Takes every batch, in order, on the table's loop; must be quick and must not keep the GUI waiting."""

_Latest = tuple[Value, Quality, str, float | None, float, str]
"""Value, quality, status, source time, reception, source code: a plain tuple, because 20,000 are made in a second."""


class Table:
    """What every tag says now. Belongs to one loop: all methods are called there, by ``station`` and the bridge.

    Two kinds of sample carry no news about the value: STALE and OFFLINE say only that nothing arrives any more. For
    those the table keeps the last value with its times, so that a tile can show what it was and how old it is; the
    batch itself, as recorders see it, has no value. An *empty* batch is the opposite message: the source confirmed
    at that moment that everything it reported is still so (a keep-alive of a subscription).
    """

    def __init__(self) -> None:
        self._latest: dict[str, _Latest] = {}
        self._confirmed: dict[str, float] = {}
        self._last_good: dict[str, float] = {}
        self._changed: set[str] = set()
        self._subscribers: tuple[Subscriber, ...] = ()
        self._failing: set[Subscriber] = set()

    def put(self, batch: Batch) -> None:
        """Take one batch: update the latest samples, mark its tags as changed, hand it to the subscribers. Never raises."""
        if batch.tags:
            self._store(batch)
            self._changed.update(batch.tags)
        else:
            self._confirmed[batch.source] = batch.received_at
        for subscriber in self._subscribers:
            self._hand_over(subscriber, batch)

    def _store(self, batch: Batch) -> None:
        if any(batch.qualities) or batch.statuses:
            self._store_each(batch)
            return
        # Nearly always: everything is good. Column by column, because 20,000 a second come this way.
        same = (repeat(batch.received_at), repeat(batch.source))
        self._latest.update(
            zip(batch.tags, zip(batch.values, batch.qualities, repeat(""), batch.source_at, *same, strict=False), strict=True)
        )

    def _store_each(self, batch: Batch) -> None:
        latest, received_at, source = self._latest, batch.received_at, batch.source
        statuses = batch.statuses
        good, stale, offline = Quality.GOOD, Quality.STALE, Quality.OFFLINE
        for index, (tag, value, quality, source_at) in enumerate(
            zip(batch.tags, batch.values, batch.qualities, batch.source_at, strict=True)
        ):
            status = statuses.get(index, "") if statuses else ""
            if quality is not good:
                self._keep_last_good(tag, source)
            if quality is stale or quality is offline:
                known = latest.get(tag)
                if known is not None:
                    # What was confirmed until now stays confirmed until now: the age counts from there.
                    last_seen = max(known[4], self._confirmed.get(source, 0.0)) if known[1].usable else known[4]
                    latest[tag] = (known[0], quality, status, known[3], last_seen, source)
                    continue
                latest[tag] = (None, quality, status, None, 0.0, source)
            else:
                latest[tag] = (value, quality, status, source_at, received_at, source)

    def _keep_last_good(self, tag: str, source: str) -> None:
        """A sample that is not good follows: remember when there was a usable value, because it may take its place."""
        known = self._latest.get(tag)
        if known is not None and known[1].usable:
            self._last_good[tag] = max(known[4], self._confirmed.get(source, 0.0))

    def last_good_at(self, tag: str) -> float | None:
        """When the tag was last known to have a usable value, UNIX seconds UTC; None when it never had."""
        sample = self.get(tag)
        return sample.received_at if sample.quality.usable else self._last_good.get(tag)

    def _hand_over(self, subscriber: Subscriber, batch: Batch) -> None:
        try:
            subscriber(batch)
        except Exception:  # a recorder's fault must not blind the screen or stop the other recorders
            if subscriber not in self._failing:
                self._failing.add(subscriber)
                log.exception("a subscriber of the live table failed; further failures of it are not logged")
        else:
            self._failing.discard(subscriber)

    def get(self, tag: str) -> Sample:
        """The latest sample of ``tag``; quality NEVER for a tag nothing was received of, also when nobody knows it.

        ``received_at`` is when the value was last known to be so: its reception or, while it is usable, the last
        confirmation of its source. Its age on screen is now - ``received_at``.
        """
        known = self._latest.get(tag)
        if known is None:
            return Sample(tag, None, Quality.NEVER)
        value, quality, status, source_at, received_at, source = known
        if quality <= Quality.UNCERTAIN:
            received_at = max(received_at, self._confirmed.get(source, 0.0))
        return Sample(tag, value, quality, status, source_at, received_at)

    def take_changed(self) -> set[str]:
        """Tags that got a sample since the last call; the caller owns the set."""
        changed, self._changed = self._changed, set()
        return changed

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Hand every further batch to ``subscriber``; returns the function that ends it."""
        self._subscribers = (*self._subscribers, subscriber)

        def unsubscribe() -> None:
            self._subscribers = tuple(each for each in self._subscribers if each is not subscriber)
            self._failing.discard(subscriber)

        return unsubscribe

    def forget(self, tags: set[str]) -> None:
        """Drop ``tags`` that left the site: the next ``get`` says NEVER."""
        for tag in tags:
            self._latest.pop(tag, None)
            self._last_good.pop(tag, None)
        self._changed |= tags
