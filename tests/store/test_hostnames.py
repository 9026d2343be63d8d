"""A name server that does not answer, or does not know the database's name, costs the program nothing but the database."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from core.store.address import connect_parameters
from core.store.dialling import open_connection
from core.store.hostnames import Lookup, lookup_for, with_addresses
from tests.faults.commit_proxy import CommitProxy
from tests.postgres import TestServer

real = socket.getaddrinfo


class NameServer:
    """What this computer's resolver says; it keeps silent until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.knows: dict[str, list[str]] = {}
        self.asked: list[str] = []

    def __call__(self, name: str, *args: object, **named: object) -> list[tuple[object, ...]]:
        self.asked.append(name)
        self.go.wait(60)
        if name not in self.knows:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.knows[name]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer()
    monkeypatch.setattr(socket, "getaddrinfo", server)
    yield server
    server.go.set()
    for thread in threading.enumerate():
        if thread.name == "database-name":
            thread.join(60)


@pytest.fixture
def database(postgres: TestServer) -> Iterator[str]:
    with postgres.migrated_database() as name:
        yield name


def test_a_silent_name_server_is_waited_for_as_long_as_anything_else(resolver: NameServer) -> None:
    begin, longest, last = time.monotonic(), 0.0, time.monotonic()
    failed = threading.Event()

    def dial() -> None:
        with pytest.raises(psycopg.OperationalError):
            open_connection({"host": "db.example", "port": "5432", "connect_timeout": "0.5"})
        failed.set()

    dialling = threading.Thread(target=dial)
    dialling.start()
    while not failed.wait(0.01):
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert time.monotonic() - begin < 60
    dialling.join(60)
    assert not resolver.go.is_set(), "given up although nothing was said"
    assert longest < 5, "the other threads of the program went on"


def test_who_closes_need_not_wait_for_a_name_server(resolver: NameServer) -> None:
    begin = time.monotonic()
    with pytest.raises(psycopg.OperationalError, match="given up"):
        open_connection({"host": "db.example", "port": "5432", "connect_timeout": "60"}, give_up=lambda: True)
    assert time.monotonic() - begin < 30


def test_an_unknown_name_is_said(resolver: NameServer) -> None:
    resolver.go.set()
    with pytest.raises(psycopg.OperationalError, match=r"db\.example"):
        open_connection({"host": "db.example", "port": "5432", "connect_timeout": "30"})


def test_every_address_of_a_name_is_tried(resolver: NameServer, postgres: TestServer, database: str) -> None:
    parameters = connect_parameters(postgres.station_url(database), "genba/L1")
    proxy = CommitProxy(parameters["host"], int(parameters["port"]))  # this server listens on a socket file only
    resolver.knows["db.example"] = ["127.0.0.2", "127.0.0.1"]
    resolver.go.set()
    try:
        with open_connection({**parameters, "host": "db.example", "port": str(proxy.port)}) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        connection.close()
    finally:
        proxy.close()


def test_the_other_host_is_there_while_a_name_is_not(resolver: NameServer, postgres: TestServer, database: str) -> None:
    parameters = connect_parameters(postgres.station_url(database), "genba/L1")
    with open_connection({**parameters, "host": f"db.example,{parameters['host']}"}) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()


@pytest.mark.parametrize("host", ["", "127.0.0.1", "::1", "/run/postgresql", "@abstract"])
def test_what_is_no_name_is_not_looked_up(resolver: NameServer, host: str) -> None:
    assert lookup_for({"host": host}) is None
    assert lookup_for({"host": "db.example", "hostaddr": "127.0.0.1"}) is None
    assert resolver.asked == []


def test_a_label_that_is_too_long_is_an_answer_too() -> None:
    lookup = Lookup("x" * 70 + ".example")
    end = time.monotonic() + 60
    while not lookup.done and time.monotonic() < end:
        time.sleep(0.01)
    assert lookup.error
    assert with_addresses({"host": "a"}, ("1.2.3.4", "::1")) == {"host": "a,a", "hostaddr": "1.2.3.4,::1"}


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
