"""What revision 0006 makes of rows that were there before it: totals of the counters, what ran when."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta

import pytest

from tests.postgres import TestServer
from tests.store.rig import ask

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_PLANT = """
INSERT INTO genba.enterprise (code, name) VALUES ('E', '{"ja": "x", "en": "x"}');
INSERT INTO genba.site (enterprise_id, code, name, time_zone) SELECT id, 'S', name, 'Asia/Tokyo' FROM genba.enterprise;
INSERT INTO genba.area (site_id, code, name) SELECT id, 'A', name FROM genba.site;
INSERT INTO genba.line (area_id, code, name, capacity_per_hour) SELECT id, 'L1', name, 100 FROM genba.area;
INSERT INTO genba.work_unit (line_id, code, name) SELECT id, u, name FROM genba.line, unnest(ARRAY['M1', 'M2']) u;
INSERT INTO genba.product (code, name) SELECT 'P', name FROM genba.line;
"""
_COUNT = (
    "INSERT INTO genba.count_event (id, line_id, work_unit_id, kind, quantity, occurred_at, source, epoch, seq)"
    " SELECT gen_random_uuid(), w.line_id, w.id, %s, %s, %s, 'PLC', 1, %s FROM genba.work_unit w WHERE w.code = %s"
)
_ORDER = (
    "INSERT INTO genba.work_order (id, number, product_id, line_id, planned, unit, scheduled_start_at, scheduled_end_at, status,"
    " actual_start_at, actual_end_at, run_since_at) SELECT gen_random_uuid(), %s, p.id, l.id, 5, 'pcs', %s, %s, %s, %s, %s, %s"
    " FROM genba.product p, genba.line l"
)


@pytest.fixture
def filled(postgres: TestServer, admin_url: str) -> str:
    """Rows as a program of before 0006 left them: nobody had put anything beside them."""
    ask(admin_url, _PLANT)
    for seq, (unit, kind, quantity, minute) in enumerate(
        [("M1", "good", 5, 3), ("M1", "good", 7, 1), ("M1", "reject", 2, 2), ("M2", "good", 100, 2), ("M1", "good", 1, 3)]
    ):
        ask(admin_url, _COUNT, kind, quantity, NOW + timedelta(minutes=minute), seq, unit)
    later = [NOW + timedelta(hours=hour) for hour in range(4)]
    for number, status, began, ended, since in (
        ("WO-1", "CLOSED", later[0], later[1], None),
        ("WO-2", "CANCELLED", None, None, None),
        ("WO-3", "HELD", later[1], None, None),
        ("WO-4", "IN_PROGRESS", later[2], None, later[3]),
        ("WO-5", "RELEASED", None, None, None),
    ):
        ask(admin_url, _ORDER, number, later[0], later[3], status, began, ended, since)
    ask(admin_url, "DELETE FROM genba.order_run")
    ask(admin_url, "UPDATE genba.count_event SET running_total = NULL")
    return admin_url


def test_what_was_there_before_gets_its_totals_and_runs(filled: str) -> None:
    revision = importlib.import_module("migrations.versions.0006_lines")
    ask(filled, revision._TOTALS)
    ask(filled, revision._RUNS)
    totals = ask(
        filled, "SELECT e.quantity::int, e.running_total FROM genba.count_event e ORDER BY e.work_unit_id, e.kind, e.occurred_at, e.seq"
    )
    assert totals == [(7, 7), (5, 12), (1, 13), (2, 2), (100, 100)]
    runs = ask(
        filled,
        "SELECT o.number, r.status, r.from_at = o.actual_start_at, r.to_at IS NOT DISTINCT FROM o.actual_end_at"
        " FROM genba.order_run r JOIN genba.work_order o ON o.id = r.order_id ORDER BY 1",
    )
    assert runs == [("WO-1", "IN_PROGRESS", True, True), ("WO-3", "HELD", True, True), ("WO-4", "IN_PROGRESS", True, True)]
    ask(filled, _COUNT, "good", 4, NOW + timedelta(minutes=4), 99, "M1")
    assert ask(filled, "SELECT running_total FROM genba.count_event WHERE seq = 99") == [(17,)], "it goes on from there"
