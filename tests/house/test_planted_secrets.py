"""What a person types to prove himself is found nowhere afterwards: no file, no row, no log, no command line, however things went.

A day with an embedded database: a site file with first PINs, signing in, mistyping, changing, a program that fails with the secret in its
hands. Then everything the station left behind is read byte by byte.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from core.config import StationSettings
from core.errors import GenbaError, Invalid, Refused, Unavailable
from core.log import UtcFormatter, start_logging
from core.station.floor import Setup
from core.station.station import Station
from core.store.embedded import ADMIN, EmbeddedServer
from core.store.operation import Secret
from core.users.accounts import create_user, list_users, reset_pin, set_pin
from tests.conftest import ExpectedLog
from tests.postgres import plain

FIRST, NEW, OTHER, RESET = "planted-first-1", "planted-new-2", "planted-other-3", "739154820617"
WRONG, WRONG_AGAIN, SHORT, CRASHED, CARELESS = "planted-wrong-4", "planted-wrong-5", "pl-6!", "planted-crash-7", "planted-careless-8"
PLANTED = (FIRST, NEW, OTHER, RESET, WRONG, WRONG_AGAIN, SHORT, CRASHED, CARELESS)

SITE = f"""\
enterprise: {{code: GENBA, name: Genba}}
sites: [{{code: S1, name: S, time_zone: Asia/Tokyo, areas: []}}]
users:
  - {{code: boss, name: Boss, roles: [administrator], initial_pin: {FIRST}}}
"""
OWN_FILES = {f"{ADMIN}.password", "genba_local.password"}
"""Where the embedded server's own passwords stand, readable by the station's account alone."""


@contextlib.contextmanager
def logging_to(home: Path) -> Iterator[None]:
    """The log as the program writes it, and the test's own again afterwards."""
    root = logging.getLogger()
    level = root.level
    start_logging(home, "station")
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler.formatter, UtcFormatter)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[StationSettings]:
    found = StationSettings(home=tmp_path / "home", name="P1", language="en")
    with logging_to(found.home):
        yield found


async def refused(work: Any, *kinds: type[GenbaError]) -> None:
    with pytest.raises(kinds) as refusal:
        await work
    assert not any(secret in repr(refusal.value.params) + str(refusal.value) for secret in PLANTED)


async def live(settings: StationSettings, site_file: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The day; gives further secrets that came up: the tokens of the sessions."""
    from core.sitefile.apply import apply_site, arguments
    from core.sitefile.read import read

    applied = threading.Event()

    def apply(setup: Setup) -> None:
        setup.do(apply_site, **arguments(read(site_file)))
        applied.set()

    station = Station(settings, prepare=apply)
    tokens = []
    await station.start()
    try:
        async with asyncio.timeout(30):
            while not applied.is_set():  # noqa: ASYNC110 - set on a thread of the station
                await asyncio.sleep(0.02)
        await refused(station.people.sign_in("boss", WRONG), Refused)
        await station.people.sign_in("boss", FIRST)
        assert station.people.session is not None
        tokens.append(station.people.session.token)
        await station.do(set_pin, current=Secret(FIRST), new=Secret(NEW))
        await refused(station.do(set_pin, current=Secret(WRONG_AGAIN), new=Secret(OTHER)), Refused)
        await refused(station.do(set_pin, current=Secret(NEW), new=Secret(SHORT)), Invalid)
        await refused(station.do(set_pin, current=Secret(NEW), new=CARELESS), Invalid)
        await refused(station.do(set_pin, current=Secret(NEW), neww=CARELESS), Invalid)
        await station.do(create_user, code="tanaka", name_ja="田中", name_en="Tanaka", roles=("operator",), new=Secret(OTHER))
        users = {user.code: user.id for user in (await station.ask(list_users)).value.items}
        await station.do(reset_pin, user_id=users["tanaka"], new=Secret(RESET))
        await crash(station, users["tanaka"], monkeypatch)
        check_command_lines([*PLANTED, *tokens])
    finally:
        await station.close()
    return tokens


async def crash(station: Station, user_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs fail with the secret in scope: while it is proved, and while its proof is stored."""
    with monkeypatch.context() as broken:

        def careless(secret: Secret) -> None:
            raise RuntimeError(f"cannot hash {secret} {secret!r} {secret!s:>20}")

        broken.setattr("core.users.prover.new_credential", careless)
        with pytest.raises((GenbaError, RuntimeError)) as failure:
            await station.do(reset_pin, user_id=user_id, new=Secret(CRASHED))
        logging.getLogger("planted").error("the prover failed", exc_info=failure.value)
    with monkeypatch.context() as broken:

        def failing(*args: Any, **named: Any) -> None:
            raise KeyError("credential", args, named)

        broken.setattr("core.users.rows.store_credential", failing)
        await refused(station.do(reset_pin, user_id=user_id, new=Secret(CRASHED)), Unavailable)


def check_command_lines(secrets: list[str]) -> None:
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        assert not [secret for secret in secrets if secret in words], process


def rows_of(home: Path) -> Iterator[tuple[str, str]]:
    """Every row of every table as text, and the site files inside the requests unpacked."""
    server = EmbeddedServer(home / "database")
    server.start()
    try:
        with psycopg.connect(plain(server.url(ADMIN)), autocommit=True) as connection:
            found = connection.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'genba'")
            for (table,) in found.fetchall():
                for (row,) in connection.execute(f"SELECT t::text FROM genba.{table} t"):
                    yield table, row
            for (document,) in connection.execute("SELECT args->'document' FROM genba.request WHERE args ? 'document'"):
                yield "request.document", zlib.decompress(base64.b64decode("".join(document))).decode()
    finally:
        server.stop()


def test_planted_secrets_are_found_nowhere(
    settings: StationSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectedLog
) -> None:
    expect_log("the prover failed")
    expect_log("users:pin:reset: failed in an unforeseen way")
    site_file = tmp_path / "site.yaml"
    site_file.write_text(SITE, encoding="utf-8")
    tokens = asyncio.run(live(settings, site_file, monkeypatch))
    machine_made = [path.read_text(encoding="ascii") for path in settings.home.rglob("*.password")]
    assert len(machine_made) == 2
    secrets = [*PLANTED, *tokens, *machine_made, "argon2id:2"]  # with the last, what replaces a secret while an operation runs
    tables = set()
    for table, row in rows_of(settings.home):
        tables.add(table)
        assert not [secret for secret in secrets if secret in row], (table, row)
    assert {"audit", "request", "credential", "session", "app_user", "request.document"} <= tables
    files = [path for path in settings.home.rglob("*") if path.is_file() and path.name not in OWN_FILES]
    assert {"station.log", "journal.sqlite", "readstore.sqlite"} <= {path.name for path in files}
    contents = {path: path.read_bytes() for path in files}
    assert any(b"Tanaka" in content for content in contents.values())  # what is no secret is found
    for secret in secrets:
        raw = secret.encode()
        for form in (raw, secret.encode("utf-16-le"), base64.b64encode(raw).rstrip(b"=")[:-1], raw.hex().encode()):
            assert not [path for path, content in contents.items() if form in content], secret
    assert "Traceback" in (settings.home / "log" / "station.log").read_text(encoding="utf-8")


def test_a_broken_site_file_does_not_repeat_a_pin(tmp_path: Path) -> None:
    from core.sitefile.problems import BrokenSiteFile
    from core.sitefile.read import read

    path = tmp_path / "site.yaml"
    path.write_text(SITE.replace(FIRST, SHORT).replace("Asia/Tokyo", "Asia/Tokio"), encoding="utf-8")
    with pytest.raises(BrokenSiteFile) as broken:
        read(path)
    told = " ".join(line for problem in broken.value.problems for line in (*problem.lines("ja"), *problem.lines("en")))
    assert "site.yaml:4" in told
    assert SHORT not in told + repr(broken.value.params)


def test_a_secret_refuses_every_way_out() -> None:
    import copy
    import pickle

    secret = Secret(CRASHED)
    for way in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            way(secret)
    assert CRASHED not in f"{secret} {secret!r} {[secret]} {secret:>30}"
