"""What the controllers' own program refuses: writes to read-only values, out of range, or while the interlock does not permit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from enum import Enum

from core.demo.board import Entry, Fault
from core.demo.rawvalue import Raw, to_engineering
from core.live.tags import TagSpec

OnWrite = Callable[[str, float], None]
"""Told of an accepted write: tag name, engineering value."""


class Verdict(Enum):
    """Answer to a client's write."""

    TAKEN = "taken"
    READ_ONLY = "read_only"
    OUT_OF_RANGE = "out_of_range"
    INTERLOCKED = "interlocked"


class Gate:
    """Knows the latest raw values of one server and judges writes by the tag list's policies."""

    def __init__(self, tags: Iterable[TagSpec], on_write: OnWrite) -> None:
        self.tags: Mapping[str, TagSpec] = {tag.name: tag for tag in tags}
        self._on_write = on_write
        self._raw: dict[str, Raw] = {}
        self._faults: dict[str, Fault] = {}

    def remember(self, entry: Entry) -> None:
        """Keep what a tag shows, to judge interlocks and to serve it."""
        self._raw[entry[0]] = entry[1]
        self._faults[entry[0]] = entry[2]

    def raw(self, name: str) -> Raw:
        """The latest raw value; 0 before the first."""
        return self._raw.get(name, 0)

    def frozen(self, name: str) -> bool:
        """True when the value no longer follows anything, not even an accepted write."""
        return self._faults.get(name) == "frozen"

    def write(self, name: str, raw: Raw) -> Verdict:
        """Judge a write of ``raw`` to ``name``; when taken, the plant is told."""
        tag = self.tags[name]
        if tag.write is None:
            return Verdict.READ_ONLY
        value = to_engineering(tag, raw)
        if not isinstance(value, int | float) or not math.isfinite(value) or not tag.write.low <= value <= tag.write.high:
            return Verdict.OUT_OF_RANGE
        if tag.write.interlock is not None and not self.raw(tag.write.interlock):
            return Verdict.INTERLOCKED
        self._on_write(name, float(value))
        return Verdict.TAKEN
