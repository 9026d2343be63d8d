"""Root where user namespaces are refused: the embedded server as nobody with one right, and data that change hands between the ways."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

from core.errors import Unavailable
from core.store import programs
from core.store.embedded import ADMIN, EmbeddedServer
from core.store.programs import RunAs, hand_over, unprivileged
from tests.postgres import plain
from tests.store.test_embedded import Station, gone, mode, postmaster, run
from tests.store.test_engine import until

NOBODY = 65534
# What root may do in a container started without options.
CONTAINER = (
    "-all,+chown,+dac_override,+fsetid,+fowner,+mknod,+net_raw,+setgid,+setuid,+setfcap,+setpcap"
    ",+net_bind_service,+sys_chroot,+kill,+audit_write"
)


def only(program: str, words: Sequence[str]) -> bool:
    return words[0] == program


REDUCED = partial(unprivileged, partial(only, "setpriv"))
NAMESPACE = partial(unprivileged, partial(only, "unshare"))


def works(*command: str) -> bool:
    return os.geteuid() == 0 and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs it")
namespaces = pytest.mark.skipif(not works("unshare", "--user"), reason="user namespaces are refused here")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster that nobody owns, to be copied."""
    home = tmp_path_factory.mktemp("cluster") / "database"
    server = EmbeddedServer(home, durable=False, run_as=REDUCED)
    server.start()
    server.stop()
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "home"
    shutil.copytree(made, copy)
    hand_over(copy / "data", NOBODY)
    yield copy
    gone(copy)


@pytest.fixture
def stations() -> Iterator[Callable[..., Station]]:
    started: list[Station] = []

    def start(*words: object, **options: bool) -> Station:
        started.append(Station(*words, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for station in started:
        station.close()


def owners(folder: Path) -> set[tuple[int, int]]:
    return {(path.lstat().st_uid, path.lstat().st_gid) for path in (folder, *folder.rglob("*"))}


def kill_server(home: Path) -> None:
    pid = postmaster(home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_how_it_is_run_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    tried: list[Sequence[str]] = []
    assert unprivileged(lambda words: not tried.append(words)).owner == 0  # type: ignore[func-returns-value]
    assert [words[0] for words in tried] == ["unshare"], "the closed way first"
    reduced = REDUCED()
    assert (reduced.words[0], reduced.owner) == ("setpriv", NOBODY)
    with pytest.raises(Unavailable) as caught:
        unprivileged(lambda words: False)
    assert caught.value.code == "store.embedded_root"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert unprivileged(lambda words: False) == RunAs()


@root
@pytest.mark.parametrize("missing", ["chown", "kill", "dac_override", "setuid", "setpcap"])
def test_root_without_the_rights_is_refused_before_anything_is_made(missing: str) -> None:
    code = f"import {programs.__name__} as p; p.unprivileged(lambda words: words[0] == 'setpriv' and p._works(words))"
    answer = subprocess.run(
        ["setpriv", "--bounding-set", f"-{missing}", sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "store.embedded_root" in answer.stderr


@root
def test_cold_and_warm_start_leave_everything_else_closed(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    home = private / "現場 'データ'"
    server = EmbeddedServer(home, durable=False, run_as=REDUCED)
    for _ in range(2):
        server.start()
        assert run(server, "SELECT 1") == [(1,)]
        pid = postmaster(home)
        assert pid is not None
        place = Path(plain(server.url()).partition("host=")[2].partition("&")[0])
        rights = Path(f"/proc/{pid}/status").read_text()
        for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
            assert f"Cap{kind}:\t0000000000000002" in rights, "dac_override alone"
        assert set(psutil.Process(pid).uids()) | set(psutil.Process(pid).gids()) == {NOBODY}
        assert owners(home / "data") == {(NOBODY, NOBODY)}
        assert {path.stat().st_uid for path in (private, home, place, *home.glob("*.*"))} == {0}
        assert {mode(path) for path in (private, home, home / "data", place)} == {0o700}
        server.stop()
        assert postmaster(home) is None
        assert not place.exists()
    gone(home)


@namespaces
def test_data_change_hands_in_both_directions(home: Path) -> None:
    nobodys, roots = EmbeddedServer(home, run_as=REDUCED), EmbeddedServer(home, run_as=NAMESPACE)
    nobodys.start()
    run(nobodys, "CREATE TABLE kept (n int)")
    nobodys.stop()
    for count, (server, owner) in enumerate([(roots, 0), (nobodys, NOBODY), (roots, 0)]):
        server.start()
        run(server, "INSERT INTO kept VALUES (1); CHECKPOINT")
        assert len(run(server, "SELECT n FROM kept")) == count + 1
        assert owners(home / "data") == {(owner, owner)}
        server.stop()


@namespaces
def test_server_killed_one_way_is_revived_the_other_way(home: Path) -> None:
    ways = [REDUCED, NAMESPACE]
    server = EmbeddedServer(home, run_as=lambda: ways[0]())
    server.start()
    run(server, "CREATE TABLE kept (n int)")
    for count in range(2):
        run(server, "INSERT INTO kept VALUES (1)")
        before = Path(plain(server.url()).partition("host=")[2].partition("&")[0])
        kill_server(home)
        ways.reverse()
        server.start()
        assert len(run(server, "SELECT n FROM kept")) == count + 1
        assert not before.exists()
    server.stop()


@namespaces
def test_living_children_of_a_killed_server_keep_the_data_in_their_hands(home: Path) -> None:
    server = EmbeddedServer(home, durable=False, run_as=REDUCED)
    server.start()
    with psycopg.connect(plain(server.url(ADMIN, "postgres"))) as connection:
        child = connection.info.backend_pid
        os.kill(child, signal.SIGSTOP)
        try:
            kill_server(home)
            with pytest.raises(Unavailable) as caught:
                EmbeddedServer(home, durable=False, run_as=NAMESPACE).start(1)
            assert caught.value.code == "store.embedded_not_ready"
            assert owners(home / "data") == {(NOBODY, NOBODY)}
        finally:
            os.kill(child, signal.SIGCONT)
    later = EmbeddedServer(home, durable=False, run_as=NAMESPACE)
    later.start(20)
    assert run(later, "SELECT 1") == [(1,)]
    later.stop()
    server.stop()


@namespaces
@pytest.mark.parametrize("then", [REDUCED, NAMESPACE])
def test_interrupted_change_of_hands_is_finished(home: Path, monkeypatch: pytest.MonkeyPatch, then: Callable[[], RunAs]) -> None:
    real, calls = os.chown, 0

    def chown(*words: object, **options: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 200:
            raise OSError(5, "power cut")
        real(*words, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("os.chown", chown)
        with pytest.raises(Unavailable):
            EmbeddedServer(home, durable=False, run_as=NAMESPACE).start()
    assert len(owners(home / "data")) > 1
    server = EmbeddedServer(home, durable=False, run_as=then)
    server.start(20)
    assert run(server, "SELECT 1") == [(1,)]
    assert len(owners(home / "data")) == 1
    server.stop()


@root
def test_folder_of_a_third_user_stays_theirs(home: Path) -> None:
    os.chown(home / "data", 1234, 1234)
    with pytest.raises(Unavailable) as caught:
        EmbeddedServer(home, durable=False, run_as=REDUCED).start()
    assert caught.value.code == "store.embedded_failed"
    assert (home / "data").stat().st_uid == 1234


@root
@pytest.mark.parametrize("leave", ["stop", "kill"])
def test_stations_share_it_and_the_last_one_takes_it_along(home: Path, stations: Callable[..., Station], leave: str) -> None:
    first = stations(home, reduced=True)
    assert first.says() == "ready"
    second = stations(home)  # attaches, whatever way it would choose itself
    assert second.says() == "ready"
    pid = postmaster(home)
    getattr(first, leave)()
    time.sleep(0.3)
    assert postmaster(home) == pid
    getattr(second, leave)()
    gone(home)


@root
@pytest.mark.parametrize("victim", ["server", "keeper"])
def test_killed_server_is_revived_with_its_rows(home: Path, victim: str) -> None:
    server = EmbeddedServer(home, run_as=REDUCED)
    server.start()
    run(server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
    where, pid = server.url(), postmaster(home)
    assert pid is not None
    if victim == "server":
        kill_server(home)
    else:
        keeper = psutil.Process(pid).parent()
        assert keeper is not None
        assert keeper.name() == "sh"
        keeper.kill()
        until(lambda: postmaster(home) is None)
    server.start()
    assert postmaster(home) not in {None, pid}
    assert server.url() == where, "the address survives"
    assert run(server, "SELECT n FROM kept") == [(42,)]
    server.stop()


@root
def test_root_that_may_not_look_into_other_processes_finds_the_server(home: Path) -> None:
    server = EmbeddedServer(home, durable=False, run_as=REDUCED)
    server.start()
    code = "import sys, pathlib; from core.store.postmaster import running_pid; print(*map(running_pid, map(pathlib.Path, sys.argv[1:])))"
    other = home / "other"
    other.mkdir()
    shutil.copy(home / "data" / "postmaster.pid", other)
    command = ["setpriv", "--bounding-set", CONTAINER, sys.executable, "-c", code, str(home / "data"), str(other)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [str(postmaster(home)), "None"]
    server.stop()


@root
@pytest.mark.skipif(not works("unshare", "--mount"), reason="no container can be made here")
@pytest.mark.parametrize("leave", ["stop", "kill"])
def test_in_a_container_as_it_comes(home: Path, tmp_path: Path, stations: Callable[..., Station], leave: str) -> None:
    """Another root folder, where the kernel refuses user namespaces, and a root that may not look into other users' processes."""
    (tmp_path / "top").mkdir()
    enter = 'mount --rbind / "$1" && here=$(pwd) && top=$1 && shift && exec chroot "$top" sh -c \'cd "$0" && exec "$@"\' "$here" "$@"'
    words = ("unshare", "--mount", "sh", "-c", enter, "sh", str(tmp_path / "top"), "setpriv", "--bounding-set", CONTAINER)
    first, second = stations(home, *words), stations(home, *words)
    assert [first.says(), second.says()] == ["ready", "ready"]
    pid = postmaster(home)
    assert pid is not None
    assert psutil.Process(pid).uids().effective == NOBODY
    kill_server(home)
    third = stations(home, *words)
    assert third.says() == "ready"
    assert postmaster(home) not in {None, pid}
    for station in (first, second, third):
        getattr(station, leave)()
    gone(home)
