"""Defects that other systems shipped around stops and calls, tried on real stations, doors and recorders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.equipment import calls, stops
from core.equipment.states import NO_LINK
from core.errors import Conflict, GenbaError
from core.store.operation import Actor, Operation
from tests.equipment.test_recorder import UNIT, Rig, flush, go, rig
from tests.store.rig import SESSION, TABLES, Station, ask

__all__ = ["rig"]

ALICE = Actor("alice", "アリス", frozenset({"operator"}), frozenset({"*"}), "ST1", SESSION)


@pytest.fixture
def stations(rig: Rig, database_url: str, tmp_path: Path) -> Iterator[tuple[Station, Station]]:
    """Two stations at one database in which somebody has signed in."""
    ask(rig.admin, TABLES)
    ask(rig.admin, "INSERT INTO genba_guard.role_permission VALUES ('operator', '*') ON CONFLICT DO NOTHING")
    (tmp_path / "other").mkdir()
    other = Station(database_url, tmp_path / "other")
    other.wait(True)
    yield rig.station, other
    other.close()


def at_once(*jobs: Callable[[], Any]) -> list[Any]:
    """What each job gives or raises, all of them begun in the same moment."""
    answers: list[Any] = [None] * len(jobs)
    together = threading.Barrier(len(jobs))

    def one(number: int, job: Callable[[], Any]) -> None:
        together.wait(60)
        try:
            answers[number] = job()
        except GenbaError as error:
            answers[number] = error

    threads = [threading.Thread(target=one, args=(number, job)) for number, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return answers


def press(station: Station, operation: Operation[Any, Any], **args: Any) -> Callable[[], Any]:
    return lambda: station.door.do(operation, ALICE, args).view


def shown(rig: Rig, station: Station) -> list[tuple[str, datetime, datetime | None, str]]:
    page = station.door.ask(stops.list_stops, ALICE, {"line_code": "L1", "gaps": True}).value
    return [(each.state.value, each.began_at, each.ended_at, each.parts[0].reason_code) for each in reversed(page.items)]


def test_a_stop_left_open_by_a_killed_recorder_attaches_to_no_later_stop(rig: Rig, stations: tuple[Station, Station]) -> None:
    """It was explained while it was open; the machine ran and stood again before anybody recorded it anew."""
    station, _ = stations

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        for value in (1, 2):
            rig.see("L1.M2.State", value)
            await flush(rig)
        first = shown(rig, station)[-1]
        assert first[2] is None
        station.door.do(stops.explain_stop, ALICE, {"work_unit_code": UNIT, "began_at": first[1], "reason_code": "D01"})
        rig.expire(renewed_ago_s=0)  # killed: it ended nothing and gave nothing back
        for recorder in rig.recorders:
            recorder.resign("PLC")
        assert shown(rig, station)[-1][2] is not None, "nobody sees the machine, so nobody says that it still stands"
        rig.see("L1.M2.State", 1)
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.State", 2)
        await flush(rig)

    go(scene())
    found = shown(rig, station)
    assert [(state, reason) for state, _, _, reason in found if state == "DOWN"] == [("DOWN", "D01"), ("DOWN", "")]
    left, right = (each for each in found if each[0] == "DOWN")
    assert left[2] is not None
    assert left[2] < right[1]
    rig.chain()


def test_two_people_who_explain_one_stop_in_the_same_second(rig: Rig, stations: tuple[Station, Station]) -> None:
    """One of them is booked; the other reads both reasons, and nothing of his is lost silently."""
    began = datetime.now(UTC) - timedelta(minutes=10)
    _segment(rig, "DOWN", began, began + timedelta(minutes=8))
    pressed = [
        press(station, stops.explain_stop, work_unit_code=UNIT, began_at=began, reason_code=reason, version=0)
        for station, reason in zip(stations, ("D01", "D15"), strict=True)
    ]
    answers = at_once(*pressed)
    (refused,) = [answer for answer in answers if isinstance(answer, Conflict)]
    (booked,) = [answer for answer in answers if not isinstance(answer, GenbaError)]
    mine = {"D01": "材料待ち", "D15": "設備故障"}[booked.parts[0].reason_code]
    theirs = {"D01": "設備故障", "D15": "材料待ち"}[booked.parts[0].reason_code]
    assert theirs in refused.lines("ja").what
    assert mine in refused.lines("ja").do
    assert rig.sql("SELECT count(*) FROM genba.stop_part") == [(1,)]


def test_escalation_files_one_ticket(rig: Rig, stations: tuple[Station, Station]) -> None:
    """Two stations call in the same moment, one of them with two taps; how far it has risen is the same at both."""
    one, other = stations
    rig.sql("INSERT INTO genba.call_rule (kind, respond_min) VALUES ('maintenance', '[0, 60]')")
    twice = uuid4()
    pressed = [
        press(station, calls.open_call, call_id=call_id, line_code="L1", kind="maintenance")
        for station, call_id in ((one, twice), (one, twice), (other, uuid4()))
    ]
    answers = at_once(*pressed)
    assert len({answer.id for answer in answers}) == 1
    seen = [station.door.ask(calls.list_calls, ALICE, {}).value for station in stations]
    assert [[(call.id, call.level) for call in each] for each in seen] == [[(answers[0].id, 1)]] * 2
    assert rig.sql("SELECT count(*) FROM genba.andon_call") == [(1,)]


def test_a_source_that_is_switched_off_tells_nothing_more(rig: Rig) -> None:
    """Its tags left the site file: no further fact, and its machines do not stay in their last state."""

    async def scene() -> None:
        rig.lead()
        await flush(rig)
        rig.see("L1.M2.State", 1)
        rig.see("L1.M2.Good", 5)
        await flush(rig)
        for recorder in rig.recorders:
            recorder.set_tags([])
        await flush(rig)
        before = (rig.segments(), rig.events())
        for value in (2, 1):
            rig.see("L1.M2.State", value)
            rig.see("L1.M2.Good", 5 + value)
            await flush(rig)
        assert (rig.segments(), rig.events()) == before
        ((state, _, _, ended),) = before[0]
        assert state == "RUNNING"
        assert ended is not None

    go(scene())


def test_no_data_is_neither_idle_nor_down(rig: Rig, stations: tuple[Station, Station]) -> None:
    """It asks nobody for a reason, is listed as a gap alone, and says itself why nothing is known."""
    began = datetime.now(UTC) - timedelta(minutes=60)
    _segment(rig, "OFFLINE", began, began + timedelta(minutes=30), NO_LINK)
    station, _ = stations
    assert station.door.ask(stops.open_stops, ALICE, {}).value == ()
    assert station.door.ask(stops.list_stops, ALICE, {"line_code": "L1"}).value.items == ()
    (gap,) = station.door.ask(stops.list_stops, ALICE, {"line_code": "L1", "gaps": True}).value.items
    assert (gap.state, gap.needs_reason, gap.parts[0].reason_code) == ("OFFLINE", False, "")


def test_reasons_stand_in_the_order_of_the_catalogue_in_every_language(rig: Rig, stations: tuple[Station, Station]) -> None:
    """Sorted by their English names they are in no order for whoever reads them in Japanese."""
    choices = stations[0].door.ask(stops.stop_choices, ALICE, {"work_unit_code": UNIT}).value
    catalogue = [code for (code,) in rig.sql("SELECT code FROM genba.stop_reason ORDER BY position")]
    assert [each.code for each in choices.reasons] == catalogue
    assert catalogue != [each.code for each in sorted(choices.reasons, key=lambda one: one.name["en"])]


def _segment(rig: Rig, state: str, began: datetime, ended: datetime, reason: str = "") -> None:
    rig.sql(
        "INSERT INTO genba.state_segment (id, work_unit_id, state, reason_code, started_at, ended_at, source, epoch, seq)"
        " SELECT gen_random_uuid(), w.id, %s, %s, %s, %s, 'PLC', 1, 1 FROM genba.work_unit w WHERE w.code = %s",
        state, reason, began, ended, UNIT,
    )  # fmt: skip
