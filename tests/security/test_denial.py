"""What a stolen panel can spoil for others, and how far: connections, locks, notifications, relayed nonsense; and how it is shut out."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from core.clock import SystemClock
from core.errors import GenbaError, Invalid
from core.live.sample import Quality
from core.live.table import Table
from core.live.tags import TagSpec, TagType
from core.station.relaying import Relaying
from core.store import logins
from core.store.changes import keys_of
from core.store.relay import Relayed
from tests.conftest import ExpectedLog
from tests.postgres import TestServer, plain
from tests.security.rig import HERE, Panel, Plant


@pytest.fixture
def stolen(plant: Plant) -> Iterator[Panel]:
    """A panel of its own for tests that revoke it or change its log-in."""
    password = logins.add(plant.admin_url, "SEC9")
    url = make_url(plant.admin_url).set(username="genba_SEC9", password=password)
    yield Panel("SEC9", url.render_as_string(hide_password=False))
    plant.sql('REVOKE genba_station FROM "genba_SEC9"; DROP OWNED BY "genba_SEC9"; DROP ROLE "genba_SEC9"')
    plant.sql("DELETE FROM genba.station WHERE code = 'SEC9'")


# --- connections ---------------------------------------------------------------------------------------------------------


def test_two_hundred_connections_of_one_panel_leave_the_others_theirs(plant: Plant) -> None:
    opened: list[psycopg.Connection[Any]] = []
    with contextlib.ExitStack() as held:
        for _ in range(200):
            with contextlib.suppress(psycopg.OperationalError):
                opened.append(held.enter_context(closing(plant.here.connect())))
        assert 1 <= len(opened) <= logins.CONNECTIONS
        for panel in (plant.there, plant.office):
            assert panel.sql("SELECT user_code FROM genba.session_of(%s, NULL)", panel.token) != []
    assert plant.sql("SELECT 8 * 3 < setting::int FROM pg_settings WHERE name = 'max_connections'") == [(True,)]


# --- locks ---------------------------------------------------------------------------------------------------------------

LOCKS = {
    "a row": "SELECT * FROM genba.work_order FOR UPDATE",
    "a table": "LOCK TABLE genba.work_order IN ACCESS EXCLUSIVE MODE",
    "an operation": "UPDATE genba.work_order SET note = note",
}


@pytest.mark.parametrize("kind", LOCKS)
def test_what_a_panel_locks_for_ever_costs_others_three_seconds_each_until_it_is_shut_out(plant: Plant, stolen: Panel, kind: str) -> None:
    """Known and accepted: who may change a table may lock it.

    Nobody waits without end, nothing is half written, and one command ends it.
    """
    there = plant.there
    with closing(stolen.connect()) as holder, closing(there.connect(options="-c lock_timeout=300")) as waiting:
        if kind == "an operation":
            plant.sql(
                "INSERT INTO genba_guard.open_work (xid, kind, operation, user_code, user_name, station, detail)"
                " VALUES (%s::text::xid8, 'operation', 'x', 'x', 'x', 'SEC9', '{}')",
                holder.execute("SELECT pg_current_xact_id()::text").fetchone()[0],  # type: ignore[index]
            )
        holder.execute(LOCKS[kind])  # type: ignore[arg-type]
        there.begin(waiting, "production:order:note", there.token)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            waiting.execute("UPDATE genba.work_order SET note = 'mine'")
        waiting.rollback()
        logins.revoke(plant.admin_url, "SEC9")
        with there.operation("production:order:note") as again:
            again.execute("UPDATE genba.work_order SET note = note")
        with pytest.raises(psycopg.OperationalError):
            holder.execute("SELECT 1")


def test_advisory_locks_keep_nobody_but_an_upgrade_waiting(plant: Plant, stolen: Panel) -> None:
    """Known and accepted: anybody may take them. What needs one gives up in time and says so; whoever holds it is in pg_locks, by name."""
    with closing(stolen.connect()) as holder, closing(plant.there.connect(options="-c lock_timeout=200")) as waiting:
        holder.execute("SELECT pg_advisory_xact_lock(hashtext('genba.order.number'))")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            waiting.execute("SELECT pg_advisory_xact_lock(hashtext('genba.order.number'))")
        (who,) = plant.sql("SELECT usename FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted")[0]
        assert who == "genba_SEC9"


def test_a_stations_own_chain_is_the_only_one_it_can_hold_up(plant: Plant) -> None:
    """The row that orders an audit chain is locked by whoever writes to it; each station writes to its own."""
    with closing(plant.here.connect()) as holder:
        holder.execute("SELECT genba.note_refusal(NULL, 'x', %s, '{}', false)", (json.dumps(plant.here.request("x")),))
        for panel in (plant.there, plant.office):
            with panel.operation("production:order:note"):
                pass


# --- notifications ---------------------------------------------------------------------------------------------------------


@given(st.text(max_size=200))
def test_whatever_is_shouted_on_the_channel_is_ids_or_nothing(payload: str) -> None:
    for key in keys_of(payload):
        entity, _, identity = key.partition(":")
        assert entity
        assert identity
        assert "," not in key


def test_a_forged_notification_makes_others_ask_again_and_nothing_else(plant: Plant) -> None:
    from core.store.changes import Changes
    from core.store.engine import Database

    heard: list[frozenset[str]] = []
    database, last = Database(plant.there.url, plant.there.station), threading.Event()
    Changes(database, lambda keys: (heard.append(keys), last.set() if "order:last" in keys else None), lambda: None)  # type: ignore[arg-type,func-returns-value]
    up = threading.Event()
    database.on_change(lambda state: up.set() if state.up else None)
    database.start()
    try:
        assert up.wait(60)
        for payload in ("user:*", "order:<script>", "'; DROP TABLE x; --", "\u202e:\u202e", "", "x" * 7_000, ",,,:,:", "order:last"):
            plant.here.sql("SELECT pg_notify('genba', %s)", payload)
        assert last.wait(60)
    finally:
        database.close()
    assert heard[0] == {"user:*"}
    assert all(":" in key for keys in heard for key in keys)


# --- relayed values ----------------------------------------------------------------------------------------------------------

NONSENSE: list[Any] = [
    {}, [], "x", None, 7, {"tags": ["A"]},
    {"tags": ["A"], "values": [], "qualities": [0], "statuses": [""], "source_at": [None]},
    {"tags": ["A"], "values": [{"x": 1}], "qualities": [0], "statuses": [""], "source_at": [None]},
    {"tags": ["A"], "values": [1], "qualities": [99], "statuses": [""], "source_at": [None]},
    {"tags": ["A"], "values": [1], "qualities": ["good"], "statuses": [""], "source_at": [None]},
    {"tags": ["A"], "values": [1], "qualities": [0], "statuses": [""], "source_at": ["yesterday"]},
    {"tags": [["A"]], "values": [1], "qualities": [0], "statuses": [""], "source_at": [None]},
]  # fmt: skip


@pytest.mark.parametrize("payload", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_relayed_of_one_source_costs_its_values_and_no_others(payload: Any, expect_log: ExpectedLog) -> None:
    expect_log("what is relayed of PLC-1 cannot be read")
    specs = {"PLC-1": (TagSpec("A", "PLC-1", "x", TagType.FLOAT64),), "PLC-2": (TagSpec("B", "PLC-2", "x", TagType.FLOAT64),)}
    table, now = Table(), SystemClock().now()
    relaying = Relaying(None, "P1", table, SystemClock(), lambda: {}, lambda: specs)  # type: ignore[arg-type]
    good = {"tags": ["B"], "values": [1.5], "qualities": [int(Quality.GOOD)], "statuses": [""], "source_at": [None]}
    told = {"PLC-1": Relayed("PLC-1", 1, now, 0.1, payload), "PLC-2": Relayed("PLC-2", 1, now, 0.1, good)}
    relaying._take(told, specs)
    assert (table.get("A").quality, table.get("A").value, table.get("A").status) == (Quality.OFFLINE, None, "reader_garbled")
    assert table.get("B").value == 1.5


def test_a_relayed_row_is_not_larger_than_a_second_needs(plant: Plant) -> None:
    with pytest.raises(psycopg.Error, match="too much"):
        plant.here.sql("SELECT genba.relay_put(NULL, 'PLC-2', 2, jsonb_build_object('x', repeat('y', 5000000)))")


# --- shut out ----------------------------------------------------------------------------------------------------------------


def test_a_revoked_station_is_out_at_once_also_when_it_connects_again_and_again(plant: Plant, stolen: Panel) -> None:
    stolen.sign_in("ito")
    stolen.sql("SELECT genba.lease_acquire('sync', NULL, 3600)")
    stop, worked = threading.Event(), list[float]()

    def hang_on() -> None:
        while not stop.is_set():
            with contextlib.suppress(psycopg.Error), closing(stolen.connect(autocommit=True)) as connection:
                while not stop.is_set():
                    connection.execute("SELECT code FROM genba.station_of(NULL) code")
                    worked.append(time.monotonic())

    holders = [threading.Thread(target=hang_on) for _ in range(3)]
    for thread in holders:
        thread.start()
    try:
        end = time.monotonic() + 60
        while not worked and time.monotonic() < end:
            time.sleep(0.01)
        assert worked
        logins.revoke(plant.admin_url, "SEC9")
        revoked = time.monotonic()
        time.sleep(0.5)
        assert not [at for at in worked if at > revoked + 0.1]
        assert plant.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'genba_SEC9'") == [(0,)]
    finally:
        stop.set()
        for thread in holders:
            thread.join()
    assert plant.sql("SELECT count(*) FROM genba.session WHERE station = 'SEC9' AND ended_at IS NULL") == [(0,)]
    assert plant.there.sql("SELECT holder FROM genba.lease WHERE name = 'sync'") == [("SEC9",)]
    assert len(plant.there.sql("SELECT genba.lease_acquire('sync', NULL, 60)")) == 1, "its job is free"
    plant.sql("DELETE FROM genba.lease WHERE name = 'sync'")


def test_what_a_log_in_may_do_to_itself_harms_itself_alone(plant: Plant, stolen: Panel) -> None:
    """Known and accepted: PostgreSQL lets a role change its own password and settings; an administrator gives it a new password."""
    stolen.sql("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on; ALTER ROLE CURRENT_USER PASSWORD 'mine now, ha'")
    with pytest.raises(psycopg.OperationalError):
        stolen.sql("SELECT 1")
    for panel in (plant.there, plant.office):
        with panel.operation("production:order:note"):
            pass
    assert plant.sql("SELECT setrole::regrole::text FROM pg_db_role_setting") == [('"genba_SEC9"',)]
    again = logins.add(plant.admin_url, "SEC9")
    url = make_url(stolen.url).set(password=again).render_as_string(hide_password=False)
    assert Panel("SEC9", url).sql("SELECT 1") == [(1,)]


@pytest.mark.parametrize("station", ["owner", "station", "admin"])
def test_no_station_is_called_like_a_mightier_role(plant: Plant, station: str) -> None:
    with pytest.raises(Invalid) as refused:
        logins.add(plant.admin_url, station)
    assert refused.value.code == "store.station_reserved"
    assert all(refused.value.lines(language).what for language in ("ja", "en"))
    assert plant.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'genba_owner'") == [(False,)]
    assert plant.sql("SELECT count(*) FROM genba.station WHERE code = %s", station) == [(0,)]


def test_the_servers_log_never_has_a_stations_password(plant: Plant, postgres: TestServer, stolen: Panel) -> None:
    log = postgres.embedded.home / "postgres.log"
    begun = log.stat().st_size
    chatty = make_url(plant.admin_url).update_query_dict({"options": "-c log_statement=all -c log_parameter_max_length_on_error=-1"})
    planted = "planted-station-password-4711"
    logins.add(chatty.render_as_string(hide_password=False), "SEC9", planted)
    with pytest.raises(GenbaError):  # a statement that fails is logged whatever the settings
        logins.add(plant.there.url, "SEC9", planted)
    with log.open("rb") as file:
        file.seek(begun)
        said = file.read()
    assert b"ALTER ROLE" in said
    assert planted.encode() not in said
    with psycopg.connect(plain(make_url(stolen.url).set(password=planted).render_as_string(hide_password=False))) as connection:
        assert connection.execute("SELECT session_user::text").fetchone() == ("genba_SEC9",)
    assert plant.sql("SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'genba_SEC9'") == [(True,)]
    assert HERE in plant.panels
