"""Makes ``requirements.lock`` again from ``pyproject.toml``: ``python3 -m installer.lock``, for developers.

One lock serves every platform and every Python from 3.11 on (markers tell them apart), with the hash of every file of every package,
and names no index: where packages come from is the machine's own configuration. The resolver is uv, which must be on the path;
whoever only installs needs no uv.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from installer.checkout import FAILED, NOT_HERE, Checkout, Problem, say

REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\]+)")
ADDRESS = re.compile(r"\w+://|--(extra-)?index-url|--find-links|\s@\s")


def normal(name: str) -> str:
    """The name of a package as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> dict[str, set[str]]:
    """The packages of a lock file by normal name, each with its versions (several where markers tell platforms apart)."""
    versions: dict[str, set[str]] = {}
    for found in filter(None, map(REQUIREMENT.match, text.splitlines())):
        versions.setdefault(normal(found["name"]), set()).add(found["version"])
    return versions


def wanted(pyproject: str) -> list[str]:
    """The names of the packages that ``pyproject.toml`` asks for, the tests' included."""
    project = tomllib.loads(pyproject)["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    return [normal(re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0]) for line in lines]


def faults(lock: str, pyproject: str) -> list[str]:
    """What is wrong with a lock, one sentence each; empty when it can be installed anywhere as it stands."""
    packages = locked(lock)
    found = [f"{name} is asked for in pyproject.toml but not locked" for name in wanted(pyproject) if name not in packages]
    for block in re.split(r"\n(?=\S)", lock.strip()):
        if not REQUIREMENT.match(block):
            found.append(f"not a package: {block.splitlines()[0][:60]}")
        elif "--hash=sha256:" not in block:
            found.append(f"{block.split('==')[0]} has no hash")
        if ADDRESS.search(block):
            found.append(f"{block.split('==')[0]} names an address")
    return found


def compile_command(checkout: Checkout, upgrade: Sequence[str], *, upgrade_all: bool) -> list[str]:
    """The uv call that resolves; versions already locked are kept unless an upgrade is asked for."""
    command = ["uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-emit-find-links", "--no-header", "--no-annotate", "--quiet", "--extra", "test"]
    command += ["--upgrade"] if upgrade_all else [option for name in upgrade for option in ("--upgrade-package", name)]
    return [*command, "--output-file", str(checkout.lock), str(checkout.root / "pyproject.toml")]


def main(argv: Sequence[str]) -> int:
    """Writes the lock again and says what changed."""
    parser = argparse.ArgumentParser(prog="python3 -m installer.lock", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--upgrade", action="append", default=[], metavar="PACKAGE", help="take the newest allowed version of this one")
    parser.add_argument("--upgrade-all", action="store_true", help="take the newest allowed version of everything")
    parser.add_argument("--check", action="store_true", help="only say whether the lock fits pyproject.toml")
    options = parser.parse_args(argv)
    checkout = Checkout(Path(__file__).resolve().parents[1])
    try:
        before = locked(checkout.lock.read_text(encoding="utf-8")) if checkout.lock.exists() else {}
        if not options.check:
            _compile(checkout, options)
        text = checkout.lock.read_text(encoding="utf-8")
        wrong = faults(text, (checkout.root / "pyproject.toml").read_text(encoding="utf-8"))
        if wrong:
            raise Problem("the lock cannot be used: " + "; ".join(wrong))
    except Problem as problem:
        say(str(problem))
        return problem.code
    after = locked(text)
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    for name in changed:
        say(f"{name}: {', '.join(sorted(before.get(name, ['-'])))} → {', '.join(sorted(after.get(name, ['-'])))}")
    say(f"{len(after)} packages locked, {len(changed)} changed; next: python3 -m installer.licenses in the new environment")
    return 0


def _compile(checkout: Checkout, options: argparse.Namespace) -> None:
    if shutil.which("uv") is None:
        raise Problem("uv is not on the path (any of: pip install uv, pipx install uv)", NOT_HERE)
    answer = subprocess.run(compile_command(checkout, options.upgrade, upgrade_all=options.upgrade_all), stderr=subprocess.PIPE, text=True)
    if answer.returncode:
        lines = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
        raise Problem(f"uv found no solution: {' '.join(lines) or answer.returncode}", FAILED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
