"""When a Sparkplug host application may speak up: ask a node for its birth, or put right what is said of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

_ASK_S: Final = (5.0, 60.0)
"""Shortest and longest pause between two requests for a birth: some edge nodes never answer one."""


@dataclass(slots=True)
class Asking:
    """When a node may be asked for a birth again: after 5 s, then ever more rarely, until it answers."""

    pause_s: float = _ASK_S[0]
    next_at: float = float("-inf")

    def may(self, now: float) -> bool:
        """True when it is time; the next pause is longer."""
        if now < self.next_at:
            return False
        self.next_at = now + self.pause_s
        self.pause_s = min(2 * self.pause_s, _ASK_S[1])
        return True

    def answered(self, now: float) -> None:
        """It was born: the next request need not wait longer than the first."""
        self.pause_s = _ASK_S[0]
        self.next_at = min(self.next_at, now + _ASK_S[0])


@dataclass(slots=True)
class Hearsay(Asking):
    """What others say of us: an older connection's will that the broker delivers only now must not stand as the last word."""

    belied: bool = False

    def hear(self, payload: bytes) -> None:
        """Somebody said whether we are there."""
        try:
            told = json.loads(payload)
            offline = isinstance(told, dict) and told.get("online") is False
        except (ValueError, RecursionError):
            offline = True
        self.belied = self.belied or offline

    def may_contradict(self, now: float) -> bool:
        """True when there is something to put right and it is time; what is said too soon after that waits for its time."""
        if not self.belied or not self.may(now):
            return False
        self.belied = False
        return True
