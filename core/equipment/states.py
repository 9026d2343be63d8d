"""The nine machine states, what each means for its line, and the states a machine was in over time.

Pure: no database, no clock, no thread. The recorder and the screens share it.
Source: state words of the plant standard (OEE time model of ISO 22400-2); a line's four words follow from them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from core.live.sample import Quality, Value


class MachineState(StrEnum):
    """What a work unit does, as shown on every screen and stored in every segment."""

    RUNNING = "RUNNING"
    SETUP = "SETUP"
    MAINTENANCE = "MAINTENANCE"
    DOWN = "DOWN"
    MINOR_STOP = "MINOR_STOP"
    WAITING = "WAITING"
    IDLE = "IDLE"
    PLANNED_STOP = "PLANNED_STOP"
    OFFLINE = "OFFLINE"
    """The station does not know: no link, an invalid value, or a word nobody mapped."""


class LineStatus(StrEnum):
    """Status of a line for systems that know only four words; derived, never edited."""

    IDLE = "IDLE"
    RUNNING = "RUNNING"
    MAINTENANCE = "MAINTENANCE"
    DOWN = "DOWN"


# A line that waits, is being set up or has stopped for seconds is still at work on its order: the four-word world has
# no better word than RUNNING for it. OFFLINE is IDLE there, because nothing is known to be produced.
_LINE_STATUS: Mapping[MachineState, LineStatus] = {
    MachineState.RUNNING: LineStatus.RUNNING,
    MachineState.SETUP: LineStatus.RUNNING,
    MachineState.MINOR_STOP: LineStatus.RUNNING,
    MachineState.WAITING: LineStatus.RUNNING,
    MachineState.MAINTENANCE: LineStatus.MAINTENANCE,
    MachineState.DOWN: LineStatus.DOWN,
    MachineState.IDLE: LineStatus.IDLE,
    MachineState.PLANNED_STOP: LineStatus.IDLE,
    MachineState.OFFLINE: LineStatus.IDLE,
}


def line_status(state: MachineState) -> LineStatus:
    """The line's word for the state of its constraint unit."""
    return _LINE_STATUS[state]


UNMAPPED = "unmapped"
"""Reason of an OFFLINE segment whose raw value stands in no mapping: the tag list needs an engineer."""
NO_LINK = "no_link"
"""Reason of an OFFLINE segment: the source cannot be reached, or the recorder was away."""
INVALID = "invalid"
"""Reason of an OFFLINE segment: the source itself says its value is not valid."""
ELSE: Final = "else"
"""Key of a bit mapping for a word in which none of the named bits is set."""
BITS: Final = 64
"""Bits of the longest word."""
_BIT_KEYS: Final = frozenset(f"bit{number}" for number in range(BITS))


def raw_text(value: Value) -> str:
    """A raw state value as the text a mapping uses: ``2``, ``2.0``, ``True`` and ``"2 "`` give ``2``, ``2``, ``1`` and ``2``."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else ""  # NaN and infinities are no state
    return str(value).strip()


def map_state(value: Value, quality: Quality, states: Mapping[str, str]) -> tuple[MachineState, str]:
    """The machine state for one raw value, with the reason when it is OFFLINE (else "").

    Args:
        value: Raw value of a STATE tag.
        quality: Its quality; only usable values are mapped.
        states: Raw value as text → state name, as declared with the tag, or bits (``bit_state``). A machine that already offers
            one of the nine words needs no mapping.
    """
    if not quality.usable:
        return MachineState.OFFLINE, INVALID if quality in (Quality.BAD, Quality.CONFIG) else NO_LINK
    if is_bits(states):
        return bit_state(value, states)
    text = raw_text(value)
    return _named(states.get(text, text))


def is_bits(states: Mapping[str, str]) -> bool:
    """True when a mapping of a STATE tag names bits (``bit0`` …) instead of whole values."""
    return any(key.startswith("bit") for key in states)


def unknown_bits(states: Mapping[str, str]) -> tuple[str, ...]:
    """Keys of a bit mapping that are neither ``bit0`` … ``bit63`` nor ``else``, for the check of a site file."""
    return tuple(key for key in states if key != ELSE and _bit(key) is None)


def bit_state(value: Value, states: Mapping[str, str]) -> tuple[MachineState, str]:
    """The state of the lowest named bit that is set; else what ``else`` says.

    The lowest, not the first that is written: the database keeps no order of the words of a mapping.

    Args:
        value: A usable value; bits are those of a whole number (of a negative one in two's complement).
        states: ``bit0`` … ``bit63`` and ``else`` → state name.

    Returns:
        One of the nine, with the reason when it is OFFLINE (else "").
    """
    word = whole(value)
    if word is None:
        return MachineState.OFFLINE, UNMAPPED
    lowest = min((bit for key in states if (bit := _bit(key)) is not None and word >> bit & 1), default=None)
    return _named(states.get(ELSE, "") if lowest is None else states[f"bit{lowest}"])


def nearer_word(state: MachineState, reason: str, quality: Quality | None = None) -> str:
    """Glossary id of what an OFFLINE state means, where it is not a lost link; "" for the state's own word.

    Args:
        reason: As ``map_state`` or a segment gives it.
        quality: Of the state tag, where it is at hand.
    """
    if state is not MachineState.OFFLINE:
        return ""
    if quality in (Quality.BAD, Quality.CONFIG, Quality.STALE):
        return f"data.{quality.name}"
    return {UNMAPPED: "state.unmapped", INVALID: "data.BAD"}.get(reason, "")


def _named(name: str) -> tuple[MachineState, str]:
    word = name.strip().upper()
    return (MachineState[word], "") if word in MachineState.__members__ else (MachineState.OFFLINE, UNMAPPED)


def _bit(key: str) -> int | None:
    number = key.removeprefix("bit")
    return int(number) if key in _BIT_KEYS else None


def whole(value: Value) -> int | None:
    """``value`` as a whole number, for the bits of a word; None for anything that is none."""
    if isinstance(value, int | float) and math.isfinite(value) and value == int(value):
        return int(value)
    return None


def unknown_states(states: Mapping[str, str]) -> tuple[str, ...]:
    """Names in a mapping that are none of the nine, for the check of a site file."""
    return tuple(sorted({name for name in states.values() if name.strip().upper() not in MachineState.__members__}))


@dataclass(frozen=True, slots=True)
class Segment:
    """One work unit in one state from one moment to another.

    Attributes:
        state: What it did.
        started_at: Aware UTC, inclusive.
        ended_at: Aware UTC, exclusive; None while it still goes on.
        reason_code: Why: a downtime reason (``D07``), or for OFFLINE why the station does not know; "" when none is given.
    """

    state: MachineState
    started_at: datetime
    ended_at: datetime | None = None
    reason_code: str = ""

    def seconds(self, now: datetime) -> float:
        """Length until its end, or until ``now`` while it goes on; seconds, never negative."""
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())


def state_seconds(segments: Iterable[Segment], now: datetime) -> dict[MachineState, float]:
    """Seconds per state over ``segments``; states that never occurred are absent."""
    seconds: dict[MachineState, float] = {}
    for segment in segments:
        seconds[segment.state] = seconds.get(segment.state, 0.0) + segment.seconds(now)
    return seconds
