"""How long the supervisor waits: its deadlines, and the pauses between attempts to connect. Pure but for the draw of chance."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_SHORTEST_S: Final = 0.1
_WHOLE_EVERY: Final = 3
_MOST_DOUBLINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits, seconds.

    Attributes:
        connect_s: For one connection attempt.
        request_s: For one read or browse.
        write_s: For one write to be accepted.
        close_s: For letting go of a connection.
        first_word_s: For the first batch after connecting, empty ones included; learning ten thousand tags takes its time.
        first_s, last_s: First and longest pause between attempts; the pause is drawn evenly from 0.1 s up to a
            ceiling that doubles from first to last.
        known_good_s: Longest time from one attempt to the next for a source that has already been connected since the
            start, and the time an attempt gets there unless it is known to need more: it may be back at any moment.
        refused_s: Longest pause after refusals by policy (log-in, certificate, setting): trying again does not help,
            and a log-in that fails too often is locked.
        steady_s: A connection that held this long makes the next pause start from first_s again.
        jitter: Draws a number between its two arguments; tests replace it.
    """

    connect_s: float = 5.0
    request_s: float = 4.0
    write_s: float = 2.5
    close_s: float = 3.0
    first_word_s: float = 60.0
    first_s: float = 0.5
    last_s: float = 5.0
    known_good_s: float = 2.0
    refused_s: float = 30.0
    steady_s: float = 10.0
    jitter: Callable[[float, float], float] = field(default=random.uniform)


class Pauses:
    """When one source is tried next, and how long an attempt may take; remembers how the attempts before went.

    Refusals are counted for themselves: a machine that is just starting up may refuse a log-in once after a long outage, and
    must not be left alone for as long as the outage would deserve.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._lost = 0
        self._refused = 0

    def failed(self, *, held: bool, refused: bool) -> None:
        """An attempt, or a connection that ``held`` for ``steady_s``, has ended; ``refused`` by policy or in any other way."""
        self._lost = 0 if held else self._lost + 1
        self._refused = self._refused + 1 if refused else 0

    def attempt_s(self, known_good: bool, connected_in_s: float) -> float:
        """How long the next attempt may take.

        A host that was good gets the time it took, and in every third attempt all of it: it may have become slower.
        """
        patience = self._patience
        if not known_good or self._lost % _WHOLE_EVERY == _WHOLE_EVERY - 1:
            return patience.connect_s
        return min(patience.connect_s, max(patience.known_good_s, _WHOLE_EVERY * connected_in_s))

    def next_s(self, known_good: bool, spent_s: float) -> float:
        """The pause before the next attempt, ≥ 0.

        Args:
            known_good: The source has been connected before.
            spent_s: How long the attempt took that has just failed. A host that was good is tried at fixed distances from
                one attempt to the next: what an attempt has waited in vain is not waited once more.
        """
        patience = self._patience
        longest = patience.refused_s if self._refused else patience.known_good_s if known_good else patience.last_s
        doublings = max((self._refused or self._lost) - 1, 0)
        ceiling = min(longest, patience.first_s * 2 ** min(doublings, _MOST_DOUBLINGS))
        drawn = patience.jitter(min(_SHORTEST_S, ceiling), ceiling)
        return max(0.0, drawn - spent_s) if known_good and not self._refused else drawn
