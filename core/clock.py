"""The injected clock: the only source of time and of time-ordered identifiers.

Tests and the fault runs replace it; a library's own UUIDv7 would follow the computer's clock past the injected one.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4


class Clock(Protocol):
    """What every part of the station asks for the time."""

    def now(self) -> datetime:
        """The time of day, aware, UTC, microseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; never goes back; for measuring durations."""
        ...

    def uuid7(self) -> UUID:
        """A new RFC 9562 version 7 UUID; later calls of one clock sort after earlier ones."""
        ...


def _awake_or_not() -> float:
    """Windows and macOS count sleep in their monotonic clock or not as they please; Linux has one clock of each kind."""
    return time.clock_gettime(_BOOT_CLOCK) if _BOOT_CLOCK is not None else time.monotonic()


_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Uuid7Factory:
    """UUIDv7 from given milliseconds: 48 bits time, 12 bits counter, 62 bits random.

    Within one millisecond the counter rises, and when the given time steps back the last one is kept,
    so one station's identifiers stay in the order it made them. Thread-safe.
    Source: RFC 9562 section 5.7 and 6.2 (method 1, fixed-length dedicated counter).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = -1
        self._counter = 0

    def make(self, unix_ms: int) -> UUID:
        """A UUIDv7 for ``unix_ms`` milliseconds since 1970 UTC (0 … 2**48 - 1)."""
        with self._lock:
            if unix_ms > self._last_ms:
                self._last_ms = unix_ms
                self._counter = int.from_bytes(os.urandom(2)) & 0x3FF  # leave room to count within the millisecond
            else:
                self._counter += 1
                if self._counter > 0xFFF:
                    self._last_ms += 1
                    self._counter = 0
            ms, counter = self._last_ms, self._counter
        random = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
        return UUID(int=(ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | random)


class SystemClock:
    """The computer's clock."""

    def __init__(self) -> None:
        self._uuids = Uuid7Factory()

    def now(self) -> datetime:
        """The time of day, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Monotonic seconds, shared by all processes of one computer; they go on while it sleeps, so that nothing outlives a sleep."""
        return _awake_or_not()

    def uuid7(self) -> UUID:
        """A new UUIDv7 from this clock's time of day."""
        return self._uuids.make(time.time_ns() // 1_000_000)


@dataclass(frozen=True, slots=True)
class Reading:
    """A moment on a clock that nobody can turn: it tells later how long ago something was.

    Attributes:
        life: Of the computer since it was switched on, or of the program where the system does not tell.
        elapsed_s: Monotonic seconds in that life.
    """

    life: str
    elapsed_s: float


class CorrectedClock:
    """A station's clock that goes by the server's, once that was asked, and then does not follow when somebody turns the computer's.

    Before the first measurement it is the computer's own clock. Thread-safe.

    Args:
        own: The computer's clock.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._life = _life()
        self._best: tuple[float, float, float] | None = None
        """Server's time less monotonic seconds; monotonic moment and uncertainty of that measurement, seconds."""

    def now(self) -> datetime:
        """The time of day, aware, UTC."""
        best = self._best
        return self._own.now() if best is None else datetime.fromtimestamp(best[0] + self._own.monotonic(), UTC)

    def monotonic(self) -> float:
        """As the computer's."""
        return self._own.monotonic()

    def uuid7(self) -> UUID:
        """As the computer's: identifiers are for order, and that must not break when the time is corrected."""
        return self._own.uuid7()

    @property
    def ahead_s(self) -> float | None:
        """How far the computer's clock is ahead of the server's now, seconds; negative when behind; None before the first measurement."""
        best = self._best
        return None if best is None else self._own.now().timestamp() - best[0] - self._own.monotonic()

    def learn(self, server_at: datetime, asked: float, answered: float) -> None:
        """Take over one measurement, unless one that is known is better.

        Args:
            server_at: What the server's clock said.
            asked, answered: Monotonic seconds before the question and after the answer.
        """
        error_s, at = (answered - asked) / 2, (answered + asked) / 2
        best = self._best
        if best is None or error_s <= best[2] + _DRIFT * (answered - best[1]):
            self._best = (server_at.timestamp() - at, answered, error_s)

    def reading(self) -> Reading:
        """This moment, for ``ahead_at`` later."""
        return Reading(self._life, self._own.monotonic())

    def ahead_at(self, told: datetime, reading: Reading | None) -> float | None:
        """How far the clock was ahead, seconds, when it told the time ``told``; None while the server was never asked.

        Args:
            reading: Of the same moment. Where it is of another life, or None, nobody knows how long ago it was: then it is
                supposed that the clock has been wrong by as much as it is now.
        """
        best = self._best
        if best is None:
            return None
        if reading is None or reading.life != self._life:
            return self.ahead_s
        return told.timestamp() - best[0] - reading.elapsed_s


_DRIFT = 100e-6
"""By so much two good clocks may part, seconds in a second."""


def _life() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return uuid4().hex
