"""What is proposed for tags.csv reads back as it was meant, whatever a machine calls its things."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.live.link import BrowseItem
from core.live.tags import SourceSpec, TagType
from core.sitefile import tagfile
from core.sitefile.proposing import propose, rows, type_of

OPC = SourceSpec("press", "opcua", "opc.tcp://h:1")
MODBUS = SourceSpec("oven", "modbus", "modbus://h:1")


@pytest.mark.parametrize(
    ("item", "protocol", "value", "kind"),
    [
        (BrowseItem("a", "a", False, "Double"), "opcua", None, TagType.FLOAT64),
        (BrowseItem("a", "a", False, "DINT"), "ethernetip", None, TagType.INT32),
        (BrowseItem("a", "a", False, "Boolean"), "sparkplug", None, TagType.BOOL),
        (BrowseItem("1/holding/7", "7", False), "modbus", None, TagType.UINT16),
        (BrowseItem("1/coil/7", "7", False), "modbus", None, TagType.BOOL),
        (BrowseItem("1/holding/7.3", "7", False), "modbus", None, TagType.BOOL),
        (BrowseItem("a", "a", False, "MakersOwnType"), "opcua", None, TagType.FLOAT64),
        (BrowseItem("a", "a", False), "mqtt", True, TagType.BOOL),
        (BrowseItem("a", "a", False), "mqtt", 12, TagType.INT64),
        (BrowseItem("a", "a", False), "mqtt", "x", TagType.STRING),
    ],
)
def test_the_type_follows_what_the_machine_calls_it(item: BrowseItem, protocol: str, value: object, kind: TagType) -> None:
    assert type_of(item, protocol, value) is kind  # type: ignore[arg-type]


def test_names_say_where_a_value_stands_and_are_never_used_twice() -> None:
    item = BrowseItem("nsu=u;s=x", "Oil temperature", False, "Double")
    first = propose(OPC, ["Line 1", "Press"], item, set(), TagType.FLOAT64)
    assert first.name == "Line_1.Press.Oil_temperature"
    assert propose(OPC, ["Line 1", "Press"], item, {first.name}, TagType.FLOAT64).name == "Line_1.Press.Oil_temperature_2"
    assert propose(OPC, ["Objects"], BrowseItem("s", "L2.M2.Torque", False), set(), TagType.FLOAT64).name == "L2.M2.Torque"
    assert propose(MODBUS, ["1/holding/0-99"], BrowseItem("1/holding/7", "7", False), set(), TagType.UINT16).name == "oven.1_holding_7"


texts = st.text(max_size=60)


@given(path=st.lists(texts, max_size=4), name=texts, address=st.text(min_size=1, max_size=60), kind=st.sampled_from(TagType))
def test_every_row_is_read_back(path: list[str], name: str, address: str, kind: TagType) -> None:
    spec = propose(OPC, path, BrowseItem(address, name, False), set(), kind)
    assert 1 <= len(spec.name) <= 200
    assert not any(sign.isspace() for sign in spec.name)
    problems: list[Invalid] = []
    found = tagfile.parse(rows([spec]), "tags.csv", problems)
    if "\0" in f"{name}{address}":
        return  # no file of text holds it; the reader says so
    assert problems == []
    assert len(found) == 1
    assert found[0]["name"] == spec.name
    assert found[0]["type"] == kind.value
    assert found[0].get("address", "").strip() == address.strip() or address.startswith("'")
