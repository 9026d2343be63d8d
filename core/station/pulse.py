"""Whether this station works: the drivers, wherever they run, and every thread behind the screen gave a sign of life lately.

A picture that is only drawn proves nothing: the loop may paint while nobody reads the machines any more. The beat goes on only while
everything behind it answers, and what does not answer is named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from core.clock import Clock

BEAT_S: Final = 1.0
DRIVERS_SILENT_S: Final = 3.0
"""So long the drivers may say nothing; their process tells of itself twice a second."""
THREAD_SILENT_S: Final = 30.0
"""So long a thread may be busy: three times the deadline of what it may wait for."""
DRIVERS: Final = "drivers"


@dataclass(frozen=True, slots=True)
class Beat:
    """One look.

    Attributes:
        count: Grows by one with every look that found everything alive; stands still otherwise.
        silent: What gave no sign: ``drivers``, or names of threads; () when all is well.
    """

    count: int = 0
    silent: tuple[str, ...] = ()


class Pulse:
    """Belongs to the station's loop.

    Args:
        clock: Of the station; its monotonic time counts.
        signs: How many signs of life the drivers have given; None while nothing of them runs.
        threads: Of decisions and of questions. Not the one behind the screen: a long backlog may keep that busy for minutes, which the
            header counts down.
        tell: Gets every beat.
    """

    def __init__(
        self, clock: Clock, signs: Callable[[], int | None], threads: Sequence[ThreadPoolExecutor], tell: Callable[[Beat], None]
    ) -> None:
        self._clock, self._signs, self._tell = clock, signs, tell
        self._threads = dict(zip(("decide", "ask"), threads, strict=True))
        self._asked: dict[str, tuple[float, Future[None]]] = {}
        self._heard: tuple[int | None, float] = (None, clock.monotonic())
        self.last = Beat()

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(BEAT_S)

    def look(self) -> Beat:
        """One look; tells of it."""
        now = self._clock.monotonic()
        silent = [name for name in self._threads if not self._answers(name, now)]
        if not self._drivers(now):
            silent.insert(0, DRIVERS)
        self.last = Beat(self.last.count + (not silent), tuple(silent))
        self._tell(self.last)
        return self.last

    def _drivers(self, now: float) -> bool:
        signs, at = self._signs(), self._heard[1]
        if signs is not None and signs != self._heard[0]:
            self._heard = (signs, now)
            return True
        return now - at <= DRIVERS_SILENT_S

    def _answers(self, name: str, now: float) -> bool:
        """Whether the thread has taken up what was handed to it, or has not had it for too long."""
        since, asked = self._asked.get(name, (now, None))
        if asked is None or asked.done():
            self._asked[name] = (now, self._threads[name].submit(_nothing))
            return True
        return now - since <= THREAD_SILENT_S


def _nothing() -> None:
    """What a thread that lives does at once."""
