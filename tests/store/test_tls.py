"""A server elsewhere, true and false: with the settings as shipped only the right one is connected to, and only it gets the password."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.config import StationSettings
from core.errors import GenbaError, Refused
from core.station.connections import database_safety
from core.store import logins
from core.store.address import connect_parameters, connection_failure
from core.store.dialling import open_connection
from core.store.engine import Database
from core.store.schema import upgrade
from tests.postgres import OwnServer, installed_servers
from tests.store.test_engine import until
from tests.tls import Authority, in_the_middle

HOST = "db.plant.example"
SCRAM = "hostssl all panel 127.0.0.1/32 scram-sha-256"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    programs = [folder for version, folder in installed_servers().items() if version != "embedded"]
    if not programs:
        pytest.skip("the embedded server is built without TLS, and no other PostgreSQL is installed here")
    own = OwnServer(tmp_path_factory.mktemp("tls"), programs[-1])
    own.start()
    own.run("CREATE ROLE panel LOGIN PASSWORD 'planted-panel'")
    own.run("SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD 'planted-old'")
    yield own
    own.remove()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "plant")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "stranger")


def address(server: OwnServer, root: Path, *more: str, login: str = "panel", port: int | None = None) -> str:
    """As a station has it, but for ``hostaddr``: this test has no name server."""
    options = "&".join([f"hostaddr=127.0.0.1&sslrootcert={root}", *more])
    return f"postgresql+psycopg://{login}:planted-{login}@{HOST}:{port or server.port}/postgres?{options}"


def connect(url: str, *, allow_unsafe: bool = False) -> str:
    """``encrypted``, ``clear``; raises what an operator is told."""
    parameters = connect_parameters(url, "genba/TEST", allow_unsafe=allow_unsafe)
    try:
        with open_connection(parameters) as connection:
            return "encrypted" if connection.pgconn.ssl_in_use else "clear"
    except psycopg.OperationalError as error:
        failure = connection_failure(error)
        assert "planted" not in str(failure)
        raise failure from None


def refused(url: str) -> str:
    with pytest.raises(GenbaError) as refusal:
        connect(url)
    return refusal.value.code


def test_the_right_server_is_connected_to_and_shown_as_safe(server: OwnServer, plant: Authority, tmp_path: Path) -> None:
    server.admit(SCRAM, plant.issue(HOST))
    url = address(server, plant.root)
    assert connect(url) == "encrypted"
    assert database_safety(StationSettings(home=tmp_path, name="P", database_url=url)).safety == "safe"


def test_a_server_without_encryption(server: OwnServer, plant: Authority) -> None:
    server.admit("host all panel 127.0.0.1/32 scram-sha-256")
    assert refused(address(server, plant.root)) == "store.not_trusted"


def test_a_certificate_of_somebody_else(server: OwnServer, plant: Authority, stranger: Authority) -> None:
    server.admit(SCRAM, stranger.issue(HOST))
    assert refused(address(server, plant.root)) == "store.not_trusted"


def test_a_certificate_of_another_host(server: OwnServer, plant: Authority) -> None:
    server.admit(SCRAM, plant.issue("web.plant.example"))
    assert refused(address(server, plant.root)) == "store.not_trusted"


def test_a_certificate_that_is_over(server: OwnServer, plant: Authority) -> None:
    server.admit(SCRAM, plant.issue(HOST, lasts=-timedelta(days=1)))
    assert refused(address(server, plant.root)) == "store.not_trusted"


def test_a_station_that_knows_no_authority(server: OwnServer, plant: Authority, tmp_path: Path) -> None:
    server.admit(SCRAM, plant.issue(HOST))
    assert refused(address(server, tmp_path / "none.crt")) == "store.not_trusted"


@pytest.mark.parametrize(("login", "method"), [("panel", "password"), ("old", "md5"), ("panel", "trust")])
def test_a_server_that_asks_for_less_than_a_proof(server: OwnServer, plant: Authority, login: str, method: str) -> None:
    """A readable password, a hash that can be replayed, and nothing at all, by which it does not prove that it knows us."""
    server.admit(f"hostssl all {login} 127.0.0.1/32 {method}", plant.issue(HOST))
    assert refused(address(server, plant.root, login=login)) == "store.not_trusted"


def test_somebody_in_the_middle_with_a_certificate_that_is_good(server: OwnServer, plant: Authority, tmp_path: Path) -> None:
    server.admit(SCRAM, plant.issue(HOST))
    with in_the_middle(server.port, plant.issue(HOST), tmp_path) as port:
        assert refused(address(server, plant.root, port=port)) in {"store.login_refused", "store.not_trusted"}
    with in_the_middle(server.port, plant.issue(HOST), tmp_path) as port:
        weak = address(server, plant.root, "channel_binding=disable", port=port)
        assert connect(weak, allow_unsafe=True) == "encrypted", "the proxy works, only the binding to the channel gives him away"


@pytest.mark.parametrize("weak", ["sslmode=disable", "sslmode=require", "sslmode=verify-ca", "require_auth=none", "channel_binding=prefer"])
def test_an_address_that_asks_for_less_is_obeyed_by_setting_only_and_shown(
    server: OwnServer, plant: Authority, weak: str, tmp_path: Path
) -> None:
    server.admit("host all panel 127.0.0.1/32 scram-sha-256", plant.issue("web.plant.example" if "ssl" in weak else HOST))
    url = address(server, plant.root, weak)
    with pytest.raises(Refused) as refusal:
        connect(url)
    assert refusal.value.code == "store.address_unsafe"
    safety = database_safety(StationSettings(home=tmp_path, name="P", database_url=url, allow_unsafe_database=True))
    assert (safety.safety, safety.detail) == ("unsafe", weak)
    if "require_auth" in weak:
        server.admit("hostssl all panel 127.0.0.1/32 trust", plant.issue(HOST))
    assert connect(url, allow_unsafe=True) == ("clear" if weak == "sslmode=disable" else "encrypted")


def test_a_certificate_that_ends_while_people_work(server: OwnServer, plant: Authority, expect_log: Any) -> None:
    """Whoever is connected goes on; whoever has to connect anew is told why not, until there is a new one."""
    expect_log("database is down")
    server.admit(SCRAM, plant.issue(HOST))
    server.run("CREATE DATABASE genba")
    upgrade(server.url("genba"))
    logins.add_local(server.url("genba"), "station", "planted-station")
    server.admit("hostssl all station 127.0.0.1/32 scram-sha-256", plant.issue(HOST))
    url = address(server, plant.root, login="station").replace("/postgres?", "/genba?")
    database = Database(url, "ST1")
    database.start()
    try:
        until(lambda: database.up, 60)
        server.admit("hostssl all station 127.0.0.1/32 scram-sha-256", plant.issue(HOST, lasts=-timedelta(days=1)))
        assert database.submit("queries", lambda db: db.now.year, deadline_s=10).result() > 2000
        server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'station'")
        until(lambda: database.state.reason is not None and database.state.reason.code == "store.not_trusted", 60)
        server.admit("hostssl all station 127.0.0.1/32 scram-sha-256", plant.issue(HOST))
        until(lambda: database.up, 60)
    finally:
        database.close()


def test_with_the_proof_given_up_an_ended_certificate_is_nobodys_business(server: OwnServer, plant: Authority) -> None:
    """The mutant."""
    server.admit(SCRAM, plant.issue(HOST, lasts=-timedelta(days=1)))
    url = address(server, plant.root, "sslmode=require").replace(f"&sslrootcert={plant.root}", "")
    assert connect(url, allow_unsafe=True) == "encrypted"
