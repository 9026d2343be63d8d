from __future__ import annotations

import json
import os
import re
import subprocess

import pytest

from installer import checks
from tests.installer.small_checkout import Small

ORDER = ["ruff", "importlinter", "mypy", "pytest"]


def verdicts(output: str) -> dict[str, str]:
    return dict(re.findall(r"^\[genba\] (\w+) +(ok|FAILED \(exit code \d+\)) +[\d.]+ s$", output, flags=re.MULTILINE))


def test_all_checks_run_from_the_root_of_the_checkout(ready: Small) -> None:
    answer = ready.run("test")
    started = ready.started()
    assert answer.returncode == 0, answer.stderr
    assert [entry["name"] for entry in started] == ORDER
    assert {entry["folder"] for entry in started} == {str(ready.checkout.root)}
    assert {entry["qt"] for entry in started} == {"offscreen"}
    assert verdicts(answer.stderr) == {"lint": "ok", "imports": "ok", "types": "ok", "tests": "ok"}


@pytest.mark.parametrize(("arguments", "marks"), [([], "not long"), (["--long"], "long or not long")])
def test_long_tests_are_chosen_by_their_mark(ready: Small, arguments: list[str], marks: str) -> None:
    ready.run("test", "-k", "orders and not long", *arguments, "tests/core", "-x")
    assert ready.started()[-1]["arguments"] == ["-m", marks, "-k", "orders and not long", "tests/core", "-x"]


def test_a_whole_run_goes_side_by_side_and_a_chosen_part_does_not(ready: Small) -> None:
    ready.run("test", "--only", "tests")
    (whole,) = ready.started()
    assert "-n" in whole["arguments"]
    assert "loadfile" in whole["arguments"]
    ready.run("test", "--only", "tests", "tests/house")
    (part,) = ready.started()
    assert part["arguments"] == ["-m", "not long", "tests/house"]


@pytest.mark.parametrize(("codes", "code"), [("1,0", 0), ("1,1", 1)])
def test_what_failed_beside_others_is_tried_alone_and_named(ready: Small, codes: str, code: int) -> None:
    answer = ready.run("test", "--only", "tests", FAIL_PYTEST=codes, FAILED_TESTS=json.dumps({"tests/test_a.py::test_b": True}))
    assert answer.returncode == code
    first, second = ready.started()
    assert "-n" in first["arguments"]
    assert "-n" not in second["arguments"]
    assert "--last-failed" in second["arguments"]
    assert ("UNSTEADY, failed beside others and passed alone: tests/test_a.py::test_b" in answer.stderr) == (code == 0)


@pytest.mark.parametrize(("codes", "failed"), [("1", checks.UNSTEADY_MOST + 1), ("2", 1), ("1", 0)])
def test_many_failures_and_broken_runs_get_no_second_chance(ready: Small, codes: str, failed: int) -> None:
    names = json.dumps({f"tests/test_a.py::test_{number}": True for number in range(failed)}) if failed else ""
    answer = ready.run("test", "--only", "tests", FAIL_PYTEST=f"{codes},0", FAILED_TESTS=names)
    assert answer.returncode == 1
    assert len(ready.started()) == 1


@pytest.mark.parametrize("failing", ORDER)
def test_one_failure_fails_the_whole_but_stops_nothing(ready: Small, failing: str) -> None:
    answer = ready.run("test", **{f"FAIL_{failing.upper()}": "4"})
    assert answer.returncode == 1
    assert [entry["name"] for entry in ready.started()] == ORDER
    assert list(verdicts(answer.stderr).values()).count("FAILED (exit code 4)") == 1
    assert verdicts(answer.stderr)[("lint", "imports", "types", "tests")[ORDER.index(failing)]] != "ok"


def test_one_check_can_be_run_alone(ready: Small) -> None:
    answer = ready.run("test", "--only", "types", "--only", "lint")
    assert [entry["name"] for entry in ready.started()] == ["mypy", "ruff"]
    assert list(verdicts(answer.stderr)) == ["types", "lint"]


def test_a_platform_chosen_by_hand_is_kept(ready: Small) -> None:
    ready.run("test", "--only", "tests", QT_QPA_PLATFORM="xcb")
    assert [entry["qt"] for entry in ready.started()] == ["xcb"]


def test_after_ctrl_c_no_further_check_starts(ready: Small) -> None:
    answer = ready.run("test", FAIL_MYPY="130")
    assert answer.returncode == 130
    assert [entry["name"] for entry in ready.started()] == ["ruff", "importlinter", "mypy"]


@pytest.mark.parametrize("code", [0, 1])
def test_ci_runs_the_same_from_anywhere(ready: Small, code: int) -> None:
    command = [ready.checkout.root / ".ci" / "run", "--no-apt", "--only", "tests"]
    environ = ready.environ(FAIL_PYTEST=str(code), PATH=f"{ready.checkout.venv / 'bin'}{os.pathsep}{os.environ['PATH']}")
    answer = subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True)
    assert answer.returncode == code, answer.stderr
    assert [entry["name"] for entry in ready.started()] == ["pytest"]
