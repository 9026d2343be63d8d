"""Words on the command line: help for every command, and a mistake is one line with an exit code."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Genba

COMMANDS = [
    (),
    ("demo",),
    ("station",),
    ("plant",),
    ("plant", "truth"),
    ("plant", "fault"),
    ("db",),
    ("db", "upgrade"),
    ("db", "status"),
    ("db", "schema"),
    ("db", "accept"),
    ("db", "backup"),
    ("db", "verify"),
    ("db", "restore"),
    ("db", "roles"),
    ("db", "roles", "list"),
    ("db", "roles", "add"),
    ("db", "roles", "revoke"),
    ("audit",),
    ("audit", "verify"),
    ("audit", "anchor"),
    ("audit", "export"),
    ("audit", "check"),
    ("source",),
    ("source", "endpoints"),
    ("source", "certificate"),
    ("source", "trust"),
    ("source", "distrust"),
    ("secrets",),
    ("secrets", "list"),
    ("secrets", "set"),
    ("secrets", "forget"),
    ("secrets", "rotate"),
    ("secrets", "export-key"),
    ("secrets", "import-key"),
    ("secrets", "where"),
    ("site",),
    ("site", "plan"),
    ("site", "apply"),
    ("site", "export"),
    ("operations",),
    ("doctor",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(genba: Genba, command: tuple[str, ...]) -> None:
    said = genba(*command, "--help")
    assert (said.code, said.err) == (0, "")
    words = said.out.split("\n\n")
    assert words[0].strip().startswith(f"Usage: {' '.join(('genba', *command))} [OPTIONS]")
    assert len(words[1].strip()) > 20
    assert "..." not in re.sub(r"ARGS]\.\.\.", "", said.out)  # a summary cut off in the middle tells nobody anything
    assert genba(*command, "-h").out == said.out


def test_every_command_has_been_asked_for_help(genba: Genba) -> None:
    import typer.main

    from core.cli import app

    def names(group: object, before: tuple[str, ...]) -> set[tuple[str, ...]]:
        inner = getattr(group, "commands", {})
        return {before}.union(*(names(command, (*before, name)) for name, command in inner.items()))

    assert genba("--version").out.startswith("genba 0.")
    assert names(typer.main.get_command(app), ()) == set(COMMANDS)


def test_the_main_help_says_where_settings_come_from_and_what_exit_codes_mean(genba: Genba) -> None:
    words = " ".join(genba("--help").out.split())
    for named in ("GENBA_HOME", "station.toml", "0 done", "1 refused", "2 wrong", "3 database", "70 a defect", "130 interrupted"):
        assert named in words


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("frobnicate",), "frobnicate"),
        (("--frob",), "--frob"),
        (("db",), "Missing command"),
        (("db", "frob"), "frob"),
        (("db", "status", "more"), "more"),
        (("site", "plan"), "file"),
        (("station", "--seconds", "soon"), "--seconds"),
        (("station", "--seconds", "-1"), "--seconds"),
        (("plant", "--speed", "0"), "--speed"),
        (("plant", "--port-base", "80"), "--port-base"),
        (("plant", "fault"), "stop L2"),
        (("plant", "fault", "--control", "nowhere", "status"), "nowhere"),
        (("plant", "fault", "--control", "here:99999", "status"), "here:99999"),
        (("--language", "fr"), "--language"),
        (("demo", "--theme", "pink"), "--theme"),
        (("--screenshot", "/no/such/folder/x.png"), "/no/such/folder"),
        (("--state-json", "/no/such/folder/x.json"), "/no/such/folder"),
    ],
)
def test_wrong_words(genba: Genba, words: tuple[str, ...], named: str) -> None:
    said = genba(*words)
    assert said.code == 2
    assert named in said.one_line
    assert "--help" in said.one_line
    assert said.out == ""


def test_an_unknown_panel(genba: Genba, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    said = genba("--panel", "moon", "--screenshot", "x.png")
    assert said.code == 2
    assert "moon" in said.one_line
    assert "lines, shift, orders, trends" in said.one_line


@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux: elsewhere there is always a display")
def test_no_display(genba: Genba, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for command in ((), ("demo",)):
        said = genba(*command)
        assert said.code == 3
        assert "--screenshot" in said.one_line
        assert "xvfb-run" in said.one_line


def test_a_defect_is_one_line_and_its_traceback_is_in_the_log_without_secrets(
    genba: Genba, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("cannot reach postgresql://panel:planted-secret@db/genba\nand more")

    monkeypatch.setattr("core.catalogue.described", broken)
    said = genba("operations")
    assert said.code == 70
    assert "RuntimeError" in said.one_line
    crash = (home / "log" / "crash.log").read_text(encoding="utf-8")
    assert "Traceback" in crash
    assert "planted-secret" not in crash + said.err


def test_an_operator_error_is_three_sentences_in_the_stations_language(genba: Genba, monkeypatch: pytest.MonkeyPatch) -> None:
    english = genba("plant", "truth", "--control", "127.0.0.1:1")
    monkeypatch.setenv("GENBA_LANGUAGE", "ja")
    japanese = genba("plant", "truth", "--control", "127.0.0.1:1")
    assert english.code == japanese.code == 3
    assert english.one_line.count(". ") == 2
    assert japanese.one_line.count("。") == 3


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a Windows console has no signals to send")
def test_interrupted_while_it_waits_for_a_database_that_does_not_answer(started: Callable[..., subprocess.Popen[str]], home: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(1)
        url = f"postgresql://panel:secret@127.0.0.1:{deaf.getsockname()[1]}/genba"
        process = started("db", "status", GENBA_DATABASE_URL=url)
        caller, _ = deaf.accept()
        with caller:
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 5
    assert err == ""


def test_a_reader_who_has_seen_enough(started: Callable[..., subprocess.Popen[str]]) -> None:
    process = started("operations", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) in (0, 1)
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stdout = None
