"""One unit id behind a Modbus connection: whether it answers, and when one that does not is probed again."""

from __future__ import annotations

from dataclasses import dataclass

_PAUSE_S = (1.0, 8.0)
"""First and longest pause between probes of a unit that does not answer, seconds."""


@dataclass(slots=True)
class Unit:
    """Health of one unit.

    Attributes:
        answered: It has said something since the line was opened.
        silent: It did not answer when it was asked last.
        probe_at: When it may be asked again, monotonic seconds.
    """

    answered: bool = False
    silent: bool = False
    probe_at: float = 0.0
    _pause_s: float = _PAUSE_S[0]

    def spoke(self) -> None:
        """It answered a question of its own turn: the next silence begins with the shortest pause."""
        self.answered, self.silent, self._pause_s = True, False, _PAUSE_S[0]

    def fell_silent(self, now: float) -> bool:
        """It did not answer at ``now``, monotonic seconds: probe it ever more rarely; True when it is news."""
        news = not self.silent
        self._pause_s = _PAUSE_S[0] if news else min(2 * self._pause_s, _PAUSE_S[1])
        self.probe_at = now + self._pause_s
        self.silent = True
        return news
