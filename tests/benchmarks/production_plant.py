"""The plant of the benchmark ``production``: twenty machines on twelve lines, and a year of what they did, counted and made."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import platformdirs
import psycopg

from core.clock import SystemClock
from core.config import StationSettings
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.station.floor import Floor
from core.store import logins
from core.store.programs import hand_over, unprivileged
from core.store.schema import upgrade
from core.users.roles import system_actor
from tests.benchmarks.start import ROOT
from tests.benchmarks.stations_plant import DATABASE, PIN, SETTINGS, SHOWN
from tests.postgres import OwnServer, installed_servers, plain

STATION: Final = "ST01"
LINES: Final = tuple(f"L{number}" for number in range(1, 13))
TWICE: Final = 8
"""So many of the lines have a second machine."""
SEGMENTS: Final = 3_000_000
REPORTS: Final = 1_000_000
ORDERS: Final = 100_000
COUNTS: Final = 1_200_000
YEAR_S: Final = 365 * 86_400
STALE_S: Final = 20 * 86_400
"""What was prepared longer ago than this is prepared anew; what is missing since then is added at the start."""
PRODUCTS: Final = 20
RUNNING_ORDERS: Final = 5
"""Orders of a line that are not over: one runs, the others wait."""

_SHIFT: Final = (
    "{{code: {0}, name: {0}, weekdays: [mon, tue, wed, thu, fri, sat, sun], starts: {1}, ends: {2}, breaks: [{{starts: {3}, ends: {4}}}]}}"
)
_SHIFTS: Final = (
    ("1", "06:00", "14:00", "10:00", "10:30"),
    ("2", "14:00", "22:00", "18:00", "18:30"),
    ("3", "22:00", "06:00", "02:00", "02:30"),
)
_SITE: Final = """\
enterprise: {{code: G, name: G}}
sites:
  - code: S
    name: S
    time_zone: Asia/Tokyo
    calendars: [{{code: C, name: C, shifts: [{shifts}]}}]
    areas:
      - {{code: A, name: A, lines: [{lines}]}}
products: [{products}]
standard_times: [{times}]
sources:
  - {{code: press, protocol: modbus, url: "modbus://127.0.0.1:1", readers: stations, stations: [NOBODY]}}
tags: {{file: tags.csv}}
users:
  - {{code: op0, name: Op, roles: [operator, supervisor], initial_pin: {pin}, pin_must_change: false}}
"""
_LINE: Final = "{{code: {0}, name: {0}, capacity_per_hour: 120, constraint: {0}-M1, calendar: C, work_units: [{1}]}}"

# Segment n of a machine lasts from n to n + 1 lengths, both moved by up to a third of one, never past its neighbours.
_SEGMENT: Final = """
INSERT INTO genba.state_segment (id, work_unit_id, state, reason_code, started_at, ended_at, source, epoch, seq)
SELECT uuidv7(), w.id,
    CASE WHEN n %% 2 = 0 THEN 'RUNNING' ELSE (ARRAY['MINOR_STOP','MINOR_STOP','MINOR_STOP','WAITING','MINOR_STOP','DOWN','DOWN',
        'SETUP','WAITING','OFFLINE'])[1 + (n / 2) %% 10] END,
    CASE WHEN n %% 2 = 1 AND (n / 2) %% 10 = 6 THEN 'D04' ELSE '' END,
    t0 + make_interval(secs => len * (n + (hashint8(n * 31 + w.id) %% 1000) / 3000.0)),
    CASE WHEN n < last THEN t0 + make_interval(secs => len * (n + 1 + (hashint8((n + 1) * 31 + w.id) %% 1000) / 3000.0)) END,
    'year', 1, w.id * 100000000::bigint + n
FROM (SELECT %(t0)s::timestamptz AS t0, %(len)s::float8 AS len, %(first)s::bigint AS first, %(last)s::bigint AS last) c,
    genba.work_unit w, generate_series(first, last) n
"""
_COUNT: Final = """
INSERT INTO genba.count_event (id, line_id, work_unit_id, kind, quantity, running_total, occurred_at, source, epoch, seq)
SELECT uuidv7(), w.line_id, w.id, k.kind, k.each, k.each * (n / k.every + 1), t0 + make_interval(secs => len * (n + 0.5)), 'year', 1,
    w.id * 100000000::bigint + k.base + n
FROM (SELECT %(t0)s::timestamptz AS t0, %(len)s::float8 AS len, %(first)s::bigint AS first, %(last)s::bigint AS last) c,
    genba.work_unit w, (VALUES ('good', 5, 1, 0), ('reject', 1, 20, 50000000)) k(kind, each, every, base), generate_series(first, last) n
WHERE n %% k.every = 0
"""
_ORDER: Final = """
INSERT INTO genba.work_order (id, number, product_id, line_id, planned, completed, scrap, unit, status, priority, scheduled_start_at,
    scheduled_end_at, actual_start_at, actual_end_at, run_seconds, run_since_at, note, reason)
SELECT uuidv7(), 'WO-' || l.code || '-' || n, p.id, l.id, 40, CASE WHEN over THEN 40 ELSE 0 END, 0, 'pcs',
    CASE WHEN over THEN 'CLOSED' WHEN n = %(orders)s - %(open)s THEN 'IN_PROGRESS' ELSE 'RELEASED' END, 5, begin, begin + len,
    CASE WHEN begun THEN begin END, CASE WHEN over THEN begin + len END, CASE WHEN over THEN %(len)s ELSE 0 END,
    CASE WHEN begun AND NOT over THEN begin END, '', ''
FROM genba.line l, generate_series(0, %(orders)s - 1) n
CROSS JOIN LATERAL (SELECT n < %(orders)s - %(open)s AS over, n <= %(orders)s - %(open)s AS begun, make_interval(secs => %(len)s) AS len,
    %(t0)s::timestamptz + make_interval(secs => %(len)s * n) AS begin) c
JOIN LATERAL (SELECT id FROM genba.product ORDER BY code OFFSET (n / 5) %% %(products)s LIMIT 1) p ON true
"""
_RUN: Final = """
INSERT INTO genba.order_run (id, order_id, line_id, product_id, status, from_at, to_at)
SELECT uuidv7(), id, line_id, product_id, 'IN_PROGRESS', actual_start_at, actual_end_at FROM genba.work_order
WHERE actual_start_at IS NOT NULL
"""
_REPORT: Final = """
INSERT INTO genba.production_report (id, order_id, line_id, good, scrap, rework, unit, defect_code, origin, user_code, station, reported_at,
    request_id)
SELECT uuidv7(), o.id, o.line_id, 4, CASE WHEN n %% 10 = 0 THEN 1 ELSE 0 END, 0, 'pcs', CASE WHEN n %% 10 = 0 THEN 'Q01' END, 'person',
    'op0', 'ST01', o.actual_start_at + (o.actual_end_at - o.actual_start_at) * (n + 0.5) / %(each)s, gen_random_uuid()
FROM genba.work_order o, generate_series(0, %(each)s - 1) n WHERE o.status = 'CLOSED'
"""
_STOP: Final = """
WITH said AS (
    INSERT INTO genba.stop (id, line_id, work_unit_id, anchor_at, segment_id, changed_at)
    SELECT uuidv7(), w.line_id, s.work_unit_id, s.started_at, s.id, s.started_at FROM genba.state_segment s
    JOIN genba.work_unit w ON w.id = s.work_unit_id WHERE s.seq % 20 = 11 AND s.state = 'DOWN'
    RETURNING id, line_id, work_unit_id, anchor_at
)
INSERT INTO genba.stop_part (id, stop_id, line_id, work_unit_id, from_at, reason_code, user_code, station, request_id, decided_at)
SELECT uuidv7(), id, line_id, work_unit_id, anchor_at, (ARRAY['D01','D02','D05','D07','D15'])[1 + (hashtext(id::text) & 3)], 'op0', 'ST01',
    gen_random_uuid(), anchor_at FROM said
"""
_FILLED: Final = ("state_segment", "count_event", "work_order", "order_run", "production_report", "stop", "stop_part")


class ProductionPlant:
    """Started with ``start``, gone with ``remove``; preparing happens once and is kept in the user's cache.

    Args:
        folder: Of this run.
        share: Of the full sizes.
    """

    def __init__(self, folder: Path, share: float = 1.0) -> None:
        self._folder, self._share = folder, share
        self._kept: dict[str, Any] = {}
        self.server = OwnServer(folder / "server", installed_servers()["embedded"], **SETTINGS)
        self.units = len(LINES) + TWICE

    @property
    def sizes(self) -> dict[str, int]:
        """Rows of the year."""
        return {name: int(size * self._share) for name, size in _SIZES.items()}

    def start(self) -> ProductionPlant:
        kept = self._prepared()
        self._kept = json.loads((kept / "kept.json").read_text(encoding="utf-8"))
        shutil.copytree(kept / "server", self.server.home)
        owner = unprivileged().owner
        if owner is not None:
            hand_over(self.server.home / "data", owner)
        self.server.start()
        upgrade(self.server.url(DATABASE))  # what the program is allowed may have changed since
        self._until_now()
        return self

    def remove(self) -> None:
        self.server.remove()

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """Rows, as whoever owns the server."""
        with psycopg.connect(plain(self.server.url(DATABASE)), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def url(self) -> str:
        login = logins.login_of(STATION)
        return f"postgresql+psycopg://{login}:{self._kept['password']}@127.0.0.1:{self.server.port}/{DATABASE}?sslmode=disable"

    def shown(self) -> dict[str, str]:
        """The settings that the figures depend on, as the server says them."""
        return {name: self.ask(f"SHOW {name}")[0][0] for name in SHOWN}

    def rows(self) -> dict[str, int]:
        """How many there are of each."""
        return {table: self.ask(f"SELECT count(*) FROM genba.{table}")[0][0] for table in _FILLED}

    # --- preparing ---

    def _prepared(self) -> Path:
        mark = hashlib.sha256(Path(__file__).read_bytes())
        for path in sorted((ROOT / "migrations").rglob("*.*")):
            if path.suffix in {".py", ".sql"}:
                mark.update(path.read_bytes())
        caches = platformdirs.user_cache_path("genba-benchmarks", appauthor=False)
        kept = caches / f"production-{self._share:g}-{mark.hexdigest()[:12]}"
        if not (kept / "kept.json").exists() or time.time() - (kept / "kept.json").stat().st_mtime > STALE_S:
            for old in caches.glob(f"production-{self._share:g}-*"):
                shutil.rmtree(old, ignore_errors=True)
            self._prepare(kept)
        return kept

    def _prepare(self, kept: Path) -> None:
        settings = {"shared_buffers": "512MB", "maintenance_work_mem": "256MB", "max_wal_size": "8GB"}
        server = OwnServer(kept / "server", installed_servers()["embedded"], **settings)
        server.start()
        began = datetime.now(UTC) - timedelta(seconds=YEAR_S)
        try:
            server.run(f"CREATE DATABASE {DATABASE}")
            owner = server.url(DATABASE)
            upgrade(owner)
            self._apply(owner)
            password = logins.add(owner, STATION)
            with psycopg.connect(plain(owner), autocommit=True) as connection:
                connection.execute("SET session_replication_role = replica")
                self._fill(connection, began)
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")
        finally:
            server.stop()
        told = {"password": password, "began": began.isoformat()}
        (kept / "kept.json").write_text(json.dumps(told), encoding="utf-8")

    def _lengths(self) -> tuple[float, float]:
        """Seconds of a segment and between two counts of a machine."""
        sizes = self.sizes
        return YEAR_S * self.units / sizes["segments"], YEAR_S * self.units / sizes["counts"]

    def _fill(self, connection: psycopg.Connection[Any], began: datetime) -> None:
        sizes = self.sizes
        indexes = connection.execute(
            "SELECT i.indexdef, format('%%I.%%I', i.schemaname, i.indexname) FROM pg_indexes i WHERE i.schemaname = 'genba'"
            " AND i.tablename = ANY(%s) AND i.indexname LIKE 'ix%%'",
            [list(_FILLED)],
        ).fetchall()
        for _, name in indexes:
            connection.execute(f"DROP INDEX {name}")
        self._years(connection, began, 0, sizes["segments"] // self.units - 1, 0, sizes["counts"] // self.units - 1)
        orders = sizes["orders"] // len(LINES)
        asked = {"t0": began, "orders": orders, "open": RUNNING_ORDERS, "products": PRODUCTS, "len": YEAR_S / (orders - RUNNING_ORDERS + 1)}
        connection.execute(_ORDER, asked)
        connection.execute(_RUN)
        connection.execute(_REPORT, {"each": max(1, round(sizes["reports"] / sizes["orders"]))})
        connection.execute("CREATE INDEX bench_seq ON genba.state_segment (seq) WHERE state = 'DOWN'")
        connection.execute(_STOP)
        connection.execute("DROP INDEX genba.bench_seq")
        for definition, _ in indexes:
            connection.execute(definition)

    def _years(self, connection: psycopg.Connection[Any], began: datetime, *numbers: int) -> None:
        first, last, first_count, last_count = numbers
        segment_s, count_s = self._lengths()
        connection.execute(_SEGMENT, {"t0": began, "len": segment_s, "first": first, "last": last})
        connection.execute(_COUNT, {"t0": began, "len": count_s, "first": first_count, "last": last_count})

    def _until_now(self) -> None:
        """What the machines did since it was prepared; and somebody records them."""
        began = datetime.fromisoformat(self._kept["began"])
        passed_s = (datetime.now(UTC) - began).total_seconds()
        (segment_s, count_s), sizes = self._lengths(), self.sizes
        first, first_count = sizes["segments"] // self.units, sizes["counts"] // self.units
        with psycopg.connect(plain(self.server.url(DATABASE)), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(
                "UPDATE genba.state_segment s SET ended_at = s.started_at + make_interval(secs => %s) WHERE s.ended_at IS NULL",
                [segment_s / 2],
            )
            last, last_count = int(passed_s / segment_s) - 1, int(passed_s / count_s) - 1
            if last >= first:
                self._years(connection, began, first, last, first_count, max(first_count - 1, last_count))
            connection.execute(
                "INSERT INTO genba.lease (name, holder, epoch, acquired_at, renewed_at, expires_at)"
                " VALUES ('source:year', 'BENCH', 1, now(), now(), now() + interval '1 day')"
            )
            connection.execute("ANALYZE genba.state_segment, genba.count_event")

    def _apply(self, url: str) -> None:
        site, up = self._folder / "site.yaml", threading.Event()
        site.write_text(_site(), encoding="utf-8")
        (self._folder / "tags.csv").write_text(_tags(), encoding="utf-8")
        settings = StationSettings(home=self._folder / "boss", name="BOSS", database_url=url)
        floor = Floor(settings, SystemClock(), lambda: None, as_owner=True)
        floor.open_files()
        try:
            floor.open_database(lambda state: up.set() if state.up else None, lambda _: None, lambda: None)
            if not up.wait(30):
                raise RuntimeError("the new server is not usable")
            floor.door.do(apply_site, system_actor("tester", "BOSS"), arguments(read(site)))
        finally:
            floor.close()


_SIZES: Final = {"segments": SEGMENTS, "counts": COUNTS, "orders": ORDERS, "reports": REPORTS}


def units_of(line: str) -> list[str]:
    """Codes of the machines of a line."""
    return [f"{line}-M1", f"{line}-M2"] if LINES.index(line) < TWICE else [f"{line}-M1"]


def _site() -> str:
    shifts = ", ".join(_SHIFT.format(*shift) for shift in _SHIFTS)
    lines = ", ".join(_LINE.format(line, ", ".join(f"{{code: {unit}, name: {unit}}}" for unit in units_of(line))) for line in LINES)
    products = ", ".join(f"{{code: P-{n:02}, name: P{n}, standard_cycle_min: 0.5}}" for n in range(PRODUCTS))
    times = ", ".join(
        f"{{product: P-{n:02}, work_unit: {unit}, cycle_min: {0.5 + n / 100:.2f}, valid_from: 2020-01-01}}"
        for n in range(PRODUCTS)
        for line in LINES
        for unit in units_of(line)
    )
    return _SITE.format(shifts=shifts, lines=lines, products=products, times=times, pin=PIN)


def _tags() -> str:
    rows = [
        f"{unit}.State,press,1/holding/{place * 10},int32,0.5,{unit},state"
        for place, unit in enumerate(unit for line in LINES for unit in units_of(line))
    ]
    return "\n".join(["name,source,address,type,period_s,work_unit,role", *rows, ""])
