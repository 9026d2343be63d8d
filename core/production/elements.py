"""What each instant of a machine counts as: shifts, breaks, what people said, what the machine did, in this order. Pure.

This is the only place where time is judged. OEE, the waterfall of losses, the hours of a shift, MTBF and MTTR are sums over
what stands here, so none of them can count a break twice or find a minute that another does not know of.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from core.equipment import stop_rules
from core.equipment.shift_views import PlannedSpan, Worked
from core.equipment.states import MachineState, Segment
from core.equipment.views import StopReasonView
from core.production.time_views import Element
from core.production.views import OrderStatus

GAP_TOLERANCE: Final = 0.2
"""A gap is ruled to have been production when the parts counted across it fill it but for this share."""

_M, _E = MachineState, Element
_BY_STATE: Final[Mapping[MachineState, Element]] = {
    _M.RUNNING: _E.RUN,
    _M.SETUP: _E.SETUP,
    _M.WAITING: _E.WAITING,
    _M.MAINTENANCE: _E.MAINTENANCE,
    _M.PLANNED_STOP: _E.PLANNED,
    _M.OFFLINE: _E.GAP,
}
_BY_GROUPING: Final[Mapping[str, Element]] = {
    "planned": _E.PLANNED,
    "setup": _E.SETUP,
    "waiting": _E.WAITING,
    "no order": _E.NO_ORDER,
}
_WORST_FIRST: Final = (_M.DOWN, _M.MAINTENANCE, _M.SETUP, _M.MINOR_STOP, _M.WAITING, _M.PLANNED_STOP, _M.IDLE, _M.RUNNING)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a line counts.

    Attributes:
        minor_s: A stop shorter than this many seconds is a minor one.
        minor_loss: Whether minor stops lower performance (TPM) or availability (ISO 22400).
        worked_breaks: Running in a break is work, with its parts; False counts the break as planned whatever happens.
        gap_rule: ``leader``: a gap waits for a person. ``bridge``: a short one between two equal states is that state.
            ``counted``: one that the parts counted across it fill was production.
        gap_bridge_s: The longest gap that ``bridge`` closes, seconds.
    """

    minor_s: int = 300
    minor_loss: Literal["performance", "availability"] = "performance"
    worked_breaks: bool = True
    gap_rule: Literal["leader", "bridge", "counted"] = "leader"
    gap_bridge_s: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a state segment, with what people said about it.

    Attributes:
        state: Of the segment, or what a leader said a gap was.
        from_at, to_at: Aware UTC, half open.
        reason_code: From a person, else from the machine; "" for none.
        began_at: Beginning of the whole segment.
        whole_s: Length of the whole segment so far: whether a stop is a minor one does not depend on where it is cut.
        open: The segment still goes on.
    """

    state: MachineState
    from_at: datetime
    to_at: datetime
    reason_code: str
    began_at: datetime
    whole_s: float
    open: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """An order on a line from one moment to another, None while it goes on; several may overlap."""

    order_id: UUID
    product: str
    status: OrderStatus
    from_at: datetime
    to_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a machine's time that counts as one thing.

    Attributes:
        element: What it counts as.
        from_at, to_at: Aware UTC, half open.
        state: What the machine did; OFFLINE where nobody knows.
        reason_code: Stop reason from a person, the machine or the calendar; "" when nobody gave one.
        order_id: Order on the line then; None without one.
        product: Code of its product; "" without one.
        began_at: When the stop or run it is part of began: one piece is often part of a longer one.
    """

    element: Element
    from_at: datetime
    to_at: datetime
    state: MachineState
    reason_code: str
    order_id: UUID | None
    product: str
    began_at: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.to_at - self.from_at).total_seconds()


@dataclass(frozen=True, slots=True)
class GapCount:
    """Parts by which a counter had jumped when it was heard of again."""

    from_at: datetime
    to_at: datetime
    parts: float


class _Spanned(Protocol):
    @property
    def from_at(self) -> datetime: ...
    @property
    def to_at(self) -> datetime | None: ...


S = TypeVar("S", bound=_Spanned)


class _Track(Generic[S]):
    """Disjoint spans, asked for the one at a moment."""

    def __init__(self, spans: Iterable[S]) -> None:
        self._spans = sorted(spans, key=lambda span: span.from_at)
        self._begins = [span.from_at for span in self._spans]

    def at(self, moment: datetime) -> S | None:
        """The span that holds ``moment``; None between two."""
        index = bisect_right(self._begins, moment) - 1
        if index < 0:
            return None
        to_at = self._spans[index].to_at
        return self._spans[index] if to_at is None or to_at > moment else None


def stretches_of(segments: Iterable[Segment], now: datetime) -> tuple[Stretch, ...]:
    """Segments as they were recorded, without what people said; one that goes on ends ``now``."""
    return tuple(
        Stretch(one.state, one.started_at, one.ended_at or now, one.reason_code, one.started_at, one.seconds(now), one.ended_at is None)
        for one in segments
        if (one.ended_at or now) > one.started_at
    )


def pieces(
    stretches: Sequence[Stretch],
    worked: Sequence[Worked],
    runs: Sequence[Run],
    policy: Policy,
    from_at: datetime,
    to_at: datetime,
    reasons: Mapping[str, StopReasonView],
) -> tuple[Piece, ...]:
    """A range of a machine's time, cut where what it counts as changes: no gap, no overlap.

    Args:
        stretches: Disjoint; what is not covered counts as not known.
        worked: Shifts of the line, disjoint.
        runs: Orders of the line.
        from_at, to_at: Aware UTC, half open; () for an empty range.
        reasons: Catalogue of stop reasons by code.
    """
    planned = [span for shift in worked for span in shift.planned]
    moments = {from_at, *(at for spans in (stretches, worked, planned) for one in spans for at in (one.from_at, one.to_at))}
    apart = told_apart(runs, to_at)
    moments.update(at for run in apart for at in (run.from_at, run.to_at) if at is not None)
    cuts = sorted(at for at in moments if from_at <= at < to_at) if to_at > from_at else []
    judge = _Judge(_Track(stretches), _Track(worked), _Track(planned), _Track(apart), policy, reasons)
    found: list[Piece] = []
    for begin, end in zip(cuts, [*cuts[1:], to_at], strict=False):
        piece = judge.piece(begin, end)
        if found and _goes_on(found[-1], piece):
            found[-1] = replace(found[-1], to_at=end)
        else:
            found.append(piece)
    return tuple(found)


def _goes_on(before: Piece, piece: Piece) -> bool:
    """Whether the two are one but for their times."""
    same = before.element is piece.element and before.state is piece.state and before.began_at == piece.began_at
    return same and (before.reason_code, before.order_id, before.product) == (piece.reason_code, piece.order_id, piece.product)


@dataclass(frozen=True, slots=True)
class _Judge:
    stretches: _Track[Stretch]
    worked: _Track[Worked]
    planned: _Track[PlannedSpan]
    runs: _Track[Run]
    policy: Policy
    reasons: Mapping[str, StopReasonView]

    def piece(self, begin: datetime, end: datetime) -> Piece:
        stretch, run = self.stretches.at(begin), self.runs.at(begin)
        element, reason = self._element(stretch, run, begin)
        state = _M.OFFLINE if stretch is None else stretch.state
        began = begin if stretch is None else stretch.began_at
        return Piece(element, begin, end, state, reason, run.order_id if run else None, run.product if run else "", began)

    def _element(self, stretch: Stretch | None, run: Run | None, at: datetime) -> tuple[Element, str]:
        said = "" if stretch is None or stretch.state in (_M.OFFLINE, _M.RUNNING) else stretch.reason_code
        if self.worked.at(at) is None:
            return _E.UNSCHEDULED, said
        planned = self.planned.at(at)
        running = stretch is not None and stretch.state is _M.RUNNING
        if planned is not None and not (running and self.policy.worked_breaks):
            return _E.PLANNED, planned.reason_code
        if stretch is None or stretch.state is _M.OFFLINE:
            return _E.GAP, ""
        return element_of(stretch, self.reasons, self.policy.minor_s, ordered=run is not None and run.status is not OrderStatus.HELD), said


def element_of(stretch: Stretch, reasons: Mapping[str, StopReasonView], minor_s: float, *, ordered: bool) -> Element:
    """What planned time counts as in which a machine did this.

    Args:
        ordered: An order was on the line; without one an idle machine has nothing to do.
    """
    reason = None if stop_rules.is_open_reason(stretch.reason_code) else reasons.get(stretch.reason_code)
    state = stretch.state
    if reason is not None and state not in (_M.RUNNING, _M.OFFLINE):
        said = _BY_GROUPING.get(reason.grouping)
        if said is not None:
            return said
    if state in (_M.DOWN, _M.MINOR_STOP) or (reason is not None and state not in (_M.RUNNING, _M.OFFLINE)):
        ended_at = stretch.began_at + timedelta(seconds=stretch.whole_s)
        whole = Segment(state, stretch.began_at, None if stretch.open else ended_at, stretch.reason_code)
        return _E.MINOR if stop_rules.is_minor(whole, reason, minor_s, ended_at) else _E.DOWN
    if state is _M.IDLE:
        return _E.WAITING if ordered else _E.NO_ORDER
    return _BY_STATE[state]


def told_apart(runs: Sequence[Run], to_at: datetime) -> tuple[Run, ...]:
    """Runs that overlap made disjoint, cut at ``to_at``: at each moment the one that what happens then belongs to.

    One that is not held comes before one that is, then the one started last.
    """
    moments = sorted({at for run in runs for at in (run.from_at, min(run.to_at or to_at, to_at)) if at <= to_at})
    starting = sorted(runs, key=lambda run: run.from_at)
    there: list[Run] = []
    found: list[Run] = []
    begun = 0
    for begin, end in pairwise(moments):
        while begun < len(starting) and starting[begun].from_at <= begin:
            there.append(starting[begun])
            begun += 1
        there = [run for run in there if (run.to_at or to_at) > begin]
        if not there:
            continue
        best = max(there, key=lambda run: (run.status is not OrderStatus.HELD, run.from_at))
        if found and found[-1].to_at == begin and replace(best, from_at=found[-1].from_at, to_at=begin) == found[-1]:
            found[-1] = replace(found[-1], to_at=end)
        else:
            found.append(replace(best, from_at=begin, to_at=end))
    return tuple(found)


def bridged(stretches: Sequence[Stretch], counts: Sequence[GapCount], policy: Policy, pri_s: float) -> tuple[Stretch, ...]:
    """``stretches`` (sorted) with the gaps filled that the line's rule decides; all others wait for a person.

    Args:
        counts: Jumps of the counter.
        pri_s: Planned run time per item, seconds; 0 when it is not known.
    """
    if policy.gap_rule == "leader":
        return tuple(stretches)
    ruled = list(stretches)
    for index, one in enumerate(stretches):
        if one.state is not _M.OFFLINE:
            continue
        if policy.gap_rule == "counted":
            state = _M.RUNNING if _filled(one, counts, pri_s) else None
        else:
            state = _same_around(stretches, index, policy.gap_bridge_s)
        if state is not None:
            ruled[index] = replace(one, state=state, reason_code="")
    return tuple(ruled)


def _same_around(stretches: Sequence[Stretch], index: int, longest_s: float) -> MachineState | None:
    gap = stretches[index]
    if not 0 < index < len(stretches) - 1 or gap.whole_s > longest_s:
        return None
    before, after = stretches[index - 1], stretches[index + 1]
    joined = before.to_at == gap.from_at and after.from_at == gap.to_at
    return before.state if joined and before.state is after.state and before.state is not _M.OFFLINE else None


def _filled(gap: Stretch, counts: Sequence[GapCount], pri_s: float) -> bool:
    parts = sum(one.parts for one in counts if one.from_at < gap.to_at and one.to_at >= gap.from_at)
    return parts > 0 and pri_s > 0 and abs(parts * pri_s - gap.whole_s) <= GAP_TOLERANCE * gap.whole_s


def line_segments(
    units: Mapping[str, Sequence[Stretch]], rule: str, constraint: str, from_at: datetime, to_at: datetime
) -> tuple[Segment, ...]:
    """The states of a line from those of its machines: no gap, no overlap, from ``from_at`` to ``to_at``.

    Args:
        units: Recorded states by work unit; of those alone that say what they do.
        rule: ``constraint``: as the work unit ``constraint``. ``all_running``: runs while all of them run.
            ``any_running``: runs while one of them runs. ``worst``: the worst that any of them does.
    """
    tracks = {code: _Track(stretches) for code, stretches in units.items() if rule != "constraint" or code == constraint}
    cuts = {from_at} | {at for code in tracks for one in units[code] for at in (one.from_at, one.to_at) if from_at <= at < to_at}
    begins = sorted(cuts) if to_at > from_at else []
    found: list[Segment] = []
    for begin, end in zip(begins, [*begins[1:], to_at], strict=False):
        here = [track.at(begin) for track in tracks.values()]
        state, reason = _line_state(here, rule)
        if found and found[-1].state is state and found[-1].reason_code == reason:
            found[-1] = replace(found[-1], ended_at=end)
        else:
            found.append(Segment(state, begin, end, reason))
    return tuple(found)


def _line_state(here: Sequence[Stretch | None], rule: str) -> tuple[MachineState, str]:
    known = [one for one in here if one is not None and one.state is not _M.OFFLINE]
    if rule == "any_running" and any(one.state is _M.RUNNING for one in known):
        return _M.RUNNING, ""
    if len(known) < len(here) or not known:
        return _M.OFFLINE, ""
    worst = min(known, key=lambda one: _WORST_FIRST.index(one.state))
    return worst.state, worst.reason_code
