"""Reading site files: good ones as they are meant, broken ones with every mistake at its line."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.live.tags import TagRole, TagType
from core.sitefile import tagfile
from core.sitefile.addresses import address_findings, url_findings
from core.sitefile.entries import SiteFile
from core.sitefile.export import text_of
from core.sitefile.problems import BrokenSiteFile
from core.sitefile.read import read
from tests.sitefile.plants import GOOD, TAGS, sites

DEMO = Path(__file__).parents[2] / "resources" / "demo" / "site.yaml"


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a site file and its tags, gives its path."""

    def write(site: str = GOOD, tags: str | bytes = TAGS) -> Path:
        (tmp_path / "tags.csv").write_bytes(tags if isinstance(tags, bytes) else tags.encode())
        path = tmp_path / "site.yaml"
        path.write_text(site, encoding="utf-8")
        return path

    return write


def mistakes(path: Path) -> list[tuple[str, str]]:
    """(file:line, code) of everything wrong with ``path``; every problem has three lines in both languages."""
    with pytest.raises(BrokenSiteFile) as broken:
        read(path)
    for one in (broken.value, *broken.value.problems):
        for language in ("ja", "en"):
            lines = one.lines(language)  # type: ignore[arg-type]
            assert all(lines), one.code
            assert "—" not in lines.what.replace("— ", ""), lines.what
    return [(str(one.params["at"]), one.code.removeprefix("sitefile.")) for one in broken.value.problems]


def test_a_good_file_says_what_it_says(written: Callable[..., Path]) -> None:
    site = read(written())
    line = site.lines()[0]
    assert (line.code, line.capacity_per_hour, line.efficiency, line.constraint) == ("L1", 120, 85, "L1-M1")
    assert site.lines()[1].capacity_per_hour == Decimal("60.5")
    assert site.sites[0].name == {"ja": "デモ", "en": "デモ"}
    assert site.sources[0].label == {"ja": "ua", "en": "ua"}
    assert [product.version for product in site.products] == ["1.0", "1.10", "1.0"], "a version is text, 1.10 is not 1.1"
    assert site.boms[0].components[0].unit == "pcs", "a component counts in its product's unit"
    assert site.units[0].factor == Decimal("6894.757293168361")
    assert [user.code for user in site.users] == ["0123"], "an employee number keeps its zeros"
    assert dict(site.pins) == {"0123": "0246"}
    state, good, ready, pressure, recipe = site.tags
    assert (state.role, state.states, state.period_s) == (TagRole.STATE, {"0": "IDLE", "1": "RUNNING"}, 0.5)
    assert (good.type, good.options, good.label_en) == (TagType.UINT32, {"order": "CDAB"}, "良品")
    assert ready.label_ja == "L1.Ready"
    assert (pressure.write_permission, pressure.write_low, pressure.write_interlock) == ("equipment:setpoint:write", 80, "L1.Ready")
    assert recipe.options == {"length": "16"}


def test_a_pin_is_never_part_of_the_plant(written: Callable[..., Path]) -> None:
    site = read(written(GOOD.replace("initial_pin: 0246", "initial_pin: 918273645")))
    assert "918273645" not in repr(site) + site.model_dump_json() + text_of(site).site_yaml
    assert site == read(written())
    short = written(GOOD.replace("initial_pin: 0246", "initial_pin: 918"))
    assert mistakes(short) == [("site.yaml:43", "pin_too_short")]
    with pytest.raises(BrokenSiteFile) as broken:
        read(short)
    assert "918" not in str(broken.value)


def test_the_demo_plant_is_good_and_fast() -> None:
    began = time.monotonic()
    site = read(DEMO)
    assert time.monotonic() - began < 5
    assert len(site.lines()) >= 4
    assert len(site.tags) > 100
    assert site.pins


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_tags_are_read_as_spreadsheets_save_them(written: Callable[..., Path], encoding: str) -> None:
    crlf = TAGS.replace("\n", "\r\n").replace("圧力", "髙圧 ①")
    assert read(written(tags=crlf.encode(encoding))).tags[3].label_ja == "髙圧 ①"


def test_tags_may_also_stand_in_the_file(written: Callable[..., Path]) -> None:
    inline = """tags:
  - {file: tags.csv}
  - {name: L2.State, source: ua, address: "nsu=urn:x;i=7", type: int16, work_unit: L2-M1, role: state, states: {0: IDLE, 5: DOWN}}
"""
    site = read(written(GOOD.replace("tags: {file: tags.csv}\n", inline)))
    assert len(site.tags) == 6
    assert site.tags[5].states == {"0": "IDLE", "5": "DOWN"}


BROKEN: list[tuple[str, str, str, str]] = [
    # what to replace, by what, where it is found, what is said
    ("time_zone: Asia/Tokyo", "time_zone: Asia/Tokio", "site.yaml:5", "bad_time_zone"),
    ("    time_zone: Asia/Tokyo\n", "", "site.yaml:3", "missing_key"),
    ("capacity_per_hour: 120", "capacity: 120\n            capacity_per_hour: 120", "site.yaml:12", "unknown_key"),
    ("capacity_per_hour: 120", "capacity_per_hour: 0", "site.yaml:12", "not_above"),
    ("capacity_per_hour: 120", "capacity_per_hour: .nan", "site.yaml:12", "not_a_number"),
    ("capacity_per_hour: 120", "capacity_per_hour: many", "site.yaml:12", "not_a_number"),
    ("capacity_per_hour: 120", "capacity_per_hour: 1.0000001", "site.yaml:12", "too_many_digits"),
    ("capacity_per_hour: 120", "capacity_per_hour: 1\n            capacity_per_hour: 2", "site.yaml:13", "key_twice"),
    ("constraint: L1-M1", "constraint: L2-M1", "site.yaml:13", "constraint_elsewhere"),
    ("constraint: L1-M1", "constraint: L9-M1", "site.yaml:13", "nothing_there"),
    ("{code: L1-M2, name: Oven}", "{code: L1-M1, name: Oven}", "site.yaml:16", "twice"),
    ("{code: L1-M2, name: Oven}", "{code: 'L1 M2', name: Oven}", "site.yaml:16", "bad_code"),
    ("{code: L1-M2, name: Oven}", "{code: L1-M2, name: ''}", "site.yaml:16", "empty"),
    ("{code: L1-M2, name: Oven}", "{code: L1-M2, name: {fr: Four}}", "site.yaml:16", "bad_languages"),
    ("{code: L1-M2, name: Oven}", "just text", "site.yaml:16", "not_a_mapping"),
    ("{code: L1-M2, name: Oven}", '{code: L1-M2, name: "a\\u202eb"}', "site.yaml:16", "control_character"),
    ("protocol: modbus", "protocol: profibus", "site.yaml:24", "not_one_of"),
    ("modbus://127.0.0.1:502", "http://127.0.0.1", "site.yaml:24", "bad_url"),
    ("modbus://127.0.0.1:502", "modbus://127.0.0.1:99999", "site.yaml:24", "bad_url"),
    ("modbus://127.0.0.1:502", "modbus://me:pw@127.0.0.1", "site.yaml:24", "secret_in_url"),
    ("simulated: true", "simulated: perhaps", "site.yaml:23", "not_true_false"),
    ("simulated: true", "readers: stations", "site.yaml:23", "readers_stations"),
    ("simulated: true", "options: {password: x}", "site.yaml:23", "secret_in_options"),
    ("simulated: true", "readers: all, options: {client_id: P1}", "site.yaml:23", "mqtt.client_id_shared"),
    ("base: Pa", "base: kg", "site.yaml:26", "unit_base"),
    ("base: Pa", "base: Pb", "site.yaml:26", "nothing_there"),
    ("factor: 6894.757293168361", "factor: -1", "site.yaml:26", "not_above"),
    ("base: Pa", "base: psi", "site.yaml:26", "unit_base_factor"),
    ("{file: tags.csv}", "{file: nothing.csv}", "site.yaml:27", "unreadable"),
    ("unit: kg", "unit: stone", "site.yaml:31", "nothing_there"),
    ("standard_cycle_min: 0.75", "target_yield: 120", "site.yaml:29", "above"),
    ("valid_from: 2026-01-01}", "valid_from: soon}", "site.yaml:33", "not_a_date"),
    ("{product: A-1, work_unit", "{product: A-9, work_unit", "site.yaml:33", "nothing_there"),
    ("{product: B-1, quantity: 2}", "{product: A-1, quantity: 2}", "site.yaml:35", "bom_circle"),
    ("{product: B-1, quantity: 2}", "{product: C-1, quantity: 2}", "site.yaml:39", "twice"),
    ("unit: g}", "unit: mm}", "site.yaml:39", "unit_mismatch"),
    ("roles: [operator]", "roles: [operator, king]", "site.yaml:43", "unknown_role"),
    ("roles: [operator]", "roles: operator", "site.yaml:43", "not_a_list"),
    ("locations:\n", "locations: {}\nplaces:\n", "site.yaml:41", "unknown_key"),
]


@pytest.mark.parametrize(("old", "new", "where", "code"), BROKEN)
def test_a_broken_site_file_says_what_and_where(written: Callable[..., Path], old: str, new: str, where: str, code: str) -> None:
    assert GOOD.count(old) >= 1
    found = mistakes(written(GOOD.replace(old, new, 1)))
    assert (where, code) in found
    assert len(found) <= 3, f"one mistake, {found}"


BROKEN_TAGS: list[tuple[str, str, str, str]] = [
    ("name,source", "name,quelle,source", "tags.csv:1", "unknown_column"),
    ("name,source,address", "name,source,source", "tags.csv:1", "column_twice"),
    ("0=IDLE;1=RUNNING", "0=IDLE;1=GOING", "tags.csv:2", "unknown_state"),
    ("0=IDLE;1=RUNNING", "0=IDLE;0=RUNNING", "tags.csv:2", "bad_pair"),
    ("nsu=urn:x;s=State", "ns=2;s=State", "tags.csv:2", "address_index"),
    ("nsu=urn:x;s=State", "State", "tags.csv:2", "bad_address"),
    ("L1-M1,state", ",state", "tags.csv:2", "role_without_work_unit"),
    ("状態,L1-M1", "状態,L9-M1", "tags.csv:2", "nothing_there"),
    ("L1.Good,mb", "L1.Good,mc", "tags.csv:3", "nothing_there"),
    ("L1.Good,mb", "L1.State,mb", "tags.csv:3", "twice"),
    ("1/holding/100", "1/holding/70000", "tags.csv:3", "bad_address"),
    ("1/holding/100", "1/holding/65535", "tags.csv:3", "bad_address"),
    ("1/holding/100", "1/coil/100", "tags.csv:3", "type_not_in_table"),
    ("order=CDAB", "order=ABDC", "tags.csv:3", "not_one_of"),
    ("order=CDAB", "words=2", "tags.csv:3", "unknown_option"),
    ("uint32", "number", "tags.csv:3", "not_one_of"),
    ("uint32", "bool", "tags.csv:3", "role_needs_number"),
    ("0,200", "200,0", "tags.csv:5", "low_above_high"),
    ("0,200", "0,2OO", "tags.csv:5", "not_a_number"),
    ("80,120", "80,", "tags.csv:5", "write_incomplete"),
    ("equipment:setpoint:write", "equip:setpoint:write", "tags.csv:5", "nobody_may"),
    (",L1.Ready,", ",L1.Good,", "tags.csv:5", "interlock_not_bool"),
    ("1/holding/200", "1/input/200", "tags.csv:5", "table_read_only"),
    ("float32,1,", "float32,-1,", "tags.csv:5", "not_above"),
    ("length=16", "length=-1", "tags.csv:6", "string_length"),
    ("length=16", "", "tags.csv:6", "string_length"),
    ("length=16", "length=16,more", "tags.csv:6", "too_many_cells"),
    ("length=16", 'length="16', "tags.csv:6", "not_csv"),
]


@pytest.mark.parametrize(("old", "new", "where", "code"), BROKEN_TAGS)
def test_a_broken_tag_list_says_what_and_in_which_row(written: Callable[..., Path], old: str, new: str, where: str, code: str) -> None:
    assert TAGS.count(old) >= 1
    if code == "not_csv":
        new = new.replace('length="16', '"length=16')
    found = mistakes(written(tags=TAGS.replace(old, new, 1)))
    assert (where, code) in found


def test_every_mistake_is_told_at_once_and_in_order(written: Callable[..., Path]) -> None:
    site, tags = GOOD, TAGS
    chosen = {new: old for old, new, _where, _code in BROKEN + BROKEN_TAGS}
    for new in ("time_zone: Asia/Tokio", "capacity_per_hour: 0", "http://127.0.0.1", "unit: stone", "roles: [operator, king]"):
        site = site.replace(chosen[new], new, 1)
    for new in ("0=IDLE;1=GOING", "1/holding/70000", "0,2OO"):
        tags = tags.replace(chosen[new], new, 1)
    found = mistakes(written(site, tags))
    assert found == sorted(found, key=lambda one: (one[0].partition(":")[0], int(one[0].partition(":")[2])))
    assert [code for _where, code in found] == [
        "bad_time_zone", "not_above", "bad_url", "nothing_there", "unknown_role", "unknown_state", "bad_address", "not_a_number",
    ]  # fmt: skip
    with pytest.raises(BrokenSiteFile) as broken:
        read(written(site, tags))
    assert "8" in broken.value.lines("en").what


def test_what_points_at_a_broken_entry_is_no_second_mistake(written: Callable[..., Path]) -> None:
    assert mistakes(written(GOOD.replace("{code: B-1, name: Part", "{code: B-1, nam: Part"))) == [
        ("site.yaml:30", "missing_key"),
        ("site.yaml:30", "unknown_key"),
    ]


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(25))
"""33 million values in 26 lines."""


@pytest.mark.parametrize(
    ("site", "code"),
    [
        ("", "not_a_mapping"),
        ("- a\n- b\n", "not_a_mapping"),
        ("enterprise: [\n", "not_yaml"),
        ("enterprise: *nothing\n", "not_yaml"),
        (BOMB, "too_deep"),
        ("enterprise: " + "[" * 60 + "]" * 60, "too_deep"),
        ("enterprise: {code: !!python/name:os.system E, name: E}\n", "bad_tag"),
    ],
)  # fmt: skip
def test_what_is_no_site_file_at_all(written: Callable[..., Path], site: str, code: str) -> None:
    began = time.monotonic()
    assert code in [found for _where, found in mistakes(written(site))]
    assert time.monotonic() - began < 3


def test_files_that_cannot_be_read(written: Callable[..., Path], tmp_path: Path) -> None:
    assert mistakes(tmp_path / "no.yaml") == [("no.yaml", "unreadable")]
    assert mistakes(tmp_path) == [(tmp_path.name, "unreadable")]
    assert ("tags.csv:2", "not_text_file") in mistakes(written(tags=b"name,source\n\x81 \n"))
    assert ("tags.csv:1", "no_header") in mistakes(written(tags=b""))
    large = tmp_path / "large.yaml"
    large.touch()
    with large.open("r+b") as file:
        file.truncate(20_000_001)
    assert mistakes(large) == [("large.yaml", "too_large")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sites())
def test_any_plant_survives_being_written_and_read(tmp_path: Path, site: SiteFile) -> None:
    path = tmp_path / "site.yaml"
    text_of(site).write(path)
    assert read(path) == site


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_or_read_and_never_crashes(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "site.yaml"
    content = bytearray((GOOD + TAGS).encode() if data.draw(st.booleans()) else GOOD.encode())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    (tmp_path / "tags.csv").write_text(TAGS, encoding="utf-8")
    with contextlib.suppress(BrokenSiteFile):
        read(path)


def test_cells_a_spreadsheet_would_calculate_are_disarmed() -> None:
    row = {"name": "=cmd()", "source": "+1", "address": "@x", "type": "'=y", "low": -1.5, "states": {"-1": "IDLE"}}
    text = tagfile.write([row])
    for cell in text.splitlines()[1].split(","):
        assert not cell.startswith(("=", "+", "@")), cell
    back = tagfile.parse(text, "t", [])[0]
    assert (back["name"], back["source"], back["address"], back["type"]) == ("=cmd()", "+1", "@x", "'=y")
    assert (back["low"], back["states"]) == ("-1.5", "-1=IDLE")


@pytest.mark.parametrize(
    ("protocol", "address", "kind", "good"),
    [
        ("opcua", "nsu=urn:genba:demo:plant;s=L1.M1.State", TagType.INT32, True),
        ("opcua", "i=2258", TagType.INT32, True),
        ("opcua", "nsu=urn:x;g=09087e75-8e5e-499b-954f-f2a9603db28a", TagType.INT32, True),
        ("opcua", "nsu=urn:x;g=09087e75", TagType.INT32, False),
        ("opcua", "nsu=;s=x", TagType.INT32, False),
        ("opcua", "nsu=urn:x;x=1", TagType.INT32, False),
        ("opcua", "nsu=urn:x;s=Robot.Pose#At.X", TagType.FLOAT64, True),
        ("opcua", "nsu=urn:x;s=Row#3", TagType.FLOAT64, True),
        ("opcua", "nsu=urn:x;s=Axes#Axis[2].Position", TagType.FLOAT64, True),
        ("opcua", "nsu=urn:x;s=Reset#call", TagType.BOOL, True),
        ("opcua", "nsu=urn:x;s=a##b", TagType.FLOAT64, True),
        ("opcua", "nsu=urn:x;s=Row#", TagType.FLOAT64, False),
        ("opcua", "nsu=urn:x;s=Row#[", TagType.FLOAT64, False),
        ("opcua", "nsu=urn:x;s=Row#[1]X", TagType.FLOAT64, False),
        ("opcua", "nsu=urn:x;s=Row#a#b", TagType.FLOAT64, False),
        ("opcua", "#X", TagType.FLOAT64, False),
        ("modbus", "1/holding/100", TagType.FLOAT64, True),
        ("modbus", "1/holding/100.3", TagType.BOOL, True),
        ("modbus", "1/holding/100.16", TagType.BOOL, False),
        ("modbus", "1/holding/100.3", TagType.INT16, False),
        ("modbus", "1/holding/100", TagType.BOOL, False),
        ("modbus", "1/discrete/0", TagType.BOOL, True),
        ("modbus", "1/discrete/0.1", TagType.BOOL, False),
        ("modbus", "256/holding/1", TagType.INT16, False),
        ("modbus", "1/holding/65533", TagType.INT64, False),
        ("modbus", "40001", TagType.INT16, False),
        ("ethernetip", "Motor1.Speed", TagType.FLOAT32, True),
        ("ethernetip", "Program:Main.Grid[2,11].Name", TagType.STRING, True),
        ("ethernetip", "Local:1:I.Data.3", TagType.BOOL, True),
        ("ethernetip", "Local:1:I.Data.3", TagType.INT16, False),
        ("ethernetip", "Word.64", TagType.BOOL, False),
        ("ethernetip", "Program:Main", TagType.INT16, False),
        ("ethernetip", "program:main[2]", TagType.INT16, False),
        ("ethernetip", "Motor[1,2,3,4]", TagType.INT16, False),
        ("ethernetip", "Motor..Speed", TagType.INT16, False),
        ("ethernetip", "ns=2;s=Motor", TagType.INT16, False),
        ("modbus", "١/holding/1", TagType.INT16, False),
        ("mqtt", "plant/l1/oven", TagType.FLOAT64, True),
        ("mqtt", 'plant/l1/oven#"odd key".values[0]', TagType.FLOAT64, True),
        ("mqtt", "plant/+/oven", TagType.FLOAT64, False),
        ("mqtt", "#value", TagType.FLOAT64, False),
        ("mqtt", "plant/l1/oven#", TagType.FLOAT64, False),
        ("mqtt", "plant/l1/oven#a[", TagType.FLOAT64, False),
        ("sparkplug", "Plant/Line1#Speed", TagType.FLOAT32, True),
        ("sparkplug", "Plant/Line1/Filler#Properties/Speed #1", TagType.FLOAT32, True),
        ("sparkplug", "Plant/Line1/Filler", TagType.FLOAT32, False),
        ("sparkplug", "Plant/Line1/Filler/Deep#x", TagType.FLOAT32, False),
        ("sparkplug", "Plant/+/Filler#x", TagType.FLOAT32, False),
        ("sparkplug", "Plant//Filler#x", TagType.FLOAT32, False),
    ],
)
def test_addresses_by_protocol(protocol: str, address: str, kind: TagType, good: bool) -> None:
    assert (list(address_findings(protocol, address, kind, {}, written=False)) == []) is good


@pytest.mark.parametrize(
    ("url", "options", "wrong"),
    [
        ("modbus://plc", {}, ""),
        ("modbus+rtu://gateway:4001", {"timeout": "0.5", "base": "1", "2/max_registers": "16", "forbidden": "1/holding/5-9"}, ""),
        ("modbus+serial:///dev/ttyS0?baud=9600&parity=N", {}, ""),
        ("modbus+serial://COM3", {}, ""),
        ("modbus+serial://plc:502", {}, "sitefile.bad_url"),
        ("modbus+rtu://gateway", {}, "sitefile.bad_url"),
        ("modbus://me:secret@plc", {}, "sitefile.secret_in_url"),
        ("modbus://plc", {"retries": "3"}, "sitefile.unknown_option"),
        ("modbus://plc", {"2/base": "1"}, "sitefile.unknown_option"),
        ("modbus://plc", {"gap": "x"}, "sitefile.bad_option"),
        ("modbus://plc", {"base": "2"}, "sitefile.not_one_of"),
        ("modbus://plc", {"timeout": "0"}, "sitefile.bad_option"),
        ("modbus://plc", {"timeout": "nan"}, "sitefile.bad_option"),
        ("modbus://plc", {"forbidden": "1/holding"}, "sitefile.bad_option"),
    ],
)
def test_modbus_sources(url: str, options: dict[str, str], wrong: str) -> None:
    assert [code for _, code, _ in url_findings("modbus", url, options)] == ([wrong] if wrong else [])


@pytest.mark.parametrize(
    ("address", "kind", "options", "source", "wrong"),
    [
        ("1/holding/0", TagType.UINT16, {"coding": "bcd", "write": "multiple", "order": "badc"}, {}, ""),
        ("1/holding/0", TagType.STRING, {"length": "8", "encoding": "cp932"}, {}, ""),
        ("1/holding/65536", TagType.UINT16, {}, {"base": "1"}, ""),
        ("1/holding/0", TagType.UINT16, {}, {"base": "1"}, "sitefile.bad_address"),
        ("1/holding/65536", TagType.UINT32, {}, {"base": "1"}, "sitefile.bad_address"),
        ("1/holding/4", TagType.UINT32, {}, {"forbidden": "1/holding/5"}, "sitefile.address_forbidden"),
        ("1/holding/4", TagType.UINT32, {}, {"forbidden": "nonsense"}, ""),
        ("1/holding/0", TagType.FLOAT32, {"coding": "bcd"}, {}, "sitefile.bad_option"),
        ("1/holding/0", TagType.UINT16, {"coding": "gray"}, {}, "sitefile.not_one_of"),
        ("1/holding/0", TagType.UINT16, {"write": "twice"}, {}, "sitefile.not_one_of"),
        ("1/holding/0", TagType.STRING, {"length": "8", "encoding": "klingon"}, {}, "sitefile.bad_option"),
        ("1/holding/0", TagType.UINT16, {"scale": "2"}, {}, "sitefile.unknown_option"),
    ],
)
def test_modbus_tags(address: str, kind: TagType, options: dict[str, str], source: dict[str, str], wrong: str) -> None:
    found = [code for _, code, _ in address_findings("modbus", address, kind, options, written=False, source=source)]
    assert found == ([wrong] if wrong else [])


@pytest.mark.parametrize(
    ("protocol", "url", "options", "wrong"),
    [
        ("mqtt", "mqtt://broker", {"version": "5", "qos": "1", "user": "genba", "client_id": "P1", "speed": "20", "identity": "b1"}, ""),
        ("mqtt", "mqtts://broker:8884", {"ca": "ca.pem", "server_name": "b", "certificate": "c", "certificate_key": "k"}, ""),
        ("sparkplug", "mqtt://broker", {"host_id": "genba-a", "groups": "Plant, Packing"}, ""),
        ("mqtt", "mqtt://broker", {"verson": "5"}, "sitefile.unknown_option"),
        ("mqtt", "mqtt://broker", {"host_id": "genba"}, "sitefile.unknown_option"),
        ("mqtt", "mqtt://broker", {"version": "4"}, "sitefile.not_one_of"),
        ("mqtt", "mqtt://broker", {"qos": "2"}, "sitefile.not_one_of"),
        ("mqtt", "mqtt://broker", {"ca": "ca.pem"}, "mqtt.tls_needed"),
        ("mqtt", "mqtts://broker", {"certificate": "c"}, "mqtt.certificate_half"),
        ("mqtt", "mqtt://broker:0", {}, "sitefile.bad_url"),
        ("sparkplug", "mqtt://broker", {"host_id": "a/b"}, "sitefile.bad_address"),
        ("sparkplug", "mqtt://broker", {"primary": "true"}, "sparkplug.primary_no_option"),
    ],
)
def test_broker_sources(protocol: str, url: str, options: dict[str, str], wrong: str) -> None:
    assert [code for _, code, _ in url_findings(protocol, url, options)] == ([wrong] if wrong else [])


@pytest.mark.parametrize(
    ("options", "written", "code"),
    [
        ({"write_topic": "a/set"}, True, None),
        ({}, True, "mqtt.write_topic_needed"),
        ({"write_topic": "a"}, True, "mqtt.write_topic_needed"),
        ({"write_topic": "a/+"}, True, "sitefile.bad_address"),
        ({"write_topic": "a/set", "write_template": "{}"}, True, "sitefile.bad_address"),
        ({"write_topic": "a/set", "write_qos": "2"}, True, "sitefile.not_one_of"),
        ({"time": "at.ms", "alive": "a/status#state", "alive_is": "up", "partial": "yes"}, False, None),
        ({"time": "at["}, False, "sitefile.bad_address"),
        ({"alive": "+/status"}, False, "sitefile.bad_address"),
        ({"order": "ABCD"}, False, "sitefile.unknown_option"),
    ],
)
def test_options_of_a_tag_behind_a_broker(options: dict[str, str], written: bool, code: str | None) -> None:
    found = [each[1] for each in address_findings("mqtt", "a", TagType.FLOAT64, options, written=written)]
    assert found == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("address", "options", "written", "code"),
    [
        ("nsu=urn:x;s=Reset", {"call": "nsu=urn:x;s=Robot"}, True, None),
        ("nsu=urn:x;s=Reset#call", {}, True, None),
        ("nsu=urn:x;s=Reset", {"call": "Robot"}, True, "sitefile.bad_address"),
        ("nsu=urn:x;s=Reset#X", {"call": "nsu=urn:x;s=Robot"}, False, "sitefile.bad_address"),
        ("nsu=urn:x;s=Row#3", {}, True, "sitefile.member_read_only"),
        ("nsu=urn:x;s=Row", {"order": "ABCD"}, False, "sitefile.unknown_option"),
    ],
)
def test_what_an_opcua_tag_may_ask_for(address: str, options: dict[str, str], written: bool, code: str | None) -> None:
    found = [code for _, code, _ in address_findings("opcua", address, TagType.BOOL, options, written=written)]
    assert found == ([] if code is None else [code])


@pytest.mark.parametrize(
    ("protocol", "url", "good"),
    [
        ("mqtt", "mqtt://broker", True),
        ("mqtt", "mqtts://broker:8884", True),
        ("sparkplug", "mqtts://broker", True),
        ("mqtt", "http://broker", False),
        ("mqtt", "mqtt://user:word@broker", False),
        ("sparkplug", "mqtt://", False),
    ],
)
def test_urls_of_brokers(protocol: str, url: str, good: bool) -> None:
    assert (list(url_findings(protocol, url)) == []) is good


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({"security": "SignAndEncrypt", "policy": "Aes256Sha256RsaPss", "user": "line"}, True),
        ({"security": "none", "readable_login": "allowed", "speed": "60"}, True),
        ({"login": "certificate"}, True),
        ({"security": "a little"}, False),
        ({"policy": "Basic128Rsa15"}, False),
        ({"readable_login": "yes"}, False),
    ],
)
def test_what_an_opcua_source_may_ask_for(options: dict[str, str], good: bool) -> None:
    assert (list(url_findings("opcua", "opc.tcp://plc:4840", options)) == []) is good
