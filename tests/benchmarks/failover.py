"""``failover``: seconds without a commit when the computer of the primary dies, under the failover manager of the distribution.

Needs pg_auto_failover on this computer (``failover_cluster.NEEDED``); says so as JSON where it is missing. The server of the primary
and its keeper are killed with -9 while stations work: the server alone would only be started again in place.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import psycopg

from core.store import logins
from core.store.schema import upgrade
from tests.benchmarks.failover_cluster import Cluster, Node, NotInstalled
from tests.benchmarks.failover_station import session_of, token_of
from tests.benchmarks.machine import load
from tests.store.rig import TABLES

STATIONS: Final = 4
QUICK_LOAD_S, FULL_LOAD_S = 6.0, 10.0
PATIENCE_S: Final = 90.0
WRITABLE: Final = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
SESSION: Final = """
INSERT INTO genba.session (id, user_id, station, token_hash, started_at, expires_at, roles, seal_inner, seal_outer)
SELECT %(session)s, u.id, %(station)s, sha256(convert_to(%(token)s, 'UTF8')), now() - interval '1 h', now() + interval '11 h',
       '["operator"]', genba_guard.pad(k.key, 54), genba_guard.pad(k.key, 92)
FROM genba.app_user u, (SELECT sha256(convert_to('genba seal ' || %(token)s, 'UTF8')) AS key) k WHERE u.code = 'alice'
"""


def run(*, quick: bool) -> dict[str, Any]:
    """Measure; returns the figures, or ``error``."""
    try:
        figures = _once(tuned=True, load_s=QUICK_LOAD_S if quick else FULL_LOAD_S)
        if not quick:
            figures["with_defaults"] = _once(tuned=False, load_s=FULL_LOAD_S)
    except NotInstalled as error:
        return {"error": str(error)}
    return figures


def _once(*, tuned: bool, load_s: float) -> dict[str, Any]:
    with Cluster(tuned=tuned) as cluster, tempfile.TemporaryDirectory(prefix="genba-stations-") as homes:
        primary, standby = cluster.nodes
        names = [f"ST{number}" for number in range(1, STATIONS + 1)]
        log_ins = _prepare(primary, cluster.login, names)
        settings = cluster.settings()
        old = _timeline(primary, cluster.login)
        hosts = "&".join(f"host=127.0.0.1:{node.port}" for node in cluster.nodes)
        stations = [
            _Station(f"postgresql+psycopg://{login}:{password}@/genba?{hosts}", Path(homes) / name, name)
            for name, (login, password) in zip(names, log_ins, strict=True)
        ]
        try:
            for station in stations:
                station.wait_ready()
            time.sleep(load_s)
            killed_at = time.time()
            primary.kill()
            dead_at = time.time()
            promoted_at = _promotion(standby, cluster.login)
            time.sleep(load_s)
        finally:
            for station in stations:
                station.tell_to_end()
            told = [station.end() for station in stations]
        figures = _figures(told, _first_commits(standby, cluster.login, dead_at), killed_at, dead_at, promoted_at)
        figures |= _counted(standby, cluster.login, told)
        return figures | {
            "old_timeline": old,
            "new_timeline": _timeline(standby, cluster.login),
            "stations": STATIONS,
            "settings": settings,
            "load": load(),
        }


def _prepare(primary: Node, login: str, stations: list[str]) -> list[tuple[str, str]]:
    """The schema, things to decide about, and a log-in and a session at every station; gives log-ins and passwords."""
    url = primary.url("genba", login).replace("postgresql://", "postgresql+psycopg://")
    upgrade(url)
    log_ins = [(logins.login_of(name), logins.add(url, name)) for name in stations]
    with psycopg.connect(primary.url("genba", login), autocommit=True) as connection:
        connection.execute(TABLES.encode())
        connection.execute("DELETE FROM genba.session")
        for name in stations:
            connection.execute(SESSION, {"session": session_of(name), "station": name, "token": token_of(name)})
    return log_ins


def _timeline(node: Node, login: str) -> int:
    with psycopg.connect(node.url("genba", login)) as connection:
        row = connection.execute("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)").fetchone()
    assert row is not None
    return int(row[0], 16)


def _promotion(standby: Node, login: str) -> float | None:
    """When the standby became a primary that takes writes, UNIX seconds; None: it did not.

    The failover manager promotes it read-only and lets nobody write until the old primary has certainly given up.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(standby.url("genba", login), autocommit=True) as connection:
            while time.monotonic() < end:
                if connection.execute(WRITABLE).fetchone() == (False,):
                    return time.time()
                time.sleep(0.02)
        time.sleep(0.02)
    return None


def _figures(
    told: list[dict[str, Any]], commits: dict[str, float], killed_at: float, dead_at: float, promoted_at: float | None
) -> dict[str, Any]:
    """Seconds, of the station that came back last.

    Args:
        told: What the stations say.
        commits: Station → its first commit on the new primary, as the database says it; all moments in UNIX seconds.
    """
    whole = promoted_at is not None and len(commits) == len(told)
    last = max(commits.values(), default=0.0)
    presses = [min((at for _, state, at in each["confirmed"] if state == "applied" and at > dead_at), default=None) for each in told]
    at_once = [at for at in presses if at is not None]
    return {
        "gap_s": round(last - killed_at, 2) if whole else None,
        "after_promotion_s": round(last - promoted_at, 2) if whole and promoted_at is not None else None,
        "promoted": promoted_at is not None,
        "promotion_s": round(promoted_at - killed_at, 2) if promoted_at is not None else None,
        "nothing_waits_s": round(max(at_once) - killed_at, 2) if len(at_once) == len(told) else None,
    }


def _first_commits(standby: Node, login: str, dead_at: float) -> dict[str, float]:
    """Station → its first commit after ``dead_at``, UNIX seconds."""
    first = "SELECT station, extract(epoch FROM min(applied_at))::float8 FROM genba.request"
    first += " WHERE applied_at > to_timestamp(%s) GROUP BY station"
    with psycopg.connect(standby.url("genba", login)) as connection:
        return dict(connection.execute(first, (dead_at,)).fetchall())


def _counted(standby: Node, login: str, told: list[dict[str, Any]]) -> dict[str, Any]:
    confirmed = {request for station in told for request, _, _ in station["confirmed"]}
    with psycopg.connect(standby.url("genba", login)) as connection:
        found = dict(connection.execute("SELECT request_id::text, count(*) FROM genba.test_entry GROUP BY request_id").fetchall())
        sums = dict(connection.execute("SELECT id::text, count FROM genba.test_thing").fetchall())
    offline = sum(state == "waiting" for station in told for _, state, _ in station["confirmed"])
    return {
        "acknowledged": len(confirmed),
        "accepted_without_database": offline,
        "lost": len(confirmed - found.keys()),
        "doubled": sum(times > 1 for times in found.values()),
        "sums_right": all(sums.get(station["thing"]) == len(station["confirmed"]) for station in told),
        "still_waiting": sum(station["waiting"] for station in told),
        "parked": _sum(told, "parked"),
        "refused": _sum(told, "refused"),
    }


def _sum(told: list[dict[str, Any]], what: str) -> dict[str, int]:
    """Code → how often, over all stations."""
    total: Counter[str] = Counter()
    for station in told:
        total.update(station[what])
    return dict(total)


class _Station:
    """One station's process."""

    def __init__(self, url: str, home: Path, name: str) -> None:
        home.mkdir()
        command = [sys.executable, "-m", "tests.benchmarks.failover_station", url, str(home), name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait_ready(self) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError("a station did not start")

    def tell_to_end(self) -> None:
        """It brings home what waits, and says what it did."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdin = None

    def end(self) -> dict[str, Any]:
        """What it says."""
        try:
            out, _ = self._process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        if self._process.returncode or not out:
            raise RuntimeError("a station broke down")
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        return told
