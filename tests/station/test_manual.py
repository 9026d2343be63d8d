"""A machine without a controller: entered at one panel, seen at all, kept over restarts and outages, recorded like a measured one."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.equipment.manual import check_entry, enter_value, read_value
from core.errors import Invalid, Refused
from core.live.link import LinkState
from core.live.sample import ENTERED, Quality, Value
from core.live.tags import TagRole, TagSpec, TagType
from core.station.station import Station
from tests.conftest import ExpectedLog
from tests.station.several import give_site, several, until
from tests.store.rig import ask


def shows(station: Station, tag: str, value: Value) -> bool:
    sample = station.table.get(tag)
    return (sample.value, sample.quality, sample.status) == (value, Quality.UNCERTAIN, ENTERED)


def is_there(station: Station) -> bool:
    link = station.links.get("hand")
    return link is not None and link.state is LinkState.ONLINE and "Oven.State" in station.manual._specs


def test_entered_here_seen_everywhere_and_recorded(database_url: str, admin_url: str, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source press is down")  # nobody serves it in this test
    give_site(admin_url, tmp_path, 9)

    async def go() -> None:
        async with several(database_url, tmp_path) as panels:
            first, second = await panels.start("P1"), await panels.start("P2")
            for station in (first, second):
                await until(lambda station=station: station.database_up and is_there(station))
            with pytest.raises(Refused):
                await first.do(enter_value, tag="Oven.State", value='"on"')
            await first.people.sign_in("ito", "4711")
            for wrong, code in (('"burning"', "manual.unknown_state"), ("1", "manual.wrong_value"), ("[", "manual.wrong_value")):
                with pytest.raises(Invalid) as refusal:
                    await first.do(enter_value, tag="Oven.State", value=wrong)
                assert refusal.value.code == code
            with pytest.raises(Invalid):
                await first.do(enter_value, tag="Setpoint", value="1")
            recorders = "SELECT holder FROM genba.lease WHERE name = 'source:hand'"
            await until(lambda: ask(admin_url, recorders) != [])
            before = time.time()
            await first.do(enter_value, tag="Oven.State", value='"on"')
            await first.do(enter_value, tag="Oven.Good", value="100")
            assert shows(first, "Oven.State", "on")
            await until(lambda: shows(second, "Oven.State", "on") and shows(second, "Oven.Good", 100))
            sample = second.table.get("Oven.State")
            assert sample.source_at is not None
            assert before <= sample.source_at <= sample.received_at + 0.001
            counted = "SELECT sum(quantity) FROM genba.count_event"
            await until(lambda: ask(admin_url, counted) == [(0,)])  # what the recorder begins with, or it would begin with 103
            await first.do(enter_value, tag="Oven.Good", value="103")
            await until(lambda: ask(admin_url, counted) == [(3,)])
            states = "SELECT state FROM genba.state_segment WHERE source = 'hand' ORDER BY started_at, seq"
            await until(lambda: ("RUNNING",) in ask(admin_url, states))

    asyncio.run(go())
    rows = "SELECT value, user_code, station FROM genba.manual_entry ORDER BY entered_at"
    assert ask(admin_url, rows) == [("on", "ito", "P1"), (100, "ito", "P1"), (103, "ito", "P1")]
    audited = "SELECT user_code, outcome FROM genba.audit WHERE operation = 'equipment:manual:enter' AND user_code = 'ito'"
    assert ask(admin_url, audited) == [("ito", "done")] * 3


def test_kept_over_an_outage_and_a_restart(database_url: str, admin_url: str, tmp_path: Path, expect_log: ExpectedLog) -> None:
    expect_log(r"source press is down")
    expect_log(r"database")
    give_site(admin_url, tmp_path, 9)

    async def go() -> None:
        async with several(database_url, tmp_path) as panels:
            station = await panels.start("P1", proxy=True)
            await until(lambda: station.database_up and is_there(station))
            await station.people.sign_in("ito", "4711")
            await station.do(enter_value, tag="Oven.Temperature", value="180.5")
            panels.proxies["P1"].down()
            await until(lambda: station.database_up is False)
            done = await station.do(enter_value, tag="Oven.Temperature", value="190.5")
            assert done.state == "waiting"
            assert shows(station, "Oven.Temperature", 190.5)
            await station.close()
            again = await panels.start("P1", proxy=True)
            await until(lambda: shows(again, "Oven.Temperature", 190.5))
            assert again.database_up is not True
            panels.proxies["P1"].back()
            await until(lambda: again.database_up and again.waiting == 0)

    asyncio.run(go())
    assert ask(admin_url, "SELECT value FROM genba.manual_entry ORDER BY entered_at") == [(180.5,), (190.5,)]


anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2))


@given(anything, st.sampled_from(TagType))
def test_whatever_is_entered_is_of_the_tags_type(value: object, kind: TagType) -> None:
    spec = TagSpec("t", "hand", "-", kind, valid_low=-10.0, valid_high=10.0)
    try:
        check_entry(spec, value)  # type: ignore[arg-type]
    except Invalid:
        return
    if kind in (TagType.BOOL, TagType.STRING):
        assert isinstance(value, bool if kind is TagType.BOOL else str)
    else:
        assert isinstance(value, int | float)
        assert -10 <= value <= 10


@given(st.text())
def test_any_text_is_one_value_or_refused(text: str) -> None:
    try:
        value = read_value(text)
    except Invalid:
        return
    assert isinstance(value, bool | int | float | str)
    assert json.loads(text) == value or value != value


def test_a_state_is_one_of_the_declared() -> None:
    spec = TagSpec("t", "hand", "-", TagType.INT16, role=TagRole.STATE, states={"1": "RUNNING"})
    check_entry(spec, 1)
    with pytest.raises(Invalid) as refusal:
        check_entry(spec, 2)
    assert refusal.value.code == "manual.unknown_state"
