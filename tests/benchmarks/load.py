"""The plant of the benchmarks with a screen: what is served, as the two servers, the site file and the evaluation know it.

Every value but the noisy ones is the moment it was written at its server, CLOCK_MONOTONIC, which all processes of one
computer share: over OPC UA a Double in seconds, over Modbus a uint32 in milliseconds.
"""

from __future__ import annotations

import math
import os
from itertools import zip_longest
from pathlib import Path

OPCUA_TAGS = int(os.environ.get("BENCH_OPCUA_TAGS", "500"))
MODBUS_TAGS = int(os.environ.get("BENCH_MODBUS_TAGS", "500"))
"""Of each server, the noisy ones included; a multiple of SLICES is served evenly."""
NOISY = int(os.environ.get("BENCH_NOISY", "2"))
"""Of each server: half of the pens of the trend."""
PERIOD_S = 0.5
SLICES = 10
"""A tenth of the tags is written every tenth of the period, so that every phase between writing and publishing occurs."""
WRAP_S = 2**32 / 1000
NAMESPACE = "urn:genba:benchmark"
LINE, UNIT = "L1", "L1-M1"

_HEAD = "name,source,address,type,period_s,scale,offset,unit,decimals,label_ja,label_en,work_unit,role,low,high"


def noise(number: int, at: float) -> float:
    """The noisy signal ``number`` at ``at`` seconds, 0 … 100: rough, because drawn ink is what a trend costs."""
    rough = math.sin(at * 91.7 + number) * 12 + math.sin(at * 13.3 + 2 * number) * 9
    return 50 + 25 * math.sin(at / 20 + number) + rough


def slice_of(turn: int, tags: int) -> range:
    """Numbers of the stamped ones among ``tags`` that are written in one turn."""
    return range(turn % SLICES, tags - NOISY, SLICES)


def noisy_tags() -> list[str]:
    """The tags a trend shows."""
    return [f"{LINE}.Z{number}{kind}" for number in range(NOISY) for kind in "ab"]


def write_site(folder: Path, opcua: int, modbus: int) -> Path:
    """Write site.yaml and tags.csv for servers on these ports; returns the path of site.yaml."""
    rows = [_HEAD]
    ours = [_row(f"{LINE}.T{n:05}a", "opc", f"nsu={NAMESPACE};s=T{n}", "float64", 1) for n in range(OPCUA_TAGS - NOISY)]
    theirs = [_row(f"{LINE}.T{n:05}b", "mod", f"1/holding/{2 * n}", "uint32", 0.001) for n in range(MODBUS_TAGS - NOISY)]
    # Both kinds in turn, so that half the tiles of any page are of each.
    rows += [row for pair in zip_longest(ours, theirs) for row in pair if row]
    for number in range(NOISY):
        rows.append(_row(f"{LINE}.Z{number}a", "opc", f"nsu={NAMESPACE};s=Z{number}", "float64", 1, "bar,1", "0,100"))
        rows.append(_row(f"{LINE}.Z{number}b", "mod", f"1/holding/{2 * (MODBUS_TAGS - NOISY + number)}", "uint32", 0.001, "s,1", "0,100"))
    (folder / "tags.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    site = folder / "site.yaml"
    site.write_text(_SITE.format(opcua=opcua, modbus=modbus, line=LINE, unit=UNIT), encoding="utf-8")
    return site


def _row(name: str, source: str, address: str, kind: str, scale: float, unit: str = "s,3", limits: str = ",") -> str:
    return f"{name},{source},{address},{kind},{PERIOD_S},{scale},0,{unit},{name},{name},{UNIT},process,{limits}"


_SITE = """
enterprise: {{code: BENCH, name: {{ja: 計測, en: Benchmark}}}}
sites:
  - code: BENCH
    name: {{ja: 計測, en: Benchmark}}
    time_zone: Asia/Tokyo
    areas:
      - code: B1
        name: {{ja: 計測, en: Benchmark}}
        lines:
          - code: {line}
            name: {{ja: 計測, en: Benchmark}}
            capacity_per_hour: 120
            efficiency: 85
            constraint: {unit}
            work_units:
              - {{code: {unit}, name: {{ja: 計測, en: Benchmark}}}}
sources:
  - {{code: opc, protocol: opcua, url: "opc.tcp://127.0.0.1:{opcua}", label: {{ja: 計測, en: Benchmark}}, readers: lease, simulated: true}}
  - {{code: mod, protocol: modbus, url: "modbus://127.0.0.1:{modbus}", label: {{ja: 計測, en: Benchmark}}, readers: lease, simulated: true}}
tags: {{file: tags.csv}}
"""
