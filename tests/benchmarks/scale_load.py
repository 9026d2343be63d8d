"""A hundred machines of two hundred values each, over six protocols: what the servers serve, the site file says and the probe counts.

Every value is the number of the second in which its server wrote it (CLOCK_MONOTONIC, which all processes of one computer share):
a number that is passed over is a value that was missed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEVICES: Final = int(os.environ.get("BENCH_DEVICES", "100"))
TAGS: Final = int(os.environ.get("BENCH_TAGS", "200"))
"""Of each device."""
PROTOCOLS: Final = ("opcua", "modbus", "ethernetip", "mqtt", "sparkplug", "http")
NAMESPACE: Final = "urn:genba:scale"
LINES: Final = 10
CHANGE_S: Final = 1.0
ASKED_S: Final = 0.6
"""How often what must be asked for is asked for: a little oftener than it changes, else a value could pass between two questions."""
REPORTED_S: Final = 0.5
PER_MESSAGE, PER_DOCUMENT = 20, 50


@dataclass(frozen=True)
class Device:
    """One machine.

    Attributes:
        number: From 0.
        protocol: How it speaks.
        port: Where; machines behind one server or broker have the same.
    """

    number: int
    protocol: str
    port: int

    @property
    def code(self) -> str:
        """Of its source."""
        return f"d{self.number:03}"

    @property
    def line(self) -> str:
        """The line it stands in."""
        return f"L{self.number % LINES + 1}"

    @property
    def unit(self) -> str:
        """Its work unit."""
        return f"{self.line}-M{self.number // LINES + 1}"

    @property
    def phase_s(self) -> float:
        """When in every second it writes: machines do not beat together."""
        return self.number / DEVICES * CHANGE_S

    def tag(self, index: int) -> str:
        """Name of the tag."""
        return f"{self.unit}.T{index:03}"

    def url(self) -> str:
        """Of its source."""
        scheme = {"opcua": "opc.tcp", "sparkplug": "mqtt"}.get(self.protocol, self.protocol)
        return f"{scheme}://127.0.0.1:{self.port}"

    def address(self, index: int) -> str:
        """Where the value stands."""
        match self.protocol:
            case "opcua":
                return f"nsu={NAMESPACE};s={self.code}.T{index}"
            case "modbus":
                return f"1/holding/{2 * index}"
            case "ethernetip":
                return f"T{index}"
            case "mqtt":
                return f"scale/{self.code}/{index // PER_MESSAGE}#v{index % PER_MESSAGE}"
            case "sparkplug":
                return f"{self.code}/Edge/Machine#T{index}"
        return f"/{self.code}/{index // PER_DOCUMENT}#v{index % PER_DOCUMENT}"

    @property
    def type(self) -> str:
        """Of every value."""
        return {"modbus": "uint32", "ethernetip": "int32"}.get(self.protocol, "float64")

    @property
    def period_s(self) -> float:
        """Of every tag."""
        return ASKED_S if self.protocol in ("modbus", "ethernetip", "http") else REPORTED_S

    @property
    def options(self) -> str:
        """Of its source, as YAML; several Sparkplug hosts at one broker need names of their own."""
        return f", options: {{host_id: {self.code}, groups: {self.code}}}" if self.protocol == "sparkplug" else ""


def protocol_of(number: int) -> str:
    """The protocol of device ``number``."""
    return PROTOCOLS[number % len(PROTOCOLS)]


def write_site(folder: Path, devices: list[Device]) -> Path:
    """Write site.yaml and tags.csv; returns the path of site.yaml."""
    rows = ["name,source,address,type,period_s,unit,decimals,label_ja,label_en,work_unit,role,low,high"]
    for device in devices:
        for index in range(TAGS):
            name = device.tag(index)
            rows.append(
                f"{name},{device.code},{device.address(index)},{device.type},{device.period_s},s,0,{name},{name},{device.unit},process,,"
            )
    (folder / "tags.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    lines = "".join(_LINE.format(line=line, units=_units(line, devices)) for line in dict.fromkeys(device.line for device in devices))
    sources = "".join(_SOURCE.format(device=device, url=device.url()) for device in devices)
    site = folder / "site.yaml"
    site.write_text(_SITE.format(lines=lines, sources=sources), encoding="utf-8")
    return site


def _units(line: str, devices: list[Device]) -> str:
    units = [device.unit for device in devices if device.line == line]
    listed = "".join(f"              - {{code: {unit}, name: {{ja: {unit}, en: {unit}}}}}\n" for unit in units)
    return f"            constraint: {units[0]}\n            work_units:\n{listed}"


_LINE = """          - code: {line}
            name: {{ja: 計測, en: Benchmark}}
            capacity_per_hour: 120
            efficiency: 85
{units}"""
_SOURCE = """  - {{code: {device.code}, protocol: {device.protocol}, url: "{url}", label: {{ja: {device.code}, en: {device.code}}},
     readers: lease, simulated: true{device.options}}}
"""
_SITE = """enterprise: {{code: BENCH, name: {{ja: 計測, en: Benchmark}}}}
sites:
  - code: BENCH
    name: {{ja: 計測, en: Benchmark}}
    time_zone: Asia/Tokyo
    areas:
      - code: B1
        name: {{ja: 計測, en: Benchmark}}
        lines:
{lines}sources:
{sources}tags: {{file: tags.csv}}
"""
