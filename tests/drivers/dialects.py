"""What the contract suite has to know of each protocol: its server, its addresses, and what it cannot do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.servers.points import AS_TEXT, NAMESPACE, POINTS, TestPoint


@dataclass(frozen=True)
class Dialect:
    """One protocol for the contract suite.

    Attributes:
        protocol: The protocol's word, where the entry is one way of several to speak it; "" for the name of the entry.
        server: Module of ``tests.servers``; it has every point of ``POINTS`` that ``points`` names.
        url: Address of a source behind a port.
        address: Where a point stands.
        missing, nonsense: An address the server does not know, and one that is none.
        options: Options of a point's tag.
        points: The points this protocol can hold.
        source: Options of the source.
        frozen_s: Within how many seconds a frozen server must be known as OFFLINE.
        reconnects: Whether a connection that is reset counts as a lost source; a protocol that opens one for every few
            questions opens another and nobody has lost anything.
        writes: Whether machines behind it can be written at all.
        preload: Modules to load before anything is measured.
    """

    server: str
    url: Callable[[int], str]
    address: Callable[[TestPoint], str]
    missing: str
    nonsense: str
    preload: tuple[str, ...]
    protocol: str = ""
    options: Callable[[TestPoint], Mapping[str, str]] = lambda point: {}
    points: tuple[str, ...] = tuple(POINTS)
    source: Mapping[str, str] = field(default_factory=dict)
    frozen_s: float = 4.0
    writes: bool = True
    reconnects: bool = True


DIALECTS: dict[str, Dialect] = {
    "opcua": Dialect(
        server="opcua",
        url=lambda port: f"opc.tcp://127.0.0.1:{port}/genba/",
        address=lambda point: f"nsu={NAMESPACE};s={point.name}",
        missing="nsu=urn:genba:test;s=nobody",
        nonsense="nsu=urn:nowhere;s=x",
        preload=("core.drivers.opcua",),
    ),
    "modbus": Dialect(
        server="modbus",
        url=lambda port: f"modbus://127.0.0.1:{port}",
        address=lambda point: point.modbus,
        missing="1/holding/900",
        nonsense="1/holding",
        options=lambda point: {"order": point.order, "length": str(point.length)},
        preload=("core.drivers.modbus",),
    ),
    "ethernetip": Dialect(
        server="ethernetip",
        url=lambda port: f"ethernetip://127.0.0.1:{port}",
        address=lambda point: point.name,
        missing="nobody",
        nonsense="no[tag",
        preload=("core.drivers.ethernetip",),
    ),
    "modbus_rtu": Dialect(
        protocol="modbus",
        server="modbus_rtu",
        url=lambda port: f"modbus+rtu://127.0.0.1:{port}",
        address=lambda point: point.modbus,
        missing="1/holding/900",
        nonsense="1/holding",
        options=lambda point: {"order": point.order, "length": str(point.length)},
        preload=("core.drivers.modbus",),
    ),
    "mqtt": Dialect(
        server="mqtt",
        url=lambda port: f"mqtt://127.0.0.1:{port}",
        address=lambda point: f"genba/test/{point.name}" + ("" if point.name in AS_TEXT else "#value"),
        missing="genba/test/mode#nobody",
        nonsense="genba/+/mode",
        options=lambda point: {"write_topic": f"genba/test/{point.name}/set"} | ({} if point.name in AS_TEXT else {"time": "at"}),
        preload=("core.drivers.mqtt",),
    ),
    "sparkplug": Dialect(
        server="sparkplug",
        url=lambda port: f"mqtt://127.0.0.1:{port}",
        address=lambda point: f"Test/Edge/Plant#{point.name}",
        missing="Test/Edge/Plant#nobody",
        nonsense="Test/Edge",
        preload=("core.drivers.sparkplug",),
    ),
    "http": Dialect(
        server="http",
        url=lambda port: f"http://127.0.0.1:{port}",
        address=lambda point: f"/points#{point.name}",
        missing="/nobody#x",
        nonsense="/points#[",
        options=lambda point: {"write": "PUT", "write_path": f"/points/{point.name}", "body": '{"value": "$value"}'},
        preload=("core.drivers.http", "anyio._backends._asyncio", "httpcore._async"),
        reconnects=False,
    ),
}
