"""``pg_dump`` and ``pg_restore`` run beside others on one computer: whoever looks at the list of processes learns no secret."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.store import dumping
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
