"""``pg_dump`` and ``pg_restore`` run beside others on one computer: whoever looks at the list of processes learns no secret."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from core.errors import Unavailable
from core.store import dumping, loading
from core.store.dumping import Tools

SHOWS = """#!/bin/sh
printf '%s\\n' "$@"
echo "environment $PGPASSWORD"
stat -c '%a %n' "$PGSERVICEFILE" && cat "$PGSERVICEFILE"
exit 0
"""


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    folder = tmp_path / "プログラム 18"
    folder.mkdir()
    program = folder / "pg_dump"
    program.write_text(SHOWS, encoding="utf-8")
    program.chmod(0o700)
    return Tools(folder, 18, "18.1")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_nothing_secret_stands_in_a_command_line(tools: Tools) -> None:
    server = {"host": "db", "user": "o", "dbname": "genba", "password": "pass word", "sslkey": "/k", "sslpassword": "of the = key"}
    ended = dumping.run(tools, "pg_dump", ["--format=custom"], server)
    arguments, _, rest = ended.out.partition("environment ")
    assert arguments.splitlines()[:2] == ["--format=custom", "--no-password"]
    assert "sslkey=/k" in arguments
    assert "pass word" not in arguments
    assert "of the" not in arguments
    password, place, section, line = rest.splitlines()
    assert (password, section, line) == ("pass word", "[genba]", "sslpassword=of the = key")
    mode, path = place.split(" ", 1)
    assert mode == "600"
    assert not Path(path).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_an_environment_that_points_elsewhere_is_not_obeyed(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "of somebody else")
    monkeypatch.setenv("PGSERVICEFILE", "/tmp/anywhere")
    assert "of somebody else" not in dumping.run(tools, "pg_dump", [], {"host": "db"}).out


PATIENT = """#!/bin/sh
for n in $(seq 600); do
    [ "$(nice)" -ge 15 ] && break
    sleep 0.1
done
nice
ionice -p $$
"""


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("ionice") is None, reason="who is served first is asked of Linux")
def test_it_stands_behind_everything_else_that_the_computer_has_to_do(tools: Tools) -> None:
    (tools.folder / "pg_dump").write_text(PATIENT, encoding="utf-8")
    processor, disk = dumping.run(tools, "pg_dump", []).out.splitlines()
    assert int(processor) >= 15
    assert disk.startswith("idle")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_of_the_tools_that_fit_the_oldest_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older one writes can be read back into a server of its version; the newest would shut that server out."""
    for version in ("18.1", "15.4", "16.2", "no version"):
        folder = tmp_path / version
        folder.mkdir()
        for name in ("pg_dump", "pg_restore"):
            (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n", encoding="utf-8")
            (folder / name).chmod(0o700)
    monkeypatch.setattr(dumping, "_folders", lambda: iter([*tmp_path.iterdir(), tmp_path / "not there"]))
    assert [dumping.fitting(major).version for major in (15, 16, 17, 18)] == ["15.4", "16.2", "18.1", "18.1"]
    with pytest.raises(Unavailable) as caught:
        dumping.fitting(19)
    assert (caught.value.code, caught.value.params["have"]) == ("backup.tools_too_old", "18.1")
    monkeypatch.setattr(dumping, "_folders", lambda: iter([tmp_path / "not there"]))
    with pytest.raises(Unavailable) as caught:
        dumping.fitting(15)
    assert caught.value.code == "backup.tools_missing"


def test_only_a_word_that_older_servers_do_not_know_is_no_failure() -> None:
    newer = 'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"'
    other = "pg_restore: error: could not execute query: ERROR:  could not create unique index"
    notes = "Command was: SET transaction_timeout = 0;\npg_restore: warning: errors ignored on restore: 1"
    assert loading._only_a_newer_word(f"{newer}\n{notes}")
    for said in (other, f"{newer}\n{other}\n{notes}", notes, ""):
        assert not loading._only_a_newer_word(said)
