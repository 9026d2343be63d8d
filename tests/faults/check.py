"""The checker: reads the database and the stations' journals from outside and compares them with what the operators were told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from core.production import rules
from core.production.views import OrderStatus
from core.store import audit
from core.store.base import Db
from tests.faults.history import TAKEN, UNSURE, Press
from tests.postgres import plain

_REPORTS: Final = "SELECT id, order_id, good, scrap, corrects, machine_good, request_id FROM genba.production_report"
_TRAIL: Final = """
SELECT a.station, a.seq, a.at, a.operation, c ->> 'key' AS key, c ->> 'action' AS action, c -> 'values' AS values
FROM genba.audit a CROSS JOIN jsonb_array_elements(a.changes) WITH ORDINALITY t(c, n)
WHERE a.outcome = 'done' AND c ->> 'table' = 'work_order' ORDER BY a.at, a.station, a.seq, n
"""
_FOLLOWED: Final = ("status", "completed", "scrap", "note", "reason", "number")


@dataclass
class Verdict:
    """What the checker found.

    Attributes:
        facts_parked: Those of ``parked`` that have happened and still wait for a person.
        lost, doubled: Requests, or the press numbers of reports.
        violations: Everything else that cannot be, in words.
    """

    acknowledged: int = 0
    applied: int = 0
    parked: int = 0
    facts_parked: int = 0
    destroyed: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.violations)


def check(
    admin_url: str, presses: Iterable[Press], journals: Mapping[str, Mapping[str, str]], destroyed: set[str] = frozenset()
) -> Verdict:  # type: ignore[assignment]
    """Compare everything.

    Args:
        presses: The outside history.
        journals: Home → request → state in its journal, of every station there was, twins included.
        destroyed: What a damaged disk took and the station announced.
    """
    verdict = Verdict()
    with psycopg.connect(plain(admin_url), row_factory=namedtuple_row) as connection:
        requests = {str(row.id): row for row in connection.execute("SELECT * FROM genba.request")}
        reports = connection.execute(_REPORTS).fetchall()
        orders = {str(row.id): row for row in connection.execute("SELECT * FROM genba.work_order")}
        trail = connection.execute(_TRAIL).fetchall()
        done = Counter(str(row.id) for row in connection.execute("SELECT request_id AS id FROM genba.audit WHERE outcome = 'done'"))
    _promises(verdict, list(presses), requests, journals, destroyed)
    _left(verdict, requests, journals)
    _once(verdict, requests, reports, done)
    verdict.violations += _sums(orders, reports)
    verdict.violations += _walked(orders, trail)
    verdict.violations += _chains(admin_url)
    return verdict


def _promises(
    verdict: Verdict, presses: list[Press], requests: Mapping[str, Any], journals: Mapping[str, Mapping[str, str]], destroyed: set[str]
) -> None:
    """What an operator was told is so."""
    for press in presses:
        row = requests.get(press.request)
        parked = journals.get(press.home, {}).get(press.request) == "parked"
        if press.outcome in TAKEN:
            verdict.acknowledged += 1
            if row is not None and row.state == "applied":
                verdict.applied += 1
            elif parked:
                verdict.parked += 1
                verdict.facts_parked += press.operation in (rules.REPORT, rules.CORRECT)
                if press.outcome == "applied":
                    verdict.violations.append(f"press {press.n}: told as done, and then it needs attention")
            elif press.request in destroyed:
                verdict.destroyed += 1
            else:
                verdict.lost.append(press.request)
        elif press.outcome not in UNSURE and row is not None and row.state == "applied":
            verdict.violations.append(f"press {press.n} {press.operation}: told {press.outcome} {press.code}, and it was done")


def _left(verdict: Verdict, requests: Mapping[str, Any], journals: Mapping[str, Mapping[str, str]]) -> None:
    """Everybody came home."""
    for home, states in journals.items():
        for request, state in states.items():
            if state == "parked" and request in requests and requests[request].state == "applied":
                verdict.violations.append(f"{home}: {request} needs attention, and it was done")
        left = Counter(state for state in states.values() if state not in ("applied", "parked"))
        if left:
            verdict.violations.append(f"{home}: still in the journal: {dict(left)}")


def _once(verdict: Verdict, requests: Mapping[str, Any], reports: list[Any], done: Counter[str]) -> None:
    """Each request once, with one audit row, and one report where it made one."""
    asked = {str(row.id): row.args["machine_good"] for row in requests.values() if row.operation == rules.REPORT}
    for n, times in Counter(asked.values()).items():
        if times > 1:
            verdict.doubled.append(f"press {n}: {times} requests")
    made = Counter(str(report.request_id) for report in reports)
    for report in reports:
        request = requests.get(str(report.request_id))
        if request is None or request.state != "applied":
            verdict.violations.append(f"report {report.id} without a request")
    for request, row in requests.items():
        expected = {rules.REPORT: 1, rules.CORRECT: 1}.get(row.operation, 0) * (row.state == "applied")
        if made[request] > expected:
            verdict.doubled.append(request)
        elif made[request] < expected:
            verdict.lost.append(request)
        if done[request] != (row.state == "applied"):
            verdict.violations.append(f"request {request}: {row.state}, {done[request]} audit rows")


def _sums(orders: Mapping[str, Any], reports: list[Any]) -> Iterator[str]:
    """Every counter is the sum of its reports."""
    good: dict[str, Decimal] = defaultdict(Decimal)
    scrap: dict[str, Decimal] = defaultdict(Decimal)
    for report in reports:
        good[str(report.order_id)] += report.good
        scrap[str(report.order_id)] += report.scrap
    for key, order in orders.items():
        if (order.completed, order.scrap) != (good[key], scrap[key]):
            yield f"order {order.number}: counters {order.completed}, {order.scrap}, reports {good[key]}, {scrap[key]}"


def _walked(orders: Mapping[str, Any], trail: list[Any]) -> Iterator[str]:
    """Every order went through its states by legal steps, each beginning where the last one ended, and stands where the last one led."""
    seen: dict[str, dict[str, Any]] = {}
    lines: dict[str, str] = {}
    for step in trail:
        now = seen.setdefault(step.key, {})
        where = f"order {step.key}, {step.station} {step.seq}"
        if step.action == "insert":
            now.update({name: after for name, (_, after) in step.values.items()})
            continue
        for name, (before, after) in step.values.items():
            if name in _FOLLOWED and _same(now.get(name)) != _same(before):
                yield f"{where}: {name} was {now.get(name)}, not {before}"
            now[name] = after
        if "status" in step.values:
            before, after = (OrderStatus(value) for value in step.values["status"])
            if after not in rules.TRANSITIONS.get(step.operation, {}).get(before, ()):
                yield f"{where}: {step.operation} from {before} to {after}"
            line = str(now.get("line_id"))
            if after in rules.ON_LINE:
                if lines.get(line, step.key) != step.key:
                    yield f"{where}: two orders on one line"
                lines[line] = step.key
            elif lines.get(line) == step.key:
                del lines[line]
    for key, order in orders.items():
        for name in _FOLLOWED:
            if _same(seen.get(key, {}).get(name)) != _same(getattr(order, name)):
                yield f"order {order.number}: {name} is {getattr(order, name)}, its trail says {seen.get(key, {}).get(name)}"


def _same(value: Any) -> Any:
    """Numbers as numbers, however they are written; nothing and "" as the same."""
    if isinstance(value, Decimal | int | float):
        return Decimal(str(value)).normalize()
    return value or ""


def _chains(admin_url: str) -> Iterator[str]:
    engine = create_engine(admin_url, poolclass=NullPool)
    try:
        with Db(engine) as db:
            for finding in audit.verify(db).findings:
                yield f"audit chain of {finding.station} at {finding.seq}: {finding.kind} {finding.noted_by}".rstrip()
    finally:
        engine.dispose()
