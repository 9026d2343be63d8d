"""``genba db`` against a shared server, a private one, and what is no database of ours."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.config import VERSION
from core.store.schema import REVISION
from tests.cli.conftest import Genba, window
from tests.conftest import ExpectedLog

if TYPE_CHECKING:
    from tests.postgres import TestServer

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "site.yaml"


def test_upgrade_and_status_of_a_shared_database(genba: Genba, postgres: TestServer) -> None:
    with postgres.empty_database() as name:
        url = postgres.admin_url(name)
        empty = genba("db", "status", "--url", url)
        assert empty.code == 1
        assert "empty" in empty.out
        assert "db upgrade" in empty.out
        made = genba("db", "upgrade", "--url", url)
        assert (made.code, made.err) == (0, "")
        assert "ready" in made.out
        again = json.loads(genba("db", "upgrade", "--url", url, "--json").out)
        assert again["state"] == "ready"
        assert again["window"]["revision"] == again["head"] == REVISION
        assert again["program"] == VERSION
        assert genba("db", "status", "--url", url).code == 0


def test_a_station_may_ask_and_not_upgrade(genba: Genba, postgres: TestServer, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)
    assert genba("db", "status").code == 0
    with postgres.empty_database() as name:
        refused = genba("db", "upgrade", "--url", postgres.station_url(name))
    assert refused.code == 1
    assert "permission denied" in refused.one_line


def test_the_script_needs_no_database(genba: Genba, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    said = genba("db", "schema")
    assert said.code == 0
    assert "CREATE TABLE genba.work_order" in said.out
    assert "genba_station" in said.out


def test_a_private_database_is_made_and_left_as_it_was_found(genba: Genba, home: Path) -> None:
    said = genba("db", "upgrade")
    assert (said.code, said.err) == (0, "")
    assert "ready" in said.out
    assert not (home / "database" / "data" / "postmaster.pid").exists()
    assert json.loads(genba("db", "status", "--json").out)["state"] == "ready"


@pytest.mark.parametrize("command", [("db", "status"), ("db", "upgrade"), ("site", "plan", DEMO), ("site", "export", "x.yaml")])
def test_nobody_listens(genba: Genba, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], expect_log: ExpectedLog) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("GENBA_DATABASE_URL", f"postgresql://panel:planted-secret@127.0.0.1:{port}/genba")
    if command[0] == "site":
        expect_log(r"database is down")
    said = genba(*command)
    assert said.code == 3
    assert f"connection refused: 127.0.0.1:{port}" in said.one_line
    assert "planted-secret" not in said.err


def test_a_wrong_password(genba: Genba, database_url: str) -> None:
    before, _, after = database_url.partition("@")
    said = genba("db", "status", "--url", f"{before.rpartition(':')[0]}:planted-secret@{after}")
    assert said.code in (1, 3)
    assert "password" in said.one_line.lower() or "log-in" in said.one_line.lower()
    assert "planted-secret" not in said.err


def test_a_database_that_does_not_exist(genba: Genba, postgres: TestServer) -> None:
    said = genba("db", "status", "--url", postgres.admin_url("nobody_made_this"))
    assert said.code in (1, 3)
    assert "nobody_made_this" in said.one_line


def test_a_database_of_somebody_else(genba: Genba, postgres: TestServer, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectedLog) -> None:
    with postgres.empty_database() as name:
        postgres.run("CREATE TABLE invoices (id int)", name)
        monkeypatch.setenv("GENBA_DATABASE_URL", postgres.station_url(name))
        expect_log(r"database is down")
        said = genba("site", "plan", DEMO)
        assert said.code == 3
        assert "db upgrade" in said.one_line


@pytest.mark.parametrize(
    "url",
    [
        "mysql://panel:planted-secret@db/genba",
        "postgresql://panel:planted-secret@db",
        "planted-secret",
        "postgresql://[::1:planted-secret/x",
    ],
)
def test_an_address_that_is_none(genba: Genba, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = genba("db", "status", "--url", url)
    assert said.code == 1
    assert "--database-url" in said.one_line
    assert "planted-secret" not in said.err
    monkeypatch.setenv("GENBA_DATABASE_URL", url)
    assert "GENBA_DATABASE_URL" in genba("db", "status").one_line


@pytest.mark.parametrize(("oldest", "newest", "code"), [("9.0", "9.9", "store.program_too_old"), ("0.0", "0.0", "store.schema_too_old")])
def test_outside_of_the_window_a_station_reads_and_does_not_write(
    genba: Genba,
    database_url: str,
    admin_url: str,
    monkeypatch: pytest.MonkeyPatch,
    expect_log: ExpectedLog,
    oldest: str,
    newest: str,
    code: str,
) -> None:
    expect_log("read-only for this station")
    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)
    with window(admin_url, oldest, newest):
        told = json.loads(genba("db", "status", "--json").out)
        assert (told["state"], told["reason"]) == ("read_only", code)
        said = genba("db", "status")
        assert said.code == 1
        assert VERSION in said.out
        assert genba("site", "plan", DEMO).code == 0
        refused = genba("site", "apply", DEMO, "--url", admin_url)
        assert refused.code == 3
        assert refused.one_line
        if oldest == "9.0":
            assert genba("db", "upgrade", "--url", admin_url).code == 3


def test_inside_of_the_window_a_newer_schema_serves_this_program(
    genba: Genba, database_url: str, admin_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)
    with window(admin_url, "0.1", "9.9"):
        assert json.loads(genba("db", "status", "--json").out)["state"] == "ahead"
        refused = genba("site", "apply", DEMO)
        assert (refused.code, "--url" in refused.one_line) == (1, True), "a station's log-in does not change the plant"
        assert genba("site", "apply", DEMO, "--url", admin_url).code == 0
        assert json.loads(genba("db", "upgrade", "--url", admin_url, "--json").out)["state"] == "ahead"


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ('langauge = "ja"\n', "langauge"),
        ('language = "fr"\n', "fr"),
        ("language = ja\n", "station.toml"),
        ("screen_diagonal_inch = 'big'\n", "screen_diagonal_inch"),
        ('database_url = "mysql://panel:planted-secret@db/x"\n', "database_url"),
    ],
)
def test_a_mistake_in_the_settings_file(genba: Genba, home: Path, monkeypatch: pytest.MonkeyPatch, written: str, named: str) -> None:
    home.mkdir()
    (home / "station.toml").write_text(written, encoding="utf-8")
    monkeypatch.delenv("GENBA_LANGUAGE")
    for command in (("db", "status"), ("site", "plan", DEMO), ("station", "--seconds", "1")):
        said = genba(*command)
        assert said.code == 1
        assert "station.toml" in said.one_line
        assert named in said.one_line
        assert "planted-secret" not in said.err


@pytest.mark.parametrize("command", [("db", "status"), ("site", "plan", DEMO), ("station", "--seconds", "1")])
def test_a_home_that_cannot_be_used(genba: Genba, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    if os.name != "posix":
        pytest.skip("a folder nobody can make, also not root")
    monkeypatch.setenv("GENBA_HOME", "/proc/nobody/writes/here")
    said = genba(*command)
    assert said.code == 3
    assert "/proc/nobody/writes/here" in said.one_line
    assert "\\x" not in said.err


def test_a_station_follows_its_address_to_another_database_only_when_told(
    genba: Genba, home: Path, postgres: TestServer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.store.lineage import SEEN_FILE, Lineage, Seen, read_lineage

    monkeypatch.setenv("GENBA_DATABASE_URL", database_url)
    home.mkdir()
    seen = Seen(home / SEEN_FILE)
    seen.note(Lineage("7", 3))
    assert "does not name a database" in genba("db", "accept", "yesterday's").one_line
    refused = genba("db", "accept", "7/3")
    assert refused.code == 1
    found = refused.one_line.partition("answers now is ")[2].partition(",")[0]
    assert seen.newest == Lineage("7", 3)
    accepted = genba("db", "accept", found)
    assert (accepted.code, accepted.out) == (0, f"accepted {found}; before: 7/3\n")
    assert seen.newest == read_lineage(found)
