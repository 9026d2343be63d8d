"""Plants for the tests of the site file: a small good one to break, and any number of generated ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from core.equipment.states import MachineState
from core.sitefile.entries import SiteFile
from core.sitefile.read import canonical
from core.users.roles import ROLES

GOOD = """\
enterprise: {code: GENBA, name: {ja: 現場, en: Genba}}
sites:
  - code: DEMO
    name: デモ
    time_zone: Asia/Tokyo
    areas:
      - code: B1
        name: {ja: 第1棟, en: Building 1}
        lines:
          - code: L1
            name: {ja: 組立, en: Assembly}
            capacity_per_hour: 120
            constraint: L1-M1
            work_units:
              - {code: L1-M1, name: Press}
              - {code: L1-M2, name: Oven}
          - code: L2
            name: {ja: 塗装, en: Paint}
            capacity_per_hour: 60.5
            work_units:
              - {code: L2-M1, name: Booth}
sources:
  - {code: ua, protocol: opcua, url: "opc.tcp://127.0.0.1:4840", simulated: true}
  - {code: mb, protocol: modbus, url: "modbus://127.0.0.1:502"}
units:
  - {code: psi, quantity: pressure, name: psi, base: Pa, factor: 6894.757293168361}
tags: {file: tags.csv}
products:
  - {code: A-1, name: {ja: 完成品, en: Finished}, standard_cycle_min: 0.75}
  - {code: B-1, name: Part, version: 1.10}
  - {code: C-1, name: Steel, unit: kg}
standard_times:
  - {product: A-1, work_unit: L1-M1, cycle_min: 0.5, valid_from: 2026-01-01}
boms:
  - product: A-1
    valid_from: 2026-01-01
    components:
      - {product: B-1, quantity: 2}
      - {product: C-1, quantity: 350, unit: g}
locations:
  - {code: FG, name: 製品倉庫}
users:
  - {code: 0123, name: 田中, roles: [operator], initial_pin: 0246}
"""
TAGS = """\
name,source,address,type,period_s,unit,label_ja,work_unit,role,low,high,write_permission,write_low,write_high,write_interlock,states,options
L1.State,ua,nsu=urn:x;s=State,int32,0.5,,状態,L1-M1,state,,,,,,,0=IDLE;1=RUNNING,
L1.Good,mb,1/holding/100,uint32,,pcs,良品,L1-M1,good,,,,,,,,order=CDAB
L1.Ready,mb,1/coil/3,bool,,,,L1-M1,,,,,,,,,
L1.Pressure,mb,1/holding/200,float32,1,psi,圧力,L1-M1,,0,200,equipment:setpoint:write,80,120,L1.Ready,,
L1.Recipe,mb,1/holding/300,string,1,,,,,,,,,,,,length=16
"""


def text() -> st.SearchStrategy[str]:
    """Text as people write it, with everything that YAML, CSV and spreadsheets trip over."""
    awkward = st.sampled_from(
        ["no", "~", "0123", "1.0", "2026-01-01", "=SUM(A1)", "'x", "-1", "a: b", "- a", "#", '"', "a,b", "表", "髙﨑", "🏭", "{", "null"]
    )
    letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf", "Cn", "Co", "Zs"))
    return awkward | st.text(st.one_of(letters, st.just(" ")), min_size=1, max_size=30).map(str.strip).filter(bool)


def names() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({"ja": text(), "en": text()})


def codes(prefix: str, maximum: int) -> st.SearchStrategy[list[str]]:
    suffix = st.text("ABCxyz019-_./", max_size=6)
    return st.lists(suffix.map(lambda tail: f"{prefix}{tail}"), unique_by=str.upper, min_size=1, max_size=maximum)


def amounts(most: int = 10**6) -> st.SearchStrategy[Any]:
    return st.decimals(min_value=0, max_value=most, places=6).filter(lambda value: value > 0)


def numbers() -> st.SearchStrategy[float]:
    return st.floats(allow_nan=False, allow_infinity=False, width=64)


@st.composite
def sites(draw: st.DrawFn) -> SiteFile:
    """A good plant of up to four lines."""
    sections: dict[str, Any] = {"enterprise": {"code": draw(st.sampled_from(["E1", "E2"])), "name": draw(names())}}
    lines = draw(codes("L", 4))
    machines = {line: [f"M-{line}{i}" for i in range(draw(st.integers(0, 2)))] for line in lines}
    crews = draw(st.sampled_from([[], ["A"], ["A", "B"]]))
    sections["crews"] = [{"code": code, "name": draw(names())} for code in crews]
    shifts = draw(st.lists(_calendar(crews), max_size=2))
    sections["call_rules"] = [
        {
            "line": line,
            "kind": "material",
            "respond_min": draw(st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True).map(sorted)),
        }
        for line in draw(st.lists(st.sampled_from([None, *lines]), unique=True))
    ]
    sections["sites"] = [
        {
            "code": "S1",
            "name": draw(names()),
            "time_zone": draw(st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "UTC"])),
            "calendars": [{"code": f"C{place}", "name": draw(names()), **one} for place, one in enumerate(shifts)],
            "areas": [
                {"code": "A1", "name": draw(names()), "lines": [draw(_line(line, machines[line], len(shifts))) for line in lines]},
            ],
        }
    ]
    units = [unit for one in machines.values() for unit in one]
    sections["sources"] = [draw(_source(code)) for code in draw(codes("S", 2))]
    sections["units"] = [
        {
            "code": code,
            "quantity": "own",
            "name": draw(names()),
            "base": "U0",
            "factor": "1" if code == "U0" else draw(amounts()),
            "offset": 0,
        }
        for code in draw(st.sampled_from([[], ["U0"], ["U0", "U1"]]))
    ]
    sections["tags"] = [draw(_tag(name, sections["sources"], units)) for name in draw(codes("T.", 4))]
    products = draw(codes("P", 4))
    sections["products"] = [draw(_product(code)) for code in products]
    day = st.dates(min_value=_day(2020), max_value=_day(2030))
    if units:
        sections["standard_times"] = [
            {"product": products[0], "work_unit": units[0], "cycle_min": draw(amounts()), "valid_from": one}
            for one in draw(st.lists(day, unique=True, max_size=2))
        ]
    # Only products that come later in the list: there cannot be a circle.
    sections["boms"] = [
        {
            "product": products[0],
            "valid_from": one,
            "components": [{"product": p, "quantity": draw(amounts()), "unit": None} for p in products[1:]],
        }
        for one in draw(st.lists(day, unique=True, max_size=2))
    ]
    sections["locations"] = [
        {"code": code, "name": draw(names()), "line": draw(st.sampled_from([None, *lines]))} for code in draw(codes("W", 2))
    ]
    sections["users"] = [
        {
            "code": code,
            "name": draw(names()),
            "roles": draw(st.lists(st.sampled_from(list(ROLES)), unique=True)),
            "language": draw(st.sampled_from(["ja", "en"])),
        }
        for code in draw(codes("u", 3))
    ]
    return canonical(SiteFile.model_validate(sections))


def _day(year: int) -> Any:
    from datetime import date

    return date(year, 1, 1)


@st.composite
def _calendar(draw: st.DrawFn, crews: list[str]) -> dict[str, Any]:
    """Shifts of eight hours that do not overlap, with breaks and turns."""
    begin = draw(st.integers(0, 23))
    shifts = [
        {
            "code": f"{place}",
            "name": draw(names()),
            "weekdays": draw(st.lists(st.sampled_from(["mon", "tue", "wed", "sat", "sun"]), min_size=1)),
            "starts": f"{(begin + 8 * place) % 24:02d}:30",
            "ends": f"{(begin + 8 * place + 8) % 24:02d}:30",
            "crew": draw(st.sampled_from(["", *crews])),
            "breaks": [{"starts": f"{(begin + 8 * place + hour) % 24:02d}:45", "ends": f"{(begin + 8 * place + hour) % 24:02d}:55"}
                       for hour in draw(st.lists(st.integers(0, 6), unique=True, max_size=2))],
        }
        for place in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    if not crews or not shifts or draw(st.booleans()):
        return {"shifts": shifts}
    turns = {shift["code"]: draw(st.lists(st.sampled_from(crews), min_size=1, max_size=3)) for shift in shifts}
    return {"shifts": shifts, "rotation": {"first": "2026-01-05", "days": draw(st.integers(1, 14)), "turns": turns}}


@st.composite
def _line(draw: st.DrawFn, code: str, machines: list[str], calendars: int) -> dict[str, Any]:
    return {
        "code": code,
        "name": draw(names()),
        "capacity_per_hour": draw(amounts()),
        "efficiency": draw(amounts(100)),
        "constraint": draw(st.sampled_from([None, *machines])),
        "calendar": draw(st.sampled_from([None, *(f"C{place}" for place in range(calendars))])),
        "state_rule": draw(st.sampled_from(["constraint", "all_running", "any_running", "worst"])),
        "minor_stop_s": draw(st.sampled_from([300, 1, 3600])),
        "worked_breaks": draw(st.booleans()),
        "report_mode": draw(st.sampled_from(["confirm", "automatic"])),
        "difference_limit": draw(st.sampled_from(["0.02", "0", "1"])),
        "work_units": [{"code": machine, "name": draw(names())} for machine in machines],
    }


@st.composite
def _source(draw: st.DrawFn, code: str) -> dict[str, Any]:
    readers = draw(st.sampled_from(["lease", "all", "stations"]))
    return {
        "code": code,
        "protocol": "opcua",
        "url": f"opc.tcp://10.0.0.1:{draw(st.integers(1, 65535))}/x",
        "label": draw(names()),
        "readers": readers,
        "stations": draw(codes("P", 2)) if readers == "stations" else [],
        "owner": draw(st.sampled_from(["", "P1"])),
        "simulated": draw(st.booleans()),
        "options": draw(st.dictionaries(st.sampled_from(["user", "line"]), st.sampled_from(["a", "=b", "c=d"]))),
    }


@st.composite
def _tag(draw: st.DrawFn, name: str, sources: list[dict[str, Any]], machines: list[str]) -> dict[str, Any]:
    state = bool(machines) and draw(st.booleans())
    low = draw(st.none() | numbers())
    return {
        "name": name,
        "source": draw(st.sampled_from(sources))["code"],
        "address": f"nsu=urn:a b;s={draw(text()).replace('#', '##')}",
        "type": draw(st.sampled_from(["int32", "float64", "string"])),
        "period_s": draw(st.floats(0.001, 3600)),
        "scale": draw(numbers().filter(bool)),
        "offset": draw(numbers()),
        "unit": draw(st.sampled_from(["", "°C", "bar", "pcs"])),
        "decimals": draw(st.integers(0, 9)),
        "label_ja": draw(text()),
        "label_en": draw(text()),
        "work_unit": draw(st.sampled_from(machines if state else ["", *machines])),
        "role": "state" if state else "process",
        "low": low,
        "high": None if low is None else draw(st.none() | numbers().filter(lambda high: high > low)),
        "states": draw(st.dictionaries(st.sampled_from(["0", "1", "-1"]), st.sampled_from(list(MachineState)).map(str))) if state else {},
        "frozen_after_s": draw(st.none() | st.floats(0.1, 1e6)),
        **draw(_write()),
        **({} if state else draw(_measured())),
    }


@st.composite
def _write(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        return {}
    return {
        "write_permission": "equipment:setpoint:write",
        "write_low": -1.5,
        "write_high": 2.0,
        "write_min_interval_s": draw(st.floats(0, 3600)),
        "write_tolerance": draw(st.floats(0, 10)),
        "write_two_step": draw(st.booleans()),
        "write_reason": draw(st.booleans()),
        "write_confirm_s": draw(st.floats(0.1, 60)),
    }


@st.composite
def _measured(draw: st.DrawFn) -> dict[str, Any]:
    """For numbers alone; the type is given with it."""
    low = draw(st.none() | numbers())
    return {
        "type": "float64",
        "valid_low": low,
        "valid_high": None if low is None else draw(st.none() | numbers().filter(lambda high: high > low)),
        "outside": draw(st.sampled_from(["mark", "clamp"])),
        "deadband": draw(st.floats(0, 1e6)),
    }


@st.composite
def _product(draw: st.DrawFn, code: str) -> dict[str, Any]:
    return {
        "code": code,
        "name": draw(names()),
        "type": draw(st.sampled_from(["", "finished", "0123"])),
        "version": draw(st.sampled_from(["1.0", "1.10", "A"])),
        "active": draw(st.booleans()),
        "standard_cycle_min": draw(st.none() | amounts()),
        "target_yield": draw(amounts(100)),
        "unit": draw(st.sampled_from(["pcs", "kg"])),
    }
