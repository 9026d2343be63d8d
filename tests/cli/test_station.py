"""A station without a screen and a plant beside it, as processes, from a folder that is not the checkout."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.demo.plant import PlantOptions
from core.demo.taglist import SERVED_BY
from tests.cli.conftest import Genba, Said
from tests.postgres import plain

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo"
Start = Callable[..., subprocess.Popen[str]]


def free_ports() -> int:
    """The first of some ports nobody uses, below those the system gives away by itself; another one each time."""
    while True:
        base = next(_bases)
        with contextlib.suppress(OSError):
            for port in range(base, base + 5):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return base


_bases = itertools.count(21_000 + os.getpid() % 900 * 10, 5)


def first_line(process: subprocess.Popen[str], within_s: float = 60) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], within_s)
    assert ready, process.poll()
    return process.stdout.readline()


def ended(process: subprocess.Popen[str], number: int, within_s: float = 60) -> Said:
    process.send_signal(number)
    out, err = process.communicate(timeout=within_s)
    return Said(process.returncode, out, err)


@pytest.fixture
def plant(started: Start) -> Iterator[dict[str, Any]]:
    """A plant twenty times as fast as life; what it printed when it was ready."""
    process = started("plant", "--port-base", str(free_ports()), "--speed", "20", "--seed", "7")
    yield json.loads(first_line(process))
    said = ended(process, signal.SIGTERM)
    assert (said.code, said.err) == (0, "")


def test_a_day_of_a_headless_station(genba: Genba, started: Start, plant: dict[str, Any], home: Path, tmp_path: Path) -> None:
    """Site applied, machines read, counts and states recorded; faults provoked and told; ended by a signal."""
    site = tmp_path / "site.yaml"
    text = (DEMO / "site.yaml").read_text(encoding="utf-8")
    for kind in SERVED_BY.values():
        default = f"{plant[kind].rpartition(':')[0]}:{PlantOptions().ports()[kind]}"
        assert default in text
        text = text.replace(default, plant[kind])
    site.write_text(text, encoding="utf-8")
    (tmp_path / "tags.csv").write_bytes((DEMO / "tags.csv").read_bytes())
    assert genba("site", "apply", site).code == 0

    station = started("station")
    assert first_line(station) == f"genba station PANEL-1: running, home {home}\n"
    try:
        wait_for_rows(home)
        # A command beside the running station shares its database and leaves it running.
        assert genba("db", "status").code == 0
        assert genba("site", "plan", site).out == "nothing to change\n"
    finally:
        said = ended(station, signal.SIGTERM)
    assert said.code == 0
    assert "Traceback" not in said.err
    assert "demo-opcua is connected" in said.err
    assert "demo-opcua is connected" in (home / "log" / "station.log").read_text(encoding="utf-8")
    assert not (home / "database" / "data" / "postmaster.pid").exists()


def wait_for_rows(home: Path, within_s: float = 60) -> None:
    """Until three machine protocols have brought counts, and states of lines are known."""
    from core.store.embedded import ADMIN, EmbeddedServer

    server = EmbeddedServer(home / "database")
    server.start()
    end = time.monotonic() + within_s
    found: tuple[Any, ...] | None = None
    try:
        with psycopg.connect(plain(server.url(ADMIN)), autocommit=True) as connection:
            while time.monotonic() < end:
                found = connection.execute(
                    "SELECT (SELECT count(DISTINCT source) FROM genba.count_event), (SELECT count(*) FROM genba.count_event),"
                    " (SELECT count(*) FROM genba.state_segment)"
                ).fetchone()
                assert found is not None
                if found[0] >= 3 and found[2] >= 6:
                    return
                time.sleep(0.1)
    finally:
        server.stop()
    raise AssertionError(found)


def test_faults_and_truth(genba: Genba, plant: dict[str, Any]) -> None:
    control = ("--control", plant["control"])
    truth = json.loads(genba("plant", "truth", *control).out)
    assert {"L1", "L2", "L3", "L4"} <= set(truth["lines"])
    assert genba("plant", "fault", "mark", "before", *control).code == 0
    assert genba("plant", "fault", "stop", "L2", "--reason", "D07", "--for", "30", *control).code == 0
    tag = next(iter(json.loads(genba("plant", "fault", "tags", "L1", *control).out)["tags"]))
    for words in (("freeze", tag), ("unfreeze", tag), ("kill", "modbus"), ("restart", "modbus"), ("speed", "5"), ("pause",), ("resume",)):
        said = genba("plant", "fault", *words, *control)
        assert (said.code, said.err) == (0, ""), words
    status = json.loads(genba("plant", "fault", "status", *control).out)
    assert status["speed"] == 5
    assert json.loads(genba("plant", "truth", "--since", "before", *control).out)
    for words, named in (
        (("stop", "L99"), "L99"),
        (("explode", "L1"), "explode"),
        (("speed", "-3"), "-3"),
        (("drift", "L1.none", "x"), "x"),
    ):
        said = genba("plant", "fault", *words, *control)
        assert said.code == 1, words
        assert named in said.one_line
    assert genba("plant", "truth", "--since", "never", *control).code == 1


def test_a_taken_port_gives_way(started: Start) -> None:
    base = free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base))
        taken.listen()
        process = started("plant", "--port-base", str(base))
        told = json.loads(first_line(process))
        assert int(told["opcua"].rpartition(":")[2]) != base
        assert ended(process, signal.SIGINT).code == 0


def test_a_station_whose_machines_and_database_are_away_runs_all_the_same(started: Start, home: Path) -> None:
    process = started("station", "--seconds", "1", GENBA_DATABASE_URL="postgresql://panel:planted-secret@127.0.0.1:1/genba")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.startswith("genba station PANEL-1: running")
    assert err.count("database is down") == 1
    assert "planted-secret" not in err + (home / "log" / "station.log").read_text(encoding="utf-8")


def test_two_stations_in_one_home(started: Start, home: Path) -> None:
    first = started("station")
    first_line(first)
    second = started("station", "--seconds", "5")
    out, err = second.communicate(timeout=60)
    assert second.returncode == 3, (out, err)
    assert [line.partition(":")[0] for line in err.splitlines() if not line[:4].isdigit()] == ["genba"]
    assert ended(first, signal.SIGINT).code == 0


@pytest.mark.skipif(os.name != "posix", reason="a console script has another name there")
def test_the_installed_command(tmp_path: Path, home: Path) -> None:
    import sys

    script = Path(sys.executable).with_name("genba")
    done = subprocess.run([script, "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("genba 0.")
