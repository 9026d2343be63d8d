"""The site's secrets at several stations: set once, readable where the key is, sealed anew without anybody standing still."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.clock import SystemClock
from core.config import StationSettings
from core.errors import GenbaError, Invalid, Refused
from core.station.floor import Floor
from core.store import secretrows
from core.store.base import Db
from core.store.keyfile import read_key, write_key
from core.store.keystore import station_secrets
from core.store.operation import Secret
from core.store.sealing import KeyRing, SiteKey, Unreadable
from core.store.sitekeys import SiteKeys, wrapped
from core.store.sitesecrets import Rotated, forget_secret, rotate_site_key, secret_names, set_secret
from core.store.tables import SiteSecret
from core.users.roles import system_actor
from tests.conftest import ExpectedLog
from tests.postgres import plain

NAME, OTHER_NAME = "source:PLC-1:password", "source:PLC-2:password"
PLANTED = "planted-secret-4711"
BOSS = system_actor("tester", "A")
Open = Callable[..., Floor]


@contextmanager
def opened(url: str, home: Path, *, as_owner: bool = False) -> Iterator[Floor]:
    up = threading.Event()
    floor = Floor(StationSettings(home=home, name="A", database_url=url), SystemClock(), lambda: None, as_owner=as_owner)
    floor.open_files()
    try:
        floor.open_database(lambda state: up.set() if state.up else None, lambda _: None, lambda: None)
        assert up.wait(60)
        look(floor)
        yield floor
    finally:
        floor.close()


@pytest.fixture
def site(admin_url: str, database_url: str, tmp_path: Path) -> Iterator[Open]:
    """Opens stations of one site, by name; ``like`` gives it the site's key of another."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def station(name: str, *, as_owner: bool = False, like: Floor | None = None) -> Floor:
            if like is not None:
                keep(like, tmp_path / name)
            return stack.enter_context(opened(admin_url if as_owner else database_url, tmp_path / name, as_owner=as_owner))

        yield station


@pytest.fixture
def boss(site: Open) -> Floor:
    floor = site("boss", as_owner=True)
    rotate(floor)
    return floor


def look(floor: Floor) -> None:
    floor.database.submit("queries", floor.keys.look, deadline_s=5).result()


def rotate(floor: Floor, *, wrapped: bool = True) -> Rotated:
    done = floor.door.do(rotate_site_key, BOSS, {"key": floor.keys.make().id, "wrapped": wrapped}).view
    look(floor)
    return done


def put(floor: Floor, secret: str = PLANTED, name: str = NAME) -> None:
    floor.door.do(set_secret, BOSS, {"name": name, "sealed": Secret(secret)})


def read(floor: Floor, name: str = NAME) -> str | Unreadable | None:
    return floor.database.submit("queries", lambda db: secretrows.secrets(db, [name]), deadline_s=5).result().get(name)


def keep(boss: Floor, home: Path) -> None:
    """What import-key does, beside a station that runs or not."""
    SiteKeys(station_secrets(home), KeyRing()).keep(boss.keys.ring.keys[boss.keys.ring.current])


def everything(admin_url: str) -> str:
    with psycopg.connect(plain(admin_url)) as connection:
        tables = connection.execute("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname LIKE 'genba%'").fetchall()
        return "\n".join(str(row) for (table,) in tables for row in connection.execute(f"SELECT t::text FROM {table} t").fetchall())


def test_a_secret_is_set_read_replaced_and_forgotten_and_never_written_down(boss: Floor, admin_url: str) -> None:
    put(boss)
    put(boss, "p@ss/w:ö rd%\n" + PLANTED)
    assert read(boss) == "p@ss/w:ö rd%\n" + PLANTED
    (shown,) = boss.door.ask(secret_names, BOSS, {}).value
    assert (shown.name, shown.readable, shown.reason) == (NAME, True, "")
    told = everything(admin_url)
    assert PLANTED not in told
    assert PLANTED.encode().hex() not in told
    with psycopg.connect(plain(admin_url)) as connection:
        changes = connection.execute("SELECT changes FROM genba.audit WHERE operation = 'store:secret:set' ORDER BY seq").fetchall()
        requests = connection.execute("SELECT args FROM genba.request WHERE operation = 'store:secret:set'").fetchall()
    assert [change[0]["values"]["value"] for (change,) in changes] == [[None, "•••"], ["•••", "•••"]]
    assert [args for (args,) in requests] == [{"name": NAME, "sealed": None}] * 2
    boss.door.do(forget_secret, BOSS, {"name": NAME})
    assert read(boss) is None
    with pytest.raises(Invalid):
        boss.door.do(forget_secret, BOSS, {"name": NAME})


@pytest.mark.parametrize(
    ("name", "secret", "code"),
    [
        ("PLC-1", PLANTED, "store.secret_name"),
        ("source:PLC 1:password", PLANTED, "store.secret_name"),
        (" source:PLC-1:password", PLANTED, "store.secret_name"),
        ("source:ＰＬＣ:password", PLANTED, "store.secret_name"),
        (NAME, "", "store.secret_unusable"),
        (NAME, "x" * 1001, "store.secret_unusable"),
    ],
)
def test_names_and_secrets_that_nobody_means_are_refused(boss: Floor, name: str, secret: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        put(boss, secret, name)
    assert refusal.value.code == code
    assert PLANTED not in str(refusal.value)


def test_a_clear_text_in_place_of_a_secret_is_refused(boss: Floor, admin_url: str) -> None:
    with pytest.raises(Invalid):
        boss.door.do(set_secret, BOSS, {"name": NAME, "sealed": PLANTED})
    assert PLANTED not in everything(admin_url)


def test_a_station_without_the_key_lists_and_does_not_read(boss: Floor, site: Open, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log("does not have the site's key")
    put(boss)
    panel = site("panel")
    found = read(panel)
    assert found == Unreadable(boss.keys.ring.current, "no_key")
    (shown,) = panel.door.ask(secret_names, BOSS, {}).value
    assert (shown.name, shown.readable, shown.reason) == (NAME, False, "no_key")
    keep(boss, tmp_path / "panel")
    look(panel)
    assert read(panel) == PLANTED


def test_before_the_first_key_nothing_can_be_set(site: Open) -> None:
    with pytest.raises(Refused) as refusal:
        put(site("boss", as_owner=True))
    assert refusal.value.code == "store.site_key_missing"


def test_two_secrets_that_changed_places_open_no_more(boss: Floor, admin_url: str) -> None:
    put(boss)
    put(boss, "another", OTHER_NAME)
    with psycopg.connect(plain(admin_url), autocommit=True) as connection:
        swap = "UPDATE genba.secret s SET value = (SELECT value FROM genba.secret o WHERE o.name <> s.name)"
        connection.execute(swap)
    assert read(boss) == read(boss, OTHER_NAME) == Unreadable("", "damaged")


def test_a_statement_that_fails_does_not_repeat_what_it_was_given(boss: Floor, site: Open, expect_log: ExpectedLog) -> None:
    expect_log("does not have the site's key")

    def careless(db: Db) -> None:
        db.add(SiteSecret(name=NAME, value=PLANTED))
        db.flush()

    failure = site("panel").database.submit("operations", careless, deadline_s=5).exception()
    assert failure is not None
    assert PLANTED not in f"{failure!s} {failure!r}"


# Rotation -----------------------------------------------------------------------------------------------------------


def test_the_others_take_a_new_key_over_by_themselves(boss: Floor, site: Open, admin_url: str) -> None:
    put(boss)
    panel = site("panel", like=boss)
    first = boss.keys.ring.current
    done = rotate(boss)
    assert (done.fields, done.wrapped, done.key) == (1, True, boss.keys.ring.current)
    assert done.key != first
    assert read(panel) == Unreadable(done.key, "no_key")
    look(panel)
    assert read(panel) == PLANTED
    for _ in range(2):  # the panel is away for two rotations
        rotate(boss)
    look(panel)
    assert panel.keys.ring.current == boss.keys.ring.current
    assert read(panel) == PLANTED
    with psycopg.connect(plain(admin_url)) as connection:
        assert {bytes(raw)[1:5].hex() for (raw,) in connection.execute("SELECT value FROM genba.secret")} == {boss.keys.ring.current}


def test_after_a_fresh_key_the_old_one_opens_nothing_new(boss: Floor, site: Open, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log("does not have the site's key")
    put(boss)
    panel = site("panel", like=boss)
    assert rotate(boss, wrapped=False).wrapped is False
    look(panel)
    assert isinstance(read(panel), Unreadable)
    with pytest.raises(Refused) as refusal:
        put(panel, "sealed with what somebody may know")
    assert refusal.value.code == "store.site_key_missing"
    passphrase = Secret("correct horse battery")
    write_key(tmp_path / "key", boss.keys.ring.keys[boss.keys.ring.current], passphrase)
    panel.keys.keep(read_key(tmp_path / "key", passphrase))
    look(panel)
    assert read(panel) == PLANTED


def test_a_station_that_has_not_heard_of_the_rotation_does_not_seal_with_the_old_key(boss: Floor, site: Open) -> None:
    second = site("second", as_owner=True, like=boss)
    old = second.keys.ring.current
    rotate(boss)
    second.keys.ring.current = old
    with pytest.raises(Invalid) as refusal:
        put(second)
    assert refusal.value.code == "store.site_key_changed"
    look(second)
    put(second)
    assert read(boss) == PLANTED


def test_what_cannot_be_opened_stops_a_rotation_and_nothing_changes(boss: Floor, admin_url: str) -> None:
    put(boss)
    before = boss.keys.ring.current
    with psycopg.connect(plain(admin_url), autocommit=True) as connection:
        connection.execute("UPDATE genba.secret SET value = set_byte(value, 29, get_byte(value, 29) # 1)")
    new = boss.keys.make()
    with pytest.raises(Refused) as refusal:
        boss.door.do(rotate_site_key, BOSS, {"key": new.id})
    assert refusal.value.code == "store.rotate_unreadable"
    assert NAME in str(refusal.value)
    look(boss)
    assert boss.keys.ring.current == before


def test_only_who_administers_the_database_makes_a_key(boss: Floor, site: Open, expect_log: ExpectedLog) -> None:
    panel = site("panel")
    panel.keys.make()
    with pytest.raises(GenbaError):
        panel.door.do(rotate_site_key, BOSS, {"key": panel.keys.make().id})

    def directly(db: Db) -> None:
        db.execute(text("INSERT INTO genba.site_key (id, made_by) VALUES ('00000000', 'x')"))

    expect_log("does not have the site's key")
    expect_log("the database refused a statement")
    with pytest.raises(GenbaError, match="42501"):
        panel.run(directly)


def test_a_wrapped_key_that_was_changed_is_not_taken_over(boss: Floor, site: Open, admin_url: str, expect_log: ExpectedLog) -> None:
    expect_log("does not have the site's key")
    panel = site("panel", like=boss)
    put(boss)
    old = boss.keys.ring.keys[boss.keys.ring.current]
    rotate(boss)
    # Somebody who has the old key and the database puts a key of his own in: it does not open what is sealed.
    mine = SiteKey(boss.keys.ring.current, b"m" * 32)
    for raw in (wrapped(old, SiteKey("00000000", b"m" * 32)), b"nonsense"):
        with psycopg.connect(plain(admin_url), autocommit=True) as connection:
            connection.execute("UPDATE genba.site_key SET wrapped = %s WHERE id = %s", (raw, mine.id))
        look(panel)
        assert isinstance(read(panel), Unreadable)


def test_writers_wait_for_a_rotation_and_none_is_lost(boss: Floor, site: Open) -> None:
    second = site("second", as_owner=True, like=boss)
    failures: list[GenbaError] = []

    def write(number: int) -> None:
        for _ in range(20):
            try:
                put(second, f"{PLANTED}{number}", f"source:PLC-{number}:password")
            except GenbaError as error:
                failures.append(error)
                look(second)
            else:
                return

    writer = threading.Thread(target=lambda: [write(number) for number in range(30)])
    writer.start()
    for _ in range(4):
        rotate(boss)
    writer.join()
    assert {failure.code for failure in failures} <= {"store.site_key_changed"}
    look(boss)
    assert [read(boss, f"source:PLC-{number}:password") for number in range(30)] == [f"{PLANTED}{number}" for number in range(30)]


# The file -----------------------------------------------------------------------------------------------------------


def test_a_key_file_is_private_and_opens_with_its_passphrase_alone(tmp_path: Path) -> None:
    key, path = SiteKey.fresh(), tmp_path / "key"
    write_key(path, key, Secret("correct horse battery"))
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    assert key.key not in content
    assert key.key.hex().encode() not in content
    assert read_key(path, Secret("correct horse battery")) == key
    with pytest.raises(Refused):
        read_key(path, Secret("correct horse batterie"))
    with pytest.raises(GenbaError, match="cannot be written"):
        write_key(path, key, Secret("correct horse battery"))
    with pytest.raises(Invalid):
        write_key(tmp_path / "other", key, Secret("short"))
    assert not (tmp_path / "other").exists()
    path.write_bytes(content.replace(key.id.encode(), b"00000000"))
    with pytest.raises(Refused):
        read_key(path, Secret("correct horse battery"))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_anything_else_is_no_key_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_bytes(content)
    with pytest.raises(Invalid):
        read_key(path, Secret("correct horse battery"))


def test_another_key_of_the_same_number_is_refused(boss: Floor) -> None:
    with pytest.raises(Invalid) as refusal:
        boss.keys.keep(SiteKey(boss.keys.ring.current, b"x" * 32))
    assert refusal.value.code == "store.site_key_differs"
