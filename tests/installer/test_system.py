from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer import system
from installer.checkout import NOT_HERE, Problem
from installer.system import Need

TABLES = [system.EVERYWHERE, system.QT, system.X11, system.WAYLAND]
BOOKWORM, NOBLE, TRIXIE = (2, 36), (2, 39), (2, 41)


def loader(*there: str):  # type: ignore[no-untyped-def]
    def load(name: str) -> object:
        if name not in there:
            raise OSError(f"{name}: cannot open shared object file")
        return object()

    return load


def test_only_what_does_not_load_is_missing() -> None:
    there = [name for name in system.QT if name != "libEGL.so.1"]
    assert system.missing_libraries([system.QT], loader(*there)) == [Need("libEGL.so.1", "libegl1")]
    assert system.missing_libraries([system.QT], loader(*system.QT)) == []
    assert len(system.missing_libraries(TABLES, loader())) == sum(map(len, TABLES))


def test_a_bare_debian_12_lacks_these_packages() -> None:
    """What a system with Python alone was seen to lack; it has zlib, zstd and the C++ runtime."""
    bare = system.missing_libraries([system.EVERYWHERE, system.QT], loader("libz.so.1", "libzstd.so.1", "libstdc++.so.6"))
    expected = ["libglib2.0-0", "libgl1", "libegl1", "libx11-6", "libxkbcommon0", "libfontconfig1", "libfreetype6", "libdbus-1-3"]
    assert system.packages_of(bare, BOOKWORM) == expected


@pytest.mark.parametrize(("glibc", "name"), [(BOOKWORM, "libglib2.0-0"), (NOBLE, "libglib2.0-0t64"), (TRIXIE, "libglib2.0-0t64")])
def test_packages_have_the_name_of_the_distribution(glibc: tuple[int, ...], name: str) -> None:
    assert system.packages_of([Need("libglib-2.0.so.0", "libglib2.0-0"), Need("libEGL.so.1", "libegl1")], glibc) == [name, "libegl1"]


@given(st.lists(st.sampled_from(sorted({package for table in TABLES for package in table.values()}))))
def test_each_package_is_named_once_and_in_order(packages: list[str]) -> None:
    named = system.packages_of([Need("something", package) for package in packages], BOOKWORM)
    assert sorted(named) == sorted(set(packages))
    assert named == sorted(named, key=packages.index)


def test_the_table_names_the_packages_that_hold_the_libraries_here() -> None:
    if shutil.which("dpkg") is None:
        pytest.skip("only a Debian system can say which package holds a library")
    table = {library: package for table in TABLES for library, package in table.items()}
    answer = subprocess.run(["dpkg", "-S", *(f"*/{library}" for library in table)], capture_output=True, text=True)
    checked = 0
    for line in answer.stdout.splitlines():
        holders, _, path = line.rpartition(": ")
        library = Path(path).name
        if re.match(r"/(usr/)?lib/[^/]+/[^/]+$", path) and library in table:
            names = {holder.split(":")[0] for holder in holders.split(", ")}
            assert system.renamed(table[library], system.glibc_version()) in names, library
            checked += 1
    assert checked >= len(system.QT)


def test_the_programs_come_with_their_package() -> None:
    assert system.missing_programs(system.PROGRAMS, lambda name: None) == [Need("unshare", "util-linux"), Need("setpriv", "util-linux")]
    assert system.missing_programs(system.PROGRAMS, lambda name: f"/usr/bin/{name}") == []


def test_debian_splits_ensurepip_from_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else object())
    monkeypatch.setattr("sys.version_info", (3, 12, 3))
    assert system.missing_venv() == [Need("the Python module ensurepip", "python3.12-venv")]


def test_this_machine_has_what_the_tests_run_with() -> None:
    """The tests draw offscreen, so the tables must agree that this machine can."""
    assert system.missing_libraries([system.EVERYWHERE, system.QT], ctypes.CDLL) == []
    assert system.missing_venv() == []


class Machine:
    """A machine whose apt-get is a script: it keeps a list of calls and makes packages appear as it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, root: bool) -> None:
        self.folder = folder
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setattr(system, "ROOT", root)
        monkeypatch.setattr(system, "glibc_version", lambda: BOOKWORM)

    def has_apt(self, body: str) -> None:
        script = self.folder / "apt-get"
        which = 'case "$*" in *" update") step=update;; *) step=install;; esac'
        script.write_text(f'#!/bin/sh\necho "$*" >> {self.folder}/calls\n{which}\n{body}\n')
        script.chmod(0o755)

    def find_missing(self) -> list[Need]:
        return [] if (self.folder / "installed").exists() else [Need("libGL.so.1", "libgl1"), Need("libEGL.so.1", "libegl1")]

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


INSTALL = "-q -o DPkg::Lock::Timeout=180 install -y --no-install-recommends libgl1 libegl1"
APT_LINE = "apt-get install -y --no-install-recommends libgl1 libegl1"
UPDATE = "-q -o DPkg::Lock::Timeout=180 update"


def test_root_installs_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    machine = Machine(tmp_path, monkeypatch, root=True)
    machine.has_apt(f": > {tmp_path}/installed")
    system.bring(machine.find_missing)
    assert machine.calls == [INSTALL]
    assert capsys.readouterr().err == "[genba] installing 2 system packages: libgl1 libegl1\n"
    system.bring(machine.find_missing)
    assert machine.calls == [INSTALL]


def test_root_refreshes_the_lists_of_a_fresh_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch, root=True)
    machine.has_apt(
        f"if [ $step = update ]; then : > {tmp_path}/lists; exit 0; fi\n"
        f"[ -e {tmp_path}/lists ] || {{ echo 'E: Unable to locate package libgl1'; exit 100; }}\n: > {tmp_path}/installed"
    )
    system.bring(machine.find_missing)
    assert machine.calls == [INSTALL, UPDATE, INSTALL]


def test_apts_own_reason_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch, root=True)
    machine.has_apt("echo 'Reading package lists...'; echo 'E: Unable to locate package libgl1'; exit 100")
    with pytest.raises(Problem) as caught:
        system.bring(machine.find_missing)
    assert str(caught.value) == f"`{APT_LINE}` failed: Unable to locate package libgl1"
    assert caught.value.code == NOT_HERE


def test_an_installation_that_did_not_help_is_not_called_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch, root=True)
    machine.has_apt("exit 0")
    with pytest.raises(Problem, match=r"still not usable after .*: libGL\.so\.1, libEGL\.so\.1"):
        system.bring(machine.find_missing)


@pytest.mark.parametrize(
    ("root", "may_install", "sudo", "line"),
    [
        (False, True, True, f"sudo {APT_LINE}"),
        (False, True, False, f"su -c '{APT_LINE}'"),
        (True, False, True, APT_LINE),
    ],
)
def test_who_may_not_install_is_told_the_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: bool, may_install: bool, sudo: bool, line: str
) -> None:
    machine = Machine(tmp_path, monkeypatch, root=root)
    machine.has_apt("exit 0")
    if sudo:
        (tmp_path / "sudo").symlink_to(tmp_path / "apt-get")
    with pytest.raises(Problem) as caught:
        system.bring(machine.find_missing, may_install=may_install)
    assert str(caught.value).splitlines() == [
        "this system lacks libGL.so.1, libEGL.so.1. Please run, and try again:",
        f"    {line}",
    ]
    assert caught.value.code == NOT_HERE
    assert machine.calls == []


def test_a_system_without_apt_hears_what_to_look_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch, root=True)
    with pytest.raises(Problem, match=re.escape("lacks libGL.so.1, libEGL.so.1; install what holds them (on Debian: libgl1 libegl1)")):
        system.bring(machine.find_missing)


STRACE = [Need("strace", "strace")]


def test_what_only_helps_comes_along_with_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path, monkeypatch, root=True)
    machine.has_apt(f": > {tmp_path}/installed")
    system.bring(machine.find_missing, find_helpful=lambda: STRACE)
    assert machine.calls == [INSTALL + " strace"]


STRACE_LINE = "apt-get install -y --no-install-recommends strace"


@pytest.mark.parametrize(
    ("root", "apt", "said"),
    [
        (True, "exit 0", "installing 1 system packages: strace"),
        (True, "echo 'E: no network'; exit 100", f"going on without strace: `{STRACE_LINE}` failed: no network"),
        (False, "exit 0", f"some tests are left out without strace; to have them: su -c '{STRACE_LINE}'"),
    ],
)
def test_the_lack_of_what_only_helps_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: bool, apt: str, said: str
) -> None:
    machine = Machine(tmp_path, monkeypatch, root=root)
    machine.has_apt(apt)
    system.bring(list, find_helpful=lambda: STRACE)
    assert capsys.readouterr().err.splitlines()[-1] == f"[genba] {said}"
