"""The fault run in its short form, and the proof that its checker would notice: each mutant is found."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.faults.check import Verdict
from tests.faults.plan import SERVER_FAULTS, STATION_FAULTS, Fault, plan
from tests.faults.run import Run
from tests.postgres import plain

pytestmark = [pytest.mark.early, pytest.mark.timeout(900)]  # a slow computer takes its time to bring everybody home
STATIONS = ("ST1", "ST2", "ST3")
SIX = (*STATIONS, "ST4", "ST5", "ST6")
IN_CI: Final = bool(os.environ.get("CI"))
_TABLES = ("production_report", "work_order", "audit", "request")


def test_the_same_seed_gives_the_same_plan_and_every_kind_comes() -> None:
    first = plan(7, 300, STATIONS)
    assert first == plan(7, 300, STATIONS)
    assert first != plan(8, 300, STATIONS)
    assert {fault.kind for fault in first} == {*SERVER_FAULTS, *STATION_FAULTS}
    for where in ("server", *STATIONS):
        mine = [fault for fault in first if fault.where == where]
        assert all(one.at_s + one.lasts_s < other.at_s for one, other in itertools.pairwise(mine))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run of 22 seconds, of three minutes where every change is checked; its database stays for the mutants."""
    seconds, stations = (180, SIX) if IN_CI else (22, STATIONS)
    made = Run(7, seconds, stations, tmp_path_factory.mktemp("faults"))
    made.verdict = asyncio.run(made.go())  # type: ignore[attr-defined]
    yield made
    made.close()


def test_nothing_is_lost_and_nothing_is_doubled(run: Run) -> None:
    verdict: Verdict = run.verdict  # type: ignore[attr-defined]
    assert (verdict.lost, verdict.doubled, verdict.violations) == ([], [], []), run.history.path.read_text(encoding="utf-8")[-20_000:]
    assert verdict.acknowledged > 10
    assert verdict.applied + verdict.parked + verdict.destroyed == verdict.acknowledged
    assert 5 < sum(run.history.faults.values()) <= len(run.faults or ())
    assert not IN_CI or set(run.history.faults) == {*SERVER_FAULTS, *STATION_FAULTS}


def changed(run: Run, *statements: str) -> Verdict:
    """What the checker says after somebody with every right has changed something; it is put back afterwards."""
    with psycopg.connect(plain(run.plant.admin)) as owner:
        owner.execute("SET session_replication_role = replica")
        for table in _TABLES:
            owner.execute(f"CREATE TABLE public.kept_{table} AS TABLE genba.{table}")
        for statement in statements:
            assert owner.execute(statement).rowcount == 1
        owner.commit()
        try:
            return run.look()
        finally:
            owner.execute("SET session_replication_role = replica")
            for table in _TABLES:
                written = ", ".join(_written_columns(owner, table))
                owner.execute(f"DELETE FROM genba.{table}")
                owner.execute(f"INSERT INTO genba.{table} ({written}) SELECT {written} FROM public.kept_{table}")
                owner.execute(f"DROP TABLE public.kept_{table}")
            owner.commit()


def _written_columns(owner: psycopg.Connection, table: str) -> list[str]:
    """Without those that the database computes itself."""
    asked = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'genba' AND table_name = %s AND is_generated = 'NEVER'"
    return [str(name) for (name,) in owner.execute(asked, (table,))]


_DOUBLED = """
INSERT INTO genba.production_report (id, order_id, line_id, good, scrap, unit, user_code, station, reported_at, request_id)
SELECT gen_random_uuid(), order_id, line_id, good, scrap, unit, user_code, station, reported_at, request_id
FROM genba.production_report WHERE corrects IS NULL LIMIT 1
"""
_MUTANTS: dict[str, tuple[str, Callable[[Verdict], bool]]] = {
    "a report is booked twice": (_DOUBLED, lambda verdict: len(verdict.doubled) == 1),
    "a counter is changed": (
        "UPDATE genba.work_order SET completed = completed + 1 WHERE id = (SELECT min(id::text)::uuid FROM genba.work_order)",
        lambda verdict: any("counters" in one for one in verdict.violations) and any("its trail says" in one for one in verdict.violations),
    ),
    "a state is changed": (
        "UPDATE genba.work_order SET status = 'CLOSED' WHERE id = (SELECT id FROM genba.work_order WHERE status <> 'CLOSED' LIMIT 1)",
        lambda verdict: any("status is CLOSED, its trail says" in one for one in verdict.violations),
    ),
    "an audit row is removed": (
        "DELETE FROM genba.audit a WHERE station = 'ST1' AND seq = (SELECT min(seq) FROM genba.audit WHERE station = 'ST1')",
        lambda verdict: any("audit chain of ST1" in one for one in verdict.violations),
    ),
    "a request is removed": (
        "DELETE FROM genba.request WHERE id = (SELECT request_id FROM genba.production_report LIMIT 1)",
        # lost as well, unless it was one whose answer its operator never got
        lambda verdict: any("without a request" in one for one in verdict.violations) and len(verdict.lost) <= 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mutant", _MUTANTS)
def test_what_somebody_changed_by_hand_is_found(run: Run, mutant: str) -> None:
    statement, found = _MUTANTS[mutant]
    verdict = changed(run, statement)
    assert found(verdict), verdict
    assert run.look().clean


@pytest.mark.long
def test_three_minutes_with_six_stations(tmp_path: Path) -> None:
    long = Run(1, 180, SIX, tmp_path)
    try:
        verdict = asyncio.run(long.go())
    finally:
        long.close()
    assert (verdict.lost, verdict.doubled, verdict.violations) == ([], [], [])
    assert set(long.history.faults) == {*SERVER_FAULTS, *STATION_FAULTS}


def test_a_station_that_keeps_nothing_is_found(tmp_path: Path) -> None:
    """It shows "waiting" without having written anything; then the database is back, and nothing comes."""
    cut = Fault(1.0, 8.0, "network_cut", "ST1", 1)
    for seed in (3, 4, 5):  # a slow computer may decide nothing while the cable is cut
        (tmp_path / str(seed)).mkdir()
        forgetful = Run(seed, 10, ("ST1",), tmp_path / str(seed), 0.05, forgetful=("ST1",), faults=(cut,), pair=False)
        try:
            verdict = asyncio.run(forgetful.go())
        finally:
            forgetful.close()
        if verdict.lost:
            break
    assert verdict.lost
    assert verdict.acknowledged >= len(verdict.lost)
