"""What every test gets, and what every test must leave behind: nothing.

A test fails when it logs at WARNING or above without saying so (``expect_log``), or leaves a thread, a task, a socket or a
child process. Heavy libraries are loaded by the fixtures that need them, so that a pure test starts at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from core.store.base import Db
    from tests.postgres import TestServer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for _name in [name for name in os.environ if name.startswith(("GENBA_", "PG"))]:
    del os.environ[_name]  # a developer's own station must not leak into the tests

settings.register_profile("genba", settings(), deadline=None)  # no test fails because the machine had something else to do
settings.load_profile("genba")
_GRACE_S = 5.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several files run side by side the long ones begin first: one that begins last is waited for alone."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("early") is None)


def pytest_collection_finish() -> None:
    """Collect garbage on the main thread only, as the application does: a widget collected by another thread crashes Qt."""
    gc.collect()
    gc.freeze()
    gc.disable()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Young garbage after each test, all of it when a file is done; what is left then lives on and is not looked through again."""
    if nextitem is not None and nextitem.path == item.path:
        gc.collect(1)
    else:
        gc.collect()
        gc.freeze()


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class ExpectedLog:
    """Call it with a regular expression: the test must log at least one record of WARNING or above that matches.

    With ``surely=False`` it may: how long a line must be bad before the database counts as down is a matter of luck.
    """

    def __init__(self) -> None:
        self.patterns: list[re.Pattern[str]] = []
        # Leaving its pipeline on a broken line the library says so by itself; what it means is said by the engine.
        self.possible = [re.compile(r"psycopg: error ignored terminating <psycopg\.Pipeline")]

    def __call__(self, pattern: str, *, surely: bool = True) -> None:
        (self.patterns if surely else self.possible).append(re.compile(pattern))


@pytest.fixture
def expect_log() -> ExpectedLog:
    """Declare the warnings a test provokes: ``expect_log(r"database is down")``."""
    return ExpectedLog()


@pytest.fixture(autouse=True)
def _quiet_log(expect_log: ExpectedLog) -> Iterator[None]:
    handler = _Warnings()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)
    patterns = expect_log.patterns
    lines = [f"{record.levelname} {record.name}: {record.getMessage()}" for record in handler.records]
    surprising = [line for line in lines if not any(pattern.search(line) for pattern in (*patterns, *expect_log.possible))]
    missing = [pattern.pattern for pattern in patterns if not any(pattern.search(line) for line in lines)]
    assert not surprising, f"logged without expect_log: {surprising}"
    assert not missing, f"expected in the log, not found: {missing}; there was {lines}"


def _threads() -> set[Any]:
    return {thread for thread in threading.enumerate() if thread.is_alive()}


def _children() -> set[Any]:
    servers = sys.modules.get("tests.postgres")
    lent = servers.OwnServer.pids if servers else set()
    found = (child for child in psutil.Process().children() if child.pid not in lent)
    return {child for child in found if child.is_running() and child.status() != psutil.STATUS_ZOMBIE}


def _sockets() -> set[Any]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir() if Path("/proc/self/fd").exists() else ():
        try:
            target = entry.readlink()
        except OSError:
            continue
        if str(target).startswith("socket:"):
            found.add(str(target))
    return found


def _tasks() -> set[Any]:
    # Every task any loop knows; asyncio has no public list without a running loop.
    known = getattr(asyncio.tasks, "_scheduled_tasks", None) or getattr(asyncio.tasks, "_all_tasks", ())
    return {task for task in list(known) if not task.done()}


_KINDS: dict[str, Callable[[], set[Any]]] = {"thread": _threads, "child process": _children, "socket": _sockets, "task": _tasks}


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    before = {kind: look() for kind, look in _KINDS.items()}
    yield
    end = time.monotonic() + _GRACE_S
    while True:
        left = {kind: look() - before[kind] for kind, look in _KINDS.items()}
        if not any(left.values()):
            return
        if time.monotonic() > end:
            break
        gc.collect()  # what only waits for the collector is not leaked, but a ResourceWarning will say so
        time.sleep(0.02)
    pytest.fail("left behind: " + "; ".join(f"{kind} {sorted(map(str, found))}" for kind, found in left.items() if found))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """The embedded server of this run."""
    from tests.postgres import TestServer

    server = TestServer(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def database(postgres: TestServer) -> Iterator[str]:
    """Name of a migrated, empty database of this test's own."""
    with postgres.migrated_database() as name:
        yield name


@pytest.fixture
def database_url(postgres: TestServer, database: str) -> str:
    """Address of a migrated, empty database of this test's own, with a station's restricted log-in."""
    return postgres.station_url(database)


@pytest.fixture
def admin_url(postgres: TestServer, database: str) -> str:
    """The same database as ``database_url``, as superuser: for what a station may not do."""
    return postgres.admin_url(database)


@pytest.fixture(scope="session")
def _shared_database(postgres: TestServer) -> Iterator[str]:
    with postgres.migrated_database() as name:
        yield name


@pytest.fixture
def db(postgres: TestServer, _shared_database: str) -> Iterator[Db]:
    """A session with a station's rights whose writes are rolled back after the test; its actor may do everything.

    ``commit()`` inside ends a savepoint only. The guard is told by the database's owner that this one transaction may change
    any table, so that the functions behind operations can be tried without a sign-in for each; see ``tests/store`` for the guard.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    from core.store.base import Db
    from core.store.operation import Actor
    from tests.postgres import lend_operation

    engine = create_engine(postgres.station_url(_shared_database), poolclass=NullPool)
    actor = Actor("tester", "Tester", frozenset({"administrator"}), frozenset({"*"}), "TEST", None)
    with engine.connect() as connection:
        transaction = connection.begin()
        lend_operation(connection, postgres.admin_url(_shared_database))
        with Db(connection, actor=actor, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()
    engine.dispose()
