"""A range of a machine's time cut into windows in which something, or nothing, was planned, each under its label. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.equipment.shift_views import Worked
from core.equipment.shifts import busy_spans
from core.production.oee import Cycle, Cycles


@dataclass(frozen=True, slots=True)
class Labelled:
    """A span of time that is summed under ``label``: a shift, an order, a product; "" for all of it together."""

    from_at: datetime
    to_at: datetime
    label: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a shift: planned busy time, or a break or planned downtime."""

    from_at: datetime
    to_at: datetime
    label: str
    busy: bool

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.to_at - self.from_at).total_seconds()


def within(spans: Sequence[Labelled], begin: datetime, end: datetime) -> Iterator[Labelled]:
    """The parts of ``spans`` (sorted, disjoint) between two moments."""
    first = max(0, bisect_right(spans, begin, key=lambda span: span.from_at) - 1)
    for span in spans[first:]:
        if span.from_at >= end:
            break
        if begin <= span.from_at and span.to_at <= end:
            yield span
        elif (from_at := max(span.from_at, begin)) < (to_at := min(span.to_at, end)):
            yield Labelled(from_at, to_at, span.label)


def windows(worked: Sequence[Worked], spans: Sequence[Labelled]) -> tuple[Window, ...]:
    """What lies in shifts of ``spans`` (sorted, disjoint), sorted; what touches under one label and of one kind is one window."""
    found: list[Window] = []
    for shift in worked:
        cuts = [(*span, True) for span in busy_spans([shift])] + [(one.from_at, one.to_at, False) for one in shift.planned]
        for begin, end, busy in sorted(cuts):
            for span in within(spans, begin, end):
                _append(found, Window(span.from_at, span.to_at, span.label, busy))
    return tuple(found)


def _append(found: list[Window], window: Window) -> None:
    last = found[-1] if found else None
    if last is not None and last.to_at == window.from_at and (last.label, last.busy) == (window.label, window.busy):
        found[-1] = Window(last.from_at, window.to_at, last.label, last.busy)
    else:
        found.append(window)


@dataclass(frozen=True, slots=True)
class Making:
    """A span in which what was counted is of one product under one cycle time."""

    from_at: datetime
    to_at: datetime
    label: str
    product: str
    cycle: Cycle


def makings(
    worked: Sequence[Worked], spans: Sequence[Labelled], made: Sequence[tuple[datetime, str]], cycles: Cycles, *, breaks: bool
) -> tuple[Making, ...]:
    """The spans in which parts count, as few as they can be.

    Args:
        made: From when on the line made what, sorted; before the first of them nobody knows.
        breaks: Parts made in a break count, as its time does.
    """
    found: list[Making] = []
    for shift in worked:
        for begin, end in [(shift.from_at, shift.to_at)] if breaks else busy_spans([shift]):
            for span in within(spans, begin, end):
                for from_at, to_at, product in _of_products(made, span.from_at, span.to_at):
                    _extend(found, from_at, to_at, span.label, product, cycles, shift.production_date)
    return tuple(found)


def _of_products(made: Sequence[tuple[datetime, str]], begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    index = bisect_right(made, begin, key=lambda change: change[0])
    at, product = begin, made[index - 1][1] if index else ""
    while index < len(made) and made[index][0] < end:
        yield at, made[index][0], product
        at, product = made[index]
        index += 1
    yield at, end, product


def _extend(found: list[Making], from_at: datetime, to_at: datetime, label: str, product: str, cycles: Cycles, day: date) -> None:
    cycle = cycles.of(product, day)
    last = found[-1] if found else None
    if last is not None and last.to_at == from_at and (last.label, last.product, last.cycle) == (label, product, cycle):
        found[-1] = Making(last.from_at, to_at, label, product, cycle)
    elif from_at < to_at:
        found.append(Making(from_at, to_at, label, product, cycle))


def edges(spans: Iterable[Making | Labelled | Window]) -> list[datetime]:
    """Beginnings and ends, each once, sorted."""
    return sorted({at for span in spans for at in (span.from_at, span.to_at)})


def disjoint(spans: Iterable[Labelled], from_at: datetime, to_at: datetime) -> tuple[Labelled, ...]:
    """``spans`` (sorted) cut to a range; of two that overlap the earlier keeps the time."""
    found: list[Labelled] = []
    at = from_at
    for span in spans:
        begin, end = max(span.from_at, at), min(span.to_at, to_at)
        if begin < end:
            found.append(Labelled(begin, end, span.label))
            at = end
    return tuple(found)
