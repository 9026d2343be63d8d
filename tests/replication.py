"""Two PostgreSQL servers with streaming replication, to be failed over by hand."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from core.store import logins
from core.store.schema import upgrade
from tests.postgres import OwnServer, plain

LOGIN, PASSWORD = "panel", "p a%s's"


def prepared(home: Path, programs: Path, *statements: str) -> OwnServer:
    """A stopped server with the database ``genba``, its newest schema and a station log-in; ``statements`` are run in it."""
    server = OwnServer(home, programs)
    server.start()
    try:
        server.run("CREATE DATABASE genba")
        upgrade(server.url("genba"))
        logins.add_local(server.url("genba"), LOGIN, PASSWORD)
        for statement in statements:
            server.run(statement, "genba")
    finally:
        server.stop()
    return server


class Pair:
    """A primary (``old``) and its standby (``new``), both begun from ``template``; asynchronous unless told otherwise.

    Args:
        home: For their folders.
        template: As of ``prepared``.
    """

    def __init__(self, home: Path, template: OwnServer) -> None:
        self.old, self.new = template.copy(home / "old"), template.copy(home / "new")

    def start(self) -> None:
        self.old.start()
        self.new.follow(self.old)
        self.new.start()
        end = time.monotonic() + 60
        while not self.old.senders():
            assert time.monotonic() < end, "the standby does not follow"
            time.sleep(0.02)

    @property
    def url(self) -> str:
        """A station's address: the old primary first, as it always is in such a list."""
        hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in (self.old, self.new))
        return f"postgresql+psycopg://{LOGIN}:{quote(PASSWORD, safe='')}@/genba?{hosts}"

    @property
    def owner(self) -> str:
        """The administrator's address of the server that serves now."""
        with psycopg.connect(plain(self.new.url("postgres"))) as connection:
            is_standby = connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        return (self.old if is_standby else self.new).url("genba")

    def synchronous(self) -> None:
        """Confirm nothing that the standby does not have."""
        self.old.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.old.run("SELECT pg_reload_conf()")

    def lag(self) -> None:
        """From now on nothing reaches the standby, and the primary does not notice."""
        for pid in self.old.senders():
            os.kill(pid, signal.SIGSTOP)

    def catch_up(self) -> None:
        """Wait until the standby has everything that the primary has."""
        question = "SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"
        end = time.monotonic() + 60
        with psycopg.connect(plain(self.old.url("postgres")), autocommit=True) as connection:
            while connection.execute(question).fetchone() != (True,):
                assert time.monotonic() < end, "the standby does not catch up"
                time.sleep(0.01)

    def fail_over(self) -> None:
        """The primary's computer dies, and somebody promotes the standby."""
        self.old.kill()
        self.new.promote()

    def remove(self) -> None:
        for server in (self.new, self.old):
            server.remove()
