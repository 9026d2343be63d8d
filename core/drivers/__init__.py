"""Drivers: from a protocol to batches of samples. One file per protocol; ``create`` knows them all.

Light on purpose: a protocol's library is loaded when the first source of that protocol is created.
"""

from __future__ import annotations

from pathlib import Path

from core.clock import Clock
from core.config import default_home
from core.drivers.base import Driver
from core.errors import Invalid
from core.live.tags import SourceSpec

PROTOCOLS = ("opcua", "modbus", "ethernetip", "mqtt", "sparkplug", "http")


def create(source: SourceSpec, clock: Clock, secret: str | None = None, home: Path | None = None) -> Driver:
    """A fresh driver for one connection to ``source``.

    Args:
        source: Whom to connect to.
        clock: Reception times and rhythms.
        secret: Password, token or key of the source's login; None when it has none.
        home: Of the station: its own certificate and those it trusts lie there; None for the usual one.

    Raises:
        Invalid: No such protocol (``driver.unknown_protocol``).
    """
    match source.protocol:
        case "opcua":
            from core.drivers.opcua import OpcUaDriver

            return OpcUaDriver(source, secret, clock, home or default_home())
        case "modbus":
            from core.drivers.modbus import ModbusDriver

            return ModbusDriver(source, clock)
        case "ethernetip":
            from core.drivers.ethernetip import EtherNetIpDriver

            return EtherNetIpDriver(source, clock)
        case "mqtt":
            from core.drivers.mqtt import MqttDriver

            return MqttDriver(source, secret, clock)
        case "sparkplug":
            from core.drivers.sparkplug import SparkplugDriver

            return SparkplugDriver(source, secret, clock)
        case "http":
            from core.drivers.http import HttpDriver

            return HttpDriver(source, secret, clock)
        case unknown:
            raise Invalid("driver.unknown_protocol", source=source.code, detail=unknown)
