"""What the screen says when machines, their controllers or their values go wrong, and what all of it costs."""

from __future__ import annotations

import math
import os
import re
import signal
import time
from collections import Counter
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from core.demo.taglist import BY_HAND, SERVED_BY
from core.errors import Language
from core.live.link import LinkState
from core.live.sample import Batch, Quality, Sample
from core.live.tags import TagRole
from core.words import word
from hmi import app
from hmi.panels import OpenLine, OpenTrend
from hmi.panels.lines.chip import LiveChip
from hmi.panels.lines.overview import LiveLineTile
from hmi.widgets.pen_cell import PenCell
from hmi.widgets.value_tile import ValueTile
from tests.conftest import ExpectedLog
from tests.hmi.screen import Plant, Screen, said

OPCUA, MODBUS = ("L1", "L3", "L6"), ("L2", "L4", "L5")
NO_NUMBER = "— —"


def state_of(screen: Screen, line: str) -> str:
    """The state the tile of a line shows."""
    return screen.lines.overview.tiles[line]._face.state


def detail(screen: Screen, line: str) -> None:
    """Open the detail of a line and wait for its tiles."""
    screen.window.go(OpenLine(line))
    screen.until("tiles", lambda: bool(screen.lines.detail.tiles) and screen.lines.detail.tiles[0].isVisible())
    screen.settle()


def face_of(one: ValueTile) -> Any:
    """Everything readable of a tile."""
    assert one._face is not None
    return one._face


def tile(screen: Screen, tag: str) -> ValueTile:
    """The live tile of ``tag`` on the detail in front."""
    view = screen.lines.detail
    view.pager.turn(-view.pager.page)
    for _ in range(view.pager.pages):
        for one in view.tiles:
            if one.spec.name == tag:
                return one
        view.pager.turn(1)
    raise AssertionError(f"{tag} has no tile")


# -- live --------------------------------------------------------------------------------------------------------------


def test_every_protocol_shows_values_younger_than_three_seconds(screen: Screen) -> None:
    for line in ("L1", "L2", "L6"):
        detail(screen, line)
        screen.until("values", lambda: all(one.sample.quality is not Quality.NEVER for one in screen.lines.detail.tiles))
        screen.turn(1.2)
        now = time.time()
        for one in screen.lines.detail.tiles:
            assert one.sample.quality.usable, one.sample
            assert now - one.sample.received_at < 3.0, one.sample
    shown = app.state(screen.window)
    assert {link["source"]: link["state"] for link in shown["links"]} == dict.fromkeys([*SERVED_BY, BY_HAND], "ONLINE")
    assert shown["tiles"]
    assert all(entry["age_s"] < 3.0 for entry in shown["tiles"])


def test_a_trend_gets_a_point_a_second(screen: Screen) -> None:
    tag = "L2.M2.HydraulicPressure"
    screen.window.go(OpenTrend((tag,)))
    assert screen.window.panel_id == "trends"

    def points() -> int:
        now = time.time()
        return sum(not math.isnan(low) for low in screen.station.recent.window(tag, now - 300, now, 600).low)

    before = points()
    screen.until("more points", lambda: points() > before)
    screen.until("the cell shows it", lambda: screen.trends._cells[0].isVisible() and bool(said(screen.trends._cells[0])))


# -- the controller dies -----------------------------------------------------------------------------------------------


def test_a_dead_controller_is_said_within_three_seconds_and_recovers_by_itself(
    screen: Screen, plant: Plant, expect_log: ExpectedLog
) -> None:
    expect_log(r"demo-modbus")
    screen.until("all lines known", lambda: not any(state_of(screen, line) == "OFFLINE" for line in OPCUA + MODBUS))
    plant.do("kill modbus")
    try:
        took = screen.until("Modbus lines OFFLINE", lambda: all(state_of(screen, line) == "OFFLINE" for line in MODBUS))
        assert took <= 3.0
        label = next(source.label["en"] for source in screen.station.site.sources if source.code == "demo-modbus")
        screen.until("the banner", lambda: label in screen.window.header.banner.strong)
        screen.until("the words", lambda: "no contact" in said(screen.window.header.banner))
        assert not any(state_of(screen, line) == "OFFLINE" for line in OPCUA), "the other lines live on"
        before = {spec: screen.bridge.sample(spec).received_at for spec in ("L1.M2.State", "L3.M3.State")}
        screen.until("OPC UA goes on", lambda: all(screen.bridge.sample(spec).received_at > at for spec, at in before.items()))
        detail(screen, "L2")
        for one in screen.lines.detail.tiles:
            assert one.sample.quality is Quality.OFFLINE
            assert face_of(one).number == NO_NUMBER, "a value without a link is not shown as if it were one"
            assert word("data.OFFLINE", "en") in said(one)
        assert screen.lines.detail.chip._shown == "OFFLINE"
    finally:
        plant.do("restart modbus")
    took = screen.until("recovered", lambda: all(link.state is LinkState.ONLINE for link in screen.station.links.values()))
    screen.until("values again", lambda: all(one.sample.quality.usable for one in screen.lines.detail.tiles))
    screen.until("no banner", lambda: "connected" in said(screen.window.header.banner))
    screen.lines.show_tab("overview")
    screen.until("no line OFFLINE", lambda: not any(state_of(screen, line) == "OFFLINE" for line in MODBUS))


def test_another_certificate_of_the_secured_controller_is_refused_until_the_first_one_is_back(
    screen: Screen, plant: Plant, expect_log: ExpectedLog
) -> None:
    expect_log(r"source demo-secure is down")
    tag = "L6.M1.CoolantPressure"
    screen.until("a value over the secured connection", lambda: screen.bridge.sample(tag).quality is Quality.GOOD)
    plant.do("certificate exchanged")
    try:
        refused = "driver.certificate_changed"
        screen.until("refused", lambda: screen.station.links["demo-secure"].error_code == refused)
        assert screen.bridge.sample(tag).quality is Quality.OFFLINE
        assert screen.bridge.sample("L6.M1.SpindleSpeed").quality is Quality.GOOD, "its other controller goes on"
    finally:
        plant.do("certificate first")
    screen.run(screen.station.machines._acquisition.retry("demo-secure"))
    screen.until("trusted as before", lambda: screen.bridge.sample(tag).quality is Quality.GOOD)


# -- values that are none ----------------------------------------------------------------------------------------------

PRESSURE = "L2.M2.HydraulicPressure"


def test_a_bad_value_is_a_word_and_not_a_number(screen: Screen, plant: Plant) -> None:
    detail(screen, "L2")
    with plant.fault(f"bad {PRESSURE}", f"clear {PRESSURE}"):
        screen.until("BAD", lambda: tile(screen, PRESSURE).sample.quality is Quality.BAD)
        face = face_of(tile(screen, PRESSURE))
        assert (face.number, max(face.filled, 0), face.glyph) == (NO_NUMBER, 0, "cross")
        assert word("data.BAD", "en") in face.foot[0]
    screen.until("good again", lambda: tile(screen, PRESSURE).sample.quality is Quality.GOOD)


@pytest.mark.parametrize(("language", "told"), [("ja", "未定義の状態"), ("en", "Unknown state")])
def test_a_state_outside_of_its_mapping_is_not_called_a_lost_link(screen: Screen, language: Language, told: str) -> None:
    one = screen.lines.overview.tiles["L1"]
    assert one.spec is not None
    now = time.time()
    one.show_sample(Sample(one.spec.name, 99, Quality.GOOD, "", now, now), now)
    assert (one._face.state, word(one._face.word_id, language)) == ("OFFLINE", told)


@pytest.mark.parametrize(("line", "garbage"), [("L1", "nan"), ("L1", "text"), ("L2", "nan")])
def test_garbage_is_never_shown_as_a_number(screen: Screen, plant: Plant, line: str, garbage: str) -> None:
    specs = [spec for spec in screen.station.site.tags if spec.role is TagRole.PROCESS and "FLOAT" in spec.type.name]
    tag = next(spec for spec in specs if spec.name.startswith(f"{line}."))
    detail(screen, line)
    shown: list[str] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() is QEvent.Type.Paint and isinstance(watched, ValueTile):
                shown.append(face_of(watched).number)
            return False

    one = tile(screen, tag.name)
    watch = Watch()
    with plant.fault(f"garbage {tag.name} --as {garbage}", f"clear {tag.name}"):
        screen.until("not usable", lambda: not one.sample.quality.usable)
        one.installEventFilter(watch)
        screen.turn(0.5)
        one.repaint()
        one.removeEventFilter(watch)
        assert shown
        assert set(shown) == {NO_NUMBER}
    screen.until("good again", lambda: one.sample.quality is Quality.GOOD)


def test_a_value_that_does_not_change_is_fresh_as_long_as_it_is_read(screen: Screen, plant: Plant) -> None:
    detail(screen, "L2")
    with plant.fault(f"freeze {PRESSURE}", f"unfreeze {PRESSURE}"):
        one = tile(screen, PRESSURE)
        before = one.sample
        screen.until("read again", lambda: one.sample.received_at > before.received_at)
        screen.until("the same value", lambda: one.sample.quality is Quality.GOOD)


def test_a_hung_source_is_marked_within_three_seconds_and_wakes_up(screen: Screen, plant: Plant, expect_log: ExpectedLog) -> None:
    """The connection stands and nothing comes: no keep-alive confirms what is on the screen."""
    expect_log(r"demo-opcua")
    detail(screen, "L1")
    one = screen.lines.detail.tiles[0]
    screen.until("a value", lambda: one.sample.quality is Quality.GOOD)
    server = plant.demo._ready["servers"]["opcua"]
    os.kill(server, signal.SIGSTOP)
    try:
        assert screen.until("marked", lambda: not one.sample.quality.usable) <= 3.0
        assert re.search(r"\d+ s ago", face_of(one).foot[0])
    finally:
        os.kill(server, signal.SIGCONT)
    screen.until("fresh again", lambda: one.sample.quality is Quality.GOOD)


def test_a_stale_value_stays_with_its_age_and_a_word(screen: Screen) -> None:
    detail(screen, "L1")
    one = screen.lines.detail.tiles[0]
    screen.until("a value", lambda: one.sample.quality is Quality.GOOD)
    screen.station.table.put(Batch(one.spec.source, time.time(), [one.spec.name], [None], [Quality.STALE], [None]))
    screen.until("STALE", lambda: one.sample.quality is Quality.STALE)
    assert face_of(one).number != NO_NUMBER
    assert face_of(one).glyph == "clock"
    assert re.search(r"Not updating · .*ago", face_of(one).foot[0])


# -- what it costs -----------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[QWidget]:
    """Widgets that were given a sample, in order."""
    found: list[QWidget] = []
    for kind in (ValueTile, LiveLineTile, LiveChip, PenCell):
        given = kind.show_sample

        def note(self: QWidget, sample: Sample, now: float, given: Any = given) -> None:
            found.append(self)
            given(self, sample, now)

        monkeypatch.setattr(kind, "show_sample", note)
    return found


def frame(screen: Screen, served: list[QWidget], changed: int) -> Counter[str]:
    """One frame in which ``changed`` tags have news; who was served, by kind."""
    tags = [spec.name for spec in screen.station.site.tags]
    tags += [f"other.{number}" for number in range(changed - len(tags))]
    table = screen.station.table
    table.take_changed()
    screen.bridge._frames = 0  # not the frame of the second in which every age is served
    table._changed.update(tags)
    served.clear()
    screen.bridge._tick()
    assert all(widget.isVisible() for widget in served)
    return Counter(type(widget).__name__ for widget in served)


def test_a_frame_serves_what_is_visible_and_nothing_else(screen: Screen, served: list[QWidget]) -> None:
    detail(screen, "L1")  # its tiles exist from here on
    screen.window.open_panel("trends")
    screen.settle()
    screen.until("pens", lambda: bool(screen.trends._cells) and screen.trends._cells[0].isVisible())
    assert frame(screen, served, 200) == {"PenCell": len(screen.trends._cells)}
    screen.window.open_panel("lines")
    screen.until("the detail", lambda: screen.lines.detail.isVisible())
    assert frame(screen, served, 200) == {"ValueTile": len(screen.lines.detail.tiles), "LiveChip": 1}
    screen.lines.show_tab("overview")
    assert frame(screen, served, 200) == {"LiveLineTile": 6}
    screen.window.open_panel("orders")
    assert frame(screen, served, 200) == {}


def test_hidden_panels_ask_nothing_and_show_the_present_when_they_come_back(screen: Screen, served: list[QWidget]) -> None:
    screen.window.open_panel("trends")
    screen.settle()
    updated = screen.lines.updated_at(), screen.orders.updated_at()
    for _ in range(3):
        screen.bridge.noticed.emit(frozenset({"order:1", "count_event:*"}))
        served.clear()
        screen.turn(0.5)
        assert {type(widget).__name__ for widget in served} <= {"PenCell"}
    assert (screen.lines.updated_at(), screen.orders.updated_at()) == updated
    served.clear()
    screen.window.open_panel("lines")
    screen.turn(0)
    assert Counter(type(widget).__name__ for widget in served)["LiveLineTile"] >= 6
    screen.until("a new answer", lambda: screen.lines.updated_at() != updated[0])
