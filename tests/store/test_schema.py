"""The schema: equal to the mapped classes, made on every supported server, restricted for stations, upgraded by one at a time."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from core.config import VERSION
from core.declared import MODELS
from core.errors import GenbaError, Refused, Unavailable
from core.store import logins
from core.store.base import Base, Db
from core.store.engine import Database
from core.store.schema import REVISION, Window, schema_sql, status, upgrade
from tests.postgres import OwnServer, TestServer, installed_servers, plain
from tests.store.test_engine import until

ROOT = Path(__file__).resolve().parents[2]


def mapped() -> Any:
    for name in MODELS:
        importlib.import_module(name)
    return Base.metadata


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(Config(toml_file=str(ROOT / "pyproject.toml")))


# What the migrations are --------------------------------------------------------------------------------------------


def test_program_knows_the_newest_revision_and_its_own_version() -> None:
    assert scripts().get_heads() == [REVISION]
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_no_revision_offers_a_way_back() -> None:
    for script in scripts().walk_revisions():
        assert not hasattr(script.module, "downgrade"), "expand first, contract a release later; going back is a restore"


# How a generated column is worked out cannot be changed in place, so alembic compares the text only; see the test after this one.
@pytest.mark.filterwarnings("ignore:Computed default on work_order")
def test_migrated_schema_equals_the_mapped_classes(admin_url: str) -> None:
    metadata = mapped()
    engine = create_engine(admin_url, poolclass=NullPool)
    with engine.connect() as connection:
        options = {"include_schemas": True, "version_table_schema": "genba", "compare_server_default": True}
        options["include_name"] = lambda name, kind, parents: kind != "schema" or name == "genba"
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        checks = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = 'genba'::regnamespace AND contype = 'c'"
        migrated = {(table.removeprefix("genba."), name) for table, name in connection.execute(text(checks))}
    engine.dispose()
    declared = {
        (table.name, str(constraint.name)) for table in metadata.tables.values() for constraint in table.constraints
        if type(constraint).__name__ == "CheckConstraint"
    }  # fmt: skip
    expected = {(table, name if name.startswith("ck_") else f"ck_{table}_{name}") for table, name in declared}
    assert migrated == expected


def test_generated_columns_are_worked_out_as_the_classes_say(db: Db) -> None:
    """The server writes an expression in its own way: it is asked to write that of the class."""
    found = []
    asked = "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum)"
    for table in mapped().tables.values():
        for column in table.columns:
            if column.computed is not None:
                db.execute(text(f"CREATE TEMPORARY TABLE probe (LIKE {table.fullname} EXCLUDING ALL)"))
                expression = f"{column.type.compile(db.bind.dialect)} GENERATED ALWAYS AS ({column.computed.sqltext}) STORED"
                db.execute(text(f"ALTER TABLE probe ADD probed {expression}"))
                where = text(f"{asked} WHERE a.attrelid = CAST(:name AS regclass) AND a.attname = :column")
                ours = db.execute(where, {"name": "probe", "column": "probed"}).scalar_one()
                assert db.execute(where, {"name": table.fullname, "column": column.name}).scalar_one() == ours
                db.execute(text("DROP TABLE probe"))
                found.append(column.name)
    assert found == ["list_rank", "list_at"]


def test_every_constraint_and_index_has_a_name_of_ours(admin_url: str) -> None:
    with psycopg.connect(plain(admin_url)) as connection:
        names = connection.execute(
            "SELECT conname FROM pg_constraint WHERE connamespace = 'genba'::regnamespace AND contype <> 'n'"
            " UNION SELECT indexname FROM pg_indexes WHERE schemaname = 'genba'"
        ).fetchall()
    names.remove(("alembic_version_pkc",))
    assert len(names) > 80
    assert [name for (name,) in names if not name.startswith(("pk_", "uq_", "ck_", "fk_", "ix_"))] == []


# Which programs it serves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("0.1.9", "store.program_too_old"), ("0.2", None), ("0.2.0", None), ("0.3.99", None), ("0.4.0", "store.schema_too_old"),
        ("1.0.0", "store.schema_too_old"), ("0.10.0", "store.schema_too_old"),
    ],
)  # fmt: skip
def test_window(program: str, code: str | None) -> None:
    reason = Window("0007", "0.2", "0.3").verdict(program)
    assert (reason and reason.code) == code


@given(st.tuples(*[st.integers(0, 20)] * 3), st.tuples(*[st.integers(0, 20)] * 2), st.tuples(*[st.integers(0, 20)] * 2))
def test_window_is_the_order_of_releases(program: tuple[int, ...], oldest: tuple[int, ...], newest: tuple[int, ...]) -> None:
    def dotted(parts: tuple[int, ...]) -> str:
        return ".".join(map(str, parts))

    reason = Window("1", dotted(oldest), dotted(newest)).verdict(dotted(program))
    assert (reason is None) == (oldest <= program[:2] <= newest)


# On every supported server ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=sorted(installed_servers()))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """A plant's server of each version found here, with a database owner who is no superuser."""
    own = OwnServer(tmp_path_factory.mktemp("server"), installed_servers()[request.param])
    own.start()
    own.run("CREATE ROLE boss LOGIN PASSWORD 'boss' CREATEROLE")
    own.run("CREATE ROLE nobody LOGIN PASSWORD 'nobody'")
    yield own
    own.remove()


@pytest.fixture
def shared(server: OwnServer) -> Iterator[OwnServer]:
    server.run("CREATE DATABASE plant OWNER boss")
    yield server
    server.run("DROP DATABASE plant WITH (FORCE)")
    server.run('DROP ROLE IF EXISTS genba_owner, genba_station, "genba_L1"')


@pytest.mark.parametrize("login", ["root_of_server", "boss"])
def test_superuser_or_owner_sets_it_up_and_a_station_works(shared: OwnServer, login: str) -> None:
    url = shared.url("plant", login, None if login == "root_of_server" else "boss")
    before = status(url)
    assert (before.state, before.reason and before.reason.code) == ("empty", "store.schema_missing")
    after = upgrade(url)
    assert (after.state, after.reason, after.window and after.window.revision) == ("ready", None, REVISION)
    assert upgrade(url) == after == status(url), "a second time nothing happens"
    logins.add(url, "L1", "old")
    logins.add(url, "L1", 'it\'s "new" %s :x')
    station = shared.url("plant", "genba_L1", 'it\'s "new" %s :x')
    assert status(station).state == "ready"
    with psycopg.connect(plain(station)) as connection:
        connection.execute("SELECT genba.lease_acquire('x', 'L1', 10)")
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'genba'").fetchall()
    assert owners == [("genba_owner",)]
    database = Database(station, "L1")
    database.start()
    until(lambda: database.up)
    assert database.state.read_only is None
    database.close()


def test_whoever_may_not_upgrade_is_told_so_and_nothing_is_changed(shared: OwnServer) -> None:
    with pytest.raises(Refused) as caught:
        upgrade(shared.url("plant", "nobody", "nobody"))
    assert caught.value.code == "store.upgrade_refused"
    assert status(shared.url("plant")).state == "empty"


def test_a_member_of_the_owner_upgrades_without_any_other_right(shared: OwnServer) -> None:
    upgrade(shared.url("plant"))
    with pytest.raises(Refused):
        upgrade(shared.url("plant", "nobody", "nobody"))
    shared.run("GRANT genba_owner TO nobody")
    assert upgrade(shared.url("plant", "nobody", "nobody")).state == "ready"


def test_the_script_for_the_administrator_makes_the_same(shared: OwnServer) -> None:
    with psycopg.connect(plain(shared.url("plant", "boss", "boss")), autocommit=True) as connection:
        connection.execute(schema_sql())
    assert status(shared.url("plant", "boss", "boss")).state == "ready"


def test_two_upgrades_at_once_both_succeed(shared: OwnServer) -> None:
    url, states, errors = shared.url("plant", "boss", "boss"), [], []

    def run() -> None:
        try:
            states.append(upgrade(url).state)
        except GenbaError as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (states, errors) == (["ready"] * 3, [])


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.administration._LOCK_TIMEOUT", "300ms")


WORK = {"at the gate": "SELECT genba_guard.pass_gate()", "on a table": "LOCK TABLE genba.audit IN ROW EXCLUSIVE MODE"}
"""How a transaction of a station stands in the way: an operation under way, and what changes rows beside operations."""


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("where", WORK)
def test_upgrade_waits_for_work_under_way_without_queueing_others_behind_it(shared: OwnServer, where: str) -> None:
    url = shared.url("plant")
    upgrade(url)
    outcome: list[Any] = []
    with psycopg.connect(plain(url)) as station, psycopg.connect(plain(url)) as other:
        station.execute(WORK[where])
        thread = threading.Thread(target=lambda: outcome.append(upgrade(url, wait_s=60).state))
        thread.start()
        time.sleep(1.0)
        assert outcome == []
        start = time.monotonic()
        station.execute("SELECT count(*) FROM genba.work_order")
        other.execute("SELECT count(*) FROM genba.audit")
        assert time.monotonic() - start < 1, "nobody who reads waits for the upgrade"
        for statement in WORK.values():
            other.execute(statement)  # at most until the upgrade has lost its patience and lets others pass
            other.rollback()
        assert outcome == []
        station.rollback()
        thread.join(60)
    assert outcome == ["ready"]


def test_upgrade_does_not_wait_for_readers(shared: OwnServer) -> None:
    """A report of a year, or a backup, holds a lock on every table for as long as it takes."""
    url = shared.url("plant")
    upgrade(url)
    with psycopg.connect(plain(url)) as reader:
        tables = reader.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'genba'").fetchall()
        reader.execute(f"LOCK TABLE {', '.join('genba.' + name for (name,) in tables)} IN ACCESS SHARE MODE".encode())
        assert upgrade(url, wait_s=0).state == "ready"


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("where", WORK)
def test_upgrade_gives_up_on_work_that_does_not_end(shared: OwnServer, where: str) -> None:
    url = shared.url("plant")
    upgrade(url)
    with psycopg.connect(plain(url)) as station:
        station.execute(WORK[where])
        with pytest.raises(Unavailable) as caught:
            upgrade(url, wait_s=1)
    assert caught.value.code == "store.upgrade_busy"
    assert status(url).state == "ready"


def test_newer_schema_is_left_alone(shared: OwnServer) -> None:
    """Also one that a server made while its clock was behind."""
    url = shared.url("plant")
    upgrade(url)
    shared.run("UPDATE genba.alembic_version SET version_num = '0099'", "plant")
    shared.run("INSERT INTO genba.schema_compat VALUES ('0099', '0.1', '0.2', now() - interval '1 day')", "plant")
    assert upgrade(url).state == status(url).state == "ahead"
    shared.run("INSERT INTO genba.schema_compat VALUES ('0100', '0.3', '0.4', now() - interval '2 days')", "plant")
    assert status(url).state == "read_only"
    with pytest.raises(Unavailable) as caught:
        upgrade(url)
    assert caught.value.code == "store.program_too_old"


# What can go wrong with an address ----------------------------------------------------------------------------------


def test_addresses_that_lead_nowhere(postgres: TestServer) -> None:
    wrong = {
        "postgresql+psycopg://u:pw@127.0.0.1:1/genba": "store.away",
        "nonsense": "store.address",
        postgres.admin_url("no_such_database"): "store.database_missing",
        postgres.admin_url("postgres").replace("genba_admin", "genba_nobody"): "store.login_refused",
    }
    for url, code in wrong.items():
        with pytest.raises(GenbaError) as caught:
            status(url)
        assert caught.value.code == code
        assert "pw" not in str(caught.value)


# What a station may do ----------------------------------------------------------------------------------------------

HOSTILE = [
    "DELETE FROM genba.work_order",
    "TRUNCATE genba.work_order",
    "DROP TABLE genba.work_order",
    "ALTER TABLE genba.work_order DROP CONSTRAINT ck_work_order_planned_positive",
    "CREATE TABLE genba.mine (n int)",
    "CREATE TABLE public.mine (n int)",
    "INSERT INTO genba.audit (station, seq) VALUES ('x', 1)",
    "UPDATE genba.audit SET reason = ''",
    "DELETE FROM genba.audit",
    "UPDATE genba.audit_head SET seq = 0",
    "UPDATE genba.movement SET quantity = 1",
    "INSERT INTO genba.signature (id) VALUES (gen_random_uuid())",
    "UPDATE genba.request SET state = 'refused'",
    "SELECT * FROM genba.credential",
    "INSERT INTO genba.credential (user_id) VALUES (1)",
    "SELECT * FROM genba.sign_in_secret",
    "UPDATE genba_guard.attempt SET failures = 0",
    "SELECT token_hash FROM genba.session",
    "UPDATE genba.schema_compat SET oldest_program = '0'",
    "UPDATE genba.alembic_version SET version_num = '0'",
    "SET ROLE genba_owner",
    "SET SESSION AUTHORIZATION genba_admin",
    "CREATE ROLE friend",
    "ALTER ROLE genba_local SUPERUSER",
    "CREATE EXTENSION pg_trgm",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY genba.unit TO PROGRAM 'id'",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_stations_own_login_is_refused(db: Db, statement: str) -> None:
    with pytest.raises(Exception, match=r"permission denied|must be owner|Only roles with") as caught:
        db.execute(text(statement))
    assert caught.value.orig.sqlstate == "42501"  # type: ignore[attr-defined]


def test_nan_never_gets_into_a_quantity(db: Db) -> None:
    with pytest.raises(Exception, match=r"is_number|planned_positive"):
        db.execute(
            text(
                "INSERT INTO genba.work_order (id, number, product_id, line_id, planned, unit, scheduled_start_at, scheduled_end_at)"
                " VALUES (gen_random_uuid(), 'WO-1', 1, 1, 'NaN', 'pcs', now(), now() + interval '1 h')"
            )
        )
