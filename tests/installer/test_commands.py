from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from installer.checkout import NOT_HERE
from tests.installer.small_checkout import REAL, Small


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"], ["test", "-h"], ["install", "--help"]])
def test_help_names_the_commands_and_changes_nothing(untouched: Small, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "installer", *arguments]
    answer = subprocess.run(command, cwd=untouched.checkout.root, env=untouched.environ(), capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
    for word in ("demo", "test", "install", "--screenshot FILE", "--long", "exit codes:", "py -m installer", "not run there yet"):
        assert word in answer.stdout
    assert not untouched.checkout.venv.exists()


@pytest.mark.parametrize("arguments", [[], ["run"], ["install", "--fast"], ["install", "now"], ["test", "--only", "speed"]])
def test_wrong_arguments_are_told_before_anything_happens(untouched: Small, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "installer", *arguments]
    answer = subprocess.run(command, cwd=untouched.checkout.root, env=untouched.environ(), capture_output=True, text=True)
    assert answer.returncode == 2
    assert "error:" in answer.stderr.splitlines()[-1]
    assert not untouched.checkout.venv.exists()


def test_without_display_the_demo_says_so_before_the_long_set_up(untouched: Small) -> None:
    answer = untouched.run("demo", "--language", "ja")
    assert answer.returncode == NOT_HERE
    assert answer.stderr.startswith("[genba] no display to open the HMI on: neither DISPLAY nor WAYLAND_DISPLAY is set.")
    assert "--screenshot genba.png" in answer.stderr
    assert not untouched.checkout.venv.exists()


def test_a_picture_is_drawn_in_memory_and_every_option_handed_on(ready: Small) -> None:
    answer = ready.run("demo", "--screenshot", "out.png", "--language=ja", "--long", "-x", "現場")
    assert (answer.returncode, answer.stderr) == (0, "")
    [entry] = ready.started()
    assert entry["arguments"] == ["demo", "--screenshot", "out.png", "--language=ja", "--long", "-x", "現場"]
    assert entry["qt"] == "offscreen"
    assert entry["folder"] == str(ready.checkout.root)


def test_the_demos_exit_code_is_passed_on(ready: Small) -> None:
    assert ready.run("demo", "--state-json=out.json", FAIL_HMI="7").returncode == 7


def test_a_dead_display_is_no_obstacle_to_a_picture(ready: Small) -> None:
    answer = ready.run("demo", "--screenshot", "out.png", DISPLAY=":987")
    assert answer.returncode == 0, answer.stderr
    assert ready.started()[0]["qt"] == "offscreen"


def test_an_older_python_is_told_in_one_line() -> None:
    pretend = "import sys, runpy; sys.version_info = (3, 10, 12); runpy.run_module('installer', run_name='__main__')"
    answer = subprocess.run([sys.executable, "-c", pretend], cwd=REAL, capture_output=True, text=True)
    assert answer.returncode == NOT_HERE
    assert answer.stderr.startswith("[genba] Python 3.11 or newer is needed")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_older_python_can_read_the_line_that_speaks_to_it(name: str) -> None:
    ast.parse((REAL / "installer" / name).read_text(encoding="utf-8"), feature_version=(3, 7))


def imported_by(name: str) -> set[str]:
    """The modules that a module of the installer imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse((REAL / "installer" / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module is not None
            found |= {f"installer.{alias.name}" for alias in node.names} if node.module == "installer" else {node.module}
    return found


def test_the_set_up_needs_nothing_but_python() -> None:
    """Everything reachable from ``python3 -m installer``; the developers' tools beside it may need the environment."""
    reached, open_ends = set(), {"__main__"}
    while open_ends:
        name = open_ends.pop()
        reached.add(name)
        for module in imported_by(name):
            top, _, inner = module.partition(".")
            assert top == "installer" or top in sys.stdlib_module_names, f"{name} imports {module}"
            if inner and inner not in reached and top == "installer":
                open_ends.add(inner)
    assert reached == {"__main__", "commands", "checkout", "checks", "display", "environment", "system"}
