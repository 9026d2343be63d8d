"""OEE and what it is made of: pieces of time and counted parts as figures. Pure; nothing is averaged anywhere.

Source: ISO 22400-2; minor stops as TPM or as ISO has them, as the line says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.production.elements import Piece
from core.production.time_views import Element, Figures


@dataclass(frozen=True, slots=True)
class Cycle:
    """Planned run time per item (PRI) of a product.

    Attributes:
        seconds: Per part; 0 when nobody knows it.
        undated: It is the product's own, so that a change of it reaches back.
        no_cycle: The product has none: the line's capacity stands for it.
    """

    seconds: float
    undated: bool = False
    no_cycle: bool = False


@dataclass(frozen=True, slots=True)
class Cycles:
    """What is known of the cycle times of one work unit.

    Attributes:
        dated: Product code → (valid from, seconds per part), sorted by day.
        own: Product code → seconds per part, as the product says.
        capacity_per_hour: Of the line at full speed.
    """

    dated: Mapping[str, tuple[tuple[date, float], ...]]
    own: Mapping[str, float]
    capacity_per_hour: float

    def of(self, product: str, day: date) -> Cycle:
        """The cycle time of a product on a production date: a standard that came later says nothing about it."""
        valid = [seconds for valid_from, seconds in self.dated.get(product, ()) if valid_from <= day]
        if valid:
            return Cycle(valid[-1])
        if own := self.own.get(product, 0.0):
            return Cycle(own, undated=True)
        return Cycle(3600.0 / self.capacity_per_hour if self.capacity_per_hour > 0 else 0.0, no_cycle=True)


def judged(machine_good: Decimal, machine_reject: Decimal, scrap: Decimal, rework: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Good, scrap and rework of what a machine counted, when people found that some of it is bad.

    What was produced stays what was counted: a bad part that the machine took for a good one is no good one, one that both
    of them found is bad once. Where more was reported bad than was counted (the machine does not count, or it was found
    later), the reports are believed.

    Args:
        machine_good, machine_reject: As counted.
        scrap, rework: As reported.
    """
    produced = max(machine_good + machine_reject, scrap + rework)
    bad = min(produced, max(machine_reject, scrap + rework))
    return produced - bad, bad - rework, rework


def seconds_of(pieces: Iterable[Piece]) -> dict[Element, float]:
    """Seconds per element."""
    seconds: dict[Element, float] = {}
    for piece in pieces:
        seconds[piece.element] = seconds.get(piece.element, 0.0) + piece.seconds
    return seconds


def times(seconds: Mapping[Element, float], minor_loss: str) -> Figures:
    """Figures of times alone."""
    return Figures(dict(seconds), seconds.get(Element.MINOR, 0.0) if minor_loss == "performance" else 0.0)


def parts(cycle: Cycle, good: Decimal, scrap: Decimal = Decimal(0), rework: Decimal = Decimal(0)) -> Figures:
    """Figures of parts alone, all of one product under one cycle time."""
    produced = good + scrap + rework
    made = produced > 0
    return Figures(
        good=good,
        scrap=scrap,
        rework=rework,
        ideal_s=float(produced) * cycle.seconds,
        ideal_good_s=float(good) * cycle.seconds,
        undated_cycle=made and cycle.undated,
        no_cycle=made and cycle.no_cycle,
    )


def total(figures: Iterable[Figures]) -> Figures:
    """The sum: of machines, shifts, products, whatever they are of."""
    return sum(figures, Figures())


def from_times(
    *,
    pot_s: float | None = None,
    planned_s: float = 0.0,
    run_s: float = 0.0,
    minor_s: float = 0.0,
    setup_s: float = 0.0,
    delay_s: float = 0.0,
    no_order_s: float = 0.0,
    gap_s: float = 0.0,
    calendar_s: float | None = None,
    minor_loss: str = "performance",
    cycle_s: float = 0.0,
    good: Decimal | int = 0,
    scrap: Decimal | int = 0,
    rework: Decimal | int = 0,
) -> Figures:
    """Figures from totals that stand on paper; all times in seconds.

    Args:
        pot_s: Planned operation time; None when it is the sum of what is given.
        calendar_s: Reference time around it; None for no more than ``pot_s``.
        cycle_s: Planned run time per item.
    """
    seconds = {Element.RUN: run_s, Element.MINOR: minor_s, Element.SETUP: setup_s, Element.DOWN: delay_s}
    seconds |= {Element.NO_ORDER: no_order_s, Element.PLANNED: planned_s, Element.GAP: gap_s}
    known_s = sum(seconds.values())
    seconds[Element.UNSCHEDULED] = 0.0 if calendar_s is None else calendar_s - (known_s if pot_s is None else pot_s)
    return times(seconds, minor_loss) + parts(Cycle(cycle_s), Decimal(good), Decimal(scrap), Decimal(rework))
