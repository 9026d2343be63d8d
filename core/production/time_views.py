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


Why = Literal["", "no_planned_time", "not_run", "nothing_produced", "no_cycle", "no_failure"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio, or why there is none.

    Attributes:
        value: As a fraction (0.85, may exceed 1) or, where named so, in its own unit; None when it is not defined.
        why: Reason code when it is not defined, else "".
    """

    value: float | None
    why: Why = ""


UNKNOWN: Final = Ratio(None, "no_planned_time")


def _ratio(part: float, whole: float, why: Why) -> Ratio:
    return Ratio(part / whole) if whole > 0 else Ratio(None, why)


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds and parts of one machine or line, or of several, over a span of time.

    Attributes:
        seconds: Per element; elements that never occurred may be absent.
        minor_in_apt_s: Seconds of MINOR that stay within the production time, as a loss of performance (TPM); the rest of
            them is lost availability (ISO 22400).
        good, scrap, rework: Parts; together what was produced. A reworked part is no good one, however it ended.
        ideal_s: Σ of planned run time per item × parts produced, seconds.
        ideal_good_s: The same of good parts alone.
        gap_good, gap_reject: Parts that counters jumped by across data gaps: outside ``good``, ``scrap`` and every ratio, as
            the time of the gaps is.
        unscheduled_good: Good parts counted outside of the shifts; outside every ratio.
        failures: Stops that count as a failure, minor ones and what was merged into another left out.
        repairs, repair_s: Ended failures and the seconds from their beginning to their repair, or to the restart.
        undated_cycle: Some of the ideal time comes from the product itself, not from a dated standard time.
        no_cycle: Some of it comes from the capacity of the line, because the product has no standard time.
    """

    seconds: Mapping[Element, float] = field(default_factory=dict)
    minor_in_apt_s: float = 0.0
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
    undated_cycle: bool = False
    no_cycle: bool = False

    def __add__(self, other: Figures) -> Figures:
        return Figures(
            {each: self.of(each) + other.of(each) for each in Element if each in self.seconds or each in other.seconds},
            self.minor_in_apt_s + other.minor_in_apt_s,
            self.good + other.good,
            self.scrap + other.scrap,
            self.rework + other.rework,
            self.ideal_s + other.ideal_s,
            self.ideal_good_s + other.ideal_good_s,
            self.gap_good + other.gap_good,
            self.gap_reject + other.gap_reject,
            self.unscheduled_good + other.unscheduled_good,
            self.failures + other.failures,
            self.repairs + other.repairs,
            self.repair_s + other.repair_s,
            self.undated_cycle or other.undated_cycle,
            self.no_cycle or other.no_cycle,
        )

    def of(self, element: Element) -> float:
        """Seconds of one element."""
        return self.seconds.get(element, 0.0)

    @property
    def calendar_s(self) -> float:
        """The whole span, of all machines together."""
        return sum(self.seconds.values())

    @property
    def pot_s(self) -> float:
        """Planned operation time: all shifts."""
        return self.calendar_s - self.of(Element.UNSCHEDULED)

    @property
    def pbt_s(self) -> float:
        """Planned busy time: the shifts without planned downtime, and without what nobody knows."""
        return sum(self.of(each) for each in BUSY)

    @property
    def apt_s(self) -> float:
        """Actual production time."""
        return self.of(Element.RUN) + self.minor_in_apt_s

    @property
    def aust_s(self) -> float:
        """Actual unit setup time."""
        return self.of(Element.SETUP)

    @property
    def adet_s(self) -> float:
        """Actual unit delay time."""
        minor_s = self.of(Element.MINOR) - self.minor_in_apt_s
        return self.of(Element.DOWN) + self.of(Element.WAITING) + self.of(Element.MAINTENANCE) + minor_s

    @property
    def adot_s(self) -> float:
        """Actual down time without an order."""
        return self.of(Element.NO_ORDER)

    @property
    def aupt_s(self) -> float:
        """Actual unit processing time: setup and production."""
        return self.aust_s + self.apt_s

    @property
    def aubt_s(self) -> float:
        """Actual unit busy time: processing and delay."""
        return self.aupt_s + self.adet_s

    @property
    def produced(self) -> Decimal:
        """PQ: good, scrap and rework."""
        return self.good + self.scrap + self.rework

    @property
    def availability(self) -> Ratio:
        """APT / PBT."""
        return _ratio(self.apt_s, self.pbt_s, "no_planned_time")

    @property
    def performance(self) -> Ratio:
        """Σ(PRI × PQ) / APT; above 1 where the standard cycle time is too long."""
        if self.pbt_s <= 0:
            return Ratio(None, "no_planned_time")
        if self.produced > 0 and self.ideal_s <= 0:
            return Ratio(None, "not_run" if self.apt_s <= 0 else "no_cycle")
        return _ratio(self.ideal_s, self.apt_s, "not_run")

    @property
    def performance_over(self) -> bool:
        """The machine was faster than its standard: the standard wants to be looked at."""
        value = self.performance.value
        return value is not None and value > 1.0 + 1e-9

    @property
    def quality(self) -> Ratio:
        """GQ / PQ; of several products weighted with their planned run times, as OEE weighs them."""
        if self.ideal_s > 0:
            return Ratio(self.ideal_good_s / self.ideal_s)
        return self._of_produced(self.good)

    @property
    def oee(self) -> Ratio:
        """Σ(PRI × GQ) / PBT, from times and parts themselves; undefined where one of its three factors is."""
        why = self._oee_why
        return Ratio(None, why) if why else Ratio(self.ideal_good_s / self.pbt_s)

    @property
    def nee(self) -> Ratio:
        """Net equipment effectiveness: as OEE, but setup is no loss."""
        why = self._oee_why
        return Ratio(None, why) if why else Ratio(self.aupt_s / self.pbt_s * self.ideal_good_s / self.apt_s)

    @property
    def teep(self) -> Ratio:
        """OEE of the whole calendar time that somebody knows of."""
        why = self._oee_why
        return Ratio(None, why) if why else Ratio(self.ideal_good_s / (self.calendar_s - self.of(Element.GAP)))

    @property
    def _oee_why(self) -> Why:
        if self.pbt_s <= 0:
            return "no_planned_time"
        if self.apt_s <= 0:
            return "not_run"
        if self.produced <= 0:
            return "nothing_produced"
        return "" if self.ideal_s > 0 else "no_cycle"

    @property
    def technical_efficiency(self) -> Ratio:
        """APT / (APT + ADET)."""
        return _ratio(self.apt_s, self.apt_s + self.adet_s, "not_run")

    @property
    def utilization(self) -> Ratio:
        """APT / AUBT."""
        return _ratio(self.apt_s, self.aubt_s, "not_run")

    @property
    def allocation(self) -> Ratio:
        """AUBT / PBT."""
        return _ratio(self.aubt_s, self.pbt_s, "no_planned_time")

    @property
    def setup_ratio(self) -> Ratio:
        """AUST / AUPT."""
        return _ratio(self.aust_s, self.aupt_s, "not_run")

    @property
    def scrap_ratio(self) -> Ratio:
        """SQ / PQ."""
        return self._of_produced(self.scrap)

    @property
    def rework_ratio(self) -> Ratio:
        """RQ / PQ."""
        return self._of_produced(self.rework)

    @property
    def first_pass(self) -> Ratio:
        """Good at the first pass / PQ (直行率)."""
        return self._of_produced(self.good)

    @property
    def good_rate(self) -> Ratio:
        """Good in the end, reworked ones too / PQ (良品率); not the quality of OEE."""
        return self._of_produced(self.good + self.rework)

    @property
    def throughput_per_h(self) -> Ratio:
        """PQ / AUBT, parts an hour."""
        return _ratio(float(self.produced) * 3600.0, self.aubt_s, "not_run")

    @property
    def coverage(self) -> Ratio:
        """Share of the planned time that somebody knows of."""
        return _ratio(self.pbt_s, self.pbt_s + self.of(Element.GAP), "no_planned_time")

    @property
    def mtbf_s(self) -> Ratio:
        """Mean time between failures: seconds of operation per failure; none without a failure."""
        return _ratio(self.of(Element.RUN) + self.of(Element.MINOR), self.failures, "no_failure")

    @property
    def mttr_s(self) -> Ratio:
        """Mean time to repair, seconds; none without a repair."""
        return _ratio(self.repair_s, self.repairs, "no_failure")

    def _of_produced(self, part: Decimal) -> Ratio:
        return _ratio(float(part), float(self.produced), "nothing_produced")


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
    """One step of the loss waterfall.

    Attributes:
        word_id: Id of its word: ``element.DOWN`` for a loss, ``oee.pbt`` for what remains.
        seconds: Lost, or remaining; a speed loss below 0 is a machine faster than its standard.
        level: True for what remains.
    """

    word_id: str
    seconds: float
    level: bool = False


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
