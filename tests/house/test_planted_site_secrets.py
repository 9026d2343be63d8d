"""What programs need in clear text is found nowhere in it: not in a file, a row, a log, a crash report or a support bundle.

A day of a private station: a key is made, the password of a machine and of a database are kept, somebody signs in for hours without
the database, the key is changed, libraries fail with secrets in their hands. Then everything left behind is read, byte by byte.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.cli.bundle import write_bundle
from core.cli.checkup import checkup
from core.clock import SystemClock
from core.config import StationSettings
from core.log import record_crash
from core.sitefile.apply import apply_site, arguments
from core.sitefile.read import read
from core.station.floor import Setup
from core.station.station import Station
from core.store.embedded import ADMIN, EmbeddedServer
from core.store.keystore import DATABASE_PASSWORD, station_secrets
from core.store.operation import Secret
from core.store.sitesecrets import rotate_site_key, set_secret
from core.users.accounts import set_pin
from core.users.offline import OfflinePeople
from core.users.sign_in import Claim
from tests.conftest import ExpectedLog
from tests.house.test_planted_secrets import OWN_FILES, check_command_lines, logging_to
from tests.postgres import plain

SOURCE, SOURCE_AGAIN, DATABASE = "planted/source ö%1", "planted-source-2", "planted@database:3"
FIRST, NEW = "planted-first-1", "planted-new-22"
PLANTED = (SOURCE, SOURCE_AGAIN, DATABASE, FIRST, NEW)

SITE = f"""\
enterprise: {{code: GENBA, name: Genba}}
sites: [{{code: S1, name: S, time_zone: Asia/Tokyo, areas: []}}]
sources:
  - {{code: ua, protocol: opcua, url: "opc.tcp://127.0.0.1:1/genba/", options: {{user: genba}}}}
users:
  - {{code: boss, name: Boss, roles: [administrator], initial_pin: {FIRST}}}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StationSettings]:
    monkeypatch.setenv("GENBA_HOME", str(tmp_path / "home"))
    found = StationSettings(home=tmp_path / "home", name="P1", language="en", acquisition="gui")
    with logging_to(found.home):
        yield found


async def live(settings: StationSettings, site_file: Path) -> list[bytes]:
    """The day; gives the keys that came up."""
    prepared = threading.Event()
    keys = []

    def prepare(setup: Setup) -> None:
        held = station._floor.keys
        setup.do(apply_site, **arguments(read(site_file)))
        for secret in (SOURCE, SOURCE_AGAIN):
            keys.append(held.make())
            setup.do(rotate_site_key, key=keys[-1].id)
            setup.run(held.look)
            setup.do(set_secret, name="source:ua:password", sealed=Secret(secret))
        prepared.set()

    station = Station(settings, prepare=prepare)
    await station.start()
    try:
        await until(prepared.is_set)
        await until(lambda: "ua" in station.links and station.links["ua"].error_code == "driver.link_broken")
        await asyncio.to_thread(allow_offline, settings)
        await station.people.sign_in("boss", FIRST)
        await station.do(set_pin, current=Secret(FIRST), new=Secret(NEW))
        await station.people.sign_out()
        await station.people.sign_in("boss", NEW)
        await until(lambda: station._floor.offline.anybody)
        fail_carelessly(settings.home)
        check_command_lines(list(PLANTED))
    finally:
        await station.close()
    return [key.key for key in keys]


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - set on threads of the station
            await asyncio.sleep(0.02)


def allow_offline(settings: StationSettings) -> None:
    with psycopg.connect(plain(EmbeddedServer(settings.home / "database").url(ADMIN)), autocommit=True) as owner:
        owner.execute(
            "INSERT INTO genba.station (code, offline_h) VALUES ('P1', 12) ON CONFLICT (code) DO UPDATE SET offline_h = excluded.offline_h"
        )


def fail_carelessly(home: Path) -> None:
    """A library's error repeats what it was given, in whatever form it had it."""
    store = station_secrets(home)
    key = next(store.get(name) or "" for name in store.names() if name.startswith("site-key:"))
    both = base64.b64encode(f"panel:{SOURCE}".encode()).decode()
    try:
        raise RuntimeError(f"login {SOURCE!r} {SOURCE_AGAIN} {both} {key} {bytes.fromhex(key)!r}")
    except RuntimeError as error:
        logging.getLogger("planted").exception("a library failed with %s", SOURCE_AGAIN)
        record_crash(home, error)


def rows_of(home: Path) -> Iterator[tuple[str, str]]:
    """Every row of every table of ours as text, also of the tables that no station may read."""
    server = EmbeddedServer(home / "database")
    server.start()
    try:
        with psycopg.connect(plain(server.url(ADMIN)), autocommit=True) as connection:
            found = connection.execute("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname LIKE 'genba%'").fetchall()
            for (table,) in found:
                for (row,) in connection.execute(f"SELECT t::text FROM {table} t"):
                    yield table, row
    finally:
        server.stop()


def forms(secret: bytes) -> tuple[bytes, ...]:
    text = secret.decode("utf-8", "ignore")
    coded = base64.b64encode(secret).rstrip(b"=")[:-1]
    return secret, secret.hex().encode(), coded, text.encode("utf-16-le") if text.encode() == secret else secret


def test_planted_secrets_of_programs_are_found_nowhere(settings: StationSettings, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log("a library failed")
    expect_log("source ua is down")
    site_file = tmp_path / "site.yaml"
    site_file.write_text(SITE, encoding="utf-8")
    station_secrets(settings.home).set(DATABASE_PASSWORD, DATABASE)
    secrets = [secret.encode() for secret in PLANTED] + asyncio.run(live(settings, site_file))
    secrets += [sealing_key(settings.home)]
    write_bundle(tmp_path / "home" / "help.zip", settings, checkup())
    with zipfile.ZipFile(tmp_path / "home" / "help.zip") as bundle:
        bundle.extractall(tmp_path / "home" / "unpacked")
    check_rows(settings.home, secrets)
    files = [path for path in settings.home.rglob("*") if path.is_file() and path.name not in OWN_FILES]
    names = {path.name for path in files}
    assert {"station.log", "crash.log", "journal.sqlite", "readstore.sqlite", "secrets.bin", "offline-people.json", "doctor.json"} <= names
    contents = {path: path.read_bytes() for path in files}
    for secret in secrets:
        for form in forms(secret):
            assert not [path for path, content in contents.items() if form in content], secret
    assert b"Traceback" in contents[settings.home / "log" / "crash.log"]
    assert any(b"source ua" in content for content in contents.values())  # what is no secret is found
    private = ("secrets.bin", "secrets.key", "offline-people.json", "crash.log", "help.zip")
    written = [path for path in files if path.name in private and "unpacked" not in path.parts]
    assert {path.name for path in written} == set(private)
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def sealing_key(home: Path) -> bytes:
    """What seals the decisions of whoever signs in without the database: opened as he does it."""
    found: list[bytes] = []
    people = OfflinePeople(home / "offline-people.json", SystemClock(), "P1", lambda _, key: found.append(key))
    people.sign_in(Claim(Secret(NEW), "boss"))
    return found[0]


def check_rows(home: Path, secrets: list[bytes]) -> None:
    seen = set()
    for table, row in rows_of(home):
        seen.add(table)
        for secret in secrets:
            assert not [form for form in forms(secret) if form in row.encode()], (table, row)
    assert {"genba.secret", "genba.site_key", "genba.request", "genba.audit", "genba_guard.offline_key"} <= seen


def test_a_search_of_this_kind_is_not_blind(settings: StationSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With redaction taken away the same careless failure is found in the crash report."""
    station_secrets(settings.home).set("site-key:00112233", "ab" * 32)
    monkeypatch.setattr("core.log.redacted", lambda text: text)
    path: Any = None
    try:
        raise RuntimeError(f"login {SOURCE_AGAIN}")
    except RuntimeError as error:
        path = record_crash(settings.home, error)
    assert SOURCE_AGAIN.encode() in path.read_bytes()
