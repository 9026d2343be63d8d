"""What a work unit is made of: recipe, setpoints, tool, ways to fail. Declarations only; ``physics_unit`` brings them to life."""

from __future__ import annotations

from dataclasses import dataclass

from core.demo.physics_signals import Signal
from core.demo.physics_states import StopKind


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A value a client may write: its name, its value at the start and what the machine can do at all, engineering units."""

    name: str
    start: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Factor:
    """How a quantity off its recipe spoils parts: share += gain × (distance / tolerance - 1)² outside the tolerance."""

    signal: str
    nominal: float
    tolerance: float
    gain: float


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that wears: parts per life, reason of its change, seconds of the change, wear at the start 0..1."""

    life: int
    reason: str
    change_s: float
    start: float


@dataclass(slots=True)
class UnitSpec:
    """What a unit is; the table in ``physics_lines`` declares one per work unit.

    Attributes:
        code: Work unit code, ``L2-M2``.
        cycle_s: Mean working time per part at nominal speed.
        scrap: Share of rejects when everything is right, 0..1.
        idle_kw, run_kw: Electrical power standing and running, heaters not included.
        signals: Its measured quantities, fresh objects.
        speed: Setpoint that scales the speed and its nominal value; None when the speed is fixed.
        warm: Signal that must be warm before work; "" when there is none.
        first_good, first_reject: Where the machine's counters stand at the start (a counter has a past); None draws one.
    """

    code: str
    cycle_s: float
    scrap: float
    idle_kw: float
    run_kw: float
    signals: tuple[Signal, ...] = ()
    setpoints: tuple[Setpoint, ...] = ()
    factors: tuple[Factor, ...] = ()
    kinds: tuple[StopKind, ...] = ()
    tool: Tool | None = None
    speed: tuple[str, float] | None = None
    warm: str = ""
    spread: float = 0.02
    first_good: int | None = None
    first_reject: int | None = None
