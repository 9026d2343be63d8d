"""``genba db backup``, ``verify`` and ``restore`` as an administrator uses them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.store.embedded import ADMIN, EmbeddedServer
from tests.cli.conftest import Genba
from tests.postgres import TestServer, plain

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "site.yaml"
Start = Callable[..., subprocess.Popen[str]]


def made(genba: Genba, *words: str | Path) -> Path:
    said = genba("db", "backup", *words)
    assert (said.code, said.err) == (0, "")
    return Path(said.out.splitlines()[0])


def lines_of(genba: Genba, home: Path, url: str | None = None) -> list[Any]:
    """What a station's own database knows of the plant; started for it."""
    server = EmbeddedServer(home / "database")
    server.start()
    try:
        with psycopg.connect(plain(url or server.url(ADMIN))) as connection:
            return connection.execute("SELECT code FROM genba.line ORDER BY code").fetchall()
    finally:
        server.stop()


def test_a_private_database_goes_to_a_new_panel(genba: Genba, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert genba("site", "apply", DEMO).code == 0
    lines = lines_of(genba, home)
    assert len(lines) > 3
    folder = made(genba)
    assert folder.parent == home / "backups"
    assert "DEMO" in genba("db", "verify", folder).out
    deep = json.loads(genba("db", "verify", folder / "manifest.json", "--deep", "--json").out)
    assert (deep["deep"], deep["audit"]["findings"]) == (True, 0)

    monkeypatch.setenv("GENBA_HOME", str(tmp_path / "new panel"))
    said = genba("db", "restore", folder, "--json")
    assert (said.code, said.err) == (0, "")
    told = json.loads(said.out)
    assert (told["database"], told["kept"], told["audit"]["findings"]) == ("genba", "", 0)
    assert lines_of(genba, tmp_path / "new panel") == lines
    assert json.loads(genba("db", "status", "--json").out)["state"] == "ready"
    found = json.loads(genba("audit", "verify", "--json").out)
    assert found["findings"] == []
    assert found["rows"] == told["audit"]["rows"] + 1, "the trail tells that it was brought back"
    assert genba("site", "apply", DEMO).code == 0, "and work goes on"


def test_content_is_put_aside_by_name_only(genba: Genba, home: Path) -> None:
    assert genba("site", "apply", DEMO).code == 0
    folder = made(genba)
    refused = genba("db", "restore", folder)
    assert refused.code == 1
    assert "--replace genba" in refused.one_line
    assert genba("db", "restore", folder, "--replace", "other").code == 1
    said = genba("db", "restore", folder, "--replace", "genba")
    assert said.code == 0, said.err
    assert "kept as genba_before_" in said.out
    assert len(lines_of(genba, home)) > 3


def test_a_running_station_goes_on_with_what_came_back(genba: Genba, home: Path, started: Start) -> None:
    assert genba("site", "apply", DEMO).code == 0
    folder = made(genba)
    station = started("station", "--seconds", "60")
    server = EmbeddedServer(home / "database")
    server.start()
    held = "SELECT name FROM genba.lease WHERE holder = 'PANEL-1' AND expires_at > now() AND epoch > %s"

    def records(epoch: int) -> list[Any]:
        with psycopg.connect(plain(server.url(ADMIN))) as connection:
            return connection.execute(held, (epoch,)).fetchall()

    try:
        wait(lambda: records(0))
        assert genba("db", "restore", folder, "--replace", "genba").code == 0
        wait(lambda: records(1_000_000))
        assert station.poll() is None
    finally:
        server.stop()


def wait(is_so: Callable[[], object], within_s: float = 60.0) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_shared_database_needs_whoever_administers_it(
    genba: Genba, postgres: TestServer, database_url: str, admin_url: str, home: Path, tmp_path: Path
) -> None:
    refused = genba("db", "backup", "--to", tmp_path, "--url", database_url)
    assert refused.code == 1
    assert "log-in" in refused.one_line
    assert genba("site", "apply", DEMO, "--url", admin_url).code == 0
    folder = made(genba, "--to", tmp_path, "--url", admin_url)
    with postgres.empty_database() as name:
        said = genba("db", "restore", folder, "--url", postgres.admin_url(name))
        assert said.code == 0, said.err
        assert genba("audit", "verify", "--url", postgres.admin_url(name)).code == 0


def test_the_doctor_knows_the_newest_copy(genba: Genba, home: Path, postgres: TestServer, admin_url: str) -> None:
    def told() -> tuple[bool, str]:
        (found,) = [one for one in json.loads(genba("doctor", "--json").out)["checks"] if one["check"] == "backups"]
        return found["ok"], found["detail"]

    assert told() == (True, f"none yet in {home / 'backups'}")
    mark = home / "database" / "data" / "PG_VERSION"
    mark.parent.mkdir(parents=True)
    mark.write_text("18\n")
    aged = time.time() - 3 * 86_400
    os.utime(mark, (aged, aged))
    assert told()[0] is False, "three days old and never copied"
    folder = made(genba, "--to", home, "--url", admin_url)
    (home / "database" / "last-backup.json").write_text(json.dumps({"folder": str(folder)}), encoding="utf-8")
    fresh, words = told()
    assert fresh
    assert words.startswith("newest 20")


def test_what_goes_wrong_is_one_line(genba: Genba, home: Path, tmp_path: Path, admin_url: str) -> None:
    assert genba("db", "backup").code == 3, "there is no database yet, and none is made for it"
    assert not (home / "database").exists()
    assert "no backup" in genba("db", "verify", tmp_path).one_line
    assert genba("db", "restore", tmp_path).code == 1
    folder = made(genba, "--to", tmp_path / "copy", "--url", admin_url)
    assert "is there already" in genba("db", "backup", "--to", folder / "manifest.json", "--url", admin_url).one_line
    assert genba("db", "backup", "--to", tmp_path / "no" / "where", "--url", admin_url).code == 3
    os.truncate(folder / "database.dump", 1000)
    damaged = genba("db", "verify", folder)
    assert damaged.code == 1
    assert "database.dump" in damaged.one_line
