"""Every connection is judged by its address, in words, and without a credential in them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.config import StationSettings
from core.errors import Refused
from core.live.tags import SourceSpec
from core.station.connections import database_safety, secrets_safety, source_safety
from core.station.station import Station
from core.store.keystore import StationSecrets
from core.store.secrets import FileSecretStore


@pytest.mark.parametrize(
    ("url", "safety", "words", "shown"),
    [
        (None, "local", "safety.database_embedded", "embedded"),
        ("db:5433/genba", "safe", "safety.database_proved", "db:5433/genba"),
        ("db/genba?sslmode=require", "unsafe", "safety.database_unproved", "db/genba"),
        ("db/genba?require_auth=none", "unsafe", "safety.database_unproved", "db/genba"),
        ("localhost/genba?sslmode=disable", "local", "safety.same_computer", "localhost/genba"),
        ("localhost/genba?hostaddr=10.0.0.9&sslmode=disable", "unsafe", "safety.database_unproved", "localhost/genba"),
        ("db:notaport/genba", "unsafe", "safety.address_unreadable", "—"),
    ],
)
def test_the_database(url: str | None, safety: str, words: str, shown: str, tmp_path: Path) -> None:
    settings = StationSettings(home=tmp_path, name="P", database_url=url and f"postgresql://panel:planted-secret@{url}")
    found = database_safety(settings)
    assert (found.safety, found.words, found.address) == (safety, words, shown)
    assert "planted" not in repr(found)
    assert Refused(found.words).lines("ja").what != found.words


@pytest.mark.parametrize(
    ("protocol", "url", "options", "safety", "words"),
    [
        ("modbus", "modbus://10.0.0.5:502", {}, "unsafe", "safety.modbus_plain"),
        ("ethernetip", "ethernetip://10.0.0.5/0", {}, "unsafe", "safety.ethernetip_plain"),
        ("opcua", "opc.tcp://plc:4840/x", {}, "unsafe", "safety.opcua_plain"),
        ("opcua", "opc.tcp://planted:secret@plc:4840/x", {"user": "planted"}, "unsafe", "safety.opcua_plain"),
        ("opcua", "opc.tcp://plc:4840", {"user": "planted", "readable_login": "allowed"}, "unsafe", "safety.opcua_password_readable"),
        ("opcua", "opc.tcp://plc:4840", {"security": "Sign", "readable_login": "allowed"}, "unsafe", "safety.opcua_signed"),
        ("opcua", "opc.tcp://plc:4840", {"security": "SignAndEncrypt", "user": "planted"}, "safe", "safety.opcua_encrypted"),
        ("opcua", "opc.tcp://plc:4840", {"security": "SignAndEncrypted"}, "unsafe", "safety.address_unreadable"),
        ("opcua", "opc.tcp://127.0.0.1:4840", {"user": "u"}, "local", "safety.same_computer"),
        ("modbus", "modbus://[::1]:502", {}, "local", "safety.same_computer"),
        ("mqtt", "mqtt://broker", {}, "unsafe", "safety.broker_plain"),
        ("mqtt", "mqtt://planted:secret@broker:1883", {"user": "planted"}, "unsafe", "safety.broker_password_readable"),
        ("mqtt", "mqtts://broker", {"user": "planted"}, "safe", "safety.broker_proved"),
        ("sparkplug", "mqtts://broker:8883", {}, "safe", "safety.broker_proved"),
        ("sparkplug", "mqtt://127.0.0.1:1883", {}, "local", "safety.same_computer"),
        ("modbus", "modbus://plc:99999", {}, "unsafe", "safety.address_unreadable"),
        ("modbus", "modbus+rtu://10.0.0.5:4001", {}, "unsafe", "safety.modbus_plain"),
        ("modbus", "modbus+serial:///dev/ttyS0?baud=9600", {}, "safe", "safety.serial_line"),
        ("modbus", "modbus+serial://planted:secret@COM3", {}, "safe", "safety.serial_line"),
        ("http", "https://sensor/api", {"user": "u"}, "safe", "safety.http_proved"),
        ("http", "http://sensor/api", {}, "unsafe", "safety.http_plain"),
        ("http", "http://sensor", {"user": "planted"}, "unsafe", "safety.http_password_readable"),
        ("http", "http://sensor", {"auth": "bearer"}, "unsafe", "safety.http_password_readable"),
        ("http", "http://localhost:8080", {"auth": "bearer"}, "local", "safety.same_computer"),
    ],
)
def test_a_source(protocol: str, url: str, options: dict[str, str], safety: str, words: str) -> None:
    found = source_safety(SourceSpec("PLC", protocol, url, options=options))
    assert (found.name, found.safety, found.words) == ("PLC", safety, words)
    assert "planted" not in repr(found)
    assert "secret" not in found.address


def test_where_the_stations_own_secrets_are(tmp_path: Path) -> None:
    file = FileSecretStore(tmp_path)
    assert secrets_safety(StationSecrets(file, lambda: None)).words == "safety.secrets_in_file"
    found = secrets_safety(StationSecrets(file, lambda: FileSecretStore(tmp_path / "system")))
    assert (found.safety, found.words) == ("safe", "safety.secrets_in_system")


def test_a_screen_may_ask_before_the_station_is_started(tmp_path: Path) -> None:
    async def go() -> None:
        station = Station(StationSettings(home=tmp_path, name="P", database_url="postgresql://u:planted@10.0.0.1/g"))
        station._loop = asyncio.get_running_loop()
        found = await station.machines.connections()
        assert [one.kind for one in found] == ["database", "secrets"]
        station._floor.database.close()
        for pool in (station._deciding, station._asking, station._working):
            pool.shutdown()

    asyncio.run(go())
