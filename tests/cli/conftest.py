"""A command line as a user has it: a home of its own, English, and what came out."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.postgres import plain


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def one_line(self) -> str:
        """The failure, after making sure that it is one line without a traceback."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("genba: ")
        return lines[0].removeprefix("genba: ")


Genba = Callable[..., Said]


@contextmanager
def window(admin_url: str, oldest: str, newest: str) -> Iterator[None]:
    """While it lasts, the newest schema says that it serves other programs."""
    with psycopg.connect(plain(admin_url), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO genba.schema_compat (schema_revision, oldest_program, newest_program, applied_at)"
            " VALUES ('9999', %s, %s, now() + interval '1 hour')",
            (oldest, newest),
        )
        yield
        connection.execute("DELETE FROM genba.schema_compat WHERE schema_revision = '9999'")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The station's home; commands of this test speak English and find it by themselves."""
    folder = tmp_path / "home 家"
    monkeypatch.setenv("GENBA_HOME", str(folder))
    monkeypatch.setenv("GENBA_LANGUAGE", "en")
    monkeypatch.setenv("GENBA_NAME", "PANEL-1")
    return folder


@pytest.fixture
def _no_log_left() -> Iterator[None]:
    """A command's log file is closed with its process; here the process goes on."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def genba(home: Path, capfd: pytest.CaptureFixture[str], _no_log_left: None) -> Genba:
    """Run a headless command inside this process: ``genba("db", "status")``."""
    import hmi.__main__  # with it, the whole command line
    from core.cli import run_cli

    def run(*words: str | Path) -> Said:
        assert hmi.__main__.app is not None
        capfd.readouterr()
        code = run_cli([str(word) for word in words])
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.fixture
def started(home: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``genba`` as a process of its own in a folder that is not the checkout; ended afterwards."""
    running = []

    def start(*words: str, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hmi", *words]
        process = subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()
