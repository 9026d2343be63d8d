"""The SQL of parts over any range: what machines counted of each product, and what people found of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from core.equipment.shift_views import Worked
from core.equipment.shifts import shifts_between
from core.equipment.states import MachineState
from core.equipment.views import StopReasonView
from core.production import machine_rows, oee, windows
from core.production.elements import GapCount, Run, Stretch, bridged
from core.production.machine_rows import Jump, Machine, Reported
from core.production.time_views import Figures
from core.production.windows import Labelled, Window
from core.store.base import Db

_ROUNDING_S: Final = 1e-3
By = Literal["", "unit", "product", "order", "shift", "day"]
"""What figures are grouped by."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is asked of some machines.

    Attributes:
        from_at, to_at: Aware UTC; ``to_at`` not in the future.
        spans: Machine id → spans and their labels, sorted and disjoint.
        by: What the labels are.
        runs: Line id → orders on it.
        reasons: Catalogue of stop reasons.
    """

    from_at: datetime
    to_at: datetime
    spans: Mapping[int, Sequence[Labelled]]
    by: By = ""
    runs: Mapping[int, Sequence[Run]] = field(default_factory=dict)
    reasons: Mapping[str, StopReasonView] = field(default_factory=dict)
    _cut: dict[Any, tuple[Window, ...]] = field(default_factory=dict, repr=False, compare=False)

    def windows(self, worked: Sequence[Worked], spans: Sequence[Labelled]) -> tuple[Window, ...]:
        """The windows of ``spans`` in these shifts; worked out once for all machines that share both."""
        key = (tuple(worked), tuple(spans))
        cut = self._cut.get(key)
        if cut is None:
            cut = self._cut[key] = windows.windows(worked, spans)
        return cut


def ruled(db: Db, machine: Machine, from_at: datetime, to_at: datetime) -> tuple[Stretch, ...]:
    """What a machine did in a range, with the gaps filled that its line's rule decides."""
    told = machine_rows.stretches(db, [machine], from_at, to_at).get(machine.id, ())
    if machine.policy.gap_rule == "leader" or not told:
        return told
    counts = [GapCount(one.from_at, one.to_at, one.parts) for one in machine_rows.jumps(db, [machine.id], from_at, to_at)]
    made = machine_rows.products(db, [machine.line_id], from_at, to_at).get(machine.line_id, [])
    cycle = machine_rows.cycles(db, [machine])[machine.id].of(made[-1][1] if made else "", to_at.date())
    return bridged(told, counts, machine.policy, cycle.seconds)


def still_blind(db: Db, machine: Machine, jumps: Sequence[Jump], asked: Range) -> list[Jump]:
    """Of the counts across gaps those whose gap is still one: no rule and no leader has said what it was."""
    by_rule = machine.policy.gap_rule != "leader"
    wide = ruled(db, machine, asked.from_at, asked.to_at) if jumps and by_rule else ()
    blind = []
    for one in jumps:
        told = wide if by_rule else ruled(db, machine, one.from_at, one.to_at)
        known_s = sum(
            max(0.0, (min(each.to_at, one.to_at) - max(each.from_at, one.from_at)).total_seconds())
            for each in told
            if each.state is not MachineState.OFFLINE
        )
        length_s = (one.to_at - one.from_at).total_seconds()
        if length_s <= 0 or known_s < length_s - _ROUNDING_S:
            blind.append(one)
    return blind


def parts_of(db: Db, machines: Sequence[Machine], asked: Range) -> dict[tuple[int, str], Figures]:
    """Figures of parts alone, by machine id and label."""
    lines = sorted({machine.line_id for machine in machines})
    made = machine_rows.products(db, lines, asked.from_at, asked.to_at)
    cycles = machine_rows.cycles(db, machines)
    making = {machine.id: _makings(machine, asked, made.get(machine.line_id, []), cycles[machine.id]) for machine in machines}
    moments = {machine.id: windows.edges([*making[machine.id], *asked.spans[machine.id]]) for machine in machines}
    edges = [(unit, at) for unit, each in moments.items() for at in each]
    totals = dict(zip(edges, machine_rows.counted(db, edges), strict=True))
    jumps: dict[int, list[Jump]] = {}
    for one in machine_rows.jumps(db, [machine.id for machine in machines], asked.from_at, asked.to_at):
        jumps.setdefault(one.unit_id, []).append(one)
    reports = _reports(db, machines, asked)
    figures: dict[tuple[int, str], Figures] = {}
    for machine in machines:
        blind = still_blind(db, machine, jumps.get(machine.id, []), asked)
        said = reports.get(machine.line_id, {}) if machine.sets_pace else {}
        for label, each in _of_machine(machine, making[machine.id], asked.spans[machine.id], totals, blind, said).items():
            figures[machine.id, label] = each
    return figures


def _makings(machine: Machine, asked: Range, made: Sequence[tuple[datetime, str]], cycles: oee.Cycles) -> tuple[windows.Making, ...]:
    worked = shifts_between(machine.calendar, machine.line_code, asked.from_at, asked.to_at)
    return windows.makings(worked, asked.spans[machine.id], made, cycles, breaks=machine.policy.worked_breaks)


Said = dict[tuple[str, str], Reported]


def _reports(db: Db, machines: Sequence[Machine], asked: Range) -> dict[int, Said]:
    """What people reported, by line, and then by label and product.

    A report of an order or a product is theirs whenever it came; one of a shift came in that shift.
    """
    lines = {machine.line_id: machine for machine in machines if machine.sets_pace}
    by_hand = any(machine.by_hand for machine in lines.values())
    found: dict[int, Said] = {}

    def note(line_id: int, label: str, product: str, said: Reported) -> None:
        here = found.setdefault(line_id, {})
        before = here.get((label, product), Reported())
        here[label, product] = Reported(before.good + said.good, before.scrap + said.scrap, before.rework + said.rework)

    if asked.by not in ("shift", "day"):
        by_order = asked.by == "order"
        sums = machine_rows.reported(db, list(lines), asked.from_at, asked.to_at, everything=by_hand, orders=by_order)
        for line_id, order_id, product, said in sums:
            note(line_id, {"order": str(order_id or ""), "product": product}.get(asked.by, ""), product, said)
        return found
    for line_id, machine in lines.items():
        for span in asked.spans[machine.id]:
            for _, _, product, said in machine_rows.reported(db, [line_id], span.from_at, span.to_at, everything=by_hand):
                note(line_id, span.label, product, said)
    return found


def _of_machine(
    machine: Machine,
    making: Sequence[windows.Making],
    spans: Sequence[Labelled],
    totals: Mapping[tuple[int, datetime], tuple[int, int]],
    blind: Sequence[Jump],
    said: Said,
) -> dict[str, Figures]:
    def between(from_at: datetime, to_at: datetime) -> tuple[int, int]:
        (good, reject), (good_before, reject_before) = totals[machine.id, to_at], totals[machine.id, from_at]
        gap = _jumped(blind, from_at, to_at)
        return max(0, good - good_before - gap[0]), max(0, reject - reject_before - gap[1])

    counted: dict[tuple[str, str, oee.Cycle], tuple[int, int]] = {}
    for one in making:
        good, reject = between(one.from_at, one.to_at)
        before = counted.get((one.label, one.product, one.cycle), (0, 0))
        counted[one.label, one.product, one.cycle] = (before[0] + good, before[1] + reject)
    found = _by_label(machine, counted, said)
    for label in {span.label for span in spans}:
        own = [span for span in spans if span.label == label]
        everything = sum(between(span.from_at, span.to_at)[0] for span in own)
        inside = sum(good for (its, _, _), (good, _) in counted.items() if its == label)
        gaps = [_jumped(blind, span.from_at, span.to_at) for span in own]
        found[label] = replace(
            found.get(label, Figures()),
            unscheduled_good=max(0, everything - inside),
            gap_good=sum(gap[0] for gap in gaps),
            gap_reject=sum(gap[1] for gap in gaps),
        )
    return found


def _jumped(blind: Sequence[Jump], from_at: datetime, to_at: datetime) -> tuple[int, int]:
    here = [one for one in blind if from_at <= one.to_at < to_at]
    return sum(one.parts for one in here if one.kind != "reject"), sum(one.parts for one in here if one.kind == "reject")


def _by_label(machine: Machine, counted: Mapping[tuple[str, str, oee.Cycle], tuple[int, int]], said: Said) -> dict[str, Figures]:
    """What was counted of each product, with what people found of it; a product that only they know of counts too."""
    by_product: dict[tuple[str, str], list[tuple[oee.Cycle, int, int]]] = {}
    for (label, product, cycle), (good, reject) in counted.items():
        by_product.setdefault((label, product), []).append((cycle, good, reject))
    found: dict[str, Figures] = {}
    for (label, product), each in by_product.items():
        reported = said.get((label, product), Reported())
        good, reject = sum(row[1] for row in each), sum(row[2] for row in each)
        if machine.by_hand and machine.sets_pace:
            g, s, r = reported.good, reported.scrap, reported.rework
        else:
            g, s, r = oee.judged(Decimal(good), Decimal(reject), reported.scrap, reported.rework)
        found[label] = found.get(label, Figures()) + _shared_out(each, g, s, r)
    return found


def _shared_out(each: Sequence[tuple[oee.Cycle, int, int]], good: Decimal, scrap: Decimal, rework: Decimal) -> Figures:
    """Parts of one product under the cycle times of their days: each day's share of what was counted is its share of the parts."""
    counted = sum(row[1] + row[2] for row in each)
    whole = oee.parts(each[-1][0], good, scrap, rework)
    if counted <= 0 or len(each) == 1:
        return whole
    shares = [(cycle, (row_good + row_reject) / counted) for cycle, row_good, row_reject in each]
    return replace(
        whole,
        ideal_s=sum(float(whole.produced) * share * cycle.seconds for cycle, share in shares),
        ideal_good_s=sum(float(whole.good) * share * cycle.seconds for cycle, share in shares),
        undated_cycle=any(cycle.undated for cycle, share in shares if share),
        no_cycle=any(cycle.no_cycle for cycle, share in shares if share),
    )
