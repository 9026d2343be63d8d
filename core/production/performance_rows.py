"""The SQL of times and parts over any range: what machines did summed up by the database, what people said one by one.

One statement a machine reads its segments in the covering index and sums them by window, state and reason. What cannot be
summed there (stops with several parts, gaps that a leader judged, idle time, which depends on orders) comes back one by one
and is judged by ``elements``, as everything of a running shift is. Both ways are the same by test.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import text

from core.equipment.shifts import shifts_between
from core.equipment.states import MachineState
from core.equipment.views import StopReasonView
from core.production import machine_rows, oee, parts_rows
from core.production.elements import Run, Stretch, element_of, told_apart
from core.production.machine_rows import Machine
from core.production.parts_rows import Range
from core.production.time_views import Element, Figures
from core.production.views import OrderStatus
from core.production.windows import Labelled, Window
from core.store.base import Db

_SUMS: Final = text(
    """
    WITH win AS MATERIALIZED (
        SELECT * FROM unnest(CAST(CAST(:froms AS text) AS timestamptz[]), CAST(CAST(:tos AS text) AS timestamptz[]), CAST(:kinds AS int[]))
            AS w(f, t, k)
    ), words AS MATERIALIZED (
        SELECT coalesce(s.started_at, near.started_at) AS started_at, nullif(min(p.reason_code), '') AS reason,
            bool_or(st.merged_into IS NOT NULL) AS merged, min(st.repaired_at) AS repaired_at,
            count(p.id) > 1 OR bool_or(p.state IS NOT NULL OR p.from_at > coalesce(s.started_at, near.started_at)) AS several
        FROM genba.stop st
        LEFT JOIN genba.state_segment s ON s.id = st.segment_id
        LEFT JOIN LATERAL (
            SELECT x.started_at FROM genba.state_segment x WHERE st.segment_id IS NULL AND x.work_unit_id = st.work_unit_id
            AND x.started_at <= st.anchor_at + interval '5 s' AND x.state <> 'RUNNING' ORDER BY x.started_at DESC LIMIT 1
        ) near ON true
        LEFT JOIN genba.stop_part p ON p.stop_id = st.id AND p.retired_at IS NULL
        WHERE st.work_unit_id = :unit AND st.anchor_at < :to_at AND st.anchor_at >= coalesce((
            SELECT max(b.started_at) FROM genba.state_segment b WHERE b.work_unit_id = :unit AND b.started_at <= :from_at
        ), :from_at) - interval '5 s'
        GROUP BY 1
    ), piece AS (
        SELECT win.k, true AS began, s.started_at, s.ended_at, s.state, s.reason_code,
            least(coalesce(s.ended_at, :seen), win.t) - s.started_at AS d
        FROM win JOIN genba.state_segment s ON s.work_unit_id = :unit AND s.started_at >= win.f AND s.started_at < win.t
        UNION ALL
        SELECT win.k, false, l.started_at, l.ended_at, l.state, l.reason_code, least(coalesce(l.ended_at, :seen), win.t) - win.f
        FROM win CROSS JOIN LATERAL (
            SELECT s.started_at, s.ended_at, s.state, s.reason_code FROM genba.state_segment s
            WHERE s.work_unit_id = :unit AND s.started_at < win.f ORDER BY s.started_at DESC LIMIT 1
        ) l WHERE coalesce(l.ended_at, :seen) > win.f
    ), told AS (
        SELECT p.k, p.began, p.state, p.d, p.ended_at IS NULL AND :lasts AS open, coalesce(w.reason, p.reason_code) AS reason,
            coalesce(p.ended_at, :seen) - p.started_at < make_interval(secs => :minor) AS short,
            coalesce(w.merged, false) AS merged, p.ended_at IS NOT NULL OR w.repaired_at IS NOT NULL AS back,
            coalesce(w.repaired_at, p.ended_at) - p.started_at AS repair,
            CASE WHEN w.several OR p.state = 'IDLE' THEN p.started_at END AS single
        FROM piece p LEFT JOIN words w ON w.started_at = p.started_at
    )
    SELECT k, state, reason, short, open, single, extract(epoch FROM sum(greatest(d, interval '0'))),
        count(*) FILTER (WHERE began AND NOT merged), count(*) FILTER (WHERE began AND NOT merged AND back),
        coalesce(extract(epoch FROM sum(greatest(repair, interval '0')) FILTER (WHERE began AND NOT merged AND back)), 0)
    FROM told GROUP BY 1, 2, 3, 4, 5, 6
    """
)


_SORTING: Final = text("SELECT set_config('enable_sort', :word, true)")


@dataclass(frozen=True, slots=True)
class Bit:
    """Time of one machine under one label that counts as one thing.

    Attributes:
        seconds: How long.
        busy: In planned busy time; False for work in a break.
        stops: How many stops began in it; merged ones count with the one they belong to.
        repairs, repair_s: Those that are over, and how long they took to their repair, or to their end.
    """

    label: str
    element: Element
    reason: str
    seconds: float
    busy: bool
    stops: int = 0
    repairs: int = 0
    repair_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Times:
    """A machine's time in a range.

    Attributes:
        bits: Everything but gaps, planned and unscheduled time, of which nobody asks why.
        rest: Label → seconds of these three.
    """

    bits: tuple[Bit, ...]
    rest: Mapping[str, Mapping[Element, float]]

    def figures(self, label: str, minor_loss: str) -> Figures:
        """The times of one label."""
        seconds = dict(self.rest.get(label, {}))
        own = [bit for bit in self.bits if bit.label == label]
        for bit in own:
            seconds[bit.element] = seconds.get(bit.element, 0.0) + bit.seconds
        down = [bit for bit in own if bit.element is Element.DOWN]
        return replace(
            oee.times(seconds, minor_loss),
            failures=sum(bit.stops for bit in down),
            repairs=sum(bit.repairs for bit in down),
            repair_s=sum(bit.repair_s for bit in down),
        )


# --- times -----------------------------------------------------------------------------------------------------------


def times_of(db: Db, machine: Machine, asked: Range) -> Times:
    """What a machine's time counted as."""
    worked = shifts_between(machine.calendar, machine.line_code, asked.from_at, asked.to_at)
    spans = asked.spans[machine.id]
    cut = asked.windows(worked, spans)
    if machine.policy.gap_rule != "leader":  # a gap is judged by what stands beside it: no sums then
        told = parts_rows.ruled(db, machine, asked.from_at, asked.to_at)
        bits = _bits(machine, told, cut, _orders(db, machine, told, asked), asked.reasons)
    else:
        bits = _summed(db, machine, cut, asked)
    return Times(bits, _rest(bits, cut, spans))


def _orders(db: Db, machine: Machine, told: Sequence[Stretch], asked: Range) -> tuple[Run, ...]:
    """The orders that were on the line, where that makes a difference: while its machine was idle."""
    idle = [one for one in told if one.state is MachineState.IDLE]
    if not idle:
        return ()
    runs = machine_rows.runs(db, [machine.line_id], idle[0].from_at, asked.to_at).get(machine.line_id, ())
    return told_apart(runs, asked.to_at)


def _summed(db: Db, machine: Machine, cut: Sequence[Window], asked: Range) -> tuple[Bit, ...]:
    if not cut:
        return ()
    kinds: dict[tuple[str, bool], int] = {}
    numbers = [kinds.setdefault((window.label, window.busy), len(kinds)) for window in cut]
    rows = db.execute(
        _SUMS,
        {
            "unit": machine.id,
            "froms": machine_rows.array(window.from_at for window in cut),
            "tos": machine_rows.array(window.to_at for window in cut),
            "kinds": numbers,
            "seen": min(machine.seen_until, asked.to_at),
            "lasts": machine.seen_until >= db.now and asked.to_at >= db.now,
            "minor": float(machine.policy.minor_s),
            "from_at": asked.from_at,
            "to_at": asked.to_at,
        },
    )
    named = list(kinds)
    bits: list[Bit] = []
    singles: dict[datetime, tuple[int, int, float]] = {}
    for k, state, reason, short, lasts, single, seconds, stops, repairs, repair_s in rows:
        label, busy = named[k]
        if single is not None:
            before = singles.get(single, (0, 0, 0.0))
            singles[single] = (before[0] + stops * busy, before[1] + repairs * busy, before[2] + float(repair_s) * busy)
            continue
        whole_s = 0.0 if short else float(machine.policy.minor_s)
        one = Stretch(MachineState(state), asked.from_at, asked.from_at, reason, asked.from_at, whole_s, open=lasts)
        element = _element(one, machine, asked.reasons, busy=busy, ordered=True)
        if element is not None:
            bits.append(Bit(label, element, _reason(one), float(seconds), busy, stops, repairs, float(repair_s)))
    told = machine_rows.one_by_one(db, machine, list(singles), asked.to_at)
    return (*bits, *_bits(machine, told, cut, _orders(db, machine, told, asked), asked.reasons, singles))


def _element(one: Stretch, machine: Machine, reasons: Mapping[str, StopReasonView], *, busy: bool, ordered: bool) -> Element | None:
    """What a stretch counts as in a window; None for what is known by the window alone: planned time and gaps."""
    if one.state is MachineState.OFFLINE:
        return None
    if not busy:
        return Element.RUN if one.state is MachineState.RUNNING and machine.policy.worked_breaks else None
    return element_of(one, reasons, machine.policy.minor_s, ordered=ordered)


def _reason(one: Stretch) -> str:
    return "" if one.state is MachineState.RUNNING else one.reason_code


def _bits(
    machine: Machine,
    told: Iterable[Stretch],
    cut: Sequence[Window],
    apart: Sequence[Run],
    reasons: Mapping[str, StopReasonView],
    known: Mapping[datetime, tuple[int, int, float]] | None = None,
) -> tuple[Bit, ...]:
    """Stretches one by one.

    Args:
        known: Beginning of a stop → how many it is, and its repair; None works it out from the stretch itself.
    """
    begins = [window.from_at for window in cut]
    found: list[Bit] = []
    for one in told:
        index = max(0, bisect_right(begins, one.from_at) - 1)
        for window in cut[index:]:
            if window.from_at >= one.to_at:
                break
            begin, end = max(one.from_at, window.from_at), min(one.to_at, window.to_at)
            if begin >= end:
                continue
            counts = _stop(one, known) if begin == one.began_at else (0, 0, 0.0)
            for ordered, seconds in _by_order(one, begin, end, apart):
                element = _element(one, machine, reasons, busy=window.busy, ordered=ordered)
                if element is not None:
                    found.append(Bit(window.label, element, _reason(one), seconds, window.busy, *counts))
                    counts = (0, 0, 0.0)
    return tuple(found)


def _stop(one: Stretch, known: Mapping[datetime, tuple[int, int, float]] | None) -> tuple[int, int, float]:
    """How many stops it is, how many of them are over, and how long that took."""
    if known is not None:
        return known.get(one.began_at, (0, 0, 0.0))
    return (1, 0, 0.0) if one.open else (1, 1, one.whole_s)


def _by_order(one: Stretch, begin: datetime, end: datetime, apart: Sequence[Run]) -> list[tuple[bool, float]]:
    """Seconds with and without an order on the line, where that makes a difference."""
    whole_s = (end - begin).total_seconds()
    if one.state is not MachineState.IDLE:
        return [(True, whole_s)]
    ordered_s = 0.0
    for run in apart:
        if run.status is not OrderStatus.HELD and run.from_at < end and run.to_at is not None and run.to_at > begin:
            ordered_s += (min(run.to_at, end) - max(run.from_at, begin)).total_seconds()
    return [(ordered, seconds) for ordered, seconds in ((True, ordered_s), (False, whole_s - ordered_s)) if seconds > 0]


def _rest(bits: Sequence[Bit], cut: Sequence[Window], spans: Sequence[Labelled]) -> dict[str, dict[Element, float]]:
    """What remains of each label: planned time, gaps, and what lies outside of the shifts."""
    rest = {span.label: dict.fromkeys((Element.UNSCHEDULED, Element.PLANNED, Element.GAP), 0.0) for span in spans}
    for span in spans:
        rest[span.label][Element.UNSCHEDULED] += (span.to_at - span.from_at).total_seconds()
    for window in cut:
        rest[window.label][Element.UNSCHEDULED] -= window.seconds
        rest[window.label][Element.GAP if window.busy else Element.PLANNED] += window.seconds
    for bit in bits:
        rest[bit.label][Element.GAP if bit.busy else Element.PLANNED] -= bit.seconds
    return {label: {element: max(0.0, round(seconds, 6)) for element, seconds in each.items()} for label, each in rest.items()}


# --- both ------------------------------------------------------------------------------------------------------------


def figures_of(db: Db, machines: Sequence[Machine], asked: Range) -> tuple[dict[tuple[int, str], Figures], dict[int, Times]]:
    """Figures by machine id and label, and the times they were made of."""
    # The server cannot know how few segments lie in a window and would sort them to sum them up; that takes longer than all the rest.
    db.execute(_SORTING, {"word": "off"})
    times = {machine.id: times_of(db, machine, asked) for machine in machines}
    db.execute(_SORTING, {"word": "on"})
    made = parts_rows.parts_of(db, machines, asked)
    found: dict[tuple[int, str], Figures] = {}
    for machine in machines:
        for label in {span.label for span in asked.spans[machine.id]}:
            parts = made.get((machine.id, label), Figures())
            found[machine.id, label] = times[machine.id].figures(label, machine.policy.minor_loss) + parts
    return found, times
