"""From the readings of a counter to the parts that were made. Pure.

A counter only rises, except when it begins again: it wraps at the end of its type, somebody resets it, the controller
restarts. It is cumulative, so readings may be missed without losing a part, and it may be read wrong once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from core.live.sample import Quality, Value
from core.live.tags import TagType

SETTLE_S: Final = 3.0
"""How long a reading that does not fit must stand before it is believed."""

_MODULUS: Final = {
    TagType.INT16: 2**16,
    TagType.UINT16: 2**16,
    TagType.INT32: 2**32,
    TagType.UINT32: 2**32,
}
_POSSIBLE: Final = 2
"""More than this multiple of a plausible step cannot be parts: the counter was preset, or restored from an older copy."""


def modulus(type: TagType, scale: float = 1.0) -> int | None:
    """Where a counter of ``type`` begins again, in parts; None for types that are never full."""
    full = _MODULUS.get(type)
    return None if full is None else round(full * abs(scale))


@dataclass(frozen=True, slots=True)
class Pace:
    """How many parts may lie between two readings.

    Attributes:
        slack: Parts that may come at once.
        per_s: Parts per second.
    """

    slack: int = 100
    per_s: float = 10.0

    def plausible(self, seconds: float) -> float:
        """Parts that may well have been made in ``seconds``."""
        return self.slack + self.per_s * max(0.0, seconds)


@dataclass(frozen=True, slots=True)
class Counted:
    """Parts counted between two readings.

    Attributes:
        at: UNIX seconds UTC of the later reading.
        quantity: Parts, ≥ 0; 0 for the first reading ever.
        value: The counter after them.
        gap: True when readings were missed, so that the moment of each part is not known.
        reset: True when the counter began again; parts it had counted after the reading before are not known.
        since: With ``gap``: UNIX seconds UTC of the last good reading before; None when nobody knows.
    """

    at: float
    quantity: int
    value: int
    gap: bool = False
    reset: bool = False
    since: float | None = None


class CounterTracker:
    """One counter. Fed on one thread, in the order of arrival.

    A reading that fits (the same, or plausibly more, also across a wrap) counts at once. One that does not fit is kept
    until it is confirmed by the next reading or by standing for ``SETTLE_S``; a single wrong reading, such as the 0 a
    controller shows for a moment while it starts, is forgotten when the old count goes on.

    Args:
        modulus: Where the counter begins again, None for never.
        pace: What is plausible for this machine.
        last: The counter at the last stored event; None when there is none.
        last_at: When that was, UNIX seconds UTC.
        seen_until: Until when somebody read the counter, if that is known: it stood where the last event left it.
    """

    def __init__(
        self,
        modulus: int | None = None,
        pace: Pace | None = None,
        last: int | None = None,
        last_at: float = -math.inf,
        seen_until: float = -math.inf,
    ) -> None:
        self._modulus, self._pace = modulus, pace or Pace()
        self._last, self._last_at = last, last_at
        self._missed = last is not None
        self._good_at = max(last_at, seen_until)
        self._doubt: tuple[int, float] | None = None
        self._before_reset: tuple[int, float] | None = None

    def see(self, value: Value, quality: Quality, at: float) -> list[Counted]:
        """Take a reading; gives what it proves to be counted, [] mostly.

        Args:
            value: A whole number; anything else is no reading.
            quality: Only usable values are readings.
            at: UNIX seconds UTC; a reading older than the last one arrived late and is ignored.
        """
        number = _whole(value) if quality.usable else None
        if number is None:
            self._missed, self._doubt = True, None
            return []
        if at < self._last_at:
            return []
        counted = self.settle(at)
        if self._doubt is not None and not self._goes_on(number, at) and self._step(*self._doubt, number, at) is not None:
            counted += self._believe()
        return counted + self._take(number, at)

    def settle(self, now: float) -> list[Counted]:
        """Believe a doubtful reading that has stood for ``SETTLE_S`` until ``now`` (UNIX seconds UTC)."""
        if self._doubt is None or now - self._doubt[1] < SETTLE_S:
            return []
        return self._believe()

    def _goes_on(self, number: int, at: float) -> bool:
        return self._last is not None and self._step(self._last, self._last_at, number, at) is not None

    def _take(self, number: int, at: float) -> list[Counted]:
        step = None if self._last is None else self._step(self._last, self._last_at, number, at)
        if step is None:
            step = self._resumed(number, at)
        if step is None:
            if self._doubt is None or self._doubt[0] != number:
                self._doubt = (number, at)
            return []
        gap, since = self._missed, self._since(at)
        self._stand(number, at)
        return [Counted(at, step, number, gap=gap, since=since if gap else None)] if step else []

    def _resumed(self, number: int, at: float) -> int | None:
        """Parts when the count goes on where it stood before it seemed to begin again; None when it does not."""
        if self._before_reset is None or self._last is None or number <= self._last:
            return None
        step = self._step(*self._before_reset, number, at)
        counted_since, self._before_reset = self._last, None
        return None if step is None else max(0, step - counted_since)

    def _believe(self) -> list[Counted]:
        """The counter stands where the doubtful reading said: it began again, or jumped ahead over missed readings."""
        assert self._doubt is not None  # both callers have looked
        (number, at), before = self._doubt, self._last
        if before is None:
            self._stand(number, at)
            return [Counted(at, 0, number)]
        ahead, most = number - before, _POSSIBLE * self._pace.plausible(at - self._last_at)
        preset = (ahead if ahead > 0 else number) > most
        gap = self._missed or ahead > 0
        if ahead < 0:
            self._before_reset = (before, self._last_at)
        since = self._since(at) if gap else None
        self._stand(number, at)
        quantity = 0 if preset else max(0, ahead if ahead > 0 else number)
        return [Counted(at, quantity, number, gap=gap, reset=ahead < 0 or preset, since=since)]

    def _stand(self, number: int, at: float) -> None:
        self._last, self._last_at, self._missed, self._doubt = number, at, False, None
        self._good_at = at

    def _since(self, at: float) -> float | None:
        """When the counter was read for the last time before ``at``."""
        return min(self._good_at, at) if math.isfinite(self._good_at) else None

    def _step(self, last: int, last_at: float, number: int, at: float) -> int | None:
        """Parts from ``last`` to ``number`` if the counter only rose meanwhile; None when that is not plausible."""
        plausible = self._pace.plausible(at - last_at)
        if number >= last:
            return number - last if number - last <= plausible else None
        if self._modulus is None:
            return None
        # After hours without a reading much is plausible; a wrap is believed from the upper to the lower end only.
        step = (number - last) % self._modulus
        return step if step <= min(plausible, self._modulus // 4) else None


def _whole(value: Value) -> int | None:
    """``value`` as a whole number; None for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(value) if abs(value - round(value)) < 1e-6 else None
