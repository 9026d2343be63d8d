"""The injected clock: the only source of time and of time-ordered identifiers.

Tests and the fault runs replace it; a library's own UUIDv7 would follow the computer's clock past the injected one.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID


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
        """Seconds of ``CLOCK_MONOTONIC``, shared by all processes of one computer."""
        return time.monotonic()

    def uuid7(self) -> UUID:
        """A new UUIDv7 from this clock's time of day."""
        return self._uuids.make(time.time_ns() // 1_000_000)
