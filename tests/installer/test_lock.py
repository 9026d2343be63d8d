from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from installer import lock
from tests.installer.small_checkout import REAL

TEXT = (REAL / "installer" / "requirements.lock").read_text(encoding="utf-8")
PYPROJECT = (REAL / "pyproject.toml").read_text(encoding="utf-8")
PLACES = [
    {**system, "python_version": python, "python_full_version": f"{python}.4"}
    for system in (
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    )
    for python in ("3.11", "3.12", "3.13", "3.14")
]


def entries() -> list[tuple[Requirement, str]]:
    blocks = re.split(r"\n(?=\S)", TEXT.strip())
    return [(Requirement(block.split(" \\")[0]), block) for block in blocks]


def test_the_lock_fits_pyproject() -> None:
    assert lock.faults(TEXT, PYPROJECT) == []


def test_every_entry_is_one_exact_version_with_hashes_of_full_length() -> None:
    for requirement, block in entries():
        assert re.fullmatch(r"==[^*]+", str(requirement.specifier)), block
        hashes = re.findall(r"--hash=sha256:([0-9a-f]*)", block)
        assert hashes
        assert all(len(value) == 64 for value in hashes), requirement.name


def test_no_address_is_written_down() -> None:
    assert not re.search(r"https?:|file:|index|find-links|trusted-host", TEXT)


def locked_in(place: dict[str, str]) -> dict[str, Version]:
    chosen: dict[str, Version] = {}
    for requirement, _ in entries():
        if requirement.marker is None or requirement.marker.evaluate(place):
            name = lock.normal(requirement.name)
            assert name not in chosen, f"{name} twice in {place}"
            chosen[name] = Version(str(requirement.specifier).removeprefix("=="))
    return chosen


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place['sys_platform']}-{place['python_version']}")
def test_every_platform_gets_all_that_is_asked_for(place: dict[str, str]) -> None:
    """pyproject's wishes and, as far as they are installed here to be asked, the wishes of what they bring."""
    chosen = locked_in(place)
    asked = [(Requirement(line), "") for line in wishes()]
    seen = set()
    while asked:
        requirement, extra = asked.pop()
        if requirement.marker and not requirement.marker.evaluate({**place, "extra": extra}):
            continue
        name = lock.normal(requirement.name)
        assert name in chosen, f"{requirement} is not locked"
        assert requirement.specifier.contains(chosen[name], prereleases=True), f"{requirement}, but {chosen[name]} is locked"
        for wanted in {"", *requirement.extras} - {known for asked_name, known in seen if asked_name == name}:
            seen.add((name, wanted))
            try:
                asked += [(Requirement(line), wanted) for line in distribution(name).requires or []]
            except PackageNotFoundError:
                continue  # a package of another platform cannot be asked here


def wishes() -> list[str]:
    project = tomllib.loads(PYPROJECT)["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["test"]]


GOOD = "a-b==1.0 \\\n    --hash=sha256:00\nc==2 ; sys_platform == 'win32' \\\n    --hash=sha256:11\n"
SMALL_PROJECT = '[project]\ndependencies = ["A.b[extra]>=1", "c; sys_platform == \'win32\'"]\noptional-dependencies = {test = []}\n'


def test_a_good_lock_has_no_faults() -> None:
    assert lock.faults(GOOD, SMALL_PROJECT) == []
    assert lock.locked(GOOD) == {"a-b": {"1.0"}, "c": {"2"}}


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (GOOD.replace("c==2", "d==2"), "c is asked for in pyproject.toml but not locked"),
        (GOOD.replace("--hash=sha256:00", ""), "a-b has no hash"),
        (GOOD + "--index-url https://packages.example\n", "not a package: --index-url https://packages.example"),
        (GOOD + "e @ https://packages.example/e.whl\n", "not a package: e @ https://packages.example/e.whl"),
        (GOOD.replace("==1.0 ", "==1.0 # from https://packages.example "), "a-b names an address"),
        (GOOD.replace("c==2", "c>=2"), "c is asked for in pyproject.toml but not locked"),
    ],
)
def test_a_broken_lock_is_seen(broken: str, fault: str) -> None:
    assert fault in lock.faults(broken, SMALL_PROJECT)


def test_the_check_says_so_without_the_resolver(capsys: pytest.CaptureFixture[str]) -> None:
    assert lock.main(["--check"]) == 0
    assert "0 changed" in capsys.readouterr().err


def test_without_the_resolver_one_line_says_what_to_install(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert lock.main([]) == 3
    assert capsys.readouterr().err == "[genba] uv is not on the path (any of: pip install uv, pipx install uv)\n"
