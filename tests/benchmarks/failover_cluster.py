"""A monitor, a primary and a standby under pg_auto_failover, on loopback, in a folder of their own; for the benchmark ``failover``.

Needs Debian's packages ``pg-auto-failover-cli`` and ``postgresql-15-auto-failover`` (or those of another version); nothing of them is
configured system-wide. As root everything runs as the user ``postgres`` of those packages.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psutil
import psycopg

NEEDED: Final = "apt-get install pg-auto-failover-cli postgresql-15-auto-failover"
MONITOR_TUNED: Final[Mapping[str, int]] = {
    "pgautofailover.health_check_period": 1000,
    "pgautofailover.health_check_timeout": 2000,
    "pgautofailover.health_check_max_retries": 2,
    "pgautofailover.health_check_retry_delay": 500,
    "pgautofailover.node_considered_unhealthy_timeout": 4000,
    "pgautofailover.primary_demote_timeout": 6000,
}
"""Milliseconds, but for the retries."""
KEEPER_TUNED: Final[Mapping[str, int]] = {"timeout.network_partition_timeout": 5}
"""Seconds; below the monitor's demote timeout, so that a primary that is cut off has fenced itself before another is promoted."""
_PATIENCE_S: Final = 60.0
_HOST: Final = "127.0.0.1"


class NotInstalled(RuntimeError):
    """There is no failover manager on this computer."""


def programs() -> Path:
    """The folder of the newest PostgreSQL that the failover manager's extension is installed for.

    Raises:
        NotInstalled: There is none.
    """
    folders = [path.parents[1] for path in Path("/usr/lib/postgresql").glob("*/lib/pgautofailover.so")]
    if shutil.which("pg_autoctl") is None or not folders:
        raise NotInstalled(f"pg_auto_failover is not installed: {NEEDED}")
    return max(folders, key=lambda path: int(path.name)) / "bin"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port: int = free.getsockname()[1]
        return port


class Node:
    """One data folder with the ``pg_autoctl run`` that keeps its server."""

    def __init__(self, name: str, home: Path) -> None:
        self.name, self.data, self.log, self.port = name, home / name, home / f"{name}.log", _free_port()
        self.keeper: subprocess.Popen[bytes] | None = None

    def url(self, database: str, login: str) -> str:
        return f"postgresql://{login}@{_HOST}:{self.port}/{database}"

    def everything(self) -> list[psutil.Process]:
        """The keeper, its helpers, the server and its children."""
        found: dict[int, psutil.Process] = {}
        if self.keeper is not None and self.keeper.poll() is None:
            root = psutil.Process(self.keeper.pid)
            found |= {each.pid: each for each in (root, *root.children(recursive=True))}
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
            server = psutil.Process(int((self.data / "postmaster.pid").read_text(encoding="ascii").splitlines()[0]))
            if server.name().startswith("postgres"):
                found |= {each.pid: each for each in (server, *server.children(recursive=True))}
        return list(found.values())

    def kill(self) -> None:
        """Like a power cut: nothing of it is left, and nothing has said goodbye."""
        while living := self.everything():
            for each in living:
                with contextlib.suppress(psutil.Error):
                    each.suspend()  # first all of them stand still, so that none starts another anew
            for each in living:
                with contextlib.suppress(psutil.Error):
                    each.kill()
            if self.keeper is not None:
                self.keeper.wait(10)
            psutil.wait_procs(living, 5)


class Cluster:
    """Monitor, primary and standby; a context.

    Args:
        tuned: With the settings above; otherwise the failover manager's own.
    """

    def __init__(self, *, tuned: bool) -> None:
        self.tuned, self._bin = tuned, programs()
        self.home = Path(tempfile.mkdtemp(prefix="genba-failover-"))
        self._words: list[str] = []
        self.login = pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            self.login = "postgres"
            owner = pwd.getpwnam(self.login)
            os.chown(self.home, owner.pw_uid, owner.pw_gid)
            self._words = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]
        self.monitor, self.nodes = Node("monitor", self.home), [Node("a", self.home), Node("b", self.home)]

    def __enter__(self) -> Cluster:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end()

    def settings(self) -> dict[str, Any]:
        """What decides how long a failover takes, as the servers say it."""
        names = list(MONITOR_TUNED)
        with psycopg.connect(self.monitor.url("pg_auto_failover", self.login)) as connection:
            rows = connection.execute("SELECT name, setting, unit FROM pg_settings WHERE name = ANY(%s) ORDER BY name", (names,)).fetchall()
        told = {name: f"{setting} {unit or ''}".strip() for name, setting, unit in rows}
        limit = self._run("config", "get", "timeout.network_partition_timeout", "--pgdata", str(self.nodes[0].data)).strip()
        with psycopg.connect(self.nodes[0].url("genba", self.login)) as connection:
            names = ["synchronous_commit", "synchronous_standby_names", "fsync", "server_version"]
            found = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (names,)).fetchall()
        version = self._run("--version").splitlines()[0]
        return {"manager": version, **told, "timeout.network_partition_timeout": f"{limit} s", **dict(found)}

    # ---- inside --------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        at = ["--hostname", _HOST, "--auth", "trust", "--no-ssl", "--pgctl", str(self._bin / "pg_ctl")]
        self._run("create", "monitor", "--pgdata", str(self.monitor.data), "--pgport", str(self.monitor.port), *at)
        if self.tuned:
            lines = "".join(f"{name} = {value}\n" for name, value in MONITOR_TUNED.items())
            with (self.monitor.data / "postgresql.conf").open("a", encoding="ascii") as settings:
                settings.write(lines)
        _let_in(self.monitor)
        self._keep(self.monitor)
        address = self.monitor.url("pg_auto_failover", "autoctl_node")
        self._until("the monitor", lambda: _ask(address, "SELECT 1"))
        for node in self.nodes:
            own = ["--pgdata", str(node.data), "--pgport", str(node.port), "--listen", _HOST, "--name", node.name]
            self._run("create", "postgres", *own, "--dbname", "genba", "--monitor", address, *at)
            for name, value in KEEPER_TUNED.items() if self.tuned else ():
                self._run("config", "set", name, str(value), "--pgdata", str(node.data))
            if node is self.nodes[0]:
                _let_in(node)  # copied to the standby with the rest
            self._keep(node)
            self._until(node.name, lambda node=node: _ask(node.url("postgres", self.login), "SELECT 1"))  # type: ignore[misc]
        states = "SELECT reportedstate::text FROM pgautofailover.node ORDER BY reportedstate::text"
        self._until("the pair", lambda: _ask(self.monitor.url("pg_auto_failover", self.login), states) == [("primary",), ("secondary",)])

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [*self._words, "pg_autoctl", *words], capture_output=True, text=True, env=self._environment(), cwd=self.home, check=False
        )
        if done.returncode:
            raise RuntimeError(f"pg_autoctl {words[0]} {words[1]}: {(done.stderr or done.stdout).strip().splitlines()[-1]}")
        return done.stdout

    def _keep(self, node: Node) -> None:
        command = [*self._words, "pg_autoctl", "run", "--pgdata", str(node.data)]
        with node.log.open("ab") as log:
            node.keeper = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment(), cwd=self.home, start_new_session=True)

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "XDG"))}
        return kept | {"HOME": str(self.home), "PATH": f"{self._bin}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}

    def _until(self, what: str, true: Any) -> None:
        end, problem = time.monotonic() + _PATIENCE_S, "not yet"
        while time.monotonic() < end:
            try:
                if true():
                    return
            except psycopg.Error as error:
                problem = str(error)
            time.sleep(0.1)
        raise RuntimeError(f"{what} did not come up in {_PATIENCE_S:.0f} s: {problem}; {self._logs()}")

    def _logs(self) -> str:
        lines = [node.log.read_text(errors="replace").splitlines()[-2:] for node in (self.monitor, *self.nodes) if node.log.exists()]
        return " | ".join(line for part in lines for line in part)

    def _end(self) -> None:
        for node in (*self.nodes, self.monitor):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if node.keeper is not None:
                    os.killpg(node.keeper.pid, signal.SIGTERM)
            node.kill()
        shutil.rmtree(self.home, ignore_errors=True)


def _let_in(node: Node) -> None:
    """Everybody on this computer, for the minute that it lasts."""
    with (node.data / "pg_hba.conf").open("a", encoding="ascii") as rules:
        rules.write(f"host all all {_HOST}/32 trust\n")


def _ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, connect_timeout=2, autocommit=True) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[arg-type]
