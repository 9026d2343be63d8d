"""From what a source says to what is worth passing on: engineering limits, deadband, doubt about values that stand still. Pure.

One place for every protocol, between driver and table, in the process that hosts the drivers: what is no news does not
cross its border. A tag without such settings costs one look-up of a set.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from core.live.sample import Batch, Quality, Value
from core.live.tags import TagSpec, TagType

ABOVE: Final = "above_limit"
BELOW: Final = "below_limit"
CLAMPED_HIGH: Final = "clamped_high"
CLAMPED_LOW: Final = "clamped_low"
NOT_A_NUMBER: Final = "not_a_number"
FROZEN: Final = "frozen"
"""Status words given here; the screen has words for them."""

CONFIRM_S: Final = 2.0
"""A value within its deadband passes at least so often, so that its age on screen stays true."""

_Judged = tuple[Value, Quality, str]
_NOTHING: Final = object()


class _Rule:
    """One tag's settings, and what was last passed on of it."""

    __slots__ = ("_arrived", "_band", "_changed_at", "_clamp", "_frozen_s", "_high", "_low", "_number", "_passed_at", "_said", "_source_at")

    def __init__(self, tag: TagSpec) -> None:
        self._low = -math.inf if tag.valid_low is None else tag.valid_low
        self._high = math.inf if tag.valid_high is None else tag.valid_high
        self._clamp = tag.outside == "clamp"
        self._band = tag.news_from
        self._frozen_s = math.inf if tag.frozen_after_s is None else tag.frozen_after_s
        self._number = tag.type not in (TagType.BOOL, TagType.STRING)
        self._passed_at = -math.inf
        self._source_at: float | None = None
        self._said: _Judged = (None, Quality.NEVER, "")
        self._arrived: object = _NOTHING
        self._changed_at = 0.0

    def judge(self, value: Value, quality: Quality, status: str, source_at: float | None, now: float) -> _Judged | None:
        """What to pass on; None for no news."""
        if quality > Quality.UNCERTAIN:
            self._arrived = _NOTHING
        else:
            if value != self._arrived:
                self._arrived, self._changed_at = value, now
            value, quality, status = self._limited(value, quality, status)
            if quality is Quality.GOOD and now - self._changed_at >= self._frozen_s:
                quality, status = Quality.UNCERTAIN, FROZEN
        judged = (value, quality, status)
        if self._is_news(judged, now):
            self._said, self._passed_at, self._source_at = judged, now, source_at
            return judged
        return None

    def _limited(self, value: Value, quality: Quality, status: str) -> _Judged:
        if not self._number:
            return value, quality, status
        if isinstance(value, bool) or not isinstance(value, int | float) or not -math.inf < value < math.inf:
            return None, Quality.BAD, NOT_A_NUMBER
        if value > self._high:
            return (self._high, Quality.UNCERTAIN, CLAMPED_HIGH) if self._clamp else (None, Quality.BAD, ABOVE)
        if value < self._low:
            return (self._low, Quality.UNCERTAIN, CLAMPED_LOW) if self._clamp else (None, Quality.BAD, BELOW)
        return value, quality, status

    def _is_news(self, judged: _Judged, now: float) -> bool:
        value, quality, status = judged
        said, said_quality, said_status = self._said
        if not self._band or quality is not said_quality or status != said_status or now - self._passed_at >= CONFIRM_S:
            return True
        # Against what was passed on, not against the last reading: a slow drift must not stay below the deadband for ever.
        return not (isinstance(value, int | float) and isinstance(said, int | float) and abs(value - said) <= self._band)

    def doubt(self, now: float) -> tuple[Value, float | None] | None:
        """The value that has just stood still for too long, with its source time; None when there is no new doubt."""
        value, quality, _ = self._said
        if quality is not Quality.GOOD or self._arrived is _NOTHING or now - self._changed_at < self._frozen_s:
            return None
        self._said, self._passed_at = (value, Quality.UNCERTAIN, FROZEN), now
        return value, self._source_at

    def lose(self, quality: Quality) -> None:
        """The supervisor said of the tag that nothing is known: whatever comes next is news, and counts as a change."""
        self._said = (None, quality, "")
        self._arrived = _NOTHING


class Conditioning:
    """The rules of one source's tags. Belongs to the loop of its supervisor."""

    def __init__(self, source: str, tags: Iterable[TagSpec]) -> None:
        self._source = source
        chosen = [tag for tag in tags if _has_rule(tag)]
        self._rules = {tag.name: _Rule(tag) for tag in chosen}
        self._watched = [tag.name for tag in chosen if tag.frozen_after_s is not None]

    def take(self, batch: Batch, monotonic: float) -> Batch:
        """What to pass on of ``batch``: itself when no rule is about it, without tags when nothing of it is news."""
        rules = self._rules
        if rules.keys().isdisjoint(batch.tags):
            return batch
        kept = Batch(batch.source, batch.received_at)
        tags, values, qualities, times = kept.tags, kept.values, kept.qualities, kept.source_at
        statuses = batch.statuses
        for index, tag in enumerate(batch.tags):
            value, quality, source_at = batch.values[index], batch.qualities[index], batch.source_at[index]
            status = statuses.get(index, "") if statuses else ""
            rule = rules.get(tag)
            if rule is not None:
                judged = rule.judge(value, quality, status, source_at, monotonic)
                if judged is None:
                    continue
                value, quality, status = judged
            if status:
                kept.statuses[len(tags)] = status
            tags.append(tag)
            values.append(value)
            qualities.append(quality)
            times.append(source_at)
        return kept

    def doubts(self, received_at: float, monotonic: float) -> Batch | None:
        """Tags whose source is there and whose value has stood still for too long since the last call; None for none."""
        batch = Batch(self._source, received_at)
        for tag in self._watched:
            doubtful = self._rules[tag].doubt(monotonic)
            if doubtful is not None:
                batch.add(tag, doubtful[0], Quality.UNCERTAIN, doubtful[1], FROZEN)
        return batch if batch.tags else None

    def lose(self, batch: Batch) -> None:
        """Take note of what the supervisor itself said: STALE and OFFLINE."""
        for tag, quality in zip(batch.tags, batch.qualities, strict=True):
            rule = self._rules.get(tag)
            if rule is not None:
                rule.lose(quality)


def _has_rule(tag: TagSpec) -> bool:
    return tag.valid_low is not None or tag.valid_high is not None or tag.news_from > 0 or tag.frozen_after_s is not None
