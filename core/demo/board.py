"""What each tag shows to the outside: the physics' value unless a fault sits between, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from core.demo.rawvalue import FLOATS, Raw, limits, to_engineering, to_raw
from core.errors import Invalid
from core.live.sample import Value
from core.live.tags import TagSpec, TagType

Fault = Literal["", "frozen", "bad", "nan", "text"]
"""frozen: the value no longer follows; bad: the sensor failed; nan: not a number; text: a string where a number was declared."""

Entry = tuple[str, Raw, Fault, float]
"""Tag name, raw value, fault, source time (UNIX seconds UTC): what travels to a server process."""


@dataclass(slots=True)
class _Shown:
    raw: Raw
    fault: Fault
    at: float


class Board:
    """The face of the plant. One instance, used on the plant's loop.

    Args:
        tags: The tags to show.
        values: Their first engineering values by name.
        at: Source time of these, UNIX seconds UTC.

    Raises:
        Invalid: ``demo.unknown_signal`` when the tag list names something the physics does not have.
    """

    def __init__(self, tags: Iterable[TagSpec], values: Mapping[str, Value], at: float) -> None:
        self.tags = {tag.name: tag for tag in tags}
        for name in self.tags:
            if name not in values:
                raise Invalid("demo.unknown_signal", tag=name)
        self._shown = {name: _Shown(to_raw(tag, values[name]), "", at) for name, tag in self.tags.items()}
        self._touched: set[str] = set()

    def refresh(self, values: Mapping[str, Value], at: float, *, analog: bool) -> list[Entry]:
        """Take over new values; entries of what changed. ``analog`` False leaves floating-point tags for a later call."""
        changed: list[Entry] = []
        for name, tag in self.tags.items():
            shown = self._shown[name]
            touched = name in self._touched
            if (shown.fault == "frozen" or (not analog and tag.type in FLOATS)) and not touched:
                continue
            raw = shown.raw if shown.fault == "frozen" else to_raw(tag, values[name])
            if raw != shown.raw or touched:
                shown.raw = raw
                shown.at = shown.at if shown.fault == "frozen" else at
                changed.append((name, raw, shown.fault, shown.at))
        self._touched.clear()
        return changed

    def entries(self, source: str) -> list[Entry]:
        """Everything a server of ``source`` shows now."""
        return [(name, shown.raw, shown.fault, shown.at) for name, shown in self._shown.items() if self.tags[name].source == source]

    def fault(self, name: str, fault: Fault) -> None:
        """Put a fault on a tag, or take it off with "". Raises Invalid ``demo.unknown_tag``."""
        shown = self._shown.get(name)
        if shown is None:
            raise Invalid("demo.unknown_tag", tag=name)
        shown.fault = fault
        self._touched.add(name)

    def show_raw(self, name: str, raw: str, at: float) -> None:
        """Let a tag show ``raw`` whatever the physics says, until its fault is taken off; ``at`` is the source time.

        Raises:
            Invalid: ``demo.unknown_tag``; ``demo.not_a_number`` for a text where the controller holds a whole number.
        """
        tag = self.tags.get(name)
        if tag is None:
            raise Invalid("demo.unknown_tag", tag=name)
        text = tag.type is TagType.STRING
        low, high = (0, 1) if text or tag.type in (*FLOATS, TagType.BOOL) else limits(tag.type)
        if not text and not (raw.removeprefix("-").isdecimal() and low <= int(raw) <= high):
            raise Invalid("demo.not_a_number", tag=name)
        self.fault(name, "frozen")
        self._shown[name].raw, self._shown[name].at = (raw if text else int(raw)), at

    def fault_of(self, name: str) -> Fault:
        """The fault a tag has; raises KeyError for a name not on the board."""
        return self._shown[name].fault

    def view(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """By tag name: engineering value as a client reads it, fault, source time, raw value."""
        return {
            name: {"value": to_engineering(self.tags[name], shown.raw), "raw": shown.raw, "fault": shown.fault, "source_at": shown.at}
            for name, shown in self._shown.items()
            if name.startswith(prefix)
        }
