"""A backup made, damaged, proved and brought back, with real servers and their own tools."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from core.clock import SystemClock
from core.errors import Conflict, GenbaError, Invalid, Refused, Unavailable
from core.store import backup, dumping, loading, logins, manifest, schema
from core.store.restore import Restored, restore
from tests.cli.conftest import window
from tests.postgres import OwnServer, TestServer, installed_servers, plain
from tests.store.rig import TABLES, THINGS, ask
from tests.store.test_audit import Panel
from tests.store.test_engine import until

CLOCK = SystemClock()
NUMBER = "SELECT oid FROM pg_database WHERE datname = current_database()"


SITES = """
INSERT INTO genba.enterprise (code, name) VALUES ('E', '{"ja": "e", "en": "e"}');
INSERT INTO genba.site (code, name, enterprise_id, time_zone) SELECT v.code, '{"ja": "s", "en": "s"}', e.id, 'Asia/Tokyo'
FROM genba.enterprise e, (SELECT 'TOKYO/1' AS code UNION SELECT 'TOKYO/A-rather-long-code-of-a-works-' || n FROM generate_series(2, 9) n) v
"""


def filled(postgres: TestServer, name: str) -> str:
    """Address of a database with a few decisions and their audit rows in it."""
    admin = postgres.admin_url(name)
    ask(admin, TABLES)
    for table in THINGS:
        ask(admin, f"ALTER TABLE genba.{table} OWNER TO genba_owner")
    panel = Panel(postgres.station_url(name), admin)
    for number in range(3):
        with panel.operation():
            panel.run("INSERT INTO genba.test_thing (id, name) VALUES (gen_random_uuid(), %s)", f"部品 {number} \\ ' \t \n")
    panel.connection.close()
    return admin


@pytest.fixture(scope="module")
def source(postgres: TestServer) -> Iterator[str]:
    with postgres.migrated_database() as name:
        yield filled(postgres, name)


@pytest.fixture(scope="module")
def made(source: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One backup of ``source``, to be copied by whoever harms it."""
    return backup.make(source, tmp_path_factory.mktemp("backups"), "PANEL-1")[0]


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / made.name
    copy.mkdir()
    for path in made.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


@pytest.fixture
def target(postgres: TestServer) -> Iterator[str]:
    """Address of a database that is not there yet; it and what was put aside for it are gone afterwards."""
    yield postgres.admin_url("restored")
    for name in databases(postgres):
        if name.startswith(("restored", "genba_restoring")):
            postgres.run(f'DROP DATABASE "{name}" WITH (FORCE)')


def databases(server: TestServer | OwnServer) -> list[str]:
    url = server.admin_url("postgres") if isinstance(server, TestServer) else server.url("postgres")
    return [name for (name,) in ask(url, "SELECT datname FROM pg_database WHERE NOT datistemplate")]


def refused(code: str, work: Callable[[], object]) -> GenbaError:
    with pytest.raises(GenbaError) as caught:
        work()
    assert caught.value.code == code, caught.value
    for language in ("ja", "en"):
        assert "—" not in "".join(caught.value.lines(language)[:1]), "every value is told"  # type: ignore[arg-type]
    return caught.value


# Making ---------------------------------------------------------------------------------------------------------------


def test_what_was_there_comes_back(postgres: TestServer, source: str, made: Path, target: str) -> None:
    told = backup.look_through(made)
    assert (told.station, told.database, told.scheduled) == ("PANEL-1", make_url(source).database, False)
    assert told.rows["genba.test_thing"] == 3
    assert told.rows["genba.audit"] >= 3
    assert told.heads["ST1"][0] == 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in (made, *made.iterdir())), "everything of the plant is in it"
    done = restore(target, made, CLOCK)
    assert (done.database, done.kept, done.upgraded, done.without_login) == ("restored", "", False, ())
    assert (done.audit.findings, done.audit.heads) == ((), {"ST1": told.heads["ST1"]})
    things = "SELECT name, count, open FROM genba.test_thing ORDER BY name"
    assert ask(target, things) == ask(source, things)
    assert schema.status(target).state == "ready"
    owners = ask(target, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('genba', 'genba_guard')")
    assert owners == [("genba_owner",)]


def test_it_is_one_moment_although_people_go_on_working(postgres: TestServer, tmp_path: Path) -> None:
    with postgres.migrated_database() as name:
        admin = filled(postgres, name)
        ended = threading.Event()

        def work() -> None:
            panel = Panel(postgres.station_url(name), admin)
            number = 0
            while not ended.is_set():
                number += 1
                with panel.operation():
                    panel.run("INSERT INTO genba.test_thing (id, name) VALUES (gen_random_uuid(), %s)", f"later {number}")
            panel.connection.close()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            folder, told = backup.make(admin, tmp_path, "PANEL-1")
        finally:
            ended.set()
            worker.join()
        assert ask(admin, "SELECT count(*) FROM genba.test_thing")[0][0] > told.rows["genba.test_thing"], "they did work"
        found = loading.prove(folder, told)
    assert found.findings == ()
    assert found.rows == told.rows["genba.audit"]


def test_a_backup_is_never_written_over(source: str, made: Path, tmp_path: Path) -> None:
    refused("backup.name_taken", lambda: backup.make(source, made / manifest.DUMP, "PANEL-1"))
    folder, _ = backup.make(source, tmp_path / "by name", "PANEL-1")
    assert folder == tmp_path / "by name"
    inside, _ = backup.make(source, folder, "PANEL-1")
    assert inside.parent == folder
    assert backup.look_through(folder).name == "by name"


def test_the_code_of_a_site_may_be_no_name_of_a_folder(postgres: TestServer, tmp_path: Path) -> None:
    with postgres.migrated_database() as name:
        url = postgres.admin_url(name)
        ask(url, SITES)
        folder, told = backup.make(url, tmp_path, "PANEL-1")
        assert told.site[0] == "TOKYO/1"
        assert folder.parent == tmp_path
        assert folder.name.startswith("genba-TOKYO_1-")
        assert len(folder.name) < 150
        assert backup.look_through(folder) == told


def test_a_log_in_that_does_not_see_everything_is_refused(postgres: TestServer, database_url: str, tmp_path: Path) -> None:
    refused("cli.needs_owner", lambda: backup.make(database_url, tmp_path, "PANEL-1"))
    with postgres.empty_database() as name:
        refused("store.schema_missing", lambda: backup.make(postgres.admin_url(name), tmp_path, "PANEL-1"))
    assert list(tmp_path.iterdir()) == []


def test_tools_older_than_the_server_are_named() -> None:
    error = refused("backup.tools_too_old", lambda: dumping.fitting(99))
    assert "99" in error.lines("en").do
    assert "postgresql-client-99" in error.lines("ja").do


@contextlib.contextmanager
def held_up(url: str) -> Iterator[Callable[[], bool]]:
    """Whoever copies the database at ``url`` waits meanwhile; gives a function that tells whether somebody does."""
    with psycopg.connect(plain(url), autocommit=True) as watcher, psycopg.connect(plain(url)) as holder:
        watcher.execute("CREATE TABLE public.held (id int)")
        holder.execute("LOCK TABLE public.held")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'genba/%'"
        yield lambda: watcher.execute(waiting).fetchone() == (1,)
        with contextlib.suppress(psycopg.Error):  # its server may be gone
            holder.rollback()
            watcher.execute("DROP TABLE public.held")


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[GenbaError]]:
    found: list[GenbaError] = []

    def run() -> None:
        try:
            work()
        except GenbaError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


def test_given_up_it_leaves_nothing(source: str, tmp_path: Path) -> None:
    stop = threading.Event()
    with held_up(source) as waiting:
        thread, found = in_thread(lambda: backup.make(source, tmp_path, "PANEL-1", give_up=stop.is_set))
        until(waiting)
        stop.set()
        thread.join(60)
    assert [error.code for error in found] == ["backup.stopped"]
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_dies_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    own = OwnServer(tmp_path / "server", installed_servers()["embedded"])
    own.start()
    folder = tmp_path / "backups"
    folder.mkdir()
    try:
        own.run("CREATE DATABASE plant")
        schema.upgrade(own.url("plant"))
        with held_up(own.url("plant")) as waiting:
            thread, found = in_thread(lambda: backup.make(own.url("plant"), folder, "PANEL-1"))
            until(waiting)
            own.kill()
            thread.join(60)
        assert [error.code for error in found] == ["backup.server_went"]
        assert list(folder.iterdir()) == []
        own.start()
        assert backup.look_through(backup.make(own.url("plant"), folder, "PANEL-1")[0]).rows["genba.role"] > 0
    finally:
        own.remove()


LIMITED = """
import resource, sys
from pathlib import Path
from core.errors import GenbaError
from core.store.backup import make
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    make(sys.argv[1], Path(sys.argv[2]), "PANEL-1")
except GenbaError as error:
    print(error.code)
"""


def test_a_disk_that_fills_up_leaves_nothing(source: str, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", LIMITED, source, tmp_path]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "backup.disk_full", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_is_removed_by_the_next(source: str, tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from core.store.backup import make; make(sys.argv[1], Path(sys.argv[2]), 'P')"
    root = Path(__file__).resolve().parents[2]
    with held_up(source) as waiting:
        process = subprocess.Popen([sys.executable, "-c", program, source, tmp_path], cwd=root)
        until(waiting)
        process.kill()
        process.wait(60)
        assert all(path.name.startswith(".partial-") for path in tmp_path.iterdir()), "half a backup, under no name of one"
        assert len(list(tmp_path.iterdir())) == 2
        assert list(manifest.found_in(tmp_path)) == []
    folder, _ = backup.make(source, tmp_path, "PANEL-1")
    assert list(tmp_path.iterdir()) == [folder]


# Damage ---------------------------------------------------------------------------------------------------------------


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 0x10
    path.write_bytes(raw)


def rewrite_rows(folder: Path) -> None:
    """Somebody edits a number by hand."""
    path = folder / manifest.MANIFEST
    path.write_text(path.read_text(encoding="utf-8").replace('"genba.test_thing": 3', '"genba.test_thing": 4'), encoding="utf-8")


HARM: dict[str, Callable[[Path], object]] = {
    "a bit in the data": lambda folder: flip(folder / manifest.DUMP, (folder / manifest.DUMP).stat().st_size * 3 // 4),
    "cut off": lambda folder: os.truncate(folder / manifest.DUMP, (folder / manifest.DUMP).stat().st_size - 1),
    "data missing": lambda folder: (folder / manifest.DUMP).unlink(),
    "log-ins missing": lambda folder: (folder / manifest.LOGINS).unlink(),
    "a bit in the manifest": lambda folder: flip(folder / manifest.MANIFEST, 300),
    "manifest cut off": lambda folder: os.truncate(folder / manifest.MANIFEST, 500),
    "manifest empty": lambda folder: os.truncate(folder / manifest.MANIFEST, 0),
    "a number changed": rewrite_rows,
}


@pytest.mark.parametrize("harm", HARM)
def test_damage_is_found_before_anything_is_touched(copied: Path, postgres: TestServer, target: str, harm: str) -> None:
    backup.look_through(copied)
    HARM[harm](copied)
    refused("backup.damaged", lambda: backup.look_through(copied))
    before = databases(postgres)
    refused("backup.damaged", lambda: restore(target, copied, CLOCK))
    assert databases(postgres) == before


def test_what_is_no_backup_is_said(tmp_path: Path) -> None:
    refused("backup.none", lambda: backup.look_through(tmp_path))
    refused("backup.none", lambda: backup.look_through(tmp_path / "nothing"))


def sealed_again(folder: Path, **changes: Any) -> None:
    """A manifest that says something else, with a right sum."""
    told = manifest.read(folder)
    (folder / manifest.MANIFEST).write_bytes(manifest.sealed(told.model_copy(update=changes)))


def test_content_that_is_not_what_the_manifest_says_is_refused(copied: Path, postgres: TestServer, target: str) -> None:
    told = manifest.read(copied)
    sealed_again(copied, rows=told.rows | {"genba.test_thing": 4})
    backup.look_through(copied)
    before = databases(postgres)
    error = refused("backup.differs", lambda: restore(target, copied, CLOCK))
    assert isinstance(error, Conflict)
    assert "genba.test_thing: 3 / 4" in error.lines("en").what
    refused("backup.differs", lambda: loading.prove(copied, manifest.read(copied)))
    ((station, (number, _)), *_) = told.heads.items()
    sealed_again(copied, rows=told.rows, heads=told.heads | {station: (number, "00" * 32)})
    assert f"audit {station}" in refused("backup.differs", lambda: restore(target, copied, CLOCK)).lines("en").what
    assert databases(postgres) == before


@pytest.mark.parametrize("piece", [manifest.DUMP, manifest.LOGINS])
def test_a_piece_without_a_sum_is_damage(copied: Path, piece: str) -> None:
    told = manifest.read(copied)
    sealed_again(copied, pieces={name: one for name, one in told.pieces.items() if name != piece})
    flip(copied / manifest.DUMP, -100)
    refused("backup.damaged", lambda: backup.look_through(copied))


def test_a_manifest_of_later_is_not_guessed_at(copied: Path) -> None:
    path = copied / manifest.MANIFEST
    body = json.loads(path.read_text(encoding="utf-8"))["manifest"] | {"format": 2}
    path.write_text(json.dumps({"manifest": body, "sha256": manifest._own_sum(body)}), encoding="utf-8")
    assert isinstance(refused("backup.newer_format", lambda: manifest.read(copied)), Invalid)


# Bringing back --------------------------------------------------------------------------------------------------------


def test_content_is_put_aside_only_when_its_name_is_typed_out(postgres: TestServer, made: Path, target: str) -> None:
    postgres.run("CREATE DATABASE restored")
    ask(target, "CREATE TABLE public.precious AS SELECT 42 AS answer")
    for typed in ("", "genba", "RESTORED", "restored "):
        refused("backup.not_empty", lambda typed=typed: restore(target, made, CLOCK, replace=typed))  # type: ignore[misc]
    assert ask(target, "SELECT answer FROM public.precious") == [(42,)]
    done = restore(target, made, CLOCK, replace="restored")
    assert ask(target, "SELECT to_regclass('public.precious')") == [(None,)]
    assert done.kept.startswith("restored_before_")
    assert ask(postgres.admin_url(done.kept), "SELECT answer FROM public.precious") == [(42,)]
    assert not [name for name in databases(postgres) if name.startswith("genba_restoring")]


def test_an_empty_database_is_taken_and_whoever_is_in_it_is_cut_off(postgres: TestServer, made: Path, target: str) -> None:
    postgres.run("CREATE DATABASE restored")
    with psycopg.connect(plain(target)) as somebody:
        somebody.execute("SELECT 1")
        number = ask(target, NUMBER)
        restore(target, made, CLOCK)
        with pytest.raises(psycopg.OperationalError):
            somebody.execute("SELECT 1")
    assert ask(target, NUMBER) != number, "by which it is told from the one before"


def test_numbers_given_out_since_the_backup_are_never_given_out_again(postgres: TestServer, tmp_path: Path, target: str) -> None:
    with postgres.migrated_database() as name:
        station = postgres.station_url(name)
        first = ask(station, "SELECT epoch FROM genba.lease_acquire('source:X', 'P1', 60)")[0][0]
        folder, _ = backup.make(postgres.admin_url(name), tmp_path, "PANEL-1")
        ask(postgres.admin_url(name), "UPDATE genba.lease SET expires_at = now()")
        later = ask(station, "SELECT epoch FROM genba.lease_acquire('source:X', 'P2', 60)")[0][0]
    assert later == first + 1
    restore(target, folder, CLOCK, embedded=True)
    station = postgres.station_url("restored")
    assert ask(station, "SELECT expires_at FROM genba.lease_renew('source:X', 'P1', %s, 60)", first) == [], "its holder lost it"
    assert ask(station, "SELECT epoch FROM genba.lease_acquire('source:X', 'P1', 60)")[0][0] > later


def test_a_log_in_for_any_station_of_one_computer_stays_there(postgres: TestServer, made: Path, target: str) -> None:
    restore(target, made, CLOCK)
    assert ask(target, "SELECT count(*) FROM genba_guard.local_login") == [(0,)]
    with pytest.raises(psycopg.Error):
        ask(postgres.station_url("restored"), "SELECT genba.station_of('P1')")
    restore(target, made, CLOCK, replace="restored", embedded=True)
    assert ask(postgres.station_url("restored"), "SELECT genba.station_of('P1')") == [("P1",)]


def test_a_schema_of_tomorrow_is_refused(postgres: TestServer, tmp_path: Path, target: str) -> None:
    with postgres.migrated_database() as name, window(postgres.admin_url(name), "0.1", "9.9"):
        folder, _ = backup.make(postgres.admin_url(name), tmp_path, "PANEL-1")
    error = refused("backup.schema_newer", lambda: restore(target, folder, CLOCK))
    assert "9999" in error.lines("en").what


def test_a_schema_of_yesterday_is_brought_up_to_date(postgres: TestServer, tmp_path: Path, target: str) -> None:
    """A database of an earlier release, made as that release made it: its newest revision taken away again by hand."""
    with postgres.migrated_database() as name:
        admin = postgres.admin_url(name)
        newest = "DELETE FROM genba.schema_compat WHERE schema_revision = %s"
        ask(admin, newest, schema.REVISION)
        ask(admin, "UPDATE genba_guard.declaration SET fingerprint = 'old'")
        folder, made = backup.make(admin, tmp_path, "PANEL-1")
    assert made.schema_revision < schema.REVISION
    before = "SELECT schema_revision FROM genba.schema_compat"
    done = restore(target, folder, CLOCK)
    assert done.upgraded
    assert ask(target, "SELECT fingerprint <> 'old' FROM genba_guard.declaration") == [(True,)], "an upgrade ran"
    assert ask(target, before)


def test_an_audit_trail_that_was_broken_before_needs_a_word(postgres: TestServer, tmp_path: Path, target: str) -> None:
    with postgres.migrated_database() as name:
        admin = filled(postgres, name)
        ask(admin, "ALTER TABLE genba.audit DISABLE TRIGGER USER")
        ask(admin, "UPDATE genba.audit SET reason = 'nothing' WHERE station = 'ST1' AND seq = 2")
        ask(admin, "ALTER TABLE genba.audit ENABLE TRIGGER USER")
        folder, told = backup.make(admin, tmp_path, "PANEL-1")
    assert [(one.seq, one.kind) for one in loading.prove(folder, told).findings] == [(2, "changed")]
    error = refused("backup.audit_broken", lambda: restore(target, folder, CLOCK))
    assert "ST1 2" in error.lines("en").what
    assert "restored" not in databases(postgres)
    assert len(restore(target, folder, CLOCK, broken_audit=True).audit.findings) == 1


RESTORING = """
import sys
from pathlib import Path
from core.clock import SystemClock
from core.store.restore import restore
restore(sys.argv[1], Path(sys.argv[2]), SystemClock(), replace="restored")
"""


def test_killed_in_the_middle_it_leaves_the_old_database_as_it_was(postgres: TestServer, made: Path, target: str) -> None:
    restore(target, made, CLOCK)
    ask(target, "CREATE TABLE public.precious AS SELECT 42 AS answer")
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen([sys.executable, "-c", RESTORING, target, made], cwd=root)

    def half_made() -> list[str]:
        return [name for name in databases(postgres) if name.startswith("genba_restoring")]

    until(half_made, 60)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert ask(target, "SELECT answer FROM public.precious") == [(42,)]
    left = half_made()
    assert left, "killed early enough"
    busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    until(lambda: ask(postgres.admin_url("postgres"), busy, left[0]) == [(0,)], 60)
    done = restore(target, made, CLOCK, replace="restored")
    assert half_made() == []
    assert ask(postgres.admin_url(done.kept), "SELECT answer FROM public.precious") == [(42,)]


def test_given_up_in_the_middle_it_leaves_nothing(postgres: TestServer, made: Path, target: str) -> None:
    asked: list[float] = []

    def give_up() -> bool:
        asked.append(time.monotonic())
        return any(name.startswith("genba_restoring") for name in databases(postgres))

    before = databases(postgres)
    refused("backup.stopped", lambda: restore(target, made, CLOCK, give_up=give_up))
    assert asked
    assert databases(postgres) == before


def restoring(server: TestServer) -> bool:
    return any(name.startswith("genba_restoring") for name in databases(server))


def test_two_at_once_do_not_take_each_others_half_made_database_away(postgres: TestServer, made: Path, target: str) -> None:
    go_on = threading.Event()

    def hold() -> bool:
        """Whatever reads the data has ended, and nobody is connected to what is half made."""
        if restoring(postgres):
            go_on.wait(60)
        return False

    thread, found = in_thread(lambda: restore(target, made, CLOCK, give_up=hold))
    try:
        until(lambda: restoring(postgres), 60)
        busy = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'genba_restoring%%'"
        until(lambda: ask(postgres.admin_url("postgres"), busy) == [(0,)], 60)
        refused("backup.restore_running", lambda: restore(postgres.admin_url("restored_too"), made, CLOCK))
    finally:
        go_on.set()
        thread.join(60)
    assert found == []
    assert "restored" in databases(postgres)


def test_what_came_into_an_empty_database_meanwhile_is_not_put_aside(postgres: TestServer, made: Path, target: str) -> None:
    postgres.run("CREATE DATABASE restored")

    def somebody_comes() -> bool:
        if restoring(postgres):
            ask(target, "CREATE TABLE IF NOT EXISTS public.precious AS SELECT 42 AS answer")
        return False

    refused("backup.not_empty", lambda: restore(target, made, CLOCK, give_up=somebody_comes))
    assert ask(target, "SELECT answer FROM public.precious") == [(42,)]
    assert not restoring(postgres)


# A shared server ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=sorted(installed_servers()))
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """A plant's server of each version found here."""
    server = OwnServer(tmp_path_factory.mktemp("server"), installed_servers()[request.param])
    server.start()
    server.run("CREATE ROLE boss LOGIN PASSWORD 'boss' CREATEROLE CREATEDB")
    server.run("CREATE DATABASE plant OWNER boss")
    schema.upgrade(server.url("plant"))
    logins.add(server.url("plant"), "L1", "kept password")
    logins.add(server.url("plant"), "L2", "lost")
    logins.revoke(server.url("plant"), "L2")
    yield server
    server.remove()


def forget_roles(server: OwnServer) -> None:
    """As on a new server: only the database's administrators are known."""
    for name in databases(server):
        if name not in {"postgres"}:
            server.run(f'DROP DATABASE "{name}" WITH (FORCE)')
    server.run('DROP ROLE IF EXISTS "genba_L1", "genba_L2", genba_station, genba_owner')


@pytest.mark.parametrize("newest_tools", [False, True])
def test_stations_log_in_again_on_another_server(
    own: OwnServer, tmp_path: Path, newest_tools: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if newest_tools:
        monkeypatch.setattr(dumping, "_INSTALLED", ())  # only those that come with this program
    folder, told = backup.make(own.url("plant"), tmp_path, "ADMIN")
    assert (told.logins, told.login_secrets) == (1, True), "who was revoked is not among them"
    keep = folder.rename(tmp_path / "kept")
    forget_roles(own)
    done: Restored = restore(own.url("plant"), keep, CLOCK)
    assert done.without_login == ()
    assert ask(own.url("plant", "genba_L1", "kept password"), "SELECT genba.station_of('L1')") == [("L1",)]
    assert ask(own.url("plant"), "SELECT count(*) FROM pg_roles WHERE rolname = 'genba_L2'") == [(0,)]


def test_the_owner_without_any_other_right_does_it_too(own: OwnServer, tmp_path: Path) -> None:
    boss = own.url("plant", "boss", "boss")
    own.run("GRANT genba_owner TO boss")
    own.run("GRANT genba_station TO boss WITH ADMIN OPTION")
    folder, told = backup.make(boss, tmp_path, "ADMIN")
    assert (told.logins, told.login_secrets) == (1, False)
    own.run("CREATE DATABASE second OWNER boss")
    done = restore(own.url("second", "boss", "boss"), folder, CLOCK)
    assert done.without_login == (), "the log-in is there already"
    assert schema.status(own.url("second")).state == "ready"
    own.run("DROP DATABASE second WITH (FORCE)")


def test_a_log_in_that_could_not_be_kept_is_named(own: OwnServer, tmp_path: Path) -> None:
    folder, _ = backup.make(own.url("plant"), tmp_path, "ADMIN")
    path = folder / manifest.LOGINS
    strange = {"station": "owner", "login": "genba_owner2", "verifier": "x'; --"}
    path.write_text(json.dumps([{"station": "L9", "login": "genba_L9", "verifier": ""}, strange]), encoding="utf-8")
    told = manifest.read(folder)
    piece = manifest.Piece(size=path.stat().st_size, sha256=manifest.sum_of(path))
    sealed_again(folder, pieces=told.pieces | {manifest.LOGINS: piece})
    own.run("CREATE DATABASE third")
    assert restore(own.url("third"), folder, CLOCK).without_login == ("L9", "owner")
    own.run("DROP DATABASE third WITH (FORCE)")


def test_an_older_server_is_refused(own: OwnServer, copied: Path) -> None:
    sealed_again(copied, server_major=99, server="99.1")
    error = refused("backup.server_older", lambda: restore(own.url("fourth"), copied, CLOCK))
    assert isinstance(error, Refused)


def test_nobody_listens(made: Path) -> None:
    with pytest.raises(Unavailable):
        restore("postgresql+psycopg://x:y@127.0.0.1:1/plant", made, CLOCK)
