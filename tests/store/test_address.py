"""What a database address turns into on the wire, and what failures say."""

from __future__ import annotations

import socket
import struct
import threading

import psycopg
import pytest

from core.errors import Invalid
from core.store.address import connect_parameters, connection_failure
from core.store.wire import open_connection


@pytest.mark.parametrize("host", ["db.plant.example", "192.168.10.5", "[2001:db8::1]", "127.0.0.1.example"])
def test_a_server_elsewhere_must_prove_itself(host: str) -> None:
    parameters = connect_parameters(f"postgresql+psycopg://u:p@{host}/genba", "genba/L1")
    assert (parameters["sslmode"], parameters["require_auth"]) == ("verify-full", "scram-sha-256")
    assert parameters["application_name"] == "genba/L1"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", ""])
def test_a_server_on_this_computer_needs_no_certificate(host: str) -> None:
    parameters = connect_parameters(f"postgresql+psycopg://u:p@{host}/genba", "genba/L1")
    assert "sslmode" not in parameters


def test_what_the_address_says_itself_counts() -> None:
    url = "postgresql+psycopg://u:p@db/genba?sslmode=require&connect_timeout=9&options=-c%20search_path%3Dx&tcp_user_timeout=1"
    parameters = connect_parameters(url, "genba/L1", lock_timeout="3s")
    assert (parameters["sslmode"], parameters["connect_timeout"], parameters["tcp_user_timeout"]) == ("require", "9", "1")
    assert parameters["options"] == "-c timezone=UTC -c lock_timeout=3s -c search_path=x"


def test_several_hosts_look_for_the_one_that_writes() -> None:
    url = "postgresql+psycopg://u:p@/genba?host=127.0.0.1:5001&host=db2:5002"
    parameters = connect_parameters(url, "genba/L1")
    assert (parameters["host"], parameters["port"]) == ("127.0.0.1,db2", "5001,5002")
    assert (parameters["target_session_attrs"], parameters["sslmode"]) == ("read-write", "verify-full")


@pytest.mark.parametrize("url", ["nonsense", "postgresql+psycopg://u:p@h:port/x", ""])
def test_unreadable_addresses(url: str) -> None:
    with pytest.raises(Invalid):
        connect_parameters(url, "genba/L1")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('connection failed: FATAL:  password authentication failed for user "x"', "store.login_refused"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "store.login_refused"),
        ("SSL error: certificate verify failed", "store.not_trusted"),
        ("server requested a cleartext password, authentication method requirement failed", "store.not_trusted"),
        ('FATAL:  database "genba" does not exist', "store.database_missing"),
        ("Connection refused\n\tIs the server running?", "store.away"),
        ("", "store.away"),
    ],
)
def test_failures_have_words(text: str, code: str) -> None:
    reason = connection_failure(psycopg.OperationalError(text))
    assert reason.code == code
    assert "—" not in str(reason)


def test_a_password_is_not_handed_to_a_server_that_asks_for_it_in_clear() -> None:
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def false_server() -> None:
            talk, _ = listener.accept()
            with talk:
                talk.recv(10_000)
                talk.sendall(b"R" + struct.pack("!ii", 8, 3))  # AuthenticationCleartextPassword
                got.append(talk.recv(10_000))

        thread = threading.Thread(target=false_server)
        thread.start()
        url = f"postgresql+psycopg://u:hunter2@127.0.0.1:{listener.getsockname()[1]}/genba?require_auth=scram-sha-256&sslmode=disable"
        with pytest.raises(psycopg.OperationalError) as caught:
            open_connection(connect_parameters(url, "genba/L1"))
        thread.join(5)
    assert got == [b""]
    assert connection_failure(caught.value).code == "store.not_trusted"
    assert "hunter2" not in str(caught.value)


def test_the_second_host_is_tried_when_the_first_keeps_silent(postgres, database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        parameters = connect_parameters(postgres.station_url(database), "genba/L1")
        place, port = parameters["host"], parameters["port"]
        parameters |= {"host": f"127.0.0.1,{place}", "port": f"{silent.getsockname()[1]},{port}", "connect_timeout": "0.3"}
        with open_connection(parameters) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("genba_local",)
        connection.close()
