from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from installer import environment
from installer.checkout import NOT_HERE, Checkout, Problem
from tests.installer.small_checkout import REAL, Small

pytestmark = pytest.mark.early


def made(output: str) -> bool:
    return "[genba] making " in output


def test_a_set_up_checkout_is_reused_at_once(ready: Small) -> None:
    before = ready.checkout.stamp.stat()
    answer = ready.run("install", "--headless")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert ready.checkout.stamp.stat().st_mtime_ns == before.st_mtime_ns


def test_genba_starts_from_any_folder_with_the_code_of_its_checkout(ready: Small, tmp_path: Path) -> None:
    (tmp_path / "hmi").mkdir()
    (tmp_path / "hmi" / "__init__.py").touch()
    (tmp_path / "hmi" / "__main__.py").write_text("raise SystemExit('the program of the wrong folder')")
    link = tmp_path / "genba"
    link.symlink_to(environment.launcher(ready.checkout))
    for command in (environment.launcher(ready.checkout), link):
        command_line = [command, "demo", "--panel", "lines of 現場"]
        answer = subprocess.run(command_line, cwd=tmp_path, env=ready.environ(), capture_output=True, text=True)
        assert (answer.returncode, answer.stderr) == (0, "")
        [entry] = ready.started()
        assert entry["arguments"] == ["demo", "--panel", "lines of 現場"]
        assert entry["folder"] == str(tmp_path)
        assert str(ready.checkout.root) in entry["path"]


def stop_at(small: Small, moment: str, stop: Callable[[int], None]) -> tuple[int, str]:
    """Starts a set-up, stops it when it says it is at this moment, and gives back its exit code and what it said."""
    process = subprocess.Popen(
        small.command("install", "--headless"),
        cwd=small.checkout.root,
        env=small.environ(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stderr is not None
        seen = ""
        while f"[genba] {moment} " not in seen:
            seen += process.stderr.readline()
            assert process.poll() is None, seen
        stop(process.pid)
        seen += process.stderr.read()
    return process.returncode, seen


@pytest.mark.parametrize("moment", ["making", pytest.param("installing", marks=pytest.mark.long)])
def test_an_interrupted_environment_is_made_anew(untouched: Small, moment: str) -> None:
    """Ctrl-C reaches the set-up and what it started; the next run starts from nothing."""
    code, seen = stop_at(untouched, moment, lambda pid: os.killpg(pid, signal.SIGINT))
    assert code == 130
    assert seen.splitlines()[-1] == "[genba] interrupted; the next run makes good what is unfinished"
    assert not environment.is_current(untouched.checkout)
    untouched.checkout.venv.mkdir(exist_ok=True)
    (untouched.checkout.venv / "left over").touch()

    answer = untouched.run("install", "--headless")
    assert answer.returncode == 0, answer.stderr
    assert made(answer.stderr)
    assert environment.is_current(untouched.checkout)
    assert not (untouched.checkout.venv / "left over").exists()


def test_a_killed_set_up_leaves_the_turn_to_what_it_started(untouched: Small) -> None:
    """A child outlives its killed parent; a second set-up must not clear the folder under it."""

    def kill_alone(pid: int) -> None:
        while not (untouched.checkout.venv / "pyvenv.cfg").exists():  # the child is at work
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)

    code, _ = stop_at(untouched, "making", kill_alone)
    assert code == -signal.SIGKILL
    assert not environment.is_current(untouched.checkout)
    answer = untouched.run("install", "--headless")
    assert answer.returncode == 0, answer.stderr
    assert "waiting for another set-up" in answer.stderr
    assert environment.is_current(untouched.checkout)


def test_a_package_with_another_content_is_refused_in_one_line(untouched: Small) -> None:
    lock = untouched.checkout.lock
    lock.write_text(re.sub("sha256:.{8}", "sha256:00000000", lock.read_text()))
    answer = untouched.run("install", "--headless")
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("[genba] the packages could not be installed: THESE PACKAGES DO NOT MATCH THE HASHES")
    assert "Traceback" not in answer.stderr
    assert "small-checks" in untouched.checkout.log.read_text()
    assert not environment.is_current(untouched.checkout)


def test_two_at_once_make_one_environment(untouched: Small) -> None:
    processes = [
        subprocess.Popen(
            untouched.command("install", "--headless"),
            cwd=untouched.checkout.root,
            env=untouched.environ(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sorted(map(made, said)) == [False, True]
    assert sum("waiting for another set-up" in text for text in said) == 1


def test_a_folder_that_cannot_be_written_is_one_line(untouched: Small) -> None:
    untouched.checkout.turn.parent.write_text("a file where a folder should be")
    answer = untouched.run("install", "--headless")
    assert answer.returncode == NOT_HERE
    assert re.fullmatch(r"\[genba\] the set-up could not go on: .*'\n", answer.stderr), answer.stderr


@pytest.fixture
def pretended(tmp_path: Path) -> Checkout:
    """A checkout whose environment looks complete to the stamp."""
    checkout = Checkout(tmp_path)
    for path in (checkout.lock, checkout.python):
        path.parent.mkdir(parents=True)
        path.write_text("x==1")
    checkout.stamp.write_text(environment.fingerprint(checkout))
    assert environment.is_current(checkout)
    return checkout


def test_another_lock_is_another_environment(pretended: Checkout) -> None:
    pretended.lock.write_text("x==2")
    assert not environment.is_current(pretended)


def test_another_python_is_another_environment(pretended: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.implementation", namedtuple("Other", "cache_tag")("cpython-399"))
    assert not environment.is_current(pretended)


def test_a_copied_checkout_makes_its_own_environment(pretended: Checkout, tmp_path: Path) -> None:
    copy = Checkout(tmp_path / "copy")
    shutil.copytree(pretended.venv, copy.venv)
    shutil.copytree(pretended.lock.parent, copy.lock.parent)
    assert not environment.is_current(copy)


def test_an_environment_whose_python_went_away_is_not_complete(pretended: Checkout) -> None:
    pretended.python.unlink()
    pretended.python.symlink_to("/no/such/python")
    assert not environment.is_current(pretended)


def test_a_full_disk_is_named_before_anything_is_changed(pretended: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    pretended.lock.write_text("x==2")
    kept = pretended.stamp.read_text()
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12 - 10**8, 10**8))
    with pytest.raises(Problem, match="has 100 MB free; the set-up needs 1000 MB") as caught:
        environment.ensure(pretended)
    assert caught.value.code == NOT_HERE
    assert pretended.stamp.read_text() == kept


def test_foreign_modules_are_not_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/opt/other/python")
    monkeypatch.setenv("GENBA_TEST", "kept")
    environ = environment.clean_environ()
    assert "PYTHONPATH" not in environ
    assert environ["GENBA_TEST"] == "kept"


def test_the_real_lock_is_where_the_installer_looks() -> None:
    assert Checkout(REAL).lock.is_file()
