"""OPC UA with message security: who proves himself to whom, and what never travels readable."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.errors import Conflict, Invalid
from core.live.link import LinkState
from core.live.sample import Quality
from core.store.certificates import RENEWED, VALID, Certificates, fingerprint
from tests.conftest import ExpectedLog
from tests.drivers.rig import HASTY, Rig, source, tag, tags
from tests.faults.proxy import FaultProxy
from tests.servers.points import POINTS
from tests.servers.process import ServerProcess

ALL = [
    "NoSecurity",
    "Basic256Sha256_Sign",
    "Basic256Sha256_SignAndEncrypt",
    "Aes128Sha256RsaOaep_SignAndEncrypt",
    "Aes256Sha256RsaPss_SignAndEncrypt",
]
SECURE = {"security": "SignAndEncrypt"}


@pytest.fixture(scope="module")
def _server() -> Iterator[ServerProcess]:
    process = ServerProcess("opcua").start()
    yield process
    process.kill()


@pytest.fixture
def server(_server: ServerProcess) -> ServerProcess:
    """A server with every policy, every login, and a good certificate."""
    _server.tell("tokens", ["anonymous", "user", "certificate"])
    _server.tell("distrust", "")
    _server.tell("policies", ALL)
    _server.tell("certificate", "good")
    return _server


@pytest.fixture(scope="session")
def _key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("station")
    Certificates(home).own(datetime.now(UTC))
    return home / "opcua"


@pytest.fixture
def home(tmp_path: Path, _key: Path) -> Path:
    """A station's home with its own certificate; making a key for each test would take seconds."""
    (tmp_path / "opcua").mkdir()
    for name in ("own.key", "own.der"):
        (tmp_path / "opcua" / name).write_bytes((_key / name).read_bytes())
        (tmp_path / "opcua" / name).chmod(0o600)
    return tmp_path


def accepted(server: ServerProcess, home: Path, kind: str = "good") -> bytes:
    """The server shows the certificate of that kind, and the station trusts it."""
    der = base64.b64decode(server.tell("certificate", kind))
    Certificates(home).accept("PLC", der)
    return der


def rig(server: ServerProcess, home: Path, names: list[str] | None = None, secret: str | None = None, **options: str) -> Rig:
    made = Rig(source("opcua", server.port, **options), tags("opcua", names or ["mode"]), patience=HASTY, home=home)
    if secret is not None:
        made.secrets = {"PLC": secret}
    return made


async def refused(made: Rig, code: str) -> str:
    """Wait until the station says that it may not connect, and how; nothing was read."""
    async with made:
        await made.until(lambda: bool(made.links) and made.links[-1].error_code == code)
        assert all(made.get(name).quality is Quality.OFFLINE for name in made.tags)
        return made.links[-1].error_detail


@pytest.mark.parametrize(
    "options",
    [
        {"security": "Sign"},
        {"security": "SignAndEncrypt"},
        {"security": "signandencrypt", "policy": "Aes128Sha256RsaOaep"},
        {"security": "SignAndEncrypt", "policy": "Aes256Sha256RsaPss"},
    ],
)
def test_every_type_is_read_and_written_under_each_policy(server: ServerProcess, home: Path, options: dict[str, str]) -> None:
    accepted(server, home)

    async def go() -> None:
        async with rig(server, home, list(POINTS), **options) as made:
            await made.online()
            assert {name: made.get(name).value for name in made.tags} == {point.name: point.value for point in POINTS.values()}
            await made.acquisition.write(made.tags["mode"], 5)
            assert server.tell("get", "mode") == 5
            await made.acquisition.write(made.tags["mode"], 1)

    asyncio.run(go())


def test_certificates_reach_the_acquisition_process(server: ServerProcess, home: Path) -> None:
    accepted(server, home)

    async def go() -> None:
        made = Rig(source("opcua", server.port, **SECURE), tags("opcua", ["mode"]), "process", HASTY, home=home)
        async with made:
            await made.online()

    asyncio.run(go())


def test_unknown_certificate_is_named_and_accepted_once(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.certificate_unknown")
    certificates = Certificates(home)

    async def go() -> None:
        with pytest.raises(Invalid):
            certificates.trust("PLC", "00")
        async with rig(server, home, secret="s3cret", user="genba", **SECURE) as made:
            await made.until(lambda: bool(made.links) and made.links[-1].error_code == "driver.certificate_unknown")
            seen = certificates.seen("PLC")
            assert seen is not None
            assert fingerprint(seen) in made.links[-1].error_detail
            assert server.tell("heard") == [], "no password before the certificate is accepted"
            with pytest.raises(Conflict) as other:
                certificates.trust("PLC", fingerprint(seen)[:-1] + "X")
            assert other.value.params["fingerprint"] == fingerprint(seen)
            certificates.trust("PLC", fingerprint(seen).lower())
            await made.online()
        assert server.tell("heard") == ["s3cret"]
        async with rig(server, home, **SECURE) as again:
            await again.online()

    asyncio.run(go())


def test_changed_certificate_is_refused_with_both_fingerprints(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.certificate_changed")
    old = accepted(server, home)
    new = base64.b64decode(server.tell("certificate", "changed"))

    async def go() -> None:
        detail = await refused(rig(server, home, **SECURE), "driver.certificate_changed")
        assert fingerprint(old) in detail
        assert fingerprint(new) in detail
        assert Certificates(home).trusted("PLC") == old, "what is shown is never taken over by itself"

    asyncio.run(go())


def test_another_source_is_not_trusted_because_one_is(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"driver.certificate_unknown")
    der = accepted(server, home)
    Certificates(home).forget("PLC")
    Certificates(home).accept("../PLC", der)

    asyncio.run(refused(rig(server, home, **SECURE), "driver.certificate_unknown"))
    assert {path.parent.name for path in (home / "opcua").rglob("source-*")} == {"trusted", "seen"}


def test_expired_certificate_is_refused_although_it_was_accepted(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.certificate_expired")
    accepted(server, home, "expired")
    detail = asyncio.run(refused(rig(server, home, **SECURE), "driver.certificate_expired"))
    assert f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}" in detail


def test_certificate_of_another_host_says_so_before_it_is_accepted(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"driver.certificate_unknown")
    server.tell("certificate", "wrong_host")
    detail = asyncio.run(refused(rig(server, home, **SECURE), "driver.certificate_unknown"))
    assert "≠ 127.0.0.1: another-host" in detail

    async def go() -> None:
        accepted(server, home, "wrong_host")
        async with rig(server, home, **SECURE) as made:
            await made.online()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("offered", "options", "detail"),
    [
        (["NoSecurity", "Basic256Sha256_Sign"], {"security": "SignAndEncrypt"}, "SignAndEncrypt Basic256Sha256; none, Sign Basic256Sha256"),
        (["Basic256Sha256_SignAndEncrypt"], {}, ""),
        (["NoSecurity", "Basic256Sha256_SignAndEncrypt"], {**SECURE, "policy": "Aes256Sha256RsaPss"}, "SignAndEncrypt Aes256Sha256RsaPss"),
    ],
)
def test_what_is_not_offered_is_never_replaced_by_less(
    server: ServerProcess, home: Path, expect_log: ExpectedLog, offered: list[str], options: dict[str, str], detail: str
) -> None:
    expect_log(r"source PLC is down: driver.security_not_offered")
    accepted(server, home)
    server.tell("policies", offered)
    assert detail in asyncio.run(refused(rig(server, home, **options), "driver.security_not_offered"))


@pytest.mark.parametrize("options", [{"security": "lots"}, {**SECURE, "policy": "Basic128Rsa15"}, {"login": "smile"}])
def test_settings_that_are_not_known_are_refused(
    server: ServerProcess, home: Path, expect_log: ExpectedLog, options: dict[str, str]
) -> None:
    expect_log(r"source PLC is down: driver.security_unknown")
    asyncio.run(refused(rig(server, home, **options), "driver.security_unknown"))


def test_password_goes_readable_only_where_that_is_allowed(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.password_readable")
    server.tell("policies", ["NoSecurity"])
    heard = len(server.tell("heard"))

    async def go() -> None:
        assert await refused(rig(server, home, secret="s3cret", user="genba"), "driver.password_readable") == "none"
        assert len(server.tell("heard")) == heard
        async with rig(server, home, secret="s3cret", user="genba", readable_login="allowed") as made:
            await made.online()

    asyncio.run(go())


def test_password_without_message_security_is_sealed_for_the_accepted_server_alone(
    server: ServerProcess, home: Path, expect_log: ExpectedLog
) -> None:
    """The endpoint has no security, but its server takes passwords sealed with its key: then its key must be known."""
    expect_log(r"source PLC is down: driver.certificate_unknown")
    heard = len(server.tell("heard"))

    async def go() -> None:
        await refused(rig(server, home, secret="s3cret", user="genba"), "driver.certificate_unknown")
        assert len(server.tell("heard")) == heard
        accepted(server, home)
        async with rig(server, home, secret="s3cret", user="genba") as made:
            await made.online()

    asyncio.run(go())


@pytest.mark.parametrize("security", ["Sign", "SignAndEncrypt"])
def test_login_by_password(server: ServerProcess, home: Path, expect_log: ExpectedLog, security: str) -> None:
    expect_log(r"source PLC is down: driver.login_refused")
    accepted(server, home)
    server.tell("tokens", ["user"])

    async def go() -> None:
        await refused(rig(server, home, secret="guess", user="genba", security=security), "driver.login_refused")
        await refused(rig(server, home, security=security), "driver.login_refused")
        async with rig(server, home, secret="s3cret", user="genba", security=security) as made:
            await made.online()

    asyncio.run(go())


def test_login_by_certificate(server: ServerProcess, home: Path, expect_log: ExpectedLog, tmp_path_factory: pytest.TempPathFactory) -> None:
    expect_log(r"source PLC is down: driver.login_refused")
    accepted(server, home)
    server.tell("tokens", ["certificate"])
    (own,) = Certificates(home).own(datetime.now(UTC))

    async def go() -> None:
        await refused(rig(server, home, login="certificate", **SECURE), "driver.login_refused")
        server.tell("admit", base64.b64encode(own.der).decode())
        async with rig(server, home, login="certificate", **SECURE) as made:
            await made.online()
        (person,) = Certificates(tmp_path_factory.mktemp("person")).own(datetime.now(UTC))
        server.tell("admit", base64.b64encode(person.der).decode())
        folder = home / "opcua" / "user"
        folder.mkdir()
        for ending, content in (("der", person.der), ("key", person.key)):
            (folder / f"source-PLC.{ending}").write_bytes(content)
            (folder / f"source-PLC.{ending}").chmod(0o600)
        async with rig(server, home, login="certificate", **SECURE) as made:
            await made.online()

    asyncio.run(go())


def test_server_that_does_not_know_this_station_is_told_apart(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down: driver.own_certificate_refused")
    accepted(server, home)
    (own,) = Certificates(home).own(datetime.now(UTC))
    server.tell("distrust", base64.b64encode(own.der).decode())
    assert fingerprint(own.der) in asyncio.run(refused(rig(server, home, **SECURE), "driver.own_certificate_refused"))


def test_server_that_does_not_know_the_renewed_certificate_gets_the_one_before(server: ServerProcess, home: Path) -> None:
    accepted(server, home)
    certificates, now = Certificates(home), datetime.now(UTC)
    new, before = certificates.own(now + VALID - RENEWED + timedelta(days=1))
    assert (new.uri, new.key) == (before.uri, before.key)
    server.tell("distrust", base64.b64encode(new.der).decode())

    async def go() -> None:
        async with rig(server, home, **SECURE) as made:
            await made.online()

    asyncio.run(go())


def test_channel_is_renewed_before_it_ends(server: ServerProcess, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.drivers.opcua_link._CHANNEL_MS", 2000)
    accepted(server, home)
    from asyncua.client.client import Client

    renewed = []
    original = Client.open_secure_channel

    async def counted(self: Client, renew: bool = False) -> None:
        await original(self, renew)
        renewed.append(renew)

    monkeypatch.setattr(Client, "open_secure_channel", counted)

    async def go() -> None:
        async with rig(server, home, **SECURE) as made:
            await made.online()
            await made.until(lambda: renewed.count(True) >= 1)
            for value in (3, 4):
                server.tell("set", "mode", value)
                await made.until(lambda value=value: made.get("mode").value == value)
            assert made.links[-1].errors == 0
        server.tell("set", "mode", 1)

    asyncio.run(go())


def test_frozen_and_cut_under_security(server: ServerProcess, home: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source PLC is down")
    accepted(server, home)

    async def go() -> None:
        async with FaultProxy(server.port) as proxy:
            made = Rig(source("opcua", proxy.port, **SECURE), [tag("opcua", "mode")], patience=HASTY, home=home)
            async with made:
                await made.online()
                tasks = len(asyncio.all_tasks())
                for _ in range(3):
                    proxy.reset_all()
                    await made.offline(3.0)
                    await made.online()
                server.freeze()
                try:
                    await made.offline(4.0)
                finally:
                    server.thaw()
                await made.online(6.0)
                await asyncio.sleep(0.1)
                assert len(asyncio.all_tasks()) <= tasks
                assert made.state is LinkState.ONLINE

    asyncio.run(go())
