"""The plant's secured server: who is let in, what it shows of itself, and what an exchanged controller looks like."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss
from cryptography import x509

from core.demo import secured
from core.demo.taglist import read_tags
from core.store.certificates import Certificates
from tests.demo.conftest import RunningPlant

TAGS = [tag for tag in read_tags() if tag.source == secured.SOURCE]


def shown(plant: RunningPlant) -> bytes:
    """The certificate that the server shows to anybody."""

    async def go() -> bytes:
        (first, *_) = await Client(plant.ready["secure"], timeout=5).connect_and_get_server_endpoints()
        return bytes(first.ServerCertificate)

    return asyncio.run(go())


def read(plant: RunningPlant, home: Path, user: str | None, password: str, **more: Any) -> dict[str, Any]:
    """By tag name the value, over an encrypted connection."""
    (own,) = Certificates(home).own(datetime.now(UTC))
    (home / "own.pem").write_bytes(own.key)

    async def go() -> dict[str, Any]:
        client = Client(plant.ready["secure"], timeout=5)
        client.session_timeout = 60_000
        client.application_uri = own.uri
        await client.set_security(
            SecurityPolicyAes256Sha256RsaPss, own.der, str(home / "own.pem"), server_certificate=shown_file(plant, home), **more
        )
        if user is not None:
            client.set_user(user)
            client.set_password(password)
        async with client:
            index = await client.get_namespace_index("urn:genba:demo:plant")
            nodes = [client.get_node(ua.NodeId(tag.address.split(";s=")[1], index)) for tag in TAGS]
            return dict(zip((tag.name for tag in TAGS), [await node.read_value() for node in nodes], strict=True))

    return asyncio.run(go())


def shown_file(plant: RunningPlant, home: Path) -> str:
    (home / "server.der").write_bytes(base64.b64decode(plant.ready["certificate"]))
    return str(home / "server.der")


def test_only_its_user_is_let_in_and_only_encrypted(plant: RunningPlant, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, "asyncua")  # the foreign client's own words about being refused
    values = read(plant, tmp_path, secured.USER, secured.PASSWORD)
    assert set(values) == {"L6.M1.CoolantTemperature", "L6.M1.CoolantPressure", "L6.M1.PumpRunning"}
    assert 1.0 < values["L6.M1.CoolantPressure"] < 3.0
    for user, password in ((secured.USER, "guess"), (None, "")):
        with pytest.raises(ua.UaStatusCodeError):
            read(plant, tmp_path, user, password)

    async def readable() -> None:
        async with Client(plant.ready["secure"], timeout=5):
            raise AssertionError("a session without message security")

    with pytest.raises(ua.UaError):
        asyncio.run(readable())


def test_an_exchanged_controller_shows_another_certificate_each_time(plant: RunningPlant) -> None:
    first = base64.b64decode(plant.ready["certificate"])
    assert shown(plant) == first
    try:
        plant.do("certificate exchanged")
        exchanged = shown(plant)
        plant.do("certificate exchanged")
        assert len({first, exchanged, shown(plant)}) == 3
    finally:
        plant.do("certificate first")
    assert shown(plant) == first
    assert plant.do("tags L6.M1.Coolant")["tags"]["L6.M1.CoolantPressure"]["value"] > 1.0


def test_the_plant_is_the_same_one_at_its_next_start(new_plant: Callable[..., RunningPlant], tmp_path: Path) -> None:
    one = new_plant(keep=tmp_path / "plant")
    assert one.end() == 0
    other = new_plant(keep=tmp_path / "plant", port_base=24770)
    assert one.ready["certificate"] == other.ready["certificate"]
    assert (tmp_path / "plant" / "first.pem").stat().st_mode & 0o077 == 0
    certificate = x509.load_der_x509_certificate(base64.b64decode(one.ready["certificate"]))
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
