"""Real PostgreSQL servers for the tests: one embedded server for the whole run, and those installed on this computer."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

import psutil
import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection

from core.store.embedded import ADMIN, LOGIN, EmbeddedServer
from core.store.programs import binaries, hand_over, unprivileged

if TYPE_CHECKING:
    from core.store.base import Db

_TEMPLATE = "genba_template"
_counter = itertools.count(1)


class TestServer:
    """The embedded server of one test run with a migrated template; every test may have a copy of its own."""

    __test__ = False
    running: ClassVar[TestServer | None] = None

    def __init__(self, home: Path, *, durable: bool = False) -> None:
        TestServer.running = self
        self.embedded = EmbeddedServer(home, durable=durable)
        self._has_template = False

    def start(self) -> None:
        self.embedded.start()

    def stop(self) -> None:
        self.embedded.stop()

    def run(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(plain(self.admin_url(database)), autocommit=True) as connection:
            connection.execute(statement)

    def admin_url(self, database: str) -> str:
        return self.embedded.url(ADMIN, database)

    def station_url(self, database: str) -> str:
        return self.embedded.url(LOGIN, database)

    @contextlib.contextmanager
    def empty_database(self) -> Iterator[str]:
        """Name of a database without anything in it; dropped afterwards."""
        with self._database("template1") as name:
            yield name

    @contextlib.contextmanager
    def migrated_database(self) -> Iterator[str]:
        """Name of a database with the newest schema and no rows; dropped afterwards."""
        self._make_template()
        with self._database(_TEMPLATE) as name:
            yield name

    @contextlib.contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = f"test_{next(_counter)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield name
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def _make_template(self) -> None:
        if self._has_template:
            return
        from core.store.logins import add_local
        from core.store.schema import upgrade

        self.run(f"CREATE DATABASE {_TEMPLATE}")
        upgrade(self.admin_url(_TEMPLATE))
        add_local(self.admin_url(_TEMPLATE), LOGIN, self.embedded.password())
        self._has_template = True


def owner_url(station_url: str) -> str:
    """Whoever administers the database of ``station_url``, a database of the running test server."""
    assert TestServer.running is not None
    return TestServer.running.admin_url(station_url.partition("?")[0].rpartition("/")[2])


def owner_of(db: Db) -> str:
    """Whoever administers the database that ``db`` is connected to."""
    assert TestServer.running is not None
    return TestServer.running.admin_url(db.connection().exec_driver_sql("SELECT current_database()").scalar_one())


def lend_operation(connection: Connection, admin_url: str, station: str = "TEST") -> None:
    """Let the present transaction of ``connection`` change any table, in the name of nobody; ends with it."""
    xid = connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar_one()
    with psycopg.connect(plain(admin_url), autocommit=True) as owner:
        owner.execute(
            "INSERT INTO genba_guard.open_work (xid, kind, operation, user_code, user_name, station, detail)"
            " VALUES (%s::text::xid8, 'operation', 'equipment:site:apply', 'tester', 'Tester', %s, '{}')",
            (xid, station),
        )


def lend(db: Db) -> None:
    """As ``lend_operation``, for the transaction that ``db`` is in."""
    lend_operation(db.connection(), owner_of(db))


def plain(url: str) -> str:
    """A SQLAlchemy address as libpq reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def installed_servers() -> dict[str, Path]:
    """Programs of every PostgreSQL 15 to 18 found here, by major version; the embedded one is always there."""
    found = {}
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        if (folder / "initdb").exists() and folder.parent.name in {"15", "16", "17", "18"}:
            found[folder.parent.name] = folder
    return found | {"embedded": binaries()}


class OwnServer:
    """A server that stands for the plant's shared one: TCP on loopback, a superuser, nothing of Genba in it yet.

    Args:
        settings: Of the server, over ours: ``fsync="on"``.

    Attributes:
        pids: Of all ever started; a test may restart a server that a wider fixture owns.
    """

    pids: ClassVar[set[int]] = set()

    def __init__(self, home: Path, programs: Path, **settings: str) -> None:
        self.home, self._programs, self._settings = home, programs, settings
        self._before: list[str | Path] = [*unprivileged().words]
        self.port = 0
        self.password = "it's a % test: ü@/"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not (self.home / "data" / "PG_VERSION").exists():
            self.home.mkdir(parents=True, exist_ok=True)
            (self.home / "password").write_text(self.password, encoding="utf-8")
            initdb = [*self._before, self._programs / "initdb", "-D", self.home / "data", "-U", "root_of_server", "-N"]
            initdb += ["-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--pwfile", self.home / "password"]
            subprocess.run(initdb, check=True, capture_output=True)
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        ours: dict[str, object] = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        words = [word for key, value in (ours | self._settings).items() for word in ("-c", f"{key}={value}")]
        command = [*self._before, self._programs / "postgres", "-D", self.home / "data", *words]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        OwnServer.pids.add(self._process.pid)
        end = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(plain(self.url("postgres")), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def copy(self, home: Path) -> OwnServer:
        """A server of its own that begins where this one, which is stopped, has ended: the same database, until both write."""
        other = OwnServer(home, self._programs)
        shutil.copytree(self.home / "data", home / "data")
        owner = unprivileged().owner
        if owner is not None:
            hand_over(home / "data", owner)
        return other

    def begin_from(self, primary: OwnServer) -> None:
        """Hold a fresh copy of ``primary``, which is running, and be its standby from the next start on; what was here is gone."""
        data = self.home / "data"
        data.mkdir(parents=True, exist_ok=True)
        for path in data.iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        owner = unprivileged().owner
        if owner is not None:
            os.chown(data, owner, owner)
        data.chmod(0o700)
        words = ["-D", data, "-h", "127.0.0.1", "-p", str(primary.port), "-U", "root_of_server", "-X", "stream", "-c", "fast", "--no-sync"]
        told = {**os.environ, "PGPASSWORD": primary.password}
        subprocess.run([*self._before, self._programs / "pg_basebackup", *words], check=True, capture_output=True, env=told)
        self.follow(primary)

    def follow(self, primary: OwnServer) -> None:
        """Be the standby of ``primary`` from the next start on."""
        place = make_conninfo(host="127.0.0.1", port=primary.port, user="root_of_server", password=self.password)
        quoted = place.replace("\\", "\\\\").replace("'", "''")
        with (self.home / "data" / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"primary_conninfo = '{quoted}'\n")  # the last of several counts
        signal_file = self.home / "data" / "standby.signal"
        signal_file.touch()
        seen = (self.home / "data").stat()
        os.chown(signal_file, seen.st_uid, seen.st_gid)

    def promote(self) -> None:
        """Become a primary, on a new timeline."""
        self.run("SELECT pg_promote(true, 30)")

    @property
    def running(self) -> bool:
        """Whether its main process lives; a server whose log has no room ends itself."""
        return self._process is not None and self._process.poll() is None

    def senders(self) -> list[int]:
        """Pids of the processes that send to standbys."""
        with psycopg.connect(plain(self.url("postgres"))) as connection:
            return [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_replication WHERE state = 'streaming'")]

    def url(self, database: str, login: str = "root_of_server", password: str | None = None) -> str:
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql+psycopg://{login}:{secret}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(plain(self.url(database)), autocommit=True) as connection:
            connection.execute(statement)

    def admit(self, rules: str, certificate: tuple[bytes, bytes] | None = None) -> None:
        """Let log-ins in by these lines of pg_hba.conf, its superuser always; speak TLS with (certificate, key), or not at all."""
        data = self.home / "data"
        (data / "pg_hba.conf").write_text(f"host all root_of_server 127.0.0.1/32 scram-sha-256\n{rules}\n", encoding="ascii")
        if certificate is not None:
            for name, content in zip(("server.crt", "server.key"), certificate, strict=True):
                path = data / name
                path.write_bytes(content)
                path.chmod(0o600)
                os.chown(path, data.stat().st_uid, data.stat().st_gid)
        with psycopg.connect(plain(self.url("postgres")), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET ssl = on" if certificate else "ALTER SYSTEM SET ssl = off")
            before = connection.execute("SELECT pg_conf_load_time(), pg_reload_conf()").fetchone()
        while self._loaded() == before[:1]:  # type: ignore[index]
            time.sleep(0.02)

    def _loaded(self) -> tuple[object, ...] | None:
        # A new connection each time: it knows what the main process knew when it began.
        with psycopg.connect(plain(self.url("postgres"))) as connection:
            return connection.execute("SELECT pg_conf_load_time()").fetchone()

    def everything(self) -> list[int]:
        """Pids of the server and all its children."""
        assert self._process is not None
        return [self._process.pid, *(child.pid for child in psutil.Process(self._process.pid).children())]

    def freeze(self) -> None:
        for pid in self.everything():
            with contextlib.suppress(ProcessLookupError):  # a backend may end meanwhile
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.everything():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """Die like in a power cut, with all children."""
        assert self._process is not None
        for pid in reversed(self.everything()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(60)
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
                self.thaw()
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
