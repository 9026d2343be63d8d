"""An upgrade comes in while every station presses without a pause, and nothing of what they press is lost, doubled or parked."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import pytest

from core.errors import Unavailable
from core.store.embedded import LOGIN
from core.store.schema import upgrade
from tests.postgres import TestServer
from tests.store.rig import ALICE, DECLARED, TABLES, Station, ask, declared

STATIONS = 6
REDECLARE = f"""
CREATE FUNCTION public.declare_things() RETURNS trigger LANGUAGE plpgsql AS $test$BEGIN {DECLARED} RETURN NULL; END$test$;
CREATE TRIGGER declare_things AFTER INSERT OR UPDATE ON genba_guard.declaration
FOR EACH STATEMENT EXECUTE FUNCTION public.declare_things();
ALTER TABLE genba.test_thing OWNER TO genba_owner;
ALTER TABLE genba.test_entry OWNER TO genba_owner;
"""
"""What the upgrade declares does not know the tests' operations and tables; with this they are as its own, from its commit on."""


@pytest.fixture
def ops() -> Iterator[SimpleNamespace]:
    with declared() as found:
        yield found


@pytest.fixture
def admin(postgres: TestServer) -> Iterator[str]:
    with postgres.migrated_database() as name:
        postgres.run(TABLES + REDECLARE, name)
        yield postgres.admin_url(name)


@pytest.fixture
def stations(postgres: TestServer, admin: str, ops: SimpleNamespace, tmp_path: Path) -> Iterator[list[Station]]:
    url = postgres.station_url(admin.partition("?")[0].rpartition("/")[2])
    limit = ask(admin, "SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", LOGIN)[0][0]
    with contextlib.ExitStack() as ending:
        postgres.run(f"ALTER ROLE {LOGIN} CONNECTION LIMIT {3 * STATIONS + limit}")  # one station's own, in the place of six
        ending.callback(postgres.run, f"ALTER ROLE {LOGIN} CONNECTION LIMIT {limit}")
        opened: list[Station] = []
        for n in range(STATIONS):
            (tmp_path / str(n)).mkdir()
            opened.append(Station(url, tmp_path / str(n)))
            ending.callback(opened[-1].close)
        for one in opened:
            one.wait(True)
        yield opened


class Presser(threading.Thread):
    """Counts on one station and renames, one press after the other, until it is told to stop.

    Attributes:
        kept: Counts the operator was told to be kept.
        named: Renames the operator was told to be done.
        longest_s: The longest press.
        surprises: What should not happen to anybody.
    """

    def __init__(self, station: Station, ops: SimpleNamespace, counted: list[UUID], own: UUID) -> None:
        super().__init__()
        self.station, self._ops, self._things, self._own = station, ops, counted, own
        self.kept = self.named = 0
        self.longest_s = 0.0
        self.surprises: list[BaseException] = []
        self.enough = threading.Event()

    def run(self) -> None:
        turn = 0
        while not self.enough.is_set():
            turn += 1
            begun = time.monotonic()
            try:
                self._press(turn)
            except Unavailable as error:
                if error.code not in ("store.busy", "store.catching_up"):
                    self.surprises.append(error)
            except Exception as error:  # noqa: BLE001 - told on the thread of the test
                self.surprises.append(error)
            self.longest_s = max(self.longest_s, time.monotonic() - begun)

    def _press(self, turn: int) -> None:
        if turn % 5:
            self.station.door.do(self._ops.count, ALICE, {"thing_id": self._things[turn % len(self._things)]})
            self.kept += 1
        else:
            self.station.door.do(self._ops.rename, ALICE, {"thing_id": self._own, "name": f"{self._own}"[-12:]})
            self.named += 1


def home(station: Station) -> None:
    end = time.monotonic() + 60
    while station.door.apply_waiting().waiting:
        assert time.monotonic() < end, "what waits does not come home"


def test_an_upgrade_comes_in_while_six_stations_press_without_a_pause(stations: list[Station], ops: SimpleNamespace, admin: str) -> None:
    first = stations[0].door
    things = [first.do(ops.create, ALICE, {"name": f"thing {n}"}).view.id for n in range(3)]
    owned = [first.do(ops.create, ALICE, {"name": f"own {n}"}).view.id for n in range(STATIONS)]
    for one in stations:
        one.door.ask(ops.list, ALICE, {})
    pressers = [Presser(one, ops, things, own) for one, own in zip(stations, owned, strict=True)]
    for presser in pressers:
        presser.start()
    try:
        time.sleep(1.0)
        lasted = []
        for _ in range(3):
            begun = time.monotonic()
            assert upgrade(admin, wait_s=30).state == "ready"
            lasted.append(time.monotonic() - begun)
            time.sleep(0.5)
    finally:
        for presser in pressers:
            presser.enough.set()
        for presser in pressers:
            presser.join(60)
    for one in stations:
        home(one)
    kept, named = sum(presser.kept for presser in pressers), sum(presser.named for presser in pressers)
    print(f"upgrades {lasted} s, longest press {max(p.longest_s for p in pressers):.2f} s, {kept} counts, {named} renames")
    assert [presser.surprises for presser in pressers] == [[]] * STATIONS
    assert [one.journal.parked() for one in stations] == [[]] * STATIONS
    assert ask(admin, "SELECT sum(count) FROM genba.test_thing") == [(kept,)]
    assert ask(admin, "SELECT count(*) FROM genba.test_entry") == [(kept + named,)]
    assert ask(admin, "SELECT count(*), count(DISTINCT request_id) FROM genba.test_entry") == [(kept + named,) * 2]
