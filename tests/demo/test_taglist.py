"""One tag list drives both sides: it fits the physics, the site file and itself; and values survive the way through a controller."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from core.demo.board import Board
from core.demo.gate import Gate, Verdict
from core.demo.physics import Plant
from core.demo.physics_lines import line_table
from core.demo.physics_states import REASON_STATES, State
from core.demo.rawvalue import limits, to_engineering, to_raw
from core.demo.registers import decode, encode, place_of
from core.demo.taglist import BY_HAND, TAGS_FILE, read_tags
from core.equipment.states import MachineState, map_state
from core.errors import Invalid
from core.live.sample import Quality
from core.live.tags import TagRole, TagSpec, TagType

BY_HAND_UNITS = {"L4-M3"}
TAGS = {tag.name: tag for tag in read_tags()}


@pytest.fixture(scope="module")
def site() -> Any:
    return YAML(typ="safe", pure=True).load(TAGS_FILE.with_name("site.yaml").read_text(encoding="utf-8"))


def _lines(site: Any) -> list[Any]:
    return [line for area in site["sites"][0]["areas"] for line in area["lines"]]


def test_the_site_file_describes_the_simulated_lines(site: Any) -> None:
    for spec, line in zip(line_table(), _lines(site), strict=True):
        assert (line["code"], line["constraint"]) == (spec.code, spec.constraint)
        assert [unit["code"] for unit in line["work_units"] if unit["code"] not in BY_HAND_UNITS] == [unit.code for unit in spec.units]
        pace = next(unit for unit in spec.units if unit.code == spec.constraint)
        assert line["capacity_per_hour"] == pytest.approx(3600 / pace.cycle_s, rel=0.03)
    units = {unit["code"] for line in _lines(site) for unit in line["work_units"]}
    assert {tag.work_unit for tag in TAGS.values()} - {""} == units - BY_HAND_UNITS
    assert {*(tag.source for tag in TAGS.values()), BY_HAND} == {source["code"] for source in site["sources"]}
    assert all(source["simulated"] for source in site["sources"])


def test_products_fit_the_pace_of_their_lines(site: Any) -> None:
    products = {product["code"]: product for product in site["products"]}
    assert len(products) >= 8
    pace = {unit.code: unit.cycle_s for spec in line_table() for unit in spec.units}
    timed = {row["product"] for row in site["standard_times"]}
    assert timed == {code for code, product in products.items() if "standard_cycle_min" in product}
    for row in site["standard_times"]:
        assert row["cycle_min"] == products[row["product"]]["standard_cycle_min"]
        assert row["cycle_min"] * 60 == pytest.approx(pace[row["work_unit"]], rel=0.03)
    for bom in site["boms"]:
        assert {bom["product"], *(part["product"] for part in bom["components"])} <= set(products)
    assert timed == {bom["product"] for bom in site["boms"]}
    pins = [user["initial_pin"] for user in site["users"]]
    assert all(len(pin) == 6 and pin.isdecimal() for pin in pins)
    assert len(set(pins)) == len(pins)


def test_every_tag_is_shown_by_the_physics_and_addressed_once() -> None:
    values = Plant(1).values()
    assert set(TAGS) <= set(values)
    assert len({(tag.source, tag.address) for tag in TAGS.values()}) == len(TAGS) >= 70
    taken: dict[tuple[int, str, int], str] = {}
    for tag in TAGS.values():
        if tag.source != "demo-modbus":
            continue
        place = place_of(tag)
        for offset in range(place.count):
            other = taken.setdefault((place.unit, place.table, place.address + offset), tag.name)
            assert other == tag.name or (place.bit is not None and place_of(TAGS[other]).bit is not None)


def test_every_unit_has_its_roles_and_words() -> None:
    for unit in Plant(1).units:
        roles = {tag.role: tag for tag in TAGS.values() if tag.work_unit == unit}
        assert set(roles) == set(TagRole) - {TagRole.TOTAL}, f"{unit} tells good parts from bad ones"
        assert set(roles[TagRole.STATE].states.values()) == set(State)
        reasons = roles[TagRole.REASON]
        assert reasons.type is TagType.STRING or set(reasons.states.values()) == set(REASON_STATES)
        assert roles[TagRole.GOOD].type is roles[TagRole.REJECT].type is TagType.UINT32
    for tag in TAGS.values():
        assert tag.label["ja"]
        assert tag.label["en"]
        assert tag.label["ja"].encode("cp932")
        if tag.write is not None:
            assert tag.write.interlock in TAGS
            assert TAGS[tag.write.interlock].type is TagType.BOOL


def _tag(kind: TagType, **more: Any) -> TagSpec:
    return TagSpec("T", "demo-modbus", "1/holding/0", kind, **more)


@given(
    order=st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]),
    kind=st.sampled_from([kind for kind in TagType if "int" in kind]),
    data=st.data(),
)
def test_integers_survive_every_byte_order(order: str, kind: TagType, data: st.DataObject) -> None:
    tag = _tag(kind, options={"order": order})
    value = data.draw(st.integers(*limits(kind)))
    registers = encode(tag, value)
    assert all(0 <= register <= 0xFFFF for register in registers)
    assert decode(tag, registers) == value


@given(order=st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"]), value=st.floats(width=32, allow_nan=False))
def test_floats_survive_every_byte_order(order: str, value: float) -> None:
    tag = _tag(TagType.FLOAT32, options={"order": order})
    assert decode(tag, encode(tag, value)) == value
    assert math.isnan(float(decode(tag, encode(tag, value, "bad"))))


def test_byte_orders_are_what_their_letters_say() -> None:
    words = {"ABCD": [0x4188, 0x0001], "CDAB": [0x0001, 0x4188], "BADC": [0x8841, 0x0100], "DCBA": [0x0100, 0x8841]}
    for order, registers in words.items():
        assert encode(_tag(TagType.UINT32, options={"order": order}), 0x41880001) == registers


@given(value=st.floats(-3000, 3000), scale=st.sampled_from([0.1, 0.01, 1.0]), offset=st.sampled_from([0.0, -40.0]))
def test_a_scaled_value_comes_back_within_half_a_step_or_at_the_end_of_its_type(value: float, scale: float, offset: float) -> None:
    tag = _tag(TagType.INT16, scale=scale, offset=offset, decimals=3)
    low, high = (limit * scale + offset for limit in limits(TagType.INT16))
    back = to_engineering(tag, to_raw(tag, value))
    assert back == pytest.approx(min(high, max(low, value)), abs=max(scale, 1.0) if scale == 1.0 else scale * 0.51)


def test_words_become_numbers_and_no_reason_is_zero() -> None:
    state, reason, text = TAGS["L5.M1.State"], TAGS["L2.M1.StopReason"], TAGS["L5.M1.StopReason"]
    assert to_raw(state, "RUNNING") == 20
    assert (to_raw(reason, "D07"), to_raw(reason, "")) == (7, 0)
    bits = TAGS["L4.M1.State"]
    assert [to_raw(bits, word) for word in ("IDLE", "RUNNING", "DOWN", "PLANNED_STOP")] == [0, 1, 8, 64]
    for word in State:
        assert map_state(to_raw(bits, word.value), Quality.GOOD, bits.states) == (MachineState(word.value), "")
    assert decode(text, encode(text, "D07")) == "D07"


def test_the_board_shows_faults_and_forgets_them() -> None:
    values = Plant(1).values()
    board = Board(TAGS.values(), values, at=100.0)
    board.fault("L1.M2.Torque", "frozen")
    changed = dict(values, **{"L1.M2.Torque": 9.0, "L1.M2.State": "DOWN", "L1.M2.Power": 99.0})
    assert ("L1.M2.Torque", to_raw(TAGS["L1.M2.Torque"], values["L1.M2.Torque"]), "frozen", 100.0) in board.refresh(
        changed, 101.0, analog=False
    )
    assert board.view("L1.M2.State")["L1.M2.State"] == {"value": 4, "raw": 4, "fault": "", "source_at": 101.0}
    assert [entry[0] for entry in board.refresh(changed, 102.0, analog=True)] == ["L1.M2.Power"], "analog values come in their own rhythm"
    board.fault("L1.M2.Torque", "")
    assert board.refresh(changed, 103.0, analog=False) == [("L1.M2.Torque", 9.0, "", 103.0)]
    assert board.refresh(changed, 104.0, analog=True) == []
    with pytest.raises(Invalid):
        board.fault("L1.M2.Nothing", "bad")


def test_the_gate_judges_by_the_tag_list() -> None:
    written: list[tuple[str, float]] = []
    gate = Gate(TAGS.values(), lambda name, value: written.append((name, value)))
    assert gate.write("L5.M2.SpeedSetpoint", 900) is Verdict.INTERLOCKED
    gate.remember(("L5.M2.ModeAuto", True, "", 0.0))
    assert gate.write("L5.M2.SpeedSetpoint", 900) is Verdict.TAKEN
    assert gate.write("L5.M2.SpeedSetpoint", 1201) is Verdict.OUT_OF_RANGE
    assert gate.write("L3.M3.OvenSetpoint", math.nan) is Verdict.OUT_OF_RANGE
    assert gate.write("L5.M2.ModeAuto", True) is Verdict.READ_ONLY
    assert written == [("L5.M2.SpeedSetpoint", 90.0)]


def test_a_spreadsheets_mark_and_empty_cells_are_read(tmp_path: Path) -> None:
    header = TAGS_FILE.read_text(encoding="utf-8").splitlines()[0]
    file = tmp_path / "tags.csv"
    cells = ["L1.M1.Power", "demo-opcua", "nsu=urn:genba:demo:plant;s=P", "float64"] + [""] * 19
    file.write_text(header + "\r\n" + ",".join(cells) + "\r\n", encoding="utf-8-sig")
    (tag,) = read_tags(file)
    assert (tag.period_s, tag.scale, tag.offset, tag.low, tag.write, tag.role) == (1.0, 1.0, 0.0, None, None, TagRole.PROCESS)
