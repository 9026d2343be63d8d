"""The checks every test runs under are seen to fail: a planted leak of each kind is caught, a clean test passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PLANTED = """
import asyncio, logging, socket, subprocess, sys, threading, warnings
kept = []

def test_clean(): pass

def test_thread():
    stop = threading.Event(); kept.append(stop)
    threading.Thread(target=stop.wait, daemon=True).start()

def test_socket(): kept.append(socket.socket())

def test_child_process(): kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

def test_task():
    loop = asyncio.new_event_loop(); kept.append((loop, loop.create_task(asyncio.sleep(60))))

def test_log(): logging.getLogger("planted").warning("nobody expects this")

def test_log_that_never_came(expect_log): expect_log("something is down")

def test_warning(): warnings.warn("planted", stacklevel=1)

def test_expected_log(expect_log):
    expect_log("planted: .*down")
    logging.getLogger("planted").error("it is down")
"""


def test_planted_leaks_are_caught(tmp_path: Path) -> None:
    (tmp_path / "test_planted.py").write_text(PLANTED, encoding="utf-8")
    checks = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8").replace("_GRACE_S = 2.0", "_GRACE_S = 0.1")
    (tmp_path / "conftest.py").write_text(checks, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "-rA"]
    command += ["--rootdir", str(tmp_path), str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout
    red = {line.split("::")[1].split(" ")[0] for line in output.splitlines() if line.startswith(("ERROR ", "FAILED ")) and "::" in line}
    assert red == {"test_thread", "test_socket", "test_child_process", "test_task", "test_log", "test_log_that_never_came", "test_warning"}
