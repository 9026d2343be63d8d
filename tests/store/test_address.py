"""What a database address turns into on the wire, and what failures say."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable

import psycopg
import pytest

from core.errors import Invalid, Refused, Unavailable
from core.log import redacted
from core.store import logins
from core.store.address import (
    connect_parameters,
    connection_failure,
    has_password,
    is_local,
    weaknesses,
    with_password,
    without_credentials,
)
from core.store.dialling import open_connection, open_newest
from core.store.lineage import Lineage, Seen


@pytest.mark.parametrize("host", ["db.plant.example", "192.168.10.5", "[2001:db8::1]", "127.0.0.1.example"])
def test_a_server_elsewhere_must_prove_itself(host: str) -> None:
    parameters = connect_parameters(f"postgresql+psycopg://u:p@{host}/genba", "genba/L1")
    proof = {"sslmode": "verify-full", "require_auth": "scram-sha-256", "channel_binding": "require"}
    assert {key: parameters[key] for key in proof} == proof
    assert parameters["application_name"] == "genba/L1"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "[::1]", ""])
def test_a_server_on_this_computer_needs_no_certificate(host: str) -> None:
    parameters = connect_parameters(f"postgresql+psycopg://u:p@{host}/genba", "genba/L1")
    assert "sslmode" not in parameters


def test_what_the_address_says_itself_counts() -> None:
    url = "postgresql+psycopg://u:p@db/genba?sslrootcert=system&connect_timeout=9&options=-c%20search_path%3Dx&tcp_user_timeout=1"
    parameters = connect_parameters(url, "genba/L1", lock_timeout="3s")
    assert (parameters["sslrootcert"], parameters["connect_timeout"], parameters["tcp_user_timeout"]) == ("system", "9", "1")
    assert parameters["options"] == "-c timezone=UTC -c lock_timeout=3s -c search_path=x"


@pytest.mark.parametrize(
    "weak",
    [
        "sslmode=disable",
        "sslmode=prefer",
        "sslmode=require",
        "sslmode=verify-ca",
        "require_auth=password",
        "require_auth=none",
        "channel_binding=prefer",
        "gssencmode=prefer",
        "ssl_min_protocol_version=TLSv1",
        "service=somewhere",
        "sslkeylogfile=/tmp/keys",
    ],
)
def test_an_address_that_gives_up_the_proof_is_refused_unless_the_station_allows_it(weak: str) -> None:
    url = f"postgresql+psycopg://u:planted-secret@db/genba?{weak}"
    with pytest.raises(Refused) as refused:
        connect_parameters(url, "genba/L1")
    assert refused.value.code == "store.address_unsafe"
    assert "planted-secret" not in str(refused.value)
    assert weaknesses(url)
    given = connect_parameters(url, "genba/L1", allow_unsafe=True)
    key, _, value = weak.partition("=")
    assert given[key].startswith(value.partition("&")[0])


def test_what_a_server_elsewhere_must_do_may_be_said_outright() -> None:
    url = "postgresql+psycopg://u:p@db/genba?sslmode=verify-full&require_auth=scram-sha-256&channel_binding=require&gssencmode=disable"
    assert weaknesses(url) == ()
    assert connect_parameters(url, "genba/L1")["channel_binding"] == "require"


@pytest.mark.parametrize(
    "url", ["u:p@localhost/g?hostaddr=10.0.0.5", "u:p@/g?hostaddr=10.0.0.5", "u:p@127.0.0.1:1/g?hostaddr=::ffff:10.0.0.5"]
)
def test_where_the_packets_go_counts_and_the_name_too(url: str) -> None:
    assert not is_local(f"postgresql+psycopg://{url}")
    assert connect_parameters(f"postgresql+psycopg://{url}", "x")["sslmode"] == "verify-full"


@pytest.mark.parametrize(("variable", "value"), [("PGHOST", "db.plant"), ("PGHOSTADDR", "10.0.0.5"), ("PGSERVICE", "plant")])
def test_an_address_without_a_host_may_be_elsewhere_by_the_environment(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_local("postgresql+psycopg://u:p@/genba")
    monkeypatch.setenv(variable, value)
    assert connect_parameters("postgresql+psycopg://u:p@/genba", "x")["sslmode"] == "verify-full"


def test_a_password_from_elsewhere_is_put_in_only_where_there_is_none() -> None:
    def never() -> str:
        raise AssertionError("not asked for")

    odd = "p@ss/w:ö rd%"
    url = with_password("postgresql+psycopg://panel@db:5433/genba?sslrootcert=x", lambda: odd)
    given = connect_parameters(url, "x")
    assert (given["user"], given["password"], given["host"], given["port"], given["sslrootcert"]) == ("panel", odd, "db", "5433", "x")
    for complete in ("u:p@db/g", "u@db/g?password=p", "u@db/g?passfile=/x", "db/g"):
        assert with_password(f"postgresql+psycopg://{complete}", never) == f"postgresql+psycopg://{complete}"
    assert with_password("postgresql+psycopg://u@db/g", lambda: None) == "postgresql+psycopg://u@db/g"
    assert odd not in redacted(f"cannot log in with {odd}")


@pytest.mark.parametrize(
    ("url", "shown", "readable"),
    [
        ("u:planted@db:5433/g", "db:5433/g", True),
        ("u@db/g?password=planted", "db/g", True),
        ("u@/g?host=/run/planted-not", "/run/planted-not/g", False),
        ("planted@db/g", "db/g", False),
    ],
)
def test_an_address_for_people_has_no_user_and_no_password(url: str, shown: str, readable: bool) -> None:
    assert without_credentials(f"postgresql+psycopg://{url}") == shown
    assert has_password(f"postgresql+psycopg://{url}") is readable


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


@pytest.mark.parametrize(
    ("text", "ja", "en"),
    [
        (
            "server closed the connection unexpectedly\n\tThis probably means the server terminated abnormally\n"
            "\tbefore or while processing the request.",
            "接続が切れました",
            "the connection broke off",
        ),
        (
            'connection to server at "127.0.0.1", port 5432 failed: Connection refused\n\tIs the server running on that host?',
            "接続を拒否されました: 127.0.0.1:5432",
            "connection refused: 127.0.0.1:5432",
        ),
        (
            'connection to server at "a" (10.0.0.1), port 5432 failed: FATAL:  the database system is starting up\n'
            'connection to server at "b" (10.0.0.2), port 5433 failed: timeout expired',
            "応答なし: b:5433",
            "no answer: b:5433",
        ),
        ("something new", "something new", "something new"),
    ],
)
def test_a_lost_connection_is_said_in_the_language_of_the_screen(text: str, ja: str, en: str) -> None:
    reason = connection_failure(psycopg.OperationalError(text))
    assert f"({ja})" in reason.lines("ja").what
    assert f"({en})" in reason.lines("en").what


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
        thread.join(60)
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


@pytest.mark.parametrize(("other", "code"), [(False, "store.outdated_server"), (True, "store.other_database")])
def test_a_connection_to_a_server_that_was_overtaken_is_not_even_opened(postgres, database: str, other: bool, code: str) -> None:
    parameters = connect_parameters(postgres.station_url(database), "genba/L1")
    opened = open_newest(parameters, Seen())
    opened.connection.close()
    seen = Seen()
    seen.note(Lineage("1" if other else opened.lineage.system, opened.lineage.timeline + 1))
    with pytest.raises(Unavailable) as refused:
        open_newest(parameters, seen).connection.close()
    assert (refused.value.code, refused.value.params["unknown"]) == (code, False)


def test_a_server_that_was_set_read_only_is_none_to_work_with(postgres, database: str) -> None:
    """A failover manager fences like that, and promotes like that until the old primary has given up."""
    parameters = connect_parameters(postgres.station_url(database), "genba/L1", default_transaction_read_only="on")
    with pytest.raises(Unavailable) as refused:
        open_connection(parameters)
    assert (refused.value.code, refused.value.params["unknown"]) == ("store.standby_only", False)


@pytest.mark.parametrize(
    "ask",
    [
        lambda url, unsafe: logins.listed(url, allow_unsafe=unsafe),
        lambda url, unsafe: logins.add(url, "L1", allow_unsafe=unsafe),
        lambda url, unsafe: logins.revoke(url, "L1", allow_unsafe=unsafe),
    ],
)
def test_log_ins_of_stations_follow_the_same_setting(ask: Callable[[str, bool], object]) -> None:
    url = "postgresql+psycopg://owner:x@db.plant.example:1/postgres?hostaddr=127.0.0.1&sslmode=disable"
    with pytest.raises(Refused) as refusal:
        ask(url, False)
    assert refusal.value.code == "store.address_unsafe"
    with pytest.raises(Unavailable):  # nobody is there, but the address was followed
        ask(url, True)
