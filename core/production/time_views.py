"""Time and counts of machines as figures that add up: elements of time, ratios with their reason, losses, hours of a shift.

Frozen, serialisable, without a database behind it. Ratios are properties of a sum and are never stored or averaged.
Source: time model and indicators of ISO 22400-2, with minor stops as in TPM where a line is set so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Final, Literal

from core.equipment.shift_views import ShiftKey, Worked


class Element(StrEnum):
    """What one instant of a machine counts as; each instant has exactly one."""

    RUN = "RUN"
    MINOR = "MINOR"
    SETUP = "SETUP"
    DOWN = "DOWN"
    WAITING = "WAITING"
    MAINTENANCE = "MAINTENANCE"
    NO_ORDER = "NO_ORDER"
    PLANNED = "PLANNED"
    GAP = "GAP"
    UNSCHEDULED = "UNSCHEDULED"


BUSY: Final = frozenset({Element.RUN, Element.MINOR, Element.SETUP, Element.DOWN, Element.WAITING, Element.MAINTENANCE, Element.NO_ORDER})
"""Elements of planned busy time (PBT)."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio, or why there is none.

    Attributes:
        value: As a fraction (0.85, may exceed 1) or, where named so, in its own unit; None when it is not defined.
        why: Reason code when it is not defined, else "".
    """

    value: float | None
    why: Literal["", "no_planned_time", "not_run", "nothing_produced", "no_cycle"] = ""


UNKNOWN: Final = Ratio(None, "no_planned_time")


@dataclass(frozen=True, slots=True)
class Figures:
    """Times and counts of one or more machines over some time. They add; ratios are worked out from a sum.

    Attributes:
        seconds: Element → seconds; absent ones are 0.
        good, scrap, rework: Parts inside planned busy time; their sum is what was produced.
        ideal_s: Σ planned run time per part × parts produced, seconds.
        ideal_good_s: Σ planned run time per part × good parts, seconds.
        gap_good, gap_reject: Parts counted over gaps in the data: outside of OEE, like the time of the gaps.
        unscheduled_good: Good parts made outside of shifts, outside of OEE.
        failures, repairs: Failures that began, and those of them that were repaired or ended by the machine running again.
        repair_s: Σ time to repair of ``repairs``, seconds.
        minor_loss: ``performance`` or ``availability``: where minor stops are lost; "mixed" in a sum over lines set differently.
        undated_cycle: A standard time without a date was used: a change of it would reach back.
        no_cycle: Parts of a product without a standard time were measured by the capacity of the line.
        calendar_s: Length of all the time looked at, seconds.
    """

    seconds: Mapping[Element, float] = field(default_factory=dict)
    good: Decimal = Decimal(0)
    scrap: Decimal = Decimal(0)
    rework: Decimal = Decimal(0)
    ideal_s: float = 0.0
    ideal_good_s: float = 0.0
    gap_good: int = 0
    gap_reject: int = 0
    unscheduled_good: int = 0
    failures: int = 0
    repairs: int = 0
    repair_s: float = 0.0
    minor_loss: str = ""
    undated_cycle: bool = False
    no_cycle: bool = False
    calendar_s: float = 0.0

    def __add__(self, other: Figures) -> Figures:
        """The figures of both together. A sum over lines that lose minor stops differently is ``mixed``."""
        losses = {each.minor_loss for each in (self, other)} - {""}
        return Figures(
            seconds={
                element: self.seconds.get(element, 0.0) + other.seconds.get(element, 0.0)
                for element in Element
                if element in self.seconds or element in other.seconds
            },
            good=self.good + other.good,
            scrap=self.scrap + other.scrap,
            rework=self.rework + other.rework,
            ideal_s=self.ideal_s + other.ideal_s,
            ideal_good_s=self.ideal_good_s + other.ideal_good_s,
            gap_good=self.gap_good + other.gap_good,
            gap_reject=self.gap_reject + other.gap_reject,
            unscheduled_good=self.unscheduled_good + other.unscheduled_good,
            failures=self.failures + other.failures,
            repairs=self.repairs + other.repairs,
            repair_s=self.repair_s + other.repair_s,
            minor_loss=losses.pop() if len(losses) == 1 else "mixed" if losses else "",
            undated_cycle=self.undated_cycle or other.undated_cycle,
            no_cycle=self.no_cycle or other.no_cycle,
            calendar_s=self.calendar_s + other.calendar_s,
        )


@dataclass(frozen=True, slots=True)
class HourRow:
    """One elapsed hour of a shift.

    Attributes:
        from_at, to_at: Aware UTC, half open; the last one may be shorter than an hour.
        planned_s: Planned busy time in it, seconds.
        target: Parts that should be made in it.
        good, reject: Parts the machine counted.
        lost: Parts lost by time that was busy and not running; 0 for a healthy, future or blind hour.
        stop_s: Seconds of stops.
        reasons: Codes of the longest stops, longest first.
        state: Whether it is over, running or still to come.
        coverage: Share of its planned time for which there are data, 0 … 1.
    """

    from_at: datetime
    to_at: datetime
    planned_s: float
    target: int
    good: int
    reject: int
    lost: int
    stop_s: float
    reasons: tuple[str, ...]
    state: Literal["past", "now", "future"]
    coverage: float


@dataclass(frozen=True, slots=True)
class ShiftHours:
    """Hour by hour, plan against actual, of one shift of a line. Read-store key ``hours:<id>``.

    Attributes:
        id: ``L1@2026-07-14/1``.
        worked: The shift; None where the line has none at the time asked for.
        rows: Its hours; () without a shift.
        previous, next: The real shifts before and after it; None when there is none within two months.
    """

    entity: ClassVar[str] = "hours"

    id: str
    line_code: str
    worked: Worked | None
    rows: tuple[HourRow, ...]
    previous: ShiftKey | None = None
    next: ShiftKey | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of one member of a grouping: ``key`` is its code, ``name`` by language where it has one."""

    key: str
    name: Mapping[str, str]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Performance:
    """Figures over a range of time: of all together and of each group."""

    total: Figures
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the loss waterfall: id of its word and seconds (speed loss may be negative: faster than the standard)."""

    word_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the Pareto chart of stops.

    Attributes:
        key: Reason code, work unit or order.
        seconds, stops: How long and how often.
        share, cumulated: Of all seconds, 0 … 1; ``cumulated`` with the bars before it.
    """

    key: str
    seconds: float
    stops: int
    share: float
    cumulated: float


@dataclass(frozen=True, slots=True)
class Losses:
    """Where the time went: waterfall, Pareto of stops, mean time between failures and to restoration (seconds)."""

    waterfall: tuple[Step, ...]
    pareto: tuple[Bar, ...]
    mtbf: Ratio
    mttr: Ratio
