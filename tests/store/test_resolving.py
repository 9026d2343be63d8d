"""Names are looked up aside: a name server that keeps silent costs neither the other hosts nor anybody's deadline."""

from __future__ import annotations

import socket
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
