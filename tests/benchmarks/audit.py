"""``audit``: what the guard and the audit row cost an operation, and how fast a trail is verified.

The operation is one that operators do all day: a report, which changes an order and adds a row. Every figure is taken against
the same two statements by a superuser past the guard, with a plain row put into an unchained audit table by the client:
what a program that trusts itself would do.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from core.store import audit
from core.store.base import Db
from tests.benchmarks.machine import load
from tests.postgres import TestServer, plain

ROWS = 100_000
TOKEN = "benchmark"
OPERATION = "production:report:book"

_PLANT = """
INSERT INTO genba.enterprise (code, name) VALUES ('E', '{"ja": "e", "en": "e"}');
INSERT INTO genba.site (code, name, enterprise_id, time_zone) SELECT 'S', '{"ja": "s", "en": "s"}', id, 'Asia/Tokyo' FROM genba.enterprise;
INSERT INTO genba.area (code, name, site_id) SELECT 'A', '{"ja": "a", "en": "a"}', id FROM genba.site;
INSERT INTO genba.line (code, name, area_id, capacity_per_hour) SELECT 'L1', '{"ja": "l", "en": "l"}', id, 120 FROM genba.area;
INSERT INTO genba.product (code, name) VALUES ('A-1010', '{"ja": "p", "en": "p"}');
INSERT INTO genba.work_order (id, number, product_id, line_id, planned, unit, scheduled_start_at, scheduled_end_at)
SELECT gen_random_uuid(), 'WO-1', p.id, l.id, 1000000, 'pcs', now(), now() + interval '8 h' FROM genba.product p, genba.line l;
INSERT INTO genba.app_user (code, name) VALUES ('tanaka', '{"ja": "田中", "en": "Tanaka"}');
INSERT INTO genba.user_role (user_id, role_id) SELECT u.id, r.id FROM genba.app_user u, genba.role r WHERE r.code = 'operator';
INSERT INTO genba.credential (user_id, salt, verifier, time_cost, memory_kib, parallelism, must_change, changed_at)
SELECT id, decode(repeat('00', 16), 'hex'), decode(repeat('00', 32), 'hex'), 2, 65536, 1, false, now() FROM genba.app_user;
INSERT INTO genba.session (id, user_id, station, token_hash, started_at, expires_at, roles)
SELECT gen_random_uuid(), id, 'P1', sha256('benchmark'), now(), now() + interval '12 h', '["operator"]' FROM genba.app_user;
CREATE TABLE public.naive_audit (id uuid PRIMARY KEY, at timestamptz DEFAULT now(), user_code text, operation text, changes jsonb);
CREATE TABLE public.naive_request (id uuid PRIMARY KEY, operation text, args jsonb, result jsonb)
"""
_UPDATE = "UPDATE genba.work_order SET completed = completed + 1, version = version + 1 WHERE number = 'WO-1' RETURNING id, line_id"
_INSERT = (
    "INSERT INTO genba.production_report (id, order_id, line_id, good, scrap, unit, user_code, station, reported_at, request_id)"
    " VALUES (%s, %s, %s, 1, 0, 'pcs', 'tanaka', 'P1', now(), %s)"
)


def run(*, quick: bool) -> dict[str, Any]:
    """The figures: ``audit_append_ms``, ``guard_ms``, ``verify_rows_s`` and what they are compared with."""
    operations = 400 if quick else 3_000
    with _server() as (station_url, admin_url):
        station, admin = (psycopg.connect(plain(url)) for url in (station_url, admin_url))
        with station, admin:
            for part in _PLANT.split(";\n"):
                admin.execute(part)  # type: ignore[arg-type]
            admin.commit()
            _guarded(station, operations // 10), _naive(admin, operations // 10)  # plans and pages are warm then
            guarded, naive = _guarded(station, operations), _naive(admin, operations)
        _fill(admin_url)
        rows_s = [_verified(station_url) for _ in range(1 if quick else 3)]
    guard = guarded["begin"] + guarded["write"] - naive["write"]
    return {
        "audit_append_ms": round(guarded["end"], 3),
        "guard_ms": round(guard, 3),
        "verify_rows_s": round(statistics.median(rows_s)),
        "begin_ms": round(guarded["begin"], 3),
        "operation_ms": round(guarded["whole"], 3),
        "naive_operation_ms": round(naive["whole"], 3),
        "operation_ratio": round(guarded["whole"] / naive["whole"], 2),
        "naive_audit_ms": round(naive["end"], 3),
        "operation_p99_ms": round(guarded["p99"], 3),
        "operations": operations,
        "rows": ROWS,
        "load": load(),
    }


@contextmanager
def _server() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="genba-bench-") as folder:
        server = TestServer(Path(folder), durable=True)
        server.start()
        try:
            with server.migrated_database() as name:
                yield server.station_url(name), server.admin_url(name)
        finally:
            server.stop()


def _timed(times: list[float], work: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    result = work()
    times.append((time.perf_counter() - began) * 1000)
    return result


def _guarded(connection: psycopg.Connection, count: int) -> dict[str, float]:
    """Medians, ms, of begin, the two statements and end, each as the client sees it; the whole with its commit."""
    begin, write, end, whole = [], [], [], []  # type: ignore[var-annotated]
    for _ in range(count):
        request = uuid.uuid4()
        told = {"id": str(request), "operation": OPERATION, "station": "P1", "user_code": "tanaka", "args": '{"good": "1"}'}
        told["decided_at"] = "2026-01-01T00:00:00+00:00"
        began = time.perf_counter()
        words = (TOKEN, OPERATION, json.dumps(told))
        answer = _timed(begin, lambda w=words: connection.execute("SELECT * FROM genba.begin_operation(%s, %s, %s)", w).fetchone())
        assert answer[0] == "open", answer
        _timed(write, lambda r=request: _write(connection, r))
        seq = _timed(end, lambda: connection.execute("SELECT genba.end_operation('{\"good\": 1}', '', '{}')").fetchone())
        assert seq[0]
        connection.commit()
        whole.append((time.perf_counter() - began) * 1000)
    return {
        "begin": _median(begin),
        "write": _median(write),
        "end": _median(end),
        "whole": _median(whole),
        "p99": sorted(whole)[-count // 100 - 1],
    }


def _naive(connection: psycopg.Connection, count: int) -> dict[str, float]:
    """The same past the guard: request row and audit row are the client's own statements."""
    write, end, whole = [], [], []  # type: ignore[var-annotated]
    for _ in range(count):
        request = uuid.uuid4()
        began = time.perf_counter()
        _timed(write, lambda r=request: _write(connection, r))
        _timed(end, lambda r=request: _naive_end(connection, r))
        connection.commit()
        whole.append((time.perf_counter() - began) * 1000)
    return {"write": _median(write), "end": _median(end), "whole": _median(whole)}


def _write(connection: psycopg.Connection, request: uuid.UUID) -> None:
    row = connection.execute(_UPDATE).fetchone()
    assert row is not None
    connection.execute(_INSERT, (uuid.uuid4(), row[0], row[1], request))


def _naive_end(connection: psycopg.Connection, request: uuid.UUID) -> None:
    connection.execute("INSERT INTO public.naive_request VALUES (%s, %s, '{}', '{}')", (request, OPERATION))
    connection.execute(
        "INSERT INTO public.naive_audit (id, user_code, operation, changes) VALUES (%s, 'tanaka', %s, %s)",
        (uuid.uuid4(), OPERATION, '[{"table": "work_order", "values": {"completed": [1, 2]}}]'),
    )


def _median(times: list[float]) -> float:
    return statistics.median(times)


def _fill(admin_url: str) -> None:
    """Bring the trail to ``ROWS`` rows of a usual size, outside of the clock."""
    changes = [
        {"table": "work_order", "key": str(uuid.UUID(int=1)), "action": "update", "values": {"completed": [180, 200]}},
        {
            "table": "production_report",
            "key": str(uuid.UUID(int=2)),
            "action": "insert",
            "values": {"good": [None, 20], "unit": [None, "pcs"]},
        },
    ]
    with psycopg.connect(plain(admin_url), autocommit=True) as admin:
        there = admin.execute("SELECT count(*) FROM genba.audit").fetchone()
        assert there is not None
        # One long transaction would crawl over the dead versions of the chain's head.
        admin.execute(
            f"""DO $$ BEGIN FOR n IN 1..{ROWS - there[0]} LOOP
                PERFORM genba_guard.audit_write(
                    'P' || n % 4, gen_random_uuid(), '{OPERATION}', 'done', 'tanaka', '田中 太郎', gen_random_uuid(), now(),
                    '{json.dumps(changes)}', 'miscount', '{{}}');
                IF n % 50 = 0 THEN COMMIT; END IF;
            END LOOP; END $$"""  # type: ignore[arg-type]
        )


def _verified(url: str) -> float:
    """Rows verified in a second."""
    engine = create_engine(url, poolclass=NullPool)
    with Db(engine) as db:
        began = time.perf_counter()
        found = audit.verify(db)
        took = time.perf_counter() - began
    assert found.rows >= ROWS
    assert not found.findings
    return found.rows / took
