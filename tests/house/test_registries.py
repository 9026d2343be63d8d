"""Explicit lists over discovery: what a list names exists, and what exists is on its list."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.source import ROOT, modules
from tests.house.test_import_contracts import contracts


def contract(name: str) -> dict[str, object]:
    return next(each for each in contracts() if str(each["name"]).startswith(name))


def rooms(folder: str) -> set[str]:
    """Modules and packages directly in ``folder``."""
    paths = [path for path in (ROOT / folder).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return {path.stem for path in paths} - {"__init__"}


def test_every_protocol_has_an_arm_a_file_and_a_contract() -> None:
    from core.drivers import PROTOCOLS
    from core.live.tags import MANUAL
    from core.sitefile.entries import SourceEntry

    arms = {
        case.pattern.value.value
        for node in ast.walk(modules("core")["core.drivers"])
        if isinstance(node, ast.match_case) and isinstance((case := node).pattern, ast.MatchValue)
        if isinstance(case.pattern.value, ast.Constant)
    }
    assert arms == set(PROTOCOLS)
    assert set(PROTOCOLS) <= rooms("core/drivers")
    assert contract("Drivers are strangers")["modules"] == [f"core.drivers.{protocol}" for protocol in PROTOCOLS]
    told = SourceEntry.model_json_schema()["properties"]["protocol"]
    assert told["enum"] == [*PROTOCOLS, MANUAL], "a machine without a controller has no driver"


def test_the_parts_of_one_driver_are_unknown_to_the_others() -> None:
    """The contract knows a protocol's first file; ``opcua_browse`` must not read ``modbus_plan`` either."""
    from core.drivers import PROTOCOLS

    drivers = {name: tree for name, tree in modules("core").items() if name.startswith("core.drivers.")}
    for name, tree in drivers.items():
        mine = name.rpartition(".")[2].partition("_")[0]
        if mine in PROTOCOLS:
            imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
            imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
            others = tuple(f"core.drivers.{protocol}" for protocol in PROTOCOLS if protocol != mine)
            assert [module for module in imported if module.startswith(others)] == [], name


def test_every_panel_is_registered_and_a_stranger_to_the_others() -> None:
    from hmi.panels import PANELS, Panel

    ids = [entry.id for entry in PANELS]
    assert set(ids) == rooms("hmi/panels")
    assert len(ids) == len(set(ids))
    assert set(contract("Panels are strangers")["modules"]) == {f"hmi.panels.{id}" for id in ids}  # type: ignore[call-overload]
    for entry in PANELS:
        assert issubclass(entry.load(), Panel)


def test_the_words_and_icons_of_the_panels_exist() -> None:
    from core import words
    from core.catalogue import OPERATIONS, QUERIES
    from hmi.panels import PANELS
    from hmi.widgets import glyphs

    for entry in PANELS:
        assert words.has_word(entry.word)
        assert entry.glyph in glyphs.names()
        assert entry.permission is None or entry.permission in {*OPERATIONS, *QUERIES}


def test_the_wire_contract_names_every_room_that_has_no_wire() -> None:
    closed = {module.removeprefix("core.") for module in contract("Wire libraries")["source_modules"]}  # type: ignore[attr-defined]
    assert closed == rooms("core") - {"drivers", "demo", "sync"}


def test_features_stand_in_the_contract_that_hides_the_drivers() -> None:
    hidden = {module.removeprefix("core.") for module in contract("Features never see")["source_modules"]}  # type: ignore[attr-defined]
    features = {path.parent.name for path in (ROOT / "core").glob("*/models.py")}
    assert features | {"sitefile", "catalogue"} == hidden


def test_the_version_is_written_once() -> None:
    import tomllib

    from core.config import VERSION

    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == VERSION


def test_the_top_level_is_as_it_was_fixed() -> None:
    import shutil
    import subprocess

    top = {path.name for path in ROOT.iterdir()}
    if shutil.which("git") and (ROOT / ".git").exists():  # a bare machine or an unpacked archive has no list of its files
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        top = {Path(name).parts[0] for name in listed.stdout.split("\0") if name}
    shown = {name for name in top if not name.startswith(".")}
    assert shown == {"hmi", "core", "resources", "migrations", "installer", "tests", "pyproject.toml", "README.md"}
