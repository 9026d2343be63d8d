"""Names are looked up aside: a name server that keeps silent costs neither the other hosts nor anybody's deadline."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from core.errors import GenbaError
from core.store.address import connect_parameters, connection_failure
from core.store.dialling import open_connection
from core.store.engine import Database
from core.store.resolving import addresses
from tests.faults.commit_proxy import CommitProxy
from tests.postgres import TestServer

SILENT, UNKNOWN = "silent.plant.example", "unknown.plant.example"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names that were asked for; one of them is never answered, one is unknown, the others are this computer."""
    names: list[str] = []
    ended = threading.Event()

    def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
        names.append(host)
        if host == SILENT:
            ended.wait(120)
        if host in (SILENT, UNKNOWN):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.1", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield names
    ended.set()
    for thread in threading.enumerate():
        if thread.name.startswith("look-up-"):
            thread.join(60)


def words(postgres: TestServer, database_url: str, first: str) -> dict[str, str]:
    """Two hosts: ``first``, and the server that is there."""
    parameters = connect_parameters(database_url, "genba/L1")
    return parameters | {"host": f"{first},{parameters['host']}", "port": f"1,{parameters['port']}"}


@pytest.mark.parametrize("first", [SILENT, UNKNOWN])
def test_a_name_that_nobody_knows_costs_the_other_host_nothing(
    postgres: TestServer, database_url: str, asked: list[str], first: str
) -> None:
    with open_connection(words(postgres, database_url, first) | {"connect_timeout": "10"}) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("genba_local",)
    connection.close()
    assert asked == [first]


def test_a_name_server_that_keeps_silent_is_waited_for_no_longer_than_a_server(asked: list[str]) -> None:
    parameters = connect_parameters(f"postgresql+psycopg://u:p@{SILENT}/genba", "genba/L1") | {"connect_timeout": "0.3"}
    begun = time.monotonic()
    for _ in range(3):
        with pytest.raises(psycopg.OperationalError):
            open_connection(parameters)
    assert time.monotonic() - begun < 30
    assert asked == [SILENT], "the question that nobody answers is asked once"


def test_closing_waits_for_no_name_server(asked: list[str], expect_log: Any) -> None:
    database = Database(f"postgresql+psycopg://u:p@{SILENT}/genba", "L1")
    database.start()
    future = database.submit("operations", lambda db: db.now, deadline_s=0.5)
    with pytest.raises(GenbaError) as caught:
        future.result(60)
    assert caught.value.code == "store.deadline"
    begun = time.monotonic()
    database.close()
    assert time.monotonic() - begun < 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("database-L1")]


def test_an_unknown_name_is_said(asked: list[str]) -> None:
    with pytest.raises(psycopg.OperationalError) as caught:
        open_connection(connect_parameters(f"postgresql+psycopg://u:p@{UNKNOWN}/genba", "genba/L1"))
    reason = connection_failure(caught.value)
    assert reason.code == "store.away"
    assert UNKNOWN in reason.lines("en").what


def test_an_address_is_tried_under_its_name_by_which_its_certificate_is_judged(asked: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"postgresql+psycopg://u:p@one.plant.example:{port}/genba?sslmode=disable"
    with pytest.raises(psycopg.OperationalError) as caught:
        open_connection(connect_parameters(url, "genba/L1", allow_unsafe=True))
    assert 'at "one.plant.example" (127.0.0.1)' in str(caught.value)


def test_who_closes_need_not_wait_for_a_name_server(asked: list[str]) -> None:
    begun = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="given up"):
        open_connection({"host": SILENT, "port": "5432", "connect_timeout": "60"}, give_up=lambda: True)
    assert time.monotonic() - begun < 30


def test_every_address_of_a_name_is_tried(postgres: TestServer, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = connect_parameters(database_url, "genba/L1")
    proxy = CommitProxy(parameters["host"], int(parameters["port"]))  # this server listens on a socket file only
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    try:
        with open_connection({**parameters, "host": "two.plant.example", "port": str(proxy.port)}) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        connection.close()
    finally:
        proxy.close()


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1", "fe80::1%eth0", "/run/postgresql", "@abstract"])
def test_what_is_no_name_is_not_looked_up(asked: list[str], host: str) -> None:
    assert addresses({"host": host}) is None
    assert addresses({"host": UNKNOWN, "hostaddr": "127.0.0.1"}) is None
    assert asked == []


def test_a_label_that_is_too_long_is_an_answer_too() -> None:
    with pytest.raises(psycopg.OperationalError, match="could not translate"):
        open_connection({"host": "x" * 70 + ".example", "port": "5432", "connect_timeout": "30"})


_STANDS_STILL = """
import threading, time
from psycopg import OperationalError
from core.store.dialling import open_connection
from core.store.lineage import Seen
gaps, over = [0.0], threading.Event()
def beat():
    last = time.monotonic()
    while not over.wait(0.01):
        gaps.append(time.monotonic() - last); last = time.monotonic()
beating = threading.Thread(target=beat); beating.start()
try:
    open_connection({"host": "db.example", "port": "5432", "connect_timeout": "3"})
except OperationalError as error:
    pass
over.set(); beating.join()
print(max(gaps))
"""


def test_the_program_goes_on_while_the_real_resolver_waits(tmp_path_factory: pytest.TempPathFactory) -> None:
    """With a real name server that keeps silent, in a mount namespace of its own; needs root."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.9\n", encoding="utf-8")
    (folder / "try.py").write_text(_STANDS_STILL, encoding="utf-8")
    try:
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with silent:
            silent.bind(("127.0.0.9", 53))
            words = f'mount --bind {folder}/resolv.conf /etc/resolv.conf && exec "{sys.executable}" "{folder}/try.py"'
            ran = subprocess.run(["unshare", "-m", "sh", "-c", words], capture_output=True, text=True, timeout=120)
    except (OSError, PermissionError) as error:
        pytest.skip(f"no name server can be played here: {error}")
    if "mount" in ran.stderr or "unshare" in ran.stderr:
        pytest.skip(f"no mount namespace here: {ran.stderr.strip()}")
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 2.0, "libpq was left to look the name up, with the interpreter in its hand"
