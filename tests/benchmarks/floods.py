"""Every protocol's flood."""

from __future__ import annotations

from typing import Final

from tests.benchmarks import floods_polled, floods_pushed
from tests.benchmarks.flood import Flood

FLOODS: Final[dict[str, Flood]] = {
    "opcua": floods_pushed.OPCUA,
    "modbus": floods_polled.MODBUS,
    "ethernetip": floods_polled.ETHERNETIP,
    "mqtt": floods_pushed.MQTT,
    "sparkplug": floods_pushed.SPARKPLUG,
    "http": floods_polled.HTTP,
}
