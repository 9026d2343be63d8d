"""The embedded server through every accident that was met in the field, with real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import text

from core.declared import fingerprint
from core.errors import Unavailable
from core.store.embedded import ADMIN, EmbeddedServer
from core.store.engine import Database
from core.store.schema import prepare_embedded, status
from tests.postgres import plain
from tests.store.test_engine import until

STATION = [sys.executable, "-m", "tests.store.embedded_station"]


class Station:
    """A station in a process of its own."""

    def __init__(self, home: Path, *before: str, env: dict[str, str] | None = None, prepare: bool = False, reduced: bool = False) -> None:
        self.process = subprocess.Popen(
            [*before, *STATION, str(home), *(["prepare"] if prepare else []), *(["reduced"] if reduced else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | (env or {}),
        )

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(60)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def stations() -> Iterator[Callable[..., Station]]:
    made: list[Station] = []

    def start(home: Path, *before: str, env: dict[str, str] | None = None, prepare: bool = False) -> Station:
        made.append(Station(home, *before, env=env, prepare=prepare))
        return made[-1]

    yield start
    for station in made:
        station.close()


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a made cluster, to be copied: making one takes most of the time."""
    home = tmp_path_factory.mktemp("cluster") / "database"
    server = EmbeddedServer(home, durable=False)
    server.start()
    server.stop()
    return home


@pytest.fixture
def home(initialised: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "home"
    shutil.copytree(initialised, copy)
    yield copy
    gone(copy)


def postmaster(home: Path) -> int | None:
    """Pid of the living server of ``home``; None when there is none."""
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        pid = int((home / "data" / "postmaster.pid").read_text().split()[0])
        if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and psutil.Process(pid).name() == "postgres":
            return pid
    return None


def gone(home: Path) -> None:
    until(lambda: postmaster(home) is None and not belonging(home), 10)


def belonging(home: Path) -> list[str]:
    """Command lines of all processes that name ``home``: server, keeper, lock."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(home) in line and process.pid != os.getpid():
            found.append(line)
    return found


def run(server: EmbeddedServer, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(plain(server.url(ADMIN, "postgres")), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", ["a b 現場のデータ 'quoted' %s $HOME", "x" * 120 + "/" + "長" * 60])
def test_any_path_and_nothing_outside_it_is_touched(tmp_path: Path, name: str) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    home = private / name
    umask = os.umask(0)  # the worst one must not open anything
    server = EmbeddedServer(home, durable=False)
    try:
        server.start()
        assert run(server, "SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = 'postgres'") == [("b", "C.UTF-8")]
        assert run(server, "SHOW listen_addresses") == [("",)]
        assert run(server, "SHOW password_encryption") == [("scram-sha-256",)]
        assert {mode(home), mode(home / "data")} == {0o700}
        assert {mode(path) for path in home.glob("*.password")} == {0o600}
        place = plain(server.url()).partition("host=")[2].partition("&")[0]
        assert mode(Path(place)) == 0o700
        assert len(place) < 90
        pid = postmaster(home)
        assert pid is not None
        assert [c for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
        for wrong in ("x", ""):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(host=place, port=5432, user=ADMIN, password=wrong, dbname="postgres")
    finally:
        os.umask(umask)
        server.stop()
    gone(home)
    assert mode(private) == 0o700
    until(lambda: not Path(place).exists())


def test_start_is_quick_and_repeatable(home: Path) -> None:
    for _ in range(2):
        server = EmbeddedServer(home, durable=False)
        start = time.monotonic()
        server.start()
        server.start()
        assert time.monotonic() - start < 2
        server.stop()
        server.stop()
        assert postmaster(home) is None


def test_environment_of_somebody_elses_postgres_does_no_harm(home: Path, stations: Callable[..., Station]) -> None:
    env = {"PGHOST": "192.0.2.1", "PGPORT": "1", "PGUSER": "x", "PGPASSWORD": "x", "PGDATA": "/nowhere", "PGSSLMODE": "verify-full"}
    env |= {"PGOPTIONS": "-c nonsense=1", "PGCHANNELBINDING": "require", "LC_ALL": "ja_JP.EUC-JP", "PGTARGETSESSIONATTRS": "standby"}
    assert stations(home, env=env).says() == "ready"


@pytest.mark.parametrize("kind", ["foreign", "zombie", "gone", "garbage"])
def test_stale_pid_file_after_a_power_cut(home: Path, kind: str) -> None:
    child = subprocess.Popen(["true"])
    if kind == "gone":
        child.wait()
    else:
        until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    pid = {"foreign": os.getpid(), "zombie": child.pid, "gone": child.pid, "garbage": "x"}[kind]
    (home / "data" / "postmaster.pid").write_text(f"{pid}\n{home / 'data'}\n1700000000\n5432\n/tmp/nowhere\n\n  1234 5678\nready   \n")
    server = EmbeddedServer(home, durable=False)
    start = time.monotonic()
    server.start()
    assert time.monotonic() - start < 5
    server.stop()
    child.wait()


def test_killed_station_takes_its_server_along_and_nothing_is_lost(home: Path, stations: Callable[..., Station]) -> None:
    station = stations(home)
    assert station.says() == "ready"
    server = EmbeddedServer(home, durable=False)
    server.start()
    run(server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
    server.stop()
    assert postmaster(home) is not None, "the station still holds it"
    station.kill()
    gone(home)
    server.start()
    assert run(server, "SELECT n FROM kept") == [(42,)]
    server.stop()


def test_killed_server_is_revived_with_its_rows(home: Path) -> None:
    server = EmbeddedServer(home, durable=True)
    server.start()
    run(server, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
    where, pid = server.url(), postmaster(home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    start = time.monotonic()
    server.start()
    assert time.monotonic() - start < 10
    assert postmaster(home) not in {None, pid}
    assert server.url() == where, "the address survives"
    assert run(server, "SELECT n FROM kept") == [(42,)]
    server.stop()


def test_killed_keeper_leaves_no_orphan(home: Path) -> None:
    server = EmbeddedServer(home, durable=False)
    server.start()
    pid = postmaster(home)
    assert pid is not None
    keeper = psutil.Process(pid).parent()
    assert keeper is not None
    assert keeper.name() == "sh"
    keeper.kill()
    until(lambda: postmaster(home) is None)
    server.start()
    assert postmaster(home) is not None
    server.stop()


@pytest.mark.parametrize("leave", ["stop", "kill"])
def test_the_first_station_may_leave_without_taking_the_database(home: Path, stations: Callable[..., Station], leave: str) -> None:
    first = stations(home)
    assert first.says() == "ready"
    second = stations(home)
    assert second.says() == "ready"
    pid = postmaster(home)
    getattr(first, leave)()
    time.sleep(0.3)
    assert postmaster(home) == pid
    third = stations(home)
    assert third.says() == "ready"
    second.stop()
    assert postmaster(home) == pid
    getattr(third, leave)()
    gone(home)


def test_four_stations_at_once_on_a_new_folder_share_one_server(tmp_path: Path, stations: Callable[..., Station]) -> None:
    home = tmp_path / "new"
    four = [stations(home, prepare=True) for _ in range(4)]
    assert [station.says() for station in four] == ["ready"] * 4
    assert len([line for line in belonging(home) if line.split(" ")[0].endswith("/postgres")]) == 1
    server = EmbeddedServer(home)
    server.start()
    assert status(server.url()).state == "ready"
    server.stop()
    for station in four[:2]:
        station.kill()
    for station in four[2:]:
        station.stop()
    gone(home)


def test_stations_that_come_while_the_last_one_leaves(home: Path, stations: Callable[..., Station]) -> None:
    for _ in range(3):
        leaving = stations(home)
        assert leaving.says() == "ready"
        coming = stations(home)  # still loading while the other one goes
        leaving.kill()
        assert coming.says() == "ready"
        server = EmbeddedServer(home, durable=False)
        server.start()
        assert run(server, "SELECT 1") == [(1,)]
        server.stop()
        coming.stop()
        gone(home)


def test_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "data.new" / "base").mkdir(parents=True)
    (home / "data.new" / "PG_VERSION").write_text("18\n")
    server = EmbeddedServer(home, durable=False)
    server.start()
    assert run(server, "SELECT 1") == [(1,)]
    server.stop()


def test_data_of_another_version_is_never_touched(home: Path) -> None:
    (home / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Unavailable) as caught:
        EmbeddedServer(home).start()
    assert (caught.value.code, caught.value.params["have"], caught.value.params["want"]) == ("store.embedded_version", "17", "18")
    assert (home / "data" / "global").is_dir()


def test_full_disk_has_words(tmp_path: Path, stations: Callable[..., Station]) -> None:
    home = tmp_path / "small"
    home.mkdir()
    mount = f'mount -t tmpfs -o size=20m none "{home}" && exec "$@"'
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    assert stations(home, *unshare, "sh", "-c", mount, "sh").says() == "store.embedded_disk_full"


def test_damaged_cluster_says_where_to_look(home: Path) -> None:
    (home / "data" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(Unavailable) as caught:
        EmbeddedServer(home).start()
    assert caught.value.code == "store.embedded_failed"
    assert "FATAL" in caught.value.params["problem"] or "PANIC" in caught.value.params["problem"]
    gone(home)


def test_missing_programs_and_forbidden_root_have_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(Unavailable) as caught:
            EmbeddedServer(tmp_path / "a").start()
        assert caught.value.code == "store.embedded_missing"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(Unavailable) as caught:
        EmbeddedServer(tmp_path / "b").start()
    assert caught.value.code == "store.embedded_root"


def test_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable) as caught:
        EmbeddedServer(tmp_path / "file" / "home").start()
    assert caught.value.code == "store.embedded_failed"


def test_a_station_finds_its_killed_server_again_by_itself(home: Path, expect_log) -> None:
    expect_log("database is down")
    server = EmbeddedServer(home, durable=False)
    server.start()
    prepare_embedded(server, fingerprint())
    database = Database(server.url, "LOCAL", revive=lambda give_up: server.start(60, give_up))
    database.start()
    until(lambda: database.up)
    for victim in ("server", "keeper"):
        pid = postmaster(home)
        assert pid is not None
        if victim == "server":
            os.kill(pid, signal.SIGKILL)
        else:
            psutil.Process(pid).parent().kill()  # type: ignore[union-attr]
        until(lambda: not database.up, 60)
        until(lambda: database.up, 60)
        login = database.submit("operations", lambda db: db.execute(text("SELECT current_user")).scalar(), deadline_s=5)
        assert login.result() == "genba_local"
    database.close()
    server.stop()


def test_embedded_station_is_restricted_and_migrated_once(home: Path) -> None:
    server = EmbeddedServer(home, durable=False)
    server.start()
    try:
        address = prepare_embedded(server, fingerprint())
        start = time.monotonic()
        assert prepare_embedded(server, fingerprint()) == address
        assert time.monotonic() - start < 0.5
        with psycopg.connect(plain(address)) as connection:
            rights = "SELECT rolsuper, rolcreaterole, pg_has_role('genba_owner', 'MEMBER') FROM pg_roles WHERE rolname = current_user"
            assert connection.execute(rights).fetchone() == (False, False, False)
    finally:
        server.stop()
