"""The password of a station's log-in is changed while it works, as a site's rules ask for every few months."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.clock import SystemClock
from core.errors import GenbaError
from core.store.door import Door
from core.store.engine import Database
from core.store.journal import Journal
from core.store.programs import binaries
from core.store.readstore import ReadStore
from tests.postgres import OwnServer
from tests.replication import LOGIN, PASSWORD, prepared
from tests.store.rig import ALICE, TABLES, Prover, ask, declared
from tests.store.test_engine import until

_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'panel'"


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    own = prepared(tmp_path / "server", binaries(), TABLES)
    own.start()
    yield own
    own.remove()


class Panel:
    """A station whose address may change, as its key store's does."""

    def __init__(self, server: OwnServer, home: Path) -> None:
        self.password, clock = PASSWORD, SystemClock()
        home.mkdir()
        self.database = Database(lambda: server.url("genba", LOGIN, self.password), "ST1", clock=clock)
        self.journal, self.readstore = Journal(home / "journal.db", clock), ReadStore(home / "readstore.db", clock)
        self.door = Door(self.database, self.journal, self.readstore, clock, "ST1", Prover(server.url("genba")), deadline_s=5.0)
        self.database.start()

    def close(self) -> None:
        self.database.close()
        self.journal.close()
        self.readstore.close()


@pytest.fixture
def panel(server: OwnServer, tmp_path: Path) -> Iterator[Panel]:
    one = Panel(server, tmp_path / "station")
    until(lambda: one.database.up, 60)
    yield one
    one.close()


def test_whoever_is_connected_works_on_and_what_waits_comes_home_with_the_new_password(
    server: OwnServer, panel: Panel, ops: SimpleNamespace, expect_log: Any
) -> None:
    expect_log("database is down")
    thing = panel.door.do(ops.create, ALICE, {"name": "locked out"}).view.id
    panel.door.ask(ops.list, ALICE, {})
    server.run(f"ALTER ROLE {LOGIN} PASSWORD 'another one'")
    told = [panel.door.do(ops.count, ALICE, {"thing_id": thing})]
    assert told[0].state == "applied", "a password is asked for once"
    server.run(_END)
    until(lambda: panel.database.state.reason is not None and panel.database.state.reason.code == "store.login_refused", 60)
    told += [panel.door.do(ops.count, ALICE, {"thing_id": thing}) for _ in range(3)]
    assert {done.state for done in told[1:]} == {"waiting"}
    panel.password = "another one"
    until(lambda: panel.database.up, 60)
    home_coming(panel)
    booked = ask(server.url("genba"), "SELECT request_id FROM genba.test_entry ORDER BY id")
    assert [request for (request,) in booked] == [done.request_id for done in told]


def test_with_the_old_password_it_never_comes_home(server: OwnServer, panel: Panel, ops: SimpleNamespace, expect_log: Any) -> None:
    """The mutant: a station that does not read its address anew for every connection."""
    expect_log("database is down")
    thing = panel.door.do(ops.create, ALICE, {"name": "locked out"}).view.id
    panel.door.ask(ops.list, ALICE, {})
    server.run(f"ALTER ROLE {LOGIN} PASSWORD 'another one'")
    server.run(_END)
    until(lambda: panel.database.state.reason is not None, 60)
    panel.door.do(ops.count, ALICE, {"thing_id": thing})
    end = time.monotonic() + 3
    while time.monotonic() < end:
        panel.database._lanes["listen"].poke(idle=True)
        assert panel.door.apply_waiting().waiting == 1
        time.sleep(0.1)
    assert not panel.database.up


def home_coming(panel: Panel) -> None:
    end = time.monotonic() + 60
    while panel.door.waiting:
        assert time.monotonic() < end, "did not come home"
        try:
            panel.door.apply_waiting()
        except GenbaError:
            time.sleep(0.1)
