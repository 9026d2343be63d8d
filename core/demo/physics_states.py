"""States, reasons and stops: the words the simulated machines speak.

Simulated time is a whole number of milliseconds everywhere, so that the times spent in the states add up to the elapsed time exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

STEP_MS = 100
"""One step of the machines, simulated milliseconds; every span of simulated time is a multiple of it."""

ANALOG_MS = 500
"""One step of temperatures, pressures and powers, simulated milliseconds."""


class State(StrEnum):
    """What a work unit can say it is doing. OFFLINE is no state of a machine: it is what the reader sees when nobody answers."""

    RUNNING = "RUNNING"
    SETUP = "SETUP"
    MINOR_STOP = "MINOR_STOP"
    DOWN = "DOWN"
    WAITING = "WAITING"
    IDLE = "IDLE"
    MAINTENANCE = "MAINTENANCE"
    PLANNED_STOP = "PLANNED_STOP"


def _by_state(groups: Mapping[State, str]) -> Mapping[str, State]:
    return MappingProxyType({f"D{number}": state for state, numbers in groups.items() for number in numbers.split()})


REASON_STATES: Mapping[str, State] = _by_state(
    {
        State.DOWN: "01 02 03 04 05 06 20 27 99",
        State.MINOR_STOP: "07 08 09",
        State.SETUP: "10 11 12 13 14",
        State.WAITING: "15 16 17 18 19 21",
        State.IDLE: "22",
        State.MAINTENANCE: "23",
        State.PLANNED_STOP: "24 25 26",
    }
)
"""Stop reason code → the state a machine shows while stopped for it."""

LINE_WIDE: frozenset[str] = frozenset({"D03", "D10", "D22", "D23", "D24", "D25", "D26"})
"""Reasons that stop every unit of a line at once; all others stop one unit."""

PREVIOUS_EMPTY = "D16"
NEXT_FULL = "D17"
NO_MATERIAL = "D15"
WARM_UP = "D14"


@dataclass(slots=True)
class Stop:
    """One span in which a unit did not produce, as the plant knows it.

    Attributes:
        state: What the unit shows.
        reason: The true cause, ``D01`` … ``D99``.
        reported: True when the machine names the cause in its reason tag; else an operator has to.
        forced: True when it was provoked by command.
        began_ms: Simulated time of its begin.
        ended_ms: Simulated time of its end; None while it lasts.
        left_ms: Simulated time still to go; None until somebody starts the unit (or it is warm).
    """

    state: State
    reason: str
    reported: bool
    forced: bool = False
    began_ms: int = 0
    ended_ms: int | None = None
    left_ms: int | None = None


@dataclass(frozen=True, slots=True)
class StopKind:
    """A way to fail: how often, for how long, and what is said about it.

    Attributes:
        reasons: Drawn with equal chance.
        mean_between_s: Mean operating time between two of them (MTBF), seconds; exponentially distributed.
        median_s: Median duration, seconds; log-normally distributed.
        sigma: Spread of the duration (standard deviation of its logarithm).
        known: Share of them whose cause the machine can name, 0..1.
        longest_s: Durations are cut here; a minor stop stays below five minutes.
    """

    reasons: tuple[str, ...]
    mean_between_s: float
    median_s: float
    sigma: float = 0.5
    known: float = 0.8
    longest_s: float = 3600.0
